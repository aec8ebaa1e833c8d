# SPDX-License-Identifier: MIT
"""Child processes of a test: brokers and the daemon, each with a directory
of its own, on a free port of loopback."""

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from transport import WAY

# How long to wait for what should come at once. Only failing tests wait.
PATIENCE = 10.0 * float(os.environ.get("MQTTSN_TEST_PATIENCE", "1"))
# With it every gateway has a topic_prefix, and the broker's side of a test names
# topics as nodes do: then no test can tell.
PREFIX = os.environ.get("MQTTSN_TEST_PREFIX", "")
# The version of MQTT that the gateway is to speak: suites run in more than one.
PROTOCOL = os.environ.get("MQTTSN_TEST_PROTOCOL", "3.1.1")
# How nodes are known to the broker: upstream.mode.
MODE = os.environ.get("MQTTSN_TEST_MODE")
MOSQUITTO = shutil.which("mosquitto", path=os.pathsep.join(
    (os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
LIBC = ctypes.CDLL(None)
SANITIZER = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:"
    r"|MemorySanitizer|Assertion .* failed")


def free_port():
    """A port free for TCP and UDP, outside the range of automatic ports."""
    while True:
        # Not from the generator that a test may have seeded.
        port = random.SystemRandom().randrange(20000, 32000)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
                return port
        except OSError:
            continue


def end_with_parent():
    """A child ends with the test that began it, however that ends."""
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A child process whose output is collected line by line."""

    def __init__(self, name, argv, env=None, **more):
        self.name = name
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        self.child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=env, preexec_fn=end_with_parent,
            **more)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self.changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        # Whole logs, for whoever hunts a rare failure.
        folder = os.environ.get("MQTTSN_TEST_LOGS")
        if folder:
            with open("%s/%s-%d.log" % (folder, self.name, self.child.pid), "w",
                      encoding="utf-8") as out:
                out.write("\n".join(self.lines) + "\n")
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_line(self, pattern, start=0, timeout=None):
        """Waits for a line that matches; returns (its index, the match)."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + (timeout or PATIENCE)
        at = start
        with self.changed:
            while True:
                while at < len(self.lines):
                    match = wanted.search(self.lines[at])
                    if match:
                        return at, match
                    at += 1
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise AssertionError(
                        "%s: no line matches %r (%s)\n%s" % (
                            self.name, pattern,
                            "it has ended" if self.ended else "time is up",
                            self.tail()))
                self.changed.wait(left)

    def count(self, pattern):
        with self.changed:
            return sum(1 for line in self.lines if re.search(pattern, line))

    def mark(self):
        """Where the log stands now, as a start for wait_line."""
        with self.changed:
            return len(self.lines)

    def tail(self, count=60):
        return "\n".join("    %s | %s" % (self.name, line)
                         for line in self.lines[-count:])

    def signal(self, number):
        self.child.send_signal(number)

    def memory(self):
        """Octets: of its address space, and of it in memory."""
        with open("/proc/%d/statm" % self.child.pid,
                  encoding="ascii") as file:
            size, resident = file.read().split()[:2]
        page = os.sysconf("SC_PAGESIZE")
        return int(size) * page, int(resident) * page

    def wait(self, timeout=None):
        """Its exit status; it must end by itself."""
        try:
            status = self.child.wait(timeout or PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError("%s does not end\n%s" % (
                self.name, self.tail())) from None
        self.reader.join(PATIENCE)
        return status

    def kill(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.kill()
        self.child.wait()
        self.reader.join(PATIENCE)
        self.child.stdout.close()


class Broker:
    """A mosquitto of our own. Extra lines go into its configuration.

    With 'persistence' it can be killed: it saves after each change; or, if
    that is "when stopped", only ended in order.
    """

    def __init__(self, *lines, persistence=False, files=None, quiet=False):
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="mqttsn-broker-")
        self.config = os.path.join(self.directory, "mosquitto.conf")
        self.process = None
        rows = [
            "listener %d 127.0.0.1" % self.port,
            "allow_anonymous true",
            "log_dest stderr",
        ]
        rows += ["log_type information", "log_type error"] if quiet else [
            "log_type all", "connection_messages true"]
        if os.geteuid() == 0:
            rows.append("user root")
        if persistence:
            rows += ["persistence true",
                     "persistence_location %s/" % self.directory]
            # It writes all that it has each time: quadratic in a backlog.
            if persistence != "when stopped":
                rows += ["autosave_interval 1", "autosave_on_changes true"]
        # A line names a file beside the configuration as {name}.
        paths = {name: os.path.join(self.directory, name)
                 for name in files or {}}
        for name, text in (files or {}).items():
            self.file(name, text)
        rows += [line.format(**paths) for line in lines]
        with open(self.config, "w", encoding="utf-8") as out:
            out.write("\n".join(rows) + "\n")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.process = Process("mosquitto", [MOSQUITTO, "-c", self.config])
        self.process.wait_line(r"mosquitto version .* running")

    def kill(self):
        """As a crash: SIGKILL."""
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """In order: SIGTERM; it writes its database."""
        self.process.signal(signal.SIGTERM)
        self.process.wait()

    def pause(self):
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def file(self, name, text):
        """A file beside the configuration; its path."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def close(self):
        if self.process:
            self.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class Gateway:
    """The daemon, with a configuration written for one test."""

    def __init__(self, broker_port, config=None, ready=True, argv=(), env=None,
                 prefix=()):
        self.port = free_port()
        self.broker_port = broker_port
        self.directory = tempfile.mkdtemp(prefix="mqttsn-gateway-")
        self.file = os.path.join(self.directory, "gateway.conf")
        self.argv = list(argv)
        self.prefix = [str(word).replace("{directory}", self.directory)
                       for word in prefix]  # a command that runs the daemon
        self.env = dict(os.environ)
        for name in list(self.env):
            if name.startswith("MQTTSN_") or name.startswith("MQTT_C_CLIENT"):
                del self.env[name]
        self.env.update(env or {})
        self.process = None
        self.earlier = []  # what killed processes have said
        self.stopped = False
        self.write(config or {})
        try:
            self.start(ready)
        except BaseException:
            self.close()
            raise

    def sections(self):
        return {
            "gateway": {"id": 1, "name": "gw-test"},
            "listener test": {"bind": "127.0.0.1:%d" % self.port},
            "upstream": {"url": WAY.url(self.broker_port),
                         "client_id": "mqttsn-gw-test",
                         "topic_prefix": PREFIX or None,
                         "protocol": PROTOCOL,
                         "mode": MODE},
            "tls": {"ca_file": WAY.ca},
            "log": {"level": "debug"},
        }

    def write(self, config):
        """Writes the configuration file; values override the test's own."""
        sections = self.sections()
        for name, keys in config.items():
            sections.setdefault(name, {}).update(keys)
        with open(self.file, "w", encoding="utf-8") as out:
            for name, keys in sections.items():
                out.write("[%s]\n" % name)
                for key, value in keys.items():
                    if value is not None:
                        out.write("%s = %s\n" % (
                            key, str(value).replace("{directory}",
                                                    self.directory)))

    def start(self, ready=True):
        if self.process:
            self.process.kill()
        self.stopped = False
        self.process = Process(
            "gateway", [*self.prefix, os.environ["MQTTSN_GATEWAY"], "-c",
                        self.file, *self.argv], env=self.env)
        self.wait_log(r"event\W+ready")
        if ready:
            self.wait_up()

    def wait_up(self, start=0):
        """Waits until the broker has accepted the gateway; where the log
        stood then."""
        return self.process.wait_line(
            r"area\W+upstream\W+event\W+connected", start)[0] + 1

    def mark(self):
        return self.process.mark()

    def wait_log(self, pattern, start=0, timeout=None):
        return self.process.wait_line(pattern, start, timeout)

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def kill(self):
        """As a crash: SIGKILL. What it had said is judged."""
        self.process.kill()
        self.stopped = True
        self.earlier = self.earlier + self.process.lines

    def restart(self, ready=True):
        """Killed, and started again on the same files."""
        self.kill()
        self.start(ready)

    def terminate(self):
        self.process.signal(signal.SIGTERM)

    def wait(self):
        """Waits for its end; returns its exit status."""
        status = self.process.wait()
        self.stopped = True
        return status

    def judge(self):
        """What the daemon itself has to say about this test: the end of it
        must be in order. Returns a complaint, or an empty string."""
        complaint = ""
        if not self.stopped:
            if self.process.child.poll() is None:
                self.terminate()
                try:
                    self.process.child.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    complaint = "SIGTERM does not end the gateway"
            if not complaint:
                status = self.wait()
                if status != 0:
                    complaint = "the gateway ended with status %d" % status
        for line in self.earlier + self.process.lines:
            if SANITIZER.search(line):
                complaint = complaint or "a sanitizer or assertion spoke"
        return complaint

    def close(self):
        self.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
