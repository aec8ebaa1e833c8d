/* SPDX-License-Identifier: MIT */
/*
 * table.h - text in columns, for people.
 *
 * Cells are UTF-8 from anybody: what could move the cursor, or turn the text
 * around, is shown as \xNN. Widths are those of the terminal.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table {
    size_t columns;
    bool right[TABLE_COLUMNS_MAX]; /* numbers end at the same place */
    char **cells;                  /* row by row, the heads first */
    size_t cell_count, cell_room;
};

/* Heads, ended by NULL; one that begins with '>' is of a column of numbers. */
void table_begin(struct table *table, const char *const heads[]);

/* The next cell; copied. */
void table_add(struct table *table, const char *text);
void table_format(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Rows besides the heads. */
size_t table_rows(const struct table *table);

/* Writes at most 'lines' lines (0: all), cut to 'width' columns (0: not). */
void table_print(const struct table *table, size_t lines, size_t width,
                 FILE *out);
void table_end(struct table *table);

/* Such a text as a cell has it; to be freed. */
char *table_safe(const char *text);

#endif
