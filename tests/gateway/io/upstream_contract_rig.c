/* SPDX-License-Identifier: MIT */
#include "upstream_contract_rig.h"

#include <stdlib.h>

#define BOUND_MS 20000
#define TICK_MS 5

const struct contract_factory *contract_factory;

const struct contract_settings contract_plain = {
    .window = 20, .outbox_entries = 1000, .clean_first = true};

static void note(struct rig *rig, const struct gw_up_event *event)
{
    struct seen *seen = &rig->seen[rig->seen_count];

    assert_true(rig->seen_count < SEEN_MAX);
    seen->event = *event;
    if (event->kind == GW_UP_MESSAGE) {
        assert_true(event->message.topic.len < TEXT_MAX);
        assert_true(event->message.payload.len < TEXT_MAX);
        memcpy(seen->topic, event->message.topic.data,
               event->message.topic.len);
        if (event->message.payload.len > 0)
            memcpy(seen->payload, event->message.payload.data,
                   event->message.payload.len);
    }
    if (event->kind == GW_UP_RESULT) {
        struct fate *fate = &rig->fates[event->result.token];

        assert_true(event->result.token > 0);
        assert_true(event->result.token < TOKENS_MAX);
        fate->count++;
        fate->outcome = event->result.outcome;
        fate->granted_qos = event->result.granted_qos;
        fate->place = rig->seen_count;
        /* Never twice, whatever happens. */
        assert_int_equal(fate->count, 1);
    }
    rig->seen_count++;
}

void rig_drain(void *user)
{
    struct rig *rig = user;
    struct gw_up_event event;

    assert_true(pthread_equal(rig->thread, pthread_self()));
    rig->wakes++;
    while (rig->up->ops->take(rig->up, &event))
        note(rig, &event);
}

void rig_start(struct rig *rig)
{
    assert_int_equal(rig->up->ops->start(rig->up), MQTTSN_OK);
    rig->started = true;
}

static void on_bound(uv_timer_t *timer)
{
    struct rig *rig = timer->data;

    rig->expired = true;
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

struct rig *rig_new(const struct contract_settings *settings)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    rig->thread = pthread_self();
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    uv_timer_init(&rig->loop, &rig->bound);
    uv_timer_init(&rig->loop, &rig->tick);
    rig->bound.data = rig;
    rig->up =
        contract_factory->port(contract_factory->user, &rig->loop, settings);
    assert_non_null(rig->up);
    rig->up->wake = rig_drain;
    rig->up->user = rig;
    return rig;
}

void rig_begin_wait(struct rig *rig)
{
    rig->expired = false;
    uv_update_time(&rig->loop);
    uv_timer_start(&rig->bound, on_bound, BOUND_MS, 0);
    uv_timer_start(&rig->tick, on_tick, TICK_MS, TICK_MS);
}

void rig_turn(struct rig *rig, const char *what)
{
    uv_run(&rig->loop, UV_RUN_ONCE);
    if (rig->expired)
        fail_msg("waited in vain for: %s", what);
}

static void on_stopped(void *user, bool clean)
{
    struct rig *rig = user;

    assert_false(rig->stopped);
    rig->stopped = true;
    rig->clean = clean;
}

void rig_stop(struct rig *rig, unsigned limit_ms)
{
    rig->up->ops->stop(rig->up, limit_ms, on_stopped, rig);
    WAIT_FOR(rig, rig->stopped);
}

void rig_free(struct rig *rig)
{
    if (rig->started && !rig->stopped)
        rig_stop(rig, 1500);
    rig->up->ops->free(rig->up);
    uv_close((uv_handle_t *)&rig->bound, NULL);
    uv_close((uv_handle_t *)&rig->tick, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    free(rig);
}

size_t rig_count(const struct rig *rig, enum gw_up_event_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < rig->seen_count; i++)
        n += rig->seen[i].event.kind == kind;
    return n;
}

const struct seen *rig_nth(const struct rig *rig, enum gw_up_event_kind kind,
                           size_t n)
{
    for (size_t i = 0; i < rig->seen_count; i++)
        if (rig->seen[i].event.kind == kind && --n == 0)
            return &rig->seen[i];
    fail_msg("no such event");
    return NULL;
}

size_t rig_results(const struct rig *rig, uint64_t from, uint64_t to)
{
    size_t n = 0;

    for (uint64_t token = from; token <= to; token++)
        n += rig->fates[token].count;
    return n;
}

struct rig *rig_connected(const struct contract_settings *settings)
{
    struct rig *rig = rig_new(settings);

    rig_start(rig);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 1);
    return rig;
}

enum mqttsn_status rig_try_publish(struct rig *rig, uint64_t token, uint8_t qos,
                                   const char *topic, const char *payload,
                                   bool retain)
{
    struct gw_up_action action = {.kind = GW_UP_PUBLISH,
                                  .token = token,
                                  .qos = qos,
                                  .retain = retain,
                                  .item = qos > 0 ? (uint32_t)token : 0,
                                  .topic = mqttsn_span_text(topic),
                                  .payload = mqttsn_span_text(payload)};

    return rig->up->ops->submit(rig->up, &action);
}

void rig_publish(struct rig *rig, uint64_t token, uint8_t qos, unsigned number)
{
    char payload[TEXT_MAX];

    snprintf(payload, sizeof(payload), "m%u", number);
    assert_int_equal(rig_try_publish(rig, token, qos, "t/m", payload, false),
                     MQTTSN_OK);
}

void rig_request(struct rig *rig, enum gw_up_action_kind kind, uint64_t token,
                 const char *filter, uint8_t qos)
{
    struct gw_up_action action = {.kind = kind,
                                  .token = token,
                                  .qos = qos,
                                  .topic = mqttsn_span_text(filter)};

    assert_int_equal(rig->up->ops->submit(rig->up, &action), MQTTSN_OK);
}

void rig_subscribe(struct rig *rig, uint64_t token, const char *filter,
                   uint8_t qos)
{
    rig_request(rig, GW_UP_SUBSCRIBE, token, filter, qos);
    WAIT_FOR(rig, rig->fates[token].count == 1);
    assert_int_equal(rig->fates[token].outcome, GW_UP_DONE);
    assert_int_equal(rig->fates[token].granted_qos, qos);
}

int contract_setup(void **state)
{
    (void)state;
    contract_factory->wipe(contract_factory->user);
    contract_factory->start(contract_factory->user, CONTRACT_WILLING);
    return 0;
}

int contract_teardown(void **state)
{
    (void)state;
    contract_factory->kill(contract_factory->user, false);
    return 0;
}
