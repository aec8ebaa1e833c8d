/* SPDX-License-Identifier: MIT */
/*
 * upstream_contract_rig.h - one port on a loop, and the words of the tests.
 */
#ifndef UPSTREAM_CONTRACT_RIG_H
#define UPSTREAM_CONTRACT_RIG_H

#include "upstream_contract.h"

#include <pthread.h>

#include "check.h"

#define TOKENS_MAX 4096
#define SEEN_MAX 8192
#define TEXT_MAX 32

/* One event, with its octets. */
struct seen {
    struct gw_up_event event;
    char topic[TEXT_MAX];
    char payload[TEXT_MAX];
};

/* What became of a token. */
struct fate {
    unsigned count; /* results; must end as 1 */
    enum gw_up_outcome outcome;
    uint8_t granted_qos;
    size_t place; /* in 'seen' */
};

/* One port on a loop, and what it said. */
struct rig {
    uv_loop_t loop;
    uv_timer_t bound;
    uv_timer_t tick; /* so that conditions outside the loop are looked at */
    pthread_t thread;
    struct gw_upstream *up;
    bool started;
    bool expired;
    bool stopped;
    bool clean;
    unsigned wakes;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    struct fate fates[TOKENS_MAX];
};

/* What the suite runs against: CMocka hands no parameter to a test. */
extern const struct contract_factory *contract_factory;

/* An ordinary port. */
extern const struct contract_settings contract_plain;

struct rig *rig_new(const struct contract_settings *settings);
struct rig *rig_connected(const struct contract_settings *settings);
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig, unsigned limit_ms);

/* Stops what was not stopped, and proves that nothing is left on the loop. */
void rig_free(struct rig *rig);

/* Takes and notes what there is; also what a wake calls. */
void rig_drain(void *rig);

void rig_begin_wait(struct rig *rig);
void rig_turn(struct rig *rig, const char *what);

#define WAIT_FOR(rig, condition)                                               \
    do {                                                                       \
        rig_begin_wait(rig);                                                   \
        while (!(condition))                                                   \
            rig_turn((rig), #condition);                                       \
        uv_timer_stop(&(rig)->bound);                                          \
        uv_timer_stop(&(rig)->tick);                                           \
    } while (0)

/* How many events of a kind, and the 'n'th of them, from 1. */
size_t rig_count(const struct rig *rig, enum gw_up_event_kind kind);
const struct seen *rig_nth(const struct rig *rig, enum gw_up_event_kind kind,
                           size_t n);

/* How many results of the tokens from..to. */
size_t rig_results(const struct rig *rig, uint64_t from, uint64_t to);

enum mqttsn_status rig_try_publish(struct rig *rig, uint64_t token, uint8_t qos,
                                   const char *topic, const char *payload,
                                   bool retain);

/* Publishes "m<number>" on t/m. */
void rig_publish(struct rig *rig, uint64_t token, uint8_t qos, unsigned number);

void rig_request(struct rig *rig, enum gw_up_action_kind kind, uint64_t token,
                 const char *filter, uint8_t qos);

/* Subscribes and waits until just that is granted. */
void rig_subscribe(struct rig *rig, uint64_t token, const char *filter,
                   uint8_t qos);

/* Around each test: a fresh broker, that is gone in the end. */
int contract_setup(void **state);
int contract_teardown(void **state);

/* Tests of upstream_contract_loss.c. */
void every_token_has_one_result_when_the_broker_dies(void **state);
void each_kind_of_flight_has_one_result_for_each_token(void **state);
void it_survives_a_broker_that_dies_again_and_again(void **state);
void an_unanswered_subscription_comes_back_unsent(void **state);

#endif
