/* SPDX-License-Identifier: MIT */
#include "counter_names.h"

#define NAME(name, text) #name,
const char *const gw_counter_names[] = {GW_COUNTER_MAP(NAME)};
const char *const gw_udp_counter_names[] = {GW_UDP_COUNTER_MAP(NAME)};
#undef NAME
