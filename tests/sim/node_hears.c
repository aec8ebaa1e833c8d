/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <string.h>

static bool healthy(const struct sim *sim)
{
    return sim->healed;
}

static void learn(struct node *node, uint16_t id, const char *name)
{
    for (size_t i = 0; i < node->name_count; i++)
        if (node->names[i].id == id) {
            strcpy(node->names[i].name, name);
            return;
        }
    if (node->name_count == NODE_NAMES)
        return;
    node->names[node->name_count].id = id;
    strcpy(node->names[node->name_count++].name, name);
}

static void forget_id(struct node *node, uint16_t id)
{
    for (size_t i = 0; i < node->name_count; i++)
        if (node->names[i].id == id) {
            node->names[i] = node->names[--node->name_count];
            return;
        }
}

/* ---- what the gateway begins ------------------------------------------- */

static void on_register(struct sim *sim, struct node *node,
                        const struct sn_frame *f)
{
    char name[BROKER_TOPIC] = {0};
    uint8_t code = 0;

    if (node->temper == DEAF && !healthy(sim))
        return;
    if (node->temper == FUSSY && !healthy(sim) &&
        rng_below(&node->random, 2) == 0)
        code = (uint8_t)(1 + rng_below(&node->random, 3));
    if (f->tail_len < sizeof(name))
        memcpy(name, f->tail, f->tail_len);
    if (code == 0)
        learn(node, f->topic, name);
    node_send(sim, node, sn_ack(SN_REGACK, f->topic, f->msg, code));
}

static void remember_open2(struct node *node, uint16_t msg)
{
    for (size_t i = 0; i < node->open2_count; i++)
        if (node->open2[i] == msg)
            return;
    if (node->open2_count == NODE_OPEN2)
        memmove(node->open2, node->open2 + 1,
                --node->open2_count * sizeof(node->open2[0]));
    node->open2[node->open2_count++] = msg;
}

static void on_publish(struct sim *sim, struct node *node,
                       const struct sn_frame *f)
{
    uint8_t qos = f->flags & SN_QOS_BITS, code = 0;

    if (f->flags & SN_RETAIN)
        snprintf(node->retained, sizeof(node->retained), "%.*s",
                 (int)f->tail_len, (const char *)f->tail);
    if (node->temper == FUSSY && !healthy(sim)) {
        if ((f->flags & SN_DUP) || qos == SN_QOS2)
            code = 3;
        else if (rng_below(&node->random, 8) == 0)
            code = (uint8_t)(1 + rng_below(&node->random, 2));
    }
    if (code != 0 && (qos != 0 || rng_below(&node->random, 2))) {
        node_send(sim, node, sn_ack(SN_PUBACK, f->topic, f->msg, code));
        return;
    }
    if (qos == SN_QOS1) {
        node_send(sim, node, sn_ack(SN_PUBACK, f->topic, f->msg, 0));
    } else if (qos == SN_QOS2) {
        remember_open2(node, f->msg);
        node_send(sim, node, sn_msg(SN_PUBREC, f->msg));
    }
}

static void on_pubrel(struct sim *sim, struct node *node, uint16_t msg)
{
    if (node->temper == HOARDER && !healthy(sim))
        return;
    for (size_t i = 0; i < node->open2_count; i++)
        if (node->open2[i] == msg) {
            node->open2[i] = node->open2[--node->open2_count];
            break;
        }
    node_send(sim, node, sn_msg(SN_PUBCOMP, msg));
}

/* ---- answers ------------------------------------------------------------ */

static void on_connack(struct sim *sim, struct node *node, uint8_t code)
{
    if (node->request != SN_CONNECT)
        return;
    node_answered(node);
    if (code != 0) {
        node->state = N_OFF;
        node->will &= code != 3; /* it may be that */
        return;
    }
    node->state = N_ACTIVE;
    if (node->clean) {
        node->name_count = 0;
        node->open2_count = 0;
    }
    if (sim->leaving) {
        node->left = true;
        node_send(sim, node, sn_disconnect(-1));
    }
}

static void on_will_question(struct sim *sim, struct node *node, uint8_t type)
{
    char text[24];

    if (node->request != SN_CONNECT)
        return;
    if (type == SN_WILLTOPICREQ) {
        uint8_t flags = (uint8_t)(rng_below(&node->random, 3) * SN_QOS1);

        if (rng_below(&node->random, 4) == 0)
            flags |= SN_RETAIN;
        snprintf(text, sizeof(text), "will/%u", node->number);
        node_send(sim, node, sn_willtopic(SN_WILLTOPIC, flags, text));
    } else {
        snprintf(text, sizeof(text), "w%u.%u", node->number,
                 ++node->will_number);
        node_send(sim, node, sn_willmsg(SN_WILLMSG, text));
    }
}

static void on_disconnect(struct node *node)
{
    bool asked = node->request == SN_DISCONNECT;

    if (asked) {
        bool sleeps = !node->frame.data[1] ? false : node->frame.len > 2;

        node_answered(node);
        node->state = sleeps ? N_ASLEEP : N_OFF;
        return;
    }
    /* The gateway does not know us. */
    node_answered(node);
    node->state = N_OFF;
}

static void on_ack(struct sim *sim, struct node *node, const struct sn_frame *f)
{
    if (node->request_msg != f->msg)
        return;
    switch (f->type) {
    case SN_REGACK:
        if (node->request != SN_REGISTER)
            return;
        if (f->code == 0)
            learn(node, f->topic, node->request_name);
        break;
    case SN_SUBACK:
        if (node->request != SN_SUBSCRIBE)
            return;
        node->subscribed = f->code == 0;
        if (f->code == 0 && f->topic != 0 && node->request_name[0] != '\0')
            learn(node, f->topic, node->request_name);
        break;
    case SN_UNSUBACK:
        if (node->request != SN_UNSUBSCRIBE)
            return;
        break;
    case SN_PUBACK:
        if (f->code == 2)
            forget_id(node, f->topic);
        if (node->request != SN_PUBLISH ||
            (node->request_qos == 2 && f->code == 0))
            return;
        break;
    case SN_PUBREC:
        if (node->request != SN_PUBLISH || node->request_qos != 2)
            return;
        if (node->temper == HOARDER && !healthy(sim)) {
            node_answered(node);
            return;
        }
        node->released = true;
        node->tries = 0;
        node_send(sim, node, sn_msg(SN_PUBREL, f->msg));
        return;
    case SN_PUBCOMP:
        if (node->request != SN_PUBLISH || !node->released)
            return;
        break;
    default:
        return;
    }
    node_answered(node);
}

void node_hears(struct sim *sim, unsigned number, const uint8_t *data,
                size_t len)
{
    struct node *node = &sim->nodes[number];
    struct sn_frame f;

    if (node->state == N_GONE || sn_unpack(data, len, &f) != NULL)
        return;
    switch (f.type) {
    case SN_CONNACK:
        on_connack(sim, node, f.code);
        break;
    case SN_WILLTOPICREQ:
    case SN_WILLMSGREQ:
        on_will_question(sim, node, f.type);
        break;
    case SN_REGISTER:
        on_register(sim, node, &f);
        break;
    case SN_PUBLISH:
        on_publish(sim, node, &f);
        break;
    case SN_PUBREL:
        on_pubrel(sim, node, f.msg);
        break;
    case SN_PUBREC:
        if (node->request != SN_PUBLISH || node->request_msg != f.msg) {
            node_send(sim, node, sn_msg(SN_PUBREL, f.msg));
            break;
        }
        on_ack(sim, node, &f);
        break;
    case SN_PINGREQ:
        /* The question may be meant for who had this address before. */
        if (node->state != N_OFF && !sim->leaving)
            node_send(sim, node, sn_bare(SN_PINGRESP));
        break;
    case SN_PINGRESP:
        if (node->request == SN_PINGREQ)
            node_answered(node);
        if (node->state == N_AWAKE)
            node->state = N_ASLEEP;
        break;
    case SN_WILLTOPICRESP:
        if (node->request == SN_WILLTOPICUPD)
            node_answered(node);
        break;
    case SN_WILLMSGRESP:
        if (node->request == SN_WILLMSGUPD)
            node_answered(node);
        break;
    case SN_DISCONNECT:
        on_disconnect(node);
        break;
    default:
        on_ack(sim, node, &f);
        break;
    }
}
