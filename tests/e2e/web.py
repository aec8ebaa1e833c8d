# SPDX-License-Identifier: MIT
"""A client of the gateway's HTTP server."""

import http.client
import json
import time

from exposition import Metrics
from processes import PATIENCE

LISTENING = r"area=http event=listening address=(?:127\.0\.0\.1|\[::1\]):(\d+)"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)


class Web:
    """At the port that the gateway has logged last."""

    def __init__(self, gateway, host="127.0.0.1", token=None):
        _, match = gateway.wait_log(LISTENING)
        self.host = host
        self.port = int(match.group(1))
        self.token = token

    def open(self):
        return http.client.HTTPConnection(self.host, self.port,
                                          timeout=PATIENCE)

    def ask(self, path, method="GET", headers=None, connection=None):
        own = connection or self.open()
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        try:
            own.request(method, path, headers=headers)
            return Answer(own.getresponse())
        finally:
            if not connection:
                own.close()

    def get(self, path, **more):
        return self.ask(path, **more)

    def post(self, path, **more):
        return self.ask(path, method="POST", **more)

    def metrics(self):
        return Metrics(self.get("/metrics").text)

    def wait(self, path, wanted):
        """Asks until 'wanted' holds of the answer, which it returns."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.get(path)
            if wanted(answer):
                return answer
            if time.monotonic() > deadline:
                raise AssertionError("%s stays %d %s" % (
                    path, answer.status, answer.text[:2000]))
