# SPDX-License-Identifier: MIT
"""The command line, and what a configuration is told that is wrong."""

import os
import re
import subprocess
import tempfile
import unittest

from harness import E2ETest, fr, main
from processes import PATIENCE, free_port


def run(*arguments, env=None):
    own = {name: value for name, value in os.environ.items()
           if name == "MQTTSN_GATEWAY" or not name.startswith("MQTTSN_")}
    own.update(env or {})
    return subprocess.run(
        [os.environ["MQTTSN_GATEWAY"], *arguments], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE, env=own, check=False)


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mqttsn-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, text, name="gateway.conf"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_version_names_the_libraries(self):
        done = run("--version")

        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"mqttsn-gateway \d+\.\d+")
        self.assertRegex(done.stdout, r"(?i)libuv.*\d+\.\d+")
        self.assertRegex(done.stdout, r"(?i)paho.*\d+\.\d+")
        self.assertRegex(done.stdout, r"(?i)heap")

    def test_help_names_every_option(self):
        done = run("--help")

        self.assertEqual(done.returncode, 0)
        for option in ("-c", "--set", "--check-config", "--print-config",
                       "--import-paho", "--log-format", "--version", "--help"):
            self.assertIn(option, done.stdout)

    def test_unknown_options_and_operands_are_usage_errors(self):
        for arguments in (["--nonsense"], ["operand"], ["-c"], ["--set"],
                          ["--log-format", "xml"]):
            with self.subTest(arguments):
                done = run(*arguments)

                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(done.stderr)

    def test_a_good_configuration_is_said_to_be_good_with_its_memory(self):
        done = run("-c", self.file("[gateway]\nid = 7\n"), "--check-config")

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"(?i)(MiB|octets|bytes)")

    def test_an_unknown_key_is_an_error_with_file_line_and_nearest_key(self):
        path = self.file("[gateway]\nid = 7\n\n[retry]\nintervall = 10s\n")

        done = run("-c", path, "--check-config")

        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, re.escape(path) + r":5")
        self.assertIn("intervall", done.stderr)
        self.assertIn("interval", done.stderr.replace("intervall", ""))

    def test_values_out_of_range_are_errors(self):
        for section, key, value in (
                ("gateway", "id", "0"), ("gateway", "id", "256"),
                ("gateway", "id", "seven"), ("retry", "interval", "10"),
                ("limits", "queue_max_bytes", "64 apples"),
                ("sleep", "strict_sleep", "perhaps"),
                ("upstream", "url", "http://x"),
                ("listener x", "bind", "not an address"),
                ("predefined", "0", "a"), ("predefined", "65535", "a"),
                ("predefined", "7", "a/+")):
            with self.subTest("%s.%s = %s" % (section, key, value)):
                path = self.file("[%s]\n%s = %s\n" % (section, key, value))

                done = run("-c", path, "--check-config")

                self.assertNotEqual(done.returncode, 0)
                self.assertIn(path + ":2", done.stderr)

    def test_a_repeated_key_is_an_error(self):
        path = self.file("[gateway]\nid = 7\nid = 8\n")

        done = run("-c", path, "--check-config")

        self.assertNotEqual(done.returncode, 0)
        self.assertIn(path + ":3", done.stderr)

    def test_a_file_that_is_not_there_is_an_error(self):
        done = run("-c", os.path.join(self.folder, "none"), "--check-config")

        self.assertNotEqual(done.returncode, 0)
        self.assertIn("none", done.stderr)

    def test_what_is_imported_can_be_used_as_it_is(self):
        theirs = self.file("GatewayID=7\nBrokerName=localhost\nQoS-1=YES\n"
                           "ClientsList=clients\nShearedMemory=NO\n")
        with open(os.path.join(self.folder, "clients"), "w",
                  encoding="utf-8") as out:
            out.write("node,127.0.0.1:1234,QoS-1\n")

        done = run("--import-paho", theirs)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertIn("ShearedMemory", done.stdout)
        checked = run("-c", self.file(done.stdout), "--check-config")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("0.0.0.0:10000", checked.stdout)

    def test_what_cannot_be_imported_is_said(self):
        for text, status, said in (("nonsense\n", 2, ":1: expected KEY=VALUE"),
                                   ("Forwarder=YES\n", 1, "clients.conf")):
            with self.subTest(text):
                done = run("--import-paho", self.file(text))

                self.assertEqual(done.returncode, status)
                self.assertEqual(done.stdout, "")
                self.assertIn(said, done.stderr)

    def printed(self, *arguments, env=None):
        done = run(*arguments, "--print-config", env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def value(self, text, section, key):
        current = None
        for line in text.splitlines():
            if line.startswith("["):
                current = line.split("]")[0][1:]
            elif current == section:
                match = re.match(r"%s\s*=\s*(\S+)" % re.escape(key), line)
                if match:
                    return match.group(1)
        return None

    def test_set_goes_before_environment_before_file_before_default(self):
        path = self.file("[gateway]\nid = 7\n")
        cases = (
            (["-c", self.file("", "empty.conf")], None, "1"),
            (["-c", path], None, "7"),
            (["-c", path], {"MQTTSN_GATEWAY_ID": "8"}, "8"),
            (["-c", path, "--set", "gateway.id=9"],
             {"MQTTSN_GATEWAY_ID": "8"}, "9"),
            (["-c", path, "--set", "gateway.id=9", "--set", "gateway.id=10"],
             None, "10"),
        )
        for arguments, env, wanted in cases:
            with self.subTest(wanted):
                text = self.printed(*arguments, env=env)

                self.assertEqual(self.value(text, "gateway", "id"), wanted)

    def test_set_can_make_a_listener(self):
        text = self.printed("-c", self.file(""), "--set",
                            "listener.lan.bind=127.0.0.1:2883")

        self.assertEqual(self.value(text, "listener lan", "bind"),
                         "127.0.0.1:2883")

    def test_advertise_is_rare_unless_configured_otherwise(self):
        # [SN12-109]
        text = self.printed("-c", self.file(""), "--set",
                            "listener.lan.discovery=yes", "--set",
                            "listener.lan.multicast=225.1.1.1:1885")

        self.assertEqual(
            self.value(text, "listener lan", "advertise_interval"), "16m")

    def test_what_is_printed_loads_to_the_same(self):
        path = self.file("[gateway]\nid = 7\n[retry]\ninterval = 250ms\n"
                         "[predefined]\n5 = a/b, open\n")
        once = self.printed("-c", path)

        again = self.printed("-c", self.file(once, "again.conf"))

        def values(text):
            return [re.sub(r"\s*;.*|\s*#.*", "", line) for line in
                    text.splitlines() if "=" in line]
        self.assertEqual(values(once), values(again))

    def test_secrets_are_refused_when_others_may_read_them(self):
        secret = self.file("hush", "password")
        os.chmod(secret, 0o644)
        path = self.file("[upstream]\nusername = gw\npassword_file = %s\n"
                         % secret)

        done = run("-c", path, "--check-config")

        self.assertNotEqual(done.returncode, 0)
        os.chmod(secret, 0o600)
        done = run("-c", path, "--print-config")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("hush", done.stdout)


class Start(E2ETest):
    def test_a_bad_configuration_does_not_start(self):
        # 2: another try will not do. Plain text: there is no log yet.
        for arguments, text in (
                (("-c", "/nonexistent"), r"/nonexistent"),
                (("-c", os.devnull, "--set", "gateway.id=0"), r"gateway\.id")):
            with self.subTest(text):
                done = run(*arguments, "--set", "log.format=json")

                self.assertEqual(done.returncode, 2)
                self.assertRegex(done.stderr, "^mqttsn-gateway: .*" + text)

    def test_an_address_in_use_is_said(self):
        done = run("--set", "listener.x.bind=127.0.0.1:%d" % self.gw.port,
                   "-c", os.devnull)

        self.assertEqual(done.returncode, 1)  # another try may do
        self.assertRegex(done.stderr, r"event=cannot_bind .*in use")

    def test_the_first_line_names_the_versions(self):
        self.assertRegex(self.gw.process.lines[0], r"version=\S+")
        self.assertRegex(self.gw.process.lines[0], r"(?i)paho")

    def test_json_lines_are_json(self):
        import json
        gw = self.start_gateway(
            self.broker.port, {"upstream": {"client_id": "mqttsn-gw-json"},
                               "listener test": {"discovery": "yes"}},
            argv=["--log-format", "json"], ready=False)
        gw.wait_log(r'"event":"connected"')
        self.gw = gw
        self.node('quo"ted\\').connect()
        gw.terminate()
        self.assertEqual(gw.wait(), 0)

        lines = [json.loads(line) for line in gw.process.lines]
        self.assertEqual(lines[0]["event"], "warning")
        self.assertEqual(lines[0]["key"], "listener.test.discovery")
        self.assertEqual(lines[0]["file"], gw.file)
        self.assertIsInstance(lines[0]["line"], int)

    def test_ids_from_outside_are_escaped_in_the_log(self):
        self.node("evil\nlevel=error area=fake\x1b[31m").connect()

        line = self.gw.wait_log("event=connected client=.*evil")[1].string
        self.assertNotIn("\x1b", line)
        self.assertEqual(
            self.gw.process.count(r"^level=error area=fake"), 0)


class Ipv6(E2ETest):
    def begin(self):
        self.broker = self.start_broker()
        self.port6 = free_port()
        self.gw = self.start_gateway(self.broker.port, {
            "listener six": {"bind": "[::1]:%d" % self.port6}})

    def test_nodes_are_served_on_both_families(self):
        import socket
        self.node("n4").connect()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
            six.settimeout(PATIENCE)
            six.connect(("::1", self.port6))
            six.send(bytes(fr.connect("n6")))
            self.assertEqual(six.recv(100), bytes(fr.connack()))


class Wildcard(E2ETest):
    def test_answers_leave_from_the_address_that_was_asked(self):
        port = free_port()
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": {"client_id": "mqttsn-gw-any"},
            "listener test": {"bind": "0.0.0.0:%d" % port}})
        for host in ("127.0.0.1", "127.0.0.2", "127.1.2.3"):
            self.gw.port = port
            node = self.node("n" + host, host=host)
            node.connect().fence()


if __name__ == "__main__":
    main()
