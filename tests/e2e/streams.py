# SPDX-License-Identifier: MIT
"""TCP between two ends: who takes connections, and who carries octets."""

import socket
import threading


def end(*sockets):
    """Ends connections; who reads or writes in them finds out."""
    for one in sockets:
        try:
            if one:
                one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def carry(source, sink, limit=None):
    """Octets from one connection to another, until either ends or so many have
    passed; then both are ended."""
    passed = 0
    try:
        while limit is None or passed < limit:
            octets = source.recv(16384 if limit is None else limit - passed)
            if not octets:
                break
            sink.sendall(octets)
            passed += len(octets)
    except OSError:
        pass
    end(source, sink)


def in_background(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


class Acceptor:
    """Takes connections on 'port'; each gets a thread in 'talk', which a
    subclass has. What it needs must be there before this is initialized."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        in_background(self._serve)

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            in_background(self.talk, near)

    def close(self):
        end(self.listener)  # or accept() goes on holding the port
        self.listener.close()
