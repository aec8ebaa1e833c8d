# SPDX-License-Identifier: MIT
"""Brokers that are configured narrowly."""

from harness import PROTOCOL, E2ETest, fr, main
from mqtt import with_prefix


class Strict(E2ETest):
    """The same traffic on each of them."""

    BROKER = ("max_inflight_messages 1",)
    COUNT = 60

    def test_uplink_of_many_nodes_arrives_in_full_and_in_order(self):
        # [G12-35]
        # With QoS 0, since such a broker drops what waits for a subscriber.
        watch = self.mqtt("up/#", 0)
        nodes = [self.node("n%d" % number).connect() for number in range(4)]
        ids = [node.register("up/" + node.client_id) for node in nodes]
        for number in range(self.COUNT):
            for node, topic_id in zip(nodes, ids):
                node.send(fr.publish(topic_id, str(number), 1, number + 1))
            for node, topic_id in zip(nodes, ids):
                node.expect(fr.puback(topic_id, number + 1))

        watch.wait_for(lambda got: len(got) == 4 * self.COUNT, "all messages")
        for node in nodes:
            self.assertEqual(
                [m.payload for m in watch.messages
                 if m.topic == "up/" + node.client_id],
                [b"%d" % number for number in range(self.COUNT)])

    def test_downlink_to_sleepers_arrives_in_full_and_in_order(self):
        # [G12-17]
        source = self.mqtt()
        n1 = self.node("n1").connect(300)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        for number in range(9):
            source.publish("cmd/x", str(number), 1)
        self.settle(n1)

        n1.send(fr.pingreq("n1"))

        for number in range(9):
            n1.take_publish(topic_id, str(number), 1)
        n1.expect(fr.pingresp())

    def test_qos_2_passes(self):
        # [G12-34]
        watch = self.mqtt("up/x", 2)
        n1 = self.node("n1").connect()
        topic_id = n1.register("up/x")
        for number in range(10):
            n1.send(fr.publish(topic_id, str(number), 2, number + 1))
            n1.expect(fr.pubrec(number + 1))
            n1.send(fr.pubrel(number + 1))
            n1.expect(fr.pubcomp(number + 1))
            watch.expect("up/x", str(number), 2)


class ShortQueues(Strict):
    BROKER = ("max_inflight_messages 10", "max_queued_messages 10")


class BothAtOnce(Strict):
    BROKER = ("max_inflight_messages 1", "max_queued_messages 10")


class AsPackaged(E2ETest):
    """It takes 20 QoS 2 publishes at a time, and throws away the next."""

    def test_many_qos_2_publishes_at_a_time_all_arrive(self):
        # [G12-34]
        watch = self.mqtt("up/#", 0)
        nodes = [self.node("n%d" % number).connect() for number in range(8)]
        ids = [node.register("up/" + node.client_id) for node in nodes]
        for number in range(5):
            for node, topic_id in zip(nodes, ids):
                node.send(fr.publish(topic_id, str(number), 2, number + 1))

        for node in nodes:
            node.expect_set(*(fr.pubrec(number + 1) for number in range(5)))
        watch.wait_for(lambda got: len(got) >= 40, "40 messages")
        self.assertEqual(len(watch.messages), 40)


class NoQos2(E2ETest):
    BROKER = ("max_qos 1",)

    def test_nodes_are_served_at_the_qos_that_the_broker_has(self):
        n1 = self.node("n1").connect()
        n1.send(fr.subscribe("cmd/x", 1, 1))
        n1.expect(fr.suback(1, 1, 1))
        self.mqtt().publish("cmd/x", "x", 1)

        n1.take_publish(1, "x", 1)


class EndsConnection(E2ETest):
    """A broker that closes the connection for one message."""

    BROKER = ("max_packet_size 200",)
    CONFIG = {"upstream": {"reconnect_min": "20ms", "reconnect_max": "100ms"}}
    QOS = 1
    PAYLOAD = "x" * 500

    def test_the_node_is_refused_and_the_others_are_served(self):
        # [G12-37]
        # With a subscription, for which the library's handle is kept.
        watch = self.mqtt("up/#")
        n1 = self.node("n1").connect()
        n2 = self.node("n2").connect()
        n2.subscribe("cmd/x", 1)
        bad, good = n1.register("up/bad"), n2.register("up/good", 2)

        n1.send(fr.publish(bad, self.PAYLOAD, self.QOS, 3))
        n2.send(fr.publish(good, "ok", 1, 4))

        n1.expect(fr.puback(bad, 3, fr.NOT_SUPPORTED))
        n2.expect(fr.puback(good, 4))
        watch.expect("up/good", "ok")


class EndsConnectionAtQos2(EndsConnection):
    """The library itself would send it again for ever."""

    QOS = 2


class EndsConnectionForQos2(EndsConnection):
    BROKER = ("max_qos 1",)
    QOS = 2
    PAYLOAD = "x"

    def setUp(self):
        if PROTOCOL == "5":
            self.skipTest("with MQTT 5 the broker says that before")
        super().setUp()


class SizeLimit(E2ETest):
    BROKER = ("message_size_limit 100",)
    CONFIG = {"upstream": {"reconnect_min": "20ms", "reconnect_max": "100ms"}}

    def test_what_the_broker_finds_too_large_does_not_stop_the_others(self):
        watch = self.mqtt("up/#")
        n1 = self.node("n1").connect()
        n2 = self.node("n2").connect()
        topic_id = n1.register("up/big")

        n1.send(fr.publish(topic_id, "x" * 500, 0))
        for number in range(5):
            n2.publish1("ab", str(number), number + 1, kind=fr.SHORT)

        n1.publish1(topic_id, "small", 9)
        watch.expect("up/big", "small")


class Denied(E2ETest):
    def begin(self):
        self.broker = self.start_broker("acl_file {acl}", files={
            "acl": "topic readwrite %s\ntopic readwrite %s\n" % (
                with_prefix("ok/#"), with_prefix("mqttsn-gw/#"))})
        self.gw = self.start_gateway(self.broker.port)

    def test_what_the_broker_denies_is_answered_and_others_go_on(self):
        # [SN12-502] [SN12-205]
        n1 = self.node("n1").connect()
        # mosquitto grants a subscription that it will never serve, and with
        # MQTT 3.1.1 acknowledges a publish that it drops.
        denied = n1.register("no/x")
        n1.send(fr.publish(denied, "dropped", 1, 2))
        n1.expect(fr.puback(denied, 2, fr.NOT_SUPPORTED if PROTOCOL == "5"
                            else fr.ACCEPTED))
        watch = self.mqtt("ok/#")

        n1.publish1(n1.register("ok/x", 3), "y", 4)

        watch.expect("ok/x", "y")


class SubscribeDenied(E2ETest):
    """A broker that refuses a subscription with 0x80."""

    def begin(self):
        self.broker = self.start_fake_broker()
        self.broker.granted = \
            lambda topic, qos: 0x80 if topic.startswith("no/") else qos
        self.gw = self.start_gateway(self.broker.port)

    def test_the_node_is_told_not_supported(self):
        # [SN12-502]
        n1 = self.node("n1").connect()

        n1.send(fr.subscribe("no/x", 5, 1))
        n1.expect(fr.suback(fr.ANY, 5, fr.ANY, fr.NOT_SUPPORTED))
        n1.send(fr.subscribe("ok/x", 6, 1))
        n1.expect(fr.suback(fr.ANY, 6, 1))


if __name__ == "__main__":
    main()
