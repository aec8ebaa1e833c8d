/* SPDX-License-Identifier: MIT */
/* Of ESP-IDF, as much as a board.c needs to be compiled. */
#ifndef STUB_ESP_IDF_ESP_ERR_H
#define STUB_ESP_IDF_ESP_ERR_H

typedef int esp_err_t;

#define ESP_ERROR_CHECK(x) ((void)(x))

#endif
