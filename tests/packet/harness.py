# SPDX-License-Identifier: BSD-3-Clause
"""A coastd with an N3 and an N6 wire, and hands on both wires.

Frames are made and read by scapy, an implementation that shares nothing with
coast's. Everything coastd emits is kept in a capture that tshark judges at the
end (Rig.verdict). The rig runs as root, in network namespaces of its own.

    gNB 192.0.2.2, 2001:db8:3::2   --n3-- coastd --n6--   DN 198.51.100.2, 2001:db8:6::2
"""
import glob
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from scapy.all import (ARP, ICMP, IP, Ether, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6TimeExceeded,
                       conf, raw, wrpcap)
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer  # noqa: F401

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{SRC}/tests/harness")
from control_socket import Client, RpcError, refused  # noqa: E402, F401

conf.verb = 0
os.environ.setdefault("LSAN_OPTIONS", f"suppressions={SRC}/tests/packet/lsan.supp:"
                      "print_suppressions=0")
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10  # linux/if_packet.h
GNB_MAC, DN_MAC = "02:00:00:00:03:02", "02:00:00:00:06:02"
GNB4, GNB6, DN4, DN6 = "192.0.2.2", "2001:db8:3::2", "198.51.100.2", "2001:db8:6::2"
UPF4, UPF6, N6_4, N6_6 = "192.0.2.1", "2001:db8:3::1", "198.51.100.1", "2001:db8:6::1"

CONFIG = """\
system:
  name: {name}
  run_dir: {tmp}
  store: {tmp}/store
  workers: {workers}
  max_sessions: 10000
network_instances: [{{name: access}}, {{name: internet}}, {{name: other}}]
ports:
  - {{name: n3, device: "{n3}", mtu: 1600}}
  - {{name: n6, device: "{n6}", mtu: 1600}}
interfaces:
  - {{name: n3, port: n3, network_instance: access, addresses: [192.0.2.1/24, "2001:db8:3::1/64"], gtpu: true}}
  - {{name: n6, port: n6, network_instance: internet, addresses: [198.51.100.1/24, "2001:db8:6::1/64"]}}
  - {{name: n6v, port: n6, vlan: 42, network_instance: other, addresses: [203.0.113.1/24, "2001:db8:7::1/64"]}}
neighbours:
  - {{interface: n3, address: 192.0.2.2, mac: "02:00:00:00:03:02"}}
  - {{interface: n3, address: "2001:db8:3::2", mac: "02:00:00:00:03:02"}}
  - {{interface: n6, address: 198.51.100.2, mac: "02:00:00:00:06:02"}}
  - {{interface: n6, address: "2001:db8:6::2", mac: "02:00:00:00:06:02"}}
  - {{interface: n6v, address: 203.0.113.2, mac: "02:00:00:00:06:02"}}
  - {{interface: n6v, address: "2001:db8:7::2", mac: "02:00:00:00:06:02"}}
routes:
  - {{network_instance: internet, prefix: 0.0.0.0/0, via: [{{gateway: 198.51.100.2}}]}}
  - {{network_instance: internet, prefix: "::/0", via: [{{gateway: "2001:db8:6::2"}}]}}
  - {{network_instance: other, prefix: 0.0.0.0/0, via: [{{gateway: 203.0.113.2}}]}}
  - {{network_instance: other, prefix: "::/0", via: [{{gateway: "2001:db8:7::2"}}]}}
pools:
  - {{name: v4, network_instance: internet, prefix: 10.45.0.0/16}}
  - {{name: v6, network_instance: internet, prefix: "2001:db8:45::/48"}}
  - {{name: other-v4, network_instance: other, prefix: 10.45.0.0/16}}
  - {{name: other-v6, network_instance: other, prefix: "2001:db8:45::/48"}}
"""


class Wire:
    """One end of a link: raw frames out and in."""

    def __init__(self, ns, interface):
        # a socket belongs to the namespace it was made in, so step in for a moment
        with Namespace(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.sock.bind((interface, 0))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.seen = []

    def send(self, frame):
        self.sock.send(raw(frame))

    def drain(self):
        self.sock.setblocking(False)
        try:
            while True:
                self.sock.recv(65535)
        except BlockingIOError:
            pass

    def receive(self, timeout, want=None, asks=False):
        """Frames that arrive until `want` of them are there or the time is over.

        coast asks for its neighbours when it pleases: such frames count only with `asks`.
        """
        got, end = [], time.monotonic() + timeout
        while want is None or len(got) < want:
            left = end - time.monotonic()
            if left <= 0:
                break
            self.sock.settimeout(left)
            try:
                frame, extra, _, addr = self.sock.recvmsg(65535, 64)
            except (socket.timeout, BlockingIOError):
                break
            if addr[2] == socket.PACKET_OUTGOING:
                continue
            frame = self.with_tag(frame, extra)
            self.seen.append(frame)
            frame = Ether(frame)
            if asks or not self.unasked(frame):
                got.append(frame)
        return got


    @staticmethod
    def unasked(frame):
        """A question of coast's own, an announcement of itself, or word, seconds later, that the
        rest of a fragmented packet never came."""
        if ICMP in frame and (frame[ICMP].type, frame[ICMP].code) == (11, 1):
            return True
        if ICMPv6TimeExceeded in frame and frame[ICMPv6TimeExceeded].code == 1:
            return True
        if ARP in frame:
            return frame[ARP].op == 1
        return ICMPv6ND_NS in frame or ICMPv6ND_NA in frame and not frame[ICMPv6ND_NA].S

    @staticmethod
    def with_tag(frame, extra):
        """The kernel takes the VLAN tag off and tells it beside the frame: put it back."""
        for level, kind, data in extra:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
                if status & TP_STATUS_VLAN_VALID:
                    return frame[:12] + struct.pack("!HH", tpid or 0x8100, tci) + frame[12:]
        return frame


class Namespace:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        import ctypes
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.old = os.open("/proc/self/ns/net", os.O_RDONLY)
        fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        assert self.libc.setns(fd, 0x40000000) == 0, os.strerror(ctypes.get_errno())
        os.close(fd)

    def __exit__(self, *_):
        self.libc.setns(self.old, 0x40000000)
        os.close(self.old)


def sh(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


class Rig:
    def __init__(self, build, ports="af_xdp", workers=1, config=CONFIG, devargs=""):
        self.name = f"ctp{os.getpid()}"
        self.tmp = tempfile.mkdtemp(prefix="coast-packet-")
        self.build, self.ports, self.workers, self.children = build, ports, workers, []
        self.decode_as = []  # what tshark cannot know, for its option -d
        self.devargs = devargs  # flowdev: what its NIC can do (tests/flowdev/flowdev.h)
        self.upf_ns, self.wire_ns = f"{self.name}-u", f"{self.name}-w"
        self.sock_path = f"{self.tmp}/coastd.sock"
        try:
            self._links()
            self._coastd(config, workers)
            if ports == "virtio":
                self._bridge()
            self.wait(self.alive, 15, "a ping to be answered: the wire does not work")
        except BaseException:
            self.close()
            raise

    def _links(self):
        for ns in (self.upf_ns, self.wire_ns):
            sh(f"ip netns add {ns} && ip netns exec {ns} sysctl -qw "
               "net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1")
        for end, mac in (("n3", GNB_MAC), ("n6", DN_MAC)):
            sh(f"ip link add {end} netns {self.wire_ns} address {mac} numrxqueues 1 numtxqueues 1 "
               f"type veth peer name {end} netns {self.upf_ns} numrxqueues 1 numtxqueues 1")
            for ns in (self.upf_ns, self.wire_ns):
                sh(f"ip -n {ns} link set {end} mtu 1700 up && ip netns exec {ns} ethtool -K {end} "
                   "tx off rxvlan off txvlan off gro off 2>&1")
        self.n3, self.n6 = Wire(self.wire_ns, "n3"), Wire(self.wire_ns, "n6")

    def _coastd(self, config, workers):
        devices = {"af_xdp": ("af_xdp:n3", "af_xdp:n6"),
                   "virtio": (f"vhost:{self.tmp}/n3.vhost", f"vhost:{self.tmp}/n6.vhost"),
                   "flowdev": tuple(f"eal:net_flowdev{i},iface={end}{self.devargs}"
                                    for i, end in enumerate(("n3", "n6")))}
        preload = ["env", f"LD_PRELOAD={self.build}/tests/flowdev/flowdev.so"]
        n3, n6 = devices[self.ports]
        path = f"{self.tmp}/coast.yaml"
        with open(path, "w") as f:
            f.write(config.format(name=self.name, tmp=self.tmp, n3=n3, n6=n6, workers=workers))
        self.log = open(f"{self.tmp}/coastd.log", "w+")
        command = [f"{self.build}/coastd", "-c", path, "-s", self.sock_path]
        self.coastd = self.spawn(preload + command if self.ports == "flowdev" else command,
                                 self.log)
        end = time.monotonic() + 30
        while "ready" not in open(self.log.name).read():
            if self.coastd.poll() is not None or time.monotonic() > end:
                raise RuntimeError("coastd did not start:\n" + open(self.log.name).read())
            time.sleep(0.05)
        self.client = Client(self.sock_path)

    def begin_again(self, forget):
        """coastd is killed and started anew, with its tables or without."""
        self.coastd.send_signal(signal.SIGKILL)
        self.coastd.wait()
        for place in ("/dev/shm", "/dev/hugepages"):
            path = f"{place}/{self.name}-tables"
            if forget and os.path.exists(path):
                os.unlink(path)
        self._coastd(CONFIG, self.workers)
        self.wait(self.alive, 15, "a ping to be answered")

    def _bridge(self):
        """testpmd carries frames between the kernel's veth and coastd's vhost socket."""
        if not shutil.which("dpdk-testpmd"):
            raise RuntimeError("there is no dpdk-testpmd (package dpdk-dev)")
        self.spawn(["dpdk-testpmd", "--no-pci", "--no-huge", "-m", "256", "--file-prefix",
                    f"{self.name}-w", "--lcores", "0@0,1@0", "--log-level", "warning",
                    "--vdev", f"net_virtio_user0,path={self.tmp}/n3.vhost",
                    "--vdev", "net_pcap0,rx_iface_in=n3,tx_iface=n3",
                    "--vdev", f"net_virtio_user1,path={self.tmp}/n6.vhost",
                    "--vdev", "net_pcap1,rx_iface_in=n6,tx_iface=n6", "--", "--forward-mode=io",
                    "--portmask=0xf", "--total-num-mbufs=8192", "--max-pkt-len=1718",
                    "--port-topology=paired",
                    "--auto-start", "--stats-period=3600"],
                   open(f"{self.tmp}/testpmd.log", "w"))

    def alive(self):
        """A ping of coast's own address is answered: the wire works."""
        self.n3.drain()
        self.n3.send(self.from_gnb(IP(src=GNB4, dst=UPF4) / ICMP(id=7)))
        return bool(self.n3.receive(0.3, 1))

    def spawn(self, command, out):
        p = subprocess.Popen(["ip", "netns", "exec", self.upf_ns] + command, stdout=out,
                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.children.append(p)
        return p

    @staticmethod
    def wait(ready, seconds, what):
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds} s for {what}")
            time.sleep(0.05)

    # ---- control -------------------------------------------------------------

    def call(self, method, params=None):
        try:
            return self.client.call(method, params)
        except TimeoutError as e:
            # whose fault it is: coastd's, or a machine that stood still; the next case asks anew
            where = self.threads()
            self.client.connect()
            raise RuntimeError(f"no reply to {method}; coastd:\n{where}") from e

    def threads(self):
        """What each thread of coastd is at."""
        pid, told = str(self.coastd.pid), []
        for task in glob.glob(f"/proc/{pid}/task/*"):
            name, state, waits = (open(f"{task}/{f}").read().strip()
                                  for f in ("comm", "schedstat", "wchan"))
            told.append(f"{name}: {state} {waits}")
        if shutil.which("gdb"):
            told.append(subprocess.run(["gdb", "-batch", "-p", pid, "-ex", "thread apply all bt"],
                                       capture_output=True, text=True).stdout)
        return "\n".join(told)

    def drops(self):
        return {d["name"]: d["packets"] for d in self.call("drop.list")["items"]}

    def mac(self, port):
        return self.call("port.get", {"name": port})["state"]["mac"]

    # ---- packets -------------------------------------------------------------

    def from_gnb(self, packet):
        return Ether(src=GNB_MAC, dst=self._mac("n3")) / packet

    def from_dn(self, packet):
        return Ether(src=DN_MAC, dst=self._mac("n6")) / packet

    def _mac(self, port):
        if not hasattr(self, "macs"):
            self.macs = {p: self.mac(p) for p in ("n3", "n6")}
        return self.macs[port]

    def exchange(self, into, frames, out, want=1, timeout=1.0, asks=False):
        """Send frames into one wire; what comes out of another."""
        out.drain()
        for frame in frames if isinstance(frames, list) else [frames]:
            into.send(frame)
        return out.receive(timeout, want, asks)

    def silent(self, into, frames, wires=None, timeout=0.15):
        """Send frames and see that nothing comes out."""
        wires = wires or (self.n3, self.n6)
        for w in wires:
            w.drain()
        for frame in frames if isinstance(frames, list) else [frames]:
            into.send(frame)
        # all have had that long when the first one has; 20 ms to read what lies there
        got = [f for i, w in enumerate(wires) for f in w.receive(0.02 if i else timeout, 1)]
        assert not got, f"unexpected: {got[0].summary()}"

    # ---- the end -------------------------------------------------------------

    def verdict(self):
        """What tshark has against the emitted frames: a list of complaints."""
        capture = f"{self.tmp}/emitted.pcap"
        frames = self.n3.seen + self.n6.seen
        wrpcap(capture, [Ether(f) for f in frames])
        checks = ["ip", "udp", "tcp", "icmp"]
        prefs = [x for c in checks for x in ("-o", f"{c}.check_checksum:TRUE") if c != "icmp"]
        prefs += [x for d in self.decode_as for x in ("-d", d)]
        out = subprocess.run(["tshark", "-r", capture, *prefs, "-T", "fields", "-e", "frame.number",
                              "-e", "_ws.expert.message", "-e", "_ws.col.Info", "-Y",
                              "_ws.malformed || _ws.expert.severity >= error || "
                              "ip.checksum.status == Bad || udp.checksum.status == Bad || "
                              "tcp.checksum.status == Bad || icmp.checksum.status == Bad || "
                              "icmpv6.checksum.status == Bad"],
                             capture_output=True, text=True)
        if out.returncode != 0:
            return [f"tshark failed: {out.stderr}"]
        return len(frames), out.stdout.splitlines()

    def close(self):
        for p in reversed(self.children):
            p.send_signal(signal.SIGTERM)
        for p in self.children:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for ns in (self.upf_ns, self.wire_ns):
            subprocess.run(f"ip netns pids {ns} 2>/dev/null | xargs -r kill -9; ip netns del {ns}",
                           shell=True, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.tmp, ignore_errors=True)
        for path in (f"/dev/shm/{self.name}-tables", f"/dev/hugepages/{self.name}-tables"):
            if os.path.exists(path):
                os.unlink(path)


def die_on_signal():
    """Turn signals into exits, so that `finally` and atexit tidy up."""
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(130))
