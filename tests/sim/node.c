/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <string.h>

#define NODE_RETRY_MS 8000
#define NODE_TRIES 4

/* The NATs that movers sit behind: few ports, so they are used again. */
#define NAT_HOST 50
#define NAT_HOSTS 2
#define NAT_PORTS 3

static const char *const names[] = {
    "t/1", "t/2", "t/1/x", "a/b", "up/qs", "cmd", "a/long/topic/name/of/one"};
static const char *const filters[] = {
    "#",   "+",   "t/+",   "t/#",   "t/1",   "t/1/x",   "+/1",     "cmd/#",
    "a/b", "cmd", "t/+/x", "+/+/+", "up/qs", "pre/one", "pre/two", "a/#"};
static const uint16_t predefined[] = {101, 102, 3, 60001, 77};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ANY(r, array) ((array)[rng_below((r), COUNT(array))])

const char *node_temper_name(enum temper temper)
{
    static const char *const words[TEMPERS] = {"steady", "sleeper", "rebooter",
                                               "deaf",   "fussy",   "vanisher",
                                               "mover",  "flooder", "hoarder"};

    return words[temper];
}

/* ---- requests ---------------------------------------------------------- */

void node_send(struct sim *sim, struct node *node, struct octets message)
{
    net_up(sim, node->box, &message);
}

static uint16_t next_msg(struct node *node)
{
    if (++node->next_msg == 0)
        node->next_msg = 1;
    return node->next_msg;
}

void node_answered(struct node *node)
{
    node->request = 0;
    node->serial++;
}

static void retry(struct sim *sim, struct event *event);

static void plan_retry(struct sim *sim, struct node *node)
{
    struct event *event = queue_add(
        &sim->queue, sim->now + NODE_RETRY_MS + rng_below(&node->random, 2000),
        retry, NULL, 0);

    event->actor = node->number;
    event->number = node->serial;
}

static void retry(struct sim *sim, struct event *event)
{
    struct node *node = &sim->nodes[event->actor];

    if (event->number != node->serial || node->request == 0)
        return;
    if (++node->tries > NODE_TRIES) {
        node_answered(node);
        if (node->state != N_GONE)
            node->state = N_OFF;
        if (sim->leaving && !node->left)
            node_leave(sim, node);
        return;
    }
    if (node->released) {
        node_send(sim, node, sn_msg(SN_PUBREL, node->request_msg));
    } else {
        if (node->flags_at != 0)
            node->frame.data[node->flags_at] |= SN_DUP;
        net_up(sim, node->box, &node->frame);
    }
    plan_retry(sim, node);
}

static void ask(struct sim *sim, struct node *node, uint8_t type, uint16_t msg,
                struct octets frame, size_t flags_at)
{
    node->request = type;
    node->request_msg = msg;
    node->released = false;
    node->tries = 0;
    node->serial++;
    node->frame = frame;
    node->flags_at = flags_at;
    net_up(sim, node->box, &node->frame);
    plan_retry(sim, node);
}

/* ---- what it does by itself -------------------------------------------- */

static void connect(struct sim *sim, struct node *node)
{
    uint8_t flags = 0;

    if (node->clean)
        flags |= SN_CLEAN;
    if (node->will &&
        (node->state == N_OFF || rng_below(&node->random, 4) == 0))
        flags |= SN_WILL;
    node->keepalive_s =
        (uint16_t)(10 + sim->o.pace_ms / 1000 *
                            (1 + rng_below(&node->random, 4)) % 60000);
    if (sim->healed)
        node->keepalive_s = 600;
    ask(sim, node, SN_CONNECT, 0,
        sn_connect(node->id, node->keepalive_s, flags), 0);
}

static void make_payload(struct node *node, char *buf, size_t cap)
{
    size_t len = (size_t)snprintf(buf, cap, "u%u.%u", node->number,
                                  node->payload_number++);

    if (rng_below(&node->random, 6) == 0)
        while (len + 1 < cap && rng_below(&node->random, 70) > 0)
            buf[len++] = '-';
    buf[len] = '\0';
}

static void publish(struct sim *sim, struct node *node)
{
    uint8_t flags = 0, qos = (uint8_t)rng_below(&node->random, 3);
    uint16_t topic, msg;
    char payload[BROKER_PAYLOAD];

    if (node->temper == HOARDER)
        qos = 2;
    if (node->name_count > 0 && rng_below(&node->random, 3) > 0) {
        topic =
            node->names[rng_below(&node->random, (uint32_t)node->name_count)]
                .id;
        flags = SN_NORMAL;
    } else if (rng_below(&node->random, 2)) {
        topic = ANY(&node->random, predefined);
        flags = SN_PREDEFINED;
    } else {
        topic = (uint16_t)(rng_below(&node->random, 2) ? 'a' * 257 : 'b' * 257);
        flags = SN_SHORT;
    }
    flags |= (uint8_t)(qos * SN_QOS1);
    if (rng_below(&node->random, 12) == 0)
        flags |= SN_RETAIN;
    make_payload(node, payload, sizeof(payload) - 8);
    if (qos == 0) {
        node_send(sim, node, sn_publish(flags, topic, 0, payload));
        return;
    }
    msg = next_msg(node);
    node->request_qos = qos;
    ask(sim, node, SN_PUBLISH, msg, sn_publish(flags, topic, msg, payload),
        strlen(payload) + 7 > 255 ? 4 : 2);
}

/* Where there are rules: a topic of its own, or one that may be another's;
 * false: none of these this time. */
static bool draw_owned(struct sim *sim, struct node *node, const char *level,
                       char ret[BROKER_TOPIC])
{
    if (sim->o.access == 0 || rng_below(&node->random, 3) != 0)
        return false;
    snprintf(ret, BROKER_TOPIC, "own/%s/%s",
             rng_below(&node->random, 3) != 0 ? node->id : "n0", level);
    return true;
}

static void subscribe(struct sim *sim, struct node *node, uint8_t type)
{
    uint16_t msg = next_msg(node);
    uint8_t flags = (uint8_t)(rng_below(&node->random, 3) * SN_QOS1);

    if (type == SN_UNSUBSCRIBE)
        flags = 0;
    node->request_name[0] = '\0';
    switch (rng_below(&node->random, 8)) {
    case 0:
        ask(sim, node, type, msg,
            sn_subscribe_id(type, flags | SN_PREDEFINED, msg,
                            ANY(&node->random, predefined)),
            type == SN_SUBSCRIBE ? 2 : 0);
        return;
    case 1:
        ask(sim, node, type, msg,
            sn_subscribe_id(type, flags | SN_SHORT, msg, 'a' * 257),
            type == SN_SUBSCRIBE ? 2 : 0);
        return;
    default:
        break;
    }
    if (!draw_owned(sim, node, "#", node->request_name))
        strcpy(node->request_name, ANY(&node->random, filters));
    ask(sim, node, type, msg,
        sn_subscribe(type, flags, msg, node->request_name),
        type == SN_SUBSCRIBE ? 2 : 0);
}

static void subscribe_by_name(struct sim *sim, struct node *node, uint8_t type,
                              uint8_t flags, const char *filter)
{
    uint16_t msg = next_msg(node);

    strcpy(node->request_name, filter);
    ask(sim, node, type, msg, sn_subscribe(type, flags, msg, filter),
        type == SN_SUBSCRIBE ? 2 : 0);
}

static void registration(struct sim *sim, struct node *node)
{
    uint16_t msg = next_msg(node);

    if (!draw_owned(sim, node, "x", node->request_name))
        strcpy(node->request_name, ANY(&node->random, names));
    ask(sim, node, SN_REGISTER, msg, sn_register(0, msg, node->request_name),
        0);
}

static void update_will(struct sim *sim, struct node *node)
{
    char text[BROKER_TOPIC];

    if (rng_below(&node->random, 2)) {
        snprintf(text, sizeof(text), "w%u.%u", node->number,
                 ++node->will_number);
        ask(sim, node, SN_WILLMSGUPD, 0, sn_willmsg(SN_WILLMSGUPD, text), 0);
    } else if (rng_below(&node->random, 4) == 0) {
        ask(sim, node, SN_WILLTOPICUPD, 0, sn_bare(SN_WILLTOPICUPD), 0);
    } else {
        if (!draw_owned(sim, node, "x", text))
            snprintf(text, sizeof(text), "will/%u", node->number);
        ask(sim, node, SN_WILLTOPICUPD, 0,
            sn_willtopic(SN_WILLTOPICUPD,
                         (uint8_t)(rng_below(&node->random, 3) * SN_QOS1),
                         text),
            0);
    }
}

static void fall_asleep(struct sim *sim, struct node *node)
{
    node->sleep_s = (uint16_t)((20 + sim->o.pace_ms / 1000 *
                                         (1 + rng_below(&node->random, 4))) %
                               60000);
    ask(sim, node, SN_DISCONNECT, 0, sn_disconnect(node->sleep_s), 0);
}

bool node_errand(struct sim *sim, struct node *node, enum errand errand)
{
    uint8_t qos = (uint8_t)(errand - ERRAND_PUBLISH_0);
    uint8_t flags = (uint8_t)(SN_SHORT | qos * SN_QOS1);
    char text[24];

    if ((errand == ERRAND_WILLTOPIC || errand == ERRAND_WILLMSG) && !node->will)
        return false;
    node_answered(node); /* of a PINGREQ */
    switch (errand) {
    case ERRAND_PUBLISH_0:
    case ERRAND_PUBLISH_1:
    case ERRAND_PUBLISH_2:
        snprintf(text, sizeof(text), "u%u.%u", node->number,
                 node->payload_number++);
        if (qos == 0) {
            node_send(sim, node, sn_publish(flags, 'a' * 257, 0, text));
            break;
        }
        node->request_qos = qos;
        next_msg(node);
        ask(sim, node, SN_PUBLISH, node->next_msg,
            sn_publish(flags, 'a' * 257, node->next_msg, text), 2);
        break;
    case ERRAND_REGISTER:
        registration(sim, node);
        break;
    case ERRAND_WILLTOPIC:
        snprintf(text, sizeof(text), "will/%u", node->number);
        ask(sim, node, SN_WILLTOPICUPD, 0,
            sn_willtopic(SN_WILLTOPICUPD, SN_QOS1, text), 0);
        break;
    case ERRAND_WILLMSG:
        snprintf(text, sizeof(text), "w%u.%u", node->number,
                 ++node->will_number);
        ask(sim, node, SN_WILLMSGUPD, 0, sn_willmsg(SN_WILLMSGUPD, text), 0);
        break;
    case ERRAND_SUBSCRIBE:
    case ERRAND_UNSUBSCRIBE:
        subscribe_by_name(sim, node,
                          errand == ERRAND_SUBSCRIBE ? SN_SUBSCRIBE
                                                     : SN_UNSUBSCRIBE,
                          errand == ERRAND_SUBSCRIBE ? SN_QOS1 : 0, "kept/1");
        break;
    }
    return true;
}

static void flood(struct sim *sim, struct node *node)
{
    char payload[24];

    for (unsigned n = 4 + rng_below(&node->random, 12); n > 0; n--) {
        snprintf(payload, sizeof(payload), "u%u.%u", node->number,
                 node->payload_number++);
        switch (rng_below(&node->random, 5)) {
        case 0:
            node_send(sim, node,
                      sn_subscribe(SN_SUBSCRIBE, SN_QOS1, next_msg(node),
                                   ANY(&node->random, filters)));
            break;
        case 1:
            node_send(
                sim, node,
                sn_register(0, next_msg(node), ANY(&node->random, names)));
            break;
        default:
            node_send(
                sim, node,
                sn_publish(
                    (uint8_t)(SN_SHORT | rng_below(&node->random, 3) * SN_QOS1),
                    'b' * 257, next_msg(node), payload));
            break;
        }
    }
}

/* Loses its memory, as a device does that has only RAM. */
static void boot(struct node *node)
{
    node_answered(node);
    node->state = N_OFF;
    node->name_count = 0;
    node->open2_count = 0;
    node->next_msg = 0;
}

static void act_active(struct sim *sim, struct node *node)
{
    uint32_t dice = rng_below(&node->random, 100);
    bool sleeps = node->temper == SLEEPER || node->temper == VANISHER ||
                  node->temper == MOVER;

    if (node->temper == FLOODER && dice < 50) {
        flood(sim, node);
        return;
    }
    if (sleeps && dice < 25)
        fall_asleep(sim, node);
    else if (dice < 40)
        subscribe(sim, node, SN_SUBSCRIBE);
    else if (dice < 46)
        subscribe(sim, node, SN_UNSUBSCRIBE);
    else if (dice < 54)
        registration(sim, node);
    else if (dice < 62)
        ask(sim, node, SN_PINGREQ, 0, sn_pingreq(NULL), 0);
    else if (dice < 65)
        ask(sim, node, SN_DISCONNECT, 0, sn_disconnect(-1), 0);
    else if (dice < 68)
        connect(sim, node);
    else if (dice < 72 && node->will)
        update_will(sim, node);
    else
        publish(sim, node);
}

static void act_asleep(struct sim *sim, struct node *node)
{
    uint32_t dice = rng_below(&node->random, 100);

    if (node->temper == VANISHER && dice < 30) {
        node->state = N_GONE;
        node_answered(node);
    } else if (dice < 60) {
        node->state = N_AWAKE;
        ask(sim, node, SN_PINGREQ, 0, sn_pingreq(node->id), 0);
    } else if (dice < 70) {
        connect(sim, node);
    } else if (dice < 80) {
        publish(sim, node);
    } else if (dice < 85) {
        fall_asleep(sim, node);
    }
}

/* To another port, and now and then to another host. */
static void move(struct sim *sim, struct node *node)
{
    unsigned host = rng_below(&node->random, NAT_HOSTS);
    unsigned port = rng_below(&node->random, NAT_PORTS);

    net_move(sim, node->box, net_peer(NAT_HOST + host, 4000 + port));
}

static void surprise(struct sim *sim, struct node *node)
{
    if (node->temper == REBOOTER && rng_below(&node->random, 6) == 0) {
        sim_trace(sim, "--- %s boots", node->id);
        boot(node);
    }
    if (node->temper == MOVER && rng_below(&node->random, 4) == 0)
        move(sim, node);
    if (rng_chance(&node->random, sim->o.outage_permille))
        sim->net.boxes[node->box].silent_until =
            sim->now + rng_pause(&node->random, (uint64_t)sim->o.pace_ms * 4);
}

static void plan_act(struct sim *sim, struct node *node, mqttsn_ms wait);

static void act(struct sim *sim, struct event *event)
{
    struct node *node = &sim->nodes[event->actor];
    uint64_t mean = sim->healed ? 20000 : (uint64_t)sim->o.pace_ms;

    if (event->number != node->acts || node->state == N_GONE || sim->leaving)
        return;
    if (!sim->healed)
        surprise(sim, node);
    if (node->request == 0 || (node->temper == FLOODER && !sim->healed)) {
        switch (node->state) {
        case N_OFF:
            if (node->request == 0)
                connect(sim, node);
            break;
        case N_ACTIVE:
            if (sim->healed && node->keepalive_s < 600)
                connect(sim, node); /* with one that suits the calm */
            else if (sim->healed)
                ask(sim, node, SN_PINGREQ, 0, sn_pingreq(NULL), 0);
            else
                act_active(sim, node);
            break;
        case N_ASLEEP:
            if (sim->healed)
                connect(sim, node);
            else
                act_asleep(sim, node);
            break;
        case N_AWAKE:
            node->state = N_ASLEEP; /* its PINGRESP never came */
            break;
        case N_GONE:
            break;
        }
    }
    plan_act(sim, node, rng_pause(&node->random, mean));
}

static void plan_act(struct sim *sim, struct node *node, mqttsn_ms wait)
{
    struct event *event = queue_add(&sim->queue, sim->now + wait, act, NULL, 0);

    event->actor = node->number;
    event->number = ++node->acts;
}

void nodes_stir(struct sim *sim)
{
    for (size_t i = 0; i < sim->node_count; i++) {
        struct node *node = &sim->nodes[i];

        /* With a keep-alive that suits the calm. */
        if (node->state == N_ACTIVE)
            node->state = N_OFF;
        plan_act(sim, node, 1 + rng_below(&node->random, 3000));
    }
}

void node_leave(struct sim *sim, struct node *node)
{
    if (node->state == N_GONE || node->left)
        return;
    node_answered(node);
    node->clean = true;
    node->will = false;
    node->state = N_OFF;
    connect(sim, node);
}

/* ---- population -------------------------------------------------------- */

static void add_nodes(struct sim *sim, enum temper temper, int64_t count)
{
    for (; count > 0 && sim->node_count < SIM_NODES; count--) {
        unsigned number = (unsigned)sim->node_count++;
        struct node *node = &sim->nodes[number];
        struct peer peer;

        memset(node, 0, sizeof(*node));
        node->number = number;
        node->temper = temper;
        rng_init(&node->random, sim->seed, node_temper_name(temper),
                 (unsigned)count);
        snprintf(node->id, sizeof(node->id), "n%u", number);
        node->clean = rng_below(&node->random, 4) == 0;
        node->will = rng_below(&node->random, 3) == 0;
        node->next_msg = (uint16_t)rng_below(&node->random, 60000);
        if (temper == REBOOTER)
            node->next_msg = 0; /* as after each boot */
        peer = rng_chance(&node->random, sim->o.ipv6_permille)
                   ? net_peer6(10 + number, 20000 + number)
                   : net_peer(10 + number, 20000 + number);
        if (temper == MOVER)
            peer = net_peer(NAT_HOST, 4000 + number % NAT_PORTS);
        else if (rng_chance(&node->random, sim->o.forwarded_permille))
            peer = net_peer_behind(number);
        node->box = net_attach(sim, peer, node_hears, number);
        plan_act(sim, node,
                 rng_below(&node->random, (uint32_t)sim->o.pace_ms + 1));
    }
}

void nodes_init(struct sim *sim)
{
    sim->node_count = 0;
    add_nodes(sim, STEADY, sim->o.steady);
    add_nodes(sim, SLEEPER, sim->o.sleepers);
    add_nodes(sim, REBOOTER, sim->o.rebooters);
    add_nodes(sim, DEAF, sim->o.deaf);
    add_nodes(sim, FUSSY, sim->o.fussy);
    add_nodes(sim, VANISHER, sim->o.vanishers);
    add_nodes(sim, MOVER, sim->o.movers * 2);
    add_nodes(sim, FLOODER, sim->o.flooders);
    add_nodes(sim, HOARDER, sim->o.hoarders);
}
