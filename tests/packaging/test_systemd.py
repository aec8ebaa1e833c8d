# SPDX-License-Identifier: MIT
"""The unit for systemd: that it is understood, and how much is open to it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

UNIT = os.path.abspath(sys.argv.pop())
EXPOSURE_MAX = 1.5


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)


class Unit(unittest.TestCase):
    def setUp(self):
        with open(UNIT, encoding="utf-8") as unit:
            self.text = unit.read()

    def test_it_is_understood(self):
        # By systemd itself: what it does not know it names. A program and pages
        # that are not installed are no fault of the unit.
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, os.path.basename(UNIT))
            with open(path, "w", encoding="utf-8") as unit:
                unit.write(re.sub(r"(?m)^(ExecStart)=\S+", r"\1=/bin/true",
                                  self.text))
            said = analyze("verify", "--man=no", path)
        ours = [line for line in said.stdout.splitlines()
                if os.path.basename(UNIT) in line]
        self.assertEqual(ours, [])

    def test_little_is_open_to_it(self):
        said = analyze("security", "--offline=true",
                       "--threshold=%d" % (EXPOSURE_MAX * 10), UNIT)
        last = said.stdout.strip().splitlines()[-1]
        print(last)
        self.assertEqual(said.returncode, 0, last)

    def test_it_holds_no_capability(self):
        self.assertRegex(self.text, r"(?m)^CapabilityBoundingSet=$")
        self.assertRegex(self.text, r"(?m)^AmbientCapabilities=$")

    def test_the_buffer_that_is_asked_for_can_be_had(self):
        with open(os.path.join(os.environ["MQTTSN_SOURCE_ROOT"], "packaging",
                               "systemd", "sysctl.conf"),
                  encoding="utf-8") as file:
            granted = re.search(r"(?m)^net\.core\.rmem_max = (\d+)$",
                                file.read())
        printed = subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "--print-config"], text=True,
            capture_output=True, check=True).stdout
        asked = re.search(r"(?m)^receive_buffer = (\d+)MiB", printed)
        self.assertEqual(int(granted[1]), int(asked[1]) << 20)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("systemd-analyze is not installed")
        sys.exit(77)
    unittest.main(verbosity=2)
