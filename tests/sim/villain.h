/* SPDX-License-Identifier: MIT */
/*
 * villain.h - who sends what nobody should: frames out of place, ids of
 * others, poison names, blind acknowledgements, noise; from his own address or
 * under that of a node (T1..T19).
 */
#ifndef SIM_VILLAIN_H
#define SIM_VILLAIN_H

#include "net.h"

struct villain {
    unsigned number, box;
    unsigned payload_number;
    struct rng random;
};

void villains_init(struct sim *sim);

#endif
