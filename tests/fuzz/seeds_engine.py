# SPDX-License-Identifier: MIT
"""Events for the engine; fuzz_engine.c says what their octets mean."""

# The delays, by their index.
NOW, MS_1, MS_100, MS_500, S_1, S_10, S_11, S_15, S_30, S_60, S_90, M_10, M_50 \
    = 0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15

SINK_DATAGRAM, SINK_UPSTREAM, SINK_STORE, SINK_NOTE = 1, 2, 4, 8
TOPICS = ["ab", "a/b", "a/c", "p/open", "p/two", "will", "$x", "a/b/c/d"]
DONE, REJECTED, QUOTA, UNSENT = 0, 1, 2, 3


def octets(*parts):
    out = b""
    for part in parts:
        if isinstance(part, int):
            out += bytes([part])
        elif isinstance(part, str):
            out += part.encode()
        else:
            out += part
    return out


def u16(value):
    return value.to_bytes(2, "big")


def frame(node, type_, body=b"", after=NOW):
    return octets(node << 4 | after, type_, len(body), body)


def raw(node, data):
    if isinstance(data, str):
        data = bytes.fromhex(data)
    return octets(0x80 | node, len(data), data)


def pass_time(delay):
    return octets(0x90 | delay)


def connect(node, name, clean=True, will=False, alive=60, protocol=1,
            after=NOW):
    flags = (4 if clean else 0) | (8 if will else 0)
    return frame(node, 0x04, octets(flags, protocol, u16(alive), name), after)


def disconnect(node, sleep=None, after=NOW):
    return frame(node, 0x18, b"" if sleep is None else u16(sleep), after)


def pingreq(node, name="", after=NOW):
    return frame(node, 0x16, octets(name), after)


def register(node, msg, name, after=NOW):
    return frame(node, 0x0a, octets(u16(0), u16(msg), name), after)


def publish(node, qos, topic, msg, data="x", kind=0, dup=False, retain=False,
            after=NOW):
    """'topic' is an id, or a short name of two letters."""
    if isinstance(topic, str):
        topic, kind = topic.encode(), 2
    else:
        topic = u16(topic)
    flags = (0x80 if dup else 0) | (qos & 3) << 5 | (0x10 if retain else 0)
    return frame(node, 0x0c, octets(flags | kind, topic, u16(msg), data), after)


def pubrel(node, msg):
    return frame(node, 0x10, u16(msg))


def subscribe(node, msg, name, qos=1, kind=0, dup=False, after=NOW):
    flags = (0x80 if dup else 0) | qos << 5 | kind
    return frame(node, 0x12, octets(flags, u16(msg), name), after)


def unsubscribe(node, msg, name, kind=0):
    return frame(node, 0x14, octets(kind, u16(msg), name))


def willtopic(node, topic, flags=0, update=False):
    body = octets(flags, topic) if topic else b""
    return frame(node, 0x1a if update else 0x07, body)


def willmsg(node, data, update=False):
    return frame(node, 0x1c if update else 0x09, octets(data))


def ack(node, type_, topic, msg, code=0):
    return frame(node, type_, octets(u16(topic), u16(msg), code))


def answer(node, badly=False):
    return octets(0xf0 | (8 if badly else 0) | node)


# The broker side.
CONNECTED, RESUMED = octets(0xa0), octets(0xa1)
LOST, UNREACHABLE, DENIED = octets(0xa3), octets(0xa4), octets(0xa5)
BROKER_WAITS, BROKER_GOES_ON = octets(0xa6), octets(0xa7)


def result(outcome=DONE, which=0, granted=0):
    return octets(0xa8, which << 4 | granted << 2 | outcome)


def message(topic, data="m", qos=1, retain=False):
    how = qos | (4 if retain else 0)
    if topic in TOPICS:
        return octets(0xac, TOPICS.index(topic) << 4 | how, len(data), data)
    return octets(0xaf, how, len(topic), topic, len(data), data)


# The store, the sinks, and the rest.
STORE_WAITS, STORE_GOES_ON, STORED = octets(0xb0), octets(0xb1), octets(0xb2)


def stored(which, good=True):
    return octets(0xb5 if good else 0xb6, which)


def block(sinks):
    return octets(0xc0 | sinks)


def budget(polls):
    return octets(0xd0 | polls)


DIE, DIE_AND_CONNECT, SHUT_DOWN = octets(0xe0), octets(0xe1), octets(0xe5)


def die_in_mid_write(written):
    return octets(0xe2, written)


def reconfigure(a, b, c, d=0):
    return octets(0xe4, a, b, c, d)


def acknowledge(node, times=1):
    return answer(node) * times


# ---- conversations -------------------------------------------------------

PLAIN = octets(0x0c, 0x01, 0x00, 0x00)  # one copy, sleepers keep topics and QoS 0


def with_options(a=0x0c, b=0x01, c=0x00, d=0x00):
    return octets(a, b, c, d)


ORDINARY = {
    "connect-and-leave": connect(0, "a") + disconnect(0),
    "connect-and-fall-silent": connect(0, "a", alive=10) + pass_time(M_50),
    "will-is-given-and-wanted":
        connect(0, "a", will=True, alive=10) + answer(0) + answer(0) +
        pass_time(M_10),
    "will-is-deleted":
        connect(0, "a", will=True) + answer(0) + answer(0) +
        willtopic(0, "", update=True) + disconnect(0),
    "will-is-changed":
        connect(0, "a", will=True) + answer(0) + answer(0) +
        willtopic(0, "a/b", 0x20, update=True) +
        willmsg(0, "new", update=True) + pass_time(M_10),
    "uplink-of-each-qos":
        connect(0, "a") + register(0, 1, "a/b") + publish(0, 0, 1, 0) +
        publish(0, 1, 1, 2) + publish(0, 2, 1, 3) + answer(0),
    "uplink-repeated":
        connect(0, "a") + register(0, 1, "a/b") + BROKER_WAITS +
        publish(0, 1, 1, 2) + publish(0, 1, 1, 2, dup=True) +
        publish(0, 2, 1, 3) + publish(0, 2, 1, 3, dup=True) + result() +
        result() + answer(0) + answer(0),
    "uplink-over-an-outage":
        connect(0, "a") + register(0, 1, "a/b") + BROKER_WAITS +
        publish(0, 1, 1, 2) + publish(0, 2, 1, 3) + LOST + result(UNSENT) +
        result(UNSENT) + RESUMED + result() + result(),
    "uplink-gives-up": connect(0, "a") + publish(0, 1, "ab", 1) + BROKER_WAITS +
        publish(0, 1, "ab", 2) + pass_time(S_60) + result(),
    "uplink-refused": connect(0, "a") + BROKER_WAITS + publish(0, 1, "ab", 2) +
        result(REJECTED) + publish(0, 2, "ab", 3) + result(QUOTA),
    "downlink-of-each-qos":
        connect(0, "a") + subscribe(0, 1, "a/b", 2) + message("a/b", qos=0) +
        answer(0) + message("a/b", qos=1) + answer(0) + message("a/b", qos=2) +
        answer(0) + answer(0),
    "downlink-needs-a-name":
        connect(0, "a") + subscribe(0, 1, "a/+", 2) + message("a/b") +
        answer(0) + answer(0) + message("a/c") + answer(0, badly=True),
    "downlink-is-refused":
        connect(0, "a") + subscribe(0, 1, "a/b", 1) + message("a/b") +
        answer(0, badly=True) + message("a/b") + answer(0),
    "downlink-unanswered":
        connect(0, "a", alive=1000) + subscribe(0, 1, "a/b", 1) +
        message("a/b") + pass_time(S_60) + pass_time(M_10),
    "retained-for-the-newcomer":
        connect(0, "a") + subscribe(0, 1, "a/b") + connect(1, "b") +
        BROKER_WAITS + subscribe(1, 1, "a/b") +
        message("a/b", "r", retain=True) + result(granted=1) +
        message("a/b", "s", retain=True) + pass_time(S_1) + answer(1),
    "unsubscribe": connect(0, "a") + subscribe(0, 1, "a/+") +
        unsubscribe(0, 2, "a/+") + message("a/b"),
    "short-and-predefined":
        connect(0, "a") + subscribe(0, 1, "ab", kind=2) +
        subscribe(0, 2, u16(1), kind=1) + message("ab") + answer(0) +
        message("p/open") + answer(0) + publish(0, 1, 1, 3, kind=1) +
        publish(0, 0, "ab", 0) + unsubscribe(0, 4, u16(1), kind=1),
    "qos-minus1": publish(2, 3, 1, 0, kind=1) + publish(2, 3, 2, 0, kind=1) +
        publish(2, 3, "ab", 0),
    "sleep-and-wake":
        connect(0, "a", clean=False) + subscribe(0, 1, "a/b") +
        disconnect(0, 60) + message("a/b") + message("a/b", "n") +
        pingreq(0, "a", after=S_30) + acknowledge(0, 3),
    "sleep-too-long":
        connect(0, "a") + subscribe(0, 1, "a/b") + disconnect(0, 10) +
        message("a/b") + pass_time(M_10),
    "sleep-with-too-much-mail":
        connect(0, "a") + subscribe(0, 1, "a/+", 2) + disconnect(0, 600) +
        b"".join(message("a/b", "%03d" % i * 30, qos=i % 3)
                 for i in range(9)) +
        pingreq(0, "a") + acknowledge(0, 8),
    "sleeper-falls-silent-three-times":
        connect(0, "a") + subscribe(0, 1, "a/b") + disconnect(0, 600) +
        message("a/b") + (pingreq(0, "a") + pass_time(S_60)) * 4,
    "sleeper-wakes-elsewhere":
        connect(0, "a") + subscribe(0, 1, "a/b") + disconnect(0, 600) +
        message("a/b") + pingreq(4, "a") + acknowledge(4, 2) +
        pingreq(1, "a"),
    "take-over-of-an-active-session":
        connect(0, "a") + connect(1, "a", after=S_1) + answer(0) +
        connect(1, "a", after=S_1) + pass_time(S_10),
    "two-behind-a-forwarder":
        connect(6, "f") + connect(7, "g") + subscribe(6, 1, "a/b") +
        publish(7, 1, "ab", 2) + message("a/b") + answer(6) + disconnect(7),
    "small-datagrams":
        connect(3, "d") + subscribe(3, 1, "a/b") + message("a/b", "y" * 60) +
        message("a/b", "z" * 20) + answer(3),
    "discovery": raw(0, "030100") + raw(1, "030101") + pass_time(M_50) * 8,
    "many-nodes": b"".join(connect(k, "n%d" % k) for k in range(8)) +
        b"".join(subscribe(k, 1, "a/#") for k in range(8)) +
        message("a/b") + b"".join(acknowledge(k, 2) for k in range(8)),
    "many-names": connect(0, "a") +
        b"".join(register(0, i, "t/%d" % i) for i in range(1, 8)),
    "many-filters": b"".join(
        connect(k, "n%d" % k) +
        b"".join(subscribe(k, i, "f/%d/%d" % (k, i)) for i in range(1, 5))
        for k in range(3)),
    "sinks-blocked":
        connect(0, "a") + subscribe(0, 1, "a/b") + block(15) +
        publish(0, 1, "ab", 2) + message("a/b") + pass_time(S_60) +
        budget(1) + block(0) + answer(0),
    "store-is-slow":
        STORE_WAITS + connect(0, "a", clean=False) + subscribe(0, 1, "a/b") +
        STORED * 3 + disconnect(0, 60) + STORED * 2 + message("a/b") +
        stored(1) + pingreq(0, "a") + STORE_GOES_ON + acknowledge(0, 2),
    "store-fails":
        STORE_WAITS + connect(0, "a", clean=False) + stored(0, False) +
        subscribe(0, 1, "a/b") + stored(0, False) + disconnect(0, 60) +
        message("a/b") + stored(0, False) * 3 + pingreq(0, "a") +
        acknowledge(0, 2),
    "store-fails-to-forget":
        connect(2, "n2") + STORE_WAITS + pass_time(S_90) + stored(0, False) +
        connect(0, "n2") + die_in_mid_write(9),
    "dies-and-comes-back":
        connect(0, "a", clean=False, will=True) + acknowledge(0, 2) +
        subscribe(0, 1, "a/+", 2) + register(0, 2, "a/c") +
        disconnect(0, 600) + message("a/b") + message("a/c", qos=2) +
        DIE_AND_CONNECT + pingreq(0, "a") + acknowledge(0, 8),
    "dies-in-an-exchange":
        connect(0, "a", clean=False) + BROKER_WAITS +
        publish(0, 2, "ab", 3) + result() + DIE_AND_CONNECT + pubrel(0, 3) +
        publish(0, 2, "ab", 3, dup=True) + pubrel(0, 3),
    "dies-in-mid-write":
        STORE_WAITS + connect(0, "a", clean=False) + subscribe(0, 1, "a/b") +
        STORED + register(0, 2, "a/c") + die_in_mid_write(1) +
        STORE_GOES_ON + RESUMED + connect(0, "a", clean=False) +
        message("a/b") + answer(0),
    "shut-down-with-wills":
        connect(0, "a", will=True) + acknowledge(0, 2) +
        connect(1, "b", will=True) + acknowledge(1, 2) + SHUT_DOWN +
        publish(0, 1, "ab", 3),
    "reconfigured": connect(0, "a") + subscribe(0, 1, u16(2), kind=1) +
        reconfigure(0xff, 0xff, 0xfe) + message("p/two") + answer(0) +
        reconfigure(2, 0, 0) + message("p/two") + answer(0),
    "broker-comes-late":
        connect(0, "a") + publish(0, 1, "ab", 1) + UNREACHABLE + DENIED +
        connect(1, "b") + CONNECTED + connect(1, "b", after=S_1),
    "old-news-of-the-broker": octets(0xaa, 0, 1) + octets(0xb7) +
        connect(0, "a") + octets(0xaa, 0, 0),
}

# A message from the broker, its record, those of its readers, and the end of the
# arrival are written one by one, and the gateway dies between each two.
READER = connect(0, "a", clean=False) + subscribe(0, 1, "a/b")
TWO_READERS = READER + connect(1, "b", clean=False) + subscribe(1, 1, "a/#") + \
    disconnect(0, 600) + disconnect(1, 600)


def dies_at(written, *messages):
    return STORE_WAITS + b"".join(messages) + die_in_mid_write(written) + \
        STORE_GOES_ON + RESUMED


ARRIVALS = {
    **{"dies-in-arrival-%d" % n:
       TWO_READERS + dies_at(n, message("a/b")) + pingreq(0, "a") +
       acknowledge(0, 4) + pingreq(1, "b") + acknowledge(1, 4)
       for n in range(5)},
    **{"dies-in-two-arrivals-%d" % n:
       TWO_READERS + dies_at(n, message("a/b", "1"), message("a/b", "2", 2)) +
       dies_at(n, message("a/b", "3")) + pingreq(0, "a") + acknowledge(0, 8)
       for n in range(1, 8, 2)},
    "arrival-for-nobody": message("a/b") + message("x/y") + DIE_AND_CONNECT,
    "arrival-retained":
        READER + BROKER_WAITS + subscribe(0, 2, "a/+") +
        dies_at(1, message("a/b", "r", retain=True)) + answer(0),
    "arrival-not-written":
        TWO_READERS + STORE_WAITS + message("a/b") + stored(0, False) +
        stored(1, False) + DIE_AND_CONNECT + STORE_GOES_ON + pingreq(0, "a") +
        acknowledge(0, 2),
    "arrival-odd": message("", qos=1) + message("a/+", qos=2) +
        message("a" * 200, qos=1) + DIE_AND_CONNECT,
    "arrivals-beyond-all-room":
        TWO_READERS + message("a/b", "y" * 200) * 20 + DIE_AND_CONNECT +
        pingreq(0, "a") + acknowledge(0, 8),
    "arrival-while-the-store-is-blocked":
        TWO_READERS + block(SINK_STORE) + message("a/b") * 3 + DIE +
        block(0) + CONNECTED + pingreq(0, "a") + acknowledge(0, 4),
}

# What others died of, where it takes more than one datagram.
KILLERS = {
    # A second CONNECT; DISCONNECT during CONNECT; REGISTER before the will is
    # complete; WILLMSGUPD without a topic; a port that another node used
    # before (EMQX: fixes 17258, 17287, 17796); QoS -1 before anything, and a
    # will on a topic that is not allowed (17507, 17528).
    "emqx-second-connect": connect(0, "a") + connect(0, "a"),
    "emqx-disconnect-during-connect":
        connect(0, "a", will=True) + disconnect(0) + answer(0),
    "emqx-register-before-the-will":
        connect(0, "a", will=True) + register(0, 1, "a/b") + answer(0) +
        register(0, 2, "a/b") + answer(0),
    "emqx-willmsgupd-without-topic":
        connect(0, "a") + willmsg(0, "new", update=True) + pass_time(M_10),
    "emqx-another-node-on-the-port":
        connect(0, "a", clean=False) + subscribe(0, 1, "a/b") +
        connect(0, "b") + message("a/b") + disconnect(0),
    "emqx-qos-minus1-before-connect": publish(0, 3, "ab", 0) +
        publish(0, 3, 1, 0, kind=1, retain=True),
    "emqx-will-where-it-may-not":
        connect(0, "a", will=True) + willtopic(0, "secret") +
        willmsg(0, "x") + pass_time(M_10),
    # The Paho gateway: REGISTER without a body from a connected node; more
    # CONNECTs than it has places, and nobody is answered; a CONNECT that
    # takes over another's session; a sleeper's mail beyond 20 lost.
    "paho-gateway-register-without-body":
        connect(0, "a") + raw(0, "020a") + publish(0, 1, "ab", 1),
    "paho-gateway-other-protocol-id": connect(0, "a", protocol=2),
    "paho-gateway-disconnect-first": disconnect(0),
    "paho-gateway-more-than-it-can-hold":
        b"".join(connect(k % 6, "client%d" % k, alive=65535)
                 for k in range(12)),
    "paho-gateway-stolen-session":
        connect(0, "victim", alive=65535) + connect(1, "victim") +
        publish(0, 1, "ab", 1),
    "paho-gateway-mail-of-a-sleeper":
        connect(0, "a", clean=False) + subscribe(0, 1, "a/b") +
        disconnect(0, 3600) + message("a/b") * 40 + pingreq(0, "a") +
        acknowledge(0, 20),
    # mosquitto: an acknowledgement that nobody waits for (CVE-2021-28166), a
    # QoS 2 exchange that is never released (CVE-2023-28366), the longest
    # keep-alive (CVE-2020-13849), wildcards in a client id (CVE-2017-7650),
    # topics without octets or with '$' (CVE-2021-34432, CVE-2018-12543).
    "mosquitto-unexpected-acks":
        connect(0, "a") + ack(0, 0x0d, 1, 1) + ack(0, 0x0b, 1, 1) +
        frame(0, 0x0f, u16(9)) + pubrel(0, 9) + frame(0, 0x0e, u16(9)),
    "mosquitto-never-released":
        connect(0, "a") +
        b"".join(publish(0, 2, "ab", i) for i in range(1, 12)),
    "mosquitto-never-received":
        connect(0, "a") + subscribe(0, 1, "ab", 2) +
        message("ab", qos=2) * 8 + pass_time(M_10),
    "mosquitto-longest-keep-alive":
        connect(0, "a", alive=65535) + disconnect(0, 65535),
    "mosquitto-client-id-of-wildcards":
        connect(0, "+/#") + subscribe(0, 1, "#") + connect(1, "../../x"),
    "mosquitto-odd-topics":
        connect(0, "a") + register(0, 1, "$SYS/x") + register(0, 2, "a\0b") +
        subscribe(0, 3, "$share/g/a") + register(0, 4, "a/#") +
        register(0, 5, b"\xff\xfe") + subscribe(0, 6, "a/#/b") +
        message("", qos=0) + message("a/+", qos=0),
    # Guessed MsgIds, a wake-up repeated without end, the forwarder's frames
    # from somebody else and within each other.
    "guessed-msg-ids":
        connect(0, "a") + subscribe(0, 1, "a/b") + message("a/b") +
        b"".join(ack(0, 0x0d, 1, i * 4099) for i in range(16)) + answer(0),
    "hammered-wake-up":
        connect(0, "a") + subscribe(0, 1, "a/b") + disconnect(0, 60) +
        message("a/b") + pingreq(0, "a") * 12 + acknowledge(0, 3),
    "forwarder-impostor": raw(0, "05fe000701040401003c61"),
    "forwarder-nested": raw(6, "05fe000a0105fe000a010216") +
        raw(6, "0216") + raw(6, "04fe03ff00"),
}


def seeds():
    for name, events in {**ORDINARY, **KILLERS}.items():
        yield "engine", name, PLAIN + events
    # The same conversations where everything is otherwise.
    for name, events in ORDINARY.items():
        yield "engine", name + "-otherwise", with_options(0xf2, 0xfa, 0xfe) + \
            events
    for name, events in ORDINARY.items():
        if name.startswith(("uplink", "dies", "store", "will")):
            yield "engine", name + "-durable", with_options(d=0x23) + events
    # Each node by a connection of its own, which is lost and comes back.
    for name, events in ORDINARY.items():
        if name.startswith(("downlink", "sleep", "uplink", "will")):
            yield "engine", name + "-transparent", with_options(d=0x80) + \
                events + octets(0xe6, 0x01, 0xe6, 0x00)
    # The same, and messages from the broker are kept until they are taken over.
    for name, events in {**ARRIVALS, **ORDINARY}.items():
        if name in ARRIVALS or name.startswith(
                ("downlink", "dies", "retained", "sleep", "store")):
            yield "engine", name + "-arrivals", with_options(d=0x61) + events
