/* SPDX-License-Identifier: MIT */
/*
 * Data only: one row per key, in the order of the documents. After a change
 * test_config_text, run with GW_UPDATE_DOCUMENTS=1, writes the documents anew.
 */
#include "conf_keys.h"

#include "config.h"

#define SIZEOF(type, member) sizeof(((type *)NULL)->member)

/* Where a row's value goes. */
#define IN(scope_, type_, member_)                                             \
    .scope = (scope_), .offset = offsetof(type_, member_),                     \
    .width = SIZEOF(type_, member_)
#define CONFIG(member_) IN(CONF_GLOBAL, struct gw_config, member_)
#define OPTION(member_) CONFIG(options.member_)
#define SOCKET(member_) IN(CONF_LISTENER, struct gw_config_listener, member_)
#define LISTEN(member_)                                                        \
    IN(CONF_LISTENER_OPTIONS, struct gw_listener_options, member_)
#define CLIENT(member_, field_)                                                \
    IN(CONF_CLIENT, struct gw_client_settings, member_), .field = (field_)
#define COUNTED(type_, member_) .count = offsetof(type_, member_)
#define NOWHERE .offset = CONF_NOWHERE

#define KEY(section_, name_, type_, value_, where_, ...)                       \
    {                                                                          \
        .section = (section_), .name = (name_), .type = CONF_##type_,          \
        .value = (value_), where_, __VA_ARGS__                                 \
    }
#define RANGE(min_, max_) .min = (min_), .max = (max_)
#define WORDS(words_) .words = (words_)
#define SAYS(meaning_) .meaning = CONF_SAID(meaning_)
#define RELOADS .flags = CONF_RELOADS

#define S UINT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define D (24 * H)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define U32 UINT32_MAX
#define TEXT_MAX 1024

#define PRIVATE_NETS                                                           \
    "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, "        \
    "169.254.0.0/16, fc00::/7, fe80::/10"

const struct conf_key conf_keys[] = {
    KEY("gateway", "id", UINT, "1", OPTION(gw_id), RANGE(1, 255), RELOADS,
        SAYS("Gateway id in ADVERTISE and GWINFO; each gateway of a network "
             "has its own")),
    KEY("gateway", "name", TEXT, "", CONFIG(name), RANGE(0, 64),
        .note = "the host name", SAYS("Name in logs")),
    KEY("listener", "bind", ADDRESS, "0.0.0.0:1883", SOCKET(bind),
        RANGE(1883, 0),
        SAYS("Address and UDP port to receive on; 0.0.0.0 and [::] are all "
             "addresses, port 0 is any free port")),
    KEY("listener", "interface", TEXT, "", SOCKET(interface), RANGE(0, 15),
        .note = "any",
        SAYS("Network interface to receive on and to send multicast from")),
    KEY("listener", "max_datagram", UINT, "1024", LISTEN(max_datagram),
        RANGE(32, 65507), RELOADS,
        SAYS("Largest datagram in octets of UDP payload, forwarder "
             "encapsulation included; larger ones are dropped")),
    KEY("listener", "discovery", BOOL, "no", LISTEN(discovery),
        SAYS("Answer SEARCHGW and send ADVERTISE")),
    KEY("listener", "multicast", ADDRESS, "", SOCKET(multicast), RANGE(1883, 0),
        .note = "none",
        SAYS("Multicast group and port that discovery listens on and "
             "advertises to")),
    KEY("listener", "advertise_interval", DURATION, "16m",
        LISTEN(advertise_interval), RANGE(0, 65535 * S),
        .flags = CONF_RELOADS | CONF_SECONDS,
        SAYS("Time between two ADVERTISE (T_ADV), more than 15m by the "
             "specification; 0 sends none")),
    KEY("listener", "receive_buffer", SIZE, "8MiB", SOCKET(receive_buffer),
        RANGE(0, 1 * GIB),
        SAYS("Kernel buffer for datagrams that wait to be read; 8MiB hold "
             "10000 small ones, 0 takes what the system gives")),
    KEY("listener", "forwarders", FORWARDERS, "", LISTEN(forwarders),
        COUNTED(struct gw_listener_options, forwarder_count),
        RANGE(0, GW_FORWARDERS_MAX), RELOADS, .note = "none",
        SAYS("Who may send encapsulated frames: addresses, or any")),
    KEY("client", "max_datagram", UINT, "",
        CLIENT(max_datagram, GW_CLIENT_MAX_DATAGRAM), RANGE(32, 65507), RELOADS,
        .note = "that of the listener",
        SAYS("Largest datagram to and from these nodes, in octets")),
    KEY("client", "queue_max_messages", UINT, "",
        CLIENT(queue_max_messages, GW_CLIENT_QUEUE_MAX_MESSAGES),
        RANGE(0, 1000000), RELOADS, .note = "limits.queue_max_messages",
        SAYS("Messages that may wait for one of these nodes")),
    KEY("client", "queue_max_bytes", SIZE, "",
        CLIENT(queue_max_bytes, GW_CLIENT_QUEUE_MAX_BYTES), RANGE(0, 1 * GIB),
        RELOADS, .note = "limits.queue_max_bytes",
        SAYS("Octets that may wait for one of these nodes")),
    KEY("client", "queue_max_age", DURATION, "",
        CLIENT(queue_max_age, GW_CLIENT_QUEUE_MAX_AGE), RANGE(0, 3650 * D),
        RELOADS, .note = "limits.queue_max_age",
        SAYS("A message that waited longer is dropped; 0 keeps it as long as "
             "the session")),
    KEY("client", "drop_policy", CHOICE, "",
        CLIENT(drop_policy, GW_CLIENT_DROP_POLICY),
        WORDS("oldest|newest|latest-per-topic"), RELOADS,
        .note = "limits.drop_policy", SAYS("What gives way in a full queue")),
    KEY("client", "will", CHOICE, "", CLIENT(will, GW_CLIENT_WILL),
        WORDS("lost|lost-or-shutdown|never"), RELOADS,
        .note = "as upstream.will_on_shutdown says",
        SAYS("When the wills of these nodes are published: when the node is "
             "lost, also when the gateway is stopped, or never")),
    KEY("client", "subscribe", SUBSCRIPTION, "", .scope = CONF_CLIENT, NOWHERE,
        .field = GW_CLIENT_SUBSCRIBE, .flags = CONF_RELOADS | CONF_REPEATS,
        .note = "none",
        SAYS("A filter as these nodes name topics, and a QoS: a subscription "
             "that the gateway makes for them when they connect; may be given "
             "more than once; {client_id} stands for the node's id; empty "
             "makes none")),
    KEY("client", "no_local", BOOL, "", CLIENT(no_local, GW_CLIENT_NO_LOCAL),
        RELOADS, .note = "no",
        SAYS("What these nodes publish does not come back to them, whatever "
             "they subscribe to; needs upstream.mode = transparent and MQTT "
             "5")),
    KEY("client", "trace", BOOL, "", CLIENT(trace, GW_CLIENT_TRACE), RELOADS,
        .note = "no",
        SAYS("Log every frame of these nodes, without payloads, whatever "
             "log.level is")),
    KEY("upstream", "url", URLS, "mqtt://127.0.0.1:1883",
        CONFIG(upstream.brokers),
        COUNTED(struct gw_config, upstream.broker_count), RANGE(1, 16),
        SAYS("Brokers as SCHEME://HOST[:PORT][/PATH], tried in this order: "
             "mqtt (port 1883), mqtts (8883), ws (80) or wss (443), the last "
             "two over HTTP with the path /mqtt if none is given")),
    KEY("upstream", "profile", CHOICE, "generic", CONFIG(upstream.profile),
        WORDS("generic|aws-iot|azure-event-grid|hivemq-cloud|emqx-cloud"),
        SAYS("Service whose limits are the defaults of the keys that follow "
             "here, see docs/brokers; each of them can still be given")),
    KEY("upstream", "max_qos", UINT, "2", OPTION(max_qos), RANGE(1, 2),
        SAYS("Highest QoS at the broker; nodes may publish with 2 all the "
             "same, and are granted no more")),
    KEY("upstream", "retain", CHOICE, "forward", OPTION(broker_retain),
        WORDS("forward|strip|refuse"), RELOADS,
        SAYS("Retain of nodes goes to the broker, is taken off, or such a "
             "message is answered with not supported")),
    KEY("upstream", "publish_rate", UINT, "0", OPTION(publish_rate),
        RANGE(0, 1000000), RELOADS,
        SAYS("Publishes a second that the broker takes; nine tenths of it are "
             "used, more wait; not for nodes' own connections; 0 = no "
             "limit")),
    KEY("upstream", "max_topic_bytes", UINT, "0", OPTION(max_topic_bytes),
        RANGE(0, GW_NAME_MAX), RELOADS,
        SAYS("Longest topic or filter that the broker takes, with the prefix; "
             "longer ones are refused; 0 = no limit")),
    KEY("upstream", "max_topic_levels", UINT, "0", OPTION(max_topic_levels),
        RANGE(0, 128), RELOADS,
        SAYS("Levels of such a topic or filter; 8 are those with seven "
             "slashes; 0 = no limit")),
    KEY("upstream", "max_filters", UINT, "0", OPTION(max_filters),
        RANGE(0, 1000000), RELOADS,
        SAYS("Different filters that nodes may be subscribed to at a time, or "
             "in transparent mode each of them; one more is answered with "
             "congestion; 0 = no limit")),
    KEY("upstream", "min_keep_alive", DURATION, "0",
        CONFIG(upstream.min_keep_alive), RANGE(0, 65535 * S),
        .flags = CONF_SECONDS,
        SAYS("Shortest upstream.keep_alive that the broker takes; 0 = no "
             "limit")),
    KEY("upstream", "max_keep_alive", DURATION, "0",
        CONFIG(upstream.max_keep_alive), RANGE(0, 65535 * S),
        .flags = CONF_SECONDS,
        SAYS("Longest upstream.keep_alive that the broker takes; 0 = no "
             "limit")),
    KEY("upstream", "max_client_id", UINT, "0", CONFIG(upstream.max_client_id),
        RANGE(0, 256),
        SAYS("Octets of a client id that the broker takes: of "
             "upstream.client_id, and of nodes in transparent mode; 0 = no "
             "limit")),
    KEY("upstream", "client_id_characters", TEXT, "",
        CONFIG(upstream.client_id_characters), RANGE(0, 256), .note = "any",
        SAYS("Characters that the broker takes in these ids")),
    KEY("upstream", "connect_interval", DURATION, "0",
        CONFIG(upstream.connect_interval), RANGE(0, 1 * H),
        SAYS("Time between two attempts to connect, at least")),
    KEY("upstream", "mode", CHOICE, "aggregating", OPTION(mode),
        WORDS("aggregating|transparent"),
        SAYS("One broker connection for all nodes, or one for each under its "
             "client id, beside that of the gateway")),
    KEY("upstream", "protocol", CHOICE, "3.1.1", CONFIG(upstream.protocol),
        WORDS("3.1.1|5|auto"),
        SAYS("Version of MQTT; auto is 5, and 3.1.1 with a broker that does "
             "not speak it")),
    KEY("upstream", "session_expiry", DURATION, "7d",
        CONFIG(upstream.session_expiry), RANGE(1 * M, 365 * D),
        .flags = CONF_SECONDS,
        SAYS("With MQTT 5, how long the broker keeps the session of a gateway "
             "that is away; with 3.1.1 that is the broker's to say")),
    KEY("upstream", "client_id", TEXT, "", CONFIG(upstream.client_id),
        RANGE(0, 256), .note = "mqttsn-gw- and a hash of the machine id",
        SAYS("Client id at the broker; keep it, for the broker holds messages "
             "under it, and never give it to two gateways")),
    KEY("upstream", "username", TEXT, "", CONFIG(upstream.username),
        RANGE(0, TEXT_MAX), .note = "none", SAYS("User name at the broker")),
    KEY("upstream", "password_file", SECRET, "", CONFIG(upstream.password),
        COUNTED(struct gw_config, upstream.password_len), .note = "none",
        SAYS("File with the password, not readable by others; a line feed at "
             "its end does not count")),
    KEY("upstream", "credentials_file", PATH, "",
        CONFIG(upstream.credentials_file), .note = "none",
        SAYS("In transparent mode, who nodes are at the broker: lines of "
             "client id or pattern, user name, password file; or of client id "
             "or pattern, user name or nothing, certificate, key. The first "
             "that fits counts, and without one what holds for the gateway. A "
             "reload does not look into it")),
    KEY("upstream", "proxy", TEXT, "", CONFIG(upstream.proxy), RANGE(0, 300),
        .note = "none",
        SAYS("HTTP proxy to reach every broker through, as "
             "http://HOST:PORT; it must allow CONNECT to the broker's port. "
             "What the environment says of proxies is not looked at")),
    KEY("upstream", "proxy_username", TEXT, "", CONFIG(upstream.proxy_username),
        RANGE(0, 256), .note = "none", SAYS("User name at the proxy")),
    KEY("upstream", "proxy_password_file", SECRET, "",
        CONFIG(upstream.proxy_password),
        COUNTED(struct gw_config, upstream.proxy_password_len), .note = "none",
        SAYS("File with the password for the proxy, not readable by others")),
    KEY("upstream", "keep_alive", DURATION, "60s", CONFIG(upstream.keep_alive),
        RANGE(5 * S, 65535 * S), .flags = CONF_SECONDS,
        SAYS("Keep-alive of the broker connection; a dead one is noticed "
             "within one and a half of it")),
    KEY("upstream", "connect_timeout", DURATION, "10s",
        CONFIG(upstream.connect_timeout), RANGE(1 * S, 5 * M),
        .flags = CONF_SECONDS,
        SAYS("How long one attempt to connect to one broker may take")),
    KEY("upstream", "return_interval", DURATION, "10m",
        CONFIG(upstream.return_interval), RANGE(0, 30 * D),
        SAYS("While another than the first broker serves: time between two "
             "looks whether the first takes connections again, which is then "
             "returned to; 0 = never")),
    KEY("upstream", "reconnect_min", DURATION, "1s",
        CONFIG(upstream.reconnect_min), RANGE(10, 1 * H),
        SAYS("First pause before connecting again; it doubles with each "
             "attempt, less a random part")),
    KEY("upstream", "reconnect_max", DURATION, "60s",
        CONFIG(upstream.reconnect_max), RANGE(10, 1 * D),
        SAYS("Longest pause before connecting again")),
    KEY("upstream", "window", UINT, "50", OPTION(window), RANGE(1, 1000),
        SAYS("QoS 1 and 2 publishes on their way to the broker at a time; not "
             "above its receive maximum")),
    KEY("upstream", "qos2_window", UINT, "20", OPTION(qos2_window),
        RANGE(1, 1000),
        SAYS("Of these, so many of QoS 2; no more than the broker takes at a "
             "time, of mosquitto its max_inflight_messages")),
    KEY("upstream", "retain_settle", DURATION, "500ms", OPTION(retain_settle),
        RANGE(0, 1 * M), RELOADS,
        SAYS("How long after SUBACK or the last of them the broker may take "
             "for the next retained message of a subscription")),
    KEY("upstream", "upstream_timeout", DURATION, "30s",
        OPTION(upstream_timeout), RANGE(100, 1 * H), RELOADS,
        SAYS("How long a node's request may wait for the broker before it is "
             "answered with congestion")),
    KEY("upstream", "upstream_down_max", DURATION, "0",
        OPTION(upstream_down_max), RANGE(0, 365 * D), RELOADS,
        SAYS("After such a time without the broker nodes are disconnected; 0 = "
             "never")),
    KEY("upstream", "will_on_shutdown", BOOL, "no", OPTION(will_on_shutdown),
        RELOADS,
        SAYS("Publish the wills of connected nodes when the gateway is "
             "stopped")),
    KEY("upstream", "topic_prefix", TEXT, "", CONFIG(upstream.topic_prefix),
        RANGE(0, TEXT_MAX), .note = "none",
        SAYS("What the broker has in front of every topic, filter and will of "
             "the nodes, who do not see it; {gateway} stands for gateway.name, "
             "{client_id} for the node's id")),
    KEY("upstream", "user_properties", BOOL, "no",
        CONFIG(upstream.user_properties),
        SAYS("With MQTT 5, say in user properties of a publish which node it "
             "is from, through which gateway, and when that received it")),
    KEY("transparent", "client_id", TEXT, "{client_id}",
        CONFIG(upstream.node_client_id), RANGE(1, TEXT_MAX),
        SAYS("Client id of a node at the broker; {client_id} is the node's")),
    KEY("transparent", "max_connections", UINT, "500",
        CONFIG(limits.max_connections), RANGE(1, 5000),
        SAYS("Nodes that may be connected to the broker at a time; more are "
             "answered congestion. Each takes a file descriptor, and makes the "
             "others a little slower; 1000 are tested")),
    KEY("tls", "ca_file", PATH, "", CONFIG(tls.ca_file),
        .note = "those that the system trusts",
        SAYS("Certificates that may sign the broker's, in PEM form")),
    KEY("tls", "ca_path", PATH, "", CONFIG(tls.ca_path), .note = "none",
        SAYS("Directory of such certificates, made by 'openssl rehash'")),
    KEY("tls", "cert_file", PATH, "", CONFIG(tls.cert_file), .note = "none",
        SAYS("Our certificate, for brokers that require one, with those "
             "between it and its authority, in PEM form")),
    KEY("tls", "key_file", PATH, "", CONFIG(tls.key_file),
        .note = "tls.cert_file",
        SAYS("Key of our certificate in PEM form, not readable by others")),
    KEY("tls", "key_password_file", SECRET, "", CONFIG(tls.key_password),
        COUNTED(struct gw_config, tls.key_password_len), .note = "none",
        SAYS("File with the password of the key, not readable by others")),
    KEY("tls", "psk_file", SECRET, "", CONFIG(tls.psk_line),
        COUNTED(struct gw_config, tls.psk_line_len), .note = "none",
        SAYS("File with one line IDENTITY:KEY, a pre-shared key in "
             "hexadecimal, not readable by others; then no certificate is "
             "needed on either side")),
    KEY("tls", "server_name", TEXT, "", CONFIG(tls.server_name), RANGE(0, 253),
        .note = "the host of the URL",
        SAYS("Name or address that the broker is asked for (SNI) and must "
             "prove")),
    KEY("tls", "alpn", TEXT, "", CONFIG(tls.alpn), RANGE(0, 200),
        .note = "none", SAYS("Protocols to offer (ALPN), with commas between")),
    KEY("tls", "ciphers", TEXT, "", CONFIG(tls.ciphers), RANGE(0, TEXT_MAX),
        .note = "those of OpenSSL",
        SAYS("Ciphers of TLS 1.2 as 'openssl ciphers' has them; those of 1.3 "
             "are OpenSSL's")),
    KEY("tls", "min_version", CHOICE, "1.2", CONFIG(tls.min_version),
        WORDS("1.2|1.3"), SAYS("Oldest version of TLS")),
    KEY("tls", "verify", BOOL, "yes", CONFIG(tls.verify),
        SAYS("Refuse a broker that cannot prove its name; with no, anybody in "
             "between can read and change everything")),
    KEY("topics", "predefined_file", PATH, "", NOWHERE, RELOADS, .note = "none",
        SAYS("Predefined topics, one for each line: client|*, topic, id[, "
             "open]; '#' begins a comment. COMMON is the same as *, so that "
             "predefinedTopic.conf of the Paho gateway can be named here")),
    KEY("topics", "qos_minus1_short", BOOL, "no", OPTION(qos_minus1_short),
        RELOADS,
        SAYS("Take QoS -1 on short topic names too; predefined topics need "
             "'open'")),
    KEY("topics", "qos_minus1_retain", BOOL, "no", OPTION(qos_minus1_retain),
        RELOADS, SAYS("Heed the Retain flag of QoS -1")),
    KEY("topics", "qos_minus1_from", CIDRS, PRIVATE_NETS,
        OPTION(qos_minus1_from),
        COUNTED(struct gw_config, options.qos_minus1_from_count),
        RANGE(0, GW_CIDRS_MAX), RELOADS,
        SAYS("Networks that QoS -1 is taken from; empty takes it from nobody")),
    KEY("sleep", "rebind_on_ping", CHOICE, "same-host", OPTION(rebind_on_ping),
        WORDS("same-host|any|off"), RELOADS,
        SAYS("From where a sleeping node may wake with a PINGREQ when its "
             "address changed")),
    KEY("sleep", "sleep_keeps_topics", BOOL, "yes", OPTION(sleep_keeps_topics),
        RELOADS, SAYS("A node still knows its topic ids after sleeping")),
    KEY("sleep", "sleep_buffer_qos0", BOOL, "yes", OPTION(sleep_buffer_qos0),
        RELOADS, SAYS("Keep QoS 0 messages for a sleeping node too")),
    KEY("sleep", "strict_sleep", BOOL, "no", OPTION(strict_sleep), RELOADS,
        SAYS("Answer other messages of a sleeping node with DISCONNECT instead "
             "of serving them")),
    KEY("sleep", "awake_max_messages", UINT, "0", OPTION(awake_max_messages),
        RANGE(0, U32), RELOADS,
        SAYS("Messages that one wake-up delivers at most; 0 = no limit")),
    KEY("sleep", "awake_max_time", DURATION, "30s", OPTION(awake_max_time),
        RANGE(100, 1 * D), RELOADS,
        SAYS("How long one wake-up may last before PINGRESP ends it")),
    KEY("retry", "interval", DURATION, "10s", OPTION(retry_interval),
        RANGE(10, 1 * H), RELOADS,
        SAYS("Wait for an answer of a node before sending again (T_RETRY)")),
    KEY("retry", "count", UINT, "3", OPTION(retry_count), RANGE(0, 100),
        RELOADS, SAYS("Retransmissions before giving up (N_RETRY)")),
    KEY("limits", "max_sessions", UINT, "10000", CONFIG(limits.max_sessions),
        RANGE(1, 1000000), SAYS("Nodes that are remembered, connected or not")),
    KEY("limits", "max_topics", UINT, "0", CONFIG(limits.max_topics),
        RANGE(0, 100000000), .flags = CONF_DERIVED,
        .note = "4 for each session, at least 1024",
        SAYS("Registered topic names of all nodes together")),
    KEY("limits", "max_subscriptions", UINT, "0",
        CONFIG(limits.max_subscriptions), RANGE(0, 100000000),
        .flags = CONF_DERIVED, .note = "2 for each session, at least 1024",
        SAYS("Subscriptions of all nodes together")),
    KEY("limits", "max_exchanges", UINT, "0", CONFIG(limits.max_exchanges),
        RANGE(0, 100000000), .flags = CONF_DERIVED,
        .note = "2 for each session, at least 1024",
        SAYS("Unfinished requests of all nodes together")),
    KEY("limits", "max_queue_entries", UINT, "0",
        CONFIG(limits.max_queue_entries), RANGE(0, 100000000),
        .flags = CONF_DERIVED, .note = "10 for each session, at least 1024",
        SAYS("Places in the queues of all nodes together")),
    KEY("limits", "max_predefined", UINT, "1024", CONFIG(limits.max_predefined),
        RANGE(0, 1000000), SAYS("Predefined topics, all clients together")),
    KEY("limits", "names_total_bytes", SIZE, "0",
        CONFIG(limits.names_total_bytes), RANGE(0, 4 * GIB),
        .flags = CONF_DERIVED, .note = "512B for each session, at least 512KiB",
        SAYS("Topic names, filters, client ids and wills of all nodes "
             "together")),
    KEY("limits", "queue_total_bytes", SIZE, "16MiB",
        CONFIG(limits.queue_total_bytes), RANGE(4 * KIB, 64 * GIB),
        SAYS("Messages that wait for nodes, all nodes together; one that waits "
             "for many counts once")),
    KEY("limits", "uplink_total_bytes", SIZE, "0",
        CONFIG(limits.uplink_total_bytes), RANGE(0, 64 * GIB),
        .flags = CONF_DERIVED,
        .note = "4MiB, and with a durable store uplink.max_bytes besides",
        SAYS("Messages from nodes on their way to the broker, all nodes "
             "together, those of uplink.max_bytes included")),
    KEY("limits", "uplink_max_messages", UINT, "0",
        CONFIG(limits.uplink_max_messages), RANGE(0, 100000000),
        .flags = CONF_DERIVED,
        .note = "with a durable store one for each 512B of uplink.max_bytes, "
                "at least 1024; else none",
        SAYS("Acknowledged messages that may wait for the broker")),
    KEY("limits", "max_topics_per_client", UINT, "512",
        OPTION(max_topics_per_client), RANGE(1, 65534), RELOADS,
        SAYS("Topic names that one node may register")),
    KEY("limits", "max_client_id", UINT, "64", OPTION(max_client_id),
        RANGE(1, 1024), RELOADS,
        SAYS("Longest client id in octets; the specification says 23")),
    KEY("limits", "client_inflight_max", UINT, "8", OPTION(client_inflight_max),
        RANGE(1, 1000), RELOADS,
        SAYS("Unfinished requests of one node; further ones are answered with "
             "congestion")),
    KEY("limits", "client_congestion_wait", DURATION, "30s",
        OPTION(client_congestion_wait), RANGE(100, 1 * H), RELOADS,
        SAYS("Pause after a node answered with congestion")),
    KEY("limits", "queue_max_messages", UINT, "100",
        OPTION(client.queue_max_messages), RANGE(0, 1000000), RELOADS,
        SAYS("Messages that may wait for one node")),
    KEY("limits", "queue_max_bytes", SIZE, "64KiB",
        OPTION(client.queue_max_bytes), RANGE(0, 1 * GIB), RELOADS,
        SAYS("Octets that may wait for one node")),
    KEY("limits", "queue_max_age", DURATION, "0", OPTION(client.queue_max_age),
        RANGE(0, 3650 * D), RELOADS,
        SAYS("A message that waited longer is dropped; 0 keeps it as long as "
             "the session")),
    KEY("limits", "drop_policy", CHOICE, "oldest", OPTION(client.drop_policy),
        WORDS("oldest|newest|latest-per-topic"), RELOADS,
        SAYS("What gives way in a full queue: the oldest message (QoS 0 "
             "first), the new one, or all but the newest of a topic")),
    KEY("limits", "session_expiry", DURATION, "7d", OPTION(session_expiry),
        RANGE(1 * S, 3650 * D), RELOADS,
        SAYS("How long a disconnected or lost node without clean session is "
             "remembered")),
    KEY("limits", "idle_max", DURATION, "1d", OPTION(idle_max),
        RANGE(1 * S, 3650 * D), RELOADS,
        SAYS("Silence after which a node with a keep-alive of 0 is lost")),
    KEY("limits", "stranger_reply_rate", UINT, "100",
        OPTION(stranger_reply_rate), RANGE(0, 1000000), RELOADS,
        SAYS("Answers a second to senders that are no connected node; 0 "
             "answers none of them")),
    KEY("limits", "source_rate", UINT, "0", OPTION(source_rate),
        RANGE(0, 1000000), RELOADS,
        SAYS("Datagrams a second that are taken from one address; 0 = no "
             "limit")),
    KEY("store", "type", CHOICE, "memory", CONFIG(store.type),
        WORDS("memory|sqlite"),
        SAYS("memory forgets sessions and queues at a restart; sqlite keeps "
             "them in files, see docs/persistence.md")),
    KEY("store", "path", PATH, "/var/lib/mqttsn-gateway/gateway.db",
        CONFIG(store.path),
        SAYS("The database, of sqlite; its directory is "
             "made if need be")),
    KEY("store", "journal_path", PATH, "", CONFIG(store.journal_path),
        .note = "that of the database",
        SAYS("Directory of the journal, which takes every record at once; on "
             "a tmpfs it spares flash, survives the end of the process but not "
             "of the machine, and cannot be combined with full")),
    KEY("store", "flush_interval", DURATION, "60s",
        CONFIG(store.flush_interval), RANGE(1 * S, 1 * D),
        SAYS("Time between two writes to the database; what a power cut may "
             "cost with batched")),
    KEY("store", "durability", CHOICE, "batched", CONFIG(store.durability),
        WORDS("batched|full"),
        SAYS("batched: what is acknowledged survives the end of the process at "
             "any moment; full: that of the machine, too, at the cost of a "
             "synced write before each acknowledgement")),
    KEY("uplink", "max_bytes", SIZE, "16MiB", CONFIG(limits.uplink_max_bytes),
        RANGE(4 * KIB, 64 * GIB),
        SAYS("With a durable store: octets of acknowledged messages that may "
             "wait for the broker, a part of limits.uplink_total_bytes")),
    KEY("uplink", "max_age", DURATION, "0", OPTION(uplink_max_age),
        RANGE(0, 3650 * D), RELOADS,
        SAYS("With a durable store: an acknowledged message that waited longer "
             "for the broker is dropped; 0 = no limit")),
    KEY("uplink", "drop_policy", CHOICE, "oldest", OPTION(uplink_drop_policy),
        WORDS("oldest|newest"), RELOADS,
        SAYS("With a durable store, when no room is left: the oldest "
             "acknowledged message is dropped, or the new one refused with "
             "congestion")),
    KEY("uplink", "drain_rate", UINT, "0", OPTION(uplink_drain_rate),
        RANGE(0, 1000000), RELOADS,
        SAYS("Messages of the backlog sent a second when the broker is back, "
             "beside what is live; 0 = no limit")),
    KEY("uplink", "qos0", BOOL, "no", OPTION(uplink_qos0), RELOADS,
        SAYS("With a durable store: keep QoS 0 messages too while the broker "
             "is away, in memory only")),
    KEY("access", "publish", FILTERS, "", OPTION(access_publish),
        COUNTED(struct gw_config, options.access_publish_count),
        RANGE(0, GW_ACCESS_FILTERS_MAX), RELOADS, .note = "every topic",
        SAYS("Topics that nodes may publish to, as filters of what nodes call "
             "them; {client_id} stands for the node's id")),
    KEY("access", "subscribe", FILTERS, "", OPTION(access_subscribe),
        COUNTED(struct gw_config, options.access_subscribe_count),
        RANGE(0, GW_ACCESS_FILTERS_MAX), RELOADS, .note = "every topic",
        SAYS("The same for what nodes may subscribe to; one of these filters "
             "must cover all that the node's filter matches")),
    KEY("access", "dollar_topics", BOOL, "no", OPTION(dollar_topics), RELOADS,
        SAYS("Nodes may use topics that begin with '$'")),
    KEY("access", "clients_file", PATH, "", NOWHERE, RELOADS, .note = "none",
        SAYS("Nodes as clients.conf of the Paho gateway lists them: id, "
             "address[, words]. Those marked forwarder may send encapsulated "
             "frames to every listener, those marked QoS-1 may publish so "
             "from their address, beside listener.forwarders and "
             "topics.qos_minus1_from; the others may connect, as all may")),
    KEY("compat", "paho_len_quirk", BOOL, "yes", OPTION(paho_len_quirk),
        RELOADS,
        SAYS("Take the one wrong length that the Paho MQTT-SN library sends")),
    KEY("compat", "refuse_keepalive_zero", BOOL, "no",
        OPTION(refuse_keepalive_zero), RELOADS,
        SAYS("Refuse nodes that connect with a keep-alive of 0")),
    KEY("compat", "gwinfo_multicast", BOOL, "no", OPTION(gwinfo_multicast),
        RELOADS, SAYS("Send GWINFO to the multicast group too")),
    KEY("compat", "gw_ping", BOOL, "no", OPTION(gw_ping), RELOADS,
        SAYS("Ask a silent connected node with PINGREQ whether it is there; "
             "costs its battery")),
    KEY("compat", "overlapping", CHOICE, "probe", OPTION(overlapping),
        WORDS("probe|one|each"), RELOADS,
        SAYS("Whether the broker sends one copy in all or one for each "
             "matching filter; probe finds out, or with MQTT 5 goes by the "
             "subscription identifiers of each copy")),
    KEY("http", "bind", ADDRESS, "", CONFIG(http.bind), RANGE(9883, 0),
        .note = "off",
        SAYS("Address and TCP port of metrics, health, API and dashboard; "
             "127.0.0.1 keeps them on this machine")),
    KEY("http", "token_file", SECRET, "", CONFIG(http.tokens),
        COUNTED(struct gw_config, http.tokens_len), RELOADS, .note = "none",
        SAYS("File with tokens, one on a line, 16 to 128 characters each; with "
             "it the API answers only who bears one, and does what it is asked "
             "to; without it everybody may look, and nobody do anything")),
    KEY("http", "host_names", TEXT, "", CONFIG(http.host_names),
        RANGE(0, TEXT_MAX), RELOADS, .note = "none",
        SAYS("Names, separated by commas, by which requests without a token "
             "may call the gateway, beside its addresses, localhost and the "
             "host name")),
    KEY("ctl", "path", PATH, GW_CTL_PATH, CONFIG(ctl.path),
        SAYS("Where the socket is made, with mode 0660; empty: there is none, "
             "and so it is where the directory of the default does not exist")),
    KEY("ctl", "group", TEXT, "", CONFIG(ctl.group), RANGE(0, 64),
        .note = "that of the gateway",
        SAYS("Group that may use it, to look and to steer; the gateway must be "
             "in it")),
    KEY("status", "enabled", BOOL, "no", CONFIG(status.enabled),
        SAYS("Publish to the broker whether the gateway is online, statistics, "
             "and which nodes come and go; the broker must allow the topics")),
    KEY("status", "prefix", TEXT, "mqttsn-gw/{client_id}",
        CONFIG(status.prefix), RANGE(1, TEXT_MAX),
        SAYS("What the topics begin with, before /state, /stats and /events; "
             "{gateway} stands for gateway.name, {client_id} for the gateway's "
             "own id at the broker; topic_prefix is not in front of it")),
    KEY("status", "interval", DURATION, "60s", CONFIG(status.interval),
        RANGE(1 * S, 1 * D), SAYS("Time between two messages of statistics")),
    KEY("log", "level", CHOICE, "info", CONFIG(log.level),
        WORDS("error|warn|info|debug"), RELOADS,
        SAYS("The least important lines that are written")),
    KEY("log", "format", CHOICE, "text", CONFIG(log.format), WORDS("text|json"),
        RELOADS, SAYS("key=value lines, or one JSON object for each line")),
    KEY("log", "output", CHOICE, "stderr", CONFIG(log.output),
        WORDS("stderr|syslog"), RELOADS, SAYS("Where lines go")),
};

const size_t conf_key_count = sizeof(conf_keys) / sizeof(conf_keys[0]);
