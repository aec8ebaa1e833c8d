# SPDX-License-Identifier: MIT
"""A session belongs to a client id; who may move it to another address."""

from harness import E2ETest, fr, main

OTHER_HOST = "127.0.0.2"


class TakeOver(E2ETest):
    def begin(self):
        super().begin()
        self.source = self.mqtt()

    def connected(self, **more):
        node = self.node("n1", **more).connect(300, clean=False)
        node.subscribe("cmd/x", 1)
        return node

    def test_connect_from_another_port_of_the_same_host_moves_at_once(self):
        # [G12-24] [SN12-008]
        old = self.connected()
        new = self.node("n1")

        new.connect(300, clean=False)

        self.source.publish("cmd/x", "for the new", 1)
        new.take_register("cmd/x", 1)
        new.take_publish(1, "for the new", 1)
        self.settle(old)
        old.send(fr.pingreq())
        old.expect(fr.disconnect())

    def test_a_holder_on_another_host_is_asked_and_stays_when_it_answers(self):
        # [G12-24] [G12-48] [SN12-205]
        old = self.connected()
        thief = self.node("n1", bind=OTHER_HOST)

        thief.send(fr.connect("n1", 300, clean=False))
        old.expect(fr.pingreq())
        thief.expect_silence()
        old.send(fr.pingresp())

        thief.expect(fr.connack(fr.CONGESTION))
        self.source.publish("cmd/x", "for the old", 1)
        old.take_publish(1, "for the old", 1)
        self.settle(thief)
        self.gw.wait_log("event=takeover_refused")

    def test_any_frame_of_the_holder_is_an_answer(self):
        # [G12-52]
        old = self.connected()
        thief = self.node("n1", bind=OTHER_HOST)
        thief.send(fr.connect("n1", 300))
        old.expect(fr.pingreq())

        old.send(fr.publish("ab", "x", 1, 9, fr.SHORT))

        old.expect(fr.puback("ab", 9))
        thief.expect(fr.connack(fr.CONGESTION))

    def test_a_holder_that_does_not_answer_loses_the_session(self):
        # [G12-24]
        old = self.connected()
        new = self.node("n1", bind=OTHER_HOST)

        new.send(fr.connect("n1", 300, clean=False))
        old.expect(fr.pingreq(), fr.pingreq())
        new.expect(fr.connack())

        self.source.publish("cmd/x", "for the new", 1)
        new.take_register("cmd/x", 1)
        new.take_publish(1, "for the new", 1)
        self.settle(old)

    def test_an_asleep_session_moves_with_connect_from_anywhere(self):
        # [G12-24]
        old = self.connected()
        old.sleep(600)
        new = self.node("n1", bind=OTHER_HOST)

        new.connect(300, clean=False)

        self.source.publish("cmd/x", "for the new", 1)
        octets = new.next()
        self.assertIn(fr.kind_of(octets), (fr.REGISTER, fr.PUBLISH))
        self.settle(old)

    def test_a_sleeper_may_wake_from_another_port_of_its_host_only(self):
        # [G12-24]
        old = self.connected()
        old.sleep(600)
        self.source.publish("cmd/x", "secret", 1)
        self.settle(old)

        thief = self.node("n1", bind=OTHER_HOST)
        thief.send(fr.pingreq("n1"))
        thief.expect(fr.disconnect())

        moved = self.node("n1")
        moved.send(fr.pingreq("n1"))
        moved.take_publish(1, "secret", 1)
        moved.expect(fr.pingresp())
        self.settle(old, thief)

    def test_an_active_session_does_not_move_with_pingreq(self):
        # [G12-24]
        old = self.connected()
        other = self.node("n1")

        other.send(fr.pingreq("n1"))

        other.expect(fr.disconnect())
        old.fence()

    def test_pingreq_for_another_active_session_is_not_answered(self):
        # [G12-24]
        n1 = self.connected()
        n2 = self.node("n2").connect()

        n2.send(fr.pingreq("n1"))

        n2.fence()
        n1.fence()

    def test_a_session_without_address_is_bound_by_connect(self):
        # [G12-23]
        n1 = self.connected()
        n1.client_id = "n2"
        n1.connect(clean=False)
        new = self.node("n1", bind=OTHER_HOST)

        new.connect(300, clean=False)

        self.source.publish("cmd/x", "for n1", 1)
        new.take_register("cmd/x", 1)
        new.take_publish(1, "for n1", 1)
        self.settle(n1)
        n1.fence()

    def test_the_next_owner_of_a_port_gets_nothing_of_the_last(self):
        # [G12-23]
        n1 = self.connected()
        n1.client_id = "n2"
        n1.connect(clean=True)

        self.source.publish("cmd/x", "for n1", 1)

        self.settle(n1)
        n1.fence()


class RebindAny(E2ETest):
    CONFIG = {"sleep": {"rebind_on_ping": "any"}}
    MOVES = {None: True, OTHER_HOST: True}

    def test_where_a_sleeper_may_wake_from_is_configured(self):
        # [G12-24]
        old = self.node("n1").connect(300)
        old.sleep(600)
        for bind, moves in self.MOVES.items():
            with self.subTest(bind):
                node = self.node("n1", bind=bind)
                node.send(fr.pingreq("n1"))
                node.expect(fr.pingresp() if moves else fr.disconnect())


class RebindOff(RebindAny):
    CONFIG = {"sleep": {"rebind_on_ping": "off"}}
    MOVES = {None: False, OTHER_HOST: False}


if __name__ == "__main__":
    main()
