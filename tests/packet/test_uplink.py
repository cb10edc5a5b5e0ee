# SPDX-License-Identifier: BSD-3-Clause
"""Uplink: GTP-U in on N3, the user's packet out on N6."""
from scapy.all import ICMP, IP, TCP, UDP, IPv6, IPv6ExtHdrFragment, Raw, fragment, raw
from scapy.contrib.gtp import GTP_U_Header

from harness import DN4, DN6, DN_MAC, GNB4, UPF4
from upf import (UE4, UE6, Session, far_access, far_core, inner4, inner6, pdr_dl, pdr_ul)


def forwarded(rig, s, inner, **gtpu):
    """Send one G-PDU; the packet on N6 must be the inner one with its TTL one less."""
    got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner, **gtpu)), rig.n6)
    assert len(got) == 1, "nothing came out"
    out = got[0]
    assert out.dst == DN_MAC
    want = inner.copy()
    if IPv6 in want and want.version == 6:
        want.hlim -= 1
    else:
        want.ttl -= 1
        want.chksum = None
    assert raw(out.payload)[:len(raw(want))] == raw(want), "inner packet changed on the way"
    return out


def dropped(rig, frames, reason, n=1):
    before = rig.drops().get(reason, 0)
    rig.silent(rig.n3, frames)
    after = rig.drops().get(reason, 0)
    assert after - before == n, f"{reason} rose by {after - before}, not {n}"


def test_plain_ipv4(rig):
    with Session(rig) as s:
        forwarded(rig, s, inner4())
        assert s.counts()[1] == (1, 60)


def test_plain_ipv6(rig):
    with Session(rig) as s:
        forwarded(rig, s, inner6())


def test_outer_ipv6(rig):
    with Session(rig, outer=6) as s:
        forwarded(rig, s, inner4())
        forwarded(rig, s, inner6())


def test_sizes(rig):
    with Session(rig) as s:
        for n in (0, 1, 18, 100, 1000, 1400, 1472):
            forwarded(rig, s, inner4(payload=b"z" * n))


def test_without_session_container(rig):
    with Session(rig) as s:
        forwarded(rig, s, inner4(), qfi=None)


def test_sequence_number_and_npdu(rig):
    with Session(rig) as s:
        forwarded(rig, s, inner4(), qfi=None, S=1, seq=77)
        forwarded(rig, s, inner4(), qfi=None, PN=1, npdu=3)
        forwarded(rig, s, inner4(), S=1, seq=65535)


def gpdu(s, flags, optional, inner):
    """A G-PDU whose header is written out byte by byte."""
    body = optional + raw(inner)
    head = bytes([flags, 255]) + len(body).to_bytes(2, "big") + s.teid.to_bytes(4, "big")
    return IP(src=GNB4, dst=UPF4) / UDP(sport=2152, dport=2152) / Raw(head + body)


def test_extension_chain(rig):
    chain = bytes.fromhex("00000040" "01123485" "011009c0" "01000700")
    with Session(rig) as s:
        got = rig.exchange(rig.n3, rig.from_gnb(gpdu(s, 0x34, chain, inner4())), rig.n6)
        assert len(got) == 1 and got[0][IP].src == UE4


def test_unknown_optional_extension_is_skipped(rig):
    with Session(rig) as s:
        chain = bytes.fromhex("00000003" "01000000")
        assert rig.exchange(rig.n3, rig.from_gnb(gpdu(s, 0x34, chain, inner4())), rig.n6)


def test_unknown_must_understand_extension(rig):
    with Session(rig) as s:
        chain = bytes.fromhex("000000fe" "01000000")
        got = rig.exchange(rig.n3, rig.from_gnb(gpdu(s, 0x34, chain, inner4())), rig.n3)
        assert got and got[0][GTP_U_Header].gtp_type == 31, "no Supported Extension Headers"


def test_malformed(rig):
    with Session(rig) as s:
        for flags, optional in ((0x34, "0000008500"), (0x34, "00000085"), (0x54, ""),
                                (0x24, ""), (0x32, "00")):
            pkt = gpdu(s, flags, bytes.fromhex(optional), b"")
            rig.silent(rig.n3, rig.from_gnb(pkt))
        short = IP(src=GNB4, dst=UPF4) / UDP(sport=2152, dport=2152) / Raw(b"\x30\xff\x00")
        rig.silent(rig.n3, rig.from_gnb(short))
        forwarded(rig, s, inner4())


def test_udp_checksum(rig):
    with Session(rig) as s:
        zero = s.gtpu(inner4())
        zero[UDP].chksum = 0
        assert rig.exchange(rig.n3, rig.from_gnb(zero), rig.n6), "zero checksum must pass on IPv4"
        bad = s.gtpu(inner4())
        bad[UDP].chksum = 0x1234
        rig.silent(rig.n3, rig.from_gnb(bad))


def test_outer_ip_checksum(rig):
    with Session(rig) as s:
        bad = s.gtpu(inner4())
        bad[IP].chksum = 0x1234
        dropped(rig, rig.from_gnb(bad), "ip.bad_checksum")


def test_unknown_teid_error_indication(rig):
    with Session(rig) as s:
        pkt = s.gtpu(inner4(), teid=0xdeadbeef)
        pkt[UDP].sport = 33333
        got = rig.exchange(rig.n3, rig.from_gnb(pkt), rig.n3)
        assert len(got) == 1
        e = got[0]
        assert e[IP].dst == GNB4 and e[UDP].dport == 2152
        g = e[GTP_U_Header]
        assert g.gtp_type == 26 and g.teid == 0
        body = raw(g)
        # TEID Data I, then GTP-U Peer Address, TS 29.281 7.3.1; UDP port extension 5.2.2.1
        assert b"\x10\xde\xad\xbe\xef" in body and b"\x85\x00\x04\xc0\x00\x02\x01" in body
        assert b"\x01" + (33333).to_bytes(2, "big") in body


def test_no_match_no_error_indication(rig):
    with Session(rig, pdrs=[pdr_ul(qfi=[7]), pdr_dl()]) as s:
        dropped(rig, rig.from_gnb(s.gtpu(inner4(), qfi=9)), "upf.no_pdr")
        forwarded(rig, s, inner4(), qfi=7)


def test_spoofed_source(rig):
    with Session(rig) as s:
        dropped(rig, rig.from_gnb(s.gtpu(inner4(src="10.45.0.3"))), "upf.spoofed")
        dropped(rig, rig.from_gnb(s.gtpu(inner6(src="2001:db8:45:3::2"))), "upf.spoofed")


def test_echo(rig):
    pkt = IP(src=GNB4, dst=UPF4) / UDP(sport=5555, dport=2152) / GTP_U_Header(
        gtp_type=1, S=1, seq=4711, teid=0)
    got = rig.exchange(rig.n3, rig.from_gnb(pkt), rig.n3)
    assert len(got) == 1 and got[0][UDP].dport == 5555 and got[0][UDP].sport == 2152
    g = got[0][GTP_U_Header]
    assert g.gtp_type == 2 and g.seq == 4711 and raw(g)[12:14] == b"\x0e\x00"


def test_sdf_and_precedence(rig):
    drop = {"id": 3, "apply_action": ["DROP"]}
    blocked = pdr_ul(3, 3, 100, sdf_filters=[
        {"id": 1, "flow_description": "permit out 6 from any 80-90 to assigned"},
        {"id": 2, "flow_description": "permit out ip from 203.0.113.0/24 to assigned"},
        {"id": 3, "flow_description": "permit out ip from 2001:db8:99::/48 to assigned"}])
    with Session(rig, pdrs=[pdr_ul(), pdr_dl(), blocked],
                 fars=[far_core(), far_access(), drop]) as s:
        def tcp(port, dst=DN4):
            return IP(src=UE4, dst=dst) / TCP(sport=1024, dport=port)
        for port in (80, 85, 90):
            dropped(rig, rig.from_gnb(s.gtpu(tcp(port))), "upf.far_drop")
        for port in (79, 91):
            forwarded(rig, s, tcp(port))
        forwarded(rig, s, inner4(dport=80))  # UDP, not TCP
        dropped(rig, rig.from_gnb(s.gtpu(inner4(dst="203.0.113.77"))), "upf.far_drop")
        dropped(rig, rig.from_gnb(s.gtpu(inner6(dst="2001:db8:99::1"))), "upf.far_drop")
        assert s.counts()[1][0] == 3


def test_fragments_match_only_portless_filters(rig):
    drop = {"id": 3, "apply_action": ["DROP"]}
    blocked = pdr_ul(3, 3, 100, sdf_filters=[
        {"id": 1, "flow_description": "permit out 17 from any 2000 to assigned"}])
    with Session(rig, pdrs=[pdr_ul(), pdr_dl(), blocked],
                 fars=[far_core(), far_access(), drop]) as s:
        first, later = fragment(inner4(payload=b"a" * 56), fragsize=32)
        dropped(rig, rig.from_gnb(s.gtpu(first)), "upf.far_drop")
        forwarded(rig, s, later)
        later6 = IPv6(src=UE6, dst=DN6) / IPv6ExtHdrFragment(offset=4, m=0, nh=17) / Raw(b"c" * 32)
        forwarded(rig, s, later6)


def test_ttl_expiry(rig):
    with Session(rig) as s:
        rig.n6.drain()
        got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4(ttl=1))), rig.n3)
        # the answer goes back to the user, in its tunnel
        assert len(got) == 1 and GTP_U_Header in got[0]
        answer = got[0][GTP_U_Header][ICMP]
        assert answer.type == 11 and got[0][GTP_U_Header][IP].dst == UE4


def test_two_sessions_do_not_mix(rig):
    other = [{"ipv4": "10.45.0.9"}]
    pdrs = [pdr_ul(ue_ip_address=other), pdr_dl(ue_ip_address=other)]
    with Session(rig) as a, Session(rig, seid=2, pdrs=pdrs) as b:
        assert a.teid != b.teid
        forwarded(rig, a, inner4())
        forwarded(rig, b, inner4(src="10.45.0.9"))
        dropped(rig, rig.from_gnb(a.gtpu(inner4(src="10.45.0.9"))), "upf.spoofed")


def test_order_is_kept(rig):
    with Session(rig) as s:
        frames = [rig.from_gnb(s.gtpu(inner4(payload=i.to_bytes(4, "big")))) for i in range(500)]
        got = []
        for i in range(0, 500, 50):  # in portions that any of the wires can hold
            got += rig.exchange(rig.n3, frames[i:i + 50], rig.n6, want=50, timeout=5)
        order = [int.from_bytes(raw(g[UDP].payload)[:4], "big") for g in got]
        assert order == list(range(500)), f"{len(order)} came out"
