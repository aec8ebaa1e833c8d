# SPDX-License-Identifier: MIT
"""What OpenWrt's configuration is translated to, and that the scripts of its
packages are sound. The packages themselves cannot be built here."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(os.environ["MQTTSN_SOURCE_ROOT"])
FEED = ROOT / "packaging" / "openwrt"
FILES = FEED / "mqttsn-gateway" / "files"
FUNCTIONS = ROOT / "tests" / "packaging" / "uci_functions.sh"


def translate(uci):
    with tempfile.NamedTemporaryFile("w", suffix=".uci") as file:
        file.write(uci)
        file.flush()
        return subprocess.run(
            ["sh", str(FILES / "uci-to-conf")], capture_output=True, text=True,
            check=True, env={**os.environ, "UCI_FILE": file.name,
                             "UCI_FUNCTIONS": str(FUNCTIONS)})


def gateway(conf, *words):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(conf)
        file.flush()
        return subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", file.name, *words],
            capture_output=True, text=True, check=False)


class Translation(unittest.TestCase):
    def body(self, uci):
        """What is written without the first line; nothing is complained of."""
        done = translate(uci)
        self.assertEqual(done.stderr, "")
        return done.stdout.partition("\n")[2].strip()

    def complaint(self, uci):
        done = translate(uci)
        self.assertEqual(gateway(done.stdout, "--check-config").returncode, 0)
        return done.stderr

    def test_sections_and_keys_keep_their_names(self):
        self.assertEqual(
            self.body("config gateway 'gateway'\n\toption id '7'\n"
                      "config listener 'lan'\n\toption bind '0.0.0.0:1883'\n"
                      "\tlist forwarders '10.0.0.1'\n"
                      "\tlist forwarders '10.0.0.2'\n"
                      "\toption discovery 'yes'\n"),
            "[gateway]\nid = 7\n\n[listener lan]\nbind = 0.0.0.0:1883\n"
            "forwarders = 10.0.0.1, 10.0.0.2\ndiscovery = yes")

    def test_a_pattern_may_stand_behind_its_keys(self):
        self.assertEqual(
            self.body("config client\n\toption queue_max_messages '5'\n"
                      "\tlist subscribe 'cmd/a 1'\n\tlist subscribe 'cmd/b 0'\n"
                      "\toption pattern 'sensor-[0-9]*'\n\toption will 'never'\n"
                      "config client 'x'\n\toption pattern '*'\n"),
            "[client sensor-[0-9]*]\nqueue_max_messages = 5\n"
            "subscribe = cmd/a 1\nsubscribe = cmd/b 0\nwill = never\n\n"
            "[client *]")

    def test_predefined_topics_are_one_section(self):
        self.assertEqual(
            self.body("config predefined\n\toption id '1'\n"
                      "\toption topic 'a/b'\n\toption open 'yes'\n"
                      "config log 'log'\n\toption level 'debug'\n"
                      "config predefined\n\toption topic 'c d'\n"
                      "\toption id '2'\n"),
            "[log]\nlevel = debug\n\n[predefined]\n1 = a/b, open\n2 = c d")

    def test_what_is_translated_is_what_is_in_force(self):
        conf = translate(
            "config gateway 'g'\n\toption name 'a gateway; in the attic'\n"
            "config listener 'lan'\n\toption bind '127.0.0.1:1884'\n"
            "config upstream 'u'\n\tlist url 'mqtt://one'\n"
            "\tlist url 'mqtt://two:1884'\n"
            "config topics 't'\n\tlist qos_minus1_from '10.0.0.0/8'\n").stdout
        printed = gateway(conf, "--print-config")

        self.assertEqual(printed.returncode, 0, printed.stderr)
        for line in ("name = a gateway; in the attic", "bind = 127.0.0.1:1884",
                     "url = mqtt://one, mqtt://two:1884",
                     "qos_minus1_from = 10.0.0.0/8"):
            self.assertIn("\n" + line, printed.stdout)

    def test_the_file_that_is_shipped_is_good(self):
        conf = self.body((FILES / "mqttsn-gateway.config").read_text())

        self.assertNotIn("owrt", conf)
        self.assertEqual(gateway(conf, "--check-config").returncode, 0)

    def test_what_cannot_be_written_is_said_and_left_out(self):
        for uci, said in (
                ("config gateway\n\toption name 'a ; b'\n", "gateway.name"),
                ("config gateway\n\toption name \"a$newline b\"\n",
                 "gateway.name"),
                ("config listener\n\toption bind '[::]:1'\n", "expected a name"),
                ("config client\n\toption will 'never'\n", "without 'pattern'"),
                ("config predefined\n\toption id '1'\n", "'id' and 'topic'"),
                ("config 'a]b'\n\toption c 'd'\n", "no such section")):
            with self.subTest(uci):
                self.assertIn(said, self.complaint(uci))


class Scripts(unittest.TestCase):
    @unittest.skipUnless(shutil.which("shellcheck"), "no shellcheck")
    def test_they_are_sound(self):
        scripts = [path for path in FEED.rglob("*") if path.is_file() and
                   path.read_text().startswith("#!/bin/sh")]
        self.assertEqual(len(scripts), 3)
        done = subprocess.run(["shellcheck", "-s", "dash",
                               *map(str, scripts), str(FUNCTIONS)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_version_is_that_of_the_project(self):
        makefile = (FEED / "mqttsn-gateway" / "Makefile").read_text()
        version = gateway("", "--version").stdout.split()[1]

        self.assertIn("PKG_VERSION:=%s\n" % version, makefile)

    def test_what_is_installed_from_files_is_there(self):
        makefile = (FEED / "mqttsn-gateway" / "Makefile").read_text()
        for word in makefile.split():
            if word.startswith("./files/"):
                self.assertTrue((FEED / "mqttsn-gateway" / word).exists(), word)


if __name__ == "__main__":
    unittest.main()
