#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""coastd beside dpdk-testpmd in the same rig: rate, cycles, rate without loss, delay.

rig.py --build DIR [--ports virtio|af_xdp|all] [--quick] [--rounds N] [--seconds S]
       [--sessions N] [--size BYTES|imix] [--loss PERCENT] [--patience S] [--json FILE]

As root. coast-tgen has one CPU, the device under test the other one: coastd with one worker, or
testpmd with the same kind of ports (macswap and io forwarding), never two at once. All get the
same frames, half of them N3 and half N6, and are measured in turn, round by round, so that what
the machine does otherwise meets each of them.

  virtio   the device under test serves two vhost-user sockets, coast-tgen is virtio-user on them
  af_xdp   the device under test has AF_XDP sockets on two veths, coast-tgen is on the other ends

Figures, a sample for each round (with --quick one of rig.virtio for the last three):
  rig.P.mpps, .macswap_mpps, .io_mpps    packets that came through of an overload, both ways
  rig.P.vs_macswap, .vs_io               coast's rate by testpmd's of the same round
  rig.P.coast_cycles, .macswap_cycles, .io_cycles
                                         TSC cycles per packet that the device under test was busy
  rig.P.generator_cycles, .generator_busy  the generator's, percent of time: near 100 it is the limit
  rig.P.zero_loss_mpps                   highest rate of coast without loss, by bisection
  rig.P.p50_us .. .p99.99_us             delay through coast at 70 % of that
  rig.P.noise_p99.9_us                   the machine's own: testpmd io at the same rate
"""
import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from put_sessions import put  # noqa: E402
from rate_table import Client  # noqa: E402

RING = 1024
# the leanest way through DPDK's virtio driver, so that the generator is not the limit
VIRTIO = "queue_size={ring},mrg_rxbuf=0,in_order=0,vectorized=1"
BEGAN = time.monotonic()
PERCENTILES = ("p50", "p99", "p99.9", "p99.99")
UNITS = {"mpps": "Mpps", "us": "us", "cycles": "cycles/packet", "busy": "%"}

CONFIG = """\
system: {{name: {name}, run_dir: {tmp}, store: none, cpus: "{control}@{worker}", poll: busy, max_sessions: {sessions}}}
network_instances: [{{name: access}}, {{name: internet}}]
ports:
  - {{name: n3, device: "{n3}", mtu: 1600}}
  - {{name: n6, device: "{n6}", mtu: 1600}}
interfaces:
  - {{name: n3, port: n3, network_instance: access, addresses: [192.0.2.1/24], gtpu: true}}
  - {{name: n6, port: n6, network_instance: internet, addresses: [198.51.100.1/24]}}
pools: [{{name: p, network_instance: internet, prefix: 10.0.0.0/12}}]
"""


def say(text):
    print(f"{time.monotonic() - BEGAN:5.1f} {text}", file=sys.stderr, flush=True)


def sh(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


def die_with_parent():
    """Nothing is left behind, even when the rig itself is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def scheduled(pid, cpu):
    """Nanoseconds that the thread of a process that is bound to `cpu` alone ran, and waited for it."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that has ended
            if os.sched_getaffinity(int(task)) == {cpu}:
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    return [int(x) for x in f.read().split()[:2]]
    return 0, 0


def idle(cpus):
    """Ticks that these CPUs together had nothing to do."""
    with open("/proc/stat") as f:
        lines = [line.split() for line in f]
    return sum(int(w[4]) + int(w[5]) for w in lines if w[0] in {f"cpu{c}" for c in cpus})


class Device:
    """A device under test, and the two links to it. Runs only between wake() and rest()."""

    def __init__(self, name, rig):
        self.name, self.rig = name, rig
        self.id = f"rig{os.getpid()}{name}"
        self.tmp = f"{rig.tmp}/{name}"
        self.child = self.log = None
        os.mkdir(self.tmp)

    def open(self):
        sh(f"ip netns add {self.id}")
        if self.rig.ports == "af_xdp":
            self.links()

    def links(self):
        sh(f"ip netns add {self.id}g")
        for end in ("n3", "n6"):
            sh(f"ip link add {end} netns {self.id} numrxqueues 1 numtxqueues 1 type veth "
               f"peer name {end} netns {self.id}g numrxqueues 1 numtxqueues 1")
            for ns in (self.id, f"{self.id}g"):
                sh(f"ip netns exec {ns} sysctl -qw net.ipv6.conf.{end}.disable_ipv6=1 && "
                   f"ip -n {ns} link set {end} mtu 1700 up && ip netns exec {ns} "
                   f"ethtool -K {end} tx off gro off rxvlan off txvlan off 2>&1")

    def spawn(self, command, **more):
        self.log = open(f"{self.tmp}/log", "w")
        self.child = subprocess.Popen(["ip", "netns", "exec", self.id, *command], stdout=self.log,
                                      stderr=self.log, preexec_fn=die_with_parent, **more)

    def said(self):
        with open(f"{self.tmp}/log", errors="replace") as f:
            return f.read()

    def wait_for(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.said():
            if self.child.poll() is not None or time.monotonic() > end:
                sys.exit(f"{self.name} did not say '{text}':\n{self.said()[-3000:]}")
            time.sleep(0.02)

    def wake(self):
        self.child.send_signal(signal.SIGCONT)

    def rest(self):
        self.child.send_signal(signal.SIGSTOP)

    def end(self):
        self.child.terminate()

    def close(self):
        if self.child:
            self.wake()
            self.end()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            self.log.close()
        for ns in (self.id, f"{self.id}g"):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL, check=False)
        for path in (f"/dev/shm/{self.id}-tables", f"/dev/hugepages/{self.id}-tables"):
            if os.path.exists(path):
                os.unlink(path)
        for end in ("", "g"):
            shutil.rmtree(f"/run/dpdk/{self.id}{end}", ignore_errors=True)


class Coast(Device):
    def start(self):
        rig = self.rig
        n3, n6 = (f"vhost:{self.tmp}/n3", f"vhost:{self.tmp}/n6") if rig.ports == "virtio" else \
            ("af_xdp:n3", "af_xdp:n6")
        with open(f"{self.tmp}/coast.yaml", "w") as f:
            f.write(CONFIG.format(name=self.id, tmp=self.tmp, control=rig.cpus[0],
                                  worker=rig.cpus[1], sessions=rig.args.sessions, n3=n3, n6=n6))
        self.spawn([f"{rig.build}/coastd", "-c", f"{self.tmp}/coast.yaml", "-s",
                    f"{self.tmp}/sock"], stdin=subprocess.DEVNULL)
        self.wait_for(" ready")
        put(Client(f"{self.tmp}/sock"), rig.args.sessions, f"{self.tmp}/teids")
        self.options = ["--teids", f"{self.tmp}/teids"]

    def busy(self):
        """Cycles the worker was busy, and packets it took in, since the start."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(5)
            s.connect(f"/run/dpdk/{self.id}/dpdk_telemetry.v2")
            size = json.loads(s.recv(1024))["max_output_len"]
            s.send(b"/coast/worker,0")
            w = json.loads(s.recv(size))["/coast/worker"]
        return w["busy_cycles"], w["rx"]


class Testpmd(Device):
    options = ["--echo", "other"]

    def start(self):
        rig, mode = self.rig, self.name
        devices = [f"net_vhost{i},iface={self.tmp}/{n}" if rig.ports == "virtio" else
                   f"net_af_xdp{i},iface={n},start_queue=0,queue_count=1"
                   for i, n in enumerate(("n3", "n6"))]
        self.spawn(["stdbuf", "-oL", "dpdk-testpmd", "--no-pci", "--in-memory", "--no-telemetry", "--file-prefix",
                    self.id, "--lcores", f"0@{rig.cpus[0]},1@{rig.cpus[1]}",
                    *[x for d in devices for x in ("--vdev", d)], "--", "-i", "--auto-start",
                    f"--forward-mode={mode}", "--record-core-cycles", "--total-num-mbufs=32768",
                    f"--rxd={RING}", f"--txd={RING}"], stdin=subprocess.PIPE, text=True)
        self.wait_for("testpmd>")

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.write("quit\n")
            self.child.stdin.close()

    def busy(self):
        seen = len(self.said())
        # the second command's reply says that the first one's is there: before the first packet
        # testpmd has nothing to tell about cycles
        self.child.stdin.write("show fwd stats all\nshow port summary all\n")
        self.child.stdin.flush()
        end = time.monotonic() + 5
        while "available ports" not in self.said()[seen:] and time.monotonic() < end:
            time.sleep(0.01)
        m = re.search(r"total cycles=(\d+) / total \w+ packets=(\d+)", self.said()[seen:])
        if "available ports" not in self.said()[seen:]:
            sys.exit(f"testpmd ({self.name}) does not answer")
        return (int(m[1]), int(m[2])) if m else (0, 0)


class Rig:
    def __init__(self, args, ports, figures, stack, kinds=None):
        self.args, self.ports, self.figures = args, ports, figures
        self.build = os.path.abspath(args.build)
        self.cpus = sorted(os.sched_getaffinity(0))[:2]
        self.tmp = tempfile.mkdtemp(prefix="coast-rig-")
        stack.callback(shutil.rmtree, self.tmp, ignore_errors=True)
        self.devices = {}
        kinds = kinds or {"coast": Coast, "macswap": Testpmd, "io": Testpmd}
        if ports != "virtio":
            kinds.pop("macswap", None)
        for name, kind in kinds.items():
            device = kind(name, self)
            stack.callback(device.close)
            device.open()
            device.start()
            device.rest()
            self.devices[name] = device

    def quiet(self):
        """Wait for others to leave both CPUs alone, --patience seconds at most in all."""
        tick, look = os.sysconf("SC_CLK_TCK"), 0.3
        while self.args.patience > 0:
            before = idle(self.cpus)
            time.sleep(look)
            if idle(self.cpus) - before > 0.9 * look * tick * len(self.cpus):
                return
            self.args.patience -= look

    def generate(self, device, *options, ring=256):
        """Run coast-tgen against a device; what it has measured. Short rings stay in the cache,
        longer ones hold what comes while the machine takes a CPU away for a moment."""
        ends = [f"net_virtio_user{i},path={device.tmp}/{n},{VIRTIO.format(ring=ring)}"
                if self.ports == "virtio" else self.args.veth_device.format(i=i, iface=n)
                for i, n in enumerate(("n3", "n6"))]
        ns = device.id + ("g" if self.ports == "af_xdp" else "")
        command = ["ip", "netns", "exec", ns, f"{self.build}/perf/tgen/coast-tgen", "--json", "-",
                   "--sessions", str(self.args.sessions), "--size", self.args.size,
                   *device.options, *options, "--", "--no-pci", "--in-memory", "--no-telemetry",
                   "--single-file-segments", "--log-level", "error", "--file-prefix",
                   f"{device.id}g", "--lcores", f"0@{self.cpus[0]}",
                   *[x for e in ends for x in ("--vdev", e)]]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 preexec_fn=die_with_parent)
        try:
            out, err = child.communicate(timeout=600)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        if child.returncode:
            sys.exit(f"coast-tgen against {device.name} ({self.ports}):\n{err}\n{device.said()[-2000:]}")
        return json.loads(out)

    def sample(self, name, value):
        self.figures.setdefault(f"rig.{self.ports}.{name}", []).append(value)

    def overload(self, device):
        """What the generator saw, busy cycles per packet of the device, and the part of the time
        that either was ready and had no CPU. Time without a CPU is no work of the device's."""
        device.wake()
        worker = device.child.pid, self.cpus[1]
        before = [*device.busy(), *scheduled(*worker)]
        t = self.generate(device, "--seconds", str(self.args.seconds))["trial"]
        after = [*device.busy(), *scheduled(*worker)]
        cycles, packets, ran, waited = (y - x for x, y in zip(before, after))
        device.rest()
        without = waited / (ran + waited) if ran else 1
        cycles = cycles * (1 - without) / packets if packets else 0
        return t, cycles, max(without, t["waited_percent"] / 100)

    def rate(self, name):
        """Mpps through an overloaded device; measured anew while other work took the CPU."""
        device = self.devices[name]
        best = None
        for _ in range(self.args.again + 1):
            self.quiet()
            seen = self.overload(device)
            best = seen if best is None or seen[2] < best[2] else best
            if best[2] < 0.02:
                break
        t, cycles, without = best
        if t["wrong"]:
            sys.exit(f"{name} ({self.ports}): {t['wrong']} packets came back wrong")
        if not t["received_mpps"]:
            sys.exit(f"{name} ({self.ports}): nothing came back:\n{device.said()[-2000:]}")
        self.sample("mpps" if name == "coast" else f"{name}_mpps", t["received_mpps"])
        if cycles:
            self.sample(f"{name}_cycles", cycles)
        if name == "coast":
            self.sample("generator_cycles", t["cycles_per_packet"])
            self.sample("generator_busy", t["busy_percent"])
        say(f"  {self.ports} {name}: {t['received_mpps']:.3f} Mpps, "
            f"{cycles:.0f} cycles/packet; generator {t['cycles_per_packet']:.0f}, "
            f"busy {t['busy_percent']:.0f} %; no CPU {without * 100:.1f} % of the time")
        return t["received_mpps"]

    def delay(self):
        """coast's rate without loss, and delays below it."""
        coast, io = self.devices["coast"], self.devices["io"]
        self.quiet()
        coast.wake()
        found = self.generate(
            coast, "--search", "--warm-up", "0.1", "--seconds", str(self.args.trial), "--latency-at", "70", "--tries",
            str(self.args.tries), "--resolution", str(self.args.resolution), "--loss",
            str(self.args.loss), ring=RING)
        coast.rest()
        if "delay" not in found:
            say(f"  {self.ports}: no rate passed without loss: other work on this machine?")
            return
        self.sample("zero_loss_mpps", found["zero_loss"]["offered_mpps"])
        for p in PERCENTILES:
            self.sample(f"{p}_us", found["delay"]["delay_us"][p])
        io.wake()
        noise = self.generate(io, "--seconds", str(self.args.trial), "--rate",
                              str(found["delay"]["asked_mpps"]), ring=RING)["trial"]
        io.rest()
        self.sample("noise_p99.9_us", noise["delay_us"]["p99.9"])
        say(f"  {self.ports} coast: {found['zero_loss']['offered_mpps']:.3f} Mpps without loss, "
            f"p99.9 {found['delay']['delay_us']['p99.9']:.1f} us at 70 %; noise "
            f"{noise['delay_us']['p99.9']:.1f} us")

    def round(self, n):
        names = list(self.devices)
        rates = {name: self.rate(name) for name in (names if n % 2 == 0 else reversed(names))}
        for other in names[1:]:
            self.sample(f"vs_{other}", rates["coast"] / rates[other])
        # in a hurry, once
        if not self.args.quick or (n == 0 and self.ports == "virtio"):
            self.delay()


def measure(args, ports, figures):
    with contextlib.ExitStack() as stack:
        say(f"{ports}: starting")
        rig = Rig(args, ports, figures, stack)
        for n in range(args.rounds):
            say(f"{ports}: round {n + 1} of {args.rounds}")
            rig.round(n)


def unit(name):
    return UNITS.get(name.rsplit("_", 1)[-1].rsplit(".", 1)[-1], "ratio")


def options():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True, help="build directory with coastd and coast-tgen")
    p.add_argument("--ports", choices=("virtio", "af_xdp", "all"), default="all")
    p.add_argument("--quick", action="store_true", help="under a minute, three short rounds")
    p.add_argument("--rounds", type=int, help="default 5, with --quick 3")
    p.add_argument("--seconds", type=float, help="of each overload (default 3, with --quick 1)")
    p.add_argument("--sessions", type=int, default=1000)
    p.add_argument("--size", default="64", help="of users' packets, or imix (default 64)")
    p.add_argument("--loss", type=float, default=0, help="percent that passes as none (default 0)")
    p.add_argument("--patience", type=float, default=0,
                   help="seconds, in all, to wait for other work on the two CPUs to end")
    p.add_argument("--veth-device", default="net_af_packet{i},iface={iface},framecnt=4096,blocksz=65536",
                   help="coast-tgen's DPDK device on a veth (default %(default)s)")
    p.add_argument("--json", help="write the figures to this file")
    args = p.parse_args()
    args.rounds = args.rounds or (3 if args.quick else 5)
    args.seconds = args.seconds or (1 if args.quick else 3)
    args.trial, args.tries, args.resolution = (0.25, 1, 10) if args.quick else (1, 3, 3)
    args.again = 0 if args.quick else 2
    return args


def main():
    args = options()
    if os.geteuid() != 0:
        sys.exit("rig.py: start as root: it makes network namespaces")
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("rig.py: two CPUs are wanted, one for the generator and one for what is measured")
    for program in (f"{args.build}/coastd", f"{args.build}/perf/tgen/coast-tgen"):
        if not os.access(program, os.X_OK):
            sys.exit(f"rig.py: there is no {program}: ninja -C {args.build}")
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(130))
    with contextlib.suppress(OSError):
        os.nice(-20)  # what else runs disturbs less
    figures = {}
    for ports in ("virtio", "af_xdp") if args.ports == "all" else (args.ports,):
        measure(args, ports, figures)
    for name, samples in figures.items():
        print(f"{name:32} {statistics.median(samples):12.3f} {unit(name):14} "
              f"{min(samples):.3f} to {max(samples):.3f}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"figures": [{"name": n, "unit": unit(n), "samples": s}
                                   for n, s in figures.items()]}, f, indent=2)


if __name__ == "__main__":
    main()
