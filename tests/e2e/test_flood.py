# SPDX-License-Identifier: MIT
"""One flooding source does not starve the others."""

import os
import socket
import subprocess
import sys

from harness import E2ETest, fr, main
from processes import PATIENCE, end_with_parent

FLOOD = """
import socket, sys, time
port, octets, seconds = int(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])
flooder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
flooder.connect(("127.0.0.1", port))
if len(sys.argv) > 4:
    flooder.send(bytes.fromhex(sys.argv[4]))
    flooder.recv(100)
flooder.setblocking(False)
print("begun", flush=True)
end = time.monotonic() + seconds
while time.monotonic() < end:
    try:
        for _ in range(64):
            flooder.send(octets)
        while flooder.recv(2048):
            pass
    except (BlockingIOError, ConnectionRefusedError):
        pass
"""


class Flood(E2ETest):
    CONFIG = {"listener test": {"receive_buffer": "8MiB"}}
    # Longer than any test runs; the flooder is ended with it.
    SECONDS = 300

    def begin(self):
        self.broker = self.start_broker(quiet=True)
        config = dict(self.CONFIG, log={"level": "info"})
        self.gw = self.start_gateway(self.broker.port, config)

    def flood(self, octets, first=None):
        argv = [sys.executable, "-c", FLOOD, str(self.gw.port),
                bytes(octets).hex(), str(self.SECONDS)]
        if first is not None:
            argv.append(bytes(first).hex())
        child = subprocess.Popen(argv, stdout=subprocess.PIPE,
                                 preexec_fn=end_with_parent)

        def end():
            child.kill()
            child.wait()
            child.stdout.close()

        self.addCleanup(end)
        self.assertEqual(child.stdout.readline(), b"begun\n")
        return child

    def serve(self, flooder):
        """Five nodes do what nodes do, retransmissions included; each is
        served within the number of them that a node makes."""
        nodes = [self.node("n%d" % number) for number in range(5)]
        worst = 0
        for node in nodes:
            worst = max(worst, self.ask(node, fr.connect(node.client_id),
                                        fr.connack()))
        for number in range(1, 41):
            for node in nodes:
                worst = max(worst, self.ask(
                    node, fr.publish("ab", str(number), 1, number, fr.SHORT),
                    fr.puback("ab", number),
                    fr.publish("ab", str(number), 1, number, fr.SHORT,
                               dup=True)))
        self.assertIsNone(flooder.poll(), "the flood ended before the test")
        print("most retransmissions of one request: %d" % worst)

    def ask(self, node, request, answer, again=None):
        return node.insist(request, answer, again, each=PATIENCE / 5)

    def test_a_stranger_that_floods_pings(self):
        self.serve(self.flood(fr.pingreq()))

    def test_a_stranger_that_floods_connects(self):
        self.serve(self.flood(fr.connect("flooder", will=True)))

    def test_a_node_that_floods_qos_0(self):
        self.serve(self.flood(fr.publish("zz", "x" * 50, kind=fr.SHORT),
                              fr.connect("flooder")))

    def test_a_node_that_floods_qos_1(self):
        self.serve(self.flood(fr.publish("zz", "x" * 50, 1, 7, fr.SHORT),
                              fr.connect("flooder")))

    def test_a_stranger_that_floods_malformed_datagrams(self):
        self.serve(self.flood(b"\x02\x0a"))


class Bounded(E2ETest):
    CONFIG = {"limits": {"max_sessions": 1000}}

    def begin(self):
        self.broker = self.start_broker(quiet=True)
        self.gw = self.start_gateway(
            self.broker.port, dict(self.CONFIG, log={"level": "info"}))

    def rss(self):
        with open("/proc/%d/status" % self.gw.process.child.pid,
                  encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def bounded(self, before, mib):
        # Sanitizers keep what was freed, and more beside it.
        if os.environ.get("MQTTSN_SANITIZE", "none") == "none":
            self.assertLess(self.rss() - before, mib * 1024)

    def test_ten_times_the_table_of_client_ids_does_not_shut_anybody_out(self):
        flooder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(flooder.close)
        flooder.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        flooder.connect(("127.0.0.1", self.gw.port))
        for number in range(10000):
            flooder.send(bytes(fr.connect("f%d" % number, 65535, clean=False)))
            if number % 100 == 99:
                flooder.recv(100)

        self.node("honest").connect().publish1("ab", "x", 1, kind=fr.SHORT)

    def test_registering_without_end_is_bounded(self):
        # [G12-11]
        n1 = self.node("n1").connect()
        before = self.rss()
        for number in range(2000):
            n1.send(fr.register(0, number, "t/%d" % number))
            octets = n1.next()
            self.assertEqual(octets[-1], fr.ACCEPTED if number < 512
                             else fr.NOT_SUPPORTED)

        self.bounded(before, 16)

    def test_queues_of_sleepers_are_bounded(self):
        # [G12-32]
        source = self.mqtt()
        nodes = [self.node("s%d" % number).connect(300)
                 for number in range(50)]
        for node in nodes:
            node.subscribe("cmd/" + node.client_id, 1)
            node.sleep(600)
        before = self.rss()

        for number in range(300):
            for node in nodes:
                source.publish("cmd/" + node.client_id, "x" * 200, 0)
        # The fence is another connection's: the broker has read this one.
        source.publish("e2e/read", "", 1)
        self.settle(*nodes)

        # 50 queues of 100 messages, and what they lie in.
        self.bounded(before, 16)
        nodes[0].send(fr.pingreq(nodes[0].client_id))
        for _ in range(100):
            nodes[0].take_publish(1, "x" * 200)
        nodes[0].expect(fr.pingresp())


if __name__ == "__main__":
    main()
