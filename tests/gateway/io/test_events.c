/* SPDX-License-Identifier: MIT */
#include "io/events.h"

#include "check.h"

static struct gw_note note(enum gw_note_kind kind)
{
    struct gw_note n = {.kind = kind, .value = 300, .client_id_len = 2};

    memcpy(n.client_id, "n7", 2);
    return n;
}

static void the_oldest_gives_way(void **unused)
{
    static struct gw_events events;
    enum { MINUTES = 10, EACH = GW_EVENTS_MAX / 4 };
    struct gw_note n = note(GW_NOTE_CONNECTED);
    const struct gw_event *event;
    uint64_t seen = 0;

    (void)unused;
    assert_null(gw_events_after(&events, 0));
    for (unsigned minute = 0; minute < MINUTES; minute++)
        for (unsigned i = 0; i < EACH; i++)
            gw_events_note(&events, &n, minute * 60000u + i);
    assert_int_equal(events.count, MINUTES * EACH);

    event = gw_events_after(&events, 0);
    assert_non_null(event);
    assert_int_equal(event->number, MINUTES * EACH - GW_EVENTS_MAX + 1);
    for (uint64_t at = 0; (event = gw_events_after(&events, at)) != NULL;
         at = event->number)
        seen++;
    assert_int_equal(seen, GW_EVENTS_MAX);

    /* A number of another process is none of ours. */
    event = gw_events_after(&events, 1000000);
    assert_non_null(event);
    assert_int_equal(event->number, MINUTES * EACH - GW_EVENTS_MAX + 1);
}

static void one_kind_has_a_share(void **unused)
{
    static struct gw_events events;
    struct gw_note flood = note(GW_NOTE_CONNECT_REFUSED);
    const struct gw_event *last;

    (void)unused;
    gw_events_say(&events, GW_EVENT_UPSTREAM_LOST, 1);
    for (unsigned i = 0; i < 10000; i++)
        gw_events_note(&events, &flood, 1 + i);
    assert_true(events.count <= 1 + GW_EVENTS_MAX / 2);
    assert_string_equal(gw_events_after(&events, 0)->name, "upstream_lost");

    gw_events_note(&events, &flood, 200000);
    last = gw_events_after(&events, events.count - 1);
    assert_non_null(last);
    assert_int_equal(last->suppressed, 10000 - GW_EVENTS_MAX / 4);
}

static void what_only_a_debugger_wants_is_none(void **unused)
{
    static struct gw_events events;
    struct gw_note awake = note(GW_NOTE_AWAKE), asleep = note(GW_NOTE_ASLEEP);
    struct gw_note none = note((enum gw_note_kind)GW_NOTE_COUNT);
    const struct gw_event *event;

    (void)unused;
    gw_events_note(&events, &awake, 1);
    gw_events_note(&events, &none, 1);
    assert_int_equal(events.count, 0);
    gw_events_note(&events, &asleep, 5);
    event = gw_events_after(&events, 0);
    assert_non_null(event);
    assert_string_equal(event->name, "asleep");
    assert_string_equal(event->value_name, "duration_s");
    assert_int_equal(event->level, GW_LOG_INFO);
    assert_int_equal(event->at, 5);
    assert_int_equal(event->note.value, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(one_kind_has_a_share),
        cmocka_unit_test(what_only_a_debugger_wants_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
