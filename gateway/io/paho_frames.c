/* SPDX-License-Identifier: MIT */
#include "io/paho_frames.h"

#include "io/paho_connack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK 16384
#define HEADER_MAX 4096 /* of the answer to the upgrade */

struct octets {
    uint8_t *data;
    size_t at, len, cap; /* what was taken ends at 'at' */
};

struct frames {
    bool upgraded;
    bool failed;          /* what came is no WebSocket, or there is no memory */
    bool offered;         /* by poll, and nothing was read since */
    struct octets raw;    /* as it came */
    struct octets stream; /* of MQTT, out of frames */
    struct octets ready;  /* for Paho */
};

/* By descriptor. Who closes one may be another thread than who reads it: what
 * is in them is touched with the lock, whether there are any is not. */
static _Atomic(struct frames *) all[GW_PAHO_DESCRIPTORS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void clear(struct octets *o)
{
    free(o->data);
    *o = (struct octets){0};
}

static bool add(struct octets *o, const void *data, size_t len)
{
    if (o->at > 0) {
        memmove(o->data, o->data + o->at, o->len - o->at);
        o->len -= o->at;
        o->at = 0;
    }
    if (o->cap - o->len < len) {
        size_t cap = o->len + len + CHUNK;
        uint8_t *grown = realloc(o->data, cap);

        if (grown == NULL)
            return false;
        o->data = grown;
        o->cap = cap;
    }
    memcpy(o->data + o->len, data, len);
    o->len += len;
    return true;
}

static struct frames *frames_of(int fd)
{
    return fd >= 0 && fd < GW_PAHO_DESCRIPTORS_MAX ? atomic_load(&all[fd])
                                                   : NULL;
}

void gw_paho_frames_end(int fd)
{
    struct frames *f;

    if (frames_of(fd) == NULL)
        return;
    pthread_mutex_lock(&lock);
    f = atomic_exchange(&all[fd], NULL);
    if (f != NULL) {
        clear(&f->raw);
        clear(&f->stream);
        clear(&f->ready);
        free(f);
    }
    pthread_mutex_unlock(&lock);
}

void gw_paho_frames_begin(int fd)
{
    struct frames *f = calloc(1, sizeof(*f));

    gw_paho_frames_end(fd);
    if (f == NULL || fd < 0 || fd >= GW_PAHO_DESCRIPTORS_MAX) {
        free(f);
        shutdown(fd, SHUT_RDWR);
        return;
    }
    atomic_store(&all[fd], f);
}

bool gw_paho_frames_is(int fd)
{
    return frames_of(fd) != NULL;
}

bool gw_paho_frames_left(int fd, bool *ret_again)
{
    struct frames *f;
    bool left;

    if (frames_of(fd) == NULL)
        return false;
    pthread_mutex_lock(&lock);
    f = frames_of(fd);
    left = f != NULL && f->ready.at != f->ready.len;
    if (left) {
        *ret_again = f->offered;
        f->offered = true;
    }
    pthread_mutex_unlock(&lock);
    return left;
}

/* ---- from octets to packets -------------------------------------------- */

/* A frame as Paho reads it, unmasked and whole. */
static bool emit(struct frames *f, uint8_t first, const uint8_t *data,
                 uint64_t len)
{
    uint8_t head[10] = {first};
    size_t size = 2;

    if (len < 126) {
        head[1] = (uint8_t)len;
    } else {
        unsigned octets = len < 65536 ? 2 : 8;

        head[1] = octets == 2 ? 126 : 127;
        for (unsigned i = 0; i < octets; i++)
            head[2 + i] = (uint8_t)(len >> 8 * (octets - 1 - i));
        size += octets;
    }
    return add(&f->ready, head, size) && add(&f->ready, data, (size_t)len);
}

/* The packets of MQTT that are whole. */
static bool emit_packets(struct frames *f)
{
    struct octets *s = &f->stream;

    for (;;) {
        const uint8_t *p = s->data + s->at;
        size_t have = s->len - s->at, size = 1, len = 0;
        unsigned shift = 0;

        do {
            if (have <= size)
                return shift <= 21;
            if (shift > 21)
                return false; /* no length of MQTT */
            len |= (size_t)(p[size] & 0x7f) << shift;
            shift += 7;
        } while (p[size++] & 0x80);
        if (have < size + len)
            return true;
        if (!emit(f, 0x82, p, size + len))
            return false;
        s->at += size + len;
    }
}

/* Of the head of a frame its size, 0 while it is not whole. */
static size_t frame_head(const uint8_t *p, size_t have, uint64_t *ret_len)
{
    size_t size;

    if (have < 2)
        return 0;
    size = (p[1] & 0x7f) == 127 ? 10 : (p[1] & 0x7f) == 126 ? 4 : 2;
    if (have < size)
        return 0;
    *ret_len = size == 2 ? p[1] & 0x7fu : 0;
    for (size_t i = 2; i < size; i++)
        *ret_len = *ret_len << 8 | p[i];
    return size;
}

/* Takes one frame that is whole apart; '*ret_more' when there was one. */
static bool take_frame(struct frames *f, bool *ret_more)
{
    struct octets *raw = &f->raw;
    const uint8_t *p = raw->data + raw->at;
    uint64_t len = 0;
    size_t size = frame_head(p, raw->len - raw->at, &len);
    bool good;

    *ret_more = size != 0 && raw->len - raw->at - size >= len;
    if (size != 0 && ((p[1] & 0x80) || len > (UINT64_C(1) << 28)))
        return false; /* a server masks nothing, and MQTT has no such packet */
    if (!*ret_more)
        return true;
    if ((p[0] & 0x0f) >= 8)
        good = emit(f, p[0], p + size, len); /* ping, pong, close: Paho's */
    else
        good = add(&f->stream, p + size, (size_t)len) && emit_packets(f);
    raw->at += size + (size_t)len;
    return good;
}

static bool take_answer(struct frames *f, bool *ret_more)
{
    struct octets *raw = &f->raw;
    const uint8_t *p = raw->data + raw->at;
    const uint8_t *end = memmem(p, raw->len - raw->at, "\r\n\r\n", 4);

    *ret_more = end != NULL;
    if (end == NULL)
        return raw->len - raw->at <= HEADER_MAX;
    f->upgraded = true;
    raw->at += (size_t)(end + 4 - p);
    return add(&f->ready, p, (size_t)(end + 4 - p));
}

static bool digest(struct frames *f, const uint8_t *octets, size_t len)
{
    bool more = add(&f->raw, octets, len);
    bool good = more;

    while (good && more)
        good = f->upgraded ? take_frame(f, &more) : take_answer(f, &more);
    return good;
}

/* With the lock. */
static ssize_t give(struct frames *f, void *buf, size_t len,
                    ssize_t (*raw)(void *user, void *buf, size_t len),
                    void *user)
{
    uint8_t chunk[CHUNK];
    ssize_t n = 1;
    size_t left;

    f->offered = false;
    while (f->ready.at == f->ready.len && !f->failed && n > 0) {
        n = raw(user, chunk, sizeof(chunk));
        if (n > 0)
            f->failed = !digest(f, chunk, (size_t)n);
    }
    left = f->ready.len - f->ready.at;
    if (left == 0)
        return f->failed ? 0 : n; /* failed: as if the broker had ended it */
    if (left > len)
        left = len;
    memcpy(buf, f->ready.data + f->ready.at, left);
    f->ready.at += left;
    return (ssize_t)left;
}

ssize_t gw_paho_frames_read(int fd, void *buf, size_t len,
                            ssize_t (*raw)(void *user, void *buf, size_t len),
                            void *user)
{
    struct frames *f;
    ssize_t n = 0;

    if (len == 0) /* Paho asks for the rest of what is complete */
        return 0;
    pthread_mutex_lock(&lock);
    f = frames_of(fd);
    if (f != NULL) /* else it was closed meanwhile */
        n = give(f, buf, len, raw, user);
    pthread_mutex_unlock(&lock);
    return n;
}
