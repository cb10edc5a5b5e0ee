#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The sessions that coast-tgen's traffic is for, put on the control socket of a running coastd.

put_sessions.py [--socket PATH] [--sessions N] [--teids FILE]

Session i, counted from 0, has SEID i + 1, UE address 10.0.0.1 + i and downlink TEID i + 1 at gNB
192.0.2.2. coast chooses the uplink TEIDs: FILE gets them, one a line, for coast-tgen --teids.
coastd must have the network instances access (with N3) and internet (with N6 and a pool that
holds the addresses).
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rate_table import Client  # noqa: E402
from sessions import session  # noqa: E402

AT_ONCE = 1000


def put(client, count, path):
    with open(path, "w") as f:
        for first in range(0, count, AT_ONCE):
            wanted = [session(i + 1, 0) for i in range(first, min(first + AT_ONCE, count))]
            for reply in client.call("session.put", wanted):
                f.writelines(f"{p['f_teid']['teid']}\n" for p in reply["created_pdrs"]
                             if "f_teid" in p)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--socket", default="/run/coast/coastd.sock")
    p.add_argument("--sessions", type=int, default=1000)
    p.add_argument("--teids", default="teids")
    args = p.parse_args()
    put(Client(args.socket), args.sessions, args.teids)
    print(f"{args.sessions} sessions put; their uplink TEIDs are in {args.teids}")


if __name__ == "__main__":
    main()
