# SPDX-License-Identifier: MIT
"""The Debian packages' lists against what 'meson install' installs: nothing is
left out, nothing is in two, and each list names what there is."""

import fnmatch
import functools
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MQTTSN_SOURCE_ROOT"])
BUILD = os.environ["MQTTSN_BUILD_ROOT"]
DEBIAN = SOURCE / "packaging" / "debian"

# What debian/rules and its build add: with cJSON and CMake, and -Dsystemd=true.
ADDED = {"usr/bin/mqttsn-ctl",
         "usr/share/bash-completion/completions/mqttsn-ctl",
         "usr/share/man/man1/mqttsn-ctl.1",
         "usr/lib/any/cmake/mqttsn-client/mqttsn-clientConfig.cmake",
         "etc/mqttsn-gateway/gateway.conf",
         "lib/systemd/system/mqttsn-gateway.service",
         "usr/lib/sysctl.d/mqttsn-gateway.conf",
         "usr/lib/sysusers.d/mqttsn-gateway.conf",
         "usr/lib/tmpfiles.d/mqttsn-gateway.conf"}


def paragraphs(text):
    """Of a control file: dictionaries."""
    text = re.sub(r"^#.*\n", "", text, flags=re.M)
    for part in re.split(r"\n\s*\n", text.strip()):
        yield {key: re.sub(r"\n\s+", "\n", value).strip() for key, value in
               re.findall(r"^(\S+):((?:.*\n?)(?:[ \t].*\n?)*)", part, re.M)}


def read(name):
    return (DEBIAN / name).read_text(encoding="utf-8")


def lists(kind):
    """Package -> the lines of its list."""
    return {path.name.removesuffix("." + kind):
            [line for line in path.read_text(encoding="utf-8").splitlines()
             if line and not line.startswith("#")]
            for path in DEBIAN.glob("*." + kind)}


@functools.lru_cache(maxsize=None)
def installed():
    """As a package has it: below usr, with Debian's library directory."""
    prefix = os.environ["MQTTSN_PREFIX"].lstrip("/")
    library = "usr/" + os.environ["MQTTSN_LIBDIR"] + "/"
    names = set()
    with tempfile.TemporaryDirectory(prefix="mqttsn-debian-") as directory:
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild",
                        "--quiet", "--destdir", directory], check=True,
                       stdout=subprocess.DEVNULL)
        root = pathlib.Path(directory, prefix)
        for path in root.rglob("*"):
            if path.is_dir():
                continue
            name = "usr/" + str(path.relative_to(root))
            if name.startswith(library):
                name = "usr/lib/any/" + name.removeprefix(library)
            names.add(name)
    # Units are where Debian's tools look for them.
    return {name for name in names if "/systemd/system/" not in name} | ADDED


def matches(name, pattern):
    return any(fnmatch.fnmatchcase(str(part), pattern) for part in
               (name, *pathlib.PurePath(name).parents))


class Debian(unittest.TestCase):
    def test_every_file_is_in_one_package(self):
        patterns = [(package, line) for package, lines in
                    lists("install").items() for line in lines]
        for name in installed():
            found = {package for package, pattern in patterns
                     if matches(name, pattern)}
            with self.subTest(name):
                self.assertEqual(len(found), 1, found)

    def test_every_line_of_a_list_names_a_file(self):
        names = installed()
        for package, lines in lists("install").items():
            for pattern in lines:
                with self.subTest(package + ": " + pattern):
                    self.assertTrue(any(matches(name, pattern)
                                        for name in names))
        for kind in ("docs", "examples"):
            for package, lines in lists(kind).items():
                for pattern in lines:
                    with self.subTest(package + ": " + pattern):
                        self.assertTrue(list(SOURCE.glob(pattern)))

    def test_lists_are_of_packages_that_there_are(self):
        packages = {entry["Package"] for entry in paragraphs(read("control"))
                    if "Package" in entry}

        for kind in ("install", "docs", "examples", "postinst",
                     "postrm"):
            self.assertLessEqual({path.name.removesuffix("." + kind) for path
                                  in DEBIAN.glob("*." + kind)}, packages)

    def test_what_it_is_built_with_is_what_the_script_installs(self):
        source = next(paragraphs(read("control")))
        wanted = set(re.findall(r"^\s*([a-z][a-z0-9.+-]+)",
                                source["Build-Depends"].replace(",", "\n"),
                                re.M))
        deps = (SOURCE / "scripts" / "deps").read_text(encoding="utf-8")
        build = set(re.search(r'^build="([^"]+)"', deps, re.M)[1].split())

        self.assertEqual({name for name in wanted if name.endswith("-dev")}
                         - {"libcmocka-dev"},
                         {name for name in build if name.endswith("-dev")}
                         - {"libc6-dev"})

    def test_tests_named_are_there_and_can_be_run(self):
        for entry in paragraphs(read("tests/control")):
            path = DEBIAN / "tests" / entry["Tests"]
            with self.subTest(entry["Tests"]):
                self.assertTrue(os.access(path, os.X_OK))
                subprocess.run(["sh", "-n", str(path)], check=True)

    def test_licence_is_the_one_of_the_tree(self):
        def words(text):
            return re.sub(r"[\s.]+", " ", text).strip()

        licence = (SOURCE / "LICENSE").read_text(encoding="utf-8")
        self.assertIn(words(licence[licence.index("Permission"):]),
                      words(read("copyright")))
        holder = re.search(r"Copyright \(c\) (.+)", licence)[1]
        self.assertIn("\nCopyright: %s\n" % holder, read("copyright"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
