/* SPDX-License-Identifier: MIT */
/*
 * predefined.h - how policy.c fills a set of predefined topics before it comes
 * into force; the questions to the set in force are in policy.h.
 */
#ifndef GW_PREDEFINED_H
#define GW_PREDEFINED_H

#include <stdbool.h>

struct gw_policy;
struct gw_predefined_row;
struct gw_predefined_set;

/* Takes over the row's names. False when the set has a row of that client and
 * id already; then nothing is taken. There must be room for one more row. */
bool gw_predefined_add(const struct gw_policy *policy,
                       struct gw_predefined_set *set,
                       const struct gw_predefined_row *row);

/* Gives back the names of all rows; the set can be filled anew. */
void gw_predefined_empty(const struct gw_policy *policy,
                         struct gw_predefined_set *set);

#endif
