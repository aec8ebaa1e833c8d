/* SPDX-License-Identifier: MIT */
/*
 * ctl_rig.h - a control socket on a loop of its own, and who connects to it.
 *
 * Whoever waits here turns the loop, some ten thousand times at most.
 */
#ifndef CTL_RIG_H
#define CTL_RIG_H

#include <sys/types.h>
#include <uv.h>

#include "check.h"
#include "io/ctl.h"

/* Turns of the loop that a test waits for something, a millisecond each where
 * nothing happens. */
#define TURNS 20000

#define BIG 100000

/*
 * What asks for "echo/X" gets {"X"}, as with every word that is no other: "big"
 * is BIG octets long, "trace/X" traces X, "off" ends all traces.
 */
extern struct ctl_rig {
    uv_loop_t loop;
    uv_timer_t tick; /* so that a turn ends */
    char directory[64], path[96];
    struct gw_ctl *ctl;
    unsigned asked;
} rig;

int set_up(void **state);
int tear_down(void **state);
#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* As gw_ctl_open, into rig.ctl. */
enum mqttsn_status open_at(const char *path, const char *group,
                           unsigned idle_ms, char *why);
/* At the usual path. */
void start(unsigned idle_ms);

void turn(void);

int join(void);
void say(int fd, const char *text);

/* Reads up to a line feed, which is cut off; -1: the connection has ended. */
ssize_t hear(int fd, char *buf, size_t cap);

void assert_hears(int fd, const char *expected);
void assert_ended(int fd); /* and closes it */

#endif
