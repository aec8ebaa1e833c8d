# SPDX-License-Identifier: MIT
"""What 'meson install' puts where: every file is named here."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["MQTTSN_BUILD_ROOT"])
SOURCE = pathlib.Path(os.environ["MQTTSN_SOURCE_ROOT"])
PREFIX = os.environ["MQTTSN_PREFIX"].lstrip("/")
LIBDIR = os.environ["MQTTSN_LIBDIR"]

TOOLS = ("bench", "discover", "forwarder", "pub", "sub")
HEADERS = ("client", "client_config", "frame", "reader", "span", "status",
           "text", "time", "topic", "writer")
RUNTIME = (
    {"bin/mqttsn-gateway",
     "share/doc/mqttsn-gateway/examples/gateway.conf",
     "share/man/man5/mqttsn-gateway.conf.5",
     "share/man/man8/mqttsn-gateway.8"}
    | {"bin/mqttsn-" + tool for tool in TOOLS}
    | {"share/bash-completion/completions/mqttsn-" + tool for tool in TOOLS}
    | {"share/man/man1/mqttsn-%s.1" % tool for tool in TOOLS})
DEVELOPMENT = (
    {"include/mqttsn/%s.h" % header for header in HEADERS}
    | {LIBDIR + "/libmqttsn-client.a",
       LIBDIR + "/pkgconfig/mqttsn-client.pc"})
# Only where there is a CMake that says how to write them.
CMAKE = {LIBDIR + "/cmake/mqttsn-client/mqttsn-clientConfig.cmake",
         LIBDIR + "/cmake/mqttsn-client/mqttsn-clientConfigVersion.cmake"}
CTL = {"bin/mqttsn-ctl", "share/bash-completion/completions/mqttsn-ctl",
       "share/man/man1/mqttsn-ctl.1"}
SYSTEMD = {"lib/systemd/system/mqttsn-gateway.service",
           "lib/sysctl.d/mqttsn-gateway.conf",
           "lib/sysusers.d/mqttsn-gateway.conf",
           "lib/tmpfiles.d/mqttsn-gateway.conf"}


def version():
    text = (SOURCE / "meson.build").read_text(encoding="utf-8")
    return re.search(r"^  version: '([^']+)',$", text, re.M)[1]


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="mqttsn-install-")
        cls.root = pathlib.Path(cls.directory.name)
        done = subprocess.run(
            ["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet",
             "--destdir", str(cls.root)], text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise AssertionError(done.stdout)
        cls.found = {
            str(path.relative_to(cls.root)) for path in cls.root.rglob("*")
            if not path.is_dir()}

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def path(self, name):
        return self.root / PREFIX / name

    def test_there_is_what_is_named_here_and_nothing_else(self):
        found = {str(pathlib.Path(name).relative_to(PREFIX))
                 for name in self.found}

        self.assertEqual(found - CMAKE - SYSTEMD - CTL, RUNTIME | DEVELOPMENT)
        for group in (CMAKE, SYSTEMD, CTL):
            self.assertIn(found & group, (set(), group))

    def test_programs_can_be_run_and_nothing_else_can(self):
        for name in self.found:
            mode = (self.root / name).stat().st_mode & 0o7777
            with self.subTest(name):
                self.assertEqual(mode, 0o755 if "/bin/" in name else 0o644)

    def test_no_text_names_the_place_where_it_was_built(self):
        for name in self.found:
            data = (self.root / name).read_bytes()
            if data.startswith((b"\x7fELF", b"!<arch>")):
                continue
            with self.subTest(name):
                self.assertNotIn(str(BUILD).encode(), data)
                self.assertNotIn(str(self.root).encode(), data)

    def test_the_version_is_that_of_the_build(self):
        pc = self.path(LIBDIR + "/pkgconfig/mqttsn-client.pc").read_text(
            encoding="utf-8")

        self.assertIn("\nVersion: %s\n" % version(), pc)
        for tool in ("gateway", *TOOLS):
            with self.subTest(tool):
                said = subprocess.run(
                    [str(self.path("bin/mqttsn-" + tool)), "--version"],
                    text=True, check=True, capture_output=True).stdout
                self.assertEqual(said.splitlines()[0].split(),
                                 ["mqttsn-" + tool, version()])

    def test_no_source_has_a_second_version(self):
        # Answers that documents show and numbers of tests are none; that of the
        # feed for OpenWrt is checked beside it.
        found = subprocess.run(
            ["git", "grep", "-lF", version(), "--", ".", ":!meson.build",
             ":!docs/CHANGELOG.md", ":!docs/api.md", ":!tests",
             ":!packaging/openwrt"],
            cwd=SOURCE, text=True, capture_output=True, check=False)
        if found.returncode == 128:
            self.skipTest("no git, or no checkout")

        self.assertEqual(found.stdout, "")

    def test_the_list_of_changes_has_the_version(self):
        text = (SOURCE / "docs" / "CHANGELOG.md").read_text(encoding="utf-8")

        self.assertRegex(text, r"(?m)^## %s \((unreleased|\d{4}-\d\d-\d\d)\)$"
                         % re.escape(version()))

    def test_the_sample_is_a_configuration_and_changes_nothing(self):
        sample = self.path("share/doc/mqttsn-gateway/examples/gateway.conf")

        def printed(path):
            return re.sub(r" +;.*", "", subprocess.run(
                [str(self.path("bin/mqttsn-gateway")), "-c", str(path),
                 "--print-config"], text=True, check=True,
                capture_output=True).stdout)

        self.assertEqual(printed(sample), printed("/dev/null"))

    def test_a_program_is_built_against_the_library_as_it_is_installed(self):
        # pkg-config is told of the root; the file itself knows the prefix.
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "mqttsn-client"], text=True,
            check=True, capture_output=True, env={
                **os.environ,
                "PKG_CONFIG_SYSROOT_DIR": str(self.root),
                "PKG_CONFIG_LIBDIR": str(self.path(LIBDIR) / "pkgconfig"),
            }).stdout.split()
        source = self.root / "node.c"
        source.write_text(
            "#include <mqttsn/client.h>\n"
            "int main(void)\n{\n"
            "    static struct mqttsn_client client;\n"
            "    const struct mqttsn_client_config none = {0};\n"
            "    return mqttsn_client_init(&client, &none, 1) == MQTTSN_EINVAL\n"
            "               ? 0 : 1;\n}\n", encoding="utf-8")
        # A library with a sanitizer in it wants one in the program.
        sanitizer = os.environ["MQTTSN_SANITIZE"]
        if sanitizer != "none":
            flags.append("-fsanitize=" + sanitizer)
        subprocess.run(
            [*os.environ["MQTTSN_CC"].split(), "-std=c11", "-Wall", "-Wextra",
             "-Werror", str(source), *flags, "-o", str(self.root / "node")],
            check=True)
        subprocess.run([str(self.root / "node")], check=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
