# SPDX-License-Identifier: BSD-3-Clause
"""Random and mutated frames by the hundred thousand across sessions with every kind of rule; then
ordinary traffic, books that balance, and not a packet buffer missing.

STORM_FRAMES frames (run.py --storm) reach coast, 2 000 000 by default. Named to run last: what
tshark is to judge has been captured before.
"""
import os
import random
import time
from socket import inet_ntoa
from types import SimpleNamespace

from scapy.all import (ARP, IP, UDP, Dot1Q, Ether, IPv6, IPv6ExtHdrFragment, Raw, fragment,
                       fragment6, raw)
from scapy.contrib.gtp import GTP_U_Header

import octets
from harness import GNB4, GNB_MAC, N6_4, UPF4
from model_wide import Wide
from test_monitoring import answer, ntp_now, srr
from test_network import ns
from upf import UE4, Session, downlink4, downlink6, far_access, inner4, inner6

BRIDGED = 200000  # frames by default where a bridge carries some thousands a second


def mutate(rng, seed):
    m = bytearray(seed)
    for _ in range(rng.randint(0, 6)):
        # most changes beyond the MAC addresses, so that the parsers get to see them
        at = rng.randrange(12, len(m)) if rng.random() < 0.95 else rng.randrange(len(m))
        m[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
    if rng.random() < 0.2:
        del m[rng.randrange(14, len(m)):]
    return bytes(m)


def signals(s):
    """Messages about the tunnels of a session, and none that coast knows."""
    out = []
    for kind in (1, 2, 26, 31, 254, 3, 255):
        out.append(s.outer_ip() / UDP(sport=2152, dport=2152) / GTP_U_Header(
            teid=s.teid if kind > 31 else 0, gtp_type=kind, S=1, seq=7) /
            Raw(b"\x10\0\0\0\x11\x85\0\x04\xc0\0\x02\x02"))
    return out


def timed(s, inner):
    """Answers of a gNB to QoS monitoring: a container of PDU type 1 with its time stamps."""
    body = b"\x1e\x09" + bytes(24) + (5).to_bytes(4, "big") * 2 + bytes(2)
    body += bytes((-len(body) - 2) % 4)
    container = bytes([(len(body) + 2) // 4]) + body + b"\0"
    gtp = bytes([0x34, 255]) + (4 + len(container) + len(raw(inner))).to_bytes(2, "big")
    gtp += s.teid.to_bytes(4, "big") + b"\0\0\0\x85" + container + raw(inner)
    return s.outer_ip() / UDP(sport=2152, dport=2152, chksum=0) / Raw(gtp)


def seeds(rig, s):
    """Well-formed frames of all kinds, for either wire."""
    chain = raw(s.gtpu(inner4(), S=1, seq=3))
    n3 = [s.gtpu(inner4()), s.gtpu(inner6()), s.gtpu(inner4(), teid=1), s.gtpu(inner4(), qfi=None),
          s.gtpu(inner4(dst="10.45.4.1")), timed(s, inner4()), *signals(s),
          *fragment(s.gtpu(inner4(payload=b"f" * 900)), fragsize=400)]
    n3 = [raw(rig.from_gnb(p)) for p in n3]
    n3 += [raw(Ether(src=GNB_MAC, dst=rig.mac("n3"), type=0x800)) + chain,
           raw(Ether(src=GNB_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=GNB4, pdst=UPF4)),
           raw(ns("2001:db8:3::2", GNB_MAC, "2001:db8:3::1"))]
    long6 = IPv6(src="2001:db8:99::1", dst="2001:db8:45:2::2") / IPv6ExtHdrFragment() / UDP(
        sport=1, dport=2) / Raw(b"c" * 900)
    n6 = [downlink4(), downlink6(), downlink4(dst="10.45.9.9"), IP(dst=N6_4) / UDP(dport=7),
          downlink4(payload=b"b" * 1560), downlink6(payload=b"b" * 1540),
          downlink4(payload=b"b" * 1560, flags="DF"), downlink4(ttl=1),
          *fragment(downlink4(payload=b"f" * 900), fragsize=400), *fragment6(long6, 400)]
    n6 = [raw(rig.from_dn(p)) for p in n6]
    n6.append(raw(rig.from_dn(Dot1Q(vlan=42) / IP(dst="203.0.113.1") / UDP())))
    return n3, n6


def with_random_rules(rig, rng, n, n3, n6):
    """Sessions of the model's generator, and packets that hit their rules."""
    makers = [Wide(rng, 70000 + i, i // 2, ("internet", "other")[i % 2]) for i in range(n)]
    sets = [g.session() for g in makers]
    replies = rig.call("session.put", sets)
    by_ue = {}
    for i, (g, s, reply) in enumerate(zip(makers, sets, replies)):
        teids = {p["id"]: int(p["f_teid"]["teid"], 0) for p in reply["created_pdrs"]
                 if "f_teid" in p}
        by_ue[octets.ip4(g.ue4)] = next(iter(teids.values()))
        for k in range(12):
            teid, qfi, p = g.uplink_packet(s, teids)
            n3.append(raw(rig.from_gnb(Raw(octets.gpdu(
                teid, octets.ip_octets(p, k), qfi, octets.ip4(GNB4), octets.ip4(UPF4))))))
            n3[-1] = n3[-1][:12] + b"\x08\0" + n3[-1][14:]
            down = octets.ip_octets(g.packet("dl"), k)
            head = raw(rig.from_dn(Raw(b"")))[:12] + (b"\x81\0\0\x2a" if i % 2 else b"")
            n6.append(head + (b"\x08\0" if down[0] >> 4 == 4 else b"\x86\xdd") + down)
    return makers, sets, by_ue


def answer_some(rig, by_ue):
    """As a gNB does that measures delays: time stamps that came down go back up."""
    rig.n3.sock.setblocking(False)
    try:
        for _ in range(20000):
            f = rig.n3.sock.recv(2048)
            # IPv4, UDP to 2152, a container first, QMP in it
            if f[12:14] == b"\x08\0" and f[36:38] == b"\x08\x68" and len(f) > 110 and (
                    f[53:56] == b"\x85\x03\x08"):
                ue, sent, now = f[82:86], int.from_bytes(f[57:65], "big"), ntp_now()
                if by_ue.get(ue):
                    rig.n3.send(rig.from_gnb(answer(
                        SimpleNamespace(teid=by_ue[ue]), sent, now, now, f[56] & 63,
                        inner4(src=inet_ntoa(ue)))))
    except OSError:
        pass
    rig.n3.sock.setblocking(True)


def change_some(rig, rng, makers, sets):
    """What a control plane does meanwhile: any rule of any session."""
    i = rng.randrange(len(sets))
    try:
        rig.call("session.modify", makers[i].modification(sets[i]))
    except Exception as e:
        if "data" not in vars(e):  # refused: the session is not as it was when this was made up
            raise


def free_buffers(rig):
    return rig.call("system.info")["packet_buffers_free"]


def taken(rig):
    return sum(x["rx"] for x in rig.call("worker.list")["items"])


def imbalance(rig):
    w = rig.call("worker.list")["items"]
    come = sum(x["rx"] + x["injected"] for x in w)
    gone = sum(x["tx"] + x["consumed"] + x["held"] for x in w)
    return come - gone - sum(rig.drops().values())


def blow(rig, rng, pools, s, makers, sets, by_ue, frames):
    """Send until so many have reached coast; the links lose some on the way."""
    sent = rounds = 0
    come = taken(rig)
    while sent < frames or taken(rig) - come < frames and sent < 2 * frames:
        for w, pool in pools:
            for _ in range(500):
                try:
                    w.sock.send(rng.choice(pool))
                    sent += 1
                except OSError:
                    pass  # the link's queue is full: the frame was not sent
        rounds += 1
        if rounds % 5 == 0:
            change_some(rig, rng, makers, sets)
            # Error Indications among the mutants close the downlink tunnel
            s.modify(update_fars=[far_access()])
            answer_some(rig, by_ue)
        if rounds % 50 == 0:
            assert rig.coastd.poll() is None, "coastd died"
    return sent


def test_storm(rig):
    rng = random.Random(2)
    frames = int(os.environ.get("STORM_FRAMES", BRIDGED if rig.ports == "virtio" else 2000000))
    rest, refused = free_buffers(rig), rig.drops().get("upf.quota", 0)
    judged = [len(w.seen) for w in (rig.n3, rig.n6)]
    with Session(rig, **srr(["PERIO"], measurement_period=1)) as s:
        n3, n6 = seeds(rig, s)
        makers, sets, by_ue = with_random_rules(rig, rng, 60, n3, n6)
        by_ue[octets.ip4(UE4)] = s.teid  # random rules may let no answer pass
        # a pool of mutants drawn from many times would miss nothing but costs less than
        # that many fresh ones: one in five is new, the rest are drawn again
        pools = [(rig.n3, [mutate(rng, rng.choice(n3)) for _ in range(frames // 10)]),
                 (rig.n6, [mutate(rng, rng.choice(n6)) for _ in range(frames // 10)])]
        for w, pool in pools:
            pool += [rng.randbytes(rng.randint(14, 200)) for _ in range(frames // 100)]
            w.sock.setblocking(True)
        started, come = time.monotonic(), taken(rig)
        sent = blow(rig, rng, pools, s, makers, sets, by_ue, frames)
        rate = sent / (time.monotonic() - started)
        rig.wait(lambda: imbalance(rig) == 0, 15, "what was received to be done with")
        come = taken(rig) - come
        flows = [f for x in rig.call("session.get", [{"seid": x["seid"]} for x in sets])
                 for r in x.get("srrs", []) for f in r["flows"]]
        marked, answered = (sum(f[k] for f in flows + s.state()["srrs"][0]["flows"])
                            for k in ("marked", "answered"))
        assert marked, "no packet bore a time stamp"
        assert rig.drops().get("upf.quota", 0) > refused, "no quota was spent"
        rig.call("session.delete", [{"seid": x["seid"]} for x in sets])
        time.sleep(1)
        for w, _ in pools:
            w.drain()
        # Error Indications among the mutants have closed the downlink tunnel
        s.modify(update_fars=[far_access()])
        # neighbours may have been taught nonsense by mutants of ARP: statics must hold
        got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6, None, 1)
        assert any(UDP in f and f[UDP].dport == 2000 for f in got), "uplink is dead"
        got = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3, None, 1)
        assert any(GTP_U_Header in f for f in got), "downlink is dead"
    # errors about mutants quote what is wrong with them: nothing for tshark to judge
    for w, n in zip((rig.n3, rig.n6), judged):
        del w.seen[n:]
    rig.wait(lambda: imbalance(rig) == 0, 15, f"the books to balance, off by {imbalance(rig)}")
    # rings of the ports hold a burst more or less at any time; a leak of one packet in a
    # thousand would be more
    lost = 0

    def whole():
        nonlocal lost
        lost = rest - free_buffers(rig)
        return lost <= 256
    rig.wait(whole, 45, f"packet buffers to come back: {rest - free_buffers(rig)} are missing")
    print(f"  storm: {sent} frames, {rate:.0f} a second, {come} reached coast; {answered} of "
          f"{marked} time stamps answered; buffers in use {lost:+d}", flush=True)
