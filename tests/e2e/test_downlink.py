# SPDX-License-Identifier: MIT
"""Messages towards nodes: QoS, retransmission, refusals."""

from harness import E2ETest, fr, main


class Downlink(E2ETest):
    """With a T_RETRY that no test reaches."""

    def begin(self):
        super().begin()
        self.source = self.mqtt()
        self.n1 = self.node().connect()

    def test_one_message_at_a_time_in_order_over_all_topics_and_qos(self):
        # [G12-14] [SN12-401]
        # QoS 2 is not among them: the broker hands such a message over only
        # at the end of its exchange, when others may have overtaken it.
        ids = [self.n1.subscribe("t/%d" % q, 2, q + 1) for q in range(2)]
        for number in range(9):
            self.source.publish("t/%d" % (number % 2), str(number), number % 2)

        for number in range(9):
            self.n1.take_publish(ids[number % 2], str(number), number % 2)
        self.n1.fence()

    def test_qos_2_messages_keep_their_order(self):
        # [SN12-401] [SN12-049]
        topic_id = self.n1.subscribe("t", 2)
        for number in range(9):
            self.source.publish("t", str(number), 2)

        for number in range(9):
            self.n1.take_publish(topic_id, str(number), 2)
        self.n1.fence()

    def test_the_next_message_waits_for_the_acknowledgement(self):
        # [G12-14]
        topic_id = self.n1.subscribe("t", 1)
        self.source.publish("t", "one", 1)
        self.source.publish("t", "two", 0)

        octets = self.n1.expect(fr.publish(topic_id, "one", 1, fr.ANY))
        self.settle()
        self.n1.fence()
        self.n1.send(fr.puback(topic_id, fr.msg_id_of(octets)))

        self.n1.take_publish(topic_id, "two", 0)

    def test_our_msg_ids_are_never_zero_and_differ(self):
        # [G12-10]
        topic_id = self.n1.subscribe("t", 1)
        seen = []
        for number in range(20):
            self.source.publish("t", str(number), 1)
            octets = self.n1.take_publish(topic_id, str(number), 1)
            seen.append(fr.msg_id_of(octets))

        self.assertNotIn(0, seen)
        self.assertEqual(len(set(seen)), len(seen))

    def test_acknowledgements_that_match_nothing_change_nothing(self):
        # [G12-14] Blind acknowledgements (MsgIds begin at random).
        topic_id = self.n1.subscribe("t", 1)
        self.source.publish("t", "one", 1)
        octets = self.n1.expect(fr.publish(topic_id, "one", 1, fr.ANY))
        own = fr.msg_id_of(octets)

        for msg_id in range(0, 65536, 13):
            if msg_id != own:
                self.n1.send_quietly(bytes(fr.puback(topic_id, msg_id)))
                self.n1.send_quietly(bytes(fr.pubcomp(msg_id)))
            if msg_id % 100 == 0:
                self.n1.fence()
        self.source.publish("t", "two", 1)
        self.settle()
        self.n1.fence()

        self.n1.send(fr.puback(topic_id, own))
        self.n1.take_publish(topic_id, "two", 1)

    def test_pubrec_for_an_unknown_id_is_answered_pubrel(self):
        # [G12-34]
        self.n1.send(fr.pubrec(0x4242))

        self.n1.expect(fr.pubrel(0x4242))

    def test_an_accepting_puback_does_not_end_a_qos_2_exchange(self):
        # [G12-47]
        topic_id = self.n1.subscribe("t", 2)
        self.source.publish("t", "x", 2)
        octets = self.n1.expect(fr.publish(topic_id, "x", 2, fr.ANY))
        msg_id = fr.msg_id_of(octets)

        self.n1.send(fr.puback(topic_id, msg_id))
        self.n1.fence()
        self.n1.send(fr.pubrec(msg_id))
        self.n1.expect(fr.pubrel(msg_id))
        self.n1.send(fr.pubcomp(msg_id))
        self.n1.fence()

    def test_an_unknown_id_at_the_node_is_registered_again(self):
        # [SN12-609] [G12-16]
        topic_id = self.n1.subscribe("t", 1)
        self.source.publish("t", "x", 1)
        octets = self.n1.expect(fr.publish(topic_id, "x", 1, fr.ANY))
        self.n1.send(fr.puback(topic_id, fr.msg_id_of(octets), fr.INVALID_ID))

        self.n1.take_register("t", topic_id)
        self.n1.take_publish(topic_id, "x", 1)
        self.n1.fence()

    def test_a_second_refusal_drops_the_message(self):
        # [G12-16]
        topic_id = self.n1.subscribe("t", 1)
        self.source.publish("t", "x", 1)
        for round_ in range(2):
            octets = self.n1.expect(fr.publish(topic_id, "x", 1, fr.ANY))
            self.n1.send(fr.puback(topic_id, fr.msg_id_of(octets),
                                   fr.INVALID_ID))
            if round_ == 0:
                self.n1.take_register("t", topic_id)

        self.n1.fence()

    def test_a_final_refusal_drops_only_that_message(self):
        # [G12-16] [SN12-016]
        topic_id = self.n1.subscribe("t", 2)
        for number, (qos, code) in enumerate(((1, 3), (2, 3), (1, 77))):
            self.source.publish("t", "bad%d" % number, qos)
            octets = self.n1.expect(
                fr.publish(topic_id, "bad%d" % number, qos, fr.ANY))
            self.n1.send(fr.puback(topic_id, fr.msg_id_of(octets), code))

        self.source.publish("t", "good", 1)
        self.n1.take_publish(topic_id, "good", 1)

    def test_a_predefined_id_the_node_does_not_know_becomes_a_normal_one(self):
        # [G12-16]
        gw = self.start_gateway(self.broker.port, {
            "predefined": {"101": "site/boiler"},
            "upstream": {"client_id": "mqttsn-gw-second"}})
        self.gw = gw
        n2 = self.node("n2").connect()
        n2.subscribe(101, 1, 1, fr.PREDEFINED)
        self.source.publish("site/boiler", "x", 1)
        octets = n2.expect(fr.publish(101, "x", 1, fr.ANY, fr.PREDEFINED))
        n2.send(fr.puback(101, fr.msg_id_of(octets), fr.INVALID_ID))

        topic_id = n2.take_register("site/boiler")
        n2.take_publish(topic_id, "x", 1)

    def test_a_refused_register_drops_the_name_but_not_the_wildcard(self):
        # [SN12-605] [SN12-606] [G12-15]
        self.n1.subscribe("w/#", 1)
        self.source.publish("w/bad", "1", 1)
        octets = self.n1.expect(fr.register(fr.ANY, fr.ANY, "w/bad"))
        self.n1.send(fr.regack(fr.topic_id_of(octets), fr.msg_id_of(octets),
                               fr.NOT_SUPPORTED))
        self.source.publish("w/bad", "2", 1)
        self.source.publish("w/good", "3", 1)

        self.n1.take_publish(self.n1.take_register("w/good"), "3", 1)

        # Subscribing to exactly that name takes the refusal back.
        topic_id = self.n1.subscribe("w/bad", 1, 5)
        self.source.publish("w/bad", "4", 1)
        self.n1.take_publish(topic_id, "4", 1)

    def test_what_does_not_fit_is_dropped_and_the_rest_goes_on(self):
        # [SN12-610] [G12-09] [SN12-006]
        topic_id = self.n1.subscribe("t", 1)
        self.n1.subscribe("w/#", 1, 2)
        fits = b"x" * (1024 - 9)
        self.source.publish("t", fits + b"y", 1)
        self.source.publish("w/" + "n" * 1024, "name too long", 1)
        self.source.publish("t", fits, 1)

        self.n1.take_publish(topic_id, fits, 1)
        self.n1.fence()

    def test_qos_0_for_a_disconnected_session_is_not_kept(self):
        # [G12-33]
        n2 = self.node("n2").connect(clean=False)
        topic_id = n2.subscribe("t", 1)
        n2.send(fr.disconnect())
        n2.expect(fr.disconnect())
        self.source.publish("t", "zero", 0)
        self.source.publish("t", "one", 1)
        self.settle(n2)

        n2.connect(clean=False, duration=61)

        n2.take_register("t", topic_id)
        n2.take_publish(topic_id, "one", 1)
        n2.fence()

    def test_an_unfinished_exchange_goes_on_after_a_reconnect(self):
        # [G12-53] [G12-21] [G12-34]
        n2 = self.node("n2").connect(clean=False)
        topic_id = n2.subscribe("t", 1)
        self.source.publish("t", "x", 1)
        n2.expect(fr.publish(topic_id, "x", 1, fr.ANY))
        n2.open()

        n2.connect(clean=False, duration=61)

        n2.take_register("t", topic_id)
        n2.take_publish(topic_id, "x", 1, dup=True)
        n2.fence()


class Retransmission(E2ETest):
    CONFIG = {"retry": {"interval": "300ms", "count": 3}}

    def begin(self):
        super().begin()
        self.source = self.mqtt()
        self.n1 = self.node().connect()

    def test_publish_is_sent_again_with_dup_and_the_same_msg_id(self):
        # [G12-36] [SN12-011] [G12-53]
        topic_id = self.n1.subscribe("t", 1)
        self.source.publish("t", "x", 1)

        first = self.n1.expect(fr.publish(topic_id, "x", 1, fr.ANY))
        msg_id = fr.msg_id_of(first)
        for _ in range(3):
            self.n1.expect(fr.publish(topic_id, "x", 1, msg_id, dup=True))

        # Exhausted: it waits for the node to say something, and tries again.
        self.gw.wait_log(r"event=unresponsive .*n1")
        self.n1.send(fr.pingreq())
        self.n1.expect_set(
            fr.pingresp(), fr.publish(topic_id, "x", 1, fr.ANY, dup=True))

    def test_register_is_sent_again_then_its_message_is_dropped(self):
        # [G12-36] [G12-15]
        self.n1.subscribe("w/#", 1)
        self.source.publish("w/mute", "x", 1)

        first = self.n1.expect(fr.register(fr.ANY, fr.ANY, "w/mute"))
        for _ in range(3):
            self.assertEqual(self.n1.next(), first)

        # The node has no handler for REGISTER; it is served on.
        self.source.publish("w/mute", "y", 1)
        self.source.publish("xy", "not wanted", 1)
        topic_id = self.n1.subscribe("w/own", 1, 9)
        self.source.publish("w/own", "z", 1)
        self.n1.take_publish(topic_id, "z", 1)

    def test_pubrel_is_sent_again_unchanged_and_publish_never(self):
        # [G12-34] [G12-36]
        topic_id = self.n1.subscribe("t", 2)
        self.source.publish("t", "x", 2)
        octets = self.n1.expect(fr.publish(topic_id, "x", 2, fr.ANY))
        msg_id = fr.msg_id_of(octets)
        self.n1.send(fr.pubrec(msg_id))

        for _ in range(4):
            self.n1.expect(fr.pubrel(msg_id))
        self.n1.send(fr.pubcomp(msg_id))
        self.n1.fence()

    def test_a_repeated_pubrec_is_answered_pubrel(self):
        # [G12-34]
        topic_id = self.n1.subscribe("t", 2)
        self.source.publish("t", "x", 2)
        octets = self.n1.expect(fr.publish(topic_id, "x", 2, fr.ANY))
        msg_id = fr.msg_id_of(octets)
        self.n1.send(fr.pubrec(msg_id))
        self.n1.expect(fr.pubrel(msg_id))
        self.n1.send(fr.pubrec(msg_id))
        self.n1.expect(fr.pubrel(msg_id))
        self.n1.send(fr.pubcomp(msg_id))

        self.n1.fence()

    def test_will_prompts_are_sent_again_and_then_given_up(self):
        # [G12-36] [G12-43]
        n2 = self.node("n2")
        n2.send(fr.connect("n2", 60, will=True))

        for _ in range(4):
            n2.expect(fr.willtopicreq())

        # Silently abandoned: a stranger again, whom PINGREQ is answered so.
        n2.insist(fr.pingreq(), fr.disconnect(), each=0.3, attempts=20)

    def test_congestion_at_the_node_repeats_register_later(self):
        # [G12-15]
        self.n1.subscribe("w/#", 1)
        self.source.publish("w/x", "x", 1)
        octets = self.n1.expect(fr.register(fr.ANY, fr.ANY, "w/x"))
        self.n1.send(fr.regack(fr.topic_id_of(octets), fr.msg_id_of(octets),
                               fr.CONGESTION))

        topic_id = self.n1.take_register("w/x", fr.topic_id_of(octets))
        self.n1.take_publish(topic_id, "x", 1)


class CongestedNode(E2ETest):
    CONFIG = {"limits": {"client_congestion_wait": "1s"}}

    def test_a_congested_node_gets_its_message_after_the_wait(self):
        # [G12-16]
        source = self.mqtt()
        n1 = self.node().connect()
        topic_id = n1.subscribe("t", 1)
        source.publish("t", "x", 1)
        octets = n1.expect(fr.publish(topic_id, "x", 1, fr.ANY))
        n1.send(fr.puback(topic_id, fr.msg_id_of(octets), fr.CONGESTION))
        n1.fence()

        octets = n1.next()

        self.assertEqual(fr.kind_of(octets), fr.PUBLISH)
        self.assertEqual(fr.data_of(octets), b"x")
        n1.send(fr.puback(topic_id, fr.msg_id_of(octets)))
        n1.fence()


if __name__ == "__main__":
    main()
