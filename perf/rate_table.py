#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How exactly coast holds maximum bit rates: set and measured, by rate, packet size and worker.

rate_table.py --build DIR [--quick] [--direction ul|dl] [--seconds S] [--tolerance PERCENT]

A real coastd, one start for each packet size and number of workers. Its N3 (or N6) port is DPDK's
pcap port that plays a file of users' packets over and over as fast as the worker takes them, so
every session is offered several times its rate by the clock of the machine, and no sender has to
keep up; the other port is the null port. What passes is read from the PDR's counter over the
control socket. The time of a reading is known as well as the call is short: the shortest of some
calls counts, and of slow rates the moment between two calls in which a packet passed. A
measurement begins when the burst is used up; it is the median of five windows.

With two workers each rate is there twice, once for a session of either worker: one of them gets
its packets from the other worker, which received them. Bit rates are of inner IP packets.

"waited": how much of the time a worker was ready and had no CPU; what is off then is measured anew,
twice at most.

Not judged: a rate of which the machine was not able to offer enough, and one that stays off while a
worker waits for a CPU for more than a twentieth of the time. Exit status 1: a rate is off by more
than the tolerance; 77: more rates could not be judged than could.
"""
import argparse
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/harness"))
import control_socket  # noqa: E402

SIZES = [64, 128, 256, 512, 1024, 1500]
SLOW = [100, 1000, 10000, 100000]  # kbit/s, measured at once
FAST = [500000, 1000000]           # one after the other
# how often packets of a rate's session stand in the file: the faster, the more, but also the slowest
# must be offered often enough that no moment is missed
WEIGHT = {100: 1, 1000: 2, 10000: 6, 100000: 20}
FAST_WEIGHT = 100
WINDOWS = 5

CONFIG = """\
system:
  name: {name}
  run_dir: {tmp}
  store: none
  workers: {workers}
  max_sessions: 1000
  hugepages: "off"
network_instances: [{{name: access}}, {{name: internet}}]
ports:
  - {{name: n3, device: "{n3}", mtu: 1600}}
  - {{name: n6, device: "{n6}", mtu: 1600}}
interfaces:
  - {{name: n3, port: n3, network_instance: access, addresses: [192.0.2.1/24], gtpu: true}}
  - {{name: n6, port: n6, network_instance: internet, addresses: [198.51.100.1/24]}}
neighbours:
  - {{interface: n3, address: 192.0.2.2, mac: "02:00:00:00:03:02"}}
  - {{interface: n6, address: 198.51.100.2, mac: "02:00:00:00:06:02"}}
pools: [{{name: v4, network_instance: internet, prefix: 10.45.0.0/16}}]
"""


class Client(control_socket.Client):
    """Who measures has no use for a call that fails."""

    def call(self, method, params=None):
        try:
            return super().call(method, params)
        except control_socket.RpcError as e:
            sys.exit(str(e))


# ---- packets ------------------------------------------------------------------------------


def ip4(src, dst, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, 17, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xffff) + head[12:] + payload


def udp(sport, dport, payload):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def frame(session, size, direction):
    user, dn = f"10.45.0.{session}", "198.51.100.2"
    mac = bytes.fromhex("027063617000")  # what the first of DPDK's pcap ports is called
    if direction == "dl":
        packet = ip4(dn, user, udp(5000, 6000, bytes(size - 28)))
    else:
        inner = ip4(user, dn, udp(6000, 5000, bytes(size - 28)))
        gtpu = struct.pack("!BBHIHBBBBBB", 0x34, 255, len(inner) + 8, 0x1000 + session, 0, 0, 0x85,
                           1, 0x10, 9, 0)
        packet = ip4("192.0.2.2", "192.0.2.1", udp(2152, 2152, gtpu + inner))
    return mac + bytes.fromhex("020000000302") + b"\x08\x00" + packet


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for data in frames:
            f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


def spread(weights):
    """Each session as often as its weight says, evenly over the file."""
    places = [((k + 0.5) / n, s) for s, n in weights.items() for k in range(n)]
    return [s for _, s in sorted(places)]


# ---- sessions -----------------------------------------------------------------------------


def session(number, kbps):
    user = [{"ipv4": f"10.45.0.{number}"}]
    to_gnb = {"description": "gtpu-udp-ipv4", "teid": hex(0x2000 + number), "ipv4": "192.0.2.2"}
    return {
        "seid": number,
        "pdrs": [
            {"id": 1, "precedence": 255, "outer_header_removal": "gtpu-udp-ip", "far_id": 1,
             "qer_ids": [1, 2],
             "pdi": {"source_interface": "access", "network_instance": "access",
                     "f_teid": {"teid": hex(0x1000 + number), "ipv4": "192.0.2.1"},
                     "ue_ip_address": user}},
            {"id": 2, "precedence": 255, "far_id": 2, "qer_ids": [1, 2],
             "pdi": {"source_interface": "core", "network_instance": "internet",
                     "ue_ip_address": user}}],
        "fars": [
            {"id": 1, "apply_action": ["FORW"],
             "forwarding_parameters": {"destination_interface": "core",
                                       "network_instance": "internet"}},
            {"id": 2, "apply_action": ["FORW"],
             "forwarding_parameters": {"destination_interface": "access",
                                       "network_instance": "access",
                                       "outer_header_creation": to_gnb}}],
        # the flow's rate, and a session's that is higher: a packet passes both
        "qers": [{"id": 1, "qfi": 9, "mbr": {"ul": kbps, "dl": kbps}},
                 {"id": 2, "mbr": {"ul": 10**8, "dl": 10**8}}]}


class Coast:
    def __init__(self, build, workers, frames, direction):
        self.tmp = tempfile.mkdtemp(prefix="coast-rates-")
        self.name = f"ct-rates{os.getpid()}"
        self.direction = direction
        play = f"eal:net_pcap0,rx_pcap={self.tmp}/in.pcap,infinite_rx=1"
        write_pcap(f"{self.tmp}/in.pcap", frames)
        ports = {"n3": play if direction == "ul" else "null",
                 "n6": "null" if direction == "ul" else play}
        with open(f"{self.tmp}/coast.yaml", "w") as f:
            f.write(CONFIG.format(name=self.name, tmp=self.tmp, workers=workers, **ports))
        self.log = open(f"{self.tmp}/log", "w+")
        self.child = subprocess.Popen([f"{build}/coastd", "-c", f"{self.tmp}/coast.yaml",
                                       "-s", f"{self.tmp}/sock"], stdout=self.log, stderr=self.log)

    def __enter__(self):
        end = time.monotonic() + 60
        while " ready" not in self.said():
            if self.child.poll() is not None or time.monotonic() > end:
                self.__exit__()
                sys.exit("coastd did not start:\n" + self.text)
            time.sleep(0.05)
        self.client = Client(f"{self.tmp}/sock")
        return self

    def said(self):
        self.log.flush()
        with open(f"{self.tmp}/log") as f:
            self.text = f.read()
        return self.text

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        for path in (f"/dev/shm/{self.name}-tables", f"/dev/hugepages/{self.name}-tables"):
            if os.path.exists(path):
                os.unlink(path)
        shutil.rmtree(f"/run/dpdk/{self.name}", ignore_errors=True)
        shutil.rmtree(self.tmp, ignore_errors=True)

    def waited(self):
        """Seconds that the thread that waited most for a CPU has waited."""
        most = 0
        for task in os.listdir(f"/proc/{self.child.pid}/task"):
            with open(f"/proc/{self.child.pid}/task/{task}/schedstat") as f:
                most = max(most, int(f.read().split()[1]))
        return most / 1e9

    def put(self, number, kbps):
        self.client.call("session.put", session(number, kbps))

    def worker_of(self, number):
        return self.client.call("session.get", {"seid": number})["worker"]

    def read(self, number):
        """(when, how well that is known, octets that passed, packets that did not)"""
        before = time.monotonic()
        s = self.client.call("session.get", {"seid": number})
        after = time.monotonic()
        pdr = s["pdrs"][0 if self.direction == "ul" else 1]
        lost = s["qers"][0].get(f"dropped_{self.direction}", 0)
        return (before + after) / 2, (after - before) / 2, pdr["bytes"], lost

    def mark(self, number, kbps, size):
        """A good reading. Of a fast rate: one at which all is used up that the rate has given until
        then, for after a pause of the worker the burst makes good for a moment what was not sent.
        Of a slow one: the moment at which a packet passed."""
        gap, best, most = size * 8 / 1000 / kbps, None, None
        fast = gap < 0.002
        end, last = time.monotonic() + (0.06 if fast else 3 * gap + 0.05), self.read(number)
        while time.monotonic() < end:
            now = self.read(number)
            if fast:
                worth = now[2] * 8 / 1000 - kbps * (now[0] + now[1])
            elif now[2] != last[2]:  # it passed between these two
                known = (now[0] - last[0]) / 2 + now[1] + last[1]
                now, last = ((now[0] + last[0]) / 2, known, now[2], now[3]), now
                worth = -known
            else:
                last = now
                continue
            if most is None or worth > most:
                best, most = now, worth
        return best or last


def measure(coast, numbers, kbps, size, seconds):
    """{number: (kbit/s, how well it is known, times as much was offered)} of sessions at once: the
    median of some windows, since a worker that is kept from the CPU for longer than the burst (50
    ms) does lose something."""
    marks = {n: [coast.mark(n, kbps[n], size)] for n in numbers}
    for _ in range(WINDOWS):
        time.sleep(seconds / WINDOWS)
        for n in numbers:
            marks[n].append(coast.mark(n, kbps[n], size))
    out = {}
    for n in numbers:
        rates = sorted(((b[2] - a[2]) * 8 / 1000 / (b[0] - a[0]), (a[1] + b[1]) / (b[0] - a[0]))
                       for a, b in zip(marks[n], marks[n][1:]))
        passed = (marks[n][-1][2] - marks[n][0][2]) / size
        lost = marks[n][-1][3] - marks[n][0][3]
        out[n] = (*rates[WINDOWS // 2], (passed + lost) / passed if passed else 0)
    return out


def settled(coast, numbers, kbps, size, seconds, tolerance):
    """As measure(), again up to twice when a rate is off and a worker had to wait for its CPU."""
    for _ in range(3):
        begin, waited = time.monotonic(), coast.waited()
        out = measure(coast, numbers, kbps, size, seconds)
        share = (coast.waited() - waited) / (time.monotonic() - begin)
        off = any(abs(out[n][0] / kbps[n] - 1) * 100 > tolerance for n in numbers)
        if not off or share < 0.01:
            break
    return {n: (*out[n], share) for n in numbers}


def cell(build, workers, size, slow, fast, seconds, direction, tolerance):
    """One start of coastd. Rows (rate, measured, known, offered, waited, worker)."""
    each = range(workers)
    # numbers: as many sessions as it takes to have one of each rate on each worker
    number = {(kbps, w): 1 + i * workers + w for i, kbps in enumerate(slow + [0]) for w in each}
    weights = {number[k]: WEIGHT.get(k[0], FAST_WEIGHT) for k in number}
    frames = [frame(n, size, direction) for n in spread(weights)]
    rows = []
    with Coast(build, workers, frames, direction) as coast:
        for (kbps, _), n in sorted(number.items(), key=lambda x: x[1]):
            coast.put(n, kbps)
        owner = {n: coast.worker_of(n) for n in number.values()}
        time.sleep(0.3)  # bursts of 50 ms, 10 kB at least, are gone at once
        numbers = [n for (kbps, _), n in number.items() if kbps]
        rate = {n: kbps for (kbps, _), n in number.items()}
        for n, r in settled(coast, numbers, rate, size, seconds, tolerance).items():
            rows.append((rate[n], *r, owner[n]))
        for kbps in fast:
            for w in each:
                n = number[0, w]
                coast.put(n, kbps)
                time.sleep(0.3)
                r = settled(coast, [n], {n: kbps}, size, seconds, tolerance)[n]
                rows.append((kbps, *r, owner[n]))
                coast.put(n, 0)
    return rows


def text(kbps):
    return f"{kbps / 1000000:g} Gbit/s" if kbps >= 1000000 else \
        f"{kbps / 1000:g} Mbit/s" if kbps >= 1000 else f"{kbps:g} kbit/s"


def main():
    args = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--build", required=True)
    args.add_argument("--quick", action="store_true")
    args.add_argument("--direction", choices=("ul", "dl"), default="ul")
    args.add_argument("--seconds", type=float, default=1.0)
    args.add_argument("--tolerance", type=float, default=1.0)
    args = args.parse_args()
    sizes, slow, fast, seconds = SIZES, SLOW, FAST, args.seconds
    if args.quick:
        sizes, slow, fast, seconds = [64, 1500], [100, 10000], [500000], 1.0
    print(f"{'set':>12} {'bytes':>6} {'workers':>8} {'of':>3} {'measured kbit/s':>16} {'error %':>8} "
          f"{'known to %':>11} {'waited %':>9} {'offered':>8}")
    worst, off, judged, unjudged = 0.0, 0, 0, 0
    for workers in (1, 2):
        for size in sizes:
            for kbps, got, known, offered, waited, owner in cell(
                    args.build, workers, size, slow, fast, seconds, args.direction,
                    args.tolerance):
                error = (got / kbps - 1) * 100
                bad = abs(error) > args.tolerance
                note = f"{offered:.1f}x"
                if offered < 1.1:
                    note = f"{offered:.2f}x: not enough"
                elif bad and waited > 0.05:
                    note += ": no CPU for the worker"
                print(f"{text(kbps):>12} {size:>6} {workers:>8} {owner:>3} {got:>16.1f} "
                      f"{error:>8.3f} {known * 100:>11.3f} {waited * 100:>9.1f} {note:>8}", flush=True)
                if ":" in note:
                    unjudged += 1
                    continue
                judged += 1
                worst = max(worst, abs(error))
                off += bad
    print(f"{judged} judged, worst {worst:.3f} %, {off} beyond {args.tolerance:g} %; {unjudged} not "
          "judged: not enough offered, or workers without a CPU")
    return 1 if off else 77 if judged < unjudged else 0


if __name__ == "__main__":
    sys.exit(main())
