# SPDX-License-Identifier: MIT
"""Certificates of a test's own, made by openssl in a directory of their own."""

import os
import shutil
import subprocess
import tempfile


class Authority:
    """Signs certificates; 'ca' is the path of its own."""

    def __init__(self, name="test authority"):
        self.directory = tempfile.mkdtemp(prefix="mqttsn-ca-")
        self.ca = self.path("ca.pem")
        self._openssl("req", "-x509", *self._new_key("ca"), "-days", "30",
                      "-subj", "/CN=" + name, "-out", self.ca)

    def path(self, name):
        return os.path.join(self.directory, name)

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.directory,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        if done.returncode:
            raise AssertionError("openssl %s: %s" % (
                " ".join(words), done.stdout.decode("utf-8", "replace")))

    def _new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.path(name + ".key"))

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1,IP:::1", days=30,
              subject=None):
        """The paths of a new certificate and of its key. 'names' are what it
        proves; with days < 0 it has expired."""
        request, extensions = self.path(name + ".csr"), self.path(name + ".ext")
        cert, key = self.path(name + ".pem"), self.path(name + ".key")
        self._openssl("req", "-new", *self._new_key(name), "-subj",
                      "/CN=" + (subject or name), "-out", request)
        with open(extensions, "w", encoding="utf-8") as out:
            if names:
                out.write("subjectAltName=%s\n" % names)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey",
                      self.path("ca.key"), "-CAcreateserial", "-days",
                      str(days), "-extfile", extensions, "-out", cert)
        os.chmod(key, 0o600)
        return cert, key

    def lock(self, key, password):
        """A copy of a key that only the password opens."""
        locked = key + ".locked"
        self._openssl("ec", "-in", key, "-aes256", "-passout",
                      "pass:" + password, "-out", locked)
        os.chmod(locked, 0o600)
        return locked

    def secret(self, name, text):
        """A file that only its owner reads; its path."""
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)
