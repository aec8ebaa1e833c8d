/* SPDX-License-Identifier: MIT */
#include "io/paho_guard.h"

#include "io/paho_connack.h"
#include "io/paho_frames.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_bool used;
static atomic_bool unwritten;

/* What this thread may not write; 0: nothing. */
static _Thread_local uint8_t forbidden;
static _Thread_local uint16_t forbidden_id;

bool gw_paho_guard_used(void)
{
    return atomic_load_explicit(&used, memory_order_relaxed);
}

bool gw_paho_guard_left(void)
{
    return atomic_load(&unwritten);
}

void gw_paho_guard_settle(void)
{
    atomic_store(&unwritten, false);
}

/* Paho names its threads MQTTAsync_send and MQTTAsync_rcv. */
static bool on_paho_thread(void)
{
    char name[16] = "";

    return prctl(PR_GET_NAME, name) == 0 &&
           strncmp(name, "MQTTAsync_", 10) == 0;
}

/* Whether the error is the connection's, and not the caller's. */
static bool is_connection_error(int error)
{
    return error != EAGAIN && error != EINTR && error != EBADF &&
           error != EINVAL && error != EFAULT;
}

void gw_paho_guard_break(enum gw_guard_packet packet, uint16_t packet_id)
{
    static const uint8_t first_octets[] = {
        [GW_GUARD_PUBLISH2] = 0x34, [GW_GUARD_PUBACK] = 0x40,
        [GW_GUARD_PUBREC] = 0x50,   [GW_GUARD_PUBREL] = 0x62,
        [GW_GUARD_PUBCOMP] = 0x70,
    };

    forbidden = first_octets[packet];
    forbidden_id = packet_id;
}

/* Type, flags, length and packet id; of a frame of WebSocket (RFC 6455), all of
 * it that stands before, too; of a CONNECT, up to its version. */
#define HEAD_MAX 18

/* The first octets, 0 where there are none; returns how many there are. */
static size_t copy_head(const struct iovec *iov, int count,
                        uint8_t head[HEAD_MAX])
{
    size_t len = 0;

    memset(head, 0, HEAD_MAX);
    for (int i = 0; i < count && len < HEAD_MAX; i++) {
        size_t n = iov[i].iov_len;

        if (n > HEAD_MAX - len)
            n = HEAD_MAX - len;
        if (n > 0)
            memcpy(head + len, iov[i].iov_base, n);
        len += n;
    }
    return len;
}

static bool is_forbidden_packet(const uint8_t head[4])
{
    if (forbidden == 0x34) /* whatever DUP and RETAIN are */
        return (head[0] & 0xf6) == forbidden;
    return (head[0] & 0xf2) == forbidden &&
           (head[2] << 8 | head[3]) == forbidden_id;
}

/* The same in a masked binary frame. Its first octet is that of SUBSCRIBE, too,
 * which is never forbidden. */
static bool is_forbidden_frame(const uint8_t *head, size_t len)
{
    size_t size = (head[1] & 0x7f) == 127   ? 10
                  : (head[1] & 0x7f) == 126 ? 4
                                            : 2;
    uint8_t packet[4];

    if (head[0] != 0x82 || (head[1] & 0x80) == 0 || len < size + 8)
        return false;
    for (size_t i = 0; i < 4; i++)
        packet[i] = head[size + i] ^ head[size + 4 + i];
    return is_forbidden_packet(packet);
}

static bool is_forbidden(const struct iovec *iov, int count)
{
    uint8_t head[HEAD_MAX];
    size_t len = copy_head(iov, count, head);

    return len >= 4 &&
           (is_forbidden_packet(head) || is_forbidden_frame(head, len));
}

/* Ends the connection if it would carry what may not be sent: Paho finds the
 * end when it reads. */
static bool break_if_forbidden(int fd, const struct iovec *iov, int count)
{
    if (forbidden == 0 || !is_forbidden(iov, count))
        return false;
    forbidden = 0;
    shutdown(fd, SHUT_RDWR);
    return true;
}

/* ---- more follows ------------------------------------------------------- */

/* The first octet of a packet of MQTT, without its flags. */
#define CONNECT 0x10
#define PUBLISH 0x30

static atomic_size_t expected;

void gw_paho_guard_expect(size_t publishes)
{
    atomic_fetch_add_explicit(&expected, publishes, memory_order_relaxed);
}

/* Never below none: Paho sends publishes again that nobody announced. */
static size_t take(size_t most)
{
    size_t have = atomic_load_explicit(&expected, memory_order_relaxed);
    size_t left;

    do {
        left = have > most ? have - most : 0;
    } while (!atomic_compare_exchange_weak_explicit(
        &expected, &have, left, memory_order_relaxed, memory_order_relaxed));
    return left;
}

void gw_paho_guard_forget(size_t publishes)
{
    (void)take(publishes);
}

static uint8_t kind_of(const struct iovec *iov, int count)
{
    return count > 0 && iov[0].iov_len > 0
               ? *(const uint8_t *)iov[0].iov_base & 0xf0
               : 0;
}

static void note_connect(int fd, const struct iovec *iov, int count)
{
    uint8_t head[HEAD_MAX];
    size_t len = copy_head(iov, count, head);

    gw_paho_connack_await(fd, head, len);
}

/* Paho asks for a WebSocket, which will carry its CONNECT. */
static bool is_upgrade(const struct iovec *iov, int count)
{
    return count > 0 && iov[0].iov_len > 4 &&
           memcmp(iov[0].iov_base, "GET ", 4) == 0;
}

/* As the system's, but for what stands in the header. */
static ssize_t write_on(int fd, const struct iovec *iov, int count)
{
    uint8_t kind = kind_of(iov, count);
    int one = 1;

    if (is_upgrade(iov, count) && on_paho_thread())
        gw_paho_frames_begin(fd);
    if ((kind == CONNECT || is_upgrade(iov, count)) && on_paho_thread()) {
        atomic_store_explicit(&expected, 0, memory_order_relaxed);
        note_connect(fd, iov, count);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (kind == PUBLISH && take(1) > 0) {
        struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                             .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(fd, &msg, MSG_MORE | MSG_NOSIGNAL);

        if (n >= 0 || errno != ENOTSOCK)
            return n;
    }
    return syscall(SYS_writev, fd, iov, count);
}

static size_t length_of(const struct iovec *iov, int count)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += iov[i].iov_len;
    return len;
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    ssize_t n;
    int error;

    atomic_store_explicit(&used, true, memory_order_relaxed);
    if (break_if_forbidden(fd, iov, count)) {
        errno = EAGAIN;
        return -1;
    }
    n = write_on(fd, iov, count);
    error = errno;
    if (n < 0 || (size_t)n < length_of(iov, count))
        atomic_store(&unwritten, true);
    if (n < 0) {
        if (is_connection_error(error) && on_paho_thread())
            error = EAGAIN;
        errno = error;
    }
    return n;
}

/* ---- the same below TLS -------------------------------------------------- */

/* Of these, and no others, a file can have none: on Paho's threads our journal
 * is written, too. */
static bool is_network_error(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ECONNABORTED ||
           error == ETIMEDOUT || error == ENOTCONN || error == ENETDOWN ||
           error == ENETUNREACH || error == EHOSTUNREACH;
}

ssize_t write(int fd, const void *octets, size_t len)
{
    ssize_t n = syscall(SYS_write, fd, octets, len);
    int error = errno;

    if (n < 0) {
        if (is_network_error(error) && on_paho_thread())
            error = EAGAIN;
        errno = error;
    }
    return n;
}

void gw_paho_guard_outgoing(int fd, const void *octets, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)octets, len};

    if (is_upgrade(&iov, 1))
        gw_paho_frames_begin(fd);
    if (kind_of(&iov, 1) == CONNECT)
        note_connect(fd, &iov, 1);
    (void)break_if_forbidden(fd, &iov, 1);
}
