# SPDX-License-Identifier: MIT
"""A RabbitMQ of our own, with its MQTT plugin: on free ports of loopback, with
all its files in a directory of its own, and a port mapper of its own. Nothing
of a service that the system may run is touched."""

import os
import shutil
import tempfile

from processes import PATIENCE, Process, free_port

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
EPMD = shutil.which("epmd")

# It begins slowly, above all where two processors do everything.
BOOT = 18 * PATIENCE

CONF = """listeners.tcp.1 = 127.0.0.1:%d
mqtt.listeners.tcp.1 = 127.0.0.1:%d
mqtt.allow_anonymous = true
log.console = true
log.file = false
"""


def why_not():
    """Why there is none here; None when there is."""
    if not os.access(SERVER, os.X_OK):
        return "rabbitmq-server is not installed"
    if not EPMD:
        return "epmd, of Erlang, is not installed"
    return None


class RabbitMq:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="mqttsn-rabbit-")
        self.port = free_port()
        self.mapper = self.process = None
        mapper_port, node_port, amqp_port = (free_port() for _ in range(3))
        self._write("rabbitmq.conf", CONF % (amqp_port, self.port))
        self._write("plugins", "[rabbitmq_mqtt].\n")
        env = {"PATH": os.environ["PATH"], "HOME": self.directory,
               "LANG": "C.UTF-8",
               "ERL_EPMD_PORT": str(mapper_port),
               "ERL_EPMD_ADDRESS": "127.0.0.1",
               "RABBITMQ_NODENAME": "mqttsn@localhost",
               "RABBITMQ_DIST_PORT": str(node_port),
               "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                   "-kernel inet_dist_use_interface {127,0,0,1}",
               "RABBITMQ_CONF_ENV_FILE": os.devnull,
               "RABBITMQ_CONFIG_FILE": self._path("rabbitmq.conf"),
               "RABBITMQ_ENABLED_PLUGINS_FILE": self._path("plugins"),
               "RABBITMQ_FEATURE_FLAGS_FILE": self._path("flags"),
               "RABBITMQ_MNESIA_BASE": self._path("mnesia"),
               "RABBITMQ_LOG_BASE": self._path("log"),
               "RABBITMQ_PID_FILE": self._path("pid"),
               # It becomes the process that we have started, and ends with it.
               "RUNNING_UNDER_SYSTEMD": "yes"}
        try:
            self.mapper = Process("epmd", [EPMD, "-port", str(mapper_port),
                                           "-address", "127.0.0.1"])
            self.process = Process("rabbitmq", [SERVER], env=env)
            self.process.wait_line("Server startup complete", timeout=BOOT)
        except BaseException:
            self.close()
            raise

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def close(self):
        for process in (self.process, self.mapper):
            if process:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
