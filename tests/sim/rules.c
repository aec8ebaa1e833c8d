/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include "sim.h"

#include <string.h>

#define PLACEHOLDER "{client_id}"
#define LIST 7

static const char *const prefixes[] = {NULL, "site/gw/", "n/{client_id}/",
                                       "{client_id}/x/",
                                       "s/{client_id}/q-{client_id}/"};

/* Empty: everything. */
static const struct {
    const char *publish[LIST], *subscribe[LIST];
} lists[RULES_LISTS] = {
    {{NULL}, {NULL}},
    {{"t/#", "will/+", "+", "up/qs", "kept/1"}, {NULL}},
    {{NULL}, {"t/+", "cmd/#", "+", "kept/1", "a/#"}},
    {{"own/{client_id}/#", "will/#", "pre/+", "a/b"},
     {"own/{client_id}/#", "+/1", "t/#", "+/+/+"}},
    {{"+/+", "aa", "own/{client_id}/x"}, {"+/#"}},
    {{"t/#", "own/+/x", "aa"}, {"#"}},
};

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof((array)[0])))

const char *rules_prefix(const struct options *o)
{
    return prefixes[o->prefix > 0 && o->prefix < COUNT(prefixes) ? o->prefix
                                                                 : 0];
}

size_t rules_list(const struct options *o, enum rules_verb verb,
                  const char *const **ret_list)
{
    int64_t which = o->access > 0 && o->access < RULES_LISTS ? o->access : 0;
    size_t count = 0;

    *ret_list =
        verb == RULES_PUBLISH ? lists[which].publish : lists[which].subscribe;
    while (count < LIST && (*ret_list)[count] != NULL)
        count++;
    return count;
}

/* ---- the client id in its place ----------------------------------------- */

/* Whether it stays within a level, and is one. */
static bool is_level(const char *id)
{
    for (const char *p = id; *p != '\0'; p++)
        if (*p == '/' || *p == '+' || *p == '#' || (unsigned char)*p < 0x20 ||
            (unsigned char)*p > 0x7e)
            return false;
    return *id != '\0' && *id != '$';
}

/* Text that grows; false when there is no room for that and its end. */
struct text {
    char *to;
    size_t len, cap;
};

static bool append(struct text *text, const char *from, size_t len)
{
    if (len >= text->cap - text->len)
        return false;
    memcpy(text->to + text->len, from, len);
    text->len += len;
    text->to[text->len] = '\0';
    return true;
}

/* False when it has the id in it, and that may not stand there. */
static bool fill_in(const char *pattern, const char *id, char *to, size_t cap)
{
    const char *at = strstr(pattern, PLACEHOLDER);
    struct text text = {.to = to, .cap = cap};

    if (at != NULL && !is_level(id))
        return false;
    for (; at != NULL; at = strstr(pattern, PLACEHOLDER)) {
        if (!append(&text, pattern, (size_t)(at - pattern)) ||
            !append(&text, id, strlen(id)))
            return false;
        pattern = at + strlen(PLACEHOLDER);
    }
    return append(&text, pattern, strlen(pattern));
}

bool rules_admit(const struct options *o, const char *id)
{
    char prefix[BROKER_TOPIC];

    return rules_prefix(o) == NULL ||
           fill_in(rules_prefix(o), id, prefix, sizeof(prefix));
}

/* ---- the prefix ---------------------------------------------------------- */

void rules_at_broker(const struct options *o, const char *id, const char *topic,
                     char ret[BROKER_TOPIC])
{
    char prefix[BROKER_TOPIC] = "";
    size_t len, more = strlen(topic);

    if (rules_prefix(o) != NULL &&
        !fill_in(rules_prefix(o), id, prefix, sizeof(prefix)))
        prefix[0] = '\0';
    topic_copy(ret, prefix);
    len = strlen(prefix);
    memcpy(ret + len, topic,
           more < BROKER_TOPIC - len ? more : BROKER_TOPIC - 1 - len);
}

const char *rules_of_client(const struct options *o, const char *id,
                            const char *topic)
{
    char prefix[BROKER_TOPIC];

    if (rules_prefix(o) == NULL)
        return topic;
    if (!fill_in(rules_prefix(o), id, prefix, sizeof(prefix)) ||
        strncmp(topic, prefix, strlen(prefix)) != 0)
        return NULL;
    return topic + strlen(prefix);
}

const char *rules_of_anyone(const struct options *o, const char *topic)
{
    const char *prefix = rules_prefix(o), *at = topic, *level;
    char id[BROKER_TOPIC];

    if (prefix == NULL)
        return topic;
    level = strstr(prefix, PLACEHOLDER);
    if (level == NULL)
        return rules_of_client(o, RULES_NOBODY, topic);
    /* Whose it is stands where the id does. */
    at += level - prefix;
    if (strlen(topic) <= (size_t)(level - prefix))
        return NULL;
    snprintf(id, sizeof(id), "%.*s", (int)strcspn(at, "/"), at);
    return rules_of_client(o, id, topic);
}

bool rules_is_probe(const struct options *o, const char *topic)
{
    static const char probe[] = "mqttsn-gw/" RULES_NOBODY "/probe";
    const char *name = rules_of_client(o, RULES_NOBODY, topic);

    return name != NULL && strncmp(name, probe, strlen(probe)) == 0;
}

/* ---- the lists ----------------------------------------------------------- */

/* Whether each name that 'asked' matches is one of those of 'allowed'. */
static bool covers(const char *allowed, const char *asked)
{
    size_t l = strcspn(allowed, "/"), a = strcspn(asked, "/");

    if (strcmp(allowed, "#") == 0)
        return true;
    /* Also none: the parent itself. */
    if (strcmp(asked, "#") == 0)
        return false;
    if (!(l == 1 && allowed[0] == '+') &&
        !(l == a && strncmp(allowed, asked, a) == 0))
        return false;
    if (asked[a] == '\0')
        return allowed[l] == '\0' || strcmp(allowed + l, "/#") == 0;
    return allowed[l] != '\0' && covers(allowed + l + 1, asked + a + 1);
}

static bool is_in(const char *filter, enum rules_verb verb, const char *topic)
{
    if (verb == RULES_PUBLISH)
        return filter_matches(filter, topic);
    /* All names have a first level. */
    return covers(filter, topic) ||
           (strcmp(topic, "#") == 0 && strcmp(filter, "+/#") == 0);
}

bool rules_allow(const struct options *o, enum rules_verb verb, const char *id,
                 const char *topic)
{
    const char *const *list;
    size_t count = rules_list(o, verb, &list);
    char filter[BROKER_TOPIC];

    for (size_t i = 0; i < count; i++)
        if (fill_in(list[i], id, filter, sizeof(filter)) &&
            is_in(filter, verb, topic))
            return true;
    return count == 0;
}

/* ---- what others publish ------------------------------------------------- */

static bool has_ids(const struct options *o)
{
    return rules_prefix(o) != NULL &&
           strstr(rules_prefix(o), PLACEHOLDER) != NULL;
}

static const char *client_at(const struct sim *sim, size_t i)
{
    return i < sim->node_count ? sim->nodes[i].id
                               : sim->libraries[i - sim->node_count].id;
}

void rules_publish_for_all(struct sim *sim, const char *topic,
                           const char *payload, uint8_t qos, bool retain)
{
    size_t clients = sim->node_count + sim->library_count;
    char name[BROKER_TOPIC];

    for (size_t i = 0; i < (has_ids(&sim->o) ? clients : 1); i++) {
        rules_at_broker(&sim->o, client_at(sim, i), topic, name);
        broker_publish(sim, name, (const uint8_t *)payload, strlen(payload),
                       qos, retain);
    }
}

void rules_for_somebody(struct sim *sim, const char *topic,
                        char ret[BROKER_TOPIC])
{
    size_t clients = sim->node_count + sim->library_count, who = 0;

    if (has_ids(&sim->o))
        who = rng_below(&sim->broker.others, (uint32_t)clients);
    rules_at_broker(&sim->o, client_at(sim, who), topic, ret);
    /* The parent is not below the prefix, and '#' matches it all the same. */
    if (rules_prefix(&sim->o) != NULL &&
        rng_below(&sim->broker.others, 40) == 0)
        ret[strlen(ret) - strlen(topic) - 1] = '\0';
}
