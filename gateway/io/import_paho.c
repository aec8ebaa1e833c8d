/* SPDX-License-Identifier: MIT */
#include "import_paho.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "import_private.h"
#include "mqttsn/topic.h"

/* Far more than that gateway knows of; what has no end must not keep us. */
#define LINES_MAX 100000

struct import_setting *import_find(const struct import *in, const char *key)
{
    for (size_t i = in->setting_count; i > 0; i--) {
        if (strcasecmp(in->settings[i - 1].key, key) == 0)
            return &in->settings[i - 1];
    }
    return NULL;
}

bool import_is_on(const struct import *in, const char *key)
{
    const struct import_setting *setting = import_find(in, key);

    return setting != NULL && strcasecmp(setting->value, "YES") == 0;
}

/* ---- lines ---- */

static enum mqttsn_status complain(const struct import *in, const char *path,
                                   unsigned line, const char *what)
{
    fprintf(in->err, "mqttsn-gateway: %s:%u: %s\n", path, line, what);
    return MQTTSN_EINVAL;
}

static bool printable(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
            return false;
    }
    return mqttsn_utf8_valid(mqttsn_span_text(text));
}

/* Calls 'take' with each line that is neither empty nor a comment. */
static enum mqttsn_status
read_lines(struct import *in, const char *path,
           enum mqttsn_status (*take)(struct import *in, const char *path,
                                      unsigned number, char *line))
{
    enum mqttsn_status status = MQTTSN_OK;
    FILE *file = fopen(path, "re");
    unsigned number = 0;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    if (file == NULL) {
        fprintf(in->err, "mqttsn-gateway: cannot open '%s': %s\n", path,
                strerror(errno));
        return MQTTSN_EIO;
    }
    while (status == MQTTSN_OK && (len = getline(&line, &cap, file)) >= 0) {
        char *text;

        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = '\0';
        text = conf_trim(line);
        if (++number > LINES_MAX)
            status = complain(in, path, number, "too many lines");
        else if (strlen(line) > CONF_LINE_MAX / 2 || !printable(line))
            status = complain(in, path, number,
                              "expected at most 2048 octets of UTF-8 without "
                              "control characters");
        else if (*text != '\0' && *text != '#')
            status = take(in, path, number, text);
    }
    if (status == MQTTSN_OK && ferror(file)) {
        fprintf(in->err, "mqttsn-gateway: cannot read '%s': %s\n", path,
                strerror(errno));
        status = MQTTSN_EIO;
    }
    free(line);
    fclose(file);
    return status;
}

/* Room for one element more; NULL: no memory, and the array is as it was. */
static void *grow(void *array, size_t count, size_t size)
{
    return count % 16 != 0 ? array : realloc(array, (count + 16) * size);
}

/* ---- gateway.conf ---- */

/* An end of line comment, and the ';' that old samples have after a switch. */
static void cut_end(char *value)
{
    char *comment = strstr(value, " #");
    size_t len;

    if (comment != NULL)
        *comment = '\0';
    len = strlen(value);
    while (len > 0 && strchr("; \t", value[len - 1]) != NULL)
        value[--len] = '\0';
}

static enum mqttsn_status take_setting(struct import *in, const char *path,
                                       unsigned number, char *line)
{
    char *equals = strchr(line, '=');
    struct import_setting *settings;
    struct import_setting setting = {.line = number};

    if (equals == NULL || equals == line)
        return complain(in, path, number, "expected KEY=VALUE");
    settings = grow(in->settings, in->setting_count, sizeof(*settings));
    if (settings == NULL)
        return MQTTSN_ENOSPACE;
    in->settings = settings;
    *equals = '\0';
    setting.key = strdup(conf_trim(line));
    setting.value = strdup(conf_trim(equals + 1));
    if (setting.key == NULL || setting.value == NULL) {
        free(setting.key);
        free(setting.value);
        return MQTTSN_ENOSPACE;
    }
    cut_end(setting.value);
    settings[in->setting_count++] = setting;
    return MQTTSN_OK;
}

/* ---- the two lists ---- */

static enum mqttsn_status take_client(struct import *in, const char *path,
                                      unsigned number, char *line)
{
    struct conf_client *clients =
        grow(in->clients, in->client_count, sizeof(*clients));

    if (clients == NULL)
        return MQTTSN_ENOSPACE;
    in->clients = clients;
    if (!conf_parse_client(line, &clients[in->client_count]))
        return complain(in, path, number,
                        "expected id, address[, unstableLine]"
                        "[, secureConnection][, QoS-1][, forwarder]");
    in->client_count++;
    return MQTTSN_OK;
}

static enum mqttsn_status take_topic(struct import *in, const char *path,
                                     unsigned number, char *line)
{
    char client[CONF_LINE_MAX], topic[CONF_LINE_MAX], id[CONF_LINE_MAX];
    struct import_topic *topics =
        grow(in->topics, in->topic_count, sizeof(*topics));
    struct import_topic row;
    const char *rest = line;

    if (topics == NULL)
        return MQTTSN_ENOSPACE;
    in->topics = topics;
    if (!conf_next_part(&rest, client, sizeof(client)) ||
        !conf_next_part(&rest, topic, sizeof(topic)) ||
        !conf_next_part(&rest, id, sizeof(id)))
        return complain(in, path, number, "expected client, topic, id");
    row = (struct import_topic){strdup(client), strdup(topic), strdup(id)};
    if (row.client == NULL || row.topic == NULL || row.id == NULL) {
        free(row.client);
        free(row.topic);
        free(row.id);
        return MQTTSN_ENOSPACE;
    }
    topics[in->topic_count++] = row;
    return MQTTSN_OK;
}

/* Where a list is: as named, or under its usual name; what does not begin with
 * '/' is beside gateway.conf. NULL: no memory. */
static char *list_path(const struct import *in, const char *key,
                       const char *usual)
{
    const struct import_setting *setting = import_find(in, key);
    const char *name = setting != NULL ? setting->value : usual;
    const char *slash = strrchr(in->path, '/');
    int directory = slash == NULL ? 0 : (int)(slash + 1 - in->path);
    char *path, *whole;

    if (asprintf(&path, "%.*s%s", *name == '/' ? 0 : directory, in->path,
                 name) < 0)
        return NULL;
    /* The gateway starts elsewhere. What is not there is named as it stands. */
    whole = realpath(path, NULL);
    if (whole == NULL)
        return path;
    free(path);
    return whole;
}

static enum mqttsn_status read_lists(struct import *in)
{
    enum mqttsn_status status = MQTTSN_OK;

    if (import_is_on(in, "PredefinedTopic")) {
        in->topics_path =
            list_path(in, "PredefinedTopicList", "predefinedTopic.conf");
        status = in->topics_path == NULL
                     ? MQTTSN_ENOSPACE
                     : read_lines(in, in->topics_path, take_topic);
    }
    if (status == MQTTSN_OK &&
        (import_is_on(in, "ClientAuthentication") ||
         import_is_on(in, "AggregatingGateway") || import_is_on(in, "QoS-1") ||
         import_is_on(in, "Forwarder"))) {
        in->clients_path = list_path(in, "ClientsList", "clients.conf");
        status = in->clients_path == NULL
                     ? MQTTSN_ENOSPACE
                     : read_lines(in, in->clients_path, take_client);
    }
    return status;
}

/* ---- the whole ---- */

static void release(struct import *in)
{
    for (size_t i = 0; i < in->setting_count; i++) {
        /* One of them may be a password. */
        explicit_bzero(in->settings[i].value, strlen(in->settings[i].value));
        free(in->settings[i].key);
        free(in->settings[i].value);
    }
    for (size_t i = 0; i < in->topic_count; i++) {
        free(in->topics[i].client);
        free(in->topics[i].topic);
        free(in->topics[i].id);
    }
    free(in->settings);
    free(in->clients);
    free(in->topics);
    free(in->clients_path);
    free(in->topics_path);
}

enum mqttsn_status gw_import_paho(const char *path, FILE *out, FILE *err)
{
    struct import in = {.err = err, .path = path};
    enum mqttsn_status status = read_lines(&in, path, take_setting);

    if (status == MQTTSN_OK)
        status = read_lists(&in);
    if (status == MQTTSN_OK)
        import_write(&in, out);
    if (status == MQTTSN_ENOSPACE)
        fputs("mqttsn-gateway: not enough memory\n", err);
    release(&in);
    return status;
}
