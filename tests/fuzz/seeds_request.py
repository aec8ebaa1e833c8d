# SPDX-License-Identifier: MIT
"""What is asked over HTTP and over the control socket: query, Authorization,
Host, a request of the socket, and a file of tokens."""

TOKEN = b"0123456789abcdef"

REQUESTS = [
    ("plain", b"", b"Bearer " + TOKEN, b"localhost:8080", b"status",
     TOKEN + b"\n"),
    ("all-that-a-report-takes", b"client=n1&cursor=17&limit=1000&state=asleep",
     b"bearer   " + TOKEN, b"192.168.1.1",
     b"clients?limit=1000&state=asleep&cursor=17",
     b"# one\n\n  " + TOKEN + b" \r\n"),
    ("encoded", b"client=a%2Fb%00+c&state=%61ctive", b"Basic eDp5",
     b"[::1]:8080", b"disconnect/a%2Fb%00%25", b""),
    ("cut-encoding", b"client=%&client=%4&client=%zz&limit=%31", b"Bearer",
     b"[::1", b"log/%", b"short\n"),
    ("no-values", b"&&a&=b&=&client", b"Bearer ", b"", b"queue/?=&a", TOKEN),
    ("numbers", b"limit=0&limit=1001&cursor=18446744073709551616&limit=-1",
     b"Bearer " + TOKEN + b"x", b"gateway",
     b"trace/n1?a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9",
     TOKEN + b"\n" + TOKEN + b"x\n"),
    ("twice", b"limit=1&limit=2", b"Bearer " + TOKEN, b"one.example", b"",
     TOKEN + b"\n" + TOKEN),
    ("a-comment-as-token", b"clients", b"Bearer #" + TOKEN, b"a,b", b"/x?y",
     b"#" + TOKEN + b"\n" + TOKEN),
    ("not-a-token", b"status", b"Bearer a b", b" localhost",
     b"a/b/c?d=e=f&g=%zz", b"a b c d e f g h\n"),
]


def seeds():
    for name, *parts in REQUESTS:
        yield "request", name, b"\n".join(parts)
