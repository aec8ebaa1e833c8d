/* SPDX-License-Identifier: MIT */
/* What the broker keeps of each client id, and what it sends by its link. */
#include "links.h"

#include "sim.h"

#include <string.h>

unsigned account_find(struct sim *sim, const char *id)
{
    struct links *all = &sim->links;
    size_t i = 0;

    while (i < all->account_count && strcmp(all->accounts[i].id, id) != 0)
        i++;
    if (i == ACCOUNTS)
        sim_fail(sim, "setup", "more than %d accounts", ACCOUNTS);
    if (i == all->account_count) {
        memset(&all->accounts[i], 0, sizeof(all->accounts[i]));
        snprintf(all->accounts[i].id, ACCOUNT_ID, "%s", id);
        all->account_count++;
    }
    return (unsigned)i;
}

bool links_abandoned(const struct sim *sim, const char *id)
{
    for (size_t i = 0; i < sim->links.account_count; i++)
        if (strcmp(sim->links.accounts[i].id, id) == 0)
            return sim->links.accounts[i].abandoned;
    return false;
}

bool links_subscribed(const struct sim *sim, const char *id, const char *filter)
{
    for (size_t i = 0; i < sim->links.account_count; i++) {
        const struct account *a = &sim->links.accounts[i];

        for (size_t k = 0; strcmp(a->id, id) == 0 && k < a->filter_count; k++)
            if (strcmp(a->filters[k].filter, filter) == 0)
                return true;
    }
    return false;
}

/* ---- to the node --------------------------------------------------------- */

static void deliver(struct sim *sim, struct event *event)
{
    struct link *link = links_meant(sim, event);
    struct gw_up_event up = {.kind = GW_UP_MESSAGE};
    struct account *a;
    struct outgoing *o = NULL, copy;

    if (link == NULL || !link->online)
        return;
    a = links_account(sim, link);
    for (size_t i = 0; i < a->queue_count && o == NULL; i++)
        if (a->queue[i].serial == event->number)
            o = &a->queue[i];
    if (o == NULL || o->delivered)
        return;
    copy = *o;
    o->delivered = true;
    o->acked_at = copy.qos == 0 ? sim->now : sim->now + links_trip(sim);
    up.connection = links_number(sim, link);
    up.message.topic =
        mqttsn_span_text(sim->broker.messages[copy.message].topic);
    up.message.payload = mqttsn_span(sim->broker.messages[copy.message].payload,
                                     sim->broker.messages[copy.message].len);
    up.message.qos = copy.qos;
    up.message.retain = copy.retain;
    up.message.packet_id = copy.packet_id;
    oracle_message(sim, up.connection, &copy);
    gateway_upstream(sim, &up);
}

static void plan_delivery(struct sim *sim, struct link *link,
                          const struct outgoing *o)
{
    mqttsn_ms due = sim->now + links_trip(sim) / 2;

    if (due < link->last_delivery)
        due = link->last_delivery;
    link->last_delivery = due;
    links_plan(sim, link, due, deliver, o->serial);
}

static void forget_acknowledged(struct sim *sim, struct account *a)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->queue_count; i++)
        if (!a->queue[i].delivered || a->queue[i].acked_at > sim->now)
            a->queue[kept++] = a->queue[i];
    a->queue_count = kept;
}

struct link *account_link(struct sim *sim, const struct account *a)
{
    struct link *link = &sim->links.links[a->link];

    return a->link != 0 && link->online ? link : NULL;
}

static void enqueue(struct sim *sim, struct account *a, uint32_t message,
                    uint8_t qos, bool retain)
{
    struct link *link = account_link(sim, a);
    struct outgoing *o;

    if (qos == 0 && link == NULL)
        return;
    forget_acknowledged(sim, a);
    if (a->queue_count == ACCOUNT_QUEUE) {
        sim->broker.dropped++;
        return;
    }
    if (qos > 0 && ++a->packet_id == 0)
        a->packet_id = 1;
    o = &a->queue[a->queue_count++];
    *o = (struct outgoing){.serial = ++sim->links.serial,
                           .message = message,
                           .qos = qos,
                           .retain = retain,
                           .packet_id = qos > 0 ? a->packet_id : 0};
    if (link != NULL)
        plan_delivery(sim, link, o);
}

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

void links_route(struct sim *sim, uint32_t message)
{
    const char *topic = sim->broker.messages[message].topic;
    uint8_t qos = sim->broker.messages[message].qos;

    for (size_t i = 0; i < sim->links.account_count; i++) {
        struct account *a = &sim->links.accounts[i];
        uint8_t granted = 0;
        bool any = false;

        for (size_t k = 0; k < a->filter_count; k++) {
            if (!filter_matches(a->filters[k].filter, topic))
                continue;
            any = true;
            granted = a->filters[k].qos > granted ? a->filters[k].qos : granted;
        }
        if (any && a->session)
            enqueue(sim, a, message, lower(qos, granted), false);
    }
}

void account_deliver(struct sim *sim, struct link *link)
{
    struct account *a = links_account(sim, link);
    size_t kept = 0;

    forget_acknowledged(sim, a);
    for (size_t i = 0; i < a->queue_count; i++) {
        struct outgoing o = a->queue[i];

        if (o.qos == 0 || (o.delivered && o.qos == 2))
            continue;
        o.again |= o.delivered;
        o.delivered = false;
        a->queue[kept++] = o;
    }
    a->queue_count = kept;
    for (size_t i = 0; i < kept; i++)
        plan_delivery(sim, link, &a->queue[i]);
}

void account_forget(struct account *a)
{
    a->session = false;
    a->filter_count = a->queue_count = 0;
}

void account_subscribe(struct sim *sim, struct account *a, const char *filter,
                       uint8_t qos)
{
    struct broker *b = &sim->broker;
    size_t at = 0;

    while (at < a->filter_count && strcmp(a->filters[at].filter, filter) != 0)
        at++;
    if (at == ACCOUNT_FILTERS)
        sim_fail(sim, "S9", "%s has more than %d filters", a->id,
                 ACCOUNT_FILTERS);
    if (at == a->filter_count) {
        a->filter_count++;
        topic_copy(a->filters[at].filter, filter);
    }
    a->filters[at].qos = qos;
    for (size_t i = 0; i < b->retained_count; i++) {
        const struct message *m = &b->messages[b->retained[i]];

        if (filter_matches(filter, m->topic))
            enqueue(sim, a, b->retained[i], lower(m->qos, qos), true);
    }
}

void account_unsubscribe(struct account *a, const char *filter)
{
    for (size_t i = 0; i < a->filter_count; i++)
        if (strcmp(a->filters[i].filter, filter) == 0) {
            a->filters[i] = a->filters[--a->filter_count];
            return;
        }
}
