#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""mock - serves the dashboard and the API of a made-up gateway.

usage: mock.py [COUNT] [PORT]    to look at it: with so many nodes
"""

import contextlib
import json
import pathlib
import socket
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from processes import PATIENCE
from world import World

HERE = pathlib.Path(__file__).resolve().parent
DASHBOARD = HERE.parent.parent / "gateway" / "io" / "dashboard"
sys.path.insert(0, str(DASHBOARD))

from join import joined  # noqa: E402

TOKEN = "a-token-of-the-tests"
STATES = ("disconnected", "connecting", "active", "asleep", "awake", "lost")
TABLES = ("topics", "subscriptions", "exchanges", "queue_entries",
          "queue_bytes", "uplink_bytes", "name_bytes")


def row(node):
    heard, due = node.ages()
    said = {"client": node.client_id, "state": node.state,
            "state_s": int(node.changed)}
    if node.address:
        said["address"] = node.address
        said["listener"] = "lan"
    said.update(heard_s=int(heard), duration_s=node.duration)
    if due is not None:
        said.update(due_s=int(due), ends_s=int(due + node.duration * 0.1))
    said.update(topics=node.topics, subscriptions=node.filters,
                queue_messages=node.waiting, queue_bytes=node.waiting * 24)
    if node.waiting:
        said["queue_oldest_s"] = int(node.oldest)
    said.update(requests=0, uplink_waiting=0, clean=False,
                will=node.topics % 2 == 0)
    return said


def names_of(node):
    return [{"client": node.client_id, "id": i + 1,
             "type": "predefined" if i == 0 else "normal",
             "topic": "site/%s/value-%d" % (node.client_id, i),
             "known": True, "refused": False} for i in range(node.topics)]


def filters_of(node):
    return [{"client": node.client_id, "filter": "site/%s/set/%s" % (
        node.client_id, "+#"[i]), "qos": i, "granted": True,
        "fixed": i == 1} for i in range(node.filters)]


def queue_of(node):
    return [{"topic": "site/%s/set/valve" % node.client_id,
             "payload_bytes": 24, "qos": 1, "retain": False,
             "age_s": int(max(0, node.oldest - i)), "sent": i == 0,
             "failed_wakes": 0} for i in range(node.waiting)]


class Answers:
    """What the API says of a world: each gives (status, object)."""

    def __init__(self, world):
        self.world = world

    def status(self, _):
        world = self.world
        nodes = list(world.nodes.values())
        states = {state: sum(node.state == state for node in nodes)
                  for state in STATES}
        waiting = sum(node.waiting for node in nodes)
        table = {"used": 0, "max": 65536}
        return 200, {
            "name": "gw-kitchen", "gateway_id": 7, "version": "0.1.0",
            "uptime_s": int(world.uptime()), "mode": "aggregating",
            "ready": world.link == "up",
            "clients": {"total": len(nodes), **states},
            "queues": {"clients": sum(node.waiting > 0 for node in nodes),
                       "messages": waiting, "bytes": waiting * 24},
            "uplink": {"backlog_messages": 0, "backlog_bytes": 0, "bytes": 0},
            "upstream": self.link(),
            "store": {"type": "sqlite", "fails": False,
                      "durability": "batched", "rows": 12,
                      "journal_bytes": 4096, "flushes": 3, "flush_errors": 0,
                      "journal_errors": 0},
            "tables": {"sessions": {"used": len(nodes), "max": 20000},
                       **{name: table for name in TABLES}},
            "listeners": [],
            "counters": world.counters(),
        }

    def link(self):
        up = self.world.link == "up"
        said = {"connected": up, "since_s": int(self.world.uptime())}
        if up:
            said["url"] = "mqtts://broker.example.net:8883"
        said.update(client_id="mqttsn-gw-5d41402a", connects=3, losses=2,
                    failures=0, state=self.world.link, in_flight=3, window=50,
                    waiting=0)
        return said

    def clients(self, query):
        nodes = list(self.world.nodes.values())
        first = int(query.get("cursor", ["0"])[0])
        # Its buffer is full before any limit is reached.
        limit = min(int(query.get("limit", ["100"])[0]), 300)
        said = {"clients": [row(node) for node in nodes[first:first + limit]]}
        if first + limit < len(nodes):
            said["next"] = first + limit
        return 200, said

    def client(self, name):
        node = self.world.nodes.get(name)
        if node is None:
            return 404, {"error": "no such client"}
        return 200, {**row(node), "topic_list": names_of(node)[:100],
                     "subscription_list": filters_of(node)[:100],
                     "queue_list": queue_of(node)[:100]}

    def events(self, query):
        after = int(query.get("cursor", ["0"])[0])
        now = time.monotonic()
        events = self.world.events
        if after > len(events):
            after = 0
        return 200, {"events": [
            {"ago_s" if key == "at" else key:
             int(now - value) if key == "at" else value
             for key, value in event.items()}
            for event in events[after:]], "next": len(events)}

    def act(self, name, verb):
        node = self.world.nodes.get(name)
        if node is None:
            return 404, {"error": "no such client"}
        if verb == "kick":
            if node.state not in ("connecting", "active", "asleep", "awake"):
                return 409, {"error": "it is not connected"}
            was, node.state = node.state, "lost"
            return 200, {"kicked": name, "was": was}
        dropped = min(node.waiting, 256)
        node.waiting -= dropped
        return 200, {"purged": name, "messages": dropped,
                     "left": node.waiting}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.mock.links.add(self.request)

    def finish(self):
        self.server.mock.links.discard(self.request)
        try:
            super().finish()
        except OSError:
            pass  # the browser has gone

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_):
        pass

    def give(self, status, octets, kind, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(octets)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(octets)

    def say(self, status, thing):
        self.give(status, json.dumps(thing).encode(), "application/json")

    def bears(self):
        return self.headers.get("Authorization") == "Bearer " + TOKEN

    def do_GET(self):
        mock = self.server.mock
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/":
            page, policy = mock.page
            self.give(200, page.encode(), "text/html; charset=utf-8",
                      Content_Security_Policy=policy,
                      X_Content_Type_Options="nosniff")
            return
        with mock.asking(self.path):
            self.answer_get(mock, url)

    def answer_get(self, mock, url):
        if mock.broken:
            self.say(*mock.broken)
        elif mock.world.tokens and not self.bears():
            self.say(401, {"error": "a token is needed"})
        else:
            self.say(*self.answer(url))

    def answer(self, url):
        answers = self.server.mock.answers
        query = urllib.parse.parse_qs(url.query)
        parts = url.path.split("/")[1:]
        if parts[:2] != ["api", "v1"]:
            return 404, {"error": "no such thing"}
        if len(parts) == 4 and parts[2] == "clients":
            return answers.client(urllib.parse.unquote(parts[3]))
        if len(parts) == 3 and parts[2] in ("status", "clients", "events"):
            return getattr(answers, parts[2])(query)
        return 404, {"error": "no such thing"}

    def do_POST(self):
        mock = self.server.mock
        parts = self.path.split("/")[1:]
        mock.deeds.append(self.path)
        if not mock.world.tokens:
            self.say(403, {"error": "actions need a token, and "
                           "http.token_file is not set"})
        elif not self.bears():
            self.say(401, {"error": "a token is needed"})
        elif len(parts) == 5 and parts[4] in ("kick", "purge"):
            self.say(*mock.answers.act(urllib.parse.unquote(parts[3]),
                                       parts[4]))
        else:
            self.say(404, {"error": "no such thing"})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Mock:
    """Serves a world. 'broken': (status, object) that all requests get;
    'asked': what of the API, in order; 'deeds': what was to be done."""

    def __init__(self, world, port=0):
        self.world = world
        self.answers = Answers(world)
        self.page = joined(DASHBOARD / "index.html")
        self.broken = None
        self.asked = []
        self.deeds = []
        self.links = set()
        self.at_once = {}
        self.most_at_once = {}
        self.changed = threading.Condition()
        self.server = None
        self.port = port
        self.start()

    @contextlib.contextmanager
    def asking(self, path):
        what = urllib.parse.urlsplit(path).path.split("/")[-1]
        with self.changed:
            self.asked.append(path)
            now = self.at_once[what] = self.at_once.get(what, 0) + 1
            self.most_at_once[what] = max(now, self.most_at_once.get(what, 0))
            self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                self.at_once[what] -= 1

    def wait_asked(self, count):
        """Until it was asked so often."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.asked) >= count,
                                         PATIENCE):
                raise AssertionError("only asked for %s" % self.asked)

    @property
    def url(self):
        return "http://127.0.0.1:%d/" % self.port

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.mock = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """Nobody listens there any more, and connections end."""
        self.server.shutdown()
        self.server.server_close()
        for link in list(self.links):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself


def main():
    world = World(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    world.say("connected", "boiler-1", ago=900)
    world.say("client_lost", "pump-9", reason="keepalive", ago=300)
    mock = Mock(world, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print("serving " + mock.url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
