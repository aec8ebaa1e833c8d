/* SPDX-License-Identifier: MIT */
/* Who a node is at the broker, and what its connection may hold. */
#include "io/upstream_nodes_private.h"

#include <fnmatch.h>
#include <stdlib.h>

#define PLACE "{client_id}"

/* The longest that MQTT can say. */
#define ID_MAX 65535

static bool is_template(const char *text)
{
    const char *first = text ? strstr(text, PLACE) : NULL;

    return first && !strstr(first + 1, PLACE);
}

void gw_nodes_free_settings(struct gw_upstream_nodes_settings *settings)
{
    for (size_t i = 0; settings->credentials && i < settings->credential_count;
         i++) {
        const struct gw_upstream_credentials *c = &settings->credentials[i];

        free((void *)(uintptr_t)c->pattern);
        free((void *)(uintptr_t)c->username);
        free((void *)(uintptr_t)c->cert_file);
        free((void *)(uintptr_t)c->key_file);
        if (c->password)
            explicit_bzero((void *)(uintptr_t)c->password, strlen(c->password));
        free((void *)(uintptr_t)c->password);
    }
    free((void *)(uintptr_t)settings->credentials);
    free((void *)(uintptr_t)settings->client_id);
    free((void *)(uintptr_t)settings->client_id_characters);
}

static char *copy(const char *text, bool *ok)
{
    char *made = text ? strdup(text) : NULL;

    if (text && !made)
        *ok = false;
    return made;
}

enum mqttsn_status
gw_nodes_copy_settings(struct gw_upstream_nodes_settings *to,
                       const struct gw_upstream_nodes_settings *from)
{
    struct gw_upstream_credentials *made =
        calloc(from->credential_count + 1, sizeof(*made));
    bool ok = made != NULL;

    *to = *from;
    to->client_id = NULL;
    to->client_id_characters = NULL;
    to->credentials = made;
    if (!is_template(from->client_id))
        return MQTTSN_EINVAL;
    to->client_id = copy(from->client_id, &ok);
    to->client_id_characters = copy(from->client_id_characters, &ok);
    for (size_t i = 0; made && i < from->credential_count; i++) {
        made[i].pattern = copy(from->credentials[i].pattern, &ok);
        made[i].username = copy(from->credentials[i].username, &ok);
        made[i].password = copy(from->credentials[i].password, &ok);
        made[i].cert_file = copy(from->credentials[i].cert_file, &ok);
        made[i].key_file = copy(from->credentials[i].key_file, &ok);
    }
    return ok ? MQTTSN_OK : MQTTSN_ENOSPACE;
}

enum mqttsn_status gw_nodes_make_tls(struct gw_nodes *nodes,
                                     const struct gw_tls_settings *tls)
{
    const struct gw_upstream_nodes_settings *s = &nodes->settings;
    enum mqttsn_status status = MQTTSN_OK;

    nodes->credential_tls =
        calloc(s->credential_count + 1, sizeof(struct gw_paho_tls *));
    if (!nodes->credential_tls)
        return MQTTSN_ENOSPACE;
    for (size_t i = 0; tls && status == MQTTSN_OK && i < s->credential_count;
         i++) {
        struct gw_tls_settings its = *tls;

        if (!s->credentials[i].cert_file)
            continue;
        its.cert_file = s->credentials[i].cert_file;
        its.key_file = s->credentials[i].key_file;
        status = gw_paho_tls_new(&its, &nodes->credential_tls[i]);
    }
    return status;
}

void gw_nodes_free_tls(struct gw_nodes *nodes)
{
    for (size_t i = 0;
         nodes->credential_tls && i < nodes->settings.credential_count; i++)
        gw_paho_tls_free(nodes->credential_tls[i]);
    free(nodes->credential_tls);
}

/* The id at the broker; NULL when there is none, or no memory for it. */
static char *expand(const char *template, const char *client_id)
{
    size_t before = (size_t)(strstr(template, PLACE) - template);
    size_t len = strlen(template) - strlen(PLACE) + strlen(client_id);
    char *id = len <= ID_MAX ? malloc(len + 1) : NULL;

    if (id)
        snprintf(id, len + 1, "%.*s%s%s", (int)before, template, client_id,
                 template + before + strlen(PLACE));
    return id;
}

/* Under the gateway's id a node would take its connection away. */
static bool is_fit(const struct gw_nodes *nodes, const char *id)
{
    const struct gw_upstream_nodes_settings *s = &nodes->settings;

    return strcmp(id, s->gateway->client_id) != 0 &&
           (s->max_client_id == 0 || strlen(id) <= s->max_client_id) &&
           (!s->client_id_characters ||
            strspn(id, s->client_id_characters) == strlen(id));
}

/* Who it is at the broker, where that is not the gateway. */
static void set_credentials(const struct gw_nodes *nodes, const char *client_id,
                            struct gw_upstream_settings *settings,
                            struct gw_paho_tls **tls)
{
    const struct gw_upstream_nodes_settings *s = &nodes->settings;

    for (size_t i = 0; i < s->credential_count; i++) {
        if (fnmatch(s->credentials[i].pattern, client_id, 0) != 0)
            continue;
        settings->username = s->credentials[i].username;
        settings->password = s->credentials[i].password;
        if (nodes->credential_tls[i])
            *tls = nodes->credential_tls[i];
        return;
    }
}

/* What a node may have waiting is bounded by its window, and by GW_NODES_QOS0;
 * the outbox need not say no. */
static void bound(struct gw_upstream_settings *settings)
{
    settings->clean_first = false;
    settings->journal = NULL;
    settings->qos0_window = GW_NODES_QOS0;
    settings->inbox_entries = 64;
    settings->inbox_bytes = GW_NODES_INBOX_OCTETS;
    settings->outbox_entries = SIZE_MAX / 2;
    settings->outbox_bytes = SIZE_MAX / 2;
}

static enum mqttsn_status make(struct gw_nodes *nodes,
                               const struct gw_up_action *action,
                               const char *client_id, const char *id,
                               const char *will_topic,
                               struct gw_paho_port **ret_port)
{
    struct gw_upstream_settings settings = *nodes->settings.gateway;
    struct gw_paho_tls *tls = nodes->table[0]->port->tls;
    enum mqttsn_status status;

    bound(&settings);
    settings.client_id = id;
    settings.clean_session = action->clean;
    set_credentials(nodes, client_id, &settings, &tls);
    settings.will =
        (struct gw_upstream_will){.topic = will_topic,
                                  .payload = action->payload.data,
                                  .payload_len = action->payload.len,
                                  .qos = action->qos,
                                  .retain = action->retain};
    status =
        gw_paho_port_new(nodes->loop, &settings, nodes->wake_fd, tls, ret_port);
    if (status == MQTTSN_OK) {
        (*ret_port)->of_a_node = true;
        gw_backoff_share(&(*ret_port)->backoff, &nodes->losses, false);
    }
    return status;
}

static char *text_of(struct mqttsn_span span)
{
    return strndup((const char *)span.data, span.len);
}

enum mqttsn_status gw_nodes_make_port(struct gw_nodes *nodes,
                                      const struct gw_up_action *action,
                                      struct gw_paho_port **ret_port)
{
    char *client_id = text_of(action->client_id), *id = NULL, *topic = NULL;
    enum mqttsn_status status = MQTTSN_ENOSPACE;

    if (!client_id)
        goto out;
    status = MQTTSN_EINVAL;
    if (strlen(client_id) != action->client_id.len)
        goto out;
    id = expand(nodes->settings.client_id, client_id);
    if (!id || !is_fit(nodes, id))
        goto out;
    status = MQTTSN_ENOSPACE;
    if (action->topic.len != 0 && !(topic = text_of(action->topic)))
        goto out;
    status = make(nodes, action, client_id, id, topic, ret_port);

out:
    free(topic);
    free(id);
    free(client_id);
    return status;
}
