#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How many session changes a second a running coastd acknowledges, and how soon.

put_rate.py [--socket PATH] [--sessions N] [--each N] [--in-flight N] [--first N]

Puts N new sessions, --each of them in one call, with so many calls under way at once; requests are
made before the clock starts. A reply means that the change is on disk, when coastd has a store.
coastd must have the objects that put_sessions.py names.
"""
import argparse
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sessions import session  # noqa: E402


def requests(first, count, each):
    for i in range(first, first + count, each):
        params = [session(k + 1, 0) for k in range(i, min(i + each, first + count))]
        yield json.dumps({"jsonrpc": "2.0", "id": i, "method": "session.put", "params": params},
                         separators=(",", ":")).encode() + b"\n"


def run(path, lines, in_flight):
    """Seconds in all, and each reply's."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    replies, sent, took = sock.makefile("rb"), [], []
    began, at = time.monotonic(), 0
    while len(took) < len(lines):
        while at < len(lines) and len(sent) < in_flight:
            sock.sendall(lines[at])
            sent.append(time.monotonic())
            at += 1
        reply = replies.readline()
        if b'"error"' in reply[:80] or not reply:
            sys.exit(f"put_rate: {reply[:300].decode() or 'coastd has closed the connection'}")
        took.append(time.monotonic() - sent.pop(0))
    return time.monotonic() - began, sorted(took)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--socket", default="/run/coast/coastd.sock")
    p.add_argument("--sessions", type=int, default=100000)
    p.add_argument("--each", type=int, default=100)
    p.add_argument("--in-flight", type=int, default=1)
    p.add_argument("--first", type=int, default=0)
    args = p.parse_args()
    lines = list(requests(args.first, args.sessions, args.each))
    seconds, took = run(args.socket, lines, args.in_flight)
    print(f"{args.sessions} sessions, {args.each} a call, {args.in_flight} under way: "
          f"{args.sessions / seconds:.0f} a second; reply after {took[len(took) // 2] * 1e3:.2f} ms, "
          f"p99 {took[int(len(took) * .99)] * 1e3:.2f} ms, longest {took[-1] * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
