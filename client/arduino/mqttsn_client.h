/* SPDX-License-Identifier: MIT */
/*
 * mqttsn_client.h - the library, for sketches, which are C++.
 */
#ifndef MQTTSN_CLIENT_ARDUINO_H
#define MQTTSN_CLIENT_ARDUINO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "mqttsn/client.h"

#ifdef __cplusplus
}
#endif

#endif
