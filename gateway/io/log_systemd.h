/* SPDX-License-Identifier: MIT */
/*
 * log_systemd.h - lines of the log as entries of systemd's journal.
 *
 * What a service writes to standard error comes to the journal as text of one
 * priority. Sent to the journal's own socket, a line keeps its level, and each
 * of its fields becomes one of the entry's, to be asked for by name:
 *
 *   journalctl MQTTSN_EVENT=client_lost MQTTSN_CLIENT=n7
 */
#ifndef GW_LOG_SYSTEMD_H
#define GW_LOG_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

#define GW_LOG_SYSTEMD_SOCKET "/run/systemd/journal/socket"

/*
 * Whether standard error is the journal, as JOURNAL_STREAM in the environment
 * says; if so, what is sent goes to the socket 'path' from then on, else
 * nowhere (any more). Call it at the start, before there are threads.
 */
bool gw_log_systemd_join(const char *path);

/*
 * One entry: lines KEY=value, each with its end. False when the journal did not
 * take it, or was not joined: the line is still to be written. Does not block.
 * Any thread.
 */
bool gw_log_systemd_send(const char *entry, size_t len);

/* Whether there is anybody to send to. Any thread. */
bool gw_log_systemd_joined(void);

#endif
