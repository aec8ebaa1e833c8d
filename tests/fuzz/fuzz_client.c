/* SPDX-License-Identifier: MIT */
/*
 * The client library, told by the input what gateways send, what the
 * application calls, and what time passes. Whatever that is, what it sends
 * decodes, is a node's to send and fits the network; a request that was taken
 * ends in exactly one event; what a message borrows lies in the datagram.
 *
 * The input: an octet of options, then events, each an octet and what belongs
 * to it:
 *
 *   000k--gg TYPE LEN BODY  gateway g sends a message of that type
 *   0010--gg LEN DATA       gateway g sends these octets
 *   0011dddd                time passes
 *   010-b-gg                gateway g answers what was sent last; b: badly
 *   0110kkkk ...            the application wants something, see want
 *   0111kkkk TOPIC LEN DATA a request, see request
 *   1000----                the power goes, and comes back, if it sleeps
 *   1001---- GG             another gateway is added
 */
#include "target.h"

#include "mqttsn/client.h"
#include "mqttsn/reader.h"
#include "mqttsn/topic.h"

enum { GATEWAYS = 3, SLOTS = 3, EVENTS_MAX = 300, TURNS_MAX = 200 };

static struct {
    struct mqttsn_client client;
    struct mqttsn_client_config config;
    struct mqttsn_client_topic topics[SLOTS];
    struct mqttsn_client_gateway gateways[GATEWAYS];
    struct mqttsn_client_will will;
    uint8_t work[64];
    mqttsn_ms now;
    unsigned open; /* requests that were taken and not done */
    uint8_t sent[300];
    size_t sent_len;
    struct mqttsn_span given; /* the datagram of this event */
} t;

static const mqttsn_ms delays[16] = {
    0,     1,     100,   500,    1000,   5000,   10000,   15000,
    16000, 30000, 60000, 120000, 360000, 600000, 3600000, 70000000};

static struct mqttsn_address address(unsigned g)
{
    return (struct mqttsn_address){.len = 6,
                                   .octets = {10, 0, 0, (uint8_t)g, 7, 91}};
}

/* ---- what comes out ---------------------------------------------------- */

static void check_sent(const struct mqttsn_client_datagram *d,
                       const uint8_t *buf)
{
    struct mqttsn_span in = {buf, d->len};
    struct mqttsn_frame f;

    MUST(t.config.datagram_max == 0 || d->len <= t.config.datagram_max);
    MUST(mqttsn_decode(in, MQTTSN_DECODE_STRICT, &f) == MQTTSN_OK);
    if (t.config.node_id.len > 0) {
        MUST(f.type == MQTTSN_ENCAPSULATED);
        MUST(mqttsn_span_equal(f.encapsulated.node_id, t.config.node_id));
        in = f.encapsulated.message;
        MUST(mqttsn_decode(in, MQTTSN_DECODE_STRICT, &f) == MQTTSN_OK);
    }
    MUST(f.type != MQTTSN_ADVERTISE && f.type != MQTTSN_CONNACK &&
         f.type != MQTTSN_WILLTOPICREQ && f.type != MQTTSN_WILLMSGREQ &&
         f.type != MQTTSN_SUBACK && f.type != MQTTSN_UNSUBACK &&
         f.type != MQTTSN_WILLTOPICRESP && f.type != MQTTSN_WILLMSGRESP &&
         f.type != MQTTSN_ENCAPSULATED);
    if (f.type == MQTTSN_SEARCHGW)
        MUST(d->to == NULL);
    if (d->to == NULL)
        MUST(f.type == MQTTSN_SEARCHGW || f.type == MQTTSN_GWINFO);
    else
        MUST(d->to->len > 0 && d->to->len <= MQTTSN_CLIENT_ADDRESS_MAX);
    t.sent_len = in.len < sizeof(t.sent) ? in.len : sizeof(t.sent);
    memcpy(t.sent, in.data, t.sent_len);
}

static void check_event(const struct mqttsn_client_event *e)
{
    MUST(e->kind <= MQTTSN_EVENT_LOST);
    if (e->kind == MQTTSN_EVENT_DONE) {
        MUST(e->request != MQTTSN_REQUEST_NOTHING);
        MUST(e->result <= MQTTSN_CLIENT_FAILED);
        MUST(t.open == 1);
        t.open = 0;
    } else if (e->kind == MQTTSN_EVENT_MESSAGE) {
        MUST(e->qos <= 2);
        MUST(e->data.len == 0 ||
             (t.given.data != NULL && e->data.data >= t.given.data &&
              e->data.data + e->data.len <= t.given.data + t.given.len));
        if (e->topic.type == MQTTSN_TOPIC_NORMAL)
            MUST(e->topic.name.len <= MQTTSN_CLIENT_NAME_MAX);
        for (size_t i = 0; i < e->topic.name.len; i++)
            MUST(e->topic.name.data[i] <= 0xff); /* it can be read */
    }
}

static void poll(void)
{
    static uint8_t buf[1024];
    struct mqttsn_client_datagram d;
    struct mqttsn_client_event e;
    bool more = true;

    for (unsigned turns = 0; more; turns++) {
        more = false;
        while (
            mqttsn_client_poll_send(&t.client, t.now, buf, sizeof(buf), &d)) {
            check_sent(&d, buf);
            MUST(++turns < TURNS_MAX);
            more = true;
        }
        while (mqttsn_client_poll_event(&t.client, &e)) {
            check_event(&e);
            MUST(++turns < TURNS_MAX);
            more = true;
        }
    }
    MUST(mqttsn_client_state(&t.client) <= MQTTSN_CLIENT_AWAKE);
    MUST(mqttsn_client_busy(&t.client) == (t.open != 0));
}

/* ---- what goes in ------------------------------------------------------ */

static void give(unsigned g, const uint8_t *octets, size_t len)
{
    struct mqttsn_address from = address(g);
    uint8_t *copy = exact(octets, len);

    t.given = mqttsn_span(copy, len);
    mqttsn_client_on_datagram(&t.client, &from, t.given, t.now);
    poll();
    t.given = mqttsn_span(NULL, 0);
    free(copy);
}

static void give_message(unsigned g, uint8_t type, struct mqttsn_span body)
{
    uint8_t out[300];
    size_t at = 0;

    if (t.config.node_id.len > 0) {
        out[at++] = (uint8_t)(3 + t.config.node_id.len);
        out[at++] = MQTTSN_ENCAPSULATED;
        out[at++] = 0;
        memcpy(out + at, t.config.node_id.data, t.config.node_id.len);
        at += t.config.node_id.len;
    }
    if (body.len + 2 > 255) {
        out[at++] = 1;
        out[at++] = (uint8_t)((body.len + 4) >> 8);
        out[at++] = (uint8_t)(body.len + 4);
    } else {
        out[at++] = (uint8_t)(body.len + 2);
    }
    out[at++] = type;
    if (body.len > 0)
        memcpy(out + at, body.data, body.len);
    give(g, out, at + body.len);
}

static void give_octets(unsigned g, uint8_t type, const void *body, size_t len)
{
    give_message(g, type, mqttsn_span(body, len));
}

/* As a gateway would, or nearly. */
static void answer(unsigned g, bool badly)
{
    const uint8_t *m = t.sent;
    uint8_t code = badly ? MQTTSN_REJECTED_CONGESTION : MQTTSN_ACCEPTED;
    uint8_t advert[3] = {(uint8_t)g, 0, 60};
    uint8_t suback[6] = {0x20, 0, 1, m[3], m[4], code};
    uint8_t regack[5] = {0, (uint8_t)(m[5] % 5 + 1), m[4], m[5], code};
    uint8_t puback[5] = {m[3], m[4], m[5], m[6],
                         badly ? MQTTSN_REJECTED_INVALID_TOPIC_ID
                               : MQTTSN_ACCEPTED};

    if (t.sent_len < 2 || m[0] == 1)
        return;
    switch (m[1]) {
    case MQTTSN_SEARCHGW:
        give_octets(g, MQTTSN_GWINFO, advert, 1);
        break;
    case MQTTSN_CONNECT:
        if ((m[2] & 8) && !badly)
            give_octets(g, MQTTSN_WILLTOPICREQ, NULL, 0);
        else
            give_octets(g, MQTTSN_CONNACK, &code, 1);
        break;
    case MQTTSN_WILLTOPIC:
        give_octets(g, MQTTSN_WILLMSGREQ, NULL, 0);
        break;
    case MQTTSN_WILLMSG:
        give_octets(g, MQTTSN_CONNACK, &code, 1);
        break;
    case MQTTSN_REGISTER:
        give_octets(g, MQTTSN_REGACK, regack, 5);
        break;
    case MQTTSN_PUBLISH:
        if ((m[2] & 0x60) == 0x40 && !badly)
            give_octets(g, MQTTSN_PUBREC, m + 5, 2);
        else
            give_octets(g, MQTTSN_PUBACK, puback, 5);
        break;
    case MQTTSN_PUBREL:
        give_octets(g, MQTTSN_PUBCOMP, m + 2, 2);
        break;
    case MQTTSN_PUBREC:
        give_octets(g, MQTTSN_PUBREL, m + 2, 2);
        break;
    case MQTTSN_SUBSCRIBE:
        give_octets(g, MQTTSN_SUBACK, suback, 6);
        break;
    case MQTTSN_UNSUBSCRIBE:
        give_octets(g, MQTTSN_UNSUBACK, m + 3, 2);
        break;
    case MQTTSN_PINGREQ:
        give_octets(g, MQTTSN_PINGRESP, NULL, 0);
        break;
    case MQTTSN_DISCONNECT:
        give_octets(g, MQTTSN_DISCONNECT, NULL, 0);
        break;
    case MQTTSN_WILLTOPICUPD:
        give_octets(g, MQTTSN_WILLTOPICRESP, &code, 1);
        break;
    case MQTTSN_WILLMSGUPD:
        give_octets(g, MQTTSN_WILLMSGRESP, &code, 1);
        break;
    default:
        give_octets(g, MQTTSN_ADVERTISE, advert, 3);
        break;
    }
}

static void pass(mqttsn_ms ms)
{
    mqttsn_ms until = t.now + ms;
    unsigned stuck = 0;

    for (;;) {
        mqttsn_ms due = mqttsn_client_next_deadline(&t.client);

        if (due > until)
            break;
        if (due > t.now) {
            t.now = due;
            stuck = 0;
        }
        MUST(++stuck < TURNS_MAX);
        mqttsn_client_on_deadline(&t.client, t.now);
        poll();
    }
    t.now = until;
    poll();
}

/* ---- what the application does ----------------------------------------- */

static void want(unsigned kind, struct mqttsn_reader *r)
{
    enum mqttsn_status status = MQTTSN_OK;

    switch (kind & 7) {
    case 0:
    case 1:
        status = mqttsn_client_connect(&t.client, t.now);
        break;
    case 2:
        mqttsn_client_disconnect(&t.client, t.now);
        break;
    case 3:
        status = mqttsn_client_sleep(&t.client, mqttsn_read_u16(r), t.now);
        break;
    case 4:
    case 5:
        status = mqttsn_client_check(&t.client, t.now);
        break;
    case 6:
        mqttsn_client_search(&t.client, t.now);
        break;
    default:
        mqttsn_client_on_deadline(&t.client, t.now);
        break;
    }
    MUST(status == MQTTSN_OK || status == MQTTSN_EPROTO ||
         status == MQTTSN_EINVAL || status == MQTTSN_ENOTFOUND);
    poll();
}

static struct mqttsn_topic read_topic(struct mqttsn_reader *r)
{
    static const char *const names[4] = {"a", "a/b", "a/+", "t/x/y/z"};
    uint8_t how = mqttsn_read_u8(r);
    struct mqttsn_topic topic = {.type = how & 3};

    if (topic.type == MQTTSN_TOPIC_NORMAL && (how & 4))
        topic.name = mqttsn_read_bytes(r, how >> 3);
    else if (topic.type == MQTTSN_TOPIC_NORMAL)
        topic.name = mqttsn_span_text(names[how >> 3 & 3]);
    else
        topic.id = mqttsn_read_u16(r);
    return topic;
}

static void request(unsigned kind, struct mqttsn_reader *r)
{
    struct mqttsn_topic topic = read_topic(r);
    uint8_t len = mqttsn_read_u8(r);
    struct mqttsn_span data = mqttsn_read_bytes(r, len);
    bool was_open = t.open != 0;
    enum mqttsn_status status;

    switch (kind) {
    case 4:
    case 5:
    case 6:
        status =
            mqttsn_client_subscribe(&t.client, topic, (int)kind - 4, t.now);
        break;
    case 7:
        status = mqttsn_client_unsubscribe(&t.client, topic, t.now);
        break;
    case 8:
    case 9:
        status = mqttsn_client_register(&t.client, topic, t.now);
        break;
    case 10:
        status = mqttsn_client_will_update(&t.client, NULL, 0, t.now);
        break;
    case 11:
        status = mqttsn_client_will_update(&t.client, &t.will, len & 3, t.now);
        break;
    default:
        status = mqttsn_client_publish(&t.client, topic, data,
                                       (int)(kind & 3) - 1, kind & 8, t.now);
        break;
    }
    if (status == MQTTSN_OK) {
        MUST(!was_open);
        t.open = 1;
    }
    poll();
}

/* Everything but the snapshot is forgotten. */
static void power_off(void)
{
    uint8_t buf[MQTTSN_CLIENT_SNAPSHOT_MAX(SLOTS)], *copy;
    size_t len = 0;
    enum mqttsn_status status =
        mqttsn_client_snapshot(&t.client, buf, sizeof(buf), &len);

    if (status != MQTTSN_OK) {
        MUST(status == MQTTSN_EPROTO);
        return;
    }
    copy = exact(buf, len);
    memset(&t.client, 0xa5, sizeof(t.client));
    memset(t.topics, 0, sizeof(t.topics));
    memset(t.gateways, 0, sizeof(t.gateways));
    MUST(mqttsn_client_resume(&t.client, &t.config, 7,
                              mqttsn_span(copy, len)) == MQTTSN_OK);
    MUST(mqttsn_client_state(&t.client) == MQTTSN_CLIENT_ASLEEP);
    free(copy);
    poll();
}

static void start(uint8_t options)
{
    struct mqttsn_address first = address(0);

    memset(&t, 0, sizeof(t));
    t.now = 1000000;
    t.will = (struct mqttsn_client_will){.topic = mqttsn_span_text("will"),
                                         .message = mqttsn_span_text("gone"),
                                         .qos = 1};
    t.config = (struct mqttsn_client_config){
        .client_id = mqttsn_span_text("node"),
        .keep_alive_s = 60,
        .clean_session = options & 1,
        .talk_asleep = options & 2,
        .work = t.work,
        .work_cap = sizeof(t.work),
        .topics = t.topics,
        .topic_cap = SLOTS,
        .gateways = t.gateways,
        .gateway_cap = options & 4 ? 1 : GATEWAYS,
        .datagram_max = options & 8 ? 40 : 0,
        .will = options & 16 ? &t.will : NULL,
        .radius = 1,
        .node_id = mqttsn_span("\x01\x02", options & 32 ? 2 : 0),
    };
    MUST(mqttsn_client_init(&t.client, &t.config, 42) == MQTTSN_OK);
    if (!(options & 64))
        MUST(mqttsn_client_add_gateway(&t.client, 1, &first) == MQTTSN_OK);
    poll();
}

static void event(struct mqttsn_reader *r)
{
    uint8_t first = mqttsn_read_u8(r), octet;
    struct mqttsn_address more;
    struct mqttsn_span span;

    switch (first >> 4) {
    case 0:
    case 1:
        octet = mqttsn_read_u8(r);
        give_message(first & 3, octet, mqttsn_read_bytes(r, mqttsn_read_u8(r)));
        break;
    case 2:
        span = mqttsn_read_bytes(r, mqttsn_read_u8(r));
        give(first & 3, span.data, span.len);
        break;
    case 3:
        pass(delays[first & 15]);
        break;
    case 4:
    case 5:
        answer(first & 3, first & 8);
        break;
    case 6:
        want(first & 15, r);
        break;
    case 7:
        request(first & 15, r);
        break;
    case 8:
        power_off();
        break;
    default:
        octet = mqttsn_read_u8(r);
        more = address(octet & 3);
        (void)!mqttsn_client_add_gateway(&t.client, octet >> 4, &more);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mqttsn_reader r;

    mqttsn_reader_init(&r, mqttsn_span(data, size));
    start(mqttsn_read_u8(&r));
    for (unsigned n = 0; n < EVENTS_MAX && r.left > 0; n++)
        event(&r);
    /* Without an answer every request ends, sooner or later. */
    mqttsn_client_disconnect(&t.client, t.now);
    poll();
    pass(400000);
    MUST(t.open == 0);
    return 0;
}
