# SPDX-License-Identifier: MIT
"""A stock broker that keeps its sessions is stopped in order, and at the same
moment the gateway is killed, with QoS 2 under way on both legs. Who was not
answered repeats, as nodes do. In the end each message is there, once and in
order."""

import collections

from harness import E2ETest, PATIENCE, fr, main

NODES = 8
ROUNDS = 6


class BothEnd(E2ETest):
    # Without a limit mosquitto 2.0.11, when it comes back, begins anew with
    # PUBLISH what it had sent PUBREL for.
    BROKER = ("max_inflight_messages 100", "max_queued_messages 0")
    PERSISTENCE = "when stopped"
    CONFIG = {
        "store": {"type": "sqlite", "path": "{directory}/store/gateway.db"},
        "upstream": {"reconnect_min": "20ms", "reconnect_max": "200ms"},
        "log": {"level": "info"},
    }

    def finish(self, node, msg_id, text):
        """Whatever of it the node has heard until now, which is not more than
        PUBREC."""
        node.insist(fr.publish(node.topic, text, 2, msg_id, dup=True),
                    fr.pubrec(msg_id), each=PATIENCE)
        node.insist(fr.pubrel(msg_id), fr.pubcomp(msg_id), each=PATIENCE)

    def end_both(self, broker_first):
        ends = [self.broker.stop, self.gw.kill]
        for end in ends if broker_first else reversed(ends):
            end()
        self.broker.start()
        self.gw.start()

    def test_each_message_is_there_once(self):
        # [G12-34]
        # It is not there while anything ends, so what it gets is what the
        # broker has taken.
        self.mqtt("up/#", 2, client_id="ledger", clean=False).close()
        nodes = [self.node("n%d" % number).connect(600, clean=False)
                 for number in range(NODES)]
        for node in nodes:
            node.topic = node.register("up/" + node.client_id)
        sleeper = self.node("sleeper").connect(600, clean=False)
        sleeper.subscribe("cmd/#", 2)
        command = sleeper.register("cmd/x", 2)
        sleeper.sleep(600)

        for number in range(1, ROUNDS + 1):
            source = self.mqtt()
            source.publish("cmd/x", str(number), 2)
            source.close()
            for node in nodes:
                node.send(fr.publish(node.topic, str(number), 2, number))
            # Of one of them at least the store has it.
            nodes[0].expect(fr.pubrec(number))
            self.end_both(broker_first=number % 2 == 0)
            for node in nodes:
                self.finish(node, number, str(number))

        wanted = [str(number) for number in range(1, ROUNDS + 1)] + ["end"]
        self.mqtt().publish("cmd/x", "end", 2)
        sleeper.connect(600, clean=False)
        for text in wanted:
            sleeper.take_publish(command, text, 2)
        for node in nodes:
            node.send(fr.publish(node.topic, "end", 2, ROUNDS + 1))
            self.finish(node, ROUNDS + 1, "end")
        ledger = self.mqtt(client_id="ledger", clean=False)
        ledger.wait_for(lambda got: sum(m.payload == b"end" for m in got)
                        == NODES, "the last of each node")
        got = collections.defaultdict(list)
        for message in ledger.messages:
            got[message.topic].append(message.payload.decode())
        self.assertEqual(got, {"up/" + node.client_id: wanted
                               for node in nodes})


if __name__ == "__main__":
    main()
