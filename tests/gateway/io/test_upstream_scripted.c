/* SPDX-License-Identifier: MIT */
/* The contract, kept by the broker in memory that other tests build on. */
#include "scripted_broker.h"

#include "check.h"
#include "upstream_contract.h"

static void start(void *user, enum contract_mood mood)
{
    scripted_broker_deny(user, mood == CONTRACT_DENYING);
    scripted_broker_refuse(user,
                           mood == CONTRACT_SELECTIVE ? "refused/" : NULL);
    scripted_broker_up(user);
}

static void kill_broker(void *user, bool remember)
{
    scripted_broker_down(user);
    if (!remember)
        scripted_broker_forget(user);
}

static void pause_broker(void *user)
{
    scripted_broker_silent(user, true);
}

static void resume_broker(void *user)
{
    scripted_broker_silent(user, false);
}

static void wipe(void *user)
{
    scripted_broker_forget(user);
}

static struct gw_upstream *make_port(void *user, uv_loop_t *loop,
                                     const struct contract_settings *wanted)
{
    struct scripted_port_settings settings = {
        .client_id = "contract",
        .window = wanted->window,
        .queue_entries = wanted->outbox_entries,
        .retry_ms = 5,
        .clean_first = wanted->clean_first};

    return scripted_port_new(user, loop, &settings);
}

static size_t outstanding_max(struct gw_upstream *upstream)
{
    return scripted_port_outstanding_max(upstream);
}

int main(void)
{
    struct scripted_broker *broker = scripted_broker_new();
    struct contract_factory factory = {.name = "upstream_scripted",
                                       .user = broker,
                                       .start = start,
                                       .kill = kill_broker,
                                       .pause = pause_broker,
                                       .resume = resume_broker,
                                       .wipe = wipe,
                                       .can_refuse = true,
                                       .port = make_port,
                                       .outstanding_max = outstanding_max};
    int failures = upstream_contract_run(&factory);

    scripted_broker_free(broker);
    return failures;
}
