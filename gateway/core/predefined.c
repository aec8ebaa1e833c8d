/* SPDX-License-Identifier: MIT */
#include "predefined.h"

#include "policy.h"
#include "siphash.h"

/*
 * 'by_id' finds a row by client and id and, under the id alone and as index
 * count-of-all-rows + row, the first row that uses an id at all.
 */
static uint64_t hash_of(const struct gw_policy *policy, uint32_t client,
                        uint16_t id)
{
    uint32_t key[2] = {client, id};

    return gw_siphash13(policy->seed, key, sizeof(key));
}

static uint64_t id_hash(const struct gw_policy *policy, uint16_t id)
{
    return gw_siphash13(policy->seed, &id, sizeof(id));
}

static const struct gw_predefined_set *
set_in_force(const struct gw_policy *policy)
{
    return &policy->sets[policy->active];
}

static uint32_t find_row(const struct gw_policy *policy,
                         const struct gw_predefined_set *set, uint32_t client,
                         uint16_t id)
{
    struct gw_table_probe probe;

    for (uint32_t i =
             gw_table_first(&set->by_id, hash_of(policy, client, id), &probe);
         i != 0; i = gw_table_next(&set->by_id, &probe)) {
        if (i <= policy->max_predefined && set->rows[i].client == client &&
            set->rows[i].id == id)
            return i;
    }
    return 0;
}

static bool uses_id(const struct gw_policy *policy,
                    const struct gw_predefined_set *set, uint16_t id)
{
    struct gw_table_probe probe;

    for (uint32_t i = gw_table_first(&set->by_id, id_hash(policy, id), &probe);
         i != 0; i = gw_table_next(&set->by_id, &probe)) {
        if (i > policy->max_predefined &&
            set->rows[i - policy->max_predefined].id == id)
            return true;
    }
    return false;
}

bool gw_predefined_add(const struct gw_policy *policy,
                       struct gw_predefined_set *set,
                       const struct gw_predefined_row *row)
{
    uint32_t i = set->count + 1;

    if (find_row(policy, set, row->client, row->id) != 0)
        return false;
    set->rows[i] = *row;
    if (!uses_id(policy, set, row->id))
        gw_table_insert(&set->by_id, id_hash(policy, row->id),
                        policy->max_predefined + i);
    gw_table_insert(&set->by_id, hash_of(policy, row->client, row->id), i);
    set->count = i;
    return true;
}

void gw_predefined_empty(const struct gw_policy *policy,
                         struct gw_predefined_set *set)
{
    for (uint32_t i = 1; i <= set->count; i++) {
        gw_names_unref(policy->names, set->rows[i].client);
        gw_names_unref(policy->names, set->rows[i].topic);
    }
    set->count = 0;
    gw_table_empty(&set->by_id);
}

uint32_t gw_policy_predefined_name(const struct gw_policy *policy,
                                   uint32_t client, uint16_t id, bool *ret_open)
{
    const struct gw_predefined_set *set = set_in_force(policy);
    uint32_t row = client != 0 ? find_row(policy, set, client, id) : 0;

    if (row == 0)
        row = find_row(policy, set, 0, id);
    if (row == 0)
        return 0;
    *ret_open = set->rows[row].open;
    return set->rows[row].topic;
}

bool gw_policy_predefined_uses(const struct gw_policy *policy, uint16_t id)
{
    return uses_id(policy, set_in_force(policy), id);
}
