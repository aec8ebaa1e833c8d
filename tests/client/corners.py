#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every corner of client_config.h builds, without a warning.

usage: corners.py COMPILER...

All features, none, all but one, one alone, each pair left out; and what cannot
be is refused.
"""
import itertools
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FEATURES = ("NAMES", "FAILOVER", "QOS2", "WILL", "DISCOVERY", "SUBSCRIBE",
            "REFUSE", "WILDCARD", "FORWARDER_FRAMES", "SNAPSHOT", "SEAL")
NEEDS = {"DISCOVERY": {"FAILOVER"}, "SUBSCRIBE": {"NAMES"},
         "WILDCARD": {"SUBSCRIBE", "NAMES"}}
FLAGS = ["-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic",
         "-Werror", "-Wshadow", "-Wundef", "-Wcast-qual", "-Wswitch-enum",
         "-Wstrict-prototypes", "-Wmissing-prototypes"]


def builds(compiler, present):
    defines = ["-DMQTTSN_CLIENT_%s=%d" % (name, name in present)
               for name in FEATURES]
    # The codec follows.
    defines.append('-DMQTTSN_FRAME_CONFIG_FILE="mqttsn/client_frames.h"')
    sources = sorted((ROOT / "client/src").glob("*.c"))
    sources += sorted((ROOT / "common/src").glob("frame_*.c"))
    done = subprocess.run(
        compiler + FLAGS + defines +
        ["-I%s/client/include" % ROOT, "-I%s/common/include" % ROOT] +
        [str(source) for source in sources], capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def main(compiler):
    everything = frozenset(FEATURES)
    corners = {everything, frozenset()}
    corners |= {everything - {name} for name in FEATURES}
    corners |= {frozenset({name}) for name in FEATURES}
    corners |= {frozenset({name}) | NEEDS.get(name, frozenset())
                for name in FEATURES}
    # As a header with defaults resolves them: what needs it goes too.
    corners |= {frozenset(name for name in FEATURES
                          if name not in out
                          and not NEEDS.get(name, set()) & set(out))
                for out in itertools.combinations(FEATURES, 2)}
    corners |= {everything - set(pair)
                for pair in itertools.combinations(FEATURES, 2)}
    wrong = 0
    for present in sorted(corners, key=sorted):
        impossible = any(name in present and not needs <= present
                         for name, needs in NEEDS.items())
        good, text = builds(compiler, present)
        if good == impossible:
            wrong += 1
            print("with %s:\n%s" % (" ".join(sorted(present)) or "nothing",
                                    text or "it builds, and should not"))
    print("%d corners, %d wrong" % (len(corners), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
