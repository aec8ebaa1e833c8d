/* SPDX-License-Identifier: MIT */
/*
 * The session of a sleeper as octets, for memory that outlives the power.
 */
#include "client_private.h"

#include "mqttsn/reader.h"
#include "mqttsn/writer.h"

#if MQTTSN_CLIENT_SNAPSHOT
enum { FORMAT = 0x5301, CHECKSUM = 2 };

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

enum mqttsn_status mqttsn_client_snapshot(const struct mqttsn_client *c,
                                          uint8_t *buf, size_t cap,
                                          size_t *ret_len)
{
    const struct mqttsn_client_gateway *gateway = mqttsn__gateway(c);
    struct mqttsn_writer w;

    if (c->state != MQTTSN_CLIENT_ASLEEP || c->want != MQTTSN_CLIENT_ASLEEP ||
        c->step != NO_STEP || mqttsn_client_busy(c))
        return MQTTSN_EPROTO;

    mqttsn_writer_init(&w, buf, cap);
    mqttsn_write_u16(&w, FORMAT);
    mqttsn_write_u16(&w, c->msg_id);
    mqttsn_write_u16(&w, c->announced_s);
#if MQTTSN_CLIENT_QOS2
    mqttsn_write_u16(&w, c->released ? 0 : c->release_id);
#else
    mqttsn_write_u16(&w, 0);
#endif
    mqttsn_write_u8(&w, gateway->gw_id);
    mqttsn_write_u8(&w, gateway->address.len);
    mqttsn_write_bytes(
        &w, mqttsn_span(gateway->address.octets, gateway->address.len));
    for (unsigned i = 0; i < c->config->topic_cap; i++) {
        const struct mqttsn_client_topic *topic = &c->config->topics[i];

        if (topic->name_len == 0)
            continue;
        mqttsn_write_u8(&w, topic->name_len);
        mqttsn_write_u8(&w, topic->flags);
        mqttsn_write_u16(&w, topic->id);
        mqttsn_write_bytes(&w, mqttsn_span(topic->name, topic->name_len));
    }
    mqttsn_write_u16(&w, checksum(buf, w.len));
    return mqttsn_writer_finish(&w, ret_len);
}

static enum mqttsn_status restore_topics(struct mqttsn_client *c,
                                         struct mqttsn_reader *r)
{
    while (r->left != 0) {
        size_t len = mqttsn_read_u8(r);
        unsigned flags = mqttsn_read_u8(r);
        unsigned id = mqttsn_read_u16(r);
        struct mqttsn_span name = mqttsn_read_bytes(r, len);
        unsigned slot;

        if (r->failed || len == 0)
            return MQTTSN_EFIELD;
        slot = mqttsn__slot(c, name, flags);
        if (slot == NO_SLOT)
            return MQTTSN_ENOSPACE;
        c->config->topics[slot].id = (uint16_t)id;
    }
    return MQTTSN_OK;
}

enum mqttsn_status
mqttsn_client_resume(struct mqttsn_client *c,
                     const struct mqttsn_client_config *config, uint32_t seed,
                     struct mqttsn_span snapshot)
{
    enum mqttsn_status status = mqttsn_client_init(c, config, seed);
    struct mqttsn_address address;
    struct mqttsn_reader r;

    if (status != MQTTSN_OK)
        return status;
    if (snapshot.len < CHECKSUM)
        return MQTTSN_EFIELD;
    snapshot.len -= CHECKSUM;

    const uint8_t *sum = snapshot.data + snapshot.len;

    if (checksum(snapshot.data, snapshot.len) != (sum[0] << 8 | sum[1]))
        return MQTTSN_EFIELD;
    mqttsn_reader_init(&r, snapshot);
    if (mqttsn_read_u16(&r) != FORMAT)
        return MQTTSN_EFIELD;
    c->msg_id = mqttsn_read_u16(&r);
    c->announced_s = mqttsn_read_u16(&r);
#if MQTTSN_CLIENT_QOS2
    c->release_id = mqttsn_read_u16(&r);
#else
    (void)mqttsn_read_u16(&r);
#endif

    unsigned gw_id = mqttsn_read_u8(&r);

    address.len = mqttsn_read_u8(&r);
    if (address.len == 0 || address.len > MQTTSN_CLIENT_ADDRESS_MAX ||
        address.len > r.left)
        return MQTTSN_EFIELD;
    memcpy(address.octets, mqttsn_read_bytes(&r, address.len).data,
           address.len);
    status = restore_topics(c, &r);
    if (status != MQTTSN_OK)
        return status;

    (void)mqttsn__gateway_add(c, gw_id, &address);
    c->sleep_s = c->announced_s;
    c->started = true;
    c->state = MQTTSN_CLIENT_ASLEEP;
    c->want = MQTTSN_CLIENT_ASLEEP;
    return MQTTSN_OK;
}
#endif
