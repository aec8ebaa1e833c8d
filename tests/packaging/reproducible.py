#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""reproducible - builds the tree twice, in two places, and compares.

usage: reproducible.py

Two copies of the sources, in directories of different names and depths, one
built inside and one beside it, without a compiler cache. Whatever is installed
must be the same, octet for octet, debug information included.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def copy(to):
    to.mkdir(parents=True)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                           capture_output=True).stdout
    names = b"".join(name + b"\0" for name in names.split(b"\0")
                     if name and (ROOT / os.fsdecode(name)).exists())
    tar = subprocess.run(["tar", "-c", "--null", "--files-from=-"], cwd=ROOT,
                         input=names, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(to)], input=tar, check=True)


def build(source, directory, installed):
    env = {name: value for name, value in os.environ.items()
           if name not in ("CFLAGS", "CPPFLAGS", "LDFLAGS", "DESTDIR")}
    env["CCACHE_DISABLE"] = "1"
    steps = (
        ["meson", "setup", str(directory), str(source), "--prefix=/usr",
         "--buildtype=debugoptimized", "-Dtests=false", "-Dsystemd=true"],
        ["ninja", "-C", str(directory)],
        ["meson", "install", "-C", str(directory), "--no-rebuild", "--quiet",
         "--destdir", str(installed)])
    for step in steps:
        done = subprocess.run(step, env=env, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise SystemExit("reproducible: %s\n%s" % (
                " ".join(step), done.stdout[-4000:]))


def content(root):
    return {str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*") if path.is_file()}


def main():
    with tempfile.TemporaryDirectory(prefix="mqttsn-reproducible-") as work:
        work = pathlib.Path(work)
        one, two = work / "one", work / "a second" / "deeper" / "tree"
        copy(one)
        copy(two)
        build(one, one / "build", work / "out-1")
        build(two, work / "elsewhere" / "b", work / "out-2")
        first, second = content(work / "out-1"), content(work / "out-2")

    differ = sorted(name for name in first.keys() | second.keys()
                    if first.get(name) != second.get(name))
    for name in differ:
        print("reproducible: differs: %s" % name, file=sys.stderr)
    print("reproducible: %d files, %d differ" % (len(first), len(differ)))
    return 1 if differ or not first else 0


if __name__ == "__main__":
    sys.exit(main())
