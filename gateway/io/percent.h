/* SPDX-License-Identifier: MIT */
/*
 * percent.h - %XX, as requests have it for octets that would be misread.
 *
 * Pure.
 */
#ifndef GW_PERCENT_H
#define GW_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes in place: '*len' octets become fewer, or as many. 'plus': a '+' is a
 * blank, as in the query of a URL. False: a '%' without its two digits; what
 * 'text' is then is not defined. */
bool gw_percent_decode(char *text, size_t *len, bool plus);

#endif
