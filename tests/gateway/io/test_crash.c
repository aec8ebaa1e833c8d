/* SPDX-License-Identifier: MIT */
/* Last words: a child breaks, and what it wrote and how it ended is looked
 * at. */
#include "check.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"
#include "log_systemd.h"
#include "version.h"

static char said[16384];

static void say_state(void *user)
{
    struct gw_crash_line line;

    gw_crash_begin(&line, "crash_state");
    gw_crash_number(&line, "sessions", *(const uint64_t *)user);
    gw_crash_end(&line);
}

static void default_actions(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

    /* A sanitizer's own would report a fault of the test. */
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        signal(numbers[i], SIG_DFL);
}

/* Runs 'breaks' in a child with what is tested; the status of its end. */
static int run(enum gw_log_format format, void (*breaks)(void))
{
    static uint64_t sessions = 7;
    const struct rlimit no_core = {0};
    int pipes[2], status;
    size_t len = 0;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        default_actions();
        gw_log_configure(GW_LOG_INFO, format, GW_LOG_STDERR);
        gw_crash_install();
        gw_crash_set_state(say_state, &sessions);
        breaks();
        _exit(99);
    }
    close(pipes[1]);
    while ((got = read(pipes[0], said + len, sizeof(said) - 1 - len)) > 0)
        len += (size_t)got;
    said[len] = '\0';
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void mentions(const char *text)
{
    if (strstr(said, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, said);
}

static volatile char *page;

static void touch_what_may_not_be(void)
{
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[16] = 1;
}

static void give_up(void)
{
    abort();
}

static void be_sent_one(void)
{
    kill(getpid(), SIGBUS);
}

static void give_up_in_the_journal(void)
{
    char stream[48];
    struct stat st;

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
             (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_true(gw_log_systemd_join("/nowhere"));
    abort();
}

static void break_twice(void)
{
    /* The state cannot be read any more. */
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    gw_crash_set_state(say_state, (void *)(uintptr_t)page);
    abort();
}

static void dies_of(int status, int number)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != number)
        fail_msg("status %x, wanted signal %d; it said:\n%s", (unsigned)status,
                 number, said);
}

static void a_fault_is_described_and_is_fatal(void **unused)
{
    char text[160];

    (void)unused;
    dies_of(run(GW_LOG_TEXT, touch_what_may_not_be), SIGSEGV);
    mentions("level=error area=daemon event=crashed signal=SIGSEGV "
             "address=0x");
    mentions("010 at=0x"); /* the 16th octet of a page */
    snprintf(text, sizeof(text), " version=%s build_id=%s\n", gw_version(),
             gw_crash_build_id());
    mentions(text);
    mentions("\nlevel=error area=daemon event=crash_state sessions=7\n");
}

static void abort_is_one_too(void **unused)
{
    (void)unused;
    dies_of(run(GW_LOG_TEXT, give_up), SIGABRT);
    mentions("event=crashed signal=SIGABRT ");
    mentions("event=crash_state sessions=7\n");
}

static void who_sent_it_is_named(void **unused)
{
    (void)unused;
    dies_of(run(GW_LOG_TEXT, be_sent_one), SIGBUS);
    mentions("event=crashed signal=SIGBUS from_pid=");
}

static void json_is_json(void **unused)
{
    (void)unused;
    dies_of(run(GW_LOG_JSON, give_up), SIGABRT);
    mentions("{\"level\":\"error\",\"area\":\"daemon\",\"event\":\"crashed\","
             "\"signal\":\"SIGABRT\",");
    mentions("\n{\"level\":\"error\",\"area\":\"daemon\","
             "\"event\":\"crash_state\",\"sessions\":7}\n");
}

static void the_journal_is_told_that_it_is_an_error(void **unused)
{
    (void)unused;
    dies_of(run(GW_LOG_TEXT, give_up_in_the_journal), SIGABRT);
    mentions("<3>level=error area=daemon event=crashed ");
    mentions("\n<3>level=error area=daemon event=crash_state ");
    dies_of(run(GW_LOG_JSON, give_up_in_the_journal), SIGABRT);
    mentions("<3>{\"level\":\"error\",");
}

static void what_breaks_on_the_way_ends_it(void **unused)
{
    (void)unused;
    dies_of(run(GW_LOG_TEXT, break_twice), SIGSEGV);
    mentions("event=crashed signal=SIGABRT ");
}

static void what_does_not_fit_is_left_out_whole(void **unused)
{
    struct gw_crash_line line;

    (void)unused;
    gw_crash_begin(&line, "full");
    for (int i = 0; i < 1000; i++)
        gw_crash_number(&line, "number", UINT64_MAX);
    assert_true(line.len <= sizeof(line.text) - 2);
    assert_memory_equal(line.text + line.len - 8, "09551615", 8);
    gw_crash_hex(&line, "x", 0);
    assert_memory_equal(line.text + line.len - 6, " x=0x0", 6);
}

static void a_build_has_an_id(void **unused)
{
    (void)unused;
    assert_int_equal(strlen(gw_crash_build_id()), 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_described_and_is_fatal),
        cmocka_unit_test(abort_is_one_too),
        cmocka_unit_test(who_sent_it_is_named),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(the_journal_is_told_that_it_is_an_error),
        cmocka_unit_test(what_breaks_on_the_way_ends_it),
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(a_build_has_an_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
