#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Our codec, the specification's table and scapy, on the same frames.

Half of the frames are valid, half are damaged (generate.py). For each one
  - ours must say what the table says: taken or refused, why, every field, and
    the octets of the same frame as a careful sender sends it; with and
    without the leniency of G12-08;
  - scapy must find the same fields in what was received and in what ours
    encodes, and must build of these fields the octets that ours encodes;
  - scapy must be content with what ours takes and ours encodes, and not with
    what ours refuses.
Where scapy is known to be wrong, the reason stands in EXPLAINED and is
counted; anything else is a failure.

Usage: test_scapy.py FRAME_TOOL [--seed N] [--count N]
Exits 77 (skipped) without scapy.
"""
import argparse
import collections
import sys

import generate
import layout
import ours

try:
    import scapy_side as scapy
except ImportError:
    print("python3-scapy is not installed")
    sys.exit(77)

EXPLAINED = {
    "unused": "scapy shows flags that the message does not use; they are "
              "ignored (G12-05)",
    "header": "scapy takes a header without any of the fields of its type",
    "reserved": "scapy takes the header of a reserved type",
    "name": "scapy takes an empty topic name or filter",
    "nested": "scapy takes an encapsulation in an encapsulation (G12-46)",
    "long": "scapy takes an encapsulation with the 3-octet Length [SN 5.5]",
    "inner": "scapy judges the message inside an encapsulation at once; ours "
             "leaves that to a second decode",
    "sleepless": "scapy cannot give a DISCONNECT without Duration its Length; "
                 "it is told",
}


def compare_with_table(differences, frame, verdict, table, what):
    """Whether ours and the table agree on a frame."""
    why, name, fields, encoded = verdict
    wanted_why, wanted_name, wanted = table
    if why != wanted_why:
        differences.report(frame, what, why or name,
                           wanted_why or wanted_name)
    elif why is None and (name, fields) != (wanted_name, wanted):
        differences.report(frame, what, (name, fields), (wanted_name, wanted))
    elif why is None and encoded != layout.encode(name, fields):
        differences.report(frame, what + ", encoded", encoded.hex(),
                           layout.encode(name, fields).hex())
    else:
        return True
    return False


def why_content(frame, why):
    """The reason why scapy takes what is refused, if there is a known one."""
    if why == layout.NESTED:
        return "nested"
    number = frame[3 if frame[0] == 1 else 1]
    if number == layout.ENCAPSULATED and frame[0] == 1:
        return "long"
    if len(frame) == (4 if frame[0] == 1 else 2):
        return "reserved" if why == layout.TYPE else "header"
    if why == layout.FIELD and layout.TYPES[number][0] in (
            "REGISTER", "SUBSCRIBE", "UNSUBSCRIBE"):
        return "name"
    return None


def compare_refused(differences, frame, why):
    if not scapy.is_content(scapy.read(frame), frame):
        return
    key = why_content(frame, why)
    if key:
        differences.explain(key)
    else:
        differences.report(frame, "refused", why, "scapy is content")


def without_unused(found, name):
    """The fields with the flags that do not count at 0."""
    row = layout.TYPES[layout.NUMBERS[name]] if name in layout.NUMBERS else ()
    used = [flag for field in row if field[0] == "flags" for flag in field]
    if found.get("empty"):
        used = []
    return {key: 0 if key in layout.FLAG_NAMES and key not in used else value
            for key, value in found.items()}


def compare_read(differences, frame, name, fields, what, may_explain):
    """scapy's fields of a frame that is good."""
    packet = scapy.read(frame)
    if packet is None or not scapy.is_content(packet, frame):
        if name == "ENCAPSULATED" and is_odd_inside(fields["message"]):
            differences.explain("inner")
            return
        differences.report(frame, what, name, "scapy is not content")
        return
    found = scapy.fields(packet, name, fields)
    if found == fields:
        return
    if may_explain and without_unused(found, name) == fields:
        differences.explain("unused")
    else:
        differences.report(frame, what, fields, found)


def is_odd_inside(message):
    """Whether the table or scapy finds fault with an inner message alone."""
    return (layout.judge(message)[0] is not None or
            not scapy.is_content(scapy.read(message), message))


def compare_taken(differences, frame, name, fields, encoded):
    compare_read(differences, frame, name, fields, "received", True)
    compare_read(differences, encoded, name, fields, "encoded", False)
    if name == "DISCONNECT" and not fields["has_duration"]:
        differences.explain("sleepless")
    built = scapy.build(name, fields)
    if built != encoded:
        differences.report(frame, "built", encoded.hex(), built.hex())


def has_breadth(verdicts, lenient, count):
    """Whether the frames were worth it: each type was taken and each reason
    to refuse was met often enough."""
    taken = collections.Counter(v[1] for v in verdicts if v[0] is None)
    refused = collections.Counter(v[0] for v in verdicts if v[0] is not None)
    print("  taken:  ", ", ".join(f"{n} {c}" for n, c in taken.items()))
    print("  refused:", ", ".join(f"{n} {c}" for n, c in refused.items()))
    quirks = sum(a[0] != b[0] for a, b in zip(verdicts, lenient))
    print(f"  taken for leniency only: {quirks}")
    enough = count // 500
    # Without fields there are two: one in each form of Length.
    floors = {name: enough if row else 2
              for name, *row in layout.TYPES.values()}
    floors["ENCAPSULATED"] = enough
    rare = [name for name, floor in floors.items() if taken[name] < floor]
    rare += [why for why in ours.REFUSALS.values()
             if refused[why] < enough]
    if quirks < count // 5000:
        rare.append("the leniency of G12-08")
    if rare:
        print("hardly tried:", ", ".join(rare))
    return not rare


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        default=0x5eed)
    parser.add_argument("--count", type=int, default=100000)
    args = parser.parse_args()
    frames = generate.Frames(args.seed).take(args.count)
    verdicts = ours.verdicts(args.tool, frames)
    lenient = ours.verdicts(args.tool, frames, "quirk")
    differences = ours.Differences(EXPLAINED)

    for frame, verdict, with_quirk in zip(frames, verdicts, lenient):
        compare_with_table(differences, frame, with_quirk,
                           layout.judge(frame, True), "table, with leniency")
        if not compare_with_table(differences, frame, verdict,
                                  layout.judge(frame), "table"):
            continue
        why, name, fields, encoded = verdict
        if why:
            compare_refused(differences, frame, why)
        else:
            compare_taken(differences, frame, name, fields, encoded)

    print(f"{len(frames)} frames, all different, "
          f"--seed {args.seed:#x}")
    is_broad = has_breadth(verdicts, lenient, len(frames))
    is_well = differences.close(len(frames) >= 100000)
    sys.exit(0 if is_broad and is_well else 1)


main()
