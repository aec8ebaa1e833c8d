/* SPDX-License-Identifier: MIT */
/*
 * What of the Paho gateway's configuration becomes which key of ours, and why
 * the rest does not.
 */
#include "import_private.h"

#include <string.h>
#include <strings.h>

#define BIND_V4 "0.0.0.0"
#define PASSWORD_FILE "/etc/mqttsn-gateway/broker.password"

/* What has no counterpart, and why; in the order of their sample. */
static const struct {
    const char *key, *why;
} without[] = {
    {"MulticastTTL", "multicast stays on its link: one hop"},
    {"MulticastHops", "multicast stays on its link: one hop"},
    {"GatewayUDP6Hops", "multicast stays on its link: one hop"},
    {"DtlsCertsKey", "DTLS towards nodes is not in this version"},
    {"DtlsPrivKey", "DTLS towards nodes is not in this version"},
    {"Baudrate", "serial radios reach the gateway through mqttsn-forwarder(1)"},
    {"SerialDevice",
     "serial radios reach the gateway through mqttsn-forwarder(1)"},
    {"ApiMode", "serial radios reach the gateway through mqttsn-forwarder(1)"},
    {"BaudrateLoRaLink",
     "serial radios reach the gateway through mqttsn-forwarder(1)"},
    {"DeviceRxLoRaLink",
     "serial radios reach the gateway through mqttsn-forwarder(1)"},
    {"DeviceTxLoRaLink",
     "serial radios reach the gateway through mqttsn-forwarder(1)"},
    {"RFCOMMAddress", "Bluetooth RFCOMM is not in this version"},
    {"ShearedMemory", "logs go to standard error, see [log]"},
};

static bool loads(const char *value)
{
    return strstr(value, " ;") == NULL && strstr(value, "\t;") == NULL &&
           *value != ';';
}

/* A setting that is to be written; then it is used up. NULL: not given, or
 * nothing, or nothing that a line of ours can hold. */
static struct import_setting *take(const struct import *in, const char *key)
{
    struct import_setting *setting = import_find(in, key);

    if (setting == NULL || setting->used || *setting->value == '\0' ||
        !loads(setting->value))
        return NULL;
    setting->used = true;
    return setting;
}

/* Of two names for one thing, from two versions of that gateway. */
static struct import_setting *take_either(const struct import *in,
                                          const char *key, const char *older)
{
    struct import_setting *setting = take(in, key);

    return setting != NULL ? setting : take(in, older);
}

static void copy(const struct import *in, FILE *out, const char *key,
                 const char *ours)
{
    const struct import_setting *setting = take(in, key);

    if (setting != NULL)
        fprintf(out, "%s = %s\n", ours, setting->value);
}

/* A number within its range here; one that is not stands in a comment. */
static bool number_of(const struct import_setting *setting, FILE *out,
                      uint64_t min, uint64_t max, uint64_t *ret)
{
    if (conf_parse_number(setting->value, ret) && *ret >= min && *ret <= max)
        return true;
    fprintf(out, "# %s=%.64s (line %u): expected a number from %llu to %llu\n",
            setting->key, setting->value, setting->line,
            (unsigned long long)min, (unsigned long long)max);
    return false;
}

static void copy_number(const struct import *in, FILE *out, const char *key,
                        uint64_t min, uint64_t max, const char *ours,
                        const char *unit)
{
    const struct import_setting *setting = take(in, key);
    uint64_t number;

    if (setting != NULL && number_of(setting, out, min, max, &number))
        fprintf(out, "%s = %llu%s\n", ours, (unsigned long long)number, unit);
}

static unsigned port_of(const struct import *in, FILE *out, const char *key,
                        const char *older, unsigned usual)
{
    const struct import_setting *setting = take_either(in, key, older);
    uint64_t number;

    if (setting != NULL && number_of(setting, out, 1, 65535, &number))
        return (unsigned)number;
    return usual;
}

/* ---- [gateway], [listener] ---- */

static void write_gateway(const struct import *in, FILE *out)
{
    const struct import_setting *name = take(in, "GatewayName");

    fputs("\n[gateway]\n", out);
    copy_number(in, out, "GatewayID", 1, 255, "id", "");
    if (name != NULL && strlen(name->value) <= 64)
        fprintf(out, "name = %s\n", name->value);
    else if (name != NULL)
        fprintf(out, "# GatewayName (line %u): longer than 64 octets\n",
                name->line);
}

static bool has_word(const struct conf_client *client, bool forwarder)
{
    return forwarder ? client->forwarder : client->qos_minus1;
}

/* The address of a client, without its port. False: it is not one of IP. */
static bool host_of(const struct conf_client *client,
                    char host[sizeof(client->address)], struct gw_addr *ret)
{
    uint16_t port = 0;

    return conf_split_port(client->address, host, sizeof(client->address),
                           &port) &&
           conf_parse_host(host, ret) && strchr(host, '%') == NULL;
}

/* Whether a client's address is that of one before it with the same word. */
static bool came_before(const struct import *in, size_t at,
                        const struct gw_addr *addr, bool forwarder)
{
    char host[sizeof(in->clients->address)];
    struct gw_addr other;

    for (size_t i = 0; i < at; i++) {
        if (has_word(&in->clients[i], forwarder) &&
            host_of(&in->clients[i], host, &other) &&
            gw_addr_equal(&other, addr))
            return true;
    }
    return false;
}

/* One line for all clients with a word, or comments on those who are not in
 * it: each address once, and as many as there may be. */
static void write_some(const struct import *in, FILE *out, bool forwarder,
                       bool comments)
{
    const size_t max = forwarder ? GW_FORWARDERS_MAX : GW_CIDRS_MAX;
    char host[sizeof(in->clients->address)];
    struct gw_addr addr;
    size_t count = 0;

    for (size_t i = 0; i < in->client_count; i++) {
        const struct conf_client *client = &in->clients[i];

        if (!has_word(client, forwarder))
            continue;
        if (!host_of(client, host, &addr)) {
            if (comments)
                fprintf(out, "# %s: '%s' is no IP address\n", client->id,
                        client->address);
        } else if (!came_before(in, i, &addr, forwarder)) {
            count++;
            if (count <= max && !comments)
                fprintf(out, "%s %s", count > 1 ? "," : "", host);
            else if (count > max && comments)
                fprintf(out,
                        "# %s: %s is one more than the %zu that there may be; "
                        "name networks above, as 192.168.1.0/24\n",
                        client->id, host, max);
        }
    }
}

static void write_addresses(const struct import *in, FILE *out,
                            const char *ours, bool forwarder)
{
    fprintf(out, "%s =", ours);
    write_some(in, out, forwarder, false);
    fputc('\n', out);
    write_some(in, out, forwarder, true);
}

static void write_listener(const struct import *in, FILE *out)
{
    const struct import_setting *group;

    fputs("\n[listener udp]\n", out);
    fprintf(out, "bind = " BIND_V4 ":%u\n",
            port_of(in, out, "GatewayPortNo", "GatewayPort", 10000));
    group = take(in, "MulticastIP");
    if (group != NULL)
        fprintf(out, "discovery = yes\nmulticast = %s:%u\n", group->value,
                port_of(in, out, "MulticastPortNo", "BroadcastPortNo", 1883));
    copy_number(in, out, "KeepAlive", 0, 65535, "advertise_interval", "s");
    if (import_is_on(in, "Forwarder")) {
        (void)take(in, "Forwarder");
        write_addresses(in, out, "forwarders", true);
    }
}

/* That gateway is built for one network; its sample has keys for all. */
static void write_listener6(const struct import *in, FILE *out)
{
    const struct import_setting *bind = take(in, "GatewayUDP6Bind");
    const struct import_setting *group =
        take_either(in, "MulticastIPv6", "GatewayUDP6Broadcast");
    const struct import_setting *interface =
        take_either(in, "MulticastIPv6If", "GatewayUDP6If");
    unsigned port, group_port;

    if (import_find(in, "GatewayIPv6PortNo") == NULL &&
        import_find(in, "GatewayUDP6Port") == NULL && group == NULL)
        return;
    port = port_of(in, out, "GatewayIPv6PortNo", "GatewayUDP6Port", 10000);
    group_port = port_of(in, out, "MulticastIPv6PortNo", "", (unsigned)port);
    fputs("\n# For a gateway that was built for UDP6: take away the '#'.\n"
          "#[listener udp6]\n",
          out);
    fprintf(out, "#bind = [%s]:%u\n", bind != NULL ? bind->value : "::", port);
    if (interface != NULL)
        fprintf(out, "#interface = %s\n", interface->value);
    if (group != NULL)
        fprintf(out, "#discovery = yes\n#multicast = [%s]:%u\n", group->value,
                group_port);
}

/* ---- [upstream], [tls] ---- */

static void count_secure(const struct import *in, size_t *secure, size_t *plain)
{
    *secure = *plain = 0;
    for (size_t i = 0; i < in->client_count; i++)
        ++*(in->clients[i].secure ? secure : plain);
}

static void write_url(const struct import *in, FILE *out)
{
    const struct import_setting *host = take(in, "BrokerName");
    unsigned plain_port = port_of(in, out, "BrokerPortNo", "", 1883);
    unsigned secure_port = port_of(in, out, "BrokerSecurePortNo", "", 8883);
    const char *name = host != NULL ? host->value : "127.0.0.1";
    bool ipv6 = strchr(name, ':') != NULL;
    size_t secure, plain;

    count_secure(in, &secure, &plain);
    fprintf(out, "url = %s://%s%s%s:%u\n", secure > 0 ? "mqtts" : "mqtt",
            ipv6 ? "[" : "", name, ipv6 ? "]" : "",
            secure > 0 ? secure_port : plain_port);
    if (secure > 0 && plain > 0)
        fprintf(out,
                "# %zu of the clients are not marked secureConnection; here "
                "one url is for all.\n",
                plain);
    if (secure == 0)
        fprintf(out,
                "# With TLS, which no client is marked for: "
                "url = mqtts://%s%s%s:%u\n",
                ipv6 ? "[" : "", name, ipv6 ? "]" : "", secure_port);
}

static void write_login(const struct import *in, FILE *out)
{
    const struct import_setting *login = take(in, "LoginID");
    struct import_setting *password = import_find(in, "Password");

    if (login == NULL)
        return;
    fprintf(out, "username = %s\n", login->value);
    if (password == NULL || *password->value == '\0')
        return;
    password->used = true;
    fprintf(out,
            "# Password (line %u) is not copied: put it into this file, which "
            "others may not read.\n"
            "password_file = " PASSWORD_FILE "\n",
            password->line);
}

static void write_upstream(const struct import *in, FILE *out)
{
    bool aggregating = import_is_on(in, "AggregatingGateway");

    fputs("\n[upstream]\n", out);
    write_url(in, out);
    fprintf(out, "mode = %s\n", aggregating ? "aggregating" : "transparent");
    (void)take(in, "AggregatingGateway");
    write_login(in, out);
}

static void write_tls(const struct import *in, FILE *out)
{
    const struct import_setting *cert;

    if (import_find(in, "RootCAfile") == NULL &&
        import_find(in, "RootCApath") == NULL &&
        import_find(in, "CertsKey") == NULL &&
        import_find(in, "CertsFile") == NULL &&
        import_find(in, "CertKey") == NULL)
        return;
    fputs("\n[tls]\n", out);
    copy(in, out, "RootCAfile", "ca_file");
    copy(in, out, "RootCApath", "ca_path");
    cert = take_either(in, "CertsKey", "CertsFile");
    if (cert == NULL)
        cert = take(in, "CertKey");
    if (cert != NULL)
        fprintf(out, "cert_file = %s\n", cert->value);
    copy(in, out, "PrivateKey", "key_file");
}

/* ---- [topics] ---- */

static const struct conf_client *client_named(const struct import *in,
                                              const char *id)
{
    for (size_t i = 0; i < in->client_count; i++) {
        if (strcmp(in->clients[i].id, id) == 0)
            return &in->clients[i];
    }
    return NULL;
}

static bool is_open(const struct import *in, const struct import_topic *topic)
{
    const struct conf_client *client = client_named(in, topic->client);

    return import_is_on(in, "QoS-1") && client != NULL && client->qos_minus1;
}

/* 7 is 007, too. */
static bool is_same_id(const char *a, const char *b)
{
    uint64_t x, y;

    return conf_parse_number(a, &x) && conf_parse_number(b, &y) && x == y;
}

/* What means something else for another node cannot be everybody's. */
static const struct import_topic *rival(const struct import *in, size_t at)
{
    const struct import_topic *topic = &in->topics[at];

    for (size_t i = 0; i < in->topic_count; i++) {
        const struct import_topic *other = &in->topics[i];
        bool common = strcmp(other->client, "*") == 0 ||
                      strcmp(other->client, "COMMON") == 0;

        if (is_same_id(other->id, topic->id) && (common || i < at) &&
            (common || is_open(in, other)))
            return other;
    }
    return NULL;
}

/* That gateway knows a QoS -1 node by its address; here its ids are open to
 * all who may publish so. */
static void write_open_topics(const struct import *in, FILE *out)
{
    for (size_t i = 0; i < in->topic_count; i++) {
        const struct import_topic *topic = &in->topics[i];
        const struct import_topic *other;

        if (!is_open(in, topic))
            continue;
        other = rival(in, i);
        if (other == NULL)
            fprintf(out, "%s = %s, open\n", topic->id, topic->topic);
        else if (strcmp(other->topic, topic->topic) != 0)
            fprintf(out,
                    "# %s = %s, of %s with QoS -1: the id is another topic of "
                    "%s; give the node an id of its own\n",
                    topic->id, topic->topic, topic->client, other->client);
        else if (!is_open(in, other))
            fprintf(out,
                    "# %s = %s, of %s with QoS -1: put 'open' behind the line "
                    "of %s in the file\n",
                    topic->id, topic->topic, topic->client, other->client);
    }
}

static void write_topics(const struct import *in, FILE *out)
{
    fputs("\n[topics]\n", out);
    if (in->topics_path != NULL)
        fprintf(out, "predefined_file = %s\n", in->topics_path);
    if (import_is_on(in, "QoS-1")) {
        write_addresses(in, out, "qos_minus1_from", false);
        fputs("\n[predefined]\n", out);
        write_open_topics(in, out);
    } else {
        fputs("qos_minus1_from =\n", out);
    }
    (void)take(in, "QoS-1");
    (void)take(in, "PredefinedTopic");
    if (in->topics_path != NULL)
        (void)take(in, "PredefinedTopicList");
    if (in->clients_path != NULL)
        (void)take(in, "ClientsList");
}

/* ---- [limits] ---- */

static void write_limits(const struct import *in, FILE *out)
{
    const struct import_setting *most = take(in, "MaxNumberOfClients");
    uint64_t number;

    if (most == NULL || !number_of(most, out, 1, 1000000, &number))
        return;
    fprintf(out, "\n[limits]\nmax_sessions = %llu\n",
            (unsigned long long)number);
    if (!import_is_on(in, "AggregatingGateway"))
        fprintf(out, "\n[transparent]\nmax_connections = %llu\n",
                (unsigned long long)(number > 5000 ? 5000 : number));
}

/* ---- the rest ---- */

static const char *why_not(const struct import *in,
                           const struct import_setting *setting)
{
    if (import_find(in, setting->key) != setting)
        return "given again below";
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        if (strcasecmp(without[i].key, setting->key) == 0)
            return without[i].why;
    }
    if (*setting->value == '\0')
        return "empty";
    if (strcasecmp(setting->key, "Password") == 0)
        return "MQTT has no password without a user name (LoginID)";
    if (strcasecmp(setting->key, "ClientAuthentication") == 0)
        return import_is_on(in, setting->key)
                   ? "which client ids may connect is not asked in this "
                     "version: let the network decide who reaches the port"
                   : "every client id may connect";
    if (strcasecmp(setting->key, "PredefinedTopicList") == 0 ||
        strcasecmp(setting->key, "ClientsList") == 0)
        return "nothing refers to it";
    if (strcasecmp(setting->key, "Forwarder") == 0)
        return "nobody may encapsulate";
    if (!loads(setting->value))
        return "a ';' after a blank would begin a comment";
    return "not a key of that gateway, or of a part that is not used";
}

static void write_rest(const struct import *in, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < in->setting_count; i++) {
        const struct import_setting *setting = &in->settings[i];
        bool secret = strcasecmp(setting->key, "Password") == 0;

        if (setting->used)
            continue;
        if (!any)
            fputs("\n# No key here:\n", out);
        any = true;
        fprintf(out, "#   %s=%s (line %u): %s\n", setting->key,
                secret ? "..." : setting->value, setting->line,
                why_not(in, setting));
    }
}

void import_write(const struct import *in, FILE *out)
{
    fprintf(out,
            "# From %s, by mqttsn-gateway --import-paho.\n"
            "# What it comes to: mqttsn-gateway --config FILE --check-config\n",
            in->path);
    write_gateway(in, out);
    write_listener(in, out);
    write_listener6(in, out);
    write_upstream(in, out);
    write_tls(in, out);
    write_topics(in, out);
    write_limits(in, out);
    write_rest(in, out);
}
