# SPDX-License-Identifier: MIT
"""Nodes behind a forwarder."""

from harness import E2ETest, ForwardedNode, fr, main


class Forwarder(E2ETest):
    CONFIG = {"listener test": {"forwarders": "127.0.0.1"}}

    def begin(self):
        super().begin()
        self.forwarder = self.node("forwarder")
        self.source = self.mqtt()

    def behind(self, node_id, name):
        node = ForwardedNode(self.forwarder, node_id, name)
        self.nodes.append(node)
        return node

    def test_frames_for_a_node_carry_its_id(self):
        # [SN12-902] [SN12-903] [SN12-904] [SN12-905] [SN12-906]
        self.forwarder.send(fr.encapsulated(b"\x0a\x01", fr.connect("n1")))

        self.forwarder.expect(fr.encapsulated(b"\x0a\x01", fr.connack()))

    def test_nodes_behind_one_forwarder_are_apart(self):
        # [SN12-905] [G12-46]
        a = self.behind(b"\x01", "na").connect()
        b = self.behind(b"\x02", "nb").connect()
        c = self.behind(b"\x00\x02", "nc").connect()
        self.assertEqual(a.register("of/a"), 1)
        self.assertEqual(b.register("of/b"), 1)
        self.assertEqual(c.register("of/c"), 1)
        watch = self.mqtt("of/#")

        a.publish1(1, "a", 2)
        b.publish1(1, "b", 2)
        c.publish1(1, "c", 2)

        for name in "abc":
            watch.expect("of/" + name, name)

    def test_reserved_bits_of_ctrl_are_ignored_and_sent_as_zero(self):
        # [SN12-904] [G12-46]
        self.forwarder.send(
            fr.encapsulated(b"\x05", fr.connect("n1"), ctrl=0xFF))

        self.forwarder.expect(fr.encapsulated(b"\x05", fr.connack(), ctrl=0))

    def test_the_forwarders_own_address_is_another_client(self):
        # [G12-46]
        a = self.behind(b"\x01", "na").connect()
        self.forwarder.client_id = "nf"
        self.forwarder.connect()

        self.forwarder.fence()
        a.fence()

    def test_a_node_behind_a_forwarder_sleeps_and_wakes(self):
        a = self.behind(b"\x01\x02\x03", "na").connect(300)
        a.subscribe("cmd/#", 1)
        a.sleep(600)
        self.source.publish("cmd/x", "hello", 1)
        self.settle(a)

        a.send(fr.pingreq("na"))

        a.take_publish(a.take_register("cmd/x"), "hello", 1)
        a.expect(fr.pingresp())

    def test_the_largest_node_id_and_a_long_inner_message(self):
        # [SN12-902]
        a = self.behind(bytes(range(252)), "na").connect()
        watch = self.mqtt("up/t")
        topic_id = a.register("up/t")

        a.publish1(topic_id, b"x" * 400, 2)

        watch.expect("up/t", b"x" * 400)

    def test_encapsulations_that_cannot_be_are_dropped(self):
        # [G12-46] [SN12-902]
        inner = bytes(fr.connect("n1"))
        for why, octets in (
                ("nested", bytes(fr.encapsulated(
                    b"\x01", fr.encapsulated(b"\x02", fr.connect("n1"))))),
                ("no node id", b"\x03\xfe\x00" + inner),
                ("no ctrl", b"\x02\xfe" + inner),
                ("no inner message", b"\x04\xfe\x00\x01"),
                ("inner longer than it says", bytes(
                    fr.encapsulated(b"\x01", inner + b"x"))),
                ("inner shorter than it says", bytes(
                    fr.encapsulated(b"\x01", inner[:-1]))),
                ("3-octet Length", b"\x01\x00\x06\xfe\x00\x01" + inner)):
            with self.subTest(why):
                self.forwarder.send(octets)
                self.behind(b"\x77", "fence").connect().fence()

    def test_a_node_may_move_to_another_forwarder(self):
        # [G12-46] [G12-24]
        a = self.behind(b"\x01", "na").connect(300, clean=False)
        a.subscribe("cmd/x", 1)
        second = self.node("second")
        moved = ForwardedNode(second, b"\x01", "na")

        moved.connect(300, clean=False)

        self.source.publish("cmd/x", "x", 1)
        moved.take_register("cmd/x", 1)
        moved.take_publish(1, "x", 1)
        self.settle(a)


class Unlisted(E2ETest):
    CONFIG = {"listener test": {"forwarders": "10.9.8.7"}}

    def test_forwarders_that_are_not_listed_are_not_heard(self):
        # [G12-46]
        forwarder = self.node("forwarder")

        forwarder.send(fr.encapsulated(b"\x01", fr.connect("n1")))

        self.node("fence").connect().fence()
        forwarder.expect_silence()


class Anybody(E2ETest):
    CONFIG = {"listener test": {"forwarders": "any"}}

    def test_forwarders_may_be_anybody_where_so_configured(self):
        # [G12-46]
        forwarder = self.node("forwarder")

        ForwardedNode(forwarder, b"\x01", "n1").connect().fence()


if __name__ == "__main__":
    main()
