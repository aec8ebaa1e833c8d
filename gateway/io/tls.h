/* SPDX-License-Identifier: MIT */
/*
 * tls.h - TLS towards the broker: what is configured, whether it can be used,
 * and why a handshake failed.
 *
 * Paho makes the connections, with the files and lists that paho_tls.h gives
 * it. What it cannot do is done where its handshakes pass through here
 * (tls_handshake.c): SSL_connect, which it calls, is ours in this program. That
 * sets the oldest version, the protocols and the name to be proven, and keeps
 * in words what went wrong, with the certificate at hand.
 */
#ifndef GW_TLS_H
#define GW_TLS_H

#include "mqttsn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_tls_version { GW_TLS_1_2, GW_TLS_1_3 };

/* [tls] of the configuration. Files are PEM; NULL: not given. */
struct gw_tls_settings {
    const char *ca_file; /* neither this nor 'ca_path': those of the system */
    const char *ca_path;
    const char *cert_file;
    const char *key_file; /* NULL: the key stands in 'cert_file' */
    const uint8_t *key_password;
    size_t key_password_len;
    const uint8_t *psk_line; /* "IDENTITY:KEY", the key in hexadecimal */
    size_t psk_line_len;
    const char *server_name; /* NULL: the host of the URL */
    const char *alpn;        /* "mqtt,x-amzn-mqtt-ca" */
    const char *ciphers;     /* in the words of OpenSSL; NULL: its default */
    enum gw_tls_version min_version;
    bool verify;
};

/* False in a build without TLS, which refuses URLs that want it. */
bool gw_tls_available(void);

/*
 * Loads everything as a connection will. True: it is good; else '*ret_key' is
 * the key of [tls] to blame, and 'why' says what is wrong with it and what was
 * expected. (tls_check.c)
 */
bool gw_tls_check(const struct gw_tls_settings *settings, const char **ret_key,
                  char *why, size_t cap);

/* Takes a psk_line apart: 'identity' gets a copy of its first part, '*psk' the
 * octets. Returns their number; 0: it is no such line, or does not fit. */
size_t gw_tls_psk(const struct gw_tls_settings *settings, char *identity,
                  size_t identity_cap, uint8_t *psk, size_t psk_cap);

/* "a,b" as the list of protocols that goes on the wire. Returns its length; 0:
 * a name is empty or longer than 255, or the list does not fit. */
size_t gw_tls_protocols(const char *alpn, uint8_t *wire, size_t cap);
#define GW_TLS_PROTOCOLS_MAX 256

/* ---- handshakes (tls_handshake.c) --------------------------------------- */

/* From now on handshakes go by these; what is needed of them is copied. Before
 * the first connection. */
void gw_tls_use(const struct gw_tls_settings *settings);

/* Whether a handshake has passed through here. False after a connection was
 * made: this Paho has been linked in another way, and nothing was checked but
 * what Paho checks. */
bool gw_tls_used(void);

/* Why the last connection of this thread came to an end that TLS knows the
 * reason of; it is taken. '*ret_denied': for who we are. False: not by TLS. */
#define GW_TLS_REASON_MAX 320
bool gw_tls_take_reason(char *reason, size_t cap, bool *ret_denied);

#endif
