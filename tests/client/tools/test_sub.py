# SPDX-License-Identifier: MIT
"""mqttsn-sub against the gateway and a broker."""

import shutil
import signal
import subprocess
import unittest

from tools import PATIENCE, ToolTest, main, path


class Subscribe(ToolTest):
    def test_each_qos_is_granted_and_arrives(self):
        source = self.mqtt()
        for qos in (0, 1, 2):
            with self.subTest(qos=qos):
                sub = self.sub("-t", "down/t", "-q", qos, "-C", 1,
                               "-F", "%q %t %p")
                source.publish("down/t", "hello", qos)
                sub.wait_line("^%d down/t hello$" % qos)
                self.end(sub)

    def test_wildcards_predefined_and_short_topics_at_once(self):
        source = self.mqtt()
        sub = self.sub("-t", "a/+/c", "-t", "b/#", "--topic-id", 7,
                       "--short", "xy", "-v", "-q", 1, "-C", 4,
                       subscriptions=4)

        for topic in ("a/b/c", "b/1/2", "pre/seven", "xy"):
            source.publish(topic, "of " + topic, 1)

        for line in ("a/b/c of a/b/c", "b/1/2 of b/1/2",
                     "predefined:7 of pre/seven", "xy of xy"):
            sub.wait_line("^%s$" % line)
        self.end(sub)

    def test_retained_messages_are_marked_or_left_out(self):
        source = self.mqtt()
        source.publish("r/kept", "old", 1, retain=True)
        sub = self.sub("-t", "r/#", "-F", "%r %p", "-C", 1, "-q", 1)
        sub.wait_line("^1 old$")
        self.end(sub)
        sub = self.sub("-t", "r/#", "-R", "-F", "%r %p", "-C", 1, "-q", 1)
        sub.wait_line("< PUBLISH .*retain=1")

        source.publish("r/new", "new", 1)

        sub.wait_line("^0 new$")
        self.assertEqual(sub.count("^1 old$"), 0)
        self.end(sub)

    def test_the_time_limit_ends_with_27(self):
        sub = self.sub("-t", "t", "-W", "0.2")

        self.end(sub, 27)

        sub.wait_line("^mqttsn-sub: error: timed out$")
        sub.wait_line("> DISCONNECT")

    def test_signals_end_it_in_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                sub = self.sub("-t", "t")
                sub.signal(number)
                self.end(sub)
                sub.wait_line("< DISCONNECT")

    def test_a_killed_subscriber_leaves_its_will(self):
        watch = self.mqtt("will/t", 1)
        sub = self.sub("-t", "t", "-k", 1, "--will-topic", "will/t",
                       "--will-payload", "gone", "--will-qos", 1,
                       "--will-retain")
        sub.kill()

        watch.expect("will/t", "gone", 1)
        self.assertTrue(self.mqtt("will/t").expect("will/t", "gone").retain)

    def test_a_kept_session_collects_while_nobody_is_there(self):
        source = self.mqtt()
        self.end(self.sub("-t", "keep/t", "-q", 1, "-c", "-i", "keeper",
                          "-W", "0.1"), 27)
        source.publish("keep/t", "kept", 1)

        sub = self.start("sub", *self.address(), "-t", "keep/t", "-q", 1, "-c",
                         "-i", "keeper", "-C", 1)

        sub.wait_line("^kept$")
        self.end(sub)

    def test_what_the_gateway_refuses_fails(self):
        sub = self.start("sub", *self.address(), "--topic-id", 99)

        self.end(sub, 1)

        sub.wait_line("subscription to '99': invalid-topic-id$")

    def test_it_finds_its_gateway_again(self):
        source = self.mqtt()
        sub = self.sub("-t", "again/t", "-q", 1, "-k", 1, "--retry", "0.3",
                       "-C", 1)
        start = sub.mark()
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        self.gw.start()
        sub.wait_line("< SUBACK .*accepted", start, 3 * PATIENCE)

        source.publish("again/t", "x", 1)

        sub.wait_line("^x$")
        self.end(sub)

    def test_the_last_message_counts_only_if_it_was_written(self):
        self.mqtt().publish("full/kept", "x", 1, retain=True)
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [path("sub"), *self.address(), "-t", "full/kept", "-q", "1",
                 "-C", "1"], stdout=full, stderr=subprocess.PIPE,
                timeout=3 * PATIENCE)
        self.assertEqual(
            (done.returncode, done.stderr),
            (1, b"mqttsn-sub: error: standard output is closed\n"))

    def test_a_closed_stream_is_not_filled_by_something_else(self):
        self.mqtt().publish("closed/kept", "x", 1, retain=True)
        done = subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" >&-', "sh", path("sub"),
             *self.address(), "-t", "closed/kept", "-q", "1", "-C", "1"],
            stderr=subprocess.PIPE, timeout=3 * PATIENCE)
        self.assertEqual(
            (done.returncode, done.stderr),
            (1, b"mqttsn-sub: error: standard output is closed\n"))

    @unittest.skipUnless(shutil.which("mosquitto_sub"), "no mosquitto_sub")
    def test_it_prints_as_mosquitto_sub_does(self):
        source = self.mqtt()
        source.publish("p/kept", "A b\u00fc", 1, retain=True)
        for options in (
                (), ("-v",), ("-N",), ("-v", "-N"), ("-F", "%t %p %l %q %r"),
                ("-F", "%x|%X|%%|@@|\\t|\\\\|\\a\\e\\n"), ("-N", "-F", "%p")):
            with self.subTest(options):
                more = ("-t", "p/kept", "-q", "1", "-C", "1", *options)
                ours = subprocess.run(
                    [path("sub"), *self.address(), *more],
                    capture_output=True, timeout=3 * PATIENCE)
                theirs = subprocess.run(
                    ["mosquitto_sub", "-p", str(self.broker.port), *more],
                    capture_output=True, timeout=3 * PATIENCE)
                self.assertEqual((ours.returncode, ours.stdout),
                                 (theirs.returncode, theirs.stdout))


class Sleeper(ToolTest):
    PERSISTENCE = True
    CONFIG = {**ToolTest.CONFIG, "upstream": {"reconnect_min": "20ms",
                                              "reconnect_max": "200ms"}}

    def test_it_collects_on_waking_also_after_the_broker_was_away(self):
        sub = self.sub("-t", "cmd/#", "-q", 1, "-v", "--sleep", 1, "-C", 3,
                       "-i", "sleeper")
        self.gw.wait_log(r"event=asleep .*client=sleeper")
        self.mqtt().publish("cmd/a", "before", 1)
        sub.wait_line("^cmd/a before$")

        self.broker.stop()
        start = self.gw.mark()
        self.broker.start()
        self.gw.wait_up(start)
        source = self.mqtt()
        for number in (1, 2):
            source.publish("cmd/b", "after %d" % number, 1)

        at = sub.wait_line("^cmd/b after 1$")[0]
        sub.wait_line("^cmd/b after 2$", at)
        self.end(sub)
        # It was never told but when it asked.
        self.assertGreater(sub.count("> PINGREQ id=sleeper"), 0)
        self.assertEqual(sub.count(" ! "), 0)


if __name__ == "__main__":
    main()
