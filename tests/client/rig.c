/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdlib.h>

void rig_dump(const uint8_t *data, size_t len)
{
    const char *path = getenv("MQTTSN_FRAME_DUMP");
    FILE *file = path == NULL ? NULL : fopen(path, "a");

    if (file == NULL)
        return;
    for (size_t i = 0; i < len; i++)
        fprintf(file, "%02x", data[i]);
    fputc('\n', file);
    fclose(file);
}

struct mqttsn_address rig_address(unsigned k)
{
    return (struct mqttsn_address){
        .len = 6, .octets = {10, 0, 0, (uint8_t)k, 1883 >> 8, 1883 & 0xff}};
}

void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    rig->now = 5000;
    rig->config.client_id = mqttsn_span_text("n1");
    rig->config.keep_alive_s = 60;
    rig->config.clean_session = true;
    rig->config.work = rig->work;
    rig->config.work_cap = sizeof(rig->work);
#if MQTTSN_CLIENT_NAMES
    rig->config.topics = rig->topics;
    rig->config.topic_cap = RIG_TOPICS;
#endif
    rig->config.gateways = rig->gateways;
    rig->config.gateway_cap = RIG_GATEWAYS;
}

void rig_start(struct rig *rig)
{
    struct mqttsn_address address = rig_address(1);

    assert_int_equal(mqttsn_client_init(&rig->client, &rig->config, 77),
                     MQTTSN_OK);
    assert_int_equal(mqttsn_client_add_gateway(&rig->client, 1, &address),
                     MQTTSN_OK);
}

void rig_connect(struct rig *rig)
{
    assert_int_equal(mqttsn_client_connect(&rig->client, rig->now), MQTTSN_OK);
    rig_poll(rig);
    rig_take(rig, SN_CONNECT);
    rig_give(rig, sn_code(SN_CONNACK, 0));
    rig_event(rig, MQTTSN_EVENT_CONNECTED);
    rig_quiet(rig);
}

void rig_sleep(struct rig *rig, uint16_t duration_s)
{
    assert_int_equal(mqttsn_client_sleep(&rig->client, duration_s, rig->now),
                     MQTTSN_OK);
    rig_poll(rig);
    assert_int_equal(rig_take(rig, SN_DISCONNECT).duration, duration_s);
    rig_give(rig, sn_disconnect(-1));
    rig_event(rig, MQTTSN_EVENT_ASLEEP);
    rig_quiet(rig);
}

void rig_poll(struct rig *rig)
{
    struct mqttsn_client_datagram d;
    struct mqttsn_client_event event;
    uint8_t buf[512];

    while (
        mqttsn_client_poll_send(&rig->client, rig->now, buf, sizeof(buf), &d)) {
        struct rig_out *out = &rig->out[rig->out_count++];

        assert_true(rig->out_count <= RIG_QUEUE);
        memset(out, 0, sizeof(*out));
        if (d.to != NULL)
            out->to = *d.to;
        out->radius = d.radius;
        out->octets.len = d.len;
        memcpy(out->octets.data, buf, d.len);
#if MQTTSN_CLIENT_SEAL
        if (rig->config.seal != NULL)
            continue;
#endif
        rig_dump(buf, d.len);
    }
    while (mqttsn_client_poll_event(&rig->client, &event)) {
        struct rig_event *row = &rig->events[rig->event_count++];

        assert_true(rig->event_count <= RIG_QUEUE);
        memset(row, 0, sizeof(*row));
        row->event = event;
        assert_true(event.data.len < RIG_TEXT && event.topic.name.len < 64);
        if (event.data.len > 0)
            memcpy(row->data, event.data.data, event.data.len);
        if (event.topic.name.len > 0)
            memcpy(row->topic, event.topic.name.data, event.topic.name.len);
    }
}

void rig_give_from(struct rig *rig, unsigned gateway, struct octets octets)
{
    struct mqttsn_address from = rig_address(gateway);
    /* A copy of its own size, so that reading past its end is found out. */
    uint8_t *exact = malloc(octets.len + !octets.len);

    memcpy(exact, octets.data, octets.len);
    mqttsn_client_on_datagram(&rig->client, &from,
                              mqttsn_span(exact, octets.len), rig->now);
    rig_poll(rig);
    free(exact);
}

void rig_give(struct rig *rig, struct octets octets)
{
    rig_give_from(rig, 1, octets);
}

void rig_pass(struct rig *rig, mqttsn_ms ms)
{
    mqttsn_ms until = rig->now + ms;

    for (;;) {
        mqttsn_ms due = mqttsn_client_next_deadline(&rig->client);

        if (due > until)
            break;
        if (due > rig->now)
            rig->now = due;
        mqttsn_client_on_deadline(&rig->client, rig->now);
        rig_poll(rig);
        assert_true(mqttsn_client_next_deadline(&rig->client) > rig->now);
    }
    rig->now = until;
}

struct rig_out rig_take_out(struct rig *rig)
{
    struct rig_out out;

    assert_true(rig->out_count > 0);
    out = rig->out[0];
    rig->out_count--;
    memmove(rig->out, rig->out + 1, rig->out_count * sizeof(out));
    return out;
}

struct sn_frame rig_take(struct rig *rig, uint8_t type)
{
    struct rig_out out = rig_take_out(rig);
    struct sn_frame frame;

    memset(&frame, 0, sizeof(frame));
    assert_null(sn_unpack(out.octets.data, out.octets.len, &frame));
    assert_string_equal(sn_type_name(frame.type), sn_type_name(type));
    return frame;
}

struct rig_event rig_event(struct rig *rig, unsigned kind)
{
    struct rig_event event;

    assert_true(rig->event_count > 0);
    event = rig->events[0];
    rig->event_count--;
    memmove(rig->events, rig->events + 1, rig->event_count * sizeof(event));
    assert_int_equal(event.event.kind, kind);
    return event;
}

void rig_quiet(const struct rig *rig)
{
    assert_int_equal(rig->out_count, 0);
    assert_int_equal(rig->event_count, 0);
}

mqttsn_ms rig_wait(const struct rig *rig)
{
    mqttsn_ms due = mqttsn_client_next_deadline(&rig->client);

    return due == MQTTSN_NEVER ? due : due - rig->now;
}
