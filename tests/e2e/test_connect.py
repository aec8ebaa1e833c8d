# SPDX-License-Identifier: MIT
"""Connection set-up: the will exchange, clean session, ids, repetitions."""

from harness import E2ETest, fr, main


class Connect(E2ETest):
    def test_connect_without_will_is_answered_with_connack_at_once(self):
        # [SN12-204] [SN12-037] [SN12-036] [SN12-801]
        n1 = self.node("node1")

        n1.send(fr.connect("node1", 60))

        n1.expect(fr.connack(fr.ACCEPTED))
        n1.fence()

    def test_connect_with_will_is_prompted_for_topic_and_message(self):
        # [SN12-202] [SN12-038] [SN12-039] [SN12-041]
        n1 = self.node()

        n1.send(fr.connect("n1", 60, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("will/n1", 1))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("gone"))

        n1.expect(fr.connack())
        n1.fence()

    def test_an_empty_willtopic_ends_the_exchange_without_a_will(self):
        # [SN12-040] [G12-43]
        for why, answer in (("2 octets", fr.willtopic()),
                            ("Flags without a topic", fr.willtopic(""))):
            with self.subTest(why):
                n1 = self.node()

                n1.send(fr.connect("n1", 60, will=True))
                n1.expect(fr.willtopicreq())
                n1.send(answer)

                n1.expect(fr.connack())

    def test_another_protocol_id_is_refused(self):
        # [G12-03] [SN12-205]
        n1 = self.node()

        for protocol in (0, 2, 255):
            n1.send(fr.connect("n1", 60, protocol=protocol))
            n1.expect(fr.connack(fr.NOT_SUPPORTED))

    def test_client_ids_that_cannot_be_are_refused(self):
        # [G12-01] [G12-02]
        for why, client_id in (("empty", b""),
                               ("65 octets", b"x" * 65),
                               ("not UTF-8", b"n\xff1"),
                               ("a surrogate", b"n\xed\xa0\x80"),
                               ("NUL", b"n\x001")):
            with self.subTest(why):
                n1 = self.node(why)

                n1.send(fr.connect(client_id))

                n1.expect(fr.connack(fr.NOT_SUPPORTED))

    def test_client_ids_of_more_than_23_octets_are_taken(self):
        # [G12-01]
        n1 = self.node("x" * 64)

        n1.connect()

        n1.fence()

    def test_keep_alive_of_zero_is_taken(self):
        # [G12-04]
        self.node().connect(duration=0).fence()

    def test_flag_bits_that_connect_does_not_use_mean_nothing(self):
        # [G12-05] [SN12-010]
        self.node().connect(flags=0xF3).fence()

    def test_both_forms_of_length_are_taken_and_the_short_one_is_sent(self):
        # [SN12-003] [SN12-004] [SN12-005] [G12-07]
        n1 = self.node()

        n1.send(fr.connect("n1", 60, long_form=True))
        n1.expect(fr.connack())
        n1.send(fr.frame(fr.PINGREQ, long_form=True))
        n1.expect(fr.pingresp())

    def test_a_repeated_connect_is_answered_again_and_changes_nothing(self):
        # [G12-21]
        n1 = self.node().connect(clean=False)
        n1.connect(clean=False)
        n1.connect(clean=False)

        n1.fence()

    def test_a_repeated_connect_repeats_the_last_prompt(self):
        # [G12-21]
        n1 = self.node()

        n1.send(fr.connect("n1", 60, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.connect("n1", 60, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("w"))
        n1.expect(fr.willmsgreq())
        n1.send(fr.connect("n1", 60, will=True))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("m"))

        n1.expect(fr.connack())

    def test_will_messages_out_of_turn_are_ignored(self):
        # [G12-43]
        n1 = self.node()

        n1.send(fr.connect("n1", 60, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willmsg("too early"))
        n1.send(fr.willtopic("w"))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("m"))
        n1.expect(fr.connack())
        n1.send(fr.willtopic("too/late"), fr.willmsg("too late"))

        n1.fence()

    def test_a_half_open_client_is_not_served(self):
        n1 = self.node()

        n1.send(fr.connect("n1", 60, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.register(0, 1, "a"), fr.subscribe("a", 2),
                fr.publish("ab", "x", 1, 3, fr.SHORT), fr.pingreq())
        n1.send(fr.willtopic("w"))
        n1.expect(fr.willmsgreq())

    def test_a_will_topic_that_cannot_be_published_is_refused(self):
        # [G12-43] [SN12-205]
        for topic in ("a/#", "+", b"a\x00b", b"\xff", "$SYS/x"):
            with self.subTest(topic):
                n1 = self.node()

                n1.send(fr.connect("n1", 60, will=True))
                n1.expect(fr.willtopicreq())
                n1.send(fr.willtopic(topic))

                n1.expect(fr.connack(fr.NOT_SUPPORTED))

    def test_subscriptions_survive_a_disconnect_unless_clean(self):
        # [G12-54] [SN12-206] [SN12-710] [SN12-211] [SN12-306] [SN12-602] [G12-13]
        n1 = self.node().connect(clean=False)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())
        self.mqtt().publish("cmd/x", "while away", 1)
        self.settle(n1)

        n1.connect(clean=False, duration=61)

        n1.take_register("cmd/x", topic_id)
        n1.take_publish(topic_id, "while away", 1)
        n1.fence()

    def test_a_clean_session_forgets_subscriptions_and_topic_ids(self):
        # [SN12-208] [SN12-209] [G12-51]
        n1 = self.node().connect(clean=False)
        n1.subscribe("cmd/x", 1)
        topic_id = n1.register("up/x", 2)
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())

        n1.connect(clean=True)

        self.mqtt().publish("cmd/x", "nobody", 1)
        self.settle(n1)
        n1.send(fr.publish(topic_id, "x", 1, 3))
        n1.expect(fr.puback(topic_id, 3, fr.INVALID_ID))

    def test_a_device_that_restarted_keeps_its_session_when_not_clean(self):
        # [G12-21]
        n1 = self.node().connect(clean=False)
        topic_id = n1.register("up/x")
        n1.connect(clean=False)

        n1.publish1(topic_id, "x", 2)

    def test_disconnect_is_answered_and_ends_the_connection(self):
        # [SN12-708] [SN12-803] [SN12-059] [G12-22] [SN12-711]
        n1 = self.node().connect()

        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())
        n1.send(fr.pingreq())

        n1.expect(fr.disconnect())

    def test_a_duration_of_zero_is_a_plain_disconnect(self):
        # [G12-31]
        n1 = self.node().connect()

        n1.send(fr.disconnect(0))
        n1.expect(fr.disconnect())
        n1.send(fr.pingreq("n1"))

        n1.expect(fr.disconnect())

    def test_what_comes_before_connect_is_answered_disconnect(self):
        # [G12-22] [G12-28] [SN12-711]
        for request in (fr.register(0, 1, "a"), fr.subscribe("a", 1),
                        fr.unsubscribe("a", 1), fr.pingreq(), fr.pingreq("n9"),
                        fr.publish(1, "x"), fr.publish(1, "x", 1, 1),
                        fr.publish(1, "x", 2, 1), fr.disconnect(),
                        fr.disconnect(300), fr.pubrel(1), fr.willmsgupd("x"),
                        fr.willtopicupd("x")):
            with self.subTest(str(request)):
                stranger = self.node("stranger")

                stranger.send(request)

                stranger.expect(fr.disconnect())

    def test_acknowledgements_and_gateway_messages_of_strangers_are_ignored(self):
        # [G12-22]
        stranger = self.node("stranger")

        stranger.send(fr.puback(1, 1), fr.pubrec(1), fr.pubcomp(1),
                      fr.regack(1, 1), fr.pingresp(), fr.connack(),
                      fr.suback(1, 1), fr.unsuback(1), fr.willtopicreq(),
                      fr.willmsgreq(), fr.willtopicresp(), fr.willmsgresp(),
                      fr.willtopic("w"), fr.willmsg("m"), fr.advertise(9, 900),
                      fr.gwinfo(9))

        stranger.connect().fence()

    def test_replies_to_strangers_are_limited(self):
        # [G12-27]
        stranger = self.node("stranger")

        for _ in range(100):
            stranger.send_quietly(b"\x02\x16")
        self.node("n1").connect().fence()

        answers = 0
        while stranger.receive(timeout=0) is not None:
            answers += 1
        self.assertIn(answers, range(1, 11))

    def test_two_client_ids_from_one_address_have_a_session_each(self):
        # [G12-23]
        n1 = self.node("n1").connect(clean=False)
        n1.subscribe("cmd/one", 1)

        n1.client_id = "n2"
        n1.connect(clean=False)
        self.mqtt().publish("cmd/one", "for n1", 1)
        self.settle(n1)
        n1.client_id = "n1"
        n1.connect(clean=False)

        n1.take_publish(n1.take_register("cmd/one"), "for n1", 1)


class RefuseKeepAliveZero(E2ETest):
    CONFIG = {"compat": {"refuse_keepalive_zero": "yes"}}

    def test_keep_alive_of_zero_is_refused_where_so_configured(self):
        # [G12-04]
        n1 = self.node()

        n1.send(fr.connect("n1", 0))

        n1.expect(fr.connack(fr.NOT_SUPPORTED))


class Limits(E2ETest):
    CONFIG = {"limits": {"max_sessions": 2, "max_client_id": 23}}

    def test_a_full_table_is_answered_congestion(self):
        # [G12-50] [SN12-205] [SN12-016]
        for name in ("n1", "n2"):
            self.node(name).connect(clean=False).register("a")
        n3 = self.node("n3")

        n3.send(fr.connect("n3"))

        n3.expect(fr.connack(fr.CONGESTION))

    def test_the_longest_client_id_is_configured(self):
        # [G12-01]
        n1 = self.node("n1")

        n1.send(fr.connect("x" * 24))
        n1.expect(fr.connack(fr.NOT_SUPPORTED))
        n1.client_id = "x" * 23
        n1.connect()


class Expiry(E2ETest):
    CONFIG = {"limits": {"session_expiry": "1s"}}

    def test_a_kept_session_expires(self):
        # [G12-50]
        n1 = self.node().connect(clean=False)
        topic_id = n1.register("up/x")
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())

        self.gw.wait_log(r"event=session_expired")

        n1.connect(clean=False)
        n1.send(fr.publish(topic_id, "x", 1, 2))
        n1.expect(fr.puback(topic_id, 2, fr.INVALID_ID))


if __name__ == "__main__":
    main()
