/* SPDX-License-Identifier: MIT */
#include "filters.h"

#include "siphash.h"

#include "mqttsn/topic.h"

#include <assert.h>

/* PLAIN is 0, as in a fresh node. */
enum kind { PLAIN, PLUS, HASH };

/* A node is one of very many; the table in docs/ names its size. */
_Static_assert(sizeof(struct gw_filter) <= 72, "filter node");

uint64_t gw_filters_size(uint32_t max_nodes)
{
    return gw_slab_size(sizeof(struct gw_filter), max_nodes) +
           gw_table_size(max_nodes);
}

enum mqttsn_status gw_filters_init(struct gw_filters *filters,
                                   struct gw_names *names, uint32_t max_nodes,
                                   const uint8_t seed[16])
{
    struct gw_filters made = {.names = names};

    memcpy(made.seed, seed, sizeof(made.seed));
    if (gw_slab_init(&made.nodes, sizeof(struct gw_filter), max_nodes) !=
        MQTTSN_OK)
        return MQTTSN_ENOSPACE;
    if (gw_table_init(&made.table, max_nodes) != MQTTSN_OK)
        goto fail;
    *filters = made;
    return MQTTSN_OK;

fail:
    gw_slab_fini(&made.nodes);
    return MQTTSN_ENOSPACE;
}

void gw_filters_fini(struct gw_filters *filters)
{
    gw_slab_fini(&filters->nodes);
    gw_table_fini(&filters->table);
    *filters = (struct gw_filters){0};
}

struct gw_filter *gw_filter_at(const struct gw_filters *filters, uint32_t node)
{
    struct gw_filter *filter = gw_slab_at(&filters->nodes, node);

    return filter;
}

static enum kind kind_of(struct mqttsn_span level)
{
    if (level.len != 1)
        return PLAIN;
    return level.data[0] == '+' ? PLUS : level.data[0] == '#' ? HASH : PLAIN;
}

/* Where the parent keeps its one '+' and its one '#'; 'parent' 0 is the top.
 * Only plain children are in the table. */
static uint32_t plus_child(const struct gw_filters *filters, uint32_t parent)
{
    return parent == 0 ? filters->plus_first
                       : gw_filter_at(filters, parent)->plus_child;
}

static uint32_t hash_child(const struct gw_filters *filters, uint32_t parent)
{
    return parent == 0 ? filters->hash_first
                       : gw_filter_at(filters, parent)->hash_child;
}

static void set_wildcard_child(struct gw_filters *filters, uint32_t parent,
                               enum kind kind, uint32_t child)
{
    assert(kind != PLAIN);
    if (parent == 0 && kind == PLUS)
        filters->plus_first = child;
    else if (parent == 0)
        filters->hash_first = child;
    else if (kind == PLUS)
        gw_filter_at(filters, parent)->plus_child = child;
    else
        gw_filter_at(filters, parent)->hash_child = child;
}

static bool has_plain_children(const struct gw_filters *filters,
                               uint32_t parent)
{
    if (parent == 0)
        return filters->plain_levels > 0;

    const struct gw_filter *p = gw_filter_at(filters, parent);

    return p->children >
           (uint32_t)(p->plus_child != 0) + (uint32_t)(p->hash_child != 0);
}

static uint64_t hash_of(const struct gw_filters *filters, uint32_t parent,
                        uint32_t level)
{
    uint32_t key[] = {parent, level};

    return gw_siphash13(filters->seed, key, sizeof(key));
}

static uint32_t plain_child(const struct gw_filters *filters, uint32_t parent,
                            uint32_t level)
{
    struct gw_table_probe probe;

    if (!has_plain_children(filters, parent))
        return 0;

    uint64_t hash = hash_of(filters, parent, level);
    uint32_t node = gw_table_first(&filters->table, hash, &probe);

    while (node != 0 && (gw_filter_at(filters, node)->parent != parent ||
                         gw_filter_at(filters, node)->level != level))
        node = gw_table_next(&filters->table, &probe);
    return node;
}

/* The reference of a plain level; false when no node can have it. */
static bool find_level(const struct gw_filters *filters,
                       struct mqttsn_span level, uint32_t *ret_level)
{
    uint32_t ref = gw_names_find(filters->names, level);

    if (ref == 0 && level.len > 0)
        return false;
    *ret_level = ref;
    return true;
}

static uint32_t child_of(const struct gw_filters *filters, uint32_t parent,
                         struct mqttsn_span level)
{
    uint32_t ref;

    switch (kind_of(level)) {
    case PLUS:
        return plus_child(filters, parent);
    case HASH:
        return hash_child(filters, parent);
    case PLAIN:
        break;
    }
    if (!find_level(filters, level, &ref))
        return 0;
    return plain_child(filters, parent, ref);
}

/* Counts a child of 'parent' in or out: 'by' is 1 or -1. */
static void count_child(struct gw_filters *filters, uint32_t parent, int by,
                        enum kind kind)
{
    if (parent != 0)
        gw_filter_at(filters, parent)->children += (uint32_t)by;
    else if (kind == PLAIN)
        filters->plain_levels += (uint32_t)by;
}

static uint32_t make_child(struct gw_filters *filters, uint32_t parent,
                           struct mqttsn_span text)
{
    enum kind kind = kind_of(text);
    uint32_t level = 0;

    if (kind == PLAIN && text.len > 0) {
        level = gw_names_intern(filters->names, text);
        if (level == 0)
            return 0;
    }

    uint32_t node = gw_slab_take(&filters->nodes);

    if (node == 0) {
        gw_names_unref(filters->names, level);
        return 0;
    }
    gw_filter_at(filters, node)->parent = parent;
    gw_filter_at(filters, node)->level = level;
    gw_filter_at(filters, node)->level_kind = (uint8_t)kind;
    if (kind == PLAIN)
        gw_table_insert(&filters->table, hash_of(filters, parent, level), node);
    else
        set_wildcard_child(filters, parent, kind, node);
    count_child(filters, parent, 1, kind);
    return node;
}

static void free_node(struct gw_filters *filters, uint32_t node)
{
    const struct gw_filter *n = gw_filter_at(filters, node);
    enum kind kind = (enum kind)n->level_kind;

    if (kind == PLAIN)
        gw_table_remove(&filters->table, hash_of(filters, n->parent, n->level),
                        node);
    else
        set_wildcard_child(filters, n->parent, kind, 0);
    count_child(filters, n->parent, -1, kind);
    gw_names_unref(filters->names, n->level);
    gw_slab_give(&filters->nodes, node);
}

/* Frees 'node' and those above it, up to the first that is needed. */
static void prune(struct gw_filters *filters, uint32_t node)
{
    while (node != 0) {
        const struct gw_filter *n = gw_filter_at(filters, node);
        uint32_t parent = n->parent;

        if (n->name != 0 || n->children > 0)
            return;
        free_node(filters, node);
        node = parent;
    }
}

static bool too_deep(struct mqttsn_span filter)
{
    struct mqttsn_span level;
    uint32_t count = 0;

    while (mqttsn_topic_next_level(&filter, &level)) {
        if (++count > GW_FILTER_LEVELS_MAX)
            return true;
    }
    return false;
}

uint32_t gw_filters_add(struct gw_filters *filters, struct mqttsn_span filter)
{
    struct mqttsn_span rest = filter;
    struct mqttsn_span level;
    uint32_t node = 0;

    assert(filter.len > 0);
    if (too_deep(filter))
        return 0;
    while (mqttsn_topic_next_level(&rest, &level)) {
        uint32_t child = child_of(filters, node, level);

        if (child == 0)
            child = make_child(filters, node, level);
        if (child == 0)
            goto fail;
        node = child;
    }

    struct gw_filter *n = gw_filter_at(filters, node);

    if (n->name == 0) {
        uint32_t name = gw_names_intern(filters->names, filter);

        if (name == 0)
            goto fail;
        n->name = name;
        n->subs_head = n->all_prev = n->all_next = 0;
        n->uses = n->wants = n->window = n->open_window = 0;
        n->unsub_list = n->unsub_next = 0;
        n->unsub_listed = n->unsub_out = n->kept = false;
        n->up_state = 0;
    }
    return node;

fail:
    /* What was there before is needed by others, so this stops at it. */
    prune(filters, node);
    return 0;
}

uint32_t gw_filters_find(const struct gw_filters *filters,
                         struct mqttsn_span filter)
{
    struct mqttsn_span rest = filter;
    struct mqttsn_span level;
    uint32_t node = 0;

    while (mqttsn_topic_next_level(&rest, &level)) {
        node = child_of(filters, node, level);
        if (node == 0)
            return 0;
    }
    return node != 0 && gw_filter_at(filters, node)->name != 0 ? node : 0;
}

void gw_filters_drop(struct gw_filters *filters, uint32_t node)
{
    struct gw_filter *n = gw_filter_at(filters, node);

    assert(n->name != 0);
    gw_names_unref(filters->names, n->name);
    n->name = 0;
    prune(filters, node);
}

/*
 * A topic that is walked down the tree, and the nodes still to look at. Its
 * levels are looked up when the walk first comes so far, and then kept: every
 * branch of the tree asks for the same ones.
 */
struct walk {
    struct mqttsn_span rest; /* behind the levels that are known */
    uint32_t known;
    uint32_t levels[GW_FILTER_LEVELS_MAX];
    bool missing[GW_FILTER_LEVELS_MAX]; /* no filter has this level */

    /* Depth first, a node leaves at most one sibling waiting for each level
     * above it. */
    struct pending {
        uint32_t node;
        uint32_t depth; /* levels that led to it */
    } pending[GW_FILTER_LEVELS_MAX + 1];
    uint32_t pending_count;
};

static void push(struct walk *walk, uint32_t node, uint32_t depth)
{
    if (node == 0)
        return;
    assert(walk->pending_count <= GW_FILTER_LEVELS_MAX);
    walk->pending[walk->pending_count++] = (struct pending){node, depth};
}

/* Whether the topic has a level number 'depth' that a node can stand for; then
 * it is looked up. */
static bool know_level(const struct gw_filters *filters, struct walk *walk,
                       uint32_t depth)
{
    struct mqttsn_span level;

    if (depth < walk->known)
        return true;
    assert(depth == walk->known);
    if (depth == GW_FILTER_LEVELS_MAX ||
        !mqttsn_topic_next_level(&walk->rest, &level))
        return false;
    walk->levels[depth] = 0;
    walk->missing[depth] = !find_level(filters, level, &walk->levels[depth]);
    walk->known++;
    return true;
}

static bool ends_at(const struct walk *walk, uint32_t depth)
{
    return depth == walk->known && walk->rest.data == NULL;
}

static void push_children(const struct gw_filters *filters, struct walk *walk,
                          uint32_t parent, uint32_t depth, bool wildcards)
{
    if (!know_level(filters, walk, depth))
        return;
    if (wildcards)
        push(walk, plus_child(filters, parent), depth + 1);
    if (!walk->missing[depth])
        push(walk, plain_child(filters, parent, walk->levels[depth]),
             depth + 1);
}

void gw_filters_match(const struct gw_filters *filters,
                      struct mqttsn_span topic,
                      void (*visit)(void *user, uint32_t node), void *user)
{
    bool wildcards = topic.len > 0 && topic.data[0] != '$';
    struct walk walk;

    walk.rest = topic;
    walk.known = 0;
    walk.pending_count = 0;
    if (wildcards && filters->hash_first != 0)
        visit(user, filters->hash_first);
    push_children(filters, &walk, 0, 0, wildcards);
    while (walk.pending_count > 0) {
        struct pending at = walk.pending[--walk.pending_count];
        const struct gw_filter *n = gw_filter_at(filters, at.node);

        /* "a/#" matches "a" as well, so '#' comes before the end does. */
        if (n->hash_child != 0)
            visit(user, n->hash_child);
        if (ends_at(&walk, at.depth)) {
            if (n->name != 0)
                visit(user, at.node);
        } else {
            push_children(filters, &walk, at.node, at.depth, true);
        }
    }
}
