#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the vectors of test_siphash.c; shares nothing with siphash.c.

Written from "SipHash: a fast short-input PRF" (Aumasson, Bernstein, 2012),
section 2, for any number of rounds. Before it prints, it proves itself
against the paper's own vector for SipHash-2-4 (appendix A), and, where the
interpreter hashes bytes with SipHash-1-3 (CPython 3.11 and later), against
that, run with a key of zeros.
"""

import subprocess
import sys

MASK = (1 << 64) - 1


def siphash(compressions, finals, key, message):
    def rotl(x, b):
        return ((x << b) | (x >> (64 - b))) & MASK

    def sipround(v0, v1, v2, v3):
        v0 = (v0 + v1) & MASK
        v1 = rotl(v1, 13) ^ v0
        v0 = rotl(v0, 32)
        v2 = (v2 + v3) & MASK
        v3 = rotl(v3, 16) ^ v2
        v0 = (v0 + v3) & MASK
        v3 = rotl(v3, 21) ^ v0
        v2 = (v2 + v1) & MASK
        v1 = rotl(v1, 17) ^ v2
        v2 = rotl(v2, 32)
        return v0, v1, v2, v3

    k0 = int.from_bytes(key[:8], "little")
    k1 = int.from_bytes(key[8:], "little")
    state = [k ^ int.from_bytes(word, "big") for k, word in
             zip((k0, k1, k0, k1),
                 (b"somepseu", b"dorandom", b"lygenera", b"tedbytes"))]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at:at + 8], "little")
        state[3] ^= word
        for _ in range(compressions):
            state = list(sipround(*state))
        state[0] ^= word
    state[2] ^= 0xFF
    for _ in range(finals):
        state = list(sipround(*state))
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def prove():
    key = bytes(range(16))
    assert siphash(2, 4, key, bytes(range(15))) == 0xA129CA6149BE45E5
    if sys.hash_info.algorithm != "siphash13":
        print("note: not compared with the interpreter's hash", file=sys.stderr)
        return
    for length in (1, 7, 8, 9, 300):
        code = "print(hash(bytes(i & 255 for i in range(%d))))" % length
        out = subprocess.run([sys.executable, "-c", code], check=True,
                             capture_output=True, env={"PYTHONHASHSEED": "0"})
        message = bytes(i & 255 for i in range(length))
        assert siphash(1, 3, bytes(16), message) == int(out.stdout) & MASK


prove()
for rounds, lengths in (((1, 3), [*range(0, 18), 63, 64, 255, 256, 300]),
                        ((2, 4), [0, 7, 8, 15, 300])):
    for length in lengths:
        digest = siphash(*rounds, bytes(range(16)),
                         bytes(i & 255 for i in range(length)))
        print("{%d, 0x%016x}," % (length, digest))
