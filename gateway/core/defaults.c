/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include "nearby.h"

#define SECOND UINT64_C(1000)
#define DAY (24 * 60 * 60 * SECOND)
#define KIB 1024u
#define MIB (1024u * KIB)

const struct gw_cidr gw_nearby[GW_NEARBY_BLOCKS] = {
    {.ip = {127}, .bits = 8, .family = 4},
    {.ip = {10}, .bits = 8, .family = 4},
    {.ip = {172, 16}, .bits = 12, .family = 4},
    {.ip = {192, 168}, .bits = 16, .family = 4},
    {.ip = {169, 254}, .bits = 16, .family = 4},
    {.ip = {[15] = 1}, .bits = 128, .family = 6},
    {.ip = {0xfc}, .bits = 7, .family = 6},
    {.ip = {0xfe, 0x80}, .bits = 10, .family = 6},
};

void gw_limits_default(struct gw_limits *ret_limits)
{
    const uint32_t sessions = 10000;

    *ret_limits = (struct gw_limits){
        .max_sessions = sessions,
        .max_topics = 4 * sessions,
        .max_subscriptions = 2 * sessions,
        .max_exchanges = 2 * sessions,
        .max_queue_entries = 10 * sessions,
        .max_predefined = 1024,
        .max_connections = 500,
        .queue_total_bytes = 16 * MIB,
        .uplink_total_bytes = 4 * MIB,
        .names_total_bytes = 512 * sessions,
    };
}

/* Without listeners; the policy then knows one that is like the first of an
 * empty configuration. */
void gw_options_default(struct gw_options *ret_options)
{
    *ret_options = (struct gw_options){
        .gw_id = 1,

        .retry_interval = 10 * SECOND,
        .retry_count = 3,

        .rebind_on_ping = GW_REBIND_SAME_HOST,
        .sleep_keeps_topics = true,
        .sleep_buffer_qos0 = true,
        .awake_max_time = 30 * SECOND,

        .max_client_id = 64,
        .max_topics_per_client = 512,
        .client_inflight_max = 8,
        .client_congestion_wait = 30 * SECOND,
        .idle_max = DAY,
        .session_expiry = 7 * DAY,
        .stranger_reply_rate = 100,
        .client = {.queue_max_messages = 100,
                   .queue_max_bytes = 64 * KIB,
                   .drop_policy = GW_DROP_OLDEST},

        .paho_len_quirk = true,
        .overlapping = GW_OVERLAPPING_PROBE,

        .window = 50,
        .qos2_window = 20,
        .max_qos = 2,
        .retain_settle = 500,
        .upstream_timeout = 30 * SECOND,
        .upstream_client_id = "mqttsn-gw",

        .qos_minus1_from = gw_nearby,
        .qos_minus1_from_count = GW_NEARBY_BLOCKS,
    };
}
