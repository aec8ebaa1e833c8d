# SPDX-License-Identifier: MIT
"""The broker's side of a test: a client to look at a real broker with, and a
scripted broker that acknowledges only what the test lets it."""

import collections
import random
import socket
import struct
import threading
import time

import frames as fr
from processes import PATIENCE, PREFIX, free_port

Message = collections.namedtuple("Message", "topic payload qos retain dup")


def with_prefix(topic):
    """The broker's name of a node's topic or filter."""
    return topic if topic.startswith("$SYS/") else PREFIX + topic


def without_prefix(topic):
    return topic[len(PREFIX):] if topic.startswith(PREFIX) else topic


class Mqtt:
    """A small MQTT 3.1.1 client: what a test needs to look at a broker."""

    def __init__(self, port, client_id=None, clean=True, raw=False):
        self.up = (lambda topic: topic) if raw else with_prefix
        self.down = (lambda topic: topic) if raw else without_prefix
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.changed = threading.Condition()
        self.messages = []
        self.acks = {}
        self.taken = 0
        self.next_id = 0
        self.held = set()
        self.closed = False
        self.session_present = None
        name = client_id or "e2e-%08x" % random.SystemRandom().getrandbits(32)
        body = (self._text("MQTT") + bytes([4, 2 if clean else 0, 0, 0])
                + self._text(name))
        self._send(0x10, body)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        code = self._ack(("connack", 0))
        if code != 0:
            raise AssertionError("the broker refuses the test: %d" % code)

    @staticmethod
    def _text(text):
        octets = fr.octets_of(text)
        return struct.pack(">H", len(octets)) + octets

    def _send(self, head, body):
        size = len(body)
        length = bytearray()
        while True:
            size, digit = divmod(size, 128)
            length.append(digit | (0x80 if size else 0))
            if not size:
                break
        self.socket.sendall(bytes([head]) + bytes(length) + body)

    def _answer(self, head, body):
        """A broker that was killed cannot be answered, but what it wrote
        before can still be read."""
        try:
            self._send(head, body)
        except OSError:
            pass

    def _exactly(self, count):
        octets = bytearray()
        while len(octets) < count:
            part = self.socket.recv(count - len(octets))
            if not part:
                raise ConnectionError
            octets += part
        return bytes(octets)

    def _read(self):
        try:
            while True:
                head = self._exactly(1)[0]
                size, shift = 0, 0
                while True:
                    digit = self._exactly(1)[0]
                    size |= (digit & 0x7F) << shift
                    shift += 7
                    if not digit & 0x80:
                        break
                self._packet(head, self._exactly(size))
        except (OSError, ConnectionError):
            with self.changed:
                self.closed = True
                self.changed.notify_all()

    def _packet(self, head, body):
        kind = head >> 4
        if kind == 3:
            qos = head >> 1 & 3
            size = struct.unpack(">H", body[:2])[0]
            topic = self.down(body[2:2 + size].decode("utf-8", "replace"))
            rest = body[2 + size:]
            packet_id = 0
            if qos:
                packet_id, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
            message = Message(topic, rest, qos, bool(head & 1), bool(head & 8))
            # The gateway asks the broker something by such a message.
            ours = "mqttsn-gw/" in topic and topic.endswith("/probe")
            if not ours and not (qos == 2 and packet_id in self.held):
                with self.changed:
                    self.messages.append(message)
                    self.changed.notify_all()
            if qos == 1:
                self._answer(0x40, struct.pack(">H", packet_id))
            elif qos == 2:
                self.held.add(packet_id)
                self._answer(0x50, struct.pack(">H", packet_id))
        elif kind == 6:
            self.held.discard(struct.unpack(">H", body)[0])
            self._answer(0x70, body)
        elif kind == 5:
            self._answer(0x62, body)
        elif kind == 2:
            self.session_present = bool(body[0] & 1)
            self._note(("connack", 0), body[1])
        elif kind in (4, 7):
            self._note(("publish", struct.unpack(">H", body[:2])[0]), 0)
        elif kind == 9:
            self._note(("subscribe", struct.unpack(">H", body[:2])[0]), body[2])
        elif kind == 11:
            self._note(("unsubscribe", struct.unpack(">H", body[:2])[0]), 0)

    def _note(self, key, value):
        with self.changed:
            self.acks[key] = value
            self.changed.notify_all()

    def _ack(self, key):
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while key not in self.acks:
                left = deadline - time.monotonic()
                if self.closed or left <= 0:
                    raise AssertionError("the broker does not answer %s" % (key,))
                self.changed.wait(left)
            return self.acks.pop(key)

    def _id(self):
        self.next_id = self.next_id % 65535 + 1
        return self.next_id

    def subscribe(self, topic, qos=0):
        packet_id = self._id()
        self._send(0x82, struct.pack(">H", packet_id)
                   + self._text(self.up(topic))
                   + bytes([qos]))
        granted = self._ack(("subscribe", packet_id))
        if granted == 0x80:
            raise AssertionError("the broker refuses to subscribe %s" % topic)
        return self

    def unsubscribe(self, topic):
        packet_id = self._id()
        self._send(0xA2, struct.pack(">H", packet_id)
                   + self._text(self.up(topic)))
        self._ack(("unsubscribe", packet_id))

    def publish(self, topic, payload="", qos=0, retain=False):
        """Returns when the broker has it, so far as the QoS tells."""
        body = self._text(self.up(topic))
        packet_id = 0
        if qos:
            packet_id = self._id()
            body += struct.pack(">H", packet_id)
        self._send(0x30 | qos << 1 | int(retain), body + fr.octets_of(payload))
        if qos:
            self._ack(("publish", packet_id))

    def take(self, timeout=None):
        """The next message."""
        deadline = time.monotonic() + (timeout or PATIENCE)
        with self.changed:
            while self.taken >= len(self.messages):
                left = deadline - time.monotonic()
                if self.closed or left <= 0:
                    raise AssertionError("no message from the broker (%s)" % (
                        "connection closed" if self.closed else "time is up"))
                self.changed.wait(left)
            self.taken += 1
            return self.messages[self.taken - 1]

    def expect(self, topic, payload, qos=None, retain=None):
        """The next message must be this one."""
        got = self.take()
        want = Message(topic, fr.octets_of(payload),
                       got.qos if qos is None else qos,
                       got.retain if retain is None else retain, got.dup)
        if got != want:
            raise AssertionError("\nexpected %s\ngot      %s" % (want, got))
        return got

    def wait_for(self, condition, what, timeout=None):
        """Waits until condition(all messages) holds."""
        deadline = time.monotonic() + (timeout or PATIENCE)
        with self.changed:
            while not condition(self.messages):
                left = deadline - time.monotonic()
                if self.closed or left <= 0:
                    raise AssertionError("the broker never showed: %s" % what)
                self.changed.wait(left)

    def pending(self):
        """What has arrived and was not taken."""
        with self.changed:
            return self.messages[self.taken:]

    def wait_closed(self):
        """Reads what is left of a broker that has ended."""
        self.reader.join(PATIENCE)

    def abort(self):
        """Ends without DISCONNECT."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join(PATIENCE)
        self.socket.close()

    def close(self):
        if not self.closed:
            try:
                self._send(0xE0, b"")
            except OSError:
                pass
        self.abort()


class FakeBroker:
    """A scripted broker of MQTT 3.1.1 or 5, as it is spoken to: it acknowledges
    what the test lets it.

    'published' is what reached it; 'on_publish(broker, message, packet_id)'
    decides: return True to have it acknowledged in order. 'connack' is the
    code with which connections are answered; 'limits' are properties of it with
    MQTT 5.
    """

    def __init__(self, on_publish=None, connack=0, session_present=False,
                 limits=b""):
        self.on_publish = on_publish or (lambda *_: True)
        self.connack = connack
        self.session_present = session_present
        self.limits = limits
        self.version = 4
        self.published = []
        self.subscribed = []
        self.acknowledged = []  # by PUBACK
        self.connects = []
        self.changed = threading.Condition()
        self.client = None
        self.running = True
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = free_port()
        self.listens(self.listener)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while self.running:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client = self.client = self.wrap(client)
            try:
                self._talk(client)
            except (OSError, ConnectionError):
                pass
            client.close()

    def _exactly(self, client, count):
        octets = bytearray()
        while len(octets) < count:
            part = client.recv(count - len(octets))
            if not part:
                raise ConnectionError
            octets += part
        return bytes(octets)

    def _talk(self, client):
        while True:
            head = self._exactly(client, 1)[0]
            size, shift = 0, 0
            while True:
                digit = self._exactly(client, 1)[0]
                size |= (digit & 0x7F) << shift
                shift += 7
                if not digit & 0x80:
                    break
            body = self._exactly(client, size)
            self.look(head, body)
            kind = head >> 4
            if kind == 1:
                self.version = body[6]
                with self.changed:
                    self.connects.append(body)
                    self.changed.notify_all()
                if self.refuses(client):
                    return
                present = int(self.session_present and not self.connack)
                limits = self.props(self.limits)
                code = self.connack
                if code and self.version == 5:
                    code = {4: 0x86, 5: 0x87}[code]
                client.sendall(bytes([0x20, 2 + len(limits), present, code])
                               + limits)
                if self.connack:
                    return
            elif kind == 3:
                qos = head >> 1 & 3
                size = struct.unpack(">H", body[:2])[0]
                rest = body[2 + size:]
                packet_id = 0
                if qos:
                    packet_id, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
                self.last_properties, rest = self.split(rest)
                topic = without_prefix(body[2:2 + size].decode())
                message = Message(topic, rest, qos,
                                  bool(head & 1), bool(head & 8))
                with self.changed:
                    self.published.append((message, packet_id))
                    self.changed.notify_all()
                if self.on_publish(self, message, packet_id):
                    self.acknowledge(packet_id, qos)
            elif kind == 4:
                with self.changed:
                    self.acknowledged.append(struct.unpack(">H", body[:2])[0])
                    self.changed.notify_all()
            elif kind == 5:
                client.sendall(b"\x62\x02" + body)
            elif kind == 6:
                client.sendall(b"\x70\x02" + body)
            elif kind == 8:
                self.last_properties, rest = self.split(body[2:])
                size = struct.unpack(">H", rest[:2])[0]
                topic = without_prefix(rest[2:2 + size].decode())
                self.last_options = rest[2 + size]
                qos = self.last_options & 3
                with self.changed:
                    self.subscribed.append((topic, qos))
                    self.changed.notify_all()
                answer = (body[:2] + self.props()
                          + bytes([self.granted(topic, qos)]))
                client.sendall(bytes([0x90, len(answer)]) + answer)
                self.subscribing(topic, qos)
            elif kind == 10:
                answer = body[:2] + (b"" if self.version < 5 else b"\0\0")
                client.sendall(bytes([0xB0, len(answer)]) + answer)
                _, rest = self.split(body[2:])
                size = struct.unpack(">H", rest[:2])[0]
                self.unsubscribing(without_prefix(rest[2:2 + size].decode()))
            elif kind == 12:
                client.sendall(b"\xd0\x00")
            elif kind == 14:
                return

    def props(self, octets=b""):
        """A block of properties; with MQTT 3.1.1 there is none."""
        assert len(octets) < 128
        return b"" if self.version < 5 else bytes([len(octets)]) + octets

    def split(self, octets):
        """A block of properties, and what follows it."""
        if self.version < 5:
            return b"", octets
        size = octets[0] & 0x7F
        start = 1
        if octets[0] & 0x80:
            size, start = size | octets[1] << 7, 2
        return octets[start:start + size], octets[start + size:]

    def refuses(self, client):
        """A test may answer a CONNECT itself; True ends the connection."""
        return False

    def look(self, head, body):
        """At each packet before it is answered; to raise ConnectionError ends
        the connection."""

    def listens(self, listener):
        """Options of the socket, before it is bound."""

    def wrap(self, client):
        """A test may put itself between this broker and the wire."""
        return client

    def granted(self, topic, qos):
        """What a SUBSCRIBE is answered; 0x80 refuses."""
        return qos

    def subscribing(self, topic, qos):
        """After SUBACK: a test may send retained messages."""

    def unsubscribing(self, topic):
        """After UNSUBACK."""

    def acknowledge(self, packet_id, qos):
        if qos and self.client:
            self.client.sendall(bytes([0x40 if qos == 1 else 0x50, 2])
                                + struct.pack(">H", packet_id))

    def send(self, topic, payload, qos=0, retain=False, packet_id=1, dup=False,
             properties=b""):
        """A message to the gateway."""
        body = Mqtt._text(with_prefix(topic))
        if qos:
            body += struct.pack(">H", packet_id)
        body += self.props(properties) + fr.octets_of(payload)
        self.client.sendall(bytes([0x30 | qos << 1 | int(retain)
                                   | (8 if dup else 0), len(body)]) + body)

    def wait_published(self, count):
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while len(self.published) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError("%d of %d messages reached the broker: %s"
                                         % (len(self.published), count,
                                            self.published))
                self.changed.wait(left)
            return list(self.published)

    def wait_acknowledged(self, packet_id):
        with self.changed:
            if not self.changed.wait_for(
                    lambda: packet_id in self.acknowledged, PATIENCE):
                raise AssertionError("no PUBACK %d" % packet_id)

    def drop(self):
        """Ends the connection, as a crash would."""
        client = self.client
        if client:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.running = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.drop()
        self.thread.join(PATIENCE)
