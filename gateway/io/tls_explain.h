/* SPDX-License-Identifier: MIT */
/*
 * tls_explain.h - failures of TLS in the words of who has to mend them. Texts
 * may quote what the other end sent, and are to be escaped by whoever logs.
 */
#ifndef GW_TLS_EXPLAIN_H
#define GW_TLS_EXPLAIN_H

#include "io/tls.h"

#include <openssl/ssl.h>

/* What we offer or lack, for the advice. */
struct gw_tls_facts {
    const char *name; /* that the broker must prove */
    bool have_cert, have_psk, have_ca;
};

/* A certificate that was not accepted; 'store' is as a verify callback has
 * it. */
void gw_tls_explain_certificate(X509_STORE_CTX *store,
                                const struct gw_tls_facts *facts, char *text,
                                size_t cap);

/* A fatal alert of the broker, by its number. '*ret_denied': it is about who we
 * are. */
void gw_tls_explain_alert(int alert, const struct gw_tls_facts *facts,
                          char *text, size_t cap, bool *ret_denied);

/* An error of OpenSSL's on our side, by its code; 0: the connection ended. */
void gw_tls_explain_error(unsigned long error, char *text, size_t cap);

#endif
