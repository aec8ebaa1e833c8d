/* SPDX-License-Identifier: MIT */
/*
 * records.h - what records.c writes and restore.c reads: the layout of every
 * record of the store. Integers are big-endian; 'text' is a length of two
 * octets and as many octets; 'rest' is all that follows. The first octet is
 * the record's version: one that is higher than ours, and a kind that is none
 * of ours, refuse the whole store, because its checksum says that it is as it
 * was written.
 *
 * Once there is a release, a change of any layout, a new flag included, goes
 * with a step of the schema (io/database_open.c) and with the next version:
 * the first refuses a database, the second a journal that is not in it yet.
 *
 *   SESSION       version, state, flags (GW_REC_CLEAN..), keepalive_s u16,
 *                 sleep_s u16, next_topic_id u16, next_msg_id u16,
 *                 next_sub_item u32, next_place_item u32, connection u32,
 *                 family, port u16,
 *                 scope u32, ip 16 octets, listener u16, local_ip 16 octets,
 *                 client id text, node id text
 *   WILL          version, flags (GW_REC_TOPIC..), qos, topic text, message
 *                 rest
 *   TOPIC         version, flags (gw_topic_flag), announced u32, name rest;
 *                 the item is type << 16 | id
 *   SUBSCRIPTION  version, type and flags (GW_REC_PREFIXED..), qos,
 *                 topic_id u16, with PREFIXED the octets of the prefix u16,
 *                 filter rest, as the broker was told it
 *   MESSAGE       version, flags (GW_REC_RETAINED..), arrival u32, age in ms
 *                 u64, with EXPIRES the ms it has left u64, topic text,
 *                 payload rest
 *   QUEUED        version, message number u32, qos, flags (gw_place_flag),
 *                 msg_id u16, failed_wakes
 *   EXCHANGE      version, flags (GW_REC_DONE..), qos, topic_type, msg_id u16,
 *                 topic_id u16, hash u64, session number u32, high half of
 *                 its place u32, age in ms u64, client id text, topic text,
 *                 payload rest; no age, client, topic or payload when DONE
 *   FILTER        version, filter rest: the broker may have been told of it,
 *                 and no SUBSCRIPTION says so; the item is a hash of it. Or
 *                 version alone, item 0: the broker has forgotten everything
 *                 and was not yet told all of it again
 *
 * Times are durations, because the clock starts anew with the machine. The
 * interface a node was last heard on is left out: its number may mean another
 * one by then.
 */
#ifndef GW_RECORDS_H
#define GW_RECORDS_H

#include "engine_private.h"

#include "mqttsn/reader.h"

#define GW_REC_VERSION 1

enum gw_rec_session_flag {
    GW_REC_CLEAN = 1,
    GW_REC_KNOWN = 2,
    GW_REC_BOUND = 4, /* the address is the session's, not only its last */
};

/* In the type of a subscription. */
#define GW_REC_PREFIXED 0x80
#define GW_REC_FIXED 0x40 /* the configuration has it */
#define GW_REC_BOTH 0x20  /* and the node asked for it as well */

enum gw_rec_will_flag {
    GW_REC_TOPIC = 1,
    GW_REC_MESSAGE = 2,
    GW_REC_WILL_RETAIN = 4,
};

enum gw_message_record_flag {
    GW_REC_RETAINED = 1,
    GW_REC_EXPIRES = 2, /* how long it has follows its age */
};

enum gw_rec_exchange_flag {
    GW_REC_DONE = 1,
    GW_REC_RETAIN = 2,
    GW_REC_MUTE = 4,
    GW_REC_DUP_ONLY = 8,
    GW_REC_ATTACHED = 16, /* its session still knows it */
};

static inline uint32_t gw_rec_read_u32(struct mqttsn_reader *r)
{
    uint32_t high = mqttsn_read_u16(r);

    return high << 16 | mqttsn_read_u16(r);
}

static inline uint64_t gw_rec_read_u64(struct mqttsn_reader *r)
{
    uint64_t high = gw_rec_read_u32(r);

    return high << 32 | gw_rec_read_u32(r);
}

static inline struct mqttsn_span gw_rec_read_text(struct mqttsn_reader *r)
{
    size_t len = mqttsn_read_u16(r);

    return mqttsn_read_bytes(r, len);
}

/* restore.c: the session of that number, 0 if it was not restored. */
uint32_t gw_restore_find(const struct gw_engine *e, uint32_t number);

/* restore_exchange.c */
enum mqttsn_status gw_restore_exchange(struct gw_engine *e, uint32_t owner,
                                       uint32_t item, struct mqttsn_reader *r);
uint32_t gw_restore_number_of_exchange(const struct gw_engine *e,
                                       uint32_t index);

/* restore_session.c: each judges its record as gw_engine_restore does. */
enum mqttsn_status gw_restore_session(struct gw_engine *e, uint32_t owner,
                                      uint32_t item, struct mqttsn_reader *r);
enum mqttsn_status gw_restore_will(struct gw_engine *e, uint32_t owner,
                                   uint32_t item, struct mqttsn_reader *r);
enum mqttsn_status gw_restore_topic(struct gw_engine *e, uint32_t owner,
                                    uint32_t item, struct mqttsn_reader *r);
enum mqttsn_status gw_restore_sub(struct gw_engine *e, uint32_t owner,
                                  uint32_t item, struct mqttsn_reader *r);

#endif
