/* SPDX-License-Identifier: MIT */
/*
 * names.h - strings kept once: client ids, topic names, filters, levels, wills.
 *
 * A string is interned: equal octets give the same reference, so references
 * compare like strings. References are counted; the octets stay in place, in
 * one piece, while a count is held. All of it comes from one budget, in pages
 * of 4 KiB that each serve one size class; a page that empties serves any
 * class again. For each 32 octets of budget one name is kept, however short
 * names are. Reference 0 means "none".
 */
#ifndef GW_NAMES_H
#define GW_NAMES_H

#include "table.h"

#include "mqttsn/span.h"
#include "mqttsn/status.h"

#define GW_NAMES_LONGEST 2000 /* octets of the longest string */

struct gw_names_page;

/* What lies before the octets. Private. */
struct gw_name {
    uint32_t refs; /* 0: free */
    uint16_t len;
    uint16_t next; /* while free: the next of its page that is */
};

#define GW_NAMES_UNIT 8 /* a reference counts these, from 1. Private */

struct gw_names {
    uint8_t *arena;
    struct gw_names_page *pages;
    uint32_t page_count;
    uint32_t high;       /* pages 0..high-1 were ever used */
    uint32_t free_pages; /* list of empty pages, 1-based */
    uint32_t open[16];   /* per class: pages with room, 1-based */
    uint64_t used_bytes; /* octets of blocks that are taken */
    uint32_t used_names;
    struct gw_table table;
    uint8_t seed[16];
};

MQTTSN_CHECKED enum mqttsn_status gw_names_init(struct gw_names *names,
                                                uint64_t budget_bytes,
                                                const uint8_t seed[16]);
void gw_names_fini(struct gw_names *names);
uint64_t gw_names_size(uint64_t budget_bytes);

/* A counted reference to 'text' (1..GW_NAMES_LONGEST octets); 0 when there is
 * no room or the text is empty or too long. */
uint32_t gw_names_intern(struct gw_names *names, struct mqttsn_span text);

/* The reference of 'text' if it is kept, uncounted; else 0. */
uint32_t gw_names_find(const struct gw_names *names, struct mqttsn_span text);

/* An assertion that failed, below; see slab.h. */
_Noreturn void gw_names_misused(void);

/* A name that is held. Private. */
static inline struct gw_name *gw_name_at(const struct gw_names *names,
                                         uint32_t ref)
{
    struct gw_name *name =
        (void *)(names->arena + (size_t)(ref - 1) * GW_NAMES_UNIT);

    if (ref == 0 || name->refs == 0)
        gw_names_misused();
    return name;
}

/* One more holder; 'ref' 0 is allowed and does nothing. Returns 'ref'. */
static inline uint32_t gw_names_ref(struct gw_names *names, uint32_t ref)
{
    if (ref != 0) {
        struct gw_name *name = gw_name_at(names, ref);

        if (name->refs == UINT32_MAX)
            gw_names_misused();
        name->refs++;
    }
    return ref;
}

/* Its only holder gives it up. Private. */
void gw_names_free(struct gw_names *names, uint32_t ref);

/* One holder less; the last one frees it. 0 does nothing. */
static inline void gw_names_unref(struct gw_names *names, uint32_t ref)
{
    if (ref == 0)
        return;
    if (gw_name_at(names, ref)->refs > 1)
        gw_name_at(names, ref)->refs--;
    else
        gw_names_free(names, ref);
}

/* The octets; empty for 0, and even then no null pointer. */
static inline struct mqttsn_span gw_names_span(const struct gw_names *names,
                                               uint32_t ref)
{
    const struct gw_name *name;

    if (ref == 0)
        return mqttsn_span("", 0);
    name = gw_name_at(names, ref);
    return mqttsn_span(name + 1, name->len);
}

#endif
