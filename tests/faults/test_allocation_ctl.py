# SPDX-License-Identifier: MIT
"""The control socket, and mqttsn-ctl, where allocations fail: test_allocation.py
tells how."""

import os
import pty
import select
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

from test_allocation import OtherWay

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest, main  # noqa: E402
from processes import PATIENCE, SANITIZER, end_with_parent  # noqa: E402

CTL = os.environ["MQTTSN_FAILING_CTL"]
SOCKET = {"ctl": {"path": "{directory}/ctl.sock"}}
SCREEN_OFF = b"\x1b[?1049l"


class ControlSocket(OtherWay):
    """Of the daemon; who looks through it, and who traces."""

    LEAST = 3
    ASKED = {"status": '"ready":', "clients?limit=1": '"clients":[',
             "trace/n1": '{"trace":"n1"}', "nothing": '"bad_request"'}

    def way(self):
        return SOCKET

    def converse(self, number):
        super().converse(number)
        if "ctl" not in self.config or self.is_without():
            return
        for words, said in self.ASKED.items():
            self.ask(words, said)

    def is_without(self):
        """There was no memory for it at the start, and it was said."""
        return any("event=cannot_listen" in line and "memory" in line
                   for line in self.gw.process.lines)

    def ask(self, words, said):
        """Who asks may be turned away; one more who asks is not."""
        for _ in range(5):
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(PATIENCE)
                try:
                    link.connect(os.path.join(self.gw.directory, "ctl.sock"))
                    link.sendall(words.encode() + b"\n")
                    if said in link.makefile().readline():
                        return
                except OSError:
                    pass
        self.fail("'%s' is not answered\n%s" % (
            words, self.gw.process.tail()))

    def test_the_control_socket(self):
        self.sweep_both()


@unittest.skipUnless(CTL, "no mqttsn-ctl here")
class Ctl(E2ETest):
    """mqttsn-ctl has nothing to say without memory, and says that. There is
    one door for all of it, and behind that the end."""

    CONFIG = SOCKET
    EACH_MAX = 25  # allocations of each command, from the first to the last
    # And the exit status of each.
    COMMANDS = {("status",): 0, ("clients",): 0, ("top",): 0,
                ("--json", "client", "n1"): 0, ("kick", "nobody"): 1}

    def setUp(self):
        super().setUp()
        self.counts = tempfile.NamedTemporaryFile()
        self.addCleanup(self.counts.close)
        self.node("n1").connect()

    def call(self, order, *words):
        """What subprocess is to be told of it; the count is 0."""
        self.counts.seek(0)
        self.counts.write(bytes(4))
        self.counts.flush()
        return {"args": [CTL, "-s", os.path.join(
            self.gw.directory, "ctl.sock"), *words],
            "env": {**os.environ, "GW_FAULT": order,
                    "GW_FAULT_COUNT": self.counts.name},
            "preexec_fn": end_with_parent}

    def run_it(self, order, *words):
        return subprocess.run(
            **self.call(order, *words), capture_output=True, text=True,
            timeout=3 * PATIENCE, check=False)

    def numbers(self):
        """Of the allocations of what has just run, as many as are tried."""
        with open(self.counts.name, "rb") as file:
            total, = struct.unpack("=I", file.read(4))
        step = max(1, -(-total // self.EACH_MAX))
        return [*range(1, total, step), total]

    def test_it_says_that_there_is_none(self):
        for words, status in self.COMMANDS.items():
            done = self.run_it("none", *words)
            self.assertEqual(done.returncode, status, done.stderr)
            numbers = self.numbers()
            self.assertGreater(len(numbers), 5)
            for number in numbers:
                with self.subTest(words=words, number=number):
                    done = self.run_it("at:%d" % number, *words)
                    self.assertFalse(SANITIZER.search(done.stderr),
                                     done.stderr)
                    self.assertEqual(
                        (done.returncode, done.stderr),
                        (3, "mqttsn-ctl: no memory\n"))

    def test_a_live_view_gives_the_terminal_back(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        before = termios.tcgetattr(theirs)
        view = subprocess.Popen(**self.call("at:1", "top"), stdin=theirs,
                                stdout=theirs, stderr=theirs)
        self.assertEqual(view.wait(PATIENCE), 3)
        seen = b""
        while b"no memory" not in seen:
            self.assertTrue(select.select([ours], [], [], PATIENCE)[0], seen)
            seen += os.read(ours, 4096)
        self.assertNotIn(b"no memory", seen[:seen.index(SCREEN_OFF)])
        self.assertEqual(termios.tcgetattr(theirs), before)


if __name__ == "__main__":
    main()
