/* SPDX-License-Identifier: MIT */
/* In a build without TLS no URL asks for it (conf_tls.c). */
#include "tls.h"

#include <stdio.h>

bool gw_tls_available(void)
{
    return false;
}

bool gw_tls_check(const struct gw_tls_settings *settings, const char **ret_key,
                  char *why, size_t cap)
{
    (void)settings;
    *ret_key = "ca_file";
    snprintf(why, cap, "this build has no TLS");
    return false;
}

size_t gw_tls_psk(const struct gw_tls_settings *settings, char *identity,
                  size_t identity_cap, uint8_t *psk, size_t psk_cap)
{
    (void)settings;
    (void)identity;
    (void)identity_cap;
    (void)psk;
    (void)psk_cap;
    return 0;
}

size_t gw_tls_protocols(const char *alpn, uint8_t *wire, size_t cap)
{
    (void)alpn;
    (void)wire;
    (void)cap;
    return 0;
}

void gw_tls_use(const struct gw_tls_settings *settings)
{
    (void)settings;
}

bool gw_tls_used(void)
{
    return false;
}

bool gw_tls_take_reason(char *reason, size_t cap, bool *ret_denied)
{
    (void)reason;
    (void)cap;
    (void)ret_denied;
    return false;
}
