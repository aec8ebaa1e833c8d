# SPDX-License-Identifier: MIT
"""Ten thousand messages of QoS 1, up and down at once, while the connection to
the broker is cut again and again: none is lost. Under the thread sanitizer this
is what shows a race between Paho's threads and the loop's."""

import json
import os
import sys

sys.path.insert(0, os.environ["MQTTSN_TOOL_TESTS"])

from tools import PATIENCE, ToolTest, main, path  # noqa: E402

from processes import Process  # noqa: E402
from proxy import Cable  # noqa: E402

MESSAGES = 10000
EACH = 400  # messages at the broker from one cut to the next


class Cut(ToolTest):
    CONFIG = {"upstream": {"reconnect_min": "20ms", "reconnect_max": "50ms"},
              "retry": {"interval": "1s", "count": 10},
              "log": {"level": "info"}}

    def begin(self):
        self.broker = self.start_broker("max_queued_messages 0", quiet=True)
        self.cable = Cable(self.broker.port)
        self.addCleanup(self.cable.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.cable.port, self.CONFIG)

    def test_nothing_is_lost_between_the_threads(self):
        watch = self.mqtt("bench/#", 0)
        tool = Process("mqttsn-bench", [
            path("bench"), "-h", "127.0.0.1", "-p", str(self.gw.port),
            "--broker-port", str(self.broker.port), "--mode", "mixed", "-n",
            "20", "-q", "1", "--count", str(MESSAGES), "--retry", "1",
            "--no-ceiling", "--quiet", "--json"])
        self.addCleanup(self._end_tool, tool)
        for cut in range(1, MESSAGES // EACH):
            watch.wait_for(lambda got, cut=cut: len(got) >= cut * EACH,
                           "%d messages" % (cut * EACH), 6 * PATIENCE)
            self.cable.cut()

        self.assertEqual(tool.wait(12 * PATIENCE), 0, tool.tail())
        result = json.loads("".join(tool.lines))
        print("%d cuts; %s" % (self.cable.cuts, {
            name: result[name] for name in (
                "sent", "arrived", "lost", "duplicates", "acknowledged")}))
        self.assertEqual(result["lost"], 0)
        self.assertEqual(result["arrived"], MESSAGES)


if __name__ == "__main__":
    main()
