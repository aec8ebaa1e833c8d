# SPDX-License-Identifier: MIT
"""What a release build has against whoever finds a fault in it, as readelf and
nm see it in each program that is installed."""

import re
import subprocess
import sys
import unittest

MACHINE = sys.argv[1]
PROGRAMS = [path for path in sys.argv[2:] if not path.endswith(".a")]
ARCHIVES = [path for path in sys.argv[2:] if path.endswith(".a")]
del sys.argv[1:]


def readelf(what, program):
    return subprocess.run(["readelf", "-W", what, program], text=True,
                          check=True, capture_output=True).stdout


def wanted(program):
    """Names of functions that it takes from libraries."""
    return set(re.findall(r" UND (\w+)", readelf("--dyn-syms", program)))


class Hardening(unittest.TestCase):
    def each(self):
        self.assertTrue(PROGRAMS)
        for program in PROGRAMS:
            with self.subTest(program):
                yield program

    def test_it_may_be_loaded_anywhere(self):
        for program in self.each():
            self.assertRegex(readelf("-h", program), r"Type: +DYN")
            self.assertRegex(readelf("-d", program), r"\(FLAGS_1\).*PIE")

    def test_tables_for_the_loader_are_read_only_once_it_is_done(self):
        for program in self.each():
            self.assertIn("GNU_RELRO", readelf("-l", program))
            self.assertRegex(readelf("-d", program), r"BIND_NOW|Flags: .*NOW")

    def test_no_page_can_be_both_written_and_run(self):
        for program in self.each():
            segments = re.findall(
                r"^ +(\S+) +0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ ([RWE ]{3}) ",
                readelf("-l", program), re.M)
            self.assertIn(("GNU_STACK", "RW "), segments)
            self.assertEqual([row for row in segments
                              if "W" in row[1] and "E" in row[1]], [])

    def test_an_overrun_of_the_stack_is_seen(self):
        for program in self.each():
            self.assertIn("__stack_chk_fail", wanted(program))

    def test_the_c_library_checks_sizes_where_it_is_told_them(self):
        for program in self.each():
            self.assertTrue(any(name.endswith("_chk") for name in
                                wanted(program) - {"__stack_chk_fail"}))

    def test_no_library_is_looked_for_beside_it(self):
        for program in self.each():
            self.assertNotRegex(readelf("-d", program), r"R(UN)?PATH")

    def test_a_core_dump_can_be_matched_with_it(self):
        for program in self.each():
            self.assertRegex(readelf("-n", program), r"Build ID: [0-9a-f]{40}")


class Returns(unittest.TestCase):
    """Marks on each object of ours. That of a program is the least of all that
    is linked into it, and the C library's beginning may have none."""

    def test_they_are_guarded_where_the_processor_can(self):
        mark = {"x86_64": "SHSTK", "aarch64": "PAC"}.get(MACHINE)
        self.assertTrue(ARCHIVES)
        for archive in ARCHIVES:
            objects = readelf("-n", archive).split("\nFile: ")[1:]
            self.assertTrue(objects)
            for text in objects if mark else ():
                with self.subTest(text.splitlines()[0]):
                    self.assertRegex(text, r"feature: .*\b%s\b" % mark)


if __name__ == "__main__":
    unittest.main(verbosity=2)
