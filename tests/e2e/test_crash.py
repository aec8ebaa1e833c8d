# SPDX-License-Identifier: MIT
"""What a gateway that breaks leaves behind for who has to find out why."""

import os
import re
import signal
import subprocess

from harness import E2ETest, main


class Crash(E2ETest):
    # Sanitizers would have the signal; what they make of it is not asked here.
    ENV = {name: os.environ.get(name, "") + ":" + ":".join(
        "handle_%s=0" % kind
        for kind in ("segv", "abort", "sigbus", "sigill", "sigfpe"))
           for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")}

    def begin(self):
        self.broker = self.start_broker()
        self.gw = self.start_gateway(self.broker.port, env=self.ENV)

    def build_id(self):
        out = subprocess.run(["readelf", "-n", self.gw.process.child.args[0]],
                             check=True, capture_output=True, text=True).stdout
        return re.search(r"Build ID: ([0-9a-f]+)", out)[1]

    def test_state_and_build_are_in_the_log_and_it_dies_of_the_signal(self):
        node = self.node("n1").connect()
        node.register("a/b")
        self.node("n2").connect()

        self.gw.process.signal(signal.SIGSEGV)

        self.assertEqual(self.gw.wait(), -signal.SIGSEGV)
        line = self.gw.wait_log("event=crashed ")[1].string
        self.assertRegex(line, "signal=SIGSEGV from_pid=%d " % os.getpid())
        self.assertIn("build_id=%s" % self.build_id(), line)
        line = self.gw.wait_log("event=crash_state ")[1].string
        self.assertRegex(line, "phase=running broker=connected store=memory "
                               "sessions=2 topics=1 ")
        self.gw.wait_log("event=crash_counters .*connects_accepted=2")


if __name__ == "__main__":
    main()
