/* SPDX-License-Identifier: MIT */
#include "io/paho_guard.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_bool used;

bool gw_paho_guard_used(void)
{
    return atomic_load_explicit(&used, memory_order_relaxed);
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

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    ssize_t n = syscall(SYS_writev, fd, iov, count);
    int error = errno;

    atomic_store_explicit(&used, true, memory_order_relaxed);
    if (n < 0) {
        if (is_connection_error(error) && on_paho_thread())
            error = EAGAIN;
        errno = error;
    }
    return n;
}
