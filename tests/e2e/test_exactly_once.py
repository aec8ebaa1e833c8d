# SPDX-License-Identifier: MIT
"""QoS 2 in both directions while the gateway is killed in the middle of it:
the next process goes on where this one ended. The broker is scripted, so that
the kill falls into each step, and it keeps its session."""

import struct
import threading

from harness import PROTOCOL, E2ETest, fr, main
from mqtt import FakeBroker
from processes import PATIENCE

CONFIG = {
    "store": {"type": "sqlite", "path": "{directory}/store/gateway.db"},
    "compat": {"overlapping": "one"},
}


class Broker(FakeBroker):
    """Writes down every packet of an exchange, and answers no PUBREC, and a
    PUBREL only when it 'completes'."""

    def __init__(self, **more):
        self.exchange = []
        self.completes = False
        super().__init__(on_publish=lambda *_: False, **more)

    def wrap(self, client):
        return Wire(self, client)

    def note(self, kind, packet_id, dup=False):
        with self.changed:
            self.exchange.append((kind, packet_id, dup))
            self.changed.notify_all()

    def wait_exchange(self, *wanted):
        """Until the last packets are these, (kind, packet id, dup) each."""
        with self.changed:
            if not self.changed.wait_for(
                    lambda: tuple(self.exchange[-len(wanted):]) == wanted,
                    PATIENCE):
                raise AssertionError("the gateway sent %s" % self.exchange)

    def say(self, head, packet_id):
        self.client.sendall(bytes([head, 2]) + struct.pack(">H", packet_id))

    def pubrec(self, packet_id):
        self.say(0x50, packet_id)

    def pubrel(self, packet_id):
        self.say(0x62, packet_id)

    def pubcomp(self, packet_id):
        self.say(0x70, packet_id)


class Wire:
    """The connection, with an ear on what the gateway says."""

    KINDS = {3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP"}

    def __init__(self, broker, client):
        self.broker = broker
        self.client = client
        self.buffer = bytearray()
        self.lock = threading.Lock()

    def recv(self, count):
        """One packet at a time is read; those of an exchange are written down,
        and those that would be answered by themselves are kept back."""
        while not self.buffer:
            packet = self.packet()
            if not packet:
                return b""
            kind = packet[0] >> 4
            if kind in self.KINDS:
                self.note(kind, packet)
            if kind == 5 or (kind == 6 and not self.broker.completes):
                continue
            self.buffer += packet
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return bytes(part)

    def packet(self):
        head = self.exactly(2)
        if not head:
            return b""
        size, shift, octets = 0, 0, bytearray(head)
        while True:
            size |= (octets[-1] & 0x7F) << shift
            shift += 7
            if not octets[-1] & 0x80:
                return bytes(octets) + self.exactly(size)
            octets += self.exactly(1)

    def exactly(self, count):
        octets = bytearray()
        while len(octets) < count:
            part = self.client.recv(count - len(octets))
            if not part:
                return b""
            octets += part
        return bytes(octets)

    def note(self, kind, packet):
        if kind == 3:
            size = struct.unpack(">H", packet[2:4])[0]
            packet_id = struct.unpack(">H", packet[4 + size:6 + size])[0] \
                if packet[0] & 6 else 0
        else:
            packet_id = struct.unpack(">H", packet[2:4])[0]
        self.broker.note(self.KINDS[kind], packet_id, bool(packet[0] & 8))

    def sendall(self, octets):
        with self.lock:
            self.client.sendall(octets)

    def close(self):
        self.client.close()

    def shutdown(self, how):
        self.client.shutdown(how)


class ExactlyOnce(E2ETest):
    CONFIG = CONFIG

    def begin(self):
        self.fake = Broker()
        self.addCleanup(self.fake.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.fake.port, self.CONFIG)

    def kill(self):
        """The broker keeps the session that it has by now."""
        self.gw.kill()
        self.fake.session_present = True
        self.gw.start()

    def node2(self, data=None):
        """A node that has published with QoS 2, or none of it yet."""
        n1 = self.node("n1").connect(600, clean=False)
        topic = n1.register("site/t")
        if data:
            n1.send(fr.publish(topic, data, 2, msg_id=7))
            n1.expect(fr.pubrec(7))
            self.fake.wait_published(1)
        return n1, topic

    def finish(self, n1):
        n1.send(fr.pubrel(7))
        n1.expect(fr.pubcomp(7))

    # ---- up -----------------------------------------------------------

    def test_killed_before_pubrec_the_same_publish_comes_again(self):
        n1, _ = self.node2("one")
        (_, packet_id), = self.fake.published

        self.kill()

        self.fake.wait_exchange(("PUBLISH", packet_id, False),
                                ("PUBLISH", packet_id, True))
        self.fake.pubrec(packet_id)
        self.fake.wait_exchange(("PUBREL", packet_id, False))
        self.fake.pubcomp(packet_id)
        self.finish(n1)

    def test_killed_before_pubcomp_only_pubrel_comes_again(self):
        n1, topic = self.node2("one")
        (_, packet_id), = self.fake.published
        self.fake.pubrec(packet_id)
        self.fake.wait_exchange(("PUBREL", packet_id, False))

        self.kill()

        self.fake.wait_exchange(("PUBREL", packet_id, False),
                                ("PUBREL", packet_id, False))
        self.fake.pubcomp(packet_id)
        self.finish(n1)
        self.assertEqual(len(self.fake.published), 1)
        # The next one is another, under whatever id.
        n1.send(fr.publish(topic, "two", 2, msg_id=8))
        n1.expect(fr.pubrec(8))
        self.fake.wait_published(2)

    def test_killed_after_pubcomp_nothing_comes_again(self):
        n1, topic = self.node2("one")
        (_, packet_id), = self.fake.published
        self.fake.pubrec(packet_id)
        self.fake.wait_exchange(("PUBREL", packet_id, False))
        self.fake.pubcomp(packet_id)
        self.fake.completes = True

        self.kill()

        self.finish(n1)
        n1.send(fr.publish(topic, "two", 2, msg_id=8))
        n1.expect(fr.pubrec(8))
        # What the killed process had read of PUBCOMP, it has kept: at most
        # PUBREL comes again, which a broker answers.
        published = self.fake.wait_published(2)
        self.assertEqual([m.payload for m, _ in published], [b"one", b"two"])

    def test_what_comes_after_a_kill_waits_for_what_was_under_way(self):
        """The library goes on in the order of packet ids, and its next process
        begins them anew: one more kill, and they would change places."""
        n1, topic = self.node2("one")
        (_, packet_id), = self.fake.published
        self.kill()
        self.fake.wait_exchange(("PUBLISH", packet_id, False),
                                ("PUBLISH", packet_id, True))
        self.finish(n1)

        n1.send(fr.publish(topic, "two", 2, msg_id=8))
        n1.expect(fr.pubrec(8))
        n1.subscribe("fence")  # which may pass what must wait

        self.assertEqual([m.payload for m, _ in self.fake.published],
                         [b"one", b"one"])
        self.fake.pubrec(packet_id)
        self.fake.wait_exchange(("PUBREL", packet_id, False))
        self.fake.pubcomp(packet_id)
        published = self.fake.wait_published(3)
        self.assertEqual(published[-1][0].payload, b"two")

    def test_a_broker_that_lost_the_session_gets_it_once_more(self):
        n1, _ = self.node2("one")

        self.gw.kill()
        self.fake.session_present = False
        self.gw.start()

        published = self.fake.wait_published(2)
        self.assertEqual([m.payload for m, _ in published], [b"one", b"one"])
        self.fake.pubrec(published[1][1])
        self.fake.wait_exchange(("PUBREL", published[1][1], False))
        self.fake.pubcomp(published[1][1])
        self.finish(n1)

    # ---- down ---------------------------------------------------------

    def reader(self):
        n1 = self.node("n1").connect(600, clean=False)
        topic = n1.subscribe("cmd/a", 1)
        # That it knows the id is stored before the next answer; else it would
        # be told again after a kill.
        n1.register("fence", 9)
        return n1, topic

    def test_killed_after_pubrec_it_is_delivered_once(self):
        n1, topic = self.reader()
        self.fake.send("cmd/a", "one", 2, packet_id=41)
        self.fake.wait_exchange(("PUBREC", 41, False))
        if PROTOCOL == "5":  # it is delivered before PUBREC
            n1.take_publish(topic, "one", 1)
            n1.register("later", 10)

        self.kill()
        self.gw.wait_up()
        self.fake.pubrel(41)

        self.fake.wait_exchange(("PUBCOMP", 41, False))
        if PROTOCOL != "5":
            n1.take_publish(topic, "one", 1)
        self.fake.pubrel(41)  # and once more, as a broker may
        self.fake.wait_exchange(("PUBCOMP", 41, False), ("PUBCOMP", 41, False))
        self.fake.send("cmd/a", "two", 0)
        n1.take_publish(topic, "two")

    def test_killed_after_pubcomp_the_sleeper_gets_it_once(self):
        n1, topic = self.reader()
        n1.sleep(600)
        self.fake.send("cmd/a", "one", 2, packet_id=41)
        self.fake.wait_exchange(("PUBREC", 41, False))
        self.fake.pubrel(41)
        self.fake.wait_exchange(("PUBCOMP", 41, False))

        self.kill()
        self.gw.wait_up()
        self.fake.pubrel(41)
        self.fake.wait_exchange(("PUBCOMP", 41, False), ("PUBCOMP", 41, False))

        n1.send(fr.pingreq("n1"))
        n1.take_publish(topic, "one", 1)
        n1.expect(fr.pingresp())

    def test_what_was_acknowledged_with_qos_1_is_delivered(self):
        n1, topic = self.reader()
        n1.sleep(600)
        for i in range(20):
            self.fake.send("cmd/a", "m%d" % i, 1, packet_id=100 + i)
        self.fake.wait_exchange(("PUBACK", 119, False))

        self.kill()

        n1.send(fr.pingreq("n1"))
        for i in range(20):
            n1.take_publish(topic, "m%d" % i, 1)
        n1.expect(fr.pingresp())

    # ---- the session --------------------------------------------------

    def test_a_new_store_discards_the_session_and_an_old_one_does_not(self):
        def clean_flags():
            return [bool(body[7] & 2) for body in self.fake.connects]

        self.gw.wait_up()
        self.assertEqual(clean_flags(), [True, False])
        self.kill()
        self.gw.wait_up()
        self.assertEqual(clean_flags(), [True, False, False])


if __name__ == "__main__":
    main()
