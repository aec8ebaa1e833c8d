/* SPDX-License-Identifier: MIT */
/* Lines as entries of systemd's journal: a socket of ours stands for it. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "log_systemd.h"

static char directory[] = "/tmp/mqttsn-journal-XXXXXX";
static char path[sizeof(directory) + 8];
static int journal = -1;
/* Standard error: what one write(2) wrote is one datagram. */
static int ends[2] = {-1, -1};
static int saved_stderr;
static char text[4 * GW_LOG_LINE_MAX];

static void open_journal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    journal = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(journal >= 0);
    assert_int_equal(
        bind(journal, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void close_journal(void)
{
    close(journal);
    assert_int_equal(unlink(path), 0);
}

/* As systemd sets it for a service whose standard error is the journal. */
static void say_which_stream(int fd)
{
    char stream[64];
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
             (uintmax_t)st.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
}

static int begin(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);
    open_journal();
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(saved_stderr >= 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    say_which_stream(STDERR_FILENO);
    gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_STDERR);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    assert_false(gw_log_systemd_join(path));
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(ends[0]);
    close(ends[1]);
    close_journal();
    assert_int_equal(rmdir(directory), 0);
    return 0;
}

/* What was written last there, or "" when there was nothing. */
static const char *at(int fd)
{
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void an_entry_has_priority_and_fields(void **state)
{
    (void)state;
    assert_true(gw_log_systemd_join(path));
    gw_err("session", "takeover_refused", "client=%s address=%s seconds=%u",
           gw_log_text("n 7\""), "10.0.0.1:5", 3u);
    assert_string_equal(at(journal),
                        "MQTTSN_LEVEL=error\n"
                        "MQTTSN_AREA=session\n"
                        "MQTTSN_EVENT=takeover_refused\n"
                        "MQTTSN_CLIENT=n 7\\\"\n"
                        "MQTTSN_ADDRESS=10.0.0.1:5\n"
                        "MQTTSN_SECONDS=3\n"
                        "SYSLOG_IDENTIFIER=mqttsn-gateway\n"
                        "PRIORITY=3\n"
                        "MESSAGE=level=error area=session "
                        "event=takeover_refused client=\"n 7\\\"\" "
                        "address=10.0.0.1:5 seconds=3\n");
    assert_string_equal(at(ends[0]), "");
}

static void json_has_the_same_fields(void **state)
{
    (void)state;
    assert_true(gw_log_systemd_join(path));
    gw_log_configure(GW_LOG_INFO, GW_LOG_JSON, GW_LOG_STDERR);
    gw_info("daemon", "stopped", "after_ms=%u", 7u);
    assert_string_equal(at(journal),
                        "MQTTSN_LEVEL=info\n"
                        "MQTTSN_AREA=daemon\n"
                        "MQTTSN_EVENT=stopped\n"
                        "MQTTSN_AFTER_MS=7\n"
                        "SYSLOG_IDENTIFIER=mqttsn-gateway\n"
                        "PRIORITY=6\n"
                        "MESSAGE={\"level\":\"info\",\"area\":\"daemon\","
                        "\"event\":\"stopped\",\"after_ms\":7}\n");
}

static void levels_are_the_priorities_of_syslog(void **state)
{
    static const struct {
        enum gw_log_level level;
        const char *priority;
    } rows[] = {{GW_LOG_ERROR, "\nPRIORITY=3\n"},
                {GW_LOG_WARN, "\nPRIORITY=4\n"},
                {GW_LOG_INFO, "\nPRIORITY=6\n"},
                {GW_LOG_DEBUG, "\nPRIORITY=7\n"}};

    (void)state;
    assert_true(gw_log_systemd_join(path));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        gw_log_write(rows[i].level, "a", "b", NULL);
        assert_non_null(strstr(at(journal), rows[i].priority));
    }
}

static void no_value_begins_a_field_of_its_own(void **state)
{
    (void)state;
    assert_true(gw_log_systemd_join(path));
    gw_info("a", "b", "reason=\"one\ntwo\nPRIORITY=0\" c=1");
    assert_non_null(strstr(at(journal), "\nMQTTSN_REASON=one two PRIORITY=0\n"
                                        "MQTTSN_C=1\n"));
    assert_null(strstr(text, "\nPRIORITY=0"));
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
    static char longest[GW_LOG_LINE_MAX];

    (void)state;
    memset(longest, 'x', 3900);
    assert_true(gw_log_systemd_join(path));
    gw_info("a", "b", "one=%s two=%0200d", longest, 2);
    assert_non_null(strstr(at(journal), " cut=yes\n"));
    assert_non_null(strstr(text, "xxx\nMQTTSN_CUT=yes\n"));
    assert_null(strstr(text, "MQTTSN_TWO"));
    memset(longest, 'x', sizeof(longest) - 1);
    gw_info("a", "b", "c=1 one=%s", longest);
    assert_non_null(strstr(at(journal), "MQTTSN_C=1\nMQTTSN_CUT=yes\n"));
}

static void what_the_journal_does_not_take_is_written(void **state)
{
    (void)state;
    assert_true(gw_log_systemd_join(path));
    close_journal();
    gw_info("a", "b", "c=1");
    assert_string_equal(at(ends[0]), "level=info area=a event=b c=1\n");
    open_journal(); /* as when it was started again */
    gw_info("a", "b", "c=2");
    assert_string_equal(at(ends[0]), "");
    assert_non_null(
        strstr(at(journal), "MESSAGE=level=info area=a event=b c=2\n"));
}

static void it_is_joined_only_when_it_is_standard_error(void **state)
{
    char too_long[200];

    (void)state;
    say_which_stream(ends[0]);
    assert_false(gw_log_systemd_join(path));
    gw_info("a", "b", NULL);
    assert_string_equal(at(ends[0]), "level=info area=a event=b\n");
    assert_string_equal(at(journal), "");

    unsetenv("JOURNAL_STREAM");
    assert_false(gw_log_systemd_join(path));

    say_which_stream(STDERR_FILENO);
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    assert_false(gw_log_systemd_join(too_long));
}

static void syslog_is_what_was_asked_for(void **state)
{
    (void)state;
    assert_true(gw_log_systemd_join(path));
    gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_SYSLOG);
    gw_info("a", "b", NULL);
    assert_string_equal(at(journal), "");
    gw_log_configure(GW_LOG_INFO, GW_LOG_TEXT, GW_LOG_STDERR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_has_priority_and_fields),
        TEST(json_has_the_same_fields),
        TEST(levels_are_the_priorities_of_syslog),
        TEST(no_value_begins_a_field_of_its_own),
        TEST(what_does_not_fit_is_left_out_whole),
        TEST(what_the_journal_does_not_take_is_written),
        TEST(it_is_joined_only_when_it_is_standard_error),
        TEST(syslog_is_what_was_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
