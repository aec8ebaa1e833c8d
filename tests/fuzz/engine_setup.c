/* SPDX-License-Identifier: MIT */
/* Small tables, so that they are full soon, and options out of a few bits. */
#include "engine_world.h"

static const struct gw_cidr forwarder = {
    .ip = {10, 0, 1, 1}, .bits = 32, .family = 4};

static const struct gw_predefined predefined[] = {
    {.client_id = NULL, .topic = "p/open", .topic_id = 1, .open = true},
    {.client_id = NULL, .topic = "p/two", .topic_id = 2},
    {.client_id = "a", .topic = "p/a", .topic_id = 3},
    {.client_id = "a", .topic = "p/other", .topic_id = 2},
};

static const char *const allowed[] = {"p/#", "a/+", "ab", "will", "$x"};

static void setup_node(struct fz_node *node, unsigned k)
{
    memset(node, 0, sizeof(*node));
    node->addr.family = node->via.family = 4;
    node->addr.ip[0] = 10;
    node->addr.ip[3] = (uint8_t)(k == 4 ? 1 : k + 1); /* 0 and 4: one host */
    node->addr.port = (uint16_t)(2000 + k);
    if (k == 3)
        node->via.listener = 1; /* the one with small datagrams */
    if (k == 5) {
        node->addr.family = node->via.family = 6;
        node->addr.ip[0] = 0xfe;
        node->addr.ip[1] = 0x80;
        node->addr.scope = 2;
    }
    if (k >= FZ_FORWARDED) {
        node->addr.ip[2] = 1;
        node->addr.ip[3] = 1;
        node->addr.port = 3000;
        node->wireless_len = (uint8_t)(k - FZ_FORWARDED + 1);
        node->wireless[0] = (uint8_t)k;
    }
}

void fz_setup(struct fz_world *w, bool durable, bool transparent)
{
    w->transparent = transparent;
    gw_limits_default(&w->limits);
    w->limits.max_sessions = 6;
    w->limits.max_topics = 16;
    w->limits.max_subscriptions = 10;
    w->limits.max_exchanges = 10;
    w->limits.max_queue_entries = 20;
    w->limits.max_predefined = 8;
    w->limits.max_connections = FZ_LINKS;
    w->limits.queue_total_bytes = 2048;
    w->limits.uplink_total_bytes = 2048;
    w->limits.uplink_max_messages = durable ? 5 : 0;
    w->limits.uplink_max_bytes = durable ? 1024 : 0;
    w->limits.names_total_bytes = 49152;
    for (unsigned k = 0; k < FZ_NODES; k++)
        setup_node(&w->nodes[k], k);
}

static void choose_listeners(struct fz_world *w)
{
    for (size_t i = 0; i < 2; i++) {
        w->listeners[i] = (struct gw_listener_options){
            .port = 1883,
            .max_datagram = i == 0 ? 512 : 48,
            .discovery = i == 0,
            .advertise_interval = i == 0 ? 12 * 3600000 : 0,
            .forwarders = &forwarder,
            .forwarder_count = 1,
        };
    }
    w->options.listeners = w->listeners;
    w->options.listener_count = 2;
}

static void choose_rules(struct fz_world *w)
{
    w->rules[0] = (struct gw_client_rule){
        .pattern = "[bc]*",
        .fields = GW_CLIENT_MAX_DATAGRAM | GW_CLIENT_DROP_POLICY,
        .settings = {.max_datagram = 32, .drop_policy = GW_DROP_NEWEST}};
    w->rules[1] =
        (struct gw_client_rule){.pattern = "?",
                                .fields = GW_CLIENT_QUEUE_MAX_MESSAGES,
                                .settings = {.queue_max_messages = 3}};
    w->options.client_rules = w->rules;
    w->options.client_rule_count = 2;
}

void fz_choose(struct fz_world *w, const uint8_t options[FZ_OPTION_OCTETS])
{
    struct gw_options *o = &w->options;
    unsigned a = options[0], b = options[1], c = options[2], d = options[3];

    gw_options_default(o);
    o->gw_id = 7;
    o->mode = w->transparent ? GW_MODE_TRANSPARENT : GW_MODE_AGGREGATING;
    o->idle_max = 600000;
    o->session_expiry = 3600000;
    o->window = 4;
    o->max_client_id = 32;
    o->max_topics_per_client = 5;
    o->client_inflight_max = 3;
    o->stranger_reply_rate = 10;
    o->client.queue_max_messages = 5;
    o->client.queue_max_bytes = 1024;
    o->client.drop_policy = (enum gw_drop_policy)((a & 3) % 3);
    o->sleep_buffer_qos0 = a & 0x04;
    o->sleep_keeps_topics = a & 0x08;
    o->strict_sleep = a & 0x10;
    o->gw_ping = a & 0x20;
    o->refuse_keepalive_zero = a & 0x40;
    o->dollar_topics = a & 0x80;
    o->overlapping = (enum gw_overlapping)((b & 3) % 3);
    o->rebind_on_ping = (enum gw_rebind)((b >> 2 & 3) % 3);
    o->qos_minus1_short = b & 0x10;
    o->qos_minus1_retain = b & 0x20;
    o->paho_len_quirk = b & 0x40;
    o->gwinfo_multicast = b & 0x80;
    if (c & 0x02) {
        o->access_publish = allowed;
        o->access_publish_count = 4;
        o->access_subscribe = allowed;
        o->access_subscribe_count = 5;
    }
    o->awake_max_messages = c & 0x04 ? 2 : 0;
    o->will_on_shutdown = c & 0x08;
    o->source_rate = c & 0x10 ? 5 : 0;
    o->client.queue_max_age = c & 0x20 ? 30000 : 0;
    o->upstream_down_max = c & 0x40 ? 60000 : 0;
    o->durable = w->limits.uplink_max_messages != 0;
    o->uplink_qos0 = d & 0x02;
    o->uplink_drop_policy = d & 0x04 ? GW_DROP_NEWEST : GW_DROP_OLDEST;
    o->uplink_max_age = d & 0x08 ? 20000 : 0;
    o->uplink_drain_rate = d & 0x10 ? 2 : 0;
    w->holds = d & 0x20;
    w->keeps_arrivals = o->durable && (d & 0x40);
    o->predefined = predefined;
    o->predefined_count = c & 0x80 ? 4 : 2;
    choose_listeners(w);
    choose_rules(w);
}
