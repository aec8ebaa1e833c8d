/* SPDX-License-Identifier: MIT */
/*
 * message.h - one body shared by many readers, under a byte budget.
 *
 * A message is a topic name (a counted reference into gw_names) and a payload
 * in a chain of 64-octet chunks, whose links lie beside them. Ten thousand
 * sleepers that wait for the same message hold ten thousand references and one
 * body. The budget counts chunks.
 */
#ifndef GW_MESSAGE_H
#define GW_MESSAGE_H

#include "names.h"
#include "slab.h"

#include "mqttsn/time.h"

struct gw_message {
    uint32_t refs;
    uint32_t topic;   /* name reference, held */
    uint32_t chunks;  /* first chunk, 0 when the payload is empty */
    uint32_t number;  /* names its record in the store; never 0 */
    uint32_t arrival; /* the shell's record that it was made from, or 0 */
    uint16_t payload_len;
    bool retain;
    bool kept; /* a record of it was given to the store */
    mqttsn_ms received;
    mqttsn_ms expires; /* message expiry of MQTT 5; 0: never */
};

struct gw_messages {
    struct gw_slab messages;
    struct gw_slab chunks;
    uint32_t *links; /* by chunk: the next of the same message */
    struct gw_names *names;
    uint32_t next_number;
};

#define GW_CHUNK_BYTES 64

/* Room for 'budget_bytes' of chunks and as many messages as 'max_messages'. */
MQTTSN_CHECKED enum mqttsn_status gw_messages_init(struct gw_messages *messages,
                                                   struct gw_names *names,
                                                   uint64_t budget_bytes,
                                                   uint32_t max_messages);
void gw_messages_fini(struct gw_messages *messages);
uint64_t gw_messages_size(uint64_t budget_bytes, uint32_t max_messages);

/*
 * A message with one reference, or 0 when a table or the budget is full. Takes
 * a reference of its own on 'topic' (a live name reference).
 */
uint32_t gw_message_new(struct gw_messages *messages, uint32_t topic,
                        struct mqttsn_span payload, bool retain, mqttsn_ms now);

/* Octets of budget that a payload of this length takes. */
uint32_t gw_message_cost(size_t payload_len);

/* Whether gw_message_new would find room for this payload. */
static inline bool gw_messages_fits(const struct gw_messages *messages,
                                    size_t payload_len)
{
    size_t room = messages->chunks.capacity - messages->chunks.used;

    /* Divided, for the product might not fit. */
    return messages->messages.used < messages->messages.capacity &&
           (payload_len == 0 || (payload_len - 1) / GW_CHUNK_BYTES < room);
}

static inline struct gw_message *
gw_message_at(const struct gw_messages *messages, uint32_t index)
{
    struct gw_message *message = gw_slab_at(&messages->messages, index);

    return message;
}

uint32_t gw_message_ref(struct gw_messages *messages, uint32_t index);

/* One holder less; true when it was the last and the message is gone. 0 does
 * nothing and returns false. */
bool gw_message_unref(struct gw_messages *messages, uint32_t index);

/* Copies the payload to 'buf', which must have room for payload_len octets. */
void gw_message_copy(const struct gw_messages *messages,
                     const struct gw_message *message, uint8_t *buf);

/* Octets of budget in use. */
uint64_t gw_messages_bytes(const struct gw_messages *messages);

#endif
