#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the node's library weighs on small cores, and whether that is in bounds.

usage: sizes.py check | write

Builds library and codec with arm-none-eabi-gcc -Os -ffreestanding for each
feature set and core, adds up what the objects hold, measures the struct, and
walks the call graph with -fstack-usage for the deepest stack. 'check' fails
when a limit is passed or docs/client-footprint.md says otherwise; 'write'
writes that page. Exits 77 (skipped) without the compiler.

memcpy, memmove, memset and memcmp are the board's and are not counted, nor is
the compiler's runtime; a callback (the seal) and they are counted as no stack.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/client-footprint.md"
GCC = "arm-none-eabi-gcc"
CORES = ["cortex-m0plus", "cortex-m4"]
CLIENT = ["client", "connection", "discovery", "exchange", "receive", "send",
          "snapshot", "topics"]
CODEC = ["frame_decode", "frame_encode"]
FEATURES = ["NAMES", "FAILOVER", "QOS2", "WILL", "DISCOVERY", "SUBSCRIBE",
            "REFUSE", "WILDCARD", "FORWARDER_FRAMES", "SNAPSHOT", "SEAL"]

# What the publisher keeps of FEATURES; docs say what it contains besides.
PUBLISHER = ["FAILOVER", "REFUSE"]


def all_but(*kept):
    return [name for name in FEATURES if name not in kept]


# Feature set, what is left out, limit of the library, limit with the codec.
SETS = [
    ("everything", [], None, 9 * 1024),
    ("no forwarder, seal, snapshot", ["FORWARDER_FRAMES", "SEAL", "SNAPSHOT"],
     None, 9 * 1024),
    ("QoS 0/1 node with subscriptions",
     ["QOS2", "WILL", "DISCOVERY", "FORWARDER_FRAMES", "SNAPSHOT", "SEAL"],
     None, 9 * 1024),
    ("publisher, and SNAPSHOT", all_but("SNAPSHOT", *PUBLISHER), None,
     9 * 1024),
    ("publisher, and NAMES", all_but("NAMES", *PUBLISHER), 4 * 1024, None),
    ("QoS -1/0/1 publisher that sleeps", all_but(*PUBLISHER), 4 * 1024,
     4 * 1024),
    ("publisher without FAILOVER, REFUSE", FEATURES, 4 * 1024, 4 * 1024),
]
STRUCT_LIMIT = 256
CODEC_LIMIT = 4 * 1024

FLAGS = ["-std=c11", "-Os", "-mthumb", "-ffreestanding", "-ffunction-sections",
         "-fdata-sections", "-Wall", "-Wextra", "-Werror", "-fstack-usage"]

# All that the library asks of a board's C library.
STRING_H = """#include <stddef.h>
void *memcpy(void *restrict, const void *restrict, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
"""


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True,
                          capture_output=True, text=True, **more).stdout


def size_of(objects):
    rows = run("arm-none-eabi-size", *objects).splitlines()[1:]
    return [sum(int(row.split()[column]) for row in rows)
            for column in range(3)]


def deepest(objects):
    """Octets of the deepest chain of calls from a public function."""
    frames, calls = {}, {}

    def short(name):
        return re.sub(r"^\.(text|rodata)\.", "", name)

    def add(caller, callee):
        # A jump inside of a function names its own section.
        if short(caller) != short(callee):
            calls.setdefault(short(caller), set()).add(short(callee))

    for path in objects:
        for line in path.with_suffix(".su").read_text().splitlines():
            where, octets, kind = line.split("\t")
            if "dynamic" in kind and "bounded" not in kind:
                sys.exit("%s has no bound" % where)
            frames[where.rsplit(":", 1)[1]] = int(octets)
        # Whoever names a table of functions may call any of it.
        section = None
        for line in run("arm-none-eabi-objdump", "-r", path).splitlines():
            match = re.match(r"RELOCATION RECORDS FOR \[(.*)\]", line)
            if match:
                section = match.group(1)
            match = re.search(r"R_ARM_\w+\s+([.\w]+)", line)
            if match and re.match(r"\.(text|rodata)\.", section):
                add(section, match.group(1))

    def depth(name, above):
        if name in above:
            sys.exit("%s calls itself" % name)
        own = frames.get(name, frames.get(re.sub(r"\.\d+$", "", name), 0))
        return own + max(
            (depth(call, above + (name,)) for call in calls.get(name, ())),
            default=0)

    return max(depth(name, ()) for name in frames
               if name.startswith("mqttsn_client_"))


def build(folder, core, without):
    defines = ['-DMQTTSN_FRAME_CONFIG_FILE="mqttsn/client_frames.h"']
    defines += ["-DMQTTSN_CLIENT_%s=0" % name for name in without]
    objects = {}
    for room, names in (("client", CLIENT), ("common", CODEC)):
        for name in names:
            out = folder / (name + ".o")
            run(GCC, *FLAGS, "-mcpu=" + core, *defines, "-I", folder,
                "-I", ROOT / "client/include", "-I", ROOT / "common/include",
                "-c", ROOT / room / "src" / (name + ".c"), "-o", out)
            objects.setdefault(room, []).append(out)
    probe = folder / "probe.c"
    probe.write_text('#include "mqttsn/client.h"\n'
                     "char probe[sizeof(struct mqttsn_client)];\n")
    run(GCC, *FLAGS, "-mcpu=" + core, *defines, "-I", folder,
        "-I", ROOT / "client/include", "-I", ROOT / "common/include",
        "-c", probe, "-o", folder / "probe.o")
    struct = size_of([folder / "probe.o"])
    return objects, struct[1] + struct[2]


def measure(cores=tuple(CORES), sets=tuple(SETS)):
    """The table, and complaints."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "string.h").write_text(STRING_H)
        return measure_in(folder, cores, sets)


def measure_in(folder, cores, sets):
    rows, wrong = [], []
    for core in cores:
        for title, without, own_limit, all_limit in sets:
            objects, struct = build(folder, core, without)
            own = size_of(objects["client"])
            codec = size_of(objects["common"])
            both = own[0] + codec[0]
            stack = deepest(objects["client"] + objects["common"])
            rows.append((core, title, own[0], codec[0], both,
                         own[1] + codec[1], own[2] + codec[2], struct, stack))
            where = "%s, %s: " % (core, title)
            for what, octets, limit in (
                    ("text of the library", own[0], own_limit),
                    ("text with the codec", both, all_limit),
                    ("text of the codec", codec[0], CODEC_LIMIT),
                    ("struct mqttsn_client", struct, STRUCT_LIMIT),
                    ("data and bss", own[1] + own[2] + codec[1] + codec[2], 0)):
                if limit is not None and octets > limit:
                    wrong.append("%s%s is %d octets, the limit is %d" % (
                        where, what, octets, limit))
    return rows, wrong


def page(rows, version):
    lines = [
        "# Footprint of the client library",
        "",
        "Octets, as `tests/client/sizes.py` measures them with",
        "`%s`, `-Os -ffreestanding`." % version,
        "The page is checked by the test suite; `sizes.py write` renews it.",
        "",
        "| Core | Features | Library | Codec | Text, both | data | bss"
        " | struct | Stack |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |"
              for row in rows]
    lines += [
        "",
        "*Codec* is what `mqttsn/client_frames.h` keeps of it for the",
        "features: a node neither reads what only gateways read nor sends what",
        "only they send. *struct* is `struct mqttsn_client` without the",
        "buffers that the application lends; a slot of the topic table adds",
        "4 octets and the longest name, a gateway 32, and 20 without",
        "discovery. *Stack* is the deepest chain of calls. `memcpy` and its",
        "like, the compiler's helper for `switch` (on the M0+ 20 octets a",
        "kind; the publisher needs one) and the seal hooks come on top. There",
        "is no heap, no recursion and no static data that changes.",
        "",
        "## What the publisher contains",
        "",
        "Of the switches in `mqttsn/client_config.h` it keeps `FAILOVER` and",
        "`REFUSE`. It connects, with or without a clean session; publishes",
        "with QoS -1, 0 and 1, repeats what is not acknowledged with jitter,",
        "and pauses when the gateway is congested; keeps alive; sleeps, wakes",
        "up by CONNECT to publish or, with `talk_asleep`, publishes asleep,",
        "and checks in with PINGREQ; tries the next of its gateways when one",
        "falls silent; connects anew when one has forgotten it; answers the",
        "gateway's PINGREQ, and refuses its REGISTER and PUBLISH.",
        "",
        "Its topics are predefined ids and short names. **It has no topic",
        "names**: REGISTER and the table of names are `NAMES`, one row up. It",
        "also lacks subscriptions, QoS 2, will, discovery (the application",
        "tells the gateways), snapshot, seal and forwarder frames. The last",
        "row has one gateway, and leaves unanswered what it did not ask for.",
        "",
        "Limits: everything, with the codec, %d; the publisher, with the"
        % (9 * 1024),
        "codec, %d; with `NAMES`, without the codec, %d; the codec %d; the" % (
            4 * 1024, 4 * 1024, CODEC_LIMIT),
        "struct %d." % STRUCT_LIMIT,
        "",
    ]
    return "\n".join(lines)


def main(mode):
    if shutil.which(GCC) is None:
        print("skipped: %s is not installed" % GCC)
        return 77
    rows, wrong = measure()
    version = run(GCC, "--version").splitlines()[0]
    text = page(rows, version)
    print(text)
    if mode == "write":
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        # Another compiler gives other figures; the limits hold all the same.
        if PAGE.exists() and version not in PAGE.read_text():
            print("the page was written with another compiler")
        else:
            wrong.append("docs/client-footprint.md says otherwise; "
                         "run tests/client/sizes.py write")
    for complaint in wrong:
        print("error: " + complaint)
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["write"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
