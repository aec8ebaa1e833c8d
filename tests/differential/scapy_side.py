# SPDX-License-Identifier: MIT
"""MQTT-SN as scapy sees it, in the names of layout.py."""
import logging

import layout

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib import mqttsn as sn  # noqa: E402
from scapy.packet import NoPayload, Padding, Raw  # noqa: E402

# Ours: scapy's, where they differ.
FLAG_NAMES = {"clean": "cleansess", "type": "tid_type"}
FIELD_NAMES = {"topic_id": "tid", "msg_id": "mid", "gw_add": "gw_addr",
               "protocol_id": "prot_id", "topic": "will_topic",
               "message": "will_msg", "ctrl": "radius",
               "node_id": "w_node_id"}
# scapy is told the layer of a type by its own bindings; this is for building.
LAYERS = {
    "ADVERTISE": sn.MQTTSNAdvertise, "SEARCHGW": sn.MQTTSNSearchGW,
    "GWINFO": sn.MQTTSNGwInfo, "CONNECT": sn.MQTTSNConnect,
    "CONNACK": sn.MQTTSNConnack, "WILLTOPIC": sn.MQTTSNWillTopic,
    "WILLMSG": sn.MQTTSNWillMsg, "REGISTER": sn.MQTTSNRegister,
    "REGACK": sn.MQTTSNRegack, "PUBLISH": sn.MQTTSNPublish,
    "PUBACK": sn.MQTTSNPuback, "PUBCOMP": sn.MQTTSNPubcomp,
    "PUBREC": sn.MQTTSNPubrec, "PUBREL": sn.MQTTSNPubrel,
    "SUBSCRIBE": sn.MQTTSNSubscribe, "SUBACK": sn.MQTTSNSuback,
    "UNSUBSCRIBE": sn.MQTTSNUnsubscribe, "UNSUBACK": sn.MQTTSNUnsuback,
    "PINGREQ": sn.MQTTSNPingReq, "DISCONNECT": sn.MQTTSNDisconnect,
    "WILLTOPICUPD": sn.MQTTSNWillTopicUpd,
    "WILLTOPICRESP": sn.MQTTSNWillTopicResp,
    "WILLMSGUPD": sn.MQTTSNWillMsgUpd, "WILLMSGRESP": sn.MQTTSNWillMsgResp,
    "ENCAPSULATED": sn.MQTTSNEncaps,
}


def read(octets):
    """scapy's packet; None when it raises one of its own complaints."""
    try:
        return sn.MQTTSN(octets)
    except (sn.Scapy_Exception, IndexError, sn.struct.error):
        return None


def rebuilt(packet):
    """What scapy makes of the fields it found, its Length included."""
    layer = packet
    while not isinstance(layer, NoPayload):
        layer.raw_packet_cache = None
        layer = layer.payload
    try:
        return bytes(packet)
    except (sn.Scapy_Exception, TypeError, sn.struct.error):
        return None


def is_content_inside(layer, length, octets):
    """The same for an encapsulation and, by itself, what it holds."""
    if not isinstance(layer, sn.MQTTSNEncaps) or not layer.w_node_id:
        return False
    end = (4 if octets[0] == 1 else 2) + 1 + len(layer.w_node_id)
    if length != end or length >= len(octets):
        return False
    return is_content(read(octets[end:]), octets[end:])


def is_content(packet, octets):
    """Whether scapy sees nothing wrong: it has fields for every octet, they
    build the same octets again, and Length says how many these are."""
    if packet is None or packet.haslayer(Raw) or packet.haslayer(Padding):
        return False
    if packet.type == sn.ENCAPS_MSG:
        return is_content_inside(packet.payload, packet.len, octets)
    if packet.len != len(octets):
        return False
    if octets[0] == 1 and len(octets) < 256:
        # scapy would build the other form of Length, with the same fields.
        again = rebuilt(packet)
        return again is not None and again[2:] == octets[4:]
    return rebuilt(packet) == octets


def fields(packet, name, wanted):
    """The fields of 'wanted' as scapy has them."""
    layer = packet.payload
    found = {}
    for key in wanted:
        if key == "empty":
            found[key] = int(isinstance(layer, NoPayload) or
                             not layer.will_topic)
        elif key == "has_duration":
            found[key] = int(not isinstance(layer, NoPayload))
        elif isinstance(layer, NoPayload):
            found[key] = type(wanted[key])()
        elif name == "ENCAPSULATED" and key == "message":
            found[key] = octets_behind(layer)
        elif key == "topic_id" and name in ("SUBSCRIBE", "UNSUBSCRIBE"):
            found[key] = filter_id(layer)
        elif key == "topic_name" and name != "REGISTER":
            found[key] = (b"" if layer.tid_type in (layout.PREDEFINED,
                                                    layout.SHORT_NAME)
                          else layer.topic_name or b"")
        else:
            found[key] = layer.getfieldval(
                FLAG_NAMES.get(key) or FIELD_NAMES.get(key, key))
    return found


def filter_id(layer):
    if layer.tid_type == layout.PREDEFINED:
        return layer.tid
    if layer.tid_type == layout.SHORT_NAME:
        return int.from_bytes(layer.short_topic, "big")
    return 0


def octets_behind(layer):
    return layer.payload.original or bytes(layer.payload)


def build(name, found):
    """The octets of a frame with these fields, Length by scapy too."""
    number = layout.NUMBERS.get(name, layout.ENCAPSULATED)
    if name == "DISCONNECT" and not found["has_duration"]:
        return bytes(sn.MQTTSN(type=number, len=2))
    if found.get("empty") or name not in LAYERS or found == {"client_id": b""}:
        return bytes(sn.MQTTSN(type=number))
    given = dict(found)
    inner = b""
    for key in ("empty", "has_duration"):
        given.pop(key, None)
    if name == "ENCAPSULATED":
        inner = given.pop("message")
    if name in ("SUBSCRIBE", "UNSUBSCRIBE"):
        kind, topic_id = given["type"], given.pop("topic_id")
        if kind == layout.PREDEFINED:
            given["topic_id"] = topic_id
        elif kind == layout.SHORT_NAME:
            given["short_topic"] = topic_id.to_bytes(2, "big")
        if kind in (layout.PREDEFINED, layout.SHORT_NAME):
            del given["topic_name"]
    return bytes(sn.MQTTSN(type=number) / LAYERS[name](**{
        FLAG_NAMES.get(key) or FIELD_NAMES.get(key, key): value
        for key, value in given.items()})) + inner
