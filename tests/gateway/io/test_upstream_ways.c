/* SPDX-License-Identifier: MIT */
/*
 * The contract by every way to a real mosquitto: on the gateway's connection
 * and on that of a node in transparent mode, in both versions of MQTT, over
 * TCP, TLS and WebSocket.
 */
#include <stdlib.h>

#include "mosquitto_rig.h"
#include "one_node.h"
#include "upstream_contract_rig.h"

#include "io/log.h"
#include "io/upstream_port.h"

#define SKIPPED 77

enum transport { OVER_TCP, OVER_TLS, OVER_WS };

static const char *const mode_names[] = {"aggregating", "transparent"};
static const char *const protocol_names[] = {
    [GW_PROTOCOL_3_1_1] = "3_1_1", [GW_PROTOCOL_5] = "5"};
static const char *const transport_names[] = {
    [OVER_TCP] = "tcp", [OVER_TLS] = "tls", [OVER_WS] = "ws"};

static struct way {
    bool transparent;
    enum gw_upstream_protocol protocol;
    enum transport transport;
} way;

static struct gw_upstream_endpoint endpoint_of(char uri[64])
{
    static const char *const forms[] = {[OVER_TLS] = "ssl://127.0.0.1:%u",
                                        [OVER_WS] = "ws://127.0.0.1:%u/mqtt"};
    const uint16_t ports[] = {[OVER_TCP] = broker.port,
                              [OVER_TLS] = broker.tls_port,
                              [OVER_WS] = broker.ws_port};
    struct gw_upstream_endpoint endpoint = {.host = "127.0.0.1",
                                            .port = ports[way.transport],
                                            .tls = way.transport == OVER_TLS};

    if (way.transport != OVER_TCP) {
        snprintf(uri, 64, forms[way.transport], endpoint.port);
        endpoint.uri = uri;
    }
    return endpoint;
}

static struct gw_upstream *make_port(void *user, uv_loop_t *loop,
                                     const struct contract_settings *wanted)
{
    char uri[64];
    struct gw_upstream_endpoint endpoint = endpoint_of(uri);
    struct gw_tls_settings tls = {.ca_file = broker.cert, .verify = true};
    struct gw_upstream_settings settings;
    struct gw_upstream *upstream = NULL;

    (void)user;
    gw_upstream_settings_default(&settings);
    settings.endpoints = &endpoint;
    settings.endpoint_count = 1;
    settings.tls = &tls;
    settings.protocol = way.protocol;
    settings.client_id = "contract";
    settings.window = wanted->window;
    settings.outbox_entries = wanted->outbox_entries;
    settings.clean_first = wanted->clean_first;
    settings.backoff_min_ms = 20;
    settings.backoff_max_ms = 200;
    if (way.transparent)
        upstream = one_node_new(loop, &settings, "contract-node");
    else
        assert_int_equal(gw_upstream_paho_new(loop, &settings, &upstream),
                         MQTTSN_OK);
    return upstream;
}

static size_t outstanding_max(struct gw_upstream *upstream)
{
    struct gw_upstream_paho_stats stats;

    if (way.transparent)
        return one_node_outstanding_max(upstream);
    gw_upstream_paho_stats(upstream, &stats);
    return (size_t)stats.outstanding_max;
}

static int run_way(struct contract_factory *factory)
{
    char name[64];

    snprintf(name, sizeof(name), "upstream_%s_%s_%s",
             mode_names[way.transparent], protocol_names[way.protocol],
             transport_names[way.transport]);
    factory->name = name;
    factory->doubles = way.transport == OVER_WS; /* docs/tls.md */
    return upstream_contract_run_brief(factory);
}

/* All ways, or the one of this number. */
int main(int argc, char **argv)
{
    struct contract_factory factory = {.start = mosquitto_start,
                                       .kill = mosquitto_kill,
                                       .pause = mosquitto_pause,
                                       .resume = mosquitto_resume,
                                       .wipe = mosquitto_wipe,
                                       /* Its PUBLISH comes again, in 2.0.11. */
                                       .forgets = true,
                                       .port = make_port,
                                       .outstanding_max = outstanding_max};
    int failures = 0;

    if (!mosquitto_find()) {
        puts("no mosquitto here");
        return SKIPPED;
    }
    if (!mosquitto_take_all_ways()) {
        puts("no openssl here to make a certificate");
        mosquitto_remove();
        return SKIPPED;
    }
    gw_log_configure(getenv("UPSTREAM_LOG") ? GW_LOG_DEBUG : GW_LOG_ERROR,
                     GW_LOG_TEXT, GW_LOG_STDERR);
    /* What a failed test has left would be in the way of the next. */
    for (int n = 0; n < 12 && failures == 0; n++) {
        if (argc > 1 && n != atoi(argv[1]))
            continue;
        way = (struct way){.transparent = n >= 6,
                           .protocol =
                               n / 3 % 2 ? GW_PROTOCOL_5 : GW_PROTOCOL_3_1_1,
                           .transport = (enum transport)(n % 3)};
        failures += run_way(&factory);
    }
    mosquitto_kill(NULL, false);
    mosquitto_remove();
    return failures;
}
