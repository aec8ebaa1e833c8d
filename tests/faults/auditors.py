# SPDX-License-Identifier: MIT
"""Nodes that number every message, and keep on through kills of the gateway.

Each runs on a thread of its own, follows the specification, repeats what is not
answered, and never connects again: whoever kills the gateway is not to be
noticed. What it sent and got stays in its ledger; 'state' says what it is at,
for whoever asks at the moment of a kill.
"""

import threading

import frames as fr
from node import Node
from processes import PATIENCE

EACH = 0.25  # seconds until something is sent again


class Auditor(threading.Thread):
    """A node with a session that lasts, and something that it does."""

    def __init__(self, port, client_id, up):
        super().__init__(daemon=True)
        self.node = Node(port, client_id)
        self.up = up  # an event: the gateway is there
        self.state = "idle"
        self.stop = threading.Event()
        self.progress = 0  # answers had
        self.complaints = []
        self.msg_id = 0

    def begin(self):
        self.node.connect(3600, clean=False)
        self.prepare()
        self.start()

    def prepare(self):
        pass

    def next_id(self):
        self.msg_id = self.msg_id % 65535 + 1
        return self.msg_id

    def send(self, message):
        try:
            self.node.send(message)
        except ConnectionRefusedError:
            pass

    def receive(self):
        """What comes within EACH; None: nothing, or the gateway is away."""
        try:
            octets = self.node.receive(timeout=EACH)
        except ConnectionRefusedError:
            self.up.wait(PATIENCE)
            return None
        if octets is not None and octets[1] == fr.DISCONNECT and \
                not self.asked_to_go():
            self.complain("it was told DISCONNECT")
        return octets

    def asked_to_go(self):
        """A DISCONNECT has come: whether it is the answer to one."""
        return False

    def complain(self, text):
        self.complaints.append("%s: %s\n%s" % (
            self.name_in_ledger(), text, self.node.story()))
        self.stop.set()

    def name_in_ledger(self):
        return self.node.client_id

    def insist(self, request, again, *answers):
        """Sends until one of the answers is there; its octets. None: it was
        to stop, or was not answered in time."""
        self.send(request)
        silences = 0
        while silences < 6 * PATIENCE / EACH:
            octets = self.receive()
            if octets is None:
                if self.stop.is_set() and self.complaints:
                    return None
                silences += 1
                self.send(again)
                continue
            for answer in answers:
                if answer.matches(octets):
                    self.progress += 1
                    return octets
            self.other(octets)
        self.complain("not answered")
        return None

    def other(self, octets):
        """Something else came."""

    def run(self):
        try:
            while not self.stop.is_set():
                self.turn()
        except Exception as error:  # told by the test, on its own thread
            self.complain(repr(error))

    def turn(self):
        raise NotImplementedError


class Publisher(Auditor):
    """Publishes to up/ID, one message after the other."""

    def __init__(self, port, client_id, up, qos):
        super().__init__(port, client_id, up)
        self.qos = qos
        self.sent = 0
        self.allowed = threading.Semaphore(0)  # messages
        self.accepted = []
        self.refused = 0

    def prepare(self):
        self.topic_id = self.node.register("up/" + self.node.client_id)

    def end(self):
        """Ends what is open, and itself."""
        self.stop.set()
        self.allowed.release()
        self.join(6 * PATIENCE)

    def turn(self):
        self.allowed.acquire()
        if self.stop.is_set():
            return
        text = "%d" % self.sent
        msg_id = self.next_id()
        self.sent += 1
        self.state = "PUBLISH qos %d open" % self.qos
        answer = self.insist(
            fr.publish(self.topic_id, text, self.qos, msg_id),
            fr.publish(self.topic_id, text, self.qos, msg_id, dup=True),
            fr.puback(self.topic_id, msg_id, fr.ANY), fr.pubrec(msg_id))
        if answer is None:
            return
        if answer[1] == fr.PUBACK and answer[-1] != fr.ACCEPTED:
            self.refused += 1
            return
        self.accepted.append(text)
        if self.qos == 2:
            self.state = "PUBREL open"
            self.insist(fr.pubrel(msg_id), fr.pubrel(msg_id),
                        fr.pubcomp(msg_id))
        self.state = "idle"


class Subscriber(Auditor):
    """Takes what comes for down/#, awake all the time."""

    def __init__(self, port, client_id, up):
        super().__init__(port, client_id, up)
        self.names = {}
        self.open2 = set()
        self.got = []  # (topic, payload, qos), in order

    def prepare(self):
        self.node.subscribe("down/#", 2, self.next_id())

    def other(self, octets):
        kind = octets[1]
        if kind == fr.REGISTER:
            topic_id, msg_id = fr.topic_id_of(octets), fr.msg_id_of(octets)
            self.names[topic_id] = octets[6:].decode()
            self.send(fr.regack(topic_id, msg_id))
            self.state = "REGACK sent"
        elif kind == fr.PUBLISH:
            self.take(octets)
        elif kind == fr.PUBREL:
            self.open2.discard(fr.msg_id_of(octets))
            self.send(fr.pubcomp(fr.msg_id_of(octets)))
            self.progress += 1
            self.state = "PUBCOMP sent"

    def take(self, octets):
        qos, msg_id = octets[2] >> 5 & 3, int.from_bytes(octets[5:7], "big")
        topic_id = int.from_bytes(octets[3:5], "big")
        message = (self.names.get(topic_id), octets[7:].decode(), qos)
        if qos == 1:
            self.got.append(message)
            self.send(fr.puback(topic_id, msg_id))
            self.progress += 1
            self.state = "PUBACK sent"
        elif qos == 2:
            if msg_id not in self.open2:
                self.got.append(message)
            self.open2.add(msg_id)
            self.send(fr.pubrec(msg_id))
            self.state = "PUBREC sent"

    def turn(self):
        octets = self.receive()
        if octets is not None:
            self.other(octets)
        else:
            self.state = "idle"


class Sleeper(Subscriber):
    """The same, but asleep until the bell rings."""

    def __init__(self, port, client_id, up):
        super().__init__(port, client_id, up)
        self.bell = threading.Event()
        self.asked = 0  # DISCONNECTs without an answer

    def send(self, message):
        self.asked += bytes(message)[1] == fr.DISCONNECT
        super().send(message)

    def asked_to_go(self):
        """Each repetition may have an answer, which may come late."""
        self.asked -= 1
        return self.asked >= 0

    def turn(self):
        self.state = "going to sleep"
        if self.insist(fr.disconnect(3600), fr.disconnect(3600),
                       fr.disconnect()) is None:
            return
        self.state = "asleep"
        self.bell.wait()
        self.bell.clear()
        self.state = "awake"
        ping = fr.pingreq(self.node.client_id)
        self.insist(ping, ping, fr.pingresp())
        self.asked = 0  # what comes late came before
