#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Deliberate bugs, to measure what the simulator finds.

    bugs.py apply NUMBER SIMULATOR COPY
                                     writes the changed copy of a source, an
                                     empty one if it is for another simulator
    bugs.py check                    each bug still applies
    bugs.py power [--seeds N] [--jobs N] BUILD [NUMBER...]
                                     each bug is found by the simulator

A bug is a file bugs/NN-NAME.bug: why, which source, and an exact piece of it,
which must occur once, with what stands there instead. The sources themselves
know nothing of it. 'power' takes an ordinary build directory (optimized, for
there are many seeds), compiles the one changed source of each bug as that
build would, links the simulator with it in place of the original, and runs
seeds from 1 on until one fails that is well without the bug. Exit status 1 when
a bug is not found.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUGS = pathlib.Path(__file__).resolve().parent / "bugs"
FORM = re.compile(r"why: (?P<why>[^\n]+)\nfile: (?P<file>\S+)\n"
                  r"--- old\n(?P<old>.*)--- new\n(?P<new>.*)--- end\n", re.S)
SIMULATOR = "tests/sim/simulate"
# With the gateway's own store below the engine.
STORE_SIMULATOR = "tests/sim/simulate-store"


class Bug:
    def __init__(self, path):
        match = FORM.fullmatch(path.read_text(encoding="utf-8"))
        if match is None:
            raise SystemExit("bugs.py: %s is not in the form" % path.name)
        self.number = int(path.name.split("-")[0])
        self.name = path.stem
        self.why, self.file = match["why"], match["file"]
        self.simulator = (STORE_SIMULATOR if self.file.startswith("gateway/io/")
                          else SIMULATOR)
        self.old, self.new = match["old"], match["new"]

    def changed(self):
        """The source with the bug; None when its place is not there."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            return None
        # Compilers speak of the lines of the original.
        return "#line 1 \"%s\"\n%s" % (ROOT / self.file,
                                       text.replace(self.old, self.new))


def all_bugs():
    return [Bug(path) for path in sorted(BUGS.glob("*.bug"))]


def apply(number, simulator, copy):
    for bug in all_bugs():
        if bug.number == number:
            text = bug.changed()
            if text is None:
                raise SystemExit("bugs.py: %s does not apply" % bug.name)
            if bug.simulator.split("/")[-1] != simulator:
                text = "typedef int nothing_of_it_is_here;\n"
            pathlib.Path(copy).write_text(text, encoding="utf-8")
            return
    raise SystemExit("bugs.py: there is no bug %d" % number)


def check():
    bugs = all_bugs()
    bad = [bug for bug in bugs if bug.changed() is None]
    for bug in bad:
        print("%s does not apply to %s any more" % (bug.name, bug.file))
    if len({bug.number for bug in bugs}) != len(bugs):
        print("two bugs have one number")
        bad.append(None)
    print("%d bugs" % len(bugs))
    return not bad


class Builder:
    """How an existing build compiles a source and links the simulator."""

    def __init__(self, build):
        self.build = build
        commands = json.loads((build / "compile_commands.json").read_text())
        self.compile = {}
        for entry in commands:
            source = (pathlib.Path(entry["directory"]) / entry["file"])
            if "gw-core" in entry["output"] or "gw-io" in entry["output"]:
                self.compile[source.resolve()] = (entry["output"],
                                                  entry["command"])
        self.link = {name: self.link_of(name)
                     for name in (SIMULATOR, STORE_SIMULATOR)}

    def link_of(self, simulator):
        steps = subprocess.run(
            ["ninja", "-C", str(self.build), "-t", "commands", simulator],
            check=True, capture_output=True, text=True).stdout.splitlines()
        return next(step for step in reversed(steps)
                    if " -o %s " % simulator in step)

    def run(self, command):
        subprocess.run(command, cwd=self.build, check=True)

    def simulator(self, bug, folder):
        """A simulator with the bug, in 'folder'."""
        source = folder / "seeded_bug.c"
        text = bug.changed()
        if text is None:
            raise SystemExit("bugs.py: %s does not apply" % bug.name)
        source.write_text(text, encoding="utf-8")
        original = (ROOT / bug.file).resolve()
        output, command = self.compile[original]
        words = shlex.split(command)
        if os.path.basename(words[0]) == "ccache":
            words = words[1:]
        at = words.index("-c")
        words[at + 1] = str(source)
        words = [str(folder / "seeded_bug.o") if word == output else word
                 for word in words]
        drop = [i for i, word in enumerate(words) if word in ("-MQ", "-MF")]
        for i in reversed(drop):
            del words[i:i + 2]
        words = [word for word in words if word != "-MD"]
        self.run(words + ["-I" + str(original.parent), "-w"])
        # The object comes first: what it defines is not taken from the
        # library, where the original is.
        words = shlex.split(self.link[bug.simulator])
        at = words.index("-o")
        program = folder / "simulate"
        words[at + 1] = str(program)
        words.insert(at + 2, str(folder / "seeded_bug.o"))
        self.run(words)
        return program


def live(program, first, count):
    """The first seed that fails, and how; None when all are well."""
    result = subprocess.run(
        [str(program), "--quiet", "--from", str(first), "--seeds", str(count)],
        capture_output=True, check=False)
    said = result.stdout.decode("utf-8", "replace")
    match = re.search(r"^seed (\d+): (.*)$", said, re.M)
    if match is not None:
        return int(match[1]), match[2]
    if result.returncode == 0:
        return None
    # The engine's own assertions look too, but do not tell the seed.
    lines = result.stderr.decode("utf-8", "replace").strip().splitlines()
    return first, "stopped: " + (lines[-1] if lines else
                                 "signal %d" % -result.returncode)


def find(builder, bug, seeds):
    """A seed that fails with the bug, and does not without."""
    with tempfile.TemporaryDirectory(prefix="bug-") as name:
        program = builder.simulator(bug, pathlib.Path(name))
        first = 1
        while first <= seeds:
            failure = live(program, first, seeds - first + 1)
            if failure is None:
                break
            if live(builder.build / bug.simulator, failure[0], 1) is None:
                return failure
            first = failure[0] + 1
    return None, "not found in %d seeds" % seeds


def power(options):
    build = pathlib.Path(options.build).resolve()
    subprocess.run(["ninja", "-C", str(build), SIMULATOR, STORE_SIMULATOR],
                   check=True, stdout=subprocess.DEVNULL)
    builder = Builder(build)
    bugs = [bug for bug in all_bugs()
            if not options.numbers or bug.number in options.numbers]
    found = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda bug: find(builder, bug, options.seeds), bugs)
        for bug, (seed, how) in zip(bugs, results):
            print("%-42s %6s  %s" % (bug.name,
                                     "-" if seed is None else seed, how[:90]),
                  flush=True)
            found += seed is not None
    print("FIGURE seeded-bugs-found %d %d" % (found, len(bugs)))
    return found == len(bugs)


def main():
    parser = argparse.ArgumentParser(usage="\n" + __doc__)
    what = parser.add_subparsers(dest="what", required=True)
    one = what.add_parser("apply")
    one.add_argument("number", type=int)
    one.add_argument("simulator")
    one.add_argument("copy")
    what.add_parser("check")
    all_ = what.add_parser("power")
    all_.add_argument("build")
    all_.add_argument("--seeds", type=int, default=2000)
    all_.add_argument("--jobs", type=int, default=os.cpu_count())
    all_.add_argument("numbers", type=int, nargs="*")
    options = parser.parse_args()
    if options.what == "apply":
        apply(options.number, options.simulator, options.copy)
    elif options.what == "check":
        sys.exit(0 if check() else 1)
    else:
        sys.exit(0 if power(options) else 1)


if __name__ == "__main__":
    main()
