/* SPDX-License-Identifier: MIT */
/*
 * The list of gateways, finding them, and telling others of them [SN 6.1].
 */
#include "client_private.h"

bool mqttsn__address_equal(const struct mqttsn_address *a,
                           const struct mqttsn_address *b)
{
    return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

#if MQTTSN_CLIENT_FAILOVER
struct mqttsn_client_gateway *
mqttsn__gateway_find(const struct mqttsn_client *c,
                     const struct mqttsn_address *address)
{
    struct mqttsn_client_gateway *gateways = c->config->gateways;

    for (unsigned i = 0; i < c->config->gateway_cap; i++)
        if (mqttsn__address_equal(&gateways[i].address, address))
            return &gateways[i];
    return NULL;
}

struct mqttsn_client_gateway *
mqttsn__gateway_add(struct mqttsn_client *c, unsigned gw_id,
                    const struct mqttsn_address *address)
{
    static const struct mqttsn_address nobody;
    struct mqttsn_client_gateway *gateway = mqttsn__gateway_find(c, address);

    if (gateway == NULL) {
        gateway = mqttsn__gateway_find(c, &nobody);
        if (gateway == NULL)
            return NULL;
        gateway->address = *address;
#if MQTTSN_CLIENT_DISCOVERY
        gateway->gone_at = MQTTSN_NEVER;
        gateway->fixed = false;
#endif
    }
    gateway->gw_id = (uint8_t)gw_id;
    return gateway;
}
#else
struct mqttsn_client_gateway *
mqttsn__gateway_add(struct mqttsn_client *c, unsigned gw_id,
                    const struct mqttsn_address *address)
{
    struct mqttsn_client_gateway *gateway = mqttsn__gateway(c);

    if (gateway->address.len != 0 &&
        !mqttsn__address_equal(&gateway->address, address))
        return NULL;
    gateway->address = *address;
    gateway->gw_id = (uint8_t)gw_id;
    return gateway;
}
#endif

#if MQTTSN_CLIENT_DISCOVERY
/* Gateways that fell silent leave the list; not the one we talk to, whose
 * answers are the better witness. */
void mqttsn__sweep(struct mqttsn_client *c)
{
    for (unsigned i = 0; i < c->config->gateway_cap; i++) {
        struct mqttsn_client_gateway *gateway = &c->config->gateways[i];

        if (c->now >= gateway->gone_at &&
            (i != c->gateway ||
             (c->state <= MQTTSN_CLIENT_SEARCHING && c->step == NO_STEP)))
            gateway->address.len = 0;
    }
}
#endif

#if MQTTSN_CLIENT_FAILOVER
struct mqttsn_client_gateway *mqttsn__gateway(const struct mqttsn_client *c)
{
    return &c->config->gateways[c->gateway];
}

unsigned mqttsn__gateway_count(const struct mqttsn_client *c)
{
    unsigned count = 0;

    for (unsigned i = 0; i < c->config->gateway_cap; i++)
        count += c->config->gateways[i].address.len != 0;
    return count;
}

void mqttsn__gateway_next(struct mqttsn_client *c)
{
    unsigned i = c->gateway;

    do {
        i = i + 1u < c->config->gateway_cap ? i + 1 : 0;
    } while (i != c->gateway && c->config->gateways[i].address.len == 0);
    if (i != c->gateway)
        c->started = false;
    c->gateway = (uint8_t)i;
}
#endif

#if MQTTSN_CLIENT_DISCOVERY
void mqttsn__search(struct mqttsn_client *c)
{
    c->search_heard = false;
    c->search_gap_ms = MQTTSN_CLIENT_T_SEARCHGW_MS;
    mqttsn__arm(c, T_SEARCH, mqttsn__random(c, MQTTSN_CLIENT_T_SEARCHGW_MS));
}

static bool searching(const struct mqttsn_client *c)
{
    return c->armed >> T_SEARCH & 1;
}

void mqttsn_client_search(struct mqttsn_client *c, mqttsn_ms now)
{
    mqttsn__enter(c, now);
    if (!searching(c))
        mqttsn__search(c);
}

/* A SEARCHGW went out, ours or one as good: the gaps grow [SN 6.1]. */
static void searched(struct mqttsn_client *c)
{
    c->search_heard = true;
    c->search_gap_ms *= 2;
    if (c->search_gap_ms > MQTTSN_CLIENT_SEARCH_GAP_MAX_MS)
        c->search_gap_ms = MQTTSN_CLIENT_SEARCH_GAP_MAX_MS;
    mqttsn__arm(c, T_SEARCH, c->search_gap_ms);
}

static void learn(struct mqttsn_client *c, unsigned gw_id,
                  const struct mqttsn_address *address, unsigned duration_s)
{
    bool known = mqttsn__gateway_find(c, address) != NULL;
    struct mqttsn_client_gateway *gateway =
        mqttsn__gateway_add(c, gw_id, address);

    if (gateway == NULL)
        return;
    if (duration_s != 0)
        gateway->gone_at =
            c->now + (mqttsn_ms)duration_s * (MQTTSN_CLIENT_N_ADV * 1000u);
    mqttsn__disarm(c, T_SEARCH);
    c->search_due = false;
    if (!known) {
        c->found = (uint8_t)(gateway - c->config->gateways);
        mqttsn__event(c, MQTTSN_EVENT_GATEWAY_FOUND);
    }
    if (c->state == MQTTSN_CLIENT_SEARCHING)
        mqttsn__connect(c);
}

/* The address that another client gives (G12-45); where that is none of the
 * forms of GwAdd, it is not usable. */
static bool read_gw_add(struct mqttsn_span gw_add,
                        struct mqttsn_address *ret_address)
{
    if (gw_add.len < 2 || gw_add.len - 1 != gw_add.data[0] ||
        gw_add.len - 1 > MQTTSN_CLIENT_ADDRESS_MAX)
        return false;
    ret_address->len = gw_add.data[0];
    memcpy(ret_address->octets, gw_add.data + 1, gw_add.len - 1);
    return true;
}

void mqttsn__on_discovery(struct mqttsn_client *c,
                          const struct mqttsn_address *from,
                          const struct mqttsn_frame *f)
{
    struct mqttsn_address told;

    mqttsn__sweep(c);
    if (f->type == MQTTSN_ADVERTISE) {
        learn(c, f->advertise.gw_id, from, f->advertise.duration_s);
    } else if (f->type == MQTTSN_GWINFO) {
        /* Whoever asked has been answered. */
        mqttsn__disarm(c, T_GWINFO);
        c->gwinfo_due = false;
        if (f->gwinfo.gw_add.len == 0)
            learn(c, f->gwinfo.gw_id, from, 0);
        else if (read_gw_add(f->gwinfo.gw_add, &told))
            learn(c, f->gwinfo.gw_id, &told, 0);
    } else if (searching(c) && !c->search_heard &&
               f->searchgw.radius == c->config->radius) {
        searched(c);
        c->search_due = false;
    } else if (!(c->armed >> T_GWINFO & 1) && mqttsn__gateway_count(c) != 0 &&
               c->state != MQTTSN_CLIENT_ASLEEP) {
        c->gwinfo_radius = f->searchgw.radius;
        mqttsn__arm(c, T_GWINFO, mqttsn__random(c, MQTTSN_CLIENT_T_GWINFO_MS));
    }
}

void mqttsn__discovery_deadline(struct mqttsn_client *c, enum timer timer)
{
    if (timer == T_SEARCH) {
        c->search_due = true;
        searched(c);
    } else {
        c->gwinfo_due = true;
    }
}

void mqttsn__discovery_give_up(struct mqttsn_client *c)
{
    for (unsigned i = 0; i < c->config->gateway_cap; i++)
        if (!c->config->gateways[i].fixed)
            c->config->gateways[i].address.len = 0;
}

bool mqttsn__discovery_send(struct mqttsn_client *c, struct mqttsn_frame *frame,
                            uint8_t gw_add[], uint8_t *ret_radius)
{
    if (c->search_due) {
        c->search_due = false;
        *ret_radius = c->config->radius;
        frame->type = MQTTSN_SEARCHGW;
        frame->searchgw.radius = c->config->radius;
        return true;
    }
    if (c->gwinfo_due) {
        c->gwinfo_due = false;
        if (mqttsn__gateway(c)->address.len == 0)
            mqttsn__gateway_next(c);

        const struct mqttsn_client_gateway *gateway = mqttsn__gateway(c);

        if (gateway->address.len == 0)
            return false;
        gw_add[0] = gateway->address.len;
        memcpy(gw_add + 1, gateway->address.octets, gateway->address.len);
        *ret_radius = c->gwinfo_radius;
        frame->type = MQTTSN_GWINFO;
        frame->gwinfo.gw_id = gateway->gw_id;
        frame->gwinfo.gw_add = mqttsn_span(gw_add, 1u + gateway->address.len);
        return true;
    }
    return false;
}
#endif
