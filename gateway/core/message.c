/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t chunks_for(uint64_t payload_len)
{
    return payload_len / GW_CHUNK_BYTES + (payload_len % GW_CHUNK_BYTES != 0);
}

static uint64_t chunk_capacity(uint64_t budget_bytes)
{
    return budget_bytes / GW_CHUNK_BYTES;
}

uint64_t gw_messages_size(uint64_t budget_bytes, uint32_t max_messages)
{
    return chunk_capacity(budget_bytes) * GW_CHUNK_BYTES +
           (chunk_capacity(budget_bytes) + 1) * sizeof(uint32_t) +
           gw_slab_size(sizeof(struct gw_message), max_messages);
}

enum mqttsn_status gw_messages_init(struct gw_messages *messages,
                                    struct gw_names *names,
                                    uint64_t budget_bytes,
                                    uint32_t max_messages)
{
    struct gw_messages made = {.names = names, .next_number = 1};
    uint64_t chunks = chunk_capacity(budget_bytes);

    if (chunks > UINT32_MAX || chunks > SIZE_MAX / sizeof(*made.links) - 1)
        return MQTTSN_ENOSPACE;
    made.links = malloc(((size_t)chunks + 1) * sizeof(*made.links));
    if (made.links == NULL ||
        gw_slab_init(&made.messages, sizeof(struct gw_message), max_messages) !=
            MQTTSN_OK ||
        gw_slab_init(&made.chunks, GW_CHUNK_BYTES, (uint32_t)chunks) !=
            MQTTSN_OK) {
        gw_messages_fini(&made);
        return MQTTSN_ENOSPACE;
    }
    *messages = made;
    return MQTTSN_OK;
}

void gw_messages_fini(struct gw_messages *messages)
{
    gw_slab_fini(&messages->messages);
    gw_slab_fini(&messages->chunks);
    free(messages->links);
    *messages = (struct gw_messages){0};
}

uint32_t gw_message_cost(size_t payload_len)
{
    uint64_t chunks = chunks_for(payload_len);

    return chunks <= UINT32_MAX / GW_CHUNK_BYTES
               ? (uint32_t)chunks * GW_CHUNK_BYTES
               : UINT32_MAX;
}

/* Whoever calls it has seen that there is room. */
static uint32_t take_chunk(struct gw_messages *messages)
{
    uint32_t index = gw_slab_take(&messages->chunks);

    assert(index != 0);
    messages->links[index] = 0;
    return index;
}

static uint32_t store_payload(struct gw_messages *messages,
                              struct mqttsn_span payload)
{
    uint32_t first, last;

    if (payload.len == 0)
        return 0;
    first = last = take_chunk(messages);
    for (uint64_t n = chunks_for(payload.len); n > 1; n--) {
        memcpy(gw_slab_at(&messages->chunks, last), payload.data,
               GW_CHUNK_BYTES);
        payload.data += GW_CHUNK_BYTES;
        payload.len -= GW_CHUNK_BYTES;
        last = messages->links[last] = take_chunk(messages);
    }
    memcpy(gw_slab_at(&messages->chunks, last), payload.data, payload.len);
    return first;
}

static void free_payload(struct gw_messages *messages, uint32_t first)
{
    while (first != 0) {
        uint32_t next = messages->links[first];

        gw_slab_give_as_is(&messages->chunks, first);
        first = next;
    }
}

uint32_t gw_message_new(struct gw_messages *messages, uint32_t topic,
                        struct mqttsn_span payload, bool retain, mqttsn_ms now)
{
    if (payload.len > UINT16_MAX || !gw_messages_fits(messages, payload.len))
        return 0;

    uint32_t index = gw_slab_take(&messages->messages);

    *gw_message_at(messages, index) = (struct gw_message){
        .refs = 1,
        .topic = gw_names_ref(messages->names, topic),
        .chunks = store_payload(messages, payload),
        .payload_len = (uint16_t)payload.len,
        .number = messages->next_number,
        .retain = retain,
        .received = now,
    };
    if (++messages->next_number == 0)
        messages->next_number = 1;
    return index;
}

uint32_t gw_message_ref(struct gw_messages *messages, uint32_t index)
{
    struct gw_message *message = gw_message_at(messages, index);

    assert(message->refs > 0 && message->refs < UINT32_MAX);
    message->refs++;
    return index;
}

bool gw_message_unref(struct gw_messages *messages, uint32_t index)
{
    if (index == 0)
        return false;

    struct gw_message *message = gw_message_at(messages, index);

    assert(message->refs > 0);
    if (--message->refs > 0)
        return false;
    free_payload(messages, message->chunks);
    gw_names_unref(messages->names, message->topic);
    *message = (struct gw_message){0};
    gw_slab_give_as_is(&messages->messages, index);
    return true;
}

void gw_message_copy(const struct gw_messages *messages,
                     const struct gw_message *message, uint8_t *buf)
{
    uint32_t chunk = message->chunks;
    size_t left = message->payload_len;

    if (left == 0)
        return;
    for (uint64_t n = chunks_for(left); n > 1; n--) {
        memcpy(buf, gw_slab_at(&messages->chunks, chunk), GW_CHUNK_BYTES);
        buf += GW_CHUNK_BYTES;
        left -= GW_CHUNK_BYTES;
        chunk = messages->links[chunk];
    }
    memcpy(buf, gw_slab_at(&messages->chunks, chunk), left);
}

uint64_t gw_messages_bytes(const struct gw_messages *messages)
{
    return (uint64_t)messages->chunks.used * GW_CHUNK_BYTES;
}
