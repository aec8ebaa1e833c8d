# SPDX-License-Identifier: MIT
"""The dashboard in a browser, where it is hard: ten thousand nodes, a narrow
screen, the dark, a gateway that is away, one that wants a token, and a tab that
nobody looks at."""

from page_test import PageTest, main
from mock import TOKEN
from world import HOSTILE, Made

# Texts whose contrast is below what level AA of WCAG asks for: 4.5, or 3 where
# they are large. Colours of grounds are those of whatever is behind.
CONTRAST = """
const light = (c) => c.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 :
    ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const canvas = document.createElement('canvas').getContext(
    '2d', {willReadFrequently: true});
const colour = (text) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = text;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const c = colour(getComputedStyle(e).backgroundColor);
    if (c[3] === 255)
      return c;
  }
  return [255, 255, 255, 255];
};
const poor = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const style = getComputedStyle(e);
  if (!own || !e.getClientRects().length || e.disabled)
    continue;
  const a = light(colour(style.color).slice(0, 3));
  const b = light(ground(e).slice(0, 3));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
    poor.push(e.textContent.slice(0, 40) + ': ' + ratio.toFixed(2));
}
return poor;
"""
BRIGHTNESS = """
return getComputedStyle(document.body).backgroundColor
    .match(/[\\d.]+/g).slice(0, 3).reduce((sum, v) => sum + +v, 0) / 3;
"""


class Colours(PageTest):
    COUNT = 400

    def setUp(self):
        super().setUp()
        self.world.say("client_lost", "pump-21", reason="keepalive", ago=900)
        self.world.say("queue_drop", "valve-3", reason="expired",
                       topic="site/valve-3/set", ago=90)
        self.world.say("connect_refused", address="10.3.4.5:777", ago=30)
        self.wait_read()
        self.browser.size(1440, 1000)
        self.browser.wait_text("#events", "valve-3")

    def test_light_and_dark_follow_the_system_or_the_switch(self):
        b = self.browser
        self.assertGreater(b.run(BRIGHTNESS), 200)
        self.assertEqual(b.run(CONTRAST), [])
        b.picture("light")
        b.prefer("dark")
        self.assertLess(b.run(BRIGHTNESS), 60)
        self.assertEqual(b.run(CONTRAST), [])
        b.picture("dark")

        b.run("const s = document.querySelector('#theme'); s.value = 'light';"
              "s.dispatchEvent(new Event('change'))")
        self.assertGreater(b.run(BRIGHTNESS), 200)
        # It stays so.
        b.open(self.url)
        b.wait_text("#live", "Live")
        self.assertGreater(b.run(BRIGHTNESS), 200)

    def test_details_can_be_read_in_both(self):
        b = self.browser
        for scheme in ("light", "dark"):
            b.prefer(scheme)
            b.run("location.hash = '#node=meter-3'")
            b.wait_text("#node-body", "Topics")
            self.assertEqual(b.run(CONTRAST), [])
            b.picture("detail-" + scheme)
            b.run("location.hash = ''")


class Narrow(PageTest):
    def others(self):
        return [Made(name, "lost", 9000, 60, waiting=3, oldest=50)
                for name in HOSTILE]

    def test_360_pixels_are_enough(self):
        b = self.browser
        b.size(360, 740)
        self.wait_read()
        self.assertEqual(self.sideways(), 360)
        b.picture("narrow")
        b.run("document.querySelector('#nodes').scrollIntoView()")
        b.picture("narrow-nodes")
        b.run("const s = document.querySelector('#order'); s.value = 'topics';"
              "s.dispatchEvent(new Event('change'))")
        self.assertEqual(b.run(
            "return document.querySelector('[aria-sort]').dataset.key"),
            "topics")
        for name in ("x" * 200, "boiler-1"):
            b.run("location.hash = '#node=' + arguments[0]", name)
            b.wait("the node", "return document.querySelector('#node-body')"
                   ".innerText.includes(arguments[0])",
                   "site/" + name[:3])
            self.assertEqual(self.sideways(), 360)
            self.assertTrue(b.run(
                "const d = document.querySelector('#node');"
                "return d.scrollWidth <= d.clientWidth"))
        b.picture("narrow-detail")

    def sideways(self):
        return self.browser.run(
            "return document.documentElement.scrollWidth")


class TenThousand(PageTest):
    COUNT = 10_000

    def test_they_are_a_table_like_any_other(self):
        b = self.browser
        b.size(1440, 1000)
        self.wait_read()
        b.wait_text("#where", "1–30 of 10\u2009000, each read once in")
        self.assertIn("50 nodes are overdue", b.text("#verdict"))
        b.picture("ten-thousand")
        # The gateway was asked for one page after the other.
        pages = [path for path in self.mock.asked if "/clients?" in path]
        self.assertGreaterEqual(len(pages), -(-10_000 // 300))
        self.assertEqual(len(set(pages[:34])), 34)
        self.assertEqual(self.mock.most_at_once["clients"], 1)
        self.assertLess(self.elements(), 1500)

        self.order("name")
        self.order("name")
        self.assertEqual(self.names()[0], "valve-1428")
        b.type("#find", "soil-777")
        self.assertEqual(self.names(), ["soil-777"])
        b.run("const f = document.querySelector('#find'); f.value = '';"
              "f.dispatchEvent(new Event('input'))")
        self.chip("overdue")
        for _ in range(2):
            b.click("#next" if "31" not in b.text("#where") else "#previous")
        self.assertTrue(all("overdue" in row[1] for row in self.rows()))
        self.assertLess(self.elements(), 1500)

    def elements(self):
        return self.browser.run("return document.querySelectorAll('*').length")


class Away(PageTest):
    def test_it_says_so_keeps_what_it_knew_and_comes_back(self):
        b = self.browser
        self.expected.append("ERR_CONNECTION_REFUSED")
        self.wait_read()
        self.mock.stop()
        said = b.wait_text("#alarm", "cannot be reached")
        b.picture("away")
        self.assertIn("does not answer, since", said)
        self.assertIn("What is shown here is as it was at", said)
        self.assertIn("Old data", b.text("#live"))
        self.assertEqual(len(self.rows()), 30)

        self.mock.start()
        b.wait("its return", "return document.querySelector('#alarm').hidden")
        b.wait_text("#live", "Live")

    def test_an_error_is_said_as_the_gateway_words_it(self):
        self.expected.append("500")
        self.wait_read()
        self.mock.broken = (500, {"error": "no memory"})
        self.browser.wait_text("#alarm", "no memory, since")

    def test_another_process_is_read_anew(self):
        b = self.browser
        self.wait_read()
        self.world.say("client_lost", "pump-2", reason="keepalive")
        b.wait_text("#events", "pump-2")
        self.world.restart(3)
        self.world.say("client_lost", "door-1", reason="keepalive")
        b.wait_text("#events", "door-1")
        self.assertNotIn("pump-2", b.text("#events"))
        b.wait_text("#where", "1–3 of 3")


    def test_another_process_is_recognised_by_when_it_started(self):
        b = self.browser
        self.wait_read()
        self.world.say("client_lost", "pump-2", reason="keepalive")
        b.wait_text("#events", "pump-2")
        # The tab was hidden for longer than either of them ran; all that the
        # second one counts is more than what the first one had counted.
        self.hide()
        b.run("const now = performance.now.bind(performance);"
              "performance.now = () => now() + 1e9")
        self.world.restart(3)
        self.world.before = 500_000
        self.world.say("client_lost", "door-1", reason="keepalive")
        self.unhide()
        b.wait_text("#events", "door-1")
        self.assertNotIn("pump-2", b.text("#events"))
        b.wait_text("#where", "1–3 of 3")


class Unseen(PageTest):
    def test_a_tab_that_nobody_looks_at_asks_nothing(self):
        self.wait_read()
        self.hide()
        asked = len(self.mock.asked)
        self.browser.wait_clock(5)
        self.assertEqual(len(self.mock.asked), asked)

        self.unhide()
        self.mock.wait_asked(asked + 1)


class Locked(PageTest):
    def setUp(self):
        super().setUp()
        self.wait_read()

    def test_without_a_file_of_tokens_nothing_can_be_done(self):
        b = self.browser
        b.open(self.url + "#node=boiler-1")
        b.wait_text("#node-body", "Topics")
        self.assertFalse(b.run("return ['unlock', 'control', 'kick'].some(i =>"
                               " document.getElementById(i)"
                               ".getClientRects().length)"))

    def unlock(self, token):
        b = self.browser
        b.wait_text("#unlock", "Unlock")
        b.click("#unlock")
        b.wait_text("#lock-title", "Unlock")
        b.type("#token", token)
        b.click("#lock-form button:not([type])")

    def lock(self):
        """From now on the gateway wants a token."""
        self.expected.append("401")
        self.world.tokens = True
        self.browser.wait_text("#alarm", "only to who has one of its tokens")

    def test_a_token_unlocks_it_until_it_is_locked_again(self):
        b = self.browser
        self.lock()
        self.unlock("another-token-of-the-tests")
        b.wait_text("#alarm", "is none of them")
        self.unlock(TOKEN)
        b.wait_text("#live", "Live")
        self.assertEqual(b.run("return [sessionStorage.length,"
                               "localStorage.length, document.cookie]"),
                         [1, 0, ""])
        b.click("#unlock")
        b.wait_text("#alarm", "only to who has one of its tokens")
        self.assertEqual(b.run("return sessionStorage.length"), 0)

    def test_a_connection_is_ended_after_a_question(self):
        b = self.browser
        self.lock()
        self.unlock(TOKEN)
        b.run("location.hash = '#node=pump-2'")
        b.click("#purge")
        b.wait_text("#confirm", "Discard what waits for pump-2?")
        b.click("#confirm-no")
        b.click("#kick")
        b.wait_text("#confirm", "End the connection of pump-2?")
        b.picture("control")
        self.assertEqual(self.mock.deeds, [])
        b.click("#confirm-yes")
        b.wait_text("#control-said", "Its connection was ended")
        self.assertEqual(self.mock.deeds, ["/api/v1/clients/pump-2/kick"])
        b.wait("that it cannot be ended twice",
               "return document.querySelector('#kick').disabled")

    def test_a_connection_that_is_being_made_can_be_ended(self):
        b = self.browser
        self.world.nodes["door-new"] = Made(
            "door-new", "connecting", 0, changed=3, address="10.9.9.9:1")
        self.lock()
        self.unlock(TOKEN)
        b.run("location.hash = '#node=door-new'")
        b.wait_text("#node-state", "connecting")
        said = b.wait_text("#node-body", "Topics")
        self.assertNotIn("Taken for lost", said)
        self.assertRegex(said, r"Will\s+none so far")
        b.click("#kick")
        b.click("#confirm-yes")
        b.wait_text("#control-said", "Its connection was ended")

    def test_what_waits_is_discarded(self):
        b = self.browser
        self.world.nodes["pump-2"].waiting = 700
        self.lock()
        self.unlock(TOKEN)
        b.run("location.hash = '#node=pump-2'")
        b.wait_text("#node-body", "Waiting for it (700, the first 100)")
        b.click("#purge")
        b.click("#confirm-yes")
        b.wait_text("#control-said", "700 messages were discarded.")
        b.wait_text("#node-body", "Nothing waits for it")


if __name__ == "__main__":
    main()
