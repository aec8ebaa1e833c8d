# SPDX-License-Identifier: MIT
"""What is measured by time, and beside what. Each function is one round; a
measurement is a dictionary of figures."""
from measure.programs import run_number

SILENT_GATEWAYS = 20


class Compared:
    """quick: small counts, for what they lose and not for what they take."""

    def __init__(self, programs, seconds, quick):
        self.programs = programs
        self.seconds = 1 if quick else seconds
        self.quick = quick

    def span(self, count):
        """The arguments for the length of a measurement."""
        return ("--count", count) if self.quick \
            else ("--seconds", self.seconds)

    def up(self, qos):
        more = self.span(2000)
        window = 50 if qos else 200  # the gateway's own, by default
        run = run_number()
        mine = self.programs.bench("up", "-q", qos, *more)
        floor = self.programs.publisher(
            qos, window, run, ("--seconds", 1) if self.quick else more)
        return {"gateway": mine["rate"], "floor": floor["rate"],
                "ratio": mine["rate"] / max(floor["rate"], 1),
                "cost_us": mine["cost_us"], "floor_cost_us": floor["cost_us"],
                "cost_ratio": floor["cost_us"] / mine["cost_us"],
                "cpu_us": mine["cpu_us"], "floor_cpu_us": floor["cpu_us"]}

    def up0(self):
        return self.up(0)

    def up1(self):
        return self.up(1)

    def relay(self):
        more = (*self.span(2000), "--rate", 150000, "--window", 16)
        run = run_number()
        mine = self.programs.bench("up", *more, clean=False)
        child, port = self.programs.stand_in("relay", run)
        floor = self.programs.bench("up", "--run", run, *more, port=port,
                                    clean=False, beside=[child])
        self.programs.stop(child)
        return {"gateway": mine["rate"], "floor": floor["rate"],
                "ratio": mine["rate"] / max(floor["rate"], 1),
                "cost_ratio": floor["cost_us"] / mine["cost_us"],
                "gateway_lost": mine["lost"], "floor_lost": floor["lost"]}

    def down(self):
        mine = self.programs.bench("down", "--window", 32, *self.span(4000))
        floor = self.programs.subscriber(
            run_number(), "--window", 3200, "--seconds", self.seconds)
        return {"gateway": mine["rate"], "floor": floor["rate"],
                "ratio": mine["rate"] / max(floor["rate"], 1),
                "cost_us": mine["cost_us"], "floor_cost_us": floor["cost_us"],
                "cost_ratio": floor["cost_us"] / mine["cost_us"],
                "cpu_us": mine["cpu_us"]}

    def latency(self):
        # So long that the first moments after a silence, which are a row of
        # their own, are below one in a hundred.
        seconds = 1 if self.quick else max(10, self.seconds)
        more = ("--rate", 1000, "--seconds", seconds)
        mine = self.programs.bench("down", *more)
        floor = self.programs.subscriber(run_number(), "--window", 800, *more)
        return {"gateway_p50": mine["latency_ms_p50"],
                "gateway_p99": mine["latency_ms_p99"],
                "floor_p50": floor["latency_ms_p50"],
                "floor_p99": floor["latency_ms_p99"],
                # Whatever lies above the usual counts against the gateway,
                # also where a bare subscriber would have waited as well.
                "added_p99": mine["latency_ms_p99"] - floor["latency_ms_p50"]}

    def fan_out(self):
        more = ("-n", 100 if self.quick else 1000, *self.span(20))
        run = run_number()
        mine = self.programs.bench("fan-out", *more)
        child, port = self.programs.stand_in("blast", run)
        floor = self.programs.bench("fan-out", "--no-broker", "--run", run,
                                    *more, port=port, clean=False,
                                    beside=[child])
        self.programs.stop(child)
        return {"gateway": mine["rate"], "floor": floor["rate"],
                "ratio": mine["rate"] / max(floor["rate"], 1),
                "complete_ms": mine["complete_ms_p50"],
                "floor_complete_ms": floor["complete_ms_p50"],
                "cost_ratio": floor["cost_us"] / mine["cost_us"],
                "cpu_us": mine["cpu_us"]}

    def wake(self):
        mine = self.programs.bench("sleep", "-q", 1, "-n",
                                   20 if self.quick else 1000)
        if mine["round_trips_max"] > 11:
            self.programs.troubles.append(
                "a wake-up took %d round trips for 10 messages" %
                mine["round_trips_max"])
        return {"first_p50": mine["first_ms_p50"],
                "first_p99": mine["first_ms_p99"],
                "awake_p99": mine["awake_ms_p99"],
                "round_trips": mine["round_trips_max"]}

    # ---- each with a gateway of its own -----------------------------------

    def connect(self):
        # One more than at once: a fresh gateway has room for no others.
        self.programs.start_gateway()
        holds = self.programs.wait_log(
            self.programs.gateway, "gateway.log",
            r"holds_datagrams=(\d+)").group(1)
        mine = self.programs.bench("connect", "-n",
                                   500 if self.quick else 10000)
        return {"seconds": mine["connect_seconds"],
                "p99_ms": mine["answer_ms_p99"],
                "again": mine["retransmitted"], "dropped": mine["kernel_drops"],
                "buffer_holds": int(holds)}

    def transparent(self):
        """Each node with a connection to the broker of its own; 500 are what
        there may be by default."""
        found = {}
        for key, window in (("p50_ms", 10), ("burst_p50_ms", 500)):
            self.programs.start_gateway("upstream.mode=transparent")
            mine = self.programs.bench(
                "connect", "-n", 50 if self.quick else 500, "--window", window)
            found[key] = mine["answer_ms_p50"]
        self.programs.start_gateway()
        return found

    def memory(self, *more):
        self.programs.start_gateway()
        mine = self.programs.bench(
            "sleep", "-q", 1, "-n",
            50 if self.quick else 9999,  # and one that is awake
            "--window", 16, *more)
        self.programs.start_gateway()
        return {"idle_kib": mine["rss_before_kib"], "full_kib": mine["rss_kib"],
                "grown_kib": mine["rss_kib"] - mine["rss_before_kib"]}

    def memory_distinct(self):
        return self.memory()

    def memory_shared(self):
        return self.memory("--shared")

    def silence(self):
        """A command after a minute in which nobody said anything: one on each
        of many gateways, for a minute is long."""
        loads = []
        gateways = [self.programs.new_gateway("silent-%d.log" % number)
                    for number in range(SILENT_GATEWAYS)]
        for child, port in gateways:
            loads.append(self.programs.start_bench(
                "down", "-n", 1, "--interval", 60, "--count", 1, "--seconds",
                90, "-q", 1, "--pid", child.pid, port=port))
        took = sorted(self.programs.result(load)["latency_ms_max"]
                      for load in loads)
        for child, _ in gateways:
            self.programs.stop(child)
        return {"p50_ms": took[len(took) // 2], "max_ms": took[-1]}
