#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The part of the corpora that is written by hand, each input with its reason.

    seeds.py            writes the files below corpus/
    seeds.py --check    says what differs; files named found-* are the fuzzer's

A file's name is the name that its input has here. Other stacks died of inputs
named after them; what they died of is said beside.
"""

import pathlib
import sys

import seeds_client
import seeds_codec
import seeds_config
import seeds_engine
import seeds_import
import seeds_journal
import seeds_request
import seeds_restore
import seeds_topic

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
FOUND = "found-"


def all_seeds():
    """(target, name, octets) of every seed; names are unique in a target."""
    seen = set()
    for module in (seeds_client, seeds_codec, seeds_config, seeds_engine,
                   seeds_import, seeds_journal, seeds_request, seeds_restore,
                   seeds_topic):
        for target, name, octets in module.seeds():
            if (target, name) in seen:
                raise SystemExit("seeds.py: two inputs named %s/%s"
                                 % (target, name))
            seen.add((target, name))
            yield target, name, octets


def write():
    for target, name, octets in all_seeds():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(octets)


def check():
    wrong = 0
    wanted = set()
    for target, name, octets in all_seeds():
        path = CORPUS / target / name
        wanted.add(path)
        if not path.exists() or path.read_bytes() != octets:
            print("differs: %s/%s" % (target, name))
            wrong += 1
    for path in sorted(CORPUS.glob("*/*")):
        if path not in wanted and not path.name.startswith(FOUND):
            print("nobody's: %s/%s" % (path.parent.name, path.name))
            wrong += 1
    if wrong:
        print("run tests/fuzz/seeds.py, or delete what is nobody's")
    else:
        print("%d inputs by hand" % len(wanted))
    return wrong == 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if check() else 1)
    if sys.argv[1:]:
        sys.exit("usage: seeds.py [--check]")
    write()
