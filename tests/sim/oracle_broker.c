/* SPDX-License-Identifier: MIT */
/*
 * What the broker may be given: nothing for which one closes the connection
 * that all nodes share (T13), and no more than its limits allow.
 */
#include "sim.h"

#include <string.h>

static bool is_wild(uint8_t octet)
{
    return octet == '+' || octet == '#';
}

/* A wildcard stands alone in its level, and '#' in the last. */
static bool is_filter(struct mqttsn_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_wild(s.data[i]))
            continue;
        if (i > 0 && s.data[i - 1] != '/')
            return false;
        if (i + 1 < s.len && (s.data[i] == '#' || s.data[i + 1] != '/'))
            return false;
    }
    return true;
}

/* How many octets follow the first of a character; 4: it is none. */
static size_t more_of(uint8_t first)
{
    if (first < 0x80)
        return first < 0x20 || first == 0x7f ? 4 : 0;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef)
        return 2;
    return first >= 0xf0 && first <= 0xf4 ? 3 : 4;
}

static bool is_text(struct mqttsn_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        size_t more = more_of(s.data[i]);

        if (more == 4 || i + more >= s.len)
            return false;
        for (; more > 0; more--)
            if ((s.data[++i] & 0xc0) != 0x80)
                return false;
    }
    return s.len > 0;
}

void oracle_broker_action(struct sim *sim, const struct gw_up_action *action)
{
    bool name = action->kind == GW_UP_PUBLISH, wild = false;

    oracle_names_action(sim, action);

    for (size_t i = 0; i < action->topic.len; i++)
        wild |= is_wild(action->topic.data[i]);
    if (!is_text(action->topic) || (name && wild) ||
        !is_filter(action->topic) || action->topic.data[0] == '$' ||
        action->topic.len > 1900)
        sim_fail(sim, "T13", "'%.*s' is given to the broker",
                 (int)action->topic.len, (const char *)action->topic.data);
}
