# SPDX-License-Identifier: BSD-3-Clause
"""URRs: what is measured, when it is reported, and what a spent quota stops (TS 29.244 5.2.2).

Octets are those of inner IP packets, compared with the packets that came out on the wire.
"""
import time

from scapy.all import IP, IPv6
from scapy.contrib.gtp import GTP_U_Header

from harness import refused
from test_uplink import dropped
from upf import (DL_TEID, Events, Session, downlink4, downlink6, far_access, far_core, inner4,
                 inner6, pdr_dl, pdr_ul)

REPORT = "session.usage_report"


def urr(urr_id=1, triggers=("PERIO",), method=("VOLUM",), **fields):
    if "PERIO" in triggers:
        fields.setdefault("measurement_period", 3600)
    return {"id": urr_id, "measurement_method": list(method),
            "reporting_triggers": list(triggers), **fields}


def measured(*urrs, on=None, **rest):
    """Rules with these URRs on both PDRs, or on those that `on` names."""
    pdrs = rest.pop("pdrs", None) or [pdr_ul(), pdr_dl()]
    for pdr in pdrs:
        if on is None or pdr["id"] in on:
            pdr["urr_ids"] = [u["id"] for u in urrs]
    return {"pdrs": pdrs, "urrs": list(urrs), **rest}


def send_up(rig, s, inner, n=1):
    return rig.exchange(rig.n3, [rig.from_gnb(s.gtpu(inner))] * n, rig.n6, n, 0.5)


def send_down(rig, inner, n=1):
    return rig.exchange(rig.n6, [rig.from_dn(inner)] * n, rig.n3, n, 0.5)


def volume(report):
    v = report["volume_measurement"]
    return v["ul"], v["dl"], v["total"]


def query(rig, seid=1, **more):
    return {r["urr_id"]: r for r in rig.call("session.query", {"seid": seid, **more})[
        "usage_reports"]}


def octets_of(frames):
    """As an independent count of a capture has it: the inner IP packets' lengths."""
    total = 0
    for f in frames:
        ip = f[GTP_U_Header].payload if GTP_U_Header in f else f.payload
        while not isinstance(ip, (IP, IPv6)):
            ip = ip.payload
        total += ip.len if isinstance(ip, IP) else ip.plen + 40
    return total


def test_volume_is_what_is_on_the_wire(rig):
    """Both directions and families, all sizes, to the octet; asked for, it starts anew."""
    with Session(rig, **measured(urr(measurement_information=["MNOP"]))) as s:
        up, down = [], []
        for n in (0, 1, 13, 400, 1400):
            up += send_up(rig, s, inner4(payload=b"u" * n)) + send_up(rig, s, inner6(
                payload=b"u" * n))
            down += send_down(rig, downlink4(payload=b"d" * n), 2)
            down += send_down(rig, downlink6(payload=b"d" * n))
        assert len(up) == 10 and len(down) == 15
        r = query(rig)[1]
        assert volume(r) == (octets_of(up), octets_of(down), octets_of(up) + octets_of(down)), r
        v = r["volume_measurement"]
        assert (v["ul_packets"], v["dl_packets"], v["total_packets"]) == (10, 15, 25)
        assert r["usage_report_trigger"] == ["IMMER"] and r["ur_seqn"] == 0
        r = query(rig)[1]
        assert volume(r) == (0, 0, 0) and r["ur_seqn"] == 1


def test_fragments_and_drops_are_counted_as_they_are(rig):
    """What does not leave is not counted, whatever stopped it."""
    shut = {"id": 1, "qfi": 9, "gate_status": {"ul": "open", "dl": "closed"}}
    with Session(rig, **measured(urr(1), qers=[shut])) as s:
        send_down(rig, downlink4(), 3)
        dropped(rig, rig.from_gnb(s.gtpu(inner4(src="10.45.9.9"))), "upf.spoofed")
        dropped(rig, rig.from_gnb(s.gtpu(inner4(dst="239.255.255.250"))), "ip.multicast")
        dropped(rig, rig.from_gnb(s.gtpu(inner6(dst="ff0e::fb"))), "ip.multicast")
        dropped(rig, rig.from_gnb(s.gtpu(inner4(dst="127.0.0.1"))), "ip.bad_destination")
        got = send_up(rig, s, inner4())
        assert volume(query(rig)[1]) == (octets_of(got), 0, octets_of(got))


def test_before_and_after_qos(rig):
    """MBQE: 5.2.2.2.1, before QoS enforcement; without it what QoS let pass."""
    shut = {"id": 1, "qfi": 9, "packet_rate": {"ul": 2, "ul_unit": "hour"}}
    rules = measured(urr(1, measurement_information=["MBQE"]), urr(2), qers=[shut])
    with Session(rig, **rules) as s:
        got = send_up(rig, s, inner4(), 5)
        assert len(got) == 2
        r = query(rig)
        assert volume(r[1])[0] == 5 * 60 and volume(r[2])[0] == octets_of(got) == 120


def test_threshold(rig):
    """VOLTH each time it is passed; the measure restarts, traffic goes on, numbers rise."""
    with Events(rig, REPORT) as events, Session(rig, **measured(urr(
            1, ["VOLTH"], volume_threshold={"total": 1000}))) as s:
        total = 0
        for i in range(4):
            total += octets_of(send_up(rig, s, inner4(payload=b"t" * 472), 2))
            r, = events.take(1)
            assert r["seid"] == 1 and r["urr_id"] == 1 and r["ur_seqn"] == i
            assert r["usage_report_trigger"] == ["VOLTH"]
            assert volume(r) == (1000, 0, 1000), r
        total += octets_of(send_down(rig, downlink4(), 1))
        events.none(0.3)
        assert volume(query(rig)[1]) == (0, 60, 60)
        assert total == 4 * 1000 + 60


def test_thresholds_by_direction(rig):
    with Events(rig, REPORT) as events, Session(rig, **measured(urr(
            1, ["VOLTH"], volume_threshold={"dl": 120}))) as s:
        send_up(rig, s, inner4(), 5)
        events.none()
        send_down(rig, downlink4(), 2)
        assert [volume(r) for r in events.take(1)] == [(300, 120, 420)]


def test_several_for_one_rule_one_for_many(rig):
    """All URRs of a PDR count; one URR of many PDRs counts each packet once."""
    pdrs = [pdr_ul(), pdr_dl(), pdr_ul(3, 1, 10, sdf_filters=[
        {"flow_description": "permit out 17 from any 5000 to assigned"}])]
    for pdr in pdrs:
        pdr["urr_ids"] = [1]
    pdrs[2]["urr_ids"] = [1, 2, 3]
    with Session(rig, pdrs=pdrs, urrs=[urr(1), urr(2), urr(3)]) as s:
        send_up(rig, s, inner4(), 3)
        send_up(rig, s, inner4(dport=5000), 2)
        send_down(rig, downlink4())
        assert {i: volume(r) for i, r in query(rig).items()} == {
            1: (300, 60, 360), 2: (120, 0, 120), 3: (120, 0, 120)}


def test_quota_stops_and_is_granted_again(rig):
    """A packet that would exceed it is dropped uncounted; nothing passes until more is granted."""
    rules = measured(urr(1, ["VOLQU"], volume_quota={"total": 600}))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        before = rig.drops().get("upf.quota", 0)
        got = send_up(rig, s, inner4(payload=b"q" * 122), 10)
        assert octets_of(got) == 600 and len(got) == 4
        r, = events.take(1)
        assert r["usage_report_trigger"] == ["VOLQU"] and volume(r) == (600, 0, 600)
        assert rig.drops()["upf.quota"] - before == 6
        rig.silent(rig.n6, rig.from_dn(downlink4(payload=b"")))
        assert s.state()["urrs"][0]["quota_spent"] is True
        s.modify(update_urrs=[{"id": 1, "volume_quota": {"total": 200}}])
        got = send_down(rig, downlink4(payload=b"q" * 72), 3)
        assert len(got) == 2
        r, = events.take(1)
        assert r["ur_seqn"] == 1 and volume(r) == (0, 200, 200)


def test_small_packets_do_not_pass_a_spent_quota(rig):
    """What one packet did not fit into is spent for all: the report says so."""
    rules = measured(urr(1, ["VOLQU"], volume_quota={"total": 300}))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        assert len(send_up(rig, s, inner4(payload=b"q" * 222))) == 1
        rig.silent(rig.n3, rig.from_gnb(s.gtpu(inner4(payload=b"q" * 222))))
        assert [volume(r) for r in events.take(1)] == [(250, 0, 250)]
        rig.silent(rig.n3, rig.from_gnb(s.gtpu(inner4(payload=b""))))


def test_quota_by_direction_stops_both(rig):
    """A spent quota stops the PDRs of the URR, whichever direction spent it."""
    rules = measured(urr(1, ["VOLQU"], volume_quota={"ul": 120, "dl": 10**6}))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        assert len(send_up(rig, s, inner4(), 4)) == 2
        assert len(events.take(1)) == 1
        rig.silent(rig.n6, rig.from_dn(downlink4()))


def test_quota_of_nothing(rig):
    with Events(rig, REPORT) as events, Session(rig, **measured(urr(
            1, ["VOLQU"], volume_quota={"total": 0}))) as s:
        dropped(rig, rig.from_gnb(s.gtpu(inner4())), "upf.quota")
        events.take(1)


def test_other_rules_go_on(rig):
    """Only PDRs of the spent URR stop."""
    rules = measured(urr(1, ["VOLQU"], volume_quota={"total": 60}), on=[1])
    with Session(rig, **rules) as s:
        assert len(send_up(rig, s, inner4(), 3)) == 1
        assert len(send_down(rig, downlink4(), 3)) == 3


def test_quota_action(rig):
    """FAR ID for Quota Action (5.2.2.2.1): there the packets go when the quota is spent."""
    rules = measured(urr(1, ["VOLQU"], volume_quota={"total": 60}, far_id_for_quota_action=3),
                     on=[2], fars=[far_core(), far_access(), far_access(3, 0x77)])
    with Events(rig, REPORT) as events, Session(rig, **rules):
        assert [f[GTP_U_Header].teid for f in send_down(rig, downlink4())] == [DL_TEID]
        assert len(events.take(1)) == 1
        got = send_down(rig, downlink4(), 2)
        assert [f[GTP_U_Header].teid for f in got] == [0x77, 0x77]
        assert volume(query(rig)[1]) == (0, 0, 0)


def test_threshold_then_quota(rig):
    rules = measured(urr(1, ["VOLTH", "VOLQU"], volume_threshold={"total": 240},
                         volume_quota={"total": 360}))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        assert len(send_up(rig, s, inner4(), 4)) == 4
        r, = events.take(1)
        assert r["usage_report_trigger"] == ["VOLTH"] and volume(r)[2] == 240
        assert len(send_up(rig, s, inner4(), 5)) == 2
        r, = events.take(1)
        assert r["usage_report_trigger"] == ["VOLQU"] and volume(r)[2] == 120


def test_stops_within_a_burst(rig):
    """1000 packets as fast as the wire takes them: not one octet above the quota leaves."""
    with Session(rig, **measured(urr(1, ["VOLQU"], volume_quota={"total": 60 * 100}))) as s:
        assert len(send_up(rig, s, inner4(), 1000)) == 100


def test_periodic(rig):
    """Each period, without traffic too; start and end follow on each other."""
    with Events(rig, REPORT) as events, Session(rig, **measured(urr(
            1, ["PERIO"], measurement_period=1))) as s:
        began = time.monotonic()
        send_up(rig, s, inner4(), 2)
        rs = events.take(3, 5)
        assert 2.5 < time.monotonic() - began < 3.8
        assert [r["usage_report_trigger"] for r in rs] == [["PERIO"]] * 3
        assert [volume(r)[2] for r in rs] == [120, 0, 0]
        assert rs[0]["end_time"] == rs[1]["start_time"] <= rs[1]["end_time"]


def test_time_threshold_and_quota(rig):
    rules = measured(urr(1, ["TIMTH", "TIMQU"], ["DURAT"], time_threshold=1, time_quota=2))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        assert send_up(rig, s, inner4())
        r, = events.take(1, 2.5)
        assert r["usage_report_trigger"] == ["TIMTH"] and r["duration_measurement"] in (1, 2)
        rest = events.take(1, 2.5)
        if "TIMQU" not in rest[0]["usage_report_trigger"]:  # the second threshold by itself
            rest += events.take(1, 2.5)
        assert "TIMQU" in rest[-1]["usage_report_trigger"], rest
        dropped(rig, rig.from_gnb(s.gtpu(inner4())), "upf.quota")
        s.modify(update_urrs=[{"id": 1, "time_quota": 60}])
        assert send_up(rig, s, inner4())


def test_start_and_stop_of_traffic(rig):
    rules = measured(urr(1, ["START", "STOPT"], ["DURAT"], inactivity_detection_time=1))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        for _ in range(2):
            send_up(rig, s, inner4())
            assert [r["usage_report_trigger"] for r in events.take(1)] == [["START"]]
            send_up(rig, s, inner4())
            assert [r["usage_report_trigger"] for r in events.take(1, 3)] == [["STOPT"]]


def test_quota_holding_time(rig):
    """QUHTI: no packet for so long, and what is left of the quota is given back."""
    rules = measured(urr(1, ["QUHTI", "VOLQU"], volume_quota={"total": 10000},
                         quota_holding_time=1))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        send_up(rig, s, inner4())
        r, = events.take(1, 3)
        assert r["usage_report_trigger"] == ["QUHTI"] and volume(r)[2] == 60
        dropped(rig, rig.from_gnb(s.gtpu(inner4())), "upf.quota")


def test_quota_validity(rig):
    rules = measured(urr(1, ["QUVTI", "VOLQU"], volume_quota={"total": 10000},
                         quota_validity_time=1))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        send_up(rig, s, inner4())
        r, = events.take(1, 3)
        assert r["usage_report_trigger"] == ["QUVTI"]
        dropped(rig, rig.from_gnb(s.gtpu(inner4())), "upf.quota")


def test_linked(rig):
    """LIUSA: a report of the URR that it is linked to brings its own."""
    rules = measured(urr(1, ["VOLTH"], volume_threshold={"total": 100}),
                     urr(2, ["LIUSA"], linked_urr_ids=[1]))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        send_up(rig, s, inner4(), 2)
        rs = {r["urr_id"]: r for r in events.take(2)}
        assert rs[1]["usage_report_trigger"] == ["VOLTH"]
        assert rs[2]["usage_report_trigger"] == ["LIUSA"] and volume(rs[2]) == (120, 0, 120)


def test_events(rig):
    """EVENT: starts of traffic, threshold and quota of them."""
    rules = measured(urr(1, ["EVETH", "EVEQU"], ["EVENT"], event_threshold=1, event_quota=2,
                         inactivity_detection_time=1))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        send_up(rig, s, inner4())
        assert "EVETH" in events.take(1)[0]["usage_report_trigger"]


def test_dropped_downlink(rig):
    """DROTH: so many downlink packets lost to QoS."""
    shut = {"id": 1, "qfi": 9, "gate_status": {"ul": "open", "dl": "closed"}}
    rules = measured(urr(1, ["DROTH"], dropped_dl_traffic_threshold={"packets": 3}), qers=[shut])
    with Events(rig, REPORT) as events, Session(rig, **rules):
        rig.silent(rig.n6, [rig.from_dn(downlink4())] * 2)
        events.none()
        rig.silent(rig.n6, [rig.from_dn(downlink4())] * 2)
        assert [r["usage_report_trigger"] for r in events.take(1)] == [["DROTH"]]


def test_monitoring_time(rig):
    """At the monitoring time what was before is told apart from what comes after."""
    at = int(time.time()) + 2
    rules = measured(urr(1, ["VOLTH"], volume_threshold={"total": 10**6}, monitoring_time=at,
                         subsequent_volume_threshold={"total": 120}))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        send_up(rig, s, inner4(), 3)
        before = events.take(1, 3.5)
        assert [("MONIT" in r["usage_report_trigger"], volume(r)[2]) for r in before] == [
            (True, 180)], before
        send_up(rig, s, inner4(), 2)
        after = events.take(1)
        assert [(r["usage_report_trigger"], volume(r)[2]) for r in after] == [(["VOLTH"], 120)]


def test_final_reports(rig):
    """At a URR's removal and at the session's deletion, with what was not reported yet."""
    with Events(rig, REPORT) as events:
        with Session(rig, **measured(urr(1), urr(2))) as s:
            send_up(rig, s, inner4(), 2)
            only = {"urr_ids": [1]}
            reply = s.modify(update_pdrs=[{"id": 1, **only}, {"id": 2, **only}],
                             remove_urrs=[{"id": 2}])
            reply = reply[0] if isinstance(reply, list) else reply
            r, = reply["usage_reports"]
            assert (r["urr_id"], r["usage_report_trigger"], volume(r)) == (
                2, ["TERMR"], (120, 0, 120))
            assert events.take(1)[0]["urr_id"] == 2
            send_down(rig, downlink4())
            reply = rig.call("session.delete", {"seid": 1})
            reply = reply[0] if isinstance(reply, list) else reply
            r, = reply["usage_reports"]
            assert (r["urr_id"], r["usage_report_trigger"], volume(r)) == (
                1, ["TERMR"], (120, 60, 180))
            assert events.take(1)[0]["urr_id"] == 1
            rig.call("session.put", s.object)


def test_changes_keep_the_measure(rig):
    """Modification of something else resets nothing; a new threshold holds for what runs."""
    with Events(rig, REPORT) as events, Session(rig, **measured(urr(
            1, ["VOLTH"], volume_threshold={"total": 10**6}))) as s:
        send_up(rig, s, inner4(), 2)
        s.modify(update_fars=[far_access(teid=0x99)], update_qers=[{"id": 1, "qfi": 3}])
        send_up(rig, s, inner4())
        s.modify(update_urrs=[{"id": 1, "volume_threshold": {"total": 200}}])
        send_up(rig, s, inner4())
        assert [volume(r) for r in events.take(1)] == [(240, 0, 240)]


def test_query_with_a_modification(rig):
    with Session(rig, **measured(urr(1), urr(2))) as s:
        send_up(rig, s, inner4())
        reply = s.modify(query_all_urrs=True)
        reply = reply[0] if isinstance(reply, list) else reply
        assert {r["urr_id"]: volume(r) for r in reply["usage_reports"]} == {
            1: (60, 0, 60), 2: (60, 0, 60)}
        assert query(rig, urr_ids=[2]).keys() == {2}


def test_user_plane_inactivity(rig):
    with Events(rig, "session.user_plane_inactivity") as events:
        with Session(rig, user_plane_inactivity_timer=1) as s:
            send_up(rig, s, inner4())
            assert [e["seid"] for e in events.take(1, 3)] == [1]
            assert send_up(rig, s, inner4()), "the session stays"


def test_contradictions_are_refused(rig):
    """Each with the field that is wrong."""
    for field, rule in (
            ("volume_quota", urr(1, ["VOLQU"])),
            ("measurement_period", {"id": 1, "measurement_method": ["VOLUM"],
                                    "reporting_triggers": ["PERIO"]}),
            ("measurement_method", urr(1, ["VOLTH"], ["DURAT"], volume_threshold={"total": 1})),
            ("linked_urr_ids", urr(1, ["LIUSA"], linked_urr_ids=[9])),
            ("far_id_for_quota_action", urr(1, ["VOLQU"], volume_quota={"total": 1},
                                            far_id_for_quota_action=99))):
        with refused(field), Session(rig, **measured(rule)):
            pass
