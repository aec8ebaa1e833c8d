# SPDX-License-Identifier: MIT
"""A network between nodes and a gateway that is not to be relied on."""

import heapq
import random
import select
import socket
import threading
import time


class Proxy:
    """Between nodes and a gateway: a seeded part of the datagrams is lost,
    another part comes twice, another late, so that younger ones overtake it.
    Each node has a socket towards the gateway.

    'in_a_row' bounds how many datagrams of one node and direction are lost one
    after the other; None: as the dice fall."""

    def __init__(self, port, seed, loss=0.3, double=0.1, late=0.0,
                 late_s=0.01, in_a_row=1):
        self.gateway = ("127.0.0.1", port)
        self.random = random.Random(seed)
        self.loss, self.double, self.late = loss, double, late
        self.late_s, self.in_a_row = late_s, in_a_row
        self.passed = self.lost = self.doubled = self.delayed = 0
        self.losses = {}  # in a row, by (node, direction)
        self.held = []    # a heap of (due, number, socket, octets, to)
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.near.bind(("127.0.0.1", 0))
        self.port = self.near.getsockname()[1]
        self.far = {}  # by the node's address
        self.wake, self.waker = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def is_lost(self, *way):
        row = self.losses.get(way, 0)
        lost = (self.random.random() < self.loss
                and (self.in_a_row is None or row < self.in_a_row))
        self.losses[way] = row + 1 if lost else 0
        return lost

    def carry(self, way, out, octets, to):
        """One datagram, on its way to 'to' by the socket 'out'."""
        dice = self.random.random()
        if self.is_lost(*way):
            self.lost += 1
        elif dice < self.late:
            self.delayed += 1
            heapq.heappush(self.held, (time.monotonic() + self.late_s,
                                       self.delayed, out, octets, to))
        else:
            copies = 2 if dice > 1 - self.double else 1
            self.doubled += copies - 1
            self.passed += 1
            for _ in range(copies):
                out.sendto(octets, to)

    def release(self):
        """Sends what was held long enough; how long until the next."""
        while self.held:
            left = self.held[0][0] - time.monotonic()
            if left > 0:
                return left
            _, _, out, octets, to = heapq.heappop(self.held)
            out.sendto(octets, to)
        return None

    def far_socket(self, node):
        if node not in self.far:
            self.far[node] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.far[node].bind(("127.0.0.1", 0))
        return self.far[node]

    def run(self):
        while True:
            ready, _, _ = select.select(
                [self.wake, self.near, *self.far.values()], [], [],
                self.release())
            if self.wake in ready:
                return
            for node, far in list(self.far.items()):
                if far in ready:
                    self.carry((node, "down"), self.near, far.recv(65536),
                               node)
            if self.near in ready:
                octets, node = self.near.recvfrom(65536)
                self.carry((node, "up"), self.far_socket(node), octets,
                           self.gateway)

    def close(self):
        self.waker.send(b"x")
        self.thread.join()
        for each in (self.near, self.wake, self.waker, *self.far.values()):
            each.close()


class Cable:
    """A TCP connection to a broker that a test can cut."""

    def __init__(self, port):
        self.broker = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ends = {}  # each socket's other end
        self.cuts = 0
        self.lock = threading.Lock()
        self.wake, self.waker = socket.socketpair()
        self.running = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def join(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(self.broker)
        except OSError:
            near.close()
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ends[near], self.ends[far] = far, near

    def part(self, end):
        other = self.ends.pop(end, None)
        if other is not None:
            self.ends.pop(other, None)
            end.close()
            other.close()

    def carry(self, end):
        try:
            octets = end.recv(65536)
            if octets:
                self.ends[end].sendall(octets)
                return
        except OSError:
            pass
        self.part(end)

    def run(self):
        while self.running:
            ready, _, _ = select.select(
                [self.wake, self.listener, *self.ends], [], [])
            with self.lock:
                if self.wake in ready:
                    self.wake.recv(64)
                    for end in list(self.ends):
                        self.part(end)
                    continue
                if self.listener in ready:
                    self.join()
                for end in ready:
                    if end in self.ends:
                        self.carry(end)

    def cut(self):
        """Ends the connections there are, wherever they are at."""
        self.cuts += 1
        self.waker.send(b"x")

    def close(self):
        self.running = False
        self.waker.send(b"x")
        self.thread.join()
        for each in (self.listener, self.wake, self.waker):
            each.close()
