/* SPDX-License-Identifier: MIT */
/* recv is replaced here, and so must not be the C library's inline form of it,
 * which clang takes for ours. */
#undef _FORTIFY_SOURCE

#include "io/paho_reader.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "io/paho_connack.h"
#include "io/paho_frames.h"
#include "io/paho_guard.h"

#define AHEAD 16384

/* For how many packets of what was read ahead an answer holds. */
#define UNASKED_MAX 16u

/* With more sockets than these the system is asked each time: so long as one
 * has octets left, the others must not wait. */
#define FEW 8

/* Not a subject of the thread sanitizer. */
#define GW_UNWATCHED __attribute__((no_sanitize("thread")))

/*
 * What was read and not given out. The receiving thread alone fills and empties
 * it; whoever closes the connection may be another one.
 */
static struct {
    pthread_mutex_t lock;
    /* -1: nothing is left of anybody's. Changes under the lock. */
    _Atomic int fd;
    size_t at, len;
    bool offered; /* by poll, and nothing was read since */
    char octets[AHEAD];
} ahead = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* The last answer of the system that all these can be written to; count 0:
 * there was none. The receiving thread's. */
static struct {
    nfds_t count;
    int fd[FEW];
    unsigned repeated; /* for how many packets */
    unsigned closed;   /* as that was then */
} writable;

/* How many descriptors, of whomever, since the start. */
static atomic_uint closed;

static atomic_uint looks;

static struct {
    pthread_mutex_t lock;
    void (*tell)(void *user); /* NULL: nobody waits for it */
    void *user;
} deferred = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Of this thread: whether it is Paho's receiving one, and polls through us. */
static _Thread_local enum { UNKNOWN, OTHER, RECEIVER } kind;
static _Thread_local bool polls;

static bool is_receiver(void)
{
    char name[16] = "";

    if (kind != UNKNOWN)
        return kind == RECEIVER;
    kind = OTHER;
    if (prctl(PR_GET_NAME, name) == 0 && strcmp(name, "MQTTAsync_rcv") == 0)
        kind = RECEIVER;
    return kind == RECEIVER;
}

unsigned gw_paho_reader_looks(void)
{
    return atomic_load(&looks);
}

/* ---- telling ------------------------------------------------------------ */

bool gw_paho_reader_defer(void (*tell)(void *user), void *user)
{
    bool mine;

    if (!polls)
        return false;
    pthread_mutex_lock(&deferred.lock);
    mine = deferred.tell == NULL || deferred.user == user;
    if (mine) {
        deferred.tell = tell;
        deferred.user = user;
    }
    pthread_mutex_unlock(&deferred.lock);
    return mine;
}

void gw_paho_reader_cancel(void *user)
{
    pthread_mutex_lock(&deferred.lock);
    if (deferred.user == user)
        deferred.tell = NULL;
    pthread_mutex_unlock(&deferred.lock);
}

/* Under the lock, so that who cancels is not called afterwards. */
static void tell_deferred(void)
{
    pthread_mutex_lock(&deferred.lock);
    if (deferred.tell != NULL)
        deferred.tell(deferred.user);
    deferred.tell = NULL;
    pthread_mutex_unlock(&deferred.lock);
}

/* ---- reading ------------------------------------------------------------ */

/* Under the lock. */
static size_t give_out(void *buf, size_t len)
{
    size_t n = ahead.len - ahead.at;

    n = n < len ? n : len;
    memcpy(buf, ahead.octets + ahead.at, n);
    ahead.at += n;
    ahead.offered = false;
    if (ahead.at == ahead.len)
        ahead.fd = -1;
    return n;
}

/*
 * At once: a broker that leaves Nagle's algorithm on sends the next message
 * only then, and with QoS 0 there is nothing that could take the
 * acknowledgement along. The system forgets it, so it is said each time; what
 * is no TCP does not mind.
 */
static void acknowledge(int fd)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

static ssize_t read_ahead(int fd, void *buf, size_t len)
{
    ssize_t n;

    pthread_mutex_lock(&ahead.lock);
    if (ahead.fd < 0 && len < AHEAD) {
        n = recvfrom(fd, ahead.octets, AHEAD, 0, NULL, NULL);
        if (n > 0) {
            acknowledge(fd);
            ahead.fd = fd;
            ahead.at = 0;
            ahead.len = (size_t)n;
            n = (ssize_t)give_out(buf, len);
        }
    } else if (ahead.fd == fd) {
        n = (ssize_t)give_out(buf, len);
    } else {
        n = recvfrom(fd, buf, len, 0, NULL, NULL);
    }
    pthread_mutex_unlock(&ahead.lock);
    return n;
}

static void forget_left(int fd)
{
    pthread_mutex_lock(&ahead.lock);
    if (ahead.fd == fd)
        ahead.fd = -1;
    pthread_mutex_unlock(&ahead.lock);
}

/* What Paho must not see is the end for it. */
static ssize_t read_packets(int fd, void *buf, size_t len)
{
    ssize_t n = read_ahead(fd, buf, len);

    if (n <= 0 || !gw_paho_connack_is_old(fd, buf, (size_t)n))
        return n;
    forget_left(fd);
    shutdown(fd, SHUT_RDWR);
    return 0;
}

static ssize_t recv_raw(void *user, void *buf, size_t len)
{
    return recvfrom(*(int *)user, buf, len, 0, NULL, NULL);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    if (flags == 0 && gw_paho_frames_is(fd))
        return gw_paho_frames_read(fd, buf, len, recv_raw, &fd);
    if (flags == 0 && len > 0 && polls && is_receiver())
        return read_packets(fd, buf, len);
    return recvfrom(fd, buf, len, flags, NULL, NULL);
}

/* The thread sanitizer is told that the number is free for others. */
#ifdef __SANITIZE_THREAD__
int __interceptor_close(int fd);
#define SYSTEM_CLOSE(fd) __interceptor_close(fd)
#else
#define SYSTEM_CLOSE(fd) (int)syscall(SYS_close, fd)
#endif

/*
 * Everybody's: signal handlers call it, and so does a sanitizer that reads
 * symbols for its report, which must find nothing to report here. A descriptor
 * that is not ours costs one look.
 */
GW_UNWATCHED int close(int fd)
{
    atomic_fetch_add(&closed, 1);
    if (atomic_load(&ahead.fd) == fd && fd >= 0)
        forget_left(fd);
    gw_paho_frames_end(fd);
    return SYSTEM_CLOSE(fd);
}

/* ---- waiting ------------------------------------------------------------ */

static int wait_for(struct pollfd *fds, nfds_t count, int timeout)
{
    struct timespec time = {timeout / 1000, timeout % 1000 * 1000000L};

    return ppoll(fds, count, timeout < 0 ? NULL : &time, NULL);
}

/* ---- whether it can be written ------------------------------------------ */

/* Paho asks that before each packet, and reads only what it could also write
 * to. */
static bool is_write_check(const struct pollfd *fds, nfds_t count, int timeout)
{
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].events != POLLOUT)
            return false;
    return timeout == 0;
}

/* Whether the last answer holds: there are packets to read, nothing was written
 * short since, no number can mean another socket, and it is not long ago. */
static bool still_writable(const struct pollfd *fds, nfds_t count)
{
    if (atomic_load(&ahead.fd) < 0 || writable.count != count ||
        writable.repeated == UNASKED_MAX ||
        writable.closed != atomic_load(&closed) || gw_paho_guard_left())
        return false;
    for (nfds_t i = 0; i < count; i++)
        if (writable.fd[i] != fds[i].fd)
            return false;
    return true;
}

static void note_writable(const struct pollfd *fds, nfds_t count,
                          unsigned closed_before)
{
    writable.count = 0;
    if (count > FEW)
        return;
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents != POLLOUT)
            return;
        writable.fd[i] = fds[i].fd;
    }
    writable.count = count;
    writable.repeated = 0;
    writable.closed = closed_before;
}

static int check_writable(struct pollfd *fds, nfds_t count)
{
    unsigned closed_before;
    int ready;

    if (still_writable(fds, count)) {
        writable.repeated++;
        for (nfds_t i = 0; i < count; i++)
            fds[i].revents = POLLOUT;
        return (int)count;
    }
    closed_before = atomic_load(&closed);
    gw_paho_guard_settle();
    ready = wait_for(fds, count, 0);
    if (ready == (int)count)
        note_writable(fds, count, closed_before);
    else
        writable.count = 0;
    return ready;
}

/* ---- what is ready ------------------------------------------------------ */

/* Whether octets of it are left; '*ret_again' if poll said so before and nobody
 * has read since. */
static bool is_left(int fd, bool *ret_again)
{
    bool left = gw_paho_frames_left(fd, ret_again);

    if (left || fd < 0 || atomic_load(&ahead.fd) != fd)
        return left;
    pthread_mutex_lock(&ahead.lock);
    left = ahead.fd == fd;
    *ret_again |= ahead.offered;
    ahead.offered |= left;
    pthread_mutex_unlock(&ahead.lock);
    return left;
}

/* Adds the connections whose octets are left, of those that are asked whether
 * they can be read; returns how many that makes more. */
static int offer_left(struct pollfd *fds, nfds_t count, bool *ret_again)
{
    int more = 0;

    for (nfds_t i = 0; i < count; i++) {
        bool again = false;

        if (!(fds[i].events & POLLIN) || !is_left(fds[i].fd, &again))
            continue;
        more += fds[i].revents == 0;
        fds[i].revents |= POLLIN;
        *ret_again |= again;
    }
    return more;
}

static int poll_receiver(struct pollfd *fds, nfds_t count, int timeout)
{
    bool again = false;
    int left, ready;

    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
    left = offer_left(fds, count, &again);
    atomic_fetch_add(&looks, 1);
    if (left > 0 && !again && count <= FEW)
        return left;
    ready = wait_for(fds, count, 0);
    if (left > 0 && ready >= 0)
        ready += offer_left(fds, count, &again);
    if (ready != 0 || timeout == 0)
        return ready;
    tell_deferred();
    return wait_for(fds, count, timeout);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    int ready;

    if (!is_receiver())
        return wait_for(fds, count, timeout);
    polls = true;
    if (is_write_check(fds, count, timeout))
        return check_writable(fds, count);
    ready = poll_receiver(fds, count, timeout);
    /* What made it end is read now; who rings from here on needs a new one. */
    atomic_fetch_add(&looks, 1);
    return ready;
}
