# SPDX-License-Identifier: MIT
"""mqttsn-forwarder: nodes on a serial line and on a UDP network."""

import os
import pty
import select
import signal
import socket
import tty

from tools import PATIENCE, ToolTest, fr, free_port, main, run

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD


def slip(octets):
    """As RFC 1055 has it."""
    escaped = bytearray()
    for octet in octets:
        escaped += {END: bytes([ESC, ESC_END]), ESC: bytes([ESC, ESC_ESC])}.get(
            octet, bytes([octet]))
    return bytes(escaped) + bytes([END])


class Line:
    """The node's end of a serial line."""

    def __init__(self, test):
        self.fd, self.device_fd = pty.openpty()
        tty.setraw(self.device_fd)
        self.device = os.ttyname(self.device_fd)
        self.received = b""
        test.addCleanup(self.close)

    def close(self):
        for fd in (self.fd, self.device_fd):
            if fd >= 0:
                os.close(fd)
        self.fd = self.device_fd = -1

    def send(self, message):
        self.write(slip(bytes(message)))

    def write(self, octets):
        os.write(self.fd, octets)

    def receive(self):
        while True:
            frame, end, rest = self.received.partition(bytes([END]))
            if end:
                self.received = rest
                if frame:
                    return frame.replace(
                        bytes([ESC, ESC_END]), bytes([END])).replace(
                            bytes([ESC, ESC_ESC]), bytes([ESC]))
                continue
            ready, _, _ = select.select([self.fd], [], [], PATIENCE)
            if not ready:
                raise AssertionError("nothing came over the line")
            self.received += os.read(self.fd, 4096)

    def expect(self, pattern):
        octets = self.receive()
        if not pattern.matches(octets):
            raise AssertionError("expected %s, got %s" % (
                pattern, fr.hexed(octets)))
        return octets


class Serial(ToolTest):
    def begin(self):
        super().begin()
        self.line = Line(self)
        self.forwarder = self.start("forwarder", *self.address(), "--serial",
                                    self.line.device, "-d")

    def hello(self):
        """A conversation shows that the forwarder is there."""
        self.line.send(fr.connect("wired"))
        self.line.expect(fr.connack())

    def test_a_node_on_a_line_talks_to_the_gateway(self):
        # [SN12-901] [SN12-902] [SN12-903] [SN12-905]
        watch = self.mqtt("up/t", 1)
        self.hello()
        self.line.send(fr.register(0, 1, "up/t"))
        topic_id = fr.topic_id_of(self.line.expect(fr.regack(fr.ANY, 1)))

        self.line.send(fr.publish(topic_id, b"\xc0\xdb\xdc\xdd x", 1, 2))

        self.line.expect(fr.puback(topic_id, 2))
        watch.expect("up/t", b"\xc0\xdb\xdc\xdd x")
        self.gw.wait_log("ENCAPSULATED radius=0 node=01 ")

    def test_messages_reach_the_node_with_all_octets(self):
        self.hello()
        self.line.send(fr.subscribe("down/t", 1, 1))
        topic_id = fr.topic_id_of(self.line.expect(
            fr.suback(fr.ANY, 1, 1, fr.ACCEPTED)))

        self.mqtt().publish("down/t", bytes(range(256)), 1)

        self.line.expect(fr.publish(topic_id, bytes(range(256)), 1, fr.ANY))

    def test_noise_of_the_line_is_dropped(self):
        for noise in (bytes(range(256)), b"\xdb\x01\xc0", b"\xc0\xc0\xc0",
                      b"x" * 5000 + b"\xc0", b"\xdb\xc0", b"\x02\xc0",
                      slip(b"\x05\xfe\x00\x0a\x01\x02\x16")):
            self.line.write(noise + b"\xc0")

        self.hello()

        self.assertEqual(self.gw.process.count("event=malformed"), 0)

    def test_it_ends_with_the_line(self):
        self.hello()

        self.line.close()

        self.end(self.forwarder, 1)

    def test_it_ends_in_order(self):
        self.hello()

        self.forwarder.signal(signal.SIGTERM)

        self.end(self.forwarder)


class Udp(ToolTest):
    def begin(self):
        super().begin()
        self.port = free_port()
        self.forwarder = self.start(
            "forwarder", *self.address(), "-d", "--udp",
            "127.0.0.1:%d" % self.port)
        self.forwarder.wait_line("ready$")

    def test_tools_work_through_it_and_are_told_apart(self):
        def through(name, *more):
            return self.start(name, "-h", "127.0.0.1", "-p", self.port, "-d",
                              *more)

        one = through("sub", "-t", "t/1", "-q", 1, "-C", 1, "-v")
        two = through("sub", "-t", "t/+", "-q", 2, "-C", 2, "-v")
        for sub in (one, two):
            sub.wait_line("< SUBACK .*accepted")

        for number in (1, 2):
            self.end(through("pub", "-t", "t/%d" % number, "-m", "x", "-q", 1))

        one.wait_line("^t/1 x$")
        self.end(one)
        two.wait_line("^t/2 x$")
        self.end(two)
        # Address and port are the name of the node.
        self.gw.wait_log("ENCAPSULATED radius=0 node=7f000001[0-9a-f]{4} ")

    def test_what_the_gateway_names_wrongly_goes_nowhere(self):
        # No gateway: a socket that plays one.
        fake = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(fake.close)
        fake.settimeout(PATIENCE)
        fake.bind(("127.0.0.1", 0))
        port = free_port()
        self.start("forwarder", "-h", "127.0.0.1", "-p", fake.getsockname()[1],
                   "--udp", "127.0.0.1:%d" % port, "-d").wait_line("ready$")
        node = self.node("n")
        node.gateway = ("127.0.0.1", port)
        node.open()
        node.send(fr.searchgw(2))
        octets, forwarder = fake.recvfrom(100)
        # The radius goes along [SN12-904].
        self.assertEqual(octets[2], 2)
        for wrong in (b"\x02\x16", b"\x05\xfe\x00\x0a\x01\x02\x16",
                      b"\xfe"):
            fake.sendto(wrong, forwarder)

        fake.sendto(octets, forwarder)

        node.expect(fr.searchgw(2))
        node.expect_silence()


class Arguments(ToolTest):
    def begin(self):
        pass

    def test_a_line_that_is_not_there(self):
        status, _, error = run("forwarder", "--serial", "/nowhere/tty")

        self.assertEqual(status, 1)
        self.assertEqual(error, "mqttsn-forwarder: error: cannot use "
                         "'/nowhere/tty': No such file or directory\n")


if __name__ == "__main__":
    main()
