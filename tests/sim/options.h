/* SPDX-License-Identifier: MIT */
/*
 * options.h - what may differ from one seed to the next.
 *
 * Each seed draws its own set ("swarm"): some have a calm network and a cruel
 * broker, some tiny tables, some a store that is slow. One row per option;
 * any can be given on the command line, after the seed has drawn the rest.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_OPTION_MAP(X)                                                      \
    /* time */                                                                 \
    X(pace_ms, "mean pause between two acts of a node")                        \
    X(life_s, "seconds of trouble before everything is healed")                \
    X(jump_permille, "chance per minute of trouble that the clock jumps on")   \
    /* nodes, by temperament */                                                \
    X(steady, "nodes that behave")                                             \
    X(sleepers, "nodes that sleep")                                            \
    X(rebooters, "nodes that boot, and begin with the old MsgIds")             \
    X(deaf, "nodes that ignore REGISTER")                                      \
    X(fussy, "nodes that refuse DUP, QoS 2, or REGISTER")                      \
    X(vanishers, "nodes that sleep and never return")                          \
    X(movers, "nodes whose address changes")                                   \
    X(flooders, "nodes that send many requests at a time")                     \
    X(hoarders, "nodes that never finish a QoS 2 exchange")                    \
    X(library, "nodes on the client library")                                  \
    X(villains, "malicious sources")                                           \
    X(searchers, "of them: who search, and say they are gateways (T7)")        \
    X(crowds, "who connect under many ids from many ports (T8)")               \
    X(lingerers, "who ask for the longest times, and go (T9, T10)")            \
    X(grabbers, "who register, wake up and begin without end (T11, T18, T19)") \
    X(nameless, "who publish with QoS -1, allowed or not (T12)")               \
    X(wrappers, "who are no forwarder, or wrap badly (T15)")                   \
    X(mirrors, "who subscribe where nobody answers (T6)")                      \
    X(guessers, "who acknowledge blindly in a node's name (T17)")              \
    X(spoof_permille, "a villain's frames that carry a node's address")        \
    X(forwarded_permille, "nodes that are behind a forwarder")                 \
    X(ipv6_permille, "nodes that have an address of IPv6")                     \
    /* network, per mille of the datagrams */                                  \
    X(loss, "lost")                                                            \
    X(dup, "doubled")                                                          \
    X(flip, "with a bit flipped")                                              \
    X(truncate, "cut short")                                                   \
    X(delay_ms, "the least delay")                                             \
    X(jitter_ms, "the most that is added, which reorders")                     \
    X(outage_permille, "chance per act that a node's radio fails for a while") \
    /* broker */                                                               \
    X(each_copy, "1: one copy per matching filter; 0: one in all")             \
    X(publish_ms, "mean pause between two messages of others")                 \
    X(retain_permille, "of these, retained")                                   \
    X(answer_ms, "how long it takes to answer")                                \
    X(break_s, "mean time between two broken connections; 0: never")           \
    X(away_ms, "mean time until the connection returns")                       \
    X(forgets_permille, "returns without our session")                         \
    X(lies_permille, "of these, that say it is there")                         \
    X(refuses_permille, "requests it refuses")                                 \
    X(receive_maximum, "of the connection; 0: none")                           \
    /* store */                                                                \
    X(durable, "1: records survive a crash; 0: memory")                        \
    X(store_ms, "the most a completion takes")                                 \
    X(store_shuffle, "1: completions in any order")                            \
    X(store_fails, "per mille that cannot be kept; then nothing ends")         \
    /* the store on a disk (simulate-store) */                                 \
    X(full, "1: acknowledgements wait for a sync")                             \
    X(flush_ms, "between two flushes")                                         \
    X(cut_ops, "mean number of its operations until it ends; 0: never")        \
    X(cut_at, "the one operation at which it ends; 0: drawn")                  \
    X(keeps, "then: 1 all, 2 what was synced, 3 some besides; 0: drawn")       \
    X(wall_permille, "restarts with a wall clock that was set back")           \
    /* the gateway's surroundings */                                           \
    X(crash_s, "mean time between two crashes; 0: never")                      \
    X(end_s, "mean time between two orderly ends; 0: never")                   \
    X(block_s, "mean time between two blocked sinks; 0: never")                \
    X(budget, "polls per sink and turn; 0: all there is")                      \
    X(lag_ms, "how late deadlines are served")                                 \
    /* limits of the engine */                                                 \
    X(max_sessions, "")                                                        \
    X(max_topics, "")                                                          \
    X(max_subscriptions, "")                                                   \
    X(max_exchanges, "")                                                       \
    X(max_queue_entries, "")                                                   \
    X(queue_total_bytes, "")                                                   \
    X(uplink_total_bytes, "")                                                  \
    X(names_total_bytes, "")                                                   \
    X(queue_max_messages, "")                                                  \
    X(queue_max_bytes, "")                                                     \
    X(queue_max_age_s, "")                                                     \
    X(drop_policy, "enum gw_drop_policy")                                      \
    /* switches of the engine */                                               \
    X(retry_ms, "T_RETRY")                                                     \
    X(retry_count, "N_RETRY")                                                  \
    X(rebind_on_ping, "enum gw_rebind")                                        \
    X(sleep_keeps_topics, "")                                                  \
    X(sleep_buffer_qos0, "")                                                   \
    X(strict_sleep, "")                                                        \
    X(awake_max_messages, "")                                                  \
    X(awake_max_s, "")                                                         \
    X(max_topics_per_client, "")                                               \
    X(client_inflight_max, "")                                                 \
    X(stranger_rate, "answers to strangers a second")                          \
    X(source_rate, "datagrams a second from one source; 0: all")               \
    X(congestion_wait_s, "")                                                   \
    X(idle_max_s, "")                                                          \
    X(session_expiry_s, "")                                                    \
    X(gw_ping, "")                                                             \
    X(overlapping, "enum gw_overlapping")                                      \
    X(window, "")                                                              \
    X(retain_settle_ms, "")                                                    \
    X(upstream_timeout_s, "")                                                  \
    X(upstream_down_max_s, "")                                                 \
    X(will_on_shutdown, "")                                                    \
    X(max_datagram, "of the listener")                                         \
    X(discovery, "of the listener")                                            \
    X(advertise_s, "of the listener")                                          \
    X(gwinfo_multicast, "")                                                    \
    X(minus1_short, "QoS -1 on short names")                                   \
    X(minus1_retain, "QoS -1 with Retain")                                     \
    X(minus1_from, "0: from near; 1: from a few hosts")                        \
    /* store and forward, with a durable store */                              \
    X(uplink_max_messages, "")                                                 \
    X(uplink_max_bytes, "")                                                    \
    X(uplink_max_age_s, "")                                                    \
    X(uplink_drop_policy, "oldest or newest")                                  \
    X(uplink_drain_rate, "")                                                   \
    X(uplink_qos0, "")                                                         \
    /* names; see rules.c */                                                   \
    X(prefix, "of all topics at the broker; 0: none; from 2 on by client")     \
    X(access, "who may publish and subscribe where; 0: all everywhere")        \
    X(reload_s, "mean time between two changes of that; 0: never")             \
    /* a connection for each node; see links.h */                              \
    X(transparent, "1: so it is; then there are no villains and no store")     \
    X(max_connections, "of nodes")

struct options {
#define SIM_OPTION_FIELD(name, text) int64_t name;
    SIM_OPTION_MAP(SIM_OPTION_FIELD)
#undef SIM_OPTION_FIELD
};

/* What the seed draws. */
void options_draw(struct options *ret, uint64_t seed);
/* Takes back what cannot be together; after what was given by hand. */
void options_agree(struct options *options);
/* "name=value"; false when there is no such option or no number. */
bool options_set(struct options *options, const char *assignment);
/* All of them, as name=value, several to a line. */
void options_print(const struct options *options, FILE *to);
/* What each is, one to a line. */
void options_explain(FILE *to);

#endif
