# SPDX-License-Identifier: BSD-3-Clause
"""Creates, modifies and deletes of sessions with every kind of rule, in random order, under traffic
that never stops. STRESS_SECONDS (run.py --stress) of it.

After each reply about one session a packet is sent to it: it is treated by the new rules, never by
the old ones. In a sanitizer build records that were given back are poisoned, so that a worker that
still goes by one is caught in the act (dataplane/base/poison.h).
"""
import os
import random
import threading
import time

from scapy.all import raw

import octets
from harness import GNB4, UPF4, RpcError
from model_gen import packed
from model_wide import Wide
from test_zstorm import free_buffers, imbalance
from upf import Session, downlink4, far_access, far_core, pdr_dl, pdr_ul

SESSIONS, FIRST = 40, 80000
UE = "10.45.0.77"


class Blast(threading.Thread):
    """Frames into both wires without end; which ones may be changed at any time."""

    def __init__(self, rig):
        super().__init__(daemon=True)
        self.rig, self.frames, self.on, self.sent = rig, {}, True, 0
        self.quiet = False

    def run(self):
        rng = random.Random(7)
        while self.on:
            some = list(self.frames.values())
            if not some or self.quiet:
                time.sleep(0.001)
                continue
            for _ in range(20):
                for wire, frame in rng.choice(some):
                    try:
                        wire.sock.send(frame)
                        self.sent += 1
                    except OSError:
                        pass
            # links and, on virtio, the bridge must not drown
            time.sleep(0.002 if self.rig.ports == "virtio" else 0.0005)

    def stop(self):
        self.on = False
        self.join()


class Changes:
    """Random sessions, as a control plane of a bad day makes them."""

    def __init__(self, rig, blast):
        self.rig, self.blast, self.rng = rig, blast, random.Random(11)
        self.live, self.done, self.refused = {}, 0, 0
        head = raw(rig.from_gnb(b""))[:12]
        self.head = {"n3": head, "n6": raw(rig.from_dn(b""))[:12]}

    def one(self):
        slot = self.rng.randrange(SESSIONS)
        seid = FIRST + slot
        kind = self.rng.random()
        try:
            if seid not in self.live or kind < 0.1:
                self.put(seid, slot)
            elif kind < 0.25:
                self.rig.call("session.delete", {"seid": seid})
                del self.live[seid]
                self.blast.frames.pop(seid, None)
            else:
                g, s = self.live[seid]
                change = g.modification(s)
                self.rig.call("session.modify", change)
                from model import modified
                self.live[seid] = g, modified(s, change)
            self.done += 1
        except RpcError as e:
            # an uplink rule may by chance name a FAR that buffers: refused, and nothing changed
            assert e.code in (-32602, -22) or "field" in e.data, e
            self.refused += 1

    def put(self, seid, slot):
        g = Wide(self.rng, seid, slot // 2, ("internet", "other")[slot % 2])
        s = g.session()
        reply = self.rig.call("session.put", s)
        reply = reply[0] if isinstance(reply, list) else reply
        teids = {p["id"]: int(p["f_teid"]["teid"], 0) for p in reply["created_pdrs"]
                 if "f_teid" in p}
        self.live[seid] = g, s
        frames = []
        for k in range(8):
            teid, qfi, p = g.uplink_packet(s, teids)
            frames.append((self.rig.n3, self.head["n3"] + b"\x08\0" + octets.gpdu(
                teid, octets.ip_octets(p, k), qfi, octets.ip4(GNB4), octets.ip4(UPF4))))
            down = octets.ip_octets(g.packet("dl"), k)
            tag = b"\x81\0\0\x2a" if slot % 2 else b""
            kind = b"\x08\0" if down[0] >> 4 == 4 else b"\x86\xdd"
            frames.append((self.rig.n6, self.head["n6"] + tag + kind + down))
        self.blast.frames[seid] = frames


class Probe:
    """One session whose rules change again and again, and a packet behind each reply."""

    def __init__(self, rig, session, blast):
        self.rig, self.s, self.blast, self.n = rig, session, blast, 0
        self.rng = random.Random(5)

    def packet(self, number):
        inner = downlink4(dst=UE, payload=octets.MARK + number.to_bytes(4, "big"))
        self.rig.n6.sock.send(raw(self.rig.from_dn(inner)))

    def answer(self, number, timeout):
        """The TEID that the packet left by; None: it did not."""
        sock, end = self.rig.n3.sock, time.monotonic() + timeout
        while time.monotonic() < end:
            sock.settimeout(max(0.001, end - time.monotonic()))
            try:
                frame = sock.recv(65535)
            except OSError:
                break
            read = octets.read_frame(frame) if len(frame) > 60 else None
            if read and octets.number_of(read["inner"]) == number and (
                    read["inner"][16:20] == packed(UE)):
                return read.get("teid")
        return None

    def through(self, number, timeout):
        """The links are full and may lose a packet: the TEID by which one of some left."""
        got = None
        for i in range(10):
            self.blast.quiet = i > 1
            self.packet(number)
            got = self.answer(number, timeout)
            if got is not None:
                break
        self.blast.quiet = False
        return got

    def once(self):
        self.n += 1
        number, kind = 0x50000000 + self.n, self.rng.random()
        if kind < 0.7:
            teid = 0x60000000 + self.n
            self.s.modify(update_fars=[far_access(teid=teid)])
            got = self.through(number, 0.3)
            assert got == teid, f"behind reply {self.n}: TEID {got and hex(got)}, not {teid:#x}"
        elif kind < 0.85:
            self.s.modify(update_fars=[{"id": 2, "apply_action": ["DROP"]}])
            self.packet(number)
            assert self.answer(number, 0.05) is None, f"left after DROP was confirmed ({self.n})"
        else:
            self.s.modify(update_fars=[{"id": 2, "apply_action": ["BUFF"]}])
            for i in range(10):
                self.blast.quiet = i > 1
                for _ in range(5):
                    self.packet(number)
                assert self.answer(number, 0.05) is None, "left after BUFF was confirmed"
                if self.s.state()["buffer"]["packets"] > 2:
                    break
            teid = 0x60000000 + self.n
            self.s.modify(update_fars=[far_access(teid=teid)])
            assert self.answer(number, 2) == teid, "what waited did not leave"
            self.blast.quiet = False


def test_changes_under_traffic(rig):
    seconds = float(os.environ.get("STRESS_SECONDS", 10))
    free = free_buffers(rig)
    ue = [{"ipv4": UE}]
    blast = Blast(rig)
    blast.start()
    changes = Changes(rig, blast)
    try:
        with Session(rig, seid=FIRST - 1, fars=[far_core(), far_access()],
                     pdrs=[pdr_ul(ue_ip_address=ue), pdr_dl(ue_ip_address=ue)]) as s:
            probe = Probe(rig, s, blast)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for _ in range(4):
                    changes.one()
                probe.once()
                assert rig.coastd.poll() is None, "coastd died"
    finally:
        blast.stop()
        rig.call("session.delete", [{"seid": i} for i in changes.live])
    assert changes.done > 20 * changes.refused, f"{changes.refused} refused"
    rig.wait(lambda: imbalance(rig) == 0, 15, f"the books to balance, off by {imbalance(rig)}")
    rig.wait(lambda: free - free_buffers(rig) <= 256, 15, "packet buffers to come back")
    for w in (rig.n3, rig.n6):
        w.drain()
    print(f"  stress: {changes.done} changes, {probe.n} probed, {changes.refused} refused, "
          f"{blast.sent} frames meanwhile", flush=True)
