/* SPDX-License-Identifier: MIT */
#include "io/percent.h"

#include "check.h"

static void octets_are_decoded_in_their_place(void **state)
{
    static const struct {
        const char *text;
        bool plus, good;
        const char *becomes;
    } rows[] = {
        {"", false, true, ""},
        {"plain", false, true, "plain"},
        {"a%20b%2fC%C3%a4", false, true, "a b/C\xc3\xa4"},
        {"%25%32%30", false, true, "%20"},
        {"a+b%2b", false, true, "a+b+"},
        {"a+b%2b", true, true, "a b+"},
        {"%", false, false, ""},
        {"a%4", false, false, ""},
        {"%g0", false, false, ""},
        {"%0G", false, false, ""},
        {"%%41", false, false, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[32];
        size_t len = strlen(rows[i].text);

        CASE(rows[i].text);
        /* Digits behind the end are none of it. */
        snprintf(text, sizeof(text), "%s41", rows[i].text);
        assert_int_equal(gw_percent_decode(text, &len, rows[i].plus),
                         rows[i].good);
        if (!rows[i].good)
            continue;
        assert_int_equal(len, strlen(rows[i].becomes));
        assert_memory_equal(text, rows[i].becomes, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_are_decoded_in_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
