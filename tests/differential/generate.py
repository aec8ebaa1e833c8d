# SPDX-License-Identifier: MIT
"""Frames to argue about: valid ones of every type, and what radio, other
libraries and malice make of them. All from one seed."""
import random

import layout

# What is interesting for a codec: the ends, and where signs and forms change.
EDGES_8 = (0, 1, 2, 3, 127, 128, 254, 255)
EDGES_16 = (0, 1, 127, 128, 255, 256, 257, 32767, 32768, 65534, 65535)
LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789/+#$_-. "


class Frames:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def number(self, size):
        if self.random.random() < 0.5:
            return self.random.choice(EDGES_8 if size == 1 else EDGES_16)
        return self.random.randrange(256 ** size)

    def octets(self, least=0):
        """Short as a rule; now and then around where the form of Length
        changes, or long. Half of them are text."""
        draw = self.random.random()
        if draw < 0.90:
            size = self.random.randrange(least, 24)
        elif draw < 0.995:
            size = self.random.randrange(236, 262)
        else:
            size = self.random.randrange(1000, 3000)
        if self.random.random() < 0.5:
            return bytes(self.random.choices(LETTERS, k=size))
        return self.random.randbytes(size)

    def flags(self):
        return self.random.randrange(256)

    def body(self, number):
        """The octets of a body. The bits that a message does not use are at
        random, which a receiver has to put up with."""
        name, *row = layout.TYPES[number]
        if name == "DISCONNECT" and self.random.random() < 0.4:
            return b""
        if name.startswith("WILLTOPIC") and len(row) == 2:
            if self.random.random() < 0.1:
                return bytes((self.flags(),))[self.random.randrange(2):]
        body = b""
        kind = None
        for field, *what in row:
            if field == "flags":
                octet = self.flags()
                kind = octet & 3 if "type" in what else None
                body += bytes((octet,))
            elif what[0] is not None:
                body += self.number(what[0]).to_bytes(what[0], "big")
            elif field == "topic_name" and kind in (1, 2):
                body += self.random.randbytes(2)
            else:
                body += self.octets(1 if field == "topic_name" else 0)
        return body

    def valid(self):
        if self.random.random() < 0.06:
            return self.encapsulated(self.valid())
        number = self.random.choice(tuple(layout.TYPES))
        body = self.body(number)
        if self.random.random() < 0.12:
            return self.long_form(number, body)
        return layout.framed(number, body)

    @staticmethod
    def long_form(number, body):
        return (b"\1" + (len(body) + 4).to_bytes(2, "big") +
                bytes((number,)) + body)

    def encapsulated(self, inner):
        size = self.random.choice((1, 2, 2, 3, 4, 4, 5, 8, 16, 251, 252))
        return (bytes((3 + size, layout.ENCAPSULATED, self.flags())) +
                self.random.randbytes(size) + inner)

    # What happens to frames.

    def flip(self, frame):
        at = self.random.randrange(len(frame))
        frame[at] ^= 1 << self.random.randrange(8)

    def replace(self, frame):
        frame[self.random.randrange(len(frame))] = self.number(1)

    def cut(self, frame):
        del frame[self.random.randrange(len(frame)) + 1:]

    def lose(self, frame):
        del frame[self.random.randrange(len(frame))]

    def insert(self, frame):
        at = self.random.randrange(len(frame) + 1)
        frame[at:at] = self.random.randbytes(self.random.randrange(1, 5))

    def append(self, frame):
        frame += self.random.randbytes(self.random.randrange(1, 5))

    def retype(self, frame):
        at = 3 if frame[0] == 1 else 1
        if len(frame) > at:
            known = self.random.choice(tuple(layout.TYPES) + (0xfe,))
            frame[at] = self.random.choice((known, self.number(1)))

    def reflag(self, frame):
        at = 4 if frame[0] == 1 else 2
        if len(frame) > at:
            frame[at] = self.flags()

    def relength(self, frame):
        if frame[0] == 1 and len(frame) >= 3:
            frame[1:3] = self.number(2).to_bytes(2, "big")
        else:
            frame[0] = self.number(1)

    def glue(self, frame):
        frame += self.valid()

    def wrap(self, frame):
        frame[:] = self.encapsulated(bytes(frame))

    def paho_quirk(self, frame):
        """A frame that is 257 octets long and says 255 (G12-08)."""
        at = 3 if frame[0] == 1 else 1
        if len(frame) > at:
            frame[:] = (b"\1\0\xff" + frame[at:at + 1] +
                        self.random.randbytes(253))

    def wrap_long(self, frame):
        """An encapsulation with the 3-octet Length, which it may not have."""
        size = 5 + self.random.choice((1, 2, 240, 252, 300))
        frame[:] = (b"\1" + size.to_bytes(2, "big") +
                    bytes((layout.ENCAPSULATED, self.flags())) +
                    self.random.randbytes(size - 5) + frame)

    MUTATIONS = (flip, replace, cut, lose, insert, append, retype, reflag,
                 relength, glue, wrap, wrap_long, paho_quirk)
    # The last ones hide what was there, so they are rare.
    WEIGHTS = (8, 8, 8, 8, 8, 8, 8, 8, 8, 2, 2, 1, 1)

    def mended(self, frame):
        """With a Length that is true again, so that the damage gets to where
        the fields are."""
        if frame[0] == 1 and len(frame) >= 4:
            return self.long_form(frame[3], bytes(frame[4:]))
        return layout.framed(frame[1], bytes(frame[2:]))

    def mutant(self):
        frame = bytearray(self.valid())
        for mutate in self.random.choices(self.MUTATIONS, self.WEIGHTS,
                                          k=self.random.randrange(1, 4)):
            if frame:
                mutate(self, frame)
        if len(frame) >= 2 and self.random.random() < 0.5:
            return self.mended(frame)
        return bytes(frame)

    def take(self, count):
        """So many different ones; every second draw is damaged."""
        frames = {}
        while len(frames) < count:
            frames[self.valid()] = True
            frames[self.mutant()] = True
        return list(frames)[:count]
