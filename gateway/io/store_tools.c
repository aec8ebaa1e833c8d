/* SPDX-License-Identifier: MIT */
#include "store_tools.h"

#include <inttypes.h>
#include <string.h>

#include "core/engine.h"

#include "disk_store.h"
#include "log.h"
#include "report.h"

/* The time at which everything is read: later than any age. */
#define NOW (UINT64_C(1) << 50)

struct look {
    struct gw_engine *engine;
    uint64_t shell; /* records of the shell's */
    uint64_t no_room, wrong;
};

static struct gw_disk_settings settings_of(const struct gw_config *config)
{
    return (struct gw_disk_settings){
        .path = config->store.path, .journal_path = config->store.journal_path};
}

static void complain(const struct gw_config *config, const char *why)
{
    fprintf(stderr, "mqttsn-gateway: %s: %s\n", config->store.path, why);
}

static bool is_in_memory(const struct gw_config *config)
{
    if (config->store.type == GW_STORE_SQLITE)
        return false;
    fprintf(stderr, "mqttsn-gateway: store.type is memory: there are no "
                    "files to read\n");
    return true;
}

/* ---- inspect ----------------------------------------------------------- */

static bool give(void *user, const struct gw_disk_entry *entry)
{
    struct look *look = user;
    enum mqttsn_status status;

    if (entry->kind >= GW_JOURNAL_SHELL) {
        look->shell++;
        return true;
    }
    gw_engine_restore_age(look->engine, entry->age_s * 1000);
    status = gw_engine_restore(look->engine, entry->kind, entry->owner,
                               entry->item, entry->octets, NOW);
    if (status == MQTTSN_EPROTO)
        return false;
    look->no_room += status == MQTTSN_ENOSPACE;
    look->wrong += status != MQTTSN_OK && status != MQTTSN_ENOSPACE;
    return true;
}

/* "3d04h", "2h13m", "9m", "40s". */
static const char *age_text(uint64_t ms, char buf[32])
{
    uint64_t s = ms / 1000;

    if (s >= 86400)
        snprintf(buf, 32, "%" PRIu64 "d%02uh", s / 86400,
                 (unsigned)(s / 3600 % 24));
    else if (s >= 3600)
        snprintf(buf, 32, "%uh%02um", (unsigned)(s / 3600),
                 (unsigned)(s / 60 % 60));
    else if (s >= 60)
        snprintf(buf, 32, "%um", (unsigned)(s / 60));
    else
        snprintf(buf, 32, "%us", (unsigned)s);
    return buf;
}

static void print_sessions(struct gw_engine *engine, FILE *out)
{
    struct gw_session_info info;
    uint32_t cursor = 0;
    char age[32];

    fprintf(out, "\n%-24s %-12s %6s %9s %7s %5s %6s %5s\n", "client", "state",
            "queued", "octets", "oldest", "subs", "topics", "open");
    while (gw_engine_visit(engine, &cursor, 1, &info) != 0)
        fprintf(out,
                "%-24s %-12s %6" PRIu32 " %9" PRIu32 " %7s %5" PRIu32
                " %6" PRIu32 " %5" PRIu32 "%s%s\n",
                gw_log_value(info.client_id), gw_report_state(info.state),
                info.queue_messages, info.queue_bytes,
                info.queue_messages != 0 ? age_text(NOW - info.queue_since, age)
                                         : "-",
                info.subscriptions, info.topics, info.exchanges,
                info.clean_session ? " clean" : "",
                info.has_will ? " will" : "");
}

static void print_sums(const struct look *look,
                       const struct gw_disk_report *report, FILE *out)
{
    uint64_t oldest = 0;
    struct gw_session_info info;
    struct gw_usage u;
    uint32_t cursor = 0, queues = 0;
    char age[32];

    gw_engine_usage(look->engine, &u);
    while (gw_engine_visit(look->engine, &cursor, 1, &info) != 0) {
        queues += info.queue_messages != 0;
        if (info.queue_messages != 0 && NOW - info.queue_since > oldest)
            oldest = NOW - info.queue_since;
    }
    fprintf(out,
            "records: %" PRIu64 "; the journal has %" PRIu64
            " entries that the database has not\n",
            report->records, report->journal);
    fprintf(out,
            "sessions: %" PRIu32 ", with %" PRIu32 " topics and %" PRIu32
            " subscriptions\n",
            u.sessions, u.topics, u.subscriptions);
    fprintf(out, "for nodes: %" PRIu32 " places in %" PRIu32 " queues",
            u.queue_entries, queues);
    if (queues != 0)
        fprintf(out, ", the oldest waits for %s", age_text(oldest, age));
    fprintf(out,
            "\nfor the broker: %" PRIu32 " messages; of the broker's library: "
            "%" PRIu64 " records\n",
            u.exchanges, look->shell);
    if (report->damaged || report->lost != 0)
        fprintf(out,
                "damaged: %" PRIu64 " records cannot be read; the gateway "
                "sets the file aside at its next start\n",
                report->lost);
    if (look->wrong != 0)
        fprintf(out, "orphaned: %" PRIu64 " records belong to nothing\n",
                look->wrong);
    if (look->no_room != 0)
        fprintf(out,
                "too many: the limits of this configuration have no room "
                "for %" PRIu64 " records\n",
                look->no_room);
}

static enum mqttsn_status new_engine(const struct gw_config *config,
                                     struct gw_engine **ret_engine)
{
    static const uint8_t seed[16] = "only looks at it";
    struct gw_options options = config->options;

    options.durable = true;
    return gw_engine_new(&config->limits, &options, seed, NOW, ret_engine);
}

enum mqttsn_status gw_store_inspect(const struct gw_config *config, FILE *out)
{
    const struct gw_disk_settings settings = settings_of(config);
    char why[GW_DISK_WHY_MAX];
    struct gw_disk_report report;
    struct look look = {0};
    enum mqttsn_status status;

    if (is_in_memory(config))
        return MQTTSN_EINVAL;
    status = new_engine(config, &look.engine);
    if (status != MQTTSN_OK) {
        complain(config, mqttsn_status_text(status));
        return status;
    }
    status = gw_disk_look(&settings, give, &look, &report, why);
    if (status == MQTTSN_OK) {
        fprintf(out, "store: %s\n", config->store.path);
        print_sums(&look, &report, out);
        print_sessions(look.engine, out);
    } else {
        complain(config, why);
    }
    gw_engine_free(look.engine);
    return status;
}

/* ---- backup ------------------------------------------------------------ */

enum mqttsn_status gw_store_backup(const struct gw_config *config,
                                   const char *to, FILE *out)
{
    const struct gw_disk_settings settings = settings_of(config);
    char why[GW_DISK_WHY_MAX];
    struct gw_disk_report report;
    enum mqttsn_status status;

    if (is_in_memory(config))
        return MQTTSN_EINVAL;
    status = gw_disk_copy(&settings, to, &report, why);
    if (status != MQTTSN_OK) {
        fprintf(stderr, "mqttsn-gateway: %s is not copied to %s: %s\n",
                config->store.path, to, why);
        return status;
    }
    fprintf(out, "%s: %" PRIu64 " records\n", to, report.records);
    if (report.damaged || report.lost != 0)
        fprintf(stderr,
                "mqttsn-gateway: %s is damaged: %" PRIu64
                " records cannot be read and are not in the copy\n",
                config->store.path, report.lost);
    return MQTTSN_OK;
}
