# SPDX-License-Identifier: BSD-3-Clause
"""Usage reports wait in the journal until they are acknowledged, whoever has seen them before.

Sums are compared with the packets that came out on the wire.
"""
import csv
import io
import json
import os
import subprocess

from harness import refused
from test_usage import measured, octets_of, send_down, send_up, urr
from upf import Session, downlink4, inner4


def entries(rig, **params):
    """All pages of journal.list."""
    out, cursor = [], 0
    while True:
        page = rig.call("journal.list", {"limit": 3, "cursor": cursor, **params})
        out, cursor = out + page["items"], page["cursor"]
        if not cursor:
            return out


def acknowledge_all(rig):
    there = entries(rig)
    for owner in rig.call("journal.show")["owners"] if there else []:
        rig.call("journal.ack", {"through": there[-1]["seq"], "owner": owner["owner"]})
    assert entries(rig) == []


def coastctl(rig, *words):
    return subprocess.run([f"{rig.build}/coastctl", "-s", rig.sock_path, *words], text=True,
                          capture_output=True, timeout=60, check=True, stdin=subprocess.DEVNULL)


def make_reports(rig):
    """Two URRs with reports of thresholds, a quota's end and final ones; octets sent, by
    direction."""
    rules = measured(urr(1, ["VOLTH"], volume_threshold={"total": 1000}),
                     urr(2, ["VOLQU"], volume_quota={"total": 100000}))
    up, down = [], []
    with Session(rig, **rules) as s:
        for _ in range(4):
            up += send_up(rig, s, inner4(payload=b"u" * 472), 3)
            down += send_down(rig, downlink4(payload=b"d" * 172), 2)
    assert (len(up), len(down)) == (12, 8)
    return octets_of(up), octets_of(down)


def test_kept_in_order_until_acknowledged(rig):
    acknowledge_all(rig)
    make_reports(rig)
    there = entries(rig)
    assert entries(rig) == there, "looking takes nothing"
    assert [e["seq"] for e in there] == sorted({e["seq"] for e in there})
    assert {e["type"] for e in there} == {"session.usage_report"}
    for urr_id in (1, 2):
        numbers = [e["data"]["ur_seqn"] for e in there if e["data"]["urr_id"] == urr_id]
        assert numbers == list(range(len(numbers))) and numbers, numbers
    assert entries(rig, subject=1) == there and entries(rig, subject=2) == []
    kept = {e["seq"]: e for e in rig.call("event.list", {"limit": 1000, "cursor": there[0][
        "seq"]})["items"]}
    assert all(kept[e["seq"]] == e for e in there), "the event as subscribers have it"
    state = rig.call("journal.show")
    assert state["entries"] == len(there) and state["pending"] == state["lost"] == 0, state

    first, second, *rest = there
    assert rig.call("journal.ack", {"numbers": [second["seq"], 12345]}) == {
        "acknowledged": 1, "unknown": 1}
    assert rig.call("journal.ack", {"through": first["seq"]})["acknowledged"] == 1
    assert entries(rig) == rest
    acknowledge_all(rig)
    assert rig.call("journal.show")["entries"] == 0


def test_bad_acknowledgements(rig):
    far = rig.call("journal.show")["last_number"] + (1 << 50)
    for field, params in (("through", {}), ("through", {"through": 1, "numbers": [1]}),
                          ("through", {"through": far}), ("owner", {"through": 1, "owner": "x"}),
                          ("numbers", {"numbers": ["x"]})):
        with refused(field):
            rig.call("journal.ack", params)


def test_records(rig):
    """coastctl's records add up to what was sent, whatever their form."""
    acknowledge_all(rig)
    up, down = make_reports(rig)
    there = entries(rig)

    out = coastctl(rig, "journal", "export", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(out)))
    lines = [json.loads(x) for x in coastctl(rig, "--json", "journal", "export").stdout.splitlines()]
    assert lines == there and [int(r["seq"]) for r in rows] == [e["seq"] for e in there]
    for urr_id in (1, 2):
        of = [r for r in rows if int(r["urr_id"]) == urr_id]
        for direction, octets in (("ul", up), ("dl", down), ("total", up + down)):
            assert sum(int(r[f"volume_measurement.{direction}"]) for r in of) == octets
        assert [int(r["ur_seqn"]) for r in of] == list(range(len(of)))
        assert of[-1]["usage_report_trigger"] == "TERMR"

    path = f"{rig.tmp}/records.csv"
    said = coastctl(rig, "journal", "export", f"--file={path}").stderr
    assert f"{len(there)} records" in said and f"through={there[-1]['seq']}" in said, said
    with open(path, newline="") as f:
        assert f.read().count("\r\n") == len(there) + 1
    try:
        coastctl(rig, "journal", "export", f"--file={path}")
        raise AssertionError("was written over")
    except subprocess.CalledProcessError as e:
        assert "already" in e.stderr
    os.unlink(path)

    shown = coastctl(rig, "journal", "list").stdout.splitlines()
    assert len(shown) == len(there) and "usage_report" in shown[0]
    assert len(coastctl(rig, "journal", "list", "limit=2").stdout.splitlines()) == 2
    assert f"entries: {len(there)}" in " ".join(coastctl(rig, "journal", "show").stdout.split())
    coastctl(rig, "journal", "ack", f"through={there[-1]['seq']}")
    assert entries(rig) == []
    assert len(coastctl(rig, "journal", "export").stdout.splitlines()) == 1, "the names alone"
