# SPDX-License-Identifier: MIT
"""An HTTP proxy on the way to the broker."""

import base64
import socket

from certificates import Authority
from harness import E2ETest, main
from streams import Acceptor, carry, in_background
from websocket import Bridge


class Proxy(Acceptor):
    """Takes CONNECT, with the credentials if there are any, and nothing else."""

    def __init__(self, credentials=None):
        self.credentials = credentials
        self.asked = []
        self.refused = 0
        super().__init__()

    def talk(self, near):
        head = b""
        while b"\r\n\r\n" not in head:
            octets = near.recv(4096)
            if not octets:
                near.close()
                return
            head += octets
        lines = head.decode().split("\r\n")
        self.asked.append(lines[0])
        host, port = lines[0].split()[1].rsplit(":", 1)
        if self.credentials and not self._knows(lines):
            self.refused += 1
            near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            near.close()
            return
        far = socket.create_connection((host, int(port)))
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        in_background(carry, near, far)
        in_background(carry, far, near)

    def _knows(self, lines):
        wanted = base64.b64encode(self.credentials.encode()).decode()
        return any(line.lower().startswith("proxy-authorization: basic ")
                   and line.split()[-1] == wanted for line in lines)


class Through(E2ETest):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.close)
        cls.cert = cls.authority.issue("broker")

    def begin(self):
        self.broker = self.start_broker()

    def through(self, scheme, port, credentials=None, ready=True, **upstream):
        self.proxy = Proxy(credentials)
        self.addCleanup(self.proxy.close)
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": {"url": "%s://localhost:%d" % (scheme, port),
                         "proxy": "http://127.0.0.1:%d" % self.proxy.port,
                         **upstream},
            "tls": {"ca_file": self.authority.ca}}, ready=ready)

    def bridge(self, **more):
        bridge = Bridge(self.broker.port, **more)
        self.addCleanup(bridge.close)
        self.addCleanup(self._end_gateways)
        return bridge.port

    def publishes(self, port):
        above = self.mqtt("up/1", 1)
        node = self.node().connect()
        node.publish1(node.register("up/1"), "hello", 7)
        above.expect("up/1", "hello", 1)
        self.assertEqual({"CONNECT localhost:%d HTTP/1.1" % port},
                         set(self.proxy.asked))

    def test_mqtt_goes_through(self):
        self.through("mqtt", self.broker.port)
        self.publishes(self.broker.port)

    def test_tls_goes_through_and_the_broker_is_proven(self):
        port = self.bridge(cert=self.cert, framed=False)
        self.through("mqtts", port)
        self.publishes(port)

    def test_a_websocket_goes_through(self):
        port = self.bridge()
        self.through("ws", port)
        self.publishes(port)

    def test_name_and_password_are_given_as_they_are(self):
        word = "p@ss:w%rd/"
        self.through("mqtt", self.broker.port, "us er@x:" + word,
                     proxy_username="us er@x",
                     proxy_password_file=self.authority.secret("word", word))
        self.publishes(self.broker.port)
        self.assertEqual(0, self.proxy.refused)

    def test_a_proxy_that_refuses_is_named(self):
        self.through("mqtt", self.broker.port, "a:b", ready=False)
        self.gw.wait_log("event=connect_failed .* proxy=yes")
        self.assertEqual(0, self.gw.process.count("event=connected"))

    def test_the_environment_says_nothing(self):
        proxy = Proxy()
        self.addCleanup(proxy.close)
        url = "http://127.0.0.1:%d" % proxy.port
        self.gw = self.start_gateway(self.broker.port, env={
            "http_proxy": url, "https_proxy": url,
            "PAHO_C_CLIENT_USE_HTTP_PROXY": "TRUE"})
        self.assertEqual([], proxy.asked)


if __name__ == "__main__":
    main()
