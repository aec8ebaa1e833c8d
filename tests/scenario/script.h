/* SPDX-License-Identifier: MIT */
/*
 * script.h - a scenario file as lines, statements and words.
 *
 * Statements on one line are parted by two or more blanks, words by one.
 * '"' keeps blanks together; \xNN is an octet, also inside words. A '#' at the
 * start of a line, or between blanks, begins a comment.
 *
 *   repeat i 1 10     the lines up to 'end', with %i replaced by 1, 2, ... 10
 *   end
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX 32

struct word {
    char *text; /* NUL-terminated behind its 'len' octets */
    size_t len;
    bool quoted; /* began with '"' */
};

struct statement {
    const char *file;
    unsigned line;
    size_t count;
    struct word words[WORDS_MAX];
};

struct script {
    struct statement *statements;
    size_t count, room;
};

/* Reads a file. What is wrong with it is printed as file:line: message, and
 * ends the process with status 2. */
void script_read(struct script *script, const char *file);
void script_free(struct script *script);

/* Prints "file:line: message" and ends the process. */
void script_error(const struct statement *at, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* The value of a word "key=value"; NULL when its key is another. */
const char *word_value(const struct word *word, const char *key,
                       size_t *ret_len);
bool word_is(const struct word *word, const char *text);
/* Numbers (also 0x..), times (10s 500ms 5m 1h 7d) in ms, yes and no. */
uint64_t parse_number(const struct statement *at, const char *text);
uint64_t parse_time(const struct statement *at, const char *text);
/* Hex digits into octets; returns how many. */
size_t parse_hex(const struct statement *at, const char *text, uint8_t *ret,
                 size_t cap);

#endif
