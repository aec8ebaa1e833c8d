# SPDX-License-Identifier: MIT
"""A restart with much to remember: 10 000 sessions and 100 000 messages that
wait for them. The time from the start of the process to the first answer is
printed, the counts are asserted."""

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "e2e"))

import frames as fr  # noqa: E402
from harness import E2ETest, Gateway, main  # noqa: E402
from processes import PATIENCE  # noqa: E402

NODES, EACH = 10000, 10


class Restart(E2ETest):
    def begin(self):
        self.directory = tempfile.mkdtemp(prefix="mqttsn-restart-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "gateway.db")
        print(subprocess.run(
            [os.environ["MQTTSN_STORE_FILL"], self.path, str(NODES),
             str(EACH)], check=True, capture_output=True, text=True).stdout)
        self.broker = self.start_broker()

    def test_ten_thousand_sleepers_and_what_waits_for_them(self):
        gw = Timed(self.broker.port, {
            "store": {"type": "sqlite", "path": self.path},
            "sleep": {"rebind_on_ping": "any"},
            "log": {"level": "info"},
        })
        self.gateways.append(gw)
        gw.asker.join()

        self.assertIsNotNone(gw.answer)
        self.assertEqual(fr.kind_of(gw.answer), fr.PUBLISH)
        self.assertEqual(fr.data_of(gw.answer)[:10], b"valve=open")
        line = gw.process.lines[
            gw.wait_log(r"area=store event=restored")[0]]
        fields = dict(word.split("=", 1) for word in line.split())
        self.assertEqual(fields["sessions"], str(NODES))
        self.assertEqual(fields["queued"], str(NODES * EACH))
        print("FIGURE restart_ms %d restart_cpu_ms %d" % (
            gw.took * 1000, gw.cpu * 1000))


class Timed(Gateway):
    """One that is asked from the moment in which it is started."""

    def start(self, ready=True):
        self.answer = None
        self.asker = threading.Thread(target=self.ask)
        self.asker.start()
        super().start(ready)

    def ask(self):
        """A PINGREQ every 5 ms until something comes."""
        node = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        node.connect(("127.0.0.1", self.port))
        began = time.monotonic()
        node.settimeout(0.005)
        try:
            while time.monotonic() < began + PATIENCE and not self.answer:
                try:
                    node.send(bytes(fr.pingreq("node-00000")))
                    self.answer = node.recv(2048)
                except ConnectionRefusedError:
                    # Not bound yet: there is nothing to wait for.
                    select.select([], [], [], 0.005)
                except socket.timeout:
                    pass
        finally:
            node.close()
        self.took = time.monotonic() - began
        self.cpu = self.cpu_s()

    def cpu_s(self):
        try:
            with open("/proc/%d/stat" % self.process.child.pid,
                      encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except (OSError, AttributeError):
            return 0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
