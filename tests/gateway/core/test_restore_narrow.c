/* SPDX-License-Identifier: MIT */
/*
 * A gateway that comes back with smaller tables than it went: what does not
 * fit stays behind, whole or not at all, and the rest goes on.
 */
#include "check.h"

#include "actor.h"
#include "broker.h"

enum { NODES = 4 };

struct fixture {
    struct world w;
    struct broker broker;
    struct actor nodes[NODES];
};

static void settle(struct fixture *f)
{
    actors_settle(f->nodes, NODES, &f->w);
}

static void pass(struct fixture *f, mqttsn_ms ms)
{
    world_until(&f->w, f->w.now + ms);
    settle(f);
}

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

/* Each node has a will, a registered name, two subscriptions; two sleep while
 * mail arrives, two have publishes that the broker does not answer. */
static void set_up(struct fixture *f, bool durable)
{
    memset(f, 0, sizeof(*f));
    broker_init(&f->broker);
    world_init(&f->w);
    f->w.fail = stop_test;
    f->w.broker = &f->broker;
    f->w.narrows = true;
    f->w.options.durable = durable;
    world_start(&f->w);
    for (unsigned i = 0; i < NODES; i++) {
        struct actor *a = &f->nodes[i];

        actor_init(a, i + 1, false);
        actor_connect(a, &f->w, 600, true);
        settle(f);
        assert_true(a->connected);
        actor_register(a, &f->w, i % 2 ? "t/odd" : "t/even");
        settle(f);
        actor_subscribe(a, &f->w, "d/#", 2);
        settle(f);
        actor_subscribe(a, &f->w, i % 2 ? "odd" : "even", 1);
        settle(f);
        pass(f, 2000);
    }
    actor_sleep(&f->nodes[0], &f->w, 6000);
    actor_sleep(&f->nodes[1], &f->w, 6000);
    settle(f);
    for (unsigned n = 0; n < 4; n++) {
        char payload[8];

        snprintf(payload, sizeof(payload), "d%u", n);
        broker_publish(&f->broker, &f->w, n % 2 ? "d/a" : "d/b", payload,
                       (uint8_t)(n % 3), false);
        settle(f);
    }
    f->broker.holds_results = true;
    actor_publish(&f->nodes[2], &f->w, "aa", "u1", 2);
    actor_publish(&f->nodes[3], &f->w, "bb", "u2", 1);
    settle(f);
}

static void restart(struct fixture *f)
{
    f->broker.holds_results = false;
    broker_crash(&f->broker);
    world_restart(&f->w);
    broker_return(&f->broker, &f->w, true);
    settle(f);
}

/* Time passes, everybody leaves, and nothing is left. */
static void end(struct fixture *f)
{
    struct gw_usage u;

    for (unsigned n = 0; n < 60; n++) {
        pass(f, 1000);
        actors_tick(f->nodes, NODES, &f->w);
        settle(f);
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct actor *a = &f->nodes[i];

        a->clean = true;
        a->waits_for = 0;
        actor_connect(a, &f->w, 60, false);
        settle(f);
        actor_disconnect(a, &f->w);
        settle(f);
        pass(f, 1000);
    }
    pass(f, 20 * 86400000ull);
    u = world_usage(&f->w);
    if (u.sessions + u.topics + u.subscriptions + u.filters + u.exchanges +
            u.queue_entries + u.messages + u.replies + u.message_bytes !=
        0)
        world_fail(&f->w, "not empty:\n%s", world_snapshot(&f->w));
    world_stop(&f->w);
}

static void nothing_is_missing_in_tables_of_the_same_size(void **unused)
{
    struct gw_usage before, after;
    static struct fixture f; /* too large for a stack */

    (void)unused;
    set_up(&f, false);
    before = world_usage(&f.w);
    restart(&f);
    after = world_usage(&f.w);
    assert_int_equal(after.sessions, before.sessions);
    assert_int_equal(after.topics, before.topics);
    assert_int_equal(after.subscriptions, before.subscriptions);
    assert_int_equal(after.queue_entries, before.queue_entries);
    end(&f);
}

static void narrow(struct gw_limits *l, unsigned table, unsigned size)
{
    switch (table) {
    case 0:
        l->max_sessions = size;
        break;
    case 1:
        l->max_topics = size;
        break;
    case 2:
        l->max_subscriptions = size;
        break;
    case 3:
        l->max_exchanges = size;
        l->uplink_max_messages = size;
        break;
    case 4:
        l->max_queue_entries = size;
        break;
    case 5:
        l->queue_total_bytes = size * 64;
        break;
    default:
        l->uplink_total_bytes = l->uplink_max_bytes = size * 64;
        break;
    }
}

enum { TABLES = 7 };

static void what_does_not_fit_stays_behind(void **unused)
{
    (void)unused;
    for (unsigned size = 1; size <= 8; size++)
        for (unsigned table = 0; table < TABLES; table++) {
            struct gw_limits *l;
            struct gw_usage u;
            static struct fixture f;

            set_up(&f, false);
            l = &f.w.limits;
            narrow(l, table, size);
            restart(&f);
            u = world_usage(&f.w);
            assert_true(u.sessions <= l->max_sessions);
            assert_true(u.sessions >= (table == 0 && size < NODES ? 1 : NODES));
            assert_true(u.topics <= l->max_topics);
            assert_true(u.subscriptions <= l->max_subscriptions);
            assert_true(u.exchanges <= l->max_exchanges);
            assert_true(u.queue_entries <= l->max_queue_entries);
            end(&f);
        }
}

/* Each message that was stored is there, or counted once. */
static void audit(struct world *w, void *arg)
{
    const struct gw_counters *c = gw_engine_counters(w->engine);
    struct gw_usage u = world_usage(w);
    unsigned queued = 0, uplink = 0;

    (void)arg;
    for (size_t i = 0; i < w->records.count; i++) {
        queued += w->records.rows[i].kind == GW_RECORD_QUEUED;
        uplink += w->records.rows[i].kind == GW_RECORD_EXCHANGE;
    }
    assert_true(queued >= 4);
    assert_int_equal(uplink, 2);
    assert_int_equal(u.queue_entries + c->drop_table_full + c->drop_total_full,
                     queued);
    assert_int_equal(u.uplink_messages + c->up_drop_full, uplink);
}

static void what_stays_behind_is_counted(void **unused)
{
    (void)unused;
    for (unsigned size = 1; size <= 8; size++)
        for (unsigned table = 0; table < TABLES; table++) {
            static struct fixture f;

            set_up(&f, true);
            narrow(&f.w.limits, table, size);
            f.w.before_restored = audit;
            restart(&f);
            world_stop(&f.w);
        }
}

/* The names have no table of their own size: pages of them run out, and with
 * them client ids, wills, topics and filters. */
static void nor_do_names(void **unused)
{
    (void)unused;
    for (unsigned pages = 1; pages <= 12; pages++) {
        static struct fixture f;

        set_up(&f, false);
        f.w.limits.names_total_bytes = pages * 4096;
        restart(&f);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_missing_in_tables_of_the_same_size),
        cmocka_unit_test(what_does_not_fit_stays_behind),
        cmocka_unit_test(what_stays_behind_is_counted),
        cmocka_unit_test(nor_do_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
