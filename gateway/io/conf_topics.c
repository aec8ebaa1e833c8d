/* SPDX-License-Identifier: MIT */
/*
 * Predefined topics: the lines of [predefined], and the file that
 * topics.predefined_file names. Both are one set; who gives an id twice for
 * one client is told so, wherever the two stand.
 */
#include "conf_private.h"

#include <stdlib.h>
#include <string.h>

#include "mqttsn/topic.h"

#define FILE_KEY "topics.predefined_file"

static void add_row(struct conf_load *load, const struct conf_place *place,
                    const struct gw_predefined *row, bool from_csv)
{
    struct gw_config_private *private = load->config->private;
    struct conf_topic *topics =
        conf_grow(load, private->topics, private->topic_count, sizeof(*topics));

    if (topics == NULL)
        return;
    private->topics = topics;
    topics[private->topic_count++] =
        (struct conf_topic){.row = *row,
                            .place = conf_keep_place(load, place),
                            .from_csv = from_csv};
}

static bool parse_id(const char *text, uint16_t *ret)
{
    uint64_t id;

    if (!conf_parse_number(text, &id) || id < 1 || id > 65534)
        return false;
    *ret = (uint16_t)id;
    return true;
}

static bool topic_good(struct conf_load *load, const struct conf_place *place,
                       const char *key, const char *topic)
{
    if (strlen(topic) <= GW_NAME_MAX &&
        mqttsn_topic_name_valid(mqttsn_span_text(topic)) &&
        mqttsn_text_prudent(mqttsn_span_text(topic)))
        return true;
    conf_error(load, place, key,
               "expected a topic name without wildcards, of 1 to %d octets; "
               "got '%.60s'",
               GW_NAME_MAX, topic);
    return false;
}

/* What may follow the last comma: nothing, or the word open. */
static bool parse_open(const char *rest, bool *ret_open)
{
    char word[16];

    *ret_open = false;
    if (rest == NULL)
        return true;
    *ret_open = conf_next_part(&rest, word, sizeof(word));
    return rest == NULL && strcmp(word, "open") == 0;
}

void conf_add_topic(struct conf_load *load, const struct conf_place *place,
                    const char *id, const char *text)
{
    struct gw_predefined row = {0};
    char key[CONF_FULL_NAME_MAX], topic[CONF_LINE_MAX + 1];
    const char *rest = text;

    snprintf(key, sizeof(key), "predefined.%.64s", id);
    if (!parse_id(id, &row.topic_id)) {
        conf_error(load, place, key,
                   "expected a topic id from 1 to 65534 as the key");
        return;
    }
    conf_next_part(&rest, topic, sizeof(topic));
    if (!parse_open(rest, &row.open)) {
        conf_error(load, place, key, "expected TOPIC or TOPIC, open");
        return;
    }
    if (!topic_good(load, place, key, topic))
        return;
    row.topic = conf_dup(load, topic, strlen(topic));
    add_row(load, place, &row, false);
}

static void add_csv_line(struct conf_load *load, const struct conf_place *place,
                         char *line)
{
    struct gw_predefined row = {0};
    char client[CONF_LINE_MAX + 1], topic[CONF_LINE_MAX + 1], id[16];
    const char *rest = line;

    if (!conf_next_part(&rest, client, sizeof(client)) ||
        !conf_next_part(&rest, topic, sizeof(topic)) ||
        !conf_next_part(&rest, id, sizeof(id)) ||
        !parse_open(rest, &row.open) || client[0] == '\0') {
        conf_error(load, place, FILE_KEY,
                   "expected client|*, topic, id[, open]; got '%.80s'", line);
        return;
    }
    if (!parse_id(id, &row.topic_id)) {
        conf_error(load, place, FILE_KEY,
                   "expected a topic id from 1 to 65534; got '%s'", id);
        return;
    }
    if (!topic_good(load, place, FILE_KEY, topic))
        return;
    /* COMMON is what the Paho gateway calls every client. */
    if (strcmp(client, "*") != 0 && strcmp(client, "COMMON") != 0)
        row.client_id = conf_dup(load, client, strlen(client));
    row.topic = conf_dup(load, topic, strlen(topic));
    add_row(load, place, &row, true);
}

static void read_csv(struct conf_load *load)
{
    const struct conf_entry *entry = conf_find(
        load->config->private,
        conf_key_find("topics", "predefined_file", strlen("predefined_file")),
        NULL);

    if (entry != NULL && entry->value.text != NULL)
        conf_read_rows(load, &entry->place, FILE_KEY, entry->value.text,
                       add_csv_line);
}

/* By client, id, then precedence; then by appearance, of --set the last first:
 * the first of equals is the one that counts. */
static int compare(const void *a, const void *b)
{
    const struct conf_topic *const *x = a, *const *y = b;
    const char *x_client = (*x)->row.client_id, *y_client = (*y)->row.client_id;
    int order = strcmp(x_client == NULL ? "" : x_client,
                       y_client == NULL ? "" : y_client);

    if (order == 0)
        order = (int)(*x)->row.topic_id - (int)(*y)->row.topic_id;
    if (order == 0)
        order = (int)(*y)->place.origin - (int)(*x)->place.origin;
    if (order == 0)
        order = (*x < *y) == ((*x)->place.origin != CONF_SET) ? -1 : 1;
    return order;
}

static bool same_id(const struct conf_topic *a, const struct conf_topic *b)
{
    const char *x = a->row.client_id, *y = b->row.client_id;

    return a->row.topic_id == b->row.topic_id &&
           strcmp(x == NULL ? "" : x, y == NULL ? "" : y) == 0;
}

static void report_double(struct conf_load *load,
                          const struct conf_topic *first,
                          const struct conf_topic *second)
{
    char key[CONF_FULL_NAME_MAX];

    snprintf(key, sizeof(key), "predefined.%u", second->row.topic_id);
    conf_error(load, &second->place, second->from_csv ? FILE_KEY : key,
               "id %u is given twice for %s%s; the first is in '%s' line %u",
               second->row.topic_id,
               second->row.client_id == NULL ? "every client" : "client ",
               second->row.client_id == NULL ? "" : second->row.client_id,
               first->place.file == NULL ? "" : first->place.file,
               first->place.line);
}

void conf_resolve_topics(struct conf_load *load)
{
    struct gw_config_private *private = load->config->private;
    struct conf_topic **order;
    struct gw_predefined *rows;
    size_t count = 0;

    read_csv(load);
    if (private->topic_count == 0)
        return;
    order = conf_alloc(load, private->topic_count * sizeof(*order));
    rows = conf_alloc(load, private->topic_count * sizeof(*rows));
    if (order == NULL || rows == NULL)
        return;
    for (size_t i = 0; i < private->topic_count; i++)
        order[i] = &private->topics[i];
    qsort(order, private->topic_count, sizeof(*order), compare);
    for (size_t i = 0; i < private->topic_count; i++) {
        if (i == 0 || !same_id(order[i - 1], order[i]))
            rows[count++] = order[i]->row;
        else if (order[i]->place.origin == order[i - 1]->place.origin &&
                 order[i]->place.origin == CONF_FILE)
            report_double(load, order[i - 1], order[i]);
        else
            order[i]->replaced = true;
    }
    load->config->options.predefined = rows;
    load->config->options.predefined_count = count;
}
