/* SPDX-License-Identifier: MIT */
/*
 * The step that awaits its answer, and what comes after it.
 */
#include "client_private.h"

void mqttsn__event(struct mqttsn_client *c, enum mqttsn_client_event_kind kind)
{
    c->events |= (uint16_t)(1u << kind);
}

/* In [0, below]; 'below' is cut to 16 bits, so that no division is needed. */
uint32_t mqttsn__random(struct mqttsn_client *c, uint32_t below)
{
    uint32_t x = c->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    c->random = x;
    if (below > 0xffff)
        below = 0xffff;
    return ((x >> 16) * (below + 1)) >> 16;
}

void mqttsn__enter(struct mqttsn_client *c, mqttsn_ms now)
{
    /* After so long everything is due, and half a deadline would not show. */
    if (now - c->now > INT32_MAX)
        for (unsigned i = 0; i < T_COUNT; i++)
            c->at[i] = (uint32_t)now;
    c->now = now;
    /* A pause that is over is not to look like one again. */
    if (!mqttsn_client_paused(c, now) && c->state != MQTTSN_CLIENT_CONNECTING)
        mqttsn__disarm(c, T_WAIT);
}

void mqttsn__arm(struct mqttsn_client *c, enum timer timer, uint32_t delay_ms)
{
    c->at[timer] = (uint32_t)c->now + delay_ms;
    c->armed |= (uint8_t)(1u << timer);
}

void mqttsn__disarm(struct mqttsn_client *c, enum timer timer)
{
    c->armed &= (uint8_t) ~(1u << timer);
}

static void arm_retry(struct mqttsn_client *c)
{
    uint32_t wait = c->config->retry_ms;

    if (wait == 0)
        wait = MQTTSN_CLIENT_T_RETRY_MS;
    mqttsn__arm(c, T_RETRY, wait + mqttsn__random(c, wait / 2));
}

void mqttsn__rearm(struct mqttsn_client *c)
{
    c->tries = c->config->retry_count;
    if (c->tries == 0)
        c->tries = MQTTSN_CLIENT_N_RETRY;
    arm_retry(c);
}

void mqttsn__start(struct mqttsn_client *c, unsigned step)
{
    c->step = (uint8_t)step;
    c->step_due = true;
    if (step == MQTTSN_DISCONNECT)
        c->announced_s = c->want == MQTTSN_CLIENT_ASLEEP ? c->sleep_s : 0;
    mqttsn__rearm(c);
}

void mqttsn__stop(struct mqttsn_client *c)
{
    c->step = NO_STEP;
    c->step_due = false;
    mqttsn__disarm(c, T_RETRY);
}

void mqttsn__answered(struct mqttsn_client *c)
{
    mqttsn__stop(c);
    /* What is sent without an answer does not put this off: so a gateway that
     * only listens is found out too [SN 6.11]. */
    if (c->config->keep_alive_s != 0)
        mqttsn__arm(c, T_PING, c->config->keep_alive_s * UINT32_C(750));
}

void mqttsn__finish(struct mqttsn_client *c, enum mqttsn_client_result result,
                    unsigned code)
{
    const struct mqttsn_client_topic *topic = mqttsn__request_topic(c);

    if (c->request.kind == MQTTSN_REQUEST_NOTHING)
        return;
    c->done.request = c->request.kind;
    c->done.result = (uint8_t)result;
    c->done.code = (uint8_t)code;
    c->done.qos = c->request.qos;
    c->done.topic_id = c->request.topic_id;
    if (topic != NULL)
        c->done.topic_id = topic->id;
    c->request.kind = MQTTSN_REQUEST_NOTHING;
    mqttsn__event(c, MQTTSN_EVENT_DONE);
}

void mqttsn__rejected(struct mqttsn_client *c, unsigned code)
{
    if (code == MQTTSN_REJECTED_CONGESTION)
        mqttsn__arm(c, T_WAIT, MQTTSN_CLIENT_T_WAIT_MS);
    mqttsn__finish(c, MQTTSN_CLIENT_REJECTED, code);
}

static uint16_t msg_id_new(struct mqttsn_client *c)
{
    c->msg_id++;
    if (c->msg_id == 0)
        c->msg_id = 1;
    return c->msg_id;
}

/* The step that the request is at; true when it needs none and is done. */
static bool start_request(struct mqttsn_client *c)
{
    unsigned step = MQTTSN_PUBLISH;
#if MQTTSN_CLIENT_NAMES || MQTTSN_CLIENT_WILL
    unsigned kind = c->request.kind;
#endif

#if MQTTSN_CLIENT_WILL
    if (kind == MQTTSN_REQUEST_WILL_UPDATE) {
        mqttsn__start(c, c->request.flags & LEFT_WILL_TOPIC
                             ? MQTTSN_WILLTOPICUPD
                             : MQTTSN_WILLMSGUPD);
        return false;
    }
#endif
#if MQTTSN_CLIENT_NAMES
    const struct mqttsn_client_topic *topic = mqttsn__request_topic(c);

    if (kind <= MQTTSN_REQUEST_PUBLISH && topic != NULL && topic->id == 0) {
        c->register_id = msg_id_new(c);
        mqttsn__start(c, MQTTSN_REGISTER);
        return false;
    }
    if (kind == MQTTSN_REQUEST_REGISTER) {
        mqttsn__finish(c, MQTTSN_CLIENT_ACCEPTED, MQTTSN_ACCEPTED);
        return true;
    }
#endif
#if MQTTSN_CLIENT_SUBSCRIBE
    if (kind == MQTTSN_REQUEST_SUBSCRIBE)
        step = MQTTSN_SUBSCRIBE;
    else if (kind == MQTTSN_REQUEST_UNSUBSCRIBE)
        step = MQTTSN_UNSUBSCRIBE;
#endif
    if (MQTTSN_CLIENT_QOS2 && (c->request.flags & RELEASED)) {
        step = MQTTSN_PUBREL;
    } else if (!(c->request.flags & SENT)) {
        c->request.msg_id = msg_id_new(c);
    }
#if MQTTSN_CLIENT_DISCOVERY
    /* Needs no connection, so nobody has looked whether the gateway is still
     * in the list: any other will do. */
    if (c->request.qos == MQTTSN_QOS_MINUS1 &&
        mqttsn__gateway(c)->address.len == 0) {
        mqttsn__gateway_next(c);
        if (mqttsn__gateway(c)->address.len == 0) {
            mqttsn__finish(c, MQTTSN_CLIENT_FAILED, MQTTSN_ACCEPTED);
            return true;
        }
    }
#endif
    mqttsn__start(c, step);
    return false;
}

/* True when there is to be decided again. */
static bool decide(struct mqttsn_client *c)
{
    bool requested = c->request.kind != MQTTSN_REQUEST_NOTHING;

    if (requested &&
        (c->state == MQTTSN_CLIENT_ACTIVE ||
         c->request.qos == MQTTSN_QOS_MINUS1 ||
         (c->state == MQTTSN_CLIENT_ASLEEP && c->config->talk_asleep))) {
        return start_request(c);
    } else if (c->state == MQTTSN_CLIENT_ACTIVE) {
        if (c->want != MQTTSN_CLIENT_ACTIVE)
            mqttsn__start(c, MQTTSN_DISCONNECT);
    } else if (c->state == MQTTSN_CLIENT_ASLEEP) {
        if (c->want == MQTTSN_CLIENT_ACTIVE || requested) {
            c->wake_up = true;
            mqttsn__connect(c);
        } else if (c->want == MQTTSN_CLIENT_DISCONNECTED ||
                   c->announced_s != c->sleep_s) {
            mqttsn__start(c, MQTTSN_DISCONNECT);
        } else if (c->check) {
            c->state = MQTTSN_CLIENT_AWAKE;
            mqttsn__start(c, MQTTSN_PINGREQ);
        }
    } else if (c->state == MQTTSN_CLIENT_DISCONNECTED &&
               c->want != MQTTSN_CLIENT_DISCONNECTED) {
        mqttsn__connect(c);
    }
    return false;
}

void mqttsn__advance(struct mqttsn_client *c)
{
    while (c->step == NO_STEP && decide(c))
        continue;
}

static void on_timer(struct mqttsn_client *c, enum timer timer)
{
    switch ((unsigned)timer) {
    case T_RETRY:
        if (c->tries == 0) {
            mqttsn__on_silence(c);
        } else {
            c->tries--;
            c->step_due = true;
            arm_retry(c);
        }
        break;
    case T_PING:
        mqttsn__start(c, MQTTSN_PINGREQ);
        break;
    case T_WAIT:
        mqttsn__connect(c);
        break;
    default:
#if MQTTSN_CLIENT_DISCOVERY
        mqttsn__discovery_deadline(c, timer);
#endif
        break;
    }
}

/* Whether a deadline is waited for now. An open step does as well as a ping,
 * and the end of a pause matters only to whoever is held up by it. */
static bool counts(const struct mqttsn_client *c, unsigned timer)
{
    if (timer == T_PING &&
        (c->state != MQTTSN_CLIENT_ACTIVE || c->step != NO_STEP))
        return false;
    if (timer == T_WAIT && c->state != MQTTSN_CLIENT_CONNECTING)
        return false;
    return c->armed >> timer & 1;
}

void mqttsn_client_on_deadline(struct mqttsn_client *c, mqttsn_ms now)
{
    mqttsn__enter(c, now);
    for (unsigned i = 0; i < T_COUNT; i++) {
        if (!counts(c, i) || (int32_t)((uint32_t)now - c->at[i]) < 0)
            continue;
        mqttsn__disarm(c, (enum timer)i);
        on_timer(c, (enum timer)i);
    }
}

mqttsn_ms mqttsn_client_next_deadline(const struct mqttsn_client *c)
{
    int32_t least = INT32_MAX;

    for (unsigned i = 0; i < T_COUNT; i++) {
        int32_t left = (int32_t)(c->at[i] - (uint32_t)c->now);

        if (counts(c, i) && left < least)
            least = left < 0 ? 0 : left;
    }
    return least == INT32_MAX ? MQTTSN_NEVER : c->now + (uint32_t)least;
}
