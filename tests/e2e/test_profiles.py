# SPDX-License-Identifier: MIT
"""The pages of docs/brokers as they stand, and the limits that they name: a
broker that ends the connection for each never does."""

import os
import re
import ssl
import subprocess

from certificates import Authority
from cloud import LIMITS, Cloud
from harness import PATIENCE, E2ETest, fr, main

PAGES = os.environ["MQTTSN_PAGES"]
TOOLS = os.environ["MQTTSN_TOOLS"]


def page(profile):
    with open(os.path.join(PAGES, profile + ".md"), encoding="utf-8") as file:
        return file.read()


def blocks(profile, language):
    return re.findall(r"```%s\n(.*?)```" % language, page(profile), re.S)


class Profile(E2ETest):
    PROFILE = None

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.close)
        cls.broker_cert = cls.authority.issue("cloud")
        cls.our_cert = cls.authority.issue("gw-plant-7", names=None)

    def begin(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.broker_cert)
        context.load_verify_locations(self.authority.ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        self.broker = Cloud(self.PROFILE, context)
        self.addCleanup(self.broker.close)
        self.addCleanup(self._end_gateways)

    def localized(self, sample):
        """The sample with files that are here, and the broker of the test."""
        files = {"ca_file": self.authority.ca, "cert_file": self.our_cert[0],
                 "key_file": self.our_cert[1],
                 "password_file": self.authority.secret("password", "open\n")}
        config = {}
        for line in sample.splitlines():
            if line.startswith("["):
                section = config.setdefault(line.strip("[]"), {})
            elif line:
                key, value = line.split(" = ", 1)
                if key.endswith("_file"):
                    value = files[key]
                section[key] = value
        config["upstream"]["url"] = "mqtts://localhost:%d" % self.broker.port
        config.setdefault("tls", {})["ca_file"] = self.authority.ca
        config["log"] = {"level": "debug"}
        return config

    def by_the_page(self, **upstream):
        sample, = blocks(self.PROFILE, "ini")
        config = self.localized(sample)
        config["store"] = {"type": "memory"}
        config["upstream"].update(upstream)
        self.gw = self.start_gateway(self.broker.port, config)

    def unharmed(self):
        """No limit was met, and the connection is the one it was."""
        self.assertEqual([], self.broker.exceeded)
        self.assertEqual(0, self.gw.process.count(
            "event=(lost|connect_failed|denied)"))

    def run_page(self):
        sample, = blocks(self.PROFILE, "ini")
        self.assertIn("profile = %s\n" % self.PROFILE, sample)
        self.gw = self.start_gateway(self.broker.port, {
            **self.localized(sample),
            "store": {"type": os.environ["MQTTSN_STORE"],
                      "path": "{directory}/gateway.db"}})
        commands, = blocks(self.PROFILE, "sh")
        for command in commands.splitlines():
            words = command.replace("-p 1883", "-p %d" % self.gw.port).replace(
                "/etc/mqttsn-gateway/gateway.conf", self.gw.file).split()
            words[0] = (os.environ["MQTTSN_GATEWAY"]
                        if words[0] == "mqttsn-gateway"
                        else os.path.join(TOOLS, words[0]))
            done = subprocess.run(words, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True,
                                  timeout=120, check=False)
            self.assertEqual(0, done.returncode, command + "\n" + done.stdout)
        # With a store the tool ends before the broker has it.
        with self.broker.changed:
            self.assertTrue(self.broker.changed.wait_for(
                lambda: any((m.topic, m.payload) == (
                    "plant/boiler/temperature", b"21.5")
                            for m, _ in self.broker.published), PATIENCE))
        self.unharmed()

    def keys_of_page(self):
        """Every key that the page names, there is."""
        known = subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", os.devnull, "--print-config"],
            stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
        for name in re.findall(r"`([a-z]+\.)?([a-z_0-9]+)( = [^`]*)?`",
                               page(self.PROFILE)):
            if name[0] or name[2] or "_" in name[1]:
                self.assertRegex(known, r"(?m)^%s = " % name[1])

    def values_of_page(self):
        """The table's values are those in force."""
        conf = self.authority.path("profile.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write("[upstream]\nprofile = %s\n" % self.PROFILE)
        found = subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", conf, "--print-config"],
            stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
        section = found.split("[upstream]")[1].split("\n[")[0]
        given = dict(re.findall(r"(?m)^(\w+) = (.*?) +; upstream\.profile",
                                section))
        said = dict(re.findall(r"(?m)^\| `(\w+)` \| ([^|]*?) \|",
                               page(self.PROFILE)))
        self.assertEqual(set(given), set(said))
        for key, value in given.items():
            if not key.endswith("_characters"):
                seconds = said[key].replace("1200s", "20m")
                self.assertEqual(value, seconds.replace("1160s", "1160s"))

    def storm(self):
        """Nodes that do all that the broker ends connections for."""
        limits = LIMITS[self.PROFILE]
        self.by_the_page()
        count = 3 * min(limits.get("rate", 60), 60)
        nodes = [self.node("n%d" % i).connect() for i in range(6)]
        for node in nodes:
            node.topic = node.register("plant/%s" % node.client_id)
        for number in range(count // len(nodes) // 3):
            for node in nodes:
                ids = [3 * number + k + 1 for k in range(3)]
                for k, msg_id in enumerate(ids):
                    node.send(fr.publish(node.topic, "x", 2 - k % 2, msg_id,
                                         retain=k == 2))
            for node in nodes:
                self.acknowledged(node, ids)
        node = nodes[0]
        deep = "/".join("a" * (limits.get("levels", 20) + 1))
        node.send(fr.register(0, 901, deep))
        code = fr.NOT_SUPPORTED if "levels" in limits else fr.ACCEPTED
        node.expect(fr.regack(fr.ANY, 901, code))
        node.send(fr.register(0, 902, "t" * 300))
        code = fr.NOT_SUPPORTED if "octets" in limits else fr.ACCEPTED
        node.expect(fr.regack(fr.ANY, 902, code))
        self.subscribe_many(nodes, limits)
        node.fence()
        self.unharmed()

    def acknowledged(self, node, ids):
        wanted = set(ids)
        while wanted:
            octets = node.next()
            kind = fr.kind_of(octets)
            if kind == fr.PUBACK:
                wanted.discard(fr.msg_id_of(octets))
            elif kind == fr.PUBREC:
                node.send(fr.pubrel(fr.msg_id_of(octets)))
            elif kind == fr.PUBCOMP:
                wanted.discard(fr.msg_id_of(octets))

    def subscribe_many(self, nodes, limits):
        refused = 0
        for number in range(60):
            node = nodes[number % len(nodes)]
            node.send(fr.subscribe("s/%d" % number, 1000 + number, 2))
            octets = node.next()
            self.assertEqual(fr.SUBACK, fr.kind_of(octets))
            refused += octets[-1] == fr.CONGESTION
        expected = max(0, 60 - (limits["filters"] - 2)) if "filters" in limits \
            else 0
        self.assertEqual(expected, refused)


class AwsIot(Profile):
    PROFILE = "aws-iot"

    def test_the_page(self):
        self.run_page()
        self.keys_of_page()
        self.values_of_page()

    def test_no_limit_is_met(self):
        self.storm()
        self.assertEqual({1}, {m.qos for m, _ in self.broker.published
                               if m.topic.startswith("plant/")})


class AzureEventGrid(Profile):
    PROFILE = "azure-event-grid"

    def test_the_page(self):
        self.run_page()
        self.keys_of_page()
        self.values_of_page()

    def test_no_limit_is_met(self):
        self.storm()


class HivemqCloud(Profile):
    PROFILE = "hivemq-cloud"

    def test_the_page(self):
        self.run_page()
        self.keys_of_page()
        self.values_of_page()

    def test_no_limit_is_met(self):
        held = []

        def hold(_, message, packet_id):
            """Acknowledges when ten are out, or nothing more comes."""
            if message.qos == 0:
                return True
            held.append((packet_id, message.qos))
            if len(held) == 10:
                for each in held:
                    self.broker.acknowledge(*each)
                held.clear()
            return False

        self.by_the_page()
        self.broker.on_publish = hold
        nodes = [self.node("n%d" % i).connect() for i in range(5)]
        for node in nodes:
            node.topic = node.register("plant/%s" % node.client_id)
            for msg_id in range(1, 5):
                node.send(fr.publish(node.topic, "x", 1 + msg_id % 2, msg_id))
        for node in nodes:
            self.acknowledged(node, range(1, 5))
        self.unharmed()

    def test_other_limits_there_are_none(self):
        self.storm()


class EmqxCloud(Profile):
    PROFILE = "emqx-cloud"

    def test_the_page(self):
        self.run_page()
        self.keys_of_page()
        self.values_of_page()

    def test_no_limit_is_met(self):
        self.storm()


class Overridden(Profile):
    """The broker's limits are real: with a key that says otherwise they are
    met."""

    PROFILE = "aws-iot"

    def test_a_key_replaces_what_the_profile_says(self):
        self.by_the_page(max_qos=2)
        node = self.node().connect()
        node.send(fr.publish(node.register("plant/1"), "x", 2, 7))
        self.gw.wait_log("event=lost")
        self.assertEqual(["QoS 2"], self.broker.exceeded[:1])


class OverriddenRate(Profile):
    PROFILE = "emqx-cloud"

    def test_a_rate_that_is_no_limit_is_not_the_broker_s(self):
        self.by_the_page(publish_rate=0)
        node = self.node().connect()
        topic = node.register("plant/1")
        for number in range(16):
            node.send(fr.publish(topic, str(number)))
        self.gw.wait_log("event=lost")
        self.assertEqual(["11 publishes in a second"], self.broker.exceeded[:1])


del Profile

if __name__ == "__main__":
    main()
