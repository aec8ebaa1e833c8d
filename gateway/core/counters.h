/* SPDX-License-Identifier: MIT */
/*
 * counters.h - everything the engine counts.
 *
 * One row per counter: name, what one step means. Counters only rise (they
 * wrap after 2^64) and are read by gw_engine_counters.
 */
#ifndef GW_COUNTERS_H
#define GW_COUNTERS_H

#include <stdint.h>

#define GW_COUNTER_MAP(X)                                                      \
    X(rx_datagrams, "datagrams taken in")                                      \
    X(rx_short, "dropped: ends before its fields do")                          \
    X(rx_length, "dropped: impossible Length")                                 \
    X(rx_trailing, "dropped: octets after the message")                        \
    X(rx_type, "dropped: reserved message type")                               \
    X(rx_field, "dropped: a field its message does not allow")                 \
    X(rx_nested, "dropped: nested encapsulation")                              \
    X(rx_oversize, "dropped: larger than max_datagram")                        \
    X(rx_direction, "dropped: a message only gateways send")                   \
    X(rx_forwarder_refused, "dropped: encapsulated, from no forwarder")        \
    X(rx_source_rate, "dropped: source over source_rate")                      \
    X(rx_ignored, "valid, but means nothing in that state")                    \
    X(tx_datagrams, "datagrams given to be sent")                              \
    X(tx_retransmissions, "of these, sent again")                              \
    X(tx_again_register, "of these, REGISTER")                                 \
    X(tx_again_publish, "of these, PUBLISH")                                   \
    X(tx_again_pubrel, "of these, PUBREL")                                     \
    X(tx_again_will, "of these, WILLTOPICREQ and WILLMSGREQ")                  \
    X(strangers_answered, "DISCONNECT to a source without session")            \
    X(strangers_muted, "replies to strangers held back by the rate limit")     \
    X(searchgw_answered, "GWINFO sent")                                        \
    X(searchgw_muted, "SEARCHGW not answered: rate, scope, upstream down")     \
    X(connects_accepted, "CONNACK accepted")                                   \
    X(connects_congestion, "CONNACK congestion")                               \
    X(connects_refused, "CONNACK not supported")                               \
    X(connects_abandoned, "will exchange or check never finished")             \
    X(connects_evicted, "sessions that gave way before their first message")   \
    X(takeovers, "sessions that moved to a new address")                       \
    X(takeover_refused, "CONNECT refused because the holder answered")         \
    X(rebind_refused, "PINGREQ that could not move its session")               \
    X(clients_lost, "keep-alive or sleep supervision ran out")                 \
    X(sessions_expired, "kept sessions forgotten after session_expiry")        \
    X(wills_published, "wills handed to the broker side")                      \
    X(wills_dropped, "wills that could not be handed over")                    \
    X(up_publishes, "publishes handed to the broker side")                     \
    X(up_resubmitted, "publishes handed over again after an outage")           \
    X(up_duplicates, "repetitions by nodes that were absorbed")                \
    X(up_acked, "publishes the broker acknowledged")                           \
    X(qos2_uncertain, "QoS 2 publishes sent anew, not known to have failed")   \
    X(up_rejected, "publishes the broker refused")                             \
    X(up_withdrawn, "requests given up unanswered: timed out, or taken back")  \
    X(up_throttled, "publishes that waited for publish_rate")                  \
    X(up_qos0_dropped, "QoS 0 publishes given up for room")                    \
    X(up_drop_full, "acknowledged uplink dropped: no room left")               \
    X(up_drop_expired, "acknowledged uplink dropped: uplink.max_age")          \
    X(up_drop_rejected, "acknowledged uplink dropped: refused by the broker")  \
    X(up_refused_topic, "publishes on a topic that is not allowed")            \
    X(up_unknown_topic, "publishes on an unknown topic id")                    \
    X(up_congestion, "requests answered congestion at a bound")                \
    X(qos_minus1_accepted, "QoS -1 publishes taken")                           \
    X(qos_minus1_refused, "QoS -1 publishes not allowed")                      \
    X(down_messages, "messages from the broker")                               \
    X(down_unmatched, "messages from the broker that nobody wants")            \
    X(down_foreign, "messages from the broker outside topic_prefix")           \
    X(down_overlap_swallowed, "second copies of one message, swallowed")       \
    X(retained_unclaimed, "retained messages with nobody waiting")             \
    X(down_answers_unwanted, "messages that ask for an answer elsewhere")      \
    X(down_queued, "messages put in a node's queue")                           \
    X(down_delivered, "messages delivered to a node")                          \
    X(drop_queue_full, "dropped for a node: its queue was full")               \
    X(drop_total_full, "dropped for a node: queue_total_bytes")                \
    X(drop_fair_share, "dropped for a node: it held more than its share")      \
    X(drop_superseded, "dropped for a node: a newer one on that topic")        \
    X(drop_expired, "dropped for a node: queue_max_age")                       \
    X(drop_message_expired, "dropped for a node: its message expiry")          \
    X(drop_session_ended, "dropped for a node: its session ended")             \
    X(drop_offline_qos0, "dropped for a node: QoS 0 while disconnected")       \
    X(drop_too_large, "dropped for a node: over its max_datagram")             \
    X(drop_no_topic_id, "dropped for a node: no topic id left")                \
    X(drop_name_refused, "dropped for a node: it refused the topic name")      \
    X(drop_rejected, "dropped for a node: it refused the message")             \
    X(drop_unresponsive, "dropped for a node: three failed wake-ups")          \
    X(drop_table_full, "dropped for a node: a table was full")                 \
    X(drop_purged, "dropped for a node: an operator wanted it")                \
    X(register_timeout, "REGISTERs a node never answered")                     \
    X(store_failed, "records the store could not keep")                        \
    X(store_full, "records not offered: the store is too far behind")          \
    X(notes_lost, "notes overwritten before they were read")

struct gw_counters {
#define GW_COUNTER_FIELD(name, text) uint64_t name;
    GW_COUNTER_MAP(GW_COUNTER_FIELD)
#undef GW_COUNTER_FIELD
};

#endif
