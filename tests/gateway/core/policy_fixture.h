/* SPDX-License-Identifier: MIT */
/*
 * policy_fixture.h - a policy, the names it keeps, and what to give it next.
 */
#ifndef POLICY_FIXTURE_H
#define POLICY_FIXTURE_H

#include "policy.h"

#include "check.h"

enum { PREDEFINED_MAX = 8 };

static const uint8_t seed[16] = {3, 1, 4, 1, 5};

struct fixture {
    struct gw_names names;
    struct gw_policy policy;
    struct gw_options options; /* what the next 'apply' gives */
};

static inline struct mqttsn_span text(const char *s)
{
    return mqttsn_span_text(s);
}

static inline void set_up_with(struct fixture *f, uint64_t names_bytes)
{
    assert_int_equal(gw_names_init(&f->names, names_bytes, seed), MQTTSN_OK);
    assert_int_equal(
        gw_policy_init(&f->policy, &f->names, PREDEFINED_MAX, seed), MQTTSN_OK);
    gw_options_default(&f->options);
}

static inline void set_up(struct fixture *f)
{
    set_up_with(f, 256 * 1024);
}

static inline void tear_down(struct fixture *f)
{
    gw_policy_fini(&f->policy);
    assert_int_equal(f->names.used_names, 0);
    gw_names_fini(&f->names);
}

static inline enum mqttsn_status apply(struct fixture *f)
{
    return gw_policy_set(&f->policy, &f->options);
}

static inline void predefine(struct fixture *f,
                             const struct gw_predefined *rows, size_t count)
{
    f->options.predefined = rows;
    f->options.predefined_count = count;
}

/* The topic of an id for a client (NULL: for everybody), or "". */
static inline const char *topic_of(const struct fixture *f, const char *client,
                                   uint16_t id, bool *ret_open)
{
    static char copy[64];
    uint32_t who = client ? gw_names_find(&f->names, text(client)) : 0;
    uint32_t name = gw_policy_predefined_name(&f->policy, who, id, ret_open);
    struct mqttsn_span span = gw_names_span(&f->names, name);

    assert_true(span.len < sizeof(copy));
    if (span.len > 0)
        memcpy(copy, span.data, span.len);
    copy[span.len] = '\0';
    return copy;
}

static inline struct gw_addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct gw_addr){.ip = {a, b, c, d}, .port = 1883, .family = 4};
}

static inline struct gw_addr v6(uint8_t a, uint8_t b, uint8_t last)
{
    return (struct gw_addr){
        .ip = {[0] = a, [1] = b, [15] = last}, .port = 1883, .family = 6};
}

#endif
