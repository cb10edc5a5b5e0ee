#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What coastd has: sessions, their tunnels, addresses and counts.

inventory.py SOCKET                   print it as JSON
inventory.py --same BEFORE AFTER      the same sessions, tunnels and addresses, and no count went back
inventory.py --identity BEFORE AFTER  the same, but for counts
inventory.py --against BEFORE NOW STREAM
                                      what was counted in between, beside the last line of stream's
                                      report: {"sessions", "inexact", "off", "urr_off", "sizes"}

A count is off by the packets that coastd has counted beyond those which came out, of all sessions
together; a session is inexact, each way by itself, when it is off at all. "sizes": octets and
packets say the same. The sessions are those of sessions.py.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../perf"))
from rate_table import Client  # noqa: E402


class Inventory(Client):
    def seids(self):
        cursor = 0
        while True:
            page = self.call("session.list", {"cursor": cursor, "limit": 1000})
            yield from (s["seid"] for s in page["items"])
            cursor = page.get("cursor", 0)
            if cursor == 0:
                return


def of_session(s):
    pdrs = {p["id"]: p for p in s["pdrs"]}
    out = {"ue": s["ue_ipv4"], "teid": pdrs[1]["local_f_teid"]["teid"],
           "ul": [pdrs[1]["packets"], pdrs[1]["bytes"]],
           "dl": [pdrs[2]["packets"], pdrs[2]["bytes"]]}
    for u in s.get("urrs", []):
        if u["id"] == 1:
            out["urr"] = {way: u.get("volume_measured", {}).get(way, 0) for way in ("ul", "dl")}
    return out


def same(before, after, counts):
    bad = [f"session {s} is gone" for s in before.keys() - after.keys()]
    bad += [f"session {s} is new" for s in after.keys() - before.keys()]
    for seid in before.keys() & after.keys():
        a, b = before[seid], after[seid]
        if (a["ue"], a["teid"]) != (b["ue"], b["teid"]):
            bad.append(f"session {seid} has {b['ue']}, {b['teid']}, not {a['ue']}, {a['teid']}")
        for way in ("ul", "dl") if counts else ():
            if b[way][0] < a[way][0] or b[way][1] < a[way][1]:
                bad.append(f"session {seid}: {way} {b[way]} is less than {a[way]}")
    return bad


def against(before, now, report):
    """All packets of the stream have one size."""
    out = {"sessions": len(report["sessions"]), "inexact": 0, "off": {}, "urr_off": {},
           "sizes": True}
    sent = {s["ue"]: s for s in report["sessions"]}
    size = next((s[w]["bytes"] // s[w]["packets"] for s in report["sessions"]
                 for w in ("ul", "dl") if s[w]["packets"]), 1)
    for way in ("ul", "dl"):
        out["off"][way] = out["urr_off"][way] = 0
        for seid, s in now.items():
            old, came = before[seid], sent[s["ue"]][way]["packets"]
            packets, octets = (s[way][i] - old[way][i] for i in (0, 1))
            out["off"][way] += packets - came
            out["inexact"] += packets != came
            out["sizes"] = out["sizes"] and octets == size * packets
            if "urr" in s:
                out["urr_off"][way] += (s["urr"][way] - old["urr"][way]) / size - came
    return out


def read(path):
    with open(path) as f:
        return json.load(f)


def main():
    if sys.argv[1] in ("--same", "--identity"):
        bad = same(read(sys.argv[2]), read(sys.argv[3]), sys.argv[1] == "--same")
        print("\n".join(bad[:20]) or "the same")
        sys.exit(bool(bad))
    if sys.argv[1] == "--against":
        with open(sys.argv[4]) as f:
            report = [line for line in f if line.startswith("{")][-1]
        print(json.dumps(against(read(sys.argv[2]), read(sys.argv[3]), json.loads(report))))
        return
    client = Inventory(sys.argv[1])
    out = {s: of_session(client.call("session.get", {"seid": s})) for s in client.seids()}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
