# SPDX-License-Identifier: MIT
"""The dashboard of the real daemon, with a real broker and nodes; and whether
the gateway of the other tests, which is made up, speaks as this one does."""

import os
import sys
import tempfile

from page_test import BrowserTest, main

import harness
from harness import E2ETest, fr
from mock import TOKEN, Answers
from web import Web
from world import Made, World


DURABLE = os.environ.get("MQTTSN_STORE") == "sqlite"


class GatewayTest(E2ETest, BrowserTest):
    CONFIG = {"http": {"bind": "127.0.0.1:0"}}
    if DURABLE:
        CONFIG["store"] = {"type": "sqlite", "path": "{directory}/gateway.db"}

    def begin(self):
        super().begin()
        self.web = Web(self.gw)
        self.world = World(0)

    def populate(self):
        """One that is active, one that sleeps with a message, and one that
        is lost."""
        active = self.node("n-active").connect()
        active.publish1(active.register("a/b"), "x", 2)
        sleeper = self.node("n-asleep").connect(clean=False)
        sleeper.subscribe("cmd/asleep", 1)
        sleeper.sleep(900)
        self.node("n-silent").connect(1, clean=False)
        self.mqtt().publish("cmd/asleep", "on", qos=1)
        self.gw.wait_log("event=client_lost client=n-silent")
        self.web.wait("/api/v1/clients/n-asleep",
                      lambda a: a.json["queue_messages"] == 1)


class Seen(GatewayTest):
    def test_one_that_is_forgotten_when_it_is_lost_is_named(self):
        b = self.browser
        self.node("n-clean").connect(1)
        self.node("n-active").connect()
        self.gw.wait_log("event=client_lost client=n-clean")
        self.visit("http://127.0.0.1:%d/" % self.web.port)
        b.wait_text("#verdict", "n-clean fell silent")
        self.assertIn("was forgotten, for its session was clean",
                      b.text("#verdict"))
        self.node("n-clean").connect(60)
        b.wait_text("#verdict", "No node is overdue.")

    def test_nodes_are_seen_as_they_are(self):
        b = self.browser
        self.populate()
        self.visit("http://127.0.0.1:%d/" % self.web.port)

        b.wait_text("#live", "Live")
        b.wait_text("#name", "gw-test")
        b.wait_text("#broker", "Connected")
        b.wait_text("#verdict", "One node is overdue: n-silent")
        self.wait_read()
        rows = {row[0]: row for row in self.rows()}
        self.assertEqual(sorted(rows), ["n-active", "n-asleep", "n-silent"])
        self.assertIn("overdue", rows["n-silent"][1])
        self.assertEqual(rows["n-active"][1], "active")
        self.assertIn("asleep, due in 14 min", rows["n-asleep"][1])
        self.assertEqual(rows["n-asleep"][5], "1")
        self.assertRegex(rows["n-active"][2], r"^127\.0\.0\.1:\d+$")
        b.wait_text("#events", "n-silent fell silent")
        b.picture("gateway")

        b.run("location.hash = '#node=n-asleep'")
        said = b.wait_text("#node-body", "Waiting for it (1)")
        self.assertIn("cmd/asleep", said)
        self.assertIn("Subscriptions (1)", said)
        b.picture("gateway-node")

        # What changes is seen without a hand.
        b.run("location.hash = ''")
        self.node("n-new").connect()
        b.wait_text("#rows", "n-new")
        self.broker.kill()
        b.wait_text("#broker", "Not connected")
        b.wait_text("#events", "connection to the broker was lost")


    def test_names_that_would_be_something_else_in_an_address(self):
        b = self.browser
        names = ["<b>x</b>", "a/b?c#d", "50%", "%41", "ümläut", "x y+z", "*"]
        for name in names:
            self.node(name).connect()
        self.visit("http://127.0.0.1:%d/" % self.web.port)
        self.wait_read()
        self.assertEqual(sorted(self.names()), sorted(names))
        for name in names:
            b.run("[...document.querySelectorAll('#rows a')].find("
                  "a => a.textContent === arguments[0]).click()", name)
            b.wait_text("#node-title", name)
            b.wait_text("#node-body", "Its keep-alive is")
            b.click("#node-close")


class Steered(GatewayTest):
    def begin(self):
        with tempfile.NamedTemporaryFile("w", delete=False) as out:
            out.write(TOKEN + "\n")
        self.addCleanup(os.unlink, out.name)
        self.CONFIG = {**self.CONFIG, "http": {"bind": "127.0.0.1:0",
                                               "token_file": out.name}}
        super().begin()
        self.web.token = TOKEN

    def test_a_node_is_disconnected_and_a_queue_emptied(self):
        b = self.browser
        self.populate()
        self.visit("http://127.0.0.1:%d/" % self.web.port)
        self.expected.append("401")
        b.wait_text("#alarm", "only to who has one of its tokens")
        b.click("#unlock")
        b.type("#token", TOKEN)
        b.click("#lock-form button:not([type])")
        b.wait_text("#live", "Live")

        b.run("location.hash = '#node=n-asleep'")
        b.click("#purge")
        b.click("#confirm-yes")
        b.wait_text("#control-said", "1 message was discarded.")
        b.wait_text("#node-body", "Nothing waits for it")
        b.run("location.hash = '#node=n-active'")
        b.click("#kick")
        b.click("#confirm-yes")
        self.nodes[0].expect(fr.disconnect())
        # Its session was clean.
        self.expected.append("404")
        b.wait_text("#node-state", "has no session of this node")
        b.wait_text("#events", "connection of n-active was ended")


def shape(thing):
    """Names and kinds of what is in it."""
    if isinstance(thing, dict):
        return {name: shape(value) for name, value in thing.items()}
    if isinstance(thing, list):
        return [shape(thing[0])] if thing else []
    return type(thing).__name__


class MadeUp(GatewayTest):
    """The one of the other tests, by the real one."""

    def compare(self, report, ours):
        real = self.web.get("/api/v1/" + report)
        self.assertEqual((real.status, ours[0]), (200, 200))
        self.assertEqual(shape(ours[1]), shape(self.reduce(real.json)))

    def reduce(self, answer):
        """Lists have one that shows everything; what is counted is the
        gateway's affair, and the page asks for a part of it."""
        if "counters" in answer:
            known = self.world.counters()
            self.assertLessEqual(set(known), set(answer["counters"]))
            answer["counters"] = {name: answer["counters"][name]
                                  for name in known}
            answer["listeners"] = []
        return answer

    def test_it_answers_as_the_gateway_does(self):
        if not DURABLE:
            self.skipTest("the made-up gateway has a store")
        self.populate()
        sleeper = Made("n-asleep", "asleep", 1, 900, waiting=1, oldest=1,
                       topics=1, address="127.0.0.1:1")
        sleeper.filters = 1
        self.world.nodes[sleeper.client_id] = sleeper
        answers = Answers(self.world)
        self.compare("status", answers.status({}))
        self.compare("clients/n-asleep", answers.client("n-asleep"))
        rows = self.web.get("/api/v1/clients").json["clients"]
        ours = answers.clients({})[1]["clients"]
        self.assertEqual(shape(ours[0]), shape(next(
            row for row in rows if row["client"] == "n-asleep")))
        self.assertEqual(self.web.get("/api/v1/clients/nobody").status, 404)

        events = self.web.get("/api/v1/events").json
        self.assertEqual(sorted(events), ["events", "next"])
        lost = next(e for e in events["events"] if e["event"] == "client_lost")
        self.world.say("client_lost", "n-silent", reason="keepalive",
                       duration_s=1, address="127.0.0.1:1")
        ours = answers.events({})[1]
        self.assertEqual(shape(lost), shape(ours["events"][0]))
        self.assertIsInstance(ours["next"], int)


if __name__ == "__main__":
    if not harness.MOSQUITTO:
        print("skipped: mosquitto is not installed")
        sys.exit(77)
    main()
