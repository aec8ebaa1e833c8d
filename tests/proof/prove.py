#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that the decoder of frames is free of run-time errors.

    prove.py [-v]           -v: all that Frama-C says

Frama-C's WP makes goals of each function of common/src/frame_decode.c and of
the reader below it, with the contracts of frame_decode.c beside this file; z3
and cvc4 prove them. It fails when one goal is open, when a function has no
contract, and when the prover warns of a shortcut. Exits 77 (skipped) where
frama-c, why3, z3 or cvc4 is missing.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
HARNESS = "tests/proof/frame_decode.c"
SOURCES = ("common/src/frame_decode.c", "common/include/mqttsn/reader.h")
SECONDS_A_GOAL = "20"
DEFINITION = re.compile(r"^[a-zA-Z][^;{}#/]*?\b(\w+)\([^;{}]*\)\n\{", re.M)
FAULTS = re.compile(r"\[wp[^]]*\].*Warning|annot-error|\[kernel\] User Error")


def functions():
    """All functions of the sources: none is left out by being forgotten."""
    names = []
    for name in SOURCES:
        with open(os.path.join(ROOT, name), encoding="utf-8") as source:
            names += DEFINITION.findall(source.read())
    return names


def without_contract(names):
    with open(os.path.join(ROOT, HARNESS), encoding="utf-8") as source:
        text = source.read()
    return [name for name in names
            if not re.search(r"\*/\n[^;]*\b" + name + r"\b", text)]


def frama_c(names, environment):
    command = ["frama-c", "-machdep", "x86_64", "-c11",
               "-cpp-extra-args=-Icommon/include -Icommon/src", HARNESS,
               "-wp", "-wp-rte", "-wp-fct", ",".join(names),
               "-wp-prover", "z3,cvc4", "-wp-timeout", SECONDS_A_GOAL,
               "-wp-par", str(os.cpu_count() or 1)]
    return subprocess.run(command, cwd=ROOT, env=environment, text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout


def main():
    missing = [tool for tool in ("frama-c", "why3", "z3", "cvc4")
               if not shutil.which(tool)]
    if missing:
        print("not installed:", ", ".join(missing))
        sys.exit(77)
    names = functions()
    bare = without_contract(names)
    if bare:
        sys.exit("no contract: " + ", ".join(bare))
    with tempfile.TemporaryDirectory() as home:
        # Both keep their settings at home; here they find fresh ones.
        environment = dict(os.environ, HOME=home)
        subprocess.run(["why3", "config", "detect"], env=environment,
                       check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        said = frama_c(names, environment)
    if "-v" in sys.argv[1:]:
        print(said)
    proved = re.search(r"Proved goals: *(\d+) / (\d+)", said)
    if not proved:
        sys.exit(said + "\nthere is no result")
    for line in said.splitlines():
        if FAULTS.search(line) or re.search(r"Goal \S+$", line):
            print(line)
    print(f"{len(names)} functions, {proved[1]} of {proved[2]} goals proved")
    sys.exit(0 if proved[1] == proved[2] and not FAULTS.search(said) else 1)


main()
