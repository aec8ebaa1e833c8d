# SPDX-License-Identifier: MIT
"""What a service manager is told, in the protocol of sd_notify(3)."""

import os
import signal
import socket
import tempfile

from harness import E2ETest, PATIENCE, main


class Supervised(E2ETest):
    def begin(self):
        self.directory = tempfile.TemporaryDirectory(prefix="mqttsn-notify-")
        self.addCleanup(self.directory.cleanup)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.settimeout(PATIENCE)

    def supervised(self, name, **env):
        self.manager.bind(name)
        self.broker = self.start_broker()
        self.gw = self.start_gateway(
            self.broker.port, env={
                "NOTIFY_SOCKET": name.replace("\0", "@"), **env})

    def told(self):
        return self.manager.recv(4096).decode().split("\n")

    def path(self):
        return os.path.join(self.directory.name, "notify")

    def test_ready_reloading_and_stopping_are_said(self):
        self.supervised(self.path())
        self.assertEqual(self.told(), ["READY=1"])

        self.gw.process.signal(signal.SIGHUP)

        reloading, since = self.told()
        self.assertEqual(reloading, "RELOADING=1")
        self.assertRegex(since, r"^MONOTONIC_USEC=[1-9]\d+$")
        self.assertEqual(self.told(), ["READY=1"])

        self.gw.terminate()

        self.assertEqual(self.told(), ["STOPPING=1"])
        self.assertEqual(self.gw.wait(), 0)

    def test_a_reload_that_fails_is_over_too(self):
        self.supervised(self.path())
        self.assertEqual(self.told(), ["READY=1"])
        self.gw.write({"gateway": {"nmae": "x"}})

        self.gw.process.signal(signal.SIGHUP)

        self.assertEqual(self.told()[0], "RELOADING=1")
        self.assertEqual(self.told(), ["READY=1"])
        self.gw.wait_log(r"event=reload_failed")

    def test_a_loop_that_turns_gives_signs_of_life(self):
        # An abstract name, as some managers use.
        self.supervised("\0mqttsn-notify-%d" % os.getpid(),
                        WATCHDOG_USEC="100000")
        self.assertEqual(self.told(), ["READY=1"])
        for _ in range(3):
            self.assertEqual(self.told(), ["WATCHDOG=1"])

        self.gw.process.signal(signal.SIGSTOP)
        self.manager.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            for _ in range(20):  # what was under way
                self.told()
        self.gw.process.signal(signal.SIGCONT)

        self.manager.settimeout(PATIENCE)
        self.assertEqual(self.told(), ["WATCHDOG=1"])

    def test_signs_of_life_that_another_process_owes_are_not_given(self):
        self.supervised(self.path(), WATCHDOG_USEC="2000", WATCHDOG_PID="1")
        self.assertEqual(self.told(), ["READY=1"])
        self.gw.terminate()
        self.assertEqual(self.told(), ["STOPPING=1"])

    def test_a_manager_that_does_not_read_holds_up_nothing(self):
        self.supervised(self.path(), WATCHDOG_USEC="2000")
        self.manager.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        n1 = self.node("n1").connect(60)
        for number in range(1, 20):
            n1.register("a/%d" % number, number)
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)


if __name__ == "__main__":
    main()
