# SPDX-License-Identifier: MIT
"""MQTT 5 towards the broker: what version 3.1.1 has not."""

import datetime
import re
import struct

from harness import E2ETest, fr, main
from mqtt import FakeBroker

AB = int.from_bytes(b"ab", "big")
QUICK = {"reconnect_min": "20ms", "reconnect_max": "100ms"}


def properties(octets):
    """User properties, in order; other properties by their number."""
    sizes = {2: 4, 11: None, 17: 4, 33: 2, 34: 2, 39: 4, 36: 1, 37: 1}
    found, at = [], 0
    while at < len(octets):
        code, at = octets[at], at + 1
        if code == 38:
            pair = []
            for _ in range(2):
                size, = struct.unpack(">H", octets[at:at + 2])
                pair.append(octets[at + 2:at + 2 + size].decode())
                at += 2 + size
            found.append(tuple(pair))
        else:
            size = sizes[code]
            found.append((code, int.from_bytes(octets[at:at + size], "big")))
            at += size
    return found


class OfVersion5(E2ETest):
    UPSTREAM = {}
    MORE = {}
    LIMITS = b""

    def begin(self):
        self.broker = self.start_fake_broker(self.on_publish, limits=self.LIMITS)
        self.gw = self.start_gateway(self.broker.port, {
            **self.MORE,
            "upstream": {"protocol": "5", **QUICK, **self.UPSTREAM}})

    def on_publish(self, broker, message, packet_id):
        return True

    def arrived(self, *payloads):
        """Exactly these have reached the broker."""
        self.assertEqual([m.payload.decode() for m, _ in self.broker.published],
                         list(payloads))


class Session(OfVersion5):
    UPSTREAM = {"session_expiry": "2h"}

    def test_it_is_begun_clean_once_and_then_kept_by_an_expiry(self):
        first, second = self.broker.connects
        self.assertEqual(first[6], 5)
        self.assertEqual((first[7] & 2, properties(first[11:11 + first[10]])),
                         (2, [(17, 0)]))
        self.assertEqual((second[7] & 2, properties(second[11:11 + second[10]])),
                         (0, [(17, 7200)]))

    def test_what_the_broker_says_when_it_ends_it_is_logged(self):
        mark = self.gw.mark()
        self.broker.client.sendall(b"\xe0\x01\x8b")

        self.gw.wait_log("event=lost.*server shutting down", mark)
        self.gw.wait_up(mark)
        self.node("n1").connect().publish1(AB, "x", 1, kind=fr.SHORT)


class TakenOver(OfVersion5):
    """The broker says why it ends a connection: then that something was under
    way each time is no excuse."""

    def on_publish(self, broker, message, packet_id):
        return False

    def test_the_third_time_within_a_minute_it_is_said(self):
        # Unanswered, so no connection is at rest.
        self.node("n1").connect().send(fr.publish(AB, "x", 1, 1, kind=fr.SHORT))
        for count in range(1, 4):
            self.broker.wait_published(count)
            mark = self.gw.mark()
            self.broker.client.sendall(b"\xe0\x01\x8e")
            self.gw.wait_log("event=lost.*session taken over", mark)
            if count < 3:
                self.gw.wait_up(mark)
        self.gw.wait_log("event=taken_over client_id=mqttsn-gw-test", mark)


class ReceiveMaximum(OfVersion5):
    MAXIMUM = 2
    LIMITS = b"\x21\0\x02"

    def on_publish(self, broker, message, packet_id):
        return False

    def test_no_more_are_under_way(self):
        n1 = self.node("n1").connect()
        for number in range(1, 6):
            n1.send(fr.publish(AB, str(number), 1, number,
                               kind=fr.SHORT))
        for number in range(1, 6):
            most = number + self.MAXIMUM - 1
            published = self.broker.wait_published(min(most, 5))
            self.assertLessEqual(len(published), most)
            self.broker.acknowledge(published[number - 1][1], 1)
            n1.expect(fr.puback(AB, number))
        self.arrived("1", "2", "3", "4", "5")


class ReceiveMaximumOfOne(ReceiveMaximum):
    MAXIMUM = 1
    LIMITS = b"\x21\0\x01"


class MaximumPacket(OfVersion5):
    LIMITS = b"\x27\0\0\0\x40"  # 64

    def test_the_largest_that_it_takes_is_sent_and_no_larger_one(self):
        # [G12-37]
        n1 = self.node("n1").connect()
        fits = "x" * (64 - 2 - 2 - 2 - 2 - 1)
        n1.send(fr.publish(AB, fits + "x", 1, 1, kind=fr.SHORT))
        n1.expect(fr.puback(AB, 1, fr.NOT_SUPPORTED))
        n1.send(fr.publish(AB, fits + "x", 2, 2, kind=fr.SHORT))
        n1.expect(fr.puback(AB, 2, fr.NOT_SUPPORTED))
        n1.publish1(AB, fits, 3, kind=fr.SHORT)

        self.arrived(fits)
        self.assertEqual(self.gw.process.count("event=lost"), 0)
        self.gw.wait_log("event=refused.*larger than the broker takes")

    def test_a_subscription_that_is_too_large_is_refused(self):
        # [SN12-502]
        n1 = self.node("n1").connect()
        n1.send(fr.subscribe("t/" + "x" * 60, 5, 1))

        n1.expect(fr.suback(fr.ANY, 5, fr.ANY, fr.NOT_SUPPORTED))
        n1.subscribe("t/y")


class MaximumQos(OfVersion5):
    LIMITS = b"\x24\x01"

    def test_a_publish_is_sent_with_the_highest_there_is(self):
        # [G12-34]
        n1 = self.node("n1").connect()
        n1.send(fr.publish(AB, "x", 2, 1, kind=fr.SHORT))
        n1.expect(fr.pubrec(1))
        n1.send(fr.pubrel(1))
        n1.expect(fr.pubcomp(1))

        message, _ = self.broker.wait_published(1)[-1]
        self.assertEqual((message.payload, message.qos), (b"x", 1))


class NoRetain(OfVersion5):
    LIMITS = b"\x25\0"

    def test_what_is_to_be_retained_is_refused(self):
        n1 = self.node("n1").connect()
        n1.send(fr.publish(AB, "x", 1, 1, kind=fr.SHORT,
                           retain=True))
        n1.expect(fr.puback(AB, 1, fr.NOT_SUPPORTED))
        n1.publish1(AB, "y", 2, kind=fr.SHORT)

        self.arrived("y")


class Reasons(OfVersion5):
    def on_publish(self, broker, message, packet_id):
        code = int(message.payload or b"0", 16)
        if message.qos:
            head = 0x40 if message.qos == 1 else 0x50
            broker.client.sendall(bytes([head, 4])
                                  + struct.pack(">HBB", packet_id, code, 0))
        return False

    def test_each_is_answered_as_the_table_says(self):
        # [SN12-205]
        n1 = self.node("n1").connect()
        for msg_id, (code, answer) in enumerate([
                ("10", fr.ACCEPTED), ("87", fr.NOT_SUPPORTED),
                ("97", fr.CONGESTION), ("00", fr.ACCEPTED),
                ("99", fr.NOT_SUPPORTED), ("89", fr.CONGESTION)], 1):
            n1.send(fr.publish(AB, code, 1, msg_id, kind=fr.SHORT))
            n1.expect(fr.puback(AB, msg_id, answer))
        self.gw.wait_log('event=refused code=135.*"not authorized"')

    def test_a_refusal_ends_an_exchange_of_qos_2(self):
        # [G12-34]
        n1 = self.node("n1").connect()
        n1.send(fr.publish(AB, "87", 2, 1, kind=fr.SHORT))
        n1.expect(fr.puback(AB, 1, fr.NOT_SUPPORTED))
        n1.publish1(AB, "00", 2, kind=fr.SHORT)


class UserProperties(OfVersion5):
    UPSTREAM = {"user_properties": "yes"}

    def test_a_publish_says_where_it_is_from(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        self.node("n1").connect().publish1(AB, "x", 1, kind=fr.SHORT)

        client, gateway, (name, text) = properties(self.broker.last_properties)
        self.assertEqual(client, ("client-id", "n1"))
        self.assertEqual(gateway, ("gateway", "gw-test"))
        self.assertEqual(name, "received")
        self.assertTrue(re.fullmatch(r"[-0-9]{10}T[0-9:]{8}\.[0-9]{3}Z", text))
        received = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        self.assertLess(abs((received - before).total_seconds()), 3600)


class Expiry(OfVersion5):
    MORE = {"store": {"type": "sqlite", "path": "{directory}/gateway.db"}}

    def test_a_sleeper_gets_what_has_not_run_out_also_after_a_kill(self):
        # [G12-32]
        n1 = self.node("n1").connect(300, clean=False)
        topic_id = n1.subscribe("cmd/x", 1)
        n1.sleep(600)
        for packet_id, (payload, expiry) in enumerate(
                [("gone", 0), ("good", 3600), ("ever", None)], 1):
            self.broker.send("cmd/x", payload, 1, packet_id=packet_id,
                             properties=b"" if expiry is None else
                             struct.pack(">BI", 2, expiry))
            self.broker.wait_acknowledged(packet_id)
        self.broker.session_present = True
        self.gw.restart()

        n1.send(fr.pingreq("n1"))

        n1.take_publish(topic_id, "good", 1)
        n1.take_publish(topic_id, "ever", 1)
        n1.expect(fr.pingresp())


class WithMosquitto(E2ETest):
    CONFIG = {"upstream": {"protocol": "5"}}

    def test_overlapping_filters_are_served_exactly(self):
        # [G12-39]
        n1, n2 = self.node("n1").connect(), self.node("n2").connect()
        low = n1.subscribe("a/b", 1)
        high = n2.subscribe("a/b", 0)
        n2.subscribe("a/#", 1)
        source = self.mqtt()
        for payload in ("x", "x", "y", "x"):
            source.publish("a/b", payload, 1)
        for payload in ("x", "x", "y", "x"):
            n1.take_publish(low, payload, 1)
            n2.take_publish(high, payload, 1)
        self.settle(n1, n2)
        # Nothing had to be found out first.
        self.assertEqual(self.broker.process.count("mqttsn-gw/.*/probe"), 0)

    def test_retained_messages_reach_only_the_new_subscriber(self):
        # [G12-39]
        self.mqtt().publish("a/b", "kept", 1, retain=True)
        n1, n2 = self.node("n1").connect(), self.node("n2").connect()
        first = n1.subscribe("a/b", 1)
        n1.take_publish(first, "kept", 1, retain=True)
        second = n2.subscribe("a/b", 1)
        n2.take_publish(second, "kept", 1, retain=True)
        self.settle(n1, n2)


class Older(FakeBroker):
    """Does not speak MQTT 5, and says so in one of three ways."""

    ANSWER = b"\x20\x02\x00\x01"

    def refuses(self, client):
        if self.version == 5:
            client.sendall(self.ANSWER)
            return True
        return False


class FallsBack(E2ETest):
    def begin(self):
        pass

    def versions(self):
        return [connect[6] for connect in self.broker.connects]

    def falls_back(self, answer, protocol="auto"):
        self.broker = Older()
        self.broker.ANSWER = answer
        self.addCleanup(self.broker.close)
        self.addCleanup(self._end_gateways)
        self.gw = self.start_gateway(self.broker.port, {
            "upstream": {"protocol": protocol, **QUICK}}, ready=False)

    def serves(self):
        self.gw.wait_up()
        self.node("n1").connect().publish1(AB, "x", 1, kind=fr.SHORT)
        self.assertEqual(self.versions()[-3:], [5, 4, 4])
        # What is known of the broker is kept.
        mark = self.gw.mark()
        self.broker.drop()
        self.gw.wait_up(mark)
        self.assertEqual(self.versions()[-4:], [5, 4, 4, 4])

    def test_where_it_is_refused_in_the_old_words(self):
        self.falls_back(b"\x20\x02\x00\x01")
        self.serves()
        # As if there had been no answer: see gateway/io/paho_connack.h.
        self.gw.wait_log("event=fallback.*before the broker answered")

    def test_where_it_is_refused_in_the_new_words(self):
        self.falls_back(b"\x20\x03\x00\x84\x00")
        self.serves()

    def test_where_there_is_no_answer(self):
        self.falls_back(b"")
        self.serves()

    def test_not_if_version_5_is_demanded(self):
        self.falls_back(b"\x20\x03\x00\x84\x00", "5")
        self.gw.wait_log("event=connect_failed.*unsupported protocol version")
        self.gw.wait_log("event=connect_failed", self.gw.mark())
        self.assertEqual(set(self.versions()), {5})

    def test_not_where_the_broker_refuses_the_gateway(self):
        self.falls_back(b"\x20\x03\x00\x86\x00")
        self.gw.wait_log("event=denied.*bad user name or password")
        self.gw.wait_log("event=denied", self.gw.mark())
        self.assertEqual(set(self.versions()), {5})


class Automatic(E2ETest):
    CONFIG = {"upstream": {"protocol": "auto"}}

    def test_mosquitto_is_spoken_to_in_version_5(self):
        self.gw.wait_log("event=connected.* protocol=5 ")
        watch = self.mqtt("ab", 1)
        self.node("n1").connect().publish1(AB, "x", 1, kind=fr.SHORT)
        watch.expect("ab", "x", 1)


if __name__ == "__main__":
    main()
