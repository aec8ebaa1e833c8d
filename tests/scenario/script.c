/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "script.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void script_error(const struct statement *at, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%u: ", at->file, at->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(2);
}

static unsigned hex_value(const struct statement *at, char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, tolower((unsigned char)digit));

    if (digit == '\0' || found == NULL)
        script_error(at, "'%c' is no hex digit", digit);
    return (unsigned)(found - digits);
}

size_t parse_hex(const struct statement *at, const char *text, uint8_t *ret,
                 size_t cap)
{
    size_t n = 0;

    for (; *text != '\0'; text += 2) {
        if (n == cap)
            script_error(at, "more than %zu octets", cap);
        ret[n++] =
            (uint8_t)(hex_value(at, text[0]) * 16 + hex_value(at, text[1]));
    }
    return n;
}

uint64_t parse_number(const struct statement *at, const char *text)
{
    char *end;
    uint64_t value;

    if (text == NULL)
        script_error(at, "a number is missing");
    if (strcmp(text, "yes") == 0)
        return 1;
    if (strcmp(text, "no") == 0)
        return 0;
    value = strtoull(text, &end, 0);
    if (*text == '\0' || *end != '\0')
        script_error(at, "'%s' is no number", text);
    return value;
}

uint64_t parse_time(const struct statement *at, const char *text)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1},
                 {"s", 1000},
                 {"m", 60000},
                 {"h", 3600000.0},
                 {"d", 86400000.0}};
    char *end;
    double value = strtod(text, &end);

    if (text == NULL)
        script_error(at, "a time is missing");
    if (strcmp(text, "0") == 0)
        return 0;
    if (end != text)
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
            if (strcmp(end, units[i].unit) == 0)
                return (uint64_t)(value * units[i].ms + 0.5);
    script_error(at, "'%s' is no time (10s, 500ms, 5m, 1h, 7d)", text);
}

const char *word_value(const struct word *word, const char *key,
                       size_t *ret_len)
{
    size_t len = strlen(key);

    if (word->quoted || word->len <= len || word->text[len] != '=' ||
        memcmp(word->text, key, len) != 0)
        return NULL;
    if (ret_len != NULL)
        *ret_len = word->len - len - 1;
    return word->text + len + 1;
}

bool word_is(const struct word *word, const char *text)
{
    return word->text != NULL && !word->quoted && strcmp(word->text, text) == 0;
}

/* ---- lines ------------------------------------------------------------- */

/* Copies one word from '*at' into 'word', resolving quotes and escapes. */
static void read_word(const struct statement *where, const char **at,
                      struct word *word)
{
    const char *p = *at;
    bool inside = false;

    word->text = malloc(strlen(p) + 1);
    assert(word->text != NULL);
    word->quoted = *p == '"';
    for (; *p != '\0' && (inside || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '"') {
            inside = !inside;
        } else if (p[0] == '\\' && p[1] == 'x') {
            word->text[word->len++] =
                (char)(hex_value(where, p[2]) * 16 + hex_value(where, p[3]));
            p += 3;
        } else if (p[0] == '\\' && p[1] != '\0') {
            word->text[word->len++] = *++p;
        } else {
            word->text[word->len++] = *p;
        }
    }
    if (inside)
        script_error(where, "a '\"' is never closed");
    word->text[word->len] = '\0';
    *at = p;
}

static struct statement *add_statement(struct script *script, const char *file,
                                       unsigned line)
{
    if (script->count == script->room) {
        script->room = script->room == 0 ? 64 : script->room * 2;
        script->statements = realloc(
            script->statements, script->room * sizeof(*script->statements));
        assert(script->statements != NULL);
    }
    script->statements[script->count] =
        (struct statement){.file = file, .line = line};
    return &script->statements[script->count++];
}

static void read_line(struct script *script, const char *file, unsigned line,
                      const char *text)
{
    struct statement *now = NULL;
    const char *p = text;

    for (;;) {
        size_t blanks = strspn(p, " \t\r\n");

        p += blanks;
        if (*p == '\0' || (*p == '#' && (blanks > 0 || p == text)))
            return;
        if (now == NULL || blanks > 1)
            now = add_statement(script, file, line);
        if (now->count == WORDS_MAX)
            script_error(now, "too many words");
        read_word(now, &p, &now->words[now->count]);
        now->count++;
    }
}

/* 'text' with every %name replaced by 'value'; the caller frees it. */
static char *replace(const char *text, const char *name, unsigned long value)
{
    char *out = NULL;
    size_t len = 0, name_len = strlen(name);
    FILE *f = open_memstream(&out, &len);

    while (*text != '\0')
        if (text[0] == '%' && strncmp(text + 1, name, name_len) == 0) {
            fprintf(f, "%lu", value);
            text += 1 + name_len;
        } else {
            fputc(*text++, f);
        }
    fclose(f);
    return out;
}

struct block {
    char name[16];
    unsigned long from, to;
    char *lines[200];
    unsigned numbers[200];
    size_t count;
    bool open;
};

static void run_block(struct script *script, const char *file,
                      struct block *block)
{
    for (unsigned long v = block->from; v <= block->to; v++)
        for (size_t i = 0; i < block->count; i++) {
            char *line = replace(block->lines[i], block->name, v);

            read_line(script, file, block->numbers[i], line);
            free(line);
        }
    for (size_t i = 0; i < block->count; i++)
        free(block->lines[i]);
    block->count = 0;
    block->open = false;
}

void script_read(struct script *script, const char *file)
{
    struct statement where = {.file = file};
    static struct block block;
    FILE *f = fopen(file, "r");
    char *line = NULL;
    size_t cap = 0;

    if (f == NULL)
        script_error(&where, "cannot be read");
    while (getline(&line, &cap, f) > 0) {
        where.line++;
        line[strcspn(line, "\r\n")] = '\0';
        if (sscanf(line, " repeat %15s %lu %lu", block.name, &block.from,
                   &block.to) == 3) {
            if (block.open)
                script_error(&where, "a repeat inside a repeat");
            block.open = true;
        } else if (block.open && strcmp(line + strspn(line, " "), "end") == 0) {
            run_block(script, file, &block);
        } else if (block.open) {
            if (block.count == 200)
                script_error(&where, "a repeat of more than 200 lines");
            block.numbers[block.count] = where.line;
            block.lines[block.count++] = strdup(line);
        } else {
            read_line(script, file, where.line, line);
        }
    }
    if (block.open)
        script_error(&where, "a repeat without end");
    free(line);
    fclose(f);
}

void script_free(struct script *script)
{
    for (size_t i = 0; i < script->count; i++)
        for (size_t k = 0; k < script->statements[i].count; k++)
            free(script->statements[i].words[k].text);
    free(script->statements);
}
