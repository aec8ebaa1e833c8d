/* SPDX-License-Identifier: MIT */
/*
 * sensor.c - a sleeping sensor for any board that provides board.h.
 *
 * Each minute it publishes what it measures on NAME/value, collects the
 * commands that waited for it on NAME/cmd, and sleeps.
 */
#include "board.h"

enum { CYCLE_S = 60, TOPIC_MAX = 32, DATAGRAM_MAX = 128 };

/* What is still to be asked of the client, in this order. */
enum { SUBSCRIBE = 1, PUBLISH = 2, SLEEP = 4, CHECK = 8 };

static struct mqttsn_client client;
static unsigned todo;
static char value_name[TOPIC_MAX], command_name[TOPIC_MAX];

static enum mqttsn_status ask_for(unsigned what, mqttsn_ms now)
{
    char text[32];

    switch (what) {
    case SUBSCRIBE:
        return mqttsn_client_subscribe(
            &client, mqttsn_topic_named(command_name), 1, now);
    case PUBLISH:
        return mqttsn_client_publish(
            &client, mqttsn_topic_named(value_name),
            mqttsn_span(text, board_measure(text, sizeof(text))), 1, false,
            now);
    case SLEEP: /* missing one cycle does not make it lost */
        return mqttsn_client_sleep(&client, 2 * CYCLE_S + 30, now);
    default:
        return mqttsn_client_check(&client, now);
    }
}

/* One thing at a time; what is refused is asked again at the next turn. */
static bool ask(void)
{
    for (unsigned what = SUBSCRIBE; what <= CHECK; what *= 2)
        if ((todo & what) && !mqttsn_client_busy(&client) &&
            ask_for(what, board_now()) == MQTTSN_OK) {
            todo &= ~what;
            return true;
        }
    return false;
}

static void on_event(const struct mqttsn_client_event *event)
{
    if (event->kind == MQTTSN_EVENT_CONNECTED && event->resubscribe)
        todo |= SUBSCRIBE;
    else if (event->kind == MQTTSN_EVENT_MESSAGE)
        board_obey(event->data.data, event->data.len);
    else if (event->kind == MQTTSN_EVENT_DONE && event->result != 0)
        board_say("a request failed");
    else if (event->kind == MQTTSN_EVENT_LOST)
        board_say("the gateway does not answer");
    else if (event->kind == MQTTSN_EVENT_REFUSED)
        board_say("the gateway refuses");
}

/* Until the client wants nothing more: it is asleep, or has given up. */
static void serve(void)
{
    /* Two, for a message lies in 'in' until its event is taken, while its
     * acknowledgement goes out. */
    static uint8_t in[DATAGRAM_MAX], out[DATAGRAM_MAX];
    struct mqttsn_client_datagram datagram;
    struct mqttsn_client_event event;

    for (;;) {
        mqttsn_ms now, due;
        uint32_t wait_ms = 0;
        size_t len;

        do {
            while (mqttsn_client_poll_send(&client, board_now(), out,
                                           sizeof(out), &datagram))
                board_send(out, datagram.len);
            while (mqttsn_client_poll_event(&client, &event))
                on_event(&event);
        } while (ask());

        now = board_now();
        due = mqttsn_client_next_deadline(&client);
        if (due == MQTTSN_NEVER)
            return;
        if (due > now)
            wait_ms = due - now < 1000 ? (uint32_t)(due - now) : 1000;
        len = board_receive(in, sizeof(in), wait_ms);
        if (len > 0)
            mqttsn_client_on_datagram(&client, &board_gateway,
                                      mqttsn_span(in, len), board_now());
        mqttsn_client_on_deadline(&client, board_now());
    }
}

static void name(char buf[TOPIC_MAX], const char *last)
{
    size_t len = strlen(board_name);

    if (len > TOPIC_MAX - 8)
        len = TOPIC_MAX - 8;
    memcpy(buf, board_name, len);
    memcpy(buf + len, last, strlen(last) + 1);
}

void sensor_run(void)
{
    static uint8_t work[64];
    static struct mqttsn_client_topic topics[2];
    static struct mqttsn_client_gateway gateways[1];
    static struct mqttsn_client_config config = {.keep_alive_s = 60,
                                                 .clean_session = true,
                                                 .work = work,
                                                 .work_cap = sizeof(work),
                                                 .topics = topics,
                                                 .topic_cap = 2,
                                                 .gateways = gateways,
                                                 .gateway_cap = 1,
                                                 .datagram_max = DATAGRAM_MAX};

    name(value_name, "/value");
    name(command_name, "/cmd");
    config.client_id = mqttsn_span_text(board_name);
    if (mqttsn_client_init(&client, &config, board_random()) != MQTTSN_OK ||
        mqttsn_client_add_gateway(&client, 1, &board_gateway) != MQTTSN_OK) {
        board_say("the client's configuration is wrong");
        return;
    }
    for (;;) {
        if (mqttsn_client_state(&client) == MQTTSN_CLIENT_DISCONNECTED &&
            mqttsn_client_connect(&client, board_now()) != MQTTSN_OK)
            board_say("cannot connect");
        todo |= PUBLISH | SLEEP | CHECK;
        serve();
        board_sleep(CYCLE_S);
    }
}
