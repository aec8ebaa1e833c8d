#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How much of common and gateway/core the tests reach, and whether it is enough.

    check.py BUILD [-v]     -v: also each line and branch that was not reached

BUILD was configured with -Db_coverage=true, and its tests have run. gcovr
counts; this leaves out what no input can reach, and nothing else:
  - the branches of an assert, which a right program cannot take;
  - the way past all cases of a switch without default, which gcc counts, where
    the compiler checks that all values have a case.
"""
import argparse
import json
import os
import subprocess
import sys

LINES, BRANCHES = 95.0, 93.0  # percent, at least
ROOMS = ("common/", "gateway/core/")
ASSERT = r"\s*assert\(.*"


def counted(root, build):
    """gcovr's report, as it is documented for its --json."""
    command = ["gcovr", "--root", root, "--json", "--exclude-branches-by-pattern",
               ASSERT, build]
    for room in ROOMS:
        command += ["--filter", os.path.join(root, room)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output)["files"]


def lacks_default(source, at):
    """Whether the switch that begins on that line has no default. The form of
    the sources is kept by clang-format: what belongs to it is as far in."""
    indent = source[at][:len(source[at]) - len(source[at].lstrip())]
    for line in source[at + 1:]:
        if line.startswith(indent + "default:"):
            return False
        if line.startswith(indent + "}"):
            return True
    return False


class File:
    """The figures of one source."""

    def __init__(self, root, report):
        self.name = report["file"]
        self.lines = self.lines_hit = self.branches = self.branches_hit = 0
        self.missing = []
        with open(os.path.join(root, self.name), encoding="utf-8") as file:
            self.source = file.read().split("\n")
        for line in report["lines"]:
            if not line.get("gcovr/noncode"):
                self.add(line)

    def add(self, line):
        at = line["line_number"] - 1
        branches = len(line.get("branches", ()))
        hit = sum(branch["count"] > 0 for branch in line.get("branches", ()))
        if (hit < branches and lacks_default(self.source, at) and
                self.source[at].lstrip().startswith("switch (")):
            branches -= 1
        self.lines += 1
        self.lines_hit += line["count"] > 0
        self.branches += branches
        self.branches_hit += hit
        if line["count"] == 0 or hit < branches:
            self.missing.append(
                f"{self.name}:{at + 1}: {branches - hit} of {branches} "
                f"branches  {self.source[at].strip()}")


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("-v", action="store_true", dest="verbose")
    args = parser.parse_args()
    root = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
    files = [File(root, report) for report in counted(root, args.build)]
    if len(files) < 40:
        sys.exit(f"only {len(files)} sources were counted: did the tests run?")
    for file in files:
        if args.verbose and file.missing:
            print("\n".join(file.missing))
    for file in files:
        print(f"{percent(file.lines_hit, file.lines):6.1f} % "
              f"{percent(file.branches_hit, file.branches):6.1f} %  "
              f"{file.name}")
    lines = percent(sum(f.lines_hit for f in files),
                    sum(f.lines for f in files))
    branches = percent(sum(f.branches_hit for f in files),
                       sum(f.branches for f in files))
    print(f"lines {lines:.1f} % (at least {LINES}), "
          f"branches {branches:.1f} % (at least {BRANCHES})")
    sys.exit(0 if lines >= LINES and branches >= BRANCHES else 1)


main()
