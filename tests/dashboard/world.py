# SPDX-License-Identifier: MIT
"""A made-up gateway with made-up nodes, as docs/api.md has it.

Everything about them follows from their numbers, so that a test knows what it
must find. Times are those of this process' monotonic clock.
"""

import time

KINDS = ("boiler", "door", "meter", "pump", "soil", "tank", "valve")
TOPICS = ("temperature", "state", "battery", "flow", "level")
COUNTERS = (
    "rx_datagrams", "tx_datagrams", "tx_retransmissions", "up_publishes",
    "down_delivered", "drop_queue_full", "drop_expired", "up_refused_topic",
    "up_unknown_topic", "up_congestion", "up_rejected", "up_qos0_dropped",
    "up_drop_full", "up_drop_expired", "up_drop_rejected")


class Made:
    """One node. 'heard' and 'changed' are seconds ago at its beginning."""

    def __init__(self, client_id, state="active", heard=10, duration=60,
                 changed=4000, waiting=0, oldest=0, topics=3, address=None):
        self.client_id = client_id
        self.state = state
        self.born = time.monotonic()
        self.heard = heard
        self.duration = duration
        self.changed = changed
        self.waiting = waiting
        self.oldest = oldest
        self.topics = topics
        self.address = address
        self.filters = 1 + topics % 2

    def ages(self):
        """(seconds since it was heard, until it is due or None)."""
        age = time.monotonic() - self.born
        heard = self.heard + age
        if self.state not in ("active", "asleep"):
            return heard, None
        if self.duration > 0:
            # It keeps its word, again and again, if it is not late.
            if self.heard < self.duration:
                heard %= self.duration
            return heard, self.duration - heard
        return heard, None


def ordinary(number):
    """The node of that number: of 200, one is overdue and some sleep."""
    kind = KINDS[number % len(KINDS)]
    name = "%s-%d" % (kind, number // len(KINDS) + 1)
    address = "10.%d.%d.%d:%d" % (20 + number // 60000, number // 250 % 250,
                                  1 + number % 250, 20000 + number % 40000)
    if number % 200 == 143:
        return Made(name, "lost", 3600 * (1 + number % 5) + number % 3000,
                    300, changed=3300, waiting=2, oldest=3000,
                    address=address)
    if number % 9 == 4:
        return Made(name, "disconnected", 7200 + number * 7 % 50000, 0,
                    changed=7200, address=None)
    if number % 97 == 13:
        return Made(name, "awake", 0, 900, changed=1, waiting=3, oldest=700,
                    address=address)
    if number % 2:
        return Made(name, "asleep", number * 37 % 850, 900,
                    changed=number * 37 % 850,
                    waiting=number * 7 % 5 if number % 3 == 0 else 0,
                    oldest=number * 37 % 850, topics=2 + number % 4,
                    address=address)
    return Made(name, "active", number * 13 % 55, 60, topics=2 + number % 6,
                address=address)


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "\"><script>document.title='taken'</script>",
    "../../status?x=1#y",
    "'; DROP TABLE nodes; --",
    "%2e%2e%2f%00",
    "a\u202egnp.exe",
    "\u0007bell and\nline",
    "constructor", "__proto__",
    "x" * 200,
)


class World:
    def __init__(self, count=40, extra=()):
        self.begun = time.monotonic()
        self.before = 273_000  # seconds that it had run by then
        self.nodes = {}
        for node in [ordinary(i) for i in range(count)] + list(extra):
            self.nodes[node.client_id] = node
        self.events = []
        self.link = "up"
        self.tokens = False  # there is a file of them
        self.rates = {"rx_datagrams": 61, "tx_datagrams": 44,
                      "up_publishes": 38.5, "down_delivered": 4.2,
                      "tx_retransmissions": 0.4, "drop_expired": 0.05}

    def say(self, event, client="", ago=0, **more):
        said = {"number": len(self.events) + 1, "at": time.monotonic() - ago,
                "level": "info", "event": event}
        if client:
            said["client"] = client
        self.events.append({**said, **more})

    def restart(self, count):
        """Another process, without a store, and other nodes."""
        self.before = 0
        self.begun = time.monotonic()
        self.events = []
        self.nodes = {node.client_id: node
                      for node in map(ordinary, range(count))}

    def uptime(self):
        return time.monotonic() - self.begun + self.before

    def counters(self):
        past = self.uptime()
        return {name: int(self.rates.get(name, 0) * past)
                for name in COUNTERS}
