# SPDX-License-Identifier: MIT
"""Nodes: a UDP socket, and what went over it."""

import select
import socket
import time

import frames as fr
from processes import PATIENCE


class Node:
    """A node: a UDP socket and what went over it."""

    def __init__(self, port, client_id="n1", host="127.0.0.1", bind=None):
        self.client_id = client_id
        self.gateway = (host, port)
        self.bind = bind
        self.socket = None
        self.talk = []
        self.received = []
        self.open()

    def open(self):
        """A new socket, hence a new address."""
        if self.socket:
            self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        if self.bind:
            self.socket.bind((self.bind, 0))
        # A connected socket takes no answer from any other address.
        self.socket.connect(self.gateway)

    def close(self):
        self.socket.close()

    # Wrapped by nodes behind a forwarder.
    def _out(self, octets):
        return octets

    def _in(self, octets):
        return octets

    def send(self, *messages):
        for message in messages:
            octets = bytes(message)
            self.talk.append("%s > %s" % (self.client_id, fr.hexed(octets)))
            self.socket.send(self._out(octets))
        return self

    def send_quietly(self, octets):
        """For thousands of datagrams: not in the protocol of the test."""
        self.socket.send(self._out(octets))

    def receive(self, timeout=None):
        """The next datagram, or None when time is up."""
        ready, _, _ = select.select([self.socket], [], [],
                                    PATIENCE if timeout is None else timeout)
        if not ready:
            return None
        octets = self._in(self.socket.recv(65536))
        self.talk.append("%s < %s" % (self.client_id, fr.hexed(octets)))
        self.received.append(octets)
        return octets

    def next(self):
        octets = self.receive()
        if octets is None:
            raise AssertionError("%s: nothing came\n%s" % (
                self.client_id, self.story()))
        return octets

    def expect(self, *patterns):
        """The next datagrams must be these; returns the last."""
        octets = None
        for pattern in patterns:
            octets = self.receive()
            if octets is None or not pattern.matches(octets):
                raise AssertionError("\n%s\nexpected %s\ngot      %s" % (
                    self.story(), pattern,
                    "nothing" if octets is None else fr.hexed(octets)))
        return octets

    def expect_set(self, *patterns):
        """The next datagrams must be these, in any order."""
        left = list(patterns)
        while left:
            octets = self.receive()
            for pattern in left:
                if octets is not None and pattern.matches(octets):
                    left.remove(pattern)
                    break
            else:
                raise AssertionError("\n%s\nexpected one of\n  %s\ngot %s" % (
                    self.story(), "\n  ".join(map(str, left)),
                    "nothing" if octets is None else fr.hexed(octets)))

    def expect_silence(self):
        """Nothing has arrived. Only after something that proves that it
        would have by now: see E2ETest.settle and Node.fence."""
        octets = self.receive(timeout=0)
        if octets is not None:
            raise AssertionError("\n%s\nexpected nothing\ngot      %s" % (
                self.story(), fr.hexed(octets)))

    def story(self, count=30):
        return "\n".join(self.talk[-count:])

    # What nodes do all the time.

    def connect(self, duration=60, clean=True, **more):
        self.send(fr.connect(self.client_id, duration, clean, **more))
        self.expect(fr.connack())
        return self

    def insist(self, request, answer, again=None, attempts=6, each=1.0):
        """A request that is sent again until it is answered, as nodes do;
        anything else that comes is passed over. How often it was repeated."""
        self.send(request)
        for attempt in range(attempts):
            while True:
                octets = self.receive(timeout=each)
                if octets is None or answer.matches(octets):
                    break
            if octets is not None:
                return attempt
            self.send(again or request)
        raise AssertionError("%s: not answered\n%s" % (
            self.client_id, self.story()))

    def fence(self):
        """An active node: everything sent before is done, and nothing else
        was answered."""
        self.send(fr.pingreq())
        self.expect(fr.pingresp())

    def register(self, name, msg_id=1):
        """Registers a name; its id."""
        self.send(fr.register(0, msg_id, name))
        return fr.topic_id_of(self.expect(fr.regack(fr.ANY, msg_id)))

    def subscribe(self, topic, qos=0, msg_id=1, kind=fr.NORMAL):
        """Subscribes; the id of the SUBACK."""
        self.send(fr.subscribe(topic, msg_id, qos, kind))
        return fr.topic_id_of(self.expect(
            fr.suback(fr.ANY, msg_id, qos, fr.ACCEPTED)))

    def sleep(self, duration=300):
        self.send(fr.disconnect(duration))
        self.expect(fr.disconnect())

    def publish1(self, topic_id, data, msg_id, **more):
        """A QoS 1 exchange."""
        self.send(fr.publish(topic_id, data, 1, msg_id, **more))
        self.expect(fr.puback(topic_id, msg_id))

    def take_register(self, name, topic_id=fr.ANY):
        """Takes a REGISTER, accepts it; the id."""
        octets = self.expect(fr.register(topic_id, fr.ANY, name))
        self.send(fr.regack(fr.topic_id_of(octets), fr.msg_id_of(octets)))
        return fr.topic_id_of(octets)

    def take_publish(self, topic_id, data, qos=0, **more):
        """Takes a PUBLISH and acknowledges it as its QoS demands."""
        msg_id = 0 if qos == 0 else fr.ANY
        octets = self.expect(fr.publish(topic_id, data, qos, msg_id, **more))
        self._acknowledge(octets, qos)
        return octets

    def fetch(self, topic_id, data, qos=0):
        """Asleep: asks until what was sent to it has reached the gateway, and
        takes it. The broker may be done with it before."""
        wanted = fr.publish(topic_id, data, qos, 0 if qos == 0 else fr.ANY)
        deadline = time.monotonic() + PATIENCE
        octets = bytes(fr.pingresp())
        while fr.pingresp().matches(octets) and time.monotonic() < deadline:
            self.send(fr.pingreq(self.client_id))
            octets = self.next()
        if not wanted.matches(octets):
            raise AssertionError("\n%s\nexpected %s\ngot      %s" % (
                self.story(), wanted, fr.hexed(octets)))
        self._acknowledge(octets, qos)
        self.expect(fr.pingresp())

    def _acknowledge(self, octets, qos):
        if qos == 1:
            self.send(fr.puback(fr.topic_id_of(octets), fr.msg_id_of(octets)))
        elif qos == 2:
            self.send(fr.pubrec(fr.msg_id_of(octets)))
            self.expect(fr.pubrel(fr.msg_id_of(octets)))
            self.send(fr.pubcomp(fr.msg_id_of(octets)))

    def take_publish_after(self, topic_id, data, copy_of):
        """Takes a QoS 1 PUBLISH, and first what the broker sends once more, and
        no oftener, because a lost connection took its acknowledgement along
        [MQTT-4.4]."""
        octets = self.next()
        if fr.publish(topic_id, copy_of, 1, fr.ANY).matches(octets):
            self.send(fr.puback(topic_id, fr.msg_id_of(octets)))
            octets = self.next()
        if not fr.publish(topic_id, data, 1, fr.ANY).matches(octets):
            raise AssertionError("\n%s\nexpected %r" % (self.story(), data))
        self.send(fr.puback(topic_id, fr.msg_id_of(octets)))


class ForwardedNode(Node):
    """A node behind a forwarder: shares the forwarder's socket."""

    def __init__(self, forwarder, node_id, client_id):
        self.forwarder = forwarder
        self.node_id = node_id
        super().__init__(forwarder.gateway[1], client_id)

    def open(self):
        self.socket = self.forwarder.socket

    def close(self):
        pass

    def _out(self, octets):
        return bytes(fr.encapsulated(self.node_id, octets))

    def _in(self, octets):
        head = bytes([3 + len(self.node_id), 0xFE])
        if octets[:2] != head or octets[3:len(head) + 1 + len(self.node_id)] \
                != self.node_id:
            raise AssertionError("not encapsulated for node %s: %s" % (
                self.node_id.hex(), octets.hex(" ")))
        return octets[3 + len(self.node_id):]
