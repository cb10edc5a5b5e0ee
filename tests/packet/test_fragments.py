# SPDX-License-Identifier: BSD-3-Clause
"""Tunnel packets in outer fragments, and packets too large for their link: who cuts, who is told."""
import random
import time

from scapy.all import (ICMP, IP, UDP, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment, Raw, defragment,
                       defragment6, fragment, fragment6, raw)
from scapy.contrib.gtp import GTP_U_Header

from harness import GNB4, N6_4, UPF4
from upf import UE4, UE6, Session, downlink4, downlink6, inner4, inner6

idents = iter(range(random.randrange(1 << 14), 1 << 16))


def cut4(packet, size=800):
    packet = IP(raw(packet))
    packet.id = next(idents)
    del packet.chksum
    return fragment(IP(raw(packet)), fragsize=size)


def cut6(packet, size=848):
    packet = IPv6(raw(packet))
    return fragment6(IPv6(src=packet.src, dst=packet.dst) / IPv6ExtHdrFragment(
        id=next(idents), nh=17) / Raw(raw(packet.payload)), size)


def cut(packet, **how):
    return cut4(packet, **how) if packet.version == 4 else cut6(packet, **how)


def frames(rig, pieces):
    return [rig.from_gnb(p) for p in pieces]


def is_sent_on(rig, pieces, inner, into=None):
    """The fragments in; out comes the user packet, one hop on."""
    got = rig.exchange(into or rig.n3, frames(rig, pieces), rig.n6)
    assert len(got) == 1, f"{len(got)} frames came out"
    out = got[0].payload
    assert raw(out.payload) == raw(inner.__class__(raw(inner)).payload)
    assert out.src == inner.src and out.dst == inner.dst


def inners():
    return [inner4(payload=bytes(range(256)) * 5), inner6(payload=bytes(range(256)) * 5)]


def test_outer_fragments_of_both_families(rig):
    for outer in (4, 6):
        with Session(rig, outer=outer) as s:
            for inner in inners():
                is_sent_on(rig, cut(s.gtpu(inner)), inner)
                pieces = cut(s.gtpu(inner))
                is_sent_on(rig, pieces[::-1], inner)
                pieces = cut(s.gtpu(inner), size=400)
                random.shuffle(pieces)
                is_sent_on(rig, pieces, inner)


def test_many_at_once(rig):
    """Fifty datagrams in three fragments each, all mixed; every session's worker gets its own."""
    rng = random.Random(7)
    sessions = [Session(rig, seid=50 + i) for i in range(4)]
    for i, s in enumerate(sessions):
        for pdr in s.object["pdrs"]:
            pdr["pdi"]["ue_ip_address"] = [{"ipv4": f"10.45.3.{i + 1}"}]
        s.__enter__()
    try:
        pieces, want = [], []
        for n in range(50):
            k = n % 4
            inner = inner4(payload=n.to_bytes(2, "big") * 600, src=f"10.45.3.{k + 1}")
            want.append(raw(inner[UDP].payload))
            pieces += cut(sessions[k].gtpu(inner), size=600)
        rng.shuffle(pieces)
        got = rig.exchange(rig.n3, frames(rig, pieces), rig.n6, want=50, timeout=3)
        assert sorted(raw(g[UDP].payload) for g in got) == sorted(want)
    finally:
        for s in sessions:
            s.__exit__()


def test_duplicates_and_overlaps(rig):
    for outer in (4, 6):
        with Session(rig, outer=outer) as s:
            inner = inner4(payload=b"d" * 1500)
            pieces = cut(s.gtpu(inner))
            before = rig.drops()
            is_sent_on(rig, [pieces[0], pieces[0]] + pieces[1:], inner)
            assert rig.drops()["ip.fragment_duplicate"] == before["ip.fragment_duplicate"] + 1
            pieces = cut(s.gtpu(inner))
            shifted = pieces[1].copy()
            if outer == 4:
                shifted.frag -= 1
                del shifted.chksum
            else:
                shifted[IPv6ExtHdrFragment].offset -= 1
            rig.silent(rig.n3, frames(rig, [pieces[0], shifted] + pieces[1:]))
            n = 2 + len(pieces) - 1
            assert rig.drops()["ip.fragment_overlap"] == before["ip.fragment_overlap"] + n


def test_a_missing_one(rig):
    """Its time runs out: dropped by name, held until then, and the sender is told."""
    with Session(rig) as s:
        pieces = cut(s.gtpu(inner4(payload=b"m" * 1500)))
        before = rig.drops()["ip.fragment_timeout"]
        got = rig.exchange(rig.n3, frames(rig, pieces[:-1]), rig.n3, None, 2.5, asks=True)
        got = [f for f in got if ICMP in f]
        assert len(got) == 1 and (got[0][ICMP].type, got[0][ICMP].code) == (11, 1)
        assert rig.drops()["ip.fragment_timeout"] == before + len(pieces) - 1


def held(rig):
    return sum(w.get("held", 0) for w in rig.call("worker.list")["items"])


def test_books_while_they_wait(rig):
    with Session(rig) as s:
        pieces = cut(s.gtpu(inner4(payload=b"m" * 1500)))
        before = held(rig)
        rig.silent(rig.n3, frames(rig, pieces[1:]))
        assert held(rig) == before + len(pieces) - 1
        w = rig.call("worker.list")["items"]
        gone = sum(x["tx"] + x["consumed"] + x["dropped"] + x.get("held", 0) for x in w)
        assert sum(x["rx"] + x["injected"] for x in w) == gone
        time.sleep(1.3)
        assert held(rig) == before


def test_fragments_from_inside(rig):
    """A user's to coast's own address are put together too; never with what came by wire."""
    with Session(rig) as s:
        user = IP(src=UE4, dst=N6_4) / UDP(sport=5, dport=2152) / Raw(b"i" * 1200)
        got = rig.exchange(rig.n3, [rig.from_gnb(s.gtpu(p)) for p in cut(user)], rig.n3)
        assert len(got) == 1 and (got[0][ICMP].type, got[0][ICMP].code) == (3, 3)
        before = rig.drops()["ip.fragment_timeout"]
        pieces = cut(user)
        rig.n6.send(rig.from_dn(pieces[0]))
        rig.silent(rig.n3, [rig.from_gnb(s.gtpu(p)) for p in pieces[1:]])
        time.sleep(1.3)
        assert rig.drops()["ip.fragment_timeout"] == before + len(pieces)
        rig.n3.drain()
        rig.n6.drain()


def test_a_storm_of_fragments(rig):
    rng = random.Random(3)
    with Session(rig) as s:
        for _ in range(3000):
            p = IP(src=GNB4, dst=UPF4, proto=17, id=rng.randrange(20), frag=rng.randrange(40),
                   flags=rng.choice(["MF", 0])) / Raw(bytes(rng.randrange(200)))
            rig.n3.send(rig.from_gnb(p))
        rig.n3.drain()
        rig.n6.drain()
        is_sent_on(rig, cut(s.gtpu(inner4(payload=b"s" * 1400))), inner4(payload=b"s" * 1400))


# ---- links that take less ------------------------------------------------------------------


class Mtu:
    """An interface's MTU for the length of a `with`; workers learn of it within seconds."""

    def __init__(self, rig, name, mtu):
        self.rig, self.name, self.mtu = rig, name, mtu
        self.was = rig.call("interface.get", {"name": name})

    def set(self, mtu):
        wish = {k: v for k, v in self.was.items() if k in (
            "name", "port", "network_instance", "addresses", "gtpu", "vlan")}
        self.rig.call("interface.put", {**wish, "mtu": mtu})
        time.sleep(2.5)

    def __enter__(self):
        self.set(self.mtu)

    def __exit__(self, *_):
        self.set(self.was.get("mtu", 0))


def whole_of(got, family):
    """The user packet in a tunnel packet that came in fragments."""
    packets = [g.payload for g in got]
    assert len(packets) > 1 and all(p.version == family for p in packets)
    out = defragment(packets)[0] if family == 4 else defragment6(packets)
    out = (IP if family == 4 else IPv6)(raw(out))
    inner = out[GTP_U_Header]
    while not isinstance(inner, (IP, IPv6)):
        inner = inner.payload
    return inner


def test_1280_bytes_get_through_whatever_the_link(rig):
    """IPv6 has a right to 1280 bytes: the tunnel's own packet is cut, nobody is asked for less."""
    with Mtu(rig, "n3", 1300):
        for outer in (4, 6):
            with Session(rig, outer=outer):
                p = downlink6(payload=b"v" * (1280 - 48))
                got = rig.exchange(rig.n6, rig.from_dn(p), rig.n3, want=2)
                assert all(len(g.payload) <= 1300 for g in got)
                inner = whole_of(got, outer)
                assert raw(inner.payload) == raw(IPv6(raw(p)).payload) and inner.dst == UE6
                got = rig.exchange(rig.n6, rig.from_dn(downlink6(payload=b"v" * 1233)), rig.n6)
                assert len(got) == 1 and got[0][ICMPv6PacketTooBig].mtu == 1280


def test_downlink_without_df_is_cut_inside(rig):
    with Mtu(rig, "n3", 1300):
        with Session(rig):
            p = downlink4(payload=bytes(range(250)) * 6, id=77)
            got = rig.exchange(rig.n6, rig.from_dn(p), rig.n3, want=2)
            inner = []
            for g in got:
                assert g[IP].flags == 0 and len(g.payload) <= 1300
                f = g[GTP_U_Header]
                while not isinstance(f, IP):
                    f = f.payload
                inner.append(IP(raw(f)))
            whole = IP(raw(defragment(inner)[0]))
            assert raw(whole[UDP].payload) == raw(p[UDP].payload)


def test_uplink_larger_than_n6(rig):
    """The UE is told through its tunnel; what may be cut is cut."""
    with Mtu(rig, "n6", 1300):
        with Session(rig) as s:
            got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(
                inner4(payload=b"u" * 1400, flags="DF"))), rig.n3)
            assert len(got) == 1 and (got[0][ICMP].type, got[0][ICMP].code) == (3, 4)
            assert got[0][ICMP].nexthopmtu == 1300 and got[0][GTP_U_Header].teid == 0x11
            got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner6(payload=b"u" * 1400))), rig.n3)
            assert len(got) == 1 and got[0][ICMPv6PacketTooBig].mtu == 1300
            p = inner4(payload=bytes(range(250)) * 5 + b"u" * 150, id=78)
            got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(p)), rig.n6, want=2)
            assert len(got) == 2 and all(len(g.payload) <= 1300 for g in got)
            whole = IP(raw(defragment([g.payload for g in got])[0]))
            assert raw(whole[UDP].payload) == raw(p[UDP].payload)
