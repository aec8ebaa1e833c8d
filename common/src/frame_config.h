/* SPDX-License-Identifier: MIT */
/*
 * frame_config.h - which messages the codec knows; private to common/src.
 *
 * All of them, unless the build says otherwise: on the compiler's command
 * line, or in a header that MQTTSN_FRAME_CONFIG_FILE names in quotes. A message
 * that is left out is as a reserved type: MQTTSN_ETYPE when it is decoded,
 * MQTTSN_EINVAL when it is to be encoded. For nodes with little flash;
 * mqttsn/client_frames.h says what a node needs.
 */
#ifndef MQTTSN_FRAME_CONFIG_H
#define MQTTSN_FRAME_CONFIG_H

#ifdef MQTTSN_FRAME_CONFIG_FILE
#include MQTTSN_FRAME_CONFIG_FILE
#endif

/* What only a gateway reads (CONNECT, SUBSCRIBE...) or sends (CONNACK...), and
 * its leniency towards other libraries. */
#ifndef MQTTSN_FRAME_GATEWAY
#define MQTTSN_FRAME_GATEWAY 1
#endif

/* ADVERTISE, SEARCHGW, GWINFO. */
#ifndef MQTTSN_FRAME_DISCOVERY
#define MQTTSN_FRAME_DISCOVERY 1
#endif

/* All messages whose names begin with WILL. */
#ifndef MQTTSN_FRAME_WILL
#define MQTTSN_FRAME_WILL 1
#endif

/* A node's own REGISTER, and its answer. */
#ifndef MQTTSN_FRAME_NAMES
#define MQTTSN_FRAME_NAMES 1
#endif

/* REGISTER and PUBLISH of a gateway, and a node's answers. */
#ifndef MQTTSN_FRAME_RECEIVE
#define MQTTSN_FRAME_RECEIVE 1
#endif

/* SUBSCRIBE, UNSUBSCRIBE, and their answers. */
#ifndef MQTTSN_FRAME_SUBSCRIBE
#define MQTTSN_FRAME_SUBSCRIBE 1
#endif

/* PUBREC, PUBREL, PUBCOMP. */
#ifndef MQTTSN_FRAME_QOS2
#define MQTTSN_FRAME_QOS2 1
#endif

/* The encapsulation of forwarders. */
#ifndef MQTTSN_FRAME_FORWARDER
#define MQTTSN_FRAME_FORWARDER 1
#endif

#endif
