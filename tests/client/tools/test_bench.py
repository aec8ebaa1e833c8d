# SPDX-License-Identifier: MIT
"""mqttsn-bench against the gateway and a broker: that it counts right. What it
measures is asserted nowhere."""

import json
import signal
import socket
import subprocess
import threading

from tools import PATIENCE, ToolTest, main, path, run

NODES = 12


def frame_type(octets):
    return octets[1] if len(octets) > 1 else 0xFF


class Swallower:
    """Answers CONNECT, REGISTER and SUBSCRIBE in the gateway's place; what
    becomes of a PUBLISH is the test's."""

    def __init__(self, on_publish):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.on_publish = on_publish
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            octets, peer = self.socket.recvfrom(9000)
            kind = frame_type(octets)
            if kind == 0x04:
                answer = bytes([3, 0x05, 0])
            elif kind == 0x0A:
                answer = bytes([7, 0x0B, 0, 9]) + octets[4:6] + b"\0"
            elif kind == 0x12:
                answer = bytes([8, 0x13, 0, 0, 9]) + octets[3:5] + b"\0"
            elif kind == 0x18 and peer is not None:
                answer = bytes([2, 0x18])
            elif kind == 0x0C:
                self.on_publish(octets, peer, self.socket)
                continue
            elif kind == 0x00:
                return
            else:
                continue
            self.socket.sendto(answer, peer)

    def close(self):
        self.socket.sendto(bytes([5, 0, 1, 0, 1]), ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()


class Bench(ToolTest):
    def bench(self, mode, *arguments, status=0, port=None):
        """What it prints with --json."""
        got, out, error = run(
            "bench", "--mode", mode, "-h", "127.0.0.1", "-p",
            port or self.gw.port, "--broker", "127.0.0.1", "--broker-port",
            self.broker.port, "-n", NODES, "--no-ceiling", "--json",
            *arguments)
        self.assertEqual(got, status, out + error)
        return json.loads(out)

    def check(self, result, **wanted):
        """Nothing is wrong but what is said."""
        wanted = {"lost": 0, "damaged": 0, "foreign": 0, "duplicates": 0,
                  "refused": 0, "abandoned": 0, **wanted}
        self.assertEqual({key: result[key] for key in wanted}, wanted, result)

    def test_connect(self):
        result = self.bench("connect")
        self.assertEqual(
            [result[key] for key in ("nodes", "connected", "retransmitted")],
            [NODES, NODES, 0])
        self.assertIn("answer_ms_p99", result)

    def test_up_at_each_qos(self):
        for qos in range(3):
            with self.subTest(qos=qos):
                result = self.bench("up", "-q", qos, "--count", 600)
                self.check(result, sent=600, arrived=600, late=0,
                           acknowledged=600 if qos else 0)

    def test_down_at_each_qos(self):
        for qos in range(3):
            with self.subTest(qos=qos):
                result = self.bench("down", "-q", qos, "--count", 600)
                self.check(result, sent=600, arrived=600, late=0)

    def test_fan_out_counts_each_copy(self):
        result = self.bench("fan-out", "--count", 25)
        self.check(result, sent=25, arrived=25 * NODES, late=0)
        self.assertIn("complete_ms_p50", result)

    def test_mixed(self):
        result = self.bench("mixed", "-q", 1, "--count", 600)
        self.check(result, sent=600, arrived=600)

    def test_a_wake_up_takes_one_round_trip_more_than_messages(self):
        for more in ((), ("--shared",)):
            with self.subTest(more):
                result = self.bench("sleep", "-q", 1, "--messages", 4, *more)
                self.check(result, nodes=NODES + 1, sent=4 * NODES,
                           arrived=4 * NODES, late=0)
                self.assertEqual(result["round_trips_p50"], 5)
                self.assertEqual(result["round_trips_max"], 5)

    def test_a_rate_is_kept_by_count(self):
        result = self.bench("up", "--rate", 500, "--count", 100)
        self.check(result, sent=100, arrived=100)

    def test_the_gateway_is_looked_at(self):
        result = self.bench("up", "--count", 100, "--pid",
                            self.gw.process.child.pid)
        self.assertGreater(result["rss_kib"], 1000)
        self.assertGreater(result["cpu_us"], 0)

    def test_a_signal_ends_it_in_order(self):
        side = self.mqtt()
        side.subscribe("bench/#")
        tool = self.start(
            "bench", "--mode", "up", "-q", 1, *self.address(), "--broker",
            "127.0.0.1", "--broker-port", self.broker.port, "-n", NODES,
            "--no-ceiling", "--json", "--seconds", 600)
        side.take()
        tool.signal(signal.SIGINT)
        self.end(tool)
        result = json.loads("\n".join(tool.lines))
        self.check(result)
        self.assertEqual(result["arrived"], result["sent"])
        self.assertEqual(result["acknowledged"], result["sent"])
        self.gw.wait_log(r"event=disconnected client=bench-")

    def test_too_many_nodes_are_said_once(self):
        done = subprocess.run(
            ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", path("bench"),
             "--mode", "connect", *self.address(), "-n", "100"],
            capture_output=True, timeout=3 * PATIENCE)
        self.assertEqual(
            (done.returncode, done.stderr),
            (1, b"mqttsn-bench: error: so many nodes need 132 open files "
             b"(ulimit -n)\n"))

    def test_what_does_not_arrive_is_lost(self):
        gateway = Swallower(lambda *_: None)
        self.addCleanup(gateway.close)
        result = self.bench("up", "--count", 20, port=gateway.port, status=1)
        self.check(result, sent=20, arrived=0, lost=20)

    def test_what_arrives_twice_or_damaged_is_told(self):
        broker = self.mqtt()
        count = [0]

        def relay(octets, *_):
            # The first of three twice, the second with one bit changed.
            payload = octets[7:]
            turn = count[0] % 3
            count[0] += 1
            if turn == 1:
                payload = payload[:40] + bytes([payload[40] ^ 1]) + payload[41:]
            for _ in range(2 if turn == 0 else 1):
                broker.publish("bench/77/u/x", payload, 0)

        gateway = Swallower(relay)
        self.addCleanup(gateway.close)
        result = self.bench("up", "--count", 3 * NODES, "--run", 77,
                            port=gateway.port, status=1)
        self.check(result, sent=3 * NODES, arrived=2 * NODES, lost=NODES,
                   duplicates=NODES, damaged=NODES)

    def test_the_text_has_a_line_for_each_value_and_states_the_ceiling(self):
        status, out, error = run(
            "bench", "--mode", "up", "-h", "127.0.0.1", "-p", self.gw.port,
            "--broker-port", self.broker.port, "--broker", "127.0.0.1", "-n",
            3, "--count", 30)
        self.assertEqual(status, 0, error)
        self.assertRegex(out, r"(?m)^copies arrived +30$")
        self.assertRegex(out, r"(?m)^this program sends at most, /s +[1-9]")
        self.assertRegex(out, r"(?m)^and takes in at most, /s +[1-9]")

    def test_a_broker_that_is_not_there_is_said(self):
        status, _, error = run("bench", "--mode", "up", "-h", "127.0.0.1",
                               "-p", self.gw.port, "--broker", "127.0.0.1",
                               "--broker-port", 1, "--no-ceiling")
        self.assertEqual(
            (status, error),
            (1, "mqttsn-bench: error: the broker at 127.0.0.1:1: nobody "
             "answers there\n"))


if __name__ == "__main__":
    main()
