/* SPDX-License-Identifier: MIT */
/*
 * nearby.h - the blocks of addresses that only neighbours have: loopback,
 * link-local and private ones (RFC 1918, RFC 3927, RFC 4193, RFC 4291). They
 * are the default of qos_minus1_from, and the scope of discovery.
 */
#ifndef GW_NEARBY_H
#define GW_NEARBY_H

#include "address.h"

#define GW_NEARBY_BLOCKS 8

extern const struct gw_cidr gw_nearby[GW_NEARBY_BLOCKS];

#endif
