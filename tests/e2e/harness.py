# SPDX-License-Identifier: MIT
"""What every end-to-end test begins with: a broker, the daemon and nodes.

Everything runs on loopback, on free ports, in a directory of its own, and is
stopped by its process id. Nothing here sleeps: a test waits for a datagram, a
message, a line of a log or the end of a process, always with a bound, and the
bound is generous because only a failing test reaches it.

The daemon is what MQTTSN_GATEWAY names. A test fails, whatever it asserted,
when the daemon ends with another status than 0 or a sanitizer has written to
its standard error.
"""

import os
import subprocess
import sys
import unittest

import frames as fr
from mqtt import FakeBroker, Mqtt
from node import ForwardedNode, Node
from processes import MOSQUITTO, PATIENCE, PROTOCOL, Broker, Gateway

__all__ = ["E2ETest", "ForwardedNode", "Gateway", "Mqtt", "Node", "PATIENCE",
           "PROTOCOL", "fr", "main"]


class E2ETest(unittest.TestCase):
    """One broker, one gateway, and as many nodes as a test asks for."""

    BROKER = ()       # lines of mosquitto.conf
    CONFIG = {}       # sections of gateway.conf
    PERSISTENCE = False

    maxDiff = None

    def setUp(self):
        self.nodes = []
        self.gateways = []
        self.addCleanup(self._end)
        self.broker = None
        self.gw = None
        self.begin()

    def begin(self):
        """Overridden where a test begins in another way."""
        self.broker = self.start_broker(*self.BROKER,
                                        persistence=self.PERSISTENCE)
        self.gw = self.start_gateway(self.broker.port, self.CONFIG)

    def _end(self):
        complaints = [gw.judge() for gw in self.gateways]
        complaints = [text for text in complaints if text]
        failed = any(test is self for test, _ in
                     self._outcome.result.failures + self._outcome.result.errors)
        if failed or complaints:
            for gw in self.gateways:
                print(gw.process.tail(400 if complaints else 80))
            if self.broker and hasattr(self.broker, "process"):
                print(self.broker.process.tail(40))
        for thing in self.nodes + self.gateways:
            thing.close()
        if complaints:
            self.fail("; ".join(complaints))

    def start_broker(self, *lines, **more):
        broker = Broker(*lines, **more)
        self.addCleanup(broker.close)
        # The gateway must end before its broker does; cleanups run backwards.
        self.addCleanup(self._end_gateways)
        return broker

    def start_fake_broker(self, *arguments, **more):
        broker = FakeBroker(*arguments, **more)
        self.addCleanup(broker.close)
        self.addCleanup(self._end_gateways)
        return broker

    def _end_gateways(self):
        for gw in self.gateways:
            if not gw.stopped and gw.process.child.poll() is None:
                gw.terminate()
                try:
                    gw.process.child.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    pass

    def start_gateway(self, broker_port, config=None, **more):
        gw = Gateway(broker_port, config, **more)
        self.gateways.append(gw)
        return gw

    def node(self, client_id="n1", **more):
        node = Node(self.gw.port, client_id, **more)
        self.nodes.append(node)
        return node

    def mqtt(self, topic=None, qos=0, port=None, **more):
        """A client of the broker, subscribed to 'topic'."""
        client = Mqtt(port or self.broker.port, **more)
        self.addCleanup(client.close)
        if topic is not None:
            client.subscribe(topic, qos)
        return client

    def settle(self, *quiet):
        """Everything that the broker sent before has been dealt with by the
        gateway; the nodes given have received nothing of it."""
        if not hasattr(self, "_fence"):
            self._fence = self.node("fence").connect()
            self._fence_id = self._fence.subscribe("e2e/fence")
            self._fence_client = self.mqtt()
        self._fence_client.publish("e2e/fence", "x")
        self._fence.expect(fr.publish(self._fence_id, "x"))
        for node in quiet:
            node.expect_silence()


def main():
    """Runs the tests of the file. 77 tells meson: skipped, all of them."""
    if not MOSQUITTO:
        print("skipped: mosquitto is not installed")
        sys.exit(77)
    if not os.environ.get("MQTTSN_GATEWAY"):
        print("MQTTSN_GATEWAY does not name the daemon", file=sys.stderr)
        sys.exit(2)
    result = unittest.main(verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if 0 < len(result.skipped) == result.testsRun else 0)
