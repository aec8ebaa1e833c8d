# SPDX-License-Identifier: MIT
"""Metrics and health over HTTP, of the daemon with a real broker."""

import base64
import gzip
import hashlib
import os
import re
import socket
import urllib.parse

from exposition import Metrics
from harness import E2ETest, PATIENCE, fr, main
from web import Web

TOKEN = "0123456789-token"


class HttpTest(E2ETest):
    CONFIG = {"http": {"bind": "127.0.0.1:0"}}

    def begin(self):
        super().begin()
        self.web = Web(self.gw)


class Health(HttpTest):
    def test_it_is_alive_and_ready(self):
        answer = self.web.get("/healthz")
        self.assertEqual((answer.status, answer.text), (200, "ok\n"))
        answer = self.web.get("/readyz")
        self.assertEqual((answer.status, answer.json),
                         (200, {"ready": True, "reasons": []}))

    def test_without_its_broker_it_is_alive_and_not_ready(self):
        self.broker.kill()
        answer = self.web.wait("/readyz", lambda a: a.status == 503)
        self.assertEqual(answer.json, {
            "ready": False, "reasons": ["upstream: the broker is not connected"]})
        self.assertEqual(self.web.get("/healthz").status, 200)
        self.assertEqual(self.web.metrics().value("upstream_connected"), 0)

        self.broker.start()
        self.web.wait("/readyz", lambda a: a.status == 200)
        seen = self.web.metrics()
        self.assertEqual(seen.value("upstream_connected"), 1)
        self.assertGreaterEqual(seen.value("upstream_reconnects_total"), 1)

    def test_it_ends_in_order_with_clients_connected(self):
        idle = self.web.open()
        idle.connect()
        half = socket.create_connection(("127.0.0.1", self.web.port))
        self.addCleanup(idle.close)
        self.addCleanup(half.close)
        half.sendall(b"GET /metr")
        self.assertEqual(self.web.get("/healthz").status, 200)

        self.gw.terminate()

        self.assertEqual(self.gw.wait(), 0)


class Tables(HttpTest):
    CONFIG = {**HttpTest.CONFIG, "limits": {"uplink_max_messages": 5000}}

    def test_a_report_and_metrics_tell_the_same(self):
        self.node("n1").connect().register("a/b")
        seen = self.web.metrics()
        tables = self.web.get("/api/v1/status").json["tables"]
        for name in ("sessions", "topics", "subscriptions", "exchanges",
                     "queue_entries"):
            with self.subTest(name):
                self.assertEqual(
                    {"used": seen.value("table_used", table=name),
                     "max": seen.value("table_capacity", table=name)},
                    tables[name])
        self.assertGreater(tables["exchanges"]["max"], 5000)


class WhatIsCounted(HttpTest):
    def test_a_publish_and_a_sleeper_are_seen(self):
        node = self.node("n1").connect()
        node.publish1(node.register("a/b"), "x", 2)
        sleeper = self.node("n2").connect()
        sleeper.subscribe("cmd/n2", 1)
        sleeper.sleep()
        node.send(b"\x05\x0c\x00")   # less than it says
        node.send(b"\x02\x03")       # a reserved type
        node.fence()
        self.mqtt().publish("cmd/n2", "on", qos=1)
        seen = Metrics(self.web.wait("/metrics", lambda a: Metrics(
            a.text).value("sleep_queue_messages") == 1).text)

        for value, name, labels in (
                (2, "connects_total", {"result": "accepted"}),
                (2, "table_used", {"table": "sessions"}),
                (1, "clients", {"state": "active", "transport": "udp"}),
                (1, "clients", {"state": "asleep", "transport": "udp"}),
                (1, "sleep_queues", {}),
                (10000, "table_capacity", {"table": "sessions"}),
                (2, "topics_registered", {}),
                (2, "packets_received_total", {"type": "CONNECT"}),
                (2, "packets_received_total", {"type": "PUBLISH"}),
                (1, "packets_received_total", {"type": "other"}),
                (1, "packets_sent_total", {"type": "PUBACK"}),
                (1, "packets_sent_total", {"type": "REGACK"}),
                (1, "packets_malformed_total", {"reason": "type"}),
                (0, "packets_malformed_total", {"reason": "nested"}),
                (1, "uplink_publishes_total", {"step": "acknowledged"}),
                (1, "downlink_messages_total", {"step": "queued"}),
                (0, "sleep_queue_dropped_total", {"reason": "queue_full"}),
                (1, "upstream_connected", {}),
                (1, "store_writable", {})):
            with self.subTest(name, **labels):
                self.assertEqual(seen.value(name, **labels), value)
        self.assertGreaterEqual(seen.value("sleep_queue_bytes"), 2)
        self.assertEqual(
            seen.value("listener_datagrams_total", listener="test",
                       direction="in"),
            seen.value("datagrams_received_total"))

    def test_how_long_the_broker_takes_is_seen(self):
        self.assertEqual(
            self.web.metrics().value("publish_forward_seconds_count"), 0)
        node = self.node("n1").connect()
        topic = node.register("a/b")
        for msg_id in range(2, 7):
            node.publish1(topic, "x", msg_id)
        node.send(fr.publish(topic, "x"))
        node.fence()
        seen = self.web.metrics()
        self.assertEqual(seen.value("publish_forward_seconds_count"), 5)
        self.assertGreater(seen.value("publish_forward_seconds_sum"), 0)

    def test_the_process_is_seen(self):
        seen = self.web.metrics()
        self.assertGreater(seen.value("process_resident_memory_bytes"), 1e6)
        self.assertGreater(seen.value("process_open_fds"), 5)
        self.assertEqual(
            seen.value("process_start_time_seconds"),
            self.web.metrics().value("process_start_time_seconds"))

    def test_names_of_nodes_are_no_series(self):
        before = self.web.get("/metrics").text.count("\n")
        for i in range(20):
            self.node('n%d"\\\n{' % i).connect()
        answer = self.web.get("/metrics")
        self.assertEqual(answer.text.count("\n"), before)
        self.assertEqual(answer.headers["Content-Type"],
                         "text/plain; version=0.0.4; charset=utf-8")

    def test_two_thousand_nodes_connect_while_it_is_asked(self):
        connection = self.web.open()
        self.addCleanup(connection.close)
        for at in range(0, 2000, 100):
            some = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    for _ in range(100)]
            for i, node in enumerate(some):
                self.addCleanup(node.close)
                node.settimeout(PATIENCE)
                node.connect(("127.0.0.1", self.gw.port))
                node.send(bytes(fr.connect("n%d" % (at + i), 600)))
            Metrics(self.web.get("/metrics", connection=connection).text)
            for node in some:
                self.assertTrue(fr.connack().matches(node.recv(100)))
        seen = self.web.metrics()
        self.assertEqual(seen.value("connects_total", result="accepted"), 2000)
        self.assertEqual(seen.value("table_used", table="sessions"), 2000)


class Clients(HttpTest):
    def test_half_requests_from_many_leave_it_able_to_answer(self):
        halves = []
        for i in range(60):
            half = socket.socket()
            self.addCleanup(half.close)
            half.bind(("127.0.1.%d" % (1 + i), 0))
            half.connect(("127.0.0.1", self.web.port))
            half.sendall(b"GET /metrics HTTP/1.1\r\nHo")
            halves.append(half)
        # Nodes notice nothing.
        node = self.node("n1").connect()
        node.publish1(node.register("a"), "x", 2)
        # The silent ones are dropped, all of them, and whoever asks is served.
        for half in halves:
            half.settimeout(60)
            self.assertEqual(half.recv(1), b"")
        self.assertEqual(self.web.get("/healthz").status, 200)
        self.web.metrics()


class Api(HttpTest):
    ODD = 'a/b "c"\\%?'

    def test_each_report_is_served(self):
        node = self.node("n1").connect()
        node.register("a/b")
        odd = self.node(self.ODD).connect()
        odd.subscribe("cmd/odd", 1)
        odd.sleep()
        self.mqtt().publish("cmd/odd", "on", qos=1)
        path = "/api/v1/clients/" + urllib.parse.quote(self.ODD, safe="")
        queue = self.web.wait(path + "/queue",
                              lambda a: a.json["queue_messages"] == 1).json

        self.assertEqual(queue["queue"][0]["topic"], "cmd/odd")
        self.assertEqual(self.web.get(path).json["state"], "asleep")
        self.assertEqual(self.web.get("/api/v1/status").json["clients"][
            "active"], 1)
        self.assertEqual(self.web.get("/api/v1/upstream").json["gateway"][
            "state"], "up")
        for name, count in (("clients", 2), ("topics", 2),
                            ("subscriptions", 1)):
            with self.subTest(name):
                self.assertEqual(
                    len(self.web.get("/api/v1/" + name).json[name]), count)
        events = [event["event"] for event in
                  self.web.get("/api/v1/events").json["events"]]
        self.assertIn("asleep", events)

    def test_a_query_chooses(self):
        for name in ("n1", "n2", self.ODD):
            self.node(name).connect()
        self.node("n4").connect().sleep()

        def ids(query):
            answer = self.web.get("/api/v1/clients?" + query).json
            return [row["client"] for row in answer["clients"]], \
                answer.get("next")

        self.assertEqual(ids("state=asleep")[0], ["n4"])
        self.nodes[0].register("a/b")
        self.nodes[2].register("c")
        answer = self.web.get("/api/v1/topics?client="
                              + urllib.parse.quote_plus(self.ODD))
        self.assertEqual([(row["client"], row["topic"])
                          for row in answer.json["topics"]], [(self.ODD, "c")])
        seen, cursor = [], 0
        while cursor is not None:
            some, cursor = ids("limit=1&cursor=%d" % cursor)
            self.assertLessEqual(len(some), 1)
            seen += some
        self.assertEqual(sorted(seen), sorted(["n1", "n2", self.ODD, "n4"]))

    def test_what_is_not_understood_or_not_there_is_said(self):
        for path, status in (("clients?state=happy", 400),
                             ("clients?limit=0", 400),
                             ("clients?limit=1001", 400),
                             ("clients?colour=red", 400),
                             ("clients?limit", 400),
                             ("topics?client=nobody", 404),
                             ("clients/nobody", 404),
                             ("clients/nobody/queue", 404),
                             ("clients/", 404), ("", 404), ("happy", 404)):
            with self.subTest(path):
                answer = self.web.get("/api/v1/" + path)
                self.assertEqual(answer.status, status)
                self.assertTrue(answer.json["error"])
        self.assertEqual(self.web.post("/api/v1/status").status, 405)


class Dashboard(HttpTest):
    def test_it_is_served_with_the_policy_that_it_was_made_for(self):
        self.assertEqual(self.web.get("/").status, 406)  # only zipped
        answer = self.web.get("/", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"],
                         "text/html; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        page = gzip.decompress(answer.body).decode("utf-8")
        policy = answer.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        for part in ("style", "script"):
            text = re.search("<%s>(.*)</%s>" % (part, part), page,
                             re.DOTALL).group(1)
            digest = base64.b64encode(hashlib.sha256(
                text.encode("utf-8")).digest()).decode("ascii")
            self.assertIn("%s-src 'sha256-%s'" % (part, digest), policy)

        again = self.web.get("/", headers={
            "Accept-Encoding": "gzip",
            "If-None-Match": answer.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))


class Refused(HttpTest):
    def test_errors_are_json_and_say_what_they_are(self):
        for method, path, status in (
                ("GET", "/nothing", 404), ("POST", "/metrics", 405),
                ("GET", "/" + "a" * 3000, 414)):
            with self.subTest(path[:20]):
                answer = self.web.ask(path, method=method)
                self.assertEqual(answer.status, status)
                self.assertTrue(answer.json["error"])
                self.assertEqual(answer.headers["Content-Type"],
                                 "application/json")

    def test_a_page_whose_name_leads_here_sees_nothing(self):
        answer = self.web.get("/metrics", headers={"Host": "evil.example:80"})
        self.assertEqual(answer.status, 403)
        self.gw.wait_log(r"event=denied .*path=/metrics status=403")


class Orders(HttpTest):
    def begin(self):
        self.broker = self.start_broker()
        self.gw = self.start_gateway(self.broker.port)
        self.configure(TOKEN, {"http": {"bind": "127.0.0.1:0",
                                        "token_file": "{directory}/tokens"}})
        self.gw.kill()
        self.gw.start()
        self.web = Web(self.gw, token=TOKEN)

    def configure(self, token, config):
        path = os.path.join(self.gw.directory, "tokens")
        with open(path, "w", encoding="ascii") as out:
            out.write("# of the tests\n%s\n" % token)
        os.chmod(path, 0o600)
        self.config = config
        self.gw.write(config)

    def test_the_api_is_closed_without_a_token(self):
        stranger = Web(self.gw)
        other = Web(self.gw, token=TOKEN + "x")
        for path in ("status", "clients", "clients/n1", "topics"):
            for who in (stranger, other):
                answer = who.get("/api/v1/" + path)
                self.assertEqual(answer.status, 401)
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
            self.assertIn(self.web.get("/api/v1/" + path).status, (200, 404))
        for path in ("/metrics", "/healthz", "/readyz"):
            self.assertEqual(stranger.get(path).status, 200)
        for path in ("clients/n1/kick", "reload", "log/debug"):
            self.assertEqual(stranger.post("/api/v1/" + path).status, 401)

    def test_tokens_are_changed_by_a_reload(self):
        self.configure("fedcba9876543210-new", self.config)
        at = self.gw.mark()
        self.assertEqual(self.web.post("/api/v1/reload").json, {
            "problems": [], "reloaded": True})
        self.gw.wait_log(r"area=http event=command command=reload "
                         r"client=127\.0\.0\.1:\d+ token=2", at)
        self.assertEqual(self.web.get("/api/v1/status").status, 401)
        self.assertEqual(Web(self.gw, token="fedcba9876543210-new").get(
            "/api/v1/status").status, 200)

    def test_a_reload_that_changes_nothing_says_why(self):
        self.gw.write({**self.config, "gateway": {"id": "300"}})
        answer = self.web.post("/api/v1/reload")
        self.assertEqual(answer.status, 422)
        self.assertEqual(answer.json["reloaded"], False)
        self.assertEqual(answer.json["problems"][0]["key"], "gateway.id")
        self.assertEqual(self.web.get("/api/v1/status").status, 200)

    def test_a_node_is_sent_away(self):
        node = self.node("a/b").connect()
        answer = self.web.post("/api/v1/clients/a%2Fb/kick")
        self.assertEqual((answer.status, answer.json["kicked"]), (200, "a/b"))
        node.expect(fr.disconnect())
        self.assertEqual(
            self.web.post("/api/v1/clients/a%2Fb/kick").status, 404)
        self.assertEqual(self.web.get("/api/v1/clients/a%2Fb/kick").status,
                         405)

    def test_what_waits_for_a_node_is_dropped(self):
        node = self.node("n1").connect(clean=False)
        node.subscribe("cmd", 1)
        node.sleep()
        self.mqtt().publish("cmd", "on", qos=1)
        self.web.wait("/api/v1/clients/n1",
                      lambda a: a.json["queue_messages"] == 1)
        answer = self.web.post("/api/v1/clients/n1/purge")
        self.assertEqual(answer.json, {"purged": "n1", "messages": 1,
                                       "left": 0})
        self.assertEqual(self.web.metrics().value(
            "sleep_queue_dropped_total", reason="purged"), 1)

    def test_the_level_of_the_log_is_set(self):
        at = self.gw.mark()
        self.assertEqual(self.web.post("/api/v1/log/warn").json,
                         {"level": "warn"})
        self.gw.wait_log("command=log argument=warn", at)
        self.node("n1").connect()
        self.assertEqual(self.web.post("/api/v1/log/debug").json,
                         {"level": "debug"})
        self.gw.wait_log("command=log argument=debug", at)
        self.assertEqual(self.gw.process.count("event=connected client=n1"), 0)
        self.assertEqual(self.web.post("/api/v1/log/loud").status, 400)


class Settings(HttpTest):
    def begin(self):
        self.broker = self.start_broker()

    def secret(self, gateway, text, mode=0o600):
        path = os.path.join(gateway.directory, "tokens")
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, mode)

    def test_names_reload(self):
        self.gw = self.start_gateway(self.broker.port, self.CONFIG)
        web = Web(self.gw)
        ask = {"Host": "gw.example"}
        self.assertEqual(web.get("/healthz", headers=ask).status, 403)
        self.gw.write({"http": {"bind": "127.0.0.1:0",
                                "host_names": "other.example, gw.example"}})
        at = self.gw.mark()
        self.gw.reload()
        self.gw.wait_log(r"event=reloaded", at)
        self.assertEqual(web.get("/healthz", headers=ask).status, 200)

    def test_a_file_of_tokens_that_everybody_reads_is_refused(self):
        self.gw = self.start_gateway(self.broker.port, self.CONFIG)
        for text, mode in ((TOKEN, 0o644), ("short", 0o600)):
            self.secret(self.gw, text + "\n", mode)
            self.gw.write({"http": {"bind": "127.0.0.1:0",
                                    "token_file": "{directory}/tokens"}})
            at = self.gw.mark()
            self.gw.reload()
            self.gw.wait_log(r"event=reload_error .*token_file", at)
            self.gw.wait_log(r"event=reload_failed", at)

    def test_ipv6(self):
        self.gw = self.start_gateway(self.broker.port,
                                     {"http": {"bind": "[::1]:0"}})
        self.assertEqual(Web(self.gw, host="::1").get("/readyz").status, 200)

    def test_it_is_off_by_default(self):
        self.gw = self.start_gateway(self.broker.port)
        self.gw.terminate()
        self.gw.wait()
        self.assertEqual(self.gw.process.count("area=http"), 0)

    def test_a_port_that_is_taken_ends_the_start(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(AssertionError, "cannot_bind"):
                self.start_gateway(self.broker.port, {
                    "http": {"bind": "127.0.0.1:%d" % port}})

    def test_who_listens_for_others_without_tokens_is_warned(self):
        self.gw = self.start_gateway(self.broker.port,
                                     {"http": {"bind": "0.0.0.0:0"}})
        self.gw.wait_log(r"event=warning .*key=http\.bind")


if __name__ == "__main__":
    main()
