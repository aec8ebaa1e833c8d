/* SPDX-License-Identifier: MIT */
/* Of ESP-IDF, as much as a board.c needs to be compiled. */
#ifndef STUB_ESP_IDF_FREERTOS_TASK_H
#define STUB_ESP_IDF_FREERTOS_TASK_H

#include "freertos/FreeRTOS.h"

void vTaskDelay(TickType_t ticks);
void app_main(void);

#endif
