/* SPDX-License-Identifier: MIT */
/*
 * check.h - CMocka with its prerequisites, and the few words that tests share.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Names the row of a table; it is the last line printed before a failure. */
#define CASE(why) print_message("    case: %s\n", (why))

#endif
