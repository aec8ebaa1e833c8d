# SPDX-License-Identifier: MIT
"""Who may include whom: dependencies point one way."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")', re.MULTILINE)

FREESTANDING = {"<%s.h>" % name for name in (
    "float iso646 limits stdalign stdarg stdbool stddef stdint stdnoreturn "
    "string assert inttypes").split()}

# What of the core its shells may see.
DOOR = {"core/engine.h", "core/limits.h", "core/counters.h", "core/address.h",
        "core/siphash.h"}


def sources(*rooms):
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.[ch]")):
            yield path, INCLUDE.findall(path.read_text(encoding="utf-8"))


def quoted(include):
    return include.strip('"') if include.startswith('"') else None


def core_layers():
    layers = {}
    lines = (ROOT / "tests/arch/core_order.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    for depth, row in enumerate(rows):
        for name in row:
            layers[name] = depth
    return layers


class Includes(unittest.TestCase):
    def check(self, room, allowed, *more_rooms):
        wrong = ["%s includes %s" % (path.relative_to(ROOT), include)
                 for path, includes in sources(room, *more_rooms)
                 for include in includes if not allowed(path, include)]
        self.assertEqual(wrong, [])

    def test_common_includes_itself_and_freestanding_c_only(self):
        local = {path.name for path, _ in sources("common/src")}

        def allowed(_, include):
            name = quoted(include)
            if name is None:
                return include in FREESTANDING
            return name.startswith("mqttsn/") or name in local

        self.check("common", allowed)

    def test_client_includes_common_and_neither_gateway_nor_heap(self):
        def allowed(path, include):
            name = quoted(include)
            host = any(part in ("ports", "tools", "examples")
                       for part in path.relative_to(ROOT).parts)
            if name is None:
                return host or include in FREESTANDING
            return "gateway" not in name and not name.startswith(
                ("core/", "io/"))

        self.check("client", allowed)

    def test_core_includes_common_itself_and_no_system(self):
        local = {path.name for path, _ in sources("gateway/core")}

        def allowed(_, include):
            name = quoted(include)
            if name is None:
                return include in FREESTANDING | {"<stdlib.h>"}
            return name.startswith("mqttsn/") or name in local

        self.check("gateway/core", allowed)

    def test_inside_core_an_include_goes_down(self):
        layers = core_layers()
        wrong = []
        for path, includes in sources("gateway/core"):
            if path.suffix == ".h":
                if path.name not in layers:
                    wrong.append("%s has no place in core_order.txt" % path.name)
                    continue
                depth = layers[path.name] + 1
            else:
                depth = layers.get(path.stem + ".h", 0)
            for include in includes:
                name = quoted(include)
                if name in layers and layers[name] < depth:
                    wrong.append("%s includes %s, which is above it" % (
                        path.name, name))
        self.assertEqual(wrong, [])

    def test_core_order_names_only_headers_that_exist(self):
        for name in core_layers():
            with self.subTest(name):
                self.assertTrue((ROOT / "gateway/core" / name).exists())

    def test_io_sees_of_the_core_only_its_door(self):
        local = {path.name for path, _ in sources("gateway/io")}

        def allowed(path, include):
            name = quoted(include)
            if name is None or name.startswith("mqttsn/") or name in DOOR:
                return True
            return name.removeprefix("io/") in local

        self.check("gateway/io", allowed)

    def test_only_the_upstream_port_includes_paho(self):
        def allowed(path, include):
            port = ("upstream_", "paho_", "doorbell")
            return "MQTT" not in include or path.name.startswith(port)

        self.check("gateway", allowed, "common", "client")

    def test_a_source_includes_its_own_header_first(self):
        wrong = []
        for path, includes in sources("common", "gateway/core", "gateway/io"):
            if path.suffix != ".c" or not includes:
                continue
            own = [name for name in map(quoted, includes)
                   if name and name.split("/")[-1] == path.stem + ".h"]
            if own and quoted(includes[0]) != own[0]:
                wrong.append(str(path.relative_to(ROOT)))
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
