#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""join - makes one page of the dashboard's files, and C of that.

usage: join.py OUT.c INDEX.html          what the daemon has in it (dashboard.h)
       join.py --page INDEX.html         the page itself, to look at

The style sheet and the scripts that the page names take the places of their
elements, in their order. Comments on lines of their own, indentation and empty
lines are left out, so scripts may have no text over several lines. The policy
names the one script and the one style sheet by their hashes: nothing else runs.
"""
import base64
import gzip
import hashlib
import pathlib
import re
import sys

STYLE = re.compile(r'<link rel="stylesheet" href="([\w.-]+)">\n')
SCRIPT = re.compile(r'<script src="([\w.-]+)"></script>\n')
# Text comes in by properties that do not parse it, and this holds to that.
POLICY = ("default-src 'none'; script-src '%s'; style-src '%s'; "
          "connect-src 'self'; img-src data:; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'; "
          "require-trusted-types-for 'script'; trusted-types 'none'")


def bare(text):
    """Without what only its readers need."""
    text = re.sub(r"^\s*(/\*.*?\*/|//[^\n]*|<!-- .*?-->)\s*$", "", text,
                  flags=re.M | re.S)
    return "".join(line.strip() + "\n" for line in text.splitlines()
                   if line.strip())


def hashed(text):
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def joined(index):
    """(the page, its content security policy)."""
    index = pathlib.Path(index)

    def named(pattern, text):
        return "".join(bare((index.parent / name).read_text(encoding="utf-8"))
                       for name in pattern.findall(text))

    page = index.read_text(encoding="utf-8")
    style, script = named(STYLE, page), '"use strict";\n' + named(SCRIPT, page)
    page = STYLE.sub("<style></style>\n", bare(page))
    page = SCRIPT.sub("", page).replace(
        "</body>", "<script></script>\n</body>")
    page = page.replace("<style></style>", "<style>" + style + "</style>")
    page = page.replace("<script></script>", "<script>" + script + "</script>")
    return page, POLICY % (hashed(script), hashed(style))


def as_c(octets):
    lines = [", ".join("%d" % octet for octet in octets[at:at + 20])
             for at in range(0, len(octets), 20)]
    return "    " + ",\n    ".join(lines)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--page":
        sys.stdout.write(joined(sys.argv[2])[0])
        return 0
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    page, policy = joined(sys.argv[2])
    # No time and no name in it: the same source is the same octets.
    packed = gzip.compress(page.encode("utf-8"), 9, mtime=0)
    pathlib.Path(sys.argv[1]).write_text(
        '/* Made of gateway/io/dashboard by join.py. */\n'
        '#include "dashboard.h"\n\n'
        'const char gw_dashboard_policy[] = "%s";\n\n'
        'const char gw_dashboard_etag[] = "\\"%s\\"";\n\n'
        'const size_t gw_dashboard_size = %d;\n\n'
        'const unsigned char gw_dashboard_page[] = {\n%s};\n'
        % (policy, hashlib.sha256(packed).hexdigest()[:16], len(packed),
           as_c(packed)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
