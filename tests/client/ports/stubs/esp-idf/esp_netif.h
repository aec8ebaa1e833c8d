/* SPDX-License-Identifier: MIT */
/* Of ESP-IDF, as much as a board.c needs to be compiled. */
#ifndef STUB_ESP_IDF_ESP_NETIF_H
#define STUB_ESP_IDF_ESP_NETIF_H

#include "esp_err.h"

esp_err_t esp_netif_init(void);

#endif
