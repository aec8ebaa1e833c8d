#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Instructions per message in the engine alone, counted by callgrind.

engine_work.py [VALGRIND PROGRAM [CALLGRIND-OPTION...]]

Runs the program (work.c) and prints what it took per message. Fails when
more than BOUNDS says, or when 100 000 sessions cost more than 5 % more than
100. What is counted is instructions, so the figure is the same on any day.
Without arguments: there is no valgrind, 77 says "skipped".
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

# From the datagram's input to the end of the poll that yields the action.
BOUNDS = {"uplink_qos0": 1500}
SPREAD = 0.05

TEXTS = {
    "uplink_qos0": "uplink, QoS 0: datagram in, publish out",
    "uplink_qos1": "uplink, QoS 1: the same, result in, PUBACK out",
    "downlink_qos0": "downlink, QoS 0, awake: message in, datagram out",
    "downlink_qos1": "downlink, QoS 1, awake: the same, PUBACK in",
    "wake_up": "wake-up: PINGREQ in, first datagram out",
}


def count(valgrind, program, options, sessions):
    """What was counted: {name: instructions per message}."""
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out")
        subprocess.run(
            [valgrind, "-q", "--tool=callgrind", "--instr-atstart=no",
             "--collect-atstart=no", "--callgrind-out-file=" + out,
             *options, program, str(sessions)], check=True)
        for path in glob.glob(out + ".*"):
            with open(path, encoding="utf-8") as part:
                text = part.read()
            label = re.search(
                r"^desc: Trigger: Client Request: (\S+) (\d+)$", text, re.M)
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
            if label and total:
                found[label.group(1)] = (
                    int(total.group(1)) / int(label.group(2)))
    return found


def main():
    if len(sys.argv) < 3:
        print("no valgrind with its header valgrind/callgrind.h: skipped")
        return 77
    valgrind, program, *options = sys.argv[1:]
    few_sessions = count(valgrind, program, options, 100)
    many_sessions = count(valgrind, program, options, 100000)
    failed = False
    print(f"{'instructions per message':50} {'100':>8} {'100 000':>8}   bound")
    for name, text in TEXTS.items():
        few, many = few_sessions[name], many_sessions[name]
        bound = BOUNDS.get(name)
        verdict = ""
        if bound is not None:
            verdict = str(bound)
            if few <= 0 or max(few, many) > bound:
                verdict += " EXCEEDED"
                failed = True
            if abs(many - few) > SPREAD * few:
                verdict += f" MORE THAN {SPREAD:.0%} APART"
                failed = True
        print(f"{text:50} {few:8.0f} {many:8.0f}   {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
