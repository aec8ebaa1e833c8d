/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a valid frame, by the state of its sender: the table of
 * states and messages, as data. A handler may still find that a frame matches
 * nothing; but no frame reaches a handler in a state that it has no place in.
 */
#include "reactions.h"

#define D GW_R_DISCONNECT
#define H GW_R_HANDLE
#define I GW_R_IGNORE
#define X GW_R_DROP

/* Columns: unknown, half-open, active, asleep, awake, disconnected or lost. */
const uint8_t gw_reactions[GW_REACTION_TYPES][GW_COL_GONE + 1] = {
    [MQTTSN_ADVERTISE] = {H, H, H, H, H, H},
    [MQTTSN_SEARCHGW] = {H, H, H, H, H, H},
    [MQTTSN_GWINFO] = {H, H, H, H, H, H},
    [MQTTSN_CONNECT] = {H, H, H, H, H, H},
    [MQTTSN_CONNACK] = {X, X, X, X, X, X},
    [MQTTSN_WILLTOPICREQ] = {X, X, X, X, X, X},
    [MQTTSN_WILLTOPIC] = {I, H, I, I, I, I},
    [MQTTSN_WILLMSGREQ] = {X, X, X, X, X, X},
    [MQTTSN_WILLMSG] = {I, H, I, I, I, I},
    [MQTTSN_REGISTER] = {D, I, H, H, H, D},
    [MQTTSN_REGACK] = {I, I, H, I, H, I},
    [MQTTSN_PUBLISH] = {D, I, H, H, H, D},
    [MQTTSN_PUBACK] = {I, I, H, H, H, I}, /* asleep: a late one (G12-19) */
    [MQTTSN_PUBCOMP] = {I, I, H, H, H, I},
    [MQTTSN_PUBREC] = {I, I, H, H, H, I},
    [MQTTSN_PUBREL] = {D, I, H, H, H, H}, /* gone: if it is remembered */
    [MQTTSN_SUBSCRIBE] = {D, I, H, H, H, D},
    [MQTTSN_SUBACK] = {X, X, X, X, X, X},
    [MQTTSN_UNSUBSCRIBE] = {D, I, H, H, H, D},
    [MQTTSN_UNSUBACK] = {X, X, X, X, X, X},
    [MQTTSN_PINGREQ] = {H, I, H, H, H, H},  /* may name a session elsewhere */
    [MQTTSN_PINGRESP] = {I, I, I, I, I, I}, /* a sign of life, no more */
    [MQTTSN_DISCONNECT] = {D, H, H, H, H, D},
    [MQTTSN_WILLTOPICUPD] = {D, I, H, H, H, D},
    [MQTTSN_WILLTOPICRESP] = {X, X, X, X, X, X},
    [MQTTSN_WILLMSGUPD] = {D, I, H, H, H, D},
    [MQTTSN_WILLMSGRESP] = {X, X, X, X, X, X},
};
