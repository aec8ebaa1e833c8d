# SPDX-License-Identifier: MIT
"""Wills are published on loss, and on loss only."""

from harness import E2ETest, fr, main


class Will(E2ETest):
    def begin(self):
        super().begin()
        self.watch = self.mqtt("will/#", 2)

    def connect(self, name, duration=1, clean=True, topic=None, message="gone",
                qos=1, retain=False):
        node = self.node(name)
        node.send(fr.connect(name, duration, clean, will=True))
        node.expect(fr.willtopicreq())
        node.send(fr.willtopic(topic or "will/" + name, qos, retain))
        node.expect(fr.willmsgreq())
        node.send(fr.willmsg(message))
        node.expect(fr.connack())
        return node

    def lose(self, name="fence"):
        """A node that is lost after all others that are; its will is the
        last to come."""
        self.connect(name)

    def test_silence_beyond_the_keep_alive_publishes_the_will_once(self):
        # [SN12-802] [SN12-701] [SN12-716] [G12-29]
        self.connect("n1", message="bye", qos=2)

        self.watch.expect("will/n1", "bye", 2, False)
        self.lose()
        self.watch.expect("will/fence", "gone")

    def test_will_qos_and_retain_are_kept(self):
        # [SN12-039]
        for qos in (0, 1, 2):
            self.connect("q%d" % qos, qos=qos, retain=True)
            self.watch.expect("will/q%d" % qos, "gone", qos)
        self.mqtt("will/q1").expect("will/q1", "gone", 0, True)

    def test_a_disconnect_publishes_no_will(self):
        # [SN12-803] [G12-29]
        n1 = self.connect("n1")
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())

        self.lose()

        self.watch.expect("will/fence", "gone")

    def test_a_sleeper_that_does_not_come_back_is_lost(self):
        # [SN12-805] [SN12-716]
        n1 = self.connect("n1", duration=600)

        n1.sleep(1)

        self.watch.expect("will/n1", "gone")
        n1.send(fr.pingreq("n1"))
        n1.expect(fr.disconnect())

    def test_the_keep_alive_is_suspended_while_asleep(self):
        # [G12-30]
        n1 = self.connect("n1", duration=1)
        n1.sleep(600)

        self.lose()

        self.watch.expect("will/fence", "gone")
        n1.send(fr.pingreq("n1"))
        n1.expect(fr.pingresp())

    def test_any_message_is_a_sign_of_life_but_qos_minus_1(self):
        # [G12-52] [SN12-701]
        n1 = self.connect("n1", duration=2)
        n2 = self.connect("n2", duration=2)
        for round_ in range(3):
            # Each fence is lost 1.5 s after it came: 4.5 s in all.
            self.lose("fence%d" % round_)
            n2.send(fr.publish("zz", "x", -1, kind=fr.SHORT))
            n2.send(b"\x00\x00")
            n1.publish1("ab", "alive", round_ + 1, kind=fr.SHORT)
            while self.watch.take().topic != "will/fence%d" % round_:
                pass

        self.assertIn("will/n2", [m.topic for m in self.watch.messages])
        n1.fence()

    def test_topic_and_message_can_be_changed_each_alone(self):
        # [SN12-213] [SN12-214] [SN12-062] [SN12-061] [SN12-060]
        n1 = self.connect("n1")

        n1.send(fr.willtopicupd("will/new", 2))
        n1.expect(fr.willtopicresp())
        n1.send(fr.willmsgupd("changed"))
        n1.expect(fr.willmsgresp())

        self.watch.expect("will/new", "changed", 2)

    def test_an_empty_willtopicupd_deletes_the_will(self):
        # [SN12-215]
        n1 = self.connect("n1")
        n1.send(fr.willtopicupd())
        n1.expect(fr.willtopicresp())

        self.lose()

        self.watch.expect("will/fence", "gone")

    def test_a_will_may_be_given_without_one_at_connect(self):
        # [G12-29] [SN12-213]
        n1 = self.node().connect(duration=1)

        n1.send(fr.willmsgupd("late"))
        n1.expect(fr.willmsgresp())
        n1.send(fr.willtopicupd("will/late"))
        n1.expect(fr.willtopicresp())

        self.watch.expect("will/late", "late")

    def test_a_stored_will_is_in_force_after_connect_without_will(self):
        # [SN12-207] [SN12-211] [SN12-710]
        n1 = self.connect("n1", clean=False)
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())

        n1.connect(duration=1, clean=False)

        self.watch.expect("will/n1", "gone")

    def test_a_new_will_overwrites_the_stored_one(self):
        # [SN12-210]
        n1 = self.connect("n1", duration=600, clean=False)
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())

        self.connect("n1", clean=False, topic="will/second", message="new")

        self.watch.expect("will/second", "new")

    def test_an_empty_will_topic_deletes_the_stored_will_alone(self):
        # [SN12-212] [SN12-040]
        n1 = self.connect("n1", duration=600, clean=False)
        topic_id = n1.register("up/x")
        n1.send(fr.connect("n1", 1, False, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic())
        n1.expect(fr.connack())
        n1.publish1(topic_id, "still known", 1)

        self.lose()

        self.watch.expect("will/fence", "gone")

    def test_a_clean_session_deletes_the_stored_will(self):
        # [SN12-209] [SN12-208]
        n1 = self.connect("n1", duration=600, clean=False)

        n1.connect(duration=1, clean=True)
        self.lose()

        self.watch.expect("will/fence", "gone")

    def test_taking_a_session_over_publishes_no_will(self):
        # [G12-29] [G12-24]
        n1 = self.connect("n1", duration=600, clean=False)
        n1.open()
        n1.connect(duration=600, clean=False)

        self.lose()

        self.watch.expect("will/fence", "gone")

    def test_the_end_of_the_gateway_publishes_no_will(self):
        # [G12-29]
        self.connect("n1", duration=600)

        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)

        self.mqtt().publish("will/fence", "x")
        self.watch.expect("will/fence", "x")


class WillOnShutdown(E2ETest):
    CONFIG = {"upstream": {"will_on_shutdown": "yes"}}

    def test_the_end_of_the_gateway_publishes_wills_where_so_configured(self):
        # [G12-29]
        watch = self.mqtt("will/#")
        n1 = self.node()
        n1.send(fr.connect("n1", 600, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("will/n1"))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("the gateway goes"))
        n1.expect(fr.connack())

        self.gw.terminate()

        watch.expect("will/n1", "the gateway goes")
        self.assertEqual(self.gw.wait(), 0)


if __name__ == "__main__":
    main()
