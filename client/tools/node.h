/* SPDX-License-Identifier: MIT */
/*
 * node.h - a node that runs as a program: the client, its UDP port, the clock,
 * the signals that end it, and the options that tools have in common.
 *
 * The manner of use: node_open; then turns of "call the client as is wanted,
 * node_poll until there is no event, node_wait", until node_ended or the tool
 * is done; then node_close.
 * What goes wrong is said once, in one line on standard error.
 *
 * A name that stands for several addresses is tried one after the other, as
 * long as the system says that nobody listens there and no gateway was heard.
 * Asleep, the node hears nothing: what comes then is not waiting for it when it
 * wakes, as with a radio that was off.
 */
#ifndef NODE_H
#define NODE_H

#include "args.h"
#include "mqttsn/status.h"
#include "udp_port.h"

/* Exit statuses of all tools. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_ARGUMENTS = 2,
    EXIT_TIME = 27, /* as mosquitto_sub */
};

enum {
    NODE_TOPICS = 128,
    NODE_PLACES = 8,
    NODE_ID_MAX = MQTTSN_CLIENT_ID_MAX,
    NODE_DATAGRAM_MAX = 65507, /* of UDP over IPv4 */
};

/* What the command line says; zero is "not given". See NODE_DEFAULTS. */
struct node_options {
    const char *host;
    long port;
    bool only_v4, only_v6;
    const char *client_id;
    long keep_alive_s;
    bool keep_session;
    long qos;
    struct args_topics topics;
    const char *will_topic, *will_payload;
    long will_qos;
    bool will_retain;
    struct args_octets node_id;
    mqttsn_ms retry_ms;
    long retries;
    mqttsn_ms time_limit_ms; /* MQTTSN_NEVER: none */
    long sleep_s;            /* 0: does not sleep */
    bool debug, quiet, help, version;
};

#define NODE_DEFAULTS                                                          \
    {                                                                          \
        .host = "localhost", .port = 1883, .keep_alive_s = 60,                 \
        .retry_ms = 3000, .retries = 3, .time_limit_ms = MQTTSN_NEVER,         \
    }

/* Rows of the table of options: what each tool has, and what a node has. */
#define NODE_ARGS_ALL(o)                                                       \
    {'h', "host", ARGS_TEXT, &(o)->host, 0, 0},                                \
        {'p', "port", ARGS_NUMBER, &(o)->port, 1, 65535},                      \
        {'4', NULL, ARGS_FLAG, &(o)->only_v4, 0, 0},                           \
        {'6', NULL, ARGS_FLAG, &(o)->only_v6, 0, 0},                           \
        {'d', "debug", ARGS_FLAG, &(o)->debug, 0, 0},                          \
        {0, "quiet", ARGS_FLAG, &(o)->quiet, 0, 0},                            \
        {0, "help", ARGS_FLAG, &(o)->help, 0, 0},                              \
    {                                                                          \
        0, "version", ARGS_FLAG, &(o)->version, 0, 0                           \
    }

#define NODE_ARGS_NODE(o, qos_min)                                             \
    {'t', "topic", ARGS_NAME, &(o)->topics, 0, 0},                             \
        {0, "topic-id", ARGS_ID, &(o)->topics, 1, 65534},                      \
        {0, "short", ARGS_SHORT, &(o)->topics, 0, 0},                          \
        {'q', "qos", ARGS_NUMBER, &(o)->qos, (qos_min), 2},                    \
        {'i', "id", ARGS_TEXT, &(o)->client_id, 0, 0},                         \
        {'k', "keepalive", ARGS_NUMBER, &(o)->keep_alive_s, 1, 65535},         \
        {'c', "disable-clean-session", ARGS_FLAG, &(o)->keep_session, 0, 0},   \
        {'W', NULL, ARGS_SECONDS, &(o)->time_limit_ms, 0, 1000000},            \
        {0, "sleep", ARGS_NUMBER, &(o)->sleep_s, 1, 65000},                    \
        {0, "retry", ARGS_SECONDS, &(o)->retry_ms, 0, 3600},                   \
        {0, "retries", ARGS_NUMBER, &(o)->retries, 1, 100},                    \
        {0, "node-id", ARGS_HEX, &(o)->node_id, 0, 0},                         \
        {0, "will-topic", ARGS_TEXT, &(o)->will_topic, 0, 0},                  \
        {0, "will-payload", ARGS_TEXT, &(o)->will_payload, 0, 0},              \
        {0, "will-qos", ARGS_NUMBER, &(o)->will_qos, 0, 2},                    \
    {                                                                          \
        0, "will-retain", ARGS_FLAG, &(o)->will_retain, 0, 0                   \
    }

/* Fields are private, but 'client' and 'now' are for the tool. */
struct node {
    struct mqttsn_client client;
    mqttsn_ms now; /* of this turn */

    const char *tool;
    const struct node_options *options;
    struct mqttsn_client_config config;
    struct mqttsn_client_will will;
    char id[NODE_ID_MAX + 1];
    struct mqttsn_udp_place places[NODE_PLACES];
    size_t place_count, place; /* the current one */
    struct mqttsn_udp_port port;
    bool heard;           /* a gateway, ever */
    bool refused;         /* nobody listens at any place */
    bool deaf;            /* slept: what came meanwhile is not ours */
    bool release_pending; /* a message of QoS 2 awaits its PUBREL */
    size_t sent_len;      /* of the last datagram, in 'out' */
    struct mqttsn_client_gateway gateways[1];
    struct mqttsn_client_topic topics[NODE_TOPICS];
    uint8_t in[NODE_DATAGRAM_MAX + 1], out[NODE_DATAGRAM_MAX];
    uint8_t work[NODE_DATAGRAM_MAX];
};

/* Says "TOOL: error: ..." on standard error, unless --quiet was given. */
MQTTSN_PRINTF(3, 4)
void node_complain(const char *tool, bool quiet, const char *format, ...);

/* Reads the options; answers --help with 'help' and --version itself. Returns
 * true to go on; false to end with '*ret_exit'. */
bool node_args(const char *tool, const char *help,
               const struct args_option *table, size_t count,
               const struct node_options *options, int argc, char *const argv[],
               int *ret_exit);

/* From now on SIGINT and SIGTERM are only heard while waiting. */
void node_catch_signals(void);
/* How many of them came. */
unsigned node_signals(void);
/* The mask for mqttsn_udp_wait. */
const sigset_t *node_signal_mask(void);

/* The family that the options allow. */
int node_family(const struct node_options *options);

/* Writes a debug line on standard error: time, direction ('>' sent, '<'
 * received) and the frame; an encapsulated one with its content. */
void node_trace(char direction, const struct mqttsn_address *peer,
                struct mqttsn_span bytes);

/*
 * Checks the options that are a node's, and makes the node. The tool has to
 * call mqttsn_client_connect. On false, '*ret_exit' tells; it has been said
 * why.
 */
bool node_open(struct node *node, const char *tool,
               const struct node_options *options, int *ret_exit);

/*
 * Sends what is to be sent, then takes the client's next event; false when
 * there is none. To be called until it says so before each node_wait, and again
 * when the client was called after that: to have sent is an event too.
 */
bool node_poll(struct node *node, struct mqttsn_client_event *ret_event);

/*
 * Waits until something came, 'other_fd' (-1: none) can be read, it is 'until',
 * or a signal was caught; what came is given to the client. Returns whether
 * 'other_fd' can be read.
 */
bool node_wait(struct node *node, mqttsn_ms until, int other_fd);

/* Whether a signal asked for the end, or nobody listens at the gateway's
 * address, which has then been said. '*ret_exit' is written when true. */
bool node_ended(const struct node *node, int *ret_exit);

/* Says what the event REFUSED, LOST or GATEWAY_LOST means for the user. */
void node_explain(const struct node *node,
                  const struct mqttsn_client_event *event);

/* Parts from the gateway in order, within bounds, and closes. Returns 'status',
 * or EXIT_FAILED when it turns out that nobody was listening. */
int node_close(struct node *node, int status);

#endif
