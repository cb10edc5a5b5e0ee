# SPDX-License-Identifier: BSD-3-Clause
"""Sessions in the shapes that control planes give them (shared/facts/n4-gtpu.md 1.1)."""
from scapy.all import ICMPv6ND_RA, ICMPv6ND_RS, IPv6
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

from harness import GNB4
from upf import DL_TEID, UE4, UE6_PREFIX, Session, downlink4, downlink6, far_access, far_core
from upf import inner4, inner6

CP_TEID = 0x77


def open5gs():
    """A default bearer with the two PDRs for router solicitation and advertisement."""
    access = {"source_interface": "access", "network_instance": "access", "qfi": [1],
              "f_teid": {"choose": True, "choose_id": 5}}
    removal = {"outer_header_removal": "gtpu-udp-ip"}
    pdrs = [
        {"id": 1, "precedence": 65535, "far_id": 1, "qer_ids": [1],
         "pdi": {"source_interface": "core", "network_instance": "internet",
                 "ue_ip_address": [{"ipv4": UE4}, {"ipv6": UE6_PREFIX}]}},
        {"id": 2, "precedence": 65535, "far_id": 2, "qer_ids": [1], **removal, "pdi": access},
        {"id": 3, "precedence": 255, "far_id": 1, **removal,
         "pdi": {"source_interface": "cp-function", "network_instance": "access",
                 "f_teid": {"choose": True}}},
        {"id": 4, "precedence": 255, "far_id": 3, **removal,
         "pdi": {**access, "sdf_filters": [
             {"flow_description": "permit out 58 from ff02::2/128 to assigned"}]}},
    ]
    fars = [far_access(1), far_core(2),
            {"id": 3, "apply_action": ["FORW"], "forwarding_parameters": {
                "destination_interface": "cp-function", "network_instance": "access",
                "outer_header_creation": {"description": "gtpu-udp-ipv4", "teid": hex(CP_TEID),
                                          "ipv4": GNB4}}}]
    return {"seid": 77, "pdrs": pdrs, "fars": fars, "qers": [{"id": 1, "qfi": 1}]}


def test_open5gs(rig):
    with Session(rig, **open5gs()) as s:
        teid = {p["id"]: int(p["f_teid"]["teid"], 0) for p in s.created}
        assert teid[2] == teid[4] != teid[3]
        for up, down in ((inner4(), downlink4()), (inner6(), downlink6())):
            got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(up, qfi=1, teid=teid[2])), rig.n6)
            assert len(got) == 1 and GTP_U_Header not in got[0]
            got = rig.exchange(rig.n6, rig.from_dn(down), rig.n3)
            assert len(got) == 1 and got[0][GTP_U_Header].teid == DL_TEID
            assert got[0][GTPPDUSessionContainer].QFI == 1
        solicit = IPv6(src="fe80::2", dst="ff02::2", hlim=255) / ICMPv6ND_RS()
        got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(solicit, qfi=1, teid=teid[4])), rig.n3)
        assert len(got) == 1 and got[0][GTP_U_Header].teid == CP_TEID
        advert = IPv6(src="fe80::1", dst="ff02::1", hlim=255) / ICMPv6ND_RA()
        got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(advert, qfi=None, teid=teid[3])), rig.n3)
        assert len(got) == 1 and got[0][GTP_U_Header].teid == DL_TEID
        # the tunnel for advertisements is no way out
        rig.silent(rig.n3, rig.from_gnb(s.gtpu(inner4(), qfi=1, teid=teid[3])), [rig.n6])
