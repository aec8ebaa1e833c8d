# SPDX-License-Identifier: MIT
"""Journals; fuzz_journal.c says what their pieces are."""

from seeds_engine import octets, u16

RAW, BAD_HEAD, FOREIGN, STOP = 1, 2, 4, 8
MISSING = octets(4)


def keep(kind, owner, item, data=b"data"):
    return octets(0, kind, owner, item, len(data), data)


def forget(kind, owner, item):
    return octets(1, kind, owner, item, 0)


def forget_owner(owner):
    return octets(2, 0, owner, 0, 0)


def junk(data):
    return octets(3, len(data), data)


def cut(count):
    return octets(5, count)


def journal(first=b"", second=b"", flags=0):
    return octets(flags, u16(len(first)), first, second)


SOME = keep(1, 1, 0) + keep(3, 1, 1, b"a/b") + forget(3, 1, 1)

SEEDS = {
    "empty": journal(),
    "one-file": journal(SOME),
    "two-files": journal(SOME, SOME + forget_owner(1)),
    "torn": journal(SOME + cut(5), SOME),
    "torn-in-the-head": journal(cut(10), SOME),
    "damage-in-the-middle": journal(keep(1, 1, 0) + junk(b"\xff" * 40) + SOME),
    "damage-that-looks-like-a-record":
        journal(junk(b"\0\0\0\0\0\0\4\1" + bytes(40)) + SOME),
    "longest-length-that-is-a-lie":
        journal(junk(b"\0\0\0\0\2\0\0\1" + bytes(60)) + SOME),
    "one-missing": journal(SOME + MISSING + SOME),
    "damaged-head": journal(SOME, SOME, BAD_HEAD),
    "of-another-store": journal(SOME, SOME, FOREIGN),
    "visitor-stops": journal(SOME, SOME, STOP),
    "large-records": journal(b"".join(keep(5, 0, k, b"x" * 255)
                                      for k in range(40))),
    "zeros": journal(bytes(200), bytes(30), RAW),
    "text": journal(b"this is no journal" * 9, b"MQSNGWJ1", RAW),
}


def seeds():
    for name, data in SEEDS.items():
        yield "journal", name, data
