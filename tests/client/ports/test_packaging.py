# SPDX-License-Identifier: MIT
"""What firmware systems are given: complete, in agreement with the library,
and compiled by the host's compiler against stand-ins for each system.

None of the systems themselves is run here. CC names the compiler.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
CLIENT = ROOT / "client"
STUBS = HERE / "stubs"
SYSTEMS = ("cmake", "zephyr", "esp-idf", "riot", "arduino")
# Without a compiler cache in front: CMake wants the compiler's own name.
CC = [word for word in shlex.split(os.environ.get("CC", "cc"))
      if os.path.basename(word) not in ("ccache", "sccache")]
CXX = shutil.which("g++") or shutil.which("clang++")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
CMAKE = shutil.which("cmake")
# Options of client_config.h that Kconfig cannot say.
NOT_OPTIONS = {"MQTTSN_CLIENT_ASSERT", "MQTTSN_CLIENT_CONFIG_H",
               "MQTTSN_CLIENT_CONFIG_FILE"}


def run(*argv, **more):
    done = subprocess.run([str(word) for word in argv], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=300, check=False, **more)
    if done.returncode != 0:
        raise AssertionError("%s\n%s" % (
            " ".join(map(str, argv)), done.stdout))
    return done.stdout


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def header_options():
    """Name -> default, as client_config.h says them."""
    text = read("client/include/mqttsn/client_config.h")
    found = re.findall(r"#ifndef (MQTTSN_CLIENT_\w+)\n#define \1 (\S+)", text)
    return {name: value for name, value in found if name not in NOT_OPTIONS}


def kconfig_options():
    """Name -> (kind, default, what it depends on), as client/Kconfig says."""
    options = {}
    for block in re.split(r"\n(?=config )", read("client/Kconfig"))[1:]:
        name = re.match(r"config (\w+)\n", block).group(1)
        kind = re.search(r"^\t(bool|int) \"[^\"]+\"$", block, re.M).group(1)
        default = re.search(r"^\tdefault (\w+)$", block, re.M).group(1)
        depends = re.search(r"^\tdepends on (\w+)$", block, re.M)
        options[name] = (kind, default, depends and depends.group(1))
    return options


def autoconf(off=()):
    """The header that a system makes of Kconfig."""
    lines = []
    for name, (kind, default, depends) in kconfig_options().items():
        if name in off or (depends and depends in off):
            off = {name, *off}
            continue
        lines.append("#define CONFIG_%s %s" % (
            name, "1" if kind == "bool" else default))
    return "\n".join(lines) + "\n"


def sources():
    return {path.name for room in ("client/src", "common/src")
            for path in (ROOT / room).glob("*.c")}


def version():
    return re.search(r"version: '([\d.]+)'", read("meson.build")).group(1)


class Packaging(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="mqttsn-ports-"))
        cls.trees = {}
        for system in SYSTEMS:
            tree = cls.work / system / "mqttsn_client"
            run(ROOT / "scripts/export-client", system, tree)
            cls.trees[system] = tree

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    # ---- what is said ---------------------------------------------------

    def test_kconfig_has_the_options_and_defaults_of_the_header(self):
        header = header_options()
        kconfig = kconfig_options()

        self.assertEqual(sorted(kconfig), sorted(header))
        for name, (kind, default, depends) in kconfig.items():
            with self.subTest(name):
                if kind == "int":
                    self.assertEqual(header[name].rstrip("u"), default)
                    continue
                self.assertEqual(default, "y")
                self.assertIn(header[name], ("1", depends))

    def test_the_header_of_kconfig_changes_no_default_and_obeys_each_switch(
            self):
        names = list(header_options())
        program = self.work / "print.c"
        program.write_text("#include <stdio.h>\n"
                           '#include "mqttsn/client_config.h"\nint main(void)'
                           "{%s return 0;}\n" % "".join(
                               'printf("%s %%lu\\n", (unsigned long)%s);'
                               % (name, name) for name in names))

        def values(*flags):
            run(*CC, "-I", CLIENT / "include", "-I", CLIENT / "ports/kconfig",
                *flags, program, "-o", self.work / "print")
            return dict(line.split() for line in
                        run(self.work / "print").splitlines())

        header = self.work / "autoconf.h"
        use = ("-include", header,
               '-DMQTTSN_CLIENT_CONFIG_FILE="mqttsn_kconfig.h"')
        plain = values()
        header.write_text(autoconf())
        self.assertEqual(values(*use), plain)
        for name, (kind, _, _) in kconfig_options().items():
            if kind != "bool":
                continue
            with self.subTest(name):
                header.write_text(autoconf({name}))
                self.assertEqual(values(*use)[name], "0")

    def test_each_system_names_each_source_once(self):
        for path in ("client/sources.cmake", "client/Makefile"):
            with self.subTest(path):
                named = re.findall(r"(\w+\.c)\b", read(path))
                self.assertEqual(sorted(named), sorted(sources()))

    def test_each_tree_that_has_a_version_has_that_of_the_build(self):
        for system, name, form in (
                ("esp-idf", "idf_component.yml", 'version: "%s"\n'),
                ("arduino", "library.properties", "version=%s\n")):
            with self.subTest(system):
                self.assertIn("\n" + form % version(), (
                    self.trees[system] / name).read_text(encoding="utf-8"))

    def test_yaml_is_the_plain_kind_that_every_parser_reads(self):
        # Nested maps of scalars, two blanks a level: no tabs, no lists.
        line = re.compile(r"^( {2})*[a-z_]+:( (\"[^\"]*\"|[^\s\"#:][^#:\"]*))?$")
        for path in (self.trees["zephyr"] / "zephyr/module.yml",
                     self.trees["esp-idf"] / "idf_component.yml"):
            depth = 0
            for text in path.read_text(encoding="utf-8").splitlines():
                if text.startswith("#"):
                    continue
                self.assertRegex(text, line, str(path))
                indent = (len(text) - len(text.lstrip())) // 2
                self.assertLessEqual(indent, depth, text)
                depth = indent + (1 if text.endswith(":") else 0)
        module = read("client/zephyr/module.yml")
        self.assertIn("cmake: zephyr\n", module)
        self.assertIn("kconfig: zephyr/Kconfig\n", module)

    def test_library_properties_has_what_arduino_asks_for(self):
        tree = self.trees["arduino"]
        rows = [line for line in (tree / "library.properties").read_text(
            encoding="utf-8").splitlines() if not line.startswith("#")]
        keys = [row.split("=", 1)[0] for row in rows]
        for key in ("name", "version", "author", "maintainer", "sentence",
                    "paragraph", "category", "architectures", "includes"):
            self.assertEqual(keys.count(key), 1, key)
        self.assertTrue((tree / "src" / "mqttsn_client.h").exists())

    def test_what_was_not_run_says_so(self):
        for path in ("zephyr/module.yml", "zephyr/CMakeLists.txt",
                     "zephyr/Kconfig", "examples/zephyr/CMakeLists.txt",
                     "examples/zephyr/prj.conf", "examples/zephyr/src/board.c",
                     "idf_component.yml", "CMakeLists.txt",
                     "examples/esp-idf/CMakeLists.txt",
                     "examples/esp-idf/main/board.c", "Makefile",
                     "Makefile.include", "examples/riot/Makefile",
                     "examples/riot/board.c", "library.properties",
                     "arduino/examples/Sensor/Sensor.ino"):
            self.assertRegex(read("client/" + path), "(?i)not run", path)

    def test_the_sample_of_zephyr_sets_options_that_exist(self):
        text = read("client/examples/zephyr/prj.conf")
        for name in re.findall(r"CONFIG_(MQTTSN_CLIENT_\w+)=", text):
            self.assertIn(name, kconfig_options())

    # ---- what is compiled ------------------------------------------------

    def compile(self, files, *flags):
        for path in files:
            with self.subTest(path.name):
                run(*CC, *WARNINGS, *flags, "-c", path, "-o",
                    self.work / "out.o")

    def test_each_tree_compiles_alone_and_freestanding(self):
        for system, tree in self.trees.items():
            if system == "arduino":
                files = sorted((tree / "src").rglob("*.c"))
                where = ["-I", tree / "src"]
            else:
                files = sorted((tree / "src").glob("*.c")) + sorted(
                    (tree / "common/src").glob("*.c"))
                where = ["-I", tree / "include", "-I", tree / "common/include"]
            self.assertEqual({path.name for path in files}, sources(), system)
            self.compile(files, "-std=c11", "-pedantic", "-ffreestanding",
                         "-Os", *where)

    def test_no_tree_leads_back_to_the_repository(self):
        for tree in self.trees.values():
            for path in tree.rglob("*"):
                self.assertFalse(path.is_symlink(), path)

    def test_the_examples_compile_against_the_headers_of_their_systems(self):
        for system, flags in (("zephyr", ["-std=gnu11"]),
                              ("esp-idf", ["-std=gnu11"]),
                              ("riot", ["-std=gnu11"])):
            tree = self.trees[system]
            where = ["-I", tree / "include", "-I", tree / "common/include",
                     "-I", tree / "examples/board", "-I", STUBS / system]
            boards = list(tree.rglob("board.c"))
            self.assertEqual(len(boards), 1, system)
            self.compile(boards + [tree / "examples/board/sensor.c"],
                         *flags, *where)

    def test_the_loop_of_the_manual_compiles(self):
        blocks = re.findall(r"```c\n(.*?)```", read("docs/porting-client.md"),
                            re.S)
        self.assertEqual(len(blocks), 1)
        source = self.work / "manual.c"
        source.write_text(blocks[0])
        self.compile([source], "-std=c11", "-pedantic", "-ffreestanding",
                     "-I", ROOT / "client/include",
                     "-I", ROOT / "common/include")

    def test_the_sketch_compiles_as_cxx(self):
        if not CXX:
            self.skipTest("no C++ compiler")
        tree = self.trees["arduino"]
        sketch = tree / "examples/Sensor"
        where = ["-I", tree / "src", "-I", STUBS / "arduino"]
        run(CXX, "-x", "c++", "-std=gnu++11", "-Wall", "-Werror",
            "-Wno-unused-function", *where, "-include", "Arduino.h", "-c",
            sketch / "Sensor.ino", "-o", self.work / "sketch.o")
        self.compile([sketch / "sensor.c"], "-std=gnu11", *where)

    def test_riot_builds_the_module(self):
        make = shutil.which("make") or shutil.which("gmake")
        if not make:
            self.skipTest("no make")
        # As a make of its own, also where another one runs this.
        env = {name: value for name, value in os.environ.items()
               if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        for tree in (self.trees["riot"], CLIENT):
            out = self.work / ("riot-" + tree.name)
            includes = run(make, "-s", "-f", "-", "print", cwd=self.work,
                           env=env,
                           input="include %s/Makefile.include\nprint:\n"
                           "\t@echo $(USEMODULE_INCLUDES)\n" % tree).split()
            self.assertEqual(len(includes), 2)
            run(make, "-C", tree, "CC=" + " ".join(CC), "BINDIR=%s" % out,
                "RIOTBASE=%s" % (STUBS / "riot"),
                "CFLAGS=-std=c11 " + " ".join(WARNINGS),
                "INCLUDES=" + " ".join("-I" + path for path in includes),
                env=env)
            self.assertTrue((out / "mqttsn_client.a").exists())

    def cmake(self, name, source, module, *settings):
        if not CMAKE:
            self.skipTest("no cmake")
        out = self.work / ("build-" + name)
        run(CMAKE, "-S", source, "-B", out, "-DMODULE=%s" % module,
            "-DCMAKE_C_COMPILER=%s" % CC[0], *settings)
        run(CMAKE, "--build", out)
        return out

    def test_a_project_by_cmake_uses_the_library(self):
        out = self.cmake("host", STUBS / "host", self.trees["cmake"])
        run(out / "consumer")

    def test_the_module_of_zephyr_builds_with_its_sample(self):
        header = self.work / "zephyr-autoconf.h"
        header.write_text(autoconf({"MQTTSN_CLIENT_QOS2"}))
        for number, tree in enumerate((self.trees["zephyr"], CLIENT)):
            self.cmake("zephyr%d" % number, STUBS / "zephyr", tree,
                       "-DKCONFIG_HEADER=%s" % header)

    def test_the_component_of_esp_idf_builds_with_its_example(self):
        folder = self.work / "sdkconfig"
        folder.mkdir()
        (folder / "sdkconfig.h").write_text(autoconf({"MQTTSN_CLIENT_WILL"}))
        for number, tree in enumerate((self.trees["esp-idf"], CLIENT)):
            self.cmake("esp-idf%d" % number, STUBS / "esp-idf", tree,
                       "-DKCONFIG_DIR=%s" % folder)

    # ---- the script -------------------------------------------------------

    def test_export_client_refuses_what_would_not_work(self):
        for argv in ((), ("cmake",), ("vxworks", self.work / "x"),
                     ("riot", self.work / "other-name"),
                     ("cmake", self.trees["cmake"])):
            done = subprocess.run(
                [str(ROOT / "scripts/export-client"), *map(str, argv)],
                stderr=subprocess.DEVNULL, check=False)
            self.assertEqual(done.returncode, 2, argv)


class Examples(unittest.TestCase):
    def test_each_example_is_under_a_hundred_lines(self):
        for name in ("sleeping_sensor", "button", "actuator", "serial_node"):
            lines = read("client/examples/%s.c" % name).splitlines()
            self.assertLess(len(lines), 100, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
