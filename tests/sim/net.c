/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <string.h>

#define FORWARDER_HOST 200
#define FORWARDER_PORT 1885

/* The wrapped form is at most this much longer. */
#define WRAP_MAX (3 + NET_ID)

struct peer net_peer(unsigned host, unsigned port)
{
    struct peer peer = {0};

    peer.addr.family = 4;
    peer.addr.ip[0] = 10;
    peer.addr.ip[3] = (uint8_t)host;
    peer.addr.port = (uint16_t)port;
    return peer;
}

struct peer net_peer6(unsigned host, unsigned port)
{
    struct peer peer = {0};

    peer.addr.family = 6;
    peer.addr.ip[0] = 0xfd;
    peer.addr.ip[15] = (uint8_t)host;
    peer.addr.port = (uint16_t)port;
    return peer;
}

struct peer net_peer_far(unsigned host, unsigned port)
{
    struct peer peer = net_peer(host, port);

    peer.addr.ip[0] = 198;
    peer.addr.ip[1] = 51;
    peer.addr.ip[2] = 100;
    return peer;
}

bool net_is_near(const struct gw_addr *addr)
{
    return addr->family == 6 || addr->ip[0] == 10;
}

bool net_is_forwarder(const struct gw_addr *addr)
{
    return addr->family == 4 && addr->ip[0] == 10 &&
           addr->ip[3] == FORWARDER_HOST;
}

unsigned net_host(const struct gw_addr *addr)
{
    return addr->ip[addr->family == 6 ? 15 : 3];
}

struct peer net_peer_behind(unsigned id)
{
    struct peer peer = net_peer(FORWARDER_HOST, FORWARDER_PORT);

    peer.id_len = 2;
    peer.id[0] = 'f';
    peer.id[1] = (uint8_t)id;
    return peer;
}

bool peer_equal(const struct peer *a, const struct peer *b)
{
    return gw_addr_equal(&a->addr, &b->addr) && a->id_len == b->id_len &&
           memcmp(a->id, b->id, a->id_len) == 0;
}

void net_init(struct sim *sim)
{
    memset(&sim->net, 0, sizeof(sim->net));
}

unsigned net_attach(struct sim *sim, struct peer peer, net_receive *receive,
                    unsigned actor)
{
    unsigned number = (unsigned)sim->net.count++;
    struct box *box = &sim->net.boxes[number];

    if (sim->net.count > NET_BOXES)
        sim_fail(sim, "setup", "more than %d boxes", NET_BOXES);
    memset(box, 0, sizeof(*box));
    box->peer = peer;
    box->receive = receive;
    box->actor = actor;
    rng_init(&box->up, sim->seed, "up", number);
    rng_init(&box->down, sim->seed, "down", number);
    return number;
}

void net_move(struct sim *sim, unsigned box, struct peer peer)
{
    for (size_t i = 0; i < sim->net.count; i++)
        if (i != box && peer_equal(&sim->net.boxes[i].peer, &peer))
            sim->net.boxes[i].peer.addr.family = 0;
    sim->net.boxes[box].peer = peer;
}

/* ---- the weather ------------------------------------------------------- */

static mqttsn_ms delay(struct sim *sim, struct rng *r)
{
    if (sim->healed)
        return 2;
    return (mqttsn_ms)sim->o.delay_ms +
           rng_below(r, (uint32_t)sim->o.jitter_ms + 1);
}

/* How many copies arrive, and whether this one is damaged. */
static unsigned copies(struct sim *sim, struct rng *r)
{
    if (sim->healed)
        return 1;
    if (rng_chance(r, sim->o.loss))
        return 0;
    return rng_chance(r, sim->o.dup) ? 2 : 1;
}

static void damage(struct sim *sim, struct rng *r, struct event *event)
{
    if (sim->healed || event->len == 0)
        return;
    if (rng_chance(r, sim->o.flip)) {
        event->data[rng_below(r, (uint32_t)event->len)] ^=
            (uint8_t)(1u << rng_below(r, 8));
        event->suspect = true;
    }
    if (rng_chance(r, sim->o.truncate)) {
        event->len = rng_below(r, (uint32_t)event->len);
        event->suspect = true;
    }
}

/* ---- towards the gateway ------------------------------------------------ */

static void arrive_up(struct sim *sim, struct event *event)
{
    sim->oracle.suspect = event->suspect;
    gateway_datagram(sim, &event->from, event->data, event->len);
}

static void send_up(struct sim *sim, struct box *box, const struct peer *from,
                    const struct octets *message, bool suspect)
{
    struct octets wrapped;

    if (from->addr.family == 0 || box->silent_until > sim->now)
        return;
    if (from->id_len > 0) {
        wrapped = sn_wrap(from->id, from->id_len, *message);
        message = &wrapped;
    }
    for (unsigned n = copies(sim, &box->up); n > 0; n--) {
        struct event *event =
            queue_add(&sim->queue, sim->now + delay(sim, &box->up), arrive_up,
                      message->data, message->len);

        event->suspect = suspect;
        damage(sim, &box->up, event);
        event->from = from->addr;
    }
}

void net_up(struct sim *sim, unsigned box, const struct octets *message)
{
    struct box *from = &sim->net.boxes[box];

    send_up(sim, from, &from->peer, message, from->suspect);
}

void net_forge(struct sim *sim, unsigned box, const struct peer *as,
               const struct octets *message)
{
    send_up(sim, &sim->net.boxes[box], as, message, true);
}

void net_up_from(struct sim *sim, unsigned box, const struct peer *as,
                 const struct octets *message)
{
    struct box *from = &sim->net.boxes[box];

    send_up(sim, from, as, message, from->suspect);
}

/* ---- towards the nodes -------------------------------------------------- */

static struct box *box_of(struct sim *sim, const struct gw_addr *addr,
                          const uint8_t **data, size_t *len)
{
    const uint8_t *id = NULL;
    size_t id_len = 0;

    if (*len > 3 && (*data)[1] == SN_ENCAPSULATED && (*data)[0] >= 3 &&
        (*data)[0] <= *len) {
        id = *data + 3;
        id_len = (*data)[0] - 3u;
        *len -= (*data)[0];
        *data += 3 + id_len;
    }
    for (size_t i = 0; i < sim->net.count; i++) {
        struct box *box = &sim->net.boxes[i];

        if (gw_addr_equal(&box->peer.addr, addr) &&
            box->peer.id_len == id_len &&
            (id_len == 0 || memcmp(box->peer.id, id, id_len) == 0))
            return box;
    }
    return NULL;
}

static void arrive_down(struct sim *sim, struct event *event)
{
    const uint8_t *data = event->data;
    size_t len = event->len;
    struct box *box = box_of(sim, &event->to, &data, &len);

    if (box != NULL && box->silent_until <= sim->now)
        box->receive(sim, box->actor, data, len);
}

void net_down(struct sim *sim, const struct gw_datagram *datagram,
              const uint8_t *data, size_t len)
{
    const uint8_t *inner = data;
    size_t inner_len = len;
    struct box *box;

    if (datagram->target != GW_TO_PEER)
        return;
    box = box_of(sim, &datagram->to, &inner, &inner_len);
    if (box == NULL)
        return; /* nobody lives there any more */
    for (unsigned n = copies(sim, &box->down); n > 0; n--) {
        struct event *event =
            queue_add(&sim->queue, sim->now + delay(sim, &box->down),
                      arrive_down, data, len);

        damage(sim, &box->down, event);
        event->to = datagram->to;
    }
}
