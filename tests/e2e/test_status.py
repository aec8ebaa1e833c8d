# SPDX-License-Identifier: MIT
"""What the gateway says of itself at the broker, below [status] prefix."""

import json
import signal

from harness import E2ETest, fr, main

PREFIX = "status/gw-test"
CONFIG = {"status": {"enabled": "yes", "prefix": "status/{gateway}",
                     "interval": "1s"}}


class StatusTest(E2ETest):
    CONFIG = CONFIG

    def mqtt(self, topic=None, qos=0, port=None, **more):
        """These topics are the gateway's own, and have no prefix."""
        return super().mqtt(topic, qos, port, raw=True, **more)


class State(StatusTest):
    def test_it_is_online_and_then_in_order_offline(self):
        watch = self.mqtt(PREFIX + "/state")
        watch.expect(PREFIX + "/state", "online")
        self.mqtt(PREFIX + "/state").expect(PREFIX + "/state", "online",
                                            retain=True)

        self.gw.terminate()
        self.gw.wait()

        watch.expect(PREFIX + "/state", "offline")
        self.mqtt(PREFIX + "/state").expect(PREFIX + "/state", "offline",
                                            retain=True)

    def test_the_broker_says_it_when_the_gateway_cannot(self):
        watch = self.mqtt(PREFIX + "/state")
        watch.expect(PREFIX + "/state", "online")

        self.gw.process.signal(signal.SIGKILL)
        watch.expect(PREFIX + "/state", "offline", retain=False)
        self.mqtt(PREFIX + "/state").expect(PREFIX + "/state", "offline",
                                            retain=True)

        self.gw.restart()
        watch.expect(PREFIX + "/state", "online")


class Statistics(StatusTest):
    def test_they_are_json_with_every_counter(self):
        node = self.node("n1").connect()
        node.publish1(node.register("a/b"), "x", 2)
        watch = self.mqtt(PREFIX + "/stats")

        said = json.loads(watch.take().payload)

        self.assertEqual(said["name"], "gw-test")
        self.assertEqual(said["sessions"], 1)
        self.assertEqual(said["counters"]["connects_accepted"], 1)
        self.assertIn("down_foreign", said["counters"])
        later = json.loads(watch.take().payload)
        self.assertGreaterEqual(later["uptime_s"], said["uptime_s"])


class Events(StatusTest):
    def test_nodes_come_sleep_and_leave(self):
        watch = self.mqtt(PREFIX + "/events")
        names = ["n1", 'a "b"\\c', "umläut/+"]
        for name in names:
            node = self.node(name).connect(60)
            node.sleep(300)
            node.send(fr.disconnect())
            node.expect(fr.disconnect())
        for name in names:
            for event in ("connected", "asleep", "disconnected"):
                said = json.loads(watch.take().payload)
                self.assertEqual((said["event"], said["client"]),
                                 (event, name))
                if event == "asleep":
                    self.assertEqual(said["duration_s"], 300)

    def test_a_lost_node_is_one(self):
        watch = self.mqtt(PREFIX + "/events")
        self.node("n1").connect(1)
        self.assertEqual(json.loads(watch.take().payload)["event"],
                         "connected")
        said = json.loads(watch.take().payload)
        self.assertEqual((said["event"], said["reason"]),
                         ("lost", "keepalive"))

    def test_many_at_once_are_a_number(self):
        watch = self.mqtt(PREFIX + "/#")
        for i in range(150):
            self.node("n%d" % i).connect()
        # One that comes in a flood is not there to displace what nodes say.
        watch.wait_for(
            lambda all_: any(
                m.topic.endswith("/stats")
                and json.loads(m.payload)["sessions"] == 150
                and json.loads(m.payload)["events_dropped"] > 0
                for m in all_),
            "statistics with events_dropped")
        events = [m for m in watch.messages if m.topic.endswith("/events")]
        self.assertGreaterEqual(len(events), 100)


class Denied(StatusTest):
    def begin(self):
        self.broker = self.start_broker("acl_file {acl}", files={
            "acl": "topic readwrite ok/#\ntopic readwrite mqttsn-gw/#\n"})
        self.gw = self.start_gateway(self.broker.port, {
            **CONFIG, "upstream": {"topic_prefix": None}})

    def test_a_broker_that_denies_the_topics_costs_nodes_nothing(self):
        watch = self.mqtt("ok/#")
        node = self.node("n1").connect()
        node.publish1(node.register("ok/x"), "y", 2)
        watch.expect("ok/x", "y")


class Off(StatusTest):
    CONFIG = {}

    def test_nothing_is_said_by_default(self):
        watch = self.mqtt("#")
        node = self.node("n1").connect()
        node.publish1(node.register("a"), "b", 2)
        self.gw.terminate()
        self.gw.wait()
        topics = {m.topic.split("/")[-1] for m in watch.messages}
        self.assertFalse(topics & {"state", "stats", "events"}, topics)


if __name__ == "__main__":
    main()
