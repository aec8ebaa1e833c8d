/* SPDX-License-Identifier: MIT */
#include "io/paho_tls.h"

#include <stdlib.h>
#include <string.h>

#define PSK_MAX 256

struct gw_paho_tls {
    char *ca_file, *ca_path, *cert_file, *key_file, *key_password, *ciphers;
    char identity[PSK_MAX];
    uint8_t psk[PSK_MAX];
    size_t psk_len; /* 0: none */
    bool verify;
    bool named; /* another name than the host of the URL must be proven */
};

static char *copy(const void *text, size_t len, bool *ok)
{
    char *made = text != NULL ? strndup(text, len) : NULL;

    if (text != NULL && made == NULL)
        *ok = false;
    return made;
}

static char *copy_text(const char *text, bool *ok)
{
    return copy(text, text != NULL ? strlen(text) : 0, ok);
}

enum mqttsn_status gw_paho_tls_new(const struct gw_tls_settings *settings,
                                   struct gw_paho_tls **ret_tls)
{
    struct gw_paho_tls *tls = calloc(1, sizeof(*tls));
    bool ok = true;

    if (tls == NULL)
        return MQTTSN_ENOSPACE;
    tls->ca_file = copy_text(settings->ca_file, &ok);
    tls->ca_path = copy_text(settings->ca_path, &ok);
    tls->cert_file = copy_text(settings->cert_file, &ok);
    tls->key_file = copy_text(settings->key_file, &ok);
    tls->key_password =
        copy(settings->key_password, settings->key_password_len, &ok);
    tls->ciphers = copy_text(settings->ciphers, &ok);
    tls->verify = settings->verify;
    tls->named = settings->server_name != NULL;
    if (settings->psk_line != NULL)
        tls->psk_len =
            gw_tls_psk(settings, tls->identity, sizeof(tls->identity), tls->psk,
                       sizeof(tls->psk));
    if (!ok || (settings->psk_line != NULL && tls->psk_len == 0)) {
        gw_paho_tls_free(tls);
        return ok ? MQTTSN_EINVAL : MQTTSN_ENOSPACE;
    }
    *ret_tls = tls;
    return MQTTSN_OK;
}

void gw_paho_tls_free(struct gw_paho_tls *tls)
{
    if (tls == NULL)
        return;
    free(tls->ca_file);
    free(tls->ca_path);
    free(tls->cert_file);
    free(tls->key_file);
    if (tls->key_password != NULL)
        explicit_bzero(tls->key_password, strlen(tls->key_password));
    free(tls->key_password);
    free(tls->ciphers);
    explicit_bzero(tls->psk, sizeof(tls->psk));
    free(tls);
}

static unsigned on_psk(const char *hint, char *identity, unsigned identity_cap,
                       unsigned char *psk, unsigned psk_cap, void *context)
{
    const struct gw_paho_tls *tls = context;

    (void)hint;
    if (strlen(tls->identity) >= identity_cap || tls->psk_len > psk_cap)
        return 0;
    strcpy(identity, tls->identity);
    memcpy(psk, tls->psk, tls->psk_len);
    return (unsigned)tls->psk_len;
}

MQTTAsync_SSLOptions gw_paho_tls_options(struct gw_paho_tls *tls,
                                         const char *host)
{
    MQTTAsync_SSLOptions options = MQTTAsync_SSLOptions_initializer;

    options.trustStore = tls->ca_file;
    options.CApath = tls->ca_path;
    options.keyStore = tls->cert_file;
    options.privateKey = tls->key_file;
    options.privateKeyPassword = tls->key_password;
    options.enabledCipherSuites = tls->ciphers;
    options.enableServerCertAuth = tls->verify;
    if (tls->psk_len > 0) {
        options.ssl_psk_cb = on_psk;
        options.ssl_psk_context = tls;
        /* A broker that answers with a certificate instead is none of ours. */
        options.disableDefaultTrustStore = 1;
    }
    /* Paho cannot do it for another name, nor for an IPv6 address; the
     * handshake does it always (tls_handshake.c). */
    options.verify = tls->verify && tls->psk_len == 0 && !tls->named &&
                     strchr(host, ':') == NULL;
    return options;
}
