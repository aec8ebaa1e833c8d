# SPDX-License-Identifier: MIT
"""The examples of the client library with the daemon and a real broker."""

import os
import pathlib
import pty
import select
import shutil
import socket
import sys
import tempfile
import threading
import tty

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "e2e"))

from harness import E2ETest, PATIENCE, main  # noqa: E402
from processes import Process  # noqa: E402

EXAMPLES = pathlib.Path(os.environ["MQTTSN_EXAMPLES"])
END = 0xc0


class SlipForwarder:
    """A serial line whose other end is the gateway: SLIP to datagrams."""

    def __init__(self, port):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.device = os.ttyname(self.slave)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.stop, self.stopper = os.pipe()
        self.frames = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        coded = bytearray()
        while True:
            ready, _, _ = select.select(
                [self.master, self.socket, self.stop], [], [])
            if self.stop in ready:
                return
            if self.socket in ready:
                frame = self.socket.recv(2048)
                line = frame.replace(b"\xdb", b"\xdb\xdd")
                os.write(self.master, line.replace(b"\xc0", b"\xdb\xdc")
                         + b"\xc0")
            if self.master in ready:
                for octet in os.read(self.master, 2048):
                    if octet != END:
                        coded.append(octet)
                        continue
                    if coded:
                        frame = bytes(coded).replace(b"\xdb\xdc", b"\xc0")
                        frame = frame.replace(b"\xdb\xdd", b"\xdb")
                        self.frames.append(frame)
                        self.socket.send(frame)
                    coded.clear()

    def close(self):
        os.write(self.stopper, b"x")
        self.thread.join(PATIENCE)
        for fd in (self.master, self.slave, self.stop, self.stopper):
            os.close(fd)
        self.socket.close()


class NullModem:
    """Two serial devices, wired to each other."""

    def __init__(self):
        pairs = [pty.openpty(), pty.openpty()]
        for _, slave in pairs:
            tty.setraw(slave)
        self.masters = [master for master, _ in pairs]
        self.slaves = [slave for _, slave in pairs]
        self.devices = [os.ttyname(slave) for slave in self.slaves]
        self.stop, self.stopper = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([*self.masters, self.stop], [], [])
            if self.stop in ready:
                return
            for here, there in (self.masters, self.masters[::-1]):
                if here in ready:
                    os.write(there, os.read(here, 2048))

    def close(self):
        os.write(self.stopper, b"x")
        self.thread.join(PATIENCE)
        for fd in (*self.masters, *self.slaves, self.stop, self.stopper):
            os.close(fd)


class Examples(E2ETest):
    CONFIG = {"predefined": {"102": "site/door/bell, open"},
              "listener test": {"forwarders": "127.0.0.1"}}

    def example(self, name, *arguments, keys=None):
        """An example under way; 'keys' are typed as its standard input."""
        argv = [str(EXAMPLES / name), *map(str, arguments)]
        if keys is not None:
            folder = tempfile.mkdtemp(prefix="mqttsn-keys-")
            self.addCleanup(shutil.rmtree, folder)
            keyboard = os.path.join(folder, "keyboard")
            os.mkfifo(keyboard)
            # Opened for both, so that neither end waits for the other.
            fd = os.open(keyboard, os.O_RDWR)
            self.addCleanup(os.close, fd)
            os.write(fd, keys)
            argv = ["sh", "-c", 'f=$1; shift; exec "$@" <"$f"', "sh",
                    keyboard] + argv
        process = Process(name, argv)
        self.addCleanup(process.kill)
        return process

    def heard(self, client, topic):
        """The next message under 'topic'; others are passed over."""
        while True:
            message = client.take()
            if message.topic == topic:
                payload = message.payload
                return payload.decode() if isinstance(payload, bytes) \
                    else payload

    def test_the_sleeping_sensor_reports_the_command_that_waited(self):
        source = self.mqtt("sensors/s1/#", 1)
        self.example("sleeping_sensor", "127.0.0.1", self.gw.port, "s1", 1)

        self.assertGreaterEqual(float(self.heard(source, "sensors/s1/load")), 0)
        self.assertEqual(self.heard(source, "sensors/s1/state"),
                         "asleep cycle=1 seconds=1")
        self.gw.process.wait_line("event=asleep client=s1")
        source.publish("cmd/s1/led", "on", 1)
        self.assertRegex(
            self.heard(source, "sensors/s1/report"),
            r"^woke cycle=\d+ unasked=0 too_soon=0 cmd/s1/led=on$")

    def test_the_button_needs_no_connection(self):
        source = self.mqtt("site/door/bell")
        self.example("button", "127.0.0.1", self.gw.port, 102, keys=b"\n")

        self.assertEqual(self.heard(source, "site/door/bell"), "pressed")

    def test_the_actuator_obeys_within_its_cycle_and_confirms(self):
        source = self.mqtt("valve/is", 1)
        self.example("actuator", "127.0.0.1", self.gw.port, "valve", 1)
        self.gw.process.wait_line("event=asleep client=valve")

        source.publish("valve/set", "open", 1)
        self.assertEqual(self.heard(source, "valve/is"), "open")
        source.publish("valve/set", "closed", 1)
        self.assertEqual(self.heard(source, "valve/is"), "closed")

    def test_a_node_behind_a_serial_line_publishes(self):
        line = SlipForwarder(self.gw.port)
        self.addCleanup(line.close)
        source = self.mqtt("meter/said", 1)
        # 0xC0 and 0xDB are the octets that SLIP has to hide.
        self.example("serial_node", line.device, "meter",
                     keys=b"a\xc0b\xdbc\n")

        while True:
            message = source.take()
            if message.topic == "meter/said":
                break
        self.assertEqual(bytes(message.payload), b"a\xc0b\xdbc")

    def test_a_node_behind_the_forwarder_publishes(self):
        forwarder = os.environ.get("MQTTSN_FORWARDER")
        if not forwarder:
            self.skipTest("mqttsn-forwarder is not built")
        wire = NullModem()
        self.addCleanup(wire.close)
        process = Process("mqttsn-forwarder", [
            forwarder, "-h", "127.0.0.1", "-p", str(self.gw.port),
            "--serial", wire.devices[0]])
        self.addCleanup(process.kill)
        source = self.mqtt("meter/said", 1)
        self.example("serial_node", wire.devices[1], "meter",
                     keys=b"a\xc0b\xdbc\n")

        message = source.take()
        self.assertEqual(message.topic, "meter/said")
        self.assertEqual(bytes(message.payload), b"a\xc0b\xdbc")

    def test_the_program_for_boards_runs_on_this_computer(self):
        source = self.mqtt("board/value", 1)
        sensor = self.example("board_sensor", "127.0.0.1", self.gw.port, 1)

        self.assertGreater(int(self.heard(source, "board/value")), 0)
        self.gw.process.wait_line("event=asleep client=board")
        source.publish("board/cmd", "blink", 1)
        sensor.wait_line("^command: blink$")


if __name__ == "__main__":
    main()
