#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""footprint - what the daemon weighs.

usage: footprint.py [NAME...]            the table of docs/footprint.md
       footprint.py --objects [COUNT]    what its text consists of

Builds the daemon as each NAME says, below build/footprint, and prints the size
of its text, without libraries, and what it occupies when it has connected to a
broker (mosquitto) and rests: default limits, memory store, one listener.
Without a NAME, all of BUILDS; without mosquitto, sizes alone.

*Private* is what it has written to: pages of code are the file's, and shared by
all who run it. Nothing is asserted.
"""
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import processes  # noqa: E402

KIB = 1024

# What a distribution adds, where there is no dpkg-buildflags to ask.
PACKAGED = "-g -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2"

# Name: (what it is, options of meson setup, built with a packager's flags).
BUILDS = {
    "release": ("`--buildtype=release`", ["--buildtype=release"], False),
    "nosqlite": ("the same, `-Dsqlite=disabled`",
                 ["--buildtype=release", "-Dsqlite=disabled"], False),
    "small": ("`--buildtype=minsize -Db_lto=true`, without SQLite, TLS and HTTP",
              ["--buildtype=minsize", "-Db_lto=true", "-Dsqlite=disabled",
               "-Dtls=disabled", "-Dhttp=disabled"], False),
    "default": ("no options, which is with debug information", [], False),
    "packaged": ("`--buildtype=plain`, flags of `dpkg-buildflags`",
                 ["--buildtype=plain"], True),
}


def packaged_environment():
    try:
        flags = {name: subprocess.run(
            ["dpkg-buildflags", "--get", name], check=True,
            capture_output=True, text=True).stdout.strip()
            for name in ("CFLAGS", "CPPFLAGS", "LDFLAGS")}
    except FileNotFoundError:
        flags = {"CFLAGS": PACKAGED, "CPPFLAGS": "", "LDFLAGS": ""}
    return {**os.environ, **flags}


def build(name):
    """The path of the daemon, built as NAME says."""
    _, options, packaged = BUILDS[name]
    directory = ROOT / "build" / "footprint" / name
    env = packaged_environment() if packaged else dict(os.environ)
    if not (directory / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(directory), str(ROOT),
                        "-Dtests=false", *options], check=True, env=env,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(directory), "gateway/mqttsn-gateway"],
                   check=True, env=env, stdout=subprocess.DEVNULL)
    return directory / "gateway" / "mqttsn-gateway"


def sizes(program):
    """Octets of (text, data and bss), as size(1) counts them."""
    row = subprocess.run(["size", str(program)], check=True,
                         capture_output=True, text=True).stdout.splitlines()[1]
    text, data, bss = map(int, row.split()[:3])
    return text, data + bss


def occupied(pid):
    """KiB of (what is resident, what it has written to)."""
    found = {}
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        for line in file:
            word = line.split()
            found[word[0]] = word[1]
    return int(found["Rss:"]), int(found["Private_Dirty:"])


def settled(pid):
    """The same, when it has stayed the same for half a second."""
    seen = []
    while len(seen) < 50 and (len(seen) < 5 or len(set(seen[-5:])) > 1):
        seen.append(occupied(pid))
        time.sleep(0.1)
    return seen[-1]


def idle(program):
    """What the daemon occupies at rest, in KiB: (resident, private)."""
    # What is not on the disk yet would count as written to by whoever runs it,
    # and the linker may have come by just now.
    with open(program, "rb") as file:
        os.fsync(file.fileno())
    broker = processes.Broker(quiet=True)
    port = processes.free_port()
    gateway = None
    try:
        gateway = processes.Process("gateway", [
            str(program), "-c", "/dev/null",
            "--set", "listener.one.bind=127.0.0.1:%d" % port,
            "--set", "upstream.url=mqtt://127.0.0.1:%d" % broker.port])
        gateway.wait_line(r"event=connected")
        return settled(gateway.child.pid)
    finally:
        if gateway:
            gateway.kill()
        broker.close()


def table(names):
    print("| Build | Text | Data | Idle RSS | Private |")
    print("| --- | --- | --- | --- | --- |")
    for name in names:
        program = build(name)
        text, data = sizes(program)
        resident, private = idle(program) if processes.MOSQUITTO \
            else (None, None)
        print("| %s | %.0f KiB | %.0f KiB | %s | %s |" % (
            BUILDS[name][0], text / KIB, data / KIB,
            *("%.1f MiB" % (kib / KIB) if kib else "-"
              for kib in (resident, private))), flush=True)


def objects(count):
    """Text of each room, and of the largest sources."""
    program = build("release")
    directory = program.parent.parent
    found = []
    for path in directory.glob("*/**/*.o"):
        room = path.relative_to(directory).parts[:-2]
        name = re.sub(r"\.c\.o$", ".c", path.name)
        if room[0] in ("common", "gateway"):
            found.append((sizes(path)[0], "/".join(room),
                          name.removeprefix("src_")))
    print("| Room | Text, octets |")
    print("| --- | --- |")
    for room in sorted({row[1] for row in found}):
        print("| %s | %d |" % (room, sum(
            text for text, at, _ in found if at == room)))
    print("\n| Source | Text, octets |")
    print("| --- | --- |")
    for text, room, name in sorted(found, reverse=True)[:count]:
        print("| %s/%s | %d |" % (room, name, text))


def main():
    words = sys.argv[1:]
    if words and words[0] == "--objects" and len(words) <= 2:
        objects(int(words[1]) if len(words) == 2 else 15)
        return 0
    unknown = [name for name in words if name not in BUILDS]
    if unknown:
        print("footprint: error: unknown '%s' (%s)" % (
            unknown[0], ", ".join(BUILDS)), file=sys.stderr)
        return 2
    table(words or BUILDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
