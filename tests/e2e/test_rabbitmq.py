# SPDX-License-Identifier: MIT
"""Another broker than mosquitto: RabbitMQ, whose MQTT is a plugin, and has its
own ways (docs/broker-settings.md)."""

import socket
import sys
import unittest

from harness import E2ETest, fr, main
from mqtt import Mqtt
from rabbit import RabbitMq, why_not
from streams import Acceptor, carry, end, in_background


class Relay(Acceptor):
    """Connections to it that can be cut: it takes long to begin anew."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.ends = []
        super().__init__()

    def talk(self, near):
        far = socket.create_connection(self.to)
        self.ends += [near, far]
        in_background(carry, near, far)
        carry(far, near)

    def cut(self):
        ends, self.ends = self.ends, []
        end(*ends)
        for one in ends:
            one.close()

    def close(self):
        super().close()
        self.cut()


class Rabbit(E2ETest):
    MODE = "aggregating"

    @classmethod
    def setUpClass(cls):
        if not hasattr(Rabbit, "shared"):
            Rabbit.shared = RabbitMq()
            unittest.addModuleCleanup(Rabbit.shared.close)

    def begin(self):
        self.broker = self.shared
        self.relay = Relay(self.broker.port)
        self.addCleanup(self.relay.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.relay.port, {
            "upstream": {"mode": self.MODE, "max_qos": 1,
                         "client_id": "gw-" + self.id().split(".")[-1],
                         "reconnect_min": "50ms", "reconnect_max": "200ms"}})

    def publish2(self, node, topic, data, msg_id):
        node.send(fr.publish(topic, data, 2, msg_id))
        node.expect(fr.pubrec(msg_id))
        node.send(fr.pubrel(msg_id))
        node.expect(fr.pubcomp(msg_id))


class Contract:
    """In either mode."""

    def name(self, topic):
        return "%s/%s" % (self.id().split(".")[-1], topic)

    def test_publishes_of_each_qos_go_up(self):
        watch = self.mqtt(self.name("#"), 1)
        n1 = self.node("n1").connect()
        topic = n1.register(self.name("t"))
        n1.send(fr.publish(topic, "zero"))
        watch.expect(self.name("t"), "zero", 0)
        n1.publish1(topic, "one", 7)
        watch.expect(self.name("t"), "one", 1)
        self.publish2(n1, topic, "two", 8)
        watch.expect(self.name("t"), "two", 1)

    def test_subscriptions_come_down_and_end(self):
        n1 = self.node("n1").connect()
        n1.send(fr.subscribe(self.name("a"), 1, 2))
        topic = fr.topic_id_of(n1.expect(fr.suback(fr.ANY, 1, 1)))
        source = self.mqtt()
        source.publish(self.name("a"), "zero", 0)
        n1.take_publish(topic, "zero", 0)
        source.publish(self.name("a"), "one", 1)
        n1.take_publish(topic, "one", 1)
        n1.send(fr.unsubscribe(self.name("a"), 2))
        n1.expect(fr.unsuback(2))
        source.publish(self.name("a"), "more", 1)
        n1.fence()

    def test_what_is_retained_comes_for_a_topic(self):
        self.mqtt().publish(self.name("kept"), "old", 1, retain=True)
        for name in ("n1", "n2"):
            node = self.node(name).connect()
            topic = node.subscribe(self.name("kept"), 1)
            node.take_publish(topic, "old", 1, retain=True)
            node.fence()

    def test_a_sleeper_gets_what_waits(self):
        n1 = self.node("n1").connect()
        topic = n1.subscribe(self.name("a"), 1)
        n1.sleep(300)
        self.mqtt().publish(self.name("a"), "x", 1)
        n1.fetch(topic, "x", 1)
        self.assertEqual(0, self.gw.process.count("event=lost"))

    def test_a_connection_that_breaks_loses_nothing(self):
        watch = self.mqtt(self.name("up"), 1)
        n1 = self.node("n1").connect(clean=False)
        up = n1.register(self.name("up"), 1)
        down = n1.subscribe(self.name("down"), 1, 2)
        source = self.mqtt()
        for count in range(3):
            mark = self.gw.mark()
            self.relay.cut()
            n1.insist(fr.publish(up, str(count), 1, 10 + count),
                      fr.puback(up, 10 + count))
            self.gw.wait_log(r"event\W+lost", mark)
            watch.wait_for(lambda all_, count=count: any(
                m.payload == str(count).encode() for m in all_), str(count))
            # Its session is kept, so this waits for it if need be.
            source.publish(self.name("down"), str(count), 1)
            n1.take_publish(down, str(count), 1)

    def test_the_will_of_a_node_is_published(self):
        # [G12-29]
        watch = self.mqtt(self.name("w"), 1)
        n1 = self.node("n1")
        n1.send(fr.connect("n1", 1, True, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic(self.name("w"), 1))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("gone"))
        n1.expect(fr.connack())
        watch.expect(self.name("w"), "gone", 1)


class Aggregating(Contract, Rabbit):
    def test_overlapping_filters_bring_one_copy(self):
        # [G12-39]
        n1 = self.node("n1").connect()
        topic = n1.subscribe(self.name("a/b"), 1)
        n1.subscribe(self.name("a/#"), 1, 2)
        source = self.mqtt()
        for payload in ("x", "x", "y"):
            source.publish(self.name("a/b"), payload, 1)
            n1.take_publish(topic, payload, 1)
        n1.fence()


class Transparent(Contract, Rabbit):
    MODE = "transparent"

    def test_the_session_of_a_node_that_is_away_is_the_brokers(self):
        n1 = self.node("away").connect(clean=False)
        topic = n1.subscribe(self.name("a"), 1)
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())
        self.gw.wait_log(r"event\W+disconnected\W+client\W+away")
        # Known there, and not connected, when its id can be taken.
        other = Mqtt(self.broker.port, "away", clean=False)
        self.assertTrue(other.session_present)
        other.close()
        self.mqtt().publish(self.name("a"), "kept", 1)
        n1.send(fr.connect("away", 60, False))
        n1.expect(fr.connack())
        self.assertEqual(topic, n1.take_register(self.name("a")))
        n1.take_publish(topic, "kept", 1)


if __name__ == "__main__":
    if why_not():
        print("skipped: " + why_not())
        sys.exit(77)
    main()
