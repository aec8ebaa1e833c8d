/* SPDX-License-Identifier: MIT */
/* Frames that are told to who asked for a trace. */
#include "ctl_rig.h"

#include <stdlib.h>
#include <unistd.h>

static void frames_are_told_to_who_wants_them(void **state)
{
    int one, other;

    (void)state;
    start(GW_CTL_IDLE_MS);
    assert_false(gw_ctl_traces(rig.ctl));
    assert_false(gw_ctl_traces(NULL));
    assert_false(gw_ctl_traces_client(NULL, mqttsn_span_text("n1")));
    one = join();
    other = join();
    say(one, "trace/n1\n");
    assert_hears(one, "{\"n1\"}");
    say(other, "trace/n2\n");
    assert_hears(other, "{\"n2\"}");
    assert_true(gw_ctl_traces(rig.ctl));
    assert_true(gw_ctl_traces_client(rig.ctl, mqttsn_span_text("n2")));
    assert_false(gw_ctl_traces_client(rig.ctl, mqttsn_span_text("n")));

    gw_ctl_tell(rig.ctl, mqttsn_span_text("n2"), mqttsn_span_text("{2}"));
    gw_ctl_tell(rig.ctl, mqttsn_span_text("n1"), mqttsn_span_text("{1}"));
    assert_hears(one, "{1}");
    assert_hears(other, "{2}");

    CASE("off ends all of them");
    say(one, "off\n");
    assert_hears(one, "{\"trace\":\"off\"}");
    assert_hears(one, "{\"\"}");
    assert_hears(other, "{\"trace\":\"off\"}");
    assert_false(gw_ctl_traces(rig.ctl));

    CASE("so does leaving");
    say(one, "trace/n1\n");
    assert_hears(one, "{\"n1\"}");
    close(one);
    for (unsigned n = 0; n < TURNS && gw_ctl_traces(rig.ctl); n++)
        turn();
    assert_false(gw_ctl_traces(rig.ctl));
    close(other);
}

static void who_reads_too_slowly_misses_frames(void **state)
{
    enum { FRAMES = 20000 };
    char line[256];
    unsigned heard = 0, missed = 0;
    int fd;

    (void)state;
    start(GW_CTL_IDLE_MS);
    fd = join();
    say(fd, "trace/n1\n");
    assert_hears(fd, "{\"n1\"}");
    memset(line, 'x', 100);
    for (unsigned i = 0; i < FRAMES; i++)
        gw_ctl_tell(rig.ctl, mqttsn_span_text("n1"), mqttsn_span(line, 100));
    /* It reads what there is, and then there is room for one more. */
    while (missed == 0 && heard <= FRAMES) {
        if (hear(fd, line, sizeof(line)) < 100)
            missed = (unsigned)strtoul(line + strlen("{\"missed\":"), NULL, 10);
        else
            heard++;
        memset(line, 'x', 100);
        gw_ctl_tell(rig.ctl, mqttsn_span_text("n1"), mqttsn_span(line, 100));
    }
    assert_true(missed > 0);
    assert_true(heard < FRAMES);
    close(fd);
}

static void a_line_that_is_too_long_is_missed_too(void **state)
{
    const struct mqttsn_span n1 = mqttsn_span_text("n1");
    static char line[4096];
    int fd;

    (void)state;
    start(GW_CTL_IDLE_MS);
    fd = join();
    say(fd, "trace/n1\n");
    assert_hears(fd, "{\"n1\"}");
    memset(line, 'x', sizeof(line));
    gw_ctl_tell(rig.ctl, n1, mqttsn_span(line, sizeof(line)));
    gw_ctl_tell(rig.ctl, n1, mqttsn_span("", 0)); /* it was none already */
    gw_ctl_tell(rig.ctl, mqttsn_span_text("n2"), mqttsn_span("", 0));
    gw_ctl_tell(rig.ctl, n1, mqttsn_span_text("{1}"));
    assert_hears(fd, "{\"missed\":2}");
    assert_hears(fd, "{1}");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(frames_are_told_to_who_wants_them),
        WITH_RIG(who_reads_too_slowly_misses_frames),
        WITH_RIG(a_line_that_is_too_long_is_missed_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
