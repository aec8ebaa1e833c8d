/* SPDX-License-Identifier: MIT */
#include "names.h"

#include "siphash.h"

#include <assert.h>
#include <stdlib.h>

/* A reference is the block's offset in units of 8 octets, plus one. */
enum { PAGE = 4096, UNIT = GW_NAMES_UNIT, PAGE_UNITS = PAGE / UNIT };

static const uint16_t class_bytes[] = {16,  24,  32,  40,  48,  64,   80,  96,
                                       128, 192, 256, 384, 512, 1024, 2048};

enum { CLASSES = sizeof(class_bytes) / sizeof(class_bytes[0]) };

_Static_assert(CLASSES <= sizeof(((struct gw_names *)0)->open) /
                              sizeof(((struct gw_names *)0)->open[0]),
               "classes");

/* Names that a page may hold on average. There may be more blocks than that,
 * if all are short: the table is not sized for the rarest case. */
enum { NAMES_A_PAGE = PAGE / 32 };

/* Keeps every reference in 32 bits. */
static const uint64_t most_pages = UINT64_C(1) << 22;

/* Kept apart from the octets, so that a page need not be read to be judged. */
struct gw_names_page {
    uint32_t next; /* in the list it is in, 1-based; 0: end */
    uint32_t prev; /* likewise; only in an open list */
    uint16_t used; /* blocks taken */
    uint16_t high; /* blocks 0..high-1 were taken since it got its class */
    uint16_t free; /* unit in the page of a returned block, plus one; 0: none */
    uint8_t class;
};

/* The longest name fits the largest class, and blocks keep their alignment. */
_Static_assert(GW_NAMES_LONGEST + sizeof(struct gw_name) <= 2048, "longest");
_Static_assert(UNIT % _Alignof(struct gw_name) == 0, "alignment");

static uint64_t page_count(uint64_t budget_bytes)
{
    return budget_bytes / PAGE;
}

uint64_t gw_names_size(uint64_t budget_bytes)
{
    uint64_t pages = page_count(budget_bytes);

    if (pages > most_pages)
        return UINT64_MAX;
    return pages * (PAGE + sizeof(struct gw_names_page)) +
           gw_table_size((uint32_t)pages * NAMES_A_PAGE);
}

enum mqttsn_status gw_names_init(struct gw_names *names, uint64_t budget_bytes,
                                 const uint8_t seed[16])
{
    struct gw_names made = {0};
    uint64_t pages = page_count(budget_bytes);
    /* malloc(0) may answer NULL, which would read as a failure. */
    size_t count = pages > 0 ? (size_t)pages : 1;

    if (pages > most_pages || gw_names_size(budget_bytes) > SIZE_MAX)
        return MQTTSN_ENOSPACE;
    made.page_count = (uint32_t)pages;
    memcpy(made.seed, seed, sizeof(made.seed));
    if (gw_table_init(&made.table, made.page_count * NAMES_A_PAGE) != MQTTSN_OK)
        return MQTTSN_ENOSPACE;
    made.arena = malloc(count * PAGE);
    made.pages = malloc(count * sizeof(*made.pages));
    if (made.arena == NULL || made.pages == NULL)
        goto fail;
    *names = made;
    return MQTTSN_OK;

fail:
    gw_names_fini(&made);
    return MQTTSN_ENOSPACE;
}

void gw_names_fini(struct gw_names *names)
{
    gw_table_fini(&names->table);
    free(names->arena);
    free(names->pages);
    *names = (struct gw_names){0};
}

static struct gw_names_page *page_at(const struct gw_names *names,
                                     uint32_t page)
{
    assert(page != 0 && page <= names->high);
    return &names->pages[page - 1];
}

static uint32_t page_of(uint32_t ref)
{
    return (ref - 1) / PAGE_UNITS + 1;
}

static struct gw_name *block_at(const struct gw_names *names, uint32_t ref)
{
    assert(ref != 0 && page_of(ref) <= names->high);
    return (void *)(names->arena + (size_t)(ref - 1) * UNIT);
}

static bool has_room(const struct gw_names_page *page)
{
    return page->free != 0 ||
           (page->high + 1) * class_bytes[page->class] <= PAGE;
}

static void link_open(struct gw_names *names, uint32_t page)
{
    struct gw_names_page *p = page_at(names, page);
    uint32_t *head = &names->open[p->class];

    p->prev = 0;
    p->next = *head;
    if (*head != 0)
        page_at(names, *head)->prev = page;
    *head = page;
}

static void unlink_open(struct gw_names *names, uint32_t page)
{
    struct gw_names_page *p = page_at(names, page);

    if (p->prev != 0)
        page_at(names, p->prev)->next = p->next;
    else
        names->open[p->class] = p->next;
    if (p->next != 0)
        page_at(names, p->next)->prev = p->prev;
}

/* An empty page becomes an open one of 'class'; 0 when there is none. */
static uint32_t dedicate_page(struct gw_names *names, uint8_t class)
{
    uint32_t page = names->free_pages;

    if (page != 0)
        names->free_pages = page_at(names, page)->next;
    else if (names->high < names->page_count)
        page = ++names->high;
    else
        return 0;
    *page_at(names, page) = (struct gw_names_page){.class = class};
    link_open(names, page);
    return page;
}

/* A page with room for blocks of 'class'. When no page is empty any more, a
 * larger block serves as well as one that cannot be had. */
static uint32_t page_with_room(struct gw_names *names, uint8_t class)
{
    uint32_t page = names->open[class];

    if (page == 0)
        page = dedicate_page(names, class);
    while (page == 0 && ++class < CLASSES)
        page = names->open[class];
    return page;
}

static uint32_t take_block(struct gw_names *names, size_t size)
{
    uint8_t class = 0;

    while (class_bytes[class] < size)
        class ++;

    uint32_t page = page_with_room(names, class);

    if (page == 0)
        return 0;

    struct gw_names_page *p = page_at(names, page);
    uint32_t first = (page - 1) * PAGE_UNITS + 1;
    uint32_t ref;

    if (p->free != 0) {
        ref = first + p->free - 1;
        p->free = block_at(names, ref)->next;
    } else {
        ref = first + p->high * (class_bytes[p->class] / UNIT);
        p->high++;
    }
    p->used++;
    if (!has_room(p))
        unlink_open(names, page);
    names->used_bytes += class_bytes[p->class];
    names->used_names++;
    return ref;
}

static void give_block(struct gw_names *names, uint32_t ref)
{
    uint32_t page = page_of(ref);
    struct gw_names_page *p = page_at(names, page);
    struct gw_name *block = block_at(names, ref);
    bool was_open = has_room(p);

    block->next = p->free;
    p->free = (uint16_t)((ref - 1) % PAGE_UNITS + 1);
    p->used--;
    names->used_bytes -= class_bytes[p->class];
    names->used_names--;
    if (p->used == 0) {
        if (was_open)
            unlink_open(names, page);
        p->next = names->free_pages;
        names->free_pages = page;
    } else if (!was_open) {
        link_open(names, page);
    }
}

static bool keepable(struct mqttsn_span text)
{
    return text.len > 0 && text.len <= GW_NAMES_LONGEST;
}

static uint64_t hash_of(const struct gw_names *names, struct mqttsn_span text)
{
    return gw_siphash13(names->seed, text.data, text.len);
}

static uint32_t find_hashed(const struct gw_names *names, uint64_t hash,
                            struct mqttsn_span text)
{
    struct gw_table_probe probe;
    uint32_t ref = gw_table_first(&names->table, hash, &probe);

    while (ref != 0 && !mqttsn_span_equal(gw_names_span(names, ref), text))
        ref = gw_table_next(&names->table, &probe);
    return ref;
}

uint32_t gw_names_find(const struct gw_names *names, struct mqttsn_span text)
{
    if (!keepable(text))
        return 0;
    return find_hashed(names, hash_of(names, text), text);
}

uint32_t gw_names_intern(struct gw_names *names, struct mqttsn_span text)
{
    if (!keepable(text))
        return 0;

    uint64_t hash = hash_of(names, text);
    uint32_t ref = find_hashed(names, hash, text);

    if (ref != 0)
        return gw_names_ref(names, ref);
    if (names->table.used == names->table.capacity)
        return 0;
    ref = take_block(names, sizeof(struct gw_name) + text.len);
    if (ref == 0)
        return 0;
    *block_at(names, ref) =
        (struct gw_name){.refs = 1, .len = (uint16_t)text.len};
    memcpy(block_at(names, ref) + 1, text.data, text.len);
    gw_table_insert(&names->table, hash, ref);
    return ref;
}

void gw_names_misused(void)
{
    assert(!"a name that is not held is used");
    abort();
}

void gw_names_free(struct gw_names *names, uint32_t ref)
{
    gw_table_remove(&names->table, hash_of(names, gw_names_span(names, ref)),
                    ref);
    gw_name_at(names, ref)->refs = 0;
    give_block(names, ref);
}
