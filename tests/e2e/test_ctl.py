# SPDX-License-Identifier: MIT
"""mqttsn-ctl and the control socket, against the running daemon."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import time

from harness import E2ETest, PATIENCE, fr, main
from processes import Process

CTL = os.environ["MQTTSN_CTL"]
ROOT = os.environ["MQTTSN_ROOT"]
SCREEN_OFF = b"\x1b[?1049l"


class Ctl(E2ETest):
    CONFIG = {"ctl": {"path": "{directory}/ctl.sock"}}

    def path(self):
        return os.path.join(self.gw.directory, "ctl.sock")

    def ctl(self, *words, status=0, path=None):
        """What a command says; its exit status is as given."""
        done = subprocess.run([CTL, "-s", path or self.path(), *words],
                              capture_output=True, text=True, timeout=PATIENCE,
                              env=dict(os.environ, LC_ALL="C.UTF-8"),
                              check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def until(self, wanted, *words):
        """Asks again until the answer is such; an event that nobody tells."""
        end = time.monotonic() + PATIENCE
        while True:
            answer = self.json(*words)
            if wanted(answer):
                return answer
            if time.monotonic() > end:
                self.fail("not what it should be: %r" % answer)

    def join(self):
        link = socket.socket(socket.AF_UNIX)
        link.connect(self.path())
        link.settimeout(PATIENCE)
        self.addCleanup(link.close)
        return link

    # ---- looking ------------------------------------------------------

    def test_the_gateway_as_a_whole(self):
        self.node("n1").connect()
        status = self.json("status")
        self.assertEqual(status["name"], "gw-test")
        self.assertTrue(status["ready"])
        self.assertEqual(status["clients"]["active"], 1)
        self.assertEqual(status["clients"]["total"], 1)
        self.assertTrue(status["upstream"]["connected"])
        self.assertIn(":%d" % self.gw.port, status["listeners"][0]["address"])
        self.assertEqual(status["counters"]["connects_accepted"], 1)
        text = self.ctl("status")
        self.assertRegex(text, r"gateway +gw-test, id 1")
        self.assertRegex(text, r"ready +yes")
        self.assertRegex(text, r"clients +1: 1 active")

        self.broker.close()
        self.until(lambda s: not s["ready"], "status")
        self.assertRegex(self.ctl("status"),
                         r"ready +no: the broker is not connected")
        self.assertIn("upstream_lost", self.ctl("events"))

    def test_tables_that_are_nearly_full_are_named(self):
        self.node("n1").connect()
        self.assertNotIn("\ntable ", self.ctl("status"))
        self.gw.write({**self.CONFIG, "limits": {"max_sessions": 1}})
        self.gw.restart()
        self.node("n1").connect()
        self.assertRegex(self.ctl("status"),
                         r"\ntable +sessions: 1 of 1 in use\n")

    def test_clients_and_what_state_they_are_in(self):
        self.node("n1").connect()
        n2 = self.node("n\u00e4he 2").connect(clean=False)
        n2.sleep(900)
        rows = self.json("clients")["clients"]
        self.assertEqual([row["client"] for row in rows], ["n1", "n\u00e4he 2"])
        asleep = self.json("clients", "--state", "asleep")["clients"]
        self.assertEqual([row["client"] for row in asleep], ["n\u00e4he 2"])
        self.assertLessEqual(asleep[0]["due_s"], 900)
        head, first, second = self.ctl("clients").splitlines()
        self.assertTrue(head.startswith("CLIENT  STATE"))
        self.assertRegex(first, r"^n1      active \d+s ")
        self.assertRegex(second, r"^n\u00e4he 2  asleep \d+s .* in (15m|14m) ")
        for word in ("tired", "active,", "", "a" * 40):
            self.assertIn("active, asleep, awake, connecting, lost, "
                          "disconnected; not " + word,
                          self.ctl("clients", "--state", word, status=2))

    def test_one_client_and_what_waits_for_it(self):
        n1 = self.node("n1").connect(clean=False)
        n1.register("site/temperature")
        n1.subscribe("cmd/#", qos=1, msg_id=2)
        n1.sleep(900)
        self.mqtt().publish("cmd/led", "secret", qos=1)
        self.until(lambda c: c["queue_messages"] == 1, "client", "n1")
        text = self.ctl("client", "n1")
        self.assertRegex(text, r"state +asleep .*due in")
        self.assertRegex(text, r"known +site/temperature")
        self.assertRegex(text, r"1 +granted +cmd/#")
        self.assertRegex(text, r"cmd/led")
        self.assertRegex(self.ctl("queue", "n1"), r"1 messages, 64 octets")
        self.assertIn("site/temperature", self.ctl("topics"))
        self.assertIn("cmd/#", self.ctl("subscriptions", "n1"))
        for words in (["client", "n1"], ["queue", "n1"], ["status"]):
            self.assertNotIn("secret", self.ctl("--json", *words))
        self.assertIn("no such client", self.ctl("client", "n2", status=1))
        self.assertIn("configured", self.ctl("upstream"))
        topic = "cmd/" + 300 * "x"
        self.mqtt().publish(topic, "", qos=1)
        self.until(lambda c: c["queue_messages"] == 2, "client", "n1")
        self.assertIn(topic + "\n", self.ctl("queue", "n1"))

    def test_what_an_id_has_in_it_does_nothing_to_a_terminal(self):
        n1 = self.node("a\x1b[2J\u202eb")
        n1.connect()
        text = self.ctl("clients")
        self.assertIn("a\\x1b[2J\\xe2\\x80\\xaeb", text)
        self.assertNotIn("\x1b", text)
        self.assertEqual(
            self.json("client", "a\x1b[2J\u202eb")["state"], "active")

    def test_a_live_view_without_a_terminal_is_one_look(self):
        self.node("n1").connect()
        text = self.ctl("top")
        self.assertIn("clients 1: 1 active", text)
        self.assertRegex(text, r"\nn1 ")
        self.assertNotIn("\x1b", text)

    def view(self):
        """A live view in a terminal that shows n1; what runs, the other end of
        the terminal, and what it was set to before."""
        self.node("n1").connect()
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        before = termios.tcgetattr(theirs)
        view = subprocess.Popen([CTL, "-s", self.path(), "top"], stdin=theirs,
                                stdout=theirs, stderr=theirs)
        self.addCleanup(view.wait)
        self.addCleanup(view.kill)
        self.assertIn(b"clients 1: 1 active", self.shown(ours, b"\nn1 "))
        self.assertNotEqual(termios.tcgetattr(theirs), before)
        return view, ours, lambda: termios.tcgetattr(theirs) == before

    def shown(self, terminal, end):
        """What is written to it, as far as this."""
        seen = b""
        while end not in seen:
            self.assertTrue(select.select([terminal], [], [], PATIENCE)[0],
                            seen)
            seen += os.read(terminal, 4096)
        return seen

    def test_a_live_view_in_a_terminal_ends_with_q(self):
        view, terminal, is_restored = self.view()
        os.write(terminal, b"q")
        self.assertEqual(view.wait(PATIENCE), 0)
        self.assertTrue(is_restored())

    def test_a_live_view_that_is_ended_leaves_the_terminal_as_it_was(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with self.subTest(number):
                view, terminal, is_restored = self.view()
                view.send_signal(number)
                self.shown(terminal, SCREEN_OFF)
                self.assertEqual(view.wait(PATIENCE), 0)
                self.assertTrue(is_restored())

    def test_why_a_live_view_ended_is_said_where_it_can_be_seen(self):
        view, terminal, is_restored = self.view()
        self.gw.terminate()
        self.assertEqual(view.wait(PATIENCE), 3)
        seen = self.shown(terminal, b"mqttsn-ctl: the gateway has ")
        self.assertIn(SCREEN_OFF, seen)
        self.assertNotIn(b"mqttsn-ctl", seen[:seen.index(SCREEN_OFF)])
        self.assertTrue(is_restored())

    def test_two_thousand_nodes(self):
        ids = ["node-%04d" % i for i in range(2000)]
        for client in ids:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
                node.settimeout(PATIENCE)
                node.connect(("127.0.0.1", self.gw.port))
                octets = client.encode()
                node.send(bytes([6 + len(octets), 4, 0, 1, 0, 60]) + octets)
                self.assertEqual(node.recv(16), b"\x03\x05\x00")
        rows = self.json("clients")["clients"]
        self.assertEqual(sorted(row["client"] for row in rows), ids)
        self.assertEqual(len(self.ctl("clients").splitlines()), 2001)
        self.assertEqual(self.json("status")["clients"]["active"], 2000)

    # ---- steering -----------------------------------------------------

    def test_a_kicked_node_is_told_and_has_left_its_will(self):
        seen = self.mqtt("will/#")
        n1 = self.node("n1")
        n1.send(fr.connect("n1", 60, False, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("will/n1", 0, False))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("gone"))
        n1.expect(fr.connack())
        self.ctl("kick", "n1")
        n1.expect(fr.disconnect())
        seen.expect("will/n1", "gone")
        self.assertIn("not connected", self.ctl("kick", "n1", status=1))
        self.gw.wait_log(r"event=client_kicked .*client=n1")
        self.gw.wait_log(r"area=ctl event=command command=kick argument=n1 uid=")
        n1.connect(clean=False)

    def test_a_sleeping_node_is_kicked(self):
        n1 = self.node("n1").connect(clean=False)
        n1.sleep(900)
        self.assertIn("when it wakes", self.ctl("kick", "n1"))
        n1.expect_silence()
        self.assertRegex(self.ctl("client", "n1"),
                         r"state +disconnected \d+s, forgotten in 6d")
        n1.send(fr.pingreq("n1"))
        n1.expect(fr.disconnect())

    def test_what_is_purged_is_gone(self):
        n1 = self.node("n1").connect(clean=False)
        n1.subscribe("cmd/#", qos=1)
        n1.sleep(900)
        for i in range(3):
            self.mqtt().publish("cmd/led", str(i), qos=1)
        self.until(lambda c: c["queue_messages"] == 3, "client", "n1")
        self.assertIn("3 messages dropped", self.ctl("purge", "n1"))
        self.assertEqual(self.json("status")["counters"]["drop_purged"], 3)
        n1.send(fr.pingreq("n1"))
        n1.expect(fr.pingresp())

    def test_a_reload_that_is_wrong_changes_nothing(self):
        n1 = self.node("n1").connect()
        self.gw.write({**self.CONFIG, "gateway": {"id": 300},
                       "limits": {"max_client_id": 10}})
        said = self.ctl("reload", status=1)
        self.assertRegex(said, r"error: .*gateway\.conf: \d+: gateway\.id: "
                         r"expected a number from 1 to 255")
        self.assertIn("nothing has changed", said)
        self.assertEqual(self.json("status")["gateway_id"], 1)

        self.gw.write({**self.CONFIG, "gateway": {"id": 7},
                       "upstream": {"keep_alive": "77s"}})
        said = self.ctl("reload")
        self.assertRegex(said, r"warning: .*upstream\.keep_alive: the new value "
                         "needs a restart")
        self.assertIn("in force", said)
        self.assertEqual(self.json("status")["gateway_id"], 7)
        n1.send(fr.pingreq())
        n1.expect(fr.pingresp())
        self.assertIn("reload_failed", self.ctl("events"))

    def test_the_log_level_until_the_next_reload(self):
        self.assertIn("log level is debug", self.ctl("log"))
        self.ctl("log", "warn")
        self.assertIn("log level is warn", self.ctl("log"))
        self.ctl("log", "loud", status=2)
        start = self.gw.mark()
        self.ctl("reload")
        self.assertIn("log level is debug", self.ctl("log"))
        # Who set something is noted, who asked is not.
        self.ctl("log", "info")
        self.gw.wait_log(r"command=log argument=info uid=", start)
        self.assertFalse([line for line in self.gw.process.lines
                          if "command=log uid=" in line])

    # ---- traces -------------------------------------------------------

    def trace(self, *words):
        process = Process("trace", [CTL, "-s", self.path(), *words])
        self.addCleanup(process.kill)
        return process

    def test_frames_of_one_node_as_they_pass(self):
        process = self.trace("trace", "n1")
        process.wait_line(r"frames of n1")
        n1 = self.node("n1").connect()
        n2 = self.node("n2").connect()
        n1.register("a/b")
        n2.register("c/d")
        n1.sleep(600)
        process.wait_line(r" > 127\.0\.0\.1:\d+ CONNECT .*id=n1")
        process.wait_line(r" < 127\.0\.0\.1:\d+ CONNACK accepted")
        process.wait_line(r" < .* DISCONNECT")
        self.assertFalse([line for line in process.lines if "c/d" in line])
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(), 0)

    def test_somebody_else_ends_a_trace(self):
        process = self.trace("--json", "trace", "n1")
        self.gw.wait_log(r"area=ctl event=command command=trace argument=n1")
        self.assertEqual(self.json("trace", "off"), {"trace": "off"})
        self.assertEqual(process.wait(), 0)
        self.assertIn('{"trace":"off"}', "".join(process.lines))
        self.gw.wait_log(r"area=ctl event=command command=trace argument=off")

    def test_nodes_that_the_configuration_traces(self):
        self.gw.write({**self.CONFIG, "log": {"level": "error"},
                       "client n*": {"trace": "yes"}})
        mark = self.gw.mark()
        self.ctl("reload")
        self.node("n1").connect()
        self.node("m1").connect()
        self.gw.wait_log(r"area=trace event=sent client=n1 .*CONNACK", mark)
        self.assertEqual(self.json("client", "m1")["state"], "active")
        self.assertFalse([line for line in self.gw.process.lines[mark:]
                          if "client=m1" in line])

    # ---- those who do not behave --------------------------------------

    def test_who_never_reads_or_never_asks_holds_up_nobody(self):
        for _ in range(20):
            self.join().send(b"stat")
        greedy = self.join()
        greedy.setblocking(False)
        try:
            while True:
                greedy.send(b"status\n" * 100)
        except BlockingIOError:
            pass
        n1 = self.node("n1").connect()
        for _ in range(10):
            self.assertTrue(self.json("status")["ready"])
        n1.send(fr.pingreq())
        n1.expect(fr.pingresp())

    def test_a_second_gateway_does_not_take_the_socket(self):
        other = self.start_gateway(self.broker.port, {
            "ctl": {"path": self.path()},
            "upstream": {"client_id": "another"}})
        other.wait_log(r"event=cannot_listen .*another gateway listens there")
        self.assertTrue(self.json("status")["ready"])

    def test_after_a_kill_the_socket_is_taken_over(self):
        self.gw.restart()
        self.assertTrue(self.json("status")["ready"])
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        self.assertFalse(os.path.exists(self.path()))

    def test_wrong_words_and_no_gateway(self):
        self.ctl("clients", path="/nowhere/ctl.sock", status=3)
        self.ctl("dance", status=2)
        self.ctl("client", status=2)
        self.ctl("status", "n1", status=2)
        self.ctl("--state", "lost", "status", status=2)
        self.ctl(status=2)
        self.assertRegex(self.ctl("--version"), r"^mqttsn-ctl \d")

    def test_manual_and_completion_know_every_word_of_the_help(self):
        words = re.findall(r"^  ([a-z]+) ", self.ctl("--help"), re.M)
        words += re.findall(r"--[a-z]+", self.ctl("--help"))
        with open(os.path.join(ROOT, "docs/man/mqttsn-ctl.1"),
                  encoding="utf-8") as file:
            manual = file.read().replace("Fl -", "--")
        with open(os.path.join(ROOT, "packaging/completion/mqttsn-ctl"),
                  encoding="utf-8") as file:
            completion = file.read()
        self.assertGreater(len(words), 15)
        for word in set(words):
            with self.subTest(word):
                self.assertIn(word, manual)
                self.assertIn(word, completion)

    def test_completion_offers_commands_and_clients(self):
        self.node("n1").connect()
        script = (
            'source "$1"; COMP_WORDS=(mqttsn-ctl -s "$2" {0}); '
            "COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _mqttsn_ctl; "
            'printf "%s\\n" "${{COMPREPLY[@]}}"')
        for typed, offered in (("cl", ["clients", "client"]),
                               ("client n", ["n1"]),
                               ("log w", ["warn"])):
            done = subprocess.run(
                ["bash", "-c", script.format(typed), "bash",
                 os.path.join(ROOT, "packaging/completion/mqttsn-ctl"),
                 self.path()], capture_output=True, text=True, check=True,
                env=dict(os.environ, PATH=os.path.dirname(CTL) + ":" +
                         os.environ["PATH"]), timeout=PATIENCE)
            self.assertEqual(done.stdout.split(), offered)


if __name__ == "__main__":
    main()
