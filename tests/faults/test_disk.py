# SPDX-License-Identifier: MIT
"""A disk that is full, or takes nothing, under the store. The gateway has a
file system of its own there, in a mount namespace."""

import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.environ["MQTTSN_E2E"])

from harness import E2ETest, fr, main  # noqa: E402
from processes import PATIENCE, Gateway  # noqa: E402

# A new mount namespace, as root or as a user who may have one.
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def has_namespaces():
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True,
                              check=False).returncode == 0
    except OSError:
        return False


def on_disk(options):
    """A command that runs another with a small file system under disk/."""
    return [*NAMESPACE, "/bin/sh", "-c",
            'mkdir "$0" && mount -t tmpfs -o %s none "$0" && exec "$@"'
            % options, "{directory}/disk"]


@unittest.skipUnless(has_namespaces(), "no mount namespaces here")
class FullDisk(E2ETest):
    CONFIG = {
        "store": {"type": "sqlite", "path": "{directory}/disk/gateway.db",
                  "flush_interval": "1s"},
        "upstream": {"reconnect_min": "20ms", "reconnect_max": "50ms"},
        "log": {"level": "info"},
    }

    def begin(self):
        self.broker = self.start_broker("max_inflight_messages 100")
        self.watch = self.mqtt("up/#", 1)

    def publish_until_refused(self, node, topic_id):
        """Publishes until one is not acknowledged, because it is not stored;
        its number."""
        for number in range(1, 3000):
            node.send(fr.publish(topic_id, "%0900d" % number, 1, number))
            octets = self.answer_or_failure(node)
            if octets is None:
                return number
            if not fr.puback(topic_id, number).matches(octets):
                self.fail(node.story())
        self.fail("the disk does not get full\n" + self.gw.process.tail())

    def answer_or_failure(self, node):
        """None: the log says that it failed, and no answer was under way."""
        deadline = time.monotonic() + PATIENCE
        failed = False
        while time.monotonic() < deadline:
            octets = node.receive(timeout=PATIENCE / 50)
            if octets is not None or failed:
                return octets
            failed = self.gw.process.count("event=append_failed") != 0
        self.fail("neither stored nor refused\n" + self.gw.process.tail())

    def stores_again(self):
        try:
            self.gw.wait_log("area=store event=append_works", timeout=0.3)
            return True
        except AssertionError:
            return False

    def test_what_was_accepted_is_kept_and_the_rest_waits_for_the_broker(self):
        self.gw = self.start_gateway(self.broker.port, self.CONFIG,
                                     prefix=on_disk("size=512k"))
        n1 = self.node("n1").connect(600)
        topic_id = n1.register("up/x")
        self.broker.pause()
        last = self.publish_until_refused(n1, topic_id)
        self.gw.wait_log("area=store event=append_failed")
        n1.fence()  # nodes are served

        self.broker.resume()

        # Without the store it is the broker who acknowledges.
        n1.insist(fr.publish(topic_id, "%0900d" % last, 1, last, dup=True),
                  fr.puback(topic_id, last), attempts=30)
        self.watch.wait_for(
            lambda got: {int(m.payload) for m in got} >= set(range(1, last + 1)),
            "all %d messages" % last, 3 * PATIENCE)
        # What has left makes room, and what comes then is stored again.
        for number in range(last + 1, last + 200):
            n1.publish1(topic_id, "%d" % number, number)
            if self.stores_again():
                break
        else:
            self.fail("nothing is stored again\n" + self.gw.process.tail())
        print("%d messages were accepted before the disk was full" % (last - 1))
        self.assertGreater(last, 10)


@unittest.skipUnless(has_namespaces(), "no mount namespaces here")
class ReadOnlyDisk(FullDisk):
    test_what_was_accepted_is_kept_and_the_rest_waits_for_the_broker = None

    def test_it_does_not_start_and_says_why(self):
        gw = NotReady(self.broker.port, self.CONFIG, prefix=on_disk("ro"))
        self.addCleanup(gw.close)

        self.assertEqual(gw.process.wait(), 1)

        gw.wait_log("area=store event=cannot_open .*gateway.db.*reason=")


class NotReady(Gateway):
    def start(self, ready=True):
        try:
            super().start(ready)
        except AssertionError:
            pass


if __name__ == "__main__":
    main()
