/* SPDX-License-Identifier: MIT */
#include "mqttsn/status.h"

#include "check.h"

static void every_status_has_a_text_of_its_own(void **unused)
{
    enum { FIRST = MQTTSN_OK, LAST = MQTTSN_EIO };

    (void)unused;
    for (int i = FIRST; i <= LAST; i++) {
        const char *text = mqttsn_status_text((enum mqttsn_status)i);

        assert_string_not_equal(text, "unknown");
        assert_string_not_equal(text, "");
        for (int other = FIRST; other < i; other++)
            assert_string_not_equal(
                text, mqttsn_status_text((enum mqttsn_status)other));
    }
}

static void ok_is_zero_and_says_so(void **unused)
{
    (void)unused;
    assert_int_equal(MQTTSN_OK, 0);
    assert_string_equal(mqttsn_status_text(MQTTSN_OK), "ok");
    assert_string_equal(mqttsn_status_text(MQTTSN_ETYPE),
                        "the message type is reserved");
}

static void a_value_that_is_no_status_is_unknown(void **unused)
{
    (void)unused;
    assert_string_equal(
        mqttsn_status_text((enum mqttsn_status)(MQTTSN_EIO + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_text_of_its_own),
        cmocka_unit_test(ok_is_zero_and_says_so),
        cmocka_unit_test(a_value_that_is_no_status_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
