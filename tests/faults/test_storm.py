# SPDX-License-Identifier: MIT
"""Gateway and broker are killed at random under load, alone and together, and
the connection between them is cut. The broker is one that loses nothing by it
(keeping_broker.py), so whatever is missing or there twice in the end is the
gateway's.

STORMS=n is how many kills, SEED=n chooses other moments; SECONDS=n goes on for
so long instead.
"""

import collections
import json
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import Mqtt, main  # noqa: E402
from processes import PATIENCE, Process, free_port  # noqa: E402

from proxy import Cable  # noqa: E402

import keeping_broker  # noqa: E402
from audit import Audit, Source  # noqa: E402

SANITIZED = os.environ.get("MQTTSN_SANITIZE", "none") != "none"
STORMS = int(os.environ.get("STORMS", "40" if SANITIZED else "100"))
SECONDS = float(os.environ.get("SECONDS", "0"))


class Broker:
    """That broker, in a process of its own."""

    def __init__(self):
        self.port = free_port()
        self.directory = tempfile.TemporaryDirectory(prefix="mqttsn-broker-")
        self.path = os.path.join(self.directory.name, "ledger")
        self.up = threading.Event()
        self.state = keeping_broker.State()
        self.at = 0
        self.process = None
        self.start()

    def start(self):
        self.process = Process("broker", [
            sys.executable, "-B", keeping_broker.__file__, str(self.port),
            self.path])
        self.process.wait_line("keeping broker running")
        self.up.set()

    def kill(self):
        self.up.clear()
        self.process.kill()

    def look(self):
        """What it has noted by now; only who kills it asks."""
        with open(self.path, "rb") as ledger:
            ledger.seek(self.at)
            for line in ledger:
                if not line.endswith(b"\n"):
                    break
                self.at += len(line)
                self.state.apply(json.loads(line))
        return self.state

    def close(self):
        self.process.kill()
        self.directory.cleanup()


class Storm(Audit):
    def begin(self):
        self.broker = Broker()
        self.addCleanup(self.broker.close)
        self.cable = Cable(self.broker.port)
        self.addCleanup(self.cable.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.cable.port, self.CONFIG)
        self.begin_nodes()
        self.client = None
        self.source = Source(self.publish)
        self.source.start()
        self.done = collections.Counter()

    def publish(self, *message):
        """Until the broker has it, once: who saw no answer looks it up."""
        while True:
            self.broker.up.wait(6 * PATIENCE)
            try:
                if self.client is None:
                    self.client = Mqtt(self.broker.port, raw=True)
                self.client.publish(*message)
                return
            except (OSError, AssertionError):
                self.hang_up()
            self.broker.up.wait(6 * PATIENCE)
            if message in keeping_broker.read(self.broker.path).taken:
                return

    def hang_up(self):
        if self.client is not None:
            self.client.abort()
        self.client = None

    def storm(self):
        """At a moment that the dice choose, under load."""
        what = self.dice.choices(
            ["gateway", "broker", "both", "cable"], [4, 3, 2, 1])[0]
        if self.dice.random() < 0.7:
            self.gw.wait_up()
        self.wait_for_progress(self.load())
        if self.dice.random() < 0.5:
            for sleeper in self.sleepers:
                sleeper.bell.set()
        self.hit(*self.broker.look().open_steps(),
                 what="cuts" if what == "cable" else "kills")
        self.done[what] += 1
        if what == "both":
            ends = [self.kill_gateway, self.broker.kill]
            self.dice.shuffle(ends)
            for end in ends:
                end()
        elif what == "gateway":
            self.kill_gateway()
        elif what == "broker":
            self.broker.kill()
            if self.dice.random() < 0.3:  # longer, so that there is a backlog
                self.wait_for_progress(self.load())
        else:
            self.cable.cut()
        if what in ("broker", "both"):
            self.broker.start()
        if what in ("gateway", "both"):
            self.start_gateway_again()

    def test_nothing_accepted_is_lost_and_qos_2_is_not_doubled(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end if SECONDS else \
                self.tallies["kills"]["all"] < STORMS:
            self.storm()
        self.source.end()
        self.hang_up()
        self.settle_all()
        accepted = self.accepted()
        self.wait(lambda: accepted <= {(topic, text) for topic, text, _ in
                                       self.broker.look().taken},
                  "%d accepted messages" % len(accepted))
        self.check()
        self.audit_uplink((topic, text) for topic, text, _
                          in self.broker.look().taken
                          if topic.startswith("up/"))
        self.audit_downlink()
        self.report(", ".join("%s %d" % each for each in
                              sorted(self.done.items())))


if __name__ == "__main__":
    main()
