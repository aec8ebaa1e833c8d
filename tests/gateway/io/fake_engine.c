/* SPDX-License-Identifier: MIT */
#include "fake_engine.h"

#include <sys/socket.h>

#include "core/counters.h"

#include "check.h"

struct fake_engine fake;

struct gw_engine {
    int nothing;
};
static struct gw_engine the_engine;

static void enter(mqttsn_ms now)
{
    assert_false(fake.inside);
    assert_true(now >= fake.last_now);
    fake.inside = true;
    fake.last_now = now;
}

static void leave(void)
{
    fake.inside = false;
}

static void take_options(const struct gw_options *options)
{
    fake.listener = options->listeners[0];
    fake.gw_id = options->gw_id;
}

enum mqttsn_status gw_engine_new(const struct gw_limits *limits,
                                 const struct gw_options *options,
                                 const uint8_t seed[16], mqttsn_ms now,
                                 struct gw_engine **ret_engine)
{
    static const uint8_t no_seed[16];
    enum mqttsn_status status = fake.new_status;
    enum mqttsn_status reconfigure = fake.reconfigure_status;

    assert_true(limits->max_sessions > 0);
    assert_memory_not_equal(seed, no_seed, 16);
    memset(&fake, 0, sizeof(fake));
    fake.new_status = status;
    fake.reconfigure_status = reconfigure;
    fake.deadline = MQTTSN_NEVER;
    fake.last_now = now;
    take_options(options);
    if (status == MQTTSN_OK)
        *ret_engine = &the_engine;
    return status;
}

void gw_engine_free(struct gw_engine *engine)
{
    (void)engine;
}

uint64_t gw_engine_size(const struct gw_limits *limits)
{
    (void)limits;
    return 1;
}

enum mqttsn_status gw_engine_reconfigure(struct gw_engine *engine,
                                         const struct gw_options *options,
                                         mqttsn_ms now)
{
    (void)engine;
    enter(now);
    if (fake.reconfigure_status == MQTTSN_OK) {
        fake.reconfigured++;
        take_options(options);
    }
    leave();
    return fake.reconfigure_status;
}

void gw_engine_shutdown(struct gw_engine *engine, mqttsn_ms now)
{
    (void)engine;
    enter(now);
    fake.shutdowns++;
    if (fake.wills)
        fake.actions += 3;
    leave();
}

void gw_engine_on_datagram(struct gw_engine *engine, const struct gw_addr *from,
                           const struct gw_via *via, struct mqttsn_span bytes,
                           mqttsn_ms now)
{
    (void)engine;
    enter(now);
    fake.datagrams++;
    fake.from = *from;
    fake.via = *via;
    for (int i = 0; i < 2 && fake.more > 0; i++, fake.more--)
        assert_int_equal(send(fake.crowd, "x", 1, 0), 1);
    if (fake.echo && fake.out_count < FAKE_MAX) {
        fake.out[(fake.out_first + fake.out_count++) % FAKE_MAX] =
            (struct gw_datagram){.target = GW_TO_PEER,
                                 .to = *from,
                                 .via = *via,
                                 .len = bytes.len};
    }
    leave();
}

void gw_engine_on_upstream(struct gw_engine *engine,
                           const struct gw_up_event *event, mqttsn_ms now)
{
    (void)engine;
    enter(now);
    if (event->kind == GW_UP_MESSAGE)
        assert_true(fake.stored >= fake.behind_until);
    if (fake.events < FAKE_MAX) {
        fake.event_kind[fake.events] = event->kind;
        if (event->kind == GW_UP_RESULT)
            fake.outcome[fake.events] = event->result.outcome;
    }
    fake.events++;
    if (fake.relays && event->kind == GW_UP_MESSAGE)
        fake.actions++;
    leave();
}

void gw_engine_on_stored(struct gw_engine *engine, uint64_t op, bool ok,
                         mqttsn_ms now)
{
    (void)engine;
    enter(now);
    assert_true(ok);
    if (fake.stored < FAKE_MAX)
        fake.stored_op[fake.stored] = op;
    fake.stored++;
    leave();
}

void gw_engine_on_deadline(struct gw_engine *engine, mqttsn_ms now)
{
    (void)engine;
    enter(now);
    if (fake.deadline <= now) {
        fake.deadlines++;
        fake.deadline = MQTTSN_NEVER;
    }
    leave();
}

bool gw_engine_poll_datagram(struct gw_engine *engine, mqttsn_ms now,
                             uint8_t *buf, size_t cap,
                             struct gw_datagram *ret_datagram)
{
    (void)engine;
    enter(now);
    leave();
    assert_true(cap >= GW_DATAGRAM_MAX);
    if (fake.out_count == 0)
        return false;
    *ret_datagram = fake.out[fake.out_first];
    memset(buf, 0x55, ret_datagram->len);
    fake.out_first = (fake.out_first + 1) % FAKE_MAX;
    fake.out_count--;
    fake.store_actions += fake.keeps;
    return true;
}

bool gw_engine_poll_upstream(struct gw_engine *engine, mqttsn_ms now,
                             unsigned classes, uint8_t *buf, size_t cap,
                             struct gw_up_action *ret_action)
{
    (void)engine;
    enter(now);
    leave();
    assert_true(cap >= GW_UP_BUFFER);
    assert_int_not_equal(classes, 0);
    if (fake.actions == 0 && !fake.endless_actions)
        return false;
    if (fake.actions > 0)
        fake.actions--;
    fake.store_actions += fake.keeps;
    memcpy(buf, "topic", 5);
    *ret_action = (struct gw_up_action){.kind = GW_UP_PUBLISH,
                                        .qos = 1,
                                        .token = ++fake.action_token,
                                        .topic = mqttsn_span(buf, 5)};
    return true;
}

bool gw_engine_poll_store(struct gw_engine *engine, mqttsn_ms now, uint8_t *buf,
                          size_t cap, struct gw_store_action *ret_action)
{
    (void)engine;
    (void)buf;
    enter(now);
    leave();
    assert_true(cap >= GW_RECORD_MAX);
    if (fake.store_actions == 0)
        return false;
    fake.store_actions--;
    *ret_action = (struct gw_store_action){.verb = GW_STORE_KEEP,
                                           .op = ++fake.store_op,
                                           .kind = GW_RECORD_SESSION,
                                           .len = 4};
    return true;
}

bool gw_engine_is_behind(const struct gw_engine *engine)
{
    (void)engine;
    return fake.stored < fake.behind_until;
}

enum mqttsn_status gw_engine_restore(struct gw_engine *engine, uint8_t kind,
                                     uint32_t owner, uint32_t item,
                                     struct mqttsn_span bytes, mqttsn_ms now)
{
    (void)engine;
    (void)kind;
    (void)owner;
    (void)item;
    (void)bytes;
    (void)now;
    fail_msg("there is nothing to restore");
    return MQTTSN_EPROTO;
}

void gw_engine_restore_age(struct gw_engine *engine, mqttsn_ms age)
{
    (void)engine;
    (void)age;
}

uint64_t gw_engine_held(struct gw_engine *engine, uint32_t owner, uint32_t item)
{
    (void)engine;
    (void)owner;
    (void)item;
    return 0;
}

void gw_engine_restored(struct gw_engine *engine, mqttsn_ms now)
{
    (void)engine;
    (void)now;
}

bool gw_engine_poll_note(struct gw_engine *engine, struct gw_note *ret_note)
{
    (void)engine;
    if (fake.notes == 0)
        return false;
    fake.notes--;
    memset(ret_note, 0, sizeof(*ret_note));
    return true;
}

mqttsn_ms gw_engine_next_deadline(const struct gw_engine *engine)
{
    (void)engine;
    return fake.deadline;
}

/* Its own words are off in these tests. */
bool gw_engine_publish(struct gw_engine *engine, struct mqttsn_span topic,
                       struct mqttsn_span payload, bool retain, mqttsn_ms now)
{
    (void)engine;
    (void)topic;
    (void)payload;
    (void)retain;
    (void)now;
    return false;
}

bool gw_engine_knows(const struct gw_engine *engine, const struct gw_addr *addr)
{
    (void)engine;
    (void)addr;
    return true;
}

const struct gw_counters *gw_engine_counters(const struct gw_engine *engine)
{
    static const struct gw_counters none;

    (void)engine;
    return &none;
}

void gw_engine_usage(const struct gw_engine *engine, struct gw_usage *ret)
{
    (void)engine;
    *ret = (struct gw_usage){0};
}
