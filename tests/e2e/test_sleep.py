# SPDX-License-Identifier: MIT
"""Sleeping nodes: what is kept, when it is delivered, and what gives way."""

from harness import E2ETest, fr, main


class Sleep(E2ETest):
    def begin(self):
        super().begin()
        self.source = self.mqtt()

    def sleeper(self, name="node1", topic="cmd/#", qos=1, duration=600, **more):
        node = self.node(name).connect(300, **more)
        node.subscribe(topic, qos)
        node.sleep(duration)
        return node

    def wake(self, node):
        node.send(fr.pingreq(node.client_id))

    def test_the_whole_cycle_octet_by_octet(self):
        # [SN12-804] [SN12-806] [SN12-807] [SN12-808] [SN12-809] [SN12-057]
        # [SN12-059] [G12-17]
        n1 = self.node("node1")
        n1.send(bytes.fromhex("0b040401012c6e6f646531"))
        self.assertEqual(n1.next().hex(), "030500")
        n1.send(bytes.fromhex("0a12200001636d642f23"))
        self.assertEqual(n1.next().hex(), "0813200000000100")
        n1.send(bytes.fromhex("04180258"))
        self.assertEqual(n1.next().hex(), "0218")
        self.source.publish("cmd/led", "on", 1)
        self.settle(n1)

        n1.send(bytes.fromhex("07166e6f646531"))
        octets = n1.next()
        msg_id = octets[4:6].hex()
        self.assertEqual(octets.hex(), "0d0a0001" + msg_id + "636d642f6c6564")
        n1.send(bytes.fromhex("070b0001" + msg_id + "00"))
        octets = n1.next()
        msg_id = octets[5:7].hex()
        self.assertEqual(octets.hex(), "090c200001" + msg_id + "6f6e")
        n1.send(bytes.fromhex("070d0001" + msg_id + "00"))

        self.assertEqual(n1.next().hex(), "0217")

    def test_an_empty_queue_is_answered_pingresp_at_once(self):
        # [SN12-810]
        n1 = self.sleeper()

        for _ in range(3):
            self.wake(n1)
            n1.expect(fr.pingresp())

    def test_messages_come_in_the_order_of_the_broker_pingresp_last(self):
        # [G12-17] [SN12-808] [SN12-809] [SN12-505]
        n1 = self.sleeper(topic="#", qos=2)
        names = ["a/x", "b/x", "a/x", "c/x", "b/x", "a/x"]
        for number, name in enumerate(names):
            self.source.publish(name, str(number), number % 2)
        self.settle()
        n1.expect_silence()

        self.wake(n1)

        ids = {}
        for number, name in enumerate(names):
            if name not in ids:
                ids[name] = n1.take_register(name)
            n1.take_publish(ids[name], str(number), number % 2)
        # The fence of this test matches '#' too.
        ids["fence"] = n1.take_register("e2e/fence")
        n1.take_publish(ids["fence"], "x")
        n1.expect(fr.pingresp())

    def test_ids_stay_announced_over_sleep(self):
        # [G12-13]
        n1 = self.sleeper()
        for number in range(3):
            self.source.publish("cmd/led", str(number), 1)
            self.settle(n1)
            self.wake(n1)
            if number == 0:
                topic_id = n1.take_register("cmd/led")
            n1.take_publish(topic_id, str(number), 1)
            n1.expect(fr.pingresp())

    def test_messages_that_arrive_while_draining_are_delivered_too(self):
        # [G12-17]
        n1 = self.sleeper()
        self.source.publish("cmd/a", "1", 1)
        self.settle(n1)

        self.wake(n1)
        topic_id = n1.take_register("cmd/a")
        octets = n1.expect(fr.publish(topic_id, "1", 1, fr.ANY))
        self.source.publish("cmd/a", "2", 1)
        self.settle(n1)
        n1.send(fr.puback(topic_id, fr.msg_id_of(octets)))

        n1.take_publish(topic_id, "2", 1)
        n1.expect(fr.pingresp())

    def test_a_sleeping_node_gets_nothing_unasked(self):
        # [SN12-806]
        n1 = self.sleeper()
        for number in range(20):
            self.source.publish("cmd/x", str(number), number % 2)

        self.settle(n1)

    def test_a_message_sent_while_asleep_is_answered_and_nothing_more(self):
        # [G12-26]
        watch = self.mqtt("up/#")
        n1 = self.node("node1").connect(300)
        n1.subscribe("cmd/x", 1)
        topic_id = n1.register("up/x", 2)
        n1.sleep(600)
        self.source.publish("cmd/x", "kept", 1)
        self.settle(n1)

        n1.send(fr.publish(topic_id, "reading", 1, 3))
        n1.expect(fr.puback(topic_id, 3))
        n1.send(fr.register(0, 4, "up/y"))
        n1.expect(fr.regack(fr.ANY, 4))
        watch.expect("up/x", "reading")
        self.settle(n1)

        self.wake(n1)
        n1.take_publish(1, "kept", 1)
        n1.expect(fr.pingresp())

    def test_a_wake_up_without_client_id_from_a_known_address(self):
        # [G12-25]
        n1 = self.sleeper()
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)

        n1.send(fr.pingreq())

        n1.take_publish(n1.take_register("cmd/x"), "1", 1)
        n1.expect(fr.pingresp())

    def test_a_sleeper_that_moved_finds_its_messages_by_pingreq(self):
        # [G12-24]
        n1 = self.sleeper()
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)
        n1.open()

        self.wake(n1)

        n1.take_publish(n1.take_register("cmd/x"), "1", 1)
        n1.expect(fr.pingresp())

    def test_a_new_duration_replaces_the_old_one(self):
        # [SN12-816] [SN12-805]
        n1 = self.sleeper(duration=600)

        n1.send(fr.disconnect(1))
        n1.expect(fr.disconnect())

        self.gw.wait_log(r"event=client_lost .*node1")

    def test_the_sleep_request_may_be_repeated(self):
        # [SN12-804] [G12-28]
        n1 = self.sleeper()
        for _ in range(3):
            n1.send(fr.disconnect(600))
            n1.expect(fr.disconnect())
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)

        self.wake(n1)
        n1.take_publish(n1.take_register("cmd/x"), "1", 1)
        n1.expect(fr.pingresp())

    def test_connect_wakes_a_sleeper_for_good(self):
        # [SN12-814] [G12-20]
        n1 = self.sleeper(clean=False)
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)

        n1.send(fr.connect("node1", 300, clean=False))
        n1.expect(fr.connack())

        n1.take_publish(n1.take_register("cmd/x"), "1", 1)
        n1.fence()

    def test_a_clean_connect_out_of_sleep_forgets_the_queue(self):
        # [G12-20] [G12-51]
        n1 = self.sleeper(clean=False)
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)

        n1.connect(clean=True)

        n1.fence()
        self.source.publish("cmd/x", "2", 1)
        self.settle(n1)

    def test_disconnect_out_of_sleep_ends_the_connection(self):
        # [SN12-815]
        n1 = self.sleeper()

        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())
        self.wake(n1)

        n1.expect(fr.disconnect())

    def test_disconnect_while_awake_stops_the_delivery(self):
        # [SN12-815] [SN12-816]
        n1 = self.sleeper(clean=False)
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)
        self.wake(n1)
        topic_id = n1.take_register("cmd/x")
        n1.expect(fr.publish(topic_id, "1", 1, fr.ANY))

        n1.send(fr.disconnect(600))
        n1.expect(fr.disconnect())
        self.settle(n1)

        self.wake(n1)
        n1.take_publish(topic_id, "1", 1, dup=True)
        n1.expect(fr.pingresp())

    def test_an_acknowledgement_after_falling_asleep_counts(self):
        # [G12-19]
        n1 = self.sleeper()
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)
        self.wake(n1)
        topic_id = n1.take_register("cmd/x")
        octets = n1.expect(fr.publish(topic_id, "1", 1, fr.ANY))
        n1.send(fr.disconnect(600))
        n1.expect(fr.disconnect())

        n1.send(fr.puback(topic_id, fr.msg_id_of(octets)))
        self.wake(n1)

        n1.expect(fr.pingresp())

    def test_pingreq_while_awake_repeats_the_current_step(self):
        # [G12-18]
        n1 = self.sleeper()
        self.source.publish("cmd/x", "1", 1)
        self.settle(n1)
        self.wake(n1)
        first = n1.expect(fr.register(fr.ANY, fr.ANY, "cmd/x"))
        self.wake(n1)
        self.assertEqual(n1.next(), first)
        topic_id = fr.topic_id_of(first)
        n1.send(fr.regack(topic_id, fr.msg_id_of(first)))
        octets = n1.expect(fr.publish(topic_id, "1", 1, fr.ANY))
        self.wake(n1)
        n1.expect(fr.publish(topic_id, "1", 1, fr.msg_id_of(octets), dup=True))
        n1.send(fr.puback(topic_id, fr.msg_id_of(octets)))

        n1.expect(fr.pingresp())

    def test_one_message_for_many_sleepers_reaches_each_once(self):
        nodes = [self.sleeper("s%d" % number) for number in range(30)]
        self.source.publish("cmd/all", "together", 1)
        self.settle(*nodes)

        for node in nodes:
            self.wake(node)
            node.take_publish(node.take_register("cmd/all"), "together", 1)
            node.expect(fr.pingresp())

    def test_a_lost_session_keeps_its_messages_for_the_next_connect(self):
        # [G12-33] [SN12-805]
        n1 = self.sleeper(duration=1, clean=False)
        self.source.publish("cmd/x", "zero", 0)
        self.source.publish("cmd/x", "one", 1)
        self.gw.wait_log(r"event=client_lost .*node1")
        self.source.publish("cmd/x", "two", 1)
        self.settle(n1)
        self.wake(n1)
        n1.expect(fr.disconnect())

        n1.connect(300, clean=False)

        topic_id = n1.take_register("cmd/x")
        while True:
            octets = n1.next()
            self.assertEqual(fr.kind_of(octets), fr.PUBLISH)
            if fr.msg_id_of(octets):
                n1.send(fr.puback(topic_id, fr.msg_id_of(octets)))
            if fr.data_of(octets) == b"two":
                break
        self.assertIn(b"one", [fr.data_of(o) for o in n1.received
                               if fr.kind_of(o) == fr.PUBLISH])
        n1.fence()


class Silent(E2ETest):
    CONFIG = {"retry": {"interval": "200ms", "count": 2}}

    def test_a_silent_awake_node_is_asleep_again_and_keeps_its_message(self):
        # [G12-18]
        source = self.mqtt()
        n1 = self.node().connect(300)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        source.publish("cmd/x", "1", 1)
        self.settle(n1)

        for failed in range(2):
            start = self.gw.mark()
            n1.send(fr.pingreq("n1"))
            for attempt in range(3):
                n1.expect(fr.publish(topic_id, "1", 1, fr.ANY,
                                     dup=failed + attempt > 0))
            # No PINGRESP; the next wake-up is a new awake period.
            self.gw.wait_log(r"event=unresponsive .*client=n1", start)
        n1.send(fr.pingreq("n1"))
        n1.take_publish(topic_id, "1", 1, dup=True)
        n1.expect(fr.pingresp())


class Bounds(E2ETest):
    CONFIG = {"limits": {"queue_max_messages": 3}}
    KEPT = ["2", "3", "4"]
    QOS = 1

    def test_a_full_queue_gives_way_as_configured(self):
        # [G12-32]
        source = self.mqtt()
        n1 = self.node().connect(300)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        for number in range(5):
            source.publish("cmd/x", str(number), self.QOS)
        self.settle(n1)

        n1.send(fr.pingreq("n1"))

        for payload in self.KEPT:
            n1.take_publish(topic_id, payload, self.QOS)
        n1.expect(fr.pingresp())
        self.gw.wait_log(r"event=queue_drop")


class BoundsNewest(Bounds):
    CONFIG = {"limits": {"queue_max_messages": 3, "drop_policy": "newest"}}
    KEPT = ["0", "1", "2"]


class BoundsLatest(Bounds):
    CONFIG = {"limits": {"queue_max_messages": 3,
                         "drop_policy": "latest-per-topic"}}
    KEPT = ["4"]


class BoundsBytes(Bounds):
    CONFIG = {"limits": {"queue_max_bytes": "64B"}}
    KEPT = None

    def test_a_full_queue_gives_way_as_configured(self):
        # [G12-32]
        source = self.mqtt()
        n1 = self.node().connect(300)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        for number in range(5):
            source.publish("cmd/x", str(number) * 60, 1)
        self.settle(n1)

        n1.send(fr.pingreq("n1"))

        n1.take_publish(topic_id, "4" * 60, 1)
        n1.expect(fr.pingresp())


class BoundsQos0First(E2ETest):
    CONFIG = {"limits": {"queue_max_messages": 3}}

    def test_qos_0_gives_way_before_qos_1(self):
        # [G12-32] [G12-33]
        source = self.mqtt()
        n1 = self.node().connect(300)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        for payload, qos in (("a", 1), ("b", 0), ("c", 1), ("d", 1)):
            source.publish("cmd/x", payload, qos)
        self.settle(n1)

        n1.send(fr.pingreq("n1"))

        for payload in "acd":
            n1.take_publish(topic_id, payload, 1)
        n1.expect(fr.pingresp())


class BoundsPerClient(E2ETest):
    CONFIG = {"client small*": {"queue_max_messages": 1}}

    def test_a_client_section_sets_the_bound_of_matching_nodes(self):
        # [G12-32]
        source = self.mqtt()
        nodes = [self.node(name).connect(300) for name in ("small1", "large")]
        for node in nodes:
            node.subscribe("cmd/x", 1)
            node.sleep(600)
        for payload in "ab":
            source.publish("cmd/x", payload, 1)
        self.settle(*nodes)

        for node, kept in zip(nodes, ("b", "ab")):
            node.send(fr.pingreq(node.client_id))
            for payload in kept:
                node.take_publish(1, payload, 1)
            node.expect(fr.pingresp())


class MaxAge(E2ETest):
    CONFIG = {"limits": {"queue_max_age": "1s"}}

    def test_old_messages_are_not_delivered(self):
        # [G12-32]
        source = self.mqtt()
        n1 = self.node().connect(300)
        topic_id = n1.subscribe("cmd/valve", 1)
        n1.sleep(600)
        source.publish("cmd/valve", "open", 1)
        self.settle(n1)
        # A loss takes 1.5 s: by then the message is too old.
        self.node("clock").connect(1)
        self.gw.wait_log(r"event=client_lost .*clock")
        source.publish("cmd/valve", "close", 1)
        self.settle(n1)

        n1.send(fr.pingreq("n1"))

        n1.take_publish(topic_id, "close", 1)
        n1.expect(fr.pingresp())


class AwakeLimit(E2ETest):
    CONFIG = {"sleep": {"awake_max_messages": 2}}

    def test_an_awake_period_is_bounded(self):
        # [G12-17]
        source = self.mqtt()
        n1 = self.node().connect(300)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        for payload in "abc":
            source.publish("cmd/x", payload, 1)
        self.settle(n1)

        for period in ("ab", "c"):
            n1.send(fr.pingreq("n1"))
            for payload in period:
                n1.take_publish(topic_id, payload, 1)
            n1.expect(fr.pingresp())


class StrictSleep(E2ETest):
    CONFIG = {"sleep": {"strict_sleep": "yes", "sleep_buffer_qos0": "no"}}

    def test_other_messages_are_answered_disconnect_where_so_configured(self):
        # [G12-26]
        n1 = self.node().connect(300)
        n1.sleep(600)

        n1.send(fr.register(0, 1, "a"))

        n1.expect(fr.disconnect())

    def test_qos_0_is_not_kept_where_so_configured(self):
        # [G12-33]
        source = self.mqtt()
        n1 = self.node().connect(300)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        source.publish("cmd/x", "zero", 0)
        source.publish("cmd/x", "one", 1)
        self.settle(n1)

        n1.send(fr.pingreq("n1"))

        n1.take_publish(topic_id, "one", 1)
        n1.expect(fr.pingresp())


if __name__ == "__main__":
    main()
