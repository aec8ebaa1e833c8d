/* SPDX-License-Identifier: MIT */
/*
 * mqttsn-forwarder - the forwarder of the specification [SN 4], [SN 5.5].
 *
 * On its near side are nodes: one on a serial line, or any number on a UDP
 * network. On its far side is the gateway. Frames are not changed; towards the
 * gateway each is put behind a header that names the node, and the header of
 * what comes back says which node it is for. The forwarder remembers nothing:
 * on UDP the name of a node is its address and port (G12-45).
 *
 * What is not one whole frame - noise of the line - is dropped, so that the
 * gateway does not count it as ours.
 */
#include "node.h"
#include "slip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static const char tool[] = "mqttsn-forwarder";
static const char help[] =
    "usage: mqttsn-forwarder [OPTION]... {--serial DEVICE|--udp "
    "[ADDRESS:]PORT}\n"
    "Carries frames between nodes and an MQTT-SN gateway, encapsulated.\n"
    " -h HOST, -p PORT  the gateway (localhost, 1883); -4, -6: only IPv4, "
    "IPv6\n"
    " --serial DEVICE   one node on a serial line, its frames framed by SLIP\n"
    " --baud RATE       of the line (115200)\n"
    " --node-id HEX     what the gateway shall call this node (01)\n"
    " --udp [ADDRESS:]PORT\n"
    "                   nodes that send to this port (of all IPv4 addresses)\n"
    " -d                write every frame to standard error\n"
    " --quiet           do not write errors\n"
    " --help, --version\n"
    "The gateway must allow it: forwarders = ... of its listener.\n"
    "Exit status: 0 ended by a signal, 1 failed, 2 bad arguments.\n";

struct forwarder {
    struct node_options options;
    const char *serial, *udp;
    long baud;

    struct mqttsn_udp_port far;  /* connected to the gateway */
    struct mqttsn_udp_port near; /* with --udp */
    int line;                    /* with --serial; -1 */
    struct slip slip;
    uint8_t in[NODE_DATAGRAM_MAX + 1], out[NODE_DATAGRAM_MAX + 1];
};

static struct forwarder fwd = {
    .options = NODE_DEFAULTS, .baud = 115200, .line = -1};

/* ---- from the nodes to the gateway -------------------------------------- */

/* The radius that a broadcast of the node asks for; 0 for all else (G12-46). */
static uint8_t ctrl_of(const struct mqttsn_frame *frame)
{
    if (frame->type != MQTTSN_SEARCHGW)
        return 0;
    return frame->searchgw.radius < 3 ? frame->searchgw.radius : 3;
}

static void forward(const struct mqttsn_address *from, struct mqttsn_span node,
                    struct mqttsn_span message)
{
    struct mqttsn_frame inner;
    struct mqttsn_frame outer = {
        .type = MQTTSN_ENCAPSULATED,
        .encapsulated = {.node_id = node, .message = message}};
    enum mqttsn_status status =
        mqttsn_decode(message, MQTTSN_DECODE_STRICT, &inner);
    size_t len;

    if (fwd.options.debug)
        node_trace('<', from, message);
    /* A type we do not know may be known to the gateway. */
    if (status != MQTTSN_OK && status != MQTTSN_ETYPE)
        return;
    if (status == MQTTSN_OK && inner.type == MQTTSN_ENCAPSULATED)
        return;
    outer.encapsulated.ctrl = status == MQTTSN_OK ? ctrl_of(&inner) : 0;
    if (mqttsn_encode(&outer, fwd.out, sizeof(fwd.out), &len) == MQTTSN_OK)
        /* A datagram that cannot be sent is lost; the node repeats it. */
        (void)mqttsn_udp_send(&fwd.far, NULL, 0, mqttsn_span(fwd.out, len));
}

static void from_udp(void)
{
    struct mqttsn_address from;
    size_t len;

    while (mqttsn_udp_receive(&fwd.near, fwd.in, sizeof(fwd.in), &from, &len) ==
           MQTTSN_OK)
        forward(&from, mqttsn_span(from.octets, from.len),
                mqttsn_span(fwd.in, len));
}

/* False: the line is gone. */
static bool from_line(void)
{
    const struct args_octets *id = &fwd.options.node_id;
    ssize_t len = read(fwd.line, fwd.in, sizeof(fwd.in));
    struct mqttsn_span frame;

    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t i = 0; i < len; i++)
        if (slip_take(&fwd.slip, fwd.in[i], &frame))
            forward(NULL, mqttsn_span(id->octets, id->len), frame);
    return len != 0;
}

/* ---- from the gateway to the nodes -------------------------------------- */

static void to_line(struct mqttsn_span message)
{
    static uint8_t encoded[SLIP_ENCODED_MAX(SLIP_FRAME_MAX)];
    size_t len, done = 0;

    if (message.len > SLIP_FRAME_MAX)
        return;
    len = slip_encode(message, encoded);
    /* A line that is full makes the rest of the frame a loss. */
    while (done < len) {
        ssize_t written = write(fwd.line, encoded + done, len - done);

        if (written < 0 && errno != EINTR)
            return;
        done += written > 0 ? (size_t)written : 0;
    }
}

static void deliver(const struct mqttsn_frame *outer)
{
    const struct args_octets *id = &fwd.options.node_id;
    struct mqttsn_span node = outer->encapsulated.node_id;
    struct mqttsn_span message = outer->encapsulated.message;
    struct mqttsn_address to = {.len = (uint8_t)node.len};

    if (fwd.line >= 0) {
        if (!mqttsn_span_equal(node, mqttsn_span(id->octets, id->len)))
            return;
        if (fwd.options.debug)
            node_trace('>', NULL, message);
        to_line(message);
        return;
    }
    /* It is ours, so it names address and port of this family. */
    if (node.len != (fwd.near.family == AF_INET6 ? 18 : 6))
        return;
    memcpy(to.octets, node.data, node.len);
    if (fwd.options.debug)
        node_trace('>', &to, message);
    (void)mqttsn_udp_send(&fwd.near, &to, 0, message);
}

static void from_gateway(void)
{
    struct mqttsn_address from;
    struct mqttsn_frame outer;
    size_t len;

    /* That nobody listens there is a loss like any other: it may return. */
    while (mqttsn_udp_receive(&fwd.far, fwd.in, sizeof(fwd.in), &from, &len) ==
           MQTTSN_OK)
        if (mqttsn_decode(mqttsn_span(fwd.in, len), MQTTSN_DECODE_STRICT,
                          &outer) == MQTTSN_OK &&
            outer.type == MQTTSN_ENCAPSULATED)
            deliver(&outer);
}

/* ---- opening ------------------------------------------------------------ */

static bool baud_code(long baud, speed_t *ret_code)
{
    static const struct {
        long baud;
        speed_t code;
    } rates[] = {
        {1200, B1200},     {2400, B2400},     {4800, B4800},
        {9600, B9600},     {19200, B19200},   {38400, B38400},
        {57600, B57600},   {115200, B115200}, {230400, B230400},
        {460800, B460800}, {921600, B921600}, {1000000, B1000000},
    };

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        if (rates[i].baud == baud) {
            *ret_code = rates[i].code;
            return true;
        }
    return false;
}

/* Raw, eight bits, no parity, no flow control. */
static int open_line(speed_t speed)
{
    struct termios settings;
    int fd = open(fwd.serial, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || tcgetattr(fd, &settings) < 0)
        goto fail;
    settings.c_iflag &= (tcflag_t) ~(BRKINT | ICRNL | IGNCR | INLCR | INPCK |
                                     ISTRIP | IXON | IXOFF | PARMRK);
    settings.c_oflag &= (tcflag_t)~OPOST;
    settings.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    settings.c_cflag &= (tcflag_t) ~(CSIZE | PARENB | CSTOPB);
    settings.c_cflag |= CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (cfsetispeed(&settings, speed) < 0 ||
        cfsetospeed(&settings, speed) < 0 ||
        tcsetattr(fd, TCSANOW, &settings) < 0)
        goto fail;
    return fd;

fail:
    node_complain(tool, fwd.options.quiet, "cannot use '%s': %s", fwd.serial,
                  strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* "[ADDRESS:]PORT", an IPv6 address in brackets. False: it is none. */
static bool split(const char *text, char *host, size_t cap, long *ret_port)
{
    const char *colon = strrchr(text, ':');
    const char *number = colon != NULL ? colon + 1 : text;
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    char *end;

    if (len != 0 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= cap)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    if (colon == NULL)
        snprintf(host, cap, "0.0.0.0");
    *ret_port = strtol(number, &end, 10);
    return end != number && *end == '\0' && *ret_port >= 1 &&
           *ret_port <= 65535;
}

static bool open_near(const struct mqttsn_udp_place *place)
{
    if (mqttsn_udp_open(&fwd.near, place->family, place->interface) ==
            MQTTSN_OK &&
        mqttsn_udp_bind(&fwd.near, &place->address) == MQTTSN_OK)
        return true;
    node_complain(tool, fwd.options.quiet, "cannot listen at '%s': %s", fwd.udp,
                  strerror(errno));
    return false;
}

static bool open_far(void)
{
    const struct node_options *o = &fwd.options;
    struct mqttsn_udp_place places[NODE_PLACES];
    size_t count = mqttsn_udp_resolve(o->host, (uint16_t)o->port,
                                      node_family(o), places, NODE_PLACES);

    for (size_t i = 0; i < count; i++) {
        if (mqttsn_udp_open(&fwd.far, places[i].family, places[i].interface) !=
            MQTTSN_OK)
            continue;
        if (mqttsn_udp_connect(&fwd.far, &places[i].address) == MQTTSN_OK)
            return true;
        mqttsn_udp_close(&fwd.far);
    }
    node_complain(tool, o->quiet,
                  count == 0 ? "no address of '%s' is known"
                             : "'%s' cannot be reached",
                  o->host);
    return false;
}

/* ---- running ------------------------------------------------------------ */

static int run(void)
{
    int near_fd = fwd.line >= 0 ? fwd.line : fwd.near.fd;

    node_catch_signals();
    if (fwd.options.debug)
        fprintf(stderr, "%s: ready\n", tool);
    while (node_signals() == 0) {
        unsigned what = mqttsn_udp_wait(&fwd.far, near_fd, MQTTSN_NEVER,
                                        node_signal_mask());

        if (what & MQTTSN_UDP_DATAGRAM)
            from_gateway();
        if (!(what & MQTTSN_UDP_OTHER))
            continue;
        if (fwd.line < 0) {
            from_udp();
        } else if (!from_line()) {
            node_complain(tool, fwd.options.quiet, "'%s' is gone", fwd.serial);
            return EXIT_FAILED;
        }
    }
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct node_options *o = &fwd.options;
    const struct args_option table[] = {
        NODE_ARGS_ALL(o),
        {0, "serial", ARGS_TEXT, &fwd.serial, 0, 0},
        {0, "baud", ARGS_NUMBER, &fwd.baud, 1200, 1000000},
        {0, "node-id", ARGS_HEX, &o->node_id, 0, 0},
        {0, "udp", ARGS_TEXT, &fwd.udp, 0, 0},
    };
    struct mqttsn_udp_place place;
    const char *wrong = NULL;
    speed_t speed = B115200;
    char host[128];
    long port = 0;
    int status;

    if (!node_args(tool, help, table, sizeof(table) / sizeof(table[0]), o, argc,
                   argv, &status))
        return status;
    if ((fwd.serial == NULL) == (fwd.udp == NULL))
        wrong = "one near side is wanted: --serial or --udp";
    else if (fwd.udp != NULL && o->node_id.len != 0)
        wrong = "--node-id is for --serial: on UDP a node is its address";
    else if (!baud_code(fwd.baud, &speed))
        wrong = "--baud wants a usual rate, as 9600 or 115200";
    else if (fwd.udp != NULL && (!split(fwd.udp, host, sizeof(host), &port) ||
                                 mqttsn_udp_resolve(host, (uint16_t)port,
                                                    AF_UNSPEC, &place, 1) == 0))
        wrong = "--udp wants a port, or an address of this host and a port";
    if (wrong != NULL) {
        node_complain(tool, false, "%s", wrong);
        return EXIT_ARGUMENTS;
    }
    if (o->node_id.len == 0)
        o->node_id = (struct args_octets){.octets = {1}, .len = 1};

    if (!open_far())
        return EXIT_FAILED;
    if (fwd.serial != NULL) {
        fwd.line = open_line(speed);
        status = fwd.line >= 0 ? run() : EXIT_FAILED;
        if (fwd.line >= 0)
            close(fwd.line);
    } else {
        status = open_near(&place) ? run() : EXIT_FAILED;
        mqttsn_udp_close(&fwd.near);
    }
    mqttsn_udp_close(&fwd.far);
    return status;
}
