# SPDX-License-Identifier: MIT
"""Each allocation of the daemon's own code fails in turn, once or from then
on, over start, traffic in both directions, a sleeper, a reload and the end.

A daemon that cannot start says why and ends with its own status; one that runs
goes on and serves again as soon as there is memory, and in no case does it
crash. The engine is not concerned: it takes its memory at the start.

With other ways to the broker it is done again for what only they ask for: the
places in the code that the first life never came by.
"""

import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
from http.client import HTTPException

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from certificates import Authority  # noqa: E402
from harness import E2ETest, Gateway, fr, main  # noqa: E402
from processes import (PATIENCE, SANITIZER, Process,  # noqa: E402
                       end_with_parent, free_port)
from web import Web  # noqa: E402

READY = re.compile(r"event=ready(\s|$)")
# What a daemon that does not start has to say.
SAID = re.compile(r"memory")
# On disk where that is built.
STORE = {"type": os.environ["MQTTSN_STORE"]}
if STORE["type"] == "sqlite":
    STORE.update(path="{directory}/store/gateway.db", flush_interval="1s")


class FailingGateway(Gateway):
    """Started, and nothing waited for: it may not come up."""

    def start(self, ready=True):
        self.process = Process(
            "gateway", [os.environ["MQTTSN_FAILING_GATEWAY"], "-c", self.file],
            env=self.env)


class Life(E2ETest):
    """One broker for all gateways; each run judges its own."""

    ASKERS_MAX = 4096  # allocations of which it is known who asked
    BASE = {
        "log": {"level": "info"},
        "retry": {"interval": "1s", "count": 3},
        "predefined": {"7": "pre/seven, open"},
        # Little to clear at each start.
        "limits": {"max_sessions": "16"},
        "store": STORE,
    }

    def begin(self):
        self.broker = self.start_broker(*self.broker_lines(), quiet=True)
        self.watch = self.mqtt("up/#", 1)
        self.source = self.mqtt()
        file = tempfile.NamedTemporaryFile()
        self.addCleanup(file.close)
        self.counts = file.name
        self.config = {
            **self.BASE, "topics": {"predefined_file": self.topics()}}

    def broker_lines(self):
        """Lines of its configuration."""
        return ()

    def allocations(self):
        with open(self.counts, "rb") as file:
            return struct.unpack("=I", file.read(4))[0]

    def askers(self):
        """The place in the code that asked for each of them."""
        with open(self.counts, "rb") as file:
            file.seek(4)
            places = struct.unpack("=%dI" % self.ASKERS_MAX, file.read())
        self.assertLess(self.allocations(), self.ASKERS_MAX)
        return places[:self.allocations()]

    def launch(self, order):
        with open(self.counts, "wb") as file:
            file.write(bytes(4 + 4 * self.ASKERS_MAX))
        self.gw = FailingGateway(self.broker.port, self.config, env={
            "GW_FAULT": order, "GW_FAULT_COUNT": self.counts})

    def topics(self):
        return self.broker.file("topics.csv", "*, pre/nine, 9\n")

    def judge(self, what):
        """The end of a daemon that was asked to end."""
        status = self.gw.wait()
        spoke = [line for line in self.gw.process.lines
                 if SANITIZER.search(line)]
        if status != 0 or spoke:
            self.fail("%s: status %d\n%s" % (
                what, status, self.gw.process.tail()))

    def converse(self, number):
        """What a gateway is for; every request is repeated as nodes do."""
        name = "n%d" % number
        node = self.node(name)
        node.insist(fr.connect(name, 60, True), fr.connack(), each=0.5)
        node.insist(fr.register(0, 1, "up/x"), fr.regack(fr.ANY, 1), each=0.5)
        topic_id = fr.topic_id_of(node.received[-1])
        node.insist(fr.publish(topic_id, name, 1, 2),
                    fr.puback(topic_id, 2), each=0.5,
                    again=fr.publish(topic_id, name, 1, 2, dup=True))
        self.watch.wait_for(
            lambda got: any(m.payload == name.encode() for m in got), name)
        node.insist(fr.subscribe("cmd/" + name, 3, 1),
                    fr.suback(fr.ANY, 3, 1, fr.ACCEPTED), each=0.5)
        self.command(node, "first", fr.pingreq())
        node.insist(fr.disconnect(300), fr.disconnect(), each=0.5)
        self.command(node, "second", fr.pingreq(name))

    def command(self, node, text, ask):
        """A message may be dropped (and counted) where there is no memory for
        it: the publisher says it again until it is there."""
        for _ in range(10):
            self.source.publish("cmd/" + node.client_id, text, 1)
            node.send(ask)
            while True:
                octets = node.receive(timeout=0.3)
                if octets is None:
                    break
                # Also one of those that were said too often before.
                if octets[1] == fr.PUBLISH:
                    node.send(fr.puback(fr.topic_id_of(octets),
                                        fr.msg_id_of(octets)))
                if fr.publish(fr.ANY, text, 1, fr.ANY).matches(octets):
                    return
        self.fail("%s never came\n%s\n%s" % (
            text, node.story(), self.gw.process.tail()))

    def started(self, what):
        """Whether it came up; if not, it has said why."""
        try:
            self.gw.wait_log(READY)
            return True
        except AssertionError:
            pass
        status = self.gw.wait()
        lines = self.gw.process.lines
        if (status not in (1, 2) or not any(map(SAID.search, lines))
                or any(map(SANITIZER.search, lines))):
            self.fail("%s: status %d\n%s" % (
                what, status, self.gw.process.tail()))
        return False

    def reload(self):
        start = self.gw.mark()
        self.gw.reload()
        self.gw.wait_log(r"event=(reloaded|reload_failed)", start)

    def whole_life(self, order, serves):
        """Start, traffic, reload, end. 'serves': there is memory again."""
        self.launch(order)
        try:
            if not self.started(order):
                return "refused to start"
            if serves:
                self.gw.wait_up()
                self.up_at = self.allocations()
                self.converse(self.up_at)
            else:
                # What needs no memory goes on.
                self.node("stranger").insist(fr.pingreq(), fr.disconnect())
            self.reload_at = self.allocations()
            self.reload()
            self.gw.terminate()
            self.judge(order)
            return "served"
        except AssertionError as error:
            return "failed with GW_FAULT=%s: %s" % (order, error)
        finally:
            self.gw.close()

    def sweep(self, mode, serves, numbers):
        """A life for each of these; the outcomes."""
        outcomes = [self.whole_life("%s:%d" % (mode, number), serves)
                    for number in numbers]
        for outcome in sorted(set(outcomes)):
            print("%s: of %d allocations: %d times %s" % (
                mode, len(outcomes), outcomes.count(outcome), outcome))
        return set(outcomes)


class Allocation(Life):
    def all_of_them(self):
        self.assertEqual(self.whole_life("none", True), "served")
        return range(1, self.allocations() + 1)

    def test_one_allocation_fails(self):
        outcomes = self.sweep("at", True, self.all_of_them())
        # The sweep has reached both the start and what comes after it.
        self.assertEqual(outcomes, {"refused to start", "served"})

    def test_all_allocations_fail_from_one_on(self):
        outcomes = self.sweep("from", False, self.all_of_them())
        self.assertEqual(outcomes, {"refused to start", "served"})


class OtherWay(Life):
    """What only another way to the broker asks for."""

    LEAST = 0  # allocations that are its own

    def way(self):
        """Sections of its configuration."""
        raise NotImplementedError

    def is_own(self, number, asker):
        return asker not in self.known

    def own(self):
        self.assertEqual(self.whole_life("none", True), "served")
        self.known = set(self.askers())
        for section, keys in self.way().items():
            self.config[section] = {**self.config.get(section, {}), **keys}
        self.assertEqual(self.whole_life("none", True), "served")
        numbers = [number for number, asker in enumerate(self.askers(), 1)
                   if self.is_own(number, asker)]
        self.assertGreaterEqual(len(numbers), self.LEAST)
        return numbers

    def sweep_both(self):
        numbers = self.own()
        outcomes = (self.sweep("at", True, numbers)
                    | self.sweep("from", False, numbers))
        self.assertLessEqual(outcomes, {"refused to start", "served"})


class Transparent(OtherWay):
    """And what is asked for while nodes are served: it may be for one."""

    LEAST = 20

    def is_own(self, number, asker):
        return (self.up_at < number <= self.reload_at
                or super().is_own(number, asker))

    def way(self):
        return {"upstream": {"mode": "transparent"},
                "store": {"type": "memory"}}

    def test_a_connection_for_each_node(self):
        self.sweep_both()


class Mqtt5(OtherWay):
    def way(self):
        return {"upstream": {"protocol": "5"}}

    def test_the_other_version_of_mqtt(self):
        self.sweep_both()


class Tls(OtherWay):
    LEAST = 5

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.close)

    def broker_lines(self):
        self.tls_port = free_port()
        cert, key = self.authority.issue("broker")
        return ("listener %d 127.0.0.1" % self.tls_port, "certfile " + cert,
                "keyfile " + key, "cafile " + self.authority.ca,
                "require_certificate true")

    def way(self):
        cert, key = self.authority.issue("gateway")
        return {
            "upstream": {
                "url": "mqtts://127.0.0.1:%d" % self.tls_port,
                "username": "gateway",
                "password_file": self.authority.secret("password", "x\n")},
            "tls": {
                "ca_file": self.authority.ca, "cert_file": cert,
                "key_file": self.authority.lock(key, "sesame"),
                "key_password_file": self.authority.secret("lock", "sesame\n"),
                "alpn": "mqtt", "server_name": "localhost",
                "ciphers": "ECDHE+AESGCM"}}

    def test_everything_that_tls_can_be_told(self):
        self.sweep_both()


@unittest.skipUnless(os.environ["MQTTSN_HTTP"] == "yes", "no HTTP here")
class Http(OtherWay):
    """The server beside it, and who looks through it."""

    LEAST = 5
    PATHS = {"/metrics": 200, "/healthz": 200, "/api/v1/status": 200,
             "/api/v1/clients?limit=1": 200, "/nothing": 404}

    def way(self):
        return {"http": {"bind": "127.0.0.1:0"}}

    def converse(self, number):
        super().converse(number)
        if "http" in self.config:
            for path, status in self.PATHS.items():
                self.look(path, status)

    def look(self, path, status):
        """A look may fail, and the connection with it; one more does not."""
        for _ in range(5):
            try:
                if Web(self.gw).get(path).status == status:
                    return
            except (OSError, HTTPException):
                pass
        self.fail("%s is not answered\n%s" % (path, self.gw.process.tail()))

    def test_the_http_server(self):
        self.sweep_both()


class Tools(E2ETest):
    """The command-line tools: one asks for memory, the others never do."""

    ASKS = re.compile(r"\bU (malloc|calloc|realloc|strn?dup)\b")

    def test_all_but_one_ask_for_none(self):
        for name in ("discover", "forwarder", "pub", "sub"):
            path = os.path.join(os.environ["MQTTSN_TOOLS"], "mqttsn-" + name)
            wanted = subprocess.run(["nm", "-u", path], capture_output=True,
                                    text=True, check=True).stdout
            self.assertIn("U recv", wanted)
            self.assertFalse(self.ASKS.search(wanted), wanted)

    def measure(self, order):
        with tempfile.NamedTemporaryFile() as counts:
            counts.write(bytes(4))
            counts.flush()
            done = subprocess.run(
                [os.environ["MQTTSN_FAILING_BENCH"], "--mode", "up", "-n", "3",
                 "-h", "127.0.0.1", "-p", str(self.gw.port), "--broker-port",
                 str(self.broker.port), "--count", "10", "-q", "1"],
                env={**os.environ, "GW_FAULT": order,
                     "GW_FAULT_COUNT": counts.name},
                capture_output=True, text=True, timeout=3 * PATIENCE,
                preexec_fn=end_with_parent, check=False)
            counts.seek(0)
            return done, struct.unpack("=I", counts.read(4))[0]

    def test_the_one_that_measures_says_that_there_is_none(self):
        done, total = self.measure("none")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(total, 5)
        for mode in ("at", "from"):
            for number in range(1, total + 1):
                with self.subTest(mode=mode, number=number):
                    done, _ = self.measure("%s:%d" % (mode, number))
                    self.assertFalse(SANITIZER.search(done.stderr),
                                     done.stderr)
                    # Its own ceiling it can do without.
                    if done.returncode == 0 and mode == "at":
                        self.assertNotIn("ceiling", done.stdout)
                        continue
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertRegex(done.stderr, SAID)


if __name__ == "__main__":
    main()
