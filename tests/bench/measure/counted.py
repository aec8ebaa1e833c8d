# SPDX-License-Identifier: MIT
"""What is counted, and the same on any day: instructions and octets."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[2]
for folder in ("bench", "bench/engine", "client"):
    sys.path.insert(0, str(TESTS / folder))

import engine_work  # noqa: E402
import footprint  # noqa: E402
import sizes  # noqa: E402
from measure import builds  # noqa: E402
from measure.programs import Failed  # noqa: E402


def built(build, name):
    """The path of what counts in the engine."""
    target = "tests/bench/engine/" + name
    if not builds.has(build, target):
        raise Failed("%s is not part of the build (release builds only, the "
                     "first with valgrind)" % target)
    builds.ninja(build, target)
    return os.path.join(build, target)


def engine(build):
    """Instructions per PUBLISH, with few sessions and with many."""
    program = built(build, "engine-work")
    valgrind = shutil.which("valgrind")
    few, many = (engine_work.count(valgrind, program, [], sessions)
                 for sessions in (100, 100000))
    name = "uplink_qos0"
    return {"few": few[name], "many": many[name],
            "apart_percent": 100 * abs(many[name] - few[name]) / few[name],
            "qos1": many["uplink_qos1"], "down_qos0": many["downlink_qos0"]}


def node(build):
    """Octets of an idle node, of 100 000 of them, and of sleepers' queues.
    What the program prints is in order: "WHAT  OCTETS  of  LIMIT"."""
    out = subprocess.run(
        [built(build, "engine-memory")], check=False, text=True,
        capture_output=True, env={
            **os.environ, "MALLOC_PERTURB_": "0",
            "GW_SOURCE_ROOT": str(TESTS.parent)}).stdout
    found = re.findall(r"^(octets|  growth).* (\d+)  of +\d+$", out, re.M)
    names = ("all_resident", "each", "all_resident", "distinct_tables",
             "distinct_resident", "shared_tables", "shared_resident")
    if len(found) != len(names):
        raise Failed("engine-memory: %s" % out)
    return dict(zip(names, (int(octets) for _, octets in found)))


def daemon(build):
    """Text, and what is resident, of the build and of one without SQLite."""
    program = os.path.join(build, "gateway/mqttsn-gateway")
    small = footprint.build("nosqlite")
    resident, private = footprint.idle(program)
    return {"text_kib": footprint.sizes(program)[0] / 1024,
            "rss_kib": resident, "private_kib": private,
            "small_text_kib": footprint.sizes(small)[0] / 1024,
            "small_rss_kib": footprint.idle(small)[0]}


def client(_):
    """The node's library on a Cortex-M0+, with everything."""
    if not shutil.which(sizes.GCC):
        raise Failed("%s is not installed" % sizes.GCC)
    (row,), _ = sizes.measure(["cortex-m0plus"], sizes.SETS[:1])
    _, _, _, codec, both, data, bss, state, _ = row
    return {"text": both, "codec": codec, "state": state, "static": data + bss}
