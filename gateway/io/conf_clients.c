/* SPDX-License-Identifier: MIT */
/*
 * access.clients_file: clients.conf of the Paho gateway, as it is. Of what it
 * says of a node, two words give rights here: forwarder, and QoS-1. The other
 * two describe how that gateway is to treat the node: unstableLine lets it
 * move, which every node may here, and secureConnection is a matter of
 * upstream.url.
 */
#include "conf_private.h"

#include <string.h>
#include <strings.h>

#define FILE_KEY "access.clients_file"

static bool take_word(const char *word, struct conf_client *client)
{
    const struct {
        const char *word;
        bool *at;
    } words[] = {
        {"forwarder", &client->forwarder},
        {"QoS-1", &client->qos_minus1},
        {"secureConnection", &client->secure},
        {"unstableLine", &client->unstable},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(word, words[i].word) == 0) {
            *words[i].at = true;
            return true;
        }
    }
    return *word == '\0';
}

bool conf_parse_client(const char *line, struct conf_client *ret)
{
    const char *rest = line;
    char word[32];

    memset(ret, 0, sizeof(*ret));
    if (!conf_next_part(&rest, ret->id, sizeof(ret->id)) ||
        ret->id[0] == '\0' ||
        !conf_next_part(&rest, ret->address, sizeof(ret->address)))
        return false;
    while (conf_next_part(&rest, word, sizeof(word))) {
        if (!take_word(word, ret))
            return false;
    }
    return true;
}

static bool has(const struct gw_cidr *list, size_t count,
                const struct gw_cidr *cidr)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&list[i], cidr, sizeof(*cidr)) == 0) /* octets only */
            return true;
    }
    return false;
}

/* Appends to a list that the configuration owns, unless it has it: several
 * nodes may be behind one address. */
static void append(struct conf_load *load, const struct conf_place *place,
                   const struct gw_cidr **list, size_t *count, size_t max,
                   const struct gw_cidr *cidr)
{
    struct gw_cidr *longer;

    if (has(*list, *count, cidr))
        return;
    if (*count == max) {
        conf_error(load, place, FILE_KEY,
                   "expected at most %zu addresses of this kind, those of the "
                   "configuration included",
                   max);
        return;
    }
    longer = conf_alloc(load, (*count + 1) * sizeof(*longer));
    if (longer == NULL)
        return;
    if (*count > 0)
        memcpy(longer, *list, *count * sizeof(*longer));
    longer[*count] = *cidr;
    *list = longer;
    ++*count;
}

static void add_line(struct conf_load *load, const struct conf_place *place,
                     char *line)
{
    struct gw_options *options = &load->config->options;
    struct gw_listener_options *listeners =
        load->config->private->listener_options;
    struct conf_client client;
    struct gw_addr addr;
    struct gw_cidr cidr;

    if (!conf_parse_client(line, &client)) {
        conf_error(load, place, FILE_KEY,
                   "expected id, address[, unstableLine][, secureConnection]"
                   "[, QoS-1][, forwarder]; got '%.80s'",
                   line);
        return;
    }
    if (!client.forwarder && !client.qos_minus1)
        return;
    if (!conf_parse_address(client.address, 0, &addr)) {
        conf_error(load, place, FILE_KEY,
                   "expected ADDRESS[:PORT], IPv6 in brackets; got '%s'",
                   client.address);
        return;
    }
    cidr = conf_cidr_of(&addr);
    if (client.qos_minus1)
        append(load, place, &options->qos_minus1_from,
               &options->qos_minus1_from_count, GW_CIDRS_MAX, &cidr);
    for (size_t i = 0; client.forwarder && i < options->listener_count; i++)
        append(load, place, &listeners[i].forwarders,
               &listeners[i].forwarder_count, GW_FORWARDERS_MAX, &cidr);
}

void conf_resolve_clients(struct conf_load *load)
{
    const struct conf_entry *entry = conf_find(
        load->config->private,
        conf_key_find("access", "clients_file", strlen("clients_file")), NULL);

    if (entry != NULL && entry->value.text != NULL)
        conf_read_rows(load, &entry->place, FILE_KEY, entry->value.text,
                       add_line);
}
