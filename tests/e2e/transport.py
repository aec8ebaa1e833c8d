# SPDX-License-Identifier: MIT
"""How gateways of the suite reach their brokers: MQTTSN_TEST_TRANSPORT is tcp,
tls, ws or wss. With any but tcp a bridge stands before each broker, so that no
test can tell."""

import atexit
import os

from certificates import Authority
from websocket import Bridge

TRANSPORT = os.environ.get("MQTTSN_TEST_TRANSPORT", "tcp")
SCHEMES = {"tcp": "mqtt", "tls": "mqtts", "ws": "ws", "wss": "wss"}


class Way:
    """To all brokers of a test."""

    def __init__(self):
        self.bridges = {}
        self.cert = self.ca = None
        if TRANSPORT in ("tls", "wss"):
            authority = Authority()
            atexit.register(authority.close)
            self.ca = authority.ca
            self.cert = authority.issue("bridge")

    def url(self, port):
        """Of the broker at that port of loopback."""
        if TRANSPORT != "tcp":
            if port not in self.bridges:
                self.bridges[port] = Bridge(port, self.cert,
                                            framed=TRANSPORT != "tls")
                atexit.register(self.bridges[port].close)
            port = self.bridges[port].port
        return "%s://127.0.0.1:%d" % (SCHEMES[TRANSPORT], port)


WAY = Way()
