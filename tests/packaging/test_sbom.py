# SPDX-License-Identifier: MIT
"""The list of what programs consist of: of the shape that SPDX 2.3 demands,
complete, the same each time."""

import json
import os
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ["MQTTSN_SOURCE_ROOT"])
GATEWAY = os.environ["MQTTSN_GATEWAY"]
# Licences with which this may be linked and passed on; 'blessing' is SQLite's.
KNOWN = {"MIT", "Apache-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause",
         "EPL-2.0", "GPL-3.0-or-later WITH GCC-exception-3.1", "ISC",
         "LGPL-2.1-or-later", "Zlib", "blessing"}


def sbom(*programs):
    # Not the time of the last commit: the next may be made while this runs.
    return subprocess.run(
        [str(SOURCE / "scripts" / "sbom"), *programs], text=True,
        capture_output=True, check=False,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})


class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = sbom(GATEWAY)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.text = done.stdout
        cls.document = json.loads(done.stdout)

    def test_the_document_has_what_it_must_have(self):
        self.assertEqual(self.document["spdxVersion"], "SPDX-2.3")
        self.assertEqual(self.document["dataLicense"], "CC0-1.0")
        self.assertEqual(self.document["SPDXID"], "SPDXRef-DOCUMENT")
        self.assertTrue(self.document["name"])
        self.assertRegex(self.document["documentNamespace"],
                         r"^[a-z]+:[^#\s]+$")
        made = self.document["creationInfo"]
        self.assertEqual(made["created"], "2023-11-14T22:13:20Z")
        for creator in made["creators"]:
            self.assertRegex(creator, r"^(Tool|Person|Organization): \S+$")

    def test_each_entry_has_what_it_must_have_and_a_name_of_its_own(self):
        names = ["SPDXRef-DOCUMENT"]
        for entry in self.document["packages"]:
            names.append(entry["SPDXID"])
            with self.subTest(entry["name"]):
                self.assertTrue(entry["versionInfo"])
                self.assertEqual(entry["downloadLocation"], "NOASSERTION")
                self.assertIs(entry["filesAnalyzed"], False)
        for entry in self.document["files"]:
            names.append(entry["SPDXID"])
            self.assertRegex(entry["fileName"], r"^\./")
            sums = {row["algorithm"]: row["checksumValue"]
                    for row in entry["checksums"]}
            self.assertRegex(sums["SHA1"], r"^[0-9a-f]{40}$")
            self.assertRegex(sums["SHA256"], r"^[0-9a-f]{64}$")
        for name in names:
            self.assertRegex(name, r"^SPDXRef-[A-Za-z0-9.-]+$")
        self.assertEqual(len(names), len(set(names)))
        for row in self.document["relationships"]:
            self.assertIn(row["spdxElementId"], names)
            self.assertIn(row["relatedSpdxElement"], names)
            self.assertIn(row["relationshipType"], (
                "DESCRIBES", "CONTAINS", "DYNAMIC_LINK", "DEPENDS_ON",
                "STATIC_LINK"))

    def test_every_library_that_is_linked_is_there_with_its_licence(self):
        direct = {row["relatedSpdxElement"]
                  for row in self.document["relationships"]
                  if row["relationshipType"] in ("DYNAMIC_LINK", "STATIC_LINK")}
        found = {entry["name"]: entry for entry in self.document["packages"]}
        for name in ("libuv1", "libpaho-mqtt1.3", "libssl3", "libinih1",
                     "libc6", "uthash-dev"):
            self.assertIn(name, found)
        for entry in found.values():
            if entry["SPDXID"] in direct:
                with self.subTest(entry["name"]):
                    if re.fullmatch(r"lib(a|t|ub)san\d+", entry["name"]):
                        continue  # a sanitizer of this build
                    self.assertIn(entry["licenseDeclared"], KNOWN)

    def test_it_says_the_version_of_the_build(self):
        meson = (SOURCE / "meson.build").read_text(encoding="utf-8")
        version = re.search(r"^  version: '([^']+)',$", meson, re.M)[1]

        self.assertEqual(self.document["packages"][0]["versionInfo"], version)

    def test_again_it_is_the_same(self):
        self.assertEqual(sbom(GATEWAY).stdout, self.text)

    def test_what_cannot_be_said_is_an_error(self):
        done = sbom("/dev/null")

        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("sbom: error: ", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
