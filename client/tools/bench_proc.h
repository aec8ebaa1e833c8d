/* SPDX-License-Identifier: MIT */
/*
 * bench_proc.h - what the system says about the gateway: a process of this
 * machine, and the socket that it listens on. Linux's /proc.
 */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdbool.h>
#include <stdint.h>

struct bench_proc {
    uint64_t cpu_us;      /* of all its threads, so far */
    uint64_t rss_kib;     /* resident now */
    uint64_t private_kib; /* of that, its own and written to */
};

/* False: there is no such process, or it may not be looked at. */
bool bench_proc_read(long pid, struct bench_proc *ret_proc);

/* Datagrams that the kernel dropped, since they were opened, at all UDP
 * sockets of this machine that are bound to this port. */
uint64_t bench_proc_drops(unsigned port);

#endif
