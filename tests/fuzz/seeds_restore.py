# SPDX-License-Identifier: MIT
"""Records of a store; fuzz_restore.c says how they stand in an input, and
gateway/core/records.h what is in each."""

from seeds_engine import octets, u16

SESSION, WILL, TOPIC, SUBSCRIPTION, MESSAGE, QUEUED, EXCHANGE, FILTER = \
    range(1, 9)
DISCONNECTED, HALF_OPEN, ACTIVE, ASLEEP, AWAKE, LOST = range(6)
CLEAN, KNOWN, BOUND = 1, 2, 4


def u32(value):
    return value.to_bytes(4, "big")


def u64(value):
    return value.to_bytes(8, "big")


def text(value):
    return u16(len(value)) + value.encode()


def record(kind, owner, item, body):
    return octets(kind, owner, item, len(body), body)


def session(owner, name, state=ACTIVE, flags=KNOWN | BOUND, family=4, host=1,
            sleep=60):
    return record(SESSION, owner, 0, octets(
        state, flags, u16(60), u16(sleep), u16(3), u16(77), u32(5), u32(5),
        u32(1), family, u16(2000), u32(0), bytes([10, 0, 0, host]) + bytes(12),
        u16(0), bytes(16), text(name), text("")))


def will(owner):
    return record(WILL, owner, 0, octets(3, 1, text("will"), "gone"))


def topic(owner, id_, name, kind=0):
    # The number of an item is small here; 0xc1.. stand for the large ones.
    return record(TOPIC, owner, id_ if kind == 0 else 0xc1,
                  octets(0, u32(1), name))


def subscription(owner, item, name, qos=1):
    return record(SUBSCRIPTION, owner, item, octets(0, qos, u16(1), name))


def message(item, name="a/b", arrival=0):
    return record(MESSAGE, 0, item, octets(0, u32(arrival), u64(9), text(name),
                                           "payload"))


def queued(owner, item, number, qos=1, flags=0, msg=0):
    return record(QUEUED, owner, item, octets(u32(number), qos, flags,
                                              u16(msg), 0))


def exchange(item, owner, qos=2, flags=0x10, msg=5):
    return record(EXCHANGE, 0, item, octets(
        flags, qos, 2, u16(msg), u16(0x6162), u64(1), u32(owner), u32(0),
        u64(100), text("a"), text("ab"), "payload"))


NODE = session(1, "a")
END = octets(0, 0, 0, 0)  # no record: events follow

SEEDS = {
    "nothing": b"",
    "a-session": NODE,
    "a-sleeper-with-mail":
        session(1, "a", ASLEEP, sleep=600) + topic(1, 1, "a/b") +
        subscription(1, 1, "a/b") + message(1) + message(2) +
        queued(1, 1, 1) + queued(1, 2, 2, qos=2, flags=1, msg=9),
    "two-with-one-message":
        session(1, "a") + session(2, "b", host=2) + message(1) +
        queued(1, 1, 1) + queued(2, 1, 1),
    "a-will": NODE + will(1),
    "each-state": b"".join(session(k + 1, "n%d" % k, k, host=k + 1)
                           for k in range(6)),
    "exchanges": NODE + exchange(1, 1) + exchange(2, 1, qos=1, msg=6) +
        exchange(3, 0, qos=1),
    "a-finished-exchange": NODE + record(EXCHANGE, 0, 1, octets(
        0x11, 2, 2, u16(5), u16(0x6162), u64(1), u32(1), u32(0))),
    "filters": record(FILTER, 0, 0, b"") + record(FILTER, 0, 7, b"a/#"),
    "of-nobody": topic(9, 1, "a/b") + subscription(9, 1, "a") + will(9) +
        queued(9, 1, 9) + exchange(1, 9),
    "twice-one-client": session(1, "a") + session(2, "a"),
    "two-at-one-address": session(1, "a") + session(2, "b"),
    "more-than-fit": b"".join(session(k + 1, "n%d" % k, host=k + 1)
                              for k in range(9)),
    "largest-numbers": session(255, "a") + topic(255, 7, "a/b") +
        subscription(255, 255, "a/b") + message(255) +
        record(QUEUED, 255, 255, octets(u32(0xffffffff), 1, 0, u16(0), 0)),
    "cut": record(SESSION, 1, 0, b"\x02") + record(WILL, 1, 0, b"") +
        record(TOPIC, 1, 1, b"\0") + record(MESSAGE, 0, 1, b"\0\0"),
    "another-version": octets(0x81, 1, 0, 3, 2, 0, 0),
    "a-kind-that-is-none": record(99, 1, 1, b"x"),
    "bad-names": NODE + topic(1, 1, "a/#") + subscription(1, 1, "a/#/b") +
        message(1, "+") + record(FILTER, 0, 1, b"\xff"),
}


def seeds():
    for name, records in SEEDS.items():
        for durable in (0, 1):
            yield "restore", name + ("-durable" if durable else ""), \
                octets(0x0c, 0x01, 0x00, durable) + records + END + \
                octets(3, 200)
