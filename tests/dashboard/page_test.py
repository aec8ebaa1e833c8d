# SPDX-License-Identifier: MIT
"""What each test of the dashboard begins with: a browser, a made-up gateway,
and the page.

One browser serves all tests of a program. Whatever a test asserts, it fails when
the browser complains of the page - an error of a script, something that the
policy forbids - or when anything but this gateway was asked for anything.
"""

import pathlib
import sys
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from browser import CHROMIUM, DRIVER, Browser  # noqa: E402
from mock import Mock  # noqa: E402
from processes import PATIENCE  # noqa: E402
from world import World  # noqa: E402

__all__ = ["PATIENCE", "PageTest", "World", "main"]

ENTER = "\ue007"
ESCAPE = "\ue00c"
TAB = "\ue004"


class BrowserTest(unittest.TestCase):
    """A page from somewhere."""

    maxDiff = None
    browser = None  # of all of them; main ends it

    @classmethod
    def setUpClass(cls):
        if BrowserTest.browser is None:
            BrowserTest.browser = Browser()

    def visit(self, url, width=1280, height=900):
        self.url = url
        self.expected = []  # complaints that belong to the test, by a part
        b = self.browser
        b.forget()
        b.size(width, height)
        b.prefer("light")
        # Nothing is left of the test before: each has another port, and with
        # it another storage.
        b.open(url)
        self.addCleanup(self._judge)

    def _judge(self):
        b = self.browser
        # The page asks no more, and nothing of it is left for the next test.
        b.open("about:blank")
        complaints = [text for text in b.complaints()
                      if not any(part in text for part in self.expected)]
        ours = urllib.parse.urlsplit(self.url).netloc
        outside = [url for url in b.requests()
                   if urllib.parse.urlsplit(url).netloc != ours
                   and not url.startswith(("data:", "about:", "chrome:"))]
        self.assertEqual((complaints, outside), ([], []))

    # ---- what there is to see --------------------------------------------

    def rows(self):
        """The table as it is seen: the texts of each row."""
        return self.browser.run(
            "return [...document.querySelectorAll('#rows tr')]"
            ".map(r => [...r.children].map(c => c.textContent))")

    def names(self):
        return [row[0] for row in self.rows()]

    def chip(self, key):
        self.browser.click("#chips [data-key='%s']" % key)

    def order(self, key):
        self.browser.click("#head [data-key='%s'] button" % key)

    def wait_read(self):
        self.browser.wait(
            "the whole table",
            "const t = document.querySelector('#where').textContent;"
            "return t && !t.includes('reading')"
            " || !document.querySelector('#none').hidden"
            " && document.querySelector('#none').textContent.startsWith('No')")


class PageTest(BrowserTest):
    """The page of a made-up gateway."""

    COUNT = 40  # ordinary nodes

    def others(self):
        """Nodes that are there besides."""
        return []

    def setUp(self):
        self.world = World(self.COUNT, self.others())
        self.mock = Mock(self.world)
        self.addCleanup(self.mock.stop)
        self.visit(self.mock.url)

    def hide(self):
        """Another tab is in front; nothing is under way any more."""
        self.browser.run(
            "Object.defineProperty(document, 'hidden',"
            " {configurable: true, get: () => true});"
            "document.dispatchEvent(new Event('visibilitychange'))")
        # Longer than any of its pauses, by its own clock; what was under way
        # ends meanwhile.
        self.browser.wait_clock(2.5)

    def unhide(self):
        self.browser.run(
            "delete document.hidden;"
            "document.dispatchEvent(new Event('visibilitychange'))")


def main():
    """Runs the tests of the file. 77 tells meson: skipped, all of them."""
    if not CHROMIUM or not DRIVER:
        print("skipped: chromium or chromedriver is not installed")
        sys.exit(77)
    try:
        result = unittest.main(verbosity=2, exit=False).result
    finally:
        if BrowserTest.browser is not None:
            BrowserTest.browser.close()
    sys.exit(0 if result.wasSuccessful() else 1)
