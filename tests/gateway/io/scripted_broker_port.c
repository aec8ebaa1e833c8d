/* SPDX-License-Identifier: MIT */
#include "scripted_broker_private.h"

#include <assert.h>
#include <stdlib.h>

#define CONTROL_MAX 64

void scripted_add_event(struct scripted_port *port,
                        const struct gw_up_event *event,
                        struct scripted_message *message)
{
    struct scripted_event *node = malloc(sizeof(*node));

    assert(node);
    *node = (struct scripted_event){.event = *event, .message = message};
    *port->last_event = node;
    port->last_event = &node->next;
}

void scripted_tell(struct scripted_port *port, enum gw_up_event_kind kind)
{
    struct gw_up_event event = {.kind = kind};

    scripted_add_event(port, &event, NULL);
}

void scripted_result(struct scripted_port *port, uint64_t token,
                     enum gw_up_outcome outcome, uint8_t granted_qos)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT,
                                .result = {token, outcome, granted_qos}};

    if (token != 0)
        scripted_add_event(port, &event, NULL);
}

/* ---- the port ------------------------------------------------------- */

static void work(struct scripted_port *port);

static void on_timer(uv_timer_t *timer)
{
    if (timer->data)
        work(timer->data);
}

void scripted_port_schedule(struct scripted_port *port, unsigned ms)
{
    if (port->timer)
        uv_timer_start(port->timer, on_timer, ms, 0);
}

static struct scripted_job *pop_job(struct scripted_port *port)
{
    struct scripted_job *job = port->jobs;

    port->jobs = job->next;
    if (!port->jobs)
        port->last_job = &port->jobs;
    if (job->kind == GW_UP_PUBLISH)
        port->data_count--;
    else
        port->control_count--;
    return job;
}

static void free_job(struct scripted_job *job)
{
    free(job->message);
    free(job);
}

static void give_back_all(struct scripted_port *port)
{
    while (port->jobs) {
        struct scripted_job *job = pop_job(port);

        scripted_result(port, job->token, GW_UP_UNSENT, 0);
        free_job(job);
    }
}

void scripted_port_lose(struct scripted_port *port)
{
    port->connected = false;
    scripted_tell(port, GW_UP_LOST);
    give_back_all(port);
    scripted_port_schedule(port, 0);
}

static void connect_port(struct scripted_port *port)
{
    struct scripted_broker *broker = port->broker;
    struct scripted_session *session =
        scripted_session(broker, port->settings.client_id);
    struct gw_up_event event = {.kind = GW_UP_CONNECTED};

    if (!broker->up || broker->deny) {
        scripted_tell(port, broker->up ? GW_UP_DENIED : GW_UP_UNREACHABLE);
        scripted_port_schedule(port, port->settings.retry_ms);
        return;
    }
    event.connected.session_present = session != NULL;
    if (session && port->settings.clean_first && !port->cleaned) {
        scripted_clear_session(session);
        event.connected.session_present = false;
    }
    if (!session) {
        assert(broker->session_count < SESSIONS_MAX);
        session = &broker->sessions[broker->session_count++];
        *session = (struct scripted_session){
            .client_id = strdup(port->settings.client_id)};
        assert(session->client_id);
    }
    port->cleaned = true;
    port->connected = true;
    scripted_add_event(port, &event, NULL);
}

/* While silent, up to a window of publishes count as being with the broker. */
static void count_outstanding(struct scripted_port *port)
{
    size_t n = 0;

    for (struct scripted_job *job = port->jobs; job; job = job->next)
        n += job->kind == GW_UP_PUBLISH && job->message->qos > 0;
    if (n > port->settings.window)
        n = port->settings.window;
    if (n > port->outstanding_max)
        port->outstanding_max = n;
}

static void report_stopped(struct scripted_port *port, bool clean)
{
    port->stopped_called = true;
    uv_timer_stop(port->limit);
    port->stopped(port->stopped_user, clean);
}

static void finish(struct scripted_port *port, bool clean)
{
    port->connected = false;
    give_back_all(port);
    if (port->base.wake)
        port->base.wake(port->base.user);
    report_stopped(port, clean);
}

static void work(struct scripted_port *port)
{
    bool told_room = port->wanted;

    if (!port->connected && !port->stopping)
        connect_port(port);
    count_outstanding(port);
    while (port->connected && !port->broker->silent && port->jobs) {
        struct scripted_job *job = pop_job(port);

        scripted_serve(port, job);
        free_job(job);
    }
    if (!port->connected)
        give_back_all(port);
    told_room = told_room && port->data_count < port->settings.queue_entries;
    if (told_room)
        port->wanted = false;
    if (port->stopping && !port->stopped_called) {
        if (!port->connected || !port->jobs)
            finish(port, port->connected);
    } else if ((port->events || told_room) && port->base.wake) {
        port->base.wake(port->base.user);
    }
    /* A message for another port was born here. */
    for (size_t i = 0; i < port->broker->port_count; i++)
        if (port->broker->ports[i] != port && port->broker->ports[i]->events)
            scripted_port_schedule(port->broker->ports[i], 0);
}

static enum mqttsn_status start(struct gw_upstream *upstream)
{
    struct scripted_port *port = (struct scripted_port *)upstream;

    port->started = true;
    scripted_port_schedule(port, 0);
    return MQTTSN_OK;
}

static unsigned room(struct gw_upstream *upstream)
{
    struct scripted_port *port = (struct scripted_port *)upstream;
    unsigned classes = 0;

    if (port->stopping)
        return 0;
    if (port->control_count < CONTROL_MAX)
        classes |= GW_UP_CONTROL;
    if (port->data_count < port->settings.queue_entries)
        classes |= GW_UP_DATA;
    port->wanted |= classes != (GW_UP_CONTROL | GW_UP_DATA);
    return classes;
}

static enum mqttsn_status submit(struct gw_upstream *upstream,
                                 const struct gw_up_action *action)
{
    struct scripted_port *port = (struct scripted_port *)upstream;
    bool data = action->kind == GW_UP_PUBLISH;
    struct scripted_job *job;

    if (!(room(upstream) & (data ? GW_UP_DATA : GW_UP_CONTROL)))
        return MQTTSN_ENOSPACE;
    job = malloc(sizeof(*job));
    assert(job);
    *job = (struct scripted_job){
        .kind = action->kind,
        .token = action->token,
        .message = scripted_message(action->topic, action->payload, action->qos,
                                    action->retain)};
    *port->last_job = job;
    port->last_job = &job->next;
    if (data)
        port->data_count++;
    else
        port->control_count++;
    if (port->connected)
        scripted_port_schedule(port, 0);
    return MQTTSN_OK;
}

static void free_event(struct scripted_event *event)
{
    if (event)
        free(event->message);
    free(event);
}

static bool take(struct gw_upstream *upstream, struct gw_up_event *ret_event)
{
    struct scripted_port *port = (struct scripted_port *)upstream;

    free_event(port->current);
    port->current = port->events;
    if (!port->current)
        return false;
    port->events = port->current->next;
    if (!port->events)
        port->last_event = &port->events;
    *ret_event = port->current->event;
    return true;
}

static void on_limit(uv_timer_t *timer)
{
    struct scripted_port *port = timer->data;

    if (port && !port->stopped_called)
        finish(port, false);
}

static void stop(struct gw_upstream *upstream, unsigned limit_ms,
                 void (*stopped)(void *user, bool clean), void *user)
{
    struct scripted_port *port = (struct scripted_port *)upstream;

    port->stopping = true;
    port->stopped = stopped;
    port->stopped_user = user;
    uv_timer_start(port->limit, on_limit, limit_ms, 0);
    scripted_port_schedule(port, 0);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void port_free(struct gw_upstream *upstream)
{
    struct scripted_port *port = (struct scripted_port *)upstream;
    struct scripted_broker *broker;

    if (!port)
        return;
    broker = port->broker;
    for (size_t i = 0; i < broker->port_count; i++)
        if (broker->ports[i] == port)
            broker->ports[i--] = broker->ports[--broker->port_count];
    while (port->jobs)
        free_job(pop_job(port));
    while (port->events) {
        struct scripted_event *event = port->events;

        port->events = event->next;
        free_event(event);
    }
    free_event(port->current);
    port->timer->data = port->limit->data = NULL;
    uv_close((uv_handle_t *)port->timer, on_closed);
    uv_close((uv_handle_t *)port->limit, on_closed);
    free(port);
}

static uv_timer_t *make_timer(uv_loop_t *loop, struct scripted_port *port)
{
    uv_timer_t *timer = calloc(1, sizeof(*timer));

    assert(timer);
    uv_timer_init(loop, timer);
    timer->data = port;
    return timer;
}

struct gw_upstream *
scripted_port_new(struct scripted_broker *broker, uv_loop_t *loop,
                  const struct scripted_port_settings *settings)
{
    static const struct gw_upstream_ops ops = {.start = start,
                                               .room = room,
                                               .submit = submit,
                                               .take = take,
                                               .stop = stop,
                                               .free = port_free};
    struct scripted_port *port = calloc(1, sizeof(*port));

    assert(port && broker->port_count < PORTS_MAX);
    port->base.ops = &ops;
    port->broker = broker;
    port->settings = *settings;
    port->last_job = &port->jobs;
    port->last_event = &port->events;
    port->timer = make_timer(loop, port);
    port->limit = make_timer(loop, port);
    broker->ports[broker->port_count++] = port;
    return &port->base;
}

size_t scripted_port_outstanding_max(const struct gw_upstream *upstream)
{
    return ((const struct scripted_port *)upstream)->outstanding_max;
}
