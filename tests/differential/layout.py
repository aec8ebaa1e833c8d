# SPDX-License-Identifier: MIT
"""The layouts of MQTT-SN 1.2, as a table of their own, and a judge made of it.

Written from the tables of the specification ([SN 5.2] to [SN 5.5]) and the
notes on where it is silent (docs/protocol-notes.md); it shares nothing with
the codec that it judges, neither code nor tables. It is meant to be read
beside the specification: slow and plain.

judge() says of any octets whether they are one message, why not if not, and
what its fields are; encode() gives the octets that a careful sender would use
for these fields: unused bits 0 and the shorter form of Length.
"""

# Why octets are no message.
SHORT = "ends early"         # before its header, its Length or its fields do
LENGTH = "impossible Length"
TRAILING = "octets behind its Length"
TYPE = "reserved type"
FIELD = "impossible field"
NESTED = "nested encapsulation"

# Flags [SN 5.3.4]: name, lowest bit, number of bits.
FLAGS = (("dup", 7, 1), ("qos", 5, 2), ("retain", 4, 1), ("will", 3, 1),
         ("clean", 2, 1), ("type", 0, 2))

FLAG_NAMES = tuple(flag[0] for flag in FLAGS)

NAME, PREDEFINED, SHORT_NAME, RESERVED = range(4)

# Per MsgType: name, and the fields behind it in their order. A field is its
# name and how many octets it has; None is "all that is left". 'flags' is
# followed by the flags that the message uses; the others are sent as 0 and not
# looked at (G12-05).
GW_ID, RADIUS, CODE = ("gw_id", 1), ("radius", 1), ("return_code", 1)
TOPIC_ID, MSG_ID, DURATION = ("topic_id", 2), ("msg_id", 2), ("duration", 2)
CLIENT_ID, MESSAGE = ("client_id", None), ("message", None)
WILL_TOPIC = (("flags", "qos", "retain"), ("topic", None))
TYPES = {
    0x00: ("ADVERTISE", GW_ID, DURATION),
    0x01: ("SEARCHGW", RADIUS),
    0x02: ("GWINFO", GW_ID, ("gw_add", None)),
    0x04: ("CONNECT", ("flags", "will", "clean"), ("protocol_id", 1), DURATION,
           CLIENT_ID),
    0x05: ("CONNACK", CODE),
    0x06: ("WILLTOPICREQ",),
    0x07: ("WILLTOPIC", *WILL_TOPIC),
    0x08: ("WILLMSGREQ",),
    0x09: ("WILLMSG", MESSAGE),
    0x0a: ("REGISTER", TOPIC_ID, MSG_ID, ("topic_name", None)),
    0x0b: ("REGACK", TOPIC_ID, MSG_ID, CODE),
    0x0c: ("PUBLISH", ("flags", "dup", "qos", "retain", "type"), TOPIC_ID,
           MSG_ID, ("data", None)),
    0x0d: ("PUBACK", TOPIC_ID, MSG_ID, CODE),
    0x0e: ("PUBCOMP", MSG_ID),
    0x0f: ("PUBREC", MSG_ID),
    0x10: ("PUBREL", MSG_ID),
    0x12: ("SUBSCRIBE", ("flags", "dup", "qos", "type"), MSG_ID,
           ("topic_name", None)),
    0x13: ("SUBACK", ("flags", "qos"), TOPIC_ID, MSG_ID, CODE),
    0x14: ("UNSUBSCRIBE", ("flags", "type"), MSG_ID, ("topic_name", None)),
    0x15: ("UNSUBACK", MSG_ID),
    0x16: ("PINGREQ", CLIENT_ID),
    0x17: ("PINGRESP",),
    0x18: ("DISCONNECT", DURATION),
    0x1a: ("WILLTOPICUPD", *WILL_TOPIC),
    0x1b: ("WILLTOPICRESP", CODE),
    0x1c: ("WILLMSGUPD", MESSAGE),
    0x1d: ("WILLMSGRESP", CODE),
}
ENCAPSULATED = 0xfe
NUMBERS = {row[0]: number for number, row in TYPES.items()}


def header(octets):
    """Why there is no header; else None. And Length, its end, the type."""
    if len(octets) < 2:
        return SHORT, 0, 0, None
    if octets[0] == 0:
        return LENGTH, 0, 0, None
    if octets[0] != 1:
        return None, octets[0], 2, octets[1]
    if len(octets) < 4:
        return SHORT, 0, 0, None
    length = octets[1] * 256 + octets[2]
    if length < 4:
        return LENGTH, 0, 0, None
    return None, length, 4, octets[3]


def read_flags(octet, used):
    return {name: octet >> low & (2 ** bits - 1) if name in used else 0
            for name, low, bits in FLAGS}


def write_flags(fields, used):
    return sum(fields[name] << low for name, low, _ in FLAGS if name in used)


def read_fields(row, body):
    """Why the fields are not there; else None. And the fields."""
    fields = {}
    fixed = sum(1 if size[0] == "flags" else size[1] or 0 for size in row)
    is_fixed = all(size[0] == "flags" or size[1] for size in row)
    if is_fixed and len(body) != fixed:
        return LENGTH, {}
    if len(body) < fixed:
        return SHORT, {}
    for name, *what in row:
        if name == "flags":
            fields.update(read_flags(body[0], what))
            body = body[1:]
        elif what[0] is None:
            fields[name], body = body, b""
        else:
            fields[name] = int.from_bytes(body[:what[0]], "big")
            body = body[what[0]:]
    return None, fields


def read_will_topic(row, body):
    """Nothing at all deletes the will [SN 5.4.7]; so do flags alone
    (G12-43)."""
    if len(body) < 2:
        return None, {"empty": 1, **read_flags(0, ()), "topic": b""}
    why, fields = read_fields(row, body)
    return why, {"empty": 0, **fields}


def read_filter(row, body):
    """What follows is a name, or two octets of id or short name, by
    TopicIdType [SN 5.4.15]; behind the reserved type, anything (G12-06)."""
    why, fields = read_fields(row, body)
    if why:
        return why, {}
    rest = fields.pop("topic_name")
    kind = fields["type"]
    topic_id, name = 0, rest
    if kind in (PREDEFINED, SHORT_NAME):
        if len(rest) != 2:
            return FIELD, {}
        topic_id, name = int.from_bytes(rest, "big"), b""
    elif kind == NAME and not rest:
        return FIELD, {}
    msg_id = fields.pop("msg_id")
    return None, {**fields, "topic_id": topic_id, "msg_id": msg_id,
                  "topic_name": name}


def read_register(row, body):
    why, fields = read_fields(row, body)
    if not why and not fields["topic_name"]:
        return FIELD, {}  # a topic name has at least one character
    return why, fields


def read_disconnect(row, body):
    """Duration is optional [SN 5.4.21]."""
    if not body:
        return None, {"has_duration": 0, "duration": 0}
    why, fields = read_fields(row, body)
    return why, {"has_duration": 1, **fields}


READERS = {"WILLTOPIC": read_will_topic, "WILLTOPICUPD": read_will_topic,
           "SUBSCRIBE": read_filter, "UNSUBSCRIBE": read_filter,
           "REGISTER": read_register, "DISCONNECT": read_disconnect}


def judge_encapsulated(octets, length, start):
    """Length covers the header of the forwarder only, and is one octet
    [SN 5.5]; the inner message is judged by who takes it out (G12-46)."""
    if start != 2:
        return FIELD, None, {}
    if length > len(octets):
        return SHORT, None, {}
    if length < 4 or length == len(octets):
        return FIELD, None, {}
    inner = octets[length:]
    if header(inner)[3] == ENCAPSULATED:
        return NESTED, None, {}
    return None, "ENCAPSULATED", {"ctrl": octets[2] & 3,
                                  "node_id": octets[3:length],
                                  "message": inner}


def judge(octets, quirk=False):
    """(why it is refused or None, name of the type, fields by name)"""
    why, length, start, number = header(octets)
    if why:
        return why, None, {}
    if number == ENCAPSULATED:
        return judge_encapsulated(octets, length, start)
    # The one broken frame of a widespread library (G12-08).
    if quirk and start == 4 and length == 255 and len(octets) == 257:
        length = 257
    if length != len(octets):
        return (SHORT if length > len(octets) else TRAILING), None, {}
    if number not in TYPES:
        return TYPE, None, {}
    name, *row = TYPES[number]
    why, fields = READERS.get(name, read_fields)(row, octets[start:])
    return why, name, {} if why else fields


def framed(number, body):
    """The header before a body, in the shorter form (G12-07)."""
    if len(body) + 2 < 256:
        return bytes((len(body) + 2, number)) + body
    return b"\1" + (len(body) + 4).to_bytes(2, "big") + bytes((number,)) + body


def encode(name, fields):
    if name == "ENCAPSULATED":
        node_id = fields["node_id"]
        return (bytes((3 + len(node_id), ENCAPSULATED, fields["ctrl"])) +
                node_id + fields["message"])
    number = NUMBERS[name]
    body = b""
    if fields.get("empty") or fields.get("has_duration") == 0:
        return framed(number, body)
    for field, *what in TYPES[number][1:]:
        if field == "flags":
            body += bytes((write_flags(fields, what),))
        elif what[0] is None:
            value = fields[field]
            if field == "topic_name" and fields.get("type") in (PREDEFINED,
                                                                SHORT_NAME):
                value = fields["topic_id"].to_bytes(2, "big")
            body += value
        else:
            body += fields[field].to_bytes(what[0], "big")
    return framed(number, body)
