# SPDX-License-Identifier: BSD-3-Clause
"""Neighbours, own addresses, ICMP, VLAN, routes: coast as a host and router on its links."""
import time

from scapy.all import (ARP, ICMP, IP, UDP, Dot1Q, Ether, ICMPv6EchoReply, ICMPv6EchoRequest,
                       ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6,
                       Raw, in6_getnsma, in6_getnsmac, inet_ntop, inet_pton, raw)

import socket

from harness import DN4, DN_MAC, GNB4, GNB6, GNB_MAC, N6_4, UPF4, UPF6
from upf import Session, downlink4, downlink6, inner4

OTHER_MAC = "02:00:00:00:06:03"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def solicited(target):
    return inet_ntop(socket.AF_INET6, in6_getnsma(inet_pton(socket.AF_INET6, target)))


def ns(src, mac, target):
    group = solicited(target)
    return Ether(src=mac, dst=in6_getnsmac(inet_pton(socket.AF_INET6, group))) / IPv6(
        src=src, dst=group, hlim=255) / ICMPv6ND_NS(tgt=target) / ICMPv6NDOptSrcLLAddr(lladdr=mac)


def test_arp_request_is_answered(rig):
    req = Ether(src=GNB_MAC, dst=BROADCAST) / ARP(op=1, hwsrc=GNB_MAC, psrc=GNB4, pdst=UPF4)
    got = rig.exchange(rig.n3, req, rig.n3)
    assert len(got) == 1 and got[0][ARP].op == 2
    assert got[0][ARP].hwsrc == rig.mac("n3") and got[0][ARP].psrc == UPF4
    assert got[0].dst == GNB_MAC


def test_arp_for_others_is_not(rig):
    req = Ether(src=GNB_MAC, dst=BROADCAST) / ARP(op=1, hwsrc=GNB_MAC, psrc=GNB4,
                                                  pdst="192.0.2.77")
    rig.silent(rig.n3, req)


def test_neighbour_solicitation_is_answered(rig):
    got = rig.exchange(rig.n3, ns(GNB6, GNB_MAC, UPF6), rig.n3)
    assert len(got) == 1
    na = got[0][ICMPv6ND_NA]
    assert na.tgt == UPF6 and na.S == 1 and got[0][IPv6].hlim == 255
    assert got[0][ICMPv6NDOptDstLLAddr].lladdr == rig.mac("n3")


def test_solicitation_from_afar_is_not(rig):
    far = ns(GNB6, GNB_MAC, UPF6)
    far[IPv6].hlim = 254
    rig.silent(rig.n3, far)


def test_ping_own_addresses(rig):
    for n in (0, 56, 1400):
        got = rig.exchange(rig.n3, rig.from_gnb(
            IP(src=GNB4, dst=UPF4) / ICMP(id=1, seq=2) / Raw(b"p" * n)), rig.n3)
        assert len(got) == 1 and got[0][ICMP].type == 0 and got[0][IP].src == UPF4
        assert raw(got[0][ICMP].payload)[:n] == b"p" * n
        got = rig.exchange(rig.n3, rig.from_gnb(
            IPv6(src=GNB6, dst=UPF6) / ICMPv6EchoRequest(id=1, seq=2, data=b"q" * n)), rig.n3)
        assert len(got) == 1 and got[0][ICMPv6EchoReply].seq == 2


def test_resolve_and_hold(rig):
    """Packets to a host not yet known wait for the ARP reply and then leave in order."""
    host = f"198.51.100.{100 + int(time.time()) % 100}"
    with Session(rig) as s:
        rig.n6.drain()
        for i in range(5):
            rig.n3.send(rig.from_gnb(s.gtpu(inner4(dst=host, payload=bytes([i] * 8)))))
        got = rig.n6.receive(1.5, 1, asks=True)
        assert got and ARP in got[0] and got[0][ARP].op == 1 and got[0][ARP].pdst == host
        assert got[0].dst == BROADCAST and got[0][ARP].psrc == N6_4
        rig.n6.send(Ether(src=OTHER_MAC, dst=rig.mac("n6")) / ARP(
            op=2, hwsrc=OTHER_MAC, psrc=host, hwdst=rig.mac("n6"), pdst=N6_4))
        got = [g for g in rig.n6.receive(1.5, 5) if UDP in g]
        assert [raw(g[UDP].payload)[0] for g in got] == [0, 1, 2, 3, 4]
        assert all(g.dst == OTHER_MAC for g in got)


def test_resolve_ipv6(rig):
    host = f"2001:db8:6::{int(time.time()) % 0xefff + 0x1000:x}"
    with Session(rig) as s:
        from upf import inner6
        rig.n6.drain()
        rig.n3.send(rig.from_gnb(s.gtpu(inner6(dst=host))))
        got = rig.n6.receive(1.5, 1, asks=True)
        assert got and got[0][ICMPv6ND_NS].tgt == host and got[0][IPv6].hlim == 255
        asker = got[0][IPv6].src
        rig.n6.send(Ether(src=OTHER_MAC, dst=rig.mac("n6")) / IPv6(
            src=host, dst=asker, hlim=255) / ICMPv6ND_NA(tgt=host, S=1, O=1, R=0)
            / ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC))
        got = [g for g in rig.n6.receive(1.5, 1) if UDP in g]
        assert got and got[0].dst == OTHER_MAC and got[0][IPv6].dst == host


def test_unsolicited_reply_teaches_nothing(rig):
    """A neighbour that nobody asked for must not take over a static or a live entry."""
    with Session(rig) as s:
        rig.n6.send(Ether(src=OTHER_MAC, dst=BROADCAST) / ARP(
            op=2, hwsrc=OTHER_MAC, psrc=DN4, hwdst=BROADCAST, pdst=DN4))
        got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6)
        assert got and got[0].dst == DN_MAC


def test_frames_for_others_are_dropped(rig):
    with Session(rig) as s:
        before = rig.drops().get("eth.not_ours", 0)
        rig.silent(rig.n3, Ether(src=GNB_MAC, dst="02:aa:aa:aa:aa:aa") / s.gtpu(inner4()))
        assert rig.drops()["eth.not_ours"] == before + 1


def test_drop_reasons_are_not_of_the_buffers_last_packet(rig):
    """Buffers come back with what was noted in them: it must not pass to the next packet."""
    with Session(rig):
        for _ in range(500):
            rig.n6.send(Ether(src=DN_MAC, dst="02:aa:aa:aa:aa:aa") / downlink4())
        rig.n6.drain()
        before = rig.drops()
        for _ in range(50):
            rig.exchange(rig.n6, rig.from_dn(downlink4(ttl=1)), rig.n6)
        after = rig.drops()
        assert after["ip.ttl_exceeded"] == before.get("ip.ttl_exceeded", 0) + 50
        assert after["eth.not_ours"] - before["eth.not_ours"] < 10


def test_link_local_source_is_not_forwarded(rig):
    with Session(rig):
        rig.silent(rig.n6, rig.from_dn(downlink6(src="fe80::1234")), [rig.n3])


def test_vlan_interface(rig):
    """An 802.1Q interface on the same port: its own addresses, in its own instance."""
    tagged = Ether(src=DN_MAC, dst=rig.mac("n6")) / Dot1Q(vlan=42)
    req = Ether(src=DN_MAC, dst=BROADCAST) / Dot1Q(vlan=42) / ARP(
        op=1, hwsrc=DN_MAC, psrc="203.0.113.2", pdst="203.0.113.1")
    got = rig.exchange(rig.n6, req, rig.n6)
    assert len(got) == 1 and got[0][Dot1Q].vlan == 42 and got[0][ARP].op == 2
    ping = tagged / IP(src="203.0.113.2", dst="203.0.113.1") / ICMP(id=3)
    # the answer needs a neighbour: it is asked for on the same VLAN
    got = [g for g in rig.exchange(rig.n6, ping, rig.n6, want=None, timeout=0.5, asks=True)
           if Dot1Q in g]
    assert got
    if ARP in got[0]:
        rig.n6.send(tagged / ARP(op=2, hwsrc=DN_MAC, psrc="203.0.113.2",
                                 hwdst=rig.mac("n6"), pdst="203.0.113.1"))
        got = rig.n6.receive(1.0, 1)
    assert got and got[0][ICMP].type == 0 and got[0][Dot1Q].vlan == 42


def test_unknown_vlan(rig):
    rig.silent(rig.n6, Ether(src=DN_MAC, dst=rig.mac("n6")) / Dot1Q(vlan=99) / IP(
        src=DN4, dst=N6_4) / ICMP())


def test_no_transit(rig):
    """coast is no router between its links: what is for nobody it knows is dropped by name."""
    before = rig.drops().get("ip.not_ours", 0)
    rig.silent(rig.n6, rig.from_dn(IP(src=DN4, dst="8.8.8.8") / UDP(dport=53)))
    assert rig.drops()["ip.not_ours"] == before + 1


def test_ecmp_spreads_flows_and_keeps_each(rig):
    route = {"network_instance": "internet", "prefix": "203.0.114.0/24",
             "via": [{"gateway": "198.51.100.11"}, {"gateway": "198.51.100.12"}]}
    for n in (11, 12):
        rig.call("neighbour.put", {"interface": "n6", "address": f"198.51.100.{n}",
                                   "mac": f"02:00:00:00:07:{n}"})
    rig.call("route.put", route)
    try:
        with Session(rig) as s:
            def way(port):
                got = rig.exchange(rig.n3, rig.from_gnb(
                    s.gtpu(inner4(dst="203.0.114.9", sport=port))), rig.n6)
                assert len(got) == 1
                return got[0].dst
            ways = [way(p) for p in range(2000, 2040)]
            assert min(ways.count(w) for w in set(ways)) >= 8 and len(set(ways)) == 2
            assert ways == [way(p) for p in range(2000, 2040)]
    finally:
        rig.call("route.delete", {"network_instance": "internet", "prefix": "203.0.114.0/24"})
        for n in (11, 12):
            rig.call("neighbour.delete", {"interface": "n6", "address": f"198.51.100.{n}"})


def test_blackhole_route(rig):
    rig.call("route.put", {"network_instance": "internet", "prefix": "203.0.115.0/24",
                           "blackhole": True})
    try:
        with Session(rig) as s:
            rig.silent(rig.n3, rig.from_gnb(s.gtpu(inner4(dst="203.0.115.1"))), [rig.n6])
    finally:
        rig.call("route.delete", {"network_instance": "internet", "prefix": "203.0.115.0/24"})


def test_icmp_errors_are_rate_limited(rig):
    """A thousand a second and a hundred at once, however long it takes to ask for them."""
    frames = [raw(rig.from_dn(IP(src=DN4, dst="10.45.66.66") / UDP(sport=i, dport=1)))
              for i in range(2000)]
    rig.n6.drain()
    began = time.monotonic()
    for f in frames:
        rig.n6.send(f)
    got = rig.n6.receive(0.5)
    most = 100 + 1000 * (time.monotonic() - began)
    assert 100 <= len(got) < min(most, 2000), f"{len(got)} errors for 2000 packets, not {most:.0f}"


def test_no_error_about_errors(rig):
    inner = IP(src="10.45.66.66", dst=DN4) / UDP()
    rig.silent(rig.n6, rig.from_dn(IP(src=DN4, dst="10.45.66.66") / ICMP(type=3) / inner))
