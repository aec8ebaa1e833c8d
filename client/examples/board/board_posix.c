/* SPDX-License-Identifier: MIT */
/*
 * board_posix.c - this computer as a board, to try sensor.c before there is
 * hardware.
 *
 * usage: board_sensor GATEWAY PORT [SECONDS]
 *
 * SECONDS take the place of the time that sensor.c wants to sleep.
 */
#include "board.h"

#include "udp_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char board_name[] = "board";
const struct mqttsn_address board_gateway = {.len = 1};

static struct mqttsn_udp_port port;
static time_t sleep_s;

mqttsn_ms board_now(void)
{
    return mqttsn_udp_now();
}

uint32_t board_random(void)
{
    return mqttsn_udp_seed();
}

void board_send(const uint8_t *octets, size_t len)
{
    (void)mqttsn_udp_send(&port, NULL, 0, mqttsn_span(octets, len));
}

size_t board_receive(uint8_t *buf, size_t cap, uint32_t wait_ms)
{
    struct mqttsn_address from;
    size_t len;

    (void)mqttsn_udp_wait(&port, -1, mqttsn_udp_now() + wait_ms, NULL);
    return mqttsn_udp_receive(&port, buf, cap, &from, &len) == MQTTSN_OK ? len
                                                                         : 0;
}

void board_sleep(uint32_t seconds)
{
    struct timespec left = {.tv_sec = sleep_s > 0 ? sleep_s : (time_t)seconds};

    printf("asleep\n");
    fflush(stdout);
    while (nanosleep(&left, &left) < 0)
        continue;
}

size_t board_measure(char *buf, size_t cap)
{
    return (size_t)snprintf(buf, cap, "%lld", (long long)time(NULL));
}

void board_obey(const uint8_t *octets, size_t len)
{
    printf("command: %.*s\n", (int)len, (const char *)octets);
    fflush(stdout);
}

void board_say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct mqttsn_udp_place gateway;

    if (argc < 3) {
        fprintf(stderr, "usage: board_sensor GATEWAY PORT [SECONDS]\n");
        return 2;
    }
    sleep_s = argc > 3 ? atoi(argv[3]) : 0;
    if (mqttsn_udp_resolve(argv[1], (uint16_t)atoi(argv[2]), AF_UNSPEC,
                           &gateway, 1) == 0 ||
        mqttsn_udp_open(&port, gateway.family, gateway.interface) !=
            MQTTSN_OK ||
        mqttsn_udp_connect(&port, &gateway.address) != MQTTSN_OK) {
        fprintf(stderr, "there is no way to that gateway\n");
        return 1;
    }
    sensor_run();
    return 1;
}
