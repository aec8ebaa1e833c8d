# SPDX-License-Identifier: MIT
"""Subscriptions: ids, wildcards, overlapping filters, retained messages."""

from harness import E2ETest, fr, main


class Subscribe(E2ETest):
    CONFIG = {"predefined": {"101": "site/boiler"},
              "upstream": {"retain_settle": "100ms"}}

    def begin(self):
        super().begin()
        self.source = self.mqtt()
        self.n1 = self.node().connect()

    def test_a_plain_name_gets_the_id_of_later_publishes(self):
        # [SN12-501] [SN12-052] [SN12-051] [SN12-601] [SN12-050]
        self.n1.send(fr.subscribe("cmd/x", 7, 1))
        self.n1.expect(fr.suback(1, 7, 1))

        self.source.publish("cmd/x", "on", 1)

        self.n1.take_publish(1, "on", 1)
        self.n1.fence()

    def test_a_name_keeps_the_id_that_register_gave_it(self):
        # [SN12-501]
        topic_id = self.n1.register("cmd/x")

        self.n1.send(fr.subscribe("cmd/x", 8))
        self.n1.expect(fr.suback(topic_id, 8))

    def test_a_wildcard_has_no_id_and_names_are_registered_first(self):
        # [SN12-504] [SN12-505] [SN12-604] [SN12-606] [SN12-043] [SN12-607]
        self.n1.send(fr.subscribe("cmd/+/x", 7, 1))
        self.n1.expect(fr.suback(0, 7, 1))

        self.source.publish("cmd/a/x", "one", 1)
        self.source.publish("cmd/a/x", "two", 1)
        octets = self.n1.expect(fr.register(fr.ANY, fr.ANY, "cmd/a/x"))
        topic_id = fr.topic_id_of(octets)
        self.n1.fence()  # nothing more before REGACK
        self.n1.send(fr.regack(topic_id, fr.msg_id_of(octets)))

        self.n1.take_publish(topic_id, "one", 1)
        self.n1.take_publish(topic_id, "two", 1)

    def test_the_nodes_own_qos_bounds_that_of_the_message(self):
        # [SN12-022] [SN12-051]
        for qos in (0, 1, 2):
            for sent in (0, 1, 2):
                with self.subTest((qos, sent)):
                    topic = "q/%d/%d" % (qos, sent)
                    topic_id = self.n1.subscribe(topic, qos)

                    self.source.publish(topic, "x", sent)

                    self.n1.take_publish(topic_id, "x", min(qos, sent))

    def test_predefined_ids_can_be_subscribed_to(self):
        # [SN12-506] [G12-12]
        self.n1.send(fr.subscribe(101, 7, 1, fr.PREDEFINED))
        self.n1.expect(fr.suback(101, 7, 1))

        self.source.publish("site/boiler", "hot", 1)

        self.n1.take_publish(101, "hot", 1, kind=fr.PREDEFINED)

    def test_an_unknown_predefined_id_is_an_invalid_id(self):
        # [G12-39] [SN12-502]
        self.n1.send(fr.subscribe(999, 7, 1, fr.PREDEFINED))

        self.n1.expect(fr.suback(fr.ANY, 7, fr.ANY, fr.INVALID_ID))

    def test_short_names_can_be_subscribed_to(self):
        # [SN12-506] [SN12-311] [G12-12]
        self.n1.send(fr.subscribe("ab", 7, 1, fr.SHORT))
        self.n1.expect(fr.suback("ab", 7, 1))

        self.source.publish("ab", "x", 1)

        self.n1.take_publish("ab", "x", 1, kind=fr.SHORT)

    def test_a_registered_id_goes_before_a_short_name(self):
        # [G12-12]
        topic_id = self.n1.register("ab")
        self.n1.subscribe("ab", 0, 2, fr.SHORT)

        self.source.publish("ab", "x")

        self.n1.take_publish(topic_id, "x")

    def test_two_octet_names_of_a_wildcard_go_as_short_names(self):
        # [G12-12]
        self.n1.subscribe("+")

        self.source.publish("xy", "1")
        self.n1.take_publish("xy", "1", kind=fr.SHORT)
        self.source.publish("z", "2")
        self.n1.take_publish(self.n1.take_register("z"), "2")

    def test_filters_that_cannot_be_are_not_supported(self):
        # [G12-39] [SN12-502] [SN12-018]
        for topic in ("a/#/b", "a#", "a+/b", b"a\x00", b"\xff", "$SYS/#"):
            with self.subTest(topic):
                self.n1.send(fr.subscribe(topic, 7, 1))

                self.n1.expect(fr.suback(0, 7, fr.ANY, fr.NOT_SUPPORTED))

    def test_short_names_with_wildcards_are_not_supported(self):
        # [G12-38]
        for name in ("a#", "+b", "+/"):
            with self.subTest(name):
                self.n1.send(fr.subscribe(name, 7, 1, fr.SHORT))

                self.n1.expect(fr.suback(fr.ANY, 7, fr.ANY, fr.NOT_SUPPORTED))

    def test_reserved_qos_and_topic_id_type_are_not_supported(self):
        # [G12-06] [SN12-012] [SN12-013]
        self.n1.send(fr.subscribe("a", 7, -1))
        self.n1.expect(fr.suback(0, 7, fr.ANY, fr.NOT_SUPPORTED))
        self.n1.send(fr.subscribe("ab", 8, 1, fr.RESERVED))
        self.n1.expect(fr.suback(0, 8, fr.ANY, fr.NOT_SUPPORTED))
        self.n1.send(fr.unsubscribe("ab", 9, fr.RESERVED))
        self.n1.expect(fr.unsuback(9))

    def test_unsubscribe_is_always_answered(self):
        # [SN12-507] [SN12-055] [G12-41] [SN12-054]
        self.n1.send(fr.unsubscribe("never/was", 1),
                     fr.unsubscribe(999, 2, fr.PREDEFINED),
                     fr.unsubscribe("ab", 3, fr.SHORT))

        self.n1.expect_set(fr.unsuback(1), fr.unsuback(2), fr.unsuback(3))

    def test_after_unsubscribe_nothing_comes_and_the_id_stays(self):
        # [G12-41] [SN12-507]
        topic_id = self.n1.subscribe("cmd/x")
        self.n1.send(fr.unsubscribe("cmd/x", 2))
        self.n1.expect(fr.unsuback(2))

        self.source.publish("cmd/x", "x")

        self.settle(self.n1)
        self.n1.publish1(topic_id, "still known", 3)

    def test_one_nodes_unsubscribe_leaves_the_others(self):
        n2 = self.node("n2").connect()
        for node in (self.n1, n2):
            node.subscribe("cmd/x")
        self.n1.send(fr.unsubscribe("cmd/x", 2))
        self.n1.expect(fr.unsuback(2))

        self.source.publish("cmd/x", "x")

        n2.take_publish(1, "x")
        self.settle(self.n1)

    def test_overlapping_filters_give_one_copy_at_the_highest_qos(self):
        topic_id = self.n1.subscribe("a/b", 0, 1)
        self.n1.subscribe("a/#", 1, 2)
        self.n1.subscribe("a/+", 0, 3)

        self.source.publish("a/b", "once", 2)

        self.n1.take_publish(topic_id, "once", 1)
        self.settle(self.n1)

    def test_one_nodes_low_qos_never_lowers_anothers(self):
        n2 = self.node("n2").connect()
        self.n1.subscribe("a/b", 2)
        n2.subscribe("a/#", 0)
        n2.subscribe("a/b", 0, 2)
        n3 = self.node("n3").connect()
        n3.subscribe("+/b", 1)

        self.source.publish("a/b", "x", 2)

        self.n1.take_publish(1, "x", 2)
        n2.take_publish(1, "x", 0)
        n3.take_publish(n3.take_register("a/b"), "x", 1)

    def test_wildcards_do_not_match_dollar_topics(self):
        # [SN12-022]
        self.n1.subscribe("#", 1)

        self.source.publish("$private/x", "x", 1)

        self.source.publish("ab", "y")
        self.n1.take_publish("ab", "y", kind=fr.SHORT)

    def test_every_node_hears_its_own_message_from_the_broker_once(self):
        topic_id = self.n1.subscribe("echo", 1)

        self.n1.send(fr.publish(topic_id, "hello", 1, 5))

        octets = [self.n1.next(), self.n1.next()]
        ack = [o for o in octets if fr.kind_of(o) == fr.PUBACK]
        self.assertEqual(len(ack), 1)
        self.settle(self.n1)

    def test_a_repeated_subscribe_is_answered_again(self):
        # [G12-39]
        self.n1.send(fr.subscribe("cmd/x", 7, 1))
        self.n1.expect(fr.suback(1, 7, 1))
        self.n1.send(fr.subscribe("cmd/x", 7, 1, dup=True))
        self.n1.expect(fr.suback(1, 7, 1))
        self.n1.send(fr.subscribe("cmd/x", 8, 0))
        self.n1.expect(fr.suback(1, 8, 0))

        self.source.publish("cmd/x", "x", 1)

        self.n1.take_publish(1, "x", 0)
        self.settle(self.n1)

    def test_a_retained_message_reaches_exactly_the_new_subscriber_once(self):
        # [G12-53] [G12-39]
        self.source.publish("kept/x", "state", 1, retain=True)
        nodes = []
        for number in range(10):
            node = self.node("sub%d" % number).connect()
            topic_id = node.subscribe("kept/x", 1)
            node.take_publish(topic_id, "state", 1, retain=True)
            nodes.append(node)

        self.settle(*nodes)

    def test_retained_messages_of_a_wildcard_come_after_suback(self):
        # [G12-39]
        for name in ("kept/a", "kept/b"):
            self.source.publish(name, name, 1, retain=True)
        old = self.node("old").connect()
        old.subscribe("kept/a", 0)
        old.take_publish(1, "kept/a", 0, retain=True)

        self.n1.subscribe("kept/#", 1)

        topics = set()
        for _ in range(2):
            octets = self.n1.expect(_AnyRegister())
            name = octets[6:].decode()
            self.n1.send(fr.regack(fr.topic_id_of(octets),
                                   fr.msg_id_of(octets)))
            self.n1.take_publish(fr.topic_id_of(octets), name, 1, retain=True)
            topics.add(name)
        self.assertEqual(topics, {"kept/a", "kept/b"})
        self.settle(self.n1, old)

    def test_the_same_node_subscribing_again_gets_the_retained_again(self):
        # [G12-39]
        self.source.publish("kept/x", "state", 1, retain=True)
        for msg_id in (1, 2):
            topic_id = self.n1.subscribe("kept/x", 1, msg_id)
            self.n1.take_publish(topic_id, "state", 1, retain=True)

        self.settle(self.n1)

    def test_a_live_message_has_no_retain_flag(self):
        # [G12-53]
        topic_id = self.n1.subscribe("kept/x", 1)

        self.source.publish("kept/x", "live", 1, retain=True)

        self.n1.take_publish(topic_id, "live", 1)


class _AnyRegister:
    """A REGISTER of any name."""

    def matches(self, octets):
        return fr.kind_of(octets) == fr.REGISTER

    def __str__(self):
        return "a REGISTER"


class Access(E2ETest):
    CONFIG = {"access": {"publish": "up/#", "subscribe": "cmd/#"}}

    def test_topics_outside_the_lists_are_refused(self):
        watch = self.mqtt("#")
        n1 = self.node().connect()

        n1.send(fr.subscribe("other/x", 1))
        n1.expect(fr.suback(fr.ANY, 1, fr.ANY, fr.NOT_SUPPORTED))
        n1.send(fr.publish("ab", "x", 1, 2, fr.SHORT))
        octets = n1.next()
        self.assertEqual(fr.kind_of(octets), fr.PUBACK)
        self.assertNotEqual(octets[-1], fr.ACCEPTED)
        n1.subscribe("cmd/x")
        n1.publish1(n1.register("up/x", 3), "y", 4)

        watch.expect("up/x", "y")


class DollarTopics(E2ETest):
    CONFIG = {"access": {"dollar_topics": "yes"}}

    def test_dollar_topics_are_allowed_where_so_configured(self):
        watch = self.mqtt("$private/#")
        n1 = self.node().connect()

        n1.publish1(n1.register("$private/x"), "y", 2)

        watch.expect("$private/x", "y")


if __name__ == "__main__":
    main()
