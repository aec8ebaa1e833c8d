/* SPDX-License-Identifier: MIT */
#include "memory_store.h"

#include <stdlib.h>

struct memory_store {
    struct gw_store base;
    /* Runs once in each turn, before the loop would wait: what was submitted
     * until then is done. Active only while something is open. */
    uv_idle_t turn;
    uint64_t op[GW_STORE_INFLIGHT]; /* a ring */
    uint32_t first, count, done;    /* 'done' of 'count' may be taken */
};

static void on_turn(uv_idle_t *turn)
{
    struct memory_store *s = turn->data;

    if (s->done == s->count) {
        uv_idle_stop(turn);
        return;
    }
    s->done = s->count;
    if (s->base.wake != NULL)
        s->base.wake(s->base.user);
}

static bool room(struct gw_store *store)
{
    return ((struct memory_store *)store)->count < GW_STORE_INFLIGHT;
}

static enum mqttsn_status submit(struct gw_store *store,
                                 const struct gw_store_action *action,
                                 struct mqttsn_span bytes)
{
    struct memory_store *s = (struct memory_store *)store;

    (void)bytes;
    if (!room(store))
        return MQTTSN_ENOSPACE;
    s->op[(s->first + s->count++) % GW_STORE_INFLIGHT] = action->op;
    uv_idle_start(&s->turn, on_turn);
    return MQTTSN_OK;
}

static bool take(struct gw_store *store, uint64_t *ret_op, bool *ret_ok)
{
    struct memory_store *s = (struct memory_store *)store;

    if (s->done == 0)
        return false;
    *ret_op = s->op[s->first];
    *ret_ok = true;
    s->first = (s->first + 1) % GW_STORE_INFLIGHT;
    s->count--;
    s->done--;
    return true;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_store(struct gw_store *store, unsigned limit_ms)
{
    struct memory_store *s = (struct memory_store *)store;

    (void)limit_ms; /* there is nothing to wait for */
    uv_close((uv_handle_t *)&s->turn, on_closed);
}

static const struct gw_store_ops ops = {room, submit, take, NULL, close_store};

enum mqttsn_status gw_memory_store_new(uv_loop_t *loop,
                                       struct gw_store **ret_store)
{
    struct memory_store *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return MQTTSN_ENOSPACE;
    uv_idle_init(loop, &s->turn);
    s->turn.data = s;
    s->base.ops = &ops;
    *ret_store = &s->base;
    return MQTTSN_OK;
}
