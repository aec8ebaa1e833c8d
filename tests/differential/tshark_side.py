# SPDX-License-Identifier: MIT
"""Frames as Wireshark's dissector sees them: one capture, one run of tshark.

A capture is written by hand: raw IPv4, UDP between two ports of MQTT-SN.
"""
import struct
import subprocess

LINKTYPE_IPV4 = 228
PORT = 1883
LOOPBACK = 0x7f000001
# tshark has no more to a packet, and neither has the capture.
FRAME_MAX = 65535 - 28

FIELDS = (
    "msg.len", "msg.type", "dup", "will", "clean.session", "topic.id.type",
    "qos", "retain", "return.code", "gw.id", "gw.addr", "adv.interv",
    "radius", "protocol.id", "topic.id", "msg.id", "topic",
    "topic.name.or.id", "sleep.timer", "will.topic", "will.msg", "pub.msg",
    "client.id", "keep.alive", "control.info", "wireless.node.id",
)


def write_capture(path, frames):
    with open(path, "wb") as capture:
        capture.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535,
                                  LINKTYPE_IPV4))
        for frame in frames:
            datagram = struct.pack("!4H", PORT, PORT, 8 + len(frame), 0) + frame
            packet = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(datagram), 0,
                                 0, 64, 17, 0, LOOPBACK, LOOPBACK) + datagram
            capture.write(struct.pack("<4I", 0, 0, len(packet), len(packet)) +
                          packet)


def dissect(capture):
    """For each packet its fields; each a list of texts, for a field may occur
    more than once. "malformed" is one of them where tshark says so."""
    command = ["tshark", "-r", capture, "-n",
               "-d", f"udp.port=={PORT},mqttsn",
               "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1e"]
    for field in FIELDS:
        command += ["-e", "mqttsn." + field]
    output = subprocess.run(command + ["-e", "_ws.malformed"], check=True,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout
    for line in output.split(b"\n")[:-1]:
        columns = zip(FIELDS + ("malformed",), line.split(b"\t"))
        yield {name: column.split(b"\x1e") for name, column in columns
               if column}
