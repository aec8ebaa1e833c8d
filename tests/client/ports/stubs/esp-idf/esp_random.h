/* SPDX-License-Identifier: MIT */
/* Of ESP-IDF, as much as a board.c needs to be compiled. */
#ifndef STUB_ESP_IDF_ESP_RANDOM_H
#define STUB_ESP_IDF_ESP_RANDOM_H

#include <stdint.h>

uint32_t esp_random(void);

#endif
