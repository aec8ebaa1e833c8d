# SPDX-License-Identifier: MIT
"""The Paho port with a journal, killed at every write of it, before it, in the
middle of it and behind it, with exchanges of QoS 1 and 2 open on both legs;
then it goes on. The broker here keeps its session and counts what it gets:
what was published with QoS 2 arrives exactly once in either direction, with
QoS 1 at least once. In between the disk is full for a while. All of it in the
version of MQTT that PAHO_PROTOCOL names."""

import collections
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

HARNESS = os.environ['PAHO_HARNESS']
PROTOCOL = os.environ.get('PAHO_PROTOCOL', '3.1.1')
PATIENCE = 60 * float(os.environ.get('MQTTSN_TEST_PATIENCE', '1'))

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, \
    SUBACK = range(1, 10)
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14


def packet(first, body):
    length, out = len(body), b''
    while True:
        digit, length = length % 128, length // 128
        out += bytes([digit | (128 if length else 0)])
        if not length:
            return bytes([first]) + out + body


class Session:
    """What the broker remembers of the one client."""

    def __init__(self, messages):
        self.subscribed = False
        self.incoming = set()       # QoS 2 received, PUBREL not yet
        self.waiting = list(messages)  # (payload, qos)
        self.open = {}              # packet id: [payload, qos, released]
        self.next_id = 1


class Broker(threading.Thread):
    """Serves one client at a time, until it is closed."""

    WINDOW = 4

    def __init__(self, messages):
        super().__init__(daemon=True)
        self.messages = messages
        self.session = None
        self.before = None
        self.clean = False
        self.got = collections.Counter()
        self.order = []
        self.errors = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.client = None
        self.properties = b''       # of each packet
        self.idle = threading.Event()  # nobody is being served
        self.idle.set()
        self.start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(PATIENCE)

    def forget_between_lives(self):
        """What a killed process has sent is read to its end first."""
        assert self.idle.wait(PATIENCE)
        self.forget()

    def forget(self):
        """The session ends; what waited in it is offered to the next one."""
        self.before, self.session = self.session, None

    def run(self):
        while True:
            try:
                self.client, _ = self.listener.accept()
            except OSError:
                return
            self.idle.clear()
            try:
                self.serve()
            except (ConnectionError, EOFError):
                pass
            except Exception as error:  # for the test to see
                self.errors.append(repr(error))
            self.client.close()
            if self.clean and self.session:
                self.forget()
            self.idle.set()

    def read(self, n):
        data = b''
        while len(data) < n:
            more = self.client.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self):
        while True:
            first = self.read(1)[0]
            length, shift = 0, 0
            while True:
                digit = self.read(1)[0]
                length |= (digit & 127) << shift
                shift += 7
                if not digit & 128:
                    break
            self.on_packet(first >> 4, first & 15, self.read(length))

    def send(self, first, body):
        self.client.sendall(packet(first, body))

    def on_packet(self, kind, flags, body):
        session = self.session
        if kind == CONNECT:
            assert body[6] == (5 if PROTOCOL == '5' else 4), body
            self.properties = b'\0' if body[6] == 5 else b''
            # With MQTT 5 a session ends with its connection when it has no
            # expiry, here the first property of all.
            self.on_connect(body[7] & 2, bool(body[7] & 2) if body[6] == 4
                            else body[10:16] == b'\x05\x11\0\0\0\0')
        elif kind == PUBLISH:
            self.on_publish((flags >> 1) & 3, body)
        elif kind == PUBREL:
            session.incoming.discard(body[:2])
            self.send(PUBCOMP << 4, body[:2])
        elif kind == SUBSCRIBE:
            session.subscribed = True
            self.send(SUBACK << 4, body[:2] + self.properties + b'\x02')
            self.offer()
        elif kind in (PUBACK, PUBCOMP):
            session.open.pop(struct.unpack('>H', body[:2])[0], None)
            self.offer()
        elif kind == PUBREC:
            number = struct.unpack('>H', body[:2])[0]
            if number in session.open:
                session.open[number][2] = True
            self.send(PUBREL << 4 | 2, body[:2])
        elif kind == PINGREQ:
            self.send(PINGRESP << 4, b'')
        elif kind == DISCONNECT:
            raise EOFError
        else:
            raise AssertionError('unexpected packet %d' % kind)

    def on_connect(self, clean, ends):
        present = self.session is not None and not clean
        if not present:
            lost = self.session or self.before
            self.session = Session(self.messages if lost is None
                                   else self.unfinished(lost))
        self.clean = ends
        self.send(CONNACK << 4, bytes([present, 0]) + self.properties)
        for number, (payload, qos, released) in sorted(
                self.session.open.items()):
            if released:
                self.send(PUBREL << 4 | 2, struct.pack('>H', number))
            else:
                self.send_message(number, payload, qos, dup=8)
        self.offer()

    @staticmethod
    def unfinished(session):
        return [(p, q) for p, q, r in session.open.values() if not r] + \
            session.waiting

    def on_publish(self, qos, body):
        length, = struct.unpack('>H', body[:2])
        at = 2 + length + 2
        number = body[at - 2:at]
        payload = body[at + len(self.properties):].decode()
        if qos == 2:
            if number not in self.session.incoming:
                self.session.incoming.add(number)
                self.got[payload] += 1
                self.order.append(payload)
            self.send(PUBREC << 4, number)
        else:
            self.got[payload] += 1
            self.order.append(payload)
            self.send(PUBACK << 4, number)

    def offer(self):
        session = self.session
        while (session.subscribed and session.waiting
               and len(session.open) < self.WINDOW):
            payload, qos = session.waiting.pop(0)
            number = session.next_id
            session.next_id += 1
            session.open[number] = [payload, qos, False]
            self.send_message(number, payload, qos)

    def send_message(self, number, payload, qos, dup=0):
        topic = b'down/x'
        self.send(PUBLISH << 4 | qos << 1 | dup,
                  struct.pack('>H', len(topic)) + topic
                  + struct.pack('>H', number) + self.properties
                  + payload.encode())


class Life:
    """What one process said, and how it ended."""

    def __init__(self, test, kill=0, phase='n', down=None, up=None):
        done = subprocess.run(
            [HARNESS, str(test.broker.port), test.directory,
             str(DOWN if down is None else down),
             str(UP if up is None else up), str(kill), phase],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=PATIENCE)
        self.status = done.returncode
        self.lines = done.stdout.splitlines()
        self.errors = done.stderr
        if self.status not in (0, -9):
            test.fail('status %d\n%s%s' % (self.status, done.stdout,
                                           done.stderr))

    def number(self, word):
        return [int(line.split()[1]) for line in self.lines
                if line.startswith(word + ' ')][-1]

    def words(self, word):
        return [line.split()[1] for line in self.lines
                if line.startswith(word + ' ')]


UP = 6
DOWN = 6


class Kills(unittest.TestCase):
    def setUp(self):
        self.broker = None
        self.directory = None
        self.begin()

    def begin(self, down=DOWN):
        self.end()
        self.directory = tempfile.mkdtemp(prefix='gw-kill-')
        self.broker = Broker([('d%d' % i, 2 if i % 3 else 1)
                              for i in range(1, down + 1)])

    def end(self):
        if self.broker:
            self.broker.close()
            self.assertEqual(self.broker.errors, [])
        if self.directory:
            shutil.rmtree(self.directory)

    tearDown = end

    def audit(self, life, doubles=False):
        """Nothing lost, and with QoS 2 nothing doubled."""
        arrived = collections.Counter(life.words('arrived'))
        for i in range(1, DOWN + 1):
            name = 'd%d' % i
            count = arrived.pop(name, 0)
            self.assertGreaterEqual(count, 1, name)
            if i % 3 and not doubles:
                self.assertEqual(count, 1, name)
        self.assertEqual(arrived, {})
        for i in range(1, UP + 1):
            name = 'u%d' % i
            count = self.broker.got[name]
            self.assertGreaterEqual(count, 1, name)
            if i % 2 and not doubles:
                self.assertEqual(count, 1, name)

    def writes_of_a_life(self):
        life = Life(self)
        self.assertEqual(life.status, 0)
        self.audit(life)
        return life.number('writes')

    def test_how_long_the_library_is_held(self):
        """A figure, not a judgement: how long a callback of Paho's, which
        holds its lock, stands in the journal."""
        for phase, durability in (('n', 'batched'), ('s', 'full')):
            self.begin(1000)
            life = Life(self, 0, phase, down=1000, up=0)
            self.assertEqual(life.status, 0)
            slots = [[int(field.split('=')[1]) for field in line.split()[1:]]
                     for line in life.lines if line.startswith('held ')]
            total = sum(count for _, count in slots)
            self.assertEqual(total, 1000)
            for share in (0.5, 0.99, 1):
                seen = 0
                for below, count in slots:
                    seen += count
                    if seen >= share * total:
                        break
                print('%s: %g %% below %d us' % (durability, share * 100,
                                                  below))

    def test_a_kill_at_every_write(self):
        total = self.writes_of_a_life()
        killed = 0
        for phase in 'ha':
            for at in range(1, total + 1):
                with self.subTest(phase=phase, at=at):
                    self.begin()
                    killed += Life(self, at, phase).status == -9
                    life = Life(self)
                    self.assertEqual(life.status, 0)
                    self.audit(life)
        print('%d writes, %d kills' % (total, killed))
        self.assertGreater(killed, total)

    def test_one_kill_after_the_other(self):
        chance = random.Random(17)
        killed = 0
        for turn in range(12):
            with self.subTest(turn=turn):
                self.begin()
                for _ in range(4):
                    killed += Life(self, chance.randrange(1, 25),
                                   chance.choice('bha')).status == -9
                life = Life(self)
                self.assertEqual(life.status, 0)
                self.audit(life)
        print('%d kills' % killed)
        self.assertGreater(killed, 30)

    def test_a_broker_that_forgot_the_session_loses_nothing(self):
        total = self.writes_of_a_life()
        for at in range(1, total + 1, 5):
            with self.subTest(at=at):
                self.begin()
                Life(self, at, 'a')
                self.broker.forget_between_lives()
                life = Life(self)
                self.assertEqual(life.status, 0)
                self.audit(life, doubles=True)

    def test_what_the_journal_refuses_stays_with_the_broker(self):
        total = self.writes_of_a_life()
        failures = broken = 0
        for at in range(2, total + 1, 2):  # the first is the file's head
            with self.subTest(at=at):
                self.begin()
                life = Life(self, at, 'f')
                self.assertEqual(life.status, 0)
                self.audit(life)
                failures += life.number('failures')
                broken += life.lines.count('lost')
        print('%d refused, %d connections broken' % (failures, broken))
        self.assertGreater(failures, 8)
        self.assertGreater(broken, 3)


if __name__ == '__main__':
    unittest.main(verbosity=2)
