# SPDX-License-Identifier: MIT
"""The gateway is killed again and again under load, with the store on disk, and
in between its connection to the broker is cut.

Publishers, subscribers and sleepers number every message; a broker that keeps
its session and a client that sees all of it are the other side. In the end:
what a node was told is accepted is at the broker, QoS 2 never twice, in the
order of its node; what the broker took for a node has reached it, QoS 2 once.
No node was told to connect again.

KILLS=n kills so often; SEED=n chooses other moments.
"""

import collections
import os
import random
import sys
import threading

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest, main  # noqa: E402
from processes import PATIENCE  # noqa: E402

from proxy import Cable  # noqa: E402

from auditors import Publisher, Sleeper, Subscriber  # noqa: E402

SANITIZED = os.environ.get("MQTTSN_SANITIZE", "none") != "none"
KILLS = int(os.environ.get("KILLS", "40" if SANITIZED else "200"))
SEED = int(os.environ.get("SEED", "1"))
# Messages between two kills: for nodes, and of each that publishes. It must be
# no more than a broker can take that is away half of the time.
BURST = 6
UPLINK = 20
# What a node is at while something of it is unfinished.
OPEN = {"PUBLISH qos 1 open", "PUBLISH qos 2 open", "PUBREL open",
        "PUBREC sent", "awake", "going to sleep"}


class Source(threading.Thread):
    """Publishes numbered messages to the nodes, so many at a time."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.allowed = threading.Semaphore(0)
        self.sent = []  # (topic, payload, qos)
        self.ended = threading.Event()

    def run(self):
        while True:
            self.allowed.acquire()
            if self.ended.is_set():
                return
            number = len(self.sent)
            qos = 1 + number % 2
            topic = "down/%d" % (number % 3)
            self.client.publish(topic, "%d" % number, qos)
            self.sent.append((topic, "%d" % number, qos))

    def end(self):
        self.ended.set()
        self.allowed.release()
        self.join(PATIENCE)


class Kills(E2ETest):
    BROKER = ("max_queued_messages 0", "max_inflight_messages 100")
    CONFIG = {
        "store": {"type": "sqlite", "path": "{directory}/store/gateway.db",
                  "flush_interval": "1s"},
        "upstream": {"reconnect_min": "10ms", "reconnect_max": "50ms"},
        "retry": {"interval": "200ms", "count": 50},
        "log": {"level": "info"},
    }

    def begin(self):
        self.broker = self.start_broker(*self.BROKER, quiet=True)
        self.cable = Cable(self.broker.port)
        self.addCleanup(self.cable.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.cable.port, self.CONFIG)
        self.dice = random.Random(SEED)
        # With QoS 0: mosquitto 2.0.11 may reorder what waits for a window.
        self.watch = self.mqtt("up/#", 0)
        self.up = threading.Event()
        self.up.set()
        port = self.gw.port
        self.publishers = [Publisher(port, "p%d" % number, self.up,
                                     1 + number % 2) for number in range(6)]
        self.subscribers = [Subscriber(port, "s%d" % number, self.up)
                            for number in range(2)]
        self.sleepers = [Sleeper(port, "z%d" % number, self.up)
                         for number in range(2)]
        self.everybody = self.publishers + self.subscribers + self.sleepers
        self.states = collections.Counter()
        self.hits = 0
        for auditor in self.everybody:
            self.addCleanup(auditor.node.close)
            auditor.begin()
        self.source = Source(self.mqtt())
        self.source.start()

    def wait(self, condition, what):
        """Polls a condition of several threads, as long as anything goes on."""
        gate = threading.Event()
        idle, before = 0, self.progress()
        while idle < 60 * PATIENCE:
            self.check()
            if condition():
                return
            gate.wait(0.02)
            now = self.progress()
            idle = idle + 1 if now == before else 0
            before = now
        self.fail("%s\n%s\n%s" % (what, "\n".join(
            "%s: %s, %d answers" % (auditor.node.client_id, auditor.state,
                                    auditor.progress)
            for auditor in self.everybody), self.gw.process.tail()))

    def check(self):
        for auditor in self.everybody:
            if auditor.complaints:
                self.fail("%s\n%s" % (auditor.complaints[0],
                                      self.gw.process.tail()))

    def progress(self):
        return sum(auditor.progress for auditor in self.everybody)

    def wait_for_progress(self, since):
        """A part, which the dice choose, of what there is to do."""
        enough = since + self.dice.randrange(1, 4 * UPLINK)
        self.wait(lambda: self.progress() >= enough, "nothing goes on")

    def kill(self):
        """At a moment that the dice choose, under load."""
        if self.dice.random() < 0.7:
            self.gw.wait_up()
        before = self.progress()
        self.source.allowed.release(BURST)
        for publisher in self.publishers:
            publisher.allowed.release(UPLINK)
        for sleeper in self.sleepers:
            if self.dice.random() < 0.5:
                sleeper.bell.set()
        if self.dice.random() < 0.3:
            self.wait_for_progress(before)
            self.cable.cut()
        self.wait_for_progress(before)
        if self.dice.random() < 0.5:
            for sleeper in self.sleepers:
                sleeper.bell.set()
        states = [auditor.state for auditor in self.everybody]
        self.up.clear()
        self.gw.process.kill()
        self.states.update(states)
        self.hits += any(state in OPEN for state in states)
        self.gw.start(ready=False)
        self.up.set()

    def settle_all(self):
        """Everybody ends what is open; what is on its way arrives."""
        self.gw.wait_up()
        for publisher in self.publishers:
            publisher.end()
        wanted = set(self.source.sent)
        for auditor in self.subscribers + self.sleepers:
            self.wait(lambda auditor=auditor: self.ring(auditor)
                      and wanted <= set(auditor.got) and not auditor.open2,
                      "%s did not get %s" % (
                          auditor.node.client_id,
                          sorted(wanted - set(auditor.got))[:10]))
        accepted = {("up/" + p.node.client_id, text)
                    for p in self.publishers for text in p.accepted}
        self.watch.wait_for(
            lambda got: accepted <= {(m.topic, m.payload.decode())
                                     for m in got},
            "%d accepted messages" % len(accepted), 6 * PATIENCE)

    @staticmethod
    def ring(auditor):
        if isinstance(auditor, Sleeper) and auditor.state == "asleep":
            auditor.bell.set()
        return True

    def audit_uplink(self):
        got = collections.defaultdict(list)
        for message in self.watch.messages:
            got[message.topic].append(int(message.payload))
        for publisher in self.publishers:
            name = "up/" + publisher.node.client_id
            once = list(dict.fromkeys(got[name]))
            late = [(a, b) for a, b in zip(once, once[1:]) if a > b]
            self.assertEqual(late, [], "order of " + name)
            if publisher.qos == 2:
                doubles = [n for n, count in collections.Counter(
                    got[name]).items() if count > 1]
                self.assertEqual(doubles, [], "doubles of " + name)

    def audit_downlink(self):
        for auditor in self.subscribers + self.sleepers:
            counts = collections.Counter(auditor.got)
            doubles = [message for message, count in counts.items()
                       if count > 1 and message[2] == 2]
            self.assertEqual(doubles, [], auditor.node.client_id)
            self.assertEqual(set(counts) - set(self.source.sent), set())

    def test_nothing_accepted_is_lost_and_qos_2_is_not_doubled(self):
        for _ in range(KILLS):
            self.kill()
        self.source.end()
        self.settle_all()
        self.check()
        self.audit_uplink()
        self.audit_downlink()
        print("%d kills, %d with exchanges open, %d connections cut; "
              "%d messages up, %d down" % (
                  KILLS, self.hits, self.cable.cuts,
                  sum(len(p.accepted) for p in self.publishers),
                  len(self.source.sent)))
        for state, count in self.states.most_common():
            print("  %5d nodes: %s" % (count, state))
        self.assertGreaterEqual(self.hits, 0.8 * KILLS)


if __name__ == "__main__":
    main()
