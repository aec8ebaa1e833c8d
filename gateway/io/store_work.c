/* SPDX-License-Identifier: MIT */
#include "store_work.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

/* Octets that may wait in one batch, besides one record. */
#define WAITING_OCTETS (GW_STORE_WORK_OCTETS / 2)

/* Between two lines of the log about an append that fails. */
#define SAY_AGAIN_MS 60000u

/* Operations of one batch: what the loop fills while the other is written. */
struct batch {
    struct gw_journal_record records[GW_STORE_INFLIGHT];
    uint64_t ops[GW_STORE_INFLIGHT];
    size_t at[GW_STORE_INFLIGHT]; /* of the octets, below */
    uint8_t *octets;              /* as many as may ever be in it */
    size_t len;
    size_t count;
};

struct done {
    uint64_t op;
    bool ok;
};

struct gw_store_work {
    struct gw_disk *disk;

    pthread_mutex_t lock;
    pthread_cond_t submitted; /* or 'stopping' */
    struct batch *filling, *emptying;
    struct done done[GW_STORE_INFLIGHT]; /* a ring */
    uint32_t done_first, done_count;
    uint32_t open; /* submitted and not taken */
    bool full;     /* room was refused: say when there is some */
    bool stopping;

    mqttsn_ms append_failed_ms; /* of who appends: when it was logged last; 0:
                                   it works */
    bool flush_fails;           /* of who flushes */
};

static mqttsn_ms now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mqttsn_ms)now.tv_sec * 1000 + (mqttsn_ms)now.tv_nsec / 1000000;
}

/* ---- the side of the loop ---------------------------------------------- */

/* With the lock. */
static bool has_room(const struct gw_store_work *w)
{
    return w->open < GW_STORE_INFLIGHT && w->filling->len < WAITING_OCTETS &&
           !w->stopping;
}

bool gw_store_work_room(struct gw_store_work *w)
{
    bool has;

    pthread_mutex_lock(&w->lock);
    has = has_room(w);
    w->full = !has;
    pthread_mutex_unlock(&w->lock);
    return has;
}

static enum gw_journal_verb verb_of(const struct gw_store_action *action)
{
    switch (action->verb) {
    case GW_STORE_KEEP:
        return GW_JOURNAL_KEEP;
    case GW_STORE_FORGET:
        return GW_JOURNAL_FORGET;
    case GW_STORE_FORGET_OWNER:
        break;
    }
    return GW_JOURNAL_FORGET_OWNER;
}

enum mqttsn_status gw_store_work_submit(struct gw_store_work *w,
                                        const struct gw_store_action *action,
                                        struct mqttsn_span bytes)
{
    enum mqttsn_status status = MQTTSN_ENOSPACE;
    struct batch *b;

    if (action->verb != GW_STORE_KEEP)
        bytes.len = 0;
    pthread_mutex_lock(&w->lock);
    b = w->filling;
    if (has_room(w)) {
        b->records[b->count] = (struct gw_journal_record){
            .verb = (uint8_t)verb_of(action),
            .kind = action->verb == GW_STORE_FORGET_OWNER ? 0 : action->kind,
            .owner = action->owner,
            .item = action->verb == GW_STORE_FORGET_OWNER ? 0 : action->item,
            .octets = {NULL, bytes.len}};
        b->ops[b->count] = action->op;
        b->at[b->count] = b->len;
        if (bytes.len != 0)
            memcpy(b->octets + b->len, bytes.data, bytes.len);
        b->len += bytes.len;
        w->open++;
        if (b->count++ == 0)
            pthread_cond_signal(&w->submitted);
        status = MQTTSN_OK;
    }
    pthread_mutex_unlock(&w->lock);
    return status;
}

bool gw_store_work_take(struct gw_store_work *w, uint64_t *ret_op, bool *ret_ok)
{
    bool found;

    pthread_mutex_lock(&w->lock);
    found = w->done_count != 0;
    if (found) {
        *ret_op = w->done[w->done_first].op;
        *ret_ok = w->done[w->done_first].ok;
        w->done_first = (w->done_first + 1) % GW_STORE_INFLIGHT;
        w->done_count--;
        w->open--;
    }
    pthread_mutex_unlock(&w->lock);
    return found;
}

bool gw_store_work_has_news(struct gw_store_work *w)
{
    bool news;

    pthread_mutex_lock(&w->lock);
    news = w->done_count != 0 || (w->full && has_room(w));
    pthread_mutex_unlock(&w->lock);
    return news;
}

void gw_store_work_stop(struct gw_store_work *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->submitted);
    pthread_mutex_unlock(&w->lock);
}

/* ---- append ------------------------------------------------------------ */

bool gw_store_work_wait(struct gw_store_work *w)
{
    bool any;

    pthread_mutex_lock(&w->lock);
    while (w->filling->count == 0 && !w->stopping)
        pthread_cond_wait(&w->submitted, &w->lock);
    any = w->filling->count != 0;
    pthread_mutex_unlock(&w->lock);
    return any;
}

/* The first failure is logged, the next a minute later, and the end of it. */
static void log_append(struct gw_store_work *w, enum mqttsn_status status,
                       int why, size_t count)
{
    mqttsn_ms now;

    if (status == MQTTSN_OK && w->append_failed_ms == 0)
        return;
    now = now_ms();
    if (status == MQTTSN_OK) {
        w->append_failed_ms = 0;
        gw_info("store", "append_works", NULL);
    } else if (w->append_failed_ms == 0 ||
               now - w->append_failed_ms >= SAY_AGAIN_MS) {
        w->append_failed_ms = now;
        gw_err("store", "append_failed",
               "records=%zu reason=%s effect=\"what nodes send is not stored; "
               "QoS 1 is acknowledged when the broker has it, QoS 2 not at "
               "all; should the connection to the broker be lost, it stays so "
               "until the disk takes something again\"",
               count, gw_log_text(strerror(why)));
    }
}

void gw_store_work_append(struct gw_store_work *w)
{
    enum mqttsn_status status;
    struct batch *b;
    int why;

    pthread_mutex_lock(&w->lock);
    b = w->filling;
    w->filling = w->emptying;
    w->emptying = b;
    pthread_mutex_unlock(&w->lock);
    if (b->count == 0)
        return;
    for (size_t i = 0; i < b->count; i++) {
        if (b->records[i].octets.len != 0)
            b->records[i].octets.data = b->octets + b->at[i];
    }
    status = gw_disk_append(w->disk, b->records, b->count);
    why = errno;
    log_append(w, status, why, b->count);

    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < b->count; i++)
        w->done[(w->done_first + w->done_count++) % GW_STORE_INFLIGHT] =
            (struct done){b->ops[i], status == MQTTSN_OK};
    b->count = b->len = 0;
    pthread_mutex_unlock(&w->lock);
}

/* ---- flush ------------------------------------------------------------- */

bool gw_store_work_flush(struct gw_store_work *w)
{
    char why[GW_DISK_WHY_MAX];
    mqttsn_ms began = now_ms();
    struct gw_disk_stats stats;

    if (gw_disk_flush(w->disk, why) != MQTTSN_OK) {
        if (!w->flush_fails)
            gw_err("store", "flush_failed", "reason=%s", gw_log_text(why));
        w->flush_fails = true;
        return false;
    }
    if (w->flush_fails)
        gw_info("store", "flush_works", NULL);
    w->flush_fails = false;
    if (gw_log_is_on(GW_LOG_DEBUG)) {
        gw_disk_stats(w->disk, &stats);
        gw_debug("store", "flushed",
                 "took_ms=%llu rows=%" PRIu64 " written=%" PRIu64
                 " deleted=%" PRIu64,
                 (unsigned long long)(now_ms() - began), stats.rows,
                 stats.rows_written, stats.rows_deleted);
    }
    return true;
}

/* ---- life -------------------------------------------------------------- */

static struct batch *batch_new(void)
{
    struct batch *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    /* Touched only as far as it is used. Were there no memory for one record
     * later, the next one could be kept without it. */
    b->octets = malloc(WAITING_OCTETS + GW_RECORD_MAX);
    if (b->octets != NULL)
        return b;
    free(b);
    return NULL;
}

static void batch_free(struct batch *b)
{
    if (b != NULL)
        free(b->octets);
    free(b);
}

struct gw_store_work *gw_store_work_new(struct gw_disk *disk)
{
    struct gw_store_work *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->disk = disk;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->submitted, NULL);
    w->filling = batch_new();
    w->emptying = batch_new();
    if (w->filling != NULL && w->emptying != NULL)
        return w;
    gw_store_work_free(w);
    return NULL;
}

void gw_store_work_free(struct gw_store_work *w)
{
    if (w == NULL)
        return;
    pthread_cond_destroy(&w->submitted);
    pthread_mutex_destroy(&w->lock);
    batch_free(w->filling);
    batch_free(w->emptying);
    free(w);
}
