/* SPDX-License-Identifier: MIT */
/*
 * The octets in docs/memory.md are those of the objects, as they lie in their
 * slabs. Prints the table, ready to be pasted there.
 */
#include "engine_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static char document[64 * 1024];

/* What one more block of a slab takes. */
static size_t block(size_t size)
{
    return (size_t)(gw_slab_size(size, 2) - gw_slab_size(size, 1));
}

static int read_document(void **unused)
{
    const char *root = getenv("GW_SOURCE_ROOT");
    char path[512];
    FILE *file;

    (void)unused;
    snprintf(path, sizeof(path), "%s/docs/memory.md", root ? root : ".");
    file = fopen(path, "r");
    if (file == NULL)
        return -1;
    document[fread(document, 1, sizeof(document) - 1, file)] = '\0';
    fclose(file);
    return 0;
}

static void the_table_has_the_octets_of_each_object(void **unused)
{
    const struct {
        const char *object;
        size_t octets;
    } rows[] = {
        {"session", block(sizeof(struct gw_session))},
        {"cold part", block(sizeof(struct gw_cold))},
        {"way of answering", block(sizeof(struct gw_kept_via))},
        {"topic entry", block(sizeof(struct gw_topic))},
        {"subscription", block(sizeof(struct gw_sub))},
        {"filter", block(sizeof(struct gw_filter))},
        {"filter level", block(sizeof(struct gw_filter_level))},
        {"place", block(sizeof(struct gw_place))},
        {"message", block(sizeof(struct gw_message))},
        {"exchange", block(sizeof(struct gw_exchange))},
        {"window", block(sizeof(struct gw_window))},
        {"link", block(sizeof(struct gw_link))},
        {"reply", block(sizeof(struct gw_reply))},
        {"contender", block(sizeof(struct gw_contender))},
        {"store operation", sizeof(struct gw_store_entry)},
        {"predefined topic", sizeof(struct gw_predefined_row)},
        {"table slot", sizeof(struct gw_table_slot)},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char row[80];

        snprintf(row, sizeof(row), "| %s | %zu | ", rows[i].object,
                 rows[i].octets);
        print_message("%s\n", row);
        CASE(rows[i].object);
        assert_non_null(strstr(document, row));
    }
}

static void and_of_what_is_there_in_fixed_numbers(void **unused)
{
    char text[256];

    (void)unused;
    snprintf(text, sizeof(text),
             "Fixed: %d answers to strangers of %zu octets, %d notes of %zu, "
             "%d rate buckets of %zu, buffers.",
             GW_STRANGERS, sizeof(struct gw_stranger), GW_NOTES,
             sizeof(struct gw_note), 2 * GW_BUCKETS, sizeof(struct gw_bucket));
    print_message("%s\n", text);
    assert_non_null(strstr(document, text));

    snprintf(text, sizeof(text), "| chunk | %d + %zu |", GW_CHUNK_BYTES,
             sizeof(uint32_t));
    assert_non_null(strstr(document, text));

    snprintf(text, sizeof(text), "| heap entry | %zu | ",
             (size_t)(gw_heap_size(2) - gw_heap_size(1)));
    assert_non_null(strstr(document, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_the_octets_of_each_object),
        cmocka_unit_test(and_of_what_is_there_in_fixed_numbers),
    };

    /* The figures are for one machine; 77: skipped. */
#if !defined(__x86_64__) || !defined(__LP64__)
    return 77;
#endif
    return cmocka_run_group_tests(tests, read_document, NULL);
}
