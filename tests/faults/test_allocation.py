# SPDX-License-Identifier: MIT
"""Each allocation of the daemon's own code fails in turn, once or from then
on, over start, traffic in both directions, a sleeper, a reload and the end.

A daemon that cannot start says why and ends with its own status; one that runs
goes on and serves again as soon as there is memory, and in no case does it
crash. The engine is not concerned: it takes its memory at the start.
"""

import os
import re
import struct
import sys
import tempfile

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest, Gateway, fr, main  # noqa: E402
from processes import SANITIZER, Process  # noqa: E402

READY = re.compile(r"event=ready(\s|$)")
# What a daemon that does not start has to say.
SAID = re.compile(r"memory")
# On disk where that is built.
STORE = {"type": os.environ["MQTTSN_STORE"]}
if STORE["type"] == "sqlite":
    STORE.update(path="{directory}/store/gateway.db", flush_interval="1s")


class FailingGateway(Gateway):
    """Started, and nothing waited for: it may not come up."""

    def start(self, ready=True):
        self.process = Process(
            "gateway", [os.environ["MQTTSN_FAILING_GATEWAY"], "-c", self.file],
            env=self.env)


class Allocation(E2ETest):
    """One broker for all gateways; each run judges its own."""

    def begin(self):
        self.broker = self.start_broker(quiet=True)
        self.watch = self.mqtt("up/#", 1)
        self.source = self.mqtt()
        file = tempfile.NamedTemporaryFile()
        self.addCleanup(file.close)
        self.counts = file.name

    def allocations(self):
        with open(self.counts, "rb") as file:
            return struct.unpack("=Q", file.read(8))[0]

    def launch(self, order):
        with open(self.counts, "wb") as file:
            file.write(bytes(8))
        self.gw = FailingGateway(self.broker.port, {
            "log": {"level": "info"},
            "retry": {"interval": "1s", "count": 3},
            "topics": {"predefined_file": self.topics()},
            "predefined": {"7": "pre/seven, open"},
            "store": STORE,
        }, env={"GW_FAULT": order, "GW_FAULT_COUNT": self.counts})

    def topics(self):
        return self.broker.file("topics.csv", "*, pre/nine, 9\n")

    def judge(self, what):
        """The end of a daemon that was asked to end."""
        status = self.gw.wait()
        spoke = [line for line in self.gw.process.lines
                 if SANITIZER.search(line)]
        if status != 0 or spoke:
            self.fail("%s: status %d\n%s" % (
                what, status, self.gw.process.tail()))

    def converse(self, number):
        """What a gateway is for; every request is repeated as nodes do."""
        name = "n%d" % number
        node = self.node(name)
        node.insist(fr.connect(name, 60, True), fr.connack(), each=0.5)
        node.insist(fr.register(0, 1, "up/x"), fr.regack(fr.ANY, 1), each=0.5)
        topic_id = fr.topic_id_of(node.received[-1])
        node.insist(fr.publish(topic_id, name, 1, 2),
                    fr.puback(topic_id, 2), each=0.5,
                    again=fr.publish(topic_id, name, 1, 2, dup=True))
        self.watch.wait_for(
            lambda got: any(m.payload == name.encode() for m in got), name)
        node.insist(fr.subscribe("cmd/" + name, 3, 1),
                    fr.suback(fr.ANY, 3, 1, fr.ACCEPTED), each=0.5)
        self.command(node, "first", fr.pingreq())
        node.insist(fr.disconnect(300), fr.disconnect(), each=0.5)
        self.command(node, "second", fr.pingreq(name))

    def command(self, node, text, ask):
        """A message may be dropped (and counted) where there is no memory for
        it: the publisher says it again until it is there."""
        for _ in range(10):
            self.source.publish("cmd/" + node.client_id, text, 1)
            node.send(ask)
            while True:
                octets = node.receive(timeout=0.3)
                if octets is None:
                    break
                # Also one of those that were said too often before.
                if octets[1] == fr.PUBLISH:
                    node.send(fr.puback(fr.topic_id_of(octets),
                                        fr.msg_id_of(octets)))
                if fr.publish(fr.ANY, text, 1, fr.ANY).matches(octets):
                    return
        self.fail("%s never came\n%s\n%s" % (
            text, node.story(), self.gw.process.tail()))

    def started(self, what):
        """Whether it came up; if not, it has said why."""
        try:
            self.gw.wait_log(READY)
            return True
        except AssertionError:
            pass
        status = self.gw.wait()
        lines = self.gw.process.lines
        if (status not in (1, 2) or not any(map(SAID.search, lines))
                or any(map(SANITIZER.search, lines))):
            self.fail("%s: status %d\n%s" % (
                what, status, self.gw.process.tail()))
        return False

    def reload(self):
        start = self.gw.mark()
        self.gw.reload()
        self.gw.wait_log(r"event=(reloaded|reload_failed)", start)

    def whole_life(self, order, serves):
        """Start, traffic, reload, end. 'serves': there is memory again."""
        self.launch(order)
        try:
            if not self.started(order):
                return "refused to start"
            if serves:
                self.gw.wait_up()
                self.converse(self.allocations())
            else:
                # What needs no memory goes on.
                self.node("stranger").insist(fr.pingreq(), fr.disconnect())
            self.reload()
            self.gw.terminate()
            self.judge(order)
            return "served"
        except AssertionError as error:
            return "failed with GW_FAULT=%s: %s" % (order, error)
        finally:
            self.gw.close()

    def sweep(self, mode, serves):
        self.assertEqual(self.whole_life("none", True), "served")
        total = self.allocations()
        outcomes = [self.whole_life("%s:%d" % (mode, number), serves)
                    for number in range(1, total + 1)]
        for outcome in sorted(set(outcomes)):
            print("%s: of %d allocations: %d times %s" % (
                mode, total, outcomes.count(outcome), outcome))
        # The sweep has reached both the start and what comes after it.
        self.assertEqual(set(outcomes), {"refused to start", "served"})

    def test_one_allocation_fails(self):
        self.sweep("at", True)

    def test_all_allocations_fail_from_one_on(self):
        self.sweep("from", False)


if __name__ == "__main__":
    main()
