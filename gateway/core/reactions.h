/* SPDX-License-Identifier: MIT */
/*
 * reactions.h - what becomes of a valid frame, by the state of its sender.
 */
#ifndef GW_REACTIONS_H
#define GW_REACTIONS_H

#include "mqttsn/frame.h"

enum gw_reaction {
    GW_R_DROP,       /* only gateways send it: counted */
    GW_R_IGNORE,     /* means nothing now */
    GW_R_DISCONNECT, /* tell the source that it has no connection */
    GW_R_HANDLE,
};
enum gw_column {
    GW_COL_UNKNOWN,
    GW_COL_HALF_OPEN,
    GW_COL_ACTIVE,
    GW_COL_ASLEEP,
    GW_COL_AWAKE,
    GW_COL_GONE, /* disconnected or lost */
};
enum { GW_REACTION_TYPES = MQTTSN_WILLMSGRESP + 1 };
extern const uint8_t gw_reactions[GW_REACTION_TYPES][GW_COL_GONE + 1];

static inline enum gw_reaction gw_reaction_to(enum gw_column column,
                                              const struct mqttsn_frame *frame)
{
    return (size_t)frame->type < GW_REACTION_TYPES
               ? (enum gw_reaction)gw_reactions[frame->type][column]
               : GW_R_DROP;
}

#endif
