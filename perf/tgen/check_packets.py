#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""check_packets.py --tgen PROGRAM

What coast-tgen sends, judged by scapy and tshark; what it makes of frames that come back, over
DPDK's ring and pcap ports; and that it refuses wrong usage with a reason.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

try:
    from scapy.all import IP, UDP, Ether, PcapReader
    from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
except ImportError:
    print("skip: there is no scapy (package python3-scapy)")
    sys.exit(77)

MACS = ["--n3-mac", "02:00:00:00:03:01", "--n6-mac", "02:00:00:00:06:01"]


class Check:
    def __init__(self, tgen):
        self.tgen, self.tmp = tgen, tempfile.mkdtemp(prefix="coast-tgen-")
        self.failed = 0

    def ok(self, what, good, told=""):
        print(f"{'ok' if good else 'FAILED'}: {what}{'' if good else ': ' + str(told)}")
        self.failed += not good

    def run(self, *args, devices=(), eal=()):
        vdevs = [x for d in devices for x in ("--vdev", d)]
        return subprocess.run(
            [self.tgen, *args, *vdevs, "--", "--no-huge", "-m", "256", "--no-pci", "--file-prefix", f"tgen{os.getpid()}",
             "--no-telemetry", "--log-level", "error", *eal],
            capture_output=True, text=True, timeout=60)

    def capture(self, *args):
        """Frames that leave on N3 and N6."""
        paths = [f"{self.tmp}/{x}.pcap" for x in ("n3", "n6")]
        for p in paths:
            if os.path.exists(p):
                os.unlink(p)
        out = self.run("--packets", "1000", "--warm-up", "0", "--rate", "0.05", *MACS, *args,
                       devices=[f"net_pcap{i},tx_pcap={p}" for i, p in enumerate(paths)])
        self.ok(f"sends {' '.join(args)}", out.returncode == 0, out.stderr)
        n3, n6 = (list(PcapReader(p)) for p in paths)
        self.ok("1000 frames", len(n3) + len(n6) == 1000, (len(n3), len(n6)))
        return n3, n6

    # ---- what it sends -----------------------------------------------------------------

    def uplink(self, frames, size=None):
        bad = collections.Counter()
        for f in frames:
            pdu, psc = f[GTP_U_Header], f[GTPPDUSessionContainer]
            inner = psc[IP]
            i = pdu.teid - 0x100
            bad["MAC"] += f.dst != "02:00:00:00:03:01"
            bad["outer"] += (f[IP].src, f[IP].dst) != ("192.0.2.2", "192.0.2.1")
            bad["outer length"] += f[IP].len != len(f) - 14
            bad["session"] += not 0 <= i < 300 or inner.src != f"10.1.{(i + 1) >> 8}.{(i + 1) & 255}"
            bad["to"] += inner.dst != "198.51.100.2"
            bad["QFI"] += (psc.type, psc.QFI) != (1, 5)
            bad["length"] += size is not None and inner.len != size
        self.ok(f"{len(frames)} uplink frames", frames and not +bad, dict(+bad))

    def downlink(self, frames, size=None):
        bad = collections.Counter()
        for f in frames:
            bad["MAC"] += f.dst != "02:00:00:00:06:01"
            bad["from"] += f[IP].src != "198.51.100.2"
            bad["to"] += not f[IP].dst.startswith("10.1.")
            bad["ports"] += (f[UDP].sport, f[UDP].dport) != (5000, 6000)
            bad["length"] += size is not None and f[IP].len != size or f[IP].len != len(f) - 14
        self.ok(f"{len(frames)} downlink frames", frames and not +bad, dict(+bad))

    def tshark(self):
        for name in ("n3", "n6"):
            out = subprocess.run(
                ["tshark", "-r", f"{self.tmp}/{name}.pcap", "-o", "ip.check_checksum:TRUE", "-Y",
                 "_ws.malformed || _ws.expert.severity >= warning || ip.checksum.status == Bad",
                 "-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message"],
                capture_output=True, text=True)
            self.ok(f"tshark has nothing against {name}", out.returncode == 0 and not out.stdout,
                    out.stdout[:300] + out.stderr[:300])

    def sends(self):
        session = ["--sessions", "300", "--ue", "10.1.0.0", "--teid", "0x100", "--qfi", "5"]
        for size in (64, 1500):
            n3, n6 = self.capture("--size", str(size), *session)
            self.uplink(n3, size)
            self.downlink(n6, size)
            self.tshark()
        n3, n6 = self.capture("--size", "imix", "--up", "100", "--order", "round-robin", *session)
        self.ok("uplink only", n3 and not n6)
        self.uplink(n3)
        teids = [f[GTP_U_Header].teid for f in n3[:600]]
        self.ok("one session after the other", teids == [0x100 + i % 300 for i in range(600)][:len(teids)])
        n3, n6 = self.capture("--up", "25", *session)
        part = len(n3) / (len(n3) + len(n6))
        self.ok("a quarter of uplink", 0.2 < part < 0.3, part)
        teids = {f[GTP_U_Header].teid for f in n3}
        self.ok("sessions at random", len(teids) > 100, len(teids))

    def imix(self):
        """In each direction, also when packets go up and down by turns."""
        n3, n6 = self.capture("--size", "imix")
        for frames, overhead in ((n3, 58), (n6, 14)):
            sizes = collections.Counter(len(f) - overhead for f in frames)
            share = {s: round(12 * n / len(frames)) for s, n in sizes.items()}
            self.ok("IMIX 7 : 4 : 1", share == {64: 7, 576: 4, 1500: 1}, share)

    def table(self):
        with open(f"{self.tmp}/teids", "w") as f:
            f.writelines(f"{0xabc00000 + 7 * i:#x}\n" for i in range(10))
        n3, _ = self.capture("--sessions", "10", "--teids", f"{self.tmp}/teids", "--order", "round-robin")
        self.ok("TEIDs of a file", [f[GTP_U_Header].teid for f in n3[:10]] ==
                [0xabc00000 + 7 * i for i in range(10)])

    # ---- what it receives --------------------------------------------------------------

    def measure(self, *args, devices):
        out = self.run("--json", "-", "--warm-up", "0.05", "--seconds", "0.2", *args, devices=devices)
        self.ok(f"measures {' '.join(args)}", out.returncode == 0, out.stderr)
        return json.loads(out.stdout)

    def receives(self):
        rings = ["net_ring0", "net_ring1"]  # each hands its frames back to itself
        t = self.measure("--echo", "same", devices=rings)["trial"]
        sent = t["sent"]["up"] + t["sent"]["down"]
        self.ok("all come back, in order", sent > 500 and t["received"] == t["sent"] and
                not t["lost"] + t["wrong"] + t["misordered"], t)
        self.ok("their delay is known", 0 < t["delay_us"]["p50"] <= t["delay_us"]["p99.99"], t)
        t = self.measure(*MACS, devices=rings)["trial"]
        self.ok("none is what a UPF makes of them", t["wrong"] > 500 and t["lost_percent"] == 100 and
                not t["received"]["up"] + t["received"]["down"], t)
        r = self.measure("--echo", "same", "--search", "--resolution", "30", "--latency-at", "50",
                         "--min", "0.0002", "--max", "0.002", "--tries", "10", devices=rings)
        if r["overload"]["waited_percent"] > 10:
            print("skip: search: other work has the CPU, no rate can be kept")
        else:
            self.ok("search", {"overload", "zero_loss", "delay", "trials"} <= r.keys() and
                    r["zero_loss"]["lost"] == 0 and
                    0.4 < r["delay"]["asked_mpps"] / r["zero_loss"]["offered_mpps"] < 0.6, r)
        null = ["net_null0,no-rx=1", "net_null1,no-rx=1"]
        out = self.run("--echo", "same", "--search", "--max", "0.01", "--seconds", "0.05", devices=null)
        self.ok("where nothing comes back no rate passes", out.returncode == 0 and
                "no rate from" in out.stdout, out.stdout + out.stderr)
        out = self.run("--n3-mac", "02:00:00:00:03:01", devices=null)
        self.ok("a UPF that does not answer ARP", out.returncode == 1 and
                "198.51.100.1 does not answer ARP on the N6 port" in out.stderr, out.stderr)

    def refuses(self):
        for args, why in ((["--size", "63"], "from 64 to 1500"), (["--up", "101"], "from 0 to 100"),
                          (["--order", "odd"], "random or round-robin"), (["--rate", "x"], "number"),
                          (["--gnb", "1.2.3"], "IPv4 address"), (["--n3-mac", "2"], "MAC address"),
                          (["--echo", "none"], "same or other"), (["--latency-at", "70"], "--search"),
                          (["--search", "--rate", "1"], "--rate"),
                          (["--search", "--packets", "1"], "--packets"), (["stray"], "unexpected argument"),
                          (["--teids", "/nonexistent"], "cannot be read"), (["--bogus"], "not known"),
                          (["--search", "--min", "2", "--max", "1"], "above --max")):
            out = self.run(*args)
            self.ok(f"refuses {' '.join(args)}", out.returncode == 2 and why in out.stderr, out.stderr)
        out = self.run("--n6-port", "nowhere", devices=["net_null0"])
        self.ok("refuses a port that is not there", out.returncode == 1 and
                "no port nowhere" in out.stderr, out.stderr)
        out = self.run("--help")
        self.ok("--help", out.returncode == 0 and "RFC 2544" in out.stdout)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--tgen", required=True)
    check = Check(args.parse_args().tgen)
    try:
        check.refuses()
        check.sends()
        check.imix()
        check.table()
        check.receives()
    finally:
        subprocess.run(["rm", "-rf", check.tmp], check=False)
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
