/* SPDX-License-Identifier: MIT */
/*
 * format.h - a message as mqttsn-sub prints it.
 *
 * The words of mosquitto_sub -F, as far as they have a meaning here:
 *
 *   %t topic   %p payload   %x %X payload in hexadecimal   %l its length
 *   %q QoS     %r retain    %I time, ISO 8601    %U seconds since 1970
 *   %% a '%'   @@ an '@'    @X what strftime(3) makes of %X   @N nanoseconds
 *   \\ \0 \a \e \n \r \t \v
 *
 * A predefined topic is written "predefined:N", a short name as it is.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdio.h>
#include <time.h>

#include "mqttsn/client.h"

struct format_message {
    struct mqttsn_topic topic;
    struct mqttsn_span data;
    unsigned qos;
    bool retain;
    struct timespec at; /* wall clock */
};

/* Whether 'format' can be printed. If not, '*ret_part' is the octet after the
 * '%', '@' or '\\' that has no meaning, 0 at the end of the format. */
bool format_valid(const char *format, char *ret_part);

/* Prints the message by a valid format. */
void format_print(FILE *out, const char *format,
                  const struct format_message *message);

/* The topic alone. */
void format_topic(FILE *out, const struct mqttsn_topic *topic);

#endif
