# SPDX-License-Identifier: MIT
"""What is wanted, beside what was measured: one row for each target."""
import statistics

KIB = 1024
MIB = 1024 * KIB


def at_least(bound):
    return lambda value: value >= bound


def at_most(bound):
    return lambda value: value <= bound


def octets(value):
    return "%.1f MiB" % (value / MIB) if value >= MIB else "%d" % value


def kib(value):
    return octets(value * KIB) if value >= KIB else "%.0f KiB" % value


def text(form):
    return lambda value: form % value


# What, target, measurement, its figure, whether that is met (None: it is only
# stated), how it is printed. A measurement of several rounds is their median,
# and has the least and the most behind it.
ROWS = (
    ("uplink QoS 0, 100 nodes", ">= 0.85 of a bare Paho publisher",
     "up0", "ratio", at_least(0.85), text("%.2f")),
    ("  by processor time", "stated",
     "up0", "cost_ratio", None, text("%.2f")),
    ("uplink QoS 1, 100 nodes", ">= 0.85 of a bare Paho publisher",
     "up1", "ratio", at_least(0.85), text("%.2f")),
    ("  by processor time", "stated",
     "up1", "cost_ratio", None, text("%.2f")),
    ("uplink QoS 0, 150 000/s offered", ">= 0.90 of a raw relay, fast Paho",
     "relay", "ratio", None, text("%.2f")),
    ("downlink QoS 0, 100 nodes", ">= 0.85 of a bare Paho subscriber",
     "down", "ratio", at_least(0.85), text("%.2f")),
    ("  by processor time", "stated",
     "down", "cost_ratio", None, text("%.2f")),
    ("downlink at 1 000/s", "adds <= 2 ms at p99",
     "latency", "added_p99", at_most(2), text("%.2f ms")),
    ("  p99 of a bare subscriber", "stated",
     "latency", "floor_p99", None, text("%.2f ms")),
    ("fan-out to 1 000 nodes", ">= 0.60 of bare sendmmsg",
     "fan-out", "ratio", at_least(0.6), text("%.2f")),
    ("PINGREQ to first datagram", "p99 <= 1 ms",
     "wake", "first_p99", at_most(1), text("%.3f ms")),
    ("round trips for 10 messages", "11",
     "wake", "round_trips", at_most(11), text("%d")),
    ("a command after a minute of silence", "stated",
     "silence", "max_ms", None, text("%.1f ms at most")),
    ("  half of them", "stated", "silence", "p50_ms", None, text("%.1f ms")),
    ("10 000 CONNECTs at once", "<= 1 s",
     "connect", "seconds", at_most(1), text("%.2f s")),
    ("  of these sent again", "0", "connect", "again", at_most(0), text("%d")),
    ("  buffer holds, datagrams", "10 000, else it says so",
     "connect", "buffer_holds", None, text("%d")),
    ("transparent, 500 nodes, 10 at once", "CONNECT p50 <= 20 ms",
     "transparent", "p50_ms", at_most(20), text("%.1f ms")),
    ("  all of them at once", "stated",
     "transparent", "burst_p50_ms", None, text("%.1f ms")),
    ("engine, QoS 0 uplink, 100 sessions", "<= 1 500 instructions",
     "engine", "few", at_most(1500), text("%.0f")),
    ("  100 000 sessions", "<= 1 500 instructions",
     "engine", "many", at_most(1500), text("%.0f")),
    ("  apart", "<= 5 %", "engine", "apart_percent", at_most(5),
     text("%.1f %%")),
    ("octets for an idle node", "<= 512", "node", "each", at_most(512), octets),
    ("100 000 idle nodes, resident", "<= 64 MiB", "node", "all_resident",
     at_most(64 * MIB), octets),
    ("10 000 sleepers, 10 messages: engine", "<= 16 MiB more",
     "node", "distinct_tables", at_most(16 * MIB), octets),
    ("  the daemon's RSS", "<= 16 MiB more",
     "memory-distinct", "grown_kib", at_most(16 * KIB), kib),
    ("the same ones for all: engine", "<= 6 MiB more",
     "node", "shared_tables", at_most(6 * MIB), octets),
    ("  the daemon's RSS", "<= 6 MiB more",
     "memory-shared", "grown_kib", at_most(6 * KIB), kib),
    ("daemon's text, everything in it", "<= 400 KiB",
     "daemon", "text_kib", at_most(400), text("%.0f KiB")),
    ("  idle RSS", "<= 9 MiB without HTTP, else 12",
     "daemon", "rss_kib", at_most(9 * KIB), kib),
    ("  of that private", "<= 2 MiB",
     "daemon", "private_kib", at_most(2 * KIB), kib),
    ("  idle RSS without SQLite and HTTP", "<= 7 MiB",
     "daemon", "small_rss_kib", at_most(7 * KIB), kib),
    ("client library, Cortex-M0+, text", "<= 9 KiB",
     "client", "text", at_most(9 * KIB), octets),
    ("  its codec", "<= 4 KiB", "client", "codec", at_most(4 * KIB), octets),
    ("  its state", "<= 256 octets", "client", "state", at_most(256), octets),
    ("  static data, heap", "0", "client", "static", at_most(0), octets),
)

# What no figure of this run shows.
ELSEWHERE = (
    ("robustness: counts of testing.md", "each is reached",
     "see scripts/test"),
)


def verdict(value, met):
    if met is None:
        return ""
    return "met" if met(value) else "NOT MET"


def rows(figures, fast_paho):
    """(what, target, measured, verdict) for each target. 'figures' has a list
    of measurements for each name."""
    found = []
    for what, target, name, key, met, form in ROWS:
        values = [figure[key] for figure in figures.get(name, ())]
        if not values:
            found.append((what, target, "-", "not measured"))
            continue
        if name == "relay" and fast_paho:
            met = at_least(0.90)
        value = statistics.median(values)
        measured = form(value)
        if len(values) > 1 and len({form(each) for each in values}) > 1:
            measured += " (%s to %s)" % (form(min(values)), form(max(values)))
        found.append((what, target, measured, verdict(value, met)))
    return found + [(what, target, "-", where)
                    for what, target, where in ELSEWHERE]
