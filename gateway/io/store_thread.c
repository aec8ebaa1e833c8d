/* SPDX-License-Identifier: MIT */
#include "store_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"
#include "store_work.h"

/* Behind a flush that worked there is none for so long, whoever asks: where the
 * disk is nearly full each batch that is refused would bring one. */
#define AGAIN_MS 1000u

/* Between two attempts of a flush that fails. */
#define RETRY_MIN_MS 1000u
#define RETRY_MAX_MS 10000u

struct store_thread {
    struct gw_store base;
    struct gw_disk *disk;
    struct gw_store_work *work;
    mqttsn_ms flush_interval;
    pthread_t appender, flusher;

    /* The loop's. */
    uv_async_t news; /* something is done, or a thread has ended */
    uv_timer_t patience;
    unsigned handles;
    bool stopping;

    pthread_mutex_t lock;
    pthread_cond_t flush_due; /* or 'appended_all' */
    bool flush_now;
    bool appended_all; /* the appender has ended */
    unsigned ended;    /* threads */
    bool left;         /* the loop waits for them no more */
    struct store_thread *next_left;
};

/* Their threads still wait for the disk, or did when the loop ended. */
static struct store_thread *left_behind;
static pthread_mutex_t left_lock = PTHREAD_MUTEX_INITIALIZER;

static mqttsn_ms now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (mqttsn_ms)now.tv_sec * 1000 + (mqttsn_ms)now.tv_nsec / 1000000;
}

/* ---- the loop's side --------------------------------------------------- */

static bool room(struct gw_store *store)
{
    return gw_store_work_room(((struct store_thread *)store)->work);
}

static enum mqttsn_status submit(struct gw_store *store,
                                 const struct gw_store_action *action,
                                 struct mqttsn_span bytes)
{
    return gw_store_work_submit(((struct store_thread *)store)->work, action,
                                bytes);
}

static bool take(struct gw_store *store, uint64_t *ret_op, bool *ret_ok)
{
    return gw_store_work_take(((struct store_thread *)store)->work, ret_op,
                              ret_ok);
}

/* With the lock: news for the loop, if there still is one. */
static void tell(struct store_thread *s)
{
    if (!s->left)
        uv_async_send(&s->news);
}

/* ---- the appender ------------------------------------------------------ */

static void ask_for_flush(struct store_thread *s)
{
    pthread_mutex_lock(&s->lock);
    s->flush_now = true;
    pthread_cond_signal(&s->flush_due);
    pthread_mutex_unlock(&s->lock);
}

static void *run_appender(void *user)
{
    struct store_thread *s = user;

    while (gw_store_work_wait(s->work)) {
        gw_store_work_append(s->work);
        pthread_mutex_lock(&s->lock);
        tell(s);
        pthread_mutex_unlock(&s->lock);
        if (gw_disk_wants_flush(s->disk))
            ask_for_flush(s);
    }
    pthread_mutex_lock(&s->lock);
    s->appended_all = true;
    s->ended++;
    pthread_cond_signal(&s->flush_due);
    tell(s);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- the flusher ------------------------------------------------------- */

/* Waits until 'due', until it is asked, but not before 'earliest', or for the
 * end; with the lock. */
static void wait_for_flush(struct store_thread *s, mqttsn_ms due,
                           mqttsn_ms earliest)
{
    while (!s->appended_all) {
        mqttsn_ms until = s->flush_now && earliest < due ? earliest : due;
        const struct timespec at = {.tv_sec = (time_t)(until / 1000),
                                    .tv_nsec = (long)(until % 1000) * 1000000};

        if (now_ms() >= until)
            break;
        (void)pthread_cond_timedwait(&s->flush_due, &s->lock, &at);
    }
    s->flush_now = false;
}

static void *run_flusher(void *user)
{
    struct store_thread *s = user;
    mqttsn_ms due = now_ms() + s->flush_interval, earliest = 0, pause = 0;
    bool last = false;

    while (!last) {
        bool worked;

        pthread_mutex_lock(&s->lock);
        wait_for_flush(s, due, earliest);
        last = s->appended_all;
        pthread_mutex_unlock(&s->lock);
        if (last)
            gw_disk_ends(s->disk);
        worked = gw_store_work_flush(s->work);
        if (worked)
            pause = 0;
        else
            pause = pause == 0                 ? RETRY_MIN_MS
                    : 2 * pause < RETRY_MAX_MS ? 2 * pause
                                               : RETRY_MAX_MS;
        due = now_ms() + (worked ? s->flush_interval : pause);
        /* While it fails nobody may hurry it. */
        earliest = worked ? now_ms() + AGAIN_MS : due;
    }
    gw_disk_close(s->disk); /* takes as long as the disk takes */
    pthread_mutex_lock(&s->lock);
    s->ended++;
    tell(s);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- life -------------------------------------------------------------- */

static void give_back(struct store_thread *s)
{
    gw_store_work_free(s->work);
    pthread_cond_destroy(&s->flush_due);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct store_thread *s = handle->data;

    if (--s->handles == 0 && !s->left)
        give_back(s);
}

static void close_handles(struct store_thread *s)
{
    uv_close((uv_handle_t *)&s->news, on_closed);
    uv_close((uv_handle_t *)&s->patience, on_closed);
}

static void on_news(uv_async_t *news)
{
    struct store_thread *s = news->data;
    bool over;

    pthread_mutex_lock(&s->lock);
    over = s->ended == 2;
    pthread_mutex_unlock(&s->lock);
    if (!s->stopping && gw_store_work_has_news(s->work) && s->base.wake != NULL)
        s->base.wake(s->base.user);
    if (over && !uv_is_closing((uv_handle_t *)news)) {
        pthread_join(s->appender, NULL);
        pthread_join(s->flusher, NULL);
        close_handles(s);
    }
}

static void on_patience(uv_timer_t *patience)
{
    struct store_thread *s = patience->data;

    pthread_mutex_lock(&s->lock);
    s->left = s->ended != 2;
    pthread_mutex_unlock(&s->lock);
    if (!s->left)
        return; /* the news is on its way */
    gw_warn("store", "left_behind",
            "reason=\"the disk does not answer in time; what was acknowledged "
            "is in the journal\"");
    pthread_detach(s->appender);
    pthread_detach(s->flusher);
    pthread_mutex_lock(&left_lock);
    s->next_left = left_behind;
    left_behind = s;
    pthread_mutex_unlock(&left_lock);
    close_handles(s);
}

static void hurry(struct gw_store *store)
{
    ask_for_flush((struct store_thread *)store);
}

static void close_store(struct gw_store *store, unsigned limit_ms)
{
    struct store_thread *s = (struct store_thread *)store;

    s->stopping = true;
    gw_store_work_stop(s->work);
    uv_update_time(s->news.loop);
    uv_timer_start(&s->patience, on_patience, limit_ms, 0);
}

static const struct gw_store_ops ops = {room, submit, take, hurry, close_store};

static void init(struct store_thread *s)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->flush_due, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&s->lock, NULL);
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
    init(s);
    s->work = gw_store_work_new(disk);
    if (s->work == NULL) {
        give_back(s);
        return MQTTSN_ENOSPACE;
    }
    if (uv_async_init(loop, &s->news, on_news) != 0) {
        give_back(s);
        return MQTTSN_EIO;
    }
    uv_timer_init(loop, &s->patience);
    s->handles = 2;
    s->news.data = s->patience.data = s;
    if (pthread_create(&s->appender, NULL, run_appender, s) != 0)
        goto fail;
    if (pthread_create(&s->flusher, NULL, run_flusher, s) != 0) {
        gw_store_work_stop(s->work);
        pthread_join(s->appender, NULL);
        goto fail;
    }
    *ret_store = &s->base;
    return MQTTSN_OK;

fail:
    close_handles(s);
    return MQTTSN_EIO;
}
