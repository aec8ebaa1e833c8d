/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include "check.h"

static struct mqttsn_span text(const char *s)
{
    return mqttsn_span_text(s);
}

static void a_glob_matches_as_a_shell_does(void **unused)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"abc", "abc", true},
        {"abc", "abd", false},
        {"abc", "ab", false},
        {"ab", "abc", false},
        {"?", "a", true},
        {"?", "", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*", "", true},
        {"*", "anything/at all", true},
        {"sensor-*", "sensor-", true},
        {"sensor-*", "sensor-7", true},
        {"sensor-*", "a-sensor-7", false},
        {"*-7", "sensor-7", true},
        {"*-7", "sensor-77", false},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "a-c-b", false},
        {"*aab", "aaaaab", true},
        {"**", "x", true},
        {"[abc]", "b", true},
        {"[abc]", "d", false},
        {"[abc]", "", false},
        {"[abc]", "[abc]", false},
        {"[a-cx-z]", "y", true},
        {"[a-cx-z]", "d", false},
        {"[!a-c]", "d", true},
        {"[!a-c]", "b", false},
        {"[!a-c]", "", false},
        {"n[0-9][0-9]", "n42", true},
        {"n[0-9][0-9]", "n4x", false},
        {"*[0-9]", "abc7", true},
        {"*[0-9]", "abc7x", false},
        {"[]]", "]", true},
        {"[]a]", "a", true},
        {"[!]]", "]", false},
        {"[!]]", "a", true},
        {"[a-]", "-", true},
        {"[-a]", "-", true},
        {"[a!]", "!", true},
        {"[\\]]", "]", true},
        {"[\\]]", "\\", false},
        {"[*]", "*", true},
        {"[*]", "a", false},
        {"[c-a]", "b", false},
        {"[abc", "[abc", true},
        {"[abc", "a", false},
        {"a[", "a[", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\?", "?", true},
        {"\\[a]", "[a]", true},
        {"\\[a]", "a", false},
        {"\\\\", "\\", true},
        {"\\a", "a", true},
        {"a\\", "a\\", true},
        {"\xff*", "\xff\xfe", true},
        {"[\x80-\xff]", "\xc3", true},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].pattern);
        assert_int_equal(
            gw_glob_matches(text(rows[i].pattern), text(rows[i].text)),
            rows[i].matches);
    }
    assert_true(gw_glob_matches(mqttsn_span(NULL, 0), mqttsn_span(NULL, 0)));
    assert_true(gw_glob_matches(text("a?b"), mqttsn_span("a\0b", 3)));
}

static bool naive(const char *p, const char *t)
{
    if (*p == '*')
        return naive(p + 1, t) || (*t != '\0' && naive(p, t + 1));
    if (*p == '\0' || *t == '\0')
        return *p == *t;
    return (*p == '?' || *p == *t) && naive(p + 1, t + 1);
}

/* The word of a number in the digits of 'alphabet'; every word has one. */
static void spell(unsigned number, const char *alphabet, char *ret_word)
{
    size_t base = strlen(alphabet);

    for (; number > 0; number = (unsigned)((number - 1) / base))
        *ret_word++ = alphabet[(number - 1) % base];
    *ret_word = '\0';
}

static void all_short_globs_agree_with_the_definition(void **unused)
{
    char pattern[16], word[16];

    (void)unused;
    for (unsigned p = 0; p < 1365; p++) { /* up to five of four */
        spell(p, "ab*?", pattern);
        for (unsigned t = 0; t < 127; t++) { /* up to six of two */
            spell(t, "ab", word);
            if (gw_glob_matches(text(pattern), text(word)) !=
                naive(pattern, word))
                fail_msg("'%s' and '%s'", pattern, word);
        }
    }
}

/* A matcher that tries every star again would not live to see the end. */
static void a_glob_of_many_stars_is_no_burden(void **unused)
{
    char pattern[101], word[1001];

    (void)unused;
    for (size_t i = 0; i < 100; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[99] = 'b';
    memset(word, 'a', 1000);
    assert_false(
        gw_glob_matches(mqttsn_span(pattern, 100), mqttsn_span(word, 1000)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glob_matches_as_a_shell_does),
        cmocka_unit_test(all_short_globs_agree_with_the_definition),
        cmocka_unit_test(a_glob_of_many_stars_is_no_burden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
