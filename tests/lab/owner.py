#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A control unit for tests: claims an owner on the control socket and keeps it connected.

owner.py SOCKET OWNER CLIENT [--role owner|heir|authority] [--epoch N] [--same-state]
         [--lease MS] [--grace MS] [--put FILE]

Prints the reply to its claim as a line of JSON, then puts the session objects of FILE (as
sessions.py prints them) and prints that reply; then it renews until it is ended.
"""
import argparse
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from control_socket import Client, RpcError  # noqa: E402


class Owner(Client):
    """One connection that holds an owner."""

    def __init__(self, path, name, client, **claim):
        super().__init__(path)
        self.over, self.thread = threading.Event(), None
        self.claimed = self.call("owner.claim", {"name": name, "client": client, **claim})
        self.epoch, self.lease = self.claimed["epoch"], self.claimed["lease_ms"] / 1000

    def keep_alive(self):
        """Renew four times in each lease, until close() or an end by coastd."""
        self.thread = threading.Thread(target=self._renew, daemon=True)
        self.thread.start()
        return self

    def _renew(self):
        while not self.over.wait(self.lease / 4):
            try:
                self.call("owner.renew")
            except (OSError, RpcError):
                return

    def silent(self):
        """Renew no more, and stay connected: as a control unit that hangs."""
        self.over.set()
        if self.thread:
            self.thread.join()

    def put(self, sessions):
        return self.call("session.put", sessions)

    def items(self, stale_only=False):
        """All that the owner has."""
        cursor = 0
        while True:
            page = self.call("owner.reconcile", {"cursor": cursor, "stale_only": stale_only})
            yield from page["items"]
            cursor = page["cursor"]
            if cursor == 0:
                return

    def close(self):
        self.silent()
        super().close()

    def __enter__(self):
        return self.keep_alive()

    def __exit__(self, *_):
        self.close()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("socket")
    args.add_argument("owner")
    args.add_argument("client")
    args.add_argument("--role", default="owner", choices=("owner", "heir", "authority"))
    args.add_argument("--epoch", type=int)
    args.add_argument("--same-state", action="store_true")
    args.add_argument("--lease", type=int)
    args.add_argument("--grace", type=int)
    args.add_argument("--put")
    args = args.parse_args()
    claim = {"role": args.role, "same_state": args.same_state, "epoch": args.epoch,
             "lease_ms": args.lease, "grace_ms": args.grace}
    claim = {k: v for k, v in claim.items() if v is not None}
    try:
        owner = Owner(args.socket, args.owner, args.client, **claim).keep_alive()
        print(json.dumps(owner.claimed), flush=True)
        if args.put:
            with open(args.put) as f:
                print(json.dumps(owner.put(json.load(f))), flush=True)
    except RpcError as e:
        print(f"owner.py: {e}", file=sys.stderr)
        return 1
    while owner.thread.is_alive():
        time.sleep(0.1)
    return 1


if __name__ == "__main__":
    sys.exit(main())
