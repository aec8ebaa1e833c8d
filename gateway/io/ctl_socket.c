/* SPDX-License-Identifier: MIT */
#include "ctl.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static enum mqttsn_status fail(char *why, const char *what, int error)
{
    if (error == 0)
        snprintf(why, GW_CTL_WHY_MAX, "%s", what);
    else
        snprintf(why, GW_CTL_WHY_MAX, "%s: %s", what, strerror(error));
    return MQTTSN_EIO;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Whether somebody listens there. A process that was killed leaves its socket
 * behind, which refuses. */
static bool is_alive(const struct sockaddr_un *at)
{
    int fd = new_socket();
    bool alive;

    if (fd < 0)
        return true; /* who knows */
    alive = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ||
            errno != ECONNREFUSED;
    close(fd);
    return alive;
}

/* Takes away what is there, if it is a socket that nobody listens at. */
static enum mqttsn_status clear(const struct sockaddr_un *at, char *why)
{
    struct stat there;

    if (lstat(at->sun_path, &there) != 0)
        return errno == ENOENT ? MQTTSN_OK
                               : fail(why, "cannot be looked at", errno);
    if (!S_ISSOCK(there.st_mode))
        return fail(why, "there is something else of that name", 0);
    if (is_alive(at))
        return fail(why, "another gateway listens there", 0);
    if (unlink(at->sun_path) == 0 || errno == ENOENT)
        return MQTTSN_OK;
    return fail(why, "what an earlier process left cannot be removed", errno);
}

/* Nobody may connect before the group is right. */
static enum mqttsn_status open_to(const char *path, const char *group,
                                  char *why)
{
    const struct group *entry;

    if (group != NULL) {
        errno = 0;
        entry = getgrnam(group);
        if (entry == NULL)
            return fail(why, "no such group", errno);
        if (chown(path, (uid_t)-1, entry->gr_gid) != 0)
            return fail(why, "cannot give it to that group", errno);
    }
    if (chmod(path, 0660) != 0)
        return fail(why, "cannot set its mode", errno);
    return MQTTSN_OK;
}

static bool identify(const char *path, struct gw_ctl_socket *made)
{
    struct stat there;

    if (lstat(path, &there) != 0)
        return false;
    made->device = there.st_dev;
    made->inode = there.st_ino;
    return true;
}

enum mqttsn_status gw_ctl_socket_bind(const char *path, const char *group,
                                      char *why, struct gw_ctl_socket *ret)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct gw_ctl_socket made;
    enum mqttsn_status status;

    if (strlen(path) >= sizeof(at.sun_path))
        return fail(why, "the path is too long for a socket", 0);
    memcpy(at.sun_path, path, strlen(path) + 1);
    status = clear(&at, why);
    if (status != MQTTSN_OK)
        return status;
    made.fd = new_socket();
    if (made.fd < 0)
        return fail(why, "no socket", errno);
    /* On Linux it is made with the mode of the descriptor. */
    if (fchmod(made.fd, 0600) != 0 ||
        bind(made.fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        !identify(path, &made)) {
        int error = errno;

        status = fail(why, "cannot be made", error);
        close(made.fd);
        return error == ENOENT ? MQTTSN_ENOTFOUND : status;
    }
    status = open_to(path, group, why);
    if (status != MQTTSN_OK) {
        gw_ctl_socket_remove(path, &made);
        close(made.fd);
        return status;
    }
    *ret = made;
    return MQTTSN_OK;
}

void gw_ctl_socket_remove(const char *path, const struct gw_ctl_socket *made)
{
    struct gw_ctl_socket there;

    if (identify(path, &there) && there.device == made->device &&
        there.inode == made->inode)
        unlink(path);
}
