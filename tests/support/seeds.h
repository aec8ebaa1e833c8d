/* SPDX-License-Identifier: MIT */
/*
 * seeds.h - one world after the other, each from a number of its own, for tests
 * in which all follows from the dice.
 */
#ifndef SEEDS_H
#define SEEDS_H

#include "world.h"

/* The next of 1 to 'count', from 0 on, or, if the environment has SEED, that
 * one alone. False: there is none any more. */
bool seeds_next(unsigned long *seed, unsigned count);

/* Whether the environment asks for one alone. */
bool seeds_one(void);

/* The world's dice and the engine's begin from it; between world_init and
 * world_start. */
void seeds_plant(struct world *world, unsigned long seed);

#endif
