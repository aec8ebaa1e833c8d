/* SPDX-License-Identifier: MIT */
/*
 * conf_identity.h - what the gateway is called when nobody says.
 */
#ifndef GW_CONF_IDENTITY_H
#define GW_CONF_IDENTITY_H

#include "conf_private.h"

/* The host name, or what a reload finds in force; lives as long as the
 * configuration. */
const char *conf_host_name(struct conf_load *load);

/*
 * Sets upstream.client_id to "mqttsn-gw-" and twelve digits: a hash of the
 * machine id, so that it outlives restarts and re-naming, and gives nothing
 * away. Without a machine id the digits are random and a warning says so. A
 * reload keeps what is in force.
 */
void conf_make_client_id(struct conf_load *load);

#endif
