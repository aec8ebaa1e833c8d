# SPDX-License-Identifier: MIT
"""The command lines of the tools; needs no broker and no gateway."""

import os
import sys
import unittest

from tools import free_port, run

TOOLS = ("bench", "pub", "sub", "discover", "forwarder")
T = ("-t", "t")
M = ("-m", "x")

BAD = (
    # tool, arguments, what is said
    ("bench", (),
     "--mode wants connect, up, down, fan-out, sleep or mixed"),
    ("bench", ("--mode", "up", "--prefix", "a/b"),
     "--prefix wants 1 to 12 octets, without '/', '+', '#', '$'"),
    ("bench", ("--mode", "up", "--rate", "1", "--interval", "1"),
     "--rate and --interval exclude each other"),
    ("bench", ("--mode", "up", "--no-broker"),
     "--no-broker is for --mode fan-out"),
    ("bench", ("--mode", "fan-out", "--window", "65"),
     "with --mode fan-out --window is at most 64"),
    ("bench", ("--mode", "up", "--window", "257"),
     "--window is at most 256, but for --mode connect and sleep"),
    ("bench", ("--mode", "up", "--size", "25"),
     "--size wants a whole number from 26 to 4096, not '25'"),
    ("pub", (), "one topic is wanted: -t, --topic-id or --short"),
    ("pub", T + T + M, "one topic is wanted: -t, --topic-id or --short"),
    ("pub", T, "one message is wanted: -m, -f, -l, -n or -s"),
    ("pub", T + M + ("-n",), "one message is wanted: -m, -f, -l, -n or -s"),
    ("pub", T + M + ("-q", "3"),
     "-q wants a whole number from -1 to 2, not '3'"),
    ("pub", T + M + ("-q", "-1"),
     "QoS -1 wants a topic by --topic-id or --short"),
    ("pub", ("-t", "a/+") + M,
     "-t wants a valid topic name, without wildcards"),
    ("pub", ("--short", "abc") + M,
     "--short wants a name of two octets, not 'abc'"),
    ("pub", ("--topic-id", "0") + M,
     "--topic-id wants a whole number from 1 to 65534, not '0'"),
    ("pub", T + M + ("-c",),
     "-c wants a client id (-i), so that the session is found again"),
    ("pub", T + M + ("-i", "x" * 24),
     "-i wants a client id of at most 23 octets"),
    ("pub", T + M + ("--will-payload", "x"), "a will wants a --will-topic"),
    ("pub", T + M + ("-4", "-6"), "-4 and -6 exclude each other"),
    ("pub", T + M + ("-p", "0"),
     "-p wants a whole number from 1 to 65535, not '0'"),
    ("pub", T + M + ("--frobnicate",),
     "unknown option '--frobnicate' (see --help)"),
    ("pub", T + M + ("rest",), "unexpected argument 'rest' (see --help)"),
    ("pub", T + ("-m",), "-m wants a value"),
    ("pub", T + ("-l", "--repeat", "2"),
     "-l and --repeat exclude each other"),
    ("sub", (), "a topic is wanted: -t, --topic-id or --short"),
    ("sub", ("-t", "a/#/b"), "-t wants a valid topic filter"),
    ("sub", T + ("-q", "-1"),
     "-q wants a whole number from 0 to 2, not '-1'"),
    ("sub", T + ("-F", "%j"), "-F: 'j' has no meaning there"),
    ("sub", T + ("-F", "%"), "-F ends too early"),
    ("sub", T + ("-W", "soon"),
     "-W wants seconds from 0 to 1000000, not 'soon'"),
    ("sub", T + ("-W", "0"), "-W wants more than 0 seconds"),
    ("discover", ("-W", "0.0001"), "-W wants more than 0 seconds"),
    ("sub", T + ("--sleep", "0"),
     "--sleep wants a whole number from 1 to 65000, not '0'"),
    ("sub", T + ("--node-id", "abc"),
     "--node-id wants 1 to 252 octets as hexadecimal digits, not 'abc'"),
    ("discover", ("-g", "10.0.0.1:1883"),
     "-g wants a multicast group and a port, as 225.1.1.1:1883 or "
     "[ff18::1]:1883"),
    ("discover", ("--radius", "256"),
     "--radius wants a whole number from 0 to 255, not '256'"),
    ("forwarder", (), "one near side is wanted: --serial or --udp"),
    ("forwarder", ("--udp", "1", "--serial", "x"),
     "one near side is wanted: --serial or --udp"),
    ("forwarder", ("--udp", "x"),
     "--udp wants a port, or an address of this host and a port"),
    ("forwarder", ("--serial", "x", "--baud", "9601"),
     "--baud wants a usual rate, as 9600 or 115200"),
    ("forwarder", ("--udp", "1884", "--node-id", "01"),
     "--node-id is for --serial: on UDP a node is its address"),
)


class CommandLine(unittest.TestCase):
    def test_bad_arguments_get_one_clear_line_and_status_2(self):
        for tool, arguments, said in BAD:
            with self.subTest(tool=tool, arguments=arguments):
                self.assertEqual(
                    run(tool, *arguments),
                    (2, "", "mqttsn-%s: error: %s\n" % (tool, said)))

    def test_help_fits_a_screen_and_names_the_exit_statuses(self):
        for tool in TOOLS:
            with self.subTest(tool):
                status, out, error = run(tool, "--help")
                lines = out.split("\n")
                self.assertEqual((status, error), (0, ""))
                self.assertLessEqual(len(lines) - 1, 24)
                self.assertLessEqual(max(map(len, lines)), 80)
                self.assertIn("Exit status", out)

    def test_version(self):
        for tool in TOOLS:
            with self.subTest(tool):
                status, out, _ = run(tool, "--version")
                self.assertEqual(status, 0)
                self.assertRegex(out, r"^mqttsn-%s \d+\.\d+\.\d+\n$" % tool)

    def test_a_gateway_that_is_not_there_fails_at_once(self):
        port = free_port()
        for host in ("127.0.0.1", "localhost"):
            for tool, more in (("pub", T + M), ("sub", T),
                               ("pub", ("--topic-id", "1", "-q", "-1") + M),
                               ("bench", ("--mode", "connect",
                                          "--no-ceiling"))):
                with self.subTest(host=host, tool=tool):
                    self.assertEqual(
                        run(tool, "-h", host, "-p", port, *more),
                        (1, "", "mqttsn-%s: error: nobody listens at port %d "
                         "of '%s'\n" % (tool, port, host)))

    def test_manual_and_completion_know_every_option_of_the_help(self):
        import re
        root = os.environ["MQTTSN_SOURCE_ROOT"]
        with open(os.path.join(root, "packaging/completion/mqttsn-tools"),
                  encoding="utf-8") as file:
            completion = file.read()
        for tool in TOOLS:
            with open(os.path.join(root, "docs/man/mqttsn-%s.1" % tool),
                      encoding="utf-8") as file:
                manual = file.read().replace("\\-", "-")
            _, out, _ = run(tool, "--help")
            for word in re.findall(r"--[a-z][a-z-]+", out):
                with self.subTest(tool=tool, option=word):
                    self.assertIn(word, manual)
                    self.assertIn(word, completion)


if __name__ == "__main__":
    if not os.environ.get("MQTTSN_TOOLS"):
        print("MQTTSN_TOOLS does not name the tools", file=sys.stderr)
        sys.exit(2)
    unittest.main(verbosity=2)
