# SPDX-License-Identifier: MIT
"""SEARCHGW, GWINFO and ADVERTISE, over the loopback's multicast."""

import select
import socket
import struct

from harness import E2ETest, fr, main
from processes import free_port

GROUP = "225.1.1.1"


class Discovery(E2ETest):
    def begin(self):
        self.group_port = free_port()
        self.broker = self.start_broker()
        self.gw = self.start_gateway(self.broker.port, {
            "gateway": {"id": 42},
            "listener test": {
                "discovery": "yes", "interface": "lo",
                "multicast": "%s:%d" % (GROUP, self.group_port),
                "advertise_interval": "1s"}})
        self.group = self.listen()

    def listen(self):
        group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(group.close)
        group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        group.bind((GROUP, self.group_port))
        group.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
            struct.pack("4s4s", socket.inet_aton(GROUP),
                        socket.inet_aton("127.0.0.1")))
        return group

    def heard(self, pattern):
        """Waits for such a message to the group."""
        for _ in range(20):
            ready, _, _ = select.select([self.group], [], [], 10)
            self.assertTrue(ready, "nothing came to the group")
            octets = self.group.recv(100)
            if pattern.matches(octets):
                return
        self.fail("never heard: %s" % pattern)

    def test_searchgw_to_the_group_is_answered_gwinfo(self):
        # [SN12-113] [SN12-033] [SN12-032] [SN12-019] [SN12-103] [G12-44]
        # [G12-45]
        seeker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(seeker.close)
        seeker.bind(("127.0.0.1", 0))
        seeker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton("127.0.0.1"))

        seeker.sendto(bytes(fr.searchgw()), (GROUP, self.group_port))

        ready, _, _ = select.select([seeker], [], [], 10)
        self.assertTrue(ready, "SEARCHGW was not answered")
        octets, source = seeker.recvfrom(100)
        self.assertEqual(octets, bytes(fr.gwinfo(42)))
        # From the address that nodes shall use.
        self.assertEqual(source, ("127.0.0.1", self.gw.port))

    def test_searchgw_to_the_gateway_is_answered_gwinfo(self):
        # [SN12-113] [SN12-015] [SN12-035]
        stranger = self.node("stranger")

        stranger.send(fr.searchgw(1))

        stranger.expect(fr.gwinfo(42))

    def test_the_gateway_advertises_itself_again_and_again(self):
        # [SN12-101] [SN12-031] [SN12-106] [SN12-009]
        for _ in range(2):
            self.heard(fr.advertise(42, 1))

    def test_a_flood_of_searchgw_is_answered_now_and_then(self):
        stranger = self.node("stranger")
        n1 = self.node("n1").connect()
        for _ in range(1000):
            stranger.send_quietly(bytes(fr.searchgw()))
        n1.insist(fr.pingreq(), fr.pingresp())

        answers = 0
        while stranger.receive(timeout=0) is not None:
            answers += 1
        self.assertLessEqual(answers, 3)


class GwinfoMulticast(Discovery):
    """Only what differs."""

    def begin(self):
        self.group_port = free_port()
        self.broker = self.start_broker()
        self.gw = self.start_gateway(self.broker.port, {
            "gateway": {"id": 7}, "compat": {"gwinfo_multicast": "yes"},
            "listener test": {
                "discovery": "yes", "interface": "lo",
                "multicast": "%s:%d" % (GROUP, self.group_port),
                "advertise_interval": "0"}})
        self.group = self.listen()

    def test_searchgw_to_the_group_is_answered_gwinfo(self):
        # [SN12-035] [G12-44]
        self.node("stranger").send(fr.searchgw())

        self.heard(fr.gwinfo(7))

    test_searchgw_to_the_gateway_is_answered_gwinfo = None
    test_the_gateway_advertises_itself_again_and_again = None
    test_a_flood_of_searchgw_is_answered_now_and_then = None


class Silent(E2ETest):
    def test_without_discovery_nobody_is_answered(self):
        # [G12-44]
        stranger = self.node("stranger")

        stranger.send(fr.searchgw())

        self.node("n1").connect().fence()
        stranger.expect_silence()


class NoBroker(Discovery):
    def begin(self):
        self.group_port = free_port()
        self.gw = self.start_gateway(free_port(), {
            "listener test": {
                "discovery": "yes", "interface": "lo",
                "multicast": "%s:%d" % (GROUP, self.group_port),
                "advertise_interval": "1s"}}, ready=False)

    def test_a_gateway_without_a_broker_does_not_offer_itself(self):
        # [SN12-102] [G12-44]
        stranger = self.node("stranger")

        stranger.send(fr.searchgw(), fr.pingreq())

        stranger.expect(fr.disconnect())
        stranger.expect_silence()

    test_searchgw_to_the_group_is_answered_gwinfo = None
    test_searchgw_to_the_gateway_is_answered_gwinfo = None
    test_the_gateway_advertises_itself_again_and_again = None
    test_a_flood_of_searchgw_is_answered_now_and_then = None


if __name__ == "__main__":
    main()
