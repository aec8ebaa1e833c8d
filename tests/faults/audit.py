# SPDX-License-Identifier: MIT
"""The audit: publishers, subscribers and sleepers number every message while
something is killed again and again. In the end: what a node was told is
accepted is at the broker, QoS 2 never twice, in the order of its node; what the
broker took for a node has reached it, QoS 2 once. No node was told to connect
again.
"""

import collections
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest  # noqa: E402
from processes import PATIENCE  # noqa: E402

from auditors import Publisher, Sleeper, Subscriber  # noqa: E402

SEED = int(os.environ.get("SEED", "1"))
# Messages between two kills: for nodes, and of each that publishes. It must be
# no more than a broker can take that is away half of the time.
BURST = 6
UPLINK = 20
# Of all kills at most so many that something was begun for, to be hit.
HELPED = 0.2
# A message of a node's that is on its way, seen from the node.
OPEN = {"PUBLISH qos 1 open", "PUBLISH qos 2 open", "PUBREL open",
        "PUBREC sent"}


class Source(threading.Thread):
    """Publishes numbered messages to the nodes, so many at a time."""

    def __init__(self, publish):
        super().__init__(daemon=True)
        self.publish = publish  # (topic, text, qos); returns when it is there
        self.allowed = threading.Semaphore(0)
        self.sent = []  # (topic, payload, qos)
        self.ended = threading.Event()

    def run(self):
        while True:
            self.allowed.acquire()
            if self.ended.is_set():
                return
            number = len(self.sent)
            message = ("down/%d" % (number % 3), "%d" % number, 1 + number % 2)
            self.publish(*message)
            self.sent.append(message)

    def end(self):
        self.ended.set()
        self.allowed.release()
        self.join(6 * PATIENCE)


class Audit(E2ETest):
    CONFIG = {
        "store": {"type": "sqlite", "path": "{directory}/store/gateway.db",
                  "flush_interval": "1s"},
        "upstream": {"reconnect_min": "10ms", "reconnect_max": "50ms"},
        "retry": {"interval": "200ms", "count": 50},
        "log": {"level": "info"},
    }

    def begin_nodes(self):
        """When the gateway is there."""
        self.dice = random.Random(SEED)
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
        self.tallies = {"kills": collections.Counter(),
                        "cuts": collections.Counter()}
        for auditor in self.everybody:
            self.addCleanup(auditor.node.close)
            auditor.begin()

    def wait(self, condition, what, each=0.02):
        """Polls a condition of several threads, as long as anything goes on."""
        gate = threading.Event()
        idle, before = 0, self.progress()
        while idle < 1.2 * PATIENCE:
            self.check()
            if condition():
                return
            gate.wait(each)
            now = self.progress()
            idle = idle + each if now == before else 0
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
        # Often: soon afterwards all is done, and a kill would hit nothing.
        self.wait(lambda: self.progress() >= enough, "nothing goes on", 0.002)

    def load(self):
        """Something to do for everybody; how many answers there were before."""
        before = self.progress()
        self.source.allowed.release(BURST)
        for publisher in self.publishers:
            publisher.allowed.release(UPLINK)
        for sleeper in self.sleepers:
            if self.dice.random() < 0.5:
                sleeper.bell.set()
        return before

    def under_way(self):
        return [auditor.state for auditor in self.everybody
                if auditor.state in OPEN]

    def hit(self, *more, what="kills"):
        """At the moment of a kill or cut: what it hits, and steps that others
        see."""
        tally = self.tallies[what]
        tally["all"] += 1
        found = self.under_way() + list(more)
        if not found:  # all was done before: something more to hit
            tally["helped"] += 1
            for publisher in self.publishers:
                publisher.allowed.release()
            until = time.monotonic() + 1
            while not found and time.monotonic() < until:
                found = self.under_way()
        tally["hits"] += bool(found)
        self.states.update(found)

    def kill_gateway(self):
        self.up.clear()
        self.gw.process.kill()

    def start_gateway_again(self):
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

    def accepted(self):
        return {("up/" + p.node.client_id, text)
                for p in self.publishers for text in p.accepted}

    @staticmethod
    def ring(auditor):
        if isinstance(auditor, Sleeper) and auditor.state == "asleep":
            auditor.bell.set()
        return True

    def audit_uplink(self, taken):
        """'taken': (topic, text) each, as the broker passed them on."""
        got = collections.defaultdict(list)
        for topic, text in taken:
            got[topic].append(int(text))
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

    def report(self, what):
        print("%s; %d messages up, %d down" % (
            what, sum(len(p.accepted) for p in self.publishers),
            len(self.source.sent)))
        for name, tally in self.tallies.items():
            print("%d %s, %d with exchanges open, for %d of them begun when "
                  "nothing was" % (tally["all"], name, tally["hits"],
                                   tally["helped"]))
        print("exchanges hit:")
        for state, count in self.states.most_common():
            print("  %6d %s" % (count, state))
        kills = self.tallies["kills"]
        for tally in (kills, kills + self.tallies["cuts"]):
            self.assertGreaterEqual(tally["hits"], 0.8 * tally["all"])
        self.assertLessEqual(kills["helped"], HELPED * kills["all"])
