/* SPDX-License-Identifier: MIT */
/* Where the numbers of the metrics come from. */
#include "daemon_private.h"

#include <stdlib.h>
#include <string.h>

#include "counter_names.h"
#include "upstream_nodes.h"
#include "upstream_paho.h"
#include "version.h"

static void add_engine(const struct gw_daemon *d, struct gw_metrics *m)
{
    m->engine = *gw_engine_counters(d->engine);
    gw_engine_usage(d->engine, &m->usage);
    gw_engine_totals(d->engine, &m->totals);
    m->limits = d->config->limits;
    m->exchanges_max =
        (uint64_t)m->limits.max_exchanges + m->limits.uplink_max_messages;
}

static void add_listeners(const struct gw_daemon *d, struct gw_metrics *m)
{
    m->listener_count = gw_udp_listener_count(d->udp);
    for (size_t i = 0; i < m->listener_count; i++) {
        struct gw_udp_counters *one = &m->listeners[i].counters;
        uint64_t sum[GW_UDP_COUNTER_COUNT] = {0};

        m->listeners[i].name = d->config->listeners[i].name;
        gw_udp_counters(d->udp, i, one);
        for (size_t k = 0; k < GW_UDP_COUNTER_COUNT; k++)
            sum[k] = gw_counter_at(&m->udp, k) + gw_counter_at(one, k);
        memcpy(&m->udp, sum, sizeof(sum));
    }
}

static void add_connection(const struct gw_upstream_paho_stats *stats,
                           struct gw_metrics *m)
{
    m->connections_made = stats->connects;
    m->reconnects = stats->connects > 0 ? stats->connects - 1 : 0;
    m->inbox_dropped = stats->inbox_dropped;
    m->inbox_waits = stats->inbox_waits;
}

static void add_upstream(const struct gw_daemon *d, struct gw_metrics *m)
{
    struct gw_upstream_nodes_stats nodes = {0};

    m->connected = d->link.connected;
    m->in_flight = d->upstream_open;
    if (d->upstream_is_paho)
        gw_upstream_paho_stats(d->upstream, &nodes.gateway);
    if (d->upstream_is_nodes)
        gw_upstream_nodes_stats(d->upstream, &nodes);
    add_connection(&nodes.gateway, m);
    m->nodes_connections = nodes.connections;
    m->nodes_opened = nodes.opened;
    m->nodes_qos0_dropped = nodes.qos0_dropped;
}

static void add_store(const struct gw_daemon *d, struct gw_metrics *m)
{
    struct gw_disk_stats s;

    m->store_writable = !d->store_fails;
    if (d->disk == NULL)
        return;
    gw_disk_stats(d->disk, &s);
    m->commits = s.journal.writes;
    m->octets_written = s.journal.octets;
    m->records_written = s.journal.records;
    m->syncs = s.journal.syncs;
    m->journal_failures = s.journal.failures;
    m->journal_octets = s.journal_octets;
    m->flushes = s.flushes;
    m->flush_failures = s.flush_errors;
    m->rows = s.rows;
}

char *daemon_metrics_text(struct gw_daemon *d, size_t *ret_len)
{
    struct gw_metrics *m = calloc(1, sizeof(*m));
    const struct gw_config *config = d->config;
    char *text;

    if (m == NULL)
        return NULL;
    m->version = gw_version();
    m->mode = config->options.mode == GW_MODE_TRANSPARENT ? "transparent"
                                                          : "aggregating";
    m->store = config->store.type == GW_STORE_SQLITE ? "sqlite" : "memory";
    m->up_ms = uv_now(d->loop) - d->status.since;
    memcpy(m->received, d->received, sizeof(m->received));
    memcpy(m->sent, d->sent, sizeof(m->sent));
    m->forward = &d->forward;
    add_engine(d, m);
    add_listeners(d, m);
    add_upstream(d, m);
    add_store(d, m);
    gw_metrics_process(m->up_ms, &d->process_start_s, &m->process);
    text = gw_metrics_text(m, ret_len);
    free(m);
    return text;
}
