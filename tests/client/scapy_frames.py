#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every frame that the library emits, read by a foreign decoder.

The tests of the client are run with MQTTSN_FRAME_DUMP set; each datagram they
make the library send is decoded by scapy, must be a message of a type that a
node may send, must say its own length, and must be built again from the fields
scapy found to the very same octets.

Usage: scapy_frames.py TEST-PROGRAM... Exits 77 (skipped) without scapy.
"""
import logging
import os
import subprocess
import sys
import tempfile

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.contrib import mqttsn as sn
except ImportError:
    print("python3-scapy is not installed")
    sys.exit(77)

# What the tests must have made the library say at least once.
WANTED = {
    "SEARCHGW", "GWINFO", "CONNECT", "WILLTOPIC", "WILLMSG", "REGISTER",
    "REGACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
    "UNSUBSCRIBE", "PINGREQ", "PINGRESP", "DISCONNECT", "WILLTOPICUPD",
    "WILLMSGUPD", "ENCAPS_MSG",
}


def frames(programs):
    with tempfile.NamedTemporaryFile("r") as dump:
        env = dict(os.environ, MQTTSN_FRAME_DUMP=dump.name)
        for program in programs:
            subprocess.run([program], env=env, check=True,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        return {bytes.fromhex(line) for line in dump}


def complaint(octets):
    """What is wrong with a frame; None when nothing is. And its type."""
    packet = sn.MQTTSN(octets)
    kind = sn.PACKET_TYPE.get(packet.type)
    if kind == "Encapsulated message":
        kind = "ENCAPS_MSG"
    if kind not in WANTED:
        return kind, "scapy does not see a message of a node's"
    if kind == "ENCAPS_MSG":
        inner, why = complaint(octets[packet.len:])
        return kind, why and "inside, %s: %s" % (inner, why)
    if packet.len != len(octets):
        return kind, "Length says %d of %d" % (packet.len, len(octets))
    layers = packet.copy()
    layer = layers
    while layer:
        layer.raw_packet_cache = None
        layer = layer.payload
    again = bytes(layers)
    if again != octets:
        return kind, "scapy builds %s of it" % again.hex()
    return kind, None


def main(programs):
    seen, wrong = {}, 0
    dumped = frames(programs)
    for octets in sorted(dumped):
        kind, why = complaint(octets)
        seen[kind] = seen.get(kind, 0) + 1
        if why:
            wrong += 1
            print("%s: %s: %s" % (octets.hex(), kind, why))
    for kind in sorted(WANTED - set(seen)):
        wrong += 1
        print("no %s was sent" % kind)
    print("%d distinct frames: %s" % (len(dumped), ", ".join(
        "%s %d" % item for item in sorted(seen.items(), key=str))))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
