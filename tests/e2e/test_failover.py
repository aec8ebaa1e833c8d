# SPDX-License-Identifier: MIT
"""Several brokers: the next one when one is gone, and back."""

from harness import E2ETest, fr, main
from mqtt import Mqtt


class TwoBrokers(E2ETest):
    def begin(self):
        self.broker = self.start_broker()
        self.second = self.start_broker()
        self.gw = self.start_gateway(self.broker.port, {"upstream": {
            "url": "mqtt://127.0.0.1:%d, mqtt://127.0.0.1:%d" % (
                self.broker.port, self.second.port),
            "reconnect_min": "50ms", "reconnect_max": "100ms"}})

    def goes_to(self, broker, mark=0):
        self.gw.wait_log(r"event=connected .*port=%d" % broker.port, mark)

    def passes(self, broker, node, up, down, msg_id):
        """A message goes up to this broker and another comes down from it."""
        client = Mqtt(broker.port)
        self.addCleanup(client.close)
        client.subscribe("up/1", 1)
        text = "message %d" % msg_id
        node.publish1(up, text, msg_id)
        client.expect("up/1", text, 1)
        # Retained, for the gateway may still be subscribing here.
        client.publish("down/%d" % msg_id, text, 1, retain=True)
        octets = node.next()
        while fr.kind_of(octets) != fr.PUBLISH:
            node.send(fr.regack(fr.topic_id_of(octets), fr.msg_id_of(octets)))
            octets = node.next()
        self.assertEqual(text.encode(), fr.data_of(octets))
        node.send(fr.puback(fr.topic_id_of(octets), fr.msg_id_of(octets)))

    def test_the_next_one_is_taken_with_all_subscriptions(self):
        self.goes_to(self.broker)
        node = self.node().connect()
        up = node.register("up/1")
        down = node.subscribe("down/#", 1)
        self.passes(self.broker, node, up, down, 10)

        mark = self.gw.mark()
        self.broker.kill()
        self.goes_to(self.second, mark)
        self.passes(self.second, node, up, down, 11)

        self.broker.start()
        mark = self.gw.mark()
        self.second.kill()
        self.goes_to(self.broker, mark)
        self.passes(self.broker, node, up, down, 12)

    def test_a_message_under_way_goes_to_the_next_one(self):
        self.goes_to(self.broker)
        node = self.node().connect()
        up = node.register("up/1")
        client = Mqtt(self.second.port)
        self.addCleanup(client.close)
        client.subscribe("up/1", 1)
        self.broker.pause()
        node.send(fr.publish(up, "x", 1, 7))
        node.fence()
        self.broker.kill()
        node.expect(fr.puback(up, 7))
        client.expect("up/1", "x", 1)


if __name__ == "__main__":
    main()
