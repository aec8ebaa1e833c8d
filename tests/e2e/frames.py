# SPDX-License-Identifier: MIT
"""MQTT-SN 1.2 frames as octets, made without the project's codec.

Each builder returns a Pattern: a list of octets in which ANY stands for
"whatever was received". A pattern without ANY can be sent.
"""

ANY = None

(ADVERTISE, SEARCHGW, GWINFO) = (0x00, 0x01, 0x02)
(CONNECT, CONNACK, WILLTOPICREQ, WILLTOPIC) = (0x04, 0x05, 0x06, 0x07)
(WILLMSGREQ, WILLMSG, REGISTER, REGACK) = (0x08, 0x09, 0x0A, 0x0B)
(PUBLISH, PUBACK, PUBCOMP, PUBREC, PUBREL) = (0x0C, 0x0D, 0x0E, 0x0F, 0x10)
(SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK) = (0x12, 0x13, 0x14, 0x15)
(PINGREQ, PINGRESP, DISCONNECT) = (0x16, 0x17, 0x18)
(WILLTOPICUPD, WILLTOPICRESP, WILLMSGUPD, WILLMSGRESP) = (0x1A, 0x1B, 0x1C, 0x1D)
ENCAPSULATED = 0xFE

NORMAL, PREDEFINED, SHORT, RESERVED = 0, 1, 2, 3

ACCEPTED, CONGESTION, INVALID_ID, NOT_SUPPORTED = 0, 1, 2, 3

DUP, RETAIN, WILL, CLEAN = 0x80, 0x10, 0x08, 0x04

NAMES = {
    value: name
    for name, value in list(globals().items())
    if isinstance(value, int) and name in (
        "ADVERTISE SEARCHGW GWINFO CONNECT CONNACK WILLTOPICREQ WILLTOPIC "
        "WILLMSGREQ WILLMSG REGISTER REGACK PUBLISH PUBACK PUBCOMP PUBREC "
        "PUBREL SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP "
        "DISCONNECT WILLTOPICUPD WILLTOPICRESP WILLMSGUPD WILLMSGRESP "
        "ENCAPSULATED").split()
}


class Pattern:
    """Octets, some of which may be ANY."""

    def __init__(self, octets):
        self.octets = list(octets)

    def __bytes__(self):
        return bytes(self.octets)

    def __len__(self):
        return len(self.octets)

    def matches(self, received):
        return len(received) == len(self.octets) and all(
            want is ANY or want == got
            for want, got in zip(self.octets, received))

    def __str__(self):
        name = NAMES.get(self.octets[3 if self.octets[0] == 1 else 1], "?")
        text = " ".join("??" if o is ANY else "%02x" % o for o in self.octets)
        return "%s  (%s)" % (cut(text, len(self.octets)), name)


def cut(text, octets):
    return text if octets <= 64 else "%s ... %d octets" % (text[:192], octets)


def hexed(octets):
    """Received octets, for people."""
    text = cut(octets.hex(" "), len(octets))
    if len(octets) < 2:
        return text
    at = 3 if octets[0] == 1 and len(octets) > 3 else 1
    return "%s  (%s)" % (text, NAMES.get(octets[at], "?"))


def octets_of(text):
    return text if isinstance(text, (bytes, bytearray)) else text.encode()


def u16(value):
    return [ANY, ANY] if value is ANY else [value >> 8 & 0xFF, value & 0xFF]


def frame(kind, *parts, long_form=False):
    """A message: Length, MsgType and the parts (numbers, bytes or lists)."""
    body = [kind]
    for part in parts:
        if part is ANY or isinstance(part, int):
            body.append(part)
        else:
            body.extend(part)
    if len(body) + 1 > 255 or long_form:
        return Pattern([1] + u16(len(body) + 3) + body)
    return Pattern([len(body) + 1] + body)


def qos_bits(qos):
    return (3 if qos == -1 else qos) << 5


def advertise(gw_id, duration):
    return frame(ADVERTISE, gw_id, u16(duration))


def searchgw(radius=0):
    return frame(SEARCHGW, radius)


def gwinfo(gw_id, address=b""):
    return frame(GWINFO, gw_id, address)


def connect(client_id, duration=60, clean=True, will=False, protocol=1,
            flags=0, long_form=False):
    bits = flags | (CLEAN if clean else 0) | (WILL if will else 0)
    return frame(CONNECT, bits, protocol, u16(duration), octets_of(client_id),
                 long_form=long_form)


def connack(code=ACCEPTED):
    return frame(CONNACK, code)


def willtopicreq():
    return frame(WILLTOPICREQ)


def willtopic(topic=None, qos=0, retain=False, kind=WILLTOPIC):
    if topic is None:
        return frame(kind)
    return frame(kind, qos_bits(qos) | (RETAIN if retain else 0),
                 octets_of(topic))


def willmsgreq():
    return frame(WILLMSGREQ)


def willmsg(message, kind=WILLMSG):
    return frame(kind, octets_of(message))


def willtopicupd(topic=None, qos=0, retain=False):
    return willtopic(topic, qos, retain, WILLTOPICUPD)


def willmsgupd(message):
    return willmsg(message, WILLMSGUPD)


def willtopicresp(code=ACCEPTED):
    return frame(WILLTOPICRESP, code)


def willmsgresp(code=ACCEPTED):
    return frame(WILLMSGRESP, code)


def register(topic_id, msg_id, name):
    return frame(REGISTER, u16(topic_id), u16(msg_id), octets_of(name))


def regack(topic_id, msg_id, code=ACCEPTED):
    return frame(REGACK, u16(topic_id), u16(msg_id), code)


def publish(topic_id, data, qos=0, msg_id=0, kind=NORMAL, dup=False,
            retain=False, long_form=False):
    if isinstance(topic_id, str):
        topic_id = int.from_bytes(topic_id.encode(), "big")
    bits = (DUP if dup else 0) | qos_bits(qos) | (RETAIN if retain else 0)
    return frame(PUBLISH, bits | kind, u16(topic_id), u16(msg_id),
                 octets_of(data), long_form=long_form)


def puback(topic_id, msg_id, code=ACCEPTED):
    if isinstance(topic_id, str):
        topic_id = int.from_bytes(topic_id.encode(), "big")
    return frame(PUBACK, u16(topic_id), u16(msg_id), code)


def pubrec(msg_id):
    return frame(PUBREC, u16(msg_id))


def pubrel(msg_id):
    return frame(PUBREL, u16(msg_id))


def pubcomp(msg_id):
    return frame(PUBCOMP, u16(msg_id))


def _topic(topic, kind):
    return u16(topic) if isinstance(topic, int) else octets_of(topic)


def subscribe(topic, msg_id, qos=0, kind=NORMAL, dup=False):
    return frame(SUBSCRIBE, (DUP if dup else 0) | qos_bits(qos) | kind,
                 u16(msg_id), _topic(topic, kind))


def suback(topic_id, msg_id, qos=0, code=ACCEPTED):
    if isinstance(topic_id, str):
        topic_id = int.from_bytes(topic_id.encode(), "big")
    return frame(SUBACK, ANY if qos is ANY else qos_bits(qos), u16(topic_id),
                 u16(msg_id), code)


def unsubscribe(topic, msg_id, kind=NORMAL):
    return frame(UNSUBSCRIBE, kind, u16(msg_id), _topic(topic, kind))


def unsuback(msg_id):
    return frame(UNSUBACK, u16(msg_id))


def pingreq(client_id=""):
    return frame(PINGREQ, octets_of(client_id))


def pingresp():
    return frame(PINGRESP)


def disconnect(duration=None):
    return frame(DISCONNECT, [] if duration is None else u16(duration))


def encapsulated(node_id, inner, ctrl=0):
    """The Length of an encapsulation ends before the inner message."""
    inner = inner.octets if isinstance(inner, Pattern) else list(inner)
    return Pattern([3 + len(node_id), ENCAPSULATED, ctrl, *node_id, *inner])


def msg_id_of(octets):
    """The MsgId of a received frame."""
    at = 3 if octets[0] == 1 else 1
    offset = {REGISTER: 3, REGACK: 3, PUBLISH: 4, PUBACK: 3, PUBREC: 1,
              PUBREL: 1, PUBCOMP: 1, SUBACK: 4, UNSUBACK: 1}[octets[at]]
    return int.from_bytes(octets[at + offset:at + offset + 2], "big")


def topic_id_of(octets):
    """The TopicId of a received frame."""
    at = 3 if octets[0] == 1 else 1
    offset = {REGISTER: 1, REGACK: 1, PUBLISH: 2, PUBACK: 1,
              SUBACK: 2}[octets[at]]
    return int.from_bytes(octets[at + offset:at + offset + 2], "big")


def kind_of(octets):
    return octets[3 if octets[0] == 1 else 1]


def data_of(octets):
    """The payload of a received PUBLISH."""
    return bytes(octets[9 if octets[0] == 1 else 7:])
