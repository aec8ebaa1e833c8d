/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <string.h>

static const char *const poison[] = {"",
                                     "a/#/b",
                                     "a+/b",
                                     "$SYS/x",
                                     "#",
                                     "\xff\xfe",
                                     "\x01x",
                                     "t/1",
                                     "cmd",
                                     "will/0",
                                     "a//b",
                                     "$share/g/t",
                                     "\xc0\x80",
                                     "x/y/z",
                                     "/",
                                     "+",
                                     "mqttsn-gw/sim/probe"};
static const char *const ids[] = {
    "n0",
    "n1",
    "n2",
    "lib0",
    "v0",
    "v1",
    "v2",
    "\xff",
    "a/b",
    "+",
    "",
    "an id that is much longer than the twenty-three octets of the text"};

#define ANY(r, array)                                                          \
    ((array)[rng_below((r), sizeof(array) / sizeof((array)[0]))])

static uint16_t small(struct rng *r)
{
    return (uint16_t)(rng_below(r, 4) ? rng_below(r, 8) : rng_below(r, 65536));
}

/* A frame that is almost right, or right in the wrong place (T2..T14). All its
 * parts are drawn beforehand: in which order the arguments of a call are
 * evaluated is the compiler's affair, and a seed must not depend on that. */
static struct octets some_frame(struct villain *v)
{
    struct rng *r = &v->random;
    uint32_t kind = rng_below(r, 14);
    uint8_t flags = (uint8_t)rng_below(r, 256);
    uint16_t topic = small(r), msg = small(r);
    uint16_t number = (uint16_t)rng_below(r, 65536);
    const char *id = ANY(r, ids), *name = ANY(r, poison);
    bool coin = rng_below(r, 2) == 0;
    char text[24];

    snprintf(text, sizeof(text), "v%u.%u", v->number, v->payload_number++);
    switch (kind) {
    case 0:
        return sn_connect(id, number % 400, flags);
    case 1:
        return sn_subscribe(SN_SUBSCRIBE, flags, msg, name);
    case 2:
        return sn_register(topic, msg, name);
    case 3:
        return sn_publish(flags, topic, msg, text);
    case 4:
        return sn_ack(coin ? SN_PUBACK : SN_REGACK, topic, number, flags % 5);
    case 5:
        return sn_disconnect(number % 400 - 100);
    case 6:
        return sn_pingreq(coin ? id : NULL);
    case 7:
        return sn_msg((uint8_t)(0x0e + flags % 3), number);
    case 8:
        return sn_willtopic(coin ? SN_WILLTOPIC : SN_WILLTOPICUPD, flags, name);
    case 9:
        return sn_willmsg(coin ? SN_WILLMSG : SN_WILLMSGUPD, text);
    case 10:
        return sn_subscribe_id(coin ? SN_SUBSCRIBE : SN_UNSUBSCRIBE, flags, msg,
                               topic);
    case 11:
        return sn_code(coin ? SN_CONNACK : SN_WILLTOPICRESP, flags);
    case 12:
        return sn_subscribe(SN_UNSUBSCRIBE, flags, msg, name);
    default:
        return sn_bare(flags);
    }
}

static void spoil(struct rng *r, struct octets *o)
{
    uint32_t at;

    switch (rng_below(r, 6)) {
    case 0:
        at = rng_below(r, (uint32_t)o->len);
        o->data[at] = (uint8_t)rng_below(r, 256);
        break;
    case 1:
        o->len = rng_below(r, (uint32_t)o->len + 1);
        break;
    case 2:
        o->len = rng_below(r, 24);
        for (size_t i = 0; i < o->len; i++)
            o->data[i] = (uint8_t)rng_below(r, 256);
        break;
    default:
        break;
    }
}

static void mix(struct sim *sim, struct villain *v)
{
    struct rng *r = &v->random;

    for (unsigned n = 1 + rng_below(r, 6); n > 0; n--) {
        struct octets o = some_frame(v);

        if (rng_below(r, 3) == 0)
            spoil(r, &o);
        if (rng_below(r, 12) == 0 && o.len > 0 && o.len < 200)
            o = sn_wrap((const uint8_t *)"zz", 2, o);
        if (sim->node_count > 0 && rng_chance(r, sim->o.spoof_permille)) {
            struct peer peer =
                sim->net
                    .boxes[sim->nodes[rng_below(r, (uint32_t)sim->node_count)]
                               .box]
                    .peer;

            net_forge(sim, v->box, &peer, &o);
        } else {
            net_up(sim, v->box, &o);
        }
    }
}

static void act(struct sim *sim, struct event *event)
{
    struct villain *v = &sim->villains[event->actor];

    if (sim->healed)
        return;
    sim->stats->attacks[v->art]++;
    if (v->art == MIXER)
        mix(sim, v);
    else
        villain_attack(sim, v);
    queue_add(&sim->queue,
              sim->now + rng_pause(&v->random, (uint64_t)sim->o.pace_ms), act,
              NULL, 0)
        ->actor = v->number;
}

static void hears(struct sim *sim, unsigned number, const uint8_t *data,
                  size_t len)
{
    struct villain *v = &sim->villains[number];
    struct sn_frame f;
    struct octets o;

    if (v->art == LINGERER || v->art == NAMELESS)
        return;
    /* Sometimes he keeps to the protocol, to get further. */
    if (sn_unpack(data, len, &f) != NULL || rng_below(&v->random, 2))
        return;
    if (f.type == SN_REGISTER)
        o = sn_ack(SN_REGACK, f.topic, f.msg,
                   (uint8_t)rng_below(&v->random, 3));
    else if (f.type == SN_PUBLISH && (f.flags & SN_QOS_BITS) != 0)
        o = sn_ack(SN_PUBACK, f.topic, f.msg,
                   (uint8_t)rng_below(&v->random, 3));
    else if (f.type == SN_WILLTOPICREQ)
        o = sn_willtopic(SN_WILLTOPIC, 0, ANY(&v->random, poison));
    else if (f.type == SN_WILLMSGREQ)
        o = sn_willmsg(SN_WILLMSG, "w");
    else
        return;
    net_up(sim, v->box, &o);
}

static const struct {
    const char *name;
    bool lawful; /* keeps to the protocol, and is judged */
} arts[VILLAIN_ARTS] = {
    {"mixer", false},   {"searcher", true}, {"crowd", true},
    {"lingerer", true}, {"grabber", true},  {"nameless", true},
    {"wrapper", false}, {"mirror", true},   {"guesser", false}};

const char *villain_art_name(enum villain_art art)
{
    return arts[art].name;
}

static void add_villains(struct sim *sim, enum villain_art art, int64_t count)
{
    for (unsigned k = 0;
         k < (unsigned)count && sim->villain_count < SIM_VILLAINS; k++) {
        unsigned n = (unsigned)sim->villain_count++;
        struct villain *v = &sim->villains[n];

        memset(v, 0, sizeof(*v));
        v->number = n;
        v->art = art;
        rng_init(&v->random, sim->seed,
                 art == MIXER ? "villain" : villain_art_name(art), k);
        v->box = net_attach(sim, net_peer(120 + n, 6000 + n), hears, n);
        sim->net.boxes[v->box].suspect = !arts[art].lawful;
        queue_add(&sim->queue, sim->now + 10 + n, act, NULL, 0)->actor = n;
    }
}

void villains_init(struct sim *sim)
{
    sim->villain_count = 0;
    add_villains(sim, MIXER, sim->o.villains);
    add_villains(sim, SEARCHER, sim->o.searchers);
    add_villains(sim, CROWD, sim->o.crowds);
    add_villains(sim, LINGERER, sim->o.lingerers);
    add_villains(sim, GRABBER, sim->o.grabbers);
    add_villains(sim, NAMELESS, sim->o.nameless);
    add_villains(sim, WRAPPER, sim->o.wrappers);
    add_villains(sim, MIRROR, sim->o.mirrors);
    add_villains(sim, GUESSER, sim->o.guessers);
}
