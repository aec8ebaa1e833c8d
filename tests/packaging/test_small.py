# SPDX-License-Identifier: MIT
"""The smallest gateway, for small routers: that it builds without what it is to
do without, says so, and carries messages."""

import os
import re
import subprocess
import sys
import unittest

ROOT = os.environ["MQTTSN_SOURCE_ROOT"]
BUILD = os.path.join(os.environ["MQTTSN_BUILD_ROOT"], "small")
LEFT_OUT = ("sqlite", "tls", "http")
os.environ["MQTTSN_GATEWAY"] = os.path.join(BUILD, "gateway", "mqttsn-gateway")
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from harness import E2ETest, main  # noqa: E402


def build():
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        subprocess.run(["meson", "setup", BUILD, ROOT, "--buildtype=minsize",
                        "-Db_lto=true", "-Dtests=false"]
                       + ["-D%s=disabled" % name for name in LEFT_OUT],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD, "gateway/mqttsn-gateway"],
                   check=True, stdout=subprocess.DEVNULL)


def run(*words):
    return subprocess.run([os.environ["MQTTSN_GATEWAY"], "-c", "/dev/null",
                           *words], capture_output=True, text=True, check=False)


class WhatItIs(unittest.TestCase):
    def test_it_needs_four_libraries_and_no_more(self):
        dynamic = subprocess.run(
            ["readelf", "-d", os.environ["MQTTSN_GATEWAY"]],
            capture_output=True, text=True, check=True).stdout
        needed = re.findall(r"NEEDED.*\[lib(.+?)\.so", dynamic)

        self.assertEqual(set(needed) - {"m"}, {"c", "uv", "inih", "paho-mqtt3a"})

    def test_what_is_left_out_is_refused_by_name(self):
        for setting, said in (
                ("upstream.url=mqtts://x", "expected mqtt or ws: this build has "
                                           "no TLS"),
                ("store.type=sqlite", "this build has no SQLite"),
                ("http.bind=127.0.0.1:1", "this build has no HTTP")):
            done = run("--set", setting, "--check-config")

            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)


class WhatItDoes(E2ETest):
    def begin(self):
        self.broker = self.start_broker()
        self.gw = self.start_gateway(self.broker.port)

    def test_messages_go_both_ways(self):
        client = self.mqtt("up/#", 1)
        node = self.node("n1").connect()
        topic = node.register("up/x")
        command = node.subscribe("cmd/x", 1)

        node.publish1(topic, "21.5", 7)
        client.wait_for(lambda got: got, "the message")
        self.mqtt().publish("cmd/x", "on", 1)

        node.take_publish(command, "on", 1)
        self.assertEqual([m.payload for m in client.messages], [b"21.5"])


if __name__ == "__main__":
    build()
    main()
