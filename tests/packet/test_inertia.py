# SPDX-License-Identifier: BSD-3-Clause
"""Sessions whose owner is away: quotas by each policy, a session that takes another one's place,
users admitted locally. Octets and packets are counted on the wire."""
import contextlib
import threading
import time

from scapy.contrib.gtp import GTP_U_Header

from harness import GNB4, refused
from test_owner import an_owner, claim, wait_for
from test_usage import REPORT, measured, octets_of, urr, volume
from upf import (Events, Session, downlink4, far_access, far_core, inner4, pdr_dl, pdr_ul)

OCTETS = 60  # of inner4() and downlink4()
QUOTA = 10 * OCTETS
TEID, OLD_DL, NEW_DL = 0x77, 0x11, 0x22


@contextlib.contextmanager
def inertia_class(rig, **fields):
    """What goes for all sessions."""
    rig.call("inertia_class.put", {"name": "of-the-test", "order": 1, **fields})
    try:
        yield
    finally:
        rig.call("inertia_class.delete", {"name": "of-the-test"})


def quota(**fields):
    return measured(urr(triggers=("VOLQU",), volume_quota={"total": QUOTA}, **fields))


def put(rig, owner, **more):
    """The session of a `with`, put by the owner."""
    s = Session(rig, **more)
    reply = owner.put(s.object)
    reply = reply[0] if isinstance(reply, list) else reply
    teids = [p["f_teid"]["teid"] for p in reply.get("created_pdrs", []) if "f_teid" in p]
    s.teid = int(teids[0], 0) if teids else TEID
    return s


def lose(rig, name, owner):
    owner.close()
    wait_for(rig, name, "inertial", 2)
    time.sleep(0.3)  # the walk


def up(rig, s, n, payload=b"x" * 32, timeout=0.5):
    frames = [rig.from_gnb(s.gtpu(inner4(payload)))] * n
    return rig.exchange(rig.n3, frames, rig.n6, n, timeout)


def volumes(reports):
    return [volume(r)[2] for r in reports]


def test_quota_ignored(rig):
    """Not one packet is lost; each octet is in exactly one report; ordinary rules come back."""
    with inertia_class(rig, quota="ignore"), an_owner(rig, "ignores") as name, \
            Events(rig, REPORT) as events:
        o = claim(rig, name).keep_alive()
        s = put(rig, o, **quota())
        lose(rig, name, o)
        out = up(rig, s, 100)
        assert len(out) == 100, f"{100 - len(out)} packets lost"
        first, = events.take(1)
        assert first["usage_report_trigger"] == ["VOLQU"] and first["ur_seqn"] == 0
        assert volume(first)[2] >= QUOTA
        events.none()
        u = s.state()["urrs"][0]
        assert u["overrun"] == octets_of(out) - QUOTA, u
        with claim(rig, name) as back:
            assert back.claimed["state"] == "reconciling" and s.state()["stale"]
            assert len(up(rig, s, 5)) == 5
            back.call("owner.adopt", {"ids": [s.seid]})
            assert not s.state()["stale"]
            second, = events.take(1)
            assert second["ur_seqn"] == 1
            assert sum(volumes([first, second])) == 105 * OCTETS
            assert not up(rig, s, 3), "its quota is spent"
            events.none()
            back.call("session.modify", {"seid": s.seid, "update_urrs": [
                {"id": 1, "volume_quota": {"total": QUOTA}}]})
            assert len(up(rig, s, 10)) == 10
            third, = events.take(1)
            assert volume(third)[2] == QUOTA and third["ur_seqn"] == 2
            back.call("session.delete", {"seid": s.seid})


def test_quota_drops(rig):
    with inertia_class(rig, quota="drop"), an_owner(rig, "drops") as name, \
            Events(rig, REPORT) as events:
        o = claim(rig, name).keep_alive()
        s = put(rig, o, **quota())
        lose(rig, name, o)
        assert len(up(rig, s, 30)) == 10
        assert volumes(events.take(1)) == [QUOTA]
        rig.call("session.delete", {"seid": s.seid})


def test_grace(rig):
    """To the last octet of it, though all come at once."""
    with inertia_class(rig, quota="grace", grace_bytes=QUOTA), an_owner(rig, "graceful") as name, \
            Events(rig, REPORT) as events:
        o = claim(rig, name).keep_alive()
        s = put(rig, o, **quota())
        lose(rig, name, o)
        assert len(up(rig, s, 60)) == 20
        first, = events.take(1)
        with claim(rig, name) as back:
            back.call("owner.adopt_all")
            rest = events.take(1, 0.5)  # none, when the first one told all of it
            assert sum(volumes([first] + rest)) == 2 * QUOTA
            back.call("session.delete", {"seid": s.seid})


def test_throttle(rig):
    big = b"x" * 972  # 1000 octets
    with inertia_class(rig, quota="throttle", throttle=80), an_owner(rig, "slow") as name, \
            Events(rig, REPORT) as events:
        o = claim(rig, name).keep_alive()
        s = put(rig, o, **quota())
        lose(rig, name, o)
        assert len(up(rig, s, 11)) == 11
        assert len(events.take(1)) == 1
        time.sleep(0.3)
        began = time.monotonic()
        n = len(up(rig, s, 100, big, 1.0))
        most = 11 + 10 * (time.monotonic() - began) + 1  # a burst, then 10 000 octets a second
        assert 10 <= n <= most, f"{n} packets of 1000 octets, at most {most:.1f}"
        with claim(rig, name) as back:
            back.call("owner.adopt_all")
            assert sum(volumes(events.take(1))) > 0
            assert not up(rig, s, 1)
            back.call("session.modify", {"seid": s.seid, "update_urrs": [
                {"id": 1, "volume_quota": {"total": 10 ** 6}}]})
            time.sleep(0.3)
            assert len(up(rig, s, 100, big)) == 100, "it is still throttled"
            back.call("session.delete", {"seid": s.seid})


def given(dl):
    """Rules with an F-TEID that the control plane chose, downlink into tunnel `dl`."""
    f_teid = {"teid": hex(TEID), "ipv4": "192.0.2.1"}
    return {"pdrs": [pdr_ul(f_teid=f_teid), pdr_dl()], "fars": [far_core(), far_access(teid=dl)]}


class Stream:
    """Frames one by one, from a thread, until it is closed."""

    def __init__(self, wire, frame):
        self.sent, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self._send, args=(wire, frame))
        self.thread.start()

    def _send(self, wire, frame):
        while not self.over.is_set():
            wire.send(frame)
            self.sent += 1
            time.sleep(0.0005)

    def close(self):
        self.over.set()
        self.thread.join()


def test_supersede_under_traffic(rig):
    """Another control unit that remembers nothing gives the user's address and tunnel to a new
    session: no packet of either direction is lost."""
    with an_owner(rig, "forgets") as name, Events(rig, "session.superseded") as events:
        o = claim(rig, name).keep_alive()
        old = put(rig, o, seid=1, **given(OLD_DL))
        lose(rig, name, o)
        with claim(rig, name, "smf-2", role="heir", epoch=2) as heir:
            rig.n3.drain(), rig.n6.drain()
            down = Stream(rig.n6, rig.from_dn(downlink4()))
            upl = Stream(rig.n3, rig.from_gnb(old.gtpu(inner4())))
            time.sleep(0.3)
            put(rig, heir, seid=2, **given(NEW_DL))
            time.sleep(0.3)
            down.close()
            upl.close()
            got = rig.n3.receive(1.0, down.sent)
            teids = [f[GTP_U_Header].teid for f in got]
            assert len(got) == down.sent, f"{down.sent - len(got)} downlink packets lost"
            assert set(teids) == {OLD_DL, NEW_DL} and teids == sorted(teids)
            got = rig.n6.receive(1.0, upl.sent)
            assert len(got) == upl.sent, f"{upl.sent - len(got)} uplink packets lost"
            assert [e["seid"] for e in events.take(1)] == [1]
            assert rig.call("owner.get", {"name": name})["stale"] == 0
            heir.call("session.delete", {"seid": 2})


def test_error_indications_suppressed(rig):
    unknown = Session(rig).gtpu(inner4(), teid=0x5555)
    with inertia_class(rig, suppress_error_indications=True), an_owner(rig, "silent") as name:
        assert len(rig.exchange(rig.n3, rig.from_gnb(unknown), rig.n3)) == 1
        o = claim(rig, name).keep_alive()
        lose(rig, name, o)
        before = rig.drops().get("upf.unknown_teid", 0)
        assert not rig.exchange(rig.n3, rig.from_gnb(unknown), rig.n3, 1, 0.3)
        assert rig.drops()["upf.unknown_teid"] == before + 1
        with claim(rig, name):
            assert len(rig.exchange(rig.n3, rig.from_gnb(unknown), rig.n3)) == 1


def test_user_admitted_locally(rig):
    template = {"name": "local", "dnn": "internet", "access_network_instance": "access",
                "network_instance": "internet", "qfi": 9, "max_sessions": 1}
    user = {"session_template": "local", "ue_ipv4": "10.45.0.2", "outer_header_creation": {
        "description": "gtpu-udp-ipv4", "teid": "0x11", "ipv4": GNB4}}
    rig.call("session_template.put", template)
    with an_owner(rig, "absent") as name:
        o = claim(rig, name).keep_alive()
        with claim(rig, name, "town", role="authority") as town:
            with refused():
                town.call("session.admit", user)
            lose(rig, name, o)
            admitted = town.call("session.admit", user)
            s = Session(rig, admitted["seid"])
            s.teid = int(admitted["f_teid"]["teid"], 0)
            assert len(up(rig, s, 5)) == 5
            down = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3)
            assert down[0][GTP_U_Header].teid == 0x11
            with refused(errno="EDQUOT"):
                town.call("session.admit", {**user, "ue_ipv4": "10.45.0.3"})
            with claim(rig, name) as back:
                item, = list(back.items())
                assert item["local"] and item["stale"] and item["seid"] == s.seid
                back.call("owner.adopt", {"ids": [s.seid]})
                assert not s.state()["local"] and len(up(rig, s, 5)) == 5
                back.call("session.delete", {"seid": s.seid})
    rig.call("session_template.delete", {"name": "local"})
