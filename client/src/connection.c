/* SPDX-License-Identifier: MIT */
/*
 * Connecting, losing a gateway, sleeping and parting [SN 6.2], [SN 6.12],
 * [SN 6.14].
 */
#include "client_private.h"

void mqttsn__connect(struct mqttsn_client *c)
{
#if MQTTSN_CLIENT_DISCOVERY
    mqttsn__sweep(c);
#endif
#if MQTTSN_CLIENT_FAILOVER
    if (mqttsn__gateway(c)->address.len == 0)
        mqttsn__gateway_next(c);
#endif
    if (mqttsn__gateway(c)->address.len == 0) {
#if MQTTSN_CLIENT_DISCOVERY
        c->state = MQTTSN_CLIENT_SEARCHING;
        mqttsn__search(c);
#endif
        return;
    }
    c->state = MQTTSN_CLIENT_CONNECTING;
    if (!c->wake_up) {
#if MQTTSN_CLIENT_NAMES
        mqttsn__forget_ids(c);
#endif
#if MQTTSN_CLIENT_QOS2
        if (!c->started)
            c->release_id = 0;
#endif
    }
    mqttsn__start(c, MQTTSN_CONNECT);
}

enum mqttsn_status mqttsn_client_connect(struct mqttsn_client *c, mqttsn_ms now)
{
    if (!MQTTSN_CLIENT_DISCOVERY && mqttsn__gateway_count(c) == 0)
        return MQTTSN_ENOTFOUND;
    mqttsn__enter(c, now);
    c->want = MQTTSN_CLIENT_ACTIVE;
    c->attempts = 0;
    mqttsn__advance(c);
    return MQTTSN_OK;
}

static void disconnected(struct mqttsn_client *c,
                         enum mqttsn_client_event_kind kind)
{
    mqttsn__stop(c);
    mqttsn__disarm(c, T_PING);
    c->check = false;
    c->wake_up = false;
    c->state = MQTTSN_CLIENT_DISCONNECTED;
    mqttsn__event(c, kind);
}

void mqttsn__asleep(struct mqttsn_client *c, enum mqttsn_client_event_kind kind)
{
    mqttsn__stop(c);
    c->armed &= 1u << T_WAIT;
    c->check = false;
    c->state = MQTTSN_CLIENT_ASLEEP;
    mqttsn__event(c, kind);
}

/* Nobody is left to try. */
static void give_up(struct mqttsn_client *c, enum mqttsn_client_event_kind kind)
{
    c->want = MQTTSN_CLIENT_DISCONNECTED;
    mqttsn__finish(c, MQTTSN_CLIENT_FAILED, MQTTSN_ACCEPTED);
    disconnected(c, kind);
}

void mqttsn_client_disconnect(struct mqttsn_client *c, mqttsn_ms now)
{
    mqttsn__enter(c, now);
    c->want = MQTTSN_CLIENT_DISCONNECTED;
    c->check = false;
    mqttsn__finish(c, MQTTSN_CLIENT_FAILED, MQTTSN_ACCEPTED);
#if MQTTSN_CLIENT_DISCOVERY
    mqttsn__disarm(c, T_SEARCH);
    c->search_due = false;
#endif
    if (c->state == MQTTSN_CLIENT_SEARCHING)
        disconnected(c, MQTTSN_EVENT_DISCONNECTED);
    else if (c->state != MQTTSN_CLIENT_DISCONNECTED)
        /* Also amid CONNECT, which may have reached the gateway. */
        mqttsn__start(c, MQTTSN_DISCONNECT);
}

enum mqttsn_status mqttsn_client_sleep(struct mqttsn_client *c,
                                       uint16_t duration_s, mqttsn_ms now)
{
    if (duration_s == 0)
        return MQTTSN_EINVAL;
    if (c->want == MQTTSN_CLIENT_DISCONNECTED)
        return MQTTSN_EPROTO;
    mqttsn__enter(c, now);
    c->want = MQTTSN_CLIENT_ASLEEP;
    c->sleep_s = duration_s;
    mqttsn__advance(c);
    return MQTTSN_OK;
}

enum mqttsn_status mqttsn_client_check(struct mqttsn_client *c, mqttsn_ms now)
{
    if (c->state != MQTTSN_CLIENT_ASLEEP || c->want != MQTTSN_CLIENT_ASLEEP)
        return MQTTSN_EPROTO;
    mqttsn__enter(c, now);
    c->check = true;
    mqttsn__advance(c);
    return MQTTSN_OK;
}

void mqttsn__lost(struct mqttsn_client *c, bool other_gateway)
{
    mqttsn__stop(c);
    c->wake_up = false;
    if (c->want == MQTTSN_CLIENT_DISCONNECTED) {
        give_up(c, MQTTSN_EVENT_DISCONNECTED);
        return;
    }
    mqttsn__event(c, MQTTSN_EVENT_GATEWAY_LOST);
    /* Each other gateway once, and then the former [SN 6.13]. */
    if (++c->attempts > mqttsn__gateway_count(c)) {
#if MQTTSN_CLIENT_DISCOVERY
        mqttsn__discovery_give_up(c);
#endif
        give_up(c, MQTTSN_EVENT_LOST);
        return;
    }
#if MQTTSN_CLIENT_FAILOVER
    if (other_gateway)
        mqttsn__gateway_next(c);
#endif
    (void)other_gateway;
    mqttsn__connect(c);
}

void mqttsn__on_silence(struct mqttsn_client *c)
{
    if (c->state == MQTTSN_CLIENT_AWAKE && c->step == MQTTSN_PINGREQ) {
        /* A battery is worth more than mail [SN 6.14]. */
        c->checked_result = MQTTSN_CLIENT_FAILED;
        mqttsn__asleep(c, MQTTSN_EVENT_CHECKED);
        mqttsn__advance(c);
    } else {
        mqttsn__lost(c, true);
    }
}

void mqttsn__on_connack(struct mqttsn_client *c, unsigned code)
{
    if (c->state != MQTTSN_CLIENT_CONNECTING || c->step == NO_STEP ||
        c->step > MQTTSN_WILLMSG)
        return;

    mqttsn__answered(c);
    if (code == MQTTSN_ACCEPTED) {
        c->state = MQTTSN_CLIENT_ACTIVE;
        c->started = true;
        c->resubscribe = !c->wake_up;
        c->wake_up = false;
        c->check = false; /* what waits comes by itself now */
        mqttsn__event(c, MQTTSN_EVENT_CONNECTED);
        mqttsn__advance(c);
        return;
    }

    c->refused_code = (uint8_t)code;
    mqttsn__event(c, MQTTSN_EVENT_REFUSED);
    if (code != MQTTSN_REJECTED_CONGESTION) {
        give_up(c, MQTTSN_EVENT_REFUSED);
        return;
    }
    if (c->wake_up && c->want == MQTTSN_CLIENT_ASLEEP) {
        c->wake_up = false;
        mqttsn__rejected(c, code);
        mqttsn__asleep(c, MQTTSN_EVENT_ASLEEP);
        return;
    }
    c->wake_up = false;
#if MQTTSN_CLIENT_FAILOVER
    if (++c->attempts < mqttsn__gateway_count(c)) {
        mqttsn__gateway_next(c);
        mqttsn__connect(c);
        return;
    }
#endif
    c->attempts = 0;
    mqttsn__arm(c, T_WAIT, MQTTSN_CLIENT_T_WAIT_MS);
}

void mqttsn__on_disconnect(struct mqttsn_client *c)
{
    if (c->step == MQTTSN_DISCONNECT) {
        if (c->announced_s == 0) {
            disconnected(c, MQTTSN_EVENT_DISCONNECTED);
        } else {
            c->attempts = 0;
            mqttsn__asleep(c, MQTTSN_EVENT_ASLEEP);
        }
        mqttsn__advance(c);
    } else if (c->state == MQTTSN_CLIENT_ACTIVE ||
               c->state == MQTTSN_CLIENT_AWAKE ||
               (c->state == MQTTSN_CLIENT_ASLEEP && c->step != NO_STEP)) {
        /* It does not know us any more [SN 6.12]. Asleep, with nothing asked,
         * it is but a repeated answer to our own. */
        mqttsn__lost(c, false);
    }
}
