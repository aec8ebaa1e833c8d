/* SPDX-License-Identifier: MIT */
/*
 * links.h - the connections to the broker, as the engine sees them.
 *
 * Number 0 is the gateway's own and always there: in aggregating mode it
 * carries everything, in transparent mode what belongs to no session. With
 * gw_policy_own_connections each session that is connected has a link of its
 * own, opened for its CONNECT and closed when its connection ends
 * (own_links.c).
 *
 * The life of a session's link, as far as the shell is told:
 *
 *   opening --OPEN--> open --...--> ending --CLOSE--> closing --CLOSED--> free
 *      ^                                                  |
 *      +--- 'again': the node has connected anew ---------+
 *
 * While it is open the shell keeps it connected, and 'state' says whether it
 * is. A number is used again only after CLOSED, so that no event can be taken
 * for another link's.
 */
#ifndef GW_LINKS_H
#define GW_LINKS_H

#include "engine.h"
#include "objects.h"

enum gw_link_phase {
    GW_LINK_FREE,
    GW_LINK_OPENING, /* the shell is to be told */
    GW_LINK_OPEN,
    GW_LINK_ENDING, /* what is left is handed over, then it is closed */
    GW_LINK_CLOSING
};

/* So many numbers are there. */
#define GW_LINKS_MAX 65535

struct gw_link {
    struct gw_line lines[GW_LINE_LATE + 1];
    uint32_t handed;  /* acknowledged publishes with the shell */
    uint32_t handed2; /* of these, of QoS 2 */
    uint32_t window_size;
    uint8_t state; /* enum gw_link_state */
    bool alone;    /* one of them is suspected of ending the connection */

    /* Of a session's own. */
    uint8_t phase;   /* enum gw_link_phase; 0: the block is free */
    bool again : 1;  /* to be opened once more when it is closed */
    bool parted : 1; /* its good-bye was said, and it has not been up since */
    bool clean;      /* it was opened with the clean-session flag */
    bool stale;      /* the broker has another will than we (G12-29) */
    bool retell;     /* the broker forgot subscriptions: those 'untold' */
    bool listed;     /* it may have something to hand over */
    uint32_t session;
    uint32_t ready_next;
    uint32_t asks_head, asks_tail; /* SUBSCRIBE, UNSUBSCRIBE that wait */
    uint32_t asked;                /* of these, with the shell */
};

/*
 * A half-open session has said everything: it is accepted when the broker has
 * accepted its link, with its clean-session flag and its will as they are now;
 * or refused.
 */
void gw_link_connect(struct gw_engine *e, uint32_t session);

/* Its connection has ended, or it has: so does its link, if it has one. */
void gw_link_leave(struct gw_engine *e, uint32_t session);
void gw_link_orphan(struct gw_engine *e, uint32_t session);

/* Its will has changed: the broker is told when nothing else is under way. */
void gw_link_will_changed(struct gw_engine *e, uint32_t session);

/* A link may have something to hand over; the gateway's is always asked. */
void gw_link_list(struct gw_engine *e, uint32_t link);
static inline void gw_link_ready(struct gw_engine *e, uint32_t link)
{
    if (link != 0)
        gw_link_list(e, link);
}

/* A SUBSCRIBE or UNSUBSCRIBE goes by its session's own link. */
void gw_link_ask(struct gw_engine *e, uint32_t exchange);
/* It ends: off its link. */
void gw_link_unask(struct gw_engine *e, uint32_t exchange);
void gw_link_on_result(struct gw_engine *e, uint32_t exchange,
                       enum gw_up_outcome outcome, uint8_t granted_qos);

/* The outcome of telling the broker once more of a subscription. */
void gw_link_retold(struct gw_engine *e, uint32_t sub, uint32_t item,
                    enum gw_up_outcome outcome);

/* What happened to a session's link. */
void gw_link_on_event(struct gw_engine *e, const struct gw_up_event *event);

bool gw_link_poll(struct gw_engine *e, unsigned classes, uint8_t *buf,
                  struct gw_up_action *ret_action);

#endif
