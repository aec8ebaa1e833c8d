/* SPDX-License-Identifier: MIT */
/*
 * The engine, told by the input what happens: what eight nodes send, what the
 * broker and the store say and when, which sinks are blocked, and that the
 * gateway dies and comes back. Whatever that is, the engine keeps its limits,
 * sends only what a gateway may send and only to who has spoken, loses count
 * of nothing, and in the end nothing is left.
 *
 * The input: four octets of options (engine_setup.c), then events, each an
 * octet and what belongs to it:
 *
 *   0nnndddd TYPE LEN BODY  after delay d node n sends a message of that type,
 *                           with the right Length; 6 and 7 behind a forwarder
 *   1000-nnn LEN DATA       node n sends these octets
 *   1001dddd                time passes
 *   1010kkkk ...            the broker side, see broker_event
 *   1011-sss ...            the store, see store_event
 *   1100bbbb                those sinks are blocked
 *   1101bbbb                polls per sink and turn, 0: all there is
 *   1110kkkk ...            see other_event
 *   1111cnnn                node n answers what it was last sent; c: badly
 */
#include "engine_world.h"

#include "mqttsn/frame.h"
#include "mqttsn/reader.h"

enum { EVENTS_MAX = 200, RESTARTS_MAX = 3, DATAGRAM_MAX = 600 };

static struct fz_world world;

static const mqttsn_ms delays[16] = {0,     0,     0,      0,      1,     100,
                                     500,   1000,  10000,  11000,  15000, 30000,
                                     60000, 90000, 600000, 3000000};

static const char *const topics[8] = {"ab",    "a/b",  "a/c", "p/open",
                                      "p/two", "will", "$x",  "a/b/c/d"};

/* ---- nodes ------------------------------------------------------------- */

static void send_message(unsigned node, uint8_t type, struct mqttsn_span body)
{
    const struct fz_node *from = &world.nodes[node];
    uint8_t out[DATAGRAM_MAX];
    size_t at = 0, len = body.len + 2;
    uint8_t *copy;

    if (from->wireless_len > 0) {
        out[at++] = (uint8_t)(3 + from->wireless_len);
        out[at++] = MQTTSN_ENCAPSULATED;
        out[at++] = 0;
        memcpy(out + at, from->wireless, from->wireless_len);
        at += from->wireless_len;
    }
    if (len > 255) {
        len += 2;
        out[at++] = 1;
        out[at++] = (uint8_t)(len >> 8);
    }
    out[at++] = (uint8_t)len;
    out[at++] = type;
    if (body.len > 0)
        memcpy(out + at, body.data, body.len);
    at += body.len;
    copy = exact(out, at);
    fz_datagram(&world, node, copy, at);
    free(copy);
}

static void send_octets(unsigned node, struct mqttsn_span octets)
{
    uint8_t *copy = exact(octets.data, octets.len);

    fz_datagram(&world, node, copy, octets.len);
    free(copy);
}

/* An acknowledgement of TopicId, MsgId and return code. */
static void send_ack(unsigned node, uint8_t type, const uint8_t ids[4],
                     uint8_t code)
{
    uint8_t body[5] = {ids[0], ids[1], ids[2], ids[3], code};

    send_message(node, type, mqttsn_span(body, sizeof(body)));
}

static void answer(unsigned node, bool badly)
{
    const struct fz_node *n = &world.nodes[node];
    uint8_t m[FZ_ANSWER];
    uint8_t code = badly ? MQTTSN_REJECTED_INVALID_TOPIC_ID : MQTTSN_ACCEPTED;

    memcpy(m, n->heard, sizeof(m));
    if (n->heard_len < 2 || m[0] == 1)
        return;
    switch (m[1]) {
    case MQTTSN_REGISTER:
        send_ack(node, MQTTSN_REGACK, m + 2, code);
        break;
    case MQTTSN_PUBLISH:
        if ((m[2] & 0x60) == 0x20 || badly)
            send_ack(node, MQTTSN_PUBACK, m + 3, code);
        else if ((m[2] & 0x60) == 0x40)
            send_message(node, MQTTSN_PUBREC, mqttsn_span(m + 5, 2));
        break;
    case MQTTSN_PUBREL:
        send_message(node, MQTTSN_PUBCOMP, mqttsn_span(m + 2, 2));
        break;
    case MQTTSN_PUBREC:
        send_message(node, MQTTSN_PUBREL, mqttsn_span(m + 2, 2));
        break;
    case MQTTSN_PINGREQ:
        send_message(node, MQTTSN_PINGRESP, mqttsn_span(NULL, 0));
        break;
    case MQTTSN_WILLTOPICREQ:
        send_message(node, MQTTSN_WILLTOPIC,
                     badly ? mqttsn_span(NULL, 0) : mqttsn_span("\x30will", 5));
        break;
    case MQTTSN_WILLMSGREQ:
        send_message(node, MQTTSN_WILLMSG, mqttsn_span("gone", 4));
        break;
    default:
        break;
    }
}

/* ---- the broker, the store, and the rest ------------------------------- */

/* Of MQTT 5: when it is out of date, and for which subscriptions it is; by
 * which connection, in transparent mode. */
static void add_properties(struct gw_up_event *event, uint8_t which)
{
    event->message.expiry = delays[which & 15];
    if (world.link_count != 0)
        event->connection = world.links[which % world.link_count].number;
    if (!world.identifiers || world.known_count == 0)
        return;
    event->message.identifier_count = (uint8_t)(which >> 4 & 3);
    for (unsigned i = 0; i < event->message.identifier_count; i++)
        event->message.identifiers[i] =
            world
                .known[((which >> 6) + i) % world.known_count % FZ_IDENTIFIERS];
}

static void message_from_broker(struct mqttsn_reader *r, bool known)
{
    struct gw_up_event event = {.kind = GW_UP_MESSAGE};
    uint8_t how = mqttsn_read_u8(r);
    uint8_t *topic, *payload;
    struct mqttsn_span t, p;

    if (known)
        t = mqttsn_span_text(topics[how >> 4 & 7]);
    else
        t = mqttsn_read_bytes(r, mqttsn_read_u8(r));
    p = mqttsn_read_bytes(r, mqttsn_read_u8(r));
    topic = exact(t.data, t.len);
    payload = exact(p.data, p.len);
    event.message.topic = mqttsn_span(topic, t.len);
    event.message.payload = mqttsn_span(payload, p.len);
    event.message.qos = (how & 3) % 3;
    event.message.retain = how & 4;
    event.message.packet_id = event.message.qos > 0 ? (how & 8) + 1 : 0;
    if (how & 0x80)
        add_properties(&event, mqttsn_read_u8(r));
    fz_message(&world, &event);
    free(topic);
    free(payload);
}

static void broker_event(unsigned kind, struct mqttsn_reader *r)
{
    struct gw_up_event event = {.kind = GW_UP_CONNECTED};
    uint8_t octet;

    switch (kind) {
    case 0:
    case 1:
        event.connected.session_present = kind == 1;
        fz_event(&world, &event);
        break;
    case 2:
        octet = mqttsn_read_u8(r);
        event.connected.receive_maximum = octet & 0x3f;
        event.connected.identifiers = octet & 0x80;
        event.connected.retain_options = octet & 0x40;
        fz_event(&world, &event);
        break;
    case 3:
        event.kind = GW_UP_LOST;
        fz_event(&world, &event);
        break;
    case 4:
        event.kind = GW_UP_UNREACHABLE;
        fz_event(&world, &event);
        break;
    case 5:
        event.kind = GW_UP_DENIED;
        fz_event(&world, &event);
        break;
    case 6:
        world.broker_waits = true;
        break;
    case 7:
        world.broker_waits = false;
        fz_pump(&world);
        break;
    case 8:
    case 9:
        octet = mqttsn_read_u8(r);
        fz_result(&world, octet >> 4, (enum gw_up_outcome)(octet & 3),
                  (octet >> 2 & 3) % 3);
        break;
    case 10: /* of a token that nobody has */
        event.kind = GW_UP_RESULT;
        event.result.token = mqttsn_read_u16(r);
        event.result.token |= UINT64_C(1) << 48;
        gw_engine_on_upstream(world.engine, &event, world.now);
        fz_pump(&world);
        break;
    case 11:
        world.up_classes = mqttsn_read_u8(r) & 3;
        fz_pump(&world);
        break;
    case 12:
    case 13:
    case 14:
        message_from_broker(r, true);
        break;
    default:
        message_from_broker(r, false);
        break;
    }
}

static void store_event(unsigned kind, struct mqttsn_reader *r)
{
    switch (kind & 7) {
    case 0:
        world.store_waits = true;
        break;
    case 1:
        world.store_waits = false;
        fz_pump(&world);
        break;
    case 2:
    case 3:
    case 4:
        fz_stored(&world, 0, true);
        break;
    case 5:
        fz_stored(&world, mqttsn_read_u8(r), true);
        break;
    case 6:
        fz_stored(&world, mqttsn_read_u8(r), false);
        break;
    default: /* of an operation that nobody waits for */
        gw_engine_on_stored(world.engine, world.last_op + 1, true, world.now);
        fz_pump(&world);
        break;
    }
}

static void other_event(unsigned kind, struct mqttsn_reader *r)
{
    uint8_t options[FZ_OPTION_OCTETS];

    switch (kind) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (world.restarts == RESTARTS_MAX)
            break;
        fz_restart(&world, kind < 2 ? SIZE_MAX / 2 : mqttsn_read_u8(r));
        if (kind & 1)
            broker_event(1, r);
        break;
    case 4:
        for (size_t i = 0; i < FZ_OPTION_OCTETS; i++)
            options[i] = mqttsn_read_u8(r);
        fz_reconfigure(&world, options);
        break;
    case 5:
        gw_engine_shutdown(world.engine, world.now);
        world.shut_down = true;
        fz_pump(&world);
        break;
    case 6:
        kind = mqttsn_read_u8(r);
        fz_link_event(&world, kind >> 2, (enum gw_up_event_kind)(kind & 3));
        break;
    default: /* nobody has to wait for a deadline */
        gw_engine_on_deadline(world.engine, world.now);
        fz_pump(&world);
        break;
    }
}

static void event(struct mqttsn_reader *r)
{
    uint8_t first = mqttsn_read_u8(r), type;

    if (first < 0x80) {
        if (delays[first & 15] > 0)
            fz_pass(&world, delays[first & 15]);
        type = mqttsn_read_u8(r);
        send_message(first >> 4, type, mqttsn_read_bytes(r, mqttsn_read_u8(r)));
        return;
    }
    switch (first >> 4) {
    case 0x8:
        send_octets(first & 7, mqttsn_read_bytes(r, mqttsn_read_u8(r)));
        break;
    case 0x9:
        fz_pass(&world, delays[first & 15]);
        break;
    case 0xa:
        broker_event(first & 15, r);
        break;
    case 0xb:
        store_event(first & 7, r);
        break;
    case 0xc:
        world.blocked = first & 15;
        fz_pump(&world);
        break;
    case 0xd:
        world.budget = first & 15;
        break;
    case 0xe:
        other_event(first & 15, r);
        break;
    default:
        answer(first & 7, first & 8);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t options[FZ_OPTION_OCTETS] = {0};
    struct mqttsn_reader r;

    mqttsn_reader_init(&r, mqttsn_span(data, size));
    for (size_t i = 0; i < FZ_OPTION_OCTETS && r.left > 0; i++)
        options[i] = mqttsn_read_u8(&r);
    fz_start(&world, options);
    for (unsigned n = 0; n < EVENTS_MAX && r.left > 0; n++)
        event(&r);
    fz_end(&world, options);
    fz_stop(&world);
    return 0;
}
