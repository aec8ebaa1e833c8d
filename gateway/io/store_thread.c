/* SPDX-License-Identifier: MIT */
#include "store_thread.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

/* Octets that may wait in one batch, besides one record. */
#define WAITING_OCTETS (GW_STORE_THREAD_OCTETS / 2)

/* Between two attempts of a flush that fails. */
#define RETRY_MIN_MS 1000u
#define RETRY_MAX_MS 10000u

/* Between two lines of the log about one that goes on. */
#define SAY_AGAIN_MS 60000u

/* Operations of one batch: what the loop fills while the thread empties the
 * other. */
struct batch {
    struct gw_journal_record records[GW_STORE_INFLIGHT];
    uint64_t ops[GW_STORE_INFLIGHT];
    size_t at[GW_STORE_INFLIGHT]; /* of the octets, below */
    uint8_t *octets;
    size_t len, cap;
    size_t count;
};

struct done {
    uint64_t op;
    bool ok;
};

struct store_thread {
    struct gw_store base;
    struct gw_disk *disk;
    mqttsn_ms flush_interval;
    uv_async_t news; /* something is done, or a thread has ended */
    pthread_t appender, flusher;

    pthread_mutex_t lock;
    pthread_cond_t submitted; /* or 'stopping' */
    pthread_cond_t flush_due; /* or 'appended_all' */
    struct batch *filling, *emptying;
    struct done done[GW_STORE_INFLIGHT]; /* a ring */
    uint32_t done_first, done_count;
    uint32_t open; /* submitted and not taken */
    bool full;     /* room was refused: say when there is some */
    bool flush_now;
    bool stopping;
    bool appended_all; /* the appender has ended */
    unsigned ended;    /* threads */

    /* Each thread's own. */
    mqttsn_ms append_failed_ms; /* when it was logged last; 0: it works */
};

static mqttsn_ms now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mqttsn_ms)now.tv_sec * 1000 + (mqttsn_ms)now.tv_nsec / 1000000;
}

/* ---- the loop's side --------------------------------------------------- */

/* With the lock. */
static bool has_room(const struct store_thread *s)
{
    return s->open < GW_STORE_INFLIGHT && s->filling->len < WAITING_OCTETS &&
           !s->stopping;
}

static bool room(struct gw_store *store)
{
    struct store_thread *s = (struct store_thread *)store;
    bool has;

    pthread_mutex_lock(&s->lock);
    has = has_room(s);
    s->full = !has;
    pthread_mutex_unlock(&s->lock);
    return has;
}

/* With the lock: room for 'len' octets more. */
static bool reserve(struct batch *b, size_t len)
{
    size_t cap = b->cap == 0 ? 4096 : b->cap;
    uint8_t *grown;

    while (cap < b->len + len)
        cap *= 2;
    if (cap == b->cap)
        return true;
    grown = realloc(b->octets, cap);
    if (grown == NULL)
        return false;
    b->octets = grown;
    b->cap = cap;
    return true;
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

static enum mqttsn_status submit(struct gw_store *store,
                                 const struct gw_store_action *action,
                                 struct mqttsn_span bytes)
{
    struct store_thread *s = (struct store_thread *)store;
    enum mqttsn_status status = MQTTSN_ENOSPACE;
    struct batch *b;

    if (action->verb != GW_STORE_KEEP)
        bytes.len = 0;
    pthread_mutex_lock(&s->lock);
    b = s->filling;
    if (has_room(s) && reserve(b, bytes.len)) {
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
        s->open++;
        if (b->count++ == 0)
            pthread_cond_signal(&s->submitted);
        status = MQTTSN_OK;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

static bool take(struct gw_store *store, uint64_t *ret_op, bool *ret_ok)
{
    struct store_thread *s = (struct store_thread *)store;
    bool found;

    pthread_mutex_lock(&s->lock);
    found = s->done_count != 0;
    if (found) {
        *ret_op = s->done[s->done_first].op;
        *ret_ok = s->done[s->done_first].ok;
        s->done_first = (s->done_first + 1) % GW_STORE_INFLIGHT;
        s->done_count--;
        s->open--;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* ---- the appender ------------------------------------------------------ */

/* The first failure is logged, the next a minute later, and the end of it. */
static void log_append(struct store_thread *s, enum mqttsn_status status,
                       int why, size_t count)
{
    mqttsn_ms now;

    if (status == MQTTSN_OK && s->append_failed_ms == 0)
        return;
    now = now_ms();
    if (status == MQTTSN_OK) {
        s->append_failed_ms = 0;
        gw_info("store", "append_works", NULL);
    } else if (s->append_failed_ms == 0 ||
               now - s->append_failed_ms >= SAY_AGAIN_MS) {
        s->append_failed_ms = now;
        gw_err("store", "append_failed",
               "records=%zu reason=%s effect=\"what nodes send is not stored, "
               "and not acknowledged before the broker has it\"",
               count, gw_log_text(strerror(why)));
    }
}

static void append(struct store_thread *s, struct batch *b)
{
    enum mqttsn_status status;
    int why;

    for (size_t i = 0; i < b->count; i++) {
        if (b->records[i].octets.len != 0)
            b->records[i].octets.data = b->octets + b->at[i];
    }
    status = gw_disk_append(s->disk, b->records, b->count);
    why = errno;
    log_append(s, status, why, b->count);

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < b->count; i++)
        s->done[(s->done_first + s->done_count++) % GW_STORE_INFLIGHT] =
            (struct done){b->ops[i], status == MQTTSN_OK};
    b->count = b->len = 0;
    pthread_mutex_unlock(&s->lock);
    uv_async_send(&s->news);
}

/* With the lock. */
static void ask_for_flush(struct store_thread *s)
{
    s->flush_now = true;
    pthread_cond_signal(&s->flush_due);
}

static void *run_appender(void *user)
{
    struct store_thread *s = user;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct batch *b = s->filling;

        while (b->count == 0 && !s->stopping)
            pthread_cond_wait(&s->submitted, &s->lock);
        if (b->count == 0)
            break;
        s->filling = s->emptying;
        s->emptying = b;
        pthread_mutex_unlock(&s->lock);
        append(s, b);
        if (gw_disk_wants_flush(s->disk)) {
            pthread_mutex_lock(&s->lock);
            ask_for_flush(s);
        } else {
            pthread_mutex_lock(&s->lock);
        }
    }
    s->appended_all = true;
    s->ended++;
    pthread_cond_signal(&s->flush_due);
    pthread_mutex_unlock(&s->lock);
    uv_async_send(&s->news);
    return NULL;
}

/* ---- the flusher ------------------------------------------------------- */

/* Waits until 'due', until it is asked, or for the end; with the lock. */
static void wait_for_flush(struct store_thread *s, mqttsn_ms due, bool asked)
{
    const struct timespec at = {.tv_sec = (time_t)(due / 1000),
                                .tv_nsec = (long)(due % 1000) * 1000000};

    while (!s->appended_all && !(asked && s->flush_now) && now_ms() < due)
        (void)pthread_cond_timedwait(&s->flush_due, &s->lock, &at);
    s->flush_now = false;
}

/* True: it worked. */
static bool flush(struct store_thread *s, bool worked)
{
    char why[GW_DISK_WHY_MAX];
    mqttsn_ms began = now_ms();
    enum mqttsn_status status = gw_disk_flush(s->disk, why);
    struct gw_disk_stats stats;

    if (status != MQTTSN_OK) {
        if (worked)
            gw_err("store", "flush_failed", "reason=%s", gw_log_text(why));
        return false;
    }
    if (!worked)
        gw_info("store", "flush_works", NULL);
    if (gw_log_is_on(GW_LOG_DEBUG)) {
        gw_disk_stats(s->disk, &stats);
        gw_debug("store", "flushed",
                 "took_ms=%llu rows=%" PRIu64 " written=%" PRIu64
                 " deleted=%" PRIu64,
                 (unsigned long long)(now_ms() - began), stats.rows,
                 stats.rows_written, stats.rows_deleted);
    }
    return true;
}

static void *run_flusher(void *user)
{
    struct store_thread *s = user;
    mqttsn_ms due = now_ms() + s->flush_interval, pause = 0;
    bool last = false;

    while (!last) {
        bool worked;

        pthread_mutex_lock(&s->lock);
        /* While it fails nobody may hurry it. */
        wait_for_flush(s, due, pause == 0);
        last = s->appended_all;
        pthread_mutex_unlock(&s->lock);
        worked = flush(s, pause == 0);
        if (worked)
            pause = 0;
        else
            pause = pause == 0                 ? RETRY_MIN_MS
                    : 2 * pause < RETRY_MAX_MS ? 2 * pause
                                               : RETRY_MAX_MS;
        due = now_ms() + (worked ? s->flush_interval : pause);
    }
    pthread_mutex_lock(&s->lock);
    s->ended++;
    pthread_mutex_unlock(&s->lock);
    uv_async_send(&s->news);
    return NULL;
}

/* ---- life -------------------------------------------------------------- */

static void give_back(struct store_thread *s)
{
    pthread_cond_destroy(&s->submitted);
    pthread_cond_destroy(&s->flush_due);
    pthread_mutex_destroy(&s->lock);
    if (s->filling != NULL)
        free(s->filling->octets);
    if (s->emptying != NULL)
        free(s->emptying->octets);
    free(s->filling);
    free(s->emptying);
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    give_back(handle->data);
}

static void on_news(uv_async_t *news)
{
    struct store_thread *s = news->data;
    bool over, tell;

    pthread_mutex_lock(&s->lock);
    over = s->ended == 2;
    tell = s->done_count != 0 || (s->full && has_room(s));
    pthread_mutex_unlock(&s->lock);
    if (!s->stopping && tell && s->base.wake != NULL)
        s->base.wake(s->base.user);
    if (over && !uv_is_closing((uv_handle_t *)news)) {
        pthread_join(s->appender, NULL);
        pthread_join(s->flusher, NULL);
        gw_disk_close(s->disk);
        uv_close((uv_handle_t *)news, on_closed);
    }
}

static void hurry(struct gw_store *store)
{
    struct store_thread *s = (struct store_thread *)store;

    pthread_mutex_lock(&s->lock);
    ask_for_flush(s);
    pthread_mutex_unlock(&s->lock);
}

static void close_store(struct gw_store *store)
{
    struct store_thread *s = (struct store_thread *)store;

    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->submitted);
    pthread_mutex_unlock(&s->lock);
}

static const struct gw_store_ops ops = {room, submit, take, hurry, close_store};

static bool init(struct store_thread *s)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->flush_due, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&s->submitted, NULL);
    pthread_mutex_init(&s->lock, NULL);
    s->filling = calloc(1, sizeof(*s->filling));
    s->emptying = calloc(1, sizeof(*s->emptying));
    return s->filling != NULL && s->emptying != NULL;
}

enum mqttsn_status gw_store_thread_new(uv_loop_t *loop, struct gw_disk *disk,
                                       mqttsn_ms flush_interval,
                                       struct gw_store **ret_store)
{
    struct store_thread *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return MQTTSN_ENOSPACE;
    s->base.ops = &ops;
    s->disk = disk;
    s->flush_interval = flush_interval;
    if (!init(s)) {
        give_back(s);
        return MQTTSN_ENOSPACE;
    }
    if (uv_async_init(loop, &s->news, on_news) != 0) {
        give_back(s);
        return MQTTSN_EIO;
    }
    s->news.data = s;
    if (pthread_create(&s->appender, NULL, run_appender, s) != 0)
        goto fail;
    if (pthread_create(&s->flusher, NULL, run_flusher, s) != 0) {
        close_store(&s->base);
        pthread_join(s->appender, NULL);
        goto fail;
    }
    *ret_store = &s->base;
    return MQTTSN_OK;

fail:
    uv_close((uv_handle_t *)&s->news, on_closed);
    return MQTTSN_EIO;
}
