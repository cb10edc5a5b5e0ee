# SPDX-License-Identifier: BSD-3-Clause
"""Downlink that waits for its user: buffering, paging, release, End Marker, Error Indication
(TS 23.501 5.8.2.9, 5.8.3; TS 29.244 5.2.4; TS 29.281 7.3; TS 23.527 5.3.3)."""
import time

from scapy.all import IP, UDP, IPv6, raw
from scapy.contrib.gtp import (GTP_U_Header, GTPErrorIndication, GTPPDUSessionContainer,
                               IE_GSNAddress, IE_TEIDI)

from harness import GNB4, GNB6, UPF4
from test_downlink import tunnelled
from test_uplink import forwarded
from upf import DL_TEID, QFI, Events, Session, downlink4, downlink6, far_access, inner4

DATA, LOST = "session.downlink_data_report", "session.error_indication"
NEW_TEID = 0x4242


def far_buffer(far_id=2, notify=True, bar=None):
    far = {"id": far_id, "apply_action": ["BUFF", "NOCP"] if notify else ["BUFF"]}
    return {**far, "bar_id": bar} if bar is not None else far


def numbered(n, **ip):
    return downlink4(payload=n.to_bytes(4, "big") * 4, **ip)


def numbers(frames):
    """What stands in the packets, in the order in which they came out."""
    return [int.from_bytes(raw(f[UDP].payload)[-4:], "big") for f in frames]


def idle(s, **far):
    """The user goes idle: as SMFs say it, without forwarding parameters."""
    s.modify(update_fars=[far_buffer(**far)])


def waiting(s):
    return s.state().get("buffer", {}).get("packets", 0)


def holds(rig, s, n):
    rig.wait(lambda: waiting(s) == n, 3, f"{n} packets to wait, now {waiting(s)}")


def wake(rig, s, teid=None, want=None, **far):
    """The user is there again: what comes out on N3 when the FAR forwards."""
    rig.n3.drain()
    update = far_access(teid=teid) if teid else {"id": 2, "apply_action": ["FORW"]}
    update["forwarding_parameters"] = {**update.get("forwarding_parameters", {}), **far}
    if not update["forwarding_parameters"]:
        del update["forwarding_parameters"]
    s.modify(update_fars=[update])
    return rig.n3.receive(1.0, want)


def test_waits_and_leaves_in_order(rig):
    """Nothing is lost, nothing overtakes, one notification; then traffic flows."""
    with Events(rig, DATA) as events, Session(rig) as s:
        tunnelled(rig, s, downlink4())
        idle(s)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(20)])
        holds(rig, s, 20)
        e, = events.take(1)
        assert e["seid"] == 1 and e["pdr_ids"] == [2] and e["qfi"] == QFI
        events.none()
        got = wake(rig, s, want=20)
        assert numbers(got) == list(range(20))
        assert {f[GTP_U_Header].teid for f in got} == {DL_TEID}
        assert all(f[GTPPDUSessionContainer].QFI == QFI for f in got)
        holds(rig, s, 0)
        tunnelled(rig, s, downlink4())
        # counted when they leave, not when they wait
        assert s.counts()[2] == (22, 2 * 60 + 20 * 44)


def test_leaves_by_the_new_tunnel(rig):
    """Another gNB has the user now; both families, one order."""
    with Session(rig) as s:
        idle(s)
        mixed = [numbered(i) if i % 2 else downlink6(payload=i.to_bytes(4, "big") * 4)
                 for i in range(10)]
        rig.silent(rig.n6, [rig.from_dn(p) for p in mixed])
        holds(rig, s, 10)
        got = wake(rig, s, NEW_TEID, 10)
        assert numbers(got) == list(range(10))
        assert {f[GTP_U_Header].teid for f in got} == {NEW_TEID}


def test_new_packets_behind_the_old(rig):
    """Packets that come while others leave go behind them: no reordering at the release."""
    with Session(rig) as s:
        idle(s)
        for i in range(50):
            rig.n6.send(rig.from_dn(numbered(i)))
        holds(rig, s, 50)
        rig.n3.drain()
        for i in range(50, 60):
            rig.n6.send(rig.from_dn(numbered(i)))
        s.modify(update_fars=[{"id": 2, "apply_action": ["FORW"]}])
        for i in range(60, 100):
            rig.n6.send(rig.from_dn(numbered(i)))
        got = rig.n3.receive(1.5, 100)
        assert numbers(got) == list(range(100))


def test_oldest_goes_when_full(rig):
    """BAR: so many packets; of more the newest are kept, and the others have a name."""
    with Session(rig, bars=[{"id": 1, "suggested_buffering_packets_count": 5}]) as s:
        s.modify(update_fars=[{**far_buffer(bar=1)}])
        before = rig.drops()
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(12)])
        rig.wait(lambda: sum(rig.drops().values()) >= sum(before.values()) + 7, 3, "seven to go")
        after = rig.drops()
        rose = {k: after[k] - before.get(k, 0) for k in after if after[k] != before.get(k, 0)}
        assert list(rose.values()) == [7] and "buffer" in list(rose)[0], rose
        holds(rig, s, 5)
        assert numbers(wake(rig, s, want=5)) == list(range(7, 12))


def test_bounded_without_a_bar(rig):
    with Session(rig) as s:
        idle(s)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(300)], timeout=0.4)
        kept = waiting(s)
        assert 16 <= kept <= 256, kept
        assert numbers(wake(rig, s, want=kept)) == list(range(300 - kept, 300))


def test_bound_for_all(rig):
    """Half of the packet buffers, shared by the workers: then the new packet goes, by name, and what
    waits stays in order."""
    share = rig.call("system.info")["packet_buffers"] // 2 // rig.workers
    bar = {"id": 1, "dl_buffering_suggested_packet_count": 65535}
    frame = raw(rig.from_dn(numbered(0)))[:-4]
    frame = frame[:40] + bytes(2) + frame[42:]  # no UDP checksum: numbers differ
    with Session(rig, bars=[bar]) as s:
        s.modify(update_fars=[far_buffer(notify=False, bar=1)])
        before, oldest = (rig.drops().get("upf.buffer_" + x, 0) for x in ("full", "oldest"))
        sent, end = 0, time.monotonic() + 30
        while rig.drops().get("upf.buffer_full", 0) == before and time.monotonic() < end:
            for _ in range(200):
                rig.n6.sock.send(frame + sent.to_bytes(4, "big"))
                sent += 1
            time.sleep(0.002)  # links lose what comes too fast
        holds(rig, s, share)
        assert rig.drops()["upf.buffer_full"] > before
        assert rig.drops().get("upf.buffer_oldest", 0) == oldest
        got = numbers(wake(rig, s, want=50))
        assert got == sorted(set(got)) and got[0] == 0 and len(got) == 50, got
        holds(rig, s, 0)
        rig.n3.drain()
        tunnelled(rig, s, downlink4())


def test_duration(rig):
    """dl_buffering_duration: what has waited for so long is gone, by name, and what comes then is
    news; an update of the BAR with it starts it anew."""
    with Events(rig, DATA) as events, Session(
            rig, bars=[{"id": 1, "dl_buffering_duration": 1}]) as s:
        idle(s, bar=1)
        before = rig.drops().get("upf.buffer_discarded", 0)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(3)])
        assert len(events.take(1)) == 1
        time.sleep(0.5)
        s.modify(update_bars=[{"id": 1, "dl_buffering_duration": 1}])
        time.sleep(0.7)
        holds(rig, s, 3)  # the first second is over, the second one is not
        rig.wait(lambda: waiting(s) == 0, 2, "the duration to end")
        rig.wait(lambda: rig.drops()["upf.buffer_discarded"] == before + 3, 2, "three drops")
        rig.silent(rig.n6, rig.from_dn(numbered(7)))
        assert len(events.take(1)) == 1, "a new episode"
        assert numbers(wake(rig, s, want=1)) == [7]


def test_no_notification_unasked(rig):
    """BUFF without NOCP."""
    with Events(rig, DATA) as events, Session(rig) as s:
        idle(s, notify=False)
        rig.silent(rig.n6, rig.from_dn(downlink4()))
        events.none()
        assert len(wake(rig, s, want=1)) == 1


def test_each_episode_notifies(rig):
    """TS 29.244 5.2.4: anew when the FAR is updated, or what waited was discarded."""
    with Events(rig, DATA) as events, Session(rig) as s:
        for _ in range(3):
            idle(s)
            rig.silent(rig.n6, [rig.from_dn(downlink4())] * 3, timeout=0.05)
            assert len(events.take(1)) == 1
            assert len(wake(rig, s, want=3)) == 3
        events.none(0.2)


def test_discarded(rig):
    """DROBU: what waits is dropped, by name; what comes later waits."""
    with Events(rig, DATA) as events, Session(rig) as s:
        idle(s)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(6)])
        assert len(events.take(1)) == 1
        before = sum(rig.drops().values())
        s.modify(drop_buffered_packets=True)
        holds(rig, s, 0)
        rig.wait(lambda: sum(rig.drops().values()) == before + 6, 3, "six drops to be counted")
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(10, 13)])
        assert len(events.take(1)) == 1, "a new episode"
        assert numbers(wake(rig, s, want=3)) == [10, 11, 12]


def test_session_ends_while_packets_wait(rig):
    def imbalance():
        w = rig.call("worker.list")["items"]
        come = sum(x["rx"] + x["injected"] for x in w)
        gone = sum(x["tx"] + x["consumed"] + x["held"] for x in w)
        return come - gone - sum(rig.drops().values())
    free = rig.call("system.info")["packet_buffers_free"]
    with Session(rig) as s:
        idle(s)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(50)])
        rig.wait(lambda: imbalance() == 0, 3, "the books to balance with held packets in them")
    rig.wait(lambda: imbalance() == 0, 3, "the books to balance")
    rig.wait(lambda: free - rig.call("system.info")["packet_buffers_free"] < 40, 3,
             "the buffers to come back")


def test_rules_of_then_hold(rig):
    """A packet that has waited is metered and marked by the rules in force when it leaves."""
    with Session(rig) as s:
        idle(s)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(4)])
        holds(rig, s, 4)
        s.modify(update_qers=[{"id": 1, "qfi": 44}])
        got = wake(rig, s, want=4)
        assert {f[GTPPDUSessionContainer].QFI for f in got} == {44} and len(got) == 4


def test_drop_instead(rig):
    """From BUFF to DROP: what waited is gone."""
    with Session(rig) as s:
        idle(s)
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(4)])
        holds(rig, s, 4)
        s.modify(update_fars=[{"id": 2, "apply_action": ["DROP"]}])
        assert not rig.n3.receive(0.2)
        holds(rig, s, 0)
        s.modify(update_fars=[far_access()])
        assert not rig.n3.receive(0.2)
        tunnelled(rig, s, downlink4())


def test_uplink_flows_meanwhile(rig):
    with Session(rig) as s:
        idle(s)
        rig.silent(rig.n6, rig.from_dn(downlink4()))
        forwarded(rig, s, inner4())


# ---- End Marker ----------------------------------------------------------------------------

def test_end_marker(rig):
    """Behind the last packet of the old tunnel, to its TEID; and the new tunnel's begin."""
    with Session(rig) as s:
        rig.n3.drain()
        for i in range(30):
            rig.n6.send(rig.from_dn(numbered(i)))
        time.sleep(0.1)
        far = far_access(teid=NEW_TEID)
        far["forwarding_parameters"]["send_end_marker"] = True
        s.modify(update_fars=[far])
        for i in range(30, 60):
            rig.n6.send(rig.from_dn(numbered(i)))
        got = rig.n3.receive(1.5, 62)
        old = [f[GTP_U_Header].gtp_type for f in got if f[GTP_U_Header].teid == DL_TEID]
        assert old[:30] == [255] * 30 and set(old[30:]) == {254} and 1 <= len(old[30:]) <= 3, old
        assert numbers([f for f in got if f[GTP_U_Header].teid == NEW_TEID]) == list(range(30, 60))
        marker = next(f for f in got if f[GTP_U_Header].gtp_type == 254)
        assert (marker[IP].src, marker[IP].dst, marker[UDP].dport) == (UPF4, GNB4, 2152)
        if GTPPDUSessionContainer in marker:
            assert marker[GTPPDUSessionContainer].QFI == QFI


def test_end_marker_only_when_the_tunnel_changed(rig):
    """As some SMFs ask for it in every update (facts, 0.14)."""
    with Session(rig) as s:
        far = far_access()
        far["forwarding_parameters"]["send_end_marker"] = True
        rig.n3.drain()
        s.modify(update_fars=[far])
        assert not rig.n3.receive(0.3), "an End Marker for the tunnel in use"
        tunnelled(rig, s, downlink4())
        # not asked for: none
        rig.n3.drain()
        s.modify(update_fars=[far_access(teid=NEW_TEID)])
        assert not rig.n3.receive(0.3)


def test_end_marker_over_ipv6(rig):
    with Session(rig, outer=6) as s:
        far = far_access(teid=NEW_TEID, outer=6)
        far["forwarding_parameters"]["send_end_marker"] = True
        rig.n3.drain()
        s.modify(update_fars=[far])
        got = rig.n3.receive(1, 1)
        assert len(got) == 1 and got[0][GTP_U_Header].gtp_type == 254
        assert got[0][GTP_U_Header].teid == DL_TEID and got[0][IPv6].dst == GNB6


# ---- Error Indication ----------------------------------------------------------------------

def error_indication(teid, address=GNB4, source=GNB4, sport=2152):
    return (IP(src=source, dst=UPF4) / UDP(sport=sport, dport=2152) /
            GTP_U_Header(gtp_type=26, teid=0, S=1, seq=0) /
            GTPErrorIndication(IE_list=[IE_TEIDI(TEIDI=teid), IE_GSNAddress(
                length=4, ipv4_address=address)]))


def test_error_indication(rig):
    """The gNB has lost the tunnel: told once, downlink waits, and goes on by a new one."""
    with Events(rig, LOST) as events, Session(rig) as s:
        tunnelled(rig, s, downlink4())
        rig.n3.send(rig.from_gnb(error_indication(DL_TEID)))
        e, = events.take(1)
        assert e["seid"] == 1 and int(str(e["remote_f_teid"]["teid"]), 0) == DL_TEID
        assert e["remote_f_teid"]["ipv4"] == GNB4
        assert e["pdr_ids"] == [2] and e["far_ids"] == [2]
        rig.silent(rig.n6, [rig.from_dn(numbered(i)) for i in range(5)])
        rig.n3.send(rig.from_gnb(error_indication(DL_TEID)))
        events.none()
        forwarded(rig, s, inner4())
        assert numbers(wake(rig, s, NEW_TEID, 5)) == list(range(5))


def test_forged_error_indication(rig):
    """Only the tunnel's own end may say so; and only of a tunnel there is."""
    with Events(rig, LOST) as events, Session(rig) as s:
        before = rig.drops().get("upf.forged_error_indication", 0)
        rig.n3.send(rig.from_gnb(error_indication(DL_TEID, GNB4, "192.0.2.99")))
        rig.n3.send(rig.from_gnb(error_indication(DL_TEID, "192.0.2.99", "192.0.2.99")))
        rig.n3.send(rig.from_gnb(error_indication(0x1234567)))
        events.none(0.5)
        assert rig.drops()["upf.forged_error_indication"] > before
        tunnelled(rig, s, downlink4())
