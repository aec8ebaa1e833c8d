/* SPDX-License-Identifier: MIT */
#include "filters.h"

#include "siphash.h"

#include "mqttsn/topic.h"

#include <assert.h>

/* As the name of a level: that it is '+'. No name has this reference. */
static const uint32_t plus_name = UINT32_MAX;

uint64_t gw_filters_size(uint32_t max_levels)
{
    return gw_slab_size(sizeof(struct gw_filter), max_levels) +
           gw_slab_size(sizeof(struct gw_filter_level), max_levels) +
           gw_table_size(max_levels);
}

enum mqttsn_status gw_filters_init(struct gw_filters *filters,
                                   struct gw_names *names, uint32_t max_levels,
                                   const uint8_t seed[16])
{
    struct gw_filters made = {.names = names};

    memcpy(made.seed, seed, sizeof(made.seed));
    if (gw_slab_init(&made.filters, sizeof(struct gw_filter), max_levels) !=
            MQTTSN_OK ||
        gw_slab_init(&made.levels, sizeof(struct gw_filter_level),
                     max_levels) != MQTTSN_OK ||
        gw_table_init(&made.plain_levels, max_levels) != MQTTSN_OK) {
        gw_filters_fini(&made);
        return MQTTSN_ENOSPACE;
    }
    *filters = made;
    return MQTTSN_OK;
}

void gw_filters_fini(struct gw_filters *filters)
{
    gw_slab_fini(&filters->filters);
    gw_slab_fini(&filters->levels);
    gw_table_fini(&filters->plain_levels);
    *filters = (struct gw_filters){0};
}

struct gw_filter *gw_filter_at(const struct gw_filters *filters,
                               uint32_t filter)
{
    struct gw_filter *f = gw_slab_at(&filters->filters, filter);

    return f;
}

static const struct gw_filter_level *level_at(const struct gw_filters *filters,
                                              uint32_t level)
{
    return level == 0 ? &filters->top : gw_slab_at(&filters->levels, level);
}

static struct gw_filter_level *level_to_change(struct gw_filters *filters,
                                               uint32_t level)
{
    return level == 0 ? &filters->top : gw_slab_at(&filters->levels, level);
}

static bool is(struct mqttsn_span text, uint8_t wildcard)
{
    return text.len == 1 && text.data[0] == wildcard;
}

static uint64_t hash_of(const struct gw_filters *filters, uint32_t above,
                        uint32_t name)
{
    uint32_t key[] = {above, name};

    return gw_siphash13(filters->seed, key, sizeof(key));
}

static uint32_t plain_below(const struct gw_filters *filters, uint32_t above,
                            uint32_t name)
{
    const struct gw_filter_level *a = level_at(filters, above);
    struct gw_table_probe probe;
    uint32_t level;

    if (a->below == (a->plus != 0))
        return 0;
    level = gw_table_first(&filters->plain_levels,
                           hash_of(filters, above, name), &probe);
    while (level != 0 && (level_at(filters, level)->above != above ||
                          level_at(filters, level)->name != name))
        level = gw_table_next(&filters->plain_levels, &probe);
    return level;
}

/* The name of a plain level; false when there can be none of it. */
static bool find_name(const struct gw_filters *filters, struct mqttsn_span text,
                      uint32_t *ret_name)
{
    uint32_t name = gw_names_find(filters->names, text);

    if (name == 0 && text.len > 0)
        return false;
    *ret_name = name;
    return true;
}

static uint32_t level_below(const struct gw_filters *filters, uint32_t above,
                            struct mqttsn_span text)
{
    uint32_t name;

    if (is(text, '+'))
        return level_at(filters, above)->plus;
    return find_name(filters, text, &name) ? plain_below(filters, above, name)
                                           : 0;
}

static uint32_t make_level(struct gw_filters *filters, uint32_t above,
                           struct mqttsn_span text)
{
    uint32_t name = 0;

    if (is(text, '+')) {
        name = plus_name;
    } else if (text.len > 0) {
        name = gw_names_intern(filters->names, text);
        if (name == 0)
            return 0;
    }

    uint32_t level = gw_slab_take(&filters->levels);

    if (level == 0) {
        if (name != plus_name)
            gw_names_unref(filters->names, name);
        return 0;
    }
    level_to_change(filters, level)->above = above;
    level_to_change(filters, level)->name = name;
    if (name == plus_name)
        level_to_change(filters, above)->plus = level;
    else
        gw_table_insert(&filters->plain_levels, hash_of(filters, above, name),
                        level);
    level_to_change(filters, above)->below++;
    return level;
}

static void free_level(struct gw_filters *filters, uint32_t level)
{
    const struct gw_filter_level *l = level_at(filters, level);
    struct gw_filter_level *above = level_to_change(filters, l->above);

    above->below--;
    if (l->name == plus_name) {
        above->plus = 0;
    } else {
        gw_table_remove(&filters->plain_levels,
                        hash_of(filters, l->above, l->name), level);
        gw_names_unref(filters->names, l->name);
    }
    gw_slab_give(&filters->levels, level);
}

/* Frees 'level' and those above it, up to the first that is needed. */
static void prune(struct gw_filters *filters, uint32_t level)
{
    while (level != 0) {
        const struct gw_filter_level *l = level_at(filters, level);
        uint32_t above = l->above;

        if (l->filter != 0 || l->hash_filter != 0 || l->below > 0)
            return;
        free_level(filters, level);
        level = above;
    }
}

static bool too_deep(struct mqttsn_span text)
{
    struct mqttsn_span level;
    uint32_t count = 0;

    while (mqttsn_topic_next_level(&text, &level)) {
        if (++count > GW_FILTER_LEVELS_MAX)
            return true;
    }
    return false;
}

/* Where a level keeps the filter that ends there. */
static uint32_t *end_of(struct gw_filters *filters, uint32_t level,
                        bool is_hash)
{
    struct gw_filter_level *l = level_to_change(filters, level);

    return is_hash ? &l->hash_filter : &l->filter;
}

static uint32_t make_filter(struct gw_filters *filters, uint32_t level,
                            bool is_hash, struct mqttsn_span text)
{
    uint32_t name = gw_names_intern(filters->names, text);
    uint32_t filter = name != 0 ? gw_slab_take(&filters->filters) : 0;

    if (filter == 0) {
        gw_names_unref(filters->names, name);
        return 0;
    }
    *gw_filter_at(filters, filter) =
        (struct gw_filter){.level = level, .name = name, .is_hash = is_hash};
    *end_of(filters, level, is_hash) = filter;
    return filter;
}

uint32_t gw_filters_add(struct gw_filters *filters, struct mqttsn_span text)
{
    struct mqttsn_span rest = text, part;
    uint32_t level = 0, filter;
    bool is_hash = false;

    assert(text.len > 0);
    if (too_deep(text))
        return 0;
    while (!is_hash && mqttsn_topic_next_level(&rest, &part)) {
        uint32_t below;

        is_hash = is(part, '#');
        if (is_hash)
            break;
        below = level_below(filters, level, part);
        if (below == 0)
            below = make_level(filters, level, part);
        if (below == 0)
            goto fail;
        level = below;
    }
    filter = *end_of(filters, level, is_hash);
    if (filter == 0)
        filter = make_filter(filters, level, is_hash, text);
    if (filter != 0)
        return filter;

fail:
    /* What was there before is needed by others, so this stops at it. */
    prune(filters, level);
    return 0;
}

uint32_t gw_filters_find(const struct gw_filters *filters,
                         struct mqttsn_span text)
{
    struct mqttsn_span rest = text, part;
    uint32_t level = 0;

    while (mqttsn_topic_next_level(&rest, &part)) {
        if (is(part, '#'))
            return level_at(filters, level)->hash_filter;
        level = level_below(filters, level, part);
        if (level == 0)
            return 0;
    }
    return level != 0 ? level_at(filters, level)->filter : 0;
}

void gw_filters_drop(struct gw_filters *filters, uint32_t filter)
{
    struct gw_filter *f = gw_filter_at(filters, filter);
    uint32_t level = f->level;

    assert(f->name != 0);
    *end_of(filters, level, f->is_hash) = 0;
    gw_names_unref(filters->names, f->name);
    f->name = 0;
    gw_slab_give(&filters->filters, filter);
    prune(filters, level);
}

/*
 * A topic that is walked down the tree, and the levels still to look at. The
 * names of its own levels are looked up when the walk first comes so far, and
 * then kept: every branch of the tree asks for the same ones.
 */
struct walk {
    struct mqttsn_span rest; /* behind the levels that are known */
    uint32_t known;
    uint32_t names[GW_FILTER_LEVELS_MAX];
    bool missing[GW_FILTER_LEVELS_MAX]; /* no filter has this name */

    /* Depth first, a level leaves at most one sibling waiting for each level
     * above it. */
    struct pending {
        uint32_t level;
        uint32_t depth; /* levels that led to it */
    } pending[GW_FILTER_LEVELS_MAX + 1];
    uint32_t pending_count;
};

static void push(struct walk *walk, uint32_t level, uint32_t depth)
{
    if (level == 0)
        return;
    assert(walk->pending_count <= GW_FILTER_LEVELS_MAX);
    walk->pending[walk->pending_count++] = (struct pending){level, depth};
}

/* Whether the topic has a level number 'depth' that one in the tree can stand
 * for; then its name is looked up. */
static bool know_name(const struct gw_filters *filters, struct walk *walk,
                      uint32_t depth)
{
    struct mqttsn_span part;

    if (depth < walk->known)
        return true;
    assert(depth == walk->known);
    if (depth == GW_FILTER_LEVELS_MAX ||
        !mqttsn_topic_next_level(&walk->rest, &part))
        return false;
    walk->names[depth] = 0;
    walk->missing[depth] = !find_name(filters, part, &walk->names[depth]);
    walk->known++;
    return true;
}

static bool ends_at(const struct walk *walk, uint32_t depth)
{
    return depth == walk->known && walk->rest.data == NULL;
}

static void push_below(const struct gw_filters *filters, struct walk *walk,
                       uint32_t above, uint32_t depth, bool wildcards)
{
    if (!know_name(filters, walk, depth))
        return;
    if (wildcards)
        push(walk, level_at(filters, above)->plus, depth + 1);
    if (!walk->missing[depth])
        push(walk, plain_below(filters, above, walk->names[depth]), depth + 1);
}

/* The depth at which wildcards do not match, for the topic as nodes see it
 * begins there with '$'; one that there is not, when it does not. */
static uint32_t plain_depth(const struct gw_filters *filters,
                            struct mqttsn_span topic)
{
    uint32_t levels = filters->prefix_levels;
    struct mqttsn_span part;

    for (uint32_t i = 0; i < levels; i++)
        (void)mqttsn_topic_next_level(&topic, &part);
    return topic.len > 0 && topic.data[0] == '$' ? levels : UINT32_MAX;
}

void gw_filters_match(const struct gw_filters *filters,
                      struct mqttsn_span topic,
                      void (*visit)(void *user, uint32_t filter), void *user)
{
    uint32_t plain = plain_depth(filters, topic);
    struct walk walk;

    walk.rest = topic;
    walk.known = 0;
    walk.pending_count = 0;
    if (plain != 0 && filters->top.hash_filter != 0)
        visit(user, filters->top.hash_filter);
    push_below(filters, &walk, 0, 0, plain != 0);
    while (walk.pending_count > 0) {
        struct pending at = walk.pending[--walk.pending_count];
        const struct gw_filter_level *l = level_at(filters, at.level);

        /* "a/#" matches "a" as well, so '#' comes before the end does. */
        if (l->hash_filter != 0 && at.depth != plain)
            visit(user, l->hash_filter);
        if (!ends_at(&walk, at.depth))
            push_below(filters, &walk, at.level, at.depth, at.depth != plain);
        else if (l->filter != 0)
            visit(user, l->filter);
    }
}
