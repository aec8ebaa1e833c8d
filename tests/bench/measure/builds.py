# SPDX-License-Identifier: MIT
"""The builds that are measured."""
import os
import pathlib
import shutil
import subprocess

ROOT = str(pathlib.Path(__file__).resolve().parents[3])
# What is measured, and what it is measured with.
TARGETS = ("gateway/mqttsn-gateway", "client/tools/mqttsn-bench",
           "tests/bench/floor/floor_stand_in",
           "tests/bench/floor/floor_paho_publisher",
           "tests/bench/floor/floor_paho_subscriber")
# Without valgrind the first is not built.
ENGINE = ("tests/bench/engine/engine-work", "tests/bench/engine/engine-memory")


def make_fast_paho(folder):
    """A library of the packaged objects, but for the two that a Paho built for
    performance has not; found in 'folder' under the usual name."""
    source = subprocess.run(
        ["gcc", "-print-file-name=libpaho-mqtt3as.a"], check=True,
        capture_output=True, text=True).stdout.strip()
    if not os.path.isabs(source):
        raise SystemExit("bench: error: libpaho-mqtt3as.a is not installed")
    os.makedirs(folder, exist_ok=True)
    library = os.path.join(folder, "libpaho-fast.a")
    shutil.copy(source, library)
    subprocess.run(["ar", "d", library, "Heap.c.o", "StackTrace.c.o"],
                   check=True)
    part = os.path.join(folder, "fast_paho.o")
    subprocess.run(["gcc", "-O2", "-fPIC", "-c", "-o", part, os.path.join(
        ROOT, "tests", "bench", "floor", "fast_paho.c")], check=True)
    subprocess.run(["ar", "r", library, part], check=True)
    with open(os.path.join(folder, "libpaho-mqtt3as.so"), "w",
              encoding="ascii") as script:
        script.write("INPUT(%s -lssl -lcrypto)\n" % library)


def ninja(directory, *targets, env=None):
    subprocess.run(["ninja", "-C", directory, *targets], check=True, env=env,
                   stdout=subprocess.DEVNULL)


def build(directory, fast):
    """A release build there, with the floors; says what it does."""
    env = dict(os.environ)
    if fast:
        # Of that name: gcc looks for 'lib' beside what it is given.
        make_fast_paho(directory + "-paho/lib")
        env["LIBRARY_PATH"] = directory + "-paho/lib"
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        print("bench: building in %s" % directory, flush=True)
        subprocess.run(["meson", "setup", directory, ROOT,
                        "--buildtype=release"], check=True, env=env,
                       stdout=subprocess.DEVNULL)
    ninja(directory, *TARGETS, env=env)


def has(directory, target):
    """Whether there is such a target; not all are in each build."""
    known = subprocess.run(["ninja", "-C", directory, "-t", "query", target],
                           capture_output=True, check=False)
    return known.returncode == 0
