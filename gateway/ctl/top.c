/* SPDX-License-Identifier: MIT */
/*
 * A live view: what the gateway does in a second, and its clients, those with
 * the fullest queue first, as many as the terminal has lines for. Without a
 * terminal it is one look, for a pipe.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "memory.h"
#include "show.h"

#define INTERVAL_MS 2000
#define HEAD_LINES 6

/* The alternate screen, and back; the cursor hidden, and shown. */
#define SCREEN_ON "\033[?1049h\033[?25l"
#define SCREEN_OFF "\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H\033[2J"

struct rates {
    double received, sent, up, down, at_s;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct rates rates_of(const cJSON *status)
{
    const cJSON *c = cJSON_GetObjectItemCaseSensitive(status, "counters");

    return (struct rates){show_number(c, "rx_datagrams"),
                          show_number(c, "tx_datagrams"),
                          show_number(c, "up_publishes"),
                          show_number(c, "down_delivered"), now_s()};
}

static void print_head(const cJSON *status, const struct rates *now,
                       const struct rates *before)
{
    const cJSON *link = cJSON_GetObjectItemCaseSensitive(status, "upstream");
    const cJSON *clients = cJSON_GetObjectItemCaseSensitive(status, "clients");
    const cJSON *queues = cJSON_GetObjectItemCaseSensitive(status, "queues");
    double s = now->at_s - before->at_s;
    char *name = table_safe(show_text(status, "name")), up[32];

    printf("%s  up %s  %s  broker %s\n", name,
           show_time(show_number(status, "uptime_s"), up),
           show_text(status, "mode"),
           show_is(link, "connected") ? show_text(link, "url")
                                      : show_text(link, "state"));
    printf("clients %.0f: %.0f active, %.0f asleep, %.0f awake, %.0f lost\n",
           show_number(clients, "total"), show_number(clients, "active"),
           show_number(clients, "asleep"), show_number(clients, "awake"),
           show_number(clients, "lost"));
    printf("queued %.0f messages for %.0f clients   to broker %.0f in flight, "
           "%.0f waiting\n",
           show_number(queues, "messages"), show_number(queues, "clients"),
           show_number(link, "in_flight"), show_number(link, "waiting"));
    if (before->at_s == 0 || s <= 0)
        puts("a second: -");
    else
        printf("a second: %.0f datagrams in, %.0f out; %.0f publishes up, "
               "%.0f messages down\n",
               (now->received - before->received) / s,
               (now->sent - before->sent) / s, (now->up - before->up) / s,
               (now->down - before->down) / s);
    putchar('\n');
    free(name);
}

/* The fullest queue first, then who was heard last. */
static int by_queue(const void *a, const void *b)
{
    const cJSON *one = *(cJSON *const *)a, *other = *(cJSON *const *)b;
    double difference = show_number(other, "queue_messages") -
                        show_number(one, "queue_messages");

    if (difference == 0)
        difference =
            show_number(one, "heard_s") - show_number(other, "heard_s");
    return difference < 0 ? -1 : difference > 0;
}

static void print_clients(const cJSON *rows, size_t lines, size_t width)
{
    size_t n = (size_t)cJSON_GetArraySize(rows), i = 0;
    const cJSON **sorted = ctl_malloc((n + 1) * sizeof(const cJSON *));
    const cJSON *row;
    struct table table;

    cJSON_ArrayForEach(row, rows) sorted[i++] = row;
    qsort(sorted, n, sizeof(const cJSON *), by_queue);
    show_clients_begin(&table);
    for (i = 0; i < n && (lines == 0 || i < lines); i++)
        show_clients_add(&table, sorted[i]);
    table_print(&table, lines, width, stdout);
    table_end(&table);
    free(sorted);
}

/* One look; its exit status. */
static int look(const struct ctl_call *call, struct rates *before, bool screen)
{
    struct winsize size = {0};
    cJSON *status = ctl_link_call(call->link, "status", NULL, NULL), *clients;
    int result = ctl_refusal(status);
    struct rates now;
    size_t lines = 0;

    if (result != EXIT_FINE) {
        cJSON_Delete(status);
        return result;
    }
    clients =
        ctl_all_pages(call->link, "clients", "clients", NULL, "", &result);
    if (clients == NULL) {
        cJSON_Delete(status);
        return result;
    }
    if (screen && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_row > HEAD_LINES)
        lines = size.ws_row - HEAD_LINES;
    now = rates_of(status);
    if (screen)
        fputs(SCREEN_HOME, stdout);
    print_head(status, &now, before);
    print_clients(cJSON_GetObjectItemCaseSensitive(clients, "clients"), lines,
                  size.ws_col);
    fflush(stdout);
    *before = now;
    cJSON_Delete(clients);
    cJSON_Delete(status);
    return EXIT_FINE;
}

/* True: somebody wants to leave. */
static bool wait_for_key(struct ctl_link *link)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = link->wake_fd, .events = POLLIN}};
    char key = 0;

    if (poll(fds, 2, INTERVAL_MS) <= 0)
        return false;
    link->woken = fds[1].revents != 0;
    return link->woken || read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' ||
           key == 'Q' || key == 3; /* Ctrl-C is a key here */
}

/* Looks until somebody leaves, a signal comes or the gateway goes. */
static int watch(const struct ctl_call *call)
{
    struct rates before = {0};
    int result;

    ctl_link_heed_signals(call->link);
    do
        result = look(call, &before, true);
    while (result == EXIT_FINE && !wait_for_key(call->link));
    return call->link->woken ? EXIT_FINE : result;
}

/* ---- the terminal ------------------------------------------------------ */

static struct termios old;
static bool is_taken;

static void give_back(void)
{
    if (!is_taken)
        return;
    is_taken = false;
    fputs(SCREEN_OFF, stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
    fflush(stderr);
}

/* Until give_back(), which comes at the latest at exit(). */
static void take(void)
{
    static char words[1024];
    struct termios raw = old;

    /* Why it ends is said while the other screen is on, and is to be read
     * afterwards: it waits for the flush. */
    setvbuf(stderr, words, _IOFBF, sizeof(words));
    atexit(give_back);
    is_taken = true;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs(SCREEN_ON, stdout);
}

int ctl_top(const struct ctl_call *call)
{
    struct rates before = {0};
    int result;

    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &old) != 0)
        return look(call, &before, false);
    take();
    result = watch(call);
    give_back();
    return result;
}
