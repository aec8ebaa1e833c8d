# SPDX-License-Identifier: MIT
"""Tools, daemon and broker over a network that loses up to 30 % of all
datagrams, doubles 10 % and lets 10 % be overtaken: QoS 1 loses nothing, QoS 2
neither loses nor doubles. Repetitions are allowed so often that the dice cannot
make an exchange fail."""

import collections
import os
import sys
import time

sys.path.insert(0, os.environ["MQTTSN_TOOL_TESTS"])

from tools import PATIENCE, Process, ToolTest, fr, main, path  # noqa: E402

from proxy import Proxy  # noqa: E402

# A sanitized tool takes as long to begin as others take for their work.
PLAIN = os.environ.get("MQTTSN_SANITIZE", "none") == "none"
PUBLISHERS = 50 if PLAIN else 10  # of each QoS
SUBSCRIBERS = PUBLISHERS
MESSAGES = 20  # of each publisher, and for each subscriber of each QoS


class Lines(Process):
    """A tool that is given lines to publish."""

    def __init__(self, name, argv, lines):
        self.file = os.memfd_create("lines")
        os.write(self.file, "".join(line + "\n" for line in lines).encode())
        super().__init__(name, [
            "/bin/sh", "-c", 'exec "$@" </proc/self/fd/%d' % self.file, "sh",
            *argv], pass_fds=(self.file,))
        os.close(self.file)


class Loss(ToolTest):
    CONFIG = {"retry": {"interval": "300ms", "count": 50},
              "log": {"level": "info"}}

    def through(self, *arguments):
        return ["-h", "127.0.0.1", "-p", str(self.proxy.port), "--retry", "0.3",
                "--retries", "50", *map(str, arguments)]

    def publishers(self):
        for qos in (1, 2):
            for number in range(PUBLISHERS):
                name = "p%d-%d" % (qos, number)
                lines = ["%s-%d" % (name, n) for n in range(MESSAGES)]
                tool = Lines(name, [path("pub"), *self.through(
                    "-t", "up/" + name, "-l", "-q", qos, "-i", name)], lines)
                self.addCleanup(self._end_tool, tool)
                yield name, qos, lines, tool

    def uplink(self, publishers):
        """Each line is at the broker, in order; with QoS 2 once."""
        got = collections.defaultdict(list)
        wanted = {name: lines for name, _, lines, _ in publishers}
        while any(set(got[name]) != set(lines)
                  for name, lines in wanted.items()):
            message = self.watch.take(timeout=6 * PATIENCE)
            got[message.topic[3:]].append(message.payload.decode())
        for name, qos, lines, tool in publishers:
            self.assertEqual(tool.wait(6 * PATIENCE), 0, tool.tail())
            first = list(dict.fromkeys(got[name]))
            self.assertEqual(first, lines, name)
            if qos == 2:
                self.assertEqual(got[name], lines, name)

    def downlink(self, subscribers):
        for tool in subscribers:
            for qos in (1, 2):
                for number in range(MESSAGES):
                    tool.wait_line("^%d-%d$" % (qos, number),
                                   timeout=6 * PATIENCE)
        for tool in subscribers:
            for number in range(MESSAGES):
                self.assertEqual(tool.count("^2-%d$" % number), 1, tool.tail())

    def over(self, percent):
        begun = time.monotonic()
        self.proxy = Proxy(self.gw.port, 100 + percent, loss=percent / 100,
                           late=0.1, in_a_row=None)
        self.addCleanup(self.proxy.close)
        self.watch = self.mqtt("up/#", 2)
        source = self.mqtt()
        subscribers = [self.start("sub", *self.through(
            "-t", "down/t", "-q", 2, "-i", "s%d" % number, "-d"))
            for number in range(SUBSCRIBERS)]
        for tool in subscribers:
            tool.wait_line(r"< .*SUBACK .*accepted", timeout=6 * PATIENCE)
        publishers = list(self.publishers())
        for number in range(MESSAGES):
            for qos in (1, 2):
                source.publish("down/t", "%d-%d" % (qos, number), qos)

        self.uplink(publishers)
        self.downlink(subscribers)
        print("%d %%: %d messages up, %d down; %d datagrams passed, %d lost, "
              "%d doubled, %d late; %.1f s" % (
                  percent, 2 * PUBLISHERS * MESSAGES,
                  2 * SUBSCRIBERS * MESSAGES, self.proxy.passed,
                  self.proxy.lost, self.proxy.doubled, self.proxy.delayed,
                  time.monotonic() - begun))
        self.assertEqual(self.proxy.lost > 0, percent > 0)

    def test_no_loss(self):
        self.over(0)

    def test_5_percent(self):
        self.over(5)

    def test_10_percent(self):
        self.over(10)

    def test_20_percent(self):
        self.over(20)

    def test_30_percent(self):
        self.over(30)


if __name__ == "__main__":
    main()
