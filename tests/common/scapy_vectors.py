#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The codec against scapy: frames are built by scapy from random fields with a
fixed seed; frame_tool must find those fields in them, and must encode them to
the octets that scapy gives for the same fields with all unused bits 0.

scapy is an oracle for values only. It accepts and pads what is malformed, so
what has to be refused is in test_frame.c instead.

Usage: scapy_vectors.py FRAME_TOOL. Exits 77 (skipped) without scapy.
"""
import logging
import random
import subprocess
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.contrib import mqttsn as sn
except ImportError:
    print("python3-scapy is not installed")
    sys.exit(77)

ROUNDS = 200  # frames of each type
RANDOM = random.Random(0x12)

FLAGS = ("dup", "qos", "retain", "will", "clean", "type")
SCAPY_FLAGS = {"clean": "cleansess", "type": "tid_type"}


def u8():
    return RANDOM.choice((0, 1, 255, RANDOM.randrange(256)))


def u16():
    return RANDOM.choice((0, 1, 255, 256, 65535, RANDOM.randrange(65536)))


def octets(least=0, most=3000):
    """Mostly short; else around where the form of Length changes."""
    size = RANDOM.choice((RANDOM.randrange(1, 24), RANDOM.randrange(240, 262),
                          least, RANDOM.randrange(0, 3000)))
    return RANDOM.randbytes(min(max(size, least), most))


def flags(used, **given):
    """Returns what is sent (unused bits at random), what an encoder sends,
    and the fields a decoder finds."""
    fields = {"dup": RANDOM.randrange(2), "qos": RANDOM.randrange(4),
              "retain": RANDOM.randrange(2), "will": RANDOM.randrange(2),
              "clean": RANDOM.randrange(2), "type": RANDOM.randrange(4)}
    fields.update(given)
    seen = {key: fields[key] if key in used else 0 for key in FLAGS}
    if RANDOM.randrange(2):
        fields = seen

    def scapy(values):
        return {SCAPY_FLAGS.get(key, key): values[key] for key in FLAGS}

    return scapy(fields), scapy(seen), seen


class Case:
    """The packet sent, the packet that must come back, and the fields."""

    def __init__(self, sent, back, name, **fields):
        self.sent = bytes(sent)
        self.back = bytes(back)
        self.name = name
        self.fields = fields

    def expected(self):
        words = [self.name]
        for key, value in self.fields.items():
            if isinstance(value, bytes):
                value = value.hex()
            words.append(f"{key}={value}")
        return " ".join(words) + " | " + self.back.hex()


def plain(name, layer, scapy_fields, **fields):
    packet = sn.MQTTSN() / layer(**scapy_fields)
    return Case(packet, packet, name, **fields)


def flagged(name, layer, used, scapy_fields, given=None, **fields):
    sent, back, seen = flags(used, **(given or {}))
    return Case(sn.MQTTSN() / layer(**sent, **scapy_fields),
                sn.MQTTSN() / layer(**back, **scapy_fields),
                name, **seen, **fields)


def header_only(name, number):
    packet = sn.MQTTSN(type=number)
    return Case(packet, packet, name)


def advertise():
    gw_id, duration = u8(), u16()
    return plain("ADVERTISE", sn.MQTTSNAdvertise,
                 {"gw_id": gw_id, "duration": duration},
                 gw_id=gw_id, duration=duration)


def searchgw():
    radius = u8()
    return plain("SEARCHGW", sn.MQTTSNSearchGW, {"radius": radius},
                 radius=radius)


def gwinfo():
    gw_id, gw_add = u8(), octets()
    return plain("GWINFO", sn.MQTTSNGwInfo,
                 {"gw_id": gw_id, "gw_addr": gw_add},
                 gw_id=gw_id, gw_add=gw_add)


def connect():
    protocol_id, duration, client_id = u8(), u16(), octets()
    return flagged("CONNECT", sn.MQTTSNConnect, ("will", "clean"),
                   {"prot_id": protocol_id, "duration": duration,
                    "client_id": client_id},
                   protocol_id=protocol_id, duration=duration,
                   client_id=client_id)


def with_return_code(name, layer):
    def make():
        code = u8()
        return plain(name, layer, {"return_code": code}, return_code=code)
    return make


def will_topic(name, layer, number):
    def make():
        topic = octets()
        if topic:
            case = flagged(name, layer, ("qos", "retain"),
                           {"will_topic": topic}, topic=topic)
            case.fields = {"empty": 0, **case.fields}
            return case
        # Flags without a topic ask for the same as the 2-octet form (G12-43).
        back = sn.MQTTSN(type=number)
        sent = RANDOM.choice((back, sn.MQTTSN() / layer(**flags(())[0])))
        none = {key: 0 for key in FLAGS}
        return Case(sent, back, name, empty=1, **none, topic=b"")
    return make


def will_message(name, layer):
    def make():
        message = octets()
        return plain(name, layer, {"will_msg": message}, message=message)
    return make


def register():
    topic_id, msg_id, topic_name = u16(), u16(), octets(1)
    return plain("REGISTER", sn.MQTTSNRegister,
                 {"tid": topic_id, "mid": msg_id, "topic_name": topic_name},
                 topic_id=topic_id, msg_id=msg_id, topic_name=topic_name)


def topic_ack(name, layer):
    def make():
        topic_id, msg_id, code = u16(), u16(), u8()
        return plain(name, layer,
                     {"tid": topic_id, "mid": msg_id, "return_code": code},
                     topic_id=topic_id, msg_id=msg_id, return_code=code)
    return make


def publish():
    # scapy has a short name as the integer of its two octets, as we have.
    topic_id, msg_id, data = u16(), u16(), octets()
    return flagged("PUBLISH", sn.MQTTSNPublish,
                   ("dup", "qos", "retain", "type"),
                   {"tid": topic_id, "mid": msg_id, "data": data},
                   topic_id=topic_id, msg_id=msg_id, data=data)


def with_msg_id(name, layer):
    def make():
        msg_id = u16()
        return plain(name, layer, {"mid": msg_id}, msg_id=msg_id)
    return make


def with_filter(name, layer, used):
    def make():
        kind, topic_id, msg_id = RANDOM.randrange(4), 0, u16()
        topic_name = b""
        fields = {"mid": msg_id}
        if kind == sn.TID_PREDEF:
            topic_id = fields["tid"] = u16()
        elif kind == sn.TID_SHORT:
            fields["short_topic"] = RANDOM.randbytes(2)
            topic_id = int.from_bytes(fields["short_topic"], "big")
        else:
            topic_name = octets(1 if kind == sn.TID_NORMAL else 0)
            fields["topic_name"] = topic_name
        return flagged(name, layer, used, fields, {"type": kind},
                       topic_id=topic_id, msg_id=msg_id,
                       topic_name=topic_name)
    return make


def suback():
    topic_id, msg_id, code = u16(), u16(), u8()
    return flagged("SUBACK", sn.MQTTSNSuback, ("qos",),
                   {"tid": topic_id, "mid": msg_id, "return_code": code},
                   topic_id=topic_id, msg_id=msg_id, return_code=code)


def pingreq():
    client_id = octets()
    if not client_id:
        case = header_only("PINGREQ", sn.PINGREQ)
        case.fields = {"client_id": b""}
        return case
    return plain("PINGREQ", sn.MQTTSNPingReq, {"client_id": client_id},
                 client_id=client_id)


def disconnect():
    if RANDOM.randrange(4) == 0:
        packet = sn.MQTTSN(type=sn.DISCONNECT, len=2)
        return Case(packet, packet, "DISCONNECT", has_duration=0, duration=0)
    duration = u16()
    return plain("DISCONNECT", sn.MQTTSNDisconnect, {"duration": duration},
                 has_duration=1, duration=duration)


def encapsulated():
    inner = RANDOM.choice(PLAIN_TYPES)().sent
    radius, node_id = RANDOM.randrange(4), octets(1, 252)
    reserved = RANDOM.randrange(64)

    def packet(bits):
        layer = sn.MQTTSNEncaps(resvd=bits, radius=radius, w_node_id=node_id)
        return bytes(sn.MQTTSN() / layer) + inner

    return Case(packet(reserved), packet(0), "ENCAPSULATED", ctrl=radius,
                node_id=node_id, message=inner)


PLAIN_TYPES = (
    advertise, searchgw, gwinfo, connect,
    with_return_code("CONNACK", sn.MQTTSNConnack),
    lambda: header_only("WILLTOPICREQ", sn.WILLTOPICREQ),
    will_topic("WILLTOPIC", sn.MQTTSNWillTopic, sn.WILLTOPIC),
    lambda: header_only("WILLMSGREQ", sn.WILLMSGREQ),
    will_message("WILLMSG", sn.MQTTSNWillMsg),
    register,
    topic_ack("REGACK", sn.MQTTSNRegack),
    publish,
    topic_ack("PUBACK", sn.MQTTSNPuback),
    with_msg_id("PUBCOMP", sn.MQTTSNPubcomp),
    with_msg_id("PUBREC", sn.MQTTSNPubrec),
    with_msg_id("PUBREL", sn.MQTTSNPubrel),
    with_filter("SUBSCRIBE", sn.MQTTSNSubscribe, ("dup", "qos", "type")),
    suback,
    with_filter("UNSUBSCRIBE", sn.MQTTSNUnsubscribe, ("type",)),
    with_msg_id("UNSUBACK", sn.MQTTSNUnsuback),
    pingreq,
    lambda: header_only("PINGRESP", sn.PINGRESP),
    disconnect,
    will_topic("WILLTOPICUPD", sn.MQTTSNWillTopicUpd, sn.WILLTOPICUPD),
    with_return_code("WILLTOPICRESP", sn.MQTTSNWillTopicResp),
    will_message("WILLMSGUPD", sn.MQTTSNWillMsgUpd),
    with_return_code("WILLMSGRESP", sn.MQTTSNWillMsgResp),
)


def main():
    types = PLAIN_TYPES + (encapsulated,)
    cases = [make() for make in types for _ in range(ROUNDS)]
    lines = "".join(case.sent.hex() + "\n" for case in cases)
    answers = subprocess.run([sys.argv[1]], input=lines, check=True,
                             capture_output=True, text=True).stdout
    answers = answers.splitlines()
    wrong = 0
    if len(answers) != len(cases):
        sys.exit(f"{len(cases)} frames, {len(answers)} answers")
    for case, answer in zip(cases, answers):
        if answer == case.expected():
            continue
        wrong += 1
        if wrong <= 10:
            print("frame   ", case.sent.hex())
            print("expected", case.expected())
            print("got     ", answer)
    print(f"{len(cases)} frames of {len(types)} types, {wrong} wrong")
    sys.exit(1 if wrong else 0)


main()
