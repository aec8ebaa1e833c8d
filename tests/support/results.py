#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""results - what a run of 'meson test' came to, for scripts/test.

  results.py LOG      LOG: meson's testlog.json

Prints a line "RESULT<tab>NAME" for each test, with meson's words for results;
SKIP also for each part that a program left out while it passed; AGAIN instead
of a failure that is worth a second run (decision 36): in a suite that starts
real processes and waits for real time, nothing that a sanitizer, an assertion
or a signal said, and few enough of them that it is not the product.
"""

import json
import re
import sys

# What is left out within a program that passes: CMocka's and unittest's words.
PARTS = (re.compile(r"^\[  SKIPPED \] (?!\d+ test)(\w+)", re.M),
         re.compile(r"^(\w+) \(.*\) \.\.\. skipped ", re.M))
TIMED = {"e2e", "faults", "io", "dashboard"}
# Also what the harness and the daemon say of the daemon's end: what meson sees
# is how the test ended.
EVIDENCE = re.compile(r"(?i)sanitizer|runtime error:|assertion .* failed|"
                      r"core dumped|definitely lost|failed with exception|"
                      r"event\W+crashed|ended with status|"
                      r"does not end the gateway")
AGAIN_AT_MOST = 3


def suites(test):
    return set(test["name"].split(" / ")[0].partition(":")[2].split("+"))


def said(test):
    return (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")


def worth_a_second_run(test):
    in_order = test["result"] == "TIMEOUT" or (
        test["result"] == "FAIL" and test["returncode"] > 0)
    return (in_order and suites(test) & TIMED
            and not EVIDENCE.search(said(test)))


def main():
    with open(sys.argv[1], encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
    again = [test for test in tests if worth_a_second_run(test)]
    if len(again) > AGAIN_AT_MOST:
        again = []
    for test in tests:
        name = test["name"].replace("\n", " ")
        print("AGAIN" if test in again else test["result"], name, sep="\t")
        if test["result"] != "OK":
            continue
        for part in sorted({part for form in PARTS
                            for part in form.findall(said(test))}):
            print("SKIP", name + ": " + part, sep="\t")


main()
