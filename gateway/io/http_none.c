/* SPDX-License-Identifier: MIT */
/*
 * In the place of everything about HTTP, in a build without libmicrohttpd. The
 * configuration refuses http.bind there.
 */
#include "daemon_private.h"

const char *gw_http_version(void)
{
    return "none";
}

bool gw_http_available(void)
{
    return false;
}

enum mqttsn_status daemon_http_start(struct gw_daemon *d)
{
    (void)d;
    return MQTTSN_OK;
}

void daemon_http_reloaded(struct gw_daemon *d)
{
    (void)d;
}

void daemon_http_close(struct gw_daemon *d)
{
    (void)d;
}
