/* SPDX-License-Identifier: MIT */
#include "policy.h"

/* The octet at 'at', behind a backslash if there is one; moves 'at' behind it.
 * A backslash at the end stands for itself. */
static uint8_t literal(struct mqttsn_span pattern, size_t *at)
{
    if (pattern.data[*at] == '\\' && *at + 1 < pattern.len)
        ++*at;
    return pattern.data[(*at)++];
}

/* Tries the set that begins behind a '[', at 'at'. Returns the place behind its
 * ']', or 0 when there is none: then the '[' stands for itself. */
static size_t match_set(struct mqttsn_span pattern, size_t at, uint8_t octet,
                        bool *ret_matches)
{
    bool negated = at < pattern.len && pattern.data[at] == '!';
    size_t first = negated ? at + 1 : at;
    bool found = false;

    for (at = first; at < pattern.len; first = 0) {
        uint8_t low, high;

        /* A ']' that comes first is one of the set. */
        if (pattern.data[at] == ']' && at != first) {
            *ret_matches = found != negated;
            return at + 1;
        }
        low = high = literal(pattern, &at);
        if (at + 1 < pattern.len && pattern.data[at] == '-' &&
            pattern.data[at + 1] != ']') {
            at++;
            high = literal(pattern, &at);
        }
        found = found || (low <= octet && octet <= high);
    }
    return 0;
}

/* Matches one octet against what the pattern has at 'at', which is no star.
 * Returns the place behind that, or 0 when it does not match. */
static size_t match_one(struct mqttsn_span pattern, size_t at, uint8_t octet)
{
    if (pattern.data[at] == '?')
        return at + 1;
    if (pattern.data[at] == '[') {
        bool matches = false;
        size_t behind = match_set(pattern, at + 1, octet, &matches);

        if (behind != 0)
            return matches ? behind : 0;
    }
    return literal(pattern, &at) == octet ? at : 0;
}

/* Only the last star is ever tried again: what the ones before it took can stay
 * as short as it is. So it ends after pattern times text steps. */
bool gw_glob_matches(struct mqttsn_span pattern, struct mqttsn_span text)
{
    size_t p = 0, t = 0;
    size_t star = 0, taken = 0; /* behind the last star, and what it took to */

    for (;;) {
        size_t behind;

        if (p < pattern.len && pattern.data[p] == '*') {
            star = ++p;
            taken = t;
            continue;
        }
        if (t == text.len && p == pattern.len)
            return true;
        behind = t < text.len && p < pattern.len
                     ? match_one(pattern, p, text.data[t])
                     : 0;
        if (behind != 0) {
            p = behind;
            t++;
        } else if (star != 0 && taken < text.len) {
            t = ++taken;
            p = star;
        } else {
            return false;
        }
    }
}
