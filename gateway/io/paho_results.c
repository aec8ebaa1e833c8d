/* SPDX-License-Identifier: MIT */
/*
 * What Paho 1.3.12 really does with the requests that it accepts, read in its
 * source and seen in the contract test:
 *
 *  - A publish with QoS 1 or 2 whose write fails ends with onFailure, code -1,
 *    and leaves the handle with a dangling pointer (paho_guard.h). Here: the
 *    handle is poisoned.
 *  - A QoS 0 publish that was written in part when the connection broke, and a
 *    SUBSCRIBE or UNSUBSCRIBE without its answer, are forgotten until the
 *    handle or the session ends.
 *  - With the session kept, unacknowledged publishes are sent again in order,
 *    and end as if nothing had happened.
 *  - With the session lost, what was sent ends with onFailure, code -11, in
 *    order, before the connection's own onSuccess. What was still queued
 *    stays, and is sent: younger than what was lost.
 *
 * The last point is why the handle is dropped when the connection is lost,
 * unless a QoS 2 exchange may be open in it (upstream_thread.c).
 */
#include "io/log.h"
#include "io/paho_guard.h"
#include "io/reason_codes.h"
#include "io/upstream_port.h"

#define EMPTY "" /* Paho wants a pointer even for no payload */

void gw_paho_give_result(struct gw_paho_port *port, uint64_t token,
                         enum gw_up_outcome outcome, uint8_t granted_qos)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT,
                                .result = {.token = token,
                                           .outcome = outcome,
                                           .granted_qos = granted_qos}};

    if (token != 0)
        gw_inbox_push(&port->inbox, &event);
}

/*
 * Paho has ended something of this list. The thread that waits for it is woken
 * when a quarter of the window is free, not for each: to be woken is what
 * costs. Should no more of it end, it looks by itself, since it rings as long
 * as anything is unfinished (upstream_thread.c). Under 'lock'.
 */
static void count_outcome(struct gw_paho_port *port, enum gw_paho_list list)
{
    uint32_t window = list == GW_PAHO_ACKED  ? port->settings.window
                      : list == GW_PAHO_QOS0 ? port->settings.qos0_window
                                             : GW_PAHO_CONTROL_WINDOW;
    bool enough = list >= GW_PAHO_OPEN_LISTS || port->stop_wanted ||
                  port->table.lists[list].count <= window - (window + 3) / 4;

    port->outcomes++;
    if (port->hungry && enough) {
        port->hungry = false;
        gw_paho_wake(port);
    }
}

/* QoS 0 publishes leave Paho in order: one that it passed over was cut off in
 * the middle when a connection broke. It is out of our hands, as after a send
 * that succeeded. Under 'lock'. */
static void settle_passed_over(struct gw_paho_port *port,
                               const struct gw_paho_entry *entry)
{
    struct gw_paho_entry *older =
        gw_paho_table_first(&port->table, GW_PAHO_QOS0);

    while (older && older->order < entry->order) {
        struct gw_paho_entry *next = gw_paho_table_next(&port->table, older);

        if (older->state == GW_PAHO_HELD) {
            gw_paho_give_result(port, older->token, GW_UP_DONE, 0);
            gw_paho_table_make_stale(&port->table, older);
        }
        older = next;
    }
}

/* Under 'lock'. */
static void settle_entry(struct gw_paho_port *port, struct gw_paho_entry *entry,
                         enum gw_up_outcome outcome, uint8_t granted_qos)
{
    enum gw_paho_list list;

    if (entry->list == GW_PAHO_QOS0)
        settle_passed_over(port, entry);
    if (entry->list == GW_PAHO_ACKED)
        port->acked++;
    if (entry->list != GW_PAHO_STALE)
        gw_paho_give_result(port, entry->token, outcome, granted_qos);
    list = entry->list;
    gw_paho_table_remove(&port->table, entry);
    count_outcome(port, list);
}

static void settle(struct gw_paho_entry *entry, enum gw_up_outcome outcome,
                   uint8_t granted_qos)
{
    struct gw_paho_port *port = entry->owner;

    pthread_mutex_lock(&port->lock);
    settle_entry(port, entry, outcome, granted_qos);
    pthread_mutex_unlock(&port->lock);
}

static void on_done(void *context, MQTTAsync_successData *data)
{
    (void)data;
    settle(context, GW_UP_DONE, 0);
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    settle(context, GW_UP_DONE, (uint8_t)(data ? data->alt.qos : 0));
}

static void on_done5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    settle(context, GW_UP_DONE, 0);
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
    settle(context, GW_UP_DONE, (uint8_t)(data ? data->reasonCode : 0));
}

static void failed(struct gw_paho_entry *entry, int code)
{
    struct gw_paho_port *port = entry->owner;

    pthread_mutex_lock(&port->lock);
    if (entry->list == GW_PAHO_ACKED && code == MQTTASYNC_FAILURE)
        port->poisoned = true;
    if (entry->list == GW_PAHO_STALE)
        gw_paho_table_remove(&port->table, entry);
    else
        entry->state = GW_PAHO_FAILED;
    count_outcome(port, GW_PAHO_STALE);
    pthread_mutex_unlock(&port->lock);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    failed(context, data ? data->code : MQTTASYNC_FAILURE);
}

static void log_refused(struct gw_log_limit *limit, int code,
                        const char *reason)
{
    uint32_t held_back;

    if (gw_log_limited(limit, 6, gw_paho_now(), &held_back))
        gw_warn("upstream", "refused", "code=%d suppressed=%u reason=\"%s\"",
                code, held_back, reason);
}

/* The broker's reason comes through here; so does a connection that breaks. */
static void on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    static struct gw_log_limit limit; /* under Paho's lock */
    int reason = data ? (int)data->reasonCode : 0;

    if (reason < GW_REASON_REFUSED) {
        failed(context, data ? data->code : MQTTASYNC_FAILURE);
        return;
    }
    log_refused(&limit, reason, gw_reason_of(reason)->name);
    settle(context, gw_reason_of(reason)->outcome, 0);
}

/* The code of a SUBACK comes through here; so does a connection that breaks. */
static void on_subscribe_failed(void *context, MQTTAsync_failureData *data)
{
    if (data && data->code == 0x80)
        settle(context, GW_UP_REJECTED, 0);
    else
        on_failed(context, data);
}

/* With a journal the message is kept first; what cannot be taken or kept stays
 * with the broker, for the connection breaks before it is acknowledged. */
static bool take_message(struct gw_paho_port *port, struct gw_up_event *event)
{
    static struct gw_log_limit limit; /* under Paho's lock */
    uint32_t held_back;

    if (!port->keep)
        return gw_inbox_push(&port->inbox, event);
    if (!gw_inbox_wait(&port->inbox, event)) {
        gw_paho_keep_refuse(port->keep, event);
        return false;
    }
    if (gw_paho_keep_arrival(port->keep, event))
        return gw_inbox_push(&port->inbox, event);
    if (gw_log_limited(&limit, 6, gw_paho_now(), &held_back))
        gw_err("upstream", "arrival_not_kept", "suppressed=%u reason=\"%s\"",
               held_back, "the journal cannot be written; the broker keeps it");
    return true;
}

int gw_paho_on_message(void *context, char *topic, int topic_len,
                       MQTTAsync_message *message)
{
    struct gw_paho_port *port = context;
    struct gw_up_event event = {
        .kind = GW_UP_MESSAGE,
        .message = {
            .topic = mqttsn_span(topic, topic_len > 0 ? (size_t)topic_len
                                                      : strlen(topic)),
            .payload =
                mqttsn_span(message->payload, (size_t)message->payloadlen),
            .qos = (uint8_t)message->qos,
            .retain = message->retained != 0,
            .packet_id = (uint16_t)(message->qos > 0 ? message->msgid : 0)}};

    if (message->struct_version >= 1)
        gw_paho_read_message(&message->properties, &event);
    if (!take_message(port, &event)) {
        static struct gw_log_limit limit; /* under Paho's lock */
        uint32_t held_back;

        if (gw_log_limited(&limit, 6, gw_paho_now(), &held_back))
            gw_warn("upstream", "inbox_drop", "suppressed=%u reason=\"%s\"",
                    held_back, "the loop took nothing for too long");
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

void gw_paho_on_delivered(void *context, MQTTAsync_token packet_id)
{
    struct gw_paho_port *port = context;
    struct gw_paho_entry *entry = NULL;

    pthread_mutex_lock(&port->lock);
    if (port->resumed > 0)
        entry = gw_paho_table_first(&port->table, GW_PAHO_ACKED);
    while (entry && !(entry->resumed && entry->packet_id == packet_id))
        entry = gw_paho_table_next(&port->table, entry);
    if (entry) {
        port->resumed--;
        settle_entry(port, entry, GW_UP_DONE, 0);
    } else if (port->held_back) {
        count_outcome(port, GW_PAHO_STALE); /* the engine had no use for it */
    }
    pthread_mutex_unlock(&port->lock);
}

/* The packet id is told before the PUBLISH can be written. */
static int send_kept(struct gw_paho_port *port,
                     const struct gw_outbox_entry *action, int qos,
                     MQTTAsync_responseOptions *options)
{
    const void *payload =
        action->payload_len > 0 ? action->payload : (const void *)EMPTY;
    bool kept = port->keep && qos == 2 && action->exchange != 0;
    int rc;

    if (kept)
        gw_paho_keep_sending(port->keep, action->exchange);
    rc = MQTTAsync_send(port->handle, action->topic, (int)action->payload_len,
                        payload, qos, action->retain, options);
    if (kept)
        gw_paho_keep_sent(port->keep, action->exchange,
                          rc == MQTTASYNC_SUCCESS ? (uint16_t)options->token
                                                  : 0);
    return rc;
}

static void set_callbacks(const struct gw_paho_port *port,
                          const struct gw_outbox_entry *action,
                          MQTTAsync_responseOptions *options)
{
    bool subscribe = action->kind == GW_UP_SUBSCRIBE;

    if (port->handle_version == MQTTVERSION_5) {
        options->onSuccess5 = subscribe ? on_subscribed5 : on_done5;
        options->onFailure5 = on_failed5;
    } else {
        options->onSuccess = subscribe ? on_subscribed : on_done;
        options->onFailure = subscribe ? on_subscribe_failed : on_failed;
    }
}

static int call_paho(struct gw_paho_port *port,
                     const struct gw_outbox_entry *action, int qos,
                     MQTTAsync_responseOptions *options)
{
    int rc = MQTTASYNC_FAILURE;

    switch (action->kind) {
    case GW_UP_PUBLISH:
        rc = send_kept(port, action, qos, options);
        break;
    case GW_UP_SUBSCRIBE:
        rc = MQTTAsync_subscribe(port->handle, action->topic, action->qos,
                                 options);
        break;
    case GW_UP_UNSUBSCRIBE:
        rc = MQTTAsync_unsubscribe(port->handle, action->topic, options);
        break;
    case GW_UP_OPEN:
    case GW_UP_CLOSE:
        break; /* not for a connection that there is */
    }
    return rc;
}

/* '*ret_refusal': why it must not be sent; then nothing is. */
static int hand_over(struct gw_paho_port *port,
                     const struct gw_outbox_entry *action,
                     struct gw_paho_entry *entry, const char **ret_refusal)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    int rc = MQTTASYNC_FAILURE, qos = action->qos;

    options.context = entry;
    set_callbacks(port, action, &options);
    if (port->handle_version != MQTTVERSION_5)
        return call_paho(port, action, qos, &options);
    if (gw_paho_action_properties(action, port->settings.gateway,
                                  &options.properties)) {
        struct gw_paho_limits limits;

        pthread_mutex_lock(&port->lock);
        limits = port->limits;
        pthread_mutex_unlock(&port->lock);
        *ret_refusal =
            gw_paho_respect(&limits, action, &options.properties, &qos);
        options.subscribeOptions.retainHandling = action->no_retained ? 2 : 0;
        options.subscribeOptions.noLocal = action->no_local;
        if (!*ret_refusal)
            rc = call_paho(port, action, qos, &options);
    }
    MQTTProperties_free(&options.properties);
    return rc;
}

static struct gw_paho_entry *add_entry(struct gw_paho_port *port,
                                       const struct gw_outbox_entry *action)
{
    enum gw_paho_list list = GW_PAHO_CONTROL;
    struct gw_paho_entry *entry;

    if (action->kind == GW_UP_PUBLISH)
        list = action->qos > 0 ? GW_PAHO_ACKED : GW_PAHO_QOS0;
    pthread_mutex_lock(&port->lock);
    entry = gw_paho_table_add(&port->table, list, action->qos, action->token);
    if (entry)
        entry->exchange = action->qos == 2 ? action->exchange : 0;
    if (port->table.lists[GW_PAHO_ACKED].count > port->outstanding_max)
        port->outstanding_max = port->table.lists[GW_PAHO_ACKED].count;
    if (action->kind == GW_UP_SUBSCRIBE && action->qos == 2)
        port->downlink_qos2 = true;
    pthread_mutex_unlock(&port->lock);
    return entry;
}

bool gw_paho_submit(struct gw_paho_port *port,
                    const struct gw_outbox_entry *action)
{
    struct gw_paho_entry *entry = add_entry(port, action);
    static struct gw_log_limit limit; /* of the upstream thread */
    const char *refusal = NULL;
    int rc;

    if (!entry)
        return false;
    rc = hand_over(port, action, entry, &refusal);
    if (rc == MQTTASYNC_SUCCESS)
        return true;

    /* Paho has not taken it and will not call for it. */
    pthread_mutex_lock(&port->lock);
    gw_paho_table_remove(&port->table, entry);
    pthread_mutex_unlock(&port->lock);
    if (rc == MQTTASYNC_DISCONNECTED)
        return false;
    if (action->kind == GW_UP_PUBLISH)
        gw_paho_guard_forget(1);
    if (refusal)
        log_refused(&limit, 0, refusal);
    else
        gw_warn("upstream", "submit_refused", "code=%d reason=\"%s\"", rc,
                "Paho would not take it");
    gw_paho_give_result(
        port, action->token,
        rc == MQTTASYNC_NO_MORE_MSGIDS ? GW_UP_QUOTA : GW_UP_REJECTED, 0);
    return true;
}

static bool ends_unsent(const struct gw_paho_entry *entry,
                        enum gw_paho_unsent which)
{
    switch (which) {
    case GW_PAHO_UNSENT_ALL:
        return true;
    case GW_PAHO_UNSENT_OTHER:
        return !entry->resumed;
    case GW_PAHO_UNSENT_LOST:
        return entry->state == GW_PAHO_FAILED || entry->list == GW_PAHO_CONTROL;
    case GW_PAHO_UNSENT_FAILED: /* of what was resumed Paho does not tell */
        return entry->state == GW_PAHO_FAILED || entry->resumed;
    }
    return true;
}

/* The next in its list, from 'entry' on, that ends unsent. */
static struct gw_paho_entry *skip(struct gw_paho_port *port,
                                  struct gw_paho_entry *entry,
                                  enum gw_paho_unsent which)
{
    while (entry && !ends_unsent(entry, which))
        entry = gw_paho_table_next(&port->table, entry);
    return entry;
}

void gw_paho_unsent(struct gw_paho_port *port, enum gw_paho_unsent which)
{
    struct gw_paho_entry *at[GW_PAHO_OPEN_LISTS];
    struct gw_paho_entry *stale;

    pthread_mutex_lock(&port->lock);
    for (int i = 0; i < GW_PAHO_OPEN_LISTS; i++)
        at[i] = skip(port, gw_paho_table_first(&port->table, i), which);
    for (;;) {
        struct gw_paho_entry *entry = NULL;

        for (int i = 0; i < GW_PAHO_OPEN_LISTS; i++)
            if (at[i] && (!entry || at[i]->order < entry->order))
                entry = at[i];
        if (!entry)
            break;
        at[entry->list] =
            skip(port, gw_paho_table_next(&port->table, entry), which);
        gw_paho_give_result(port, entry->token, GW_UP_UNSENT, 0);
        port->resumed -= entry->resumed;
        if (which == GW_PAHO_UNSENT_LOST && entry->state == GW_PAHO_HELD)
            gw_paho_table_make_stale(&port->table, entry);
        else
            gw_paho_table_remove(&port->table, entry);
    }
    while ((which == GW_PAHO_UNSENT_ALL || which == GW_PAHO_UNSENT_OTHER) &&
           (stale = gw_paho_table_first(&port->table, GW_PAHO_STALE)))
        gw_paho_table_remove(&port->table, stale);
    pthread_mutex_unlock(&port->lock);
}

bool gw_paho_unsent_outbox(struct gw_paho_port *port)
{
    struct gw_outbox_entry *entry;
    bool any = false;

    for (;;) {
        struct gw_outbox_appetite all = {1, 1, 1};

        if (gw_outbox_take(&port->outbox, &all, &entry, 1) == 0)
            return any;
        gw_paho_give_result(port, entry->token, GW_UP_UNSENT, 0);
        gw_outbox_done(&port->outbox, entry);
        any = true;
    }
}
