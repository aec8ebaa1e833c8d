# SPDX-License-Identifier: MIT
"""What cannot be a message changes nothing and is never answered; what kills
other gateways does not hurt this one."""

import random

from harness import E2ETest, ForwardedNode, fr, main

MALFORMED = [bytes.fromhex(text) for text in """
    00 01 0100 010003 02 0304 00ff 0a04
    060b00010001 02fe 03fe00 04fe0001 05fe000a0105fe000a010216
    010000 01000304 010002 01ffff04
    0103 0111 0119 021e 02fd 02ff 0203 0211 0219
    020a 030a00 060a00000001 060a0000
    0212 05120000 0512000001
    0214 05140000 0514000001
    020c 060c00000100 030c20
    020d 060d00010001 080d000100010000
    020e 030e00 050e000000 020f 0210 0215
    0213 07132000010003 0913200001000300ff
    0318ff 051800000 0418ff
    0304 04040401 0504040100
    0205 040500ff 0306ff 0308ff
    03171f 041b0000 031d 021b
    0201 0401000a 0200 040001ff 06000103840a
    090c200001000232312e 0c0c200001000232312e35
    01000d0c200001000232312e 01000c0c200001000232312e35
    0100070a0000 010005 0100060400 0100040a
""".split() if len(text) % 2 == 0]

# Datagrams that killed, wedged or confused other implementations.
KILLERS = [bytes.fromhex(text) for text in """
    020a 01 010003 0100070a00 010007 0a 01000a0a000000010000
    0204 040401 0604040200 060c630001 070c6300010000 070d00010001
    0407 0208 0306 021a 031a30 021c 0217 0409ffff
    0100ff0c00 01000004 010001 ff0c ff04 ff
    0c0a0000000100000000 0a0a000000000001 0912000001
    0213 0813200001000300 0b04fc01003c
    05fe00010216 ff fe 02fe 01feff 01000afe0001 0216
""".split() if len(text) % 2 == 0]


class Malformed(E2ETest):
    # Lines of the log are not what is tested here.
    CONFIG = {"log": {"level": "warn"},
              "listener test": {"forwarders": "127.0.0.1"}}

    def begin(self):
        self.broker = self.start_broker()
        config = {**self.CONFIG, "log": {"level": "info"}}
        self.gw = self.start_gateway(self.broker.port, config)

    def alive(self):
        """Somebody else is served."""
        if not hasattr(self, "other"):
            self.other = self.node("other")
        # A datagram may be lost in a burst of others.
        self.other.insist(fr.connect("other"), fr.connack())
        self.other.insist(fr.publish("ab", "x", 1, 1, fr.SHORT),
                          fr.puback("ab", 1))
        self.other.insist(fr.disconnect(), fr.disconnect())

    def test_malformed_datagrams_get_no_answer_in_any_state(self):
        # [SN12-001] [SN12-006] [SN12-007] [G12-08]
        stranger = self.node("stranger")
        for octets in MALFORMED:
            stranger.send(octets)
        self.alive()
        stranger.expect_silence()

        n1 = self.node("n1").connect()
        topic_id = n1.register("up/x")
        for octets in MALFORMED:
            n1.send(octets)
            n1.fence()
        n1.publish1(topic_id, "same id as before", 9)

        n1.sleep(600)
        for octets in MALFORMED:
            n1.send(octets)
        self.alive()
        n1.expect_silence()
        n1.send(fr.pingreq("n1"))
        n1.expect(fr.pingresp())

    def test_malformed_datagrams_are_no_sign_of_life(self):
        # [G12-52]
        n1 = self.node("n1").connect(duration=1)
        lost = None
        for _ in range(200):
            n1.send_quietly(b"\x02\x0a")
            # Another node's round trips are the clock of this loop.
            other = self.node("other").connect(duration=1)
            try:
                lost = self.gw.wait_log("event=client_lost .*n1", timeout=0.05)
                break
            except AssertionError:
                other.fence()
        self.assertTrue(lost, "malformed datagrams keep a session alive")

    def test_datagrams_that_kill_others_do_no_harm(self):
        stranger = self.node("stranger")
        half_open = self.node("half")
        half_open.send(fr.connect("half", will=True))
        half_open.expect(fr.willtopicreq())
        active = self.node("active").connect()
        asleep = self.node("asleep").connect()
        asleep.sleep(600)
        forwarder = self.node("forwarder")
        for octets in KILLERS:
            for node in (stranger, half_open, active, asleep):
                node.send_quietly(octets)
            forwarder.send_quietly(bytes(fr.encapsulated(b"\x01", octets)))
            self.alive()

    def test_wills_before_their_time_and_disconnects_in_between_do_no_harm(self):
        # A second CONNECT, DISCONNECT while connecting, REGISTER before the
        # will is done, WILLMSGUPD without a topic.
        for between in (fr.connect("n2", will=True), fr.disconnect(),
                        fr.disconnect(30), fr.register(0, 1, "a"),
                        fr.willmsgupd("x"), fr.willtopicupd(), fr.pubrel(1),
                        fr.connect("n1", clean=False)):
            n1 = self.node("n1")
            n1.send(fr.connect("n1", will=True))
            n1.expect(fr.willtopicreq())
            n1.send(between, fr.willtopic("w"), fr.willmsg("m"))
            self.alive()

    def short_datagrams(self):
        for first in range(256):
            yield bytes([first])
        for first in range(256):
            for second in range(256):
                yield bytes([first, second])

    def exhaust(self, node, again, leave_out=()):
        """Sends all datagrams of one and two octets, and some of three;
        'again' brings the node back and drains what it was answered."""
        random.seed(1)
        datagrams = list(self.short_datagrams())
        datagrams += [random.randbytes(3) for _ in range(3000)]
        datagrams += [bytes([3]) + random.randbytes(2) for _ in range(3000)]
        for number, octets in enumerate(datagrams):
            if octets not in leave_out:
                node.send_quietly(octets)
            if number % 64 == 63:
                again(node)
        again(node)

    def reconnect(self, node):
        node.insist(fr.connect(node.client_id, 4660), fr.connack())

    def test_every_short_datagram_from_a_stranger(self):
        stranger = self.node("stranger")
        self.exhaust(stranger, lambda _: self.alive())
        self.alive()

    def test_every_short_datagram_from_an_active_node(self):
        n1 = self.node("n1").connect()
        self.exhaust(n1, self.reconnect)
        self.alive()

    def test_every_short_datagram_from_a_sleeping_node(self):
        def sleep(node):
            self.reconnect(node)
            node.insist(fr.disconnect(4660), fr.disconnect())

        n1 = self.node("n1").connect()
        n1.sleep(4660)
        self.exhaust(n1, sleep, leave_out=(b"\x02\x18",))
        self.alive()

    def test_every_short_datagram_from_a_half_open_node(self):
        def half_open(node):
            # Never the same octets twice: those might be a repetition of the
            # CONNECT that a stray WILLTOPIC has completed.
            half_open.duration = half_open.duration % 60000 + 1
            node.insist(fr.connect("n1", half_open.duration, will=True),
                        fr.willtopicreq())

        half_open.duration = 4660

        n1 = self.node("n1")
        half_open(n1)
        self.exhaust(n1, half_open, leave_out=(b"\x02\x07",))
        self.alive()

    def test_every_short_datagram_inside_an_encapsulation(self):
        forwarder = self.node("forwarder")
        n1 = ForwardedNode(forwarder, b"\x0a", "n1").connect()
        self.nodes.append(n1)
        self.exhaust(n1, self.reconnect)
        self.alive()

    def test_random_octets_in_the_shape_of_messages(self):
        random.seed(2)
        n1 = self.node("n1").connect()
        kinds = [k for k in fr.NAMES if k not in (fr.CONNECT,)]
        for number in range(20000):
            size = random.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 200))
            body = bytes([random.choice(kinds)]) + random.randbytes(size)
            octets = bytes([len(body) + 1]) + body
            if random.random() < 0.1:
                octets = b"\x01\x00" + bytes([len(body) + 3]) + body
            n1.send_quietly(octets[:random.choice((len(octets),) * 9 + (3,))])
            if number % 200 == 199:
                self.reconnect(n1)
        self.alive()

    def test_poison_does_not_cost_the_other_nodes_their_broker(self):
        # A topic that the broker refuses ends the one connection that all
        # nodes share; so it may not get there.
        bystanders = [self.node("b%d" % number).connect()
                      for number in range(10)]
        start = self.gw.mark()
        n1 = self.node("n1").connect()
        names = [b"a\x00b", b"\xff\xfe", b"\xed\xa0\x80", b"a/+", b"#",
                 b"$SYS/x", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"\x00",
                 b"+", b"x" * 1000,
                 # What MQTT lets a broker close the connection for.
                 b"a\x01b", b"a\x1f", b"a\x7fb", b"a\xc2\x85",
                 "a\uffff".encode(), "a\ufdd0".encode(),
                 "a\U0001fffe".encode()]
        for number, name in enumerate(names):
            n1.send(fr.register(0, number, name))
            topic_id = fr.topic_id_of(n1.next())
            n1.send(fr.publish(topic_id, "x", 1, 300 + number))
            n1.next()
            n1.send(fr.subscribe(name, 100 + number, 1))
            n1.next()
            n1.send(fr.unsubscribe(name, 200 + number))
            n1.expect(fr.unsuback(200 + number))
            n1.send(fr.willtopicupd(name))
            n1.next()
        for two in (b"\x00\x00", b"+a", b"a#", b"\xff\xff", b"//",
                    b"a\x01", b"\xc2\x85", b"\x7fa"):
            n1.send(fr.publish(int.from_bytes(two, "big"), "x", 1, 9, fr.SHORT))
            n1.next()

        for node in bystanders:
            node.publish1("ab", "still here", 1, kind=fr.SHORT)
        self.assertEqual(
            [line for line in self.gw.process.lines[start:]
             if "area=upstream" in line and "lost" in line], [])


class Sizes(E2ETest):
    CONFIG = {"listener test": {"max_datagram": 128}}

    def test_datagrams_above_the_limit_are_dropped(self):
        # [G12-09] [SN12-907] [SN12-006]
        n1 = self.node("n1").connect()
        watch = self.mqtt("ab")

        n1.send(fr.publish("ab", "x" * 122, 1, 1, fr.SHORT))  # 129 octets
        n1.fence()
        n1.publish1("ab", "x" * 121, 2, kind=fr.SHORT)

        watch.expect("ab", "x" * 121)


class Quirk(E2ETest):
    CONFIG = {"compat": {"paho_len_quirk": "no"}}

    def test_trailing_octets_are_malformed_where_no_exception_is_made(self):
        # [G12-08]
        n1 = self.node("n1").connect()
        body = bytes(fr.publish("ab", b"y" * 248, 1, 1, fr.SHORT))[1:]

        n1.send(b"\x01\x00\xff" + body)

        n1.fence()


if __name__ == "__main__":
    main()
