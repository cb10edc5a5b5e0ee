# SPDX-License-Identifier: BSD-3-Clause
"""Control owners: lost within the lease, back again, overtaken; packets go through all the while."""
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

from harness import SRC, refused
from upf import Events, Session, downlink4, inner4

sys.path.insert(0, f"{SRC}/tests/lab")
from owner import Owner  # noqa: E402

LEASE, GRACE = 600, 300  # ms
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
MARGIN = 0.3  # s: the tick, and a machine that is busy


def claim(rig, name, client="smf-1", **more):
    return Owner(rig.sock_path, name, client, **{"lease_ms": LEASE, "grace_ms": GRACE, **more})


def state(rig, name):
    return rig.call("owner.get", {"name": name})["state"]


def wait_for(rig, name, want, seconds):
    """How long it took."""
    began = time.monotonic()
    while state(rig, name) != want:
        took = time.monotonic() - began
        assert took < seconds, f"{state(rig, name)} after {took:.2f} s, not {want}"
        time.sleep(0.02)
    return time.monotonic() - began


@contextlib.contextmanager
def an_owner(rig, name):
    """Its name; afterwards it is gone, with whoever held it."""
    try:
        yield name
    finally:
        rig.wait(lambda: state(rig, name) not in ("connected", "reconciling"), 5, f"{name}'s end")
        rig.call("owner.delete", {"name": name})


def both_ways(rig, s):
    up = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6)
    down = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3)
    assert len(up) == 1 and len(down) == 1, "a packet is lost"


def test_killed_client_is_lost_in_time_and_packets_are_not(rig):
    with an_owner(rig, "killed") as name, Session(rig) as s, \
            Events(rig, "owner.state") as events:
        client = subprocess.Popen(
            [f"{SRC}/tests/lab/owner.py", rig.sock_path, name, "smf-1", "--lease", str(LEASE),
             "--grace", str(GRACE)], stdout=subprocess.PIPE)
        first = json.loads(client.stdout.readline())
        assert (first["epoch"], first["state"]) == (1, "connected")
        time.sleep(2 * LEASE / 1000)
        assert state(rig, name) == "connected", "an idle owner that renews was lost"
        client.send_signal(signal.SIGKILL)
        client.wait()
        took = wait_for(rig, name, "inertial", GRACE / 1000 + MARGIN)
        assert took > GRACE / 1000 / 2, f"lost after {took:.2f} s already"
        both_ways(rig, s)
        with claim(rig, name, epoch=1, same_state=True) as back:
            assert back.claimed["state"] == "connected"
            both_ways(rig, s)
        seen = [e["to"] for e in events.take(3)]
        assert seen == ["connected", "inertial", "connected"], seen


def test_silent_client_is_lost_after_its_lease(rig):
    with an_owner(rig, "silent") as name, claim(rig, name) as o:
        o.silent()
        took = wait_for(rig, name, "inertial", LEASE / 1000 + MARGIN)
        assert took > LEASE / 1000 / 2
        # any call brings it back
        o.call("rpc.version")
        assert state(rig, name) == "connected"


@contextlib.contextmanager
def stopped(tid):
    """One thread stands still, as a debugger has it; the others of its process go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    assert libc.ptrace(PTRACE_SEIZE, tid, 0, 0) == 0, os.strerror(ctypes.get_errno())
    libc.ptrace(PTRACE_INTERRUPT, tid, 0, 0)
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, tid, 0, 0)


def test_stalled_control_thread_loses_nobody(rig):
    """Packets go on, the workers notice, and it hears first who renewed meanwhile."""
    with an_owner(rig, "stopped") as name, claim(rig, name) as o, Session(rig) as s, \
            Events(rig, "inertia.control_stalled") as events:
        with stopped(rig.coastd.pid):
            time.sleep(0.5)
            both_ways(rig, s)
            time.sleep(3 * LEASE / 1000 - 0.5)
        stall = events.take(1)
        assert stall and stall[0]["ms"] >= 1000, stall
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert state(rig, name) == "connected"
            time.sleep(0.05)
        assert o.call("owner.renew")["epoch"] == 1


def test_classes_say_how_many_sessions_go_by_them(rig):
    def sessions():
        classes = rig.call("inertia.show")["classes"]
        return {c["name"]: c["sessions"] for c in classes if c["counted_ms"] < 1100}

    with an_owner(rig, "counted") as name, claim(rig, name) as o:
        o.put([{"seid": 71, "dnn": "sos"}, {"seid": 72, "dnn": "internet", "five_qi": 83},
               {"seid": 73, "dnn": "internet"}])
        time.sleep(1.1)
        assert sessions() == {"emergency": 1, "emergency_arp": 0, "plc": 1, "prepaid": 0,
                              "default": 1}, sessions()
        shown = subprocess.run([f"{rig.build}/coastctl", "-s", rig.sock_path, "inertia", "show"],
                               capture_output=True, text=True, check=True).stdout
        assert "plc 1" in shown, shown
        o.call("session.delete", [{"seid": i} for i in (71, 72, 73)])
        time.sleep(1.1)
        assert not any(sessions().values()), sessions()


def test_overtaken_owner_is_fenced(rig):
    with an_owner(rig, "fenced") as name, claim(rig, name) as old:
        old.put({"seid": 77, "dnn": "internet"})
        with refused(errno="ESTALE"):
            claim(rig, name, "smf-2", role="heir")
        with claim(rig, name, "smf-2", role="heir", epoch=2) as heir:
            assert heir.claimed["state"] == "reconciling"
            for method, params in (("session.put", {"seid": 78, "dnn": "internet"}),
                                   ("session.delete", {"seid": 77}),
                                   ("owner.done", {"sweep": "now"}), ("owner.renew", {})):
                with refused(reason="FENCED", errno="ESTALE"):
                    old.call(method, params)
            old.call("session.get", {"seid": 77})  # it may look
            assert heir.call("owner.done")["state"] == "connected"
            heir.call("session.delete", {"seid": 77})


def test_show_is_json_and_a_table(rig):
    with an_owner(rig, "shown") as name, claim(rig, name):
        ctl = [f"{rig.build}/coastctl", "-s", rig.sock_path]
        table = subprocess.run([*ctl, "inertia", "show"], capture_output=True, text=True)
        assert table.returncode == 0, table.stderr
        assert name in table.stdout and "journal:" in table.stdout, table.stdout
        js = subprocess.run([*ctl, "--json", "inertia", "show"], capture_output=True, text=True)
        owner = next(o for o in json.loads(js.stdout)["owners"] if o["name"] == name)
        assert owner["state"] == "connected" and owner["left_ms"] > 0


def several(rig, n):
    """Session objects with an address of their own each."""
    out = []
    for i in range(n):
        o = json.loads(json.dumps(Session(rig, seid=101 + i).object))
        for pdr in o["pdrs"]:
            pdr["pdi"]["ue_ip_address"] = [{"ipv4": f"10.45.7.{1 + i}"}]
        out.append(o)
    return out


def test_return_without_memory_reconciles(rig):
    """Adopted, put again, removed, and left to be swept: one session each."""
    with an_owner(rig, "forgetful") as name:
        with claim(rig, name) as o:
            replies = o.put(several(rig, 4))
            teids = [int(next(p["f_teid"]["teid"] for p in r["created_pdrs"] if "f_teid" in p), 0)
                     for r in replies]
            assert rig.call("owner.get", {"name": name})["all"] == 4
        up = [rig.from_gnb(Session(rig).gtpu(inner4(src=f"10.45.7.{1 + i}"), teid=teid))
              for i, teid in enumerate(teids)]
        wait_for(rig, name, "inertial", LEASE / 1000 + MARGIN)
        assert len(rig.exchange(rig.n3, up, rig.n6, 4)) == 4
        with claim(rig, name) as o:
            assert (o.claimed["state"], o.epoch) == ("reconciling", 2)
            assert o.claimed["sessions"]["stale"] == 4
            assert sorted(i["seid"] for i in o.items()) == [101, 102, 103, 104]
            o.call("owner.adopt", {"ids": [101]})
            o.put(several(rig, 2)[1])
            o.call("session.delete", {"seid": 103})
            assert [i["seid"] for i in o.items(stale_only=True)] == [104]
            assert len(rig.exchange(rig.n3, up, rig.n6, 3)) == 3
            assert o.call("owner.done", {"sweep": "now"})["state"] == "connected"
            rig.wait(lambda: rig.call("owner.get", {"name": name})["all"] == 2, 2, "the sweep")
            assert len(rig.exchange(rig.n3, up, rig.n6, 2)) == 2
            for seid in (101, 102):
                o.call("session.delete", {"seid": seid})


def test_heir_adopts_all(rig):
    with an_owner(rig, "inherited") as name, claim(rig, name) as old:
        old.put(several(rig, 3))
        with claim(rig, name, "smf-2", role="heir", epoch=2) as heir:
            assert heir.claimed["sessions"]["stale"] == 3
            assert heir.call("owner.adopt_all")["sessions"]["stale"] == 0
            heir.call("owner.done", {"sweep": "now"})
            time.sleep(0.3)
            assert rig.call("owner.get", {"name": name})["all"] == 3
            for i in range(3):
                heir.call("session.delete", {"seid": 101 + i})
