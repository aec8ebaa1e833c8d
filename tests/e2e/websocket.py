# SPDX-License-Identifier: MIT
"""A WebSocket in front of a broker: Debian's mosquitto has none."""

import base64
import hashlib
import select
import socket
import ssl
import struct
import threading

from streams import Acceptor, end, in_background

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


class Bridge(Acceptor):
    """Takes WebSockets, with TLS if there is a certificate, and carries what
    is in them to the broker and back. 'fragment' cuts each frame to the client
    into pieces of so many octets; 'ping' sends a ping before each. What is not
    'framed' goes through as it is: then only TLS ends here."""

    def __init__(self, port, cert=None, path="/mqtt", fragment=None, ping=False,
                 framed=True):
        self.to = ("127.0.0.1", port)
        self.framed = framed
        self.path, self.fragment, self.ping = path, fragment, ping
        self.context = None
        if cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*cert)
        self.break_at = None  # octets of a frame, after which it all ends
        self.requests = []
        self.pongs = 0
        self.ends = []
        self.going = threading.Event()
        self.going.set()
        super().__init__()

    def talk(self, near):
        far = None
        try:
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                near = self.context.wrap_socket(near, server_side=True)
            # A broker that is not there has nobody who takes connections.
            far = socket.create_connection(self.to)
            if self.framed:
                self._upgrade(near)
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends += [near, far]
            in_background(self._down, far, near)
            self._up(near, far)
        except (OSError, ConnectionError, ValueError):
            pass
        end(near, far)

    def _upgrade(self, near):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._some(near)
        lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        keys = dict(line.split(": ", 1) for line in lines[1:] if line)
        self.requests.append((lines[0], fields))
        if lines[0].split()[1] != self.path:
            near.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")
            raise ConnectionError
        answer = base64.b64encode(hashlib.sha1(
            keys["Sec-WebSocket-Key"].encode() + GUID).digest()).decode()
        near.sendall((
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
            "Sec-WebSocket-Protocol: mqtt\r\n\r\n" % answer).encode())

    @staticmethod
    def _some(source, most=16384):
        octets = source.recv(most)
        if not octets:
            raise ConnectionError
        return octets

    def _exactly(self, near, count):
        octets = b""
        while len(octets) < count:
            octets += self._some(near, count - len(octets))
        return octets

    def _up(self, near, far):
        while not self.framed:
            far.sendall(self._some(near))
        while True:
            first, size = self._exactly(near, 2)
            if not size & 0x80:
                raise ValueError("a client's frame must be masked")
            size &= 0x7F
            if size == 126:
                size, = struct.unpack(">H", self._exactly(near, 2))
            elif size == 127:
                size, = struct.unpack(">Q", self._exactly(near, 8))
            mask = self._exactly(near, 4)
            data = bytes(octet ^ mask[i % 4] for i, octet
                         in enumerate(self._exactly(near, size)))
            if first & 15 == CLOSE:
                return
            if first & 15 == PONG:
                self.pongs += 1
            else:
                far.sendall(data)

    @staticmethod
    def frame(kind, data):
        size = (bytes([len(data)]) if len(data) < 126
                else b"\x7e" + struct.pack(">H", len(data)))
        return bytes([0x80 | kind]) + size + data

    def _down(self, far, near):
        try:
            while True:
                select.select([far], [], [])
                self.going.wait()
                data = self._some(far)
                step = self.fragment or len(data)
                if not self.framed:
                    near.sendall(data)
                    continue
                if self.break_at is not None:
                    near.sendall(self.frame(BINARY, data)[:self.break_at])
                    break
                for at in range(0, len(data), step):
                    if self.ping:
                        near.sendall(self.frame(PING, b"there?"))
                    near.sendall(self.frame(BINARY, data[at:at + step]))
        except (OSError, ConnectionError):
            pass
        end(far, near)

    def pause(self):
        """What the broker sends piles up."""
        self.going.clear()

    def resume(self):
        self.going.set()

    def cut(self):
        """Ends the connections there are."""
        end(*self.ends)
        self.ends = []

    def close(self):
        super().close()
        self.cut()
