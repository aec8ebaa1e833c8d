/* SPDX-License-Identifier: MIT */
#include "filters.h"

#include "check.h"
#include "random.h"

static const uint8_t seed[16] = {9, 8, 7};

struct fixture {
    struct gw_names names;
    struct gw_filters filters;
};

static void set_up(struct fixture *f, uint32_t max_levels, uint64_t names_bytes)
{
    assert_int_equal(gw_names_init(&f->names, names_bytes, seed), MQTTSN_OK);
    assert_int_equal(gw_filters_init(&f->filters, &f->names, max_levels, seed),
                     MQTTSN_OK);
}

static void tear_down(struct fixture *f)
{
    gw_filters_fini(&f->filters);
    gw_names_fini(&f->names);
}

static uint32_t add(struct fixture *f, const char *filter)
{
    return gw_filters_add(&f->filters, mqttsn_span_text(filter));
}

static uint32_t find(const struct fixture *f, const char *filter)
{
    return gw_filters_find(&f->filters, mqttsn_span_text(filter));
}

static void assert_nothing_is_left(const struct fixture *f)
{
    assert_int_equal(f->filters.filters.used, 0);
    assert_int_equal(f->filters.levels.used, 0);
    assert_int_equal(f->filters.plain_levels.used, 0);
    assert_int_equal(f->filters.top.below, 0);
    assert_int_equal(f->filters.top.plus, 0);
    assert_int_equal(f->filters.top.hash_filter, 0);
    assert_int_equal(f->names.used_names, 0);
}

enum { SEEN_MAX = 2048 };

struct seen {
    uint32_t times[SEEN_MAX]; /* by node */
    uint32_t total;
};

static void see(void *user, uint32_t node)
{
    struct seen *seen = user;

    assert_true(node < SEEN_MAX);
    seen->times[node]++;
    seen->total++;
}

static void match(const struct fixture *f, const char *topic, struct seen *seen)
{
    memset(seen, 0, sizeof(*seen));
    gw_filters_match(&f->filters, mqttsn_span_text(topic), see, seen);
}

/* The rules of [MQTT-3.1.1 4.7] once more, on strings and by recursion. */
static bool naive_levels_match(const char *filter, const char *topic)
{
    size_t f = strcspn(filter, "/");
    size_t t = strcspn(topic, "/");

    if (strcmp(filter, "#") == 0)
        return true;
    if (!(f == 1 && filter[0] == '+') &&
        !(f == t && strncmp(filter, topic, f) == 0))
        return false;
    if (topic[t] == '\0')
        return filter[f] == '\0' || strcmp(filter + f, "/#") == 0;
    return filter[f] == '/' &&
           naive_levels_match(filter + f + 1, topic + t + 1);
}

static bool naive_match(const char *filter, const char *topic)
{
    if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#'))
        return false;
    return naive_levels_match(filter, topic);
}

static void each_rule_of_matching_holds(void **unused)
{
    static const struct {
        const char *why;
        const char *filter;
        const char *topic;
        bool matches;
    } rows[] = {
        {"a name matches itself", "a/b", "a/b", true},
        {"and no other", "a/b", "a/c", false},
        {"nor what is above", "a/b", "a", false},
        {"nor what is below", "a", "a/b", false},
        {"letter case counts", "a", "A", false},
        {"'+' is one level", "a/+", "a/b", true},
        {"and only one", "a/+", "a/b/c", false},
        {"and not none", "a/+", "a", false},
        {"an empty level is a level", "a/+", "a/", true},
        {"'+' may be the first", "+/b", "a/b", true},
        {"and the first may be empty", "+/b", "/b", true},
        {"an empty level is itself", "/b", "/b", true},
        {"and not nothing", "/b", "b", false},
        {"a trailing '/' counts", "a/", "a", false},
        {"'+/+' is two levels", "+/+", "/", true},
        {"and not one", "+", "/", false},
        {"'#' is all that follow", "a/#", "a/b/c", true},
        {"and the level above", "a/#", "a", true},
        {"and an empty one", "a/#", "a/", true},
        {"but not a sibling", "a/#", "ab", false},
        {"'#' alone is everything", "#", "/", true},
        {"'+/#' too, above included", "+/#", "a", true},
        {"'#' stays off '$'", "#", "$SYS/x", false},
        {"'+' stays off '$'", "+/x", "$SYS/x", false},
        {"'$' by its name", "$SYS/#", "$SYS/x", true},
        {"'+' below '$'", "$SYS/+", "$SYS/x", true},
        {"'$' counts only in front", "a/+", "a/$x", true},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        struct seen seen;
        uint32_t node;

        CASE(rows[i].why);
        set_up(&f, 16, 65536);
        node = add(&f, rows[i].filter);
        match(&f, rows[i].topic, &seen);
        assert_int_equal(seen.times[node], rows[i].matches);
        assert_int_equal(seen.total, rows[i].matches);
        /* So that the model below can be believed. */
        assert_int_equal(naive_match(rows[i].filter, rows[i].topic),
                         rows[i].matches);
        gw_filters_drop(&f.filters, node);
        assert_nothing_is_left(&f);
        tear_down(&f);
    }
}

static void only_what_was_added_is_found(void **unused)
{
    struct fixture f;
    uint32_t node;

    (void)unused;
    set_up(&f, 16, 65536);
    node = add(&f, "a/+/c/#");

    assert_int_equal(find(&f, "a/+/c/#"), node);
    assert_int_equal(find(&f, "a/+/c"), 0); /* there, but no filter ends */
    assert_int_equal(find(&f, "a"), 0);
    assert_int_equal(find(&f, "a/b/c/#"), 0);
    assert_int_equal(find(&f, "+"), 0);
    assert_true(mqttsn_span_equal(
        gw_names_span(&f.names, gw_filter_at(&f.filters, node)->name),
        mqttsn_span_text("a/+/c/#")));
    tear_down(&f);
}

static void the_callers_fields_last_as_long_as_the_filter(void **unused)
{
    struct fixture f;
    uint32_t node;
    struct gw_filter *filter;

    (void)unused;
    set_up(&f, 16, 65536);
    node = add(&f, "a");
    filter = gw_filter_at(&f.filters, node);
    filter->subs_head = filter->unsub_list = 7;
    filter->up_state = filter->unsub_next = filter->wants = 7;
    assert_int_not_equal(add(&f, "a/b"), 0); /* keeps the level of "a" */

    assert_int_equal(add(&f, "a"), node);
    assert_int_equal(filter->subs_head, 7);

    gw_filters_drop(&f.filters, node);
    assert_int_equal(find(&f, "a"), 0);
    assert_int_equal(add(&f, "a"), node);
    assert_int_equal(filter->subs_head, 0);
    assert_int_equal(filter->unsub_list, 0);
    assert_int_equal(filter->up_state, 0);
    assert_int_equal(filter->unsub_next, 0);
    assert_int_equal(filter->wants, 0);
    tear_down(&f);
}

static void
dropping_one_filter_spares_those_that_share_its_levels(void **unused)
{
    struct fixture f;
    struct seen seen;
    uint32_t deep;
    uint32_t fork;
    uint32_t above;

    (void)unused;
    set_up(&f, 16, 65536);
    above = add(&f, "a/b");
    deep = add(&f, "a/b/c/d");
    fork = add(&f, "a/b/+/d");
    assert_int_equal(f.filters.levels.used, 6);

    gw_filters_drop(&f.filters, deep);
    match(&f, "a/b/c/d", &seen);
    assert_int_equal(seen.total, 1);
    assert_int_equal(seen.times[fork], 1);
    assert_int_equal(f.filters.levels.used, 4);

    gw_filters_drop(&f.filters, above);
    assert_int_equal(f.filters.levels.used, 4); /* "a/b/+/d" goes through it */
    gw_filters_drop(&f.filters, fork);
    assert_nothing_is_left(&f);
    tear_down(&f);
}

/* 'count' levels of one letter each: "a/a/a" */
static struct mqttsn_span deep(char *buf, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf[2 * i] = 'a';
        buf[2 * i + 1] = '/';
    }
    return mqttsn_span(buf, 2 * count - 1);
}

static void depth_is_bounded(void **unused)
{
    static char buf[2 * GW_FILTER_LEVELS_MAX + 8];
    static struct seen seen;
    struct fixture f;
    uint32_t deepest;
    uint32_t hash;

    (void)unused;
    set_up(&f, 1000, 1 << 20);
    assert_int_equal(
        gw_filters_add(&f.filters, deep(buf, GW_FILTER_LEVELS_MAX + 1)), 0);
    assert_nothing_is_left(&f);

    deepest = gw_filters_add(&f.filters, deep(buf, GW_FILTER_LEVELS_MAX));
    deep(buf, GW_FILTER_LEVELS_MAX);
    buf[2 * GW_FILTER_LEVELS_MAX - 2] = '#';
    hash = gw_filters_add(&f.filters,
                          mqttsn_span(buf, 2 * GW_FILTER_LEVELS_MAX - 1));
    assert_int_not_equal(deepest, 0);
    assert_int_not_equal(hash, 0);

    for (uint32_t levels = GW_FILTER_LEVELS_MAX - 2;
         levels <= GW_FILTER_LEVELS_MAX + 2; levels++) {
        memset(&seen, 0, sizeof(seen));
        gw_filters_match(&f.filters, deep(buf, levels), see, &seen);
        assert_int_equal(seen.times[deepest], levels == GW_FILTER_LEVELS_MAX);
        assert_int_equal(seen.times[hash], levels >= GW_FILTER_LEVELS_MAX - 1);
    }
    tear_down(&f);
}

/* At every level a '+' and a name both lead on: the most that can wait. */
static void the_widest_walk_fits_its_stack(void **unused)
{
    static char buf[2 * GW_FILTER_LEVELS_MAX + 8];
    static struct seen seen;
    struct fixture f;
    uint32_t added = 0;

    (void)unused;
    set_up(&f, 2000, 1 << 20);
    for (uint32_t i = 0; i <= GW_FILTER_LEVELS_MAX; i++) {
        struct mqttsn_span filter = deep(buf, GW_FILTER_LEVELS_MAX);

        if (i < GW_FILTER_LEVELS_MAX) {
            buf[2 * i] = '+'; /* and then the end */
            filter.len = 2 * i + 1;
        }
        added += gw_filters_add(&f.filters, filter) != 0;
    }
    assert_int_equal(added, GW_FILTER_LEVELS_MAX + 1);

    gw_filters_match(&f.filters, deep(buf, GW_FILTER_LEVELS_MAX), see, &seen);

    assert_int_equal(seen.total, 2); /* "a/../a" and "a/../+" */
    tear_down(&f);
}

static void a_topic_of_nothing_but_slashes_is_walked(void **unused)
{
    static char topic[65535];
    static struct seen seen;
    struct fixture f;
    uint32_t all;

    (void)unused;
    memset(topic, '/', sizeof(topic));
    set_up(&f, 16, 65536);
    all = add(&f, "+/+/#");
    add(&f, "///");

    gw_filters_match(&f.filters, mqttsn_span(topic, sizeof(topic)), see, &seen);

    assert_int_equal(seen.total, 1);
    assert_int_equal(seen.times[all], 1);
    tear_down(&f);
}

static void a_full_table_leaves_nothing_behind(void **unused)
{
    struct fixture f;
    struct seen seen;
    uint32_t ab;
    uint32_t names;

    (void)unused;
    set_up(&f, 4, 65536);
    ab = add(&f, "a/b");
    names = f.names.used_names;

    assert_int_equal(add(&f, "a/+/c/d"), 0); /* the third new one is missing */
    assert_int_equal(add(&f, "x/y/z"), 0);

    assert_int_equal(f.filters.levels.used, 2);
    assert_int_equal(f.filters.plain_levels.used, 2);
    assert_int_equal(f.names.used_names, names);
    match(&f, "a/b", &seen);
    assert_int_equal(seen.times[ab], 1);
    assert_int_not_equal(add(&f, "a/+/c"), 0);
    tear_down(&f);
}

/* Names run out at the level, or only at the whole filter's name. */
static void full_names_leave_nothing_behind(void **unused)
{
    static const char *const filters[] = {
        "level-of-twenty-octet/x", /* a level that needs a larger class */
        "p/q/r/s/t/u/v/w/x/y/z",   /* only the whole one is too long */
        "+/+/+/+/+/+/+/+/+/+/+/#",
    };
    struct fixture f;
    uint32_t levels;
    uint32_t names;

    (void)unused;
    set_up(&f, 1000, 4096);
    /* The one page is of the smallest class, and stays so. */
    assert_int_not_equal(add(&f, "a/b"), 0);
    levels = f.filters.levels.used;
    names = f.names.used_names;

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        assert_int_equal(add(&f, filters[i]), 0);
        assert_int_equal(f.filters.levels.used, levels);
        assert_int_equal(f.names.used_names, names);
    }
    gw_filters_drop(&f.filters, find(&f, "a/b"));
    assert_nothing_is_left(&f);
    tear_down(&f);
}

enum { TEXT_MAX = 32, HELD = 300 };

/* One to five levels, empty ones among them; never the empty text. */
static void random_text(uint64_t *random, bool filter, char ret_text[TEXT_MAX])
{
    static const char *const levels[] = {"", "a", "b", "cc", "$s", "+", "#"};

    do {
        uint32_t count = 1 + random_below(random, 5);

        ret_text[0] = '\0';
        for (uint32_t i = 0; i < count; i++) {
            uint32_t kinds = !filter ? 5 : i + 1 == count ? 7 : 6;

            if (i > 0)
                strcat(ret_text, "/");
            strcat(ret_text, levels[random_below(random, kinds)]);
        }
    } while (ret_text[0] == '\0');
}

struct model {
    char text[HELD][TEXT_MAX];
    uint32_t node[HELD];
    uint32_t count;
};

static uint32_t model_index(const struct model *m, const char *text)
{
    uint32_t i = 0;

    while (i < m->count && strcmp(m->text[i], text) != 0)
        i++;
    return i;
}

static void model_add(struct model *m, struct fixture *f, const char *text)
{
    uint32_t i = model_index(m, text);
    uint32_t levels = f->filters.levels.used;
    uint32_t names = f->names.used_names;
    uint32_t node = add(f, text);

    if (i < m->count) {
        assert_int_equal(node, m->node[i]);
    } else if (node == 0) {
        assert_int_equal(f->filters.levels.used, levels);
        assert_int_equal(f->names.used_names, names);
        assert_int_equal(find(f, text), 0);
    } else {
        assert_true(m->count < HELD);
        strcpy(m->text[m->count], text);
        m->node[m->count++] = node;
    }
}

static void model_drop(struct model *m, struct fixture *f, uint32_t i)
{
    gw_filters_drop(&f->filters, m->node[i]);
    assert_int_equal(find(f, m->text[i]), 0);
    m->count--;
    m->node[i] = m->node[m->count];
    memmove(m->text[i], m->text[m->count], TEXT_MAX);
}

static void model_match(const struct model *m, const struct fixture *f,
                        const char *topic)
{
    struct seen seen;
    uint32_t expected = 0;

    match(f, topic, &seen);
    for (uint32_t i = 0; i < m->count; i++) {
        bool matches = naive_match(m->text[i], topic);

        if (seen.times[m->node[i]] != matches)
            print_message("    filter '%s' topic '%s'\n", m->text[i], topic);
        assert_int_equal(seen.times[m->node[i]], matches);
        expected += matches;
    }
    assert_int_equal(seen.total, expected);
}

static void run_model(uint32_t max_levels, uint64_t random)
{
    enum { OPERATIONS = 30000 };
    static struct model m;
    struct fixture f;

    m.count = 0;
    set_up(&f, max_levels, 1 << 20);
    for (int op = 0; op < OPERATIONS; op++) {
        bool growing = op / 1500 % 2 == 0;
        char text[TEXT_MAX];

        if (m.count < HELD && random_below(&random, 4) < (growing ? 3U : 1U)) {
            random_text(&random, true, text);
            model_add(&m, &f, text);
        } else if (m.count > 0) {
            model_drop(&m, &f, random_below(&random, m.count));
        }
        random_text(&random, false, text);
        model_match(&m, &f, text);
    }
    while (m.count > 0)
        model_drop(&m, &f, 0);
    assert_nothing_is_left(&f);
    tear_down(&f);
}

static void it_agrees_with_a_naive_matcher(void **unused)
{
    (void)unused;
    run_model(SEEN_MAX - 1, 42424242424242);
}

static void it_agrees_with_a_naive_matcher_when_levels_run_out(void **unused)
{
    (void)unused;
    run_model(40, 31415926535897);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_of_matching_holds),
        cmocka_unit_test(only_what_was_added_is_found),
        cmocka_unit_test(the_callers_fields_last_as_long_as_the_filter),
        cmocka_unit_test(
            dropping_one_filter_spares_those_that_share_its_levels),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_widest_walk_fits_its_stack),
        cmocka_unit_test(a_topic_of_nothing_but_slashes_is_walked),
        cmocka_unit_test(a_full_table_leaves_nothing_behind),
        cmocka_unit_test(full_names_leave_nothing_behind),
        cmocka_unit_test(it_agrees_with_a_naive_matcher),
        cmocka_unit_test(it_agrees_with_a_naive_matcher_when_levels_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
