#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""What scripts/test makes of a log of meson's."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..",
                    "support", "results.py")


def test(name, result="FAIL", status=1, stdout="", stderr=""):
    return {"name": "gw:" + name, "result": result, "returncode": status,
            "stdout": stdout, "stderr": stderr}


def results(*tests):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for one in tests:
            log.write(json.dumps(one) + "\n")
        log.flush()
        out = subprocess.run([sys.executable, "-B", TOOL, log.name],
                             check=True, capture_output=True, text=True)
    return [tuple(line.split("\t")) for line in out.stdout.splitlines()]


class Results(unittest.TestCase):
    def test_each_result_has_a_line_and_parts_left_out_have_one_too(self):
        self.assertEqual(
            results(test("unit / a", "OK", 0),
                    test("unit / b", "OK", 0, "[  SKIPPED ] part\n"),
                    test("e2e / c", "OK", 0, "",
                         "test_x (T.test_x) ... skipped 'why'\n"),
                    test("unit / d", "SKIP", 77)),
            [("OK", "gw:unit / a"), ("OK", "gw:unit / b"),
             ("SKIP", "gw:unit / b: part"), ("OK", "gw:e2e / c"),
             ("SKIP", "gw:e2e / c: test_x"), ("SKIP", "gw:unit / d")])

    def test_what_waits_for_real_time_is_run_again(self):
        self.assertEqual(
            results(test("e2e / a"), test("faults+reconnects / b"),
                    test("io / c", "TIMEOUT", -15)),
            [("AGAIN", "gw:e2e / a"), ("AGAIN", "gw:faults+reconnects / b"),
             ("AGAIN", "gw:io / c")])

    def test_what_does_not_is_not(self):
        for suite in ("unit", "scenario", "sim", "fuzz", "arch"):
            self.assertEqual(results(test(suite + " / a"))[0][0], "FAIL")

    def test_evidence_of_a_fault_is_not_run_away(self):
        for stderr in ("==1==ERROR: AddressSanitizer: heap-use-after-free",
                       "WARNING: ThreadSanitizer: data race",
                       "x.c:1:2: runtime error: shift exponent",
                       "x.c:3: f: Assertion `a > 0' failed.",
                       "Test failed with exception: Segmentation fault",
                       "level=error area=daemon event=crashed signal=SIGSEGV",
                       '{"level":"error","area":"daemon","event":"crashed"}',
                       "the gateway ended with status -11",
                       "a sanitizer or assertion spoke",
                       "SIGTERM does not end the gateway"):
            self.assertEqual(results(test("e2e / a", stderr=stderr)),
                             [("FAIL", "gw:e2e / a")], stderr)
        self.assertEqual(results(test("io / a", status=-6))[0][0], "FAIL")
        self.assertEqual(results(test("io / a", "ERROR", -11))[0][0], "ERROR")

    def test_many_failures_are_no_accident(self):
        many = [test("e2e / %d" % number) for number in range(4)]
        self.assertEqual({result for result, _ in results(*many)}, {"FAIL"})


if __name__ == "__main__":
    unittest.main()
