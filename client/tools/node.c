/* SPDX-License-Identifier: MIT */
#include "node.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "mqttsn/text.h"

enum {
    PARTING_MS = 3000, /* for DISCONNECT and its answer */
    RELEASE_MS = 2000, /* for the end of a QoS 2 exchange */
    REFUSAL_MS = 50,   /* for the news that nobody listens */
};

/* ---- messages and options ----------------------------------------------- */

void node_complain(const char *tool, bool quiet, const char *format, ...)
{
    va_list list;

    if (quiet)
        return;
    fprintf(stderr, "%s: error: ", tool);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

/* What a tool opens would take the place of a stream that is closed, and be
 * written to; so it is filled with what cannot be written to. */
static void fill_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", O_RDONLY);
    }
}

bool node_args(const char *tool, const char *help,
               const struct args_option *table, size_t count,
               const struct node_options *options, int argc, char *const argv[],
               int *ret_exit)
{
    char error[ARGS_ERROR_MAX];
    enum mqttsn_status status;

    fill_streams();
    status = args_parse(table, count, argc, argv, error);
    if (options->help || options->version) {
        if (options->help)
            fputs(help, stdout);
        else
            printf("%s %s\n", tool, TOOLS_VERSION);
        *ret_exit = fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
        return false;
    }
    if (status == MQTTSN_OK && options->only_v4 && options->only_v6) {
        snprintf(error, sizeof(error), "-4 and -6 exclude each other");
        status = MQTTSN_EINVAL;
    }
    if (status == MQTTSN_OK && options->time_limit_ms == 0) {
        snprintf(error, sizeof(error), "-W wants more than 0 seconds");
        status = MQTTSN_EINVAL;
    }
    if (status != MQTTSN_OK) {
        /* Said with --quiet too: it is for who writes the command. */
        node_complain(tool, false, "%s", error);
        *ret_exit = EXIT_ARGUMENTS;
        return false;
    }
    return true;
}

int node_family(const struct node_options *options)
{
    return options->only_v4 ? AF_INET : options->only_v6 ? AF_INET6 : AF_UNSPEC;
}

/* ---- signals ------------------------------------------------------------ */

static volatile sig_atomic_t signals_caught;
static sigset_t waiting_mask;

static void on_signal(int number)
{
    (void)number;
    signals_caught = signals_caught + 1;
}

void node_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t ending;

    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, &waiting_mask);
    sigdelset(&waiting_mask, SIGINT);
    sigdelset(&waiting_mask, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A reader that is gone is seen when writing fails; then we part. */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

unsigned node_signals(void)
{
    return (unsigned)signals_caught;
}

const sigset_t *node_signal_mask(void)
{
    return &waiting_mask;
}

/* ---- tracing ------------------------------------------------------------ */

static size_t trace_frame(struct mqttsn_span bytes, char *line, size_t cap)
{
    struct mqttsn_frame frame;
    enum mqttsn_status status =
        mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, &frame);

    if (status == MQTTSN_OK)
        return mqttsn_frame_text(&frame, MQTTSN_TEXT_PAYLOAD, line, cap);
    return (size_t)snprintf(line, cap, "malformed, %zu octets: %s", bytes.len,
                            mqttsn_status_text(status));
}

void node_trace(char direction, const struct mqttsn_address *peer,
                struct mqttsn_span bytes)
{
    char line[MQTTSN_TEXT_MAX], where[MQTTSN_UDP_TEXT_MAX] = "";
    struct timespec now;
    struct tm local;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    if (peer != NULL)
        mqttsn_udp_text(peer, where);
    trace_frame(bytes, line, sizeof(line));
    fprintf(stderr, "%02d:%02d:%02d.%03ld %c %s%s%s\n", local.tm_hour,
            local.tm_min, local.tm_sec, now.tv_nsec / 1000000, direction, where,
            where[0] != '\0' ? " " : "", line);
}

/* ---- making ------------------------------------------------------------- */

/* What the library would refuse, said in the words of the command line. */
static const char *objection(const struct node_options *o)
{
    if (o->client_id != NULL && o->client_id[0] == '\0')
        return "-i wants a client id that is not empty";
    if (o->client_id != NULL && strlen(o->client_id) > NODE_ID_MAX)
        return "-i wants a client id of at most 23 octets";
    if (o->keep_session && o->client_id == NULL)
        return "-c wants a client id (-i), so that the session is found again";
    if (o->will_topic == NULL &&
        (o->will_payload != NULL || o->will_qos != 0 || o->will_retain))
        return "a will wants a --will-topic";
    if (o->will_topic != NULL && o->will_topic[0] == '\0')
        return "--will-topic wants a name that is not empty";
    if (o->retry_ms == 0)
        return "--retry wants more than 0 seconds";
    for (size_t i = 0; i < o->topics.count; i++) {
        const struct mqttsn_topic *topic = &o->topics.topics[i];

        if (topic->type == MQTTSN_TOPIC_NORMAL && topic->name.len == 0)
            return "-t wants a topic that is not empty";
    }
    return NULL;
}

/* Opens the port towards the current place, or the first after it that works.
 * False: none is left. */
static bool open_place(struct node *n)
{
    for (; n->place < n->place_count; n->place++) {
        const struct mqttsn_udp_place *place = &n->places[n->place];

        if (mqttsn_udp_open(&n->port, place->family, place->interface) !=
            MQTTSN_OK)
            continue;
        if (mqttsn_udp_connect(&n->port, &place->address) == MQTTSN_OK)
            return true;
        mqttsn_udp_close(&n->port);
    }
    return false;
}

static void configure(struct node *n)
{
    const struct node_options *o = n->options;

    n->config = (struct mqttsn_client_config){
        .client_id = mqttsn_span_text(n->id),
        .keep_alive_s = (uint16_t)o->keep_alive_s,
        .clean_session = !o->keep_session,
        .work = n->work,
        .work_cap = sizeof(n->work),
        .topics = n->topics,
        .topic_cap = NODE_TOPICS,
        .gateways = n->gateways,
        .gateway_cap = 1,
        .datagram_max = NODE_DATAGRAM_MAX,
        .retry_ms = (uint32_t)o->retry_ms,
        .retry_count = (uint8_t)o->retries,
        .node_id = mqttsn_span(o->node_id.octets, o->node_id.len)};
    if (o->will_topic != NULL) {
        n->will.topic = mqttsn_span_text(o->will_topic);
        n->will.message =
            mqttsn_span_text(o->will_payload != NULL ? o->will_payload : "");
        n->will.qos = (uint8_t)o->will_qos;
        n->will.retain = o->will_retain;
        n->config.will = &n->will;
    }
}

bool node_open(struct node *n, const char *tool, const struct node_options *o,
               int *ret_exit)
{
    const char *wrong = objection(o);
    uint32_t seed = mqttsn_udp_seed();

    if (wrong != NULL) {
        node_complain(tool, false, "%s", wrong);
        *ret_exit = EXIT_ARGUMENTS;
        return false;
    }
    *ret_exit = EXIT_FAILED;
    n->tool = tool;
    n->options = o;
    n->now = mqttsn_udp_now();
    if (o->client_id != NULL)
        snprintf(n->id, sizeof(n->id), "%s", o->client_id);
    else
        snprintf(n->id, sizeof(n->id), "%s-%08x", tool, (unsigned)seed);
    configure(n);

    n->place_count = mqttsn_udp_resolve(o->host, (uint16_t)o->port,
                                        node_family(o), n->places, NODE_PLACES);
    if (n->place_count == 0) {
        node_complain(tool, o->quiet, "no address of '%s' is known", o->host);
        return false;
    }
    if (!open_place(n)) {
        node_complain(tool, o->quiet, "'%s' cannot be reached", o->host);
        return false;
    }
    /* Whatever place is used later, to the client it is this gateway. */
    if (mqttsn_client_init(&n->client, &n->config, seed) != MQTTSN_OK ||
        mqttsn_client_add_gateway(&n->client, 0, &n->places[0].address) !=
            MQTTSN_OK) {
        node_complain(tool, o->quiet, "the options cannot be used together");
        mqttsn_udp_close(&n->port);
        return false;
    }
    node_catch_signals();
    return true;
}

/* ---- turns -------------------------------------------------------------- */

/* Nobody listens at the current place: the next one is tried, with what was
 * said to the former. Once a gateway was heard it is only a loss. */
static void on_refusal(struct node *n)
{
    if (n->heard || n->refused)
        return;
    mqttsn_udp_close(&n->port);
    n->place++;
    if (!open_place(n)) {
        n->refused = true;
        node_complain(n->tool, n->options->quiet,
                      "nobody listens at port %ld of '%s'", n->options->port,
                      n->options->host);
        return;
    }
    if (n->sent_len != 0)
        (void)mqttsn_udp_send(&n->port, NULL, 0,
                              mqttsn_span(n->out, n->sent_len));
}

static void flush(struct node *n)
{
    struct mqttsn_client_datagram datagram;

    while (mqttsn_client_poll_send(&n->client, n->now, n->out, sizeof(n->out),
                                   &datagram)) {
        struct mqttsn_span bytes = mqttsn_span(n->out, datagram.len);

        n->sent_len = datagram.len;
        if (n->options->debug)
            node_trace('>', NULL, bytes);
        (void)mqttsn_udp_send(&n->port, NULL, 0, bytes);
    }
}

/* Whether a message begins or ends with this frame whose exchange goes on. */
static void watch_release(struct node *n, struct mqttsn_span bytes)
{
    struct mqttsn_frame frame;

    if (mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, &frame) != MQTTSN_OK)
        return;
    if (frame.type == MQTTSN_ENCAPSULATED &&
        mqttsn_decode(frame.encapsulated.message, MQTTSN_DECODE_STRICT,
                      &frame) != MQTTSN_OK)
        return;
    if (frame.type == MQTTSN_PUBLISH && frame.publish.flags.qos == 2)
        n->release_pending = true;
    else if (frame.type == MQTTSN_PUBREL)
        n->release_pending = false;
}

static void hear(struct node *n)
{
    struct mqttsn_address from;
    struct mqttsn_span bytes;
    size_t len;
    enum mqttsn_status status =
        mqttsn_udp_receive(&n->port, n->in, sizeof(n->in), &from, &len);

    if (status == MQTTSN_EIO)
        on_refusal(n);
    if (status != MQTTSN_OK)
        return;
    n->heard = true;
    bytes = mqttsn_span(n->in, len);
    if (n->options->debug)
        node_trace('<', NULL, bytes);
    watch_release(n, bytes);
    mqttsn_client_on_datagram(&n->client, &n->places[0].address, bytes, n->now);
}

static bool radio_is_off(const struct node *n)
{
    return mqttsn_client_state(&n->client) == MQTTSN_CLIENT_ASLEEP &&
           mqttsn_client_next_deadline(&n->client) == MQTTSN_NEVER;
}

/* On waking: what came while the radio was off was never received. */
static void wake(struct node *n)
{
    struct mqttsn_address from;
    size_t len;

    while (mqttsn_udp_receive(&n->port, n->in, sizeof(n->in), &from, &len) ==
           MQTTSN_OK)
        if (n->options->debug)
            node_trace('!', NULL, mqttsn_span(n->in, len));
    n->deaf = false;
}

bool node_poll(struct node *n, struct mqttsn_client_event *ret_event)
{
    if (n->deaf && !radio_is_off(n))
        wake(n);
    flush(n);
    return mqttsn_client_poll_event(&n->client, ret_event);
}

bool node_wait(struct node *n, mqttsn_ms until, int other_fd)
{
    mqttsn_ms deadline = mqttsn_client_next_deadline(&n->client);
    bool off = radio_is_off(n);
    unsigned what;

    n->deaf = n->deaf || off;
    what = mqttsn_udp_wait(off ? NULL : &n->port, other_fd,
                           deadline < until ? deadline : until,
                           node_signal_mask());
    n->now = mqttsn_udp_now();
    if (what & MQTTSN_UDP_DATAGRAM)
        hear(n);
    if (n->now >= deadline)
        mqttsn_client_on_deadline(&n->client, n->now);
    return (what & MQTTSN_UDP_OTHER) != 0;
}

bool node_ended(const struct node *n, int *ret_exit)
{
    if (n->refused)
        *ret_exit = EXIT_FAILED;
    else if (node_signals() != 0)
        *ret_exit = EXIT_DONE;
    return n->refused || node_signals() != 0;
}

void node_explain(const struct node *n, const struct mqttsn_client_event *event)
{
    const struct node_options *o = n->options;

    if (event->kind == MQTTSN_EVENT_REFUSED)
        node_complain(n->tool, o->quiet, "the gateway refuses to connect: %s",
                      mqttsn_return_code_text(event->code));
    else if (event->kind == MQTTSN_EVENT_LOST && n->heard)
        node_complain(n->tool, o->quiet,
                      "the gateway does not answer any more");
    else if (event->kind == MQTTSN_EVENT_LOST)
        node_complain(n->tool, o->quiet, "no answer from port %ld of '%s'",
                      o->port, o->host);
}

/* ---- the end ------------------------------------------------------------ */

/* Turns until 'over' says so, or 'patience' has gone by, or a signal asks for
 * haste. Events are of no interest any more. */
static void linger(struct node *n, bool (*over)(const struct node *),
                   mqttsn_ms patience)
{
    mqttsn_ms until = n->now + patience;
    unsigned signals = node_signals();
    struct mqttsn_client_event event;

    for (;;) {
        while (node_poll(n, &event))
            continue;
        if (over(n) || n->refused || n->now >= until ||
            node_signals() != signals)
            return;
        (void)node_wait(n, until, -1);
    }
}

static bool released(const struct node *n)
{
    return !n->release_pending;
}

static bool parted(const struct node *n)
{
    return mqttsn_client_state(&n->client) == MQTTSN_CLIENT_DISCONNECTED;
}

static bool heard(const struct node *n)
{
    return n->heard;
}

int node_close(struct node *n, int status)
{
    n->now = mqttsn_udp_now();
    /* A message with QoS 2 that is not released would come again, if the
     * session goes on. */
    if (n->options->keep_session)
        linger(n, released, RELEASE_MS);
    mqttsn_client_disconnect(&n->client, n->now);
    linger(n, parted, PARTING_MS);
    /* After QoS -1 no answer comes, but a refusal may. */
    if (n->sent_len != 0)
        linger(n, heard, REFUSAL_MS);
    mqttsn_udp_close(&n->port);
    return n->refused ? EXIT_FAILED : status;
}
