# SPDX-License-Identifier: MIT
"""Events for the client library; fuzz_client.c says what their octets mean."""

from seeds_engine import octets, u16

CLEAN, TALK, ONE, NARROW, WILL, WRAP, NONE = 1, 2, 4, 8, 16, 32, 64
CONNECT, DISCONNECT, CHECK, SEARCH = (octets(0x60 | k) for k in (0, 2, 4, 6))
POWER_OFF = octets(0x80)
NAMES = {"a": 0, "a/b": 1, "a/+": 2, "t/x/y/z": 3}


def answer(times=1, badly=False, gateway=0):
    return octets(0x40 | (8 if badly else 0) | gateway) * times


def frame(type_, body=b"", gateway=0):
    return octets(gateway, type_, len(body), body)


def raw(text, gateway=0):
    return octets(0x20 | gateway, len(text) // 2, bytes.fromhex(text))


def pass_time(delay):
    return octets(0x30 | delay)


def sleep(seconds):
    return octets(0x63, u16(seconds))


def request(kind, topic, data=b""):
    if topic in NAMES:
        where = octets(NAMES[topic] << 3)
    elif isinstance(topic, int):
        where = octets(1, u16(topic))
    else:
        where = octets(2, topic)
    return octets(0x70 | kind, where, len(data), data)


def publish(qos, topic, data=b"x"):
    return request({-1: 0, 0: 1, 1: 2, 2: 3}[qos], topic, data)


def subscribe(qos, topic):
    return request(4 + qos, topic)


def message(qos, topic, msg, data=b"m", kind=0):
    return frame(0x0c, octets(qos << 5 | kind, u16(topic), u16(msg), data))


UP = CONNECT + answer()

SEEDS = {
    "connect-and-leave": (CLEAN, UP + DISCONNECT + answer()),
    "connect-with-will": (WILL, CONNECT + answer(3)),
    "nobody-answers": (0, CONNECT + pass_time(12)),
    "refused-for-now": (0, CONNECT + answer(badly=True) + pass_time(13)),
    "search-first": (NONE, CONNECT + pass_time(5) + answer(2)),
    "another-gateway": (0, octets(0x90, 0x21) + UP + pass_time(12) +
                        answer(gateway=1)),
    "publish-each-qos": (0, UP + publish(0, "a") + answer() +
                         publish(1, "a") + answer(2) + publish(2, "a/b") +
                         answer(3) + publish(-1, 7) + publish(1, "ab") +
                         answer()),
    "publish-unknown-id": (0, UP + publish(1, "a") + answer() +
                           answer(badly=True) + answer(3)),
    "subscribe-each-kind": (0, UP + subscribe(1, "a/+") + answer() +
                            subscribe(2, "a") + answer() + subscribe(0, 9) +
                            answer() + request(7, "a/+") + answer()),
    "messages": (0, UP + subscribe(2, "a") + answer() + message(0, 1, 0) +
                 message(1, 1, 5) + message(2, 1, 6) + message(2, 1, 6) +
                 answer() + message(1, 99, 7) + message(1, 0x6162, 8, kind=2)),
    "gateway-registers": (0, UP + frame(0x0a, octets(u16(4), u16(1), "x/y")) +
                          message(1, 4, 2) +
                          frame(0x0a, octets(u16(5), u16(2), "n" * 60))),
    "more-names-than-slots": (0, UP + b"".join(
        frame(0x0a, octets(u16(k + 1), u16(k + 1), "n%d" % k))
        for k in range(6)) + publish(1, "a") + answer(2)),
    "sleep-and-check": (0, UP + sleep(60) + answer() + CHECK +
                        message(1, 1, 3) + answer() + POWER_OFF + CHECK +
                        answer()),
    "publish-asleep": (0, UP + sleep(60) + answer() + publish(1, 7) +
                       answer(3)),
    "talk-asleep": (TALK, UP + sleep(60) + answer() + publish(1, 7) +
                    answer()),
    "gateway-forgot-the-sleeper": (0, UP + sleep(60) + answer() + CHECK +
                                   frame(0x18) + answer(3)),
    "will-updates": (WILL, CONNECT + answer(3) + request(10, 1) + answer() +
                     request(11, 1, b"x" * 3) + answer(2)),
    "behind-a-forwarder": (WRAP, UP + subscribe(1, "a") + answer() +
                           message(1, 1, 2)),
    "narrow-network": (NARROW, UP + publish(1, "a", b"y" * 60) +
                       publish(1, "a", b"y" * 20) + answer(2)),
    "discovery": (NONE, SEARCH + frame(0x00, b"\x05\x00\x3c", 1) +
                  frame(0x01, b"\x01") + frame(0x02, b"\x06", 2) +
                  pass_time(12)),
    # What stacks on the node's side died of: a two-octet datagram of the long
    # form, PUBLISH and REGISTER larger than the buffer or with lengths that
    # lie, acknowledgements that are cut, topic ids from 128 on.
    "riot-asymcute-two-octets": (0, UP + raw("0103")),
    "riot-emcute-large-publish": (0, UP + frame(0x0c, b"\0\0\1\0\0" +
                                                b"z" * 240)),
    "riot-emcute-register-without-body": (0, UP + raw("020a")),
    "wolfmqtt-header-of-three": (0, UP + raw("010003")),
    "wolfmqtt-register-of-three-octets": (0, UP + raw("0100070a000100")),
    "wolfmqtt-puback-cut": (0, UP + publish(1, 7) + raw("030d00")),
    "wolfmqtt-topic-id-128": (0, UP + publish(1, "a") +
                              frame(0x0b, b"\x80\x00\x00\x01\x00") +
                              message(1, 0x8000, 1)),
}


def seeds():
    for name, (options, events) in SEEDS.items():
        yield "client", name, octets(options) + events
