# SPDX-License-Identifier: BSD-3-Clause
"""Ways other than gNB to N6: N9, uplink classifier, user to user, copies, framed routes, instances,
times (TS 23.501 5.6.4, 5.8.2; TS 29.244 5.2.1, 5.2.3, 5.16)."""
import time

from scapy.all import ICMP, IP, UDP, Dot1Q, raw
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

from harness import GNB4, refused
from test_downlink import tunnelled
from test_uplink import dropped, forwarded
from upf import (DL_TEID, QFI, UE4, Session, downlink4, downlink6, far_access, far_core, inner4,
                 inner6, pdr_dl, pdr_ul)

PSA_TEID, OTHER_TEID = 0x9001, 0x22


def far_tunnel(far_id, teid, to="core"):
    return {"id": far_id, "apply_action": ["FORW"], "forwarding_parameters": {
        "destination_interface": to, "network_instance": "access", "outer_header_creation": {
            "description": "gtpu-udp-ipv4", "teid": hex(teid), "ipv4": GNB4}}}


def pdr_n9(pdr_id, far_id, precedence=255):
    """Downlink that another UPF sends: an F-TEID on the core side."""
    return {"id": pdr_id, "precedence": precedence, "far_id": far_id,
            "outer_header_removal": "gtpu-udp-ip",
            "pdi": {"source_interface": "core", "network_instance": "access",
                    "source_interface_type": "n9", "f_teid": {"choose": True, "choose_id": 40}}}


def teids(s):
    return {p["id"]: int(p["f_teid"]["teid"], 0) for p in s.created if "f_teid" in p}


def in_tunnel(frames, teid, inner):
    assert len(frames) == 1, "nothing came out"
    g = frames[0][GTP_U_Header]
    assert (g.gtp_type, g.teid) == (255, teid)
    assert raw(frames[0][UDP]).endswith(raw(inner)), "user packet changed between two tunnels"
    return frames[0]


def plain_n9(s, teid, inner, qfi=None, kind=0):
    pdu = GTP_U_Header(teid=teid, gtp_type=255)
    if qfi is not None:
        pdu /= GTPPDUSessionContainer(type=kind, QFI=qfi)
    return s.outer_ip() / UDP(sport=2152, dport=2152) / pdu / inner


def test_n9_keeps_the_container(rig):
    """Between two UPFs both ways; downlink under a TEID of its own on the core side."""
    pdrs = [pdr_ul(far_id=1), pdr_dl(far_id=2), pdr_n9(3, 2)]
    with Session(rig, pdrs=pdrs, fars=[far_tunnel(1, PSA_TEID), far_access(2)]) as s:
        core = teids(s)[3]
        assert core != teids(s)[1]
        out = in_tunnel(rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4(), qfi=7)), rig.n3),
                        PSA_TEID, inner4())
        assert (out[GTPPDUSessionContainer].type, out[GTPPDUSessionContainer].QFI) == (1, 7)
        down = plain_n9(s, core, downlink4(), qfi=12)
        out = in_tunnel(rig.exchange(rig.n3, rig.from_gnb(down), rig.n3), DL_TEID, downlink4())
        assert (out[GTPPDUSessionContainer].type, out[GTPPDUSessionContainer].QFI) == (0, 12)
        counts = s.counts()
        assert counts[1] == (1, 60) and counts[3] == (1, 60), counts


def test_n9_passes_end_markers_on(rig):
    """TS 23.501 5.8.2.9: what the anchor sends last goes on behind the data."""
    with Session(rig, pdrs=[pdr_ul(far_id=1), pdr_dl(far_id=2), pdr_n9(3, 2)],
                 fars=[far_tunnel(1, PSA_TEID), far_access(2)]) as s:
        marker = s.outer_ip() / UDP(sport=2152, dport=2152) / GTP_U_Header(
            teid=teids(s)[3], gtp_type=254)
        got = rig.exchange(rig.n3, rig.from_gnb(marker), rig.n3)
        assert len(got) == 1
        assert (got[0][GTP_U_Header].gtp_type, got[0][GTP_U_Header].teid) == (254, DL_TEID)


def test_uplink_classifier(rig):
    """One session, two anchors beside local breakout, told apart by filters."""
    to_dn = {"flow_description": "permit out ip from 198.51.100.0/24 to assigned"}
    to_far = {"flow_description": "permit out 17 from 203.0.114.0/24 9000-9010 to assigned"}
    pdrs = [pdr_ul(1, 1, 10, sdf_filters=[to_dn]), pdr_ul(3, 3, 20, sdf_filters=[to_far]),
            pdr_ul(4, 4, 255), pdr_dl(), pdr_n9(5, 2)]
    with Session(rig, pdrs=pdrs, fars=[far_core(), far_access(2), far_tunnel(3, PSA_TEID),
                                       far_tunnel(4, PSA_TEID + 1)]) as s:
        assert len({teids(s)[i] for i in (1, 3, 4)}) == 1, "one F-TEID"
        forwarded(rig, s, inner4())
        for inner, teid in ((inner4(dst="203.0.114.9", dport=9005), PSA_TEID),
                            (inner4(dst="203.0.114.9", dport=9011), PSA_TEID + 1),
                            (inner4(dst="192.88.0.1"), PSA_TEID + 1), (inner6(), PSA_TEID + 1)):
            in_tunnel(rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner)), rig.n3), teid, inner)
        # both anchors' downlink comes by the tunnel of the core side, breakout's plainly
        down = plain_n9(s, teids(s)[5], downlink4(src="203.0.114.9"), qfi=1)
        in_tunnel(rig.exchange(rig.n3, rig.from_gnb(down), rig.n3), DL_TEID,
                  downlink4(src="203.0.114.9"))
        tunnelled(rig, s, downlink4())


def test_classifier_swapped_at_run_time(rig):
    """Behind the reply not one packet goes to the old anchor."""
    with Session(rig) as s:
        for i in range(20):
            s.modify(update_fars=[far_tunnel(1, PSA_TEID + i)])
            in_tunnel(rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n3), PSA_TEID + i,
                      inner4())


def second_user(rig, instance="internet"):
    ue = [{"ipv4": "10.45.0.3"}, {"ipv6": "2001:db8:45:3::"}]
    return Session(rig, seid=2, fars=[far_core(instance=instance), far_access(teid=OTHER_TEID)],
                   pdrs=[pdr_ul(ue_ip_address=ue), pdr_dl(ue_ip_address=ue,
                                                         network_instance=instance)])


def test_user_to_user(rig):
    """Without leaving coast: in by one user's tunnel, out by the other's, once, both counted."""
    with Session(rig) as one, second_user(rig) as two:
        rig.n6.drain()
        for up, hops in ((inner4(dst="10.45.0.3"), "ttl"), (inner6(dst="2001:db8:45:3::9"),
                                                            "hlim")):
            got = rig.exchange(rig.n3, rig.from_gnb(one.gtpu(up)), rig.n3)
            assert len(got) == 1 and got[0][GTP_U_Header].teid == OTHER_TEID
            psc = got[0][GTPPDUSessionContainer]
            assert (psc.type, psc.QFI) == (0, QFI)
            want = up.copy()
            setattr(want, hops, getattr(want, hops) - 1)
            if hops == "ttl":
                want.chksum = None
            assert raw(got[0][UDP]).endswith(raw(want))
        back = inner4(src="10.45.0.3", dst=UE4)
        got = rig.exchange(rig.n3, rig.from_gnb(two.gtpu(back)), rig.n3)
        assert len(got) == 1 and got[0][GTP_U_Header].teid == DL_TEID
        assert not rig.n6.receive(0.1), "left coast on N6"
        assert one.counts() == {1: (2, 140), 2: (1, 60)}
        assert two.counts() == {1: (1, 60), 2: (2, 140)}


def test_user_to_user_meets_the_others_rules(rig):
    ue = [{"ipv4": "10.45.0.3"}]
    closed = {"id": 1, "qfi": 9, "gate_status": {"ul": "open", "dl": "closed"}}
    with Session(rig) as one, Session(rig, seid=2, qers=[closed],
                                      fars=[far_core(), far_access(teid=OTHER_TEID)],
                                      pdrs=[pdr_ul(ue_ip_address=ue), pdr_dl(ue_ip_address=ue)]):
        dropped(rig, rig.from_gnb(one.gtpu(inner4(dst="10.45.0.3"))), "upf.gate_closed")


# ---- copies --------------------------------------------------------------------------------

def copying(far, *copies):
    out = {**far, "apply_action": far["apply_action"] + ["DUPL"]}
    out["duplicating_parameters"] = [{
        "destination_interface": "li-function", "network_instance": "access",
        "outer_header_creation": {"description": "gtpu-udp-ipv4", "teid": hex(t), "ipv4": GNB4}}
        for t in copies]
    return out


def copies_of(rig, into, frames, seconds=0.4):
    """TEID -> user packets in it, of all that comes out on N3 and N6 (there: TEID 0)."""
    for w in (rig.n3, rig.n6):
        w.drain()
    for f in frames:
        into.send(f)
    out = {}
    for f in rig.n3.receive(seconds) + rig.n6.receive(0.1):
        teid = f[GTP_U_Header].teid if GTP_U_Header in f else 0
        out.setdefault(teid, []).append(f)
    return out


def test_duplication(rig):
    """DUPL: up to four copies, each by its tunnel, and the packet as ever. Counted once."""
    fars = [copying(far_core(), 0x71, 0x72, 0x73, 0x74), copying(far_access(), 0x81)]
    with Session(rig, fars=fars) as s:
        got = copies_of(rig, rig.n3, [rig.from_gnb(s.gtpu(inner4()))])
        assert {t: len(f) for t, f in got.items()} == {0: 1, 0x71: 1, 0x72: 1, 0x73: 1, 0x74: 1}
        for teid in (0x71, 0x72, 0x73, 0x74):
            copy = got[teid][0][GTP_U_Header]
            assert UE4 == copy[IP].src and raw(copy).endswith(b"x" * 32)
        got = copies_of(rig, rig.n6, [rig.from_dn(downlink4())])
        assert {t: len(f) for t, f in got.items()} == {DL_TEID: 1, 0x81: 1}
        assert raw(got[0x81][0][GTP_U_Header]).endswith(b"y" * 32)
        assert s.counts() == {1: (1, 60), 2: (1, 60)}, "copies are not counted"


def test_drop_with_a_copy(rig):
    """TS 29.244 8.2.26: DUPL stands beside DROP too."""
    far = copying({"id": 1, "apply_action": ["DROP"]}, 0x71)
    with Session(rig, fars=[far, far_access()]) as s:
        got = copies_of(rig, rig.n3, [rig.from_gnb(s.gtpu(inner4()))])
        assert {t: len(f) for t, f in got.items()} == {0x71: 1}


def test_duplication_needs_its_parameters(rig):
    far = {**far_core(), "apply_action": ["FORW", "DUPL"]}
    with refused("duplicating_parameters"), Session(rig, fars=[far, far_access()]):
        pass


# ---- the control plane's own packets -------------------------------------------------------

def test_to_the_control_plane(rig):
    """FAR towards the CP function: into the SMF's tunnel."""
    far = far_tunnel(3, 0x5000, "cp-function")
    pdr = pdr_ul(3, 3, 10, sdf_filters=[{"flow_description": "permit out 17 from any 9967 to any"}])
    with Session(rig, pdrs=[pdr_ul(), pdr, pdr_dl()], fars=[far_core(), far_access(), far]) as s:
        own = inner4(dport=9967)
        in_tunnel(rig.exchange(rig.n3, rig.from_gnb(s.gtpu(own)), rig.n3), 0x5000, own)


def test_marking(rig):
    """Transport Level Marking outside, DSCP inside untouched; without a tunnel on the packet."""
    up, down = far_core(), far_access()
    up["forwarding_parameters"]["transport_level_marking"] = "0x28fc"
    down["forwarding_parameters"]["transport_level_marking"] = "0xb8fc"
    with Session(rig, fars=[up, down]) as s:
        out = rig.exchange(rig.n6, rig.from_dn(downlink4(tos=0x48)), rig.n3)[0]
        assert out[IP].tos == 0xb8
        assert raw(out[UDP])[-60:][1] == 0x48
        assert rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4(tos=0x48))), rig.n6)[0][
            IP].tos == 0x28


# ---- framed routes, 5.16 -------------------------------------------------------------------

def framed(pdr):
    pdr["pdi"]["framed_routes"] = ["172.20.0.0/16 0.0.0.0 1", "192.168.7.0/24"]
    pdr["pdi"]["framed_ipv6_routes"] = ["2001:db8:7700::/48"]
    return pdr


def test_framed_routes(rig):
    """Networks behind the UE, both ways and both families; gone with the session."""
    with Session(rig, pdrs=[framed(pdr_ul()), framed(pdr_dl())]) as s:
        for dst in ("172.20.0.1", "172.20.255.254", "192.168.7.9"):
            tunnelled(rig, s, downlink4(dst=dst))
        tunnelled(rig, s, downlink6(dst="2001:db8:7700:1::5"))
        tunnelled(rig, s, downlink4())
        forwarded(rig, s, inner4(src="172.20.3.4"))
        forwarded(rig, s, inner6(src="2001:db8:7700:9::5"))
        dropped(rig, rig.from_gnb(s.gtpu(inner4(src="172.21.0.1"))), "upf.spoofed")
        s.modify(update_pdrs=[pdr_ul(), pdr_dl()])
        dropped(rig, rig.from_gnb(s.gtpu(inner4(src="172.20.3.4"))), "upf.spoofed")
        got = rig.exchange(rig.n6, rig.from_dn(downlink4(dst="172.20.0.1")), rig.n3, timeout=0.2)
        assert not got, "still routed to the UE"


def test_framed_route_of_another_is_refused(rig):
    ue = [{"ipv4": "10.45.0.3"}]
    with Session(rig, pdrs=[framed(pdr_ul()), framed(pdr_dl())]) as s:
        taken = pdr_dl(ue_ip_address=ue, framed_routes=["172.20.9.0/24"])
        with refused("framed"), Session(rig, seid=2, pdrs=[pdr_ul(ue_ip_address=ue), taken]):
            pass
        tunnelled(rig, s, downlink4(dst="172.20.9.9"))


def test_downlink_rule_without_address(rig):
    """Found by the session's address, whichever PDR told it."""
    dl = pdr_dl(3, 3, 10)
    del dl["pdi"]["ue_ip_address"]
    with Session(rig, pdrs=[pdr_ul(), framed(pdr_dl()), dl],
                 fars=[far_core(), far_access(), far_access(3, 0x33)]) as s:
        tunnelled(rig, s, downlink4(), teid=0x33)
        tunnelled(rig, s, downlink4(dst="172.20.0.1"), teid=0x33)


# ---- many rules, times ---------------------------------------------------------------------

def test_256_rules(rig):
    """The most a session may have; the last one in precedence is found as well as the first."""
    pdrs = [pdr_ul()]
    for i in range(255):
        pdrs.append(pdr_dl(i + 2, 2 if i % 2 else 3, 1000 - i, sdf_filters=[
            {"flow_description": f"permit out 17 from any {2000 + i} to assigned"}]))
    with Session(rig, pdrs=pdrs, fars=[far_core(), far_access(), far_access(3, 0x33)]) as s:
        for i in (0, 1, 100, 253, 254):
            tunnelled(rig, s, downlink4(sport=2000 + i), teid=DL_TEID if i % 2 else 0x33)
        rig.silent(rig.n6, rig.from_dn(downlink4(sport=2255)))
    with refused(), Session(rig, pdrs=pdrs + [pdr_dl(300)]):
        pass  # 257 are too many


def test_activation_times(rig):
    """A PDR matches from its activation time on and until its deactivation time (5.2.1)."""
    now = time.time()
    soon, later = int(now) + 2, int(now) + 4
    timed = pdr_dl(3, 3, 10)
    timed.update(activation_time=soon, deactivation_time=later)
    with Session(rig, pdrs=[pdr_ul(), pdr_dl(), timed],
                 fars=[far_core(), far_access(), far_access(3, 0x33)]):
        seen = []
        while time.time() < later + 1.2:
            sent = time.time()
            got = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3)
            seen.append((sent, got[0][GTP_U_Header].teid))
            time.sleep(0.1)
        for sent, teid in seen:
            if sent < soon - 0.1 or sent > later + 0.6:
                assert teid == DL_TEID, f"timed rule at {sent - now:.2f} s"
            elif soon + 0.6 < sent < later - 0.1:
                assert teid == 0x33, f"not the timed rule at {sent - now:.2f} s"


# ---- network instances ---------------------------------------------------------------------

def test_same_addresses_in_two_instances(rig):
    """Two users with the same addresses, in instances of their own: never mixed."""
    ue = [{"ipv4": UE4}, {"ipv6": "2001:db8:45:2::"}]
    other = Session(rig, seid=2, fars=[far_core(instance="other"), far_access(teid=OTHER_TEID)],
                    pdrs=[pdr_ul(ue_ip_address=ue), pdr_dl(ue_ip_address=ue,
                                                          network_instance="other")])
    with Session(rig) as one, other as two:
        for _ in range(3):
            for down in (downlink4(), downlink6()):
                got = rig.exchange(rig.n6, rig.from_dn(down), rig.n3)
                assert [f[GTP_U_Header].teid for f in got] == [DL_TEID]
                got = rig.exchange(rig.n6, rig.from_dn(Dot1Q(vlan=42) / down), rig.n3)
                assert [f[GTP_U_Header].teid for f in got] == [OTHER_TEID]
        for s, tag in ((one, None), (two, 42)):
            got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6)
            assert len(got) == 1
            assert (got[0][Dot1Q].vlan if Dot1Q in got[0] else None) == tag
        assert one.counts() == {1: (1, 60), 2: (6, 420)} == two.counts()


def test_no_way_between_instances(rig):
    """A user of one instance does not reach a user of another, nor is found from its N6."""
    with Session(rig) as one, second_user(rig, "other"):
        got = rig.exchange(rig.n3, rig.from_gnb(one.gtpu(inner4(dst="10.45.0.3"))), rig.n3,
                           timeout=0.2)
        assert all(f[GTP_U_Header].teid == DL_TEID and ICMP in f for f in got), "not an error"
        got = rig.exchange(rig.n6, rig.from_dn(downlink4(dst="10.45.0.3")), rig.n3, timeout=0.2)
        assert not got
