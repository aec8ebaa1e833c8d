/* SPDX-License-Identifier: MIT */
#include "seeds.h"

#include <stdlib.h>
#include <string.h>

bool seeds_one(void)
{
    return getenv("SEED") != NULL;
}

bool seeds_next(unsigned long *seed, unsigned count)
{
    if (!seeds_one())
        return ++*seed <= count;
    if (*seed != 0)
        return false;
    *seed = strtoul(getenv("SEED"), NULL, 10);
    return *seed != 0;
}

void seeds_plant(struct world *world, unsigned long seed)
{
    world->random ^= seed * 0xd1b54a32d192ed03u;
    memcpy(world->seed, &seed, sizeof(seed));
}
