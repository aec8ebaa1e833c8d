/* SPDX-License-Identifier: MIT */
/*
 * The client against this project's gateway over a link that loses, doubles
 * and reorders: both are pure, so hours of it pass in an instant.
 *
 * A run is one life of a node: connect with a will, subscribe in every way,
 * publish in every way, receive, sleep, check, publish from sleep, change the
 * will, unsubscribe, part. Nothing in it knows of the loss but the library.
 */
#include <stdlib.h>

#include "rig.h"

#include "broker.h"
#include "world.h"

enum { LINK_MAX = 512, DELAY_MS = 300, PAYLOADS = 64, LIVES = 200 };

struct flight {
    mqttsn_ms at;
    bool up;
    struct octets octets;
};

static struct world w;
static struct broker broker;
static struct rig rig;
static struct node node;
static struct flight flights[LINK_MAX];
static size_t flight_count;
static unsigned loss; /* percent, each way */
static unsigned long sent, lost;

/* What arrived where, by the number that each payload is. */
static unsigned at_broker[PAYLOADS], at_node[PAYLOADS];
static struct mqttsn_client_event last_done;
static bool is_done, is_connected, is_asleep, is_checked, is_parted, gave_up;
static bool must_resubscribe;

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

/* The conversation is printed before the test fails. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition))                                                      \
            world_fail(&w, "%s (line %d)", #condition, __LINE__);              \
    } while (0)

static void count(unsigned counts[], const char *payload)
{
    int number = atoi(payload);

    if (number > 0 && number < PAYLOADS)
        counts[number]++;
}

static void on_broker_publish(struct broker *b,
                              const struct broker_action *publish)
{
    (void)b;
    count(at_broker, publish->payload);
}

static void launch(bool up, struct octets octets)
{
    /* A frame that is doubled arrives twice in a row: with MsgIds that may be
     * used again, nobody could tell a late double from a new message. */
    unsigned copies = world_random(&w, 100) < 10 ? 2 : 1;
    mqttsn_ms at = w.now + 1 + world_random(&w, DELAY_MS);

    sent++;
    if (world_random(&w, 100) < loss) {
        lost++;
        return;
    }
    if (loss == 0)
        copies = 1;
    while (copies-- > 0) {
        assert_true(flight_count < LINK_MAX);
        flights[flight_count++] =
            (struct flight){.at = at, .up = up, .octets = octets};
    }
}

static void note_event(const struct rig_event *e)
{
    switch (e->event.kind) {
    case MQTTSN_EVENT_DONE:
        last_done = e->event;
        is_done = true;
        break;
    case MQTTSN_EVENT_CONNECTED:
        is_connected = true;
        must_resubscribe |= e->event.resubscribe;
        break;
    case MQTTSN_EVENT_MESSAGE:
        count(at_node, e->data);
        break;
    case MQTTSN_EVENT_ASLEEP:
        is_asleep = true;
        break;
    case MQTTSN_EVENT_CHECKED:
        is_checked = true;
        break;
    case MQTTSN_EVENT_DISCONNECTED:
        is_parted = true;
        break;
    case MQTTSN_EVENT_LOST:
        gave_up = true;
        break;
    default:
        break;
    }
}

/* Moves what came out of either end. */
static void pump(void)
{
    struct output *out;

    rig_poll(&rig);
    while (rig.out_count > 0)
        launch(true, rig_take_out(&rig).octets);
    for (size_t i = 0; i < rig.event_count; i++)
        note_event(&rig.events[i]);
    rig.event_count = 0;
    while ((out = world_take(&w, OUT_DATAGRAM, &node)) != NULL) {
        struct octets octets = {.len = out->datagram.len};

        memcpy(octets.data, out->data, octets.len);
        launch(false, octets);
    }
    world_forget_outputs(&w);
}

static bool next_flight(mqttsn_ms at, struct flight *ret)
{
    for (size_t i = 0; i < flight_count; i++) {
        if (flights[i].at > at)
            continue;
        *ret = flights[i];
        flight_count--;
        memmove(&flights[i], &flights[i + 1],
                (flight_count - i) * sizeof(flights[0]));
        return true;
    }
    return false;
}

/* One instant further, at most to 'limit'. */
static void tick(mqttsn_ms limit)
{
    mqttsn_ms at = mqttsn_client_next_deadline(&rig.client);
    struct flight f;

    if (gw_engine_next_deadline(w.engine) < at)
        at = gw_engine_next_deadline(w.engine);
    for (size_t i = 0; i < flight_count; i++)
        if (flights[i].at < at)
            at = flights[i].at;
    if (at > limit)
        at = limit;
    if (at < w.now)
        at = w.now;
    world_until(&w, at);
    rig.now = at;
    while (next_flight(at, &f)) {
        struct mqttsn_address from = rig_address(1);

        if (f.up)
            world_send_raw(&w, &node, f.octets.data, f.octets.len);
        else
            mqttsn_client_on_datagram(&rig.client, &from,
                                      mqttsn_span(f.octets.data, f.octets.len),
                                      at);
        pump();
    }
    mqttsn_client_on_deadline(&rig.client, at);
    pump();
}

static void pass(mqttsn_ms ms)
{
    mqttsn_ms until = w.now + ms;

    pump();
    while (w.now < until)
        tick(until);
}

static void await(const bool *what)
{
    mqttsn_ms limit = w.now + 3600000;

    pump();
    while (!*what && !gave_up) {
        MUST(w.now < limit);
        tick(limit);
    }
}

static void stay_connected(void)
{
    while (gave_up || !is_connected) {
        gave_up = false;
        is_connected = false;
        assert_int_equal(mqttsn_client_connect(&rig.client, rig.now),
                         MQTTSN_OK);
        await(&is_connected);
    }
}

/* Publishes 'number' until it is accepted; a number that failed may be at the
 * broker or not, so the next attempt takes another. */
static unsigned publish(struct mqttsn_topic topic, unsigned number, int qos)
{
    for (;;) {
        char text[8];

        snprintf(text, sizeof(text), "%u", number);
        is_done = false;
        assert_int_equal(mqttsn_client_publish(&rig.client, topic,
                                               mqttsn_span_text(text), qos,
                                               false, rig.now),
                         MQTTSN_OK);
        await(&is_done);
        if (is_done && last_done.result == MQTTSN_CLIENT_ACCEPTED)
            break;
        assert_int_equal(last_done.result, MQTTSN_CLIENT_FAILED);
        if (qos == 2)
            MUST(at_broker[number] <= 1);
        number++;
        assert_true(number < PAYLOADS);
        stay_connected();
    }
    if (qos == 1)
        MUST(at_broker[number] >= 1);
    if (qos == 2)
        MUST(at_broker[number] == 1);
    return number + 1;
}

enum how { SUBSCRIBE, UNSUBSCRIBE, WILL };

static void request(enum how how, struct mqttsn_topic topic)
{
    static const struct mqttsn_client_will other = {
        .topic = {(const uint8_t *)"will/other", 10},
        .message = {(const uint8_t *)"50", 2}};

    do {
        enum mqttsn_status status;

        stay_connected();
        is_done = false;
        if (how == SUBSCRIBE)
            status = mqttsn_client_subscribe(&rig.client, topic, 2, rig.now);
        else if (how == UNSUBSCRIBE)
            status = mqttsn_client_unsubscribe(&rig.client, topic, rig.now);
        else
            status = mqttsn_client_will_update(&rig.client, &other, 3, rig.now);
        assert_int_equal(status, MQTTSN_OK);
        await(&is_done);
    } while (!is_done || last_done.result != MQTTSN_CLIENT_ACCEPTED);
}

static void send_down(const char *topic, unsigned number, uint8_t qos)
{
    char text[8];

    snprintf(text, sizeof(text), "%u", number);
    broker_publish(&broker, &w, topic, text, qos, false);
    pump();
}

static void subscribe_to_all(void)
{
    do {
        must_resubscribe = false;
        request(SUBSCRIBE, mqttsn_topic_named("cmd/#"));
        request(SUBSCRIBE, mqttsn_topic_named("plain"));
        request(SUBSCRIBE, mqttsn_topic_predefined(3));
        request(SUBSCRIBE, mqttsn_topic_short("ab"));
    } while (must_resubscribe);
}

static void begin(unsigned percent, uint64_t seed)
{
    static const struct mqttsn_client_will will = {
        .topic = {(const uint8_t *)"will/one", 8},
        .message = {(const uint8_t *)"51", 2},
        .qos = 1};

    loss = percent;
    flight_count = 0;
    memset(at_broker, 0, sizeof(at_broker));
    memset(at_node, 0, sizeof(at_node));
    gave_up = is_connected = is_asleep = is_checked = is_parted = false;
    is_done = false;

    broker_init(&broker);
    broker.on_publish = on_broker_publish;
    world_init(&w);
    w.fail = stop_test;
    w.broker = &broker;
    w.random += seed * 0xbf58476d1ce4e5b9u; /* and never 0 */
    /* Else, at such loss, it gives up on a name now and then, and drops what
     * came under it (G12-15). */
    w.options.retry_count = 12;
    world_predefine(&w, NULL, 3, "pre/three", true);
    world_start(&w);
    node = world_node(1);

    rig_init(&rig);
    rig.config.will = &will;
    /* A clean session ends where the gateway loses the node, and what came in
     * between is nobody's. */
    rig.config.clean_session = false;
    rig.now = w.now;
    rig_start(&rig);
    mqttsn_client_on_deadline(&rig.client, w.now);
}

static void one_life(unsigned percent, uint64_t seed)
{
    unsigned number = 1;

    begin(percent, seed);
    stay_connected();
    subscribe_to_all();

    number = publish(mqttsn_topic_named("up/one"), number, 1);
    number = publish(mqttsn_topic_named("up/two"), number, 2);
    number = publish(mqttsn_topic_predefined(3), number, 1);
    number = publish(mqttsn_topic_short("xy"), number, 2);
    number = publish(mqttsn_topic_named("up/one"), number, 0);
    number = publish(mqttsn_topic_named("up/two"), number, 2);

    send_down("cmd/led", 40, 1);
    send_down("plain", 41, 2);
    send_down("pre/three", 42, 1);
    send_down("ab", 43, 2);
    send_down("cmd/fan", 44, 2);
    /* Keep-alive makes up for whatever the repetitions did not. */
    for (int i = 0; i < 20 && !(at_node[40] && at_node[41] && at_node[42] &&
                                at_node[43] && at_node[44]);
         i++) {
        stay_connected();
        pass(120000);
    }
    stay_connected();
    MUST(at_node[40] >= 1 && at_node[42] >= 1);
    MUST(at_node[41] == 1 && at_node[43] == 1 && at_node[44] == 1);

    /* Sleep, mail, and a reading from sleep. */
    for (int i = 0; i < 3; i++) {
        unsigned mail = 30 + (unsigned)i;

        is_asleep = false;
        while (!is_asleep) {
            stay_connected();
            assert_int_equal(mqttsn_client_sleep(&rig.client, 600, rig.now),
                             MQTTSN_OK);
            if (mqttsn_client_state(&rig.client) == MQTTSN_CLIENT_ASLEEP)
                break;
            await(&is_asleep);
        }
        send_down("cmd/night", mail, 2);
        pass(400000);
        for (int tries = 0; tries < 20 && at_node[mail] == 0; tries++) {
            is_checked = false;
            if (mqttsn_client_check(&rig.client, rig.now) != MQTTSN_OK)
                break; /* it went on the road of a new connection */
            await(&is_checked);
        }
        for (int tries = 0; tries < 20 && at_node[mail] == 0; tries++) {
            stay_connected();
            pass(60000);
        }
        MUST(at_node[mail] == 1);
        stay_connected();
        number = publish(mqttsn_topic_named("up/one"), number, 1);
    }

    request(WILL, mqttsn_topic_short("ab"));
    request(UNSUBSCRIBE, mqttsn_topic_named("cmd/#"));
    stay_connected();
    mqttsn_client_disconnect(&rig.client, rig.now);
    await(&is_parted);
    assert_int_equal(mqttsn_client_state(&rig.client),
                     MQTTSN_CLIENT_DISCONNECTED);
    world_stop(&w);
}

static void a_life_without_loss_needs_no_repetition(void **unused)
{
    (void)unused;
    sent = lost = 0;
    one_life(0, 1);
    assert_int_equal(at_broker[51], 0); /* no will was set off */
    print_message("    %lu datagrams\n", sent);
    assert_int_equal(lost, 0);
    /* A change that costs the battery a datagram shows here. */
    assert_in_range(sent, 1, 117);
}

static void a_life_succeeds_at_any_loss_up_to_30_percent(void **unused)
{
    static const unsigned percents[] = {1, 5, 10, 20, 30};

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(percents); i++) {
        sent = lost = 0;
        for (uint64_t seed = 1; seed <= LIVES; seed++)
            one_life(percents[i], seed);
        print_message("    %u %%: %lu datagrams, %lu lost\n", percents[i], sent,
                      lost);
        assert_true(lost > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_without_loss_needs_no_repetition),
        cmocka_unit_test(a_life_succeeds_at_any_loss_up_to_30_percent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
