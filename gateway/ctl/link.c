/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"

#define PATIENCE_MS 15000
#define READ_AT_ONCE 16384

/* No answer is as long as this. */
#define LINE_MAX_OCTETS (4u << 20)

bool ctl_link_open(struct ctl_link *link, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    *link = (struct ctl_link){.fd = -1, .wake_fd = -1};
    if (strlen(path) >= sizeof(at.sun_path)) {
        fprintf(stderr, "mqttsn-ctl: %s: too long for a socket\n", path);
        return false;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    link->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (link->fd >= 0 &&
        connect(link->fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
        return true;
    fprintf(stderr, "mqttsn-ctl: cannot reach a gateway at %s: %s%s\n", path,
            strerror(errno),
            errno == EACCES ? "; are you in its group?"
            : errno == ENOENT || errno == ECONNREFUSED
                ? "; is it running, with this [ctl] path?"
                : "");
    ctl_link_close(link);
    return false;
}

void ctl_link_close(struct ctl_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    if (link->wake_fd >= 0)
        close(link->wake_fd);
    free(link->text);
    *link = (struct ctl_link){.fd = -1, .wake_fd = -1};
}

void ctl_link_heed_signals(struct ctl_link *link)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    link->wake_fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (link->wake_fd >= 0)
        sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr("-_.~:", c) != NULL);
}

static bool send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fprintf(stderr, "mqttsn-ctl: the gateway has gone: %s\n",
                    strerror(errno));
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

bool ctl_link_ask(struct ctl_link *link, const char *word, const char *argument,
                  const char *query)
{
    size_t room = strlen(word) + 3 * (argument ? strlen(argument) : 0) +
                  (query ? strlen(query) : 0) + 4;
    char *text = ctl_malloc(room);
    size_t len;
    bool sent;

    len = (size_t)sprintf(text, "%s", word);
    if (argument != NULL)
        text[len++] = '/';
    for (const char *c = argument; c != NULL && *c != '\0'; c++) {
        if (is_plain(*c))
            text[len++] = *c;
        else
            len += (size_t)sprintf(text + len, "%%%02x", (unsigned char)*c);
    }
    if (query != NULL && query[0] != '\0')
        len += (size_t)sprintf(text + len, "?%s", query);
    text[len++] = '\n';
    sent = send_all(link->fd, text, len);
    free(text);
    return sent;
}

/* The first line that is there, taken out; NULL: there is no whole one. */
static char *take_line(struct ctl_link *link)
{
    char *end = link->len != 0 ? memchr(link->text, '\n', link->len) : NULL;
    size_t len;
    char *line;

    if (end == NULL)
        return NULL;
    len = (size_t)(end - link->text);
    line = ctl_malloc(len + 1);
    memcpy(line, link->text, len);
    line[len] = '\0';
    link->len -= len + 1;
    memmove(link->text, end + 1, link->len);
    return line;
}

/* False: there is nothing to be had any more. */
static bool read_more(struct ctl_link *link)
{
    ssize_t n;

    if (link->room - link->len < READ_AT_ONCE) {
        if (link->len > LINE_MAX_OCTETS)
            return false;
        link->text = ctl_realloc(link->text, link->len + 2 * READ_AT_ONCE);
        link->room = link->len + 2 * READ_AT_ONCE;
    }
    n = read(link->fd, link->text + link->len, READ_AT_ONCE);
    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0)
        return false;
    link->len += (size_t)n;
    return true;
}

static cJSON *complain(const char *words)
{
    fprintf(stderr, "mqttsn-ctl: %s\n", words);
    return NULL;
}

cJSON *ctl_link_read(struct ctl_link *link, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = link->fd, .events = POLLIN},
                            {.fd = link->wake_fd, .events = POLLIN}};
    char *line;
    cJSON *object;

    while ((line = take_line(link)) == NULL) {
        int n = poll(fds, 2, timeout_ms);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return complain("the gateway does not answer");
        if (fds[1].revents != 0) {
            link->woken = true;
            return NULL;
        }
        if (!read_more(link))
            return complain("the gateway has closed the connection: it has "
                            "ended, or others wanted the place");
    }
    object = cJSON_Parse(line);
    free(line);
    if (cJSON_IsObject(object))
        return object;
    cJSON_Delete(object);
    return complain("the gateway says what is not understood");
}

cJSON *ctl_link_call(struct ctl_link *link, const char *word,
                     const char *argument, const char *query)
{
    if (!ctl_link_ask(link, word, argument, query))
        return NULL;
    return ctl_link_read(link, PATIENCE_MS);
}
