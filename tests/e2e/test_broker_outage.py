# SPDX-License-Identifier: MIT
"""The broker goes away and comes back; nothing acknowledged is lost."""

import random

from harness import PROTOCOL, E2ETest, fr, main
from processes import free_port

QUICK = {"upstream": {"reconnect_min": "20ms", "reconnect_max": "200ms"}}

# A ledger at the broker: what it writes to this subscriber it has written
# before it acknowledges the publisher, so a kill cannot take it back.
LEDGER = ("max_inflight_messages 0", "max_queued_messages 0")


class Outage(E2ETest):
    """A broker that keeps its sessions over a restart."""

    CONFIG = QUICK
    BROKER = LEDGER
    PERSISTENCE = True

    def return_of_the_broker(self):
        start = self.gw.mark()
        self.broker.start()
        self.gw.wait_up(start)

    def subscribed(self, *patterns):
        """Waits until the broker knows what it has to send us."""

    def test_kill_and_restart_while_nodes_publish(self):
        # [G12-37] [G12-35]
        ledger = self.mqtt("up/#", 1, client_id="ledger", clean=False)
        ledgers = [ledger]
        nodes = [self.node("n%d" % number).connect(clean=False)
                 for number in range(5)]
        ids = [node.register("up/%s" % node.client_id) for node in nodes]
        random.seed(3)
        acknowledged = set()
        for round_ in range(4):
            kill_at = random.randrange(5, 20)
            for number in range(25):
                waiting = []
                for node, topic_id in zip(nodes, ids):
                    payload = "%s-%d-%d" % (node.client_id, round_, number)
                    node.send(fr.publish(topic_id, payload, 1, number + 1))
                    waiting.append((node, topic_id, payload))
                if number == kill_at:
                    # With five exchanges on their way.
                    self.broker.kill()
                    ledger.wait_closed()
                    self.return_of_the_broker()
                    ledger = self.mqtt(client_id="ledger", clean=False)
                    self.assertTrue(ledger.session_present)
                    ledgers.append(ledger)
                for node, topic_id, payload in waiting:
                    node.expect(fr.puback(topic_id, number + 1))
                    acknowledged.add(payload.encode())

        self.assertEqual(len(acknowledged), 5 * 4 * 25)

        def missing():
            return acknowledged - {
                m.payload for one in ledgers for m in one.messages}

        try:
            ledger.wait_for(lambda _: not missing(), "all of them")
        except AssertionError:
            self.fail("acknowledged, but lost: %s" % missing())

    def test_subscriptions_come_back_and_sleep_cycles_go_on(self):
        # [G12-37]
        n1 = self.node("n1").connect(300, clean=False)
        topic_id = n1.subscribe("cmd/x", 1)
        awake = self.node("n2").connect(300, clean=False)
        awake.subscribe("cmd/#", 1)
        source = self.mqtt()
        n1.sleep(600)
        source.publish("cmd/x", "before", 1)
        awake.take_publish(awake.take_register("cmd/x"), "before", 1)

        self.broker.kill()
        self.gw.wait_log(r"area=upstream event=lost")
        awake.fence()
        n1.send(fr.disconnect(600))
        n1.expect(fr.disconnect())
        self.return_of_the_broker()
        self.subscribed(r"cmd/x \(QoS", r"cmd/# \(QoS")
        source = self.mqtt()
        source.publish("cmd/x", "after", 1)
        awake.take_publish_after(1, "after", copy_of="before")

        n1.send(fr.pingreq("n1"))
        n1.take_publish(topic_id, "before", 1)
        n1.take_publish_after(topic_id, "after", copy_of="before")
        n1.expect(fr.pingresp())

    def test_nodes_may_connect_during_an_outage(self):
        # [G12-37]
        self.broker.kill()
        self.gw.wait_log(r"area=upstream event=lost")

        n1 = self.node("n1").connect()
        topic_id = n1.register("up/x")
        n1.send(fr.publish(topic_id, "patient", 1, 7))
        n1.send(fr.publish(topic_id, "patient", 1, 7, dup=True))
        n1.fence()
        self.return_of_the_broker()

        n1.expect(fr.puback(topic_id, 7))

    def test_a_subscription_made_during_an_outage_is_answered_after_it(self):
        # [G12-37] [G12-39]
        n1 = self.node("n1").connect()
        self.broker.kill()
        self.gw.wait_log(r"area=upstream event=lost")
        n1.send(fr.subscribe("cmd/x", 5, 1))
        n1.fence()

        self.return_of_the_broker()

        n1.expect(fr.suback(1, 5, 1))
        self.mqtt().publish("cmd/x", "x", 1)
        n1.take_publish(1, "x", 1)

    def test_qos_2_stays_exactly_once_over_a_restart(self):
        # [G12-34]
        ledger = self.mqtt("up/x", 2, client_id="ledger", clean=False)
        n1 = self.node("n1").connect()
        topic_id = n1.register("up/x")
        self.broker.stop()
        self.gw.wait_log(r"area=upstream event=lost")
        n1.send(fr.publish(topic_id, "once", 2, 7))
        n1.fence()
        self.return_of_the_broker()
        n1.expect(fr.pubrec(7))
        n1.send(fr.pubrel(7))
        n1.expect(fr.pubcomp(7))
        n1.publish1(topic_id, "end", 8)

        ledger.close()
        ledger = self.mqtt(client_id="ledger", clean=False)
        ledger.expect("up/x", "once", 2)
        ledger.expect("up/x", "end")


class Amnesia(Outage):
    """A broker that forgets everything at a restart."""

    PERSISTENCE = False

    def subscribed(self, *patterns):
        for pattern in patterns:
            self.broker.process.wait_line(pattern)

    test_kill_and_restart_while_nodes_publish = None
    test_qos_2_stays_exactly_once_over_a_restart = None


class Timeout(E2ETest):
    CONFIG = {"upstream": {**QUICK["upstream"], "upstream_timeout": "300ms"}}

    def test_a_request_that_waited_too_long_is_answered_congestion(self):
        # [G12-37] [SN12-403] [SN12-205]
        n1 = self.node("n1").connect()
        topic_id = n1.register("up/x")
        self.broker.kill()
        self.gw.wait_log(r"area=upstream event=lost")

        n1.send(fr.publish(topic_id, "x", 1, 7))
        n1.expect(fr.puback(topic_id, 7, fr.CONGESTION))
        n1.send(fr.publish(topic_id, "x", 2, 8))
        n1.expect(fr.puback(topic_id, 8, fr.CONGESTION))
        n1.send(fr.subscribe("cmd/x", 9))
        n1.expect(fr.suback(fr.ANY, 9, fr.ANY, fr.CONGESTION))
        n1.fence()


class DownTooLong(E2ETest):
    CONFIG = {"upstream": {**QUICK["upstream"], "upstream_down_max": "500ms"}}

    def test_nodes_are_disconnected_after_upstream_down_max(self):
        # [G12-37]
        n1 = self.node("n1").connect()
        self.broker.kill()

        n1.expect(fr.disconnect())


class NeverUp(E2ETest):
    def begin(self):
        self.port = free_port()
        self.gw = self.start_gateway(self.port, QUICK, ready=False)

    def test_the_gateway_starts_without_a_broker_and_says_congestion(self):
        # [SN12-205] [SN12-016] [G12-37]
        n1 = self.node("n1")

        n1.send(fr.connect("n1"))

        n1.expect(fr.connack(fr.CONGESTION))


class LateBroker(E2ETest):
    CONFIG = QUICK

    def begin(self):
        self.broker = self.start_broker()
        self.broker.kill()
        self.gw = self.start_gateway(self.broker.port, QUICK, ready=False)

    def test_a_broker_that_comes_later_is_found(self):
        self.broker.start()
        self.gw.wait_up()

        self.node("n1").connect().publish1("ab", "x", 1, kind=fr.SHORT)


class Refused(E2ETest):
    def begin(self):
        self.broker = self.start_fake_broker(connack=5)
        self.gw = self.start_gateway(self.broker.port, QUICK, ready=False)
        self.gw.wait_log(r"area=upstream .*(auth|refused|denied)")

    def test_refused_credentials_are_said_and_nodes_are_told_congestion(self):
        # [SN12-205] [G12-37]
        n1 = self.node("n1")

        n1.send(fr.connect("n1"))

        n1.expect(fr.connack(fr.CONGESTION))


class Unanswered(E2ETest):
    """A broker that takes messages, says nothing, and drops the line."""

    def begin(self):
        self.silent = True

        def on_publish(_, message, __):
            return message.topic.startswith("mqttsn-gw/") or not self.silent

        self.broker = self.start_fake_broker(on_publish, session_present=True)
        self.gw = self.start_gateway(self.broker.port, QUICK)

    def test_what_the_broker_did_not_acknowledge_is_sent_again_in_order(self):
        # [G12-35] [G12-34] [G12-37]
        n1 = self.node("n1").connect()
        topic_id = n1.register("up/t")

        def ours():
            return [m.payload.decode() for m, _ in self.broker.published
                    if m.topic == "up/t"]

        for msg_id in range(1, 6):
            n1.send(fr.publish(topic_id, "m%d" % msg_id, 1, msg_id))
        with self.broker.changed:
            self.assertTrue(self.broker.changed.wait_for(
                lambda: len(ours()) == 5, 10))
        n1.fence()
        self.silent = False
        self.broker.drop()

        for msg_id in range(1, 6):
            n1.expect(fr.puback(topic_id, msg_id))
        self.assertEqual(ours()[5:], ["m%d" % n for n in range(1, 6)])


class Retained(E2ETest):
    """A broker that loses its sessions but not its retained messages."""

    def begin(self):
        self.broker = self.start_fake_broker()

        def subscribing(topic, qos):
            # With MQTT 5 it may have been asked to send none.
            if topic == "kept/x" and self.broker.last_options >> 4 & 3 != 2:
                self.broker.send("kept/x", "state", qos, retain=True,
                                 packet_id=9)

        self.broker.subscribing = subscribing
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": QUICK["upstream"]})

    def test_resubscribing_does_not_repeat_retained_messages(self):
        # [G12-37] [G12-39]
        n1 = self.node("n1").connect()
        topic_id = n1.subscribe("kept/x", 1)
        n1.take_publish(topic_id, "state", 1, retain=True)
        start = self.gw.mark()
        count = len(self.broker.subscribed)

        self.broker.drop()

        self.gw.wait_up(start)
        with self.broker.changed:
            self.assertTrue(self.broker.changed.wait_for(
                lambda: "kept/x" in [
                    topic for topic, _ in self.broker.subscribed[count:]], 10))
        n2 = self.node("n2").connect()
        n2.subscribe("kept/x", 1)
        n2.take_publish(1, "state", 1, retain=True)
        n2.fence()
        n1.fence()


class OneCopyPerFilter(E2ETest):
    """A broker that sends a message once for each filter that matches."""

    def setUp(self):
        if PROTOCOL == "5":
            self.skipTest("with MQTT 5 each copy says which one it is")
        super().setUp()

    def begin(self):
        self.packet_id = 0

        def on_publish(broker, message, _):
            if message.topic.endswith("/probe"):
                self.copies(message.topic, message.payload, message.qos)
            return True

        self.broker = self.start_fake_broker(on_publish)
        self.gw = self.start_gateway(self.broker.port, QUICK)

    def copies(self, topic, payload, qos):
        for _ in range(2):
            self.packet_id += 1
            self.broker.send(topic, payload, qos, packet_id=self.packet_id)

    def test_a_node_gets_one_copy_all_the_same(self):
        self.gw.wait_log(r"event=overlap_rule")
        n1 = self.node("n1").connect()
        topic_id = n1.subscribe("a/b", 1, 1)
        n1.subscribe("a/#", 1, 2)

        for payload in ("one", "two"):
            self.copies("a/b", payload, 1)

        n1.take_publish(topic_id, "one", 1)
        n1.take_publish(topic_id, "two", 1)
        self.broker.send("a/b", "end", 1, packet_id=99)
        self.broker.send("a/b", "end", 1, packet_id=98)
        n1.take_publish(topic_id, "end", 1)
        n1.fence()


if __name__ == "__main__":
    main()
