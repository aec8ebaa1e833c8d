# SPDX-License-Identifier: MIT
"""Our codec's word on frames (tests/common/frame_tool.c), and the table of
what is known to differ from somebody else's."""
import subprocess

import layout

# The words of frame_tool for what layout calls by its own.
REFUSALS = {
    "the frame ends before its fields do": layout.SHORT,
    "the Length field is impossible": layout.LENGTH,
    "octets follow the end of the frame": layout.TRAILING,
    "the message type is reserved": layout.TYPE,
    "a field has a value that its message does not allow": layout.FIELD,
    "an encapsulated frame is itself encapsulated": layout.NESTED,
}
OCTETS = {"gw_add", "client_id", "topic", "message", "topic_name", "data",
          "node_id"}


def parsed(line):
    """(refusal or None, name, fields, encoded again), as layout has them."""
    if line.startswith("refused: "):
        words = line[len("refused: "):]
        return REFUSALS.get(words, words), None, {}, None
    words, _, encoded = line.partition(" |")
    name, *pairs = words.split(" ")
    fields = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        fields[key] = bytes.fromhex(value) if key in OCTETS else int(value)
    return None, name, fields, bytes.fromhex(encoded)


def verdicts(tool, frames, *options):
    lines = "".join(frame.hex() + "\n" for frame in frames)
    answers = subprocess.run([tool, *options], input=lines, check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    answers = answers.splitlines()
    if len(answers) != len(frames):
        raise SystemExit(f"{len(frames)} frames, {len(answers)} answers")
    return [parsed(line) for line in answers]


class Differences:
    """Explained ones are counted by their reason, others are shown."""
    SHOWN = 10

    def __init__(self, reasons):
        self.reasons = reasons  # key: why the other one is wrong
        self.counts = dict.fromkeys(reasons, 0)
        self.unexplained = 0

    def explain(self, key):
        self.counts[key] += 1

    def report(self, frame, what, ours, theirs):
        self.unexplained += 1
        if self.unexplained <= self.SHOWN:
            print(f"{frame.hex()}: {what}\n  ours   {ours}\n"
                  f"  theirs {theirs}")

    def close(self, stale_too):
        """Prints the table; whether all is well. An explanation that explains
        nothing is one too many, where there were frames enough."""
        for key, count in self.counts.items():
            print(f"  {count:7} explained: {self.reasons[key]}")
        print(f"  {self.unexplained:7} unexplained")
        stale = [key for key, count in self.counts.items() if count == 0]
        if stale_too and stale:
            print("explanations that nothing needs:", ", ".join(stale))
            return False
        return self.unexplained == 0
