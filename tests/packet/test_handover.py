# SPDX-License-Identifier: BSD-3-Clause
"""Hand-over of a user: a next tunnel prepared beside the one in use, fed, committed, dropped; on the
wire, under load, and with the events that tell of it (pipelines/upf/upf.md, "Hand-over")."""
import os
import struct
import threading
import time

from scapy.all import raw
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

import octets
from harness import GNB4, refused
from test_buffer import numbered, numbers
from test_downlink import tunnelled
from test_uplink import forwarded
from upf import (DL_TEID, QFI, UE4, Events, Session, downlink4, far_access, far_core, inner4, pdr_dl,
                 pdr_ul)

NEXT_TEID = 0x4711
TIMES = int(os.environ.get("HANDOVERS", 50))  # under load
EVENTS = [f"handover.{x}" for x in ("prepared", "switch", "done", "dropped", "feed_end", "failed")]


def ohc(teid):
    return {"description": "gtpu-udp-ipv4", "teid": hex(teid), "ipv4": GNB4}


def prepare(rig, teid=NEXT_TEID, seid=1, far_id=2, **more):
    return rig.call("handover.prepare", {"seid": seid, "far_id": far_id,
                                         "outer_header_creation": ohc(teid), **more})


def commit(rig, seid=1, far_id=2, **more):
    return rig.call("handover.commit", {"seid": seid, "far_id": far_id, **more})


def drop(rig, seid=1, far_id=2):
    return rig.call("handover.drop", {"seid": seid, "far_id": far_id})


def pdr_web():
    return pdr_dl(3, precedence=10, sdf_filters=[
        {"flow_description": "permit out 17 from any 99 to assigned"}])


def by_tunnel(frames):
    """{TEID: [what it got, in order: number, or "end"]}"""
    out = {}
    for f in frames:
        kind = f[GTP_U_Header].gtp_type
        out.setdefault(f[GTP_U_Header].teid, []).append(
            "end" if kind == 254 else numbers([f])[0])
    return out


def push(rig, *ns):
    for n in ns:
        rig.n6.send(rig.from_dn(numbered(n)))
    time.sleep(0.05)


def next_of(rig, seid=1):
    return rig.call("handover.list", {"seid": seid})["items"]


def test_prepared_and_committed(rig):
    """Nothing changes by preparing; the commit moves packets and ends the tunnel left behind."""
    with Events(rig, *EVENTS) as events, Session(rig) as s:
        rig.n3.drain()
        told = prepare(rig)
        assert int(told["next_tunnel"]["outer_header_creation"]["teid"], 0) == NEXT_TEID
        push(rig, *range(10))
        commit(rig)
        push(rig, *range(10, 20))
        got = by_tunnel(rig.n3.receive(0.5))
        assert got == {DL_TEID: [*range(10), "end"], NEXT_TEID: list(range(10, 20))}, got
        assert next_of(rig) == []
        kinds = [sorted(e) for e in events.take(3)]
        assert len(kinds) == 3
        events.none(0.2)
        far = next(f for f in s.state()["fars"] if f["id"] == 2)
        assert "next_tunnel" not in far and "hand_over" not in far
        assert int(far["forwarding_parameters"]["outer_header_creation"]["teid"], 0) == NEXT_TEID


def test_fed(rig):
    """Copies while it is fed, the same bytes; at the commit they end, and so there is each once."""
    with Session(rig):
        rig.n3.drain()
        prepare(rig, feed=True, feed_ms=10000)
        push(rig, *range(10))
        commit(rig)
        push(rig, *range(10, 20))
        frames = rig.n3.receive(0.5)
        got = by_tunnel(frames)
        assert got == {DL_TEID: [*range(10), "end"], NEXT_TEID: list(range(20))}, got
        data = [f for f in frames if f[GTP_U_Header].gtp_type == 255]
        assert {f[GTPPDUSessionContainer].QFI for f in data} == {QFI}
        same = [bytes(f[GTPPDUSessionContainer].payload) for f in data if numbers([f]) == [3]]
        assert len(same) == 2 and same[0] == same[1]


def test_feed_ends(rig):
    """After its time the copies end by themselves; the tunnel stays prepared."""
    with Events(rig, *EVENTS) as events, Session(rig):
        prepare(rig, feed=True, feed_ms=300)
        assert next_of(rig)[0]["next_tunnel"]["feed"] is True
        rig.n3.drain()
        push(rig, 1)
        assert by_tunnel(rig.n3.receive(0.1)) == {DL_TEID: [1], NEXT_TEID: [1]}
        assert len(events.take(2, 1.5)) == 2, "prepared, then feed_end"
        push(rig, 2)
        assert by_tunnel(rig.n3.receive(0.2)) == {DL_TEID: [2]}
        assert "feed" not in next_of(rig)[0]["next_tunnel"]
        commit(rig)
        push(rig, 3)
        assert by_tunnel(rig.n3.receive(0.3)) == {DL_TEID: ["end"], NEXT_TEID: [3]}


def test_dropped(rig):
    """The tunnel in use goes on, without an End Marker anywhere."""
    with Events(rig, *EVENTS) as events, Session(rig):
        prepare(rig, feed=True, feed_ms=10000)
        drop(rig)
        rig.n3.drain()
        push(rig, *range(5))
        assert by_tunnel(rig.n3.receive(0.3)) == {DL_TEID: list(range(5))}
        assert [("next_tunnel" in e) for e in events.take(2)] == [True, True]
        prepare(rig)
        assert len(next_of(rig)) == 1


def test_announced(rig):
    """handover.switch is heard before packets move, lead_ms before."""
    with Events(rig, "handover.switch", "handover.done") as events, Session(rig):
        prepare(rig)
        rig.n3.drain()
        said = time.monotonic()
        commit(rig, lead_ms=400)
        e, = events.take(1, 0.2)
        assert 300 <= e["in_ms"] <= 400, e
        assert int(e["tunnel"]["teid"], 0) == DL_TEID
        push(rig, 1)
        assert by_tunnel(rig.n3.receive(0.1)) == {DL_TEID: [1]}
        done, = events.take(1, 1)
        assert 0.35 < time.monotonic() - said < 0.9
        assert int(done["tunnel"]["teid"], 0) == NEXT_TEID
        push(rig, 2)
        assert by_tunnel(rig.n3.receive(0.2)) == {DL_TEID: ["end"], NEXT_TEID: [2]}


def test_announced_and_dropped(rig):
    with Events(rig, "handover.switch", "handover.done", "handover.dropped") as events, Session(
            rig) as s:
        prepare(rig)
        commit(rig, lead_ms=200)
        drop(rig)
        assert len(events.take(2, 0.5)) == 2
        events.none(0.5)
        tunnelled(rig, s, downlink4())


def test_several_at_once(rig):
    """Sessions and FARs in one call: all or none."""
    ue = [{"ipv4": "10.45.0.77"}]
    with Session(rig) as one, Session(rig, seid=2, fars=[far_core(), far_access(teid=0x77)], pdrs=[
            pdr_ul(ue_ip_address=ue), pdr_dl(ue_ip_address=ue)]):
        prepare(rig)
        both = {"items": [{"seid": 1, "far_id": 2}, {"seid": 2, "far_id": 2}]}
        with refused("items[1].far_id", "no next tunnel"):
            rig.call("handover.commit", both)
        assert len(next_of(rig)) == 1, "half of it was done"
        tunnelled(rig, one, downlink4())
        prepare(rig, 0x78, seid=2)
        assert len(rig.call("handover.list")["items"]) == 2
        rig.n3.drain()
        rig.call("handover.commit", both)
        push(rig, 1)
        rig.n6.send(rig.from_dn(numbered(2, dst="10.45.0.77")))
        got = by_tunnel(rig.n3.receive(0.4))
        assert got == {DL_TEID: ["end"], 0x77: ["end"], NEXT_TEID: [1], 0x78: [2]}, got


def test_several_rules_of_one_far(rig):
    """One End Marker for the tunnel, whichever rules sent into it."""
    with Session(rig, pdrs=[pdr_ul(), pdr_dl(), pdr_web()]):
        prepare(rig, feed=True)
        rig.n3.drain()
        push(rig, 1)
        rig.n6.send(rig.from_dn(numbered(2)))
        p = downlink4(payload=(3).to_bytes(4, "big") * 4, sport=99)
        rig.n6.send(rig.from_dn(p))
        time.sleep(0.05)
        commit(rig)
        push(rig, 4)
        rig.n6.send(rig.from_dn(downlink4(payload=(5).to_bytes(4, "big") * 4, sport=99)))
        got = by_tunnel(rig.n3.receive(0.4))
        assert got == {DL_TEID: [1, 2, 3, "end"], NEXT_TEID: [1, 2, 3, 4, 5]}, got


def test_while_downlink_waits(rig):
    """What waits leaves by the tunnel of then; the old one is ended without it."""
    with Session(rig) as s:
        prepare(rig)
        s.modify(update_fars=[{"id": 2, "apply_action": ["BUFF"]}])
        rig.n3.drain()
        push(rig, *range(10))
        commit(rig)
        s.modify(update_fars=[{"id": 2, "apply_action": ["FORW"]}])
        push(rig, *range(10, 15))
        got = by_tunnel(rig.n3.receive(0.5))
        assert got == {DL_TEID: ["end"], NEXT_TEID: list(range(15))}, got


def test_uplink_does_not_notice(rig):
    with Session(rig) as s:
        prepare(rig, feed=True)
        forwarded(rig, s, inner4())
        commit(rig)
        forwarded(rig, s, inner4())


def test_taken_by_an_update(rig):
    """A control plane that knows nothing of hand-overs names the prepared tunnel as the FAR's."""
    with Events(rig, *EVENTS) as events, Session(rig) as s:
        prepare(rig)
        s.modify(update_fars=[far_access(teid=NEXT_TEID)])
        assert len(events.take(3)) == 3, "prepared, switch, done"
        assert next_of(rig) == []


def test_refusals(rig):
    with refused("seid", "no session 1"):
        prepare(rig)
    with Session(rig) as s:
        with refused("far_id", "no FAR 9"):
            prepare(rig, far_id=9)
        with refused("far_id", "no tunnel"):
            prepare(rig, far_id=1)
        with refused("far_id", "no next tunnel"):
            commit(rig)
        with refused("far_id", "no next tunnel"):
            drop(rig)
        with refused("outer_header_creation", "uses already"):
            prepare(rig, DL_TEID)
        with refused("network_instance", "nowhere"):
            prepare(rig, network_instance="nowhere")
        with refused("outer_header_creation", "no IPv4 GTP-U address"):
            prepare(rig, network_instance="internet")
        with refused("feed_ms", "10000"):
            prepare(rig, feed=True, feed_ms=10001)
        with refused("lead_ms", "1000"):
            commit(rig, lead_ms=1001)
        with refused("items", "not with"):
            commit(rig, items=[{"seid": 1, "far_id": 2}])
        prepare(rig)
        with refused("far_id", "already"):
            prepare(rig, 0x99)
        with refused("items[1].far_id", "twice"):
            rig.call("handover.commit", {"items": [{"seid": 1, "far_id": 2}] * 2})
        s.modify(update_fars=[{"id": 2, "apply_action": ["DROP"]}])
        drop(rig)
        with refused("feed", "does not forward"):
            prepare(rig, feed=True)
    with refused("seid", "no session 1"):
        commit(rig)


# ---- under load -------------------------------------------------------------------------------

SPORT = 14 + 20  # of the inner packet, in a frame


class Stream(threading.Thread):
    """Numbered downlink packets without end, of two rules in turn, and all that comes out of N3."""

    def __init__(self, rig, pause):
        super().__init__(daemon=True)
        self.rig, self.pause, self.on, self.n = rig, pause, True, 0
        self.got = []  # (TEID, is it an End Marker, number)
        self.frame = bytearray(raw(rig.from_dn(b""))[:12] + b"\x08\0" + octets.ip_octets(
            {"pad": 20, "src": octets.ip4("198.51.100.2"), "dst": octets.ip4(UE4),
             "proto": octets.UDP, "sport": 7, "dport": 8, "spi": 0, "tos": 0, "ttl": 60}, 0))
        self.frame[SPORT + 6:SPORT + 8] = b"\0\0"  # no checksum, since numbers and ports change
        self.reader = threading.Thread(target=self.read, daemon=True)

    def run(self):
        self.reader.start()
        while self.on:
            for _ in range(8):
                struct.pack_into("!H", self.frame, SPORT, (7, 99)[self.n & 1])
                struct.pack_into("!I", self.frame, len(self.frame) - 4, self.n)
                self.rig.n6.sock.send(self.frame)
                self.n += 1
            time.sleep(self.pause)

    def read(self):
        sock = self.rig.n3.sock
        sock.settimeout(0.5)
        while True:
            try:
                frame = sock.recv(2048)
            except OSError:
                if not self.on:
                    return
                continue
            if frame[12:14] == b"\x08\0" and frame[36:38] == b"\x08\x68":
                self.got.append((int.from_bytes(frame[46:50], "big"), frame[43] == 254,
                                 int.from_bytes(frame[-4:], "big")))

    def used(self, teid):
        """Wait for a packet by this tunnel, however slow the machine: each use shows."""
        end = time.monotonic() + 5
        while not self.got or self.got[-1][:2] != (teid, False):
            assert time.monotonic() < end, f"nothing leaves by {teid:#x}"
            time.sleep(0.0005)

    def stop(self):
        self.on = False
        self.join()
        self.reader.join()


def once(rig, s, teid, how):
    """One hand-over to this tunnel."""
    if how == "waits":
        s.modify(update_fars=[{"id": 2, "apply_action": ["BUFF"], "bar_id": 1}])
    prepare(rig, teid, feed=how == "fed", feed_ms=5000)
    if how == "fed":
        time.sleep(0.01)
    commit(rig)
    if how == "waits":
        s.modify(update_fars=[{"id": 2, "apply_action": ["FORW"]}])


def under_load(rig, how):
    """Hand-overs forth and back under traffic, every second time to the first tunnel."""
    bar = {"id": 1, "dl_buffering_suggested_packet_count": 10000}
    stream = Stream(rig, 0.004 if rig.ports == "virtio" else 0.001)
    with Session(rig, pdrs=[pdr_ul(), pdr_dl(), pdr_web()], bars=[bar]) as s:
        rig.n3.drain()
        lost = rig.drops()
        stream.start()
        try:
            for i in range(TIMES):
                time.sleep(0.005)
                teid = DL_TEID if i % 2 else 0x1000 + i
                once(rig, s, teid, how)
                stream.used(teid)
            time.sleep(0.05)
        finally:
            stream.stop()
        assert rig.drops() == lost, "the links lost packets: nothing can be told"
    print(f"  hand-over, {how}: {stream.n} packets, {TIMES} switches", flush=True)
    return stream


def each_once(how):
    def test(rig):
        stream = under_load(rig, how)
        data = [n for _, end, n in stream.got if not end]
        assert data == list(range(stream.n)), (
            f"{stream.n} sent, {len(data)} came, {len(set(data))} different, or out of order")
        check_ends(stream.got)
    test.__doc__ = "Of all tunnels together each packet once, in order; End Markers last."
    return test


test_load_switched = each_once("switched")
test_load_waiting = each_once("waits")


def check_ends(got):
    """Behind a tunnel's End Marker the next packet leaves by another one."""
    ends = [i for i, (_, end, _) in enumerate(got) if end]
    assert len(ends) == TIMES, f"{len(ends)} End Markers"
    for i in ends:
        after = next((teid for teid, end, _ in got[i:] if not end), None)
        assert after != got[i][0], "a packet behind an End Marker"


def uses(got):
    """What each tunnel got from its first packet to its End Marker, or to the end."""
    open_now, out = {}, []
    for teid, end, n in got:
        if end:
            out.append(open_now.pop(teid, []))
        else:
            open_now.setdefault(teid, []).append(n)
    return out + list(open_now.values())


def test_load_fed(rig):
    """At the new tunnel no packet is missing or comes twice, from the first copy on; at the old one
    they end in order, and then comes the marker."""
    stream = under_load(rig, "fed")
    parts = uses(stream.got)
    for p in parts:
        assert p and p == list(range(p[0], p[-1] + 1)), "a gap, twice, or out of order"
    assert len(parts) == TIMES + 1, f"{len(parts)} uses of tunnels"
    missing = set(range(stream.n)).difference(*parts)
    assert not missing, f"{len(missing)} lost"
