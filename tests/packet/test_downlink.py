# SPDX-License-Identifier: BSD-3-Clause
"""Downlink: the user's packet in on N6, GTP-U out on N3."""
from scapy.all import (ICMP, IP, UDP, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment, Raw, fragment,
                       fragment6, raw)
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

from harness import DN4, DN6, GNB4, GNB6, GNB_MAC, N6_4, UPF4, UPF6
from upf import DL_TEID, QFI, Session, downlink4, downlink6, far_access, far_core, pdr_dl, pdr_ul


def tunnelled(rig, s, inner, qfi=QFI, teid=DL_TEID):
    got = rig.exchange(rig.n6, rig.from_dn(inner), rig.n3)
    assert len(got) == 1, "nothing came out"
    out = got[0]
    assert out.dst == GNB_MAC
    ip = out[IP] if s.outer == 4 else out[IPv6]
    assert (ip.src, ip.dst) == ((UPF4, GNB4) if s.outer == 4 else (UPF6, GNB6))
    udp = ip[UDP]
    assert udp.dport == 2152 and udp.sport >= 49152
    g = udp[GTP_U_Header]
    assert g.gtp_type == 255 and g.teid == teid
    if qfi is None:
        assert GTPPDUSessionContainer not in g
    else:
        psc = g[GTPPDUSessionContainer]
        assert psc.type == 0 and psc.QFI == qfi
    want = inner.copy()
    if want.version == 6:
        want.hlim -= 1
    else:
        want.ttl -= 1
        want.chksum = None
    tail = raw(udp)[-len(raw(want)):]
    assert tail == raw(want), "inner packet changed on the way"
    assert udp.len == len(raw(udp)) == 8 + 16 * (qfi is not None) + 8 * (qfi is None) + len(tail)
    return out


def test_plain_ipv4(rig):
    with Session(rig) as s:
        tunnelled(rig, s, downlink4())
        assert s.counts()[2] == (1, 60)


def test_plain_ipv6(rig):
    with Session(rig) as s:
        tunnelled(rig, s, downlink6())


def test_outer_ipv6_has_a_checksum(rig):
    with Session(rig, outer=6) as s:
        for inner in (downlink4(), downlink6(), downlink4(payload=b"odd")):
            assert tunnelled(rig, s, inner)[UDP].chksum != 0


def test_sizes(rig):
    with Session(rig) as s:
        for n in (0, 1, 17, 500, 1400, 1472):
            tunnelled(rig, s, downlink4(payload=b"z" * n))


def test_source_port_follows_the_flow(rig):
    with Session(rig) as s:
        def port(n):
            return tunnelled(rig, s, downlink4(sport=n))[UDP].sport
        assert port(5) == port(5)
        assert len({port(n) for n in range(40)}) > 20


def test_no_qfi_no_container(rig):
    dl = pdr_dl()
    del dl["qer_ids"]
    with Session(rig, pdrs=[pdr_ul(), dl]) as s:
        tunnelled(rig, s, downlink4(), qfi=None)


def test_dscp_and_ecn_are_copied(rig):
    with Session(rig) as s:
        for tos in (0, 0xb8, 0x03, 0x2a):
            out = tunnelled(rig, s, downlink4(tos=tos))
            # RFC 6040, normal mode: the outer ECN field is the inner one
            assert out[IP].tos == tos, hex(out[IP].tos)
        assert tunnelled(rig, s, downlink6(tc=0xb8))[IP].tos == 0xb8


def test_transport_level_marking(rig):
    far = far_access()
    far["forwarding_parameters"]["transport_level_marking"] = "0x88fc"
    with Session(rig, fars=[far_core(), far]) as s:
        assert tunnelled(rig, s, downlink4(tos=0xb8))[IP].tos & 0xfc == 0x88


def test_unknown_user(rig):
    before = rig.drops().get("upf.no_session", 0)
    got = rig.exchange(rig.n6, rig.from_dn(downlink4(dst="10.45.77.77")), rig.n6)
    assert len(got) == 1 and got[0][ICMP].type == 3 and got[0][IP].src == N6_4
    assert got[0][IP].dst == DN4
    assert rig.drops().get("upf.no_session", 0) - before in (0, 1)


def test_ttl_expiry(rig):
    with Session(rig):
        got = rig.exchange(rig.n6, rig.from_dn(downlink4(ttl=1)), rig.n6)
        assert len(got) == 1 and got[0][ICMP].type == 11 and got[0][ICMP].code == 0
        assert got[0][IP].dst == DN4


def test_too_big(rig):
    with Session(rig):
        big = downlink4(payload=b"m" * 1540, flags="DF")
        got = rig.exchange(rig.n6, rig.from_dn(big), rig.n6)
        assert len(got) == 1 and (got[0][ICMP].type, got[0][ICMP].code) == (3, 4)
        assert 1400 <= got[0][ICMP].nexthopmtu <= 1600 - 44
        got = rig.exchange(rig.n6, rig.from_dn(downlink6(payload=b"m" * 1540)), rig.n6)
        assert len(got) == 1 and got[0][ICMPv6PacketTooBig].mtu <= 1600 - 44
        assert got[0][IPv6].dst == DN6


def test_fragments_pass(rig):
    with Session(rig) as s:
        for piece in fragment(downlink4(payload=b"a" * 1001), fragsize=400):
            tunnelled(rig, s, piece)
        whole = IPv6(src=DN6, dst="2001:db8:45:2::2") / IPv6ExtHdrFragment() / UDP(
            sport=2000, dport=1000) / Raw(b"c" * 2000)
        for piece in fragment6(whole, 800):
            tunnelled(rig, s, piece)


def test_sdf_selects_the_tunnel_and_qfi(rig):
    dedicated = pdr_dl(3, 3, 50, sdf_filters=[
        {"id": 1, "flow_description": "permit out 17 from 198.51.100.2 5000 to assigned"}])
    del dedicated["pdi"]["ue_ip_address"]  # as an SMF sends it: looked up by the session's address
    dedicated["qer_ids"] = [2]
    with Session(rig, pdrs=[pdr_ul(), pdr_dl(), dedicated],
                 fars=[far_core(), far_access(), far_access(3, 0x77)],
                 qers=[{"id": 1, "qfi": 9}, {"id": 2, "qfi": 1}]) as s:
        tunnelled(rig, s, downlink4(sport=5000), qfi=1, teid=0x77)
        tunnelled(rig, s, downlink4(sport=5001))


def test_far_without_outer_header_never_leaks(rig):
    far = {"id": 2, "apply_action": ["FORW"], "forwarding_parameters": {
        "destination_interface": "access", "network_instance": "access"}}
    with Session(rig, fars=[far_core(), far]):
        rig.silent(rig.n6, rig.from_dn(downlink4()))


def test_same_address_in_two_instances(rig):
    with Session(rig):
        rig.silent(rig.n6, rig.from_dn(downlink4(dst="10.46.0.1")))
