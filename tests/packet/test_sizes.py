# SPDX-License-Identifier: BSD-3-Clause
"""Packets that do not fit, and tunnel packets in pieces (RFC 791, RFC 8200, RFC 1191, RFC 8201;
TS 29.281 4.2.2; RFC 1858, RFC 5722)."""
import random

from scapy.all import (ICMP, IP, UDP, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment, defragment,
                       fragment, fragment6, raw)
from scapy.contrib.gtp import GTP_U_Header

from harness import GNB6, UPF6
from test_uplink import forwarded
from upf import Session, downlink4, downlink6, inner4, inner6

N3_MTU = 1600


def inner_of(frame, n):
    return raw(frame[UDP])[-n:]


def test_inner_fragmentation(rig):
    """IPv4 without DF: cut before it enters the tunnel, whole again at the UE; counted as sent."""
    with Session(rig) as s:
        big = downlink4(payload=random.Random(4).randbytes(1560))
        got = rig.exchange(rig.n6, rig.from_dn(big), rig.n3, 2)
        assert len(got) == 2
        assert all(f[IP].len <= N3_MTU and not f[IP].flags.MF and f[IP].frag == 0 for f in got)
        pieces = [f[GTP_U_Header].payload for f in got]
        while not isinstance(pieces[0], IP):
            pieces = [p.payload for p in pieces]
        whole = defragment([IP(raw(p)) for p in pieces])
        assert len(whole) == 1 and raw(whole[0][UDP]) == raw(big[UDP])
        assert s.counts()[2][1] == sum(p.len for p in pieces)


def test_sender_is_told(rig):
    """DF and IPv6: what fits is told exactly, and that size does fit."""
    with Session(rig):
        got = rig.exchange(rig.n6, rig.from_dn(downlink4(payload=b"m" * 1560, flags="DF")), rig.n6)
        mtu = got[0][ICMP].nexthopmtu
        assert mtu == N3_MTU - 44
        fits = downlink4(payload=b"m" * (mtu - 28), flags="DF")
        assert len(rig.exchange(rig.n6, rig.from_dn(fits), rig.n3)) == 1
        got = rig.exchange(rig.n6, rig.from_dn(downlink6(payload=b"m" * 1540)), rig.n6)
        mtu = got[0][ICMPv6PacketTooBig].mtu
        assert mtu == N3_MTU - 44
        assert len(rig.exchange(rig.n6, rig.from_dn(downlink6(payload=b"m" * (mtu - 48))),
                                rig.n3)) == 1


def pieces4(s, inner, size=512):
    return fragment(s.gtpu(inner), fragsize=size)


def pieces6(s, inner, size=600):
    packet = s.gtpu(inner)
    whole = IPv6(src=GNB6, dst=UPF6) / IPv6ExtHdrFragment(id=random.getrandbits(32)) / packet[UDP]
    # the UDP checksum is over the whole: made before it is cut
    whole[UDP].chksum = IPv6(raw(IPv6(src=GNB6, dst=UPF6) / packet[UDP]))[UDP].chksum
    return fragment6(whole, size)


def expect(rig, s, frames, inner, want=1):
    got = rig.exchange(rig.n3, [rig.from_gnb(f) for f in frames], rig.n6, want, 0.4)
    assert len(got) == want, f"{len(got)} came out"
    for f in got:
        assert raw(f.payload).endswith(raw(inner.payload))


def test_outer_reassembly(rig):
    """In order, backwards, shuffled, twice at once; IPv4 and IPv6 outside."""
    rng = random.Random(9)
    with Session(rig) as s:
        for n, way in enumerate((list, lambda x: x[::-1], lambda x: rng.sample(x, len(x)))):
            inner = inner4(payload=rng.randbytes(1300))
            frames = pieces4(s, inner)
            for f in frames:
                f.id = 1000 + n
            expect(rig, s, way(frames), inner)
        inner = [inner4(payload=rng.randbytes(1000)) for _ in range(2)]
        frames = []
        for n, i in enumerate(inner):
            these = pieces4(s, i)
            for f in these:
                f.id = 2000 + n
            frames += these
        rng.shuffle(frames)
        got = rig.exchange(rig.n3, [rig.from_gnb(f) for f in frames], rig.n6, 2)
        assert len(got) == 2
        assert s.counts()[1] == (5, 3 * 1328 + 2 * 1028)
    with Session(rig, outer=6) as s:
        inner = inner6(payload=rng.randbytes(1300))
        expect(rig, s, pieces6(s, inner), inner)
        expect(rig, s, pieces6(s, inner)[::-1], inner)


def test_a_missing_piece_is_waited_for_and_given_up(rig):
    """No buffer is lost for what never becomes whole."""
    def books():
        w = rig.call("worker.list")["items"]
        return (sum(x["rx"] + x["injected"] - x["tx"] - x["consumed"] - x["held"] for x in w) -
                sum(rig.drops().values()))
    with Session(rig) as s:
        rig.silent(rig.n3, [rig.from_gnb(f) for f in pieces4(s, inner4(payload=b"p" * 900))[:-1]])
        rig.wait(lambda: books() == 0, 3, f"the books to balance with held pieces: {books()}")
        forwarded(rig, s, inner4())


def test_overlapping_pieces_are_refused(rig):
    """RFC 5722, RFC 1858: pieces that overlap are an attack, and none of them counts."""
    with Session(rig) as s:
        inner = inner4(payload=b"o" * 900)
        frames = pieces4(s, inner, 400)
        for f in frames:
            f.id = 3001
        evil = frames[1].copy()
        evil.frag -= 2
        rig.silent(rig.n3, [rig.from_gnb(f) for f in [frames[0], evil, *frames[1:]]])
        forwarded(rig, s, inner4())


def test_many_unfinished_are_bounded(rig):
    """A flood of first pieces takes a bounded share; whole packets pass all the while."""
    free = rig.call("system.info")["packet_buffers_free"]
    with Session(rig) as s:
        first = raw(rig.from_gnb(pieces4(s, inner4(payload=b"f" * 900), 400)[0]))
        head = bytearray(first)
        for i in range(20000):
            head[18:20] = (i & 0xffff).to_bytes(2, "big")
            head[24:26] = b"\0\0"
            c = 0
            for j in range(14, 34, 2):
                c += int.from_bytes(head[j:j + 2], "big")
            c = (c & 0xffff) + (c >> 16)
            c = (c & 0xffff) + (c >> 16)
            head[24:26] = (~c & 0xffff).to_bytes(2, "big")
            try:
                rig.n3.sock.send(bytes(head))
            except OSError:
                pass
        forwarded(rig, s, inner4())
        taken = free - rig.call("system.info")["packet_buffers_free"]
        assert taken < free // 2, f"{taken} of {free} buffers wait for their rest"


def test_tunnel_to_tunnel_too_large(rig):
    """Nobody can be told between two tunnels: cut outside, the last resort of TS 29.281 4.2.2."""
    far = {"id": 1, "apply_action": ["FORW"], "forwarding_parameters": {
        "destination_interface": "core", "network_instance": "access", "outer_header_creation": {
            "description": "gtpu-udp-ipv6", "teid": "0x9001", "ipv6": GNB6}}}
    with Session(rig, fars=[far, {"id": 2, "apply_action": ["DROP"]}]) as s:
        # fits with 36 octets outside, not with 64
        inner = inner4(payload=b"b" * 1520)
        packet = s.gtpu(inner)
        assert len(raw(packet)) <= N3_MTU
        rig.n3.drain()
        rig.n3.send(rig.from_gnb(packet))
        got = rig.n3.receive(0.5)
        assert got and all(len(raw(f)) <= N3_MTU + 14 for f in got)
        assert any(IPv6ExtHdrFragment in f for f in got)
