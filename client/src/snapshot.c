/* SPDX-License-Identifier: MIT */
/*
 * The session of a sleeper as octets, for memory that outlives the power. They
 * are read by the build that wrote them, so they keep its order of octets.
 */
#include "client_private.h"

#if MQTTSN_CLIENT_SNAPSHOT
enum { FORMAT = 0x5302, CHECKSUM = 2 };

/* The slots of the topic table follow, and then the checksum. */
struct kept {
    uint16_t format;
    uint16_t msg_id;
    uint16_t announced_s;
    uint16_t release_id;
    uint16_t slot_size; /* another build is found out by this */
    uint8_t topic_cap;
    uint8_t gw_id;
    struct mqttsn_address address;
};

/* CRC-16/CCITT: finds what an undervoltage does to a few octets. */
static uint16_t checksum(const uint8_t *octets, size_t len)
{
    unsigned crc = 0xffff;

    while (len-- != 0) {
        crc ^= (unsigned)*octets++ << 8;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
    return (uint16_t)crc;
}

/* Octets of the topic table. */
static size_t topics_size(const struct mqttsn_client_config *config)
{
#if MQTTSN_CLIENT_NAMES
    return config->topic_cap * sizeof(*config->topics);
#else
    (void)config;
    return 0;
#endif
}

enum mqttsn_status mqttsn_client_snapshot(const struct mqttsn_client *c,
                                          uint8_t *buf, size_t cap,
                                          size_t *ret_len)
{
    const struct mqttsn_client_gateway *gateway = mqttsn__gateway(c);
    size_t topics = topics_size(c->config);
    size_t len = sizeof(struct kept) + topics;
    struct kept kept;
    uint16_t sum;

    if (c->state != MQTTSN_CLIENT_ASLEEP || c->want != MQTTSN_CLIENT_ASLEEP ||
        c->step != NO_STEP || mqttsn_client_busy(c))
        return MQTTSN_EPROTO;
    if (cap < len + CHECKSUM)
        return MQTTSN_ENOSPACE;

    memset(&kept, 0, sizeof(kept));
    kept.format = FORMAT;
    kept.msg_id = c->msg_id;
    kept.announced_s = c->announced_s;
#if MQTTSN_CLIENT_QOS2
    kept.release_id = c->released ? 0 : c->release_id;
#endif
#if MQTTSN_CLIENT_NAMES
    kept.topic_cap = c->config->topic_cap;
#endif
    kept.slot_size = sizeof(struct mqttsn_client_topic);
    kept.gw_id = gateway->gw_id;
    kept.address = gateway->address;
    memcpy(buf, &kept, sizeof(kept));
#if MQTTSN_CLIENT_NAMES
    if (topics != 0)
        memcpy(buf + sizeof(kept), c->config->topics, topics);
#endif
    sum = checksum(buf, len);
    memcpy(buf + len, &sum, CHECKSUM);
    *ret_len = len + CHECKSUM;
    return MQTTSN_OK;
}

enum mqttsn_status
mqttsn_client_resume(struct mqttsn_client *c,
                     const struct mqttsn_client_config *config, uint32_t seed,
                     struct mqttsn_span snapshot)
{
    enum mqttsn_status status = mqttsn_client_init(c, config, seed);
    size_t topics;
    struct kept kept;
    uint16_t sum;

    if (status != MQTTSN_OK)
        return status;
    if (snapshot.len < sizeof(kept) + CHECKSUM)
        return MQTTSN_EFIELD;
    snapshot.len -= CHECKSUM;
    memcpy(&sum, snapshot.data + snapshot.len, CHECKSUM);
    memcpy(&kept, snapshot.data, sizeof(kept));
    topics = kept.topic_cap * sizeof(struct mqttsn_client_topic);
    if (sum != checksum(snapshot.data, snapshot.len) || kept.format != FORMAT ||
        kept.slot_size != sizeof(struct mqttsn_client_topic) ||
        snapshot.len != sizeof(kept) + topics ||
        mqttsn_client_add_gateway(c, kept.gw_id, &kept.address) != MQTTSN_OK)
        return MQTTSN_EFIELD;
    if (topics > topics_size(config))
        return MQTTSN_ENOSPACE;

#if MQTTSN_CLIENT_NAMES
    if (topics != 0)
        memcpy(config->topics, snapshot.data + sizeof(kept), topics);
#endif
    c->msg_id = kept.msg_id;
    c->announced_s = kept.announced_s;
    c->sleep_s = kept.announced_s;
#if MQTTSN_CLIENT_QOS2
    c->release_id = kept.release_id;
#endif
    c->started = true;
    c->state = MQTTSN_CLIENT_ASLEEP;
    c->want = MQTTSN_CLIENT_ASLEEP;
    return MQTTSN_OK;
}
#endif
