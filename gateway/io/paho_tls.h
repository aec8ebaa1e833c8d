/* SPDX-License-Identifier: MIT */
/*
 * paho_tls.h - the settings of TLS as Paho wants them.
 */
#ifndef GW_PAHO_TLS_H
#define GW_PAHO_TLS_H

#include "io/tls.h"

#include <MQTTAsync.h>

struct gw_paho_tls;

/* Copies everything. MQTTSN_ENOSPACE: no memory. MQTTSN_EINVAL: the line with
 * the pre-shared key is none. */
MQTTSN_CHECKED enum mqttsn_status
gw_paho_tls_new(const struct gw_tls_settings *settings,
                struct gw_paho_tls **ret_tls);

/* Wipes what is secret. NULL does nothing. */
void gw_paho_tls_free(struct gw_paho_tls *tls);

/* For MQTTAsync_connect, which copies them; 'host' is that of the URL. */
MQTTAsync_SSLOptions gw_paho_tls_options(struct gw_paho_tls *tls,
                                         const char *host);

#endif
