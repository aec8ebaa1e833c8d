/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <string.h>

static const char *const names[] = {"t/1", "t/2/y", "a/b", "lib/x"};
static const char *const filters[] = {"t/+", "#", "a/b", "t/1", "cmd/#", "+/+"};

#define ANY(r, array)                                                          \
    ((array)[rng_below((r), sizeof(array) / sizeof((array)[0]))])

static const struct mqttsn_address gateway_address = {.len = 4,
                                                      .octets = {10, 0, 0, 1}};

static void arm(struct sim *sim, struct library *l);

/* ---- the pattern of client.h ------------------------------------------- */

static void on_event(struct sim *sim, struct library *l,
                     const struct mqttsn_client_event *event)
{
    if (event->kind == MQTTSN_EVENT_DONE &&
        event->request == MQTTSN_REQUEST_PUBLISH) {
        if (event->result == MQTTSN_CLIENT_ACCEPTED)
            l->done++;
        else
            l->failed++;
    }
    if (event->kind == MQTTSN_EVENT_DISCONNECTED && sim->leaving)
        l->left = true;
    if (event->kind == MQTTSN_EVENT_CONNECTED && sim->leaving)
        mqttsn_client_disconnect(&l->client, sim->now);
}

static void pump(struct sim *sim, struct library *l)
{
    struct mqttsn_client_datagram datagram;
    struct mqttsn_client_event event;
    struct octets out;
    bool more = true;

    for (unsigned n = 0; more; n++) {
        more = false;
        while (mqttsn_client_poll_send(&l->client, sim->now, out.data,
                                       sizeof(out.data), &datagram)) {
            out.len = datagram.len;
            if (datagram.to != NULL)
                net_up(sim, l->box, &out);
            more = true;
        }
        while (mqttsn_client_poll_event(&l->client, &event)) {
            on_event(sim, l, &event);
            more = true;
        }
        if (n > 1000)
            sim_fail(sim, "library", "%s never comes to rest", l->id);
    }
    arm(sim, l);
}

static void on_timer(struct sim *sim, struct event *event)
{
    struct library *l = &sim->libraries[event->actor];

    if (event->number != l->serial)
        return;
    mqttsn_client_on_deadline(&l->client, sim->now);
    pump(sim, l);
}

static void arm(struct sim *sim, struct library *l)
{
    mqttsn_ms due = mqttsn_client_next_deadline(&l->client);
    struct event *event;

    l->serial++;
    if (due == MQTTSN_NEVER)
        return;
    event = queue_add(&sim->queue, due > sim->now ? due : sim->now + 1,
                      on_timer, NULL, 0);
    event->actor = l->number;
    event->number = l->serial;
}

static void hears(struct sim *sim, unsigned number, const uint8_t *data,
                  size_t len)
{
    struct library *l = &sim->libraries[number];

    if (len > sizeof(l->inbox))
        return;
    memcpy(l->inbox, data, len);
    mqttsn_client_on_datagram(&l->client, &gateway_address,
                              mqttsn_span(l->inbox, len), sim->now);
    pump(sim, l);
}

/* ---- the application --------------------------------------------------- */

static void publish(struct sim *sim, struct library *l)
{
    char payload[LIBRARY_WORK - 8];
    size_t len = (size_t)snprintf(payload, sizeof(payload), "l%u.%u", l->number,
                                  l->payload_number++);
    struct mqttsn_topic topic;
    bool retain;
    int qos;

    if (rng_below(&l->random, 6) == 0)
        while (len < sizeof(payload) && rng_below(&l->random, 50) > 0)
            payload[len++] = '=';
    switch (rng_below(&l->random, 4)) {
    case 0:
        topic = mqttsn_topic_predefined(101);
        break;
    case 1:
        topic = mqttsn_topic_short("aa");
        break;
    default:
        topic = mqttsn_topic_named(ANY(&l->random, names));
        break;
    }
    retain = rng_below(&l->random, 16) == 0;
    qos = (int)rng_below(&l->random, 3);
    (void)!mqttsn_client_publish(&l->client, topic, mqttsn_span(payload, len),
                                 qos, retain, sim->now);
}

bool library_errand(struct sim *sim, struct library *l)
{
    char payload[24];
    size_t len = (size_t)snprintf(payload, sizeof(payload), "l%u.%u", l->number,
                                  l->payload_number++);
    bool taken = mqttsn_client_publish(&l->client, mqttsn_topic_short("aa"),
                                       mqttsn_span(payload, len), 1, false,
                                       sim->now) == MQTTSN_OK;

    pump(sim, l);
    return taken;
}

static void request(struct sim *sim, struct library *l)
{
    uint32_t dice = rng_below(&l->random, 10);
    int qos = (int)rng_below(&l->random, 3);

    if (dice < 2)
        (void)!mqttsn_client_subscribe(
            &l->client, mqttsn_topic_named(ANY(&l->random, filters)), qos,
            sim->now);
    else if (dice < 3)
        (void)!mqttsn_client_unsubscribe(
            &l->client, mqttsn_topic_named(ANY(&l->random, filters)), sim->now);
    else
        publish(sim, l);
}

static void plan_act(struct sim *sim, struct library *l, mqttsn_ms wait);

static void act(struct sim *sim, struct event *event)
{
    struct library *l = &sim->libraries[event->actor];
    uint32_t dice = rng_below(&l->random, 100);
    uint64_t mean = sim->healed ? 20000 : (uint64_t)sim->o.pace_ms;

    if (event->number != l->acts || sim->leaving)
        return;
    switch (mqttsn_client_state(&l->client)) {
    case MQTTSN_CLIENT_DISCONNECTED:
        (void)!mqttsn_client_connect(&l->client, sim->now);
        break;
    case MQTTSN_CLIENT_ACTIVE:
        if (sim->healed)
            break;
        if (dice < 15)
            (void)!mqttsn_client_sleep(&l->client, l->sleep_s, sim->now);
        else if (dice < 18)
            mqttsn_client_disconnect(&l->client, sim->now);
        else
            request(sim, l);
        break;
    case MQTTSN_CLIENT_ASLEEP:
        if (sim->healed || dice < 10)
            (void)!mqttsn_client_connect(&l->client, sim->now);
        else if (dice < 60)
            (void)!mqttsn_client_check(&l->client, sim->now);
        else if (dice < 80)
            request(sim, l);
        break;
    case MQTTSN_CLIENT_SEARCHING:
    case MQTTSN_CLIENT_CONNECTING:
    case MQTTSN_CLIENT_AWAKE:
        break;
    }
    if (!sim->healed && rng_chance(&l->random, sim->o.outage_permille))
        sim->net.boxes[l->box].silent_until =
            sim->now + rng_pause(&l->random, (uint64_t)sim->o.pace_ms * 4);
    pump(sim, l);
    plan_act(sim, l, rng_pause(&l->random, mean));
}

static void plan_act(struct sim *sim, struct library *l, mqttsn_ms wait)
{
    struct event *event = queue_add(&sim->queue, sim->now + wait, act, NULL, 0);

    event->actor = l->number;
    event->number = ++l->acts;
}

void libraries_stir(struct sim *sim)
{
    for (size_t i = 0; i < sim->library_count; i++)
        plan_act(sim, &sim->libraries[i], 10 + i);
}

void library_leave(struct sim *sim, struct library *l)
{
    if (l->left)
        return;
    /* A boot with a clean session: nothing of the old one shall stay. */
    memset(l->topics, 0, sizeof(l->topics));
    memset(l->gateways, 0, sizeof(l->gateways));
    l->config.clean_session = true;
    l->config.will = NULL;
    if (mqttsn_client_init(&l->client, &l->config,
                           (uint32_t)rng_next(&l->random)) != MQTTSN_OK ||
        mqttsn_client_add_gateway(&l->client, 7, &gateway_address) !=
            MQTTSN_OK ||
        mqttsn_client_connect(&l->client, sim->now) != MQTTSN_OK)
        sim_fail(sim, "library", "%s cannot begin", l->id);
    pump(sim, l);
}

void libraries_init(struct sim *sim)
{
    sim->library_count = 0;
    for (unsigned n = 0; n < (unsigned)sim->o.library && n < SIM_LIBRARIES;
         n++) {
        struct library *l = &sim->libraries[n];

        bool clean, talks, has_will;

        memset(l, 0, sizeof(*l));
        l->number = n;
        rng_init(&l->random, sim->seed, "library", n);
        clean = rng_below(&l->random, 3) == 0;
        talks = rng_below(&l->random, 2) == 0 && !sim->o.strict_sleep;
        has_will = rng_below(&l->random, 3) == 0;
        snprintf(l->id, sizeof(l->id), "lib%u", n);
        l->sleep_s = (uint16_t)(20 + sim->o.pace_ms * 3 / 1000 % 60000);
        snprintf(l->will_topic, sizeof(l->will_topic), "will/lib%u", n);
        snprintf(l->will_message, sizeof(l->will_message), "wl%u", n);
        l->will = (struct mqttsn_client_will){
            .topic = mqttsn_span_text(l->will_topic),
            .message = mqttsn_span_text(l->will_message),
            .qos = 1};
        l->config = (struct mqttsn_client_config){
            .client_id = mqttsn_span_text(l->id),
            .keep_alive_s = (uint16_t)(20 + sim->o.pace_ms * 3 / 1000 % 60000),
            .clean_session = clean,
            .talk_asleep = talks,
            .work = l->work,
            .work_cap = sizeof(l->work),
            .topics = l->topics,
            .topic_cap = LIBRARY_TOPICS,
            .gateways = l->gateways,
            .gateway_cap = 1,
            .datagram_max = 1000,
            .retry_ms = 6000,
            .will = has_will && sim->o.reload_s == 0 &&
                            rules_allow(&sim->o, RULES_PUBLISH, l->id,
                                        l->will_topic)
                        ? &l->will
                        : NULL,
        };
        if (mqttsn_client_init(&l->client, &l->config,
                               (uint32_t)rng_next(&l->random)) != MQTTSN_OK ||
            mqttsn_client_add_gateway(&l->client, 7, &gateway_address) !=
                MQTTSN_OK)
            sim_fail(sim, "setup", "the library refuses its configuration");
        l->box = net_attach(sim, net_peer(80 + n, 30000 + n), hears, n);
        sim->library_count++;
        plan_act(sim, l, 1 + n);
    }
}
