/* SPDX-License-Identifier: MIT */
/*
 * Any calls in any order, any datagrams from the gateway, from another and
 * malformed: the client must keep its deadline in the future once it was
 * served, end each request once, and touch nothing that is not its own (which
 * the sanitizers watch).
 */
#include "rig.h"

enum { LIVES = 300, STEPS = 400 };

static struct rig rig;
static uint32_t state;

static uint32_t any(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (state >> 8) % below;
}

/* A message of any type; MsgIds and topic ids that are likely to matter. */
static struct octets any_message(void)
{
    static const char *const names[] = {"a", "b/c", "d/e/f", "g", "h", "i"};
    struct sn_frame f = {.type = (uint8_t)any(0x1f)};

    if (sn_layout(f.type) == NULL)
        f.type = SN_PUBLISH;
    f.flags = (uint8_t)any(256);
    f.code = any(4) ? 0 : (uint8_t)any(5);
    f.topic = (uint16_t)any(6);
    f.msg = any(3) ? rig.client.request.msg_id : rig.client.register_id;
    if (any(4) == 0)
        f.msg = (uint16_t)any(6);
    f.gw_id = (uint8_t)any(4);
    f.duration = (uint16_t)any(2000);
    f.bare = any(2);
    f.tail_len = strlen(names[any(6)]);
    memcpy(f.tail, names[any(6)], 1);
    return sn_pack(&f);
}

/* What the client is waiting for, so that it gets about. */
static struct octets the_answer(void)
{
    uint16_t msg = rig.client.request.msg_id;
    struct sn_frame suback = {.type = SN_SUBACK, .msg = msg};

    suback.topic = (uint16_t)(1 + any(5));
    switch (rig.client.step) {
    case SN_CONNECT:
        return sn_code(SN_CONNACK, any(10) ? 0 : 1);
    case SN_REGISTER:
        return sn_ack(SN_REGACK, (uint16_t)(1 + any(5)), rig.client.register_id,
                      0);
    case SN_PUBLISH:
        return rig.client.request.qos == 2 ? sn_msg(SN_PUBREC, msg)
                                           : sn_ack(SN_PUBACK, 1, msg, 0);
    case SN_PUBREL:
        return sn_msg(SN_PUBCOMP, msg);
    case SN_SUBSCRIBE:
        return sn_pack(&suback);
    case SN_UNSUBSCRIBE:
        return sn_msg(SN_UNSUBACK, msg);
    case SN_PINGREQ:
        return sn_bare(SN_PINGRESP);
    case SN_DISCONNECT:
        return sn_disconnect(-1);
    case SN_WILLTOPICUPD:
        return sn_code(SN_WILLTOPICRESP, 0);
    case SN_WILLMSGUPD:
        return sn_code(SN_WILLMSGRESP, 0);
    default:
        return any_message();
    }
}

static struct mqttsn_topic any_topic(void)
{
    static const char *const names[] = {"a", "b/c", "x/+", "", "#", "own/1"};

    switch (any(3)) {
    case 0:
        return mqttsn_topic_predefined((uint16_t)any(4));
    case 1:
        return mqttsn_topic_short("ab");
    default:
        return mqttsn_topic_named(names[any(6)]);
    }
}

/* Whether a request was begun. */
static bool any_call(void)
{
    static const struct mqttsn_client_will will = {
        .topic = {(const uint8_t *)"w", 1}};
    struct mqttsn_client *c = &rig.client;

    switch (any(10)) {
    case 0:
        if (any(8) == 0)
            mqttsn_client_disconnect(c, rig.now);
        return false;
    case 1:
        (void)!mqttsn_client_sleep(c, (uint16_t)any(500), rig.now);
        return false;
    case 2:
        (void)!mqttsn_client_check(c, rig.now);
        return false;
    case 3:
        mqttsn_client_search(c, rig.now);
        return false;
    case 4:
        return mqttsn_client_register(c, any_topic(), rig.now) == MQTTSN_OK;
    case 5:
        return mqttsn_client_subscribe(c, any_topic(), (int)any(3), rig.now) ==
               MQTTSN_OK;
    case 6:
        return mqttsn_client_unsubscribe(c, any_topic(), rig.now) == MQTTSN_OK;
    case 7:
        return mqttsn_client_will_update(c, any(3) ? &will : NULL, any(4),
                                         rig.now) == MQTTSN_OK;
    case 8:
        (void)!mqttsn_client_connect(c, rig.now);
        return false;
    default:
        return mqttsn_client_publish(c, any_topic(), mqttsn_span("data", 4),
                                     (int)any(4) - 1, false,
                                     rig.now) == MQTTSN_OK;
    }
}

static unsigned take_all(void)
{
    unsigned done = 0;

    rig_poll(&rig);
    for (size_t i = 0; i < rig.event_count; i++)
        done += rig.events[i].event.kind == MQTTSN_EVENT_DONE;
    rig.event_count = 0;
    rig.out_count = 0;
    return done;
}

static void one_life(uint32_t seed)
{
    unsigned begun = 0, ended = 0;

    state = seed * 2654435761u + 1;
    rig_init(&rig);
    rig.config.talk_asleep = any(2);
    rig_start(&rig);
    for (int step = 0; step < STEPS; step++) {
        struct octets octets = any_message();
        uint32_t what = any(8);

        if (what == 0) {
            begun += any_call();
        } else if (what < 5) {
            rig_give(&rig, the_answer());
        } else if (what == 5) {
            octets.data[any((uint32_t)octets.len)] ^= (uint8_t)(1 + any(255));
            rig_give_from(&rig, 1 + any(3), octets);
        } else if (what == 6) {
            rig_pass(&rig, any(40000));
        } else {
            rig_give_from(&rig, any(4) ? 1 : 2, octets);
        }
        ended += take_all();
        assert_int_equal(begun, ended + mqttsn_client_busy(&rig.client));
    }
    mqttsn_client_disconnect(&rig.client, rig.now);
    rig_pass(&rig, 3600000);
    ended += take_all();
    assert_int_equal(begun, ended);
    assert_int_equal(mqttsn_client_state(&rig.client),
                     MQTTSN_CLIENT_DISCONNECTED);
}

static void whatever_comes_requests_end_once(void **unused)
{
    (void)unused;
    for (uint32_t seed = 1; seed <= LIVES; seed++)
        one_life(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes_requests_end_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
