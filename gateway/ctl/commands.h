/* SPDX-License-Identifier: MIT */
/*
 * commands.h - what mqttsn-ctl can be asked to do; each command returns the
 * exit status.
 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "link.h"

enum {
    EXIT_FINE = 0,
    EXIT_REFUSED = 1,     /* the gateway says no */
    EXIT_TOLD_WRONG = 2,  /* the command line */
    EXIT_UNREACHABLE = 3, /* no gateway, or it has gone */
};

struct ctl_call {
    struct ctl_link *link;
    const char *argument; /* NULL: none */
    const char *state;    /* --state, or NULL */
    bool json;
};

/* Prints what a gateway says instead of doing it; its exit status, or
 * EXIT_FINE when it does. NULL: nothing came, which was said already. */
int ctl_refusal(const cJSON *answer);

/* As a line on standard output. */
void ctl_print_json(const cJSON *object);

/* All pages of a report as one object: the list 'rows' of all of them. NULL:
 * '*ret_status' is the exit status. */
cJSON *ctl_all_pages(struct ctl_link *link, const char *report,
                     const char *rows, const char *argument, const char *query,
                     int *ret_status);

int ctl_top(const struct ctl_call *call);
int ctl_trace(const struct ctl_call *call);

#endif
