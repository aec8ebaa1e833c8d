# SPDX-License-Identifier: MIT
"""A broker of MQTT 3.1.1 that may be killed at any instant and loses nothing:
what it answers is in its ledger before the answer goes out. (mosquitto saves
after it has answered, whatever it is told, so a test that kills it finds what
mosquitto has lost.)

    keeping_broker.py PORT LEDGER

The ledger is a list of events, one line of JSON each, written with one write;
what the broker knows is what follows from it. It is for one connection of each
client, knows no retained messages, and gives a client one copy of a message,
with the highest QoS that it asked for in a filter that matches.
"""

import collections
import json
import os
import socket
import struct
import sys
import threading


def matches(pattern, topic):
    levels, names = pattern.split("/"), topic.split("/")
    if topic.startswith("$"):
        return False
    for at, level in enumerate(levels):
        if level == "#":
            return True
        if at >= len(names) or level not in ("+", names[at]):
            return False
    return len(levels) == len(names)


class Session:
    """What one client has with the broker, and keeps."""

    def __init__(self):
        self.filters = {}
        self.sent = collections.OrderedDict()  # id -> [topic, text, qos, step]
        self.received = {}                     # id of QoS 2, until PUBREL
        self.last_id = 0

    def add(self, topic, text, qos):
        """Assigns a packet id: the same whenever the ledger is read."""
        while True:
            self.last_id = self.last_id % 65535 + 1
            if self.last_id not in self.sent:
                break
        self.sent[self.last_id] = [topic, text, qos, "PUBLISH"]
        return self.last_id


class State:
    """Everything, as it follows from the events."""

    def __init__(self):
        self.sessions = {}
        self.taken = []     # (topic, text, qos), each message once
        self.known = set()  # topics and texts that were published with QoS 1

    def apply(self, event):
        kind, client, *rest = event
        if kind == "clean":
            self.sessions[client] = Session()
            return []
        session = self.sessions.setdefault(client, Session())
        if kind == "filter":
            session.filters[rest[0]] = rest[1]
        elif kind == "no filter":
            session.filters.pop(rest[0], None)
        elif kind == "publish":
            return self.publish(session, *rest)
        elif kind == "released":
            session.received.pop(rest[0], None)
        elif kind == "PUBREC" and rest[0] in session.sent:
            session.sent[rest[0]][3] = "PUBREL"
        elif kind == "done":
            session.sent.pop(rest[0], None)
        return []

    def publish(self, session, packet_id, topic, text, qos):
        """Who gets it now: (client, packet id) each."""
        if qos == 2:
            session.received[packet_id] = True
        self.taken.append((topic, text, qos))
        ways = []
        for client, other in self.sessions.items():
            granted = [level for pattern, level in other.filters.items()
                       if matches(pattern, topic)]
            level = min(qos, max(granted, default=0))
            if level:
                ways.append((client, other.add(topic, text, level)))
        return ways

    def open_steps(self):
        """The exchanges that are not finished, in words."""
        for session in self.sessions.values():
            for _, _, qos, step in session.sent.values():
                yield "%s qos %d to the gateway" % (step, qos)
            for _ in session.received:
                yield "PUBLISH qos 2 from the gateway, no PUBREL yet"


def read(path):
    """What a broker that was killed knew."""
    state = State()
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                state.apply(json.loads(line))
    except FileNotFoundError:
        pass
    return state


class Broker:
    def __init__(self, port, path):
        self.state = read(path)
        self.ledger = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT,
                              0o600)
        self.lock = threading.Lock()
        self.connections = {}
        self.listener = socket.create_server(("127.0.0.1", port),
                                             reuse_port=False)

    def note(self, *event):
        os.write(self.ledger, (json.dumps(event) + "\n").encode())
        return self.state.apply(event)

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.talk, args=(connection,),
                             daemon=True).start()

    def talk(self, connection):
        client = None
        try:
            while True:
                head = exactly(connection, 1)[0]
                body = exactly(connection, length_of(connection))
                with self.lock:
                    if head >> 4 == 1:
                        client = self.connect(connection, body)
                    elif head >> 4 == 14:
                        return
                    else:
                        self.packet(connection, client, head, body)
        except (OSError, EOFError):
            pass
        finally:
            connection.close()

    def connect(self, connection, body):
        clean = body[7] & 2
        client, _ = text_at(body, 10)
        present = client in self.state.sessions and not clean
        if clean:
            self.note("clean", client)
        elif not present:
            self.note("session", client)
        before = self.connections.get(client)
        if before is not None:
            end(before)
        self.connections[client] = connection
        connection.sendall(bytes([0x20, 2, int(present), 0]))
        for packet_id, sent in self.state.sessions[client].sent.items():
            self.send(connection, packet_id, sent, True)
        return client

    @staticmethod
    def send(connection, packet_id, sent, again):
        topic, text, qos, step = sent
        if step == "PUBREL":
            connection.sendall(b"\x62\x02" + struct.pack(">H", packet_id))
            return
        octets = topic.encode()
        body = (struct.pack(">H", len(octets)) + octets
                + struct.pack(">H", packet_id) + text.encode())
        connection.sendall(bytes([0x30 | qos << 1 | (8 if again else 0)])
                           + length(len(body)) + body)

    def packet(self, connection, client, head, body):
        kind = head >> 4
        if kind == 3:
            self.publish(connection, client, head, body)
            return
        if kind == 12:
            connection.sendall(b"\xd0\x00")
            return
        packet_id = struct.unpack(">H", body[:2])[0]
        session = self.state.sessions[client]
        if kind in (4, 7):
            self.note("done", client, packet_id)
        elif kind == 5:
            self.note("PUBREC", client, packet_id)
            connection.sendall(b"\x62\x02" + body[:2])
        elif kind == 6:
            if packet_id in session.received:
                self.note("released", client, packet_id)
            connection.sendall(b"\x70\x02" + body[:2])
        elif kind == 8:
            pattern, at = text_at(body, 2)
            self.note("filter", client, pattern, body[at])
            connection.sendall(b"\x90\x03" + body[:2] + body[at:at + 1])
        elif kind == 10:
            self.note("no filter", client, text_at(body, 2)[0])
            connection.sendall(b"\xb0\x02" + body[:2])

    def publish(self, connection, client, head, body):
        qos = head >> 1 & 3
        topic, at = text_at(body, 0)
        packet_id = 0
        if qos:
            packet_id, at = struct.unpack(">H", body[at:at + 2])[0], at + 2
        text = body[at:].decode("utf-8", "replace")
        session = self.state.sessions[client]
        if qos and not (qos == 2 and packet_id in session.received):
            for other, other_id in self.note("publish", client, packet_id,
                                             topic, text, qos):
                self.pass_on(other, other_id)
        if qos:
            connection.sendall(bytes([0x40 if qos == 1 else 0x50, 2])
                               + struct.pack(">H", packet_id))

    def pass_on(self, client, packet_id):
        try:
            if client in self.connections:
                self.send(self.connections[client], packet_id,
                          self.state.sessions[client].sent[packet_id], False)
        except OSError:
            end(self.connections.pop(client))


def exactly(connection, count):
    octets = bytearray()
    while len(octets) < count:
        part = connection.recv(count - len(octets))
        if not part:
            raise EOFError
        octets += part
    return bytes(octets)


def length_of(connection):
    size, shift = 0, 0
    while True:
        digit = exactly(connection, 1)[0]
        size |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return size


def length(size):
    octets = bytearray()
    while True:
        size, digit = divmod(size, 128)
        octets.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(octets)


def text_at(body, at):
    size = struct.unpack(">H", body[at:at + 2])[0]
    return body[at + 2:at + 2 + size].decode(), at + 2 + size


def end(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


if __name__ == "__main__":
    broker = Broker(int(sys.argv[1]), sys.argv[2])
    print("keeping broker running", flush=True)
    broker.serve()
