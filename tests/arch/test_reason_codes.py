# SPDX-License-Identifier: MIT
"""docs/protocol-notes.md and gateway/io/reason_codes.c have the same table."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROW = re.compile(r'\{0x([0-9a-f]{2}), "([^"]+)", ([A-Z_]+),\s*(true|false)\}')
WORDS = {"ACCEPTED": "accepted", "NOT_SUPPORTED": "not supported",
         "CONGESTION": "congestion"}


def in_source():
    text = (ROOT / "gateway/io/reason_codes.c").read_text(encoding="utf-8")
    table = text[text.index("reasons[] = {"):text.index("unknown =")]
    return [(int(code, 16), name, WORDS[outcome], denied == "true")
            for code, name, outcome, denied in ROW.findall(table)]


def in_document():
    text = (ROOT / "docs/protocol-notes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `0x([0-9a-f]{2})` \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$",
                      text, flags=re.M)
    return [(int(code, 16), name.strip(), answer.strip(),
             denied.strip() == "denied")
            for code, name, answer, denied in rows]


class ReasonCodes(unittest.TestCase):
    def test_the_document_and_the_source_say_the_same(self):
        self.assertEqual(in_document(), in_source())

    def test_they_are_in_order_and_many(self):
        codes = [row[0] for row in in_source()]
        self.assertEqual(codes, sorted(set(codes)))
        self.assertGreater(len(codes), 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
