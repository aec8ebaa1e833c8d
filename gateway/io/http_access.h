/* SPDX-License-Identifier: MIT */
/*
 * http_access.h - who may ask the HTTP server for what: tokens, and the names
 * under which it is to be asked.
 *
 * Tokens stand in a file, one on a line, each of 16 to 128 characters of those
 * that "Authorization: Bearer" may carry; blank lines and lines that begin with
 * '#' are passed over. All are compared, each in a time that does not depend on
 * where two differ.
 *
 * Pure: no socket, no file, no allocation.
 */
#ifndef GW_HTTP_ACCESS_H
#define GW_HTTP_ACCESS_H

#include "mqttsn/span.h"

#include <stdbool.h>

#define GW_HTTP_TOKEN_MIN 16
#define GW_HTTP_TOKEN_MAX 128

/* Borrowed by whoever is given it. */
struct gw_http_access_list {
    struct mqttsn_span tokens; /* the file; empty: there are none */
    const char *names;         /* "a, b", or NULL */
};

/* What is wrong with a file of tokens, and in which line; NULL: nothing. */
const char *gw_http_tokens_fault(struct mqttsn_span tokens, unsigned *ret_line);

/* The line of the token that 'authorization' bears; 0: none of them. */
unsigned gw_http_token_of(struct mqttsn_span tokens, const char *authorization);

/* Whether 'host', as HTTP has it, with or without a port, is an address, is
 * localhost, is 'own' (this machine's name), or one of 'names'. */
bool gw_http_host_good(const char *host, const char *own, const char *names);

#endif
