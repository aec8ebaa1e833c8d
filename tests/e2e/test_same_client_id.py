# SPDX-License-Identifier: MIT
"""Two gateways with one client id at a broker, which lets only one of them be
connected at a time."""

from harness import E2ETest, fr, main

CONFIG = {"upstream": {"reconnect_min": "50ms", "reconnect_max": "1h"}}


class SameClientId(E2ETest):
    CONFIG = CONFIG

    def test_they_say_so_once_and_do_not_fight_for_ever(self):
        other = self.start_gateway(self.broker.port, CONFIG, ready=False)
        self.gw.wait_log(r"event=taken_over client_id=mqttsn-gw-test")
        other.wait_log(r"event=taken_over client_id=mqttsn-gw-test")

        # The pauses grow: neither can be dropped twice in the longest of them.
        for gateway in (self.gw, other):
            gateway.wait_log(r"event=waiting pause_ms=\d{4,}")
            self.assertEqual(gateway.process.count("event=taken_over"), 1)

        # Whoever has it serves its nodes; alone it has it for good.
        other.terminate()
        other.wait()
        self.gw.restart()
        node = self.node("n1").connect()
        node.publish1(node.register("a/b"), "x", 2)


if __name__ == "__main__":
    main()
