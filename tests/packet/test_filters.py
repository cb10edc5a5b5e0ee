# SPDX-License-Identifier: BSD-3-Clause
"""SDF filters that see more than addresses and ports (TS 29.244 8.2.5, 5.2.1A.2A): type of service,
SPI, flow label, other protocols, filters that refer to another one.

What falls to a filtered PDR leaves marked: uplink with a DSCP, downlink by a tunnel of its own.
"""
from scapy.all import (AH, ESP, IP, SCTP, TCP, UDP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       Raw, SCTPChunkData)
from scapy.contrib.gtp import GTP_U_Header

from harness import DN4, DN6
from upf import (DL_TEID, UE4, UE6, Session, far_access, far_core, pdr_dl, pdr_ul)

SPECIAL_TEID, SPECIAL_TOS = 0x77, 0xb8
DESCRIPTION = "permit out ip from any to assigned"


def filtered(*filters, more=()):
    """Rules where what fits one of the filters goes a way of its own, either direction; `more`:
    PDRs beside."""
    marked = far_core(3)
    marked["forwarding_parameters"]["transport_level_marking"] = hex(SPECIAL_TOS << 8 | 0xfc)
    return {"pdrs": [pdr_ul(), pdr_dl(), pdr_ul(3, 3, 100, sdf_filters=list(filters)),
                     pdr_dl(4, 4, 100, sdf_filters=[
                         {"id": f["id"]} if set(f) > {"id"} else f for f in filters]), *more],
            "fars": [far_core(), far_access(), marked, far_access(4, SPECIAL_TEID)]}


def ip(packet, way, family, **fields):
    """An IP header of either direction before it."""
    ours, theirs = (UE4, DN4) if family == 4 else (UE6, DN6)
    src, dst = (ours, theirs) if way == "ul" else (theirs, ours)
    return (IP if family == 4 else IPv6)(**{"src": src, "dst": dst, **fields}) / packet


def is_special(rig, s, way, packet):
    """Which of the two ways it went; that it went one of them, whole but for one hop and the mark.
    """
    if way == "ul":
        got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(packet)), rig.n6)
        assert len(got) == 1, f"{packet.summary()}: nothing came out"
        out = got[0][IP] if IP in packet and packet.version == 4 else got[0][IPv6]
        return (out.tos if out.version == 4 else out.tc) & 0xfc == SPECIAL_TOS
    got = rig.exchange(rig.n6, rig.from_dn(packet), rig.n3)
    assert len(got) == 1, f"{packet.summary()}: nothing came out"
    assert got[0][GTP_U_Header].teid in (DL_TEID, SPECIAL_TEID)
    return got[0][GTP_U_Header].teid == SPECIAL_TEID


def judge(rig, rules, cases, ways=("ul", "dl")):
    """cases: (whether it fits, family, packet behind the IP header, IP fields)."""
    with Session(rig, **rules) as s:
        for way in ways:
            for fits, family, packet, fields in cases:
                p = ip(packet, way, family, **fields)
                assert is_special(rig, s, way, p) == fits, (
                    f"{way}: {p.summary()} {fields} should {'' if fits else 'not '}fit")


def test_type_of_service(rig):
    """Value and mask, of IPv4's type of service and IPv6's traffic class alike."""
    data = UDP(sport=7, dport=8) / Raw(b"t" * 20)
    rules = filtered({"id": 1, "flow_description": DESCRIPTION, "tos_traffic_class": "0x28fc"})
    judge(rig, rules, [
        (fits, family, data, {field: tos}) for family, field in ((4, "tos"), (6, "tc"))
        for tos, fits in ((0x28, True), (0x2a, True), (0x2b, True), (0x2c, False), (0, False),
                          (0x68, False))])


def test_type_of_service_without_description(rig):
    data = UDP(sport=7, dport=8) / Raw(b"t" * 20)
    judge(rig, filtered({"id": 1, "tos_traffic_class": "0x2020"}), [
        (True, 4, data, {"tos": 0x3c}), (False, 4, data, {"tos": 0x5c}),
        (True, 6, data, {"tc": 0x20}), (False, 6, data, {"tc": 0})])


def test_spi(rig):
    """Of ESP and of AH; other protocols have none, nor has a later fragment."""
    one, other = 0x12345678, 0x12345679
    cases = []
    for family in (4, 6):
        def ah(spi):
            return AH(nh=59, spi=spi, seq=1, icv=b"i" * 12, payloadlen=4) / Raw(b"a" * 8)
        cases += [(True, family, ESP(spi=one, seq=1, data=b"e" * 40), {}),
                  (False, family, ESP(spi=other, seq=1, data=b"e" * 40), {}),
                  (True, family, ah(one), {}), (False, family, ah(other), {}),
                  # the same octets where they are ports
                  (False, family, UDP(sport=one >> 16, dport=one & 0xffff) / Raw(b"u" * 8), {})]
    later = Raw(one.to_bytes(4, "big") + b"f" * 28)
    cases.append((False, 4, later, {"proto": 50, "frag": 185}))
    cases.append((False, 6, IPv6ExtHdrFragment(offset=185, nh=50, m=0) / later, {}))
    judge(rig, filtered({"id": 1, "flow_description": DESCRIPTION, "spi": hex(one)}), cases)


def test_flow_label(rig):
    """IPv6's, all 20 bits of it; IPv4 has none."""
    data = TCP(sport=7, dport=8) / Raw(b"l" * 20)
    judge(rig, filtered({"id": 1, "flow_label": "0xabcde"}), [
        (True, 6, data, {"fl": 0xabcde}), (False, 6, data, {"fl": 0xabcdf}),
        (False, 6, data, {"fl": 0x2bcde}), (False, 6, data, {"fl": 0}),
        (True, 6, data, {"fl": 0xabcde, "tc": 0xb8}), (False, 4, data, {})])


def sctp(way, ue, remote, tag=1):
    sport, dport = (ue, remote) if way == "ul" else (remote, ue)
    return SCTP(sport=sport, dport=dport, tag=tag) / SCTPChunkData(data=b"s" * 16)


def test_sctp(rig):
    """Ports of SCTP, seen from both ends."""
    rules = filtered({"id": 1, "flow_description":
                      "permit out 132 from any 3868 to assigned 5000-5010"})
    for way in ("ul", "dl"):
        judge(rig, rules, [(fits, family, sctp(way, ue, remote), {}) for family in (4, 6)
                           for ue, remote, fits in ((5000, 3868, True), (5010, 3868, True),
                                                    (5011, 3868, False), (5000, 3869, False),
                                                    (3868, 5000, False))] + [
            (False, 4, UDP(sport=5000, dport=3868) / Raw(b"u" * 8), {})], [way])


def test_behind_extension_headers(rig):
    """What is behind them counts, not they."""
    rules = filtered({"id": 1, "flow_description": "permit out 132 from any 3868 to assigned"})
    for way in ("ul", "dl"):
        judge(rig, rules, [
            (True, 6, IPv6ExtHdrDestOpt() / sctp(way, 5000, 3868), {}),
            (False, 6, IPv6ExtHdrDestOpt() / sctp(way, 5000, 3869), {}),
            (False, 6, IPv6ExtHdrDestOpt() / UDP(sport=3868, dport=3868), {})], [way])


def test_reference(rig):
    """An id alone is the filter of this id, whichever PDR told it; the downlink PDR of all cases
    here has such ones. One that tells a filter anew is another one."""
    data = UDP(sport=7, dport=8) / Raw(b"r" * 20)
    first = {"id": 9, "flow_description": "permit out 17 from any to assigned",
             "tos_traffic_class": "0x28fc"}
    extra = pdr_ul(5, 1, 300, sdf_filters=[{"id": 2, "flow_description":
                                            "permit out 6 from any to assigned"}])
    rules = filtered(first, {"id": 2}, more=[extra])
    tcp = TCP(sport=7, dport=8)
    judge(rig, rules, [(True, 4, data, {"tos": 0x28}), (False, 4, data, {"tos": 0x2c}),
                       (True, 4, tcp, {}), (True, 6, tcp, {"tc": 0x2c})])
