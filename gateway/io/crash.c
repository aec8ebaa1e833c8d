/* SPDX-License-Identifier: MIT */
#include "crash.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "log.h"
#include "log_systemd.h"
#include "version.h"

#define STACK_OCTETS (64 * 1024)
#define BUILD_ID_OCTETS_MAX 32

static const struct {
    int number;
    const char *name;
} fatal[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
    {SIGFPE, "SIGFPE"},   {SIGABRT, "SIGABRT"},
};
#define FATAL_COUNT (sizeof(fatal) / sizeof(fatal[0]))

static struct sigaction before[FATAL_COUNT];

/* The program in memory, as the loader placed it. */
static struct {
    uintptr_t base, begin, end;
    char build_id[2 * BUILD_ID_OCTETS_MAX + 1];
} program;

static struct {
    void (*say)(void *user);
    void *user;
} state;

/* ---- lines ---- */

static void put(struct gw_crash_line *line, const char *text)
{
    size_t len = strlen(text);

    if (len > sizeof(line->text) - 2 - line->len)
        return;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

/* A whole field or nothing. 'quote' is for JSON; in text nothing needs it. */
static void put_field(struct gw_crash_line *line, const char *key,
                      const char *value, bool quote)
{
    size_t len = strlen(key) + strlen(value) + 6;

    if (len > sizeof(line->text) - 2 - line->len)
        return;
    if (line->len > line->head)
        put(line, line->json ? "," : " ");
    put(line, line->json ? "\"" : "");
    put(line, key);
    put(line, line->json ? "\":" : "=");
    put(line, line->json && quote ? "\"" : "");
    put(line, value);
    put(line, line->json && quote ? "\"" : "");
}

/* Returns where in 'buf' the digits begin. */
static const char *digits_of(uint64_t number, unsigned base, char buf[24])
{
    size_t at = 23;

    buf[at] = '\0';
    do
        buf[--at] = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    return buf + at;
}

void gw_crash_word(struct gw_crash_line *line, const char *key,
                   const char *word)
{
    put_field(line, key, word, true);
}

void gw_crash_number(struct gw_crash_line *line, const char *key,
                     uint64_t number)
{
    char buf[24];

    put_field(line, key, digits_of(number, 10, buf), false);
}

void gw_crash_hex(struct gw_crash_line *line, const char *key, uint64_t number)
{
    char buf[24], word[28] = "0x";

    strcat(word, digits_of(number, 16, buf));
    put_field(line, key, word, true);
}

void gw_crash_begin(struct gw_crash_line *line, const char *event)
{
    line->len = 0;
    line->json = gw_log_format_in_force() == GW_LOG_JSON;
    /* As text the journal takes it, too; so it is told how bad it is. */
    put(line, gw_log_systemd_joined() ? "<3>" : "");
    put(line, line->json ? "{" : "");
    line->head = line->len;
    gw_crash_word(line, "level", "error");
    gw_crash_word(line, "area", "daemon");
    gw_crash_word(line, "event", event);
}

void gw_crash_end(struct gw_crash_line *line)
{
    size_t done = 0;

    /* put() has left room for these. */
    if (line->json)
        line->text[line->len++] = '}';
    line->text[line->len++] = '\n';
    while (done < line->len) {
        ssize_t rc = write(STDERR_FILENO, line->text + done, line->len - done);

        if (rc < 0 && errno != EINTR)
            return; /* nobody is left to tell */
        done += rc > 0 ? (size_t)rc : 0;
    }
}

/* ---- the program ---- */

static void take_build_id(const uint8_t *note, size_t len)
{
    const ElfW(Nhdr) * head;
    size_t name, octets;

    for (; len >= sizeof(*head); note += name + octets, len -= name + octets) {
        const uint8_t *id;

        head = (const void *)note;
        note += sizeof(*head);
        len -= sizeof(*head);
        name = (head->n_namesz + 3u) & ~(size_t)3;
        octets = (head->n_descsz + 3u) & ~(size_t)3;
        if (name > len || octets > len - name)
            return;
        id = note + name;
        if (head->n_type != NT_GNU_BUILD_ID || head->n_namesz != 4 ||
            memcmp(note, "GNU", 4) != 0 || head->n_descsz > BUILD_ID_OCTETS_MAX)
            continue;
        for (size_t i = 0; i < head->n_descsz; i++) {
            program.build_id[2 * i] = "0123456789abcdef"[id[i] >> 4];
            program.build_id[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
        }
    }
}

/* Called for the program first, then for libraries. */
static int look_at(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size;
    (void)user;
    program.base = info->dlpi_addr;
    program.begin = UINTPTR_MAX;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_NOTE)
            take_build_id((const uint8_t *)begin, segment->p_memsz);
        if (segment->p_type != PT_LOAD)
            continue;
        if (begin < program.begin)
            program.begin = begin;
        if (begin + segment->p_memsz > program.end)
            program.end = begin + segment->p_memsz;
    }
    return 1;
}

static void know_program(void)
{
    if (program.end == 0)
        dl_iterate_phdr(look_at, NULL);
}

const char *gw_crash_build_id(void)
{
    know_program();
    return program.build_id[0] != '\0' ? program.build_id : "none";
}

/* ---- the signal ---- */

/* Where it happened; 0 on a processor that we do not know. */
static uintptr_t place_of(const void *context)
{
#if defined(__x86_64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__) || defined(__mips__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#elif defined(__arm__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.arm_pc;
#else
    (void)context;
    return 0;
#endif
}

static void say_crash(const char *name, const siginfo_t *info,
                      const void *context)
{
    uintptr_t at = place_of(context);
    struct gw_crash_line line;

    gw_crash_begin(&line, "crashed");
    gw_crash_word(&line, "signal", name);
    /* Sent by somebody, or come from what the program did. */
    if (info->si_code == SI_USER || info->si_code == SI_QUEUE)
        gw_crash_number(&line, "from_pid", (uint64_t)info->si_pid);
    else if (info->si_code > 0)
        gw_crash_hex(&line, "address", (uintptr_t)info->si_addr);
    if (at >= program.begin && at < program.end)
        gw_crash_hex(&line, "at", at - program.base);
    else if (at != 0)
        gw_crash_word(&line, "at", "library");
    gw_crash_word(&line, "version", gw_version());
    gw_crash_word(&line, "build_id", gw_crash_build_id());
    gw_crash_end(&line);
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT;

    /* Another thread is at it, and will end the process. */
    while (atomic_flag_test_and_set(&busy))
        pause();
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        if (fatal[i].number != number)
            continue;
        say_crash(fatal[i].name, info, context);
        if (state.say != NULL)
            state.say(state.user);
        (void)sigaction(number, &before[i], NULL);
    }
    /* It is blocked until we return, and does then what it would have done. */
    (void)raise(number);
}

void gw_crash_install(void)
{
    struct sigaction action = {.sa_sigaction = on_fatal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static char octets[STACK_OCTETS];
    /* A stack that is used up can tell nothing. */
    const stack_t stack = {.ss_sp = octets, .ss_size = sizeof(octets)};

    know_program();
    (void)sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    /* One that comes meanwhile, from our own hand, ends the process at once. */
    for (size_t i = 0; i < FATAL_COUNT; i++)
        sigaddset(&action.sa_mask, fatal[i].number);
    for (size_t i = 0; i < FATAL_COUNT; i++)
        (void)sigaction(fatal[i].number, &action, &before[i]);
}

void gw_crash_set_state(void (*say)(void *user), void *user)
{
    state.say = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    state.user = user;
    atomic_signal_fence(memory_order_seq_cst);
    state.say = say;
}
