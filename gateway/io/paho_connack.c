/* SPDX-License-Identifier: MIT */
#include "io/paho_connack.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT 0x10
#define CONNACK 0x20
#define LEVEL 5 /* of MQTT 5 */

/* By descriptor: how far the answer to a CONNECT of MQTT 5 has come. */
enum { NOTHING, FIRST_OCTET, LENGTH };
static atomic_uchar awaited[GW_PAHO_DESCRIPTORS_MAX];

/* Whether it is a CONNECT of MQTT 5: behind a length of one to four octets
 * stand the name of the protocol and its level. */
static bool is_of_5(const uint8_t *octets, size_t len)
{
    static const uint8_t protocol[] = {0, 4, 'M', 'Q', 'T', 'T', LEVEL};
    size_t at = 1;

    while (at < 4 && at < len && (octets[at] & 0x80))
        at++;
    at++;
    return len >= at + sizeof(protocol) &&
           memcmp(octets + at, protocol, sizeof(protocol)) == 0;
}

void gw_paho_connack_await(int fd, const uint8_t *octets, size_t len)
{
    if (fd < 0 || len == 0 || octets[0] != CONNECT)
        return;
    if (fd < GW_PAHO_DESCRIPTORS_MAX)
        atomic_store(&awaited[fd],
                     is_of_5(octets, len) ? FIRST_OCTET : NOTHING);
    else if (is_of_5(octets, len))
        shutdown(fd, SHUT_RDWR);
}

bool gw_paho_connack_is_old(int fd, const uint8_t *octets, size_t len)
{
    unsigned char next;

    if (fd < 0 || fd >= GW_PAHO_DESCRIPTORS_MAX)
        return false;
    next = atomic_load(&awaited[fd]);
    for (size_t i = 0; next != NOTHING && i < len; i++) {
        bool old = next == LENGTH && octets[i] == 2;

        next = next == FIRST_OCTET && octets[i] == CONNACK ? LENGTH : NOTHING;
        atomic_store(&awaited[fd], next);
        if (old)
            return true;
    }
    return false;
}
