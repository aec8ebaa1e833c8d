/* SPDX-License-Identifier: MIT */
/*
 * frames.h - messages of MQTT-SN 1.2 as tests write and read them.
 *
 * An independent second opinion: packing and unpacking here share no code and
 * no constant with common/, so that a mistake there cannot hide behind itself.
 * The layouts are those of [SN 5.4], written down as one string per type.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SN_ADVERTISE = 0x00,
    SN_SEARCHGW = 0x01,
    SN_GWINFO = 0x02,
    SN_CONNECT = 0x04,
    SN_CONNACK = 0x05,
    SN_WILLTOPICREQ = 0x06,
    SN_WILLTOPIC = 0x07,
    SN_WILLMSGREQ = 0x08,
    SN_WILLMSG = 0x09,
    SN_REGISTER = 0x0a,
    SN_REGACK = 0x0b,
    SN_PUBLISH = 0x0c,
    SN_PUBACK = 0x0d,
    SN_PUBCOMP = 0x0e,
    SN_PUBREC = 0x0f,
    SN_PUBREL = 0x10,
    SN_SUBSCRIBE = 0x12,
    SN_SUBACK = 0x13,
    SN_UNSUBSCRIBE = 0x14,
    SN_UNSUBACK = 0x15,
    SN_PINGREQ = 0x16,
    SN_PINGRESP = 0x17,
    SN_DISCONNECT = 0x18,
    SN_WILLTOPICUPD = 0x1a,
    SN_WILLTOPICRESP = 0x1b,
    SN_WILLMSGUPD = 0x1c,
    SN_WILLMSGRESP = 0x1d,
    SN_ENCAPSULATED = 0xfe
};

/* Bits of Flags. */
enum {
    SN_DUP = 0x80,
    SN_QOS0 = 0x00,
    SN_QOS1 = 0x20,
    SN_QOS2 = 0x40,
    SN_QOS_MINUS1 = 0x60,
    SN_QOS_BITS = 0x60,
    SN_RETAIN = 0x10,
    SN_WILL = 0x08,
    SN_CLEAN = 0x04,
    SN_NORMAL = 0x00,
    SN_PREDEFINED = 0x01,
    SN_SHORT = 0x02,
    SN_TYPE_BITS = 0x03
};

#define SN_TAIL_MAX 2048

/* What may lie in a message; 'type' says which members do. */
struct sn_frame {
    uint8_t type;
    uint8_t flags;
    uint8_t code;
    uint8_t radius;
    uint8_t gw_id;
    uint8_t protocol;
    uint16_t topic;
    uint16_t msg;
    uint16_t duration;
    bool bare;      /* the 2-octet form of WILLTOPIC(UPD) and DISCONNECT */
    bool long_form; /* 3-octet Length although 1 would do */
    size_t tail_len;
    uint8_t tail[SN_TAIL_MAX]; /* name, payload, client id, address */
};

struct octets {
    size_t len; /* what is behind that many means nothing */
    uint8_t data[SN_TAIL_MAX + 16];
};

/* "CONNECT" and back; NULL and -1 when there is none. */
const char *sn_type_name(unsigned type);
int sn_type_of(const char *name);

/* The fields of a type in order: f flags, p protocol, d duration, g gw id,
 * r radius, c return code, i topic id, m msg id, t the rest. NULL: reserved. */
const char *sn_layout(unsigned type);

struct octets sn_pack(const struct sn_frame *frame);

/*
 * Reads exactly one message, as a gateway must write it: Length right and in
 * the short form when it can be, every field there, nothing after it. NULL
 * when it is one, else what is wrong with it.
 */
const char *sn_unpack(const uint8_t *data, size_t len, struct sn_frame *ret);

/* Wraps and unwraps the forwarder's header; false when it is not as it must
 * be: Ctrl 0, the node id given, one message behind it. */
struct octets sn_wrap(const uint8_t *node_id, size_t node_id_len,
                      struct octets inner);
bool sn_unwrap(const uint8_t *data, size_t len, const uint8_t *node_id,
               size_t node_id_len, struct octets *ret_inner);

/* The messages that nodes send. 'flags' are bits as above. */
struct octets sn_bare(uint8_t type); /* a header only */
struct octets sn_connect(const char *id, uint16_t duration, uint8_t flags);
struct octets sn_willtopic(uint8_t type, uint8_t flags, const char *topic);
struct octets sn_willmsg(uint8_t type, const char *message);
struct octets sn_register(uint16_t topic, uint16_t msg, const char *name);
struct octets sn_ack(uint8_t type, uint16_t topic, uint16_t msg, uint8_t code);
struct octets sn_publish(uint8_t flags, uint16_t topic, uint16_t msg,
                         const char *payload);
struct octets sn_msg(uint8_t type, uint16_t msg); /* PUBREC, PUBREL, ... */
struct octets sn_subscribe(uint8_t type, uint8_t flags, uint16_t msg,
                           const char *name);
struct octets sn_subscribe_id(uint8_t type, uint8_t flags, uint16_t msg,
                              uint16_t topic);
struct octets sn_pingreq(const char *id);          /* NULL: none */
struct octets sn_disconnect(int duration);         /* < 0: none */
struct octets sn_code(uint8_t type, uint8_t code); /* CONNACK, ... */

#endif
