/* SPDX-License-Identifier: MIT */
/*
 * A long conversation, interrupted once after each of its steps: the engine is
 * dropped and built again from its records. The clients are then in the same
 * state, and the conversation ends as it would have ended: every message
 * arrived, those of QoS 2 once, in both directions, and the will was published.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "check.h"

#include "actor.h"
#include "broker.h"

enum { A, B, C, NODES };

struct fixture {
    struct world w;
    struct broker broker;
    struct actor nodes[NODES];
    unsigned published[32]; /* by number of an uplink message */
    unsigned wills;
};

/* With a durable store what is stored is acknowledged; else the broker's
 * acknowledgement is waited for, over the restart too. */
static bool durable;
static unsigned backlog; /* most messages that were the gateway's alone */

static struct fixture fx;

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void on_publish(struct broker *broker,
                       const struct broker_action *publish)
{
    (void)broker;
    if (strcmp(publish->payload, "will") == 0)
        fx.wills++;
    else if (publish->payload[0] == 'u')
        fx.published[atoi(publish->payload + 1)]++;
}

static void settle(void)
{
    actors_settle(fx.nodes, NODES, &fx.w);
}

/* Lets time pass, with nodes that repeat what was not answered. */
static void pass(unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        world_until(&fx.w, fx.w.now + 1000);
        settle();
        actors_tick(fx.nodes, NODES, &fx.w);
        settle();
    }
}

static void say(const char *topic, const char *payload, uint8_t qos)
{
    broker_publish(&fx.broker, &fx.w, topic, payload, qos, false);
}

/* ---- the steps --------------------------------------------------------- */

static void all_connect(void)
{
    actor_connect(&fx.nodes[A], &fx.w, 600, true);
    actor_connect(&fx.nodes[B], &fx.w, 6000, false);
    actor_connect(&fx.nodes[C], &fx.w, 6000, false);
}

static void a_subscribes(void)
{
    actor_subscribe(&fx.nodes[A], &fx.w, "cmd/+", 2);
    actor_subscribe(&fx.nodes[C], &fx.w, "cc", 1);
}

static void b_subscribes(void)
{
    pass(1);
    actor_subscribe(&fx.nodes[B], &fx.w, "cmd/b", 1);
}

static void a_registers(void)
{
    actor_register(&fx.nodes[A], &fx.w, "own/a");
}

static void first_messages(void)
{
    say("cmd/a", "m1", 1);
    say("cmd/b", "m2", 2);
    say("cc", "m3", 1);
}

static void a_sleeps(void)
{
    actor_sleep(&fx.nodes[A], &fx.w, 600);
}

static void mail_for_the_sleeper(void)
{
    say("cmd/a", "m4", 1);
    say("cmd/b", "m5", 2);
    say("cmd/a", "m6", 0);
    say("cmd/c", "m7", 1);
}

static void b_falls_silent(void)
{
    fx.nodes[B].silent = true;
    say("cmd/b", "m8", 2);
    say("cmd/b", "m9", 1);
}

static void the_broker_hesitates(void)
{
    fx.broker.holds_results = true;
    actor_publish(&fx.nodes[C], &fx.w, "aa", "u1", 1);
    actor_publish(&fx.nodes[A], &fx.w, "aa", "u2", 2);
}

static void the_broker_goes_away(void)
{
    broker_break(&fx.broker, &fx.w);
    actor_publish(&fx.nodes[C], &fx.w, "aa", "u6", 2);
    settle();
    actor_publish(&fx.nodes[C], &fx.w, "bb", "u7", 1);
}

static void the_broker_is_back(void)
{
    if (world_usage(&fx.w).uplink_messages > backlog)
        backlog = world_usage(&fx.w).uplink_messages;
    if (!fx.broker.online)
        broker_return(&fx.broker, &fx.w, true);
    pass(12);
}

static void the_broker_answers(void)
{
    fx.broker.holds_results = false;
    pass(12);
}

static void c_publishes_qos2_and_is_silent(void)
{
    fx.nodes[C].mute_after = 1; /* hears PUBREC, and never PUBCOMP */
    actor_publish(&fx.nodes[C], &fx.w, "aa", "u3", 2);
}

static void c_is_back(void)
{
    fx.nodes[C].silent = false;
    pass(12);
}

static void a_wakes_up_and_fails(void)
{
    /* REGISTER, m4, m5: then nothing, so that m5 stands at PUBREL. */
    fx.nodes[A].mute_after = 4;
    actor_wake(&fx.nodes[A], &fx.w);
}

static void a_is_given_up(void)
{
    pass(45);
    fx.nodes[A].silent = fx.nodes[A].unheard = false;
    fx.nodes[A].waits_for = 0;
    fx.nodes[A].awake = false;
}

static void a_is_not_heard(void)
{
    /* It takes the message, and the gateway cannot know. */
    say("cmd/a", "m12", 2);
    actor_wake(&fx.nodes[A], &fx.w);
    fx.nodes[A].unheard = true;
}

static void b_is_back(void)
{
    fx.nodes[B].silent = false;
    actor_register(&fx.nodes[B], &fx.w, "own/b");
}

static void b_changes_its_mind(void)
{
    actor_unsubscribe(&fx.nodes[B], &fx.w, "cmd/b");
    settle();
    actor_subscribe(&fx.nodes[B], &fx.w, "late", 2);
}

static void a_wakes_up(void)
{
    pass(1);
    actor_wake(&fx.nodes[A], &fx.w);
}

static void b_disconnects(void)
{
    actor_disconnect(&fx.nodes[B], &fx.w);
    settle();
    say("late", "m10", 2);
    say("late", "m11", 1);
}

static void b_connects_again(void)
{
    actor_connect(&fx.nodes[B], &fx.w, 6000, false);
}

static void c_leaves(void)
{
    actor_disconnect(&fx.nodes[C], &fx.w);
}

static void a_publishes_asleep(void)
{
    actor_publish(&fx.nodes[A], &fx.w, "aa", "u4", 2);
    settle();
    actor_publish(&fx.nodes[A], &fx.w, "aa", "u5", 1);
}

static void a_is_lost(void)
{
    pass(700);
}

static const struct {
    const char *name;
    void (*run)(void);
} steps[] = {
#define STEP(name)                                                             \
    {                                                                          \
#name, name                                                            \
    }
    STEP(all_connect),
    STEP(a_subscribes),
    STEP(b_subscribes),
    STEP(a_registers),
    STEP(first_messages),
    STEP(a_sleeps),
    STEP(mail_for_the_sleeper),
    STEP(b_falls_silent),
    STEP(the_broker_hesitates),
    STEP(the_broker_answers),
    STEP(the_broker_goes_away),
    STEP(the_broker_is_back),
    STEP(c_publishes_qos2_and_is_silent),
    STEP(c_is_back),
    STEP(a_wakes_up_and_fails),
    STEP(a_is_given_up),
    STEP(b_is_back),
    STEP(b_changes_its_mind),
    STEP(a_wakes_up),
    STEP(a_is_not_heard),
    STEP(a_is_given_up),
    STEP(a_wakes_up),
    STEP(b_disconnects),
    STEP(b_connects_again),
    STEP(c_leaves),
    STEP(a_publishes_asleep),
    STEP(a_is_lost),
};

/* ---- the interruption -------------------------------------------------- */

/* What must be the same before and after. A transfer to an awake node may
 * begin again with its next PINGREQ, and who is disconnected needs no address:
 * its CONNECT brings one. */
static char *picture(void)
{
    struct gw_session_info rows[8];
    struct gw_usage u = world_usage(&fx.w);
    uint32_t cursor = 0;
    size_t n, len = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);

    while ((n = gw_engine_visit(fx.w.engine, &cursor, 8, rows)) > 0)
        for (size_t i = 0; i < n; i++) {
            char where[80];
            enum gw_state state = rows[i].state;

            address_text(&rows[i].addr, where, sizeof(where));
            if (state == GW_DISCONNECTED)
                where[0] = '\0';
            fprintf(out,
                    "%.*s %s %s duration=%u topics=%u subs=%u queue=%u/%u "
                    "exchanges=%u clean=%d will=%d\n",
                    (int)rows[i].client_id.len,
                    (const char *)rows[i].client_id.data,
                    state_name(state == GW_AWAKE ? GW_ASLEEP : state), where,
                    rows[i].duration_s, rows[i].topics, rows[i].subscriptions,
                    rows[i].queue_messages, rows[i].queue_bytes,
                    rows[i].exchanges, rows[i].clean_session, rows[i].has_will);
        }
    fprintf(out,
            "sessions=%u topics=%u subscriptions=%u queue=%u messages=%u "
            "bytes=%llu\n",
            u.sessions, u.topics, u.subscriptions, u.queue_entries, u.messages,
            (unsigned long long)u.message_bytes);
    fclose(out);
    return text;
}

static void interrupt_here(bool session_present)
{
    char *before = picture(), *after;

    broker_crash(&fx.broker);
    world_restart(&fx.w);
    after = picture();
    if (strcmp(before, after) != 0)
        world_fail(&fx.w, "before:\n%safter:\n%s", before, after);
    free(before);
    free(after);
    if (!fx.broker.online) {
        world_event(&fx.w, GW_UP_UNREACHABLE);
        return;
    }
    if (!session_present)
        fx.broker.filter_count = 0;
    world_connected(&fx.w, session_present);
    settle();
}

/* The whole conversation; 'at' is the step after which it is interrupted. */
static char *conversation(size_t at, bool session_present)
{
    char *end;

    memset(&fx, 0, sizeof(fx));
    broker_init(&fx.broker);
    fx.broker.on_publish = on_publish;
    world_init(&fx.w);
    fx.w.fail = stop_test;
    fx.w.broker = &fx.broker;
    fx.w.options.retry_interval = 10000;
    fx.w.options.retry_count = 3;
    fx.w.options.durable = durable;
    world_start(&fx.w);
    for (unsigned i = 0; i < NODES; i++)
        actor_init(&fx.nodes[i], i + 1, i == C);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        world_trace(&fx.w, "---- %s", steps[i].name);
        steps[i].run();
        settle();
        if (i == at)
            interrupt_here(session_present);
    }
    end = picture();
    return end;
}

static void expect(const struct actor *node, const char *payload,
                   unsigned least, unsigned most)
{
    unsigned n = actor_count(node, payload);

    if (n < least || n > most)
        world_fail(&fx.w, "%s received '%s' %u times", node->id, payload, n);
}

static void check_ledger(void)
{
    static const struct {
        int node;
        const char *payload;
        unsigned most; /* QoS 1 may come twice */
    } rows[] = {{A, "m1", 2},  {A, "m2", 1},  {A, "m4", 2},  {A, "m5", 1},
                {A, "m6", 1},  {A, "m7", 2},  {A, "m8", 1},  {A, "m9", 2},
                {A, "m12", 1}, {B, "m2", 2},  {B, "m5", 2},  {B, "m8", 2},
                {B, "m9", 2},  {B, "m10", 1}, {B, "m11", 2}, {C, "m3", 2}};
    static const unsigned doubles[] = {
        [1] = 2, [2] = 1, [3] = 1, [4] = 1, [5] = 2, [6] = 1, [7] = 2};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(&fx.nodes[rows[i].node], rows[i].payload, 1, rows[i].most);
    for (size_t i = 1; i < ARRAY_LEN(doubles); i++)
        if (fx.published[i] < 1 || fx.published[i] > doubles[i])
            world_fail(&fx.w, "u%zu was published %u times", i,
                       fx.published[i]);
    if (fx.wills != 1)
        world_fail(&fx.w, "the will was published %u times", fx.wills);
}

static void run_interrupted(bool session_present)
{
    char *undisturbed = conversation(SIZE_MAX, true);

    check_ledger();
    world_stop(&fx.w);
    for (size_t at = 0; at < ARRAY_LEN(steps) - 1; at++) {
        char *end = conversation(at, session_present);

        CASE(steps[at].name);
        if (strcmp(end, undisturbed) != 0)
            world_fail(&fx.w, "undisturbed:\n%sinterrupted:\n%s", undisturbed,
                       end);
        check_ledger();
        free(end);
        world_stop(&fx.w);
    }
    free(undisturbed);
}

static void a_restart_anywhere_changes_nothing(void **unused)
{
    (void)unused;
    run_interrupted(true);
}

static void nor_when_the_broker_forgot_us(void **unused)
{
    (void)unused;
    run_interrupted(false);
}

static void with_a_durable_store_neither(void **unused)
{
    (void)unused;
    durable = true;
    backlog = 0;
    run_interrupted(true);
    run_interrupted(false);
    durable = false;
    assert_true(backlog >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_anywhere_changes_nothing),
        cmocka_unit_test(nor_when_the_broker_forgot_us),
        cmocka_unit_test(with_a_durable_store_neither),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
