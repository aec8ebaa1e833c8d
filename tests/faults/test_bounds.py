# SPDX-License-Identifier: MIT
"""The gateway's memory: at its peak for a minute, with every queue full, and
where the system gives it too little. A sanitizer's own would hide all of it, so
this runs without one. Rates are printed, and nothing is asserted about them.
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.environ["MQTTSN_TOOL_TESTS"])

from tools import PATIENCE, ToolTest, main, path, run  # noqa: E402

from processes import end_with_parent  # noqa: E402

KIB = 1024
# meson has malloc fill what it gives, which touches tables that would be used
# bit by bit.
os.environ.pop("MALLOC_PERTURB_", None)


class Measured(ToolTest):
    def begin(self):
        self.broker = self.start_broker("max_queued_messages 0", quiet=True)
        self.gw = self.start_gateway(self.broker.port, self.CONFIG)

    def resident_kib(self):
        return self.gw.process.memory()[1] // KIB

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.gw.process.child.pid))

    def bench(self, *arguments):
        status, out, error = run(
            "bench", *self.address(), "--broker-port", self.broker.port,
            "--pid", self.gw.process.child.pid, "--no-ceiling", "--quiet",
            "--json", *arguments)
        return status, json.loads(out or "{}"), error


class Soak(Measured):
    ROUNDS, SECONDS = 6, 10
    CONFIG = {"log": {"level": "info"}}

    def test_a_minute_at_its_peak_leaves_nothing_behind(self):
        resident, descriptors = [], []
        for number in range(self.ROUNDS):
            status, result, error = self.bench(
                "--mode", "mixed", "-n", 50, "-q", 1, "--seconds",
                self.SECONDS)
            self.assertEqual(status, 0, error)
            resident.append(self.resident_kib())
            descriptors.append(self.descriptors())
            print("round %d: %d messages, %d KiB, %d descriptors" % (
                number + 1, result["arrived"], resident[-1], descriptors[-1]))
        # The first rounds touch what the others use again.
        self.assertEqual(set(descriptors[1:]), {descriptors[1]})
        self.assertLess(resident[-1] - resident[1], KIB)


class Full(Measured):
    NODES, MESSAGES = 1000, 100
    CONFIG = {"log": {"level": "info"},
              "limits": {"queue_total_bytes": "8MiB"}}

    def bound_kib(self):
        """What it says itself, of nodes and of what waits between threads."""
        done = subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", self.gw.file,
             "--check-config"], capture_output=True, text=True, check=True)
        bounds = re.findall(r"at most ([0-9.]+) MiB",
                            done.stdout + done.stderr)
        self.assertEqual(len(bounds), 2, done)
        return sum(float(bound) * KIB for bound in bounds)

    def test_a_thousand_nodes_with_full_queues_stay_within_what_it_says(self):
        bound = self.resident_kib() + self.bound_kib()

        _, result, error = self.bench(
            "--mode", "sleep", "-n", self.NODES, "-q", 1, "--messages",
            self.MESSAGES, "--size", 200)

        # One more stays awake, to tell when all has come.
        self.assertEqual(result.get("connected"), self.NODES + 1, error)
        print("%d KiB, %d before; at most %d" % (
            result["rss_kib"], result["rss_before_kib"], bound))
        # 20 MB were published for them: what is kept is full.
        self.assertGreater(result["rss_kib"] - result["rss_before_kib"],
                           8 * KIB)
        self.assertLess(result["rss_kib"], 1.1 * bound)


# What a start says, by the status that it ends with.
SAYS = {0: r"(?m)^level=info .*event=ready\b",
        1: r'(?m)^level=error .*\breason="[^"]+"'}


class AddressSpace(Measured):
    CONFIG = {"log": {"level": "info"}}

    def start_within(self, kib):
        """A start with so much; None: it runs, and was told to end."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'ulimit -v %d; exec "$@"' % kib, "sh",
             os.environ["MQTTSN_GATEWAY"], "-c", self.gw.file, "--set",
             "listener.test.bind=127.0.0.1:0", "--set",
             "upstream.client_id=other"], stderr=subprocess.PIPE,
            preexec_fn=end_with_parent)
        said = []
        for line in process.stderr:
            said.append(line.decode("utf-8", "replace"))
            if "event=ready" in said[-1]:
                process.terminate()
        process.stderr.close()
        return process.wait(PATIENCE), "".join(said)

    def test_a_start_with_too_little_says_so(self):
        enough = self.gw.process.memory()[0] // KIB + 64 * KIB
        outcomes = set()
        for step in range(1, 21):
            status, said = self.start_within(enough * step // 20)
            with self.subTest(step=step):
                # Or the system, or the loader, did not get it in.
                self.assertIn(status, (0, 1, 126, 127), said)
                self.assertRegex(said, SAYS.get(status, "."))
            outcomes.add(status)
        self.assertIn(0, outcomes)
        self.assertIn(1, outcomes)


if __name__ == "__main__":
    main()
