/* SPDX-License-Identifier: MIT */
#include "log_systemd.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int journal = -1;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

bool gw_log_systemd_join(const char *path)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[48];
    struct stat st;

    if (journal >= 0)
        close(journal);
    journal = -1;
    /* It is handed down to whoever we were started by, too: it says which. */
    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev,
             (uintmax_t)st.st_ino);
    if (strcmp(stream, ours) != 0 || strlen(path) >= sizeof(address.sun_path))
        return false;
    strcpy(address.sun_path, path);
    journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return journal >= 0;
}

bool gw_log_systemd_joined(void)
{
    return journal >= 0;
}

bool gw_log_systemd_send(const char *entry, size_t len)
{
    /* By name each time: a journal that was started again has a new socket. */
    return sendto(journal, entry, len, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)&address, sizeof(address)) >= 0;
}
