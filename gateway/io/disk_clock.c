/* SPDX-License-Identifier: MIT */
#include "disk_private.h"

#include <time.h>

static uint64_t seconds(clockid_t clock)
{
    struct timespec now;

    return clock_gettime(clock, &now) == 0 && now.tv_sec > 0
               ? (uint64_t)now.tv_sec
               : 0;
}

uint64_t disk_now_s(const struct gw_disk_settings *settings)
{
    return settings->now_s != NULL ? settings->now_s(settings->user)
                                   : seconds(CLOCK_BOOTTIME);
}

uint64_t disk_wall_s(const struct gw_disk_settings *settings)
{
    return settings->wall_s != NULL ? settings->wall_s(settings->user)
                                    : seconds(CLOCK_REALTIME);
}

/* A clock before this was never set. 2024-01-01. */
#define WALL_MIN UINT64_C(1704067200)
#define GAP_MAX (UINT64_C(10) * 366 * 86400)

uint64_t disk_clock_from(const struct gw_database_meta *meta,
                         uint32_t journal_at_s, uint64_t wall_s)
{
    uint64_t clock = meta->clock_s, ran = 0, passed;

    if (journal_at_s > clock) {
        ran = journal_at_s - clock;
        clock = journal_at_s;
    }
    if (meta->wall_s < WALL_MIN || wall_s < meta->wall_s + ran)
        return clock;
    passed = wall_s - meta->wall_s - ran;
    return passed < GAP_MAX ? clock + passed : clock;
}

uint32_t disk_clock_s(void *disk)
{
    const struct gw_disk *d = disk;
    uint64_t now = disk_now_s(&d->settings);
    uint64_t clock =
        d->clock_base_s + (now > d->started_s ? now - d->started_s : 0);

    return clock > UINT32_MAX ? UINT32_MAX : (uint32_t)clock;
}

/* ---- what the database knows of it -------------------------------------- */

/* The database lags behind the clock by no more than this. */
#define STALE_S 3600u

void disk_clock_known(struct gw_disk *d, const struct gw_database_meta *meta)
{
    d->known_clock_s = meta->clock_s;
    d->known_wall_s = meta->wall_s;
}

bool disk_clock_is_stale(struct gw_disk *d)
{
    uint32_t clock = disk_clock_s(d);

    if (d->ending || clock >= d->known_clock_s + STALE_S)
        return clock != d->known_clock_s;
    return d->known_wall_s < WALL_MIN && disk_wall_s(&d->settings) >= WALL_MIN;
}

void gw_disk_ends(struct gw_disk *d)
{
    d->ending = true;
}
