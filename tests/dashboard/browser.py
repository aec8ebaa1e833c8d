# SPDX-License-Identifier: MIT
"""Headless Chromium, driven through chromedriver by the WebDriver protocol.

Nothing sleeps: 'wait' asks the page again until what is wanted is true, with a
bound that only a failing test reaches. What the browser says in its log, and
what it asked of whom, is collected: 'complaints' and 'requests'.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from processes import PATIENCE, end_with_parent

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
# A browser takes its time to begin, above all on a machine that is busy.
BROWSER_PATIENCE = 6 * PATIENCE
START_ATTEMPTS = 3
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

ARGUMENTS = [
    "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--lang=en-GB", "about:blank",
    # A tab in the background would be slowed down.
    "--disable-renderer-backgrounding",
]


class Browser:
    """One browser with one tab."""

    def __init__(self):
        self.entries = {"browser": [], "performance": []}
        # That a browser begins is not what is tested, and on a busy machine it
        # does not always.
        for attempt in range(START_ATTEMPTS):
            try:
                self._begin()
                return
            except (AssertionError, OSError) as error:
                self.close()
                print("the browser does not begin: %s" % error, flush=True)
                if attempt == START_ATTEMPTS - 1:
                    raise
            except BaseException:
                self.close()
                raise

    def _begin(self):
        self.directory = tempfile.mkdtemp(prefix="mqttsn-browser-")
        self.driver = None
        self.session = None
        env = {**os.environ, "HOME": self.directory, "LC_ALL": "C.UTF-8"}
        self.log = pathlib.Path(self.directory, "driver.log")
        with self.log.open("wb") as out:
            self.driver = subprocess.Popen(
                [DRIVER, "--port=0"], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, env=env, start_new_session=True,
                preexec_fn=end_with_parent)
        self.port = self._port()
        arguments = ARGUMENTS + ["--user-data-dir=%s/profile" % self.directory]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": CHROMIUM, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}})
        self.session = made["sessionId"]

    def _port(self):
        """The driver chooses it, and says so."""
        deadline = time.monotonic() + BROWSER_PATIENCE
        while time.monotonic() < deadline:
            match = re.search(r"started successfully on port (\d+)",
                              self.log.read_text(errors="replace"))
            if match:
                return int(match.group(1))
            if self.driver.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError("chromedriver does not begin:\n"
                             + self.log.read_text(errors="replace"))

    def _ask(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=BROWSER_PATIENCE)
        try:
            link.request(method, path,
                         json.dumps(body or {}) if method == "POST" else None,
                         {"Content-Type": "application/json"})
            answer = json.loads(link.getresponse().read())
        except (socket.timeout, http.client.HTTPException) as error:
            raise AssertionError("the browser does not answer: %s %s: %r"
                                 % (method, path, error)) from None
        finally:
            link.close()
        value = answer["value"]
        if isinstance(value, dict) and "error" in value:
            raise AssertionError("%s %s: %s: %s" % (
                method, path, value["error"], value["message"][:500]))
        return value

    def do(self, method, path, body=None):
        return self._ask(method, "/session/%s%s" % (self.session, path), body)

    def devtools(self, command, **parameters):
        return self.do("POST", "/goog/cdp/execute",
                       {"cmd": command, "params": parameters})

    # ---- what a person does ----------------------------------------------

    def open(self, url):
        self.do("POST", "/url", {"url": url})

    def size(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width,
                      height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme):
        """light or dark, as the system has it."""
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    def find(self, selector):
        return self.do("POST", "/element", {
            "using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.wait("the element %s" % selector,
                  "const e = document.querySelector(arguments[0]);"
                  "return !!e && e.getClientRects().length > 0 && !e.disabled",
                  selector)
        self.do("POST", "/element/%s/click" % self.find(selector))

    def type(self, selector, text):
        self.do("POST", "/element/%s/value" % self.find(selector),
                {"text": text})

    def press(self, *keys):
        """Keys to whatever has the focus."""
        actions = [{"type": kind, "value": key}
                   for key in keys for kind in ("keyDown", "keyUp")]
        self.do("POST", "/actions", {"actions": [
            {"type": "key", "id": "keys", "actions": actions}]})

    # ---- what there is to see --------------------------------------------

    def run(self, script, *arguments):
        """What the script returns; 'return' belongs to it."""
        return self.do("POST", "/execute/sync",
                       {"script": script, "args": list(arguments)})

    def wait(self, what, script, *arguments):
        """Until it returns something true, which is returned."""
        deadline = time.monotonic() + BROWSER_PATIENCE
        while True:
            value = self.run(script, *arguments)
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError("not seen: %s. The page has:\n%s" % (
                    what, self.run("return document.body.innerText")[:3000]))
            time.sleep(0.05)

    def wait_clock(self, seconds):
        """Until that time has passed for the page: for what must not happen
        in it."""
        end = self.run("return performance.now()") + 1000 * seconds
        self.wait("the time to pass",
                  "return performance.now() > arguments[0]", end)

    def text(self, selector):
        return self.run("const e = document.querySelector(arguments[0]);"
                        "return e ? e.innerText : null", selector)

    def wait_text(self, selector, part):
        return self.wait(
            "%r in %s" % (part, selector),
            "const e = document.querySelector(arguments[0]);"
            "return e && e.getClientRects().length"
            " && e.innerText.includes(arguments[1])"
            " && e.innerText", selector, part)

    def picture(self, name):
        """A screenshot, where the tests were told to leave them."""
        folder = os.environ.get("MQTTSN_PICTURES")
        octets = base64.b64decode(self.do("GET", "/screenshot"))
        if folder:
            os.makedirs(folder, exist_ok=True)
            pathlib.Path(folder, name + ".png").write_bytes(octets)
        return octets

    # ---- what it thought of it -------------------------------------------

    def _logs(self, kind):
        self.entries[kind] += self.do("POST", "/se/log", {"type": kind})
        return self.entries[kind]

    def complaints(self):
        """What the browser has to say of the page: errors of scripts, what
        its policy forbids, what could not be loaded."""
        return ["%s: %s" % (entry["level"], entry["message"])
                for entry in self._logs("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        """Where it went, for the page or by itself."""
        urls = []
        for entry in self._logs("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return urls

    def forget(self):
        """What it said and asked so far."""
        for kind in self.entries:
            self._logs(kind)
            self.entries[kind] = []

    def close(self):
        if self.session:
            try:
                self.do("DELETE", "")
            except (AssertionError, OSError):
                pass  # it is ended in any case
        if self.driver:
            # With the browser, if that has not heard that it is to end.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.driver.pid, signal.SIGKILL)
            self.driver.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
