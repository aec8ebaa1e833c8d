/* SPDX-License-Identifier: MIT */
#include "actor.h"

#include <assert.h>

#define T_RETRY 10000
#define N_RETRY 5

void actor_init(struct actor *actor, unsigned number, bool clean)
{
    memset(actor, 0, sizeof(*actor));
    actor->node = world_node(number);
    snprintf(actor->id, sizeof(actor->id), "node%u", number);
    actor->clean = clean;
    actor->next_msg = 1;
}

bool actor_busy(const struct actor *actor)
{
    return actor->waits_for != 0;
}

unsigned actor_count(const struct actor *actor, const char *payload)
{
    for (size_t i = 0; i < actor->ledger_count; i++)
        if (strcmp(actor->ledger[i].payload, payload) == 0)
            return actor->ledger[i].count;
    return 0;
}

/* ---- requests ---------------------------------------------------------- */

static void send(struct actor *actor, struct world *world,
                 struct octets message)
{
    if (!actor->unheard)
        world_send(world, &actor->node, message);
}

static void ask(struct actor *actor, struct world *world, uint8_t answer,
                uint16_t msg, struct octets request, size_t flags)
{
    actor->waits_for = answer;
    actor->waits_msg = msg;
    actor->request = request;
    actor->request_flags = flags;
    actor->asked_at = world->now;
    actor->asked = 1;
    send(actor, world, request);
}

static uint16_t next_msg(struct actor *actor)
{
    if (++actor->next_msg == 0)
        actor->next_msg = 1;
    return actor->next_msg;
}

void actor_connect(struct actor *actor, struct world *world, uint16_t duration,
                   bool will)
{
    uint8_t flags =
        (uint8_t)((actor->clean ? SN_CLEAN : 0) | (will ? SN_WILL : 0));

    actor->connected = actor->asleep = actor->awake = actor->gone = false;
    if (actor->clean) {
        memset(actor->names, 0, sizeof(actor->names));
        actor->open2_count = 0;
    }
    ask(actor, world, SN_CONNACK, 0, sn_connect(actor->id, duration, flags), 0);
}

void actor_subscribe(struct actor *actor, struct world *world,
                     const char *filter, uint8_t qos)
{
    uint16_t msg = next_msg(actor);

    ask(actor, world, SN_SUBACK, msg,
        sn_subscribe(SN_SUBSCRIBE, (uint8_t)(qos << 5), msg, filter), 2);
    snprintf(actor->asked_payload, sizeof(actor->asked_payload), "%s", filter);
}

void actor_unsubscribe(struct actor *actor, struct world *world,
                       const char *filter)
{
    uint16_t msg = next_msg(actor);

    ask(actor, world, SN_UNSUBACK, msg,
        sn_subscribe(SN_UNSUBSCRIBE, 0, msg, filter), 0);
}

void actor_register(struct actor *actor, struct world *world, const char *name)
{
    uint16_t msg = next_msg(actor);

    ask(actor, world, SN_REGACK, msg, sn_register(0, msg, name), 0);
    snprintf(actor->asked_payload, sizeof(actor->asked_payload), "%s", name);
}

void actor_publish(struct actor *actor, struct world *world, const char *name,
                   const char *payload, uint8_t qos)
{
    uint16_t topic = (uint16_t)((uint8_t)name[0] * 256u + (uint8_t)name[1]);
    uint16_t msg = qos == 0 ? 0 : next_msg(actor);
    struct octets o =
        sn_publish((uint8_t)(qos << 5 | SN_SHORT), topic, msg, payload);

    if (qos == 0) {
        send(actor, world, o);
        return;
    }
    ask(actor, world, qos == 1 ? SN_PUBACK : SN_PUBREC, msg, o, 2);
    snprintf(actor->asked_payload, sizeof(actor->asked_payload), "%s", payload);
}

void actor_sleep(struct actor *actor, struct world *world, uint16_t duration)
{
    actor->awake = false;
    ask(actor, world, SN_DISCONNECT, 0, sn_disconnect(duration), 0);
}

void actor_wake(struct actor *actor, struct world *world)
{
    actor->awake = true;
    ask(actor, world, SN_PINGRESP, 0, sn_pingreq(actor->id), 0);
}

void actor_disconnect(struct actor *actor, struct world *world)
{
    actor->awake = false;
    ask(actor, world, SN_DISCONNECT, 1, sn_disconnect(-1), 0);
}

/* ---- what arrives ------------------------------------------------------ */

static void learn(struct actor *actor, struct world *world, uint16_t topic,
                  const char *name, size_t len)
{
    char copy[64] = "";

    if (topic == 0 || topic >= ACTOR_NAMES || len >= sizeof(copy))
        return;
    memcpy(copy, name, len);
    if (actor->names[topic][0] != '\0' &&
        strcmp(actor->names[topic], copy) != 0)
        world_fail(world, "%s: id %u meant %s and now %s", actor->id, topic,
                   actor->names[topic], copy);
    memcpy(actor->names[topic], copy, sizeof(copy));
}

static void note_message(struct actor *actor, struct world *world,
                         const struct sn_frame *f)
{
    uint8_t qos = (f->flags & SN_QOS_BITS) >> 5;
    char payload[32] = "";
    size_t i = 0;

    memcpy(payload, f->tail,
           f->tail_len < sizeof(payload) ? f->tail_len : sizeof(payload) - 1);
    while (i < actor->ledger_count &&
           strcmp(actor->ledger[i].payload, payload) != 0)
        i++;
    if (i == actor->ledger_count) {
        assert(i < ACTOR_LEDGER);
        memcpy(actor->ledger[i].payload, payload, sizeof(payload));
        actor->ledger_count++;
    }
    actor->received++;
    actor->ledger[i].qos = qos;
    /* Only these are said to be unique. */
    if (++actor->ledger[i].count > 1 && qos == 2 &&
        strchr("dum", payload[0]) != NULL && payload[0] != '\0')
        world_fail(world, "%s received '%s' of QoS 2 twice", actor->id,
                   payload);
}

static void on_publish(struct actor *actor, struct world *world,
                       const struct sn_frame *f)
{
    uint8_t qos = (f->flags & SN_QOS_BITS) >> 5;

    /* The answer that told the id may have been lost. */
    if ((f->flags & SN_TYPE_BITS) == SN_NORMAL &&
        (f->topic >= ACTOR_NAMES || actor->names[f->topic][0] == '\0')) {
        send(actor, world, sn_ack(SN_PUBACK, f->topic, f->msg, 2));
        return;
    }
    if (qos == 2) {
        for (size_t i = 0; i < actor->open2_count; i++)
            if (actor->open2[i] == f->msg) {
                send(actor, world, sn_msg(SN_PUBREC, f->msg));
                return;
            }
        assert(actor->open2_count < ACTOR_OPEN2);
        actor->open2[actor->open2_count++] = f->msg;
    }
    note_message(actor, world, f);
    if (qos == 1)
        send(actor, world, sn_ack(SN_PUBACK, f->topic, f->msg, 0));
    else if (qos == 2)
        send(actor, world, sn_msg(SN_PUBREC, f->msg));
}

static void on_pubrel(struct actor *actor, struct world *world, uint16_t msg)
{
    for (size_t i = 0; i < actor->open2_count; i++)
        if (actor->open2[i] == msg) {
            actor->open2[i] = actor->open2[--actor->open2_count];
            break;
        }
    send(actor, world, sn_msg(SN_PUBCOMP, msg));
}

/* The answer it waits for. */
static void on_answer(struct actor *actor, struct world *world,
                      const struct sn_frame *f)
{
    uint8_t sort = actor->waits_for;

    actor->answer_code = f->code;
    actor->waits_for = 0;
    if (sort == SN_CONNACK && f->code == 0) {
        actor->connected = true;
        actor->asleep = false;
    } else if (sort == SN_DISCONNECT) {
        actor->connected = false;
        actor->asleep = actor->waits_msg == 0;
        actor->gone = false;
    } else if (sort == SN_PINGRESP) {
        actor->awake = false;
    } else if ((sort == SN_REGACK || (sort == SN_SUBACK && f->topic != 0)) &&
               f->code == 0) {
        learn(actor, world, f->topic, actor->asked_payload,
              strlen(actor->asked_payload));
    } else if (sort == SN_PUBACK) {
        actor->acked += f->code == 0;
        actor->refused += f->code != 0;
        if (actor->on_outcome != NULL)
            actor->on_outcome(actor, actor->asked_payload, f->code);
    } else if (sort == SN_PUBREC) {
        if (actor->on_outcome != NULL)
            actor->on_outcome(actor, actor->asked_payload, 0);
        ask(actor, world, SN_PUBCOMP, f->msg, sn_msg(SN_PUBREL, f->msg), 0);
    } else if (sort == SN_PUBCOMP) {
        actor->acked++;
    }
}

static bool is_answer(const struct actor *actor, const struct sn_frame *f)
{
    if (f->type != actor->waits_for)
        /* an error PUBACK ends a QoS 2 publish */
        return f->type == SN_PUBACK && actor->waits_for == SN_PUBREC &&
               f->msg == actor->waits_msg && f->code != 0;
    switch (f->type) {
    case SN_CONNACK:
    case SN_DISCONNECT:
    case SN_PINGRESP:
        return true;
    default:
        return f->msg == actor->waits_msg;
    }
}

static void handle(struct actor *actor, struct world *world,
                   const struct sn_frame *f)
{
    if (actor->silent)
        return;
    if (actor->mute_after > 0 && --actor->mute_after == 0)
        actor->silent = true; /* this one it still answers */
    if (is_answer(actor, f)) {
        if (f->type == SN_PUBACK && actor->waits_for == SN_PUBREC)
            actor->waits_for = SN_PUBACK;
        on_answer(actor, world, f);
        return;
    }
    /* Before its CONNACK this belongs to the session that it has given up. */
    if (actor->clean && !actor->connected && !actor->asleep &&
        (f->type == SN_REGISTER || f->type == SN_PUBLISH ||
         f->type == SN_PUBREL))
        return;
    switch (f->type) {
    case SN_WILLTOPICREQ:
        send(actor, world, sn_willtopic(SN_WILLTOPIC, SN_QOS1, actor->id));
        break;
    case SN_WILLMSGREQ:
        send(actor, world, sn_willmsg(SN_WILLMSG, "will"));
        break;
    case SN_REGISTER:
        learn(actor, world, f->topic, (const char *)f->tail, f->tail_len);
        send(actor, world, sn_ack(SN_REGACK, f->topic, f->msg, 0));
        break;
    case SN_PUBLISH:
        on_publish(actor, world, f);
        break;
    case SN_PUBREL:
        on_pubrel(actor, world, f->msg);
        break;
    case SN_PINGREQ:
        send(actor, world, sn_bare(SN_PINGRESP));
        break;
    case SN_DISCONNECT:
        actor->gone = true;
        actor->connected = actor->asleep = actor->awake = false;
        actor->waits_for = 0;
        break;
    default:
        break;
    }
}

/* A sleeper hears nothing that it has not asked for (D4). */
static void check_sleep(const struct actor *actor, struct world *world,
                        const struct sn_frame *f)
{
    if (actor->asleep && !actor->awake && actor->waits_for == 0 &&
        (f->type == SN_PUBLISH || f->type == SN_REGISTER ||
         f->type == SN_PUBREL || f->type == SN_PINGREQ))
        world_fail(world, "%s is asleep and was sent a %s", actor->id,
                   sn_type_name(f->type));
}

void actors_settle(struct actor *actors, size_t count, struct world *world)
{
    static struct sn_frame f;
    bool more = true;

    for (unsigned turns = 0; more; turns++) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            struct output *out =
                world_take(world, OUT_DATAGRAM, &actors[i].node);

            if (out == NULL)
                continue;
            more = true;
            world_open(world, out, &actors[i].node, &f);
            check_sleep(&actors[i], world, &f);
            handle(&actors[i], world, &f);
        }
        if (turns > 100000)
            world_fail(world, "the conversation never ends");
    }
    world_forget_outputs(world);
}

void actors_tick(struct actor *actors, size_t count, struct world *world)
{
    for (size_t i = 0; i < count; i++) {
        struct actor *actor = &actors[i];

        if (actor->waits_for == 0 || actor->silent ||
            world->now < actor->asked_at + T_RETRY)
            continue;
        if (actor->asked++ > N_RETRY) {
            actor->waits_for = 0;
            continue;
        }
        if (actor->request_flags != 0)
            actor->request.data[actor->request_flags] |= SN_DUP;
        actor->asked_at = world->now;
        send(actor, world, actor->request);
    }
}
