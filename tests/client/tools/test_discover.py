# SPDX-License-Identifier: MIT
"""mqttsn-discover over the loopback's multicast."""

import re

from tools import ToolTest, free_port, main, run


class Discover(ToolTest):
    GROUP = "225.1.1.1"
    ADVERTISE = "0"

    def begin(self):
        self.group = "%s:%d" % (self.GROUP, free_port())
        self.broker = self.start_broker()
        self.gw = self.start_gateway(self.broker.port, {
            "gateway": {"id": 42},
            "listener test": {
                "discovery": "yes", "interface": "lo",
                "multicast": self.group,
                "advertise_interval": self.ADVERTISE}})

    def test_it_lists_the_gateway_that_answers(self):
        # [SN12-113] [SN12-015]
        status, out, error = run("discover", "-g", self.group, "--interface",
                                 "lo", "-C", 1, "-d")

        self.assertEqual(status, 0, error)
        self.assertEqual(out, "42 127.0.0.1:%d gwinfo\n" % self.gw.port)
        self.assertIn("SEARCHGW radius=1", error)
        self.assertEqual(len(re.findall("SEARCHGW", error.split("<")[0])), 1)

    def test_none_is_27_when_the_time_ends(self):
        status, out, _ = run("discover", "-g", "225.1.1.2:%d" % free_port(),
                             "--interface", "lo", "-W", "0.2")

        self.assertEqual((status, out), (27, ""))

    def test_an_interface_that_is_not_there(self):
        status, _, error = run("discover", "--interface", "none0")

        self.assertEqual(status, 1)
        self.assertEqual(error, "mqttsn-discover: error: there is no "
                         "interface 'none0'\n")


class Advertised(Discover):
    ADVERTISE = "1s"

    def test_it_lists_the_gateway_that_answers(self):
        # What is heard in two ways is one gateway; the group's TTL of the
        # gateway's own is enough.
        status, out, error = run("discover", "-g", self.group, "--interface",
                                 "lo", "-W", "1.5", "-d")

        self.assertEqual(status, 0, error)
        self.assertEqual(out.count("\n"), 1, out)
        self.assertIn("< 127.0.0.1:%d ADVERTISE" % self.gw.port, error)

    test_none_is_27_when_the_time_ends = None
    test_an_interface_that_is_not_there = None


if __name__ == "__main__":
    main()
