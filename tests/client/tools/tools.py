# SPDX-License-Identifier: MIT
"""The tools as a user meets them, on top of the gateway's harness.

MQTTSN_TOOLS names the folder that holds them; MQTTSN_E2E that of the harness.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest, fr, main  # noqa: E402
from processes import (PATIENCE, SANITIZER, Process,  # noqa: E402
                       end_with_parent, free_port)

__all__ = ["PATIENCE", "Process", "ToolTest", "fr", "free_port", "main", "path",
           "run"]


def path(name):
    return os.path.join(os.environ["MQTTSN_TOOLS"], "mqttsn-" + name)


def run(name, *arguments, stdin=b""):
    """Runs a tool to its end: (exit status, standard output, error)."""
    done = subprocess.run([path(name), *map(str, arguments)], input=stdin,
                          capture_output=True, timeout=3 * PATIENCE,
                          preexec_fn=end_with_parent)
    error = done.stderr.decode("utf-8", "replace")
    if SANITIZER.search(error):
        raise AssertionError(error)
    return done.returncode, done.stdout.decode("utf-8", "replace"), error


class ToolTest(E2ETest):
    """A gateway with two predefined topics, and tools that talk to it."""

    CONFIG = {
        "listener test": {"forwarders": "127.0.0.1"},
        "predefined": {"7": "pre/seven, open", "8": "pre/eight"},
        "topics": {"qos_minus1_short": "yes"},
    }

    def address(self):
        return ("-h", "127.0.0.1", "-p", str(self.gw.port))

    def start(self, name, *arguments):
        """A tool in the background; its lines are those of -d too."""
        tool = Process("mqttsn-" + name,
                       [path(name), *map(str, arguments)])
        self.addCleanup(self._end_tool, tool)
        return tool

    def _end_tool(self, tool):
        tool.kill()
        for line in tool.lines:
            self.assertFalse(SANITIZER.search(line), tool.tail())

    def pub(self, *arguments, stdin=b"", status=0):
        """mqttsn-pub against our gateway; its standard error."""
        got, out, error = run("pub", *self.address(), *arguments, stdin=stdin)
        self.assertEqual((got, out), (status, ""), error)
        return error

    def sub(self, *arguments, subscriptions=1):
        """mqttsn-sub, subscribed."""
        tool = self.start("sub", *self.address(), "-d", *arguments)
        at = 0
        for _ in range(subscriptions):
            at = tool.wait_line(r"< .*SUBACK .*accepted", at)[0] + 1
        return tool

    def end(self, tool, status=0):
        self.assertEqual(tool.wait(), status, tool.tail())
