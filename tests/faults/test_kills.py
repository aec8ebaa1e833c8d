# SPDX-License-Identifier: MIT
"""The gateway is killed again and again under load, with the store on disk, and
in between its connection to the broker is cut. A mosquitto that keeps its
session and a client that sees all of it are the other side of the audit.

KILLS=n kills so often; SEED=n chooses other moments.
"""

import os
import sys

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import main  # noqa: E402
from processes import PATIENCE  # noqa: E402

from proxy import Cable  # noqa: E402

from audit import Audit, Source  # noqa: E402

SANITIZED = os.environ.get("MQTTSN_SANITIZE", "none") != "none"
KILLS = int(os.environ.get("KILLS", "40" if SANITIZED else "200"))


class Kills(Audit):
    BROKER = ("max_queued_messages 0", "max_inflight_messages 100")

    def begin(self):
        self.broker = self.start_broker(*self.BROKER, quiet=True)
        self.cable = Cable(self.broker.port)
        self.addCleanup(self.cable.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.cable.port, self.CONFIG)
        # With QoS 0: mosquitto 2.0.11 may reorder what waits for a window.
        self.watch = self.mqtt("up/#", 0)
        self.begin_nodes()
        self.source = Source(self.mqtt().publish)
        self.source.start()

    def kill(self):
        """At a moment that the dice choose, under load."""
        if self.dice.random() < 0.7:
            self.gw.wait_up()
        before = self.load()
        if self.dice.random() < 0.3:
            self.wait_for_progress(before)
            self.cable.cut()
        self.wait_for_progress(before)
        if self.dice.random() < 0.5:
            for sleeper in self.sleepers:
                sleeper.bell.set()
        self.hit()
        self.kill_gateway()
        self.start_gateway_again()

    def test_nothing_accepted_is_lost_and_qos_2_is_not_doubled(self):
        for _ in range(KILLS):
            self.kill()
        self.source.end()
        self.settle_all()
        accepted = self.accepted()
        self.watch.wait_for(
            lambda got: accepted <= {(m.topic, m.payload.decode())
                                     for m in got},
            "%d accepted messages" % len(accepted), 6 * PATIENCE)
        self.check()
        self.audit_uplink((m.topic, m.payload.decode())
                          for m in self.watch.messages)
        self.audit_downlink()
        self.report("%d connections cut before a kill" % self.cable.cuts)


if __name__ == "__main__":
    main()
