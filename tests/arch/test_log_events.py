# SPDX-License-Identifier: MIT
"""docs/log-events.md and the source name the same lines of the log."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LEVELS = {"gw_err": "error", "gw_warn": "warn", "gw_info": "info",
          "gw_debug": "debug"}
CALL = re.compile(r'\b(gw_err|gw_warn|gw_info|gw_debug)\(\s*'
                  r'"([a-z_]+)",\s*([^;]*?)(?:,|\))\s')
DIRECT = re.compile(r'\bgw_log_(?:at|write)\(\s*GW_LOG_([A-Z]+),\s*'
                    r'"([a-z_]+)",\s*"([a-z_]+)"')
NAME = re.compile(r'"([a-z_]+)"')
# Functions that are given the event: its area, and its level by the name; None:
# it does not occur there.
PASSED = [
    ("gw_daemon_log_problem", "config",
     lambda event: "error" if event.endswith("error") else "warn"),
    ("gw_crash_begin", "daemon", lambda event: "error"),
    ("daemon_trace", "frame", lambda event: "debug"),
    # What goes to a group goes to no node.
    ("daemon_trace", "trace",
     lambda event: "info" if event != "advertised" else None),
]


def sources():
    for path in sorted((ROOT / "gateway").rglob("*.c")):
        text = path.read_text(encoding="utf-8")
        if path.name != "log.c":
            yield str(path.relative_to(ROOT)), re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def notes():
    """The core's notes: event and level stand in its header, the area in
    notes.c beside the same name."""
    header = (ROOT / "gateway/core/engine.h").read_text(encoding="utf-8")
    shell = (ROOT / "gateway/io/notes.c").read_text(encoding="utf-8")
    areas = dict(re.findall(r'\[GW_NOTE_(\w+)\] = \{"(\w+)"', shell))
    for name, event, level in re.findall(
            r'X\((\w+),\s*"(\w+)",\s*(ERR\w*|WARN|INFO|DEBUG)\)', header):
        yield areas[name], event, level.lower()


def in_source():
    """{(area, event, level)}. A level of None: it depends."""
    found = set(notes())
    for name, text in sources():
        for macro, area, event in CALL.findall(text):
            # A choice between two names is both of them.
            for one in NAME.findall(event):
                found.add((area, one, LEVELS[macro]))
        for level, area, event in DIRECT.findall(text):
            found.add((area, event, level.lower()))
        for function, area, level_of in PASSED:
            for arguments in re.findall(r"\b%s\(([^;{]*)\);" % function, text):
                for one in NAME.findall(arguments):
                    if level_of(one):
                        found.add((area, one, level_of(one)))
    return found


def in_document():
    text = (ROOT / "docs/log-events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z_]+) \| ([a-z_]+) \| ([a-z]+) \|", text, re.M)
    return {row for row in rows if row[0] != "area"}


class LogEvents(unittest.TestCase):
    maxDiff = None

    def test_every_line_of_the_source_is_documented(self):
        self.assertEqual(sorted(in_source() - in_document()), [])

    def test_every_line_of_the_document_is_in_the_source(self):
        self.assertEqual(sorted(in_document() - in_source()), [])

    def test_no_call_escapes_this_test(self):
        """What names no event in its own text is listed here, with reason."""
        known = {
            "gateway/io/notes.c": 1,          # the core's notes: see notes()
            "gateway/io/daemon_reload.c": 1,  # an event that was PASSED
            "gateway/io/daemon_trace.c": 1,   # the same
        }
        for name, text in sources():
            calls = len(re.findall(
                r"\bgw_(?:err|warn|info|debug|log_at|log_write)\(", text))
            seen = len(CALL.findall(text)) + len(DIRECT.findall(text))
            with self.subTest(name):
                self.assertEqual(calls - seen, known.get(name, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
