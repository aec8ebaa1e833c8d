/* SPDX-License-Identifier: MIT */
/*
 * bench_stamp.h - the payload of a measured message, which proves itself.
 *
 *   magic (2) run (4) stream (4) number (4) sent (8) checksum (4) filler
 *
 * all most significant octet first. The checksum covers every other octet, the
 * filler too, so a message counts only when it arrived whole. 'run' tells the
 * messages of this run from those of another; a stream numbers its messages
 * from 0; 'sent' is the monotonic clock of the machine that sent it, which is
 * of use only to programs on that machine.
 */
#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

#include "mqttsn/span.h"

enum {
    BENCH_STAMP_LEN = 26, /* the smallest payload */
};

struct bench_stamp {
    uint32_t run, stream, number;
    uint64_t sent_us;
};

/* The monotonic clock. */
uint64_t bench_now_us(void);

/* Fills all of 'payload', which has at least BENCH_STAMP_LEN octets. The same
 * stamp gives the same octets, so a repetition can be made anew. */
void bench_stamp_write(uint8_t *payload, size_t len,
                       const struct bench_stamp *stamp);

/* False: it is not such a payload, or it was damaged. */
bool bench_stamp_read(struct mqttsn_span payload,
                      struct bench_stamp *ret_stamp);

#endif
