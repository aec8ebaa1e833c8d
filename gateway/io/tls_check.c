/* SPDX-License-Identifier: MIT */
#include "io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define IDENTITY_MAX 128 /* as the least that OpenSSL takes */

struct check {
    const struct gw_tls_settings *settings;
    const char *key; /* to blame */
    char *why;
    size_t cap;
};

static bool blame(struct check *check, const char *key, const char *path,
                  const char *expected)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

    check->key = key;
    snprintf(check->why, check->cap, "expected %s in '%.120s'%s%s", expected,
             path, reason != NULL ? "; OpenSSL says: " : "",
             reason != NULL ? reason : "");
    ERR_clear_error();
    return false;
}

static bool readable(struct check *check, const char *key, const char *path)
{
    FILE *file = fopen(path, "re");
    struct stat st;
    bool good = false;

    check->key = key;
    if (file == NULL)
        snprintf(check->why, check->cap, "cannot open '%.120s': %s", path,
                 strerror(errno));
    else if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
        snprintf(check->why, check->cap, "'%.120s' is not a file", path);
    else
        good = true;
    if (file != NULL)
        fclose(file);
    return good;
}

/* As a secret: the key is one, though Paho reads it. */
static bool is_private(struct check *check, const char *key, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH)) == 0)
        return true;
    check->key = key;
    snprintf(check->why, check->cap,
             "'%.120s' can be read or written by everybody; expected mode 0600 "
             "or 0640",
             path);
    return false;
}

static bool check_trust(struct check *check, SSL_CTX *ctx)
{
    const struct gw_tls_settings *s = check->settings;
    struct stat st;

    if (s->ca_file != NULL && !readable(check, "ca_file", s->ca_file))
        return false;
    if (s->ca_file != NULL &&
        SSL_CTX_load_verify_locations(ctx, s->ca_file, NULL) != 1)
        return blame(check, "ca_file", s->ca_file, "certificates in PEM form");
    if (s->ca_path != NULL &&
        (stat(s->ca_path, &st) != 0 || !S_ISDIR(st.st_mode)))
        return blame(check, "ca_path", s->ca_path,
                     "a directory made by 'openssl rehash'");
    return true;
}

static int give_password(char *buf, int size, int writing, void *user)
{
    const struct gw_tls_settings *s = user;

    (void)writing;
    if (s->key_password == NULL || s->key_password_len > (size_t)size)
        return 0;
    memcpy(buf, s->key_password, s->key_password_len);
    return (int)s->key_password_len;
}

static bool check_ours(struct check *check, SSL_CTX *ctx)
{
    const struct gw_tls_settings *s = check->settings;
    const char *key = s->key_file != NULL ? "key_file" : "cert_file";
    const char *path = s->key_file != NULL ? s->key_file : s->cert_file;

    if (s->cert_file == NULL)
        return true;
    if (!readable(check, "cert_file", s->cert_file) ||
        (s->key_file != NULL && !readable(check, "key_file", s->key_file)) ||
        !is_private(check, key, path))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ctx, s->cert_file) != 1)
        return blame(check, "cert_file", s->cert_file,
                     "our certificate, and what it is signed by, in PEM form");
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)(uintptr_t)s);
    if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
        return blame(check, s->key_password != NULL ? "key_password_file" : key,
                     path,
                     s->key_password != NULL
                         ? "the password of the key"
                         : "the key of tls.cert_file in PEM form, with its "
                           "password in tls.key_password_file if it has one");
    return true;
}

static bool check_lists(struct check *check, SSL_CTX *ctx)
{
    const struct gw_tls_settings *s = check->settings;
    uint8_t wire[GW_TLS_PROTOCOLS_MAX];
    char identity[IDENTITY_MAX];
    uint8_t psk[IDENTITY_MAX];

    if (s->ciphers != NULL && SSL_CTX_set_cipher_list(ctx, s->ciphers) != 1)
        return blame(check, "ciphers", s->ciphers, "a cipher that OpenSSL has");
    if (s->alpn != NULL && gw_tls_protocols(s->alpn, wire, sizeof(wire)) == 0)
        return blame(check, "alpn", s->alpn, "names with commas between");
    if (s->psk_line != NULL &&
        gw_tls_psk(s, identity, sizeof(identity), psk, sizeof(psk)) == 0) {
        check->key = "psk_file";
        snprintf(check->why, check->cap,
                 "expected one line IDENTITY:KEY, the key in hexadecimal");
        return false;
    }
    explicit_bzero(psk, sizeof(psk));
    return true;
}

bool gw_tls_available(void)
{
    return true;
}

bool gw_tls_check(const struct gw_tls_settings *settings, const char **ret_key,
                  char *why, size_t cap)
{
    struct check check = {settings, "", why, cap};
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    bool good;

    why[0] = '\0';
    if (ctx == NULL)
        return blame(&check, "", "TLS", "OpenSSL to work");
    ERR_clear_error();
    good = check_trust(&check, ctx) && check_ours(&check, ctx) &&
           check_lists(&check, ctx);
    SSL_CTX_free(ctx);
    *ret_key = check.key;
    return good;
}

/* ---- texts that stand for octets ---------------------------------------- */

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

size_t gw_tls_psk(const struct gw_tls_settings *settings, char *identity,
                  size_t identity_cap, uint8_t *psk, size_t psk_cap)
{
    const uint8_t *line = settings->psk_line;
    size_t len = settings->psk_line_len;
    const uint8_t *colon = memchr(line, ':', len);
    size_t named, digits;

    if (colon == NULL)
        return 0;
    named = (size_t)(colon - line);
    digits = len - named - 1;
    if (named == 0 || named >= identity_cap || digits == 0 || digits % 2 != 0 ||
        digits / 2 > psk_cap)
        return 0;
    memcpy(identity, line, named);
    identity[named] = '\0';
    for (size_t i = 0; i < digits; i += 2) {
        int high = digit(colon[1 + i]), low = digit(colon[2 + i]);

        if (high < 0 || low < 0)
            return 0;
        psk[i / 2] = (uint8_t)(high << 4 | low);
    }
    return digits / 2;
}

size_t gw_tls_protocols(const char *alpn, uint8_t *wire, size_t cap)
{
    size_t at = 0;

    for (;;) {
        size_t len = strcspn(alpn, ",");

        if (len == 0 || len > 255 || at + 1 + len > cap)
            return 0;
        wire[at++] = (uint8_t)len;
        memcpy(wire + at, alpn, len);
        at += len;
        if (alpn[len] == '\0')
            return at;
        alpn += len + 1;
    }
}
