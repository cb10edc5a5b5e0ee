# SPDX-License-Identifier: BSD-3-Clause
"""Two N3 and two N6 in one network instance each: the second of either is a VLAN of its port.

    gNB 192.0.2.2, 2001:db8:3::2    n3          n6   DN 198.51.100.2, routes of everything
    gNB 192.0.3.2, 2001:db8:33::2   n3 VLAN 33  n6 VLAN 43   DN 198.51.101.2, of FAR4, FAR6
"""
import contextlib

from scapy.all import IP, UDP, Dot1Q, Ether, IPv6, raw
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

from harness import DN_MAC, GNB4, GNB6, GNB_MAC, UPF4, UPF6
from upf import (DL_TEID, QFI, UE4, UE6, Session, downlink4, downlink6, far_access, far_core,
                 inner4, inner6)

N3_VLAN, N6_VLAN = 33, 43
FAR4, FAR6 = "203.0.116.9", "2001:db8:116::9"
# VLAN, coast's address, the gNB's, by family
N3 = {4: [(None, UPF4, GNB4), (N3_VLAN, "192.0.3.1", "192.0.3.2")],
      6: [(None, UPF6, GNB6), (N3_VLAN, "2001:db8:33::1", "2001:db8:33::2")]}


def objects():
    """(class, object, its key) in the order in which they are made."""
    out = []
    for name, port, vlan, instance, mac, addresses, hosts in (
            ("n3b", "n3", N3_VLAN, "access", GNB_MAC, ["192.0.3.1/24", "2001:db8:33::1/64"],
             ["192.0.3.2", "2001:db8:33::2"]),
            ("n6b", "n6", N6_VLAN, "internet", DN_MAC, ["198.51.101.1/24", "2001:db8:66::1/64"],
             ["198.51.101.2", "2001:db8:66::2"])):
        out.append(("interface", {"name": name, "port": port, "vlan": vlan, "addresses": addresses,
                                  "network_instance": instance, "gtpu": name == "n3b"}, ["name"]))
        out += [("neighbour", {"interface": name, "address": a, "mac": mac},
                 ["interface", "address"]) for a in hosts]
    for prefix, gateway in (("203.0.116.0/24", "198.51.101.2"),
                            ("2001:db8:116::/48", "2001:db8:66::2")):
        out.append(("route", {"network_instance": "internet", "prefix": prefix,
                              "via": [{"gateway": gateway}]}, ["network_instance", "prefix"]))
    return out


@contextlib.contextmanager
def second_links(rig):
    made = objects()
    for kind, thing, _ in made:
        rig.call(kind + ".put", thing)
    try:
        yield
    finally:
        for kind, thing, key in reversed(made):
            rig.call(kind + ".delete", {k: thing[k] for k in key})


def framed(rig, wire, vlan, packet):
    """Into a wire, on one of its VLANs."""
    frame = rig.from_gnb(packet) if wire == "n3" else rig.from_dn(packet)
    if vlan is None:
        return frame
    return Ether(src=frame.src, dst=frame.dst) / Dot1Q(vlan=vlan) / packet


def vlan_of(frame):
    return frame[Dot1Q].vlan if Dot1Q in frame else None


def gpdu(s, inner, local, peer):
    outer = (IPv6 if ":" in peer else IP)(src=peer, dst=local)
    return outer / UDP(sport=2152, dport=2152) / GTP_U_Header(
        teid=s.teid, gtp_type=255) / GTPPDUSessionContainer(type=1, QFI=QFI) / inner


def test_uplink_leaves_as_its_route_says(rig):
    """Whichever N3 it came in by, and whichever family the tunnel is of."""
    with second_links(rig), Session(rig) as s:
        for vlan, local, peer in N3[4] + N3[6]:
            for inner, to in ((inner4(), None), (inner6(), None), (inner4(dst=FAR4), N6_VLAN),
                              (inner6(dst=FAR6), N6_VLAN)):
                got = rig.exchange(rig.n3, framed(rig, "n3", vlan, gpdu(s, inner, local, peer)),
                                   rig.n6)
                assert [(vlan_of(f), f.dst) for f in got] == [(to, DN_MAC)], (vlan, to)
                ip = got[0][IPv6] if IPv6 in inner else got[0][IP]
                assert (ip.src, ip.dst) == (UE6 if IPv6 in inner else UE4, inner.dst)
                assert raw(ip[UDP].payload)[:32] == b"x" * 32


def test_downlink_leaves_by_its_peers_n3(rig):
    """From either N6; the tunnel begins at the address of the N3 that the peer is on."""
    for family, links in N3.items():
        for vlan, local, peer in links:
            far = far_access(outer=family)
            far["forwarding_parameters"]["outer_header_creation"][f"ipv{family}"] = peer
            with second_links(rig), Session(rig, fars=[far_core(), far]):
                for inner, by in ((downlink4(), None), (downlink6(), None),
                                  (downlink4(src=FAR4), N6_VLAN), (downlink6(src=FAR6), N6_VLAN)):
                    got = rig.exchange(rig.n6, framed(rig, "n6", by, inner), rig.n3)
                    assert [(vlan_of(f), f.dst) for f in got] == [(vlan, GNB_MAC)], (vlan, by)
                    outer = got[0][IP if family == 4 else IPv6]
                    assert (outer.src, outer.dst) == (local, peer)
                    assert got[0][GTP_U_Header].teid == DL_TEID
                    assert raw(got[0]).endswith(b"y" * 32)


def test_handover_between_the_two(rig):
    """The user comes to a gNB on the other N3: the tunnel's near end moves along."""
    with second_links(rig), Session(rig) as s:
        for (vlan, local, peer), teid in zip(N3[4][::-1] + N3[4], range(0x21, 0x25)):
            far = far_access(teid=teid)
            far["forwarding_parameters"]["outer_header_creation"]["ipv4"] = peer
            s.modify(update_fars=[far])
            got = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3)
            assert [(vlan_of(f), f[IP].src, f[IP].dst, f[GTP_U_Header].teid) for f in got] == [
                (vlan, local, peer, teid)]
