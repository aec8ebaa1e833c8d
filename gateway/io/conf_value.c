/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mqttsn/topic.h"

/* One with a unit. */
struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit time_units[] = {
    {"ms", 1},      {"s", 1000},     {"m", 60000},
    {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

static const struct unit size_units[] = {
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {NULL, 0},
};

/* Digits and nothing else at the start; '*ret_rest' is what follows. */
static bool take_digits(const char *text, uint64_t *ret, const char **ret_rest)
{
    uint64_t value = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');

        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    *ret_rest = at;
    return at != text;
}

bool conf_parse_number(const char *text, uint64_t *ret)
{
    const char *rest;
    uint64_t value;

    if (!take_digits(text, &value, &rest) || *rest != '\0')
        return false;
    *ret = value;
    return true;
}

/* 0 is the same in every unit. */
static bool parse_with_unit(const char *text, const struct unit *units,
                            uint64_t *ret)
{
    const char *rest;
    uint64_t value;

    if (!take_digits(text, &value, &rest))
        return false;
    if (*rest == '\0') {
        *ret = 0;
        return value == 0;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(rest, units->name) == 0) {
            *ret = value * units->factor;
            return value <= UINT64_MAX / units->factor;
        }
    }
    return false;
}

static bool expected(const struct conf_key *key, const char *text, char *why)
{
    const char *hint = "";
    char what[160];

    if (key->type == CONF_DURATION)
        hint = ", such as 90s, 5m, 1h or 500ms";
    else if (key->type == CONF_SIZE)
        hint = ", such as 512B, 64KiB or 16MiB";
    snprintf(why, CONF_WHY_MAX, "expected %s%s; got '%.60s'",
             conf_key_expects(key, what, sizeof(what)), hint, text);
    return false;
}

static bool parse_choice(const struct conf_key *key, const char *text,
                         struct conf_value *ret, char *why)
{
    int index = conf_word_index(key->words, text);

    if (index < 0)
        return expected(key, text, why);
    ret->number = (uint64_t)index;
    return true;
}

static bool parse_number(const struct conf_key *key, const char *text,
                         struct conf_value *ret, char *why)
{
    bool good;

    if (key->type == CONF_UINT)
        good = conf_parse_number(text, &ret->number);
    else
        good = parse_with_unit(text,
                               key->type == CONF_SIZE ? size_units : time_units,
                               &ret->number);
    if (!good || ret->number < key->min || ret->number > key->max ||
        ((key->flags & CONF_SECONDS) != 0 && ret->number % 1000 != 0))
        return expected(key, text, why);
    return true;
}

struct conf_secret conf_secret_of(const struct gw_config *config,
                                  const struct conf_key *key)
{
    struct conf_secret secret;

    memcpy(&secret.octets, (const char *)config + key->offset,
           sizeof(secret.octets));
    memcpy(&secret.len, (const char *)config + key->count, sizeof(secret.len));
    return secret;
}

/* A copy of the running secret, when entries are only carried over: the file
 * that it came from may be another by now. */
static bool carry_over_secret(struct conf_load *load,
                              const struct conf_secret *running,
                              struct conf_value *ret)
{
    uint8_t *copy = conf_alloc_secret(load, running->len + 1);

    if (copy == NULL)
        return true; /* the load fails anyway */
    memcpy(copy, running->octets, running->len);
    ret->list = copy;
    ret->count = running->len;
    return true;
}

/* The secret without the one line end that editors leave. */
static bool read_secret(struct conf_load *load, FILE *file, const char *path,
                        struct conf_value *ret, char *why)
{
    size_t cap = CONF_LINE_MAX + 2, len;
    char *secret = conf_alloc_secret(load, cap);
    struct stat st;

    if (secret == NULL)
        return true; /* the load fails anyway */
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        snprintf(why, CONF_WHY_MAX, "'%.120s' is not a file", path);
        return false;
    }
    if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        snprintf(why, CONF_WHY_MAX,
                 "'%.120s' can be read or written by everybody; expected mode "
                 "0600 or 0640",
                 path);
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0); /* leaves no copy in a buffer */
    len = fread(secret, 1, cap, file);
    if (ferror(file) || len > CONF_LINE_MAX) {
        snprintf(why, CONF_WHY_MAX,
                 "'%.120s' cannot be read or has more than %d octets", path,
                 CONF_LINE_MAX);
        return false;
    }
    if (len > 0 && secret[len - 1] == '\n')
        len--;
    if (len > 0 && secret[len - 1] == '\r')
        len--;
    if (len == 0) {
        snprintf(why, CONF_WHY_MAX, "'%.120s' is empty", path);
        return false;
    }
    if (memchr(secret, '\0', len) != NULL) {
        snprintf(why, CONF_WHY_MAX, "'%.120s' has a NUL octet", path);
        return false;
    }
    secret[len] = '\0';
    ret->list = secret;
    ret->count = len;
    return true;
}

bool conf_read_secret(struct conf_load *load, const char *path,
                      struct conf_value *ret, char *why)
{
    FILE *file = fopen(path, "re");
    bool good;

    if (file == NULL) {
        snprintf(why, CONF_WHY_MAX, "cannot open '%.120s': %s", path,
                 strerror(errno));
        return false;
    }
    good = read_secret(load, file, path, ret, why);
    fclose(file);
    return good;
}

static bool parse_secret(struct conf_load *load, const struct conf_key *key,
                         const char *text, struct conf_value *ret, char *why)
{
    ret->text = text;
    if (load->merging && (key->flags & CONF_RELOADS) == 0 &&
        key->offset != CONF_NOWHERE) {
        struct conf_secret running = conf_secret_of(load->running, key);

        if (running.octets != NULL)
            return carry_over_secret(load, &running, ret);
    }
    return conf_read_secret(load, text, ret, why);
}

/* "a/b 1": what follows the last blank is the QoS. */
static bool parse_subscription(struct conf_load *load, const char *text,
                               struct conf_value *ret)
{
    const char *qos = strrchr(text, ' ');
    size_t len = qos != NULL ? (size_t)(qos - text) : 0;

    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    if (len == 0 || len > GW_NAME_MAX ||
        !conf_parse_number(qos + 1, &ret->number))
        return false;
    ret->text = conf_dup(load, text, len);
    return ret->number <= 2 && mqttsn_filter_valid(mqttsn_span(text, len)) &&
           strncmp(text, "$share/", 7) != 0;
}

/* An empty value is "none" for whatever can be absent. */
static bool may_be_empty(enum conf_type type)
{
    return type == CONF_TEXT || type == CONF_PATH || type == CONF_SECRET ||
           type == CONF_FORWARDERS || type == CONF_CIDRS ||
           type == CONF_FILTERS || type == CONF_SUBSCRIPTION;
}

bool conf_parse(struct conf_load *load, const struct conf_key *key,
                const char *text, struct conf_value *ret, char *why)
{
    *ret = (struct conf_value){0};
    if (*text == '\0' && (may_be_empty(key->type) ||
                          (key->type == CONF_ADDRESS && key->value[0] == '\0')))
        return true;
    switch (key->type) {
    case CONF_BOOL:
        ret->number = strcmp(text, "yes") == 0;
        if (ret->number == 0 && strcmp(text, "no") != 0)
            return expected(key, text, why);
        return true;
    case CONF_UINT:
    case CONF_DURATION:
    case CONF_SIZE:
        return parse_number(key, text, ret, why);
    case CONF_CHOICE:
        return parse_choice(key, text, ret, why);
    case CONF_TEXT:
        ret->text = text;
        return strlen(text) <= key->max || expected(key, text, why);
    case CONF_PATH:
        ret->text = text;
        return true;
    case CONF_SECRET:
        return parse_secret(load, key, text, ret, why);
    case CONF_ADDRESS:
        return conf_parse_address(text, (uint16_t)key->min, &ret->addr) ||
               expected(key, text, why);
    case CONF_FORWARDERS:
    case CONF_CIDRS:
        return conf_parse_cidrs(load, key, text, ret, why);
    case CONF_FILTERS:
        return conf_parse_filters(load, key, text, ret, why);
    case CONF_SUBSCRIPTION:
        return parse_subscription(load, text, ret) || expected(key, text, why);
    case CONF_URLS:
        return conf_parse_urls(load, key, text, ret, why);
    }
    return false;
}
