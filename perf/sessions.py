#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How fast sessions go in through the control socket while packets pass, and what one costs.

sessions.py --coastd PATH [--count N] [--urrs N] [--rounds N] [--quick] [--json FILE]

A coastd of its own on two TAP ports, in network and mount namespaces of its own, with one worker.
One client puts plain sessions (one PDR each way) in arrays of 1000 and waits for each reply; what
it sends is made beforehand and not timed. The client runs on the CPU of the control thread, so that
it leaves the worker's alone: what it needs for itself is part of the rate. Beside it a sender has
packets of the first session go up and down all the time.

  ctl.session_put_per_s   sessions by the time from request to reply
  ctl.session_put_cpu_us  CPU time of the control thread for each of them
  ctl.put_loss_packets    packets that went in and did not come out while sessions were put, in both
                          directions together; on a machine with other work to do look also
                          at the time that the worker had to wait for its CPU, which is told
  mem.bytes_per_session   memory that coastd holds, its own pages and the file of its tables, by the
                          slope between half and all of the sessions (of 400 000 if there are fewer),
                          each in a coastd that is made for so many: what it needs without any is
                          not in it; once, as it is always the same
  start.N_s               from the start of the process until N sessions are in and the last one's
                          packets pass

--urrs gives each session so many URRs (volume, threshold and quota) that both PDRs name. --quick
takes 100 000 sessions, else it is 1 000 000. Run as root.
"""
import argparse
import ctypes
import json
import multiprocessing
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from rate_table import ip4, udp

ARRAY = 1000
AT_ONCE = 50    # arrays made beforehand
PERIOD_S = 2e-3 # of the sender, which sends so many each way each time
BURST = 5
MEMORY_SESSIONS = 400000 # at least, where memory is measured
SAMPLE = 1234567 # a session's number that nothing else in its JSON looks like

CONFIG = """\
system: {{name: {name}, run_dir: {tmp}, store: none, workers: 1, max_sessions: {count}, max_pdrs: {pdrs}}}
network_instances: [{{name: access}}, {{name: internet}}]
ports: [{{name: n3, device: "tap:n3"}}, {{name: n6, device: "tap:n6"}}]
interfaces:
  - {{name: n3, port: n3, network_instance: access, addresses: [192.0.2.1/24], gtpu: true}}
  - {{name: n6, port: n6, network_instance: internet, addresses: [198.51.100.1/24]}}
neighbours:
  - {{interface: n3, address: 192.0.2.2, mac: "02:00:00:00:03:02"}}
  - {{interface: n6, address: 198.51.100.2, mac: "02:00:00:00:06:02"}}
pools: [{{name: p, network_instance: internet, prefix: 10.0.0.0/12}}]
"""


# ---- sessions -----------------------------------------------------------------------------


def address(n):
    return f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"


def session(n, urrs):
    ids = list(range(1, urrs + 1))
    ue = [{"ipv4": address(n)}]
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


class Requests:
    """The lines of session.put, made from the text of one session."""

    def __init__(self, urrs):
        text = json.dumps(session(SAMPLE, urrs)).replace("%", "%%")
        self.text = text.replace(address(SAMPLE), "%(ue)s").replace(str(SAMPLE), "%(n)d")

    def line(self, first, last):
        many = ",".join(self.text % {"n": n, "ue": address(n)} for n in range(first, last + 1))
        return (f'{{"jsonrpc":"2.0","id":1,"method":"session.put","params":[{many}]}}\n').encode()


# ---- packets ------------------------------------------------------------------------------


def uplink(mac, n, teid):
    inner = ip4(address(n), "198.51.100.2", udp(6000, 5000, bytes(36)))
    gtpu = struct.pack("!BBHIHBBBBBB", 0x34, 255, len(inner) + 8, teid, 0, 0, 0x85, 1, 0x10, 9, 0)
    return mac + bytes.fromhex("020000000302") + b"\x08\x00" + ip4(
        "192.0.2.2", "192.0.2.1", udp(2152, 2152, gtpu + inner))


def downlink(mac, n):
    return mac + bytes.fromhex("020000000602") + b"\x08\x00" + ip4(
        "198.51.100.2", address(n), udp(5000, 6000, bytes(36)))


class Wire:
    """The kernel's end of a TAP port: what it is given, and a count of what coastd sends on."""

    # IPv4 comes by the protocol; of it UDP to one of the neighbours above: classic BPF
    FILTER = [(0x20, 0, 0, 0), (0x15, 0, 3, 0x02000000), (0x30, 0, 0, 23), (0x15, 0, 1, 17),
              (0x06, 0, 0, 64), (0x06, 0, 0, 0)]
    SO_ATTACH_FILTER, SOL_PACKET, PACKET_STATISTICS = 26, 263, 6

    def __init__(self, name):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind((name, 0))
        self.mac = self.sock.getsockname()[4]
        self.counter = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        code = b"".join(struct.pack("HBBI", *step) for step in self.FILTER)
        where = ctypes.create_string_buffer(code)
        self.counter.setsockopt(socket.SOL_SOCKET, self.SO_ATTACH_FILTER,
                                struct.pack("HP", len(self.FILTER), ctypes.addressof(where)))
        self.counter.bind((name, 0x0800))
        self.count = 0

    def received(self):
        # those that found the queue full are in it, and nobody reads the queue
        self.count += struct.unpack("II", self.counter.getsockopt(
            self.SOL_PACKET, self.PACKET_STATISTICS, 8))[0]
        return self.count


def keep_sending(frames, stop, sent):
    """At an even pace, both ways alike. What the kernel would not take has not been sent."""
    wires = [(Wire(name), frame) for name, frame in frames]
    due = time.monotonic()
    while not stop.is_set():
        for wire, frame in wires:
            for _ in range(BURST):
                try:
                    wire.sock.send(frame)
                    sent.value += 1
                except OSError:
                    pass
        due += PERIOD_S
        time.sleep(max(0, due - time.monotonic()))


class Traffic:
    """Packets of one session, up and down, while the block lasts; then `sent` and `lost`."""

    def __init__(self, coast, n, teid):
        self.wires = [coast.n3, coast.n6]
        self.frames = [("n3", uplink(coast.n3.mac, n, teid)), ("n6", downlink(coast.n6.mac, n))]
        self.stop = multiprocessing.Event()
        self.count = multiprocessing.Value("Q", 0)

    def received(self):
        return sum(w.received() for w in self.wires)

    def __enter__(self):
        self.before = self.received()
        self.child = multiprocessing.Process(target=keep_sending,
                                             args=(self.frames, self.stop, self.count))
        self.child.start()
        end = time.monotonic() + PASS_SECONDS
        while self.received() < self.before + 2 * BURST:
            if time.monotonic() > end or not self.child.is_alive():
                self.__exit__()
                sys.exit("no packets pass")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.child.join()
        self.sent = self.count.value
        end = time.monotonic() + 2
        while self.received() < self.before + self.sent and time.monotonic() < end:
            time.sleep(0.01)
        self.lost = self.before + self.sent - self.received()


# ---- coastd -------------------------------------------------------------------------------


ALLOWED = os.sched_getaffinity(0)  # before the first coastd is followed to its CPU
PASS_SECONDS = 30


def on_all_cpus():
    """In coastd, before it starts: it chooses among all CPUs, and ends with this program."""
    os.sched_setaffinity(0, ALLOWED)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Coast:
    """A coastd with room for `count` sessions; `began`: when it was started."""

    def __init__(self, path, count, urrs):
        self.tmp = tempfile.mkdtemp(prefix="coast-perf-")
        self.name = os.path.basename(self.tmp)
        self.log = f"{self.tmp}/log"
        with open(f"{self.tmp}/c.yaml", "w") as f:
            f.write(CONFIG.format(name=self.name, tmp=self.tmp, count=count,
                                  pdrs=max(2, 4 * urrs) * count))
        self.began = time.monotonic()
        with open(self.log, "w") as log:
            self.child = subprocess.Popen(
                [path, "-c", f"{self.tmp}/c.yaml", "-s", f"{self.tmp}/s"], stderr=log,
                preexec_fn=on_all_cpus)

    def said(self):
        with open(self.log) as f:
            return f.read()

    def __enter__(self):
        self.sock, self.arena = socket.socket(socket.AF_UNIX), None
        try:
            self.connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def connect(self):
        while " ready" not in self.said():
            if self.child.poll() is not None:
                sys.exit("coastd did not start:\n" + self.said())
            time.sleep(0.01)
        self.sock.connect(f"{self.tmp}/s")
        self.replies = self.sock.makefile("rb")
        os.sched_setaffinity(0, os.sched_getaffinity(self.child.pid))
        self.arena = self.call("system.info", {}).get("arena", {}).get("path")
        self.n3, self.n6 = Wire("n3"), Wire("n6")

    def __exit__(self, *_):
        self.sock.close()
        self.child.terminate()
        self.child.wait()
        if self.arena and os.path.exists(self.arena):
            os.unlink(self.arena)
        shutil.rmtree(f"/run/dpdk/{self.name}", ignore_errors=True)
        subprocess.run(f"umount {self.tmp}/huge* 2>/dev/null; rm -rf {self.tmp}", shell=True,
                       check=False)

    def send(self, line):
        self.sock.sendall(line)
        reply = self.replies.readline()
        if b'"error"' in reply[:100]:
            sys.exit(f"refused: {reply[:500]}")
        return reply

    def call(self, method, params):
        return json.loads(self.send(json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"))[
                "result"]

    def teid(self, n):
        pdr = self.call("session.get", {"seid": n})["pdrs"][0]
        return int(pdr["local_f_teid"]["teid"], 16)

    def cpu_ns(self):
        """CPU time of the control thread, which is the process's first."""
        with open(f"/proc/{self.child.pid}/task/{self.child.pid}/schedstat") as f:
            return int(f.read().split()[0])

    def worker_waited(self):
        """Seconds for which the worker was ready and had no CPU."""
        waited = 0
        for task in os.listdir(f"/proc/{self.child.pid}/task"):
            at = f"/proc/{self.child.pid}/task/{task}"
            with open(f"{at}/comm") as comm, open(f"{at}/schedstat") as times:
                if comm.read().startswith("rte-worker"):
                    waited += int(times.read().split()[1]) / 1e9
        return waited

    def memory(self):
        """Bytes: pages of its own, and the file of its tables."""
        with open(f"/proc/{self.child.pid}/status") as f:
            anon = next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
        return anon * 1024 + (os.stat(self.arena).st_blocks * 512 if self.arena else 0)


def install(coast, requests, first, last):
    """Put these sessions: seconds from requests to replies, of the control thread's CPU."""
    wall = cpu = 0
    step = ARRAY * AT_ONCE
    for block in range(first, last + 1, step):
        lines = [requests.line(n, min(n + ARRAY - 1, last))
                 for n in range(block, min(block + step, last + 1), ARRAY)]
        cpu -= coast.cpu_ns()
        wall -= time.monotonic()
        for line in lines:
            coast.send(line)
        wall += time.monotonic()
        cpu += coast.cpu_ns()
    return wall, cpu / 1e9


def until_forwarded(coast, n):
    """Wait for a packet of this session to pass."""
    frame = uplink(coast.n3.mac, n, coast.teid(n))
    before = coast.n6.received()
    end = time.monotonic() + PASS_SECONDS
    while coast.n6.received() == before:
        if time.monotonic() > end:
            sys.exit(f"no packet of session {n} passes")
        coast.n3.sock.send(frame)
        time.sleep(0.001)


def memory_slope(args, requests):
    """Bytes of a session. With fewer of them the size of the pages would be seen."""
    count = max(args.count, MEMORY_SESSIONS)
    held = []
    for n in (count // 2, count):
        with Coast(args.coastd, n, args.urrs) as coast:
            install(coast, requests, 1, n)
            held.append(coast.memory())
    return (held[1] - held[0]) / (count - count // 2)


def one_round(args, requests, samples):
    with Coast(args.coastd, args.count, args.urrs) as coast:
        ready = time.monotonic() - coast.began
        coast.send(requests.line(1, ARRAY))
        waited = -coast.worker_waited()
        with Traffic(coast, 1, coast.teid(1)) as traffic:
            wall, cpu = install(coast, requests, ARRAY + 1, args.count)
        waited += coast.worker_waited()
        put = args.count - ARRAY
        last = -time.monotonic()
        until_forwarded(coast, args.count)
        last += time.monotonic()
        samples["ctl.session_put_per_s"].append(put / wall)
        samples["ctl.session_put_cpu_us"].append(cpu / put * 1e6)
        samples["ctl.put_loss_packets"].append(traffic.lost)
        samples[start_name(args.count)].append(ready + wall / put * args.count + last)
        print(f"  {put / wall:.0f} sessions/s, {cpu / put * 1e6:.2f} us of CPU each, "
              f"{traffic.lost} of {traffic.sent} packets lost, the worker waited "
              f"{waited:.2f} s for its CPU", flush=True)


def start_name(count):
    return f"start.{count // 1000000}M_s" if count % 1000000 == 0 else f"start.{count // 1000}k_s"


UNITS = {"ctl.session_put_per_s": "sessions/s", "ctl.session_put_cpu_us": "us",
         "ctl.put_loss_packets": "packets", "mem.bytes_per_session": "B"}


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    args = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    args.add_argument("--coastd", required=True, help="the program")
    args.add_argument("--count", type=int, help="sessions, at least 10000")
    args.add_argument("--urrs", type=int, default=0, help="URRs of each session")
    args.add_argument("--rounds", type=int, default=3, help="how often all of it is measured")
    args.add_argument("--quick", action="store_true", help="100 000 sessions")
    args.add_argument("--json", help="write the samples to this file")
    args = args.parse_args()
    if os.environ.get("COAST_PERF_APART") is None:
        os.environ["COAST_PERF_APART"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])
    args.count = args.count or (100000 if args.quick else 1000000)
    if args.count < 10000:
        sys.exit("--count: at least 10000")
    units = {**UNITS, start_name(args.count): "s"}
    samples = {name: [] for name in units}
    requests = Requests(args.urrs)
    print(f"{args.count} sessions in arrays of {ARRAY}, {args.rounds} rounds", flush=True)
    for _ in range(args.rounds):
        one_round(args, requests, samples)
    samples["mem.bytes_per_session"].append(memory_slope(args, requests))
    for name, values in samples.items():
        print(f"{name:24} median {statistics.median(values):.7g}, {min(values):.7g}.."
              f"{max(values):.7g} {units[name]}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"figures": [{"name": n, "unit": units[n], "samples": v}
                                   for n, v in samples.items()]}, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
