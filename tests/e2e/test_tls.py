# SPDX-License-Identifier: MIT
"""TLS towards the broker: what is accepted, what is refused, and how the log
explains it."""

import os
import socket
import ssl
import subprocess
import threading
import unittest
from unittest import mock

from certificates import Authority
from harness import E2ETest, main
from mqtt import FakeBroker
from processes import free_port
from streams import Acceptor, carry, in_background

FAILED = r"event=(connect_failed|denied) .*"


class TlsTest(E2ETest):
    """A broker with a TLS listener beside the plain one; no gateway yet."""

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.addClassCleanup(cls.authority.close)
        cls.good = cls.authority.issue("broker")

    def begin(self):
        self.tls_port = free_port()

    def tls_broker(self, *lines, cert=None, address="127.0.0.1"):
        cert, key = cert or self.good
        self.broker = self.start_broker(
            "listener %d %s" % (self.tls_port, address), "certfile %s" % cert,
            "keyfile %s" % key, *lines)

    def psk_broker(self):
        self.broker = self.start_broker(
            "psk_file {keys}", "listener %d 127.0.0.1" % self.tls_port,
            "psk_hint gateways", files={"keys": "gw:0123456789abcdef\n"})

    def old_broker(self, ciphers=None):
        """One that ends with TLS 1.2, which mosquitto cannot be told."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.good)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if ciphers:
            context.set_ciphers(ciphers)
        self.scripted(context)

    def scripted(self, context):
        self.broker = TlsBroker(context)
        self.addCleanup(self.broker.close)
        self.addCleanup(self._end_gateways)
        self.tls_port = self.broker.port

    def tls_gateway(self, tls=None, host="localhost", ready=True, **more):
        settings = {"ca_file": self.authority.ca}
        settings.update(tls or {})
        self.gw = self.start_gateway(self.broker.port if self.broker else 1, {
            "upstream": {"url": "mqtts://%s:%d" % (host, self.tls_port),
                         "reconnect_min": "50ms", "reconnect_max": "100ms"},
            "tls": settings}, ready=ready, **more)
        return self.gw

    def publishes(self):
        """A message goes up and another comes down."""
        above = self.mqtt("up/#", qos=1)
        node = self.node().connect()
        topic = node.register("up/1")
        node.publish1(topic, "hello", 7)
        above.expect("up/1", "hello", qos=1)
        down = node.subscribe("down/1", qos=1)
        above.publish("down/1", "world", qos=1)
        node.take_publish(down, "world", 1)

    def refused(self, pattern, start=0):
        """The log says why there is no connection."""
        return self.gw.wait_log(FAILED + pattern, start)


class TlsBroker(FakeBroker):
    """A scripted broker behind TLS."""

    def __init__(self, context, **more):
        self.context = context
        self.spoken = []  # cipher and protocol of each connection
        super().__init__(**more)

    def wrap(self, client):
        try:
            client = self.context.wrap_socket(client, server_side=True)
            self.spoken.append((client.cipher()[0],
                                client.selected_alpn_protocol()))
        except OSError:
            pass  # the gateway's to explain
        return client


class Accepted(TlsTest):
    def test_messages_pass_through_tls(self):
        self.tls_broker()
        self.tls_gateway()
        self.publishes()

    def test_an_address_is_proven_by_a_certificate_for_it(self):
        self.tls_broker()
        self.tls_gateway(host="127.0.0.1")

    @unittest.skipUnless(socket.has_ipv6 and os.path.exists(
        "/proc/net/if_inet6"), "no IPv6")
    def test_an_ipv6_address_is_proven_too(self):
        self.tls_broker(address="::1")
        self.tls_gateway(host="[::1]")
        self.publishes()

    def test_the_authority_may_be_one_the_system_trusts(self):
        self.tls_broker()
        self.tls_gateway({"ca_file": None},
                         env={"SSL_CERT_FILE": self.authority.ca})

    def test_the_name_may_be_another_than_in_the_url(self):
        self.tls_broker(cert=self.authority.issue("inner", "DNS:inner.test"))
        self.tls_gateway({"server_name": "inner.test"}, host="127.0.0.1")
        self.broker.process.wait_line("New client connected")

    def test_anything_is_taken_without_verify(self):
        self.tls_broker(cert=self.authority.issue("other", "DNS:other.test"))
        self.tls_gateway({"ca_file": None, "verify": "no"})
        self.gw.wait_log("event=warning .*key=tls.verify")

    def test_version_1_3_is_spoken_when_it_must_be(self):
        self.tls_broker("tls_version tlsv1.3")
        self.tls_gateway({"min_version": "1.3"})

    def test_a_cipher_can_be_chosen(self):
        self.old_broker("ECDHE-ECDSA-AES128-GCM-SHA256")
        self.tls_gateway({"ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"})
        self.assertEqual(self.broker.spoken.pop()[0],
                         "ECDHE-ECDSA-AES128-GCM-SHA256")

    def test_a_protocol_is_chosen(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.good)
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])
        self.scripted(context)
        self.tls_gateway({"alpn": "mqtt,x-amzn-mqtt-ca"})
        self.assertEqual(self.broker.spoken.pop()[1], "x-amzn-mqtt-ca")

    def test_the_name_is_asked_for_and_an_address_is_not(self):
        for host, asked in (("localhost", "localhost"), ("127.0.0.1", None)):
            with self.subTest(host=host):
                names = []
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.good)
                context.sni_callback = (
                    lambda _, name, __, names=names: names.append(name))
                self.scripted(context)
                self.tls_gateway(host=host)
                self.assertEqual(names[-1], asked)

    def test_our_certificate_is_shown(self):
        cert, key = self.authority.issue("node-side", names=None)
        self.tls_broker("cafile %s" % self.authority.ca,
                        "require_certificate true",
                        "use_identity_as_username true")
        self.tls_gateway({"cert_file": cert, "key_file": key})
        self.broker.process.wait_line(r"New client .* u'node-side'")

    def test_a_key_may_have_a_password(self):
        cert, key = self.authority.issue("locked", names=None)
        self.tls_broker("cafile %s" % self.authority.ca,
                        "require_certificate true")
        self.tls_gateway({
            "cert_file": cert, "key_file": self.authority.lock(key, "sesame"),
            "key_password_file": self.authority.secret("word", "sesame\n")})

    def test_a_shared_key_needs_no_certificate(self):
        self.psk_broker()
        self.tls_gateway({"ca_file": None, "psk_file": self.authority.secret(
            "psk", "gw:0123456789abcdef\n")})
        self.publishes()

    def test_it_connects_again_after_the_broker_died(self):
        self.tls_broker()
        self.tls_gateway()
        mark = self.gw.mark()
        self.broker.kill()
        self.gw.wait_log("event=lost", mark)
        self.broker.start()
        self.gw.wait_up(mark)
        self.publishes()


class Refused(TlsTest):
    def test_an_expired_certificate(self):
        self.tls_broker(cert=self.authority.issue("old", days=-1))
        self.tls_gateway(ready=False)
        self.refused("certificate 'old' expired at 2")

    def test_an_authority_that_is_not_ours(self):
        stranger = Authority("a stranger")
        self.addCleanup(stranger.close)
        self.tls_broker(cert=stranger.issue("strange"))
        self.tls_gateway(ready=False)
        self.refused("signed by 'a stranger', which is not among those in "
                     "tls.ca_file")

    def test_an_authority_that_the_system_does_not_trust(self):
        self.tls_broker()
        self.tls_gateway({"ca_file": None}, ready=False)
        self.refused("name it in tls.ca_file")

    def test_another_host_with_the_names_that_it_has(self):
        self.tls_broker(cert=self.authority.issue(
            "elsewhere", "DNS:a.test,DNS:*.b.test,IP:10.1.2.3"))
        self.tls_gateway(ready=False)
        self.refused(r"is for a\.test, \*\.b\.test, 10\.1\.2\.3, not for "
                     "'localhost'")

    def test_another_address(self):
        self.tls_broker(cert=self.authority.issue("named", "DNS:localhost"))
        self.tls_gateway(host="127.0.0.1", ready=False)
        self.refused("is for localhost, not for '127.0.0.1'")

    def test_names_that_would_deceive_a_reader_of_the_log(self):
        self.tls_broker(cert=self.authority.issue("deceiver", None,
                                                  subject='x" level=error y="'))
        self.tls_gateway(ready=False)
        self.refused(r'is for x\\" level=error y=\\", not for')

    def test_a_broker_that_requires_a_certificate(self):
        for version in ("tlsv1.2", "tlsv1.3"):
            with self.subTest(version=version):
                self.tls_port = free_port()
                self.tls_broker("cafile %s" % self.authority.ca,
                                "require_certificate true",
                                "tls_version %s" % version)
                self.tls_gateway(ready=False)
                self.refused(r"requires a certificate of ours.*tls\.cert_file")

    def test_a_broker_that_does_not_know_our_authority(self):
        stranger = Authority("a stranger")
        self.addCleanup(stranger.close)
        cert, key = stranger.issue("unknown", names=None)
        self.tls_broker("cafile %s" % self.authority.ca,
                        "require_certificate true")
        self.tls_gateway({"cert_file": cert, "key_file": key}, ready=False)
        self.refused("does not know who signed our certificate")

    def test_a_shared_key_that_is_not_the_same(self):
        self.psk_broker()
        self.tls_gateway({"ca_file": None, "psk_file": self.authority.secret(
            "wrong", "gw:ffff\n")}, ready=False)
        self.refused("(another key for our identity|our identity)")

    def test_no_version_in_common(self):
        self.old_broker()
        self.tls_gateway({"min_version": "1.3"}, ready=False)
        self.refused("no version of TLS from tls.min_version on")

    def test_no_cipher_in_common(self):
        self.old_broker("ECDHE-ECDSA-AES128-GCM-SHA256")
        self.tls_gateway({"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"},
                         ready=False)
        self.refused("no cipher in common")

    def test_a_library_whose_handshakes_cannot_be_seen(self):
        self.tls_broker()
        with mock.patch.dict(os.environ, MQTTSN_GATEWAY=os.environ[
                "MQTTSN_UNWATCHED_GATEWAY"]):
            self.tls_gateway(ready=False)
        self.refused("connections that the gateway cannot check")
        self.assertEqual(0, self.gw.process.count("event=connected"))

    def test_a_port_without_tls(self):
        self.broker = self.start_broker()
        self.tls_port = self.broker.port
        self.tls_gateway(ready=False)
        self.refused("(does not speak TLS on this port|ended during the TLS "
                     "handshake)")


class Checked(TlsTest):
    """What --check-config says of files: key, and what was expected."""

    def check(self, pattern, **settings):
        conf = self.authority.path("checked.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write("[upstream]\nurl = mqtts://broker.test\n[tls]\n")
            for key, value in settings.items():
                out.write("%s = %s\n" % (key, value))
        done = subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", conf, "--check-config"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=60, check=False)
        self.assertRegex(done.stdout, pattern)
        return done.returncode

    def test_what_is_good(self):
        cert, key = self.authority.issue("checked", names=None)
        self.assertEqual(0, self.check(
            "mqtts://broker.test:8883", ca_file=self.authority.ca,
            cert_file=cert, key_file=key, alpn="a,b", min_version="1.3"))

    def test_what_is_not(self):
        cert, key = self.authority.issue("checked", names=None)
        other = self.authority.issue("another", names=None)[1]
        locked = self.authority.lock(key, "sesame")
        word = self.authority.secret("word", "open")
        noise = self.authority.secret("noise", "noise\n")
        public = self.authority.secret("public", "x:00\n")
        os.chmod(public, 0o644)
        rows = [
            ({"ca_file": "/nowhere/ca.pem"},
             "4: tls.ca_file: cannot open '/nowhere/ca.pem': No such file"),
            ({"ca_file": self.authority.directory},
             "4: tls.ca_file: '.*' is not a file"),
            ({"ca_file": noise},
             "4: tls.ca_file: expected certificates in PEM form in '.*noise'"),
            ({"ca_path": noise}, "4: tls.ca_path: expected a directory"),
            ({"cert_file": noise}, "4: tls.cert_file: expected our certif"),
            ({"key_file": key}, "4: tls.key_file: expected tls.cert_file too"),
            ({"cert_file": cert, "key_file": other},
             "5: tls.key_file: expected the key of tls.cert_file .*mismatch"),
            ({"cert_file": cert, "key_file": locked},
             "5: tls.key_file: .* with its password in tls.key_password_file"),
            ({"cert_file": cert, "key_file": locked,
              "key_password_file": word},
             "6: tls.key_password_file: expected the password of the key"),
            ({"cert_file": cert, "key_file": public},
             "5: tls.key_file: '.*' can be read or written by everybody"),
            ({"psk_file": public},
             "4: tls.psk_file: '.*' can be read or written by everybody"),
            ({"psk_file": noise},
             "4: tls.psk_file: expected one line IDENTITY:KEY"),
            ({"ciphers": "nonsense"},
             "4: tls.ciphers: expected a cipher that OpenSSL has"),
            ({"alpn": "a,,b"}, "4: tls.alpn: expected names with commas"),
            ({"min_version": "1.1"}, "4: tls.min_version: expected 1.2 or 1.3"),
        ]
        for settings, pattern in rows:
            with self.subTest(**settings):
                self.assertEqual(2, self.check(pattern, **settings))

    def test_keys_that_nothing_looks_at(self):
        conf = self.authority.path("unused.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write("[tls]\nca_file = /nowhere\n")
        done = subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", conf, "--check-config"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=60, check=False)
        self.assertEqual(0, done.returncode)
        self.assertIn("2: tls.ca_file: means nothing without a URL with mqtts "
                      "or wss", done.stdout)


class MidHandshake(TlsTest):
    """A broker that dies in the middle of a handshake, at any of its octets."""

    def test_it_is_explained_and_tried_again(self):
        self.tls_broker()
        relay = Relay(self.tls_port)
        self.addCleanup(relay.close)
        self.tls_port = relay.port
        mark = 0
        self.tls_gateway(ready=False)
        for size in (0, 1, 5, 100, 700):
            relay.limit = size
            relay.cut.wait_for_cut()
            mark = self.refused("ended during the TLS handshake", mark)[0] + 1
        relay.limit = None
        self.gw.wait_up(mark)
        self.assertEqual(self.gw.process.count(FAILED),
                         self.gw.process.count(
                             FAILED + "ended during the TLS handshake"))


class Counter:
    def __init__(self):
        self.count = 0
        self.changed = threading.Condition()

    def add(self):
        with self.changed:
            self.count += 1
            self.changed.notify_all()

    def wait_for_cut(self):
        with self.changed:
            now = self.count
            if not self.changed.wait_for(lambda: self.count >= now + 2, 60):
                raise AssertionError("nobody connected to the relay")


class Relay(Acceptor):
    """Lets 'limit' octets of the broker through, then ends the connection."""

    def __init__(self, port, limit=0):
        self.to = ("127.0.0.1", port)
        self.limit = limit
        self.cut = Counter()
        super().__init__()

    def talk(self, near):
        far = socket.create_connection(self.to)
        in_background(carry, near, far)
        carry(far, near, self.limit)
        self.cut.add()


if __name__ == "__main__":
    main()
