/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "memory.h"

#define GAP 2

/* The character at 'text', which cJSON has made sure is UTF-8. */
static unsigned long decode(const unsigned char *text, size_t *ret_len)
{
    unsigned long c = text[0];
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (len > 1)
        c &= 0xffu >> (len + 1);
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            *ret_len = i;
            return 0xfffd;
        }
        c = c << 6 | (text[i] & 0x3f);
    }
    *ret_len = len;
    return c;
}

/* It does something to the terminal, or to the order of what is around. */
static bool is_unsafe(unsigned long c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

char *table_safe(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    char *safe = ctl_malloc(4 * strlen(text) + 1), *to = safe;

    while (*at != '\0') {
        size_t len;
        bool hide = is_unsafe(decode(at, &len));

        for (; len > 0; len--, at++) {
            if (hide)
                to += sprintf(to, "\\x%02x", *at);
            else
                *to++ = (char)*at;
        }
    }
    *to = '\0';
    return safe;
}

/* Columns of the first 'most' of them at most; '*ret_octets' is what fits. */
static size_t width_of(const char *text, size_t most, size_t *ret_octets)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t width = 0;

    while (*at != '\0') {
        size_t len;
        int one = wcwidth((wchar_t)decode(at, &len));

        if (one < 0)
            one = 1; /* the locale does not know it */
        if (width + (size_t)one > most)
            break;
        width += (size_t)one;
        at += len;
    }
    *ret_octets = (size_t)(at - (const unsigned char *)text);
    return width;
}

void table_begin(struct table *table, const char *const heads[])
{
    *table = (struct table){.columns = 0};
    for (; heads[table->columns] != NULL; table->columns++)
        table->right[table->columns] = heads[table->columns][0] == '>';
    for (size_t i = 0; i < table->columns; i++)
        table_add(table, heads[i] + table->right[i]);
}

void table_add(struct table *table, const char *text)
{
    if (table->cell_count == table->cell_room) {
        table->cell_room = table->cell_room != 0 ? 2 * table->cell_room : 256;
        table->cells =
            ctl_realloc(table->cells, table->cell_room * sizeof(*table->cells));
    }
    table->cells[table->cell_count++] = table_safe(text);
}

void table_format(struct table *table, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = ctl_malloc((size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    table_add(table, text);
    free(text);
}

size_t table_rows(const struct table *table)
{
    return table->cell_count / table->columns - 1;
}

static void pad(size_t n, FILE *out)
{
    for (; n > 0; n--)
        putc(' ', out);
}

/* The last column is not filled up. */
static void print_row(const struct table *table, char *const *cells,
                      const size_t widths[], size_t most, FILE *out)
{
    size_t at = 0, octets;

    for (size_t i = 0; i < table->columns && at < most; i++) {
        size_t width = width_of(cells[i], most - at, &octets);
        size_t left = widths[i] > width ? widths[i] - width : 0;

        if (table->right[i])
            pad(left, out);
        fwrite(cells[i], 1, octets, out);
        if (!table->right[i] && i + 1 < table->columns)
            pad(left, out);
        if (i + 1 < table->columns)
            pad(GAP, out);
        at += widths[i] + GAP;
    }
    putc('\n', out);
}

void table_print(const struct table *table, size_t lines, size_t width,
                 FILE *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0}, octets;
    size_t rows = table_rows(table) + 1;

    if (lines != 0 && rows > lines)
        rows = lines;
    for (size_t i = 0; i < rows * table->columns; i++) {
        size_t w = width_of(table->cells[i], SIZE_MAX, &octets);

        if (w > widths[i % table->columns])
            widths[i % table->columns] = w;
    }
    for (size_t i = 0; i < rows; i++)
        print_row(table, table->cells + i * table->columns, widths,
                  width != 0 ? width : SIZE_MAX, out);
}

void table_end(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
}
