# SPDX-License-Identifier: MIT
"""SIGUSR1: what was counted, and how full the tables are."""

import signal

from harness import E2ETest, main


class Counters(E2ETest):
    CONFIG = {"limits": {"queue_max_messages": 2}}

    def counters(self):
        """The lines of one SIGUSR1, by what they are of."""
        start = self.gw.mark()
        self.gw.process.signal(signal.SIGUSR1)
        end = self.gw.wait_log(r"event=counters of=upstream", start)[0]
        lines = {}
        for line in self.gw.process.lines[start:end + 1]:
            if "event=counters" in line:
                fields = dict(part.split("=", 1) for part in line.split())
                lines[fields["of"]] = fields
        return lines

    def test_what_was_dropped_and_why_can_be_read(self):
        source = self.mqtt()
        n1 = self.node().connect(300)
        n1.subscribe("cmd/x", 1)
        before = self.counters()
        for malformed in (b"\x04\x18\x00", b"\x03\x19\x00", b"\x02\x16\x00"):
            n1.send_quietly(malformed)
        n1.fence()
        n1.sleep(600)
        for number in range(5):
            source.publish("cmd/x", str(number), 1)
        self.settle(n1)

        after = self.counters()

        engine = after["engine"]
        self.assertEqual(engine["drop_queue_full"], "3")
        self.assertEqual(sum(int(engine.get("rx_" + why, 0)) for why in (
            "short", "length", "trailing", "type", "field")), 3)
        self.assertEqual(after["tables"]["sessions"], "2")  # and the fence
        self.assertEqual(after["tables"]["queue_entries"], "2")
        self.assertEqual(after["listener"]["listener"], "test")
        self.assertGreater(int(after["listener"]["rx_datagrams"]), 5)
        self.assertEqual(after["upstream"]["connects"], "1")
        # What has not happened is not said.
        self.assertNotIn("drop_queue_full", before["engine"])
        self.assertNotIn("tx_failed", after["listener"])

    def test_they_come_whatever_the_level_is(self):
        self.gw.write({"log": {"level": "error"}})
        self.gw.reload()

        self.assertIn("engine", self.counters())


if __name__ == "__main__":
    main()
