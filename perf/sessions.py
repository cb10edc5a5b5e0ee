#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How fast sessions go in through the control socket, and what one costs in memory.

sessions.py --coastd PATH [--count 1000000] [--urrs 0]

Starts a coastd of its own on null ports, puts plain sessions (one PDR each way) in
arrays of 1000, and prints sessions per second and bytes per session: everything that
coastd holds beyond what it held before the first one. --urrs gives each session so many
URRs (volume, threshold and quota) that both PDRs name.
"""
import argparse
import json
import os
import socket
import subprocess
import tempfile
import time

CONFIG = """\
system: {{name: {name}, run_dir: {tmp}, workers: 1, max_sessions: {count}, max_pdrs: {pdrs}}}
network_instances: [{{name: access}}, {{name: internet}}]
ports: [{{name: n3, device: "null"}}, {{name: n6, device: "null"}}]
interfaces:
  - {{name: n3, port: n3, network_instance: access, addresses: [192.0.2.1/24], gtpu: true}}
  - {{name: n6, port: n6, network_instance: internet, addresses: [198.51.100.1/24]}}
pools: [{{name: p, network_instance: internet, prefix: 10.0.0.0/12}}]
"""


def session(i, urrs):
    n = i + 1
    ids = list(range(1, urrs + 1))
    ue = [{"ipv4": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"}]
    return {
        "seid": n, "dnn": "internet",
        "pdrs": [
            {"id": 1, "precedence": 255, "outer_header_removal": "gtpu-udp-ip", "far_id": 1,
             "urr_ids": ids,
             "pdi": {"source_interface": "access", "network_instance": "access",
                     "f_teid": {"choose": True}, "qfi": [9], "ue_ip_address": ue}},
            {"id": 2, "precedence": 255, "far_id": 2, "urr_ids": ids,
             "pdi": {"source_interface": "core", "network_instance": "internet",
                     "ue_ip_address": ue}}],
        "fars": [
            {"id": 1, "apply_action": ["FORW"], "forwarding_parameters": {
                "destination_interface": "core", "network_instance": "internet"}},
            {"id": 2, "apply_action": ["FORW"], "forwarding_parameters": {
                "destination_interface": "access", "network_instance": "access",
                "outer_header_creation": {"description": "gtpu-udp-ipv4", "teid": n,
                                          "ipv4": "192.0.2.2"}}}],
        "urrs": [{"id": u, "measurement_method": ["VOLUM"],
                  "reporting_triggers": ["VOLTH", "VOLQU"],
                  "volume_threshold": {"total": 8000000}, "volume_quota": {"total": 10000000}}
                 for u in ids]}


def memory(pid, arena):
    """Bytes in use: the process's own pages and shared ones, and the arena's file."""
    with open(f"/proc/{pid}/status") as f:
        kib = {k: int(v.split()[0]) for k, _, v in (line.partition(":") for line in f)
               if k in ("RssAnon",)}
    return kib["RssAnon"] * 1024 + (os.stat(arena).st_blocks * 512 if arena else 0)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--coastd", required=True)
    args.add_argument("--count", type=int, default=1000000)
    args.add_argument("--urrs", type=int, default=0)
    args = args.parse_args()
    tmp = tempfile.mkdtemp(prefix="coast-perf-")
    name = os.path.basename(tmp)
    with open(f"{tmp}/c.yaml", "w") as f:
        f.write(CONFIG.format(name=name, tmp=tmp, count=args.count, pdrs=max(2, 4 * args.urrs) * args.count))
    daemon = subprocess.Popen([args.coastd, "-c", f"{tmp}/c.yaml", "-s", f"{tmp}/s"],
                              stderr=open(f"{tmp}/log", "w"))
    try:
        while "ready" not in open(f"{tmp}/log").read():
            if daemon.poll() is not None:
                raise SystemExit(open(f"{tmp}/log").read())
            time.sleep(0.05)
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(f"{tmp}/s")
        replies = sock.makefile("rb")

        def call(method, params):
            sock.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                     "params": params}).encode() + b"\n")
            reply = json.loads(replies.readline())
            if "error" in reply:
                raise SystemExit(f"{method}: {reply['error']}")
            return reply["result"]

        arena = call("system.info", {}).get("arena", {}).get("path")
        before = memory(daemon.pid, arena)
        spent = 0.0
        for first in range(0, args.count, 1000):
            line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "session.put", "params": [
                session(i, args.urrs) for i in range(first, min(first + 1000, args.count))]}).encode()
            start = time.monotonic()
            sock.sendall(line + b"\n")
            reply = replies.readline()
            spent += time.monotonic() - start
            if b'"error"' in reply[:200]:
                raise SystemExit(reply[:500])
        after = memory(daemon.pid, arena)
        print(f"{args.count} sessions: {args.count / spent:.0f} per second, "
              f"{(after - before) / args.count:.0f} bytes each")
    finally:
        daemon.terminate()
        daemon.wait()
        subprocess.run(["rm", "-rf", tmp, f"/dev/shm/{name}-tables"], check=False)


if __name__ == "__main__":
    main()
