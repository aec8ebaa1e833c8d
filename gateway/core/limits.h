/* SPDX-License-Identifier: MIT */
/*
 * limits.h - every capacity, timer and switch of the engine.
 *
 * 'struct gw_limits' sizes the tables; it is read once, by gw_engine_new.
 * 'struct gw_options' is what a reload may replace while nodes are connected.
 * Neither knows about files; io/config fills both. Defaults are those of the
 * key table in io/config, and gw_limits_default / gw_options_default.
 */
#ifndef GW_LIMITS_H
#define GW_LIMITS_H

#include "address.h"

#include "mqttsn/span.h"
#include "mqttsn/time.h"

struct gw_limits {
    uint32_t max_sessions;      /* client records, connected or not */
    uint32_t max_topics;        /* registered names over all sessions */
    uint32_t max_subscriptions; /* over all sessions */
    uint32_t max_exchanges;     /* unfinished requests over all sessions */
    uint32_t max_queue_entries; /* places in all downlink queues */
    uint32_t max_predefined;    /* rows of predefined topics */
    uint32_t max_connections; /* of nodes to the broker, in transparent mode */
    uint32_t uplink_max_messages; /* that wait for the broker alone; only with
                                     a durable store, else 0 */
    uint64_t queue_total_bytes;   /* bodies of messages for nodes */
    uint64_t uplink_total_bytes;  /* bodies of messages for the broker */
    uint64_t uplink_max_bytes;    /* of these, of uplink_max_messages */
    uint64_t names_total_bytes;   /* topic names, filters, client ids, wills */
};

enum gw_drop_policy {
    GW_DROP_OLDEST,          /* oldest QoS 0 first, then the oldest */
    GW_DROP_NEWEST,          /* the one that just arrived */
    GW_DROP_LATEST_PER_TOPIC /* keep only the newest of each topic */
};

enum gw_rebind { GW_REBIND_SAME_HOST, GW_REBIND_ANY, GW_REBIND_OFF };

enum gw_overlapping {
    GW_OVERLAPPING_PROBE, /* find out once per connection */
    GW_OVERLAPPING_ONE,   /* the broker sends one copy in all */
    GW_OVERLAPPING_EACH   /* one copy per matching filter */
};

/* What becomes of Retain on its way to a broker that may not take it. */
enum gw_broker_retain {
    GW_RETAIN_FORWARD,
    GW_RETAIN_STRIP, /* published without it */
    GW_RETAIN_REFUSE /* answered with "not supported"; stripped of wills */
};

/* Whose the connections to the broker are (D1). */
enum gw_upstream_mode {
    GW_MODE_AGGREGATING, /* one carries every node */
    GW_MODE_TRANSPARENT  /* each node has its own, and one is the gateway's */
};

/* When the will of a node is published (G12-29). */
enum gw_will_policy {
    GW_WILL_LOST,             /* when the node is lost */
    GW_WILL_LOST_OR_SHUTDOWN, /* and when the gateway is stopped */
    GW_WILL_NEVER
};

/* What may differ per node; [client PATTERN]. */
struct gw_client_settings {
    uint32_t max_datagram; /* octets; 0 = that of the listener */
    uint32_t queue_max_messages;
    uint32_t queue_max_bytes;
    bool trace;    /* every frame of it is logged; the shell's business */
    bool no_local; /* what such a node publishes does not come back to it; only
                      with a connection of its own, and MQTT 5 */
    mqttsn_ms queue_max_age; /* 0 = no limit */
    enum gw_drop_policy drop_policy;
    enum gw_will_policy will; /* of the global ones: as will_on_shutdown says */
};

/* Which members of a rule's settings are meant. */
enum gw_client_field {
    GW_CLIENT_MAX_DATAGRAM = 1,
    GW_CLIENT_QUEUE_MAX_MESSAGES = 2,
    GW_CLIENT_QUEUE_MAX_BYTES = 4,
    GW_CLIENT_QUEUE_MAX_AGE = 8,
    GW_CLIENT_DROP_POLICY = 16,
    GW_CLIENT_WILL = 32,
    GW_CLIENT_NO_LOCAL = 64,
    GW_CLIENT_SUBSCRIBE = 128, /* the rule's subscriptions */
    GW_CLIENT_TRACE = 256,
};

/* One that the gateway makes for a node: it is there from CONNECT on, and as
 * long as the configuration says so. */
struct gw_fixed_subscription {
    const char *filter; /* as nodes name it; '{client_id}' is the node's */
    uint8_t qos;        /* 0..2 */
};

/* One [client PATTERN] section, in file order: per field the first rule whose
 * shell glob matches the client id wins. */
struct gw_client_rule {
    const char *pattern;
    unsigned fields; /* set of gw_client_field */
    struct gw_client_settings settings;
    const struct gw_fixed_subscription *subscriptions;
    size_t subscription_count;
};

/* One row of the predefined topics. */
struct gw_predefined {
    const char *client_id; /* NULL: for every client */
    const char *topic;
    uint16_t topic_id; /* 1..65534 */
    bool open;         /* also for QoS -1 (D6) */
};

struct gw_listener_options {
    uint16_t port; /* the port it is bound to; its own datagrams come from it */
    uint32_t max_datagram; /* octets of UDP payload, encapsulation included */
    bool discovery;        /* answer SEARCHGW, send ADVERTISE */
    mqttsn_ms advertise_interval; /* T_ADV; 0 = never */
    bool forwarders_any;
    const struct gw_cidr *forwarders; /* who may encapsulate */
    size_t forwarder_count;
};

/*
 * Pointers are borrowed for the call that is given the options: the engine
 * copies what it needs.
 */
struct gw_options {
    uint8_t gw_id;

    /* [retry] */
    mqttsn_ms retry_interval; /* T_RETRY */
    unsigned retry_count;     /* N_RETRY */

    /* [sleep] */
    enum gw_rebind rebind_on_ping;
    bool sleep_keeps_topics;
    bool sleep_buffer_qos0;
    bool strict_sleep;
    uint32_t awake_max_messages; /* 0 = no limit */
    mqttsn_ms awake_max_time;

    /* [limits] that need no table */
    uint32_t max_client_id;
    uint32_t max_topics_per_client;
    uint32_t client_inflight_max;
    mqttsn_ms client_congestion_wait;
    mqttsn_ms idle_max;           /* supervises a keep-alive of 0 (G12-04) */
    mqttsn_ms session_expiry;     /* of a disconnected or lost session */
    uint32_t stranger_reply_rate; /* replies a second to unbound sources */
    uint32_t source_rate; /* datagrams a second from one source; 0 = off */
    struct gw_client_settings client; /* the global values */

    /* [compat] */
    bool paho_len_quirk;
    bool refuse_keepalive_zero;
    bool gwinfo_multicast;
    bool gw_ping;
    enum gw_overlapping overlapping;

    /* [upstream] */
    enum gw_upstream_mode mode; /* fixed when the engine is made */
    uint32_t window; /* unacknowledged publishes handed to the broker side */
    uint32_t qos2_window; /* of these, so many of QoS 2 */
    mqttsn_ms retain_settle;
    mqttsn_ms upstream_timeout;
    mqttsn_ms upstream_down_max; /* 0 = never */
    bool will_on_shutdown;
    const char *upstream_client_id; /* the gateway's own, at the broker */
    /* In front of every topic and filter of a node at the broker; ends in '/'.
     * '{client_id}' stands for the node's. NULL: nothing. Never changes while
     * the engine runs. */
    const char *topic_prefix;

    /* What the broker takes of a connection; 0 = no limit. */
    uint8_t max_qos; /* 1 or 2 */
    enum gw_broker_retain broker_retain;
    uint32_t publish_rate;     /* publishes a second of the gateway's own */
    uint32_t max_topic_bytes;  /* of a topic or filter as the broker sees it */
    uint32_t max_topic_levels; /* of the same */
    uint32_t max_filters; /* subscribed at a time, the probe's not counted */

    /* [store] */
    bool durable; /* what is stored outlives the process; needs room, see
                     uplink_max_messages and _bytes */

    /* [uplink], with a durable store */
    mqttsn_ms uplink_max_age;               /* 0 = no limit */
    enum gw_drop_policy uplink_drop_policy; /* oldest or newest */
    uint32_t uplink_drain_rate; /* backlog messages a second; 0 = no limit */
    bool uplink_qos0;           /* keep QoS 0 too while the broker is away */

    /* [topics], [access] */
    bool qos_minus1_short;
    bool qos_minus1_retain;
    const struct gw_cidr *qos_minus1_from;
    size_t qos_minus1_from_count;
    bool dollar_topics; /* nodes may use topics that begin with '$' */
    /* Filters, of topics as nodes name them, with '{client_id}' where the
     * node's own stands; count 0 = everything. */
    const char *const *access_publish;
    size_t access_publish_count;
    const char *const *access_subscribe;
    size_t access_subscribe_count;

    const struct gw_listener_options *listeners;
    size_t listener_count;
    const struct gw_client_rule *client_rules;
    size_t client_rule_count;
    const struct gw_predefined *predefined;
    size_t predefined_count;
};

/* The most the engine takes of each list. More is refused by gw_engine_new
 * and gw_engine_reconfigure with MQTTSN_ENOSPACE. */
#define GW_LISTENERS_MAX 16
#define GW_FORWARDERS_MAX 64
#define GW_CIDRS_MAX 32
#define GW_ACCESS_FILTERS_MAX 64
#define GW_CLIENT_RULES_MAX 64
#define GW_FIXED_SUBSCRIPTIONS_MAX 256 /* of all rules together */

/* Longest topic name or filter that is kept; longer ones are refused. */
#define GW_NAME_MAX 1900

/* Longest topic_prefix, with the gateway's own client id in it, and how many
 * levels it may have. */
#define GW_PREFIX_MAX 900
#define GW_PREFIX_LEVELS_MAX 64

void gw_limits_default(struct gw_limits *ret_limits);
void gw_options_default(struct gw_options *ret_options);

#endif
