/* SPDX-License-Identifier: MIT */
/*
 * One copy or several? When two of our filters match one topic, some brokers
 * send the message once, others once per filter [MQTT-3.1.1 3.3.5]. With the
 * rule unknown, each connection begins with a probe: two filters that both
 * match one topic of our own, one message on it, and the copies are counted.
 * With MQTT 5 each copy says which filters it is for, and nothing is probed.
 */
#include "engine_private.h"

#define PROBE_SILENCE_MS 5000 /* no copy at all: take it as one */
#define PROBE_SECOND_MS 1000  /* after the first copy */

static const uint8_t payload[] = "probe";

static size_t probe_topic(struct gw_engine *e, char *buf, bool second)
{
    struct mqttsn_span id = gw_names_span(&e->names, e->policy.client_id);
    struct mqttsn_span mark = mqttsn_span_text("mqttsn-gw/");
    size_t n = gw_policy_map(&e->policy, 0, mark, buf).len;

    if (e->policy.topic_prefix == 0)
        memcpy(buf, mark.data, mark.len);
    if (id.len > 512)
        id.len = 512;
    for (size_t i = 0; i < id.len; i++) {
        /* A client id may hold what a topic name may not. */
        bool wild = id.data[i] == '+' || id.data[i] == '#';

        buf[n++] = wild ? '_' : (char)id.data[i];
    }
    memcpy(buf + n, second ? "/probe/#" : "/probe", second ? 8 : 6);
    return n + (second ? 8 : 6);
}

void gw_overlap_on_connected(struct gw_engine *e)
{
    enum gw_overlapping how = e->policy.options.overlapping;

    e->copies_left = 0;
    e->last_message_hash = 0;
    e->probe_step = GW_PROBE_OFF;
    e->by_identifier = e->identifiers && how == GW_OVERLAPPING_PROBE;
    if (e->by_identifier) {
        e->each_copy = false;
    } else if (how == GW_OVERLAPPING_PROBE) {
        e->probe_step = GW_PROBE_SUBSCRIBE_1;
        e->probe_handed = false;
        e->probe_copies = 0;
        e->probe_due = 0;
    } else {
        e->each_copy = how == GW_OVERLAPPING_EACH;
    }
}

void gw_overlap_on_lost(struct gw_engine *e)
{
    e->probe_step = GW_PROBE_OFF;
    e->probe_due = 0;
}

bool gw_overlap_poll(struct gw_engine *e, unsigned classes, uint8_t *buf,
                     struct gw_up_action *ret_action)
{
    bool second = e->probe_step == GW_PROBE_SUBSCRIBE_2 ||
                  e->probe_step == GW_PROBE_UNSUBSCRIBE_2;
    struct gw_up_action action = {0};
    size_t len;

    if (e->shared.state != GW_LINK_UP || e->probe_handed)
        return false;
    switch ((enum gw_probe_step)e->probe_step) {
    case GW_PROBE_OFF:
    case GW_PROBE_COUNT:
        return false;
    case GW_PROBE_SUBSCRIBE_1:
    case GW_PROBE_SUBSCRIBE_2:
        action.kind = GW_UP_SUBSCRIBE;
        break;
    case GW_PROBE_UNSUBSCRIBE_1:
    case GW_PROBE_UNSUBSCRIBE_2:
        action.kind = GW_UP_UNSUBSCRIBE;
        break;
    case GW_PROBE_PUBLISH:
        action.kind = GW_UP_PUBLISH;
        break;
    }
    if (action.kind == GW_UP_PUBLISH && !(classes & GW_UP_DATA))
        return false;
    if (action.kind != GW_UP_PUBLISH && !(classes & GW_UP_CONTROL))
        return false;
    len = probe_topic(e, (char *)buf, second);
    action.topic = mqttsn_span(buf, len);
    if (action.kind == GW_UP_PUBLISH) {
        memcpy(buf + len, payload, sizeof(payload) - 1);
        action.payload = mqttsn_span(buf + len, sizeof(payload) - 1);
        e->probe_step = GW_PROBE_COUNT;
        e->probe_due = e->now + PROBE_SILENCE_MS;
    } else {
        action.token = gw_token(GW_TOKEN_PROBE, e->connections, e->probe_step);
        e->probe_handed = true;
    }
    *ret_action = action;
    return true;
}

static void conclude(struct gw_engine *e, bool each)
{
    if (e->each_copy != each)
        gw_note(e, GW_NOTE_OVERLAP_RULE, 0, e->probe_copies,
                each ? "each" : "one");
    e->each_copy = each;
    e->probe_due = 0;
    e->probe_step = GW_PROBE_UNSUBSCRIBE_1;
    e->probe_handed = false;
}

void gw_overlap_on_result(struct gw_engine *e, uint32_t connection,
                          enum gw_up_outcome outcome)
{
    if (connection != (e->connections & GW_GENERATION_MASK))
        return; /* of a probe that has begun anew since */
    e->probe_handed = false;
    if (outcome == GW_UP_UNSENT) {
        e->probe_step = GW_PROBE_OFF; /* the next connection begins anew */
        return;
    }
    switch ((enum gw_probe_step)e->probe_step) {
    case GW_PROBE_SUBSCRIBE_1:
    case GW_PROBE_SUBSCRIBE_2:
        if (outcome != GW_UP_DONE)
            conclude(e, false);
        else
            e->probe_step++;
        return;
    case GW_PROBE_UNSUBSCRIBE_1:
        e->probe_step = GW_PROBE_UNSUBSCRIBE_2;
        return;
    case GW_PROBE_UNSUBSCRIBE_2:
        e->probe_step = GW_PROBE_OFF;
        return;
    case GW_PROBE_OFF:
    case GW_PROBE_PUBLISH:
    case GW_PROBE_COUNT:
        return;
    }
}

void gw_overlap_on_deadline(struct gw_engine *e)
{
    if (e->probe_step == GW_PROBE_COUNT && e->now >= e->probe_due)
        conclude(e, e->probe_copies >= 2);
}

bool gw_overlap_takes(struct gw_engine *e, const struct gw_up_event *event)
{
    char topic[GW_NAME_MAX];
    struct mqttsn_span name;
    size_t len;

    if (!gw_policy_unmap(&e->policy, event->message.topic, &name) ||
        name.len < 16 || memcmp(name.data, "mqttsn-gw/", 10) != 0)
        return false;
    len = probe_topic(e, topic, false);
    if (!mqttsn_span_equal(event->message.topic, mqttsn_span(topic, len)))
        return false;
    if (e->probe_step == GW_PROBE_COUNT) {
        e->probe_copies++;
        if (e->probe_copies >= 2)
            conclude(e, true);
        else
            e->probe_due = e->now + PROBE_SECOND_MS;
    }
    return true;
}

struct tally {
    const struct gw_filters *filters;
    uint32_t count;
};

/* One that the broker has not granted yet sends no copy: to wait for it would
 * swallow the next message that is equal. */
static void count_filter(void *user, uint32_t node)
{
    struct tally *tally = user;
    const struct gw_filter *f = gw_filter_at(tally->filters, node);

    tally->count += f->subs_head != 0 || f->up_state > GW_F_UP;
}

static uint64_t message_hash(const struct gw_engine *e,
                             const struct gw_up_event *event)
{
    uint64_t key[2];

    key[0] = gw_hash(e, event->message.topic.data, event->message.topic.len);
    key[1] =
        gw_hash(e, event->message.payload.data, event->message.payload.len);
    return gw_hash(e, key, sizeof(key));
}

/* Equal to the last message, but another packet. */
static bool looks_like_last(const struct gw_engine *e,
                            const struct gw_up_event *event, uint64_t hash)
{
    return hash == e->last_message_hash &&
           (event->message.packet_id == 0 ||
            event->message.packet_id != e->last_packet_id);
}

uint32_t gw_filter_identifier(const struct gw_engine *e, uint32_t filter)
{
    struct mqttsn_span name =
        gw_names_span(&e->names, gw_filter_at(&e->filters, filter)->name);
    uint32_t identifier = (uint32_t)gw_lasting_hash(name.data, name.len) &
                          UINT32_C(0x0fffffff); /* 1 to 268435455 */

    return identifier != 0 ? identifier : 1;
}

static bool was_seen(const struct gw_engine *e, const struct gw_up_event *event)
{
    for (uint8_t i = 0; i < event->message.identifier_count; i++)
        for (uint8_t j = 0; j < e->seen_count; j++)
            if (event->message.identifiers[i] == e->seen_identifiers[j])
                return true;
    return false;
}

/*
 * The broker sends one copy with all identifiers, or one for each subscription
 * with its own: in either case a message has each of them once [MQTT-5 3.3.4].
 * So one that names a subscription for the second time is another message.
 */
bool gw_overlap_continues(struct gw_engine *e, const struct gw_up_event *event)
{
    uint8_t count = event->message.identifier_count;
    uint64_t hash;
    bool continues;

    if (!e->by_identifier)
        return false;
    if (count == 0 || event->message.retain) {
        e->last_message_hash = 0;
        return false;
    }
    hash = message_hash(e, event);
    continues = looks_like_last(e, event, hash) && !was_seen(e, event) &&
                e->seen_count + count <= GW_UP_IDENTIFIERS_MAX;
    if (!continues)
        e->seen_count = 0;
    for (uint8_t i = 0; i < count; i++)
        e->seen_identifiers[e->seen_count++] = event->message.identifiers[i];
    e->last_message_hash = hash;
    e->last_packet_id = event->message.packet_id;
    e->counters.down_overlap_swallowed += continues;
    return continues;
}

bool gw_overlap_swallows(struct gw_engine *e, const struct gw_up_event *event)
{
    struct tally tally = {.filters = &e->filters};
    uint64_t hash;

    if (!e->each_copy || event->message.retain)
        return false;
    hash = message_hash(e, event);
    if (e->copies_left != 0 && looks_like_last(e, event, hash)) {
        e->copies_left--;
        e->last_packet_id = event->message.packet_id;
        e->counters.down_overlap_swallowed++;
        return true;
    }
    gw_filters_match(&e->filters, event->message.topic, count_filter, &tally);
    e->last_message_hash = hash;
    e->last_packet_id = event->message.packet_id;
    e->copies_left = tally.count > 0 ? tally.count - 1 : 0;
    return false;
}
