#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Delay of a cyclic stream, a packet each millisecond, through replication and elimination.

prer_delay.py --build DIR [--quick] [--rounds N] [--seconds S] [--json FILE]

As root, in the rig of rig.py, with virtio-user. The same coastd is both ends of the stream: what
comes by n6 leaves by two paths, which are rings that give back what is put into them, and of what
comes back the first copy leaves by n3. The delay is that of both ends together. Figures:
  prer.virtio.p50_us .. p99.99_us   delay through both ends
  prer.virtio.noise_p99.9_us        the machine's own: testpmd io, once through; it wants hugepages
"""
import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rate_table import Client  # noqa: E402
from rig import PERCENTILES, Coast, Rig, Testpmd, say, unit  # noqa: E402

MAC = "02:00:00:00:00:64"
CONFIG = """\
system: {{name: {name}, run_dir: {tmp}, store: none, cpus: "{control}@{worker}", poll: busy}}
ports:
  - {{name: n3, device: "vhost:{tmp}/n3", promiscuous: true}}
  - {{name: n6, device: "vhost:{tmp}/n6", promiscuous: true}}
  - {{name: a, device: "eal:net_ring0", mtu: 1506, promiscuous: true}}
  - {{name: b, device: "eal:net_ring1", mtu: 1506, promiscuous: true}}
paths:
  - {{name: a, encapsulation: rtag, port: a}}
  - {{name: b, encapsulation: rtag, port: b}}
streams:
  - name: cyclic
    paths: [a, b]
    send: {{port: n6, identification: {{type: "null", mac: "{mac}"}}}}
    receive: {{port: n3, identification: {{type: "null", mac: "{mac}"}}}}
"""


class BothEnds(Coast):
    options = ["--echo", "other"]

    def start(self):
        with open(f"{self.tmp}/coast.yaml", "w") as f:
            f.write(CONFIG.format(name=self.id, tmp=self.tmp, control=self.rig.cpus[0],
                                  worker=self.rig.cpus[1], mac=MAC))
        self.spawn([f"{self.rig.build}/coastd", "-c", f"{self.tmp}/coast.yaml", "-s",
                    f"{self.tmp}/sock"], stdin=subprocess.DEVNULL)
        self.wait_for(" ready")

    def state(self):
        client = Client(f"{self.tmp}/sock")
        return client.call("stream.get", {"name": "cyclic"})["state"]


def has_hugepages():
    with open("/proc/meminfo") as f:
        return any(line.startswith("HugePages_Free") and line.split()[1] != "0" for line in f)


class Delay(Rig):
    def __init__(self, args, stack):
        kinds = {"both": BothEnds}
        if has_hugepages():
            kinds["io"] = Testpmd
        super().__init__(args, "virtio", {}, stack, kinds)

    def cyclic(self, device):
        device.wake()
        return self.generate(device, "--up", "0", "--rate", "0.001", "--burst", "1", "--seconds",
                             str(self.args.seconds), "--n6-mac", MAC, "--n3-mac", MAC)["trial"]

    def sample(self, name, value):
        self.figures.setdefault(f"prer.virtio.{name}_us", []).append(value)

    def round(self, n):
        both, io = self.devices["both"], self.devices.get("io")
        found = self.cyclic(both)
        state = both.state()
        both.rest()
        if found["wrong"] or found["lost"] or state["passed"] != state["discarded"]:
            sys.exit(f"a packet was lost: {found}, {state}")
        for p in PERCENTILES:
            self.sample(p, found["delay_us"][p])
        say("  cyclic: " + ", ".join(f"{p} {found['delay_us'][p]:.1f} us" for p in PERCENTILES))
        if io:
            noise = self.cyclic(io)["delay_us"]["p99.9"]
            io.rest()
            self.sample("noise_p99.9", noise)
            say(f"  noise: p99.9 {noise:.1f} us")


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True, help="build directory with coastd and coast-tgen")
    p.add_argument("--quick", action="store_true", help="three short rounds")
    p.add_argument("--rounds", type=int, help="default 5, with --quick 3")
    p.add_argument("--seconds", type=float, help="of each (default 10, with --quick 3)")
    p.add_argument("--json", help="write the figures to this file")
    args = p.parse_args()
    args.rounds = args.rounds or (3 if args.quick else 5)
    args.seconds = args.seconds or (3 if args.quick else 10)
    args.sessions, args.size, args.patience = 1, "64", 0
    if os.geteuid() != 0:
        sys.exit("prer_delay.py: start as root: it makes network namespaces")
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(130))
    with contextlib.suppress(OSError):
        os.nice(-20)
    with contextlib.ExitStack() as stack:
        rig = Delay(args, stack)
        for n in range(args.rounds):
            say(f"round {n + 1} of {args.rounds}")
            rig.round(n)
    for name, samples in rig.figures.items():
        print(f"{name:32} {statistics.median(samples):12.3f} {unit(name):14} "
              f"{min(samples):.3f} to {max(samples):.3f}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"figures": [{"name": n, "unit": unit(n), "samples": s}
                                   for n, s in rig.figures.items()]}, f, indent=2)


if __name__ == "__main__":
    main()
