# SPDX-License-Identifier: MIT
"""What can be told of a container's recipe without building it: that it can be
read, that it is pinned, that what it names is there, and who runs in it."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(os.environ["MQTTSN_SOURCE_ROOT"])
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))

import processes  # noqa: E402

FOLDER = SOURCE / "packaging" / "docker"
GATEWAY = os.environ["MQTTSN_GATEWAY"]
KNOWN = {"ARG", "FROM", "RUN", "COPY", "LABEL", "USER", "VOLUME", "EXPOSE",
         "HEALTHCHECK", "ENTRYPOINT", "CMD", "ENV", "WORKDIR"}


def instructions():
    """(word, rest) of each, in order; continued lines are one."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M)
    text = re.sub(r"\\\n\s*", "", text)
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line]


def stages():
    """Instructions of each stage; what stands before the first is left out."""
    found = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def packages(stage):
    """What apt-get installs in a stage."""
    found = set()
    for word, rest in stage:
        if word == "RUN":
            for command in rest.split("&&"):
                words = command.split()
                if words[:2] == ["apt-get", "install"]:
                    found |= {name for name in words[2:]
                              if not name.startswith("-")}
    return found


class Dockerfile(unittest.TestCase):
    def test_instructions_are_known_and_shell_commands_can_be_read(self):
        for word, rest in instructions():
            with self.subTest(word + " " + rest[:40]):
                self.assertIn(word, KNOWN)
                if word == "RUN":
                    subprocess.run(["sh", "-n", "-c", rest], check=True)

    def test_the_base_is_of_one_day_for_every_stage(self):
        self.assertRegex(dict(instructions())["ARG"],
                         r"^BASE=debian:[a-z]+-20\d{6}-slim$")
        self.assertEqual({stage[0][1].split()[0] for stage in stages()},
                         {"${BASE}"})

    def test_what_is_copied_is_there(self):
        names = {stage[0][1].split()[-1] for stage in stages()
                 if " AS " in stage[0][1]}
        for word, rest in instructions():
            if word != "COPY":
                continue
            parts = shlex.split(rest)
            with self.subTest(rest):
                if parts[0].startswith("--from="):
                    self.assertIn(parts[0].removeprefix("--from="), names)
                    self.assertEqual(parts[1:-1], [
                        "/out/usr/bin/mqttsn-gateway",
                        "/out/usr/bin/mqttsn-ctl"])
                else:
                    self.assertTrue((SOURCE / parts[0]).exists())

    def test_it_is_built_with_what_the_script_installs(self):
        deps = (SOURCE / "scripts" / "deps").read_text(encoding="utf-8")
        wanted = re.search(r'^build="([^"]+)"', deps, re.M)[1].split()

        self.assertEqual(packages(stages()[0]), set(wanted))

    def test_each_library_that_the_gateway_asks_for_is_in_it(self):
        list_of_parts = json.loads(subprocess.run(
            [str(SOURCE / "scripts" / "sbom"), GATEWAY], text=True, check=True,
            capture_output=True).stdout)
        direct = {row["relatedSpdxElement"]
                  for row in list_of_parts["relationships"]
                  if row["relationshipType"] == "DYNAMIC_LINK"}
        needed = {entry["name"] for entry in list_of_parts["packages"]
                  if entry["SPDXID"] in direct}
        # Those of a build with sanitizers, and what every Debian has.
        needed = {name for name in needed
                  if not re.fullmatch(r"lib(a|t|ub)san\d+", name)}

        self.assertIn("libuv1", needed)
        self.assertLessEqual(needed - packages(stages()[-1]),
                             {"libc6", "libgcc-s1"})

    def test_who_runs_in_it_is_not_root_and_owns_the_store(self):
        last = stages()[-1]
        user = dict(last)["USER"]
        made = "".join(rest for word, rest in last if word == "RUN")

        self.assertNotIn(user, ("root", "0"))
        self.assertRegex(made, r"useradd [^&]*--uid [1-9]\d* [^&]*\b%s\b" % user)
        self.assertRegex(made, r"install -d -o %s [^&]* /var/lib/mqttsn-gateway"
                         % user)
        self.assertLess([word for word, _ in last].index("RUN"),
                        [word for word, _ in last].index("USER"))

    def test_what_it_starts_and_opens_is_what_the_gateway_is(self):
        last = dict(stages()[-1])

        self.assertEqual(last["ENTRYPOINT"], '["/usr/bin/mqttsn-gateway"]')
        self.assertEqual(last["EXPOSE"], "1883/udp")

    def test_its_health_is_asked_for_and_answered(self):
        last = dict(stages()[-1])
        rest = last["HEALTHCHECK"]
        address = last["ENV"].removeprefix("MQTTSN_HTTP_BIND=")
        command = json.loads(rest[rest.index("CMD") + 3:])
        self.assertEqual(len(re.findall(r"/127\.0\.0\.1/9883", command[-1])), 1)
        self.assertEqual(address, "127.0.0.1:9883")

        # The same command, with the port of a gateway that runs here.
        port = processes.free_port()
        command[-1] = command[-1].replace("/9883", "/%d" % port)
        self.assertNotEqual(subprocess.run(
            command, check=False, capture_output=True).returncode, 0)
        gateway = processes.Gateway(processes.free_port(), {
            "http": {"bind": "127.0.0.1:%d" % port}}, ready=False)
        try:
            subprocess.run(command, check=True)
        finally:
            complaint = gateway.judge()
            gateway.close()
        self.assertEqual(complaint, "")


class Compose(unittest.TestCase):
    def setUp(self):
        self.text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")

    def test_every_image_has_a_version(self):
        for image in re.findall(r"^\s*image: (\S+)$", self.text, re.M):
            self.assertRegex(image, r":\d+\.\d+\.\d+$")

    def test_files_named_are_there(self):
        context = re.search(r"context: (\S+)", self.text)[1]
        recipe = re.search(r"dockerfile: (\S+)", self.text)[1]

        self.assertTrue((FOLDER / context / recipe).is_file())

    def test_the_gateway_understands_its_environment(self):
        env = dict(re.findall(r"^\s+(MQTTSN_\w+): (\S+)$", self.text, re.M))
        said = subprocess.run(
            [GATEWAY, "-c", "/dev/null", "--print-config"], text=True,
            check=True, capture_output=True,
            env={**os.environ, **env})

        self.assertEqual(said.stderr, "")
        for value in env.values():
            self.assertIn(" = " + value, said.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
