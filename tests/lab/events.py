#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""events.py SOCKET: subscribes to all events and prints each as a line of JSON."""
import json
import socket
import sys

s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "event.subscribe"}).encode() + b"\n")
for line in s.makefile():
    msg = json.loads(line)
    if msg.get("method") == "event":
        print(json.dumps(msg["params"]), flush=True)
    else:
        print(json.dumps({"type": "subscribed", "reply": msg}), flush=True)
