/* SPDX-License-Identifier: MIT */
/*
 * paho_keep_private.h - what the files of paho_keep.h share.
 *
 *   paho_keep.c          the session, publishes, figures
 *   paho_arrivals.c      messages
 *   paho_persistence.c   the interface that Paho calls
 *   paho_keep_restore.c  after a restart
 *
 * Records, integers big-endian. LIBRARY: the owner says what it is.
 *
 * (With MQTT 5 that is or-ed with GW_KEEP_OF_5, but for NOTES.)
 *
 *   SENT      item: packet id; exchange u32, packet: a PUBLISH of QoS 2
 *   RELEASED  item: packet id; packet: its PUBREL
 *   RECEIVED  item: packet id; number u32, packet: a PUBLISH of QoS 2 from the
 *             broker. Numbers are those of arrivals and rise: the message of an
 *             ARRIVAL with a higher number is this one, delivered. With MQTT
 *             5 it was delivered, and the packet stands for its id alone.
 *   NOTES     item CEILING: u32 that no number has reached; ENDPOINT: text;
 *             UNSURE, VERSION5: empty
 *
 * ARRIVAL: version u8, qos u8, retain u8, packet id u16, topic length u16;
 * in version 2 expiry u64 in ms, number of identifiers u8, identifiers u32;
 * topic, payload. TOKEN: empty; the broker has acknowledged the exchange that
 * has the same owner and item, and the engine may not know yet.
 */
#ifndef GW_PAHO_KEEP_PRIVATE_H
#define GW_PAHO_KEEP_PRIVATE_H

#include "io/journal.h"
#include "io/paho_guard.h"
#include "io/paho_keep.h"

#include <pthread.h>
#include <stdatomic.h>

enum gw_keep_type {
    GW_KEEP_SENT = 1,
    GW_KEEP_RELEASED,
    GW_KEEP_RECEIVED,
    GW_KEEP_NOTES,
};

enum gw_keep_note {
    GW_KEEP_CEILING = 1,
    GW_KEEP_ENDPOINT,
    GW_KEEP_UNSURE,
    GW_KEEP_VERSION5, /* the session is of MQTT 5 */
};

#define GW_KEEP_OF_5 8u

/* A packet that Paho may ask for when it makes a handle. */
struct gw_kept {
    struct gw_kept *next;
    uint8_t type;
    bool version5;
    bool stale;       /* ended, though the journal has it still */
    bool undelivered; /* RECEIVED: its message could not be kept */
    bool earlier;     /* SENT: of a handle before this one */
    bool fresh;       /* RECEIVED, MQTT 5: the journal has not got it yet */
    uint16_t id;
    uint32_t number;  /* SENT: exchange; RECEIVED: number */
    uint32_t arrival; /* RECEIVED: its message may be kept as that; or 0 */
    size_t len;
    uint8_t packet[];
};

/* An ARRIVAL or TOKEN that was given back. */
struct gw_kept_record {
    struct gw_kept_record *next;
    uint32_t item;
    size_t len;
    uint8_t octets[];
};

/* Which exchange a packet id is of, before its PUBLISH is written. */
struct gw_keep_sending {
    struct gw_keep_sending *next;
    uint32_t exchange;
    uint16_t id;
};

#define GW_KEEP_BUCKETS 64u
#define GW_KEEP_ENDPOINT_MAX 300

struct gw_paho_keep {
    MQTTClient_persistence interface;
    struct gw_journal *journal;
    pthread_mutex_t lock;

    /* The innermost lock, held for a moment only: whoever asks for figures
     * does not wait for a disk. */
    pthread_mutex_t stats_lock;
    struct gw_paho_keep_stats stats;

    /* Under 'lock'. */
    struct gw_kept *buckets[GW_KEEP_BUCKETS];
    struct gw_keep_sending *sending;
    uint32_t sending_now; /* the exchange of the MQTTAsync_send under way */
    uint16_t sending_as;  /* and the packet id that it was given, or 0 */
    atomic_uint earlier;  /* how many are */
    unsigned untold;      /* SENT that are stale */
    uint32_t next_number;
    uint32_t ceiling;
    bool making;     /* a handle is being made, and goes on with what is kept */
    bool destroying; /* or destroyed */
    bool clean;      /* the attempt is to discard the session */
    bool handle5;    /* the handle speaks MQTT 5 */
    bool session5;   /* the session is of it */
    bool unsure, was_unsure;
    bool lost;
    bool wants_new_handle;
    bool broken;
    char endpoint[GW_KEEP_ENDPOINT_MAX];

    /* RECEIVED in a session that is gone; 'number' is that of the arrival. */
    struct gw_kept *orphans, *orphan;

    /* Between restore and restored. */
    struct gw_kept_record *arrivals, *tokens;
};

static inline void gw_keep_put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t gw_keep_get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

/* All under 'lock'. */
struct gw_kept *gw_keep_find(const struct gw_paho_keep *keep,
                             enum gw_keep_type type, uint16_t id);
/* NULL: no memory. Replaces nothing: the caller has looked. */
struct gw_kept *gw_keep_add(struct gw_paho_keep *keep, enum gw_keep_type type,
                            bool version5, uint16_t id, uint32_t number,
                            struct mqttsn_span packet);
void gw_keep_remove(struct gw_paho_keep *keep, struct gw_kept *kept);
/* To the journal; 'wait': until it is as durable as configured. */
bool gw_keep_append(struct gw_paho_keep *keep,
                    const struct gw_journal_record records[], size_t count,
                    bool wait);
/* Its record, for the caller to free the octets of; without: no memory. */
struct gw_journal_record gw_keep_record(const struct gw_kept *kept);
bool gw_keep_append_kept(struct gw_paho_keep *keep, const struct gw_kept *kept);
struct gw_journal_record gw_keep_forget(const struct gw_kept *kept);
struct gw_journal_record gw_keep_note(uint8_t verb, enum gw_keep_note note,
                                      struct mqttsn_span octets);
/* Gives up all of the types in the set (1u << type), in RAM and journal. */
void gw_keep_drop(struct gw_paho_keep *keep, unsigned types);
void gw_keep_lose(struct gw_paho_keep *keep);
/* Instead of that packet, this thread breaks the connection. */
void gw_keep_break(struct gw_paho_keep *keep, enum gw_guard_packet packet,
                   uint16_t id);

/* Which exchange the PUBLISH with that id will be of; and 0 if none is. */
void gw_keep_note_sending(struct gw_paho_keep *keep, uint32_t exchange,
                          uint16_t id);
uint32_t gw_keep_take_sending(struct gw_paho_keep *keep, uint16_t id);

/* Whether Paho may see it: a whole packet of the type, with that id. */
bool gw_keep_packet_valid(enum gw_keep_type type, uint16_t id,
                          struct mqttsn_span packet);

/* paho_arrivals.c; false: the octets are no ARRIVAL. The event points into
 * them. */
bool gw_keep_decode_arrival(struct mqttsn_span octets,
                            struct gw_up_event *ret_event);

/* paho_persistence.c */
void gw_keep_fill_interface(struct gw_paho_keep *keep);

#endif
