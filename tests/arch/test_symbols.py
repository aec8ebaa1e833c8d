# SPDX-License-Identifier: MIT
"""What the pure rooms ask of the system: read with nm from their objects.

usage: test_symbols.py NM COMMON-ARCHIVE CORE-ARCHIVE
"""

import re
import subprocess
import sys
import unittest

# Copying and comparing octets, and the compiler's own helpers.
PLAIN = {"memcpy", "memset", "memcmp", "memmove", "memchr", "strlen", "strcmp",
         "strncmp", "strchr", "__assert_fail", "_GLOBAL_OFFSET_TABLE_",
         "__stack_chk_fail", "__tls_get_addr"}
# Checking versions of the same, and what instrumentation adds.
NOISE = re.compile(r"^__(asan|ubsan|tsan|msan|sanitizer|gcov|llvm|sancov|odr)"
                   r"|^__(mem|str)\w+_chk$|^__isoc\d+_|^_Unwind|^\.L")

# In the core, memory is taken where objects are made and nowhere else.
HEAP = {"malloc", "calloc", "free"}
MAKING = re.compile(r"_(init|fini|new|free|create|destroy|release|take_memory)$")


def undefined(nm, archive):
    """Undefined symbols of each object of an archive."""
    output = subprocess.run([nm, "-A", "-u", archive], check=True,
                            capture_output=True, text=True).stdout
    found = {}
    for line in output.splitlines():
        # The object's name stands between colons; an archive may be thin.
        match = re.match(r"^(.*):\s+[UwV]\s+(\S+)$", line)
        if match:
            name = re.split(r"[:/]", match.group(1))[-1]
            name = re.sub(r"\.c\.o$", ".o", re.sub(r"^src_", "", name))
            found.setdefault(name, set()).add(match.group(2).split("@")[0])
    return found


def callers(archive, symbols):
    """Functions of each object that refer to one of the symbols."""
    output = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", archive],
                            check=True, capture_output=True, text=True).stdout
    found, function, name = [], "", ""
    for line in output.splitlines():
        match = re.match(r"^(\S+):\s+file format", line)
        if match:
            name = re.sub(r"\.c\.o$", ".o", re.split(r"[:/]", match.group(1))[-1])
            continue
        match = re.match(r"^[0-9a-f]+ <([^>]+)>:", line)
        if match:
            function = match.group(1).split(".")[0]
            continue
        match = re.search(r"R_\w+\s+([A-Za-z_]\w*)", line)
        if match and match.group(1) in symbols:
            found.append((name, function, match.group(1)))
    return found


class Symbols(unittest.TestCase):
    nm = common = core = None

    def strange(self, archive, own, allowed):
        wrong = []
        objects = undefined(self.nm, archive)
        self.assertTrue(objects, "no object was found in " + archive)
        for name, symbols in sorted(objects.items()):
            for symbol in sorted(symbols):
                if not (symbol.startswith(own) or symbol in allowed
                        or NOISE.search(symbol)):
                    wrong.append("%s uses %s" % (name, symbol))
        return wrong

    def test_common_asks_for_no_memory_no_clock_and_no_output(self):
        self.assertEqual(self.strange(self.common, ("mqttsn_",), PLAIN), [])

    def test_core_asks_for_nothing_but_memory(self):
        self.assertEqual(
            self.strange(self.core, ("mqttsn_", "gw_"), PLAIN | HEAP), [])

    def test_core_takes_memory_only_where_objects_are_made(self):
        wrong = ["%s: %s calls %s" % row for row in callers(self.core, HEAP)
                 if not MAKING.search(row[1])]

        self.assertEqual(wrong, [])


if __name__ == "__main__":
    Symbols.core = sys.argv.pop()
    Symbols.common = sys.argv.pop()
    Symbols.nm = sys.argv.pop()
    unittest.main(verbosity=2)
