/* SPDX-License-Identifier: MIT */
/*
 * wire.h - the numbers that both directions of the codec share; private to
 * common/src.
 */
#ifndef MQTTSN_WIRE_H
#define MQTTSN_WIRE_H

/* Flags, from the top bit down [SN 5.3.4]. */
enum {
    FLAG_DUP = 0x80,
    FLAG_QOS = 0x60,
    FLAG_QOS_SHIFT = 5,
    FLAG_RETAIN = 0x10,
    FLAG_WILL = 0x08,
    FLAG_CLEAN_SESSION = 0x04,
    FLAG_TOPIC_TYPE = 0x03,
};

/*
 * The bits that carry meaning in each message; the others are sent as 0 and
 * ignored on receipt (G12-05). Where [SN 5.3.4] and the description of a
 * message differ, the message wins (G12-54).
 */
enum {
    USED_BY_CONNECT = FLAG_WILL | FLAG_CLEAN_SESSION,
    USED_BY_WILLTOPIC = FLAG_QOS | FLAG_RETAIN,
    USED_BY_PUBLISH = FLAG_DUP | FLAG_QOS | FLAG_RETAIN | FLAG_TOPIC_TYPE,
    USED_BY_SUBSCRIBE = FLAG_DUP | FLAG_QOS | FLAG_TOPIC_TYPE,
    USED_BY_SUBACK = FLAG_QOS,
    USED_BY_UNSUBSCRIBE = FLAG_TOPIC_TYPE,
};

enum {
    LENGTH_MARKER = 0x01, /* first octet of the 3-octet Length [SN 5.2.1] */
    SHORT_HEADER = 2,
    LONG_HEADER = 4,
    SHORT_FORM_MAX = 255,  /* the most that a 1-octet Length can say */
    LONG_FORM_MAX = 65535, /* the most that a 3-octet Length can say */
    ENCAPSULATION = 3,     /* Length, MsgType, Ctrl [SN 5.5] */
    NODE_ID_MAX = SHORT_FORM_MAX - ENCAPSULATION,
    CTRL_RADIUS = 0x03,
};

#endif
