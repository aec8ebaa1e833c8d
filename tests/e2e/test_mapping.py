# SPDX-License-Identifier: MIT
"""The prefix between what nodes call a topic and what the broker does, and who
may use which topic: as another client of the broker sees it."""

from harness import E2ETest, fr, main


def prefix(text):
    return {"upstream": {"topic_prefix": text}}


class MappingTest(E2ETest):
    def mqtt(self, topic=None, qos=0, port=None, **more):
        """One that sees whole topics, whatever prefix the suite runs with."""
        return super().mqtt(topic, qos, port, raw=True, **more)

    def settle(self, *quiet):
        """A fence by a node's own topics, whatever they are at the broker."""
        if not hasattr(self, "_fence"):
            self._fence = self.node("fence").connect()
            self._fence_topic = self._fence.subscribe("e2e/fence")
        self._fence.send(fr.publish(self._fence_topic, "x"))
        self._fence.expect(fr.publish(self._fence_topic, "x"))
        for node in quiet:
            node.expect_silence()


class Prefix(MappingTest):
    CONFIG = {**prefix("site/{gateway}"),
              "predefined": {"7": "door, open"},
              "topics": {"qos_minus1_short": "yes"}}

    def test_the_broker_has_it_in_front_and_nodes_do_not(self):
        watch = self.mqtt("#")
        n1 = self.node("n1").connect()
        n1.publish1(n1.register("a/b"), "1", 2)
        watch.expect("site/gw-test/a/b", "1")
        n1.send(fr.publish(7, "2", kind=fr.PREDEFINED))
        watch.expect("site/gw-test/door", "2")
        self.node("x").send(fr.publish(7, "3", -1, kind=fr.PREDEFINED))
        watch.expect("site/gw-test/door", "3")

        source = self.mqtt()
        source.publish("site/gw-test/cmd", "kept", 1, retain=True)
        source.publish("cmd", "another's", 1, retain=True)
        source.publish("site/gw-test", "the parent's", 1, retain=True)
        n1.subscribe("#", 1, 3)
        n1.take_publish(n1.take_register("cmd"), "kept", 1, retain=True)
        source.publish("cmd", "another's", 1)
        source.publish("site/gw-test/a/b", "4", 1)
        n1.take_publish(1, "4", 1)
        n1.expect_silence()

    def test_a_will_has_it_too(self):
        watch = self.mqtt("#")
        n1 = self.node("n1")
        n1.send(fr.connect("n1", 1, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("w/n1", 1))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("gone"))
        n1.expect(fr.connack())

        watch.expect("site/gw-test/w/n1", "gone")


class PerNode(MappingTest):
    CONFIG = {**prefix("dev/{client_id}/"), "predefined": {"7": "door, open"}}

    def test_each_node_has_topics_of_its_own(self):
        watch, source = self.mqtt("#"), self.mqtt()
        n1 = self.node("n1").connect(clean=False)
        n2 = self.node("n2").connect()
        source.publish("dev/n1/cmd/x", "kept for n1", 1, retain=True)
        watch.take()
        n2.subscribe("cmd/+", 1)
        n1.subscribe("cmd/+", 1)
        x = n1.take_register("cmd/x")
        n1.take_publish(x, "kept for n1", 1, retain=True)
        source.publish("dev/n2/cmd/y", "for n2", 1)
        y = n2.take_register("cmd/y")
        n2.take_publish(y, "for n2", 1)
        watch.take()
        n1.publish1(n1.register("t", 3), "of n1", 4)
        watch.expect("dev/n1/t", "of n1")
        self.node("x").send(fr.publish(7, "of nobody", -1, kind=fr.PREDEFINED))
        watch.expect("dev/mqttsn-gw-test/door", "of nobody")

        # One leaves; the other's filter stays.
        n2.send(fr.unsubscribe("cmd/+", 9))
        n2.expect(fr.unsuback(9))
        source.publish("dev/n2/cmd/y", "too late", 1)
        source.publish("dev/n1/cmd/x", "still", 1)
        n1.take_publish(x, "still", 1)
        self.settle(n1, n2)

    def test_an_id_that_reaches_out_of_its_level_is_refused(self):
        for name in ("n1/x", "+", "a#", "$SYS"):
            node = self.node(name)
            node.send(fr.connect(name))
            node.expect(fr.connack(fr.NOT_SUPPORTED))
        self.gw.wait_log(r"connect_refused.*not fit for upstream.topic_prefix")


class Access(MappingTest):
    CONFIG = {"access": {"publish": "up/{client_id}/#",
                         "subscribe": "cmd/{client_id}/+, all"},
              "upstream": {"topic_prefix": None}}

    def test_a_node_may_use_what_is_its_own(self):
        watch, source = self.mqtt("#"), self.mqtt()
        n1 = self.node("n1").connect()
        n1.publish1(n1.register("up/n1/t"), "1", 2)
        watch.expect("up/n1/t", "1")
        for name in ("up/n2/t", "up", "up/+/t", "other"):
            n1.send(fr.register(0, 3, name))
            n1.expect(fr.regack(0, 3, fr.NOT_SUPPORTED))
        n1.send(fr.publish("ab", "no", 1, 4, kind=fr.SHORT))
        n1.expect(fr.puback("ab", 4, fr.NOT_SUPPORTED))
        for name in ("cmd/n2/x", "cmd/+/x", "cmd/#", "#"):
            n1.send(fr.subscribe(name, 5, 1))
            n1.expect(fr.suback(0, 5, fr.ANY, fr.NOT_SUPPORTED))
        n1.subscribe("cmd/n1/x", 1, 6)
        every = n1.subscribe("all", 1, 7)
        source.publish("all", "2", 1)
        n1.take_publish(every, "2", 1)

        node = self.node("n2")
        node.send(fr.connect("n2", will=True))
        node.expect(fr.willtopicreq())
        node.send(fr.willtopic("up/n1/w"))
        node.expect(fr.connack(fr.NOT_SUPPORTED))

    def test_a_reload_holds_for_what_was_registered_before(self):
        watch = self.mqtt("#")
        n1 = self.node("n1").connect()
        topic = n1.register("up/n1/t")
        self.gw.write({"access": {"publish": "elsewhere"},
                       "upstream": {"topic_prefix": None}})
        mark = self.gw.mark()
        self.gw.reload()
        self.gw.wait_log("event=reloaded", mark)

        n1.send(fr.publish(topic, "no", 1, 5))
        n1.expect(fr.puback(topic, 5, fr.NOT_SUPPORTED))
        self.assertEqual(watch.pending(), [])


if __name__ == "__main__":
    main()
