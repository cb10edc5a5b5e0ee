# SPDX-License-Identifier: BSD-3-Clause
"""The control socket, spoken by hand: one JSON text per line."""
import contextlib
import json
import socket
import threading


class RpcError(Exception):
    def __init__(self, method, error):
        super().__init__(f"{method}: {error.get('message')}: {error.get('data')}")
        self.code, self.data = error["code"], error.get("data") or {}


@contextlib.contextmanager
def refused(field="", reason="", errno=None):
    """What is done within is refused: for a reason, these words being in it and in its field."""
    try:
        yield
    except RpcError as e:
        assert field in e.data.get("field", "") and e.data["reason"], e
        assert reason in e.data["reason"] and errno in (None, e.data.get("errno")), e
        return
    raise AssertionError(f"was not refused: {field} {reason}")


class Client:
    """One connection. Calls may come from any thread, one at a time; events are passed over."""

    def __init__(self, path):
        self.path, self.id, self.lock = path, 0, threading.Lock()
        self.connect()

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)
        self.file = self.sock.makefile("rb")

    def call(self, method, params=None):
        with self.lock:
            self.id += 1
            request = {"jsonrpc": "2.0", "id": self.id, "method": method}
            if params is not None:
                request["params"] = params
            self.sock.sendall(json.dumps(request).encode() + b"\n")
            reply = self._reply()
        if "error" in reply:
            raise RpcError(method, reply["error"])
        return reply["result"]

    def _reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("coastd has closed the connection")
            reply = json.loads(line)
            if "method" not in reply and reply.get("id") in (self.id, None):
                return reply

    def close(self):
        self.file.close()
        self.sock.close()
