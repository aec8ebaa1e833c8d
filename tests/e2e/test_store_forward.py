# SPDX-License-Identifier: MIT
"""The broker is away for ten thousand messages, and the gateway is killed
meanwhile: all of them arrive, in order, those of QoS 2 once."""

import collections

from harness import E2ETest, PATIENCE, fr, main

NODES = 100
EACH = 100


class StoreAndForward(E2ETest):
    BROKER = ("max_inflight_messages 0", "max_queued_messages 0")
    PERSISTENCE = "when stopped"
    CONFIG = {
        "store": {"type": "sqlite", "path": "{directory}/store/gateway.db",
                  "flush_interval": "1s"},
        "upstream": {"reconnect_min": "20ms", "reconnect_max": "200ms"},
        "log": {"level": "info"},
    }

    def publish(self, nodes, numbers):
        """Each node's next message, QoS 1 and 2 in turn, all nodes at once."""
        for number in numbers:
            qos = 1 + number % 2
            for node in nodes:
                node.send_quietly(bytes(fr.publish(
                    node.topic, "%s %d" % (node.client_id, number), qos,
                    number)))
            for node in nodes:
                node.expect(fr.puback(node.topic, number) if qos == 1
                            else fr.pubrec(number))
            if qos == 2:
                for node in nodes:
                    node.send_quietly(bytes(fr.pubrel(number)))
                for node in nodes:
                    node.expect(fr.pubcomp(number))

    def test_ten_thousand_messages_wait_for_the_broker(self):
        # [G12-37] [G12-34] [G12-35]
        ledger = self.mqtt("up/#", 2, client_id="ledger", clean=False)
        nodes = [self.node("n%d" % k).connect(600, clean=False)
                 for k in range(NODES)]
        for node in nodes:
            node.topic = node.register("up/%s" % node.client_id)
        self.broker.stop()
        self.gw.wait_log(r"area=upstream event=lost")
        ledger.wait_closed()

        self.publish(nodes, range(1, EACH // 2))
        self.gw.restart(ready=False)
        line = self.gw.process.lines[
            self.gw.wait_log(r"area=store event=restored")[0]]
        self.assertIn("exchanges=%d " % (NODES * (EACH // 2 - 1)), line)
        self.publish(nodes, range(EACH // 2, EACH + 1))
        # Who comes now is served too, and has no backlog.
        late = self.node("late").connect(600)
        late.topic = late.register("up/late")

        mark = self.gw.mark()
        self.broker.start()
        ledger = self.mqtt(client_id="ledger", clean=False)
        self.assertTrue(ledger.session_present)
        self.gw.wait_up(mark)
        self.publish([late], range(1, 3))
        total = NODES * EACH + 2
        ledger.wait_for(lambda messages: len(messages) >= total,
                        "all of them", 12 * PATIENCE)

        # A broker passes a QoS 2 message on at the end of its handshake, so
        # order is promised for each QoS.
        order = collections.defaultdict(list)
        for message in ledger.messages:
            name, number = message.payload.decode().split()
            self.assertEqual(message.topic, "up/" + name)
            order[name, int(number) % 2].append(int(number))
        for node in nodes:
            for odd in range(2):
                self.assertEqual(order[node.client_id, odd],
                                 list(range(2 - odd, EACH + 1, 2)))
        self.assertEqual(order["late", 0] + order["late", 1], [2, 1])
        places = [k for k, m in enumerate(ledger.messages)
                  if m.topic == "up/late"]
        self.assertEqual(len(ledger.messages), total)
        print("messages of the backlog before those of a node without: %d"
              % places[0])

    def test_kills_while_the_backlog_drains(self):
        # [G12-34]
        ledger = self.mqtt("up/#", 2, client_id="ledger", clean=False)
        nodes = [self.node("n%d" % k).connect(600, clean=False)
                 for k in range(50)]
        for node in nodes:
            node.topic = node.register("up/%s" % node.client_id)
        self.broker.stop()
        self.gw.wait_log(r"area=upstream event=lost")
        ledger.wait_closed()
        self.publish(nodes, range(1, 31))
        self.gw.kill()
        self.broker.start()
        ledger = self.mqtt(client_id="ledger", clean=False)
        self.assertTrue(ledger.session_present)
        self.gw.write({**self.CONFIG, "uplink": {"drain_rate": 1000}})

        # With a window of them on their way, each time.
        for step in range(1, 5):
            self.gw.start(ready=False)
            ledger.wait_for(lambda messages, least=step * 250:
                            len(messages) >= least, "the next of them")
            self.gw.kill()
        self.gw.start()
        wanted = {"%s %d" % (node.client_id, number)
                  for node in nodes for number in range(1, 31)}
        ledger.wait_for(lambda messages: wanted <= {
            m.payload.decode() for m in messages}, "all of them")
        count = collections.Counter(
            m.payload.decode() for m in ledger.messages)
        twice = {text for text, times in count.items() if times > 1}
        self.assertEqual([], [text for text in twice
                              if int(text.split()[1]) % 2 == 1])
        print("of QoS 1 came twice: %d" % len(twice))


if __name__ == "__main__":
    main()
