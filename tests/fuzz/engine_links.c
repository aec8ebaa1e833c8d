/* SPDX-License-Identifier: MIT */
/* The connections of nodes to the broker, in transparent mode. */
#include "engine_world.h"

#include "mqttsn/topic.h"

/* Its index; 'link_count' when there is none. */
static size_t find(const struct fz_world *w, uint32_t number)
{
    size_t i = 0;

    while (i < w->link_count && w->links[i].number != number)
        i++;
    return i;
}

bool fz_link_is_up(const struct fz_world *w, uint32_t number)
{
    size_t i = find(w, number);

    return i < w->link_count && w->links[i].connected && !w->links[i].closing;
}

void fz_link_action(struct fz_world *w, const struct gw_up_action *a)
{
    size_t i = find(w, a->connection);

    MUST(w->transparent && a->connection != 0);
    if (a->kind == GW_UP_CLOSE) {
        MUST(i < w->link_count && !w->links[i].closing);
        w->links[i].closing = true;
        return;
    }
    MUST(i == w->link_count && i < FZ_LINKS);
    MUST(mqttsn_utf8_valid(a->client_id) && a->client_id.len != 0);
    w->links[w->link_count++] = (struct fz_link){.number = a->connection};
}

static void tell(struct fz_world *w, uint32_t number,
                 enum gw_up_event_kind kind)
{
    struct gw_up_event event = {.kind = kind, .connection = number};

    gw_engine_on_upstream(w->engine, &event, w->now);
}

void fz_link_event(struct fz_world *w, size_t which, enum gw_up_event_kind kind)
{
    struct fz_link *link;
    bool connects = kind == GW_UP_CONNECTED;

    if (w->link_count == 0)
        return;
    link = &w->links[which % w->link_count];
    if (link->closing || (kind == GW_UP_LOST) != link->connected)
        return;
    link->connected = connects;
    tell(w, link->number, kind);
    if (kind == GW_UP_LOST && !w->broker_waits)
        fz_results_of(w, link->number, GW_UP_UNSENT);
    fz_pump(w);
}

bool fz_links_turn(struct fz_world *w)
{
    if (w->broker_waits)
        return false;
    for (size_t i = 0; i < w->link_count; i++) {
        struct fz_link link = w->links[i];

        if (link.closing) {
            fz_results_of(w, link.number,
                          link.connected ? GW_UP_DONE : GW_UP_UNSENT);
            w->links[i] = w->links[--w->link_count];
            tell(w, link.number, GW_UP_CLOSED);
            return true;
        }
        if (!link.connected) {
            w->links[i].connected = true;
            tell(w, link.number, GW_UP_CONNECTED);
            return true;
        }
    }
    return false;
}
