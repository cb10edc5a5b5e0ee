#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How long coastd is away when it is killed: until it forwards, and until its control socket answers.

restart.py --coastd PATH [--sessions N,N,...] [--rounds N] [--urrs N] [--json FILE]

A coastd with AF_XDP ports on veths, in namespaces of its own, gets N sessions and is killed
(kill -9) and started again, each time as often as --rounds says:

  warm   its tables are still there: sessions go on with them
  cold   they are not (as after a power loss): all is made anew from the store

Packets of some of the sessions are sent all the time, one each millisecond. Times are in ms from
the start of the program: to the first of them that comes out, to the first of the last session, and
to the first reply on the control socket; medians with the range. "back" is what coastd itself says
it needed for the sessions of the store. Run as root; other work on the machine shows.
"""
import argparse
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

import sessions
from sessions import Coast, Requests, Wire, install, uplink

PERIOD_S = 1e-3
PROBES = 8        # sessions whose packets are sent
PATIENCE_S = 120
UNDER_WAY_S = 0.01  # packets of other sessions, when the first has come
CONFIG = sessions.CONFIG.replace("tap:", "af_xdp:").replace("store: none", "store: {tmp}/store")


def links():
    for inner, outer in (("n3", "g3"), ("n6", "g6")):
        subprocess.run(f"ip link add {inner} numrxqueues 1 numtxqueues 1 type veth peer name {outer} "
                       f"numrxqueues 1 numtxqueues 1 && for i in {inner} {outer}; do "
                       "sysctl -qw net.ipv6.conf.$i.disable_ipv6=1; ip link set $i mtu 1600 up; "
                       "ethtool -K $i tx off gro off rxvlan off txvlan off; done >/dev/null 2>&1",
                       shell=True, check=True)


class Survivor(Coast):
    """The same files, one process after the other."""

    def connect(self):
        super().connect()
        self.g3, self.g6 = Wire("g3"), Wire("g6")

    def again(self, cold):
        """Killed and started; ms until the packets and until the first reply."""
        frames = [uplink(self.n3.mac, n, self.teid(n)) for n in self.probed]
        self.sock.close()
        self.child.kill()
        self.child.wait()
        if cold:
            os.unlink(self.arena)
        self.g6.received()
        with open(self.log, "w") as log:
            self.began = time.monotonic()
            self.child = subprocess.Popen(self.child.args, stderr=log,
                                          preexec_fn=sessions.on_all_cpus)
        times = self.watch(frames)
        self.sock = socket.socket(socket.AF_UNIX)
        self.connect()
        back = re.search(r"(\d+) sessions came back .*? in (\d+) ms", self.said())
        if not back or int(back[1]) != self.count:
            sys.exit(f"not all sessions came back:\n{self.said()}")
        return (*times, int(back[2]))

    def watch(self, frames):
        first = last = answered = control = None
        before, n = self.g6.received(), 0
        while last is None or answered is None:
            if time.monotonic() > self.began + PATIENCE_S or self.child.poll() is not None:
                sys.exit(f"coastd is not back:\n{self.said()}")
            if last is None:
                with contextlib.suppress(OSError):
                    self.g3.sock.send(frames[-1 if first else n % len(frames)])
                n += 1
            time.sleep(PERIOD_S)
            if last is None and self.g6.received() > before:
                if first is None:
                    first = time.monotonic() - self.began
                    time.sleep(UNDER_WAY_S)
                    before = self.g6.received()
                else:
                    last = time.monotonic() - self.began
            if answered is None:
                control, answered = self.ask(control)
        return first * 1000, last * 1000, answered * 1000

    def ask(self, control):
        """Once it takes a connection, wait a moment for the reply to the first call."""
        try:
            if control is None:
                control = socket.socket(socket.AF_UNIX)
                control.settimeout(PERIOD_S)
                control.connect(f"{self.tmp}/s")
                control.sendall(b'{"jsonrpc":"2.0","id":1,"method":"rpc.version"}\n')
            if control.recv(4096):
                control.close()
                return None, time.monotonic() - self.began
        except socket.timeout:
            return control, None
        except OSError:
            pass
        control.close()
        return None, None


def measure(args, count):
    samples = {"warm": [], "cold": []}
    with Survivor(args.coastd, count, args.urrs) as coast:
        coast.count, step = count, max(1, count // PROBES)
        coast.probed = [*range(1, count, step), count]
        wall, _ = install(coast, Requests(args.urrs), 1, count)
        print(f"{count} sessions put in {wall:.1f} s", file=sys.stderr, flush=True)
        for kind, times in samples.items():
            for _ in range(args.rounds):
                times.append(coast.again(kind == "cold"))
                print(f"  {kind}: {', '.join(f'{t:.0f}' for t in times[-1])} ms", file=sys.stderr,
                      flush=True)
    return samples


def told(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}..{max(values):.0f})"


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--coastd", required=True, help="the program")
    p.add_argument("--sessions", default="1000,100000,1000000", help="how many, by commas")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--urrs", type=int, default=1, help="URRs of each session")
    p.add_argument("--json", help="write the samples to this file")
    args = p.parse_args()
    if os.environ.get("COAST_PERF_APART") is None:
        os.environ["COAST_PERF_APART"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
    sessions.CONFIG = CONFIG
    links()
    figures = []
    print(f"{'sessions':>9}  {'start':5} {'first packet, ms':>20} {'last session, ms':>20} "
          f"{'first reply, ms':>20} {'back, ms':>18}")
    for count in (int(n) for n in args.sessions.split(",")):
        for kind, times in measure(args, count).items():
            first, last, reply, back = zip(*times)
            print(f"{count:9}  {kind:5} {told(first):>20} {told(last):>20} {told(reply):>20} "
                  f"{told(back):>18}", flush=True)
            figures += [{"name": f"restart.{kind}.{count}.{what}_ms", "unit": "ms",
                         "samples": list(v)} for what, v in
                        (("first_packet", first), ("last_session", last), ("first_reply", reply),
                         ("back", back))]
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"figures": figures}, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
