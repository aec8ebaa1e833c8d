# SPDX-License-Identifier: MIT
"""The tools over a network that loses and doubles datagrams, and over IPv6."""

import socket
import unittest

from tools import ToolTest, free_port, main, run

from proxy import Proxy


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def multicast_interface():
    """An interface that IPv6 multicast can leave by; None without one."""
    try:
        with open("/proc/net/ipv6_route", encoding="ascii") as routes:
            rows = [line.split() for line in routes]
    except OSError:
        return None
    return next((row[-1] for row in rows
                 if row[0] == "ff" + 30 * "0" and row[1] == "08"), None)


class Loss(ToolTest):
    CONFIG = {**ToolTest.CONFIG, "retry": {"interval": "200ms", "count": 10}}

    def proxy(self, seed):
        # No two in a row: three repetitions, as many as the tools make by
        # themselves, are enough, and a test that fails has found something.
        proxy = Proxy(self.gw.port, seed)
        self.addCleanup(proxy.close)
        return proxy

    def through(self, proxy):
        return ("-h", "127.0.0.1", "-p", proxy.port, "--retry", "0.1")

    def test_qos_1_and_2_arrive_and_qos_2_once(self):
        watch = self.mqtt("up/#", 2)
        for qos, seed in ((1, 11), (2, 12)):
            with self.subTest(qos=qos):
                proxy = self.proxy(seed)
                lines = ["%d-%d" % (qos, number) for number in range(20)]
                status, _, error = run(
                    "pub", *self.through(proxy), "-t", "up/t", "-l", "-q", qos,
                    stdin="\n".join(lines).encode())

                self.assertEqual(status, 0, error)
                self.assertGreater(proxy.lost, 0)
                got = []
                while len(set(got)) < len(lines):
                    got.append(watch.take().payload.decode())
                self.assertEqual(sorted(set(got)), sorted(lines))
                if qos == 2:
                    self.assertEqual(got, lines)

    def test_a_sleeper_gets_all_that_was_kept(self):
        proxy = self.proxy(13)
        lines = ["kept %d" % number for number in range(10)]
        sub = self.start("sub", *self.through(proxy), "-t", "down/t", "-q", 2,
                         "--sleep", 1, "-i", "sleeper", "-C", len(lines), "-d")
        self.gw.wait_log(r"event=asleep .*client=sleeper")
        source = self.mqtt()
        for line in lines:
            source.publish("down/t", line, 2)

        self.end(sub)

        self.assertEqual([line for line in sub.lines
                          if line.startswith("kept")], lines)


@unittest.skipUnless(has_ipv6(), "no IPv6 here")
class Ipv6(ToolTest):
    CONFIG = {}
    BIND = "[::1]"

    def begin(self):
        self.broker = self.start_broker()
        port = free_port()
        self.gw = self.start_gateway(self.broker.port, {
            "gateway": {"id": 6},
            "listener test": {"bind": "%s:%d" % (self.BIND, port),
                              "forwarders": "::1", **self.CONFIG}})
        self.gw.port = port

    def test_tools_and_forwarder_over_ipv6(self):
        watch = self.mqtt("up/t", 1)
        near = free_port()
        self.start("forwarder", "-h", "::1", "-p", self.gw.port, "--udp",
                   "[::1]:%d" % near, "-d").wait_line("ready$")
        for port in (self.gw.port, near):
            with self.subTest(port=port):
                status, _, error = run("pub", "-6", "-h", "::1", "-p", port,
                                       "-t", "up/t", "-m", "x", "-q", 1)
                self.assertEqual(status, 0, error)
                watch.expect("up/t", "x", 1)


@unittest.skipUnless(multicast_interface(), "no IPv6 multicast here")
class Ipv6Discovery(Ipv6):
    BIND = "[::]"

    def begin(self):
        self.group = "[ff12::4711]:%d" % free_port()
        self.CONFIG = {"discovery": "yes", "multicast": self.group,
                       "interface": multicast_interface()}
        super().begin()

    def test_discovery_over_ipv6(self):
        status, out, error = run("discover", "-6", "-g", self.group,
                                 "--interface", multicast_interface(),
                                 "-C", 1, "-d")

        self.assertEqual(status, 0, error)
        self.assertRegex(out, r"^6 \[[0-9a-f:]+\]:%d gwinfo\n$" % self.gw.port)

    test_tools_and_forwarder_over_ipv6 = None


if __name__ == "__main__":
    main()
