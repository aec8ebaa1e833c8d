/* SPDX-License-Identifier: MIT */
#include "io/tls_explain.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAMES_MAX 160

/* ---- certificates ------------------------------------------------------- */

static void common_name(const X509_NAME *name, char *text, size_t cap)
{
    if (X509_NAME_get_text_by_NID(name, NID_commonName, text, (int)cap) < 0)
        X509_NAME_oneline(name, text, (int)cap);
}

static void date(const ASN1_TIME *time, char *text, size_t cap)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1 ||
        strftime(text, cap, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(text, cap, "an unreadable date");
}

static void add_name(char *text, size_t cap, const char *name, size_t len)
{
    size_t at = strlen(text);

    snprintf(text + at, cap - at, "%s%.*s", at == 0 ? "" : ", ", (int)len,
             name);
}

static void add_address(char *text, size_t cap, const ASN1_OCTET_STRING *ip)
{
    char name[INET6_ADDRSTRLEN];
    int len = ASN1_STRING_length(ip);

    if ((len == 4 || len == 16) &&
        inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip),
                  name, sizeof(name)) != NULL)
        add_name(text, cap, name, strlen(name));
}

/* The names that a certificate can prove: its alternative ones, or the common
 * one where it has none. */
static void names_of(X509 *cert, char *text, size_t cap)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    char cn[64] = "";

    text[0] = '\0';
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS)
            add_name(text, cap,
                     (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                     (size_t)ASN1_STRING_length(name->d.dNSName));
        else if (name->type == GEN_IPADD)
            add_address(text, cap, name->d.iPAddress);
    }
    GENERAL_NAMES_free(names);
    if (text[0] != '\0')
        return;
    common_name(X509_get_subject_name(cert), cn, sizeof(cn));
    add_name(text, cap, cn, strlen(cn));
}

void gw_tls_explain_certificate(X509_STORE_CTX *store,
                                const struct gw_tls_facts *facts, char *text,
                                size_t cap)
{
    int error = X509_STORE_CTX_get_error(store);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);
    const char *whose = X509_STORE_CTX_get_error_depth(store) == 0
                            ? "the broker's certificate"
                            : "the certificate of the broker's authority";
    char subject[64] = "", issuer[64] = "", more[NAMES_MAX] = "";

    if (cert == NULL) {
        snprintf(text, cap, "%s", X509_verify_cert_error_string(error));
        return;
    }
    common_name(X509_get_subject_name(cert), subject, sizeof(subject));
    common_name(X509_get_issuer_name(cert), issuer, sizeof(issuer));
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        date(X509_get0_notAfter(cert), more, sizeof(more));
        snprintf(text, cap, "%s '%s' expired at %s; renew it, or set the clock",
                 whose, subject, more);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        date(X509_get0_notBefore(cert), more, sizeof(more));
        snprintf(text, cap, "%s '%s' is valid from %s only; set the clock",
                 whose, subject, more);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        names_of(cert, more, sizeof(more));
        snprintf(text, cap,
                 "%s is for %s, not for '%s'; use such a name in upstream.url, "
                 "or tls.server_name",
                 whose, more, facts->name);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        snprintf(text, cap, "%s '%s' is signed by '%s', which is not among %s",
                 whose, subject, issuer,
                 facts->have_ca
                     ? "those in tls.ca_file and tls.ca_path"
                     : "those that the system trusts; name it in tls.ca_file");
        break;
    default:
        snprintf(text, cap, "%s '%s' is not accepted: %s", whose, subject,
                 X509_verify_cert_error_string(error));
    }
}

/* ---- alerts ------------------------------------------------------------- */

void gw_tls_explain_alert(int alert, const struct gw_tls_facts *facts,
                          char *text, size_t cap, bool *ret_denied)
{
    const char *what = NULL;

    *ret_denied = false;
    switch (alert) {
    case SSL_AD_PROTOCOL_VERSION:
        what = "the broker speaks no version of TLS from tls.min_version on";
        break;
    case SSL_AD_HANDSHAKE_FAILURE:
        what = facts->have_cert
                   ? "the broker refuses the handshake: no cipher in common "
                     "(tls.ciphers), or another certificate is required"
                   : "the broker refuses the handshake: no cipher in common "
                     "(tls.ciphers), or it requires a certificate of ours "
                     "(tls.cert_file)";
        break;
    case TLS1_AD_NO_APPLICATION_PROTOCOL:
        what = "the broker takes none of the protocols in tls.alpn";
        break;
    case SSL_AD_UNRECOGNIZED_NAME:
        what = "the broker does not know the name that it was asked for";
        break;
    case TLS13_AD_CERTIFICATE_REQUIRED:
        *ret_denied = true;
        what = "the broker requires a certificate of ours; name one in "
               "tls.cert_file";
        break;
    case SSL_AD_UNKNOWN_CA:
        *ret_denied = true;
        what = "the broker does not know who signed our certificate "
               "(tls.cert_file)";
        break;
    case SSL_AD_CERTIFICATE_EXPIRED:
        *ret_denied = true;
        what = "our certificate (tls.cert_file) has expired, says the broker";
        break;
    case SSL_AD_CERTIFICATE_REVOKED:
        *ret_denied = true;
        what = "our certificate (tls.cert_file) is revoked, says the broker";
        break;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_ACCESS_DENIED:
        *ret_denied = true;
        what = "the broker does not accept our certificate (tls.cert_file)";
        break;
    case SSL_AD_UNKNOWN_PSK_IDENTITY:
        *ret_denied = true;
        what = "the broker does not know our identity (tls.psk_file)";
        break;
    case SSL_AD_DECRYPT_ERROR:
    case SSL_AD_BAD_RECORD_MAC:
    case SSL_AD_ILLEGAL_PARAMETER: /* how OpenSSL says it with TLS 1.3 */
        *ret_denied = facts->have_psk;
        what = facts->have_psk ? "the broker has another key for our identity "
                                 "(tls.psk_file)"
                               : NULL;
        break;
    default:
        break;
    }
    if (what != NULL)
        snprintf(text, cap, "%s", what);
    else
        snprintf(text, cap, "the broker ends TLS with the alert '%s'",
                 SSL_alert_desc_string_long(alert));
}

/* ---- what went wrong here ----------------------------------------------- */

void gw_tls_explain_error(unsigned long error, char *text, size_t cap)
{
    int reason = ERR_GET_REASON(error);

    if (error == 0 || (ERR_GET_LIB(error) == ERR_LIB_SSL &&
                       reason == SSL_R_UNEXPECTED_EOF_WHILE_READING))
        snprintf(text, cap,
                 "the connection ended during the TLS handshake; does the "
                 "broker speak TLS on this port?");
    else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
             (reason == SSL_R_WRONG_VERSION_NUMBER ||
              reason == SSL_R_PACKET_LENGTH_TOO_LONG))
        snprintf(text, cap, "the broker does not speak TLS on this port");
    else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
             reason == SSL_R_UNSUPPORTED_PROTOCOL)
        snprintf(text, cap,
                 "the broker speaks no version of TLS from tls.min_version on");
    else if (ERR_reason_error_string(error) != NULL)
        snprintf(text, cap, "the TLS handshake failed: %s",
                 ERR_reason_error_string(error));
    else
        snprintf(text, cap, "the TLS handshake failed: error %lx", error);
}
