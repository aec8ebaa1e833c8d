/* SPDX-License-Identifier: MIT */
/*
 * Data only. After a change test_metrics, run with GW_UPDATE_DOCUMENTS=1,
 * writes docs/metrics.md anew. Every counter of the engine and of a listener
 * has a row; test_metrics knows.
 */
#include "metrics_table.h"

#include "metrics.h"

#define NUMBER(type_, member_)                                                 \
    .offset = (uint16_t)offsetof(type_, member_),                              \
    .width = (uint8_t)sizeof(((type_ *)NULL)->member_)
#define AT(member_) NUMBER(struct gw_metrics, member_)
#define UDP(member_)                                                           \
    NUMBER(struct gw_udp_counters, member_), .of = METRIC_OF_LISTENER
#define COUNTER .kind = METRIC_COUNTER
#define GAUGE .kind = METRIC_GAUGE
#define THOUSANDTHS .thousandths = 1

/* A metric with one value, one with several, one with several of each listener,
 * and a value of such a one. */
#define ONE(name_, kind_, help_, ...)                                          \
    {                                                                          \
        .name = (name_), .help = help_, kind_, __VA_ARGS__                     \
    }
#define BY(name_, kind_, label_, help_)                                        \
    {                                                                          \
        .name = (name_), .help = help_, .label = (label_), kind_               \
    }
#define EACH(name_, kind_, label_, help_)                                      \
    {                                                                          \
        .name = (name_), .help = help_, .label = (label_), kind_,              \
        .of = METRIC_OF_LISTENER                                               \
    }
#define VALUE(value_, ...)                                                     \
    {                                                                          \
        .name = (value_), __VA_ARGS__                                          \
    }

#define TYPE_IN(array_, name_, value_)                                         \
    VALUE(#name_,                                                              \
          AT(array_[(value_) == MQTTSN_ENCAPSULATED ? GW_METRICS_ENCAPSULATED  \
                                                    : (value_)]))
#define RECEIVED(name_, value_) TYPE_IN(received, name_, value_),
#define SENT(name_, value_) TYPE_IN(sent, name_, value_),

const struct metric_row metric_rows[] = {
    /* ---- the gateway ---- */
    ONE("up_seconds", GAUGE, "Since the gateway was started", AT(up_ms),
        THOUSANDTHS),
    BY("table_used", GAUGE, "table", "Rows in use of a table with a capacity"),
    VALUE("sessions", AT(usage.sessions)),
    VALUE("topics", AT(usage.topics)),
    VALUE("subscriptions", AT(usage.subscriptions)),
    VALUE("exchanges", AT(usage.exchanges)),
    VALUE("queue_entries", AT(usage.queue_entries)),
    VALUE("connections", AT(usage.connections)),
    BY("table_capacity", GAUGE, "table", "Rows that such a table has"),
    VALUE("sessions", AT(limits.max_sessions)),
    VALUE("topics", AT(limits.max_topics)),
    VALUE("subscriptions", AT(limits.max_subscriptions)),
    VALUE("exchanges", AT(exchanges_max)),
    VALUE("queue_entries", AT(limits.max_queue_entries)),
    VALUE("connections", AT(limits.max_connections)),
    ONE("notes_lost_total", COUNTER,
        "Lines for the log that were overwritten before they were written",
        AT(engine.notes_lost)),

    /* ---- nodes ---- */
    BY("clients", GAUGE, "transport=\"udp\",state",
       "Sessions of nodes by their state"),
    VALUE("active", AT(totals.clients[GW_ACTIVE])),
    VALUE("asleep", AT(totals.clients[GW_ASLEEP])),
    VALUE("awake", AT(totals.clients[GW_AWAKE])),
    VALUE("lost", AT(totals.clients[GW_LOST])),
    VALUE("disconnected", AT(totals.clients[GW_DISCONNECTED])),
    VALUE("connecting", AT(totals.clients[GW_HALF_OPEN])),
    BY("connects_total", COUNTER, "result", "CONNECTs by what came of them"),
    VALUE("accepted", AT(engine.connects_accepted)),
    VALUE("congestion", AT(engine.connects_congestion)),
    VALUE("refused", AT(engine.connects_refused)),
    VALUE("abandoned", AT(engine.connects_abandoned)),
    ONE("clients_lost_total", COUNTER,
        "Nodes that were silent beyond their keep-alive or sleep",
        AT(engine.clients_lost)),
    BY("sessions_expired_total", COUNTER, "reason",
       "Sessions that the gateway forgot by itself"),
    VALUE("expired", AT(engine.sessions_expired)),
    VALUE("evicted", AT(engine.connects_evicted)),
    BY("takeovers_total", COUNTER, "result",
       "Nodes that came from a new address"),
    VALUE("moved", AT(engine.takeovers)),
    VALUE("refused", AT(engine.takeover_refused)),
    VALUE("ping_refused", AT(engine.rebind_refused)),
    BY("wills_total", COUNTER, "result", "Wills by what became of them"),
    VALUE("published", AT(engine.wills_published)),
    VALUE("dropped", AT(engine.wills_dropped)),
    ONE("topics_registered", GAUGE, "Topic ids that nodes have",
        AT(usage.topics)),
    ONE("register_timeouts_total", COUNTER, "REGISTERs that no node answered",
        AT(engine.register_timeout)),

    /* ---- datagrams ---- */
    ONE("datagrams_received_total", COUNTER, "Datagrams taken in",
        AT(engine.rx_datagrams)),
    ONE("datagrams_sent_total", COUNTER, "Datagrams given to be sent",
        AT(engine.tx_datagrams)),
    BY("packets_received_total", COUNTER, "type",
       "Messages received, by the type that they say they are"),
    MQTTSN_TYPE_MAP(RECEIVED) VALUE("other", AT(received[GW_METRICS_OTHER])),
    BY("packets_sent_total", COUNTER, "type", "Messages sent by type"),
    MQTTSN_TYPE_MAP(SENT)
        BY("retransmissions_total", COUNTER, "type",
           "Messages that were sent again because no answer came"),
    VALUE("register", AT(engine.tx_again_register)),
    VALUE("publish", AT(engine.tx_again_publish)),
    VALUE("pubrel", AT(engine.tx_again_pubrel)),
    VALUE("will_request", AT(engine.tx_again_will)),
    BY("packets_malformed_total", COUNTER, "reason",
       "Datagrams that are no message, dropped without an answer"),
    VALUE("short", AT(engine.rx_short)),
    VALUE("length", AT(engine.rx_length)),
    VALUE("trailing", AT(engine.rx_trailing)),
    VALUE("type", AT(engine.rx_type)),
    VALUE("field", AT(engine.rx_field)),
    VALUE("nested", AT(engine.rx_nested)),
    VALUE("oversize", AT(engine.rx_oversize)),
    VALUE("direction", AT(engine.rx_direction)),
    BY("packets_dropped_total", COUNTER, "reason",
       "Datagrams that were dropped although they may have been good"),
    VALUE("forwarder_refused", AT(engine.rx_forwarder_refused)),
    VALUE("source_rate", AT(engine.rx_source_rate)),
    VALUE("ignored", AT(engine.rx_ignored)),
    VALUE("unfair", AT(udp.rx_unfair)),
    VALUE("kernel_dropped", AT(udp.rx_kernel_dropped)),
    VALUE("elsewhere", AT(udp.rx_elsewhere)),
    VALUE("own", AT(udp.rx_own)),
    VALUE("unanswerable", AT(udp.rx_unanswerable)),
    VALUE("larger_than_any", AT(udp.rx_oversize)),
    BY("strangers_total", COUNTER, "answer",
       "What came from senders without a session"),
    VALUE("disconnect", AT(engine.strangers_answered)),
    VALUE("held_back", AT(engine.strangers_muted)),
    BY("searchgw_total", COUNTER, "answer", "SEARCHGW of nodes"),
    VALUE("gwinfo", AT(engine.searchgw_answered)),
    VALUE("held_back", AT(engine.searchgw_muted)),

    /* ---- listeners ---- */
    EACH("listener_datagrams_total", COUNTER, "direction",
         "Datagrams of a listener"),
    VALUE("in", UDP(rx_datagrams)),
    VALUE("in_multicast", UDP(rx_multicast)),
    VALUE("out", UDP(tx_datagrams)),
    EACH("listener_octets_total", COUNTER, "direction",
         "Octets of these datagrams"),
    VALUE("in", UDP(rx_octets)),
    VALUE("out", UDP(tx_octets)),
    EACH("listener_troubles_total", COUNTER, "reason",
         "What the network refused, or did late"),
    VALUE("kernel_dropped", UDP(rx_kernel_dropped)),
    VALUE("rx_errors", UDP(rx_errors)),
    VALUE("blocked", UDP(tx_blocked)),
    VALUE("source_gone", UDP(tx_source_gone)),
    VALUE("denied", UDP(tx_denied)),
    VALUE("unreachable", UDP(tx_unreachable)),
    VALUE("too_large", UDP(tx_too_large)),
    VALUE("refused", UDP(tx_refused)),
    VALUE("failed", UDP(tx_failed)),

    /* ---- from nodes to the broker ---- */
    BY("uplink_publishes_total", COUNTER, "step",
       "Publishes of nodes by how far they came"),
    VALUE("handed_over", AT(engine.up_publishes)),
    VALUE("resubmitted", AT(engine.up_resubmitted)),
    VALUE("acknowledged", AT(engine.up_acked)),
    VALUE("rejected", AT(engine.up_rejected)),
    VALUE("duplicates", AT(engine.up_duplicates)),
    VALUE("qos2_uncertain", AT(engine.qos2_uncertain)),
    VALUE("qos_minus1_accepted", AT(engine.qos_minus1_accepted)),
    BY("uplink_refused_total", COUNTER, "reason",
       "Requests of nodes that were answered with a refusal"),
    VALUE("refused_topic", AT(engine.up_refused_topic)),
    VALUE("unknown_topic", AT(engine.up_unknown_topic)),
    VALUE("congestion", AT(engine.up_congestion)),
    VALUE("withdrawn", AT(engine.up_withdrawn)),
    VALUE("qos_minus1_refused", AT(engine.qos_minus1_refused)),
    BY("uplink_dropped_total", COUNTER, "reason",
       "Publishes of nodes that were given up"),
    VALUE("qos0", AT(engine.up_qos0_dropped)),
    VALUE("qos0_of_a_connection", AT(nodes_qos0_dropped)),
    VALUE("full", AT(engine.up_drop_full)),
    VALUE("expired", AT(engine.up_drop_expired)),
    VALUE("rejected", AT(engine.up_drop_rejected)),
    ONE("uplink_waiting_messages", GAUGE,
        "Acknowledged publishes that wait for the broker",
        AT(usage.uplink_messages)),
    ONE("uplink_waiting_bytes", GAUGE, "Octets of these",
        AT(usage.uplink_bytes)),
    ONE("uplink_waiting_bytes_max", GAUGE, "As many as there may be",
        AT(limits.uplink_max_bytes)),

    /* ---- from the broker to nodes ---- */
    BY("downlink_messages_total", COUNTER, "step",
       "Messages from the broker by what became of them"),
    VALUE("received", AT(engine.down_messages)),
    VALUE("queued", AT(engine.down_queued)),
    VALUE("delivered", AT(engine.down_delivered)),
    VALUE("unmatched", AT(engine.down_unmatched)),
    VALUE("foreign", AT(engine.down_foreign)),
    VALUE("overlap_swallowed", AT(engine.down_overlap_swallowed)),
    VALUE("retained_unclaimed", AT(engine.retained_unclaimed)),
    VALUE("answers_unwanted", AT(engine.down_answers_unwanted)),
    ONE("sleep_queues", GAUGE, "Nodes for which messages wait",
        AT(totals.queues)),
    ONE("sleep_queue_messages", GAUGE, "These messages",
        AT(totals.queue_messages)),
    ONE("sleep_queue_bytes", GAUGE,
        "Octets of these; what several wait for counts once",
        AT(totals.queue_bytes)),
    ONE("sleep_queue_bytes_max", GAUGE, "As many as there may be",
        AT(limits.queue_total_bytes)),
    BY("sleep_queue_dropped_total", COUNTER, "reason",
       "Messages for a node that were given up"),
    VALUE("queue_full", AT(engine.drop_queue_full)),
    VALUE("total_full", AT(engine.drop_total_full)),
    VALUE("fair_share", AT(engine.drop_fair_share)),
    VALUE("superseded", AT(engine.drop_superseded)),
    VALUE("expired", AT(engine.drop_expired)),
    VALUE("message_expired", AT(engine.drop_message_expired)),
    VALUE("session_ended", AT(engine.drop_session_ended)),
    VALUE("offline_qos0", AT(engine.drop_offline_qos0)),
    VALUE("too_large", AT(engine.drop_too_large)),
    VALUE("no_topic_id", AT(engine.drop_no_topic_id)),
    VALUE("name_refused", AT(engine.drop_name_refused)),
    VALUE("rejected", AT(engine.drop_rejected)),
    VALUE("unresponsive", AT(engine.drop_unresponsive)),
    VALUE("table_full", AT(engine.drop_table_full)),
    VALUE("purged", AT(engine.drop_purged)),

    /* ---- the broker's side ---- */
    ONE("upstream_connected", GAUGE, "1: the broker is connected",
        AT(connected)),
    ONE("upstream_connections_total", COUNTER,
        "Connections to the broker that were made", AT(connections_made)),
    ONE("upstream_reconnects_total", COUNTER, "All of these but the first",
        AT(reconnects)),
    ONE("upstream_inflight", GAUGE,
        "Requests that the broker has not answered yet", AT(in_flight)),
    ONE("upstream_throttled_total", COUNTER,
        "Publishes that waited because the broker takes no more a second",
        AT(engine.up_throttled)),
    BY("upstream_inbox_total", COUNTER, "result",
       "Messages from the broker for which there was no room at once"),
    VALUE("dropped", AT(inbox_dropped)),
    VALUE("waits", AT(inbox_waits)),
    ONE("upstream_node_connections", GAUGE,
        "Connections to the broker that nodes have of their own",
        AT(nodes_connections)),
    ONE("upstream_node_connections_total", COUNTER,
        "Of these, that were ever opened", AT(nodes_opened)),

    /* ---- the store ---- */
    ONE("store_writable", GAUGE, "0: the store did not take the last record",
        AT(store_writable)),
    ONE("persistence_commits_total", COUNTER, "Writes to the journal",
        AT(commits)),
    ONE("persistence_bytes_written_total", COUNTER, "Octets of these",
        AT(octets_written)),
    ONE("persistence_records_total", COUNTER, "Records of these",
        AT(records_written)),
    ONE("persistence_syncs_total", COUNTER, "Times the disk was waited for",
        AT(syncs)),
    ONE("persistence_flushes_total", COUNTER,
        "Times the database followed the journal", AT(flushes)),
    BY("persistence_failures_total", COUNTER, "of",
       "What could not be written"),
    VALUE("journal", AT(journal_failures)),
    VALUE("flush", AT(flush_failures)),
    VALUE("record", AT(engine.store_failed)),
    VALUE("record_not_offered", AT(engine.store_full)),
    ONE("persistence_rows", GAUGE, "Rows of the database", AT(rows)),
    ONE("persistence_journal_bytes", GAUGE, "Octets of the journal",
        AT(journal_octets)),

    /* ---- the process ---- */
    ONE("process_start_time_seconds", GAUGE,
        "Start of the process in seconds since 1970", AT(process.start_s)),
    ONE("process_cpu_seconds_total", COUNTER,
        "Time that processors spent on it", AT(process.cpu_ms), THOUSANDTHS),
    ONE("process_resident_memory_bytes", GAUGE, "Memory that it occupies",
        AT(process.resident)),
    ONE("process_open_fds", GAUGE, "Open file descriptors",
        AT(process.open_fds)),
    ONE("process_max_fds", GAUGE, "As many as it may have",
        AT(process.max_fds)),
};
const size_t metric_row_count = sizeof(metric_rows) / sizeof(metric_rows[0]);
