/* SPDX-License-Identifier: MIT */
/* One art each: a handful of datagrams. */
#include "sim.h"

#include <string.h>

/* The crowd comes from so many ports, and has so many ids. */
#define CROWD_PORTS 24
#define CROWD_IDS 400

/* A grabber's topic names. */
#define GRABBED 60

#define LONGEST 65535

static void say(struct sim *sim, struct villain *v, struct octets o)
{
    net_up(sim, v->box, &o);
}

static void say_as(struct sim *sim, struct villain *v, struct peer as,
                   struct octets o)
{
    net_up_from(sim, v->box, &as, &o);
}

static uint16_t next_msg(struct villain *v)
{
    if (++v->msg == 0)
        v->msg = 1;
    return v->msg;
}

static const struct node *any_node(struct sim *sim, struct villain *v)
{
    if (sim->node_count == 0)
        return NULL;
    return &sim->nodes[rng_below(&v->random, (uint32_t)sim->node_count)];
}

/* ---- T7 ---------------------------------------------------------------- */

static void search(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;
    struct sn_frame f = {.type = SN_SEARCHGW};

    for (unsigned n = 3 + rng_below(r, 30); n > 0; n--) {
        uint32_t dice = rng_below(r, 10);
        unsigned port = 7000 + rng_below(r, 8);

        f.type = dice == 0 ? SN_ADVERTISE : dice == 1 ? SN_GWINFO : SN_SEARCHGW;
        f.radius = (uint8_t)rng_below(r, 4);
        f.gw_id = (uint8_t)rng_below(r, 256);
        f.duration = (uint16_t)rng_below(r, 1000);
        f.tail_len = 0;
        if (dice == 2)
            say_as(sim, v, net_peer_far(130, port), sn_pack(&f));
        else
            say_as(sim, v, net_peer(130 + v->number, port), sn_pack(&f));
    }
}

/* ---- T8 ---------------------------------------------------------------- */

static void crowd(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;

    for (unsigned n = 5 + rng_below(r, 20); n > 0; n--) {
        uint8_t flags = rng_below(r, 3) ? SN_CLEAN : 0;
        unsigned port = 7100 + rng_below(r, CROWD_PORTS);
        char id[24];

        if (rng_below(r, 8) == 0)
            flags |= SN_WILL;
        snprintf(id, sizeof(id), "c%u", rng_below(r, CROWD_IDS));
        say_as(sim, v, net_peer(110 + port % 4, port),
               sn_connect(id, (uint16_t)(60 + port % 7), flags));
    }
}

/* ---- T9, T10 ----------------------------------------------------------- */

/* One step of four at a time: its answers need their time. */
static void linger(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;
    char id[24], payload[24];
    bool clean = rng_below(r, 2) == 0;
    uint16_t keepalive = rng_below(r, 2) ? LONGEST : 0;

    snprintf(id, sizeof(id), "k%u.%u", v->number, v->round / 4 % 3);
    snprintf(payload, sizeof(payload), "k%u.%u", v->number,
             v->payload_number++);
    switch (v->round++ % 4) {
    case 0:
        say(sim, v, sn_connect(id, keepalive, clean ? SN_CLEAN : 0));
        break;
    case 1:
        say(sim, v, sn_subscribe(SN_SUBSCRIBE, SN_QOS2, next_msg(v), "#"));
        break;
    case 2:
        say(sim, v,
            sn_publish(SN_SHORT | SN_QOS1, 'b' * 257, next_msg(v), payload));
        break;
    default:
        say(sim, v, sn_disconnect(LONGEST));
        break;
    }
}

/* ---- T11, T18, T19 ----------------------------------------------------- */

static void grab(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;
    char id[24], text[24];
    unsigned count = 4 + rng_below(r, 20);

    snprintf(id, sizeof(id), "g%u", v->number);
    switch (rng_below(r, 6)) {
    case 0:
        say(sim, v, sn_connect(id, 60, rng_below(r, 3) == 0 ? SN_CLEAN : 0));
        break;
    case 1:
        for (; count > 0; count--) {
            snprintf(text, sizeof(text), "g/%u", v->round++ % GRABBED);
            say(sim, v, sn_register(0, next_msg(v), text));
        }
        break;
    case 2:
        snprintf(text, sizeof(text), "g/%u/#", rng_below(r, GRABBED));
        say(sim, v, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, next_msg(v), text));
        say(sim, v, sn_subscribe(SN_SUBSCRIBE, SN_QOS2, next_msg(v), "#"));
        break;
    case 3:
        for (; count > 0; count--) {
            snprintf(text, sizeof(text), "g%u.%u", v->number,
                     v->payload_number++);
            say(sim, v,
                sn_publish(SN_SHORT | SN_QOS2, 'b' * 257, next_msg(v), text));
        }
        break;
    default:
        say(sim, v, sn_disconnect(60));
        for (; count > 0; count--)
            say(sim, v, sn_pingreq(id));
        break;
    }
}

/* ---- T12 --------------------------------------------------------------- */

static void publish_nameless(struct sim *sim, struct villain *v)
{
    static const uint16_t topics[] = {101, 102, 3, 60001, 77, 1};
    struct rng *r = &v->random;
    uint8_t type = (uint8_t)rng_below(r, 4);
    uint16_t topic = topics[rng_below(r, 6)];
    uint8_t flags = (uint8_t)(SN_QOS_MINUS1 | type);
    char payload[24];

    if (type == SN_SHORT)
        topic = rng_below(r, 6) == 0 ? '#' * 256 + 'x' : 'a' * 257;
    if (rng_below(r, 3) == 0)
        flags |= SN_RETAIN;
    snprintf(payload, sizeof(payload), "q%u.%u", v->number,
             v->payload_number++);
    if (rng_below(r, 3) == 0)
        say_as(sim, v, net_peer_far(140, 8000),
               sn_publish(flags, topic, 0, payload));
    else
        say(sim, v, sn_publish(flags, topic, 0, payload));
}

/* ---- T15 --------------------------------------------------------------- */

static struct octets something(struct sim *sim, struct villain *v)
{
    const struct node *node = any_node(sim, v);
    const char *id = node == NULL ? "n0" : node->id;

    switch (rng_below(&v->random, 8)) {
    case 0:
        return sn_connect(id, 60, SN_CLEAN);
    case 1:
        return sn_disconnect(-1);
    case 2:
    case 3:
    case 4:
    case 5:
        return sn_pingreq(id);
    default:
        return sn_publish(SN_SHORT | SN_QOS1, 'a' * 257, next_msg(v), "wrap");
    }
}

static void wrap(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;
    uint8_t id[16] = {'f', (uint8_t)rng_below(r, 12), 'x'};
    struct octets o = something(sim, v), wrapped = sn_wrap(id, 2, o);
    struct peer forwarder = net_peer_behind(0);

    forwarder.id_len = 0; /* the header is here already */
    switch (rng_below(r, 6)) {
    case 0: /* from no forwarder */
        say(sim, v, wrapped);
        return;
    case 1: /* in the forwarder's name, as a node behind it */
        say_as(sim, v, forwarder, wrapped);
        return;
    case 2: /* twice */
        say_as(sim, v, forwarder, sn_wrap(id, 2, wrapped));
        return;
    case 3: /* no id */
        say_as(sim, v, forwarder, sn_wrap(id, 0, o));
        return;
    case 4: /* an id that nobody has, as long as may be here */
        say_as(sim, v, forwarder, sn_wrap(id, 3 + rng_below(r, 14), o));
        return;
    default: /* more behind the message */
        if (wrapped.len < sizeof(wrapped.data))
            wrapped.data[wrapped.len++] = 0;
        say_as(sim, v, forwarder, wrapped);
        return;
    }
}

/* ---- T6 ---------------------------------------------------------------- */

static void mirror(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;
    unsigned which = rng_below(r, 4);
    struct peer victim = net_peer_far(150 + which, 9000);
    char id[24];

    snprintf(id, sizeof(id), "m%u.%u", v->number, which);
    switch (rng_below(r, 4)) {
    case 0:
    case 1:
        say_as(sim, v, victim, sn_connect(id, 60, SN_CLEAN));
        break;
    case 2:
        say_as(sim, v, victim,
               sn_subscribe(SN_SUBSCRIBE, (uint8_t)(rng_below(r, 3) * SN_QOS1),
                            next_msg(v), "#"));
        break;
    default: /* a stranger's, to be answered */
        for (unsigned n = 0; n < 6; n++)
            say_as(sim, v, net_peer_far(160, 9100 + which), sn_pingreq(NULL));
        break;
    }
}

/* ---- T17 --------------------------------------------------------------- */

static void guess(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;
    const struct node *node = any_node(sim, v);

    if (node == NULL)
        return;
    for (unsigned n = 5 + rng_below(r, 40); n > 0; n--) {
        uint16_t msg = (uint16_t)rng_below(r, 65536);
        uint16_t topic = (uint16_t)rng_below(r, 8);
        uint32_t dice = rng_below(r, 5);
        struct octets o = dice < 2
                              ? sn_ack(dice == 0 ? SN_PUBACK : SN_REGACK, topic,
                                       msg, (uint8_t)rng_below(r, 4))
                              : sn_msg((uint8_t)(SN_PUBCOMP + dice - 2), msg);

        if (o.data[1] != SN_PUBREL)
            net_forge(sim, v->box, &sim->net.boxes[node->box].peer, &o);
    }
}

void villain_attack(struct sim *sim, struct villain *v)
{
    switch (v->art) {
    case SEARCHER:
        search(sim, v);
        break;
    case CROWD:
        crowd(sim, v);
        break;
    case LINGERER:
        linger(sim, v);
        break;
    case GRABBER:
        grab(sim, v);
        break;
    case NAMELESS:
        publish_nameless(sim, v);
        break;
    case WRAPPER:
        wrap(sim, v);
        break;
    case MIRROR:
        mirror(sim, v);
        break;
    case GUESSER:
        guess(sim, v);
        break;
    case MIXER:
    case VILLAIN_ARTS:
        break;
    }
}
