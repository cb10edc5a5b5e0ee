# SPDX-License-Identifier: BSD-3-Clause
"""Changes under traffic: what is refused leaves no trace, what is accepted is in force."""
import json
import random
import time

from scapy.all import IP, UDP, raw

from harness import Client, refused
from model_gen import Generator
from upf import (UE4, Session, downlink4, far_access, far_core, inner4, pdr_dl, pdr_ul)


def both_ways(rig, s):
    up = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6)
    down = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3)
    for x in down:  # the outer header's identification counts on
        x[IP].id, x[IP].chksum = 0, 0
    return [raw(x) for x in up + down]


def test_failed_modification_changes_nothing(rig):
    with Session(rig) as s:
        before = both_ways(rig, s)
        assert len(before) == 2
        state = rig.call("session.get", {"seid": 1})
        bad = [
            {"update_pdrs": [{"id": 1, "far_id": 99}]},
            {"update_pdrs": [{"id": 77, "precedence": 1}]},
            {"create_pdrs": [pdr_ul(1)]},
            {"create_pdrs": [pdr_ul(5, far_id=50)]},
            {"remove_pdrs": [{"id": 77}]},
            {"remove_fars": [{"id": 1}]},
            {"update_fars": [{"id": 1, "apply_action": ["FORW", "DROP"]}]},
            {"create_fars": [far_core(1)]},
            {"update_fars": [far_core(1, "no-such-instance")]},
            {"create_pdrs": [pdr_ul(6, sdf_filters=[
                {"id": 1, "flow_description": "permit out ip"}])]},
            {"update_fars": [far_access(2, teid=0x999)], "remove_pdrs": [{"id": 44}]},
        ]
        for change in bad:
            with refused():
                s.modify(**change)
            assert both_ways(rig, s) == before, f"forwarding changed after {change}"
        after = rig.call("session.get", {"seid": 1})
        for x in (state, after):
            for p in x["pdrs"]:
                del p["packets"], p["bytes"]
        assert state == after


def test_modification_is_in_force_at_once(rig):
    with Session(rig) as s:
        s.modify(update_fars=[far_access(2, teid=0x222)])
        got = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3)
        assert b"\x00\x00\x02\x22" in raw(got[0])
        s.modify(update_fars=[{"id": 1, "apply_action": ["DROP"]}])
        rig.silent(rig.n3, rig.from_gnb(s.gtpu(inner4())))
        s.modify(update_fars=[{"id": 1, "apply_action": ["FORW"]}])  # keeps its parameters
        assert rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6)


def test_choose_id_keeps_its_teid(rig):
    """A later dedicated flow with the same CHOOSE ID gets the same F-TEID."""
    with Session(rig) as s:
        reply = s.modify(create_pdrs=[pdr_ul(9, precedence=10, sdf_filters=[
            {"id": 1, "flow_description": "permit out 17 from any 53 to assigned"}])])
        reply = reply[0] if isinstance(reply, list) else reply
        teid = next(p["f_teid"]["teid"] for p in reply["created_pdrs"] if p["id"] == 9)
        assert int(teid, 0) == s.teid


def test_counters_survive_modification(rig):
    with Session(rig) as s:
        both_ways(rig, s)
        before = s.counts()
        s.modify(create_pdrs=[pdr_ul(9, precedence=10, qfi=[33])])
        s.modify(remove_pdrs=[{"id": 9}])
        assert s.counts() == before and before[1][0] == 1


def test_identical_put_is_no_event_for_traffic(rig):
    with Session(rig) as s:
        before = both_ways(rig, s), s.counts()
        rig.call("session.put", s.object)
        after = both_ways(rig, s)
        assert after == before[0]
        assert s.counts()[1][0] == before[1][1][0] + 1


def test_deleted_session_stops_within_a_burst(rig):
    s = Session(rig)
    with s:
        assert rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6)
        frame = rig.from_gnb(s.gtpu(inner4()))
    # the delete has been confirmed: from here on not one packet passes
    rig.silent(rig.n3, [frame] * 64, [rig.n6])


def test_deleted_teid_rests(rig):
    with Session(rig) as s:
        old = s.teid
    with Session(rig) as s:
        assert s.teid != old


def test_traffic_flows_while_others_change(rig):
    """300 changes of other sessions; not a packet of this one is lost or late in order."""
    with Session(rig) as s:
        client = Client(rig.sock_path)
        rig.n6.drain()
        sent, got = 0, []
        for i in range(300):
            other = [{"ipv4": f"10.45.3.{i % 200 + 1}"}]
            obj = {"seid": 1000, "pdrs": [pdr_ul(ue_ip_address=other), pdr_dl(ue_ip_address=other)],
                   "fars": [far_core(), far_access(teid=i + 1)], "qers": [{"id": 1, "qfi": 5}]}
            rig.n3.send(rig.from_gnb(s.gtpu(inner4(payload=sent.to_bytes(4, "big")))))
            sent += 1
            client.call("session.put", obj)
            if i % 3 == 0:
                client.call("session.delete", {"seid": 1000})
        if 1000 in [x["seid"] for x in client.call("session.list")["items"]]:
            client.call("session.delete", {"seid": 1000})
        got = rig.n6.receive(2, sent)
        numbers = [int.from_bytes(raw(g[UDP].payload)[:4], "big") for g in got]
        assert numbers == list(range(sent)), f"{len(numbers)} of {sent}"


def test_address_conflict_is_refused(rig):
    with Session(rig) as s:
        with refused("address", "1"):
            rig.call("session.put", dict(s.object, seid=2))
        assert len(both_ways(rig, s)) == 2


def test_array_is_all_or_nothing(rig):
    good = {"seid": 21, "pdrs": [pdr_ul(ue_ip_address=[{"ipv4": "10.45.4.1"}])],
            "fars": [far_core()], "qers": [{"id": 1, "qfi": 1}]}
    bad = dict(good, seid=22, pdrs=[pdr_ul(far_id=9, ue_ip_address=[{"ipv4": "10.45.4.2"}])])
    with refused("[1]"):
        rig.call("session.put", [good, bad])
    with refused("seid"):
        rig.call("session.get", {"seid": 21})
    rig.call("session.put", good)
    rig.call("session.delete", {"seid": 21})


def test_used_objects_cannot_be_deleted(rig):
    with Session(rig) as s:
        for method, key in (("pool.delete", {"name": "v4"}),
                            ("network_instance.delete", {"name": "internet"}),
                            ("port.delete", {"name": "n3"})):
            with refused(errno="EBUSY"):
                rig.call(method, key)
        assert len(both_ways(rig, s)) == 2


def test_list_is_paged(rig):
    ids = list(range(3000, 3025))
    rig.call("session.put", [
        {"seid": i, "pdrs": [pdr_ul(ue_ip_address=[{"ipv4": f"10.45.5.{i - 2999}"}])],
         "fars": [far_core()], "qers": [{"id": 1, "qfi": 1}]} for i in ids])
    seen, cursor = [], 0
    while True:
        page = rig.call("session.list", {"limit": 7, "cursor": cursor})
        assert len(page["items"]) <= 7
        seen += [x["seid"] for x in page["items"]]
        cursor = page.get("cursor", 0)
        if not cursor:
            break
    assert sorted(seen) == ids
    rig.call("session.delete", [{"seid": i} for i in ids])


def test_conservation(rig):
    """Every packet that came in went out, was consumed, was dropped by name or is held."""
    def balance():
        w = rig.call("worker.list")["items"]
        come = sum(x["rx"] + x["injected"] for x in w)
        gone = sum(x["tx"] + x["consumed"] + x.get("held", 0) for x in w)
        return come - gone - sum(rig.drops().values())
    with Session(rig) as s:
        frames = [rig.from_gnb(s.gtpu(inner4(src=random.choice([UE4, "10.45.0.9"]))))
                  for _ in range(200)]
        for f in frames:
            rig.n3.send(f)
        rig.wait(lambda: balance() == 0, 5, "the books to balance")


def test_mutated_control_messages(rig):
    """100 000 mutated requests on one connection after another; then a valid one."""
    rng = random.Random(20)
    with Session(rig) as s:
        rich = Generator(rng, 51, 7, "internet", False, (
            "packet_rate", "urr", "framed", "buffer", "mark_plain", "dupl", "bar"))
        many = rich.session()
        seeds = [json.dumps({"jsonrpc": "2.0", "id": 1, "method": m, "params": p}).encode()
                 for m, p in (("session.put", dict(s.object, seid=50)), ("session.put", many),
                              ("session.modify", rich.modification(many)),
                              ("session.query", {"seid": 1, "urr_ids": [1]}),
                              ("event.list", {"types": ["port.link"], "limit": 3}),
                              ("session.modify", {"seid": 1, "update_pdrs": [
                                  {"id": 1, "precedence": 3}]}),
                              ("session.get", {"seid": 1}), ("port.list", None),
                              ("route.put", {"network_instance": "internet",
                                             "prefix": "1.2.3.0/24", "blackhole": True}),
                              ("pool.put", {"name": "z", "network_instance": "internet",
                                            "prefix": "10.99.0.0/16"}))]
        import socket
        sent = 0
        while sent < 100000:
            c = socket.socket(socket.AF_UNIX)
            c.settimeout(30)
            c.connect(rig.sock_path)
            batch = []
            for _ in range(500):
                m = bytearray(rng.choice(seeds))
                for _ in range(rng.randint(1, 8)):
                    at = rng.randrange(len(m))
                    kind = rng.randrange(4)
                    if kind == 0:
                        m[at] = rng.choice(b'{}[]":,0123456789-eE.\\ntf')
                    elif kind == 1:
                        m[at] = rng.randrange(256)
                    elif kind == 2:
                        del m[at:at + rng.randint(1, 10)]
                        m = m or bytearray(b"{")
                    else:
                        m[at:at] = m[at:at + rng.randint(1, 20)]
                batch.append(bytes(m).replace(b"\n", b" ") + b"\n")
            sent += len(batch)
            try:
                c.sendall(b"".join(batch))
                c.shutdown(socket.SHUT_WR)
                while c.recv(1 << 20):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
            c.close()
        fresh = Client(rig.sock_path)
        for item in fresh.call("session.list")["items"]:
            if item["seid"] != 1:
                fresh.call("session.delete", {"seid": item["seid"]})
        # a mutation may by chance be a valid change of session 1: put it right again
        fresh.call("session.put", s.object)
        for r in fresh.call("route.list")["items"]:
            if r.get("blackhole"):
                fresh.call("route.delete", {k: r[k] for k in ("network_instance", "prefix")})
        for p in fresh.call("pool.list")["items"]:
            if p["name"] not in ("v4", "v6", "other-v4", "other-v6"):
                fresh.call("pool.delete", {"name": p["name"]})
        time.sleep(0.1)
        reply = rig.call("session.get", {"seid": 1})
        s.teid = int(next(p for p in reply["pdrs"] if p["id"] == 1)["local_f_teid"]["teid"], 0)
        assert len(both_ways(rig, s)) == 2
