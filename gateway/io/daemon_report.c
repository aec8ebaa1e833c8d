/* SPDX-License-Identifier: MIT */
#include "daemon_private.h"

#include "upstream_nodes.h"

/* Of attempts that fail only the first in a row is an event. */
static void on_failure(struct gw_daemon *d, enum gw_event_kind event)
{
    d->link.failures++;
    if (!d->link_fails)
        gw_events_say(&d->events, event, d->now);
    d->link_fails = true;
}

void daemon_report_link(struct gw_daemon *d, enum gw_up_event_kind kind)
{
    if (kind == GW_UP_UNREACHABLE) {
        on_failure(d, GW_EVENT_UPSTREAM_UNREACHABLE);
    } else if (kind == GW_UP_DENIED) {
        on_failure(d, GW_EVENT_UPSTREAM_DENIED);
    } else if (kind == GW_UP_CONNECTED) {
        d->link.connected = true;
        d->link.since = d->now;
        d->link.connects++;
        d->link_fails = false;
        gw_events_say(&d->events, GW_EVENT_UPSTREAM_CONNECTED, d->now);
    } else if (kind == GW_UP_LOST) {
        d->link.connected = false;
        d->link.since = d->now;
        d->link.losses++;
        gw_events_say(&d->events, GW_EVENT_UPSTREAM_LOST, d->now);
    }
}

static uint32_t endpoint_of(const struct gw_daemon *d)
{
    struct gw_upstream_nodes_stats nodes;
    struct gw_upstream_paho_stats paho;

    if (d->upstream_is_nodes) {
        gw_upstream_nodes_stats(d->upstream, &nodes);
        return nodes.gateway.endpoint;
    }
    if (!d->upstream_is_paho)
        return 0;
    gw_upstream_paho_stats(d->upstream, &paho);
    return paho.endpoint;
}

void daemon_report_source(const struct gw_daemon *d,
                          struct gw_report_source *ret)
{
    *ret = (struct gw_report_source){
        .engine = d->engine,
        .config = d->config,
        .events = &d->events,
        .udp = d->udp,
        .disk = d->disk,
        .store_fails = d->store_fails,
        .upstream = d->link,
        .now = uv_now(d->loop),
        .started = d->status.since,
    };
    ret->upstream.endpoint = endpoint_of(d);
}
