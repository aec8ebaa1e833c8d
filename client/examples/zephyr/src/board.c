/* SPDX-License-Identifier: MIT */
/*
 * board.c - a board with Zephyr, for examples/board/sensor.c.
 *
 * Not run with Zephyr: tests/client/ports compiles it against minimal headers.
 */
#include "board.h"

#include <zephyr/kernel.h>
#include <zephyr/net/socket.h>
#include <zephyr/random/random.h>
#include <zephyr/sys/printk.h>

#define GATEWAY "192.0.2.1"
#define PORT 1883

const char board_name[] = "zephyr";
const struct mqttsn_address board_gateway = {.len = 1};

static int fd = -1;

mqttsn_ms board_now(void)
{
    return (mqttsn_ms)k_uptime_get();
}

uint32_t board_random(void)
{
    return sys_rand32_get();
}

void board_send(const uint8_t *octets, size_t len)
{
    (void)zsock_send(fd, octets, len, 0);
}

size_t board_receive(uint8_t *buf, size_t cap, uint32_t wait_ms)
{
    struct zsock_pollfd wait = {.fd = fd, .events = ZSOCK_POLLIN};
    ssize_t len;

    if (zsock_poll(&wait, 1, (int)wait_ms) <= 0)
        return 0;
    len = zsock_recv(fd, buf, cap, 0);
    return len > 0 ? (size_t)len : 0;
}

void board_sleep(uint32_t seconds)
{
    k_sleep(K_SECONDS(seconds));
}

size_t board_measure(char *buf, size_t cap)
{
    return (size_t)snprintk(buf, cap, "%u", (unsigned)k_uptime_seconds());
}

void board_obey(const uint8_t *octets, size_t len)
{
    printk("command: %.*s\n", (int)len, (const char *)octets);
}

void board_say(const char *text)
{
    printk("%s\n", text);
}

int main(void)
{
    struct sockaddr_in gateway = {.sin_family = AF_INET,
                                  .sin_port = htons(PORT)};

    zsock_inet_pton(AF_INET, GATEWAY, &gateway.sin_addr);
    fd = zsock_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    if (fd < 0 ||
        zsock_connect(fd, (struct sockaddr *)&gateway, sizeof(gateway)) < 0) {
        board_say("no socket");
        return 0;
    }
    sensor_run();
    return 0;
}
