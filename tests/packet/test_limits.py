# SPDX-License-Identifier: BSD-3-Clause
"""Quotas and reports that come to an end: events, numbers of reports, downlink that waits while its
quota is spent (TS 29.244 5.2.2, 5.2.4)."""
import time

from scapy.contrib.gtp import GTP_U_Header

from test_buffer import far_buffer, holds, numbered, numbers
from test_uplink import dropped
from test_usage import REPORT, measured, query, send_down, send_up, urr, volume
from upf import (DL_TEID, Events, Session, downlink4, far_access, far_core, inner4, pdr_dl,
                 pdr_ul)

BEFORE, AFTER = range(10), range(10, 20)  # packets before more is granted, and behind that


def test_event_quota(rig):
    """The last start's traffic goes on to its end; the next start is refused until more is
    granted."""
    rules = measured(urr(1, ["EVEQU"], ["EVENT", "VOLUM"], event_quota=2,
                         inactivity_detection_time=1))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        for _ in range(2):
            assert len(send_up(rig, s, inner4(), 3)) == 3
            assert len(send_down(rig, downlink4(), 2)) == 2
            time.sleep(1.3)
        dropped(rig, [rig.from_gnb(s.gtpu(inner4()))] * 3, "upf.quota", 3)
        rig.silent(rig.n6, rig.from_dn(downlink4()))
        r, = events.take(1)
        assert r["usage_report_trigger"] == ["EVEQU"] and r["urr_id"] == 1
        assert volume(query(rig)[1])[2] + volume(r)[2] == 10 * 60, "refused packets were counted"
        s.modify(update_urrs=[{"id": 1, "event_quota": 1}])
        assert len(send_up(rig, s, inner4(), 3)) == 3


def test_number_of_reports(rig):
    """Then thresholds are not told any more; what is asked for is, and the volume is all there."""
    rules = measured(urr(1, ["VOLTH"], volume_threshold={"total": 60}, number_of_reports=2))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        for _ in range(4):
            assert send_up(rig, s, inner4())
            time.sleep(0.15)
        told = events.take(3, 0.5)
        assert [(r["usage_report_trigger"], volume(r)[0]) for r in told] == [(["VOLTH"], 60)] * 2
        r = query(rig)[1]
        assert (r["ur_seqn"], volume(r)) == (2, (120, 0, 120))


def test_inactive_measurement(rig):
    """INAM: nothing is counted or told while traffic flows; without it both begin."""
    rules = measured(urr(1, ["VOLTH"], volume_threshold={"total": 60},
                         measurement_information=["INAM"]))
    with Events(rig, REPORT) as events, Session(rig, **rules) as s:
        assert len(send_up(rig, s, inner4(), 3)) == 3
        events.none()
        assert volume(query(rig)[1]) == (0, 0, 0)
        assert [r["usage_report_trigger"] for r in events.take(1)] == [["IMMER"]]
        s.modify(update_urrs=[{"id": 1, "measurement_information": []}])
        assert send_up(rig, s, inner4())
        assert [(r["usage_report_trigger"], volume(r)) for r in events.take(1)] == [
            (["VOLTH"], (60, 0, 60))]


# ---- far_id_for_quota_action that buffers --------------------------------------------------

def waiting_rules(quota=60 * 3):
    return measured(urr(1, ["VOLQU"], volume_quota={"total": quota}, far_id_for_quota_action=3),
                    on=[2], fars=[far_core(), far_access(), far_buffer(3, notify=False)])


def stops_waits_leaves(rig, s, grant):
    """Three packets pass, ten wait; more is granted, and ten newer ones go behind them."""
    got = send_down(rig, downlink4(), 3)
    assert [f[GTP_U_Header].teid for f in got] == [DL_TEID] * 3
    rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in BEFORE])
    holds(rig, s, len(BEFORE))
    rig.n3.drain()
    s.modify(update_urrs=[{"id": 1, "volume_quota": {"total": grant}}])
    for i in AFTER:
        rig.n6.send(rig.from_dn(numbered(i)))
    got = rig.n3.receive(1.5, len(BEFORE) + len(AFTER))
    assert numbers(got) == [*BEFORE, *AFTER], numbers(got)
    assert {f[GTP_U_Header].teid for f in got} == {DL_TEID}
    holds(rig, s, 0)
    assert s.counts()[2] == (23, 3 * 60 + 20 * 44)


def test_waits_for_a_quota(rig):
    with Session(rig, **waiting_rules()) as s:
        stops_waits_leaves(rig, s, 10 ** 6)


def test_waits_for_a_quota_that_a_modification_brought(rig):
    rules = waiting_rules()
    with Session(rig) as s:
        s.modify(create_urrs=rules["urrs"], create_fars=[far_buffer(3, notify=False)],
                 update_pdrs=[{"id": 2, "urr_ids": [1]}])
        stops_waits_leaves(rig, s, 10 ** 6)


def test_waits_for_the_same_quota_again(rig):
    """The value that it had, granted again: nothing in the rules changes, and it is a grant."""
    quota = 44 * 10
    with Session(rig, **waiting_rules(quota)) as s:
        got = send_down(rig, numbered(0), 10)
        assert len(got) == 10
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in BEFORE])
        holds(rig, s, len(BEFORE))
        rig.n3.drain()
        s.modify(update_urrs=[{"id": 1, "volume_quota": {"total": quota}}])
        assert numbers(rig.n3.receive(1.5, len(BEFORE))) == [*BEFORE]
        holds(rig, s, 0)


def test_a_part_of_what_waits_is_covered(rig):
    """As many leave as the grant covers; the others wait on, in order."""
    with Session(rig, **waiting_rules(0)) as s:
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in BEFORE])
        holds(rig, s, len(BEFORE))
        for at in (0, 4):
            rig.n3.drain()
            s.modify(update_urrs=[{"id": 1, "volume_quota": {"total": 44 * 4}}])
            assert numbers(rig.n3.receive(0.5)) == [*range(at, at + 4)]
            holds(rig, s, len(BEFORE) - at - 4)


def test_waits_from_a_put_with_an_activation_time(rig):
    """A put of rules that buffer from a time to come on."""
    later = {**pdr_dl(), "activation_time": int(time.time()) + 2}
    with Session(rig, pdrs=[pdr_ul(), later], fars=[far_core(), far_buffer(notify=False)]) as s:
        before = rig.drops().get("upf.no_pdr", 0)
        rig.silent(rig.n6, rig.from_dn(downlink4()))
        assert rig.drops()["upf.no_pdr"] == before + 1
        time.sleep(2.2)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in BEFORE])
        holds(rig, s, len(BEFORE))
