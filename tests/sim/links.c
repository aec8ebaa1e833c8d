/* SPDX-License-Identifier: MIT */
#include "links.h"

#include "sim.h"

#include <string.h>

/* No sink is blocked for longer. */
#define BLOCKED_MS 6000

void links_init(struct sim *sim)
{
    struct links *all = &sim->links;

    memset(all->links, 0, sizeof(all->links));
    all->account_count = 0;
    all->serial = 0;
    rng_init(&all->random, sim->seed, "links", 0);
}

/* ---- who is who ---------------------------------------------------------- */

struct account *links_account(struct sim *sim, const struct link *link)
{
    return &sim->links.accounts[link->account];
}

unsigned links_number(const struct sim *sim, const struct link *link)
{
    return (unsigned)(link - sim->links.links);
}

static struct link *link_at(struct sim *sim, unsigned connection)
{
    if (connection == 0 || connection >= LINKS)
        sim_fail(sim, "upstream", "connection %u", connection);
    return &sim->links.links[connection];
}

const char *links_client(const struct sim *sim, unsigned connection)
{
    const struct link *link = &sim->links.links[connection % LINKS];

    return link->open ? sim->links.accounts[link->account].id : NULL;
}

bool links_up(const struct sim *sim, unsigned connection)
{
    const struct link *link = &sim->links.links[connection % LINKS];

    return link->open && link->online && !link->closing;
}

unsigned links_of(const struct sim *sim, const char *id)
{
    for (unsigned i = 1; i < LINKS; i++) {
        const struct link *link = &sim->links.links[i];

        if (link->open && !link->closing &&
            strcmp(sim->links.accounts[link->account].id, id) == 0)
            return i;
    }
    return 0;
}

/* ---- time ---------------------------------------------------------------- */

mqttsn_ms links_trip(struct sim *sim)
{
    return sim->healed
               ? 1
               : rng_below(&sim->links.random, (uint32_t)sim->o.answer_ms + 1);
}

void links_plan(struct sim *sim, const struct link *link, mqttsn_ms at,
                event_run *run, uint64_t serial)
{
    struct event *event = queue_add(&sim->queue, at, run, NULL, 0);

    event->actor = (link->epoch & 0xffff) << 8 | links_number(sim, link);
    event->number = serial;
}

/* NULL: of a connection that is no more. */
struct link *links_meant(struct sim *sim, const struct event *event)
{
    struct link *link = &sim->links.links[event->actor & 0xff];

    return event->actor >> 8 == (link->epoch & 0xffff) ? link : NULL;
}

/* ---- what the gateway is told -------------------------------------------- */

static void tell(struct sim *sim, const struct link *link,
                 enum gw_up_event_kind kind, bool session_present)
{
    struct gw_up_event event = {.kind = kind,
                                .connection = links_number(sim, link)};

    if (kind == GW_UP_CONNECTED) {
        event.connected.session_present = session_present;
        event.connected.receive_maximum = (uint16_t)sim->o.receive_maximum;
    }
    gateway_upstream(sim, &event);
}

static void give_result(struct sim *sim, const struct link *link,
                        uint64_t token, enum gw_up_outcome outcome,
                        uint8_t granted)
{
    struct gw_up_event event = {.kind = GW_UP_RESULT,
                                .connection = links_number(sim, link)};

    if (token == 0)
        return;
    event.result.token = token;
    event.result.outcome = outcome;
    event.result.granted_qos = granted;
    gateway_upstream(sim, &event);
}

/* ---- requests ------------------------------------------------------------ */

static bool is_publish(const struct request *r)
{
    return r->kind == GW_UP_PUBLISH;
}

static size_t request_find(const struct link *link, uint64_t serial)
{
    size_t i = 0;

    while (i < link->request_count && link->requests[i].serial != serial)
        i++;
    return i;
}

static void request_remove(struct link *link, size_t at)
{
    link->request_count--;
    memmove(&link->requests[at], &link->requests[at + 1],
            (link->request_count - at) * sizeof(link->requests[0]));
}

/* As upstream.window and the broker's Receive Maximum have it, for each; but
 * for one that is to be closed, behind all that waits. CLOSE follows at once,
 * if nothing is blocked. */
static void check_window(struct sim *sim, struct link *link)
{
    int64_t most = sim->o.window, out = 0;

    if (sim->o.receive_maximum != 0 && sim->o.receive_maximum < most)
        most = sim->o.receive_maximum;
    for (size_t i = 0; i < link->request_count; i++)
        out += is_publish(&link->requests[i]) && link->requests[i].qos != 0;
    if (out <= most || link->closing) {
        link->crowded_since = 0;
        return;
    }
    if (link->crowded_since == 0)
        link->crowded_since = sim->now;
    if (sim->now > link->crowded_since + BLOCKED_MS)
        sim_fail(sim, "S9", "%lld publishes of %s are out, and %lld may be",
                 (long long)out, links_client(sim, links_number(sim, link)),
                 (long long)most);
}

static void say_good_bye(struct sim *sim, struct link *link);

static void answer(struct sim *sim, struct event *event)
{
    struct link *link = links_meant(sim, event);
    struct request r;
    size_t at;

    if (link == NULL || !link->online)
        return;
    at = request_find(link, event->number);
    if (at == link->request_count)
        return;
    r = link->requests[at];
    check_window(sim, link);
    request_remove(link, at);
    give_result(sim, link, r.token, GW_UP_DONE, r.qos);
    say_good_bye(sim, link);
}

/* False: the broker refuses it. */
static bool carry_out_one(struct sim *sim, struct link *link, struct request *r)
{
    struct rng *random = &sim->links.random;
    struct account *a = links_account(sim, link);
    struct message m = sim->broker.messages[r->message];

    if (!sim->healed && r->token != 0 && r->kind != GW_UP_UNSUBSCRIBE &&
        rng_chance(random, sim->o.refuses_permille))
        return false;
    if (r->kind == GW_UP_SUBSCRIBE && !sim->healed &&
        rng_chance(random, sim->o.refuses_permille))
        r->qos = (uint8_t)rng_below(random, 2);
    r->stage = REQUEST_CARRIED;
    if (is_publish(r))
        broker_carry_out(sim, r);
    else if (r->kind == GW_UP_SUBSCRIBE)
        account_subscribe(sim, a, m.topic, r->qos);
    else
        account_unsubscribe(a, m.topic);
    return true;
}

static void carry_out(struct sim *sim, struct event *event)
{
    struct link *link = links_meant(sim, event);
    struct request *r, old;
    size_t at;

    if (link == NULL || !link->online)
        return;
    at = request_find(link, event->number);
    if (at == link->request_count)
        return;
    r = &link->requests[at];
    if (!carry_out_one(sim, link, r)) {
        old = *r;
        request_remove(link, at);
        give_result(
            sim, link, old.token,
            rng_below(&sim->links.random, 2) ? GW_UP_REJECTED : GW_UP_QUOTA, 0);
        say_good_bye(sim, link);
    } else if (r->qos == 0 && is_publish(r)) {
        request_remove(link, at); /* nobody waits */
        say_good_bye(sim, link);
    } else {
        links_plan(sim, link, sim->now + links_trip(sim), answer, r->serial);
    }
}

static void send_out(struct sim *sim, struct link *link,
                     const struct request *r)
{
    mqttsn_ms at = sim->now + links_trip(sim);

    if (r->stage == REQUEST_CARRIED) {
        links_plan(sim, link, at, answer, r->serial);
        return;
    }
    if (at < link->last_carried)
        at = link->last_carried; /* TCP keeps the order */
    link->last_carried = at;
    links_plan(sim, link, at, carry_out, r->serial);
}

static uint32_t keep_message(struct sim *sim, const struct gw_up_action *action)
{
    uint32_t index;
    struct message *m = broker_message_new(&sim->broker, &index);

    memset(m, 0, sizeof(*m));
    memcpy(m->topic, action->topic.data,
           action->topic.len < BROKER_TOPIC ? action->topic.len
                                            : BROKER_TOPIC - 1);
    m->qos = action->qos;
    m->retain = action->retain;
    m->len =
        (uint16_t)(action->payload.len < BROKER_PAYLOAD ? action->payload.len
                                                        : BROKER_PAYLOAD);
    if (m->len > 0)
        memcpy(m->payload, action->payload.data, m->len);
    return index;
}

static void request_new(struct sim *sim, struct link *link,
                        const struct gw_up_action *action)
{
    struct request r = {.serial = ++sim->links.serial,
                        .token = action->token,
                        .kind = action->kind,
                        .qos = action->qos};

    if (link->closing)
        sim_fail(sim, "upstream", "an action behind CLOSE");
    if (!link->online)
        sim_fail(sim, "upstream",
                 "an action for a node's connection that is "
                 "not there");
    if (link->request_count == LINK_REQUESTS)
        sim_fail(sim, "S9", "%d requests under way", LINK_REQUESTS);
    r.message = keep_message(sim, action);
    link->requests[link->request_count++] = r;
    check_window(sim, link);
    send_out(sim, link, &link->requests[link->request_count - 1]);
}

/* ---- connections --------------------------------------------------------- */

static void try_connect(struct sim *sim, struct event *event);

static void plan_attempt(struct sim *sim, struct link *link)
{
    mqttsn_ms wait =
        sim->healed ? 10
                    : rng_pause(&sim->links.random, (uint64_t)sim->o.away_ms);

    links_plan(sim, link, sim->now + wait, try_connect, 0);
}

/* The broker publishes it. */
static void publish_will(struct sim *sim, struct link *link)
{
    struct request r = {.kind = GW_UP_PUBLISH, .message = link->will};

    if (!link->has_will)
        return;
    oracle_will_by_broker(sim, link->will);
    sim_trace(sim, "--- the broker publishes the will of %s",
              links_account(sim, link)->id);
    sim->stats->wills++;
    broker_carry_out(sim, &r);
}

static void disconnect(struct sim *sim, struct link *link)
{
    struct account *a = links_account(sim, link);

    link->online = false;
    link->epoch++;
    if (a->link == links_number(sim, link))
        a->link = 0;
    if (link->clean)
        account_forget(a);
}

static void closed(struct sim *sim, struct link *link)
{
    link->open = link->closing = false;
    link->epoch++;
    tell(sim, link, GW_UP_CLOSED, false);
}

static void say_good_bye(struct sim *sim, struct link *link)
{
    if (!link->closing || !link->online || link->request_count > 0)
        return;
    disconnect(sim, link);
    closed(sim, link);
}

/* What comes back when it has ended: all that is not with the client library,
 * which keeps some of the publishes from the front, and those of QoS 2 that
 * were carried out. */
static void come_back(struct sim *sim, struct link *link, bool all)
{
    size_t least = 0, any = 0, keep, kept = 0, back = 0;
    uint64_t unsent[LINK_REQUESTS];

    for (size_t i = 0; i < link->request_count; i++) {
        if (!is_publish(&link->requests[i]) || link->requests[i].qos == 0)
            continue;
        any++;
        if (link->requests[i].stage != REQUEST_SENT &&
            link->requests[i].qos == 2)
            least = any;
    }
    keep = all ? 0
               : least +
                     rng_below(&sim->links.random, (uint32_t)(any - least) + 1);
    for (size_t i = 0; i < link->request_count; i++) {
        struct request r = link->requests[i];

        if (is_publish(&r) && r.qos != 0 && keep > 0) {
            keep--;
            if (r.stage == REQUEST_CARRIED && r.qos == 1)
                r.stage = REQUEST_SENT; /* it sends it again */
            link->requests[kept++] = r;
        } else if (r.token != 0) {
            if (is_publish(&r) && r.stage == REQUEST_CARRIED)
                oracle_uncertain(sim, r.message);
            unsent[back++] = r.token;
        }
    }
    link->request_count = kept;
    for (size_t i = 0; i < back; i++)
        give_result(sim, link, unsent[i], GW_UP_UNSENT, 0);
}

static void break_one(struct sim *sim, struct link *link)
{
    sim_trace(sim, "--- the connection of %s breaks",
              links_account(sim, link)->id);
    sim->stats->breaks++;
    disconnect(sim, link);
    links_account(sim, link)->abandoned = true;
    publish_will(sim, link);
    tell(sim, link, GW_UP_LOST, false);
    come_back(sim, link, link->closing);
    if (link->closing) {
        come_back(sim, link, true);
        closed(sim, link);
    } else {
        plan_attempt(sim, link);
    }
}

static void connected(struct sim *sim, struct link *link)
{
    struct account *a = links_account(sim, link);
    bool present;

    /* Its broker knows one connection of each id: the former ends. */
    if (account_link(sim, a) != NULL)
        break_one(sim, account_link(sim, a));
    if (link->clean || (!sim->healed && rng_chance(&sim->links.random,
                                                   sim->o.forgets_permille)))
        account_forget(a);
    present = a->session;
    a->session = true;
    a->abandoned = false;
    a->link = links_number(sim, link);
    link->online = true;
    link->epoch++;
    link->last_carried = link->last_delivery = sim->now;
    for (size_t i = 0; i < link->request_count; i++)
        send_out(sim, link, &link->requests[i]);
    tell(sim, link, GW_UP_CONNECTED, present);
    if (link->online)
        account_deliver(sim, link);
}

static void try_connect(struct sim *sim, struct event *event)
{
    struct link *link = links_meant(sim, event);

    if (link == NULL || !link->open || link->online || link->closing)
        return;
    if (!sim->healed &&
        rng_chance(&sim->links.random, sim->o.refuses_permille * 4)) {
        tell(sim, link,
             rng_below(&sim->links.random, 3) ? GW_UP_UNREACHABLE
                                              : GW_UP_DENIED,
             false);
        if (link->open && !link->closing)
            plan_attempt(sim, link);
        return;
    }
    connected(sim, link);
}

static void open_one(struct sim *sim, struct link *link,
                     const struct gw_up_action *action)
{
    char id[ACCOUNT_ID] = {0};

    if (link->open)
        sim_fail(sim, "upstream", "connection %u is open already",
                 links_number(sim, link));
    memcpy(id, action->client_id.data,
           action->client_id.len < sizeof(id) ? action->client_id.len
                                              : sizeof(id) - 1);
    link->open = true;
    link->closing = link->online = false;
    link->clean = action->clean;
    link->account = account_find(sim, id);
    link->request_count = 0;
    link->crowded_since = 0;
    link->has_will = action->topic.len > 0;
    if (link->has_will)
        link->will = keep_message(sim, action);
    link->epoch++;
    links_plan(sim, link, sim->now + links_trip(sim), try_connect, 0);
}

static void finish_closing(struct sim *sim, struct event *event)
{
    struct link *link = links_meant(sim, event);

    if (link == NULL || !link->open || !link->closing)
        return;
    if (link->online) {
        say_good_bye(sim, link);
    } else {
        come_back(sim, link, true);
        closed(sim, link);
    }
}

void links_take(struct sim *sim, const struct gw_up_action *action)
{
    struct link *link = link_at(sim, action->connection);

    if (action->kind == GW_UP_OPEN) {
        open_one(sim, link, action);
        return;
    }
    if (!link->open)
        sim_fail(sim, "upstream", "connection %u is not open",
                 action->connection);
    if (action->kind != GW_UP_CLOSE) {
        request_new(sim, link, action);
        return;
    }
    link->closing = true;
    links_plan(sim, link, sim->now + links_trip(sim), finish_closing, 0);
}

/* ---- trouble ------------------------------------------------------------- */

bool links_have_answered(const struct sim *sim)
{
    for (unsigned i = 1; i < LINKS; i++)
        if (sim->links.links[i].request_count != 0)
            return false;
    return true;
}

void links_died(struct sim *sim, bool told)
{
    for (unsigned i = 1; i < LINKS; i++) {
        struct link *link = &sim->links.links[i];

        if (link->open && link->online) {
            disconnect(sim, link);
            if (!told)
                publish_will(sim, link);
        }
        link->open = link->closing = false;
        link->epoch++;
        link->request_count = 0;
    }
}

void links_break_all(struct sim *sim)
{
    for (unsigned i = 1; i < LINKS; i++) {
        struct link *link = &sim->links.links[i];

        if (link->open && link->online)
            break_one(sim, link);
        else if (link->open && !link->closing)
            plan_attempt(sim, link);
    }
}

static void breaks(struct sim *sim, struct event *event)
{
    unsigned first = rng_below(&sim->links.random, LINKS);

    (void)event;
    if (sim->healed)
        return;
    for (unsigned i = 0; i < LINKS; i++) {
        struct link *link = &sim->links.links[(first + i) % LINKS];

        if (link->open && link->online) {
            break_one(sim, link);
            break;
        }
    }
    links_breaks_begin(sim);
}

void links_breaks_begin(struct sim *sim)
{
    sim_later(sim, &sim->links.random, sim->o.break_s * 500, breaks);
}
