# SPDX-License-Identifier: MIT
"""Too few descriptors, a clock that jumps, a full disk behind the log, and the
end under load."""

import os
import re
import resource
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest, Gateway, fr, main  # noqa: E402
from processes import PATIENCE, Process, end_with_parent  # noqa: E402
from web import Web  # noqa: E402

HAS_HTTP = os.environ["MQTTSN_HTTP"] == "yes"

QUICK = {"reconnect_min": "20ms", "reconnect_max": "50ms"}


class Descriptors(E2ETest):
    CONFIG = {"upstream": QUICK, "predefined": {"7": "old/topic"},
              "log": {"level": "info"}}

    def limit(self, count):
        """New descriptors must be below 'count'."""
        resource.prlimit(self.gw.process.child.pid, resource.RLIMIT_NOFILE,
                         (count, 4096))

    def connection(self):
        """The lowest descriptor of a TCP connection: all below are taken."""
        folder = "/proc/%d/fd/" % self.gw.process.child.pid
        with open("/proc/%d/net/tcp" % self.gw.process.child.pid,
                  encoding="ascii") as file:
            inodes = {line.split()[9] for line in file.readlines()[1:]}
        return min(int(fd) for fd in os.listdir(folder)
                   if os.readlink(folder + fd)[8:-1] in inodes)

    def test_a_start_that_runs_out_of_them_says_so(self):
        # With fewer the loader does not find the libraries.
        for count in range(5, self.connection() + 1):
            with self.subTest(count=count):
                done = subprocess.run(
                    ["/bin/sh", "-c", 'ulimit -n %d; exec "$@"' % count, "sh",
                     os.environ["MQTTSN_GATEWAY"], "-c", self.gw.file,
                     "--set", "listener.test.bind=127.0.0.1:0"],
                    capture_output=True, timeout=3 * PATIENCE,
                    preexec_fn=end_with_parent, check=False)
                error = done.stderr.decode()
                self.assertEqual(done.returncode, 1, error)
                self.assertIn("file descriptors", error)

    def test_without_any_left_nodes_are_served_and_it_recovers(self):
        watch = self.mqtt("#", 1)
        n1 = self.node("n1").connect(600)
        topic_id = n1.register("up/x")
        self.limit(self.connection())
        start = self.gw.mark()
        self.broker.kill()
        self.gw.wait_log("area=upstream event=lost", start)
        self.broker.start()
        # It cannot connect, and that is said; a node notices nothing.
        self.gw.wait_log("area=upstream event=connect_failed", start)
        n1.send(fr.publish(topic_id, "x", 1, 2))
        n1.fence()
        # What cannot be read does not replace what holds.
        self.gw.write({"predefined": {"7": "new/topic"}})
        self.gw.reload()
        self.gw.wait_log("event=reload_failed", start)

        watch = self.mqtt("#", 1)
        self.limit(1024)

        self.gw.wait_up(start)
        n1.expect(fr.puback(topic_id, 2))
        n1.publish1(7, "y", 3, kind=fr.PREDEFINED)
        watch.wait_for(lambda got: any(m.topic == "old/topic" for m in got),
                       "a message under the old name")


def faketime():
    """The library that moves a program's clock; None without it."""
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                   "/usr/lib"):
        path = folder + "/faketime/libfaketime.so.1"
        if os.path.exists(path):
            return path
    return None


def sanitizers():
    """The libraries of them that the daemon is linked with; they want to be
    the first."""
    done = subprocess.run(["ldd", os.environ["MQTTSN_GATEWAY"]],
                          capture_output=True, text=True, check=False)
    return re.findall(r"\blib[a-z]+san\.so\S* => (\S+)", done.stdout)


@unittest.skipUnless(faketime(), "no libfaketime")
class Clock(E2ETest):
    """The wall clock is for the log only: a router's is set late, and back."""

    def begin(self):
        self.broker = self.start_broker()
        self.clock = self.broker.file("clock", "+0")
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": QUICK, "log": {"level": "info"},
            "http": {"bind": "127.0.0.1:0" if HAS_HTTP else None}}, env={
                "LD_PRELOAD": " ".join([*sanitizers(), faketime()]),
                "FAKETIME_TIMESTAMP_FILE": self.clock,
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

    def assert_moved(self, years):
        """That it is so, for the daemon: when it says that it was started."""
        if HAS_HTTP:
            started = Web(self.gw).metrics().value(
                "process_start_time_seconds")
            self.assertAlmostEqual(
                (started - time.time()) / (365.25 * 86400), years, 1)

    def test_ten_years_forth_and_back(self):
        watch = self.mqtt("up/#", 1)
        source = self.mqtt()
        n1 = self.node("n1").connect(600)
        topic_id = n1.register("up/x")
        n2 = self.node("n2").connect(600)
        n2.subscribe("cmd/x", 1)
        n2.sleep(3600)
        for number, offset in enumerate(("+10y", "-10y", "+0", "-40y")):
            self.broker.file("clock", offset)
            self.assert_moved(int(offset.rstrip("y")))
            source.publish("cmd/x", str(number), 1)
            n1.publish1(topic_id, str(number), 10 + number)
            watch.expect("up/x", str(number))
            self.settle(n2)
        n2.send(fr.pingreq("n2"))
        for number in range(4):
            n2.take_publish(fr.ANY, str(number), 1)
        n2.expect(fr.pingresp())
        self.assertEqual(self.gw.process.count("client_lost|session_expired"),
                         0)


class MuteGateway(Gateway):
    """Its log, at level debug, leads nowhere; STREAMS is for the shell."""

    def __init__(self, port, streams):
        self.streams = streams
        super().__init__(port)

    def start(self, ready=True):
        self.process = Process("gateway", [
            "/bin/sh", "-c", 'exec "$@" ' + self.streams, "sh",
            os.environ["MQTTSN_GATEWAY"], "-c", self.file], env=self.env)


class FullLog(E2ETest):
    """Standard error that takes nothing must not stop anybody."""

    STREAMS = "2>/dev/full"

    def begin(self):
        self.broker = self.start_broker()
        self.gw = MuteGateway(self.broker.port, self.STREAMS)
        self.gateways.append(self.gw)

    def wait_listening(self):
        """Its log cannot tell."""
        wanted = ":%04X" % self.gw.port
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with open("/proc/net/udp", encoding="ascii") as file:
                if any(line.split()[1].endswith(wanted) for line in file):
                    return
        self.fail("it does not listen")

    def test_nodes_are_served(self):
        watch = self.mqtt("up/#", 1)
        n1 = self.node("n1")
        self.wait_listening()
        n1.insist(fr.connect("n1", 600, True), fr.connack())
        topic_id = n1.register("up/x")
        for number in range(100):
            n1.publish1(topic_id, str(number), 10 + number)
            watch.expect("up/x", str(number))


class NoStreams(FullLog):
    """What is opened instead of them is not taken for the log."""

    STREAMS = "<&- >&- 2>&-"

    def test_nodes_are_served(self):
        super().test_nodes_are_served()

        self.assertEqual(
            [os.readlink("/proc/%d/fd/%d" % (self.gw.process.child.pid, fd))
             for fd in range(3)], 3 * ["/dev/null"])


class Load(E2ETest):
    """SIGTERM while twenty nodes publish: whatever was acknowledged is at the
    broker, and the end is in order."""

    CONFIG = {"log": {"level": "info"}}
    NODES = 20

    def publish_until_silence(self, node, topic_id, acked, begun):
        for number in range(1, 60000):
            text = "%s-%d" % (node.client_id, number)
            try:
                node.send(fr.publish(topic_id, text, 1, number))
                octets = node.receive(timeout=PATIENCE)
            except ConnectionRefusedError:
                return
            if octets is None or not fr.puback(
                    topic_id, number).matches(octets):
                return  # DISCONNECT, congestion, or nobody there any more
            acked.append(text)
            begun.release()

    def test_what_was_acknowledged_is_at_the_broker(self):
        watch = self.mqtt("up/#", 1)
        acked, begun, threads = [], threading.Semaphore(0), []
        for number in range(self.NODES):
            node = self.node("n%d" % number).connect(600)
            topic_id = node.register("up/x")
            threads.append(threading.Thread(
                target=self.publish_until_silence,
                args=(node, topic_id, acked, begun), daemon=True))
        for thread in threads:
            thread.start()
        for _ in range(500):
            self.assertTrue(begun.acquire(timeout=PATIENCE))

        self.gw.terminate()

        self.assertEqual(self.gw.wait(), 0)
        for node in self.nodes:
            node.socket.shutdown(2)
        for thread in threads:
            thread.join(2 * PATIENCE)
        watch.wait_for(
            lambda got: set(acked) <= {m.payload.decode() for m in got},
            "%d acknowledged messages" % len(acked))


if __name__ == "__main__":
    main()
