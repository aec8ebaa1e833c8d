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

    def test_packets_may_share_a_frame(self):
        self.through()
        self.together()

    def test_packets_may_share_a_frame_of_tls(self):
        self.through(scheme="wss", cert=self.cert)
        self.together()

    def together(self):
        """What the broker sends while the bridge stands still comes as one
        frame; nothing of it waits for the next one."""
        above = self.mqtt()
        node = self.node().connect()
        down = node.subscribe("down/1")
        self.settle()
        self.bridge.pause()
        for number in range(9):
            above.publish("down/1", str(number))
        above.publish("down/none", "", 1)
        self.bridge.resume()
        for number in range(9):
            node.take_publish(down, str(number))

    def test_a_connection_may_end_within_a_frame(self):
        self.through()
        above = self.mqtt()
        node = self.node().connect()
        down = node.subscribe("down/1", 1)
        for size in (1, 2, 3, 7, 15, 40):
            mark = self.gw.mark()
            self.bridge.break_at = size
            above.publish("down/1", "x" * 60, 1)
            self.gw.wait_log("event=lost", mark)
            self.bridge.break_at = None
            self.gw.wait_up(mark)
            node.take_publish(down, "x" * 60, 1)
        self.publishes()

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
