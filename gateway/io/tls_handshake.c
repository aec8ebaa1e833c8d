/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "io/paho_connack.h"
#include "io/paho_frames.h"
#include "io/paho_guard.h"
#include "io/tls_explain.h"

/* What handshakes go by. Written before the first, then only read. */
static struct {
    struct gw_tls_facts facts;
    char server_name[256];
    uint8_t protocols[GW_TLS_PROTOCOLS_MAX];
    size_t protocols_len;
    int min_version;
    bool verify;
} use;

static atomic_bool used;

/* Of this thread. Paho works at one connection at a time, and tells of its end
 * on the thread that saw it. */
static _Thread_local struct {
    char text[GW_TLS_REASON_MAX]; /* "": none */
    char name[256];
    bool have_cert; /* a node may have one, and the gateway none */
    bool denied;
} trouble;

void gw_tls_use(const struct gw_tls_settings *settings)
{
    use.facts = (struct gw_tls_facts){
        .have_psk = settings->psk_line != NULL,
        .have_ca = settings->ca_file != NULL || settings->ca_path != NULL,
    };
    snprintf(use.server_name, sizeof(use.server_name), "%s",
             settings->server_name != NULL ? settings->server_name : "");
    use.protocols_len = settings->alpn == NULL
                            ? 0
                            : gw_tls_protocols(settings->alpn, use.protocols,
                                               sizeof(use.protocols));
    use.min_version =
        settings->min_version == GW_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    use.verify = settings->verify;
}

bool gw_tls_used(void)
{
    return atomic_load_explicit(&used, memory_order_relaxed);
}

bool gw_tls_take_reason(char *reason, size_t cap, bool *ret_denied)
{
    if (trouble.text[0] == '\0')
        return false;
    snprintf(reason, cap, "%s", trouble.text);
    *ret_denied = trouble.denied;
    trouble.text[0] = '\0';
    return true;
}

static struct gw_tls_facts facts_now(void)
{
    struct gw_tls_facts facts = use.facts;

    facts.name = trouble.name;
    facts.have_cert = trouble.have_cert;
    return facts;
}

/* ---- what OpenSSL tells of a handshake ---------------------------------- */

static int on_certificate(int good, X509_STORE_CTX *store)
{
    struct gw_tls_facts facts = facts_now();

    if (!good) {
        trouble.denied = false;
        gw_tls_explain_certificate(store, &facts, trouble.text,
                                   sizeof(trouble.text));
    }
    return good;
}

/* The broker's alerts; with TLS 1.3 one about our certificate comes when the
 * handshake is over for us. */
static void on_info(const SSL *ssl, int where, int value)
{
    struct gw_tls_facts facts = facts_now();

    (void)ssl;
    if (where == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        gw_tls_explain_alert(value & 0xff, &facts, trouble.text,
                             sizeof(trouble.text), &trouble.denied);
}

/* ---- the handshake ------------------------------------------------------ */

/* The name that the broker must prove. Of an IPv6 address Paho gives "[::1". An
 * address is none that a server may be asked for (RFC 6066). */
static bool expect_name(SSL *ssl)
{
    const char *given = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const char *name = use.server_name[0] != '\0' ? use.server_name
                       : given != NULL            ? given
                                                  : "";
    bool address;

    snprintf(trouble.name, sizeof(trouble.name), "%s",
             name[0] == '[' ? name + 1 : name);
    address =
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), trouble.name) == 1;
    if (SSL_set_tlsext_host_name(ssl, address ? NULL : trouble.name) != 1)
        return false;
    return address || SSL_set1_host(ssl, trouble.name) == 1;
}

static bool begin(SSL *ssl)
{
    int one = 1; /* as paho_guard.h does without TLS */

    atomic_store_explicit(&used, true, memory_order_relaxed);
    trouble.text[0] = '\0';
    trouble.have_cert = SSL_get_certificate(ssl) != NULL;
    SSL_set_connect_state(ssl);
    (void)setsockopt(SSL_get_fd(ssl), IPPROTO_TCP, TCP_NODELAY, &one,
                     sizeof(one));
    SSL_set_info_callback(ssl, on_info);
    SSL_set_verify(ssl, use.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                   use.verify ? on_certificate : NULL);
    return expect_name(ssl) &&
           SSL_set_min_proto_version(ssl, use.min_version) == 1 &&
           (use.protocols_len == 0 ||
            SSL_set_alpn_protos(ssl, use.protocols,
                                (unsigned)use.protocols_len) == 0);
}

/* A name that OpenSSL already has a word for stays; else what it says now. */
static void note_failure(const SSL *ssl, int rc)
{
    int error = SSL_get_error(ssl, rc);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ||
        trouble.text[0] != '\0')
        return;
    trouble.denied = false;
    gw_tls_explain_error(ERR_peek_last_error(), trouble.text,
                         sizeof(trouble.text));
}

/* ---- reading ------------------------------------------------------------ */

static ssize_t read_raw(void *user, void *buf, size_t len)
{
    size_t n;

    if (SSL_read_ex(user, buf, len, &n) == 1)
        return (ssize_t)n;
    return SSL_get_error(user, 0) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

/* As OpenSSL's; a WebSocket is read in whole packets, and what Paho must not
 * see is the end for it. */
int SSL_read(SSL *ssl, void *buf, int len)
{
    int fd = SSL_get_fd(ssl);
    ssize_t n;

    if (gw_paho_frames_is(fd))
        return (int)gw_paho_frames_read(fd, buf, (size_t)len, read_raw, ssl);
    n = read_raw(ssl, buf, (size_t)len);
    if (n <= 0 || !gw_paho_connack_is_old(fd, buf, (size_t)n))
        return (int)n;
    shutdown(fd, SHUT_RDWR);
    return 0;
}

/* ---- writing ------------------------------------------------------------ */

/* As OpenSSL's, after a look at what is written. */
int SSL_write(SSL *ssl, const void *octets, int len)
{
    size_t n;

    gw_paho_guard_outgoing(SSL_get_fd(ssl), octets, (size_t)len);
    return SSL_write_ex(ssl, octets, (size_t)len, &n) == 1 ? (int)n : -1;
}

/* ---- connecting --------------------------------------------------------- */

/* As OpenSSL's, but for what stands in tls.h. */
int SSL_connect(SSL *ssl)
{
    int rc;

    if (SSL_in_before(ssl) && !begin(ssl)) {
        snprintf(trouble.text, sizeof(trouble.text),
                 "TLS cannot be prepared for '%s'", trouble.name);
        return -1;
    }
    rc = SSL_do_handshake(ssl);
    if (rc != 1)
        note_failure(ssl, rc);
    return rc;
}
