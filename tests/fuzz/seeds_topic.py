# SPDX-License-Identifier: MIT
"""Pairs of topics, divided by a line end."""

PAIRS = [
    ("equal", b"a/b", b"a/b"),
    ("one-level-wildcard", b"a/+/c", b"a/b/c"),
    ("all-levels-wildcard", b"a/#", b"a/b/c"),
    ("parent-of-all-levels", b"a/#", b"a"),
    ("everything", b"#", b"a"),
    ("empty-levels", b"//+", b"///"),
    ("a-level-more", b"a/+", b"a/b/"),
    ("wildcard-in-a-level", b"a+/b", b"a/b#"),
    ("all-levels-not-last", b"a/#/b", b"a/x/b"),
    ("dollar-hidden-from-all", b"#", b"$SYS/x"),
    ("dollar-hidden-from-one", b"+/x", b"$SYS/x"),
    ("dollar-asked-for", b"$SYS/#", b"$SYS/x"),
    ("only-the-empty-name-in-common", b"+", b"/#"),
    ("both-all-levels", b"a/#", b"a/+/#"),
    ("intersect-crosswise", b"+/b", b"a/+"),
    ("intersect-not", b"+/b", b"+/c"),
    ("intersect-parent", b"a/+/#", b"a/#"),
    ("many-levels", b"+/+/+/+/+/+/+/+/+/+", b"a/b/c/d/e/f/g/h/i/j"),
    ("short-name", b"ab", b"a+"),
    ("short-name-of-one-letter", b"\xc3\xa9", b"\xc3"),
    ("utf8-two-octets", b"\xc2\x80", b"\xdf\xbf"),
    ("utf8-three-octets", b"\xe0\xa0\x80", b"\xef\xbf\xbc"),
    ("utf8-four-octets", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbd"),
    ("utf8-too-long-forms", b"\xc0\xaf", b"\xe0\x80\xaf"),
    ("utf8-surrogate", b"\xed\xa0\x80", b"\xed\x9f\xbf"),
    ("utf8-past-the-end", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80"),
    ("utf8-cut", b"a/\xf0\x90\x80", b"\xe2\x82"),
    ("utf8-continuation-first", b"\x80a", b"a\xbf"),
    ("no-characters", b"\xef\xbf\xbe", b"\xef\xb7\x90"),
    ("no-characters-of-the-last-plane", b"\xf4\x8f\xbf\xbf", b"\xef\xbf\xbf"),
    ("control-characters", b"a\x01b", b"a\x7f"),
    ("control-characters-of-latin1", b"\xc2\x9f", b"\xc2\xa0"),
    ("nul", b"a\0b", b"\0"),
    # mosquitto stopped at an empty topic and at names that begin with '$'
    # (CVE-2021-34432, CVE-2018-12543), and took wildcards in a client's name
    # for a pattern's (CVE-2017-7650).
    ("mosquitto-empty-topic", b"", b"#"),
    ("mosquitto-dollar-alone", b"$", b"$/+"),
    ("mosquitto-dollar-share", b"$share", b"$share/"),
    ("mosquitto-wildcards-as-names", b"+", b"#"),
]


def seeds():
    for name, a, b in PAIRS:
        yield "topic", name, a + b"\n" + b
