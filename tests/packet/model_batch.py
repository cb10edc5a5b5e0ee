# SPDX-License-Identifier: BSD-3-Clause
"""Random rule sets on a coastd, random traffic through its ports, and the model beside it.

A batch is some hundred sessions put in one call. Its packets go in bursts into N3 and N6 in turn;
a ping behind each burst tells that all of it has been treated, so that the model sees the packets
in the same order. Then all must be equal: each packet's way and octets, counters by rule, drops by
reason. Then the batch is modified in one call, and the first packet behind the reply is treated by
the new rules.
"""
import copy
import itertools
import socket
import time
from collections import Counter

import model
import octets
from harness import DN4, DN_MAC, GNB4, GNB_MAC, N6_4, N6_6, UPF4, UPF6
from model_gen import packed

VLAN = {"internet": None, "other": 42}
OWN = [packed(a) for a in (N6_4, N6_6, "203.0.113.1", "2001:db8:7::1")]
BURST = 96


class Difference(Exception):
    pass


class Lost(Exception):
    """Frames did not reach coast: nothing can be said."""


class Link:
    """Both wires, for frames by the thousand."""

    def __init__(self, rig):
        self.rig, self.wires = rig, {"n3": rig.n3, "n6": rig.n6}
        mac = {p: bytes.fromhex(rig.mac(p).replace(":", "")) for p in self.wires}
        mine = {"n3": bytes.fromhex(GNB_MAC.replace(":", "")),
                "n6": bytes.fromhex(DN_MAC.replace(":", ""))}
        self.head = {p: mac[p] + mine[p] for p in self.wires}
        self.pings = self.sent = 0
        self.burst = BURST
        self.seen = {"n3": [], "n6": []}

    def send(self, port, packet, vlan=None):
        tag = b"" if vlan is None else b"\x81\0" + vlan.to_bytes(2, "big")
        kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
        self.wires[port].sock.send(self.head[port] + tag + kind + packet)
        self.sent += 1

    def lost(self):
        """Of the frames sent since the last call: how many have not come to coast."""
        come = sum(w["rx"] for w in self.rig.call("worker.list")["items"])
        lost = self.sent - (come - getattr(self, "come", come))
        self.come, self.sent = come, 0
        return lost

    def take(self, port, timeout):
        """Frames waiting there, put away; whether a ping's answer was among them."""
        wire, answered = self.wires[port], False
        wire.sock.settimeout(timeout)
        try:
            while True:
                frame, extra, _, addr = wire.sock.recvmsg(65535, 64)
                if addr[2] != socket.PACKET_OUTGOING:
                    frame = wire.with_tag(frame, extra)
                    if frame[12:14] == b"\x08\0" and frame[23] == 1 and (
                            frame[34] == 0 and frame[42:50] == b"barrier:"):
                        answered = answered or frame[50:54] == self.pings.to_bytes(4, "big")
                    else:
                        self.seen[port].append(frame)
                if answered:
                    wire.sock.settimeout(0)
        except (socket.timeout, BlockingIOError):
            return answered

    def barrier(self, port):
        src, dst = (GNB4, UPF4) if port == "n3" else (DN4, N6_4)
        src, dst = octets.ip4(src), octets.ip4(dst)
        for _ in range(3):  # the ping itself may be lost
            self.pings += 1
            body = octets.l4_octets(octets.ICMP, 1, 1, 0, b"barrier:" + self.pings.to_bytes(
                4, "big"), src, dst)
            head = b"\x45\0" + (20 + len(body)).to_bytes(2, "big") + b"\0\0\0\0\x40\x01\0\0"
            head += src + dst
            head = head[:10] + octets.checksum(head).to_bytes(2, "big") + head[12:]
            self.send(port, head + body)
            if self.take(port, 2):
                self.settle()
                return
        raise RuntimeError(f"{port}: pings are not answered")

    def settle(self):
        """Other workers may still be busy with what was handed to them."""
        before = None
        while self.rig.workers > 1:
            now = [(w["rx"], w["tx"], w["dropped"], w["held"], w["consumed"])
                   for w in self.rig.call("worker.list")["items"]]
            if now == before:
                break
            before = now
            time.sleep(0.001)

    def results(self, wanted):
        """Everything that has come out, by packet number."""
        end = time.monotonic() + 1
        out = {}
        while True:
            for port in self.wires:
                self.take(port, 0.002)
                for frame in self.seen[port]:
                    read = octets.read_frame(frame)
                    if read and octets.read_ip(read["inner"])[3] in OWN:
                        continue  # an ICMP error of coast's own, about a packet that it dropped
                    number = read and octets.number_of(read["inner"])
                    if number is not None:
                        out.setdefault(number, []).append((port, read))
                self.seen[port] = []
            if len(out) >= wanted or time.monotonic() > end:
                return out


class Batch:
    """Rule sets and packets; can be run again, and with less of them."""

    def __init__(self, sets, packets, changes=None, instances=None):
        # packets: (set, PDR id for its F-TEID or None, QFI, packet, phase)
        self.sets, self.packets, self.changes = sets, packets, changes or {}
        self.instances = instances

    def run(self, link):
        """What differs: a list, empty when nothing does."""
        rig, out = link.rig, []
        reply = rig.call("session.put", self.sets)
        sessions = [model.Session(copy.deepcopy(o), self.teids(r))
                    for o, r in zip(self.sets, reply)]
        try:
            self.home = {}
            self.inner = {}  # number: the packet as it waits
            for s, instance in zip(sessions, self.instances):
                for a in s.ue:
                    self.home[instance, packed(a.split("/")[0])[:8]] = s
            for phase in (0, 1):
                before = rig.drops()
                self.expect, self.reasons = {}, Counter()
                if phase == 1:
                    self.modify(rig, sessions)
                link.lost()
                self.traffic(link, sessions, phase)
                if link.lost():
                    raise Lost
                out += self.compare(link.results(len(self.expect)), before, rig, phase)
                out += self.compare_counts(rig, sessions)
        except Lost:
            link.results(0)
            raise
        finally:
            before = rig.drops()
            rig.call("session.delete", [{"seid": s["seid"]} for s in self.sets])
            out += self.end(rig, before.get("upf.buffer_discarded", 0), sessions)
        return out

    @staticmethod
    def teids(reply):
        return {p["id"]: int(p["f_teid"]["teid"], 0) for p in reply.get("created_pdrs", [])
                if "f_teid" in p}

    def modify(self, rig, sessions):
        by_seid = {s.obj["seid"]: s for s in sessions}
        changes = [self.changes[i] for i in by_seid if i in self.changes]
        for r in rig.call("session.modify", changes) if changes else []:
            s = by_seid[r["seid"]]
            s.rules(model.modified(s.obj, self.changes[r["seid"]]))
            s.teids.update(self.teids(r))
            present = {p["id"] for p in s.obj["pdrs"]}
            s.teids = {i: t for i, t in s.teids.items() if i in present}
            for p, verdict in s.released():
                self.note(p["number"], verdict, self.inner[p["number"]])

    @staticmethod
    def end(rig, before, sessions):
        """What still waited is lost with the sessions."""
        want, end = sum(len(s.held) for s in sessions), time.monotonic() + 2
        while True:
            have = rig.drops().get("upf.buffer_discarded", 0) - before
            if have == want:
                return []
            if time.monotonic() > end:
                return [(None, f"discarded at the end: model {want}, coast {have}")]
            time.sleep(0.01)

    def note(self, n, verdict, inner):
        if isinstance(verdict, model.Drop):
            self.reasons[verdict.reason] += 1
        elif isinstance(verdict, model.Held):
            self.inner[n] = inner
        else:
            self.expect[n] = self.octets_of(verdict, inner)

    def traffic(self, link, sessions, phase):
        """Turn by turn, in each one N3's packets and then N6's: the order holds when packets are
        left out."""
        mine = [(n, x) for n, x in enumerate(self.packets) if x[4] == phase]
        mine.sort(key=lambda nx: (nx[1][3]["turn"], nx[1][1] is None, nx[0]))
        for (_, port), some in itertools.groupby(
                mine, lambda nx: (nx[1][3]["turn"], "n6" if nx[1][1] is None else "n3")):
            some = list(some)
            for at in range(0, len(some), link.burst):
                for n, x in some[at:at + link.burst]:
                    self.packet(link, port, sessions, n, *x[:4])
                link.barrier(port)
        for s in sessions:
            self.reasons["upf.buffer_oldest"] += len(s.lost)
            s.lost = []
        self.reasons = +self.reasons

    def packet(self, link, port, sessions, n, which, pdr, qfi, p):
        s, inner, p = sessions[which], octets.ip_octets(p, n), {**p, "number": n}
        if port == "n3":
            teid = s.teids.get(pdr)
            if teid is None:
                return  # its PDR is gone
            link.send(port, octets.gpdu(teid, inner, qfi, octets.ip4(GNB4), octets.ip4(UPF4)))
            verdict = s.treat(p, len(inner), teid, qfi)
        else:
            link.send(port, inner, VLAN[self.instances[which]])
            verdict = (s.treat(p, len(inner)) if s.owns(p["dst"]) else
                       model.Drop("upf.no_session"))
        self.note(n, *self.second_leg(verdict, p, inner))

    def second_leg(self, verdict, p, inner):
        """From user to user: what comes out of one's tunnel is the other's downlink."""
        other = isinstance(verdict, model.Plain) and self.home.get(
            (verdict.instance, p["dst"][:8]))
        if not other:
            return verdict, inner
        return (other.treat({**p, "tos": verdict.tos}, len(inner)),
                octets.with_tos(inner, verdict.tos))

    @staticmethod
    def octets_of(verdict, inner):
        if isinstance(verdict, model.Plain):
            return ("n6", {"vlan": VLAN[verdict.instance], "inner": octets.with_tos(
                octets.one_hop_less(inner), verdict.tos)})
        local = octets.ip4(UPF4) if len(verdict.peer) == 4 else octets.ip6(UPF6)
        return ("n3", {"vlan": None, "src": local, "dst": verdict.peer, "tos": verdict.tos,
                       "type": 255, "teid": verdict.teid, "psc": verdict.psc,
                       "inner": octets.one_hop_less(inner) if verdict.hop else inner})

    @staticmethod
    def show(read):
        return {k: v.hex()[:96] if isinstance(v, bytes) else v for k, v in read.items()}

    def compare(self, got, before, rig, phase):
        expect, reasons = self.expect, self.reasons
        out = []
        for n in sorted(set(expect) | set(got)):
            want, have = expect.get(n), got.get(n, [])
            if want is None:
                out.append((n, f"should be dropped, came out of {have[0][0]} as "
                               f"{self.show(have[0][1])}"))
            elif not have:
                out.append((n, f"should come out of {want[0]} as {self.show(want[1])}, did not"))
            elif len(have) > 1:
                out.append((n, f"came out {len(have)} times"))
            elif have[0] != want:
                differs = [k for k in want[1] if want[1][k] != have[0][1].get(k)]
                out.append((n, f"differs in {differs or 'port'}: model {want[0]} "
                               f"{self.show(want[1])}, coast {have[0][0]} "
                               f"{self.show(have[0][1])}"))
        after = rig.drops()
        have = Counter({k: after[k] - before.get(k, 0) for k in after
                        if k.startswith("upf.") and after[k] != before.get(k, 0)})
        if have != reasons:
            out.append((None, f"drops in phase {phase}: model {dict(reasons)}, coast {dict(have)}"))
        return out

    def compare_counts(self, rig, sessions):
        out = []
        state = {s["seid"]: s for s in rig.call("session.get", [{"seid": s["seid"]}
                                                                for s in self.sets])}
        for s in sessions:
            seid = s.obj["seid"]
            want = {p["id"]: list(s.counts[p["id"]]) for p in s.pdrs}
            have = {p["id"]: [p["packets"], p["bytes"]] for p in state[seid]["pdrs"]}
            if want != have:
                differ = {i: (want.get(i), have.get(i)) for i in set(want) | set(have)
                          if want.get(i) != have.get(i)}
                out.append((("seid", seid), f"PDR counters (model, coast): {differ}"))
            out += self.compare_usage(s, state[seid])
        return out

    @staticmethod
    def compare_usage(s, state):
        out = []
        for u in state.get("urrs", []):
            have = u["volume_measured"]
            have = {w: [have[w + "_packets"], have[w]] for w in ("ul", "dl")}
            if have != s.usage[u["id"]]:
                out.append((("seid", s.obj["seid"]), f"usage of URR {u['id']}, packets and octets: "
                                                     f"model {s.usage[u['id']]}, coast {have}"))
        return out

    # ---- less of it

    def only(self, keep_sets, keep_packets=None):
        index = {old: new for new, old in enumerate(keep_sets)}
        packets = [(index[x[0]], *x[1:]) for n, x in enumerate(self.packets)
                   if x[0] in index and (keep_packets is None or n in keep_packets)]
        return Batch([self.sets[i] for i in keep_sets], packets,
                     {self.sets[i]["seid"]: self.changes[self.sets[i]["seid"]] for i in keep_sets
                      if self.sets[i]["seid"] in self.changes},
                     [self.instances[i] for i in keep_sets])

    def partners(self, which):
        """The sets that its packets end at, too."""
        found = {which}
        for x in self.packets:
            if x[0] == which:
                for i, s in enumerate(self.sets):
                    texts = [t.get("ipv4") or t["ipv6"] for r in s["pdrs"]
                             for t in r["pdi"].get("ue_ip_address", [])]
                    if any(packed(t)[:8] == x[3]["dst"][:8] for t in texts) and (
                            self.instances[i] == self.instances[which]):
                        found.add(i)
        return sorted(found)
