# SPDX-License-Identifier: MIT
"""The programs of a measurement: broker, gateway, load, and what they are
compared with. Each is started on free ports of loopback and stopped by its id.
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

from processes import MOSQUITTO, end_with_parent, free_port  # noqa: E402

# What a broker may hold back is not what is measured.
BROKER_SETTINGS = """listener %d 127.0.0.1
allow_anonymous true
log_dest stderr
log_type error
log_type information
persistence false
max_queued_messages 0
max_inflight_messages 1000
"""
LOSSES = ("lost", "duplicates", "damaged", "foreign", "refused", "abandoned")


class Failed(Exception):
    """Something could not be measured; the others can be."""


def cpu(child):
    """Processor time of a running process, in microseconds."""
    folder = "/proc/%d/task" % child.pid
    total = 0
    for thread in os.listdir(folder):
        with open("%s/%s/schedstat" % (folder, thread),
                  encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1000


def run_number():
    return random.SystemRandom().randrange(1 << 30)


class Programs:
    def __init__(self, build):
        self.build = build
        self.children = []
        self.folder = tempfile.mkdtemp(prefix="mqttsn-bench-")
        self.troubles = []
        self.broker = self.gateway = None
        self.broker_port = self.port = None

    # ---- any of them ------------------------------------------------------

    def path(self, *parts):
        return os.path.join(self.build, *parts)

    def start(self, *argv, log=None):
        out = subprocess.PIPE
        if log:
            out = open(os.path.join(self.folder, log), "wb")
        child = subprocess.Popen(
            [str(part) for part in argv], stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT if log else None,
            preexec_fn=end_with_parent)
        if log:
            out.close()
        self.children.append(child)
        return child

    def stop(self, child, patience=10):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(patience)
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()
        self.children.remove(child)

    def stop_all(self):
        for child in list(self.children):
            self.stop(child, 3)
        self.broker = self.gateway = None

    def close(self):
        self.stop_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8",
                  errors="replace") as log:
            return log.read()

    def wait_log(self, child, name, pattern, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            match = re.search(pattern, self.log_text(name))
            if match:
                return match
            if child.poll() is not None:
                break
            time.sleep(0.02)
        raise Failed("no line '%s' from %s:\n%s" % (
            pattern, name, self.log_text(name)))

    def to_end(self, child, *beside, seconds=120):
        """Runs a program that measures to its end, which it must reach: (what
        it prints, all the processor time that it, the broker and those beside
        it took)."""
        others = (self.broker, *beside)
        before = sum(map(cpu, others))
        overdue = threading.Timer(seconds, child.kill)
        overdue.start()
        out = child.stdout.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        overdue.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
        self.children.remove(child)
        return out, sum(map(cpu, others)) - before + 1e6 * (
            usage.ru_utime + usage.ru_stime)

    # ---- broker and gateway -----------------------------------------------

    def start_broker(self):
        self.broker_port = free_port()
        config = os.path.join(self.folder, "mosquitto.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BROKER_SETTINGS % self.broker_port)
            if os.geteuid() == 0:
                file.write("user root\n")
        self.broker = self.start(MOSQUITTO, "-c", config, log="mosquitto.log")
        self.wait_log(self.broker, "mosquitto.log", r"running")

    def new_gateway(self, log, *settings):
        """Another one, with the defaults but for ports and what is given:
        (its process, its port). It has connected."""
        port = free_port()
        argv = [self.path("gateway/mqttsn-gateway"), "-c", "/dev/null"]
        for setting in ("listener.bench.bind=127.0.0.1:%d" % port,
                        "upstream.url=mqtt://127.0.0.1:%d" % self.broker_port,
                        "upstream.client_id=bench-%d" % port, *settings):
            argv += ["--set", setting]
        child = self.start(*argv, log=log)
        self.wait_log(child, log, r"event=connected")
        return child, port

    def start_gateway(self, *settings):
        """The one that is measured, anew."""
        self.stop_gateway()
        self.gateway, self.port = self.new_gateway("gateway.log", *settings)

    def stop_gateway(self):
        if self.gateway:
            child, self.gateway = self.gateway, None
            self.stop(child)
            if child.returncode != 0:
                self.troubles.append("the gateway ended with status %d:\n%s" % (
                    child.returncode, self.log_text("gateway.log")))

    def start_over(self):
        """After something went wrong."""
        self.stop_all()
        self.start_broker()
        self.start_gateway()

    # ---- load, and what the gateway is compared with ----------------------

    def start_bench(self, mode, *arguments, port):
        return self.start(
            self.path("client/tools/mqttsn-bench"), "--mode", mode, "-h",
            "127.0.0.1", "-p", port, "--broker", "127.0.0.1", "--broker-port",
            self.broker_port, "--json", "--quiet", "--no-ceiling", *arguments)

    def result(self, child, *beside):
        """What mqttsn-bench has to say in the end, and 'cost_us', the time
        that all together took for a message."""
        out, time_taken = self.to_end(child, *beside)
        try:
            result = json.loads(out)
        except ValueError:
            raise Failed("%s: status %d: %s" % (
                " ".join(child.args), child.returncode, out)) from None
        result["cost_us"] = time_taken / max(result.get("arrived", 0), 1)
        return result

    def bench(self, mode, *arguments, port=None, clean=True, beside=None):
        """mqttsn-bench; what must not be lost or doubled is looked at."""
        if port is None:
            arguments += ("--pid", self.gateway.pid)
        result = self.result(
            self.start_bench(mode, *arguments, port=port or self.port),
            *(beside or [self.gateway]))
        wrong = {key: result[key] for key in LOSSES if result.get(key)}
        if clean and wrong:
            self.troubles.append("%s %s: %s" % (
                mode, " ".join(map(str, arguments)), wrong))
        return result

    def stand_in(self, role, run):
        """Starts it; returns (process, port)."""
        child = self.start(self.path("tests/bench/floor/floor_stand_in"),
                           "--role", role, "--broker-port", self.broker_port,
                           "--run", run)
        return child, int(child.stdout.readline())

    def publisher(self, qos, window, run, more):
        """A bare Paho publisher, with the load beside it."""
        sink, port = self.stand_in("sink", run)
        floor = self.start(self.path("tests/bench/floor/floor_paho_publisher"),
                           "--broker-port", self.broker_port, "--qos", qos,
                           "--window", window, "--run", run)
        if floor.stdout.readline() != b"ready\n":
            raise Failed("the bare Paho publisher does not run")
        # What the sink swallows is no loss of the publisher's.
        result = self.bench("up", "--run", run, "--pid", floor.pid, *more,
                            port=port, clean=False, beside=[floor, sink])
        self.stop(floor)
        self.stop(sink)
        if result["duplicates"] or result["damaged"]:
            self.troubles.append("bare Paho publisher: %s" % result)
        return result

    def subscriber(self, run, *more):
        child = self.start(self.path("tests/bench/floor/floor_paho_subscriber"),
                           "--broker-port", self.broker_port, "--run", run,
                           *more)
        out, time_taken = self.to_end(child)
        try:
            result = json.loads(out)
        except ValueError:
            raise Failed("the bare Paho subscriber: status %d: %s" % (
                child.returncode, out)) from None
        result["cost_us"] = time_taken / max(result["arrived"], 1)
        return result
