/* SPDX-License-Identifier: MIT */
#include "io/notes.h"

#include <unistd.h>

#include "check.h"

/* What is written on standard error while it is caught. */
static char caught[65536];
static int real_stderr;
static FILE *sink;

static void catch_lines(void)
{
    sink = tmpfile();
    assert_non_null(sink);
    real_stderr = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(sink), STDERR_FILENO), STDERR_FILENO);
}

/* Returns how many lines there were. */
static size_t caught_lines(void)
{
    size_t len, lines = 0;

    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    rewind(sink);
    len = fread(caught, 1, sizeof(caught) - 1, sink);
    fclose(sink);
    caught[len] = '\0';
    for (const char *at = caught; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return lines;
}

static struct gw_note note(enum gw_note_kind kind)
{
    struct gw_note n = {.kind = kind, .value = 300, .client_id_len = 2};

    memcpy(n.client_id, "n7", 2);
    n.addr = (struct gw_addr){.family = 4, .ip = {192, 0, 2, 9}, .port = 1883};
    return n;
}

static void a_note_is_one_line_with_what_it_has(void **unused)
{
    static struct gw_notes notes;
    struct gw_note n = note(GW_NOTE_ASLEEP), drop = note(GW_NOTE_QUEUE_DROP);

    (void)unused;
    drop.reason = "queue full";
    drop.topic_len = 5;
    memcpy(drop.topic, "a b/c", 5);
    drop.addr.family = 0;

    catch_lines();
    gw_notes_log(&notes, &n, 0);
    gw_notes_log(&notes, &drop, 0);
    assert_int_equal(caught_lines(), 2);

    assert_string_equal(caught,
                        "level=info area=sleep event=asleep client=n7 "
                        "address=192.0.2.9:1883 duration_s=300\n"
                        "level=warn area=queue event=queue_drop client=n7 "
                        "topic=\"a b/c\" queued=300 reason=\"queue full\"\n");
}

static void every_kind_has_its_event_and_its_level(void **unused)
{
    static const char *const lines[] = {
#define ROW(name, event, level) "level=" #level " ", " event=" event " ",
        GW_NOTE_MAP(ROW)
#undef ROW
    };
    static struct gw_notes notes;

    (void)unused;
    gw_log_configure(GW_LOG_DEBUG, GW_LOG_TEXT, GW_LOG_STDERR);
    for (int kind = 0; kind < GW_NOTE_COUNT; kind++) {
        struct gw_note n = note((enum gw_note_kind)kind);

        CASE(lines[2 * kind + 1]);
        catch_lines();
        gw_notes_log(&notes, &n, 0);
        assert_int_equal(caught_lines(), 1);
        assert_int_equal(
            strncasecmp(caught, lines[2 * kind], strlen(lines[2 * kind])), 0);
        assert_non_null(strstr(caught, lines[2 * kind + 1]));
        assert_null(strstr(caught, "area=(null)"));
    }
    gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_STDERR);
}

/* D11: a stranger can cause any number of notes, but not of lines. */
static void a_flood_of_notes_is_a_bounded_number_of_lines(void **unused)
{
    static struct gw_notes notes;
    struct gw_note n = note(GW_NOTE_CONNECT_REFUSED);
    struct gw_note other = note(GW_NOTE_LOST);
    size_t lines;

    (void)unused;
    catch_lines();
    for (unsigned i = 0; i < 10000; i++)
        gw_notes_log(&notes, &n, i);
    lines = caught_lines();
    assert_in_range(lines, 1, 200);

    catch_lines();
    gw_notes_log(&notes, &other, 10000);
    assert_int_equal(caught_lines(), 1);

    char held[64];

    snprintf(held, sizeof(held), " suppressed=%zu\n", 10000 - lines);
    catch_lines();
    gw_notes_log(&notes, &n, 200000);
    assert_int_equal(caught_lines(), 1);
    assert_non_null(strstr(caught, held));
}

static void a_level_that_is_off_costs_no_line_and_no_allowance(void **unused)
{
    static struct gw_notes notes;
    struct gw_note n = note(GW_NOTE_AWAKE);

    (void)unused;
    catch_lines();
    for (unsigned i = 0; i < 1000; i++)
        gw_notes_log(&notes, &n, 0);
    assert_int_equal(caught_lines(), 0);
    assert_int_equal(notes.limit[GW_NOTE_AWAKE].written, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_one_line_with_what_it_has),
        cmocka_unit_test(every_kind_has_its_event_and_its_level),
        cmocka_unit_test(a_flood_of_notes_is_a_bounded_number_of_lines),
        cmocka_unit_test(a_level_that_is_off_costs_no_line_and_no_allowance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
