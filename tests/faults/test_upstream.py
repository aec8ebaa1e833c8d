# SPDX-License-Identifier: MIT
"""Twenty nodes on a broker that does not do what a broker is for: dies and
comes back twenty times, reads and answers so slowly that a network of tin cans
would do better, is stopped, is half open, does not let anybody in. Nodes are
served the while, each gets its answers, nothing that was acknowledged is lost,
nothing is doubled that must not be, and memory stays bounded.

How long things took is printed, and nothing is asserted about it.
"""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from auditors import Publisher  # noqa: E402
from harness import E2ETest, fr, main  # noqa: E402
from mqtt import FakeBroker  # noqa: E402
from processes import PATIENCE  # noqa: E402

NODES = 20
QUICK = {"upstream": {"reconnect_min": "20ms", "reconnect_max": "200ms",
                      "connect_timeout": "1s", "keep_alive": "5s"},
         "log": {"level": "info"}}
# A sanitizer keeps what was freed.
PLAIN = os.environ.get("MQTTSN_SANITIZE", "none") == "none"


class Served(E2ETest):
    """Nodes that ask for something all the time; the gateway's memory."""

    def connect_nodes(self):
        self.twenty = [self.node("n%d" % number).connect(600)
                       for number in range(NODES)]
        self.ids = [node.register("up/" + node.client_id)
                    for node in self.twenty]

    def resident(self):
        return self.gw.process.memory()[1]

    def judge_memory(self, before, mib):
        grown = self.resident() - before
        print("grown by %d KiB" % (grown >> 10))
        if PLAIN:
            self.assertLess(grown, mib << 20)

    def fence_all(self):
        """Each is answered, whatever the broker does; the slowest time."""
        worst = 0
        for node in self.twenty:
            begun = time.monotonic()
            node.fence()
            worst = max(worst, time.monotonic() - begun)
        print("slowest answer to PINGREQ: %.1f ms" % (1000 * worst))


class Killed(Served):
    """A broker that keeps its sessions, with a ledger that has whatever it
    acknowledged."""

    ROUNDS = 20
    CONFIG = QUICK
    # What it wrote for the ledger must not wait in its kernel for an
    # acknowledgement of TCP: if it is killed with something unread, the
    # connection is reset, and what waits is lost although it was acknowledged.
    BROKER = ("max_inflight_messages 0", "max_queued_messages 0",
              "set_tcp_nodelay true")
    PERSISTENCE = True

    def look(self):
        """A ledger: what it is sent the broker writes before it acknowledges
        anything; and what waited for it has come when this returns."""
        ledger = self.mqtt(client_id="ledger", clean=False)
        self.ledgers.append(ledger)
        fence = "fence-%d" % len(self.ledgers)
        ledger.subscribe("up/#", 1)
        self.mqtt().publish("up/fence", fence, 1)
        ledger.wait_for(lambda got: any(m.payload == fence.encode()
                                        for m in got), fence)

    def kill_and_return(self):
        start = self.gw.mark()
        self.broker.kill()
        self.ledgers[-1].wait_closed()
        self.broker.start()
        begun = time.monotonic()
        self.gw.wait_up(start)
        self.away = max(self.away, time.monotonic() - begun)
        self.look()

    def published(self):
        return {(message.topic, message.payload.decode())
                for ledger in self.ledgers for message in ledger.messages}

    def test_twenty_times_while_twenty_nodes_publish(self):
        self.ledgers, self.away = [], 0
        self.look()
        up = threading.Event()
        up.set()
        nodes = [Publisher(self.gw.port, "p%d" % number, up, 1)
                 for number in range(NODES)]
        for node in nodes:
            self.addCleanup(node.node.close)
            node.begin()
        before = self.resident()
        for _ in range(self.ROUNDS):
            for node in nodes:
                node.allowed.release(2)
            self.kill_and_return()
        for node in nodes:
            node.end()

        for node in nodes:
            self.assertEqual(node.complaints, [])
            self.assertGreater(len(node.accepted), 0)
        wanted = {("up/" + node.node.client_id, text)
                  for node in nodes for text in node.accepted}
        self.ledgers[-1].wait_for(lambda _: wanted <= self.published(),
                                  "what was accepted")
        print("%d accepted; the longest way back took %.0f ms" % (
            sum(len(node.accepted) for node in nodes), 1000 * self.away))
        self.judge_memory(before, 4)


class SlowBroker(FakeBroker):
    """Reads one octet at a time, from a window of a few hundred, and answers
    in its own time."""

    WINDOW = 512    # octets; the kernel makes the least of it that it can
    PAUSE = 0.0005  # seconds for each octet: 2 kB/s
    THOUGHT = 1.5   # seconds before a publish is acknowledged

    def __init__(self, **more):
        self.ended = threading.Event()
        super().__init__(**more)

    def listens(self, listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.WINDOW)

    def _exactly(self, client, count):
        octets = bytearray()
        while len(octets) < count:
            self.ended.wait(self.PAUSE)
            octets += super()._exactly(client, 1)
        return bytes(octets)

    def close(self):
        self.ended.set()
        super().close()


class Slow(Served):
    def begin(self):
        self.timers = []
        self.broker = SlowBroker(on_publish=self.later)
        self.addCleanup(self.broker.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.broker.port, QUICK)

    def later(self, broker, message, packet_id):
        """Acknowledged on a thread of its own, when it has thought it over."""
        timer = threading.Timer(SlowBroker.THOUGHT, self.acknowledge,
                                (broker, broker.client, packet_id, message.qos))
        timer.daemon = True
        self.timers.append(timer)
        timer.start()
        return False

    @staticmethod
    def acknowledge(broker, client, packet_id, qos):
        if client is broker.client:
            broker.acknowledge(packet_id, qos)

    def test_everybody_gets_an_answer_and_nothing_comes_twice(self):
        self.connect_nodes()
        before = self.resident()
        for number, (node, topic_id) in enumerate(zip(self.twenty, self.ids)):
            node.send(fr.publish(topic_id, node.client_id, 1 + number % 2, 7))
        self.fence_all()
        # Repeated before the answer is there, as impatient nodes do.
        for number, (node, topic_id) in enumerate(zip(self.twenty, self.ids)):
            node.send(fr.publish(topic_id, node.client_id, 1 + number % 2, 7,
                                 dup=True))
        self.fence_all()

        for number, (node, topic_id) in enumerate(zip(self.twenty, self.ids)):
            if number % 2:
                node.expect(fr.pubrec(7))
                node.send(fr.pubrel(7))
                node.expect(fr.pubcomp(7))
            else:
                node.expect(fr.puback(topic_id, 7))
        got = [m.payload.decode() for m, _ in self.broker.published
               if m.topic.startswith("up/")]
        self.assertEqual(sorted(got), sorted(
            node.client_id for node in self.twenty))
        self.judge_memory(before, 4)


class SilentBroker(FakeBroker):
    """Half open: from a moment on nothing is read and nothing is said, and the
    connection stays; and who connects gets as far as the kernel."""

    def __init__(self, **more):
        self.gone = threading.Event()
        self.back = threading.Event()
        super().__init__(**more)

    def _exactly(self, client, count):
        octets = super()._exactly(client, count)
        if self.gone.is_set() and not self.back.is_set():
            self.back.wait(60 * PATIENCE)
            raise ConnectionError
        return octets

    def close(self):
        self.back.set()
        super().close()


class HalfOpen(Served):
    FLOOD = 2000

    def begin(self):
        self.broker = SilentBroker()
        self.addCleanup(self.broker.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.broker.port, QUICK)

    def test_it_is_found_out_and_what_was_open_is_answered_by_the_next(self):
        self.connect_nodes()
        before = self.resident()
        start = self.gw.mark()
        self.broker.gone.set()
        for node, topic_id in zip(self.twenty, self.ids):
            node.send(fr.publish(topic_id, node.client_id, 1, 7))
        # More than it may keep for a broker that says nothing.
        octets = bytes(fr.publish(self.ids[0], "x" * 500, 0, 0))
        for number in range(self.FLOOD):
            self.twenty[0].send_quietly(octets)
            if number % 50 == 0:
                self.twenty[0].fence()
        self.fence_all()
        self.gw.wait_log("area=upstream event=lost", start,
                         timeout=3 * PATIENCE + 20)
        self.fence_all()

        self.broker.back.set()

        for node, topic_id in zip(self.twenty, self.ids):
            node.expect(fr.puback(topic_id, 7))
        self.judge_memory(before, 8)


class Stopped(Served):
    CONFIG = QUICK

    def test_a_broker_that_is_stopped_is_taken_up_again(self):
        watch = self.mqtt("up/#", 1)
        self.connect_nodes()
        before = self.resident()
        start = self.gw.mark()
        self.broker.pause()
        for node, topic_id in zip(self.twenty, self.ids):
            node.send(fr.publish(topic_id, node.client_id, 1, 7))
        self.fence_all()
        self.gw.wait_log("area=upstream event=lost", start,
                         timeout=3 * PATIENCE + 20)
        self.fence_all()

        self.broker.resume()

        for node, topic_id in zip(self.twenty, self.ids):
            node.expect(fr.puback(topic_id, 7))
        wanted = {node.client_id for node in self.twenty}
        watch.wait_for(lambda got: wanted <= {m.payload.decode() for m in got},
                       "what was acknowledged")
        self.judge_memory(before, 4)


class Refuses(Served):
    CONFIG = QUICK

    def test_a_port_that_nobody_listens_at(self):
        self.connect_nodes()
        start = self.gw.mark()
        self.broker.kill()
        for _ in range(5):  # attempts
            start = self.gw.wait_log("area=upstream event=connect_failed",
                                     start)[0] + 1
        for node, topic_id in zip(self.twenty, self.ids):
            node.send(fr.publish(topic_id, node.client_id, 1, 7))
        self.fence_all()

        self.broker.start()

        for node, topic_id in zip(self.twenty, self.ids):
            node.expect(fr.puback(topic_id, 7))


if __name__ == "__main__":
    main()
