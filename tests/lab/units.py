#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control units of `scripts/demo inertia`. Each prints lines of JSON.

units.py SOCKET own USERS        smf-1: puts USERS plain users and one of each quota policy, renews
units.py SOCKET admit ADDRESS... town, the local authority: admits a user with each address
units.py SOCKET return WAKE      smf-1 without memory: looks at what there is, adopts it, falls
                                 silent; tries to change something once the file WAKE is there
units.py SOCKET heir             smf-2: takes its place, adopts all, renews
units.py SOCKET hand_over USERS  smf-2 again: prepares a next tunnel for each user, commits them all
"""
import json
import os
import sys
import time

from owner import Owner, RpcError
from sessions import dl_teid, session

NAME = "smf"
QUOTA = 40000  # octets
FIRST_QUOTA = 51200  # its user has 10.45.200.1
POLICIES = ("drop", "grace", "throttle", "ignore")
AT_ONCE = 100


def say(what):
    print(json.dumps(what), flush=True)


def metered(i, triggers, **limits):
    s = session(i, 4)
    s["urrs"] = [{"id": 1, "measurement_method": ["VOLUM"], "reporting_triggers": triggers,
                  **limits}]
    for pdr in s["pdrs"][:2]:
        pdr["urr_ids"] = [1]
    return s


def plain(i):
    return metered(i, ["VOLTH"], volume_threshold={"total": 10**12})


def with_quota(i, policy):
    s = metered(i, ["VOLQU"], volume_quota={"total": QUOTA})
    s["dnn"] = f"quota-{policy}"
    for far in s["fars"]:
        tunnel = far.get("forwarding_parameters", {}).get("outer_header_creation")
        if tunnel:
            tunnel["ipv4"] = "192.0.2.3"
    return s


def listed(reply):
    return reply if isinstance(reply, list) else [reply]


def own(path, users):
    with Owner(path, NAME, "smf-1") as o:
        say(o.claimed)
        replies = []
        for first in range(0, users, AT_ONCE):
            many = [plain(i) for i in range(first, min(first + AT_ONCE, users))]
            replies += listed(o.put(many))
        say(replies)
        say(listed(o.put([with_quota(FIRST_QUOTA + i, p) for i, p in enumerate(POLICIES)])))
        o.thread.join()


def admit(path, *addresses):
    with Owner(path, NAME, "town", role="authority") as o:
        for i, address in enumerate(addresses):
            try:
                say(o.call("session.admit", {
                    "session_template": "local", "ue_ipv4": address,
                    "outer_header_creation": {"description": "gtpu-udp-ipv4", "ipv4": "192.0.2.3",
                                              "teid": hex(0x7000 + i)}}))
            except RpcError as e:
                say(e.data)


def come_back(path, wake):
    o = Owner(path, NAME, "smf-1").keep_alive()
    items = list(o.items())
    seen = {"state": o.claimed["state"], "epoch": o.epoch, "sessions": len(items),
            "stale": sum(i["stale"] for i in items), "local": sum(i["local"] for i in items),
            "digests": sum(bool(i["digest"]) for i in items)}
    for first in range(0, len(items), AT_ONCE):
        o.call("owner.adopt", {"ids": [i["seid"] for i in items[first:first + AT_ONCE]]})
    done = o.call("owner.done")
    say({**seen, "then": done["state"]})
    o.silent()
    while not os.path.exists(wake):
        time.sleep(0.05)
    for method, params in (("session.delete", {"seid": 1}), ("session.put", plain(0)),
                           ("owner.renew", {})):
        try:
            o.call(method, params)
            say({"method": method, "reason": "was done"})
        except RpcError as e:
            say({"method": method, "reason": e.data.get("reason")})


def higher(path):
    """As a heir must: above the epoch that there is."""
    try:
        Owner(path, NAME, "smf-2", role="heir", epoch=1).close()
    except RpcError as e:
        return e
    return None


def heir(path):
    say({"epoch_1": str(higher(path))})
    with Owner(path, NAME, "smf-2", role="heir", epoch=100) as o:
        stale = o.claimed["sessions"]["stale"]
        o.call("owner.adopt_all")
        say({"epoch": o.epoch, "stale": stale, "then": o.call("owner.done")["state"]})
        o.thread.join()


def hand_over(path, users):
    with Owner(path, NAME, "smf-2", role="heir", epoch=101) as o:
        o.call("owner.adopt_all")
        o.call("owner.done")
        for i in range(users):
            o.call("handover.prepare", {
                "seid": i + 1, "far_id": 2, "outer_header_creation": {
                    "description": "gtpu-udp-ipv4", "teid": hex(0x100000 + dl_teid(i)),
                    "ipv4": "192.0.2.3"}})
        began = time.monotonic()
        for first in range(0, users, AT_ONCE):
            many = range(first, min(first + AT_ONCE, users))
            o.call("handover.commit", {"items": [{"seid": i + 1, "far_id": 2} for i in many]})
        say({"committed": users, "ms": round(1000 * (time.monotonic() - began), 1)})
        o.thread.join()


def main():
    path, part, *rest = sys.argv[1:]
    try:
        {"own": lambda: own(path, int(rest[0])), "admit": lambda: admit(path, *rest),
         "return": lambda: come_back(path, rest[0]), "heir": lambda: heir(path),
         "hand_over": lambda: hand_over(path, int(rest[0]))}[part]()
    except (RpcError, OSError) as e:
        say({"error": str(e)})
        sys.exit(1)


if __name__ == "__main__":
    main()
