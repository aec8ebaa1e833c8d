/* SPDX-License-Identifier: MIT */
/*
 * mqttsn-discover - asks a network for its gateways [SN 6.1], and lists those
 * that answer or advertise themselves meanwhile.
 *
 * One line each: GwId, address, and how it was heard of. It asks at once, and
 * again with growing gaps; the random delay of nodes is for those that are
 * switched on together. The codec and the port are all it takes.
 */
#include "node.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

static const char tool[] = "mqttsn-discover";
static const char help[] =
    "usage: mqttsn-discover [OPTION]...\n"
    "Lists the MQTT-SN gateways that answer: GwId, address, and how they were\n"
    "heard of: gwinfo, advertise, or client (another node told of it).\n"
    " -g GROUP:PORT     where to ask (225.1.1.1:1883, with -6 [ff18::1]:1883)\n"
    " -4, -6            ask over IPv4 (default), or over IPv6\n"
    " --interface NAME  the network to ask (as the system chooses)\n"
    " --radius N        how many networks away, 0 to 255 (1; 0: everywhere)\n"
    " -W SECONDS        how long to listen (5)\n"
    " -C COUNT          end when COUNT gateways were found\n"
    " -d                write every frame to standard error\n"
    " --quiet           do not write errors\n"
    " --help, --version\n"
    "Exit status: 0 some were found, 1 failed, 2 bad arguments, 27 when -W "
    "ends\n"
    "and none was found.\n";

enum {
    FOUND_MAX = 256,
    FIRST_GAP_MS = 500, /* doubles with each repetition */
};

struct gateway {
    uint8_t gw_id;
    struct mqttsn_address address;
};

static struct {
    struct node_options options;
    const char *group, *interface;
    long radius, count;
    struct gateway found[FOUND_MAX];
    size_t found_count;
    struct mqttsn_udp_port port;
    uint8_t in[NODE_DATAGRAM_MAX];
} discover = {.options = {.time_limit_ms = 5000}, .radius = 1};

/* ---- finding ------------------------------------------------------------ */

static void found(unsigned gw_id, const struct mqttsn_address *address,
                  const char *how)
{
    char text[MQTTSN_UDP_TEXT_MAX];

    for (size_t i = 0; i < discover.found_count; i++) {
        const struct gateway *g = &discover.found[i];

        if (g->gw_id == gw_id && g->address.len == address->len &&
            memcmp(g->address.octets, address->octets, address->len) == 0)
            return;
    }
    if (discover.found_count == FOUND_MAX)
        return;
    discover.found[discover.found_count++] =
        (struct gateway){.gw_id = (uint8_t)gw_id, .address = *address};
    mqttsn_udp_text(address, text);
    printf("%u %s %s\n", gw_id, text, how);
    fflush(stdout);
}

/* GWINFO of a node: the gateway's address is in it (G12-45). */
static void told(unsigned gw_id, struct mqttsn_span gw_add)
{
    struct mqttsn_address address = {0};

    if (gw_add.data[0] != gw_add.len - 1 ||
        (gw_add.len != 5 && gw_add.len != 7 && gw_add.len != 17 &&
         gw_add.len != 19))
        return;
    address.len = gw_add.data[0];
    memcpy(address.octets, gw_add.data + 1, address.len);
    found(gw_id, &address, "client");
}

static void hear(void)
{
    struct mqttsn_address from;
    struct mqttsn_frame frame;
    size_t len;

    while (mqttsn_udp_receive(&discover.port, discover.in, sizeof(discover.in),
                              &from, &len) == MQTTSN_OK) {
        struct mqttsn_span bytes = mqttsn_span(discover.in, len);

        if (discover.options.debug)
            node_trace('<', &from, bytes);
        if (mqttsn_decode(bytes, MQTTSN_DECODE_STRICT, &frame) != MQTTSN_OK)
            continue;
        if (frame.type == MQTTSN_ADVERTISE)
            found(frame.advertise.gw_id, &from, "advertise");
        else if (frame.type == MQTTSN_GWINFO && frame.gwinfo.gw_add.len == 0)
            found(frame.gwinfo.gw_id, &from, "gwinfo");
        else if (frame.type == MQTTSN_GWINFO)
            told(frame.gwinfo.gw_id, frame.gwinfo.gw_add);
    }
}

static bool ask(void)
{
    const struct mqttsn_frame frame = {
        .type = MQTTSN_SEARCHGW,
        .searchgw = {.radius = (uint8_t)discover.radius}};
    uint8_t octets[8];
    size_t len;

    if (mqttsn_encode(&frame, octets, sizeof(octets), &len) != MQTTSN_OK)
        return false;
    if (discover.options.debug)
        node_trace('>', &discover.port.group, mqttsn_span(octets, len));
    return mqttsn_udp_send(&discover.port, NULL, (unsigned)discover.radius,
                           mqttsn_span(octets, len)) == MQTTSN_OK;
}

static int run(void)
{
    mqttsn_ms now = mqttsn_udp_now();
    mqttsn_ms until = now + discover.options.time_limit_ms;
    mqttsn_ms ask_at = now, gap = FIRST_GAP_MS;
    bool asked = false;
    int why = 0; /* it was not asked */

    while (now < until && node_signals() == 0 && !ferror(stdout)) {
        if (now >= ask_at) {
            if (ask())
                asked = true;
            else
                why = errno;
            ask_at = now + gap;
            gap *= 2;
        }
        (void)mqttsn_udp_wait(&discover.port, -1,
                              ask_at < until ? ask_at : until,
                              node_signal_mask());
        hear();
        if (discover.count != 0 &&
            discover.found_count >= (size_t)discover.count)
            break;
        now = mqttsn_udp_now();
    }
    if (ferror(stdout))
        return EXIT_FAILED;
    if (discover.found_count != 0)
        return EXIT_DONE;
    if (!asked) {
        node_complain(tool, discover.options.quiet, "cannot ask: %s",
                      strerror(why));
        return EXIT_FAILED;
    }
    return node_signals() != 0 ? EXIT_DONE : EXIT_TIME;
}

/* ---- the command line --------------------------------------------------- */

/* "GROUP:PORT", an IPv6 group in brackets. */
static bool read_group(const char *text, int family,
                       struct mqttsn_udp_place *ret_place)
{
    const char *colon = strrchr(text, ':');
    char host[64], *end;
    size_t len;
    long port;
    bool v4, v6;

    if (colon == NULL)
        return false;
    len = (size_t)(colon - text);
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    port = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535 ||
        mqttsn_udp_resolve(host, (uint16_t)port, family, ret_place, 1) == 0)
        return false;
    v4 = ret_place->family == AF_INET &&
         (ret_place->address.octets[0] & 0xf0) == 0xe0;
    v6 = ret_place->family == AF_INET6 && ret_place->address.octets[0] == 0xff;
    return v4 || v6;
}

int main(int argc, char **argv)
{
    struct node_options *o = &discover.options;
    const struct args_option table[] = {
        {'g', "group", ARGS_TEXT, &discover.group, 0, 0},
        {'4', NULL, ARGS_FLAG, &o->only_v4, 0, 0},
        {'6', NULL, ARGS_FLAG, &o->only_v6, 0, 0},
        {0, "interface", ARGS_TEXT, &discover.interface, 0, 0},
        {0, "radius", ARGS_NUMBER, &discover.radius, 0, 255},
        {'W', NULL, ARGS_SECONDS, &o->time_limit_ms, 0, 1000000},
        {'C', NULL, ARGS_NUMBER, &discover.count, 1, FOUND_MAX},
        {'d', "debug", ARGS_FLAG, &o->debug, 0, 0},
        {0, "quiet", ARGS_FLAG, &o->quiet, 0, 0},
        {0, "help", ARGS_FLAG, &o->help, 0, 0},
        {0, "version", ARGS_FLAG, &o->version, 0, 0},
    };
    struct mqttsn_udp_place place;
    unsigned interface = 0;
    int status;

    if (!node_args(tool, help, table, sizeof(table) / sizeof(table[0]), o, argc,
                   argv, &status))
        return status;
    if (discover.group == NULL)
        discover.group = o->only_v6 ? "[ff18::1]:1883" : "225.1.1.1:1883";
    if (!read_group(discover.group, node_family(o), &place)) {
        node_complain(tool, false,
                      "-g wants a multicast group and a port, as "
                      "225.1.1.1:1883 or [ff18::1]:1883");
        return EXIT_ARGUMENTS;
    }
    if (discover.interface != NULL &&
        (interface = if_nametoindex(discover.interface)) == 0) {
        node_complain(tool, o->quiet, "there is no interface '%s'",
                      discover.interface);
        return EXIT_FAILED;
    }
    if (mqttsn_udp_open(&discover.port, place.family, interface) != MQTTSN_OK ||
        mqttsn_udp_join(&discover.port, &place.address) != MQTTSN_OK) {
        node_complain(tool, o->quiet, "cannot join '%s': %s", discover.group,
                      strerror(errno));
        mqttsn_udp_close(&discover.port);
        return EXIT_FAILED;
    }
    node_catch_signals();
    status = run();
    mqttsn_udp_close(&discover.port);
    return status;
}
