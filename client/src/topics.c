/* SPDX-License-Identifier: MIT */
/*
 * The lent table of names and their ids [SN 6.5], [SN 6.10].
 */
#include "client_private.h"

bool mqttsn__id_valid(unsigned id)
{
    return id != 0 && id != 0xffff;
}

#if MQTTSN_CLIENT_NAMES
/* A slot that may be taken for another name. A name of the gateway's that goes
 * is not lost: on its next message we do not know the id, say so, and the
 * gateway registers it again. */
static unsigned slot_to_take(struct mqttsn_client *c)
{
    const struct mqttsn_client_topic *topics = c->config->topics;
    unsigned cap = c->config->topic_cap;

    for (unsigned i = 0; i < cap; i++)
        if (topics[i].name_len == 0)
            return i;
#if MQTTSN_CLIENT_WILDCARD
    for (unsigned i = 0; i < cap; i++) {
        unsigned at = c->evict;

        c->evict = at + 1 < cap ? (uint8_t)(at + 1) : 0;
        if (!(topics[at].flags & OWN))
            return at;
    }
#endif
    return NO_SLOT;
}

unsigned mqttsn__slot(struct mqttsn_client *c, struct mqttsn_span name,
                      unsigned flags)
{
    struct mqttsn_client_topic *topics = c->config->topics;
    unsigned i;

    if (name.len > MQTTSN_CLIENT_NAME_MAX)
        return NO_SLOT;
    for (i = 0; i < c->config->topic_cap; i++)
        if (topics[i].name_len == name.len &&
            memcmp(topics[i].name, name.data, name.len) == 0)
            goto found;
    i = slot_to_take(c);
    if (i == NO_SLOT)
        return NO_SLOT;
    topics[i].id = 0;
    topics[i].flags = 0;
    topics[i].name_len = (uint8_t)name.len;
    memcpy(topics[i].name, name.data, name.len);
found:
    topics[i].flags |= (uint8_t)flags;
    return i;
}

struct mqttsn_client_topic *mqttsn__request_topic(const struct mqttsn_client *c)
{
    return c->request.slot == NO_SLOT ? NULL
                                      : &c->config->topics[c->request.slot];
}

unsigned mqttsn__slot_of_id(const struct mqttsn_client *c, unsigned id)
{
    /* 0 is what unregistered names have. */
    for (unsigned i = 0; id != 0 && i < c->config->topic_cap; i++)
        if (c->config->topics[i].id == id)
            return i;
    return NO_SLOT;
}

void mqttsn__slot_set_id(struct mqttsn_client *c, unsigned slot, unsigned id)
{
    unsigned former = mqttsn__slot_of_id(c, id);

    if (former != NO_SLOT)
        c->config->topics[former].id = 0;
    c->config->topics[slot].id = (uint16_t)id;
}

void mqttsn__forget_ids(struct mqttsn_client *c)
{
    for (unsigned i = 0; i < c->config->topic_cap; i++) {
        struct mqttsn_client_topic *topic = &c->config->topics[i];

        topic->id = 0;
        if (!(topic->flags & OWN))
            topic->name_len = 0;
    }
}
#endif
