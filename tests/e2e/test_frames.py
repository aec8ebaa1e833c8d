# SPDX-License-Identifier: MIT
"""The tests' own frames are right: against known octets, and against Scapy.

Everything else in this folder compares octets with what these builders say.
"""

import unittest

import frames as fr

VECTORS = [
    ("0500010384", fr.advertise(1, 900)),
    ("030100", fr.searchgw()),
    ("030201", fr.gwinfo(1)),
    ("0b040c01003c6e6f646531", fr.connect("node1", 60, will=True)),
    ("030500", fr.connack()),
    ("0206", fr.willtopicreq()),
    ("0208", fr.willmsgreq()),
    ("060730732f78", fr.willtopic("s/x", 1, True)),
    ("0207", fr.willtopic()),
    ("0609676f6e65", fr.willmsg("gone")),
    ("0b0a00000001612f622f63", fr.register(0, 1, "a/b/c")),
    ("070b0001000100", fr.regack(1, 1)),
    ("0b0c200001000232312e35", fr.publish(1, "21.5", 1, 2)),
    ("01000e0c200001000232312e3520",
     fr.publish(1, "21.5 ", 1, 2, long_form=True)),
    ("080c616162000031", fr.publish(0x6162, "1", -1, kind=fr.PREDEFINED)),
    ("080c626162000031", fr.publish("ab", "1", -1, kind=fr.SHORT)),
    ("070d0001000200", fr.puback(1, 2)),
    ("040f0002", fr.pubrec(2)),
    ("04100002", fr.pubrel(2)),
    ("040e0002", fr.pubcomp(2)),
    ("0812200003612f2b", fr.subscribe("a/+", 3, 1)),
    ("07120100040003", fr.subscribe(3, 4, kind=fr.PREDEFINED)),
    ("07140200056162", fr.unsubscribe("ab", 5, fr.SHORT)),
    ("0813200001000300", fr.suback(1, 3, 1)),
    ("04150005", fr.unsuback(5)),
    ("0216", fr.pingreq()),
    ("07166e6f646531", fr.pingreq("node1")),
    ("0217", fr.pingresp()),
    ("0218", fr.disconnect()),
    ("0418012c", fr.disconnect(300)),
    ("021a", fr.willtopicupd()),
    ("061a30732f78", fr.willtopicupd("s/x", 1, True)),
    ("031b00", fr.willtopicresp()),
    ("061c676f6e65", fr.willmsgupd("gone")),
    ("031d00", fr.willmsgresp()),
    ("05fe000a010216", fr.encapsulated(b"\x0a\x01", fr.pingreq())),
]


class Frames(unittest.TestCase):
    def test_builders_make_the_vectors_of_the_specification(self):
        for octets, frame in VECTORS:
            with self.subTest(octets):
                self.assertEqual(bytes(frame).hex(), octets)

    def test_any_matches_any_octets_of_the_right_number(self):
        pattern = fr.register(1, fr.ANY, "a")

        self.assertTrue(pattern.matches(bytes(fr.register(1, 777, "a"))))
        self.assertFalse(pattern.matches(bytes(fr.register(2, 777, "a"))))
        self.assertFalse(pattern.matches(bytes(fr.register(1, 777, "ab"))))

    def test_long_messages_take_the_long_form(self):
        self.assertEqual(bytes(fr.publish(1, b"x" * 248))[:2].hex(), "ff0c")
        self.assertEqual(bytes(fr.publish(1, b"x" * 249))[:4].hex(),
                         "0101020c")

    def test_scapy_reads_every_vector_and_gives_the_same_octets_back(self):
        try:
            from scapy.contrib.mqttsn import MQTTSN
        except ImportError:
            self.skipTest("python3-scapy is not installed")
        for octets, frame in VECTORS:
            if octets.startswith("01"):
                continue  # Scapy writes the shortest form
            with self.subTest(octets):
                packet = MQTTSN(bytes(frame))
                packet.clear_cache()
                self.assertEqual(bytes(packet).hex(), octets)


if __name__ == "__main__":
    unittest.main(verbosity=2)
