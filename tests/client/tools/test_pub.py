# SPDX-License-Identifier: MIT
"""mqttsn-pub against the gateway and a broker."""

import signal

from tools import ToolTest, main, run


class Publish(ToolTest):
    def test_every_qos_arrives_as_it_was_sent(self):
        watch = self.mqtt("up/#", 2)
        for qos in (0, 1, 2):
            with self.subTest(qos=qos):
                self.pub("-t", "up/q%d" % qos, "-m", "hello %d" % qos,
                         "-q", qos)
                watch.expect("up/q%d" % qos, "hello %d" % qos, qos)

    def test_qos_minus_1_needs_no_connection(self):
        watch = self.mqtt("#")

        error = self.pub("--topic-id", 7, "-q", "-1", "-m", "m1", "-d")

        watch.expect("pre/seven", "m1")
        self.assertNotIn("CONNECT", error)
        self.pub("--short", "ab", "-q", "-1", "-m", "m2")
        watch.expect("ab", "m2")

    def test_predefined_and_short_topics_are_not_registered(self):
        watch = self.mqtt("#", 1)

        error = self.pub("--topic-id", 8, "-m", "x", "-q", 1, "-d")

        watch.expect("pre/eight", "x", 1)
        self.assertNotIn("REGISTER", error)
        self.pub("--short", "cd", "-m", "y", "-q", 1)
        watch.expect("cd", "y", 1)

    def test_a_message_from_each_source(self):
        watch = self.mqtt("up/t")
        name = self.broker.file("payload", "of a file\nof two lines\n")

        self.pub("-t", "up/t", "-f", name)
        watch.expect("up/t", "of a file\nof two lines\n")
        self.pub("-t", "up/t", "-n")
        watch.expect("up/t", "")
        self.pub("-t", "up/t", "-s", stdin=b"all\nof it")
        watch.expect("up/t", "all\nof it")
        self.pub("-t", "up/t", "-l", "-q", 1, stdin=b"one\n\nthree\nfour")
        for line in ("one", "", "three", "four"):
            watch.expect("up/t", line)

    def test_a_retained_message_is_kept_by_the_broker(self):
        self.pub("-t", "up/kept", "-m", "x", "-r", "-q", 1)

        message = self.mqtt("up/kept").expect("up/kept", "x")

        self.assertTrue(message.retain)

    def test_repetitions_and_a_topic_longer_than_small_nodes_have(self):
        topic = "up/" + "/".join(["level"] * 30)
        watch = self.mqtt("up/#")

        self.pub("-t", topic, "-m", "x", "--repeat", 3,
                 "--repeat-delay", "0.01", "-q", 1)

        for _ in range(3):
            watch.expect(topic, "x")

    def test_a_sleeper_sleeps_between_its_messages(self):
        watch = self.mqtt("up/#")

        error = self.pub("-t", "up/t", "-m", "x", "-q", 1, "--repeat", 2,
                         "--sleep", 1, "-d", "-i", "sleeper")

        for _ in range(2):
            watch.expect("up/t", "x")
        self.assertIn("> DISCONNECT duration=61", error)
        self.gw.wait_log(r"event=asleep .*client=sleeper")

    def test_frames_for_a_forwarded_node_are_encapsulated(self):
        watch = self.mqtt("up/t")

        error = self.pub("-t", "up/t", "-m", "x", "-q", 1, "--node-id", "0a01",
                         "-d")

        watch.expect("up/t", "x")
        self.assertRegex(error, r"< ENCAPSULATED radius=0 node=0a01 \(PUBACK")

    def test_a_killed_publisher_leaves_its_will_and_a_stopped_one_does_not(self):
        watch = self.mqtt("will/t", 1)
        more = ("--will-topic", "will/t", "--will-payload", "gone",
                "--will-qos", 1, "-k", 1, "-t", "up/t", "-m", "x", "-q", 1,
                "--repeat", 2, "--repeat-delay", 1000, "-d")
        stopped = self.start("pub", *self.address(), *more)
        stopped.wait_line("< PUBACK")
        stopped.signal(signal.SIGTERM)
        self.end(stopped)
        stopped.wait_line("< DISCONNECT")
        killed = self.start("pub", *self.address(), *more)
        killed.wait_line("< PUBACK")
        killed.kill()

        watch.expect("will/t", "gone", 1)
        self.assertEqual(len(watch.messages), 1)

    def test_what_the_gateway_refuses_fails(self):
        error = self.pub("--topic-id", 99, "-m", "x", "-q", 1, status=1)

        self.assertEqual(error, "mqttsn-pub: error: the gateway refuses the "
                         "message: invalid-topic-id\n")
        self.assertEqual(self.pub("--topic-id", 99, "-m", "x", "-q", 1,
                                  "--quiet", status=1), "")

    def test_names_of_hosts_and_both_families(self):
        watch = self.mqtt("up/t")

        # The gateway of the test listens at 127.0.0.1 only.
        for host in (("-h", "localhost"), ("-h", "localhost", "-4"), ()):
            with self.subTest(host):
                status, _, error = run("pub", *host, "-p", self.gw.port, "-t",
                                       "up/t", "-m", "x", "-q", 1)
                self.assertEqual(status, 0, error)
                watch.expect("up/t", "x")
        status, _, error = run("pub", "-6", "-h", "::1", "-p", self.gw.port,
                               "-t", "up/t", "-m", "x")
        self.assertEqual(status, 1)
        self.assertEqual(error.count("\n"), 1, error)


if __name__ == "__main__":
    main()
