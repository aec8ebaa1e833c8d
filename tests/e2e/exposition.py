# SPDX-License-Identifier: MIT
"""The text format of Prometheus, version 0.0.4, read strictly.

Each metric has HELP, then TYPE, then its samples, all together and only once;
names, labels and numbers have their grammar; no series comes twice; counters
end in _total and are not negative; a histogram has its buckets in order, up to
+Inf, with a sum and a count.
"""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (\S+)\Z" % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)\Z|NaN\Z")
SUFFIXES = ("_bucket", "_sum", "_count")


class Malformed(Exception):
    pass


class Metric:
    def __init__(self, name, text):
        self.name, self.help, self.type = name, text, None
        self.samples = {}  # (name, sorted labels): value


def labels_of(text, line):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match or match.group(1) in labels:
            raise Malformed("labels of %r" % line)
        labels[match.group(1)] = match.group(2)
        at = match.end()
    return labels


def belongs(name, metric):
    if metric.type == "histogram":
        return name in [metric.name + suffix for suffix in SUFFIXES]
    return name == metric.name


def read_line(line, metrics, current):
    words = line.split(" ", 3)
    if line.startswith("# HELP "):
        if len(words) != 4 or not re.fullmatch(NAME, words[2]) \
                or words[2] in metrics:
            raise Malformed("a HELP again, or none: %r" % line)
        metrics[words[2]] = Metric(words[2], words[3])
        return metrics[words[2]]
    if line.startswith("# TYPE "):
        if not current or len(words) != 4 or words[2] != current.name \
                or current.type or current.samples or words[3] not in (
                    "counter", "gauge", "histogram"):
            raise Malformed("a TYPE out of place: %r" % line)
        current.type = words[3]
        return current
    match = SAMPLE.match(line)
    if not match or not NUMBER.match(match.group(3)):
        raise Malformed("no sample: %r" % line)
    name, labels, value = match.group(1), match.group(2) or "", match.group(3)
    if not current or not current.type or not belongs(name, current):
        raise Malformed("a sample out of place: %r" % line)
    key = (name, tuple(sorted(labels_of(labels, line).items())))
    if key in current.samples:
        raise Malformed("a series twice: %r" % line)
    current.samples[key] = float(value)
    return current


def judge_histogram(metric):
    series = {}
    for (name, labels), value in metric.samples.items():
        rest = tuple(label for label in labels if label[0] != "le")
        one = series.setdefault(rest, {"buckets": []})
        if name.endswith("_bucket"):
            one["buckets"].append((float(dict(labels)["le"]), value))
        else:
            one[name[len(metric.name):]] = value
    for one in series.values():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        if bounds != sorted(set(bounds)) or counts != sorted(counts) \
                or bounds[-1] != float("inf") or counts[-1] != one["_count"] \
                or "_sum" not in one:
            raise Malformed("the histogram %s" % metric.name)


def parse(text):
    """{name: Metric}; raises Malformed."""
    metrics, current = {}, None
    if not text.endswith("\n"):
        raise Malformed("the last line has no end")
    for line in text[:-1].split("\n"):
        current = read_line(line, metrics, current)
    for metric in metrics.values():
        if not metric.type or not metric.samples:
            raise Malformed("%s has no type or no sample" % metric.name)
        if metric.type == "counter" and not metric.name.endswith("_total"):
            raise Malformed("the counter %s" % metric.name)
        if metric.type == "counter" and min(metric.samples.values()) < 0:
            raise Malformed("%s is below 0" % metric.name)
        if metric.type == "histogram":
            judge_histogram(metric)
    return metrics


class Metrics:
    """One look: values by name and labels."""

    def __init__(self, text):
        self.metrics = parse(text)

    def value(self, name, **labels):
        """Of 'name', without its beginning if that is the gateway's."""
        if name not in self.metrics and not name.startswith("process_"):
            name = "mqttsn_gateway_" + name
        base = name
        for suffix in SUFFIXES:
            if name not in self.metrics and name.endswith(suffix):
                base = name[:-len(suffix)]
        return self.metrics[base].samples[
            (name, tuple(sorted(labels.items())))]
