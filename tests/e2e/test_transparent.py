# SPDX-License-Identifier: MIT
"""A connection to the broker for each node: what a node asks for it has at the
broker, under its own client id, and what befalls one befalls no other."""

import os
import re
import subprocess
import tempfile

from certificates import Authority
from harness import PATIENCE, E2ETest, Mqtt, fr, main
from processes import free_port
from proxy import Cable


def users(*names):
    """A password file of mosquitto's: everybody's is sesame."""
    with tempfile.NamedTemporaryFile("r", encoding="ascii") as out:
        for name in names:
            subprocess.run(["mosquitto_passwd", "-b", out.name, name, "sesame"],
                           check=True, capture_output=True)
        with open(out.name, encoding="ascii") as written:
            return written.read()


class Transparent(E2ETest):
    CONFIG = {"upstream": {"mode": "transparent", "reconnect_min": "50ms",
                           "reconnect_max": "200ms", "upstream_timeout": "5s"}}

    def broker_says(self, pattern, start=0):
        return self.broker.process.wait_line(pattern, start)[0] + 1


class Connection(Transparent):
    def test_a_node_is_known_to_the_broker_by_its_own_id(self):
        # c1: the clean-session flag as the node gave it
        self.node("n1").connect(clean=False)
        self.broker_says(r"New client connected from \S+ as n1 \(p[25], c0")
        n2 = self.node("n2").connect(clean=True)
        self.broker_says(r"New client connected from \S+ as n2 \(p[25], c1")

        n2.send(fr.disconnect())
        n2.expect(fr.disconnect())
        self.broker_says(r"Client n2 disconnected\.$")

    def test_a_publish_goes_by_the_nodes_own_connection(self):
        watch = self.mqtt("#", 2)
        n1 = self.node("n1").connect()
        topic = n1.register("t/1")

        n1.send(fr.publish(topic, "zero"))
        watch.expect("t/1", "zero", 0)
        n1.publish1(topic, "one", 7)
        watch.expect("t/1", "one", 1)
        n1.send(fr.publish(topic, "two", 2, 8))
        n1.expect(fr.pubrec(8))
        n1.send(fr.pubrel(8))
        n1.expect(fr.pubcomp(8))
        watch.expect("t/1", "two", 2)
        self.broker_says(r"Received PUBLISH from n1 \(d0, q2")

    def test_a_subscription_is_the_brokers(self):
        self.mqtt().publish("t/kept", "old", 1, True)
        n1, n2 = self.node("n1").connect(), self.node("n2").connect()
        topic = n1.subscribe("t/kept", 1)
        self.broker_says(r"\bt/kept \(QoS 1\)")
        n1.take_publish(topic, "old", 1, retain=True)
        other = n2.subscribe("t/#", 2)
        self.assertEqual(other, 0)
        topic = n2.take_register("t/kept")
        n2.take_publish(topic, "old", 1, retain=True)

        self.mqtt().publish("t/kept", "new", 2)
        n1.take_publish(fr.ANY, "new", 1)
        n2.take_publish(topic, "new", 2)
        n1.fence()
        n2.fence()

        n2.send(fr.unsubscribe("t/#", 9))
        n2.expect(fr.unsuback(9))
        self.broker_says(r"Received UNSUBSCRIBE from n2")
        self.mqtt().publish("t/kept", "newer", 1)
        n1.take_publish(fr.ANY, "newer", 1)
        n2.fence()

    def test_the_broker_keeps_the_session_of_a_node_that_is_away(self):
        n1 = self.node("n1").connect(clean=False)
        topic = n1.subscribe("t/1", 1)
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())
        self.broker_says(r"Client n1 disconnected")
        self.mqtt().publish("t/1", "kept by the broker", 1)

        n1.send(fr.connect("n1", 60, False))
        n1.expect(fr.connack())

        got = n1.take_register("t/1")
        self.assertEqual(got, topic)
        n1.take_publish(topic, "kept by the broker", 1)

    def test_a_sleeper_keeps_its_connection_and_gets_its_messages(self):
        n1 = self.node("n1").connect()
        topic = n1.subscribe("t/1", 1)
        n1.sleep(300)
        self.mqtt().publish("t/1", "while it slept", 1)
        # Nobody but the gateway can have said so: the node sleeps.
        self.broker_says(r"Received PUBACK from n1")

        n1.fetch(topic, "while it slept", 1)
        self.assertEqual(self.broker.process.count("Client n1 (disc|closed)"),
                         0)

    def test_the_will_is_published_once_and_the_connection_closed(self):
        # [G12-29]
        watch = self.mqtt("w/#", 2)
        n1 = self.node("n1")
        n1.send(fr.connect("n1", 1, True, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("w/1", 1, True))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("gone"))
        n1.expect(fr.connack())
        self.broker_says(r"Will message specified \(4 bytes\) \(r1, q1\)")

        watch.expect("w/1", "gone", 1)
        self.broker_says(r"Client n1 disconnected\.$")
        n2 = self.node("n2").connect()
        n2.publish1(n2.register("w/fence"), "f", 1)
        watch.expect("w/fence", "f")

    def test_the_broker_has_the_will_when_the_gateway_dies(self):
        # [G12-29]
        watch = self.mqtt("w/#", 2)
        n1 = self.node("n1")
        n1.send(fr.connect("n1", 600, True, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("w/1", 1))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("old"))
        n1.expect(fr.connack())
        n1.send(fr.willmsgupd("newer"))
        n1.expect(fr.willmsgresp())
        self.broker_says(r"Will message specified \(5 bytes\)")

        self.gw.kill()

        watch.expect("w/1", "newer", 1)

    def test_qos_minus_1_goes_by_the_gateways_connection(self):
        self.gw.terminate()
        self.gw.wait()
        self.gw = self.start_gateway(self.broker.port, {
            **self.CONFIG, "predefined": {"7": "open/7, open"}})
        watch = self.mqtt("open/7")
        n1 = self.node("n1")

        n1.send(fr.publish(7, "x", 3, kind=fr.PREDEFINED))

        watch.expect("open/7", "x", 0)
        self.broker_says(r"Received PUBLISH from mqttsn-gw-test ")

    def test_the_gateways_own_id_is_no_nodes(self):
        n1 = self.node("mqttsn-gw-test")
        n1.send(fr.connect("mqttsn-gw-test", 60))
        n1.expect(fr.connack(fr.NOT_SUPPORTED))

    def test_a_node_that_starts_over_does_so_at_the_broker(self):
        n1 = self.node("n1").connect(clean=False)
        n1.subscribe("t/1", 1)
        start = self.broker.process.mark()

        n1.connect(clean=True)

        self.broker_says(r"New client connected from \S+ as n1 \(p[25], c1", start)
        self.mqtt().publish("t/1", "x", 1)
        n1.fence()


class Limit(Transparent):
    CONFIG = {"upstream": {"mode": "transparent"},
              "transparent": {"max_connections": 2, "client_id": "gw-{client_id}"}}

    def test_beyond_max_connections_a_node_is_told_to_come_later(self):
        n1, n2 = self.node("n1").connect(), self.node("n2").connect()
        self.broker_says(r"New client connected from \S+ as gw-n1 ")
        n3 = self.node("n3")

        n3.send(fr.connect("n3", 60))
        n3.expect(fr.connack(fr.CONGESTION))

        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())
        n3.insist(fr.connect("n3", 60), fr.connack())
        n2.fence()


class Ids(Transparent):
    CONFIG = {"upstream": {"mode": "transparent", "client_id": "gateway",
                           "max_client_id": 8,
                           "client_id_characters": "abcdefghijklmnopqrstuvwxyz-"
                                                   "0123456789"},
              "transparent": {"client_id": "gw-{client_id}"}}

    def test_what_the_broker_would_not_take_it_is_not_asked_for(self):
        for client_id in ("longer", "a.b"):
            node = self.node(client_id)
            node.send(fr.connect(client_id, 60))
            node.expect(fr.connack(fr.NOT_SUPPORTED))
        self.node("short").connect()
        self.broker_says(r"New client connected from \S+ as gw-short ")
        self.assertEqual(0, self.broker.process.count("longer|gw-a.b"))


class Credentials(Transparent):
    def begin(self):
        self.broker = self.start_broker(
            "allow_anonymous false", "password_file {users}", "acl_file {acl}",
            files={"users": users("gw", "one"),
                   "acl": "user gw\ntopic readwrite #\nuser one\n"
                          "topic readwrite only/one/#\n"})
        word = self.broker.file("word", "sesame\n")
        os.chmod(word, 0o600)
        rows = self.broker.file("rows", "# who nodes are\nn1, one, %s\n"
                                "bad-*, nobody, %s\n" % (word, word))
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": {"mode": "transparent", "username": "gw",
                         "password_file": word, "credentials_file": rows}})

    def test_each_node_is_who_the_file_says(self):
        n1 = self.node("n1").connect()
        self.broker_says(r"as n1 \(p[25], c1, k60, u'one'\)")
        n1.publish1(n1.register("only/two/x", 1), "forbidden", 1)
        self.broker_says(r"Denied PUBLISH from n1 ")
        n1.publish1(n1.register("only/one/x", 2), "allowed", 2)
        self.broker_says(r"Received PUBLISH from n1 .*only/one/x")
        self.node("n2").connect()
        self.broker_says(r"as n2 \(p[25], c1, k60, u'gw'\)")
        bad = self.node("bad-1")
        bad.send(fr.connect("bad-1", 60))
        bad.expect(fr.connack(fr.NOT_SUPPORTED))


class Certificates(Transparent):
    """Who a node is, is what its certificate says."""

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.close)

    def begin(self):
        cert, key = self.authority.issue("broker")
        self.tls_port = free_port()
        self.broker = self.start_broker(
            "listener %d 127.0.0.1" % self.tls_port, "certfile %s" % cert,
            "keyfile %s" % key, "cafile %s" % self.authority.ca,
            "require_certificate true", "use_identity_as_username true")
        own, one, many = (self.authority.issue(name, names=None)
                          for name in ("gw", "one", "many"))
        rows = self.authority.secret(
            "rows", "n1, , %s, %s\nn*, ignored, %s, %s\n" % (*one, *many))
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": {"mode": "transparent",
                         "url": "mqtts://localhost:%d" % self.tls_port,
                         "credentials_file": rows},
            "tls": {"ca_file": self.authority.ca, "cert_file": own[0],
                    "key_file": own[1]}})

    def test_each_node_shows_its_own(self):
        self.broker_says(r"as mqttsn-gw-test \(.*u'gw'\)")
        for name, who in (("n1", "one"), ("n2", "many"), ("n3", "many"),
                          ("other", "gw")):
            node = self.node(name).connect()
            self.broker_says(r"as %s \(.*u'%s'\)" % (name, who))
            node.publish1(node.register("t/" + name), "x", 2)


class Own(Transparent):
    """What a node publishes, and subscribes to."""

    CONFIG = {"upstream": {"mode": "transparent", "protocol": "5"},
              "client n1": {"no_local": "yes"}}

    def test_what_it_publishes_does_not_come_back_if_it_is_said_so(self):
        n1, n2 = self.node("n1").connect(), self.node("n2").connect()
        mine, others = n1.subscribe("t/1", 1), n2.subscribe("t/1", 1)

        n2.send(fr.publish(others, "of n2", 1, 7))
        n2.expect_set(fr.puback(others, 7),
                      fr.publish(others, "of n2", 1, fr.ANY))
        n2.send(fr.puback(others, fr.msg_id_of(n2.received[-1])
                          if fr.kind_of(n2.received[-1]) == fr.PUBLISH else
                          fr.msg_id_of(n2.received[-2])))
        n1.take_publish(mine, "of n2", 1)
        n1.publish1(mine, "of n1", 8)
        n2.take_publish(others, "of n1", 1)
        n1.fence()


class Outage(Transparent):
    def test_established_nodes_stay_and_new_ones_come_later(self):
        n1 = self.node("n1").connect(clean=True)
        n1.subscribe("t/1", 1)
        topic = n1.register("t/2", 2)
        n1.sleep(600)
        start = self.gw.mark()
        self.broker.kill()
        self.gw.wait_log(r"event\W+lost\W+client\W+n1\b", start)

        n1.send(fr.pingreq("n1"))
        n1.expect(fr.pingresp())
        n2 = self.node("n2")
        n2.send(fr.connect("n2", 60))
        n2.expect(fr.connack(fr.CONGESTION))
        n1.send(fr.connect("n1", 60, False))
        n1.expect(fr.connack())
        n1.send(fr.publish(topic, "waits", 1, 5))

        self.broker.start()
        n1.expect(fr.puback(topic, 5))
        # The broker had forgotten the session: the subscription is made again.
        self.broker_says(r"\bt/1 \(QoS 1\)")
        self.mqtt().publish("t/1", "again", 1)
        n1.take_publish(fr.ANY, "again", 1)
        n2.insist(fr.connect("n2", 60), fr.connack())

    def test_a_connection_that_is_cut_disturbs_no_other(self):
        n1, n2 = self.node("n1").connect(), self.node("n2").connect()
        topic1, topic2 = n1.subscribe("t/1", 1), n2.subscribe("t/2", 1)
        up = n2.register("up/2", 3)
        start = self.gw.mark()
        sub = self.mqtt()

        for round_ in range(5):
            # Whoever takes a client id takes its connection; and when he leaves
            # it is made again.
            thief = Mqtt(self.broker.port, "n1")
            sub.publish("t/2", "%d" % round_, 1)
            n2.take_publish(topic2, "%d" % round_, 1)
            n2.publish1(up, "echo %d" % round_, 20 + round_)
            start = self.gw.wait_log(r"event\W+lost\W+client\W+n1\b",
                                     start)[0] + 1
            thief.close()
            start = self.gw.wait_log(r"event\W+connected\W+client\W+n1\b",
                                     start)[0] + 1
        self.assertEqual(
            len([line for line in self.gw.process.lines
                 if re.search(r"event\W+lost\W+client\W+(n2|mqttsn)", line)]), 0)
        n1.insist(fr.publish(topic1, "mine", 1, 99), fr.puback(topic1, 99),
                  each=PATIENCE / 6)

    def test_who_is_lost_with_all_others_has_no_rival(self):
        cable = Cable(self.broker.port)
        self.addCleanup(cable.close)
        self.gw = self.start_gateway(cable.port, self.CONFIG)
        n1, n2 = self.node("n1").connect(), self.node("n2").connect()
        for _ in range(4):
            start = len(self.broker.process.lines)
            cable.cut()
            for who in ("n1", "n2", "mqttsn-gw-test"):
                self.broker_says(r"New client connected \S+ \S+ as %s " % who,
                                 start)
        for node in (n1, n2):
            node.publish1(node.register("a/b"), "x", 9)
        self.assertEqual([line for line in self.gw.process.lines
                          if "taken_over" in line], [])


class Stop(Transparent):
    def test_every_connection_is_closed_in_order(self):
        for k in range(10):
            self.node("n%d" % k).connect(clean=bool(k % 2))

        self.gw.terminate()
        self.assertEqual(self.gw.process.wait(), 0)

        for k in range(10):
            self.broker_says(r"Client n%d disconnected\.$" % k)
        self.broker_says(r"Client mqttsn-gw-test disconnected\.$")

    def test_a_connection_that_cannot_be_closed_holds_nothing_up(self):
        n1 = self.node("n1").connect()
        topic = n1.register("a/b")
        self.broker.pause()
        n1.send(fr.publish(topic, "stays", 1, 7))
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())

        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        self.broker.resume()


if __name__ == "__main__":
    main()
