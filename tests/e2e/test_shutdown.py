# SPDX-License-Identifier: MIT
"""How the daemon ends, and how it reloads."""

import os
import signal

from harness import E2ETest, fr, main
from processes import MODE

# Where nodes have connections of their own there is no store on disk.
STORE = {"type": "memory" if MODE == "transparent"
         else os.environ.get("MQTTSN_STORE", "memory"),
         "path": "{directory}/store/gateway.db"}


class Shutdown(E2ETest):
    def test_sigterm_and_sigint_end_it_in_order(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            gw = self.start_gateway(self.broker.port, {
                "upstream": {"client_id": "mqttsn-gw-%d" % number}})
            self.gw = gw
            self.node("n1").connect().subscribe("cmd/#")

            gw.process.signal(number)

            self.assertEqual(gw.wait(), 0)

    def test_the_broker_is_told(self):
        start = self.broker.process.mark()

        self.gw.terminate()

        self.assertEqual(self.gw.wait(), 0)
        self.broker.process.wait_line(
            r"Client mqttsn-gw-test disconnected\.", start)

    def test_a_stuck_broker_does_not_delay_the_end(self):
        n1 = self.node("n1").connect()
        topic_id = n1.register("up/x")
        self.broker.pause()
        n1.send(fr.publish(topic_id, "x", 1, 2))
        n1.fence()

        self.gw.terminate()

        self.assertEqual(self.gw.wait(), 0)
        self.broker.resume()

    def test_it_ends_while_the_broker_is_away(self):
        self.broker.kill()
        self.gw.wait_log(r"area=upstream event=lost")

        self.gw.terminate()

        self.assertEqual(self.gw.wait(), 0)

    def test_who_asks_more_than_once_gets_the_same_end(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                       signal.SIGUSR1):
            gw = self.start_gateway(self.broker.port, {
                "upstream": {"client_id": "mqttsn-gw-%d" % number},
                "store": STORE})
            self.gw = gw
            self.node("n1").connect().subscribe("cmd/#")
            gw.terminate()
            gw.wait_log(r"area=daemon event=stopping")

            # Whatever it has let go of by then.
            while gw.process.child.poll() is None:
                gw.process.signal(number)

            self.assertEqual(gw.wait(), 0, number)


class StuckBeforeStart(E2ETest):
    def begin(self):
        self.broker = self.start_broker()
        self.broker.pause()
        self.gw = self.start_gateway(self.broker.port, ready=False)

    def test_it_ends_while_it_waits_for_a_stuck_broker(self):
        stranger = self.node("stranger")
        stranger.send(fr.pingreq())
        stranger.expect(fr.disconnect())

        self.gw.terminate()

        self.assertEqual(self.gw.wait(), 0)
        self.broker.resume()


class Reload(E2ETest):
    CONFIG = {"predefined": {"7": "old/topic"}}

    def test_a_good_configuration_is_taken_and_sessions_stay(self):
        watch = self.mqtt("#")
        n1 = self.node("n1").connect()
        topic_id = n1.register("up/x")
        n1.publish1(7, "1", 2, kind=fr.PREDEFINED)
        watch.expect("old/topic", "1")

        start = self.gw.mark()
        self.gw.write({"predefined": {"7": "new/topic", "8": "more"}})
        self.gw.reload()
        self.gw.wait_log(r"event=reloaded(\s|$)", start)

        n1.publish1(7, "2", 3, kind=fr.PREDEFINED)
        watch.expect("new/topic", "2")
        n1.publish1(8, "3", 4, kind=fr.PREDEFINED)
        watch.expect("more", "3")
        n1.publish1(topic_id, "4", 5)
        watch.expect("up/x", "4")

    def test_a_bad_configuration_changes_nothing_and_is_said(self):
        watch = self.mqtt("#")
        n1 = self.node("n1").connect()
        start = self.gw.mark()
        self.gw.write({"predefined": {"7": "new/topic"},
                       "retry": {"interwal": "10s"}})

        self.gw.reload()

        said = self.gw.wait_log(
            r"event=reload_error file=\S*gateway.conf line=(\d+) .*interwal",
            start)[0]
        self.gw.wait_log(r'event=reload_failed reason="[^"]*errors above', said)
        n1.publish1(7, "1", 2, kind=fr.PREDEFINED)
        watch.expect("old/topic", "1")

    def test_a_key_that_needs_a_restart_is_said(self):
        start = self.gw.mark()
        self.gw.write({"predefined": {"7": "new/topic"},
                       "limits": {"max_sessions": 20}})

        self.gw.reload()

        at = self.gw.wait_log(
            r"event=reload_warning file=\S*gateway.conf line=\d+ "
            r'key=limits.max_sessions reason="[^"]*restart', start)[0]
        # One that follows from it stands nowhere.
        self.gw.wait_log(r"event=reload_warning key=limits.max_topics", at)
        n1 = self.node("n1").connect()
        watch = self.mqtt("#")
        n1.publish1(7, "1", 2, kind=fr.PREDEFINED)
        watch.expect("new/topic", "1")


if __name__ == "__main__":
    main()
