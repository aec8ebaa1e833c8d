/* SPDX-License-Identifier: MIT */
/*
 * Records that no engine of ours wrote: whatever their octets are, they are
 * restored or refused, and what was restored of them ends like anything else.
 *
 * The input: the options of engine_setup.c, then records, each kind, owner,
 * item, length and octets. They are given in the order that the contract asks
 * for, each key once. Without a version, one octet, in front of the octets the
 * right one is put there. What follows a kind of 0 are events: time passes, or
 * the broker connects.
 */
#include "engine_world.h"

#include "mqttsn/reader.h"

#include "records.h"

static struct fz_world world;

static bool has_key(uint8_t kind, uint32_t owner, uint32_t item)
{
    for (size_t i = 0; i < world.record_count; i++) {
        const struct fz_record *r = &world.records[i];

        if (r->kind == kind && r->owner == owner && r->item == item)
            return true;
    }
    return false;
}

/* Small numbers, so that records find each other; and the largest. */
static uint32_t number(struct mqttsn_reader *r)
{
    uint8_t octet = mqttsn_read_u8(r);

    if (octet == 0xff)
        return UINT32_MAX;
    return octet < 0xc0 ? octet : (uint32_t)(octet & 0x1f) << 16 | 1;
}

static bool read_record(struct mqttsn_reader *r)
{
    uint8_t kind = mqttsn_read_u8(r);
    uint32_t owner = number(r), item = number(r);
    struct mqttsn_span octets = mqttsn_read_bytes(r, mqttsn_read_u8(r));
    bool bare = (kind & 0x80) == 0;
    uint8_t *copy;

    kind &= 0x7f;
    if (kind == 0 || r->failed || world.record_count == FZ_RECORDS)
        return false;
    if (has_key(kind, owner, item))
        return true;
    copy = malloc(octets.len + 1);
    MUST(copy != NULL);
    copy[0] = GW_REC_VERSION;
    if (octets.len > 0)
        memcpy(copy + bare, octets.data, octets.len);
    world.records[world.record_count++] =
        (struct fz_record){.kind = kind,
                           .owner = owner,
                           .item = item,
                           .data = copy,
                           .len = octets.len + bare};
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gw_up_event connected = {.kind = GW_UP_CONNECTED};
    uint8_t options[FZ_OPTION_OCTETS] = {0};
    struct mqttsn_reader r;

    mqttsn_reader_init(&r, mqttsn_span(data, size));
    for (size_t i = 0; i < FZ_OPTION_OCTETS && r.left > 0; i++)
        options[i] = mqttsn_read_u8(&r);
    fz_start(&world, options);
    world.foreign = true;
    while (r.left > 0 && read_record(&r))
        continue;
    fz_restart(&world, 0);
    while (r.left > 0) {
        uint8_t what = mqttsn_read_u8(&r);

        connected.connected.session_present = what & 1;
        if (what & 2)
            fz_event(&world, &connected);
        fz_pass(&world, (mqttsn_ms)what * 100);
    }
    fz_end(&world, options);
    fz_stop(&world);
    return 0;
}
