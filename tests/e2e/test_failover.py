# SPDX-License-Identifier: MIT
"""Several brokers: the next one when one is gone, and back."""

import os
import unittest

from harness import E2ETest, fr, main
from mqtt import Mqtt


class TwoBrokers(E2ETest):
    # With a window of 20 towards a subscriber mosquitto 2.0.11 keeps what came
    # behind it until something else comes.
    BROKER = ("max_inflight_messages 0",)
    STORE = {"type": "memory"}

    def begin(self):
        self.broker = self.start_broker(*self.BROKER)
        self.second = self.start_broker(*self.BROKER)
        self.gw = self.start_gateway(self.broker.port, {"upstream": {
            "url": "mqtt://127.0.0.1:%d, mqtt://127.0.0.1:%d" % (
                self.broker.port, self.second.port),
            "reconnect_min": "50ms", "reconnect_max": "100ms"},
            "store": self.STORE})

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

    def publish2(self, node, up, text, msg_id):
        node.send(fr.publish(up, text, 2, msg_id))
        node.expect(fr.pubrec(msg_id))
        node.send(fr.pubrel(msg_id))
        node.expect(fr.pubcomp(msg_id))

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
        node.send(fr.publish(up, "x", 1, 7), fr.pingreq())
        if self.STORE["type"] == "memory":
            node.expect(fr.pingresp())
            self.broker.kill()
            node.expect(fr.puback(up, 7))
        else:  # acknowledged when it is stored
            node.expect_set(fr.pingresp(), fr.puback(up, 7))
            self.broker.kill()
        client.expect("up/1", "x", 1)

    def test_the_first_is_returned_to_with_nothing_lost(self):
        self.gw.terminate()
        self.gw.wait()
        self.broker.kill()
        self.gw = self.start_gateway(self.broker.port, {"upstream": {
            "url": "mqtt://127.0.0.1:%d, mqtt://127.0.0.1:%d" % (
                self.broker.port, self.second.port),
            "return_interval": "300ms", "reconnect_min": "50ms",
            "reconnect_max": "100ms"}, "store": self.STORE})
        self.goes_to(self.second)
        node = self.node().connect()
        up = node.register("up/1")
        down = node.subscribe("down/#", 1)
        mark = self.gw.mark()
        # It is looked for, in vain, and the connection stays.
        for _ in range(2):
            mark = self.gw.wait_log("event=first_unreachable", mark)[0] + 1
        self.passes(self.second, node, up, down, 10)
        self.assertEqual(0, self.gw.process.count("event=lost"))

        taken = Mqtt(self.second.port)
        self.addCleanup(taken.close)
        taken.subscribe("up/1", 2)
        self.broker.start()
        also = Mqtt(self.broker.port)
        self.addCleanup(also.close)
        also.subscribe("up/1", 2)
        count = 0
        while not self.gw.process.count(
                "event=connected .*port=%d" % self.broker.port):
            count += 1
            self.publish2(node, up, str(count), count + 20)
            self.assertLess(count, 3000)
        self.publish2(node, up, "last", 9000)
        also.wait_for(lambda all_: any(m.payload == b"last" for m in all_),
                      "the last message")
        taken.publish("up/1", "end", 2)
        also.publish("up/1", "end", 2)
        got = []
        for client in (taken, also):
            client.wait_for(lambda all_: all_[-1:] and
                            all_[-1].payload == b"end", "the end")
            got += [m.payload for m in client.messages]
        wanted = [str(n).encode() for n in range(1, count + 1)]
        self.assertEqual(wanted, [p for p in got if p.isdigit()])
        self.assertEqual(0, self.gw.process.count("event=lost"))


@unittest.skipIf(os.environ.get("MQTTSN_STORE") != "sqlite", "no SQLite")
class TwoBrokersAndAStore(TwoBrokers):
    STORE = {"type": "sqlite", "path": "{directory}/gateway.db"}


if __name__ == "__main__":
    main()
