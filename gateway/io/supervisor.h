/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - what a service manager is told, in the protocol of
 * sd_notify(3): that the gateway is ready, reads its configuration again, is
 * about to end, and, as often as it asks for that, that the loop still turns.
 *
 * It is one datagram to the socket that NOTIFY_SOCKET names; without that
 * variable nothing is said. Errors are not: who cannot be told has no use for
 * them. Loop thread.
 */
#ifndef GW_SUPERVISOR_H
#define GW_SUPERVISOR_H

#include <uv.h>

/* Ready; and from now on a sign of life at half of WATCHDOG_USEC, if that is
 * set for this process. 'beat' is initialized, and the caller's to close. */
void gw_supervisor_ready(uv_timer_t *beat);

/* The configuration is read again; the end of that is gw_supervisor_reloaded,
 * whatever came of it. */
void gw_supervisor_reloading(void);
void gw_supervisor_reloaded(void);

void gw_supervisor_stopping(void);

#endif
