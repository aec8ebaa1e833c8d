/* SPDX-License-Identifier: MIT */
/*
 * frame.h - every message of MQTT-SN 1.2 as a struct, and both directions of
 * the codec.
 *
 * Decoding is total: any octets give either a frame or a status, and nothing
 * outside the given span is read. It checks layout only; whether a frame may
 * be sent in some state, or by some side, is for others to judge. Values that
 * decode but may not be used (a reserved TopicIdType, QoS or ProtocolId) are
 * kept in the frame so that they can be answered.
 *
 * No heap, no I/O, no clock. Clauses: [SN 5.2], [SN 5.3], [SN 5.4], [SN 5.5].
 */
#ifndef MQTTSN_FRAME_H
#define MQTTSN_FRAME_H

#include "mqttsn/span.h"
#include "mqttsn/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Name and value of each message type [SN 5.2.2]. */
#define MQTTSN_TYPE_MAP(X)                                                     \
    X(ADVERTISE, 0x00)                                                         \
    X(SEARCHGW, 0x01)                                                          \
    X(GWINFO, 0x02)                                                            \
    X(CONNECT, 0x04)                                                           \
    X(CONNACK, 0x05)                                                           \
    X(WILLTOPICREQ, 0x06)                                                      \
    X(WILLTOPIC, 0x07)                                                         \
    X(WILLMSGREQ, 0x08)                                                        \
    X(WILLMSG, 0x09)                                                           \
    X(REGISTER, 0x0a)                                                          \
    X(REGACK, 0x0b)                                                            \
    X(PUBLISH, 0x0c)                                                           \
    X(PUBACK, 0x0d)                                                            \
    X(PUBCOMP, 0x0e)                                                           \
    X(PUBREC, 0x0f)                                                            \
    X(PUBREL, 0x10)                                                            \
    X(SUBSCRIBE, 0x12)                                                         \
    X(SUBACK, 0x13)                                                            \
    X(UNSUBSCRIBE, 0x14)                                                       \
    X(UNSUBACK, 0x15)                                                          \
    X(PINGREQ, 0x16)                                                           \
    X(PINGRESP, 0x17)                                                          \
    X(DISCONNECT, 0x18)                                                        \
    X(WILLTOPICUPD, 0x1a)                                                      \
    X(WILLTOPICRESP, 0x1b)                                                     \
    X(WILLMSGUPD, 0x1c)                                                        \
    X(WILLMSGRESP, 0x1d)                                                       \
    X(ENCAPSULATED, 0xfe)

enum mqttsn_type {
#define MQTTSN_TYPE_ENUM(name, value) MQTTSN_##name = value,
    MQTTSN_TYPE_MAP(MQTTSN_TYPE_ENUM)
#undef MQTTSN_TYPE_ENUM
};

/* TopicIdType of Flags [SN 5.3.4]. In SUBSCRIBE and UNSUBSCRIBE, NORMAL means
 * that a topic name follows. */
enum mqttsn_topic_type {
    MQTTSN_TOPIC_NORMAL = 0,
    MQTTSN_TOPIC_PREDEFINED = 1,
    MQTTSN_TOPIC_SHORT = 2,
    MQTTSN_TOPIC_RESERVED = 3,
};

/* The QoS bits of Flags as they are on the wire: 3 stands for QoS -1. */
#define MQTTSN_QOS_MINUS1 3

/* ReturnCode [SN 5.3.10]; 4..255 are reserved and mean a rejection. */
enum mqttsn_return_code {
    MQTTSN_ACCEPTED = 0,
    MQTTSN_REJECTED_CONGESTION = 1,
    MQTTSN_REJECTED_INVALID_TOPIC_ID = 2,
    MQTTSN_REJECTED_NOT_SUPPORTED = 3,
};

#define MQTTSN_PROTOCOL_ID 0x01

/* The part of Flags that a message uses; the rest is sent as 0 and ignored on
 * receipt (G12-05). */
struct mqttsn_flags {
    bool dup;
    uint8_t qos; /* 0..3, 3 = QoS -1 */
    bool retain;
    bool will;
    bool clean_session;
    uint8_t topic_type; /* enum mqttsn_topic_type */
};

/*
 * One message. 'type' says which member of the union holds. Spans borrow the
 * datagram that was decoded, or what the caller of the encoder lends.
 */
struct mqttsn_frame {
    enum mqttsn_type type;
    union {
        struct {
            uint8_t gw_id;
            uint16_t duration_s;
        } advertise;
        struct {
            uint8_t radius;
        } searchgw;
        struct {
            uint8_t gw_id;
            struct mqttsn_span gw_add; /* empty when sent by a gateway */
        } gwinfo;
        struct {
            struct mqttsn_flags flags; /* will, clean_session */
            uint8_t protocol_id;
            uint16_t duration_s;
            struct mqttsn_span client_id; /* may be empty (G12-02) */
        } connect;
        struct {
            uint8_t return_code;
        } connack, willtopicresp, willmsgresp;
        struct {
            bool empty;                /* no topic (G12-43): delete the will */
            struct mqttsn_flags flags; /* qos, retain */
            struct mqttsn_span topic;
        } willtopic, willtopicupd;
        struct {
            struct mqttsn_span message;
        } willmsg, willmsgupd;
        struct {
            uint16_t topic_id;
            uint16_t msg_id;
            struct mqttsn_span topic_name; /* at least 1 octet */
        } reg;
        struct {
            uint16_t topic_id;
            uint16_t msg_id;
            uint8_t return_code;
        } regack, puback;
        struct {
            struct mqttsn_flags flags; /* dup, qos, retain, topic_type */
            uint16_t topic_id; /* a short name is its two octets, big-endian */
            uint16_t msg_id;
            struct mqttsn_span data;
        } publish;
        struct {
            uint16_t msg_id;
        } pubrec, pubrel, pubcomp, unsuback;
        struct {
            struct mqttsn_flags flags; /* dup, qos, topic_type */
            uint16_t msg_id;
            struct mqttsn_span topic_name; /* with MQTTSN_TOPIC_NORMAL, and
                                              with _RESERVED: what followed */
            uint16_t topic_id;             /* with _PREDEFINED and _SHORT */
        } subscribe, unsubscribe;
        struct {
            struct mqttsn_flags flags; /* qos */
            uint16_t topic_id;
            uint16_t msg_id;
            uint8_t return_code;
        } suback;
        struct {
            struct mqttsn_span client_id; /* may be empty */
        } pingreq;
        struct {
            bool has_duration;
            uint16_t duration_s;
        } disconnect;
        struct {
            uint8_t ctrl; /* bits 1-0: radius; others: 0, ignored */
            struct mqttsn_span node_id; /* 1..252 octets */
            struct mqttsn_span message; /* the inner message, not decoded */
        } encapsulated;
    };
};

/* Options of mqttsn_decode, or'ed. */
#define MQTTSN_DECODE_STRICT 0u
/* Accept the one broken frame that a widespread packet library emits: the
 * 3-octet form with Length 255 on a datagram of 257 octets (G12-08). */
#define MQTTSN_DECODE_PAHO_LEN_QUIRK 1u

/*
 * Decodes one datagram, which must hold exactly one message [SN 5.2.1].
 *
 * MQTTSN_OK:         '*ret_frame' is the message; its spans borrow 'datagram'.
 * MQTTSN_ETRUNCATED: fewer octets than a header, than Length says, or than the
 *                    fields of a message of variable size need.
 * MQTTSN_ELENGTH:    Length is 0, or below 4 in the 3-octet form, or not the
 *                    one length that a message of fixed size has (one of the
 *                    two, of a DISCONNECT).
 * MQTTSN_ETRAILING:  more octets than Length says (G12-08).
 * MQTTSN_ETYPE:      the type is reserved [SN 5.2.2].
 * MQTTSN_EFIELD:     an empty name in REGISTER, SUBSCRIBE or UNSUBSCRIBE; in
 *                    the latter two, an id or short name that is not 2 octets
 *                    long; or an encapsulation without Ctrl, node id or inner
 *                    message, or with the 3-octet Length [SN 5.5].
 * MQTTSN_ENESTED:    an encapsulated encapsulation (G12-46).
 *
 * The inner message of an encapsulation is judged by a second call, on
 * 'encapsulated.message'. A field that the received form lacks reads as zero.
 */
MQTTSN_CHECKED enum mqttsn_status mqttsn_decode(struct mqttsn_span datagram,
                                                unsigned options,
                                                struct mqttsn_frame *ret_frame);

/*
 * Encodes 'frame' into 'buf', with the 1-octet Length whenever the whole is at
 * most 255 octets (G12-07). The frame's spans must not lie in 'buf'. What it
 * writes, mqttsn_decode takes; only the inner message of an encapsulation is
 * copied unseen.
 *
 * MQTTSN_OK:       '*ret_len' octets were written.
 * MQTTSN_ENOSPACE: it does not fit 'cap' or 65535 octets; 'buf' is undefined.
 * MQTTSN_EINVAL:   a value that the layout cannot carry: a reserved type, a QoS
 *                  or TopicIdType above 3, a node id that is not 1..252 octets,
 *                  an empty inner message, or an empty name where
 *                  mqttsn_decode refuses one. 'buf' is as it was.
 */
MQTTSN_CHECKED enum mqttsn_status
mqttsn_encode(const struct mqttsn_frame *frame, uint8_t *buf, size_t cap,
              size_t *ret_len);

/* The name of a type ("CONNECT"), a static string; NULL when reserved. */
const char *mqttsn_type_name(unsigned type);

#ifdef __cplusplus
}
#endif

#endif
