/* SPDX-License-Identifier: MIT */
/* What becomes of what is under way when the broker dies. */
#include "upstream_contract_rig.h"

#define FLIGHT 60
#define AGAIN 1000 /* added to the token at each new submission */

struct flight {
    const char *why;
    uint8_t qos[3];     /* of the publishes, in turn */
    uint8_t subscribed; /* of the subscription that sees them */
    bool remember;
    bool paused; /* nothing is acknowledged before the broker dies */
};

static const struct flight flights[] = {
    {"QoS 1, session lost", {1, 1, 1}, 1, false, true},
    {"QoS 1, session kept", {1, 1, 1}, 1, true, true},
    {"QoS 1, seen with QoS 2, session lost", {1, 1, 1}, 2, false, true},
    {"QoS 1, seen with QoS 2, session kept", {1, 1, 1}, 2, true, true},
    {"QoS 2, session lost", {2, 2, 2}, 2, false, true},
    {"QoS 2, session kept", {2, 2, 2}, 2, true, true},
    {"QoS 2, seen with QoS 1, session kept", {2, 2, 2}, 1, true, true},
    {"mixed, session lost", {0, 1, 2}, 2, false, true},
    {"mixed, session kept", {0, 1, 2}, 2, true, true},
    {"QoS 1, session lost, in full flow", {1, 1, 1}, 1, false, false},
    {"QoS 1, session kept, in full flow", {1, 1, 1}, 1, true, false},
    {"QoS 2, session lost, in full flow", {2, 2, 2}, 2, false, false},
    {"QoS 2, session kept, in full flow", {2, 2, 2}, 2, true, false},
    {"mixed, session lost, in full flow", {0, 1, 2}, 2, false, false},
    {"mixed, session kept, in full flow", {0, 1, 2}, 2, true, false},
};

/* Submits again, in the order in which they came back, what came back unsent
 * since 'from'; returns where it stopped. */
static size_t resubmit(struct rig *rig, const struct flight *flight,
                       size_t from)
{
    for (; from < rig->seen_count; from++) {
        const struct gw_up_event *event = &rig->seen[from].event;
        unsigned number = (unsigned)(event->result.token % AGAIN);

        if (event->kind == GW_UP_RESULT &&
            event->result.outcome == GW_UP_UNSENT && number <= FLIGHT)
            rig_publish(rig, event->result.token + AGAIN,
                        flight->qos[number % 3], number);
    }
    return from;
}

/* Whether each of the messages is done under one of its tokens. */
static bool all_done(const struct rig *rig)
{
    for (unsigned number = 1; number <= FLIGHT; number++) {
        bool done = false;

        for (uint64_t token = number; token < TOKENS_MAX; token += AGAIN)
            done |= rig->fates[token].count == 1 &&
                    rig->fates[token].outcome == GW_UP_DONE;
        if (!done)
            return false;
    }
    return true;
}

/* What comes back does so in order, and before the connection is there. */
static void check_unsent(const struct rig *rig)
{
    size_t connected = (size_t)(rig_nth(rig, GW_UP_CONNECTED, 2) - rig->seen);
    uint64_t last = 0;

    for (size_t i = 0; i < rig->seen_count; i++) {
        const struct gw_up_event *event = &rig->seen[i].event;

        if (event->kind != GW_UP_RESULT ||
            event->result.outcome != GW_UP_UNSENT)
            continue;
        assert_true(event->result.token > last);
        last = event->result.token;
        assert_true(last > FLIGHT || i < connected);
    }
}

static size_t arrivals(const struct rig *rig, unsigned number)
{
    char payload[TEXT_MAX];
    size_t n = 0;

    snprintf(payload, sizeof(payload), "m%u", number);
    for (size_t i = 0; i < rig->seen_count; i++)
        n += rig->seen[i].event.kind == GW_UP_MESSAGE &&
             strcmp(rig->seen[i].payload, payload) == 0;
    return n;
}

static bool all_arrived(const struct rig *rig, const struct flight *flight)
{
    for (unsigned number = 1; number <= FLIGHT; number++)
        if (flight->qos[number % 3] > 0 && arrivals(rig, number) == 0)
            return false;
    return true;
}

/* Those that never came back were the broker's; with QoS 2 and a session that
 * was kept, each has then arrived exactly once. */
static void check_arrivals(struct rig *rig, const struct flight *flight)
{
    bool may_double = contract_factory->doubles ||
                      (contract_factory->forgets && !flight->paused);

    if (!flight->remember)
        return;
    WAIT_FOR(rig, all_arrived(rig, flight));
    for (unsigned number = 1; number <= FLIGHT; number++)
        if (flight->qos[number % 3] == 2 && flight->subscribed == 2)
            assert_true(arrivals(rig, number) == 1 || may_double);
}

static void fly(const struct flight *flight)
{
    struct rig *rig = rig_connected(&contract_plain);
    size_t seen = 0;

    CASE(flight->why);
    rig_subscribe(rig, AGAIN - 1, "t/#", flight->subscribed);
    if (flight->paused)
        contract_factory->pause(contract_factory->user);
    for (unsigned i = 1; i <= FLIGHT; i++)
        rig_publish(rig, i, flight->qos[i % 3], i);
    if (flight->paused)
        WAIT_FOR(rig, contract_factory->outstanding_max(rig->up) ==
                          contract_plain.window);
    else
        WAIT_FOR(rig, rig_results(rig, 1, FLIGHT) >= 1);

    contract_factory->kill(contract_factory->user, flight->remember);
    WAIT_FOR(rig, rig_count(rig, GW_UP_LOST) == 1);
    contract_factory->start(contract_factory->user, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 2);
    assert_int_equal(
        rig_nth(rig, GW_UP_CONNECTED, 2)->event.connected.session_present,
        flight->remember);
    WAIT_FOR(rig, (seen = resubmit(rig, flight, seen), all_done(rig)));

    check_unsent(rig);
    assert_int_equal(rig_results(rig, 1, FLIGHT), FLIGHT);
    check_arrivals(rig, flight);
    rig_free(rig);
}

static void fly_all(bool brief)
{
    bool first = true;

    for (size_t i = 0; i < ARRAY_LEN(flights); i++) {
        if (brief && flights[i].qos[0] == flights[i].qos[1])
            continue; /* the mixed ones stand for these */
        if (!first) {
            contract_factory->kill(contract_factory->user, false);
            contract_setup(NULL);
        }
        first = false;
        fly(&flights[i]);
    }
}

void every_token_has_one_result_when_the_broker_dies(void **state)
{
    (void)state;
    fly_all(false);
}

void each_kind_of_flight_has_one_result_for_each_token(void **state)
{
    (void)state;
    fly_all(true);
}

void it_survives_a_broker_that_dies_again_and_again(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);
    uint64_t token = 1;

    (void)state;
    for (unsigned round = 1; round <= 6; round++) {
        for (unsigned i = 0; i < 100; i++, token++)
            rig_publish(rig, token, (uint8_t)(i % 3), i);
        WAIT_FOR(rig, rig_results(rig, token - 100, token - 1) >= 10);
        contract_factory->kill(contract_factory->user, round % 2 == 0);
        contract_factory->start(contract_factory->user, CONTRACT_WILLING);
        WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == round + 1);
    }
    WAIT_FOR(rig, rig_results(rig, 1, token - 1) == token - 1);
    assert_int_equal(rig_count(rig, GW_UP_LOST), 6);
    rig_free(rig);
}

void an_unanswered_subscription_comes_back_unsent(void **state)
{
    struct rig *rig = rig_connected(&contract_plain);

    (void)state;
    contract_factory->pause(contract_factory->user);
    rig_publish(rig, 1, 1, 1);
    WAIT_FOR(rig, contract_factory->outstanding_max(rig->up) == 1);
    rig_request(rig, GW_UP_SUBSCRIBE, 2, "t/#", 1);
    rig_request(rig, GW_UP_UNSUBSCRIBE, 3, "u/#", 0);
    contract_factory->kill(contract_factory->user, false);
    WAIT_FOR(rig, rig_results(rig, 2, 3) == 2);

    assert_int_equal(rig->fates[2].outcome, GW_UP_UNSENT);
    assert_int_equal(rig->fates[3].outcome, GW_UP_UNSENT);
    assert_true(rig->fates[2].place < rig->fates[3].place);
    contract_factory->start(contract_factory->user, CONTRACT_WILLING);
    WAIT_FOR(rig, rig_count(rig, GW_UP_CONNECTED) == 2);
    rig_subscribe(rig, 4, "t/#", 1);
    rig_free(rig);
}
