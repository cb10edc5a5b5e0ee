#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""coastd killed at random moments while a client streams changes: what was acknowledged is there.

kills.py --build DIR [--kills N] [--seed N] [--seconds S] [--within MS]

As root. A coastd without traffic gets creates, modifies, deletes and queries in arrays of random
size. After 0 to MS milliseconds, now and then even while it starts, it is killed (kill -9) and
started again. Then each acknowledged change must be there whole; of the call that was under way all
or nothing; tunnels and addresses must be those of before and nobody's twice; reports must be in the
journal with UR-SEQN in a row; and coastd must have nothing to say against what it found.
"""
import argparse
import ctypes
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from workload import Client, Journal, RpcError, Stream, wrong_there

CONFIG = """\
system:
  name: {name}
  run_dir: {tmp}
  store: {tmp}/store
  workers: 1
  hugepages: "off"
  packet_buffers: 4095
  max_sessions: 2000
  max_addresses: 140000
network_instances: [{{name: access}}, {{name: internet}}, {{name: chosen}}]
ports: [{{name: n3, device: "null"}}, {{name: n6, device: "null"}}]
interfaces:
  - {{name: n3, port: n3, network_instance: access, addresses: [192.0.2.1/24], gtpu: true}}
  - {{name: n6, port: n6, network_instance: internet, addresses: [198.51.100.1/24]}}
pools:
  - {{name: p, network_instance: internet, prefix: 10.45.0.0/16}}
  - {{name: c, network_instance: chosen, prefix: 10.46.0.0/16}}
"""
# how busy the machine is does not count
WRONG = re.compile(r"error: |warning: (?!the control thread stood still)")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Coast:
    def __init__(self, build):
        self.build, self.child = os.path.abspath(build), None
        self.tmp = tempfile.mkdtemp(prefix="coast-kills-")
        self.name = f"kills{os.getpid()}"
        self.socket, self.log = f"{self.tmp}/sock", f"{self.tmp}/log"
        with open(f"{self.tmp}/coast.yaml", "w") as f:
            f.write(CONFIG.format(name=self.name, tmp=self.tmp))

    def start(self):
        self.began = time.monotonic()
        with open(self.log, "w") as log:
            self.child = subprocess.Popen(
                [f"{self.build}/coastd", "-c", f"{self.tmp}/coast.yaml", "-s", self.socket],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                env={k: v for k, v in os.environ.items() if k != "JOURNAL_STREAM"})

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def connect(self):
        """A client, once it answers."""
        while " ready" not in self.said():
            if self.child.poll() is not None or time.monotonic() > self.began + 60:
                raise RuntimeError(f"coastd did not start:\n{self.said()}")
            time.sleep(0.005)
        return Client(self.socket)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def complaints(self):
        return [line for line in self.said().splitlines() if WRONG.search(line)]

    def close(self):
        if self.child and self.child.poll() is None:
            self.kill()
        for path in (f"/dev/shm/{self.name}-tables", f"/dev/hugepages/{self.name}-tables"):
            if os.path.exists(path):
                os.unlink(path)
        shutil.rmtree(f"/run/dpdk/{self.name}", ignore_errors=True)
        shutil.rmtree(self.tmp, ignore_errors=True)


def look(coast, client, stream, journal):
    bad = wrong_there(stream, client) + journal.wrong(client) + coast.complaints()
    if bad:
        raise RuntimeError("\n".join(bad[:20]) + f"\ncoastd said:\n{coast.said()}")


def life(coast, stream, journal, rng, within):
    """From a start to a kill; whether it came to be asked anything."""
    coast.start()
    if stream.calls and rng.random() < 0.15:
        time.sleep(rng.uniform(0, 0.5))
        coast.kill()
        return False
    client = coast.connect()
    look(coast, client, stream, journal)
    timer = threading.Timer(rng.uniform(0, within), coast.child.kill)
    timer.start()
    stream.run(client)
    timer.join()
    coast.child.wait()
    client.close()
    return True


def run(args, coast):
    rng = random.Random(args.seed)
    stream, journal = Stream(rng), Journal(rng)
    end = time.monotonic() + args.seconds if args.seconds else None
    kills = early = 0
    while kills < args.kills and (end is None or time.monotonic() < end):
        early += not life(coast, stream, journal, rng, args.within / 1000)
        kills += 1
        if kills % args.tell == 0:
            print(f"  {kills} kills, {early} of them during the start: {stream.changes} changes "
                  f"acknowledged, {len(stream.there)} sessions, {journal.reports} reports",
                  flush=True)
    coast.start()
    client = coast.connect()
    look(coast, client, stream, journal)
    client.close()
    print(f"{kills} kills, {stream.changes} changes acknowledged in {stream.calls} calls, "
          f"{journal.reports} reports: all there, none half done")


def result(line):
    if "RESULTS" in os.environ:
        with open(os.environ["RESULTS"], "a") as f:
            f.write(line + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True, help="build directory with coastd in it")
    p.add_argument("--kills", type=int, default=15)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    p.add_argument("--seconds", type=float, help="no more kills after so long")
    p.add_argument("--within", type=float, default=300, help="ms after the socket answers")
    p.add_argument("--tell", type=int, default=5, help="after each so many kills")
    args = p.parse_args()
    if os.environ.get("COAST_KILLS_APART") is None:
        os.environ["COAST_KILLS_APART"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(130))
    coast = Coast(args.build)
    try:
        run(args, coast)
        result("pass inertia: random kills")
    except (RuntimeError, OSError, ValueError, RpcError) as e:
        result("fail inertia: random kills")
        sys.exit(f"seed {args.seed}: {e}")
    finally:
        coast.close()


if __name__ == "__main__":
    main()
