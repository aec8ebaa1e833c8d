# SPDX-License-Identifier: MIT
"""Brokers that break the protocol, break off at any octet, read slowly, or
hang. Nodes are served again as soon as the broker is one, what was
acknowledged is there, and the daemon neither dies nor stands still.

SEED=n chooses other damage.
"""

import os
import random
import sys
import threading

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest, fr, main  # noqa: E402
from mqtt import FakeBroker  # noqa: E402
from processes import PATIENCE  # noqa: E402

SEED = int(os.environ.get("SEED", "1"))
QUICK = {"upstream": {"reconnect_min": "20ms", "reconnect_max": "50ms",
                      "connect_timeout": "1s"},
         "log": {"level": "info"}}


class Wire:
    """The broker's end of a connection, with 'damage' in between."""

    def __init__(self, client, damage):
        self.client = client
        self.damage = damage

    def sendall(self, octets):
        self.client.sendall(self.damage(octets))

    def __getattr__(self, name):
        return getattr(self.client, name)


class DamagedBroker(FakeBroker):
    """Answers as a broker does, with octets changed, for the first
    'bad_connections'; after that it is a good one. With 'patience' it ends a
    bad connection on which nothing was said for so many seconds: an answer that
    was spoilt is not missed on a live connection."""

    def __init__(self, bad_connections, damage, patience=None, **more):
        self.bad_connections = bad_connections
        self.patience = patience
        self.damage = damage  # (number of the connection) -> octets -> octets
        self.connections = 0
        super().__init__(**more)

    def wrap(self, client):
        self.connections += 1
        if self.connections > self.bad_connections:
            return client
        client.settimeout(self.patience)
        return Wire(client, self.damage(self.connections - 1))

    def subscribing(self, topic, qos):
        # Downlink traffic, so that there is more to damage.
        if topic == "cmd/x":
            for level in (0, 1, 2):
                self.send("cmd/x", "%d" % level, level, packet_id=10 + level)


def cut_after(octets):
    """Ends the connection when so many octets went out."""
    left = [octets]

    def damage(data):
        if len(data) > left[0]:
            raise ConnectionError  # what is left goes with it
        left[0] -= len(data)
        return data
    return damage


class DamagedTest(E2ETest):
    """A node that gets its answers in the end, whatever the broker does."""

    def begin(self):
        pass

    def start_damaged(self, *arguments, **more):
        broker = DamagedBroker(*arguments, **more)
        self.addCleanup(broker.close)
        self.addCleanup(self._end_gateways)
        return broker

    def serve(self, broker, connections=2, config=QUICK):
        """Publishes until the broker has seen so many connections; what is
        acknowledged is at the broker."""
        self.gw = self.start_gateway(broker.port, config, ready=False)
        node = self.node("n1")
        node.insist(fr.connect("n1", 600, True), fr.connack(), attempts=40,
                    each=0.5)
        node.insist(fr.register(0, 1, "up/x"), fr.regack(fr.ANY, 1))
        topic_id = fr.topic_id_of(node.received[-1])
        node.insist(fr.subscribe("cmd/x", 2, 0), fr.suback(fr.ANY, 2, 0),
                    attempts=100, each=0.5)
        number = 0
        while number == 0 or broker.connections < connections:
            number += 1
            for qos, answer in ((1, fr.puback(topic_id, fr.ANY)),
                                (2, fr.pubrec(fr.ANY))):
                msg_id = 100 + 2 * number + qos
                payload = "%d-%d" % (qos, number)
                node.insist(fr.publish(topic_id, payload, qos, msg_id), answer,
                            again=fr.publish(topic_id, payload, qos, msg_id,
                                             dup=True),
                            attempts=100, each=0.5)
                self.assertIn(payload.encode(), [
                    message.payload for message, _ in broker.published])
                if qos == 2:
                    node.insist(fr.pubrel(msg_id), fr.pubcomp(msg_id))
        return node


class BreaksOff(DamagedTest):
    def test_at_every_octet(self):
        # CONNACK, SUBACKs, three messages, acknowledgements.
        self.serve(self.start_damaged(60, cut_after), 61)


class Garbage(DamagedTest):
    def flipped(self, number):
        """Octets put in, left out and changed. But a PUBREC is not made a
        PUBACK: it would have the client library free what it keeps, and read
        that when it connects again (Paho MQTT C 1.3.12)."""
        dice = random.Random(1000 * SEED + number)

        def damage(octets):
            data = bytearray(octets)
            for _ in range(dice.randrange(3)):
                how, at = dice.randrange(4), dice.randrange(len(data) + 1)
                if how == 0:
                    data[at:at] = dice.randbytes(dice.randrange(1, 5))
                elif how == 1:
                    del data[at:at + dice.randrange(1, 4)]
                elif at < len(data):
                    data[at] ^= 1 << dice.randrange(8)
            if octets[0] == 0x50 and data[:1] and data[0] >> 4 == 4:
                data[0] = octets[0]
            return bytes(data)
        return damage

    def test_damaged_answers(self):
        self.serve(self.start_damaged(40, self.flipped, patience=0.3), 41)

    def test_a_packet_without_end_is_found_out_by_keep_alive(self):
        def damage(number):
            first = [True]

            def add(data):
                data += b"\x30\xff\xff\x7f\x00\x01x" if first[0] else b""
                first[0] = False
                return data
            return add

        self.serve(self.start_damaged(1, damage), config={
            **QUICK, "upstream": {**QUICK["upstream"], "keep_alive": "5s"}})

    def instead_of_an_answer(self, octets):
        self.serve(self.start_damaged(
            3, lambda number: lambda data: octets), 4)

    def test_another_protocol(self):
        self.instead_of_an_answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    def test_an_alert_of_tls(self):
        self.instead_of_an_answer(b"\x15\x03\x01\x00\x02\x02\x46")

    def test_a_length_that_never_ends(self):
        self.instead_of_an_answer(b"\x20\xff\xff\xff\xff\xff\xff")

    def test_a_packet_of_256_mebioctets(self):
        self.instead_of_an_answer(b"\x30\xff\xff\xff\x7f\x00\x01x")


class Unasked(DamagedTest):
    """Whole packets that make no sense, behind the CONNACK."""

    EXTRA = (
        b"\x40\x02\x00\x63",              # PUBACK of nothing
        b"\x40\x02\x00\x00",              # PUBACK of id 0
        b"\x50\x02\x00\x63",              # PUBREC of nothing
        b"\x62\x02\x00\x63",              # PUBREL of nothing
        b"\x70\x02\x00\x63",              # PUBCOMP of nothing
        b"\x90\x03\x00\x63\x00",          # SUBACK of nothing
        b"\x90\x05\x00\x63\x00\x01\x02",  # with three codes
        b"\xb0\x02\x00\x63",              # UNSUBACK of nothing
        b"\xd0\x00",                      # PINGRESP
        b"\xc0\x00",                      # PINGREQ
        b"\x20\x02\x00\x00",              # CONNACK again
        b"\x20\x02\x01\x00",              # with session present
        b"\x36\x05\x00\x01x\x00\x01",     # PUBLISH with QoS 3
        b"\x30\x03\x00\x01\xff",          # topic not UTF-8
        b"\x30\x02\x00\x00",              # topic empty
        b"\x30\x04\x00\x02#x",            # topic with a wildcard
        b"\x30\x05\x00\x09abc",           # topic longer than the packet
        b"\x32\x03\x00\x01x",             # packet id missing
        b"\xf0\x00",                      # a type of MQTT 5
        b"\x00\x00",                      # type 0
        b"\xe0\x00",                      # DISCONNECT
    )

    def test_what_nobody_asked_for(self):
        def damage(number):
            first = [True]

            def add(data):
                data += self.EXTRA[number] if first[0] else b""
                first[0] = False
                return data
            return add

        for number, extra in enumerate(self.EXTRA):
            with self.subTest(extra=extra.hex(" ")):
                # Some of it may be passed over, and the connection go on.
                self.serve(self.start_damaged(
                    1, lambda _, number=number: damage(number)), 1)
                self.gw.terminate()
                self.assertEqual(self.gw.wait(), 0)


class Hangs(E2ETest):
    CONFIG = {"upstream": {**QUICK["upstream"], "keep_alive": "5s"},
              "log": {"level": "info"}}

    def test_a_broker_that_is_dead_without_a_word(self):
        watch = self.mqtt("up/#", 1)
        n1 = self.node("n1").connect(600)
        topic_id = n1.register("up/x")
        self.broker.pause()
        n1.send(fr.publish(topic_id, "x", 1, 2))
        n1.fence()  # nodes are served while it hangs
        self.gw.wait_log("area=upstream event=lost", timeout=3 * PATIENCE + 20)
        n1.fence()

        self.broker.resume()

        n1.expect(fr.puback(topic_id, 2))
        watch.wait_for(lambda got: any(m.payload == b"x" for m in got), "x")




class StoppingBroker(FakeBroker):
    """Reads nothing while the gate is shut."""

    def __init__(self, **more):
        self.gate = threading.Event()
        self.gate.set()
        super().__init__(**more)

    def _exactly(self, client, count):
        self.gate.wait(6 * PATIENCE)
        return super()._exactly(client, count)


class StopsReading(E2ETest):
    FLOOD = 20000

    def begin(self):
        self.broker = StoppingBroker()
        self.addCleanup(self.broker.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.broker.port, QUICK)

    def test_what_piles_up_is_bounded_and_nodes_are_served(self):
        flooder = self.node("flooder").connect(600)
        topic_id = flooder.register("up/x")
        n1 = self.node("n1").connect(600)
        octets = fr.publish(topic_id, "x" * 900, 0, 0)
        before = self.gw.process.memory()[1]
        self.broker.gate.clear()
        for number in range(self.FLOOD):
            flooder.send_quietly(bytes(octets))
            if number % 50 == 0:
                flooder.fence()
                n1.fence()
        grown = self.gw.process.memory()[1] - before

        self.broker.gate.set()

        n1.insist(fr.register(0, 1, "up/y"), fr.regack(fr.ANY, 1))
        other = fr.topic_id_of(n1.received[-1])
        n1.insist(fr.publish(other, "y", 1, 2), fr.puback(other, 2),
                  again=fr.publish(other, "y", 1, 2, dup=True), attempts=60)
        # 18 MB were offered; kernel, library and outbox take some of them.
        print("grown by %d KiB" % (grown >> 10))
        # The sanitizer keeps what was freed.
        if os.environ.get("MQTTSN_SANITIZE", "none") == "none":
            self.assertLess(grown, 12 << 20)


if __name__ == "__main__":
    main()
