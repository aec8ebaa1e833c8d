#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The values that our codec finds in frames, against Wireshark's.

The frames are those of test_scapy.py. Only what ours takes is compared, for
tshark checks next to nothing, and each field where tshark is known to be
right; the others stand in EXPLAINED with the reason, and are counted.

Usage: test_tshark.py FRAME_TOOL [--seed N] [--count N]
Exits 77 (skipped) without tshark.
"""
import argparse
import os
import re
import shutil
import sys
import tempfile

import generate
import ours
import tshark_side as tshark

EXPLAINED = {
    "will flags": "tshark has no QoS and Retain of WILLTOPIC, WILLTOPICUPD",
    "empty will": "tshark calls an empty WILLTOPIC or WILLTOPICUPD malformed",
    "subscribe flags": "tshark has no DUP and QoS of SUBSCRIBE",
    "granted": "tshark has no QoS of SUBACK",
    "id as text": "tshark shows the id of SUBSCRIBE, UNSUBSCRIBE as text",
    "text": "tshark shows octets as text: cut at NUL, replaced where they are "
            "no text",
    "topic type": "tshark shows a TopicIdType where there is none (CONNECT, "
                  "WILLTOPIC, WILLTOPICUPD, SUBACK)",
    "node id": "tshark has room for 4 octets of a node id",
    "inside": "tshark dissects the message inside an encapsulation at once",
}

# Ours: tshark's.
NUMBERS = {"gw_id": "gw.id", "radius": "radius", "protocol_id": "protocol.id",
           "return_code": "return.code", "topic_id": "topic.id",
           "msg_id": "msg.id", "ctrl": "control.info"}
DURATIONS = {"ADVERTISE": "adv.interv", "CONNECT": "keep.alive",
             "DISCONNECT": "sleep.timer"}
TEXTS = {"gw_add": "gw.addr", "client_id": "client.id", "topic": "will.topic",
         "message": "will.msg", "data": "pub.msg"}
FLAGS = {"dup": "dup", "qos": "qos", "retain": "retain", "will": "will",
         "clean": "clean.session", "type": "topic.id.type"}
# Which of them tshark looks at, and rightly.
FLAGS_KNOWN = {"CONNECT": ("will", "clean"),
               "PUBLISH": ("dup", "qos", "retain", "type"),
               "SUBSCRIBE": ("type",), "UNSUBSCRIBE": ("type",)}
FLAGS_EXPLAINED = {"WILLTOPIC": "will flags", "WILLTOPICUPD": "will flags",
                   "SUBSCRIBE": "subscribe flags", "SUBACK": "granted"}
PLAIN_TEXT = re.compile(rb"[ -\[\]-~]+")


def expected_flags(name, fields, explain):
    if name in FLAGS_EXPLAINED:
        explain(FLAGS_EXPLAINED[name])
    if name in ("CONNECT", "WILLTOPIC", "WILLTOPICUPD", "SUBACK"):
        explain("topic type")
    return {FLAGS[key]: fields[key] for key in FLAGS_KNOWN.get(name, ())}


def expected_text(name, key, octets, explain):
    if not octets:
        return {}
    if not PLAIN_TEXT.fullmatch(octets):
        explain("text")
        return {}
    if key == "topic_name":
        where = "topic" if name == "REGISTER" else "topic.name.or.id"
    else:
        where = TEXTS[key]
    return {where: octets}


def expected(name, fields, explain):
    """What tshark is to find; what it is known not to find is explained."""
    wanted = {}
    if "dup" in fields:
        wanted.update(expected_flags(name, fields, explain))
    for key, value in fields.items():
        if name == "ENCAPSULATED" and key == "node_id":
            if len(value) > 4:
                explain("node id")
            else:
                wanted["wireless.node.id"] = int.from_bytes(value, "big")
        elif name == "ENCAPSULATED" and key == "message":
            explain("inside")
        elif key == "topic_id" and name in ("SUBSCRIBE", "UNSUBSCRIBE"):
            if fields["type"] in (1, 2):
                explain("id as text")
        elif key in NUMBERS:
            wanted[NUMBERS[key]] = value
        elif isinstance(value, bytes):
            wanted.update(expected_text(name, key, value, explain))
        elif key == "duration" and fields.get("has_duration", 1):
            wanted[DURATIONS[name]] = value
    return wanted


def value_of(texts):
    """The first of a field's occurrences: that of the outer message."""
    text = texts[0].decode("ascii")
    return int(text, 16 if text.startswith("0x") else 10)


def compare(differences, frame, name, fields, found):
    if "malformed" in found and name != "ENCAPSULATED":
        if fields.get("empty"):
            differences.explain("empty will")
        else:
            differences.report(frame, "malformed?", name, found)
        return
    wanted = expected(name, fields, differences.explain)
    wanted["msg.type"] = frame[3] if frame[0] == 1 else frame[1]
    wanted["msg.len"] = (frame[0] if name == "ENCAPSULATED" else len(frame))
    for where, value in wanted.items():
        if where not in found:
            differences.report(frame, where, value, "nothing")
        elif isinstance(value, bytes):
            if found[where][0] != value:
                differences.report(frame, where, value, found[where][0])
        elif value_of(found[where]) != value:
            differences.report(frame, where, value, found[where])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        default=0x5eed)
    parser.add_argument("--count", type=int, default=100000)
    args = parser.parse_args()
    if not shutil.which("tshark"):
        print("tshark is not installed")
        sys.exit(77)
    frames = [frame for frame in generate.Frames(args.seed).take(args.count)
              if len(frame) <= tshark.FRAME_MAX]
    taken = [(frame, name, fields) for frame, (why, name, fields, _)
             in zip(frames, ours.verdicts(args.tool, frames)) if not why]
    differences = ours.Differences(EXPLAINED)
    with tempfile.TemporaryDirectory() as directory:
        capture = os.path.join(directory, "frames.pcap")
        tshark.write_capture(capture, [frame for frame, _, _ in taken])
        dissected = list(tshark.dissect(capture))
    if len(dissected) != len(taken):
        sys.exit(f"{len(taken)} frames, tshark shows {len(dissected)}")
    for (frame, name, fields), found in zip(taken, dissected):
        compare(differences, frame, name, fields, found)
    print(f"{len(frames)} frames, {len(taken)} compared, "
          f"--seed {args.seed:#x}")
    is_well = differences.close(args.count >= 100000)
    sys.exit(0 if is_well and taken else 1)


main()
