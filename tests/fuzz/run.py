#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a fuzz target for a number of executions.

    run.py run TARGET CORPUS RUNS SEED [LIBFUZZER-OPTION...]
    run.py long TARGET CORPUS HOURS
    run.py keep TARGET CORPUS

'run' fails when the target does, or when fewer than RUNS were executed; the
same seed gives the same run. 'long' goes on until the hours are over. Both
leave the corpus as it is; what 'long' learnt is beside the target, in
TARGET.learnt, and 'keep' takes the smallest set of it that reaches something
new into the corpus, as found-*. An input that fails is written beside the
target too, and its path is printed: give it to the target, or to the plain
program of the ordinary build, to see it again.
"""

import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LIMITS = ["-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1",
          "-entropic=0"]


def fuzz(target, options, folders):
    """libFuzzer's own report, and whether it came to its end."""
    artifacts = "%s.failed-" % target
    command = [str(target), "-artifact_prefix=" + artifacts, *LIMITS,
               *options, *map(str, folders)]
    print(" ".join(command), flush=True)
    result = subprocess.run(command, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    return result.returncode, result.stdout.decode("utf-8", "replace")


def executed(report):
    match = re.search(r"stat::number_of_executed_units:\s*(\d+)", report)
    return int(match.group(1)) if match else 0


def summary(report):
    for line in report.splitlines():
        if line.startswith("stat::") or " DONE " in line:
            yield line


def run(target, corpus, runs, seed, options):
    # The first folder is where libFuzzer puts what is new; it is thrown away.
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        status, report = fuzz(target, ["-runs=%d" % runs, "-seed=%d" % seed,
                                       *options], [scratch, corpus])
    count = executed(report)
    if status != 0:
        print("\n".join(report.splitlines()[-80:]))
        sys.exit("%s: failed after %d executions" % (target.name, count))
    print("\n".join(summary(report)))
    if count < runs:
        sys.exit("%s: %d executions instead of %d"
                 % (target.name, count, runs))
    print("%d executions" % count)


def learnt(target):
    return target.with_name(target.name + ".learnt")


def long(target, corpus, hours):
    folder = learnt(target)
    folder.mkdir(exist_ok=True)
    status, report = fuzz(target, ["-max_total_time=%d" % (hours * 3600)],
                          [folder, corpus])
    print("\n".join(report.splitlines()[-80:] if status else summary(report)))
    sys.exit(status)


def keep(target, corpus):
    by_hand = {path.read_bytes() for path in corpus.iterdir()}
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        merged = pathlib.Path(scratch)
        for path in corpus.iterdir():
            (merged / path.name).write_bytes(path.read_bytes())
        status, report = fuzz(target, ["-merge=1", "-use_counters=0"], [merged, learnt(target)])
        if status != 0:
            sys.exit(report)
        for path in sorted(merged.iterdir()):
            octets = path.read_bytes()
            if octets in by_hand:
                continue
            name = "found-" + hashlib.sha256(octets).hexdigest()[:12]
            (corpus / name).write_bytes(octets)
            print(name)


def main():
    # Most of the time would go to freed memory that is set aside.
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [
        os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=2",
        "malloc_context_size=2", "max_malloc_fill_size=0"]))
    try:
        what = sys.argv[1]
        target = pathlib.Path(sys.argv[2]).resolve()
        corpus = pathlib.Path(sys.argv[3]).resolve()
        if what == "run":
            run(target, corpus, int(sys.argv[4]), int(sys.argv[5]),
                sys.argv[6:])
        elif what == "long":
            long(target, corpus, float(sys.argv[4]))
        elif what == "keep":
            keep(target, corpus)
        else:
            raise IndexError
    except (IndexError, ValueError):
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
