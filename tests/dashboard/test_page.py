# SPDX-License-Identifier: MIT
"""The dashboard in a browser: what it shows of a gateway, and of its nodes."""

from page_test import ENTER, ESCAPE, TAB, PageTest, main
from world import HOSTILE, Made


class Overview(PageTest):
    def test_it_says_what_the_gateway_and_its_broker_do(self):
        b = self.browser
        b.wait_text("#live", "Live")
        b.wait_text("#name", "gw-kitchen")
        b.wait_text("#broker", "Connected")
        b.wait_text("#broker-facts", "broker.example.net:8883")
        b.wait_text("#uptime", "Up for 3 d")
        self.assertEqual(b.run("return document.title"),
                         "gw-kitchen – MQTT-SN gateway")

    def test_rates_are_differences_of_counters(self):
        b = self.browser
        # Of what is counted now, whatever was counted before.
        self.world.rates["up_publishes"] = 2000
        b.wait("a rate", "return /^[1-9]/.test("
               "document.querySelector('#up-rate').innerText)")
        said = b.text("#up-rate")
        number = float(said.split(" messages")[0].replace("\u2009", ""))
        # The jump alone would be a thousand times as much.
        self.assertGreater(number, 200)
        self.assertIn("messages a second", said)

    def test_a_broker_that_is_away_is_said(self):
        self.world.link = "down"
        self.browser.wait_text("#broker", "Not connected")


class Table(PageTest):
    COUNT = 70

    def test_each_node_is_in_it_once(self):
        self.wait_read()
        seen = self.names()
        self.browser.click("#next")
        seen += self.names()
        self.browser.click("#next")
        seen += self.names()
        self.assertEqual(sorted(seen), sorted(self.world.nodes))
        self.assertTrue(self.browser.run(
            "return document.querySelector('#next').disabled"))
        self.browser.wait_text("#where", "61–70 of 70")

    def test_it_is_sorted_by_any_column_either_way(self):
        self.wait_read()
        self.order("name")
        up = self.names()
        self.assertEqual(up[:3], ["boiler-1", "boiler-2", "boiler-3"])
        self.assertEqual(up.index("boiler-10"), 9)  # as numbers, not as text
        self.order("name")
        self.assertEqual(self.names()[0], "valve-10")
        self.assertEqual(self.sorted_by(), ["name descending"])
        for key, column in (("topics", 7), ("waiting", 5)):
            self.order(key)
            self.order(key)
            values = [int(row[column].replace("–", "0"))
                      for row in self.rows()]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertGreater(values[0], values[-1])

    def sorted_by(self):
        return self.browser.run(
            "return [...document.querySelectorAll('[aria-sort]')]"
            ".map(c => c.dataset.key + ' ' + c.getAttribute('aria-sort'))")

    def test_the_keyboard_sorts_too(self):
        self.wait_read()
        self.browser.run("document.querySelector("
                         "'#head [data-key=address] button').focus()")
        self.browser.press(ENTER)
        self.assertEqual(self.sorted_by(), ["address ascending"])
        self.browser.press(ENTER)
        self.assertEqual(self.sorted_by(), ["address descending"])

    def test_states_and_words_choose_among_them(self):
        self.wait_read()
        self.chip("asleep")
        self.assertTrue(all(row[1].startswith("asleep, due in ")
                            for row in self.rows()), self.rows())
        self.assertGreater(len(self.rows()), 20)
        self.chip("all")
        self.browser.type("#find", "PUMP-1")
        self.assertEqual(sorted(self.names()), ["pump-1", "pump-10"])
        self.browser.type("#find", "zzz")
        self.browser.wait_text("#none", "No node is like that.")

    def test_what_is_new_and_what_is_gone_is_seen(self):
        self.wait_read()
        self.browser.type("#find", "-late")
        self.world.nodes["zz-late"] = Made("zz-late", address="10.9.9.9:1")
        self.browser.wait_text("#rows", "zz-late")
        del self.world.nodes["zz-late"]
        self.browser.wait_text("#none", "No node")


class Silent(PageTest):
    """What the page is for, more than for anything else."""

    COUNT = 60

    def others(self):
        return [Made("pump-cellar", "lost", 3 * 3600, 300),
                Made("meter-late", "asleep", 3000, 600)]

    def test_a_silent_node_is_named_at_the_top(self):
        said = self.browser.wait_text("#verdict", "overdue")
        self.assertIn("2 nodes are overdue. Silent the longest: "
                      "pump-cellar, for 3 h", said)
        self.browser.picture("silent")
        self.browser.click("#verdict button")
        rows = self.rows()
        self.assertEqual([row[0] for row in rows],
                         ["pump-cellar", "meter-late"])
        self.assertIn("silent for 3 h", rows[0][1])
        self.assertRegex(rows[1][1], r"asleep, 4\d min late")

    def test_late_is_more_than_what_a_datagram_takes(self):
        def kind(state, due_in, duration):
            return self.browser.run(
                "return States.kind({state: arguments[0], read: 1000,"
                " due: 1000 + arguments[1], duration: arguments[2]})",
                state, due_in, duration)

        self.assertEqual(kind("active", -1, 20), "active")
        self.assertEqual(kind("active", -3, 20), "overdue")
        self.assertEqual(kind("asleep", -40, 900), "asleep")
        self.assertEqual(kind("asleep", -50, 900), "overdue")
        self.assertEqual(kind("lost", 5, 900), "overdue")

    def test_none_is_said_too(self):
        for name in ("pump-cellar", "meter-late"):
            self.world.nodes[name].state = "disconnected"
        self.browser.wait_text("#verdict", "No node is overdue.")


class Details(PageTest):
    COUNT = 60

    def test_a_node_is_shown_with_all_that_it_has(self):
        b = self.browser
        self.wait_read()
        self.order("waiting")
        self.order("waiting")
        name = self.names()[0]
        node = self.world.nodes[name]
        b.click("#rows a")
        b.wait_text("#node-title", name)
        said = b.wait_text("#node-body", "Topics (%d)" % node.topics)
        b.picture("detail")
        self.assertIn("Waiting for it (%d)" % node.waiting, said)
        self.assertIn("site/%s/set/valve" % name, said)
        self.assertIn("site/%s/value-1" % name, said)
        self.assertIn("site/%s/set/+" % name, said)
        self.assertIn(node.address, said)
        # Back to where it was opened.
        b.press(ESCAPE)
        b.wait("the dialog to close",
               "return !document.querySelector('#node').open")
        self.assertEqual(b.run("return document.activeElement.textContent"),
                         name)
        self.assertEqual(b.run("return location.hash"), "")

    def test_its_address_can_be_kept(self):
        self.browser.open(self.url + "#node=door-2")
        # The same page: only what is behind '#' is another.
        self.browser.wait_text("#node-title", "door-2")
        self.browser.wait_text("#node-body", "Topics")
        self.browser.run("history.back()")
        self.browser.wait("the dialog to close",
                          "return !document.querySelector('#node').open")

    def test_one_that_is_not_there_is_said(self):
        self.expected.append("404")
        self.browser.open(self.url + "#node=nobody")
        self.browser.wait_text("#node-state", "has no session of this node")


class HappenedLately(PageTest):
    def setUp(self):
        super().setUp()
        self.world.say("connected", "door-1", ago=500)
        self.world.say("client_lost", "pump-2", reason="keepalive", ago=120)
        self.world.say("connect_refused", address="10.1.2.3:4", ago=60)

    def test_events_are_sentences_the_newest_first(self):
        b = self.browser
        b.wait_text("#events", "pump-2")
        lines = b.run("return [...document.querySelectorAll('#events li')]"
                      ".map(e => e.innerText)")
        self.assertEqual(len(lines), 2)
        self.assertIn("A node at 10.1.2.3:4 was not let in", lines[0])
        self.assertIn("pump-2 fell silent and was taken for lost "
                      "(keep-alive)", lines[1])
        self.assertRegex(lines[1], "^2 min ago")

        b.click("#ordinary")
        b.wait_text("#events", "door-1 connected")

        self.world.say("queue_drop", "tank-1", reason="expired", topic="a/b")
        said = b.wait_text("#events", "tank-1")
        self.assertIn("A message for tank-1 was dropped (topic a/b, expired)",
                      said)


class Hostile(PageTest):
    COUNT = 3

    def others(self):
        return [Made(name, address="10.66.0.1:1") for name in HOSTILE]

    def test_names_are_text_and_nothing_else(self):
        b = self.browser
        self.world.say("queue_drop", HOSTILE[0], topic=HOSTILE[1])
        self.wait_read()
        b.wait_text("#events", "onerror")
        self.assertEqual(len(self.rows()), 3 + len(HOSTILE))
        self.assertIn(HOSTILE[0], self.names())
        self.assertIn(r"a\u202egnp.exe", self.names())
        self.assertEqual(b.run("return document.images.length"), 0)
        self.assertEqual(b.run("return document.title"),
                         "gw-kitchen – MQTT-SN gateway")
        self.browser.picture("hostile")

    def test_each_can_be_looked_at(self):
        b = self.browser
        self.wait_read()
        for name in HOSTILE:
            b.run("location.hash = '#node=' + encodeURIComponent("
                  "arguments[0])", name)
            b.wait("what %r has" % name,
                   "return document.querySelector('#node-body').innerText"
                   ".includes('site/')"
                   " && decodeURIComponent(location.hash.slice(6))"
                   " === arguments[0]", name)
            b.run("location.hash = ''")
            b.wait("the dialog to close",
                   "return !document.querySelector('#node').open")

    def test_the_policy_forbids_what_the_page_does_not_do(self):
        b = self.browser
        self.expected += ["Trusted Type", "TrustedHTML", "script-src",
                          "style-src", "Content Security Policy",
                          "connect-src"]
        self.wait_read()
        self.assertTrue(b.run(
            "try { document.createElement('p').innerHTML = '<b>x</b>';"
            " return false } catch (e) { return e instanceof TypeError }"))
        self.assertTrue(b.run(
            "const s = document.createElement('style');"
            "s.textContent = 'body { display: none }';"
            "document.head.append(s);"
            "return getComputedStyle(document.body).display === 'block'"))
        b.run("window.went = fetch('http://127.0.0.2:9/x').then("
              "() => 'there', () => 'nowhere').then(w => window.end = w)")
        self.assertEqual(b.wait("the end of it", "return window.end"),
                         "nowhere")


class Keyboard(PageTest):
    def test_tab_reaches_the_nodes_first(self):
        b = self.browser
        self.wait_read()
        b.press(TAB)
        self.assertEqual(b.run("return document.activeElement.innerText"),
                         "Skip to the nodes")
        b.press(ENTER)
        b.wait("the focus", "return document.activeElement.id === 'nodes'")

    def test_whatever_can_be_used_has_a_name(self):
        self.wait_read()
        tree = self.browser.devtools("Accessibility.getFullAXTree")["nodes"]
        roles = {}
        for thing in tree:
            role = thing.get("role", {}).get("value")
            name = thing.get("name", {}).get("value", "")
            if not thing.get("ignored"):
                roles.setdefault(role, []).append(name)
        for role in ("button", "link", "searchbox", "combobox", "checkbox",
                     "table", "image"):
            self.assertTrue(roles.get(role), role)
            self.assertNotIn("", roles[role], role)
        self.assertEqual(len(roles["columnheader"]), 8)
        self.assertEqual(len(roles["rowheader"]), 30)


if __name__ == "__main__":
    main()
