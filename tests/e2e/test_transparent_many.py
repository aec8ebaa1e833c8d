# SPDX-License-Identifier: MIT
"""Five hundred nodes with a connection each, and a thousand: all come, all are
served, all come back after the broker was killed, all are closed in order."""

import resource

from harness import E2ETest, fr, main

DESCRIPTORS = 4096  # a socket for each node here, and for each at the broker


class Many(E2ETest):
    COUNT = 500

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
            self.skipTest("no more than %d descriptors" % hard)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (max(soft, DESCRIPTORS), hard))
        super().setUp()

    def begin(self):
        self.broker = self.start_broker(quiet=True)
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": {"mode": "transparent", "reconnect_min": "50ms",
                         "reconnect_max": "500ms"},
            "transparent": {"max_connections": self.COUNT},
            "log": {"level": "info"}})

    def test_all_are_served_and_all_come_back(self):
        watch = self.mqtt("up/#", 1)
        nodes = [self.node("n%d" % k) for k in range(self.COUNT)]
        for node in nodes:
            node.send(fr.connect(node.client_id, 600, True))
        for node in nodes:
            node.expect(fr.connack())
        up, down = {}, {}
        for node in nodes:
            up[node] = node.register("up/" + node.client_id, 1)
            down[node] = node.subscribe("down/" + node.client_id, 1, 2)

        def all_publish(text, msg_id):
            for node in nodes:
                node.send(fr.publish(up[node], text, 1, msg_id))
            for node in nodes:
                node.expect(fr.puback(up[node], msg_id))
            watch.wait_for(
                lambda messages: {m.topic for m in messages
                                  if m.payload == text.encode()}
                == {"up/" + node.client_id for node in nodes}, text)

        all_publish("first", 3)
        sender = self.mqtt()
        for node in nodes:
            sender.publish("down/" + node.client_id, node.client_id, 1)
        for node in nodes:
            node.take_publish(down[node], node.client_id, 1)

        self.broker.kill()
        self.broker.start()
        watch = self.mqtt("up/#", 1)
        all_publish("second", 4)
        # Their subscriptions, too.
        sender = self.mqtt()
        for node in nodes:
            self.broker_has(sender, node)
        self.gw.terminate()
        self.assertEqual(self.gw.process.wait(), 0)
        self.assertRegex("\n".join(self.gw.process.lines[-3:]),
                         r"event\W+stopped.*broker_told\W+yes")

    def broker_has(self, sender, node):
        """Subscribed anew: what is published reaches the node."""
        for attempt in range(50):
            sender.publish("down/" + node.client_id, "%d" % attempt, 1)
            octets = node.receive(timeout=0.2)
            if octets is not None:
                node.send(fr.puback(fr.topic_id_of(octets),
                                    fr.msg_id_of(octets)))
                return
        self.fail("%s is not subscribed any more" % node.client_id)


class Thousand(Many):
    COUNT = 1000


if __name__ == "__main__":
    main()
