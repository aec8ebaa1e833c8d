/* SPDX-License-Identifier: MIT */
/*
 * board.c - a board with ESP-IDF, for examples/board/sensor.c.
 *
 * Not run with ESP-IDF: tests/client/ports compiles it against minimal headers.
 */
#include "board.h"

#include "esp_err.h"
#include "esp_event.h"
#include "esp_netif.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "lwip/sockets.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"

#include <stdio.h>

#define GATEWAY "192.0.2.1"
#define PORT 1883

const char board_name[] = "esp";
const struct mqttsn_address board_gateway = {.len = 1};

static int fd = -1;

mqttsn_ms board_now(void)
{
    return (mqttsn_ms)(esp_timer_get_time() / 1000);
}

uint32_t board_random(void)
{
    return esp_random();
}

void board_send(const uint8_t *octets, size_t len)
{
    (void)send(fd, octets, len, 0);
}

/* A timeout of 0 would wait for ever. */
size_t board_receive(uint8_t *buf, size_t cap, uint32_t wait_ms)
{
    struct timeval wait = {.tv_sec = wait_ms / 1000,
                           .tv_usec = wait_ms % 1000 * 1000 + 1000};
    int len;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    len = (int)recv(fd, buf, cap, 0);
    return len > 0 ? (size_t)len : 0;
}

/* The radio is saved by the power management, if it is switched on. */
void board_sleep(uint32_t seconds)
{
    vTaskDelay(pdMS_TO_TICKS(1000) * seconds);
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
    printf("%s\n", text);
}

void app_main(void)
{
    struct sockaddr_in gateway = {.sin_family = AF_INET,
                                  .sin_port = htons(PORT)};

    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(example_connect());

    inet_pton(AF_INET, GATEWAY, &gateway.sin_addr);
    fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    if (fd < 0 || connect(fd, (struct sockaddr *)&gateway, sizeof(gateway)) < 0)
        board_say("no socket");
    else
        sensor_run();
}
