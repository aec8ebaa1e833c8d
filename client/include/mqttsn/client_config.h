/* SPDX-License-Identifier: MIT */
/*
 * client_config.h - what of the client is built, and the sizes fixed with it.
 *
 * Each value can be given on the compiler's command line, or in a header of
 * the board's that MQTTSN_CLIENT_CONFIG_FILE names in quotes. Library and
 * application must be compiled with the same values: they decide the layout of
 * struct mqttsn_client.
 */
#ifndef MQTTSN_CLIENT_CONFIG_H
#define MQTTSN_CLIENT_CONFIG_H

#ifdef MQTTSN_CLIENT_CONFIG_FILE
#include MQTTSN_CLIENT_CONFIG_FILE
#endif

/* ---- features: 1 builds, 0 leaves out ---------------------------------- */

/* QoS 2 in both directions. Without: mqttsn_client_publish refuses it, and
 * what arrives with it is answered "not supported". */
#ifndef MQTTSN_CLIENT_QOS2
#define MQTTSN_CLIENT_QOS2 1
#endif

/* A will at CONNECT, and changing it. */
#ifndef MQTTSN_CLIENT_WILL
#define MQTTSN_CLIENT_WILL 1
#endif

/* Topic names: REGISTER, and the table of names and ids. Without, messages go
 * under predefined ids and short names, which ask for no table and no
 * datagram. */
#ifndef MQTTSN_CLIENT_NAMES
#define MQTTSN_CLIENT_NAMES 1
#endif

/* Several gateways: when one is lost the next is tried. Without, the list has
 * one place, and its gateway is tried once more before the node gives up. */
#ifndef MQTTSN_CLIENT_FAILOVER
#define MQTTSN_CLIENT_FAILOVER 1
#endif

/* SEARCHGW, ADVERTISE, GWINFO, and telling others of our gateway. Without, the
 * gateways are those that mqttsn_client_add_gateway is told. */
#ifndef MQTTSN_CLIENT_DISCOVERY
#define MQTTSN_CLIENT_DISCOVERY MQTTSN_CLIENT_FAILOVER
#endif

/* Subscribing, and messages from the gateway. Without, the node publishes
 * only; see MQTTSN_CLIENT_REFUSE. */
#ifndef MQTTSN_CLIENT_SUBSCRIBE
#define MQTTSN_CLIENT_SUBSCRIBE MQTTSN_CLIENT_NAMES
#endif

/* In a node that does not subscribe: what the gateway sends all the same, for
 * a former life of the node subscribed, is answered "not supported". Without,
 * it is ignored, and the gateway may take the node for lost; that does not
 * happen to a node with clean_session. */
#ifndef MQTTSN_CLIENT_REFUSE
#define MQTTSN_CLIENT_REFUSE 1
#endif

/* REGISTER from the gateway: needed for wildcards and for messages after a
 * reconnection. Without, REGISTER is answered "not supported". */
#ifndef MQTTSN_CLIENT_WILDCARD
#define MQTTSN_CLIENT_WILDCARD MQTTSN_CLIENT_SUBSCRIBE
#endif

/* Frames wrapped as a forwarder does it, for a node that is its own forwarder
 * or stands for one. */
#ifndef MQTTSN_CLIENT_FORWARDER_FRAMES
#define MQTTSN_CLIENT_FORWARDER_FRAMES 1
#endif

/* mqttsn_client_snapshot and mqttsn_client_resume. */
#ifndef MQTTSN_CLIENT_SNAPSHOT
#define MQTTSN_CLIENT_SNAPSHOT 1
#endif

/* The seal and open hooks. */
#ifndef MQTTSN_CLIENT_SEAL
#define MQTTSN_CLIENT_SEAL 1
#endif

/* ---- sizes, in octets -------------------------------------------------- */

/* The longest gateway address. On IP: see struct mqttsn_address. */
#ifndef MQTTSN_CLIENT_ADDRESS_MAX
#define MQTTSN_CLIENT_ADDRESS_MAX 18
#endif

/* The longest topic name that a slot of the topic table holds; at most 255.
 * Longer names of the gateway's are refused; filters may be longer. */
#ifndef MQTTSN_CLIENT_NAME_MAX
#define MQTTSN_CLIENT_NAME_MAX 48
#endif

/* The longest client id. More than 23 is against [SN 5.3.1]. */
#ifndef MQTTSN_CLIENT_ID_MAX
#define MQTTSN_CLIENT_ID_MAX 23
#endif

/* ---- timers, in milliseconds, and counts [SN 7.2] ----------------------- */

/* Wait for an answer; up to half of it again is added at random, so that nodes
 * that lost the same frame do not repeat in step. */
#ifndef MQTTSN_CLIENT_T_RETRY_MS
#define MQTTSN_CLIENT_T_RETRY_MS 10000u
#endif

/* Repetitions before a gateway counts as gone. */
#ifndef MQTTSN_CLIENT_N_RETRY
#define MQTTSN_CLIENT_N_RETRY 3
#endif

/* Pause after "rejected: congestion". */
#ifndef MQTTSN_CLIENT_T_WAIT_MS
#define MQTTSN_CLIENT_T_WAIT_MS 360000u
#endif

/* SEARCHGW is delayed by up to this; the gap to its repetition begins here and
 * doubles, up to the longest. */
#ifndef MQTTSN_CLIENT_T_SEARCHGW_MS
#define MQTTSN_CLIENT_T_SEARCHGW_MS 5000u
#endif
#ifndef MQTTSN_CLIENT_SEARCH_GAP_MAX_MS
#define MQTTSN_CLIENT_SEARCH_GAP_MAX_MS 3600000u
#endif

/* Our GWINFO is delayed by up to this, to let gateways speak first. */
#ifndef MQTTSN_CLIENT_T_GWINFO_MS
#define MQTTSN_CLIENT_T_GWINFO_MS 5000u
#endif

/* ADVERTISEs that may be missed before a gateway leaves the list. */
#ifndef MQTTSN_CLIENT_N_ADV
#define MQTTSN_CLIENT_N_ADV 3
#endif

/* How long after a QoS 2 exchange another copy of its PUBLISH may still be on
 * its way. A later one with the same MsgId and content is a new message. */
#ifndef MQTTSN_CLIENT_LATE_MS
#define MQTTSN_CLIENT_LATE_MS 5000u
#endif

/* ---- our own mistakes -------------------------------------------------- */

/* Trips only when the contract of client.h is broken, never for what a peer
 * sends. A board may turn it into a trap, a reset, or nothing. */
#ifndef MQTTSN_CLIENT_ASSERT
#if __STDC_HOSTED__
#include <assert.h>
#define MQTTSN_CLIENT_ASSERT(condition) assert(condition)
#elif defined(__GNUC__)
#define MQTTSN_CLIENT_ASSERT(condition)                                        \
    ((condition) ? (void)0 : __builtin_trap())
#else
#define MQTTSN_CLIENT_ASSERT(condition) ((void)(condition))
#endif
#endif

/* ---- what cannot be ---------------------------------------------------- */

#if MQTTSN_CLIENT_DISCOVERY && !MQTTSN_CLIENT_FAILOVER
#error "MQTTSN_CLIENT_DISCOVERY needs MQTTSN_CLIENT_FAILOVER"
#endif
#if MQTTSN_CLIENT_SUBSCRIBE && !MQTTSN_CLIENT_NAMES
#error "MQTTSN_CLIENT_SUBSCRIBE needs MQTTSN_CLIENT_NAMES"
#endif
#if MQTTSN_CLIENT_WILDCARD && !MQTTSN_CLIENT_SUBSCRIBE
#error "MQTTSN_CLIENT_WILDCARD needs MQTTSN_CLIENT_SUBSCRIBE"
#endif
#if MQTTSN_CLIENT_NAME_MAX < 1 || MQTTSN_CLIENT_NAME_MAX > 255
#error "MQTTSN_CLIENT_NAME_MAX must be 1..255"
#endif
#if MQTTSN_CLIENT_ADDRESS_MAX < 1 || MQTTSN_CLIENT_ADDRESS_MAX > 254
#error "MQTTSN_CLIENT_ADDRESS_MAX must be 1..254"
#endif
#if MQTTSN_CLIENT_ID_MAX < 1 || MQTTSN_CLIENT_ID_MAX > 248
#error "MQTTSN_CLIENT_ID_MAX must be 1..248"
#endif

#endif
