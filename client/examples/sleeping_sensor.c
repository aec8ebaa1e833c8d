/* SPDX-License-Identifier: MIT */
/*
 * sleeping_sensor.c - a node that measures, publishes, and sleeps in between.
 *
 * usage: sleeping_sensor GATEWAY-ADDRESS PORT CLIENT-ID SLEEP-SECONDS
 *
 * What it measures is the load of the machine it runs on. It publishes with
 * QoS 1 to sensors/CLIENT-ID/load, says on sensors/CLIENT-ID/state when it
 * falls asleep, and obeys commands on cmd/CLIENT-ID/+. Asleep it does not
 * look at its socket, as a node whose radio is off; on waking it looks first
 * whether anything came unasked, then fetches what waits for it with PINGREQ
 * [SN 6.14], and reports on sensors/CLIENT-ID/report what that was. It runs
 * until it is killed or its gateway no longer answers.
 *
 * Only the codec is ours here; a node with more to do will use the client
 * library.
 */
#include "mqttsn/frame.h"
#include "mqttsn/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    KEEP_ALIVE_S = 60,
    T_RETRY_MS = 5000, /* wait for an answer before asking again */
    N_RETRY = 5,
    COMMANDS_MAX = 8, /* names the gateway may register with us */
    NAME_MAX_LEN = 128,
    DATAGRAM_MAX = 512,
};

/* A name that the gateway registered, to tell its messages apart. */
struct command {
    uint16_t topic_id;
    char name[NAME_MAX_LEN];
};

struct sensor {
    int fd;
    const char *id;
    uint16_t sleep_s;
    uint16_t next_msg_id;
    uint16_t load_id, state_id, report_id;
    struct command commands[COMMANDS_MAX];
    size_t command_count;
    char news[256];    /* what commands arrived, for the report */
    unsigned unasked;  /* datagrams that came while asleep */
    unsigned too_soon; /* commands that came while active */
    uint8_t datagram[DATAGRAM_MAX];
};

static void die(const char *text)
{
    fprintf(stderr, "sleeping_sensor: %s\n", text);
    exit(EXIT_FAILURE);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void narrate(const char *direction, const struct mqttsn_frame *frame)
{
    char line[MQTTSN_TEXT_MAX];

    mqttsn_frame_text(frame, MQTTSN_TEXT_PAYLOAD, line, sizeof(line));
    printf("%s %s\n", direction, line);
    fflush(stdout);
}

static void transmit(struct sensor *s, const struct mqttsn_frame *frame)
{
    uint8_t octets[DATAGRAM_MAX];
    size_t len;

    if (mqttsn_encode(frame, octets, sizeof(octets), &len) != MQTTSN_OK)
        die("a message does not fit a datagram");
    narrate(">", frame);
    /* A datagram that cannot be sent is one that was lost: it is repeated. */
    if (send(s->fd, octets, len, 0) < 0 && errno != ECONNREFUSED)
        die("cannot send");
}

/* The next message, in the sensor's buffer; false when 'until' has come. */
static bool receive(struct sensor *s, int64_t until,
                    struct mqttsn_frame *ret_frame)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = s->fd, .events = POLLIN};
        int64_t left = until - now_ms();

        if (left < 0 || poll(&poll_fd, 1, (int)left) <= 0)
            return false;
        ssize_t len = recv(s->fd, s->datagram, sizeof(s->datagram), 0);
        if (len >= 0 &&
            mqttsn_decode(mqttsn_span(s->datagram, (size_t)len),
                          MQTTSN_DECODE_STRICT, ret_frame) == MQTTSN_OK) {
            narrate("<", ret_frame);
            return true;
        }
    }
}

/* Learns a name that messages will come under [SN 6.10]. */
static void on_register(struct sensor *s, const struct mqttsn_frame *frame)
{
    struct mqttsn_frame answer = {.type = MQTTSN_REGACK,
                                  .regack = {.topic_id = frame->reg.topic_id,
                                             .msg_id = frame->reg.msg_id,
                                             .return_code = MQTTSN_ACCEPTED}};
    struct command *command = NULL;

    for (size_t i = 0; i < s->command_count; i++)
        if (s->commands[i].topic_id == frame->reg.topic_id)
            command = &s->commands[i];
    if (command == NULL && s->command_count < COMMANDS_MAX)
        command = &s->commands[s->command_count++];
    if (command == NULL) {
        answer.regack.return_code = MQTTSN_REJECTED_CONGESTION;
    } else {
        command->topic_id = frame->reg.topic_id;
        mqttsn_escape(frame->reg.topic_name, command->name,
                      sizeof(command->name));
    }
    transmit(s, &answer);
}

/* Obeys a command, which here means to remember it for the report. */
static void on_publish(struct sensor *s, const struct mqttsn_frame *frame)
{
    struct mqttsn_frame answer = {
        .type = MQTTSN_PUBACK,
        .puback = {.topic_id = frame->publish.topic_id,
                   .msg_id = frame->publish.msg_id,
                   .return_code = MQTTSN_REJECTED_INVALID_TOPIC_ID}};

    for (size_t i = 0; i < s->command_count; i++) {
        const struct command *command = &s->commands[i];
        char payload[64];

        if (command->topic_id != frame->publish.topic_id)
            continue;
        answer.puback.return_code = MQTTSN_ACCEPTED;
        mqttsn_escape(frame->publish.data, payload, sizeof(payload));
        /* A repetition is acknowledged again, but not obeyed again. */
        if (!frame->publish.flags.dup) {
            size_t len = strlen(s->news);

            snprintf(s->news + len, sizeof(s->news) - len, " %s=%s",
                     command->name, payload);
        }
    }
    transmit(s, &answer);
}

static void on_downlink(struct sensor *s, const struct mqttsn_frame *frame)
{
    if (frame->type == MQTTSN_REGISTER)
        on_register(s, frame);
    else if (frame->type == MQTTSN_PUBLISH)
        on_publish(s, frame);
}

/* Whether 'answer' is the reply of type 'type' to the request 'msg_id'. */
static bool answers(const struct mqttsn_frame *answer, enum mqttsn_type type,
                    uint16_t msg_id)
{
    if (answer->type != type)
        return false;
    if (type == MQTTSN_REGACK)
        return answer->regack.msg_id == msg_id;
    if (type == MQTTSN_PUBACK)
        return answer->puback.msg_id == msg_id;
    if (type == MQTTSN_SUBACK)
        return answer->suback.msg_id == msg_id;
    return true;
}

/* Sends a request until its answer comes [SN 6.13]. What the gateway has for
 * us meanwhile is taken as it comes. */
static struct mqttsn_frame ask(struct sensor *s, struct mqttsn_frame request,
                               enum mqttsn_type type, uint16_t msg_id)
{
    for (int attempt = 0; attempt <= N_RETRY; attempt++) {
        int64_t until = now_ms() + T_RETRY_MS;
        struct mqttsn_frame frame;

        transmit(s, &request);
        while (receive(s, until, &frame)) {
            if (answers(&frame, type, msg_id))
                return frame;
            if (frame.type == MQTTSN_DISCONNECT)
                die("the gateway does not know this sensor any more");
            on_downlink(s, &frame);
            /* While messages come, the gateway is at it [SN 6.14]. */
            if (request.type == MQTTSN_PINGREQ)
                until = now_ms() + T_RETRY_MS;
            else if (frame.type == MQTTSN_PUBLISH)
                s->too_soon++;
        }
        if (request.type == MQTTSN_PUBLISH)
            request.publish.flags.dup = true;
    }
    die("the gateway does not answer");
    return request;
}

static uint16_t msg_id_new(struct sensor *s)
{
    if (++s->next_msg_id == 0)
        s->next_msg_id = 1;
    return s->next_msg_id;
}

static void connect_to_gateway(struct sensor *s, bool clean_session)
{
    struct mqttsn_frame request = {
        .type = MQTTSN_CONNECT,
        .connect = {.flags.clean_session = clean_session,
                    .protocol_id = MQTTSN_PROTOCOL_ID,
                    .duration_s = KEEP_ALIVE_S,
                    .client_id = mqttsn_span_text(s->id)}};

    if (ask(s, request, MQTTSN_CONNACK, 0).connack.return_code !=
        MQTTSN_ACCEPTED)
        die("the gateway refuses the connection");
}

static uint16_t register_topic(struct sensor *s, const char *last)
{
    char name[NAME_MAX_LEN];
    uint16_t msg_id = msg_id_new(s);

    snprintf(name, sizeof(name), "sensors/%s/%s", s->id, last);
    struct mqttsn_frame request = {
        .type = MQTTSN_REGISTER,
        .reg = {.msg_id = msg_id, .topic_name = mqttsn_span_text(name)}};
    struct mqttsn_frame answer = ask(s, request, MQTTSN_REGACK, msg_id);

    if (answer.regack.return_code != MQTTSN_ACCEPTED)
        die("the gateway refuses a topic name");
    return answer.regack.topic_id;
}

static void subscribe_to_commands(struct sensor *s)
{
    char filter[NAME_MAX_LEN];
    uint16_t msg_id = msg_id_new(s);

    snprintf(filter, sizeof(filter), "cmd/%s/+", s->id);
    struct mqttsn_frame request = {
        .type = MQTTSN_SUBSCRIBE,
        .subscribe = {.flags.qos = 1,
                      .msg_id = msg_id,
                      .topic_name = mqttsn_span_text(filter)}};

    if (ask(s, request, MQTTSN_SUBACK, msg_id).suback.return_code !=
        MQTTSN_ACCEPTED)
        die("the gateway refuses the subscription");
}

static void publish(struct sensor *s, uint16_t topic_id, const char *text)
{
    uint16_t msg_id = msg_id_new(s);
    struct mqttsn_frame request = {.type = MQTTSN_PUBLISH,
                                   .publish = {.flags.qos = 1,
                                               .topic_id = topic_id,
                                               .msg_id = msg_id,
                                               .data = mqttsn_span_text(text)}};

    if (ask(s, request, MQTTSN_PUBACK, msg_id).puback.return_code !=
        MQTTSN_ACCEPTED)
        die("the gateway refuses a message");
}

/* The load of this machine over the last minute: the first word of the file. */
static void measure(char *buf, size_t cap)
{
    FILE *file = fopen("/proc/loadavg", "r");

    if (file == NULL || fgets(buf, (int)cap, file) == NULL)
        die("cannot read the load of this machine");
    fclose(file);
    buf[strcspn(buf, " \n")] = '\0';
}

/* Sleeps with the radio off. Longer than announced would count as lost, so
 * twice the time is announced. */
static void sleep_for_a_while(struct sensor *s)
{
    struct mqttsn_frame request = {
        .type = MQTTSN_DISCONNECT,
        .disconnect = {.has_duration = true,
                       .duration_s = (uint16_t)(2 * s->sleep_s)}};
    struct timespec left = {.tv_sec = s->sleep_s};

    ask(s, request, MQTTSN_DISCONNECT, 0);
    printf("- asleep for %u s\n", s->sleep_s);
    fflush(stdout);
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
    printf("- awake\n");

    while (recv(s->fd, s->datagram, sizeof(s->datagram), MSG_DONTWAIT) >= 0)
        s->unasked++;
}

/* Fetches what waits at the gateway; PINGRESP is the end of it. */
static void fetch(struct sensor *s)
{
    struct mqttsn_frame request = {
        .type = MQTTSN_PINGREQ,
        .pingreq = {.client_id = mqttsn_span_text(s->id)}};

    ask(s, request, MQTTSN_PINGRESP, 0);
}

static int open_socket(const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        die("the gateway's address is not an IPv4 address");
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("no socket can be had");
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("usage: sleeping_sensor GATEWAY-ADDRESS PORT CLIENT-ID SECONDS");

    struct sensor s = {.fd = open_socket(argv[1], argv[2]),
                       .id = argv[3],
                       .sleep_s = (uint16_t)atoi(argv[4])};

    connect_to_gateway(&s, true);
    subscribe_to_commands(&s);
    s.load_id = register_topic(&s, "load");
    s.state_id = register_topic(&s, "state");
    s.report_id = register_topic(&s, "report");

    for (unsigned cycle = 1;; cycle++) {
        char text[320];

        measure(text, sizeof(text));
        publish(&s, s.load_id, text);
        snprintf(text, sizeof(text), "asleep cycle=%u seconds=%u", cycle,
                 s.sleep_s);
        publish(&s, s.state_id, text);

        sleep_for_a_while(&s);
        fetch(&s);

        /* Awake is for fetching only; to publish, connect again [SN 6.14]. */
        connect_to_gateway(&s, false);
        if (s.news[0] != '\0' || s.unasked > 0) {
            snprintf(text, sizeof(text),
                     "woke cycle=%u unasked=%u too_soon=%u%s", cycle, s.unasked,
                     s.too_soon, s.news);
            publish(&s, s.report_id, text);
            s.news[0] = '\0';
        }
    }
}
