/* SPDX-License-Identifier: MIT */
/* Of ESP-IDF, as much as a board.c needs to be compiled. */
#ifndef STUB_ESP_IDF_PROTOCOL_EXAMPLES_COMMON_H
#define STUB_ESP_IDF_PROTOCOL_EXAMPLES_COMMON_H

#include "esp_err.h"

esp_err_t example_connect(void);

#endif
