# SPDX-License-Identifier: MIT
"""After a restart the broker has the filters that somebody wants, and no
others: those that were given up while it was away are removed from a session
that it kept, and are not asked for in one that is new."""

from harness import E2ETest, fr, main
from mqtt import FakeBroker
from processes import PATIENCE


class Broker(FakeBroker):
    """Knows which filters its session has; it may be away."""

    def __init__(self):
        self.filters = set()
        super().__init__()

    def subscribing(self, topic, qos):
        with self.changed:
            self.filters.add(topic)
            self.changed.notify_all()

    def unsubscribing(self, topic):
        with self.changed:
            self.filters.discard(topic)
            self.changed.notify_all()

    def go(self):
        self.connack = 3
        self.drop()

    def come(self, session_present):
        self.session_present = session_present
        if not session_present:
            self.filters.clear()
        self.connack = 0


class Reconcile(E2ETest):
    CONFIG = {
        "store": {"type": "sqlite", "path": "{directory}/store/gateway.db"},
        "compat": {"overlapping": "one"},
        "upstream": {"reconnect_min": "20ms", "reconnect_max": "50ms"},
    }

    def begin(self):
        self.fake = Broker()
        self.addCleanup(self.fake.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.fake.port, self.CONFIG)
        self.gw.wait_up()
        self.n1 = self.node("n1").connect(600, clean=False)
        self.topic = self.n1.subscribe("wanted/a", 1, 11)
        self.n2 = self.node("n2").connect(600, clean=True)
        self.n2.subscribe("given/up", 1, 12)
        self.assertLessEqual({"given/up", "wanted/a"}, self.fake.filters)

    def give_up_and_die(self):
        """While the broker is away."""
        mark = self.gw.mark()
        self.fake.go()
        self.gw.wait_log("area=upstream event=lost", mark)
        self.n2.send(fr.disconnect())
        self.n2.expect(fr.disconnect())
        self.n1.register("fence", 13)  # so that it is stored
        self.gw.kill()

    def expect_what_is_wanted(self):
        with self.fake.changed:
            self.assertTrue(self.fake.changed.wait_for(
                lambda: self.fake.filters >= {"wanted/a"}
                and "given/up" not in self.fake.filters, PATIENCE),
                self.fake.filters)
        self.fake.send("wanted/a", "on", 1)
        self.n1.take_publish(self.topic, "on", 1)

    def test_in_a_session_that_was_kept(self):
        self.give_up_and_die()
        self.assertIn("given/up", self.fake.filters)
        self.fake.come(session_present=True)
        self.gw.start()

        self.expect_what_is_wanted()

    def test_in_a_new_session(self):
        self.give_up_and_die()
        asked = len(self.fake.subscribed)
        self.fake.come(session_present=False)
        self.gw.start()

        self.expect_what_is_wanted()
        self.assertNotIn("given/up", dict(self.fake.subscribed[asked:]))


if __name__ == "__main__":
    main()
