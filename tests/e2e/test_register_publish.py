# SPDX-License-Identifier: MIT
"""Topic ids, and publishing by nodes at every QoS."""

from harness import E2ETest, fr, main

PREDEFINED = {"predefined": {
    "101": "site/boiler", "102": "site/door, open", "1": "site/one"}}


class Register(E2ETest):
    CONFIG = PREDEFINED

    def test_register_gives_ascending_ids_and_the_same_id_for_a_name(self):
        # [SN12-301] [SN12-044] [SN12-021] [G12-11]
        n1 = self.node().connect()

        # 1 is a predefined id; normal ids keep away from those.
        n1.send(fr.register(0, 11, "a/b/c"))
        n1.expect(fr.regack(2, 11))
        n1.send(fr.register(0, 12, "a/b/d"))
        n1.expect(fr.regack(3, 12))
        n1.send(fr.register(0, 13, "a/b/c"))
        n1.expect(fr.regack(2, 13))

    def test_the_topic_id_in_a_clients_register_means_nothing(self):
        # [SN12-042]
        n1 = self.node().connect()

        n1.send(fr.register(0x7777, 1, "a"))

        n1.expect(fr.regack(2, 1))

    def test_every_msg_id_is_echoed(self):
        # [G12-10] [SN12-021]
        n1 = self.node().connect()

        for msg_id in (0, 1, 0x0100, 0xFFFF):
            n1.send(fr.register(0, msg_id, "a"))
            n1.expect(fr.regack(2, msg_id))

    def test_names_that_cannot_be_published_are_refused(self):
        # [SN12-302] [SN12-018] [SN12-607] [G12-40]
        n1 = self.node().connect()

        for name in ("a/+", "#", "a#", b"a\x00", b"\xc0\x80", b"\xed\xa0\x80",
                     "$SYS/broker"):
            with self.subTest(name):
                n1.send(fr.register(0, 5, name))

                n1.expect(fr.regack(0, 5, fr.NOT_SUPPORTED))

    def test_names_of_two_octets_and_predefined_names_get_normal_ids(self):
        # [G12-40]
        n1 = self.node().connect()

        self.assertEqual(n1.register("ab"), 2)
        self.assertEqual(n1.register("site/boiler"), 3)

    def test_ids_belong_to_one_client(self):
        # [SN12-314]
        watch = self.mqtt("#")
        n1 = self.node("n1").connect()
        n2 = self.node("n2").connect()
        self.assertEqual(n1.register("of/n1"), 2)
        self.assertEqual(n2.register("of/n2"), 2)

        n1.publish1(2, "1", 7)
        n2.publish1(2, "2", 7)

        own = [m.topic for m in (watch.take(), watch.take())]
        self.assertEqual(own, ["of/n1", "of/n2"])


class TopicLimit(E2ETest):
    CONFIG = {"limits": {"max_topics_per_client": 3}}

    def test_a_session_without_ids_left_says_not_supported(self):
        # [G12-11] [SN12-302]
        n1 = self.node().connect()
        for number in range(3):
            n1.register("t/%d" % number)

        n1.send(fr.register(0, 9, "t/3"))
        n1.expect(fr.regack(0, 9, fr.NOT_SUPPORTED))
        n1.send(fr.subscribe("t/4", 10))
        n1.expect(fr.suback(0, 10, fr.ANY, fr.NOT_SUPPORTED))
        self.assertEqual(n1.register("t/1"), 2)


class Publish(E2ETest):
    CONFIG = PREDEFINED

    def begin(self):
        super().begin()
        self.watch = self.mqtt("#", 2)
        self.n1 = self.node().connect()

    def test_qos_0_is_forwarded_without_an_answer(self):
        # [SN12-401] [SN12-045] [SN12-046]
        topic_id = self.n1.register("up/t")

        self.n1.send(fr.publish(topic_id, "21.5"))

        self.watch.expect("up/t", "21.5", 0, False)
        self.n1.fence()

    def test_qos_1_is_acknowledged(self):
        # [SN12-401] [SN12-047] [G12-35]
        topic_id = self.n1.register("up/t")

        self.n1.send(fr.publish(topic_id, "21.5", 1, 0x0102))

        self.n1.expect(fr.puback(topic_id, 0x0102))
        self.watch.expect("up/t", "21.5", 1, False)

    def test_qos_2_is_a_four_way_handshake(self):
        # [SN12-401] [SN12-049] [G12-34]
        topic_id = self.n1.register("up/t")

        self.n1.send(fr.publish(topic_id, "21.5", 2, 9))
        self.n1.expect(fr.pubrec(9))
        self.n1.send(fr.pubrel(9))

        self.n1.expect(fr.pubcomp(9))
        self.watch.expect("up/t", "21.5", 2, False)

    def test_payloads_may_be_empty_or_long(self):
        # [SN12-002] [SN12-003] [G12-07] [G12-09]
        topic_id = self.n1.register("up/t")

        for size in (0, 1, 247, 248, 249, 250, 1024 - 9):
            with self.subTest(size):
                self.n1.publish1(topic_id, b"x" * size, 5 + size)
                self.watch.expect("up/t", b"x" * size)

    def test_the_one_broken_length_of_a_common_library_is_understood(self):
        # [G12-08]
        topic_id = self.n1.register("up/t")
        body = bytes(fr.publish(topic_id, b"y" * 248, 0))[1:]

        self.n1.send(b"\x01\x00\xff" + body)

        self.watch.expect("up/t", b"y" * 248)

    def test_the_retain_flag_is_handed_on(self):
        # [SN12-022]
        topic_id = self.n1.register("up/kept")

        self.n1.publish1(topic_id, "last", 1, retain=True)

        self.mqtt("up/kept").expect("up/kept", "last", 0, True)

    def test_predefined_ids_need_no_registration(self):
        # [SN12-307] [SN12-013]
        self.n1.publish1(101, "hot", 1, kind=fr.PREDEFINED)

        self.watch.expect("site/boiler", "hot")

    def test_short_names_need_no_registration(self):
        # [SN12-311] [SN12-312]
        self.n1.publish1("ab", "x", 1, kind=fr.SHORT)

        self.watch.expect("ab", "x")

    def test_the_three_kinds_of_ids_are_apart(self):
        # [SN12-013] [SN12-307]
        self.assertEqual(self.n1.register("normal/two"), 2)

        self.n1.publish1(2, "n", 1)
        self.watch.expect("normal/two", "n")
        self.n1.send(fr.publish(2, "p", 1, 2, fr.PREDEFINED))
        self.n1.expect(fr.puback(2, 2, fr.INVALID_ID))

    def test_unknown_ids_are_reported_at_every_qos(self):
        # [SN12-048] [SN12-402] [SN12-308] [G12-47]
        for qos, msg_id in ((0, 0), (1, 3), (2, 4)):
            for kind in (fr.NORMAL, fr.PREDEFINED):
                with self.subTest((qos, kind)):
                    self.n1.send(fr.publish(555, "x", qos, msg_id, kind))

                    self.n1.expect(fr.puback(555, msg_id, fr.INVALID_ID))

    def test_registering_does_not_cure_an_unknown_predefined_id(self):
        # [SN12-309] [SN12-308]
        for msg_id in (3, 5):
            self.n1.send(fr.publish(999, "x", 1, msg_id, fr.PREDEFINED))
            self.n1.expect(fr.puback(999, msg_id, fr.INVALID_ID))
            self.n1.register("some/name", 4)

    def test_reserved_ids_are_never_known(self):
        # [SN12-017]
        for topic_id in (0x0000, 0xFFFF):
            self.n1.send(fr.publish(topic_id, "x", 1, 3))
            self.n1.expect(fr.puback(topic_id, 3, fr.INVALID_ID))

    def test_short_names_with_wildcards_are_refused(self):
        # [G12-38] [SN12-312]
        for name in (b"a#", b"+b", b"a\x00", b"\xff\xff"):
            with self.subTest(name):
                topic_id = int.from_bytes(name, "big")
                self.n1.send(fr.publish(topic_id, "x", 1, 3, fr.SHORT))

                self.n1.expect(fr.puback(topic_id, 3, fr.INVALID_ID))

    def test_the_reserved_topic_id_type_is_not_supported(self):
        # [G12-06]
        self.n1.send(fr.publish(1, "x", 1, 3, fr.RESERVED))

        self.n1.expect(fr.puback(1, 3, fr.NOT_SUPPORTED))

    def test_a_repeated_qos_1_publish_is_published_once(self):
        # [G12-35] [SN12-011]
        topic_id = self.n1.register("up/t")

        self.n1.publish1(topic_id, "once", 9)
        self.n1.send(fr.publish(topic_id, "once", 1, 9, dup=True))
        self.n1.expect(fr.puback(topic_id, 9))
        self.n1.publish1(topic_id, "next", 10)

        self.watch.expect("up/t", "once")
        self.watch.expect("up/t", "next")

    def test_a_msg_id_used_again_for_new_data_is_published(self):
        # Node stacks that begin at the same MsgId after each start, and never
        # set DUP, must not lose what they say.
        topic_id = self.n1.register("up/t")

        self.n1.publish1(topic_id, "one", 9)
        self.n1.publish1(topic_id, "two", 9)
        self.n1.publish1(topic_id, "two", 9)

        for payload in ("one", "two", "two"):
            self.watch.expect("up/t", payload)

    def test_a_repeated_qos_2_publish_is_published_once(self):
        # [G12-34] [SN12-011]
        topic_id = self.n1.register("up/t")

        for dup in (False, True, False):
            self.n1.send(fr.publish(topic_id, "once", 2, 9, dup=dup))
            self.n1.expect(fr.pubrec(9))
        for _ in range(2):
            self.n1.send(fr.pubrel(9))
            self.n1.expect(fr.pubcomp(9))
        self.n1.publish1(topic_id, "next", 10)

        self.watch.expect("up/t", "once", 2)
        self.watch.expect("up/t", "next", 1)

    def test_an_open_qos_2_exchange_survives_a_reconnect(self):
        # [G12-34]
        n2 = self.node("n2").connect(clean=False)
        topic_id = n2.register("up/t")
        n2.send(fr.publish(topic_id, "once", 2, 9))
        n2.expect(fr.pubrec(9))
        n2.open()

        n2.connect(clean=False, duration=61)
        n2.send(fr.publish(topic_id, "once", 2, 9, dup=True))
        n2.expect(fr.pubrec(9))
        n2.send(fr.pubrel(9))
        n2.expect(fr.pubcomp(9))
        n2.publish1(topic_id, "next", 10)

        self.watch.expect("up/t", "once", 2)
        self.watch.expect("up/t", "next", 1)

    def test_pubrel_is_always_answered(self):
        # [G12-34]
        self.n1.send(fr.pubrel(0x1234))

        self.n1.expect(fr.pubcomp(0x1234))

    def test_messages_of_a_node_keep_their_order(self):
        topic_id = self.n1.register("up/t")

        for number in range(200):
            self.n1.send(fr.publish(topic_id, str(number)))
            if number % 8 == 7:
                self.n1.fence()  # QoS 0 may be dropped where it piles up

        for number in range(200):
            self.watch.expect("up/t", str(number))


class Chain(E2ETest):
    """The broker's acknowledgement comes first, at every QoS."""

    def begin(self):
        self.broker = self.start_fake_broker(
            lambda broker, message, _: message.topic.startswith("mqttsn-gw/"))
        self.gw = self.start_gateway(self.broker.port)
        self.n1 = self.node().connect()
        self.topic_id = self.n1.register("up/t")

    def published(self, count):
        def ours():
            return [p for p in self.broker.published if p[0].topic == "up/t"]

        with self.broker.changed:
            self.assertTrue(self.broker.changed.wait_for(
                lambda: len(ours()) >= count, 10))
        return ours()

    def test_puback_waits_for_the_brokers_puback(self):
        # [G12-35]
        self.n1.send(fr.publish(self.topic_id, "x", 1, 7))
        (_, packet_id), = self.published(1)
        self.n1.send(fr.publish(self.topic_id, "x", 1, 7, dup=True))
        self.n1.send(fr.publish(self.topic_id, "x", 1, 7))
        self.n1.fence()

        self.broker.acknowledge(packet_id, 1)

        self.n1.expect(fr.puback(self.topic_id, 7))
        self.assertEqual(len(self.published(1)), 1)

    def test_pubrec_waits_for_the_broker(self):
        # [G12-34]
        self.n1.send(fr.publish(self.topic_id, "x", 2, 7))
        (_, packet_id), = self.published(1)
        self.n1.fence()

        self.broker.acknowledge(packet_id, 2)

        self.n1.expect(fr.pubrec(7))

    def test_too_many_open_exchanges_are_answered_congestion(self):
        # [G12-49] [SN12-403]
        for msg_id in range(1, 9):
            self.n1.send(fr.publish(self.topic_id, "x%d" % msg_id, 1, msg_id))
        self.published(8)

        self.n1.send(fr.publish(self.topic_id, "x9", 1, 9))

        self.n1.expect(fr.puback(self.topic_id, 9, fr.CONGESTION))


class QosMinus1(E2ETest):
    CONFIG = {**PREDEFINED, "topics": {"qos_minus1_short": "yes"}}

    def test_open_topics_take_messages_of_anybody_and_nobody_is_answered(self):
        # [SN12-405] [SN12-407] [G12-42]
        watch = self.mqtt("#")
        stranger = self.node("stranger")

        stranger.send(fr.publish(102, "a", -1, kind=fr.PREDEFINED),
                      fr.publish("sn", "b", -1, kind=fr.SHORT),
                      # not open, unknown, and the form with a name
                      fr.publish(101, "c", -1, kind=fr.PREDEFINED),
                      fr.publish(999, "d", -1, kind=fr.PREDEFINED),
                      fr.publish(4, "namee", -1, kind=fr.NORMAL),
                      fr.publish(1, "f", -1, kind=fr.RESERVED),
                      fr.publish(b"+#".decode(), "g", -1, kind=fr.SHORT),
                      fr.publish(102, "last", -1, kind=fr.PREDEFINED))

        watch.expect("site/door", "a", 0, False)
        watch.expect("sn", "b", 0, False)
        watch.expect("site/door", "last", 0, False)
        stranger.expect_silence()

    def test_a_connected_node_may_use_it_too(self):
        # [G12-42]
        watch = self.mqtt("#")
        n1 = self.node().connect()

        n1.send(fr.publish(102, "a", -1, kind=fr.PREDEFINED))

        watch.expect("site/door", "a", 0, False)
        n1.fence()


class QosMinus1Closed(E2ETest):
    CONFIG = {**PREDEFINED, "topics": {"qos_minus1_from": "10.0.0.0/8"}}

    def test_sources_outside_the_list_and_short_names_are_refused(self):
        # [G12-42]
        watch = self.mqtt("#")
        stranger = self.node("stranger")
        stranger.send(fr.publish(102, "a", -1, kind=fr.PREDEFINED),
                      fr.publish("sn", "b", -1, kind=fr.SHORT))

        self.node("n1").connect().publish1("zz", "fence", 1, kind=fr.SHORT)

        watch.expect("zz", "fence")
        stranger.expect_silence()


class PredefinedFile(E2ETest):
    def begin(self):
        self.broker = self.start_broker()
        path = self.broker.file(
            "topics.csv", "*, shared/seven, 7\nn1, only/n1, 8\n"
            "n2, only/n2, 8\n")
        self.gw = self.start_gateway(
            self.broker.port, {"topics": {"predefined_file": path}})

    def test_a_client_may_have_predefined_ids_of_its_own(self):
        # [SN12-307]
        watch = self.mqtt("#")
        n1 = self.node("n1").connect()
        n2 = self.node("n2").connect()
        n3 = self.node("n3").connect()

        n1.publish1(8, "1", 1, kind=fr.PREDEFINED)
        n2.publish1(8, "2", 1, kind=fr.PREDEFINED)
        n3.publish1(7, "3", 1, kind=fr.PREDEFINED)
        n3.send(fr.publish(8, "4", 1, 2, fr.PREDEFINED))
        n3.expect(fr.puback(8, 2, fr.INVALID_ID))

        watch.expect("only/n1", "1")
        watch.expect("only/n2", "2")
        watch.expect("shared/seven", "3")


if __name__ == "__main__":
    main()
