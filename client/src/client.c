/* SPDX-License-Identifier: MIT */
#include "client_private.h"

/* ---- making ------------------------------------------------------------ */

enum mqttsn_status mqttsn_client_init(struct mqttsn_client *c,
                                      const struct mqttsn_client_config *config,
                                      uint32_t seed)
{
    if (config->client_id.len == 0 ||
        config->client_id.len > MQTTSN_CLIENT_ID_MAX ||
        config->gateway_cap == 0)
        return MQTTSN_EINVAL;
#if MQTTSN_CLIENT_NAMES
    if (config->topic_cap == NO_SLOT)
        return MQTTSN_EINVAL;
#endif
#if MQTTSN_CLIENT_FORWARDER_FRAMES
    if (config->node_id.len > 252)
        return MQTTSN_EINVAL;
#endif

    memset(c, 0, sizeof(*c));
    c->config = config;
    /* By the golden section neighbouring seeds, as those of a boot counter,
     * begin far apart. Never 0, where xorshift stays for ever. */
    c->random = seed * UINT32_C(0x9e3779b9) | 1;
    c->msg_id = (uint16_t)(c->random >> 16);
    c->state = MQTTSN_CLIENT_DISCONNECTED;
    c->want = MQTTSN_CLIENT_DISCONNECTED;
#if MQTTSN_CLIENT_WILL
    c->will = config->will;
#endif
#if MQTTSN_CLIENT_NAMES
    if (config->topic_cap != 0)
        memset(config->topics, 0, config->topic_cap * sizeof(*config->topics));
#endif
    memset(config->gateways, 0,
           config->gateway_cap * sizeof(*config->gateways));
    return MQTTSN_OK;
}

enum mqttsn_status
mqttsn_client_add_gateway(struct mqttsn_client *c, uint8_t gw_id,
                          const struct mqttsn_address *address)
{
    struct mqttsn_client_gateway *gateway;

    if (address->len == 0 || address->len > MQTTSN_CLIENT_ADDRESS_MAX)
        return MQTTSN_EINVAL;
    gateway = mqttsn__gateway_add(c, gw_id, address);
    if (gateway == NULL)
        return MQTTSN_ENOSPACE;
#if MQTTSN_CLIENT_DISCOVERY
    gateway->fixed = true;
    gateway->gone_at = MQTTSN_NEVER;
#endif
    return MQTTSN_OK;
}

/* ---- requests ---------------------------------------------------------- */

/* Whether it is no plain name: it has a wildcard, or a NUL. */
static bool is_special(struct mqttsn_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '+' || text.data[i] == '#' || text.data[i] == 0)
            return true;
    return false;
}

/* Whether 'len' octets after 'fixed' ones fit a datagram [SN 5.2.1]. */
static bool fits(const struct mqttsn_client *c, unsigned fixed, size_t len)
{
    size_t max = c->config->datagram_max ? c->config->datagram_max : 65535;

#if MQTTSN_CLIENT_FORWARDER_FRAMES
    if (c->config->node_id.len != 0)
        fixed += 3 + (unsigned)c->config->node_id.len;
#endif
    if (len > 255u - 7u)
        fixed += 2;
    return fixed <= max && len <= max - fixed;
}

/* Notes the topic in a new request; 'fixed' octets go before the name in the
 * longest message that carries it. A filter is left to the caller. */
static enum mqttsn_status take_topic(struct mqttsn_client *c,
                                     struct mqttsn_topic topic)
{
    uint8_t name[2] = {(uint8_t)(topic.id >> 8), (uint8_t)topic.id};
    struct mqttsn_span text = topic.name;

    c->request.topic_type = topic.type;
    c->request.topic_id = topic.id;
    c->request.slot = NO_SLOT;
    if (topic.type == MQTTSN_TOPIC_SHORT)
        text = mqttsn_span(name, sizeof(name));
    else if (topic.type > MQTTSN_TOPIC_SHORT)
        return MQTTSN_EINVAL;
    else if (topic.type == MQTTSN_TOPIC_PREDEFINED || text.len == 0)
        return mqttsn__id_valid(topic.id) ? MQTTSN_OK : MQTTSN_EINVAL;

    if (is_special(text))
        return MQTTSN_EINVAL;
    if (topic.type == MQTTSN_TOPIC_SHORT)
        return MQTTSN_OK;
#if MQTTSN_CLIENT_NAMES
    if (!fits(c, 6, text.len))
        return MQTTSN_ENOSPACE;
    c->request.slot = (uint8_t)mqttsn__slot(c, text, OWN);
    return c->request.slot == NO_SLOT ? MQTTSN_ENOSPACE : MQTTSN_OK;
#else
    return MQTTSN_EINVAL;
#endif
}

/* Whether a request may be made. */
static bool may_request(struct mqttsn_client *c, bool connected, mqttsn_ms now)
{
    mqttsn__enter(c, now);
    return !mqttsn_client_busy(c) && !mqttsn_client_paused(c, now) &&
           (!connected || c->want != MQTTSN_CLIENT_DISCONNECTED);
}

static void begin_request(struct mqttsn_client *c,
                          enum mqttsn_client_request kind, unsigned qos)
{
    c->request.kind = (uint8_t)kind;
    c->request.qos = (uint8_t)qos;
    mqttsn__advance(c);
}

#if MQTTSN_CLIENT_NAMES
enum mqttsn_status mqttsn_client_register(struct mqttsn_client *c,
                                          struct mqttsn_topic topic,
                                          mqttsn_ms now)
{
    enum mqttsn_status status;

    if (!may_request(c, true, now))
        return MQTTSN_EPROTO;
    if (topic.type != MQTTSN_TOPIC_NORMAL || topic.name.len == 0)
        return MQTTSN_EINVAL;
    status = take_topic(c, topic);
    if (status != MQTTSN_OK)
        return status;
    c->request.flags = 0;
    begin_request(c, MQTTSN_REQUEST_REGISTER, 0);
    return MQTTSN_OK;
}
#endif

enum mqttsn_status mqttsn_client_publish(struct mqttsn_client *c,
                                         struct mqttsn_topic topic,
                                         struct mqttsn_span data, int qos,
                                         bool retain, mqttsn_ms now)
{
    enum mqttsn_status status;

    if (qos < -1 || qos > 1 + MQTTSN_CLIENT_QOS2)
        return MQTTSN_EINVAL;
    if (qos == -1) {
        if (topic.type == MQTTSN_TOPIC_NORMAL)
            return MQTTSN_EINVAL;
        if (mqttsn__gateway_count(c) == 0)
            return MQTTSN_ENOTFOUND;
    }
    if (!may_request(c, qos != -1, now))
        return MQTTSN_EPROTO;
    if (data.len > c->config->work_cap || !fits(c, 7, data.len))
        return MQTTSN_ENOSPACE;
    status = take_topic(c, topic);
    if (status != MQTTSN_OK)
        return status;
    if (data.len != 0)
        memcpy(c->config->work, data.data, data.len);
    c->request.len = (uint16_t)data.len;
    c->request.flags = 0;
    c->request.retain = retain;
    begin_request(c, MQTTSN_REQUEST_PUBLISH, (unsigned)qos & 3);
    return MQTTSN_OK;
}

#if MQTTSN_CLIENT_SUBSCRIBE
static enum mqttsn_status filter_request(struct mqttsn_client *c,
                                         enum mqttsn_client_request kind,
                                         struct mqttsn_topic topic,
                                         unsigned qos, mqttsn_ms now)
{
    bool named = topic.type == MQTTSN_TOPIC_NORMAL;
    enum mqttsn_status status;

    if (!may_request(c, true, now))
        return MQTTSN_EPROTO;
    if (named && topic.name.len == 0)
        return MQTTSN_EINVAL;
    if (named && (kind == MQTTSN_REQUEST_UNSUBSCRIBE ||
                  (MQTTSN_CLIENT_WILDCARD && is_special(topic.name)))) {
        if (topic.name.len > c->config->work_cap || !fits(c, 5, topic.name.len))
            return MQTTSN_ENOSPACE;
        memcpy(c->config->work, topic.name.data, topic.name.len);
        c->request.len = (uint16_t)topic.name.len;
        c->request.topic_type = MQTTSN_TOPIC_NORMAL;
        c->request.topic_id = 0;
        c->request.slot = NO_SLOT;
    } else {
        status = take_topic(c, topic);
        if (status != MQTTSN_OK)
            return status;
    }
    c->request.flags = 0;
    begin_request(c, kind, qos);
    return MQTTSN_OK;
}

enum mqttsn_status mqttsn_client_subscribe(struct mqttsn_client *c,
                                           struct mqttsn_topic topic, int qos,
                                           mqttsn_ms now)
{
    if (qos < 0 || qos > 1 + MQTTSN_CLIENT_QOS2)
        return MQTTSN_EINVAL;
    return filter_request(c, MQTTSN_REQUEST_SUBSCRIBE, topic, (unsigned)qos,
                          now);
}

enum mqttsn_status mqttsn_client_unsubscribe(struct mqttsn_client *c,
                                             struct mqttsn_topic topic,
                                             mqttsn_ms now)
{
    return filter_request(c, MQTTSN_REQUEST_UNSUBSCRIBE, topic, 0, now);
}
#endif

#if MQTTSN_CLIENT_WILL
enum mqttsn_status
mqttsn_client_will_update(struct mqttsn_client *c,
                          const struct mqttsn_client_will *will, unsigned what,
                          mqttsn_ms now)
{
    if (!may_request(c, true, now))
        return MQTTSN_EPROTO;
    if (will == NULL)
        what = MQTTSN_CLIENT_WILL_TOPIC;
    else if (will->qos > 2)
        return MQTTSN_EINVAL;
    what &= MQTTSN_CLIENT_WILL_TOPIC | MQTTSN_CLIENT_WILL_MESSAGE;
    if (what == 0)
        return MQTTSN_EINVAL;
    if (will != NULL &&
        (!fits(c, 3, will->topic.len) || !fits(c, 2, will->message.len)))
        return MQTTSN_ENOSPACE;
    c->will = will;
    c->request.slot = NO_SLOT;
    c->request.topic_id = 0;
    c->request.flags = (uint8_t)what;
    begin_request(c, MQTTSN_REQUEST_WILL_UPDATE, 0);
    return MQTTSN_OK;
}
#endif

/* ---- events and questions ---------------------------------------------- */

bool mqttsn_client_poll_event(struct mqttsn_client *c,
                              struct mqttsn_client_event *ret_event)
{
    unsigned kind = 0;

    if (c->events == 0)
        return false;
    while (!(c->events >> kind & 1))
        kind++;
    c->events &= (uint16_t)(c->events - 1);

    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->kind = (uint8_t)kind;
    if (kind == MQTTSN_EVENT_DONE) {
        ret_event->request = c->done.request;
        ret_event->result = c->done.result;
        ret_event->code = c->done.code;
        ret_event->qos = c->done.qos;
        ret_event->topic_id = c->done.topic_id;
    } else {
        ret_event->code = c->refused_code;
        ret_event->result = c->checked_result;
    }
    ret_event->resubscribe = c->resubscribe;
#if MQTTSN_CLIENT_SUBSCRIBE
    if (kind == MQTTSN_EVENT_MESSAGE) {
        ret_event->qos = c->message.qos;
        ret_event->retain = c->message.retain;
        ret_event->dup = c->message.dup;
        ret_event->data = c->message.data;
        ret_event->topic.type = c->message.topic_type;
        ret_event->topic.id = c->message.topic_id;
        if (c->message.slot != NO_SLOT) {
            const struct mqttsn_client_topic *topic =
                &c->config->topics[c->message.slot];

            ret_event->topic.name = mqttsn_span(topic->name, topic->name_len);
        }
    }
#endif
#if MQTTSN_CLIENT_DISCOVERY
    if (kind == MQTTSN_EVENT_GATEWAY_FOUND) {
        ret_event->gw_id = c->config->gateways[c->found].gw_id;
        ret_event->gateway = &c->config->gateways[c->found].address;
    }
#endif
    return true;
}

enum mqttsn_client_state mqttsn_client_state(const struct mqttsn_client *c)
{
    return (enum mqttsn_client_state)c->state;
}

bool mqttsn_client_busy(const struct mqttsn_client *c)
{
    return c->request.kind != MQTTSN_REQUEST_NOTHING;
}

bool mqttsn_client_paused(const struct mqttsn_client *c, mqttsn_ms now)
{
    return c->armed >> T_WAIT & 1 && now - c->now <= INT32_MAX &&
           (int32_t)(c->at[T_WAIT] - (uint32_t)now) > 0;
}

const struct mqttsn_address *
mqttsn_client_gateway(const struct mqttsn_client *c)
{
    const struct mqttsn_address *address = &mqttsn__gateway(c)->address;

    return address->len == 0 ? NULL : address;
}
