/* SPDX-License-Identifier: MIT */
/* Every filter and name of a few levels over a small alphabet, against a
 * matcher that is written here in another manner, on lists of levels. */
#include "mqttsn/topic.h"

#include "check.h"

enum {
    FILTER_LEVELS = 3,
    NAME_LEVELS = 4,
    TOPICS_MAX = 1024,
    TEXT_MAX = 16,
};

/* A name of one empty level would be the empty name, which is none. */
struct topic {
    const char *levels[NAME_LEVELS];
    size_t count;
    char text[TEXT_MAX];
};

struct set {
    struct topic topics[TOPICS_MAX];
    size_t count;
};

static const char *const filter_alphabet[] = {"a", "b", "$x", "+", "#", ""};
static const char *const name_alphabet[] = {"a", "b", "c", "$x", ""};

static struct set all_filters; /* also those that are not valid */
static struct set filters;
static struct set names;
static bool matches[TOPICS_MAX][TOPICS_MAX];

static void add(struct set *set, const char *const *alphabet, size_t letters,
                size_t count, size_t number)
{
    struct topic *topic = &set->topics[set->count];

    topic->count = count;
    topic->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        topic->levels[i] = alphabet[number % letters];
        number /= letters;
        if (i > 0)
            strcat(topic->text, "/");
        strcat(topic->text, topic->levels[i]);
    }
    if (topic->text[0] != '\0')
        set->count++;
}

static void fill(struct set *set, const char *const *alphabet, size_t letters,
                 size_t levels)
{
    size_t end = 1;

    for (size_t count = 1; count <= levels; count++) {
        end *= letters;
        for (size_t number = 0; number < end; number++)
            add(set, alphabet, letters, count, number);
    }
}

static bool level_is(const char *level, const char *other)
{
    return strcmp(level, other) == 0;
}

static bool naive_valid(const struct topic *filter)
{
    for (size_t i = 0; i + 1 < filter->count; i++) {
        if (level_is(filter->levels[i], "#"))
            return false;
    }
    return true;
}

static bool naive_levels_match(const char *const *filter, size_t filter_count,
                               const char *const *name, size_t name_count)
{
    if (filter_count == 0)
        return name_count == 0;
    if (level_is(filter[0], "#"))
        return true;
    if (name_count == 0)
        return false;
    if (!level_is(filter[0], "+") && !level_is(filter[0], name[0]))
        return false;
    return naive_levels_match(filter + 1, filter_count - 1, name + 1,
                              name_count - 1);
}

static bool naive_matches(const struct topic *filter, const struct topic *name)
{
    if (name->levels[0][0] == '$' &&
        (level_is(filter->levels[0], "+") || level_is(filter->levels[0], "#")))
        return false;
    return naive_levels_match(filter->levels, filter->count, name->levels,
                              name->count);
}

static bool naive_intersect(size_t a, size_t b)
{
    for (size_t n = 0; n < names.count; n++) {
        if (matches[a][n] && matches[b][n])
            return true;
    }
    return false;
}

static int fill_sets(void **unused)
{
    (void)unused;
    fill(&names, name_alphabet, ARRAY_LEN(name_alphabet), NAME_LEVELS);
    fill(&all_filters, filter_alphabet, ARRAY_LEN(filter_alphabet),
         FILTER_LEVELS);
    for (size_t i = 0; i < all_filters.count; i++) {
        if (naive_valid(&all_filters.topics[i]))
            filters.topics[filters.count++] = all_filters.topics[i];
    }
    for (size_t f = 0; f < filters.count; f++) {
        for (size_t n = 0; n < names.count; n++)
            matches[f][n] = naive_matches(&filters.topics[f], &names.topics[n]);
    }
    return 0;
}

static void validity_agrees_with_the_levels(void **unused)
{
    (void)unused;
    assert_int_equal(names.count, 5 + 25 + 125 + 625 - 1);
    assert_int_equal(all_filters.count, 6 + 36 + 216 - 1);
    for (size_t i = 0; i < all_filters.count; i++) {
        const struct topic *filter = &all_filters.topics[i];

        if (mqttsn_filter_valid(mqttsn_span_text(filter->text)) !=
            naive_valid(filter))
            fail_msg("'%s'", filter->text);
    }
    for (size_t i = 0; i < names.count; i++)
        assert_true(
            mqttsn_topic_name_valid(mqttsn_span_text(names.topics[i].text)));
}

static void matching_agrees_on_every_filter_and_name(void **unused)
{
    (void)unused;
    for (size_t f = 0; f < filters.count; f++) {
        const char *filter = filters.topics[f].text;

        for (size_t n = 0; n < names.count; n++) {
            const char *name = names.topics[n].text;

            if (mqttsn_filter_matches(mqttsn_span_text(filter),
                                      mqttsn_span_text(name)) != matches[f][n])
                fail_msg("filter '%s', name '%s'", filter, name);
        }
    }
}

static void filters_intersect_exactly_when_a_name_matches_both(void **unused)
{
    size_t count = 0;

    (void)unused;
    for (size_t a = 0; a < filters.count; a++) {
        struct mqttsn_span a_text = mqttsn_span_text(filters.topics[a].text);

        for (size_t b = 0; b < filters.count; b++) {
            struct mqttsn_span b_text =
                mqttsn_span_text(filters.topics[b].text);
            bool expected = naive_intersect(a, b);

            count += expected;
            if (mqttsn_filters_intersect(a_text, b_text) != expected)
                fail_msg("'%s' and '%s'", filters.topics[a].text,
                         filters.topics[b].text);
        }
    }
    assert_in_range(count, filters.count, filters.count * filters.count - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity_agrees_with_the_levels),
        cmocka_unit_test(matching_agrees_on_every_filter_and_name),
        cmocka_unit_test(filters_intersect_exactly_when_a_name_matches_both),
    };

    return cmocka_run_group_tests(tests, fill_sets, NULL);
}
