# SPDX-License-Identifier: MIT
"""MQTT over WebSocket, with and without TLS."""

from certificates import Authority
from harness import E2ETest, main
from websocket import Bridge


class WebSocketTest(E2ETest):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.close)
        cls.cert = cls.authority.issue("bridge")

    def begin(self):
        self.broker = self.start_broker()

    def through(self, path="", scheme="ws", host="127.0.0.1", ready=True,
                at="/mqtt", **more):
        self.bridge = Bridge(self.broker.port, path=at, **more)
        self.addCleanup(self.bridge.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": {"url": "%s://%s:%d%s" % (scheme, host,
                                                  self.bridge.port, path),
                         "reconnect_min": "50ms", "reconnect_max": "100ms"},
            "tls": {"ca_file": self.authority.ca} if scheme == "wss" else {}},
            ready=ready)

    def publishes(self, size=5):
        above = self.mqtt("up/#", qos=2)
        node = self.node().connect()
        topic = node.register("up/1")
        down = node.subscribe("down/1", qos=1)
        for number in range(20):
            text = ("%03d" % number).ljust(size, "x")
            node.publish1(topic, text, number + 1)
            above.expect("up/1", text, qos=1)
            above.publish("down/1", text, qos=1)
            node.take_publish(down, text, 1)

    def test_messages_pass(self):
        self.through()
        self.publishes()
        self.assertIn("GET /mqtt HTTP/1.1", self.bridge.requests[0][0])
        self.assertEqual("mqtt", self.bridge.requests[0][1][
            "sec-websocket-protocol"])

    def test_messages_of_several_hundred_octets_pass(self):
        self.through()
        self.publishes(size=900)

    def test_messages_pass_through_tls(self):
        self.through(scheme="wss", cert=self.cert)
        self.publishes()
        self.publishes(size=900)

    def test_a_path_is_asked_for(self):
        self.through("/broker/7", at="/broker/7")
        self.assertIn("GET /broker/7 HTTP/1.1", self.bridge.requests[0][0])

    def test_packets_may_be_spread_over_frames(self):
        self.through(fragment=3)
        self.publishes()

    def test_a_ping_is_answered(self):
        self.through(ping=True)
        self.publishes()
        self.assertGreater(self.bridge.pongs, 0)

    def test_it_connects_again(self):
        self.through()
        for _ in range(3):
            mark = self.gw.mark()
            self.bridge.cut()
            self.gw.wait_log("event=lost", mark)
            self.gw.wait_up(mark)
        self.publishes()


if __name__ == "__main__":
    main()
