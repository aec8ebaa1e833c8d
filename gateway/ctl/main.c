/* SPDX-License-Identifier: MIT */
/*
 * mqttsn-ctl - looks at a running gateway, and steers it, over its control
 * socket. Tables for people, JSON for scripts.
 */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "memory.h"
#include "show.h"

#define DEFAULT_PATH "/run/mqttsn-gateway/ctl.sock"
#define PAGE "500"

static void usage(FILE *out)
{
    fputs(
        "Usage: mqttsn-ctl [OPTION]... COMMAND [ARGUMENT]\n"
        "Looks at a running MQTT-SN gateway, and steers it.\n"
        "\n"
        "  status             the gateway as a whole\n"
        "  clients            all clients; with --state only those in it\n"
        "  client ID          one client, with its topics, subscriptions, "
        "queue\n"
        "  queue ID           what waits for a client\n"
        "  topics [ID]        topic ids, of all clients or of one\n"
        "  subscriptions [ID] the same of subscriptions\n"
        "  upstream           connections to the broker\n"
        "  events             what happened lately\n"
        "  top                a live view; q ends it\n"
        "  trace ID           each frame of a client as it passes; Ctrl-C ends "
        "it\n"
        "  trace off          ends every trace that somebody has running\n"
        "  kick ID            end a client's connection, as if it had broken\n"
        "  purge ID           drop what waits for a client\n"
        "  reload             read the configuration again\n"
        "  log [LEVEL]        show or set the log level, until the next "
        "reload\n"
        "\n"
        "  -s, --socket PATH  the gateway's [ctl] path; else MQTTSN_CTL_PATH "
        "of\n"
        "                     the environment, else\n"
        "                     " DEFAULT_PATH "\n"
        "      --state STATE  active, asleep, awake, connecting, lost or\n"
        "                     disconnected\n"
        "      --json         answers as JSON, see docs/api.md\n"
        "      --version      write the version\n"
        "      --help         write this text\n"
        "\n"
        "Exit status: 0 done; 1 the gateway refused; 2 wrong command line; 3 "
        "no\n"
        "gateway could be reached, or it has gone.\n",
        out);
}

/* ---- answers ----------------------------------------------------------- */

int ctl_refusal(const cJSON *answer)
{
    char *safe;

    if (answer == NULL)
        return EXIT_UNREACHABLE;
    if (show_text(answer, "error")[0] == '\0')
        return EXIT_FINE;
    safe = table_safe(show_text(answer, "error"));
    fprintf(stderr, "mqttsn-ctl: %s\n", safe);
    free(safe);
    return strcmp(show_text(answer, "code"), "bad_request") == 0
               ? EXIT_TOLD_WRONG
               : EXIT_REFUSED;
}

void ctl_print_json(const cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);

    puts(text);
    cJSON_free(text);
}

cJSON *ctl_all_pages(struct ctl_link *link, const char *report,
                     const char *rows, const char *argument, const char *query,
                     int *ret_status)
{
    cJSON *all = NULL;
    char page[128];
    double next = 0;

    do {
        cJSON *answer, *list;
        const cJSON *more;

        snprintf(page, sizeof(page), "limit=" PAGE "%s%s&cursor=%.0f",
                 query[0] != '\0' ? "&" : "", query, next);
        answer = ctl_link_call(link, report, argument, page);
        *ret_status = ctl_refusal(answer);
        if (*ret_status != EXIT_FINE) {
            cJSON_Delete(answer);
            cJSON_Delete(all);
            return NULL;
        }
        more = cJSON_GetObjectItemCaseSensitive(answer, "next");
        next = cJSON_IsNumber(more) ? more->valuedouble : 0;
        cJSON_DeleteItemFromObjectCaseSensitive(answer, "next");
        if (all == NULL) {
            all = answer;
            continue;
        }
        list = cJSON_DetachItemFromObjectCaseSensitive(answer, rows);
        while (cJSON_GetArraySize(list) > 0)
            cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(all, rows),
                                 cJSON_DetachItemFromArray(list, 0));
        cJSON_Delete(list);
        cJSON_Delete(answer);
    } while (next != 0);
    return all;
}

/* ---- commands ---------------------------------------------------------- */

/* One answer, shown. */
static int ask(const struct ctl_call *call, const char *word,
               void (*show)(const cJSON *answer, FILE *out))
{
    cJSON *answer = ctl_link_call(call->link, word, call->argument, NULL);
    int status = ctl_refusal(answer);

    if (status == EXIT_FINE && call->json)
        ctl_print_json(answer);
    else if (status == EXIT_FINE)
        show(answer, stdout);
    cJSON_Delete(answer);
    return status;
}

/* All pages of a list, shown. */
static int list(const struct ctl_call *call, const char *report,
                const char *rows, const char *query,
                void (*show)(const cJSON *list, FILE *out))
{
    int status;
    cJSON *all =
        ctl_all_pages(call->link, report, rows, call->argument, query, &status);

    if (all != NULL && call->json)
        ctl_print_json(all);
    else if (all != NULL)
        show(cJSON_GetObjectItemCaseSensitive(all, rows), stdout);
    cJSON_Delete(all);
    return status;
}

static void show_clients(const cJSON *rows, FILE *out)
{
    const cJSON *row;
    struct table table;

    show_clients_begin(&table);
    cJSON_ArrayForEach(row, rows) show_clients_add(&table, row);
    table_print(&table, 0, 0, out);
    table_end(&table);
}

static int do_status(const struct ctl_call *call)
{
    return ask(call, "status", show_status);
}

static int do_client(const struct ctl_call *call)
{
    return ask(call, "client", show_client);
}

static int do_clients(const struct ctl_call *call)
{
    char query[64] = "";

    if (call->state != NULL)
        snprintf(query, sizeof(query), "state=%s", call->state);
    return list(call, "clients", "clients", query, show_clients);
}

static void show_queue_of(const cJSON *answer, FILE *out)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(answer, "queue");

    fprintf(out, "%.0f messages, %.0f octets",
            show_number(answer, "queue_messages"),
            show_number(answer, "queue_bytes"));
    if (show_number(answer, "queue_messages") > cJSON_GetArraySize(rows))
        fprintf(out, "; the first %d:", cJSON_GetArraySize(rows));
    fputc('\n', out);
    if (cJSON_GetArraySize(rows) != 0)
        show_queue(rows, out);
}

static int do_queue(const struct ctl_call *call)
{
    cJSON *answer =
        ctl_link_call(call->link, "queue", call->argument, "limit=200");
    int status = ctl_refusal(answer);

    if (status == EXIT_FINE && call->json)
        ctl_print_json(answer);
    else if (status == EXIT_FINE)
        show_queue_of(answer, stdout);
    cJSON_Delete(answer);
    return status;
}

static int do_topics(const struct ctl_call *call)
{
    return list(call, "topics", "topics", "", show_topics);
}

static int do_subscriptions(const struct ctl_call *call)
{
    return list(call, "subscriptions", "subscriptions", "", show_subscriptions);
}

static int do_upstream(const struct ctl_call *call)
{
    int status;
    cJSON *all =
        ctl_all_pages(call->link, "upstream", "nodes", NULL, "", &status);

    if (all != NULL && call->json)
        ctl_print_json(all);
    else if (all != NULL)
        show_upstream(all, stdout);
    cJSON_Delete(all);
    return status;
}

static void show_events_of(const cJSON *answer, FILE *out)
{
    show_events(cJSON_GetObjectItemCaseSensitive(answer, "events"), out);
}

static int do_events(const struct ctl_call *call)
{
    cJSON *answer = ctl_link_call(call->link, "events", NULL, "limit=1000");
    int status = ctl_refusal(answer);

    if (status == EXIT_FINE && call->json)
        ctl_print_json(answer);
    else if (status == EXIT_FINE)
        show_events_of(answer, stdout);
    cJSON_Delete(answer);
    return status;
}

static void show_kicked(const cJSON *answer, FILE *out)
{
    bool slept = strcmp(show_text(answer, "was"), "asleep") == 0;

    fprintf(out, "%s\n",
            slept ? "its connection has ended; it sleeps, and will be told "
                    "when it wakes"
                  : "its connection has ended, and it was told");
}

static int do_kick(const struct ctl_call *call)
{
    return ask(call, "kick", show_kicked);
}

/* A gateway drops a long queue in parts. */
static int do_purge(const struct ctl_call *call)
{
    double purged = 0, left = 0, now = 0;
    int status;

    do {
        cJSON *answer =
            ctl_link_call(call->link, "purge", call->argument, NULL);

        status = ctl_refusal(answer);
        now = show_number(answer, "messages");
        left = show_number(answer, "left");
        purged += now;
        cJSON_Delete(answer);
    } while (status == EXIT_FINE && now > 0 && left > 0);
    if (status != EXIT_FINE)
        return status;
    if (call->json)
        printf("{\"messages\":%.0f,\"left\":%.0f}\n", purged, left);
    else if (left > 0)
        printf("%.0f messages dropped; %.0f are under way, or the store is "
               "behind\n",
               purged, left);
    else
        printf("%.0f messages dropped\n", purged);
    return EXIT_FINE;
}

static void show_problems(const cJSON *answer, FILE *out)
{
    const cJSON *row;

    cJSON_ArrayForEach(row,
                       cJSON_GetObjectItemCaseSensitive(answer, "problems"))
    {
        char *file = table_safe(show_text(row, "file"));
        char *text = table_safe(show_text(row, "text"));
        double line = show_number(row, "line");

        fprintf(out, "%s: ", show_text(row, "level"));
        if (file[0] != '\0')
            fprintf(out, "%s: ", file);
        if (line != 0)
            fprintf(out, "%.0f: ", line);
        if (show_text(row, "key")[0] != '\0')
            fprintf(out, "%s: ", show_text(row, "key"));
        fprintf(out, "%s\n", text);
        free(file);
        free(text);
    }
}

static int do_reload(const struct ctl_call *call)
{
    cJSON *answer = ctl_link_call(call->link, "reload", NULL, NULL);
    int status = ctl_refusal(answer);
    bool done = answer != NULL && show_is(answer, "reloaded");

    if (status == EXIT_FINE && call->json) {
        ctl_print_json(answer);
    } else if (status == EXIT_FINE) {
        show_problems(answer, done ? stdout : stderr);
        if (done)
            puts("the new configuration is in force");
        else
            fprintf(stderr, "mqttsn-ctl: %s\n", show_text(answer, "reason"));
    }
    cJSON_Delete(answer);
    return status != EXIT_FINE ? status : done ? EXIT_FINE : EXIT_REFUSED;
}

static void show_level(const cJSON *answer, FILE *out)
{
    fprintf(out, "log level is %s\n", show_text(answer, "level"));
}

static int do_log(const struct ctl_call *call)
{
    return ask(call, "log", show_level);
}

static const struct {
    const char *word;
    int (*act)(const struct ctl_call *call);
    bool takes_argument, needs_argument;
} commands[] = {
    {"status", do_status, false, false},
    {"clients", do_clients, false, false},
    {"client", do_client, true, true},
    {"queue", do_queue, true, true},
    {"topics", do_topics, true, false},
    {"subscriptions", do_subscriptions, true, false},
    {"upstream", do_upstream, false, false},
    {"events", do_events, false, false},
    {"top", ctl_top, false, false},
    {"trace", ctl_trace, true, true},
    {"kick", do_kick, true, true},
    {"purge", do_purge, true, true},
    {"reload", do_reload, false, false},
    {"log", do_log, true, false},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ---- the command line -------------------------------------------------- */

static int told_wrong(const char *what, const char *word)
{
    fprintf(stderr, "mqttsn-ctl: %s%s\nTry 'mqttsn-ctl --help'.\n", what, word);
    return EXIT_TOLD_WRONG;
}

static bool is_state(const char *word)
{
    for (size_t i = 0; i < SHOW_STATES; i++) {
        if (strcmp(word, show_states[i]) == 0)
            return true;
    }
    return false;
}

static int no_such_state(const char *word)
{
    char what[160] = "--state is one of ";

    for (size_t i = 0; i < SHOW_STATES; i++) {
        strcat(what, show_states[i]);
        strcat(what, i + 1 < SHOW_STATES ? ", " : "; not ");
    }
    return told_wrong(what, word);
}

static int run(size_t command, struct ctl_call *call, const char *path)
{
    int status;

    if (!ctl_link_open(call->link, path))
        return EXIT_UNREACHABLE;
    status = commands[command].act(call);
    ctl_link_close(call->link);
    /* A pipe that nobody reads, or a full disk. */
    if (fflush(stdout) != 0 && status == EXIT_FINE)
        status = EXIT_UNREACHABLE;
    return status;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"state", required_argument, NULL, 'S'},
        {"json", no_argument, NULL, 'j'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    const char *path = getenv("MQTTSN_CTL_PATH");
    struct ctl_link link;
    struct ctl_call call = {.link = &link};
    size_t command = 0;
    int c;

    setlocale(LC_CTYPE, "");
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = ctl_malloc, .free_fn = free});
    if (path == NULL || path[0] == '\0')
        path = DEFAULT_PATH;
    while ((c = getopt_long(argc, argv, "s:", options, NULL)) != -1) {
        if (c == 's') {
            path = optarg;
        } else if (c == 'S') {
            call.state = optarg;
        } else if (c == 'j') {
            call.json = true;
        } else if (c == 'v') {
            puts("mqttsn-ctl " CTL_VERSION);
            return EXIT_FINE;
        } else if (c == 'h') {
            usage(stdout);
            return EXIT_FINE;
        } else {
            return told_wrong("this is not understood", "");
        }
    }
    if (optind == argc)
        return told_wrong("which command?", "");
    while (command < COMMANDS &&
           strcmp(argv[optind], commands[command].word) != 0)
        command++;
    if (command == COMMANDS)
        return told_wrong("no such command: ", argv[optind]);
    if (argc - optind > (commands[command].takes_argument ? 2 : 1))
        return told_wrong("too many arguments for ", argv[optind]);
    call.argument = argv[optind + 1];
    if (commands[command].needs_argument &&
        (call.argument == NULL || call.argument[0] == '\0'))
        return told_wrong("of which client? ", argv[optind]);
    if (call.state != NULL && commands[command].act != do_clients)
        return told_wrong("--state is for clients", "");
    if (call.state != NULL && !is_state(call.state))
        return no_such_state(call.state);
    return run(command, &call, path);
}
