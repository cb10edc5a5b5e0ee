#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rules in a NIC, end to end: coastd with two workers on a NIC that does rte_flow.

run.py --build DIR [--label NAME] [--times] [PATTERN ...]

The NIC is tests/flowdev. A case is a function test_*, with the NIC's abilities as
its default argument. Results go to the terminal and, as "pass|fail NAME", to the
file that $RESULTS names. Run as root: it makes network namespaces.
"""
import argparse
import fnmatch
import os
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "packet"))
import harness  # noqa: E402
from upf import (Session, downlink4, downlink6, far_access, far_core, inner4,  # noqa: E402
                 inner6, pdr_dl, pdr_ul)

WORKERS = 2
SESSIONS = 6


def ue4(i):
    return f"10.45.9.{i + 1}"


def ue6(i):
    return f"2001:db8:45:{0x900 + i:x}::"


def session(rig, i, **more):
    ue = [{"ipv4": ue4(i)}, {"ipv6": ue6(i)}]
    return Session(rig, seid=700 + i, fars=[far_core(), far_access(teid=i + 1)],
                   pdrs=[pdr_ul(ue_ip_address=ue), pdr_dl(ue_ip_address=ue)], **more)


class Sessions:
    """Some sessions behind one gNB, which RSS brings to one queue."""

    def __init__(self, rig, n=SESSIONS, **more):
        self.list = [session(rig, i, **more) for i in range(n)]

    def __enter__(self):
        for s in self.list:
            s.__enter__()
        return self.list

    def __exit__(self, *_):
        for s in self.list:
            s.__exit__()


def up(s, i, six=False, n=1):
    inner = inner6(src=ue6(i) + "2") if six else inner4(src=ue4(i))
    return s.rig.exchange(s.rig.n3, [s.rig.from_gnb(s.gtpu(inner))] * n, s.rig.n6, n)


def down(s, i, six=False, n=1):
    packet = downlink6(dst=ue6(i) + "2") if six else downlink4(dst=ue4(i))
    return s.rig.exchange(s.rig.n6, [s.rig.from_dn(packet)] * n, s.rig.n3, n)


def blocked_up(s, i, n=1):
    inner = inner4(src=ue4(i))
    s.rig.silent(s.rig.n3, [s.rig.from_gnb(s.gtpu(inner))] * n, [s.rig.n6])


def blocked_down(s, i):
    s.rig.silent(s.rig.n6, s.rig.from_dn(downlink4(dst=ue4(i))), [s.rig.n3])


def traffic(sessions, n=3):
    """Both ways, both families; all of it must come through."""
    for i, s in enumerate(sessions):
        for six in (False, True):
            assert len(up(s, i, six, n)) == n, f"uplink of session {i}"
            assert len(down(s, i, six, n)) == n, f"downlink of session {i}"


def handed(rig):
    return sum(w.get("handed_off", 0) for w in rig.call("worker.list")["items"])


def flows(rig, **query):
    items, cursor = [], 0
    while True:
        reply = rig.call("flow.list", {**query, "cursor": cursor})
        items, cursor = items + reply["items"], reply["cursor"]
        if cursor == 0:
            return items


def settled(rig, n=None):
    """All rules, once none of them waits for its turn."""
    def there():
        found = flows(rig)
        return ((n is None or len(found) == n) and
                not [f for f in found if f["state"] == "pending"])
    rig.wait(there, 15, f"{n} rules to be settled: {flows(rig)}")
    return flows(rig)


def handoffs(rig, sessions):
    before = handed(rig)
    traffic(sessions)
    return handed(rig) - before


# ---- cases --------------------------------------------------------------------------


def test_to_the_owner(rig, nic=""):
    """Packets come to their owners: nothing is handed on, but without the rules it is."""
    with Sessions(rig) as sessions:
        rules = settled(rig, SESSIONS * 4)  # TEID over IPv4 and IPv6, two addresses
        assert {f["state"] for f in rules} == {"offloaded"}, rules
        assert {f["action"] for f in rules} == {"queue+mark"}, rules
        assert len({f["queue"] for f in rules}) == WORKERS
        owners = {s.seid: s.state()["worker"] for s in sessions}
        assert {f["session"]: f["worker"] for f in rules} == owners
        assert handoffs(rig, sessions) == 0
        for port in ("n3", "n6"):
            rig.call("port.modify", {"name": port, "offload": "off"})
        assert flows(rig) == []
        assert handoffs(rig, sessions) > 0
        for port in ("n3", "n6"):
            rig.call("port.modify", {"name": port, "offload": "auto"})
        settled(rig, SESSIONS * 4)
        assert handoffs(rig, sessions) == 0
    rig.wait(lambda: flows(rig) == [], 15, "rules of ended sessions to go")


def test_paging_and_filters(rig, nic=""):
    with Sessions(rig, 3) as sessions:
        every = settled(rig, 12)
        assert flows(rig, limit=5) == every
        assert len(rig.call("flow.list", {"limit": 5})["items"]) == 5
        assert len(flows(rig, port="n3")) == 6
        assert len(flows(rig, session=sessions[1].seid)) == 4
        assert flows(rig, state="software") == []
        teid = {f["teid"] for f in flows(rig, session=sessions[0].seid) if "teid" in f}
        assert teid == {hex(sessions[0].teid)}
        text = subprocess.run([f"{rig.build}/coastctl", "-s", rig.sock_path, "flow", "show",
                               "port=n6"], capture_output=True, text=True)
        assert text.returncode == 0 and text.stdout.count("offloaded") == 6, text
        text = subprocess.run([f"{rig.build}/coastctl", "-s", rig.sock_path, "flow",
                               "capabilities", "port=n6"], capture_output=True, text=True)
        assert "6 offloaded" in text.stdout, text


def test_changed_under_traffic(rig, nic=""):
    """Sessions are modified and deleted and made anew with the same addresses while packets
    flow: each packet has the verdict that the session at that time gives it."""
    with Sessions(rig) as sessions:
        settled(rig, SESSIONS * 4)
        for k in range(3):
            for i, s in enumerate(sessions):
                s.modify(update_fars=[far_access(teid=100 * (k + 1) + i)])
                got = down(s, i)
                assert len(got) == 1 and raw_teid(got[0]) == 100 * (k + 1) + i
        assert handoffs(rig, sessions) == 0
        for i, s in enumerate(sessions):
            s.__exit__()
            blocked_up(s, i)
        # another session with the address, on another worker perhaps: old marks and queues
        for i, s in enumerate(reversed(sessions)):
            s.object["seid"] += 50
            s.seid += 50
            s.__enter__()
            assert len(down(s, SESSIONS - 1 - i)) == 1
        for i, s in enumerate(sessions):
            assert len(up(s, i)) == 1
        settled(rig, SESSIONS * 4)
        assert handoffs(rig, sessions) == 0


def raw_teid(frame):
    from scapy.contrib.gtp import GTP_U_Header
    return frame[GTP_U_Header].teid


def gate(ul, dl):
    return {"id": 1, "qfi": 9, "gate_status": {"ul": ul, "dl": dl}}


def test_closed_gate(rig, nic=""):
    """A closed gate's packets end in the NIC, which counts them; an opened one's pass at once."""
    with Sessions(rig, 2) as (s, other):
        settled(rig, 8)
        s.modify(update_qers=[gate("closed", "open")])
        rules = [f for f in settled(rig, 8) if f["action"] == "drop+count"]
        assert len(rules) == 2 and {f["session"] for f in rules} == {s.seid}, rules
        before = rig.drops()["upf.gate_closed"]
        blocked_up(s, 0, 3)
        assert rig.drops()["upf.gate_closed"] == before
        assert sum(f["packets"] for f in flows(rig, session=s.seid) if "packets" in f) == 3
        assert len(down(s, 0)) == 1 and len(up(other, 1)) == 1
        for _ in range(3):
            s.modify(update_qers=[gate("open", "open")])
            assert len(up(s, 0)) == 1
            s.modify(update_qers=[gate("closed", "closed")])
            blocked_up(s, 0)
        s.modify(update_qers=[gate("open", "open")])
        assert len(up(s, 0)) == 1


def test_far_drop(rig, nic=""):
    """A rule that drops ends in the NIC, unless it makes copies."""
    with session(rig, 0) as s:
        settled(rig, 4)
        s.modify(update_fars=[{"id": 1, "apply_action": ["DROP"]}])
        assert {f["action"] for f in settled(rig, 4)} == {"queue+mark", "drop+count"}
        blocked_up(s, 0)
        assert sum(f.get("packets", 0) for f in flows(rig)) == 1
        # a second rule that lets some packets pass
        s.modify(create_pdrs=[pdr_ul(pdr_id=3, far_id=3, precedence=1,
                                     sdf_filters=[{"flow_description":
                                                   "permit out 17 from any 53 to assigned"}],
                                     ue_ip_address=[{"ipv4": ue4(0)}, {"ipv6": ue6(0)}])],
                 create_fars=[far_core(3)])
        assert {f["action"] for f in settled(rig, 4)} == {"queue+mark"}
        blocked_up(s, 0)
        query = inner4(src=ue4(0), dport=53)
        assert len(rig.exchange(rig.n3, rig.from_gnb(s.gtpu(query)), rig.n6)) == 1


def test_measured_gate(rig, nic=""):
    """What a usage rule may count or report is dropped by coast, which sees it."""
    urr = {"id": 1, "measurement_method": ["VOLUM"], "reporting_triggers": ["VOLTH"],
           "measurement_information": ["MBQE"],
           "volume_threshold": {"total": 1000000}}
    with session(rig, 0, urrs=[urr], qers=[gate("closed", "open")]) as plain:
        assert {f["action"] for f in settled(rig, 4)} == {"queue+mark", "drop+count"}
        plain.modify(update_pdrs=[{"id": 1, "urr_ids": [1]}])
        assert {f["action"] for f in settled(rig, 4)} == {"queue+mark"}
        before = rig.drops()["upf.gate_closed"]
        blocked_up(plain, 0, 2)
        assert rig.drops()["upf.gate_closed"] == before + 2


def test_downlink_drop_needs_one_instance(rig, nic=""):
    """Two network instances on one port may have the same address: none is dropped there."""
    with session(rig, 0, qers=[gate("open", "closed")]) as s:
        assert {f["action"] for f in settled(rig, 4)} == {"queue+mark"}
        before = rig.drops()["upf.gate_closed"]
        blocked_down(s, 0)
        assert rig.drops()["upf.gate_closed"] == before + 1


def test_full_table(rig, nic=",table=5"):
    """A full table costs no packet, and says so."""
    with Sessions(rig) as sessions:
        rules = settled(rig, SESSIONS * 4)
        software = [f for f in rules if f["state"] == "software"]
        assert len(rules) - len(software) == 5 * 2, rules
        assert {f["why"] for f in software} == {"the table is full"}
        assert handoffs(rig, sessions) > 0
        gone = sessions.pop(0)
        gone.__exit__()
        rig.wait(lambda: len(flows(rig, state="offloaded")) == 10, 15, "others to take the room")
        for i, s in enumerate(sessions):
            assert len(up(s, i + 1)) == 1 and len(down(s, i + 1)) == 1


def refused(rig, actions, kinds):
    with Sessions(rig, 4) as sessions:
        rules = settled(rig, 4 * len(kinds))
        assert {f["rule"] for f in rules} == set(kinds), rules
        assert {f["action"] for f in rules} == set(actions), rules
        traffic(sessions)


TEID = ["uplink_teid_psc", "uplink_teid_psc_ipv6"]
UE = ["downlink_ue", "downlink_ue6"]


def test_no_mark(rig, nic=",refuse=mark"):
    refused(rig, ["queue"], TEID + UE)


def test_no_psc(rig, nic=",refuse=psc"):
    refused(rig, ["queue+mark"], ["uplink_teid", "uplink_teid_ipv6"] + UE)


def test_no_gtpu(rig, nic=",refuse=gtpu:gtp"):
    refused(rig, ["queue+mark"], UE)


def test_no_teid(rig, nic=",refuse=teid"):
    """Then uplink goes by the user's address inside the tunnel, and no drop is left to the NIC."""
    refused(rig, ["queue+mark"], ["uplink_ue", "uplink_ue6", "uplink_ue_ipv6", "uplink_ue6_ipv6"]
            + UE)
    with Sessions(rig, 4, qers=[gate("open", "closed")]) as sessions:
        before = handed(rig)
        for i, s in enumerate(sessions):
            assert len(up(s, i)) == 1 and len(up(s, i, six=True)) == 1
        assert handed(rig) == before
        sessions[0].modify(update_qers=[gate("closed", "closed")])
        blocked_up(sessions[0], 0)


def test_other_name(rig, nic=",refuse=gtpu:psc"):
    """A driver that knows GTP-U as RTE_FLOW_ITEM_TYPE_GTP only."""
    refused(rig, ["queue+mark"], ["uplink_teid", "uplink_teid_ipv6"] + UE)


def test_no_ipv6(rig, nic=",refuse=ipv6"):
    refused(rig, ["queue+mark"], ["uplink_teid_psc", "downlink_ue"])


def test_no_queue(rig, nic=",refuse=queue"):
    """Drops alone are left to the NIC."""
    with session(rig, 0) as s:
        assert settled(rig) == []
        s.modify(update_qers=[gate("closed", "open")])
        assert {f["action"] for f in settled(rig, 2)} == {"drop+count"}
        blocked_up(s, 0)
        assert len(down(s, 0)) == 1


def test_no_drop(rig, nic=",refuse=drop"):
    with session(rig, 0, qers=[gate("closed", "open")]) as s:
        assert {f["action"] for f in settled(rig, 4)} == {"queue+mark"}
        before = rig.drops()["upf.gate_closed"]
        blocked_up(s, 0)
        assert rig.drops()["upf.gate_closed"] == before + 1


def test_nothing(rig, nic=",refuse=eth"):
    """A NIC that refuses all is as good as none."""
    with Sessions(rig, 4) as sessions:
        traffic(sessions)
        assert settled(rig) == []
        shapes = rig.call("flow.capabilities", {"port": "n3"})["items"][0]["shapes"]
        assert {s["queue"] for s in shapes} == {"eth"}


# ---- frame --------------------------------------------------------------------------


def nic_of(case):
    return case.__defaults__[0]


def left_clean(rig):
    """coastd ends, and no rule was left in a NIC."""
    rig.coastd.terminate()
    rc = rig.coastd.wait(60)
    log = open(rig.log.name).read()
    assert rc == 0 and "rules were left" not in log, f"exit {rc}:\n{log}"


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    args.add_argument("--build", required=True)
    args.add_argument("--label", default="offload")
    args.add_argument("--times", action="store_true", help="print how long each case took")
    args.add_argument("patterns", nargs="*")
    args = args.parse_args()
    harness.die_on_signal()
    results = open(os.environ.get("RESULTS", os.devnull), "a")
    started, count, failed = time.monotonic(), 0, 0
    cases = [f for name, f in globals().items() if name.startswith("test_") and
             (not args.patterns or any(fnmatch.fnmatch(name[5:], p) for p in args.patterns))]

    def run(name, what):
        nonlocal count, failed
        count += 1
        began = time.monotonic()
        try:
            what()
            word = "pass"
        except Exception as e:
            failed += 1
            word = "fail"
            line = traceback.extract_tb(e.__traceback__)[-1]
            print(f"  fail {name}: {line.name}:{line.lineno}: {e or line.line}", flush=True)
        if args.times:
            print(f"  {time.monotonic() - began:6.2f} s {name}", flush=True)
        results.write(f"{word} {args.label}: {name}\n")
        results.flush()

    for nic in dict.fromkeys(map(nic_of, cases)):
        rig = harness.Rig(os.path.abspath(args.build), "flowdev", WORKERS, devargs=nic)
        try:
            for case in [c for c in cases if nic_of(c) == nic]:
                run(case.__name__[5:], lambda: case(rig))
            run(f"ends clean{nic}", lambda: left_clean(rig))
        finally:
            rig.close()
    print(f"{args.label}: {count - failed} passed, {failed} failed "
          f"in {time.monotonic() - started:.1f} s", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
