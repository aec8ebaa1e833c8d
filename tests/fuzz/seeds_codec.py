# SPDX-License-Identifier: MIT
"""Datagrams for the codec: one of each kind, each way of being wrong, and what
killed others."""

# Valid: name, hex.
VALID = [
    ("advertise", "0500010384"),
    ("searchgw", "030100"),
    ("searchgw-radius", "030103"),
    ("gwinfo", "030201"),
    ("gwinfo-address", "0802fe04c0000201"),
    ("connect-clean-will", "0b040c01003c6e6f646531"),
    ("connect-no-id", "060400013c00"),
    ("connack", "030500"),
    ("connack-reserved-code", "0305ff"),
    ("willtopicreq", "0206"),
    ("willtopic", "060730732f78"),
    ("willtopic-empty", "0207"),
    ("willtopic-flags-alone", "030710"),
    ("willmsgreq", "0208"),
    ("willmsg", "0609676f6e65"),
    ("willmsg-empty", "0209"),
    ("register", "0b0a00000001612f622f63"),
    ("regack", "070b0001000100"),
    ("publish-qos1", "0b0c200001000232312e35"),
    ("publish-long-form", "01000e0c200001000232312e3520"),
    ("publish-qos-minus1-predefined", "080c616162000031"),
    ("publish-qos-minus1-short", "080c626162000031"),
    ("publish-reserved-topic-type", "070cd3fffe1234"),
    ("puback", "070d0001000200"),
    ("puback-reserved-code", "070dfffe8000ff"),
    ("pubrec", "040f0002"),
    ("pubrel", "04100002"),
    ("pubcomp", "040e0002"),
    ("subscribe", "0812200003612f2b"),
    ("subscribe-predefined", "07120100040003"),
    ("subscribe-short", "0712c20004002f"),
    ("subscribe-reserved", "05126300ff"),
    ("suback", "0813200001000300"),
    ("unsubscribe-short", "07140200056162"),
    ("unsubscribe-name", "061400000623"),
    ("unsuback", "04150005"),
    ("pingreq", "0216"),
    ("pingreq-id", "07166e6f646531"),
    ("pingresp", "0217"),
    ("disconnect", "0218"),
    ("disconnect-sleep", "0418012c"),
    ("willtopicupd-empty", "021a"),
    ("willtopicupd", "061a30732f78"),
    ("willtopicresp", "031b00"),
    ("willmsgupd", "061c676f6e65"),
    ("willmsgresp", "031d00"),
    ("encapsulated-pingreq", "05fe000a010216"),
    ("encapsulated-publish-long-form",
     "06fe036e6f6401000e0c200001000232312e3520"),
    ("text-that-needs-escapes", "0a0a00000001205c2200"),
    ("text-of-one-return-code-each", "070b0001000101"),
    ("text-invalid-topic-id", "070b0001000102"),
    ("text-not-supported", "0813000000000303"),
]

# Wrong in one way each.
WRONG = [
    ("empty", ""),
    ("length-zero", "00"),
    ("length-zero-two-octets", "00ff"),
    ("long-form-of-one-octet", "01"),
    ("long-form-of-two-octets", "0100"),
    ("long-form-of-three-octets", "010003"),
    ("long-form-that-says-three", "0100030c"),
    ("no-type", "02"),
    ("shorter-than-length", "0304"),
    ("much-shorter-than-length", "0a04"),
    ("longer-than-length", "021600"),
    ("reserved-type-03", "0203"),
    ("reserved-type-11", "0211"),
    ("reserved-type-19", "0219"),
    ("reserved-type-1e", "021e"),
    ("reserved-type-ff", "02ff"),
    ("connect-without-duration", "04040401"),
    ("regack-short", "060b00010001"),
    ("puback-long", "080d000100020000"),
    ("disconnect-one-octet", "031800"),
    ("disconnect-three-octets", "0518000001"),
    ("register-without-name", "060a00010002"),
    ("subscribe-without-name", "0512200003"),
    ("subscribe-predefined-of-one-octet", "061201000403"),
    ("subscribe-short-of-three-octets", "081202000461622f"),
    ("unsubscribe-without-id", "05140100ff"),
    ("encapsulation-without-ctrl", "02fe"),
    ("encapsulation-without-node-id", "03fe00"),
    ("encapsulation-without-message", "04fe0001"),
    ("encapsulation-cut", "09fe0001"),
    ("encapsulation-in-long-form", "010006fe00010216"),
    ("encapsulation-nested", "05fe000a0105fe000a010216"),
    ("encapsulation-nested-in-long-form", "04fe0001010006fe0001"),
    ("encapsulation-of-one-octet", "04fe03ff00"),
]

# What other stacks died of, or took for something else.
KILLERS = [
    # The Paho gateway copies a name of length -4 and aborts.
    ("paho-gateway-register-without-body", "020a"),
    # It crashed on another ProtocolId than 1 (issue 53).
    ("paho-gateway-other-protocol-id", "07040002003c41"),
    # And on DISCONNECT of somebody who never connected (issue 213).
    ("paho-gateway-disconnect-first", "0218"),
    # Frames of 256 octets and more were two octets off (issue 187): it says
    # 255 in the 3-octet form and sends 257.
    ("paho-packet-length-two-off",
     "0100ff0c00000100" + "00" + "61" * 248),
    ("paho-packet-length-0x100", "0101000c2000010002" + "61" * 247),
    # Its forwarder handling (issue 181).
    ("paho-gateway-encapsulation-of-nothing", "05fe000101"),
    # RIOT's asymcute read a third octet of a two-octet datagram.
    ("riot-asymcute-two-octets", "0103"),
    # RIOT's emcute: payloads larger than its buffer, in PUBLISH and in the
    # update of the will, and a frame that ended its receive loop.
    ("riot-emcute-large-publish", "0102580c000001000" + "0" + "78" * 591),
    ("riot-emcute-large-willmsgupd", "0102581c" + "78" * 596),
    ("riot-emcute-length-of-one", "0104"),
    # wolfMQTT: a header of three octets (541), a NUL written before the
    # buffer (540), an acknowledgement whose length was not looked at (543),
    # topic ids from 128 on taken as negative (351).
    ("wolfmqtt-header-of-three", "010003"),
    ("wolfmqtt-register-of-three-octets", "0100070a000100"),
    ("wolfmqtt-puback-cut", "030d00"),
    ("wolfmqtt-topic-id-128", "070b0080000100"),
    ("wolfmqtt-topic-id-0x8000", "080c20800000ff41"),
    # Contiki-NG's stack overflow: a PUBLISH whose header promises more than
    # comes.
    ("contiki-publish-promises-more", "01ffff0c20000100ff"),
    # mosquitto: a topic without octets (CVE-2021-34432), an acknowledgement
    # that nobody waits for (CVE-2021-28166).
    ("mosquitto-topic-of-zero-octets", "060a00000001"),
    ("mosquitto-unexpected-ack", "070dffffffff00"),
]

# Made-up frames for the encoder: the first octet has its top bit set, the
# rest of it says how many octets of the room are taken away.
MADE_UP = [
    ("made-up-reserved-type", "8003"),
    ("made-up-qos-7", "800c0700000100026d"),
    ("made-up-topic-type-7", "80120007000341"),
    ("made-up-empty-name", "800a00010002"),
    ("made-up-empty-filter", "801200000003"),
    ("made-up-node-id-of-zero", "80fe00000216"),
    ("made-up-node-id-of-253", "80fe00fd" + "61" * 253 + "0216"),
    ("made-up-node-id-of-252", "80fe00fc" + "61" * 252 + "0216"),
    ("made-up-empty-inner-message", "80fe000161"),
    ("made-up-nested", "80fe00016104fe00610216"),
    ("made-up-255-octets", "800c00000001000200" + "61" * 247),
    ("made-up-256-octets", "800c000000010002" + "61" * 249),
    ("made-up-no-room", "ff0c00000001000231"),
    ("made-up-suback", "8013010100010002ff"),
    ("made-up-will-topic", "800705030077"),
    ("made-up-unsubscribe", "8014070100050003"),
    ("made-up-disconnect", "8018010100"),
    ("made-up-encapsulation-too-long",
     "80fe0001610100ff0c" + "61" * 300),
]


def seeds():
    for name, text in VALID + WRONG + KILLERS:
        octets = bytes.fromhex(text)
        yield "decode", name, octets
        yield "roundtrip", name, b"\0" + octets
    for name, text in MADE_UP:
        yield "roundtrip", name, bytes.fromhex(text)
