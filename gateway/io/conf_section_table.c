/* SPDX-License-Identifier: MIT */
/*
 * Data only: one row per section, in the order of the documents.
 */
#include "conf_keys.h"

#define ROW(name_, title_, meaning_)                                           \
    {                                                                          \
        (name_), (title_), CONF_SAID(meaning_)                                 \
    }

const struct conf_section_row conf_section_rows[] = {
    ROW("gateway", "[gateway]", "What this gateway calls itself."),
    ROW("listener", "[listener NAME]",
        "A UDP socket that nodes send to; one section for each, any NAME of "
        "letters, digits, '-' and '_'. Without any such section the gateway "
        "listens on 0.0.0.0:1883 and [::]:1883."),
    ROW("client", "[client PATTERN]",
        "Settings of the nodes whose client id matches the shell pattern. For "
        "each key the first matching section wins, then the global value. "
        "Cannot be given with --set or in the environment."),
    ROW("upstream", "[upstream]", "The connection to the broker."),
    ROW("transparent", "[transparent]", "One broker connection for each node."),
    ROW("tls", "[tls]", "TLS towards the broker."),
    ROW("topics", "[topics]", "Predefined topics, and publishing with QoS -1."),
    ROW("predefined", "[predefined]",
        "Predefined topics for every client, one for each line: ID = TOPIC, or "
        "ID = TOPIC, open to allow QoS -1 too. ID is 1..65534. Reloads."),
    ROW("sleep", "[sleep]", "Nodes that sleep."),
    ROW("retry", "[retry]", "Retransmission towards nodes."),
    ROW("limits", "[limits]",
        "Every capacity. Their sum, which --check-config prints, is the most "
        "memory that nodes can make the gateway use."),
    ROW("store", "[store]", "What outlives a restart."),
    ROW("uplink", "[uplink]", "Messages from nodes that wait for the broker."),
    ROW("access", "[access]", "What nodes may publish and subscribe."),
    ROW("compat", "[compat]", "Behaviour for particular nodes and brokers."),
    ROW("http", "[http]",
        "Metrics, health, an API and a dashboard over HTTP; see docs/http.md."),
    ROW("ctl", "[ctl]", "The socket of mqttsn-ctl."),
    ROW("status", "[status]", "Messages about the gateway's own state."),
    ROW("log", "[log]", "What is logged, how and where."),
};
const size_t conf_section_count =
    sizeof(conf_section_rows) / sizeof(conf_section_rows[0]);
