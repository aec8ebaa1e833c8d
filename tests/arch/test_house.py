# SPDX-License-Identifier: MIT
"""Small rules of the house that a reader should not have to check."""

import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINES_MAX = 600
SPDX = "SPDX-License-Identifier: MIT"
SKIPPED = {".git", "build", "__pycache__"}


def files():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in SKIPPED
                            and not name.startswith("build"))
        for name in sorted(names):
            yield pathlib.Path(folder) / name


PAGE = {".js", ".css", ".html"}


def is_code(path):
    return path.suffix in {".c", ".h", ".py"} | PAGE \
        or path.name == "meson.build" \
        or path.name == "meson_options.txt" or path.parent.name == "scripts" \
        or path.parent.name == ".ci"


class House(unittest.TestCase):
    def complaints(self, wanted, judge):
        found = []
        for path in files():
            if wanted(path):
                found += ["%s: %s" % (path.relative_to(ROOT), text)
                          for text in judge(path)]
        self.assertEqual(found, [])

    def test_each_source_begins_with_its_licence(self):
        def judge(path):
            head = path.read_text(encoding="utf-8").splitlines()[:2]
            if not any(SPDX in line for line in head):
                yield "no '%s' at the top" % SPDX

        self.complaints(is_code, judge)

    def test_no_source_is_too_long_to_be_one_thing(self):
        def judge(path):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LINES_MAX:
                yield "%d lines" % lines

        self.complaints(lambda path: path.suffix in {".c", ".h"} | PAGE, judge)

    def test_each_header_is_guarded(self):
        def judge(path):
            text = path.read_text(encoding="utf-8")
            match = re.search(r"#ifndef (\w+)\n#define (\w+)\n", text)
            if not match or match.group(1) != match.group(2):
                yield "no include guard"

        self.complaints(lambda path: path.suffix == ".h", judge)

    def test_lines_do_not_end_in_blanks_and_files_end_in_a_line(self):
        def judge(path):
            text = path.read_text(encoding="utf-8")
            for number, line in enumerate(text.split("\n"), 1):
                if line != line.rstrip():
                    yield "line %d ends in blanks" % number
            if text and not text.endswith("\n"):
                yield "the last line has no end"

        self.complaints(is_code, judge)

    def test_each_folder_names_its_sources_one_by_one(self):
        def judge(path):
            text = path.read_text(encoding="utf-8")
            if re.search(r"run_command\(|glob", text):
                yield "looks for its files"

        self.complaints(lambda path: path.name == "meson.build", judge)

    def test_each_scenario_is_run(self):
        named = (ROOT / "tests/scenario/meson.build").read_text(
            encoding="utf-8")

        def judge(path):
            if "'%s'" % path.stem not in named:
                yield "is not named in tests/scenario/meson.build"

        self.complaints(lambda path: path.suffix == ".scn", judge)


if __name__ == "__main__":
    unittest.main(verbosity=2)
