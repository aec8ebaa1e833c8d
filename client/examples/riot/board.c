/* SPDX-License-Identifier: MIT */
/*
 * board.c - a board with RIOT, for examples/board/sensor.c.
 *
 * Not run with RIOT: tests/client/ports compiles it against minimal headers.
 */
#include "board.h"

#include "net/ipv6/addr.h"
#include "net/sock/udp.h"
#include "random.h"
#include "ztimer.h"

#include <stdio.h>

#define GATEWAY "2001:db8::1"
#define PORT 1883

const char board_name[] = "riot";
const struct mqttsn_address board_gateway = {.len = 1};

static sock_udp_t sock;

/* The timer has 32 bits and comes round after seven weeks. It is read at
 * least once a cycle, so no round is missed. */
mqttsn_ms board_now(void)
{
    static uint32_t last;
    static mqttsn_ms rounds;
    uint32_t now = ztimer_now(ZTIMER_MSEC);

    if (now < last)
        rounds += (mqttsn_ms)1 << 32;
    last = now;
    return rounds + now;
}

uint32_t board_random(void)
{
    return random_uint32();
}

void board_send(const uint8_t *octets, size_t len)
{
    (void)sock_udp_send(&sock, octets, len, NULL);
}

size_t board_receive(uint8_t *buf, size_t cap, uint32_t wait_ms)
{
    ssize_t len = sock_udp_recv(&sock, buf, cap, wait_ms * 1000, NULL);

    return len > 0 ? (size_t)len : 0;
}

void board_sleep(uint32_t seconds)
{
    ztimer_sleep(ZTIMER_MSEC, seconds * 1000);
}

size_t board_measure(char *buf, size_t cap)
{
    return (size_t)snprintf(buf, cap, "%u", (unsigned)(board_now() / 1000));
}

void board_obey(const uint8_t *octets, size_t len)
{
    printf("command: %.*s\n", (int)len, (const char *)octets);
}

void board_say(const char *text)
{
    puts(text);
}

int main(void)
{
    sock_udp_ep_t local = SOCK_IPV6_EP_ANY;
    sock_udp_ep_t gateway = {.family = AF_INET6, .port = PORT};

    if (ipv6_addr_from_str((ipv6_addr_t *)&gateway.addr.ipv6, GATEWAY) ==
            NULL ||
        sock_udp_create(&sock, &local, &gateway, 0) < 0) {
        board_say("no socket");
        return 1;
    }
    sensor_run();
    return 0;
}
