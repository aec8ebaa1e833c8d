# SPDX-License-Identifier: MIT
"""Names of brokers: looked up anew for each attempt, in IPv4 and IPv6. The
gateway runs in a mount namespace of its own, where /etc/hosts is the test's."""

import os
import socket
import subprocess
import tempfile
import unittest

from harness import E2ETest, fr, main
from processes import free_port

# In it the file beside the configuration lies over that of the system, and no
# server is asked: nobody is at this port of loopback.
PREPARE = ('mount --bind "$0/hosts" /etc/hosts && '
           'mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"')


def unshare():
    """The command that makes the namespace; None where that is not allowed."""
    ways = [["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]]
    with tempfile.TemporaryDirectory() as directory:
        write(directory, "")
        for way in ways:
            try:
                done = subprocess.run(
                    [*way, "sh", "-c", PREPARE, directory, "true"],
                    stderr=subprocess.DEVNULL, check=False)
            except OSError:
                continue
            if done.returncode == 0:
                return way
    return None


def write(directory, hosts):
    """In place, for it is the file that is seen, not its name."""
    for name, text in (("hosts", hosts),
                       ("resolv.conf", "nameserver 127.0.0.1\n")):
        with open(os.path.join(directory, name), "w", encoding="ascii") as out:
            out.write(text)


UNSHARE = unshare()
HAVE_IPV6 = socket.has_ipv6 and os.path.exists("/proc/net/if_inet6")


@unittest.skipUnless(UNSHARE, "no mount namespace can be had here")
class Names(E2ETest):
    def begin(self):
        self.directory = tempfile.mkdtemp(prefix="mqttsn-names-")
        self.addCleanup(subprocess.run, ["rm", "-r", self.directory],
                        check=False)
        self.port = free_port()

    def broker_at(self, address):
        """One more, at the same port of another address."""
        broker = self.start_broker("listener %d %s" % (self.port, address))
        self.broker = broker
        return broker

    def hosts(self, *addresses):
        write(self.directory, "".join("%s broker.test\n" % address
                                      for address in addresses))

    def gateway_for_the_name(self, mode="aggregating", ready=True):
        self.gw = self.start_gateway(1, {
            "upstream": {"url": "mqtt://broker.test:%d" % self.port,
                         "mode": mode, "reconnect_min": "50ms",
                         "reconnect_max": "200ms"}},
            ready=ready, prefix=[*UNSHARE, "sh", "-c", PREPARE,
                                 self.directory])

    def serves(self, broker, msg_id):
        watch = self.mqtt("t/1", 1, port=broker.port)
        node = self.node("n1").connect()
        node.publish1(node.register("t/1"), str(msg_id), msg_id)
        watch.expect("t/1", str(msg_id), 1)

    def test_another_address_is_found_when_the_first_one_is_gone(self):
        for mode in ("aggregating", "transparent"):
            with self.subTest(mode=mode):
                self.port = free_port()
                first = self.broker_at("127.0.0.2")
                second = self.broker_at("127.0.0.3")
                self.hosts("127.0.0.2")
                self.gateway_for_the_name(mode)
                self.serves(first, 2)
                self.hosts("127.0.0.3")
                mark = self.gw.mark()
                first.kill()
                self.gw.wait_up(mark)
                if mode == "transparent":
                    self.gw.wait_log(r"event\W+connected\W+client\W+n1\b", mark)
                self.serves(second, 3)

    def test_a_name_that_nobody_knows_yet(self):
        self.hosts()
        self.gateway_for_the_name(ready=False)
        self.gw.wait_log("event=connect_failed.*does not resolve")
        broker = self.broker_at("127.0.0.2")
        self.hosts("127.0.0.2")
        self.gw.wait_up()
        self.serves(broker, 2)

    @unittest.skipUnless(HAVE_IPV6, "no IPv6")
    def test_a_name_with_an_ipv6_address_alone(self):
        broker = self.broker_at("::1")
        self.hosts("::1")
        self.gateway_for_the_name()
        self.serves(broker, 2)
        self.assertEqual(1, broker.process.count(r"New client .* from ::1\b.* as"
                                                 r" mqttsn-gw-test \(.*c0"))

    @unittest.skipUnless(HAVE_IPV6, "no IPv6")
    def test_of_both_the_ipv4_address_is_taken(self):
        self.broker_at("::1")
        broker = self.broker_at("127.0.0.2")
        self.hosts("::1", "127.0.0.2")
        self.gateway_for_the_name()
        self.serves(broker, 2)


class Addresses(E2ETest):
    @unittest.skipUnless(HAVE_IPV6, "no IPv6")
    def test_an_ipv6_address_may_stand_in_the_url(self):
        port = free_port()
        self.broker = self.start_broker("listener %d ::1" % port)
        self.gw = self.start_gateway(1, {
            "upstream": {"url": "mqtt://[::1]:%d" % port}})
        watch = self.mqtt("t/1", 1)
        node = self.node("n1").connect()
        node.publish1(node.register("t/1"), "x", 2)
        watch.expect("t/1", "x", 1)

    def begin(self):
        pass


if __name__ == "__main__":
    main()
