# SPDX-License-Identifier: MIT
"""A broker that ends the connection when a limit is exceeded, as services in
clouds do; and says which."""

import struct
import time

from mqtt import FakeBroker

# What is in docs/brokers; written down here once more, since a test that took
# it from the gateway would find it right.
LIMITS = {
    "aws-iot": {"qos": 1, "rate": 100, "levels": 8, "octets": 256,
                "filters": 50, "keep_alive": (30, 1200), "client_id": 128,
                "per_subscribe": 8, "connect_interval": 1.0,
                "certificate": True},
    "azure-event-grid": {"qos": 1, "rate": 1000, "levels": 8, "octets": 256,
                         "filters": 50, "keep_alive": (0, 1160),
                         "client_id": 128, "retain": False, "username": True,
                         "certificate": True},
    "hivemq-cloud": {"window": 10, "username": True},
    "emqx-cloud": {"rate": 10, "levels": 10, "filters": 10,
                   "username": True},
}


class Exceeded(ConnectionError):
    pass


class Cloud(FakeBroker):
    """Behind TLS; 'exceeded' is why it ended connections."""

    def __init__(self, profile, context):
        self.service = LIMITS[profile]
        self.context = context
        self.exceeded = []
        self.names = []
        self.filters = set()
        self.times = []  # of publishes
        self.attempts = []
        self.open = set()  # packet ids without acknowledgement
        context.sni_callback = lambda _, name, __: self.names.append(name)
        super().__init__()

    def over(self, what):
        self.exceeded.append(what)
        raise Exceeded(what)

    def wrap(self, client):
        try:
            client = self.context.wrap_socket(client, server_side=True)
        except OSError as error:
            self.exceeded.append("no TLS: %s" % error)
            return client
        if self.service.get("certificate") and not client.getpeercert():
            self.exceeded.append("no certificate")
        if not self.names or not self.names[-1]:
            self.exceeded.append("no server name")
        return client

    def look(self, head, body):
        kind, limits = head >> 4, self.service
        if kind == 1:
            self.connect(body)
        elif kind == 3:
            qos, size = head >> 1 & 3, struct.unpack(">H", body[:2])[0]
            self.topic(body[2:2 + size])
            if qos > limits.get("qos", 2):
                self.over("QoS %d" % qos)
            if head & 1 and not limits.get("retain", True):
                self.over("Retain")
            now = time.monotonic()
            self.times = [at for at in self.times if at > now - 1] + [now]
            if len(self.times) > limits.get("rate", 1 << 30):
                self.over("%d publishes in a second" % len(self.times))
            if qos:
                self.open.add(struct.unpack(">H", body[2 + size:4 + size])[0])
            if len(self.open) > limits.get("window", 1 << 16):
                self.over("%d publishes at a time" % len(self.open))
        elif kind == 6:
            self.open.discard(struct.unpack(">H", body)[0])
        elif kind == 8:
            self.subscribe(body[2:])
        elif kind == 10:
            size = struct.unpack(">H", body[2:4])[0]
            self.filters.discard(body[4:4 + size])

    def acknowledge(self, packet_id, qos):
        if qos == 1:
            self.open.discard(packet_id)
        super().acknowledge(packet_id, qos)

    def connect(self, body):
        self.open.clear()
        limits = self.service
        flags, keep_alive, size = struct.unpack(">BHH", body[7:12])
        client_id = body[12:12 + size]
        low, high = limits.get("keep_alive", (0, 65535))
        if not low <= keep_alive <= high:
            self.over("keep alive %d" % keep_alive)
        if not 0 < size <= limits.get("client_id", 65535):
            self.over("client id of %d octets" % size)
        if limits.get("username") and not flags & 0x80:
            self.over("no user name")
        now = time.monotonic()
        if (self.attempts and now - self.attempts[-1]
                < limits.get("connect_interval", 0)):
            self.over("CONNECT %s again" % client_id)
        self.attempts.append(now)
        if flags & 2:
            self.filters.clear()

    def topic(self, name):
        if len(name) > self.service.get("octets", 65535):
            self.over("topic of %d octets" % len(name))
        if name.count(b"/") + 1 > self.service.get("levels", 65535):
            self.over("topic of %d levels" % (name.count(b"/") + 1))

    def subscribe(self, rest):
        count = 0
        while rest:
            size = struct.unpack(">H", rest[:2])[0]
            name, qos, rest = rest[2:2 + size], rest[2 + size], rest[3 + size:]
            self.topic(name)
            if qos > self.service.get("qos", 2):
                self.over("SUBSCRIBE with QoS %d" % qos)
            self.filters.add(name)
            count += 1
        if count > self.service.get("per_subscribe", 1 << 16):
            self.over("%d filters in a SUBSCRIBE" % count)
        if len(self.filters) > self.service.get("filters", 1 << 16):
            self.over("%d subscriptions" % len(self.filters))
