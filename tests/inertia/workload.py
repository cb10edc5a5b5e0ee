# SPDX-License-Identifier: BSD-3-Clause
"""A control client that streams changes and knows what must be there after each of them.

What coastd has acknowledged is in `there`; of the call that was under way when the connection broke
it is not known whether it was done: whole or not at all.
"""
import copy
import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [f"{TESTS}/packet", f"{TESTS}/harness"]
from control_socket import Client, RpcError  # noqa: E402, F401
from model import modified  # noqa: E402

MOST = 300  # sessions at a time
REPORT = "session.usage_report"


# ---- sessions -------------------------------------------------------------------------------


def urr(number, rng):
    kind = rng.randrange(3)
    if kind == 0:
        return {"id": number, "measurement_method": ["VOLUM", "DURAT"],
                "reporting_triggers": ["PERIO"], "measurement_period": 1}
    if kind == 1:
        return {"id": number, "measurement_method": ["VOLUM"],
                "reporting_triggers": ["VOLTH", "VOLQU"],
                "volume_threshold": {"total": rng.randrange(1000, 100000)},
                "volume_quota": {"total": rng.randrange(100000, 1000000)}}
    return {"id": number, "measurement_method": ["DURAT"], "reporting_triggers": ["TIMTH"],
            "time_threshold": rng.randrange(1, 100)}


def session(seid, slot, rng):
    """A plain one, or one with QERs, URRs or addresses that coast chooses."""
    chooses = rng.random() < 0.3
    instance = "chosen" if chooses else "internet"
    ue = [{"choose_v4": True}] if chooses else [{"ipv4": f"10.45.{slot >> 8}.{slot & 255}"}]
    f_teid = ({"teid": hex(0x10000 + slot), "ipv4": "192.0.2.1"} if rng.random() < 0.2
              else {"choose": True, "choose_id": 1})
    qers = [{"id": 1, "qfi": 9, "mbr": {"ul": rng.randrange(1, 10**6), "dl": 1000}}]
    qers = qers if rng.random() < 0.5 else []
    urrs = [urr(1 + i, rng) for i in range(rng.choice((0, 0, 1, 1, 3)))]
    uses = {"qer_ids": [1]} if qers else {}
    if urrs:
        uses["urr_ids"] = [u["id"] for u in urrs]
    out = {
        "seid": seid, "dnn": "internet",
        "pdrs": [{"id": 1, "precedence": rng.randrange(1, 255), "far_id": 1,
                  "outer_header_removal": "gtpu-udp-ip", **uses,
                  "pdi": {"source_interface": "access", "network_instance": "access", "qfi": [9],
                          "f_teid": f_teid, "ue_ip_address": ue}},
                 {"id": 2, "precedence": 255, "far_id": 2, **uses,
                  "pdi": {"source_interface": "core", "network_instance": instance,
                          "ue_ip_address": ue}}],
        "fars": [{"id": 1, "apply_action": ["FORW"], "forwarding_parameters": {
            "destination_interface": "core", "network_instance": instance}},
            {"id": 2, "apply_action": ["FORW"], "forwarding_parameters": tunnel(rng)}]}
    return {**out, **({"qers": qers} if qers else {}), **({"urrs": urrs} if urrs else {})}


def tunnel(rng):
    return {"destination_interface": "access", "network_instance": "access",
            "outer_header_creation": {"description": "gtpu-udp-ipv4", "ipv4": "192.0.2.2",
                                      "teid": hex(rng.randrange(1, 1 << 32))}}


def change(obj, rng):
    """A session.modify of it."""
    out = {"seid": obj["seid"]}
    kind = rng.randrange(4)
    if kind == 0 and "qers" in obj:
        out["update_qers"] = [{"id": 1, "mbr": {"ul": rng.randrange(1, 10**6), "dl": 2000}}]
    elif kind == 1:
        number = max([u["id"] for u in obj.get("urrs", [])], default=0) + 1
        out["create_urrs"] = [urr(number, rng)]
        out["update_pdrs"] = [{"id": p["id"], "urr_ids": p.get("urr_ids", [])[-3:] + [number]}
                              for p in obj["pdrs"]]
        kept = {i for p in out["update_pdrs"] for i in p["urr_ids"]}
        gone = [u["id"] for u in obj.get("urrs", []) if u["id"] not in kept]
        if gone:
            out["remove_urrs"] = [{"id": i} for i in gone]
    elif kind == 2:
        out["update_pdrs"] = [{"id": 1, "precedence": rng.randrange(1, 255)}]
    else:
        out["update_fars"] = [{"id": 2, "forwarding_parameters": tunnel(rng)}]
    return out


def differs(want, got, at=""):
    """Where `got` is not what was asked for; what else coast shows there is its own. None: nowhere.
    """
    if isinstance(want, dict):
        if not isinstance(got, dict):
            return at
        return next((d for k in want if (d := differs(want[k], got.get(k), f"{at}.{k}"))), None)
    if isinstance(want, list) and want and isinstance(want[0], dict) and "id" in want[0]:
        mine, its = {x["id"]: x for x in want}, {x["id"]: x for x in got or []}
        if mine.keys() != its.keys():
            return f"{at}: {sorted(its)}, not {sorted(mine)}"
        return next((d for k in mine if (d := differs(mine[k], its[k], f"{at}[{k}]"))), None)
    if isinstance(want, list) and want and isinstance(want[0], str):  # flags
        return None if sorted(want) == sorted(got or []) else f"{at}: {got}, not {want}"
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return f"{at}: {got}, not {want}"
        return next((d for i, x in enumerate(want) if (d := differs(x, got[i], f"{at}[{i}]"))),
                    None)
    return None if want == got else f"{at}: {got}, not {want}"


# ---- the stream -----------------------------------------------------------------------------


class Stream:
    def __init__(self, rng):
        self.rng, self.next_seid = rng, 1
        self.there = {}      # SEID: what was asked for
        self.identity = {}   # SEID: its tunnel and address, once seen
        self.free = list(range(1, 60000))
        self.slot = {}       # SEID: of its address
        self.under_way = None
        self.changes = self.calls = 0

    def run(self, client):
        """Until the connection breaks."""
        try:
            while True:
                self.one(client)
        except (OSError, ConnectionError):
            pass

    def one(self, client):
        kind, n = self.rng.random(), self.rng.choice((1, 1, 2, 5, 20, 50))
        old = self.rng.sample(sorted(self.there), min(n, len(self.there)))
        if not old or (kind < 0.45 and len(self.there) < MOST):
            self.put(client, [self.fresh() for _ in range(n)])
        elif kind < 0.55:
            self.put(client, [session(s, self.slot[s], self.rng) for s in old])
        elif kind < 0.75:
            changes = [change(self.there[s], self.rng) for s in old]
            self.send(client, "session.modify", changes,
                      {c["seid"]: modified(self.there[c["seid"]], c) for c in changes})
        elif kind < 0.9:
            self.send(client, "session.delete", [{"seid": s} for s in old],
                      {s: None for s in old})
        else:
            with_urrs = [s for s in old if "urrs" in self.there[s]]
            if with_urrs:
                self.send(client, "session.query", {"seid": with_urrs[0]}, {})

    def fresh(self):
        seid, self.next_seid = self.next_seid, self.next_seid + 1
        self.slot[seid] = self.free.pop(self.rng.randrange(len(self.free)))
        return session(seid, self.slot[seid], self.rng)

    def put(self, client, objects):
        self.send(client, "session.put", objects, {o["seid"]: copy.deepcopy(o) for o in objects})

    def send(self, client, method, params, after):
        self.under_way = after
        try:
            client.call(method, params)
        except RpcError as e:
            if e.data.get("errno") not in ("EADDRINUSE", "EEXIST"):  # coast has chosen our TEID before
                raise
            after = {}
        self.calls += 1
        self.changes += len(after)
        self.done(after)

    def done(self, after):
        """It has been done."""
        self.under_way = None
        for seid, obj in after.items():
            if obj != self.there.get(seid):
                self.identity.pop(seid, None)
            if obj is not None:
                self.there[seid] = obj
            elif self.there.pop(seid, None) is not None:
                self.free.append(self.slot.pop(seid))


# ---- what is there --------------------------------------------------------------------------


def all_of(client, method, **params):
    cursor = 0
    while True:
        page = client.call(method, {**params, "cursor": cursor, "limit": 1000})
        yield from page["items"]
        cursor = page.get("cursor", 0)
        if cursor == 0:
            return


def wrong_there(stream, client):
    """What is not as it was acknowledged: a list of complaints. Settles what was under way."""
    got = {s["seid"]: client.call("session.get", {"seid": s["seid"]})
           for s in all_of(client, "session.list")}
    settle(stream, got)
    bad = [f"session {s} is there" for s in got.keys() - stream.there.keys()]
    for seid, want in stream.there.items():
        where = "it is gone" if seid not in got else differs(want, got[seid])
        if where:
            bad.append(f"session {seid}: {where}")
    return bad or wrong_identity(stream, got)


def fits(seid, obj, got):
    if obj is None:
        return seid not in got
    return seid in got and differs(obj, got[seid]) is None


def settle(stream, got):
    """Done or not: what cannot be told apart by any of its sessions does not matter."""
    after = stream.under_way
    stream.under_way = None
    if after and all(fits(s, obj, got) for s, obj in after.items()):
        stream.done(after)


def wrong_identity(stream, got):
    """Tunnels and addresses stay with their sessions, and no two sessions have the same."""
    bad, taken = [], {}
    for seid, s in got.items():
        teid = next(p["local_f_teid"]["teid"] for p in s["pdrs"] if p["id"] == 1)
        now = teid, s.get("ue_ipv4")
        if stream.identity.setdefault(seid, now) != now:
            bad.append(f"session {seid} has {now}, not {stream.identity[seid]}")
        for what in now:
            if taken.setdefault(what, seid) != seid:
                bad.append(f"sessions {seid} and {taken[what]} both have {what}")
    return bad


class Journal:
    """Reports, as the journal has them: each URR's numbers from 0 on, none twice, none left out."""

    def __init__(self, rng):
        self.rng, self.seen, self.next, self.last = rng, 0, {}, {}
        self.reports = 0

    def wrong(self, client):
        bad = []
        for event in all_of(client, "journal.list"):
            if event["seq"] <= self.seen:
                continue
            self.seen = event["seq"]
            if event["type"] == REPORT:
                bad += self.take(event["data"])
        if self.seen and self.rng.random() < 0.3:
            client.call("journal.ack", {"through": self.seen - self.rng.randrange(2)})
        return bad

    def take(self, report):
        key = report["seid"], report["urr_id"]
        want, first = self.next.get(key, 0), report.get("first_ur_seqn", report["ur_seqn"])
        self.next[key] = report["ur_seqn"] + 1
        self.reports += 1
        before, self.last[key] = self.last.get(key), report
        return [] if first == want else [
            f"URR {key} has UR-SEQN {first} behind {want - 1}: {report}, before it {before}"]
