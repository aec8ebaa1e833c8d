/* SPDX-License-Identifier: MIT */
#include "show.h"

#include <stdlib.h>
#include <string.h>

/* ---- parts ------------------------------------------------------------- */

const char *show_time(double seconds, char *buf)
{
    unsigned long s = (unsigned long)(seconds < 0 ? -seconds : seconds);
    unsigned long m = s / 60, h = m / 60, d = h / 24;

    if (d > 0 && h % 24 != 0)
        snprintf(buf, 32, "%lud%luh", d, h % 24);
    else if (d > 0)
        snprintf(buf, 32, "%lud", d);
    else if (h > 0 && m % 60 != 0)
        snprintf(buf, 32, "%luh%lum", h, m % 60);
    else if (h > 0)
        snprintf(buf, 32, "%luh", h);
    else if (m > 0)
        snprintf(buf, 32, "%lum", m);
    else
        snprintf(buf, 32, "%lus", s);
    return buf;
}

double show_number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

const char *show_text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(item) ? item->valuestring : "";
}

bool show_is(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void count(struct table *table, const cJSON *object, const char *name)
{
    table_format(table, "%.0f", show_number(object, name));
}

static void add_time(struct table *table, const cJSON *object, const char *name)
{
    char buf[32];

    table_add(table, member(object, name) != NULL
                         ? show_time(show_number(object, name), buf)
                         : "-");
}

static void print_safe(const char *head, const char *text, FILE *out)
{
    char *safe = table_safe(text);

    fprintf(out, "%s%s", head, safe);
    free(safe);
}

/* ---- clients ----------------------------------------------------------- */

/* "asleep 4m" */
static const char *state_of(const cJSON *client, char *buf, size_t cap)
{
    char since[32];

    snprintf(buf, cap, "%s %s", show_text(client, "state"),
             show_time(show_number(client, "state_s"), since));
    return buf;
}

/* "in 11m", "3m late", and for who is not connected "forgotten in 6d". */
static const char *due_of(const cJSON *client, char *buf, size_t cap)
{
    const cJSON *due = member(client, "due_s"),
                *ends = member(client, "ends_s");
    const char *state = show_text(client, "state");
    char time[32];

    if (due != NULL)
        snprintf(buf, cap, due->valuedouble < 0 ? "%s late" : "in %s",
                 show_time(due->valuedouble, time));
    else if (ends != NULL &&
             (strcmp(state, "lost") == 0 || strcmp(state, "disconnected") == 0))
        snprintf(buf, cap, "forgotten in %s",
                 show_time(ends->valuedouble, time));
    else
        snprintf(buf, cap, "-");
    return buf;
}

static const char *address_of(const cJSON *client, char *buf, size_t cap)
{
    const char *address = show_text(client, "address"),
               *node = show_text(client, "node_id");

    if (node[0] != '\0')
        snprintf(buf, cap, "%s node %s", address, node);
    else
        snprintf(buf, cap, "%s", address[0] != '\0' ? address : "-");
    return buf;
}

void show_clients_begin(struct table *table)
{
    static const char *const heads[] = {
        "CLIENT",  "STATE",   "HEARD",    ">DUE",    ">QUEUED",
        ">OLDEST", ">TOPICS", ">FILTERS", "ADDRESS", NULL};

    table_begin(table, heads);
}

void show_clients_add(struct table *table, const cJSON *client)
{
    char buf[256];

    table_add(table, show_text(client, "client"));
    table_add(table, state_of(client, buf, sizeof(buf)));
    table_format(table, "%s ago",
                 show_time(show_number(client, "heard_s"), buf));
    table_add(table, due_of(client, buf, sizeof(buf)));
    count(table, client, "queue_messages");
    add_time(table, client, "queue_oldest_s");
    count(table, client, "topics");
    count(table, client, "subscriptions");
    table_add(table, address_of(client, buf, sizeof(buf)));
}

static void print_list(const char *title, const cJSON *list, double total,
                       void (*show)(const cJSON *list, FILE *out), FILE *out)
{
    int shown = cJSON_GetArraySize(list);

    if (shown == 0)
        return;
    if (total > shown)
        fprintf(out, "\n%s, the first %d of %.0f:\n", title, shown, total);
    else
        fprintf(out, "\n%s:\n", title);
    show(list, out);
}

void show_client(const cJSON *client, FILE *out)
{
    char buf[256], time[64];
    const char *due = due_of(client, time, sizeof(time));

    print_safe("client        ", show_text(client, "client"), out);
    fprintf(out, "\nstate         %s", state_of(client, buf, sizeof(buf)));
    if (strcmp(due, "-") != 0)
        fprintf(out, ", %s%s", strncmp(due, "in ", 3) == 0 ? "due " : "", due);
    fputc('\n', out);
    fprintf(out, "heard         %s ago%s%s\n",
            show_time(show_number(client, "heard_s"), time),
            show_text(client, "listener")[0] != '\0' ? ", by listener " : "",
            show_text(client, "listener"));
    fprintf(out, "address       %s\n", address_of(client, buf, sizeof(buf)));
    fprintf(out, "%s %s\n",
            strcmp(show_text(client, "state"), "asleep") == 0 ||
                    strcmp(show_text(client, "state"), "awake") == 0
                ? "sleeps for   "
                : "keep-alive   ",
            show_time(show_number(client, "duration_s"), time));
    fprintf(out, "session       %s, %s will\n",
            show_is(client, "clean") ? "clean" : "kept",
            show_is(client, "will") ? "with a" : "without a");
    fprintf(out,
            "queue         %.0f messages, %.0f octets\n"
            "to broker     %.0f requests open, %.0f publishes waiting\n",
            show_number(client, "queue_messages"),
            show_number(client, "queue_bytes"), show_number(client, "requests"),
            show_number(client, "uplink_waiting"));
    print_list("topics", member(client, "topic_list"),
               show_number(client, "topics"), show_topics, out);
    print_list("subscriptions", member(client, "subscription_list"),
               show_number(client, "subscriptions"), show_subscriptions, out);
    print_list("queue", member(client, "queue_list"),
               show_number(client, "queue_messages"), show_queue, out);
}

/* ---- topics, subscriptions, queues, events ----------------------------- */

static void print_table(struct table *table, FILE *out)
{
    table_print(table, 0, 0, out);
    table_end(table);
}

void show_topics(const cJSON *list, FILE *out)
{
    static const char *const heads[] = {"CLIENT", ">ID",   "TYPE",
                                        "STATE",  "TOPIC", NULL};
    const cJSON *row;
    struct table table;

    table_begin(&table, heads);
    cJSON_ArrayForEach(row, list)
    {
        table_add(&table, show_text(row, "client"));
        count(&table, row, "id");
        table_add(&table, show_text(row, "type"));
        table_add(&table, show_is(row, "refused") ? "refused"
                          : show_is(row, "known") ? "known"
                                                  : "not known");
        table_add(&table, show_text(row, "topic"));
    }
    print_table(&table, out);
}

void show_subscriptions(const cJSON *list, FILE *out)
{
    static const char *const heads[] = {"CLIENT", ">QOS", "STATE", "FILTER",
                                        NULL};
    const cJSON *row;
    struct table table;

    table_begin(&table, heads);
    cJSON_ArrayForEach(row, list)
    {
        table_add(&table, show_text(row, "client"));
        count(&table, row, "qos");
        table_format(&table, "%s%s",
                     show_is(row, "granted") ? "granted" : "asked for",
                     show_is(row, "fixed") ? ", configured" : "");
        table_add(&table, show_text(row, "filter"));
    }
    print_table(&table, out);
}

void show_queue(const cJSON *list, FILE *out)
{
    static const char *const heads[] = {">AGE", ">QOS",  ">OCTETS", "EXPIRES",
                                        "SENT", "TOPIC", NULL};
    const cJSON *row;
    struct table table;

    table_begin(&table, heads);
    cJSON_ArrayForEach(row, list)
    {
        double failed = show_number(row, "failed_wakes");

        add_time(&table, row, "age_s");
        count(&table, row, "qos");
        count(&table, row, "payload_bytes");
        add_time(&table, row, "expires_s");
        if (failed > 0)
            table_format(&table, "%.0f wakes failed", failed);
        else
            table_add(&table, show_is(row, "sent") ? "yes" : "no");
        table_format(&table, "%s%s", show_text(row, "topic"),
                     show_is(row, "retain") ? " (retained)" : "");
    }
    print_table(&table, out);
}

static void add_rest(struct table *table, const cJSON *event)
{
    static const char *const known[] = {"number", "ago_s",  "level",
                                        "event",  "client", "address"};
    char text[512] = "";
    const cJSON *item;
    size_t len = 0;

    cJSON_ArrayForEach(item, event)
    {
        bool skip = false;

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            skip |= strcmp(item->string, known[i]) == 0;
        if (skip || len >= sizeof(text))
            continue;
        if (cJSON_IsString(item))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s=%s",
                                    len ? " " : "", item->string,
                                    item->valuestring);
        else
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s=%.0f",
                                    len ? " " : "", item->string,
                                    item->valuedouble);
    }
    table_add(table, text);
}

void show_events(const cJSON *list, FILE *out)
{
    static const char *const heads[] = {">AGO",    "LEVEL", "EVENT", "CLIENT",
                                        "ADDRESS", "",      NULL};
    const cJSON *row;
    struct table table;

    table_begin(&table, heads);
    cJSON_ArrayForEach(row, list)
    {
        add_time(&table, row, "ago_s");
        table_add(&table, show_text(row, "level"));
        table_add(&table, show_text(row, "event"));
        table_add(&table, show_text(row, "client"));
        table_add(&table, show_text(row, "address"));
        add_rest(&table, row);
    }
    print_table(&table, out);
}

/* ---- the gateway ------------------------------------------------------- */

static void print_link(const cJSON *link, FILE *out)
{
    char time[32];

    show_time(show_number(link, "since_s"), time);
    if (show_is(link, "connected"))
        print_safe("broker        ", show_text(link, "url"), out);
    else
        fprintf(out, "broker        not connected (%s)",
                show_text(link, "state"));
    fprintf(out, ", for %s\n", time);
    fprintf(out,
            "to broker     %.0f of %.0f in flight, %.0f waiting; %.0f "
            "connections made, %.0f lost, %.0f attempts failed\n",
            show_number(link, "in_flight"), show_number(link, "window"),
            show_number(link, "waiting"), show_number(link, "connects"),
            show_number(link, "losses"), show_number(link, "failures"));
}

const char *const show_states[SHOW_STATES] = {
    "active", "asleep", "awake", "connecting", "lost", "disconnected"};

static void print_clients(const cJSON *clients, FILE *out)
{
    const char *glue = ": ";

    fprintf(out, "clients       %.0f", show_number(clients, "total"));
    for (size_t i = 0; i < SHOW_STATES; i++) {
        double n = show_number(clients, show_states[i]);

        if (n == 0)
            continue;
        fprintf(out, "%s%.0f %s", glue, n, show_states[i]);
        glue = ", ";
    }
    fputc('\n', out);
}

/* Those that near their limit: soon nodes are answered with congestion. */
static void print_tables(const cJSON *tables, FILE *out)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, tables)
    {
        double used = show_number(item, "used"), max = show_number(item, "max");

        if (max > 0 && used >= 0.9 * max)
            fprintf(out, "table         %s: %.0f of %.0f in use\n",
                    item->string, used, max);
    }
}

static void print_store(const cJSON *store, FILE *out)
{
    fprintf(out, "store         %s", show_text(store, "type"));
    if (show_text(store, "durability")[0] != '\0')
        fprintf(out, ", %s: %.0f rows, a journal of %.0f octets",
                show_text(store, "durability"), show_number(store, "rows"),
                show_number(store, "journal_bytes"));
    fprintf(out, "%s\n", show_is(store, "fails") ? "; IT FAILS" : "");
}

/* Whatever was refused, dropped or given up, if anything was. */
static void print_drops(const cJSON *counters, FILE *out)
{
    static const char *const parts[] = {"drop",   "refused",    "lost",
                                        "failed", "congestion", "rejected"};
    const char *head = "\nnot as it should be, since the start:\n";
    const cJSON *item;

    cJSON_ArrayForEach(item, counters)
    {
        bool bad = false;

        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
            bad |= strstr(item->string, parts[i]) != NULL;
        if (!bad || item->valuedouble == 0)
            continue;
        fprintf(out, "%s  %-26s %.0f\n", head, item->string, item->valuedouble);
        head = "";
    }
}

static void print_listeners(const cJSON *list, FILE *out)
{
    const cJSON *row;

    cJSON_ArrayForEach(row, list)
    {
        print_safe("listener      ", show_text(row, "listener"), out);
        fprintf(out, " at %s: %.0f datagrams in, %.0f out\n",
                show_text(row, "address"), show_number(row, "rx_datagrams"),
                show_number(row, "tx_datagrams"));
    }
}

void show_status(const cJSON *status, FILE *out)
{
    const cJSON *queues = member(status, "queues");
    const cJSON *uplink = member(status, "uplink");
    const char *why = show_text(status, "not_ready");
    char time[32];

    print_safe("gateway       ", show_text(status, "name"), out);
    fprintf(out, ", id %.0f, version %s, up %s, %s\n",
            show_number(status, "gateway_id"), show_text(status, "version"),
            show_time(show_number(status, "uptime_s"), time),
            show_text(status, "mode"));
    fprintf(out, "ready         %s%s\n",
            show_is(status, "ready") ? "yes" : "no",
            strcmp(why, "upstream") == 0 ? ": the broker is not connected"
            : why[0] != '\0'             ? ": the store keeps nothing"
                                         : "");
    print_link(member(status, "upstream"), out);
    print_clients(member(status, "clients"), out);
    fprintf(out, "queued        %.0f messages for %.0f clients, %.0f octets\n",
            show_number(queues, "messages"), show_number(queues, "clients"),
            show_number(queues, "bytes"));
    if (show_number(uplink, "backlog_messages") != 0)
        fprintf(out,
                "backlog       %.0f messages for the broker, %.0f octets\n",
                show_number(uplink, "backlog_messages"),
                show_number(uplink, "backlog_bytes"));
    print_store(member(status, "store"), out);
    print_tables(member(status, "tables"), out);
    print_listeners(member(status, "listeners"), out);
    print_drops(member(status, "counters"), out);
}

void show_upstream(const cJSON *upstream, FILE *out)
{
    static const char *const heads[] = {"CLIENT",  "STATE",    ">IN FLIGHT",
                                        ">WINDOW", ">WAITING", NULL};
    const cJSON *nodes = member(upstream, "nodes"), *row;
    struct table table;

    fprintf(out, "mode          %s\n", show_text(upstream, "mode"));
    print_link(member(upstream, "gateway"), out);
    cJSON_ArrayForEach(row, member(upstream, "brokers"))
    {
        print_safe("configured    ", cJSON_GetStringValue(row), out);
        fputc('\n', out);
    }
    if (cJSON_GetArraySize(nodes) == 0)
        return;
    fputc('\n', out);
    table_begin(&table, heads);
    cJSON_ArrayForEach(row, nodes)
    {
        table_add(&table, show_text(row, "client"));
        table_add(&table, show_text(row, "state"));
        count(&table, row, "in_flight");
        count(&table, row, "window");
        count(&table, row, "waiting");
    }
    print_table(&table, out);
}
