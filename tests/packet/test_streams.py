# SPDX-License-Identifier: BSD-3-Clause
"""Streams as objects: put, listed, changed in operation, refused, kept over the end of coastd."""
import struct
import subprocess
import time

from scapy.all import Dot1Q, Ether, Raw, raw

from harness import SRC, refused

PLC, FAR = "02:00:00:00:70:01", "02:00:00:00:70:02"
RTAG = 0xf1c1
IDENT = {"type": "source_mac_vlan", "mac": PLC}
TALKER = {"name": "t", "paths": ["a", "b"], "send": {"port": "n3", "identification": IDENT}}
LISTENER = {"name": "l", "paths": ["a", "b"],
            "receive": {"identification": {**IDENT, "mac": FAR}, "port": "n3", "vlan": 0}}


def frame(payload, src=PLC):
    return Ether(src=src, dst="02:00:00:00:70:03", type=0x88b5) / Raw(payload.ljust(46, b"."))


def member(vlan, seq, payload, src=FAR):
    f = frame(payload, src)
    return Ether(src=src, dst=f.dst) / Dot1Q(vlan=vlan, type=RTAG) / Raw(
        struct.pack("!HHH", 0, seq, 0x88b5) + f[Raw].load)


def numbers(frames):
    """VLAN -> sequence numbers, of members seen on a wire."""
    out = {}
    for f in frames:
        if Dot1Q in f and f[Dot1Q].type == RTAG:
            seq = struct.unpack("!H", raw(f[Dot1Q].payload)[2:4])[0]
            out.setdefault(f[Dot1Q].vlan, []).append(seq)
    return out


def open_paths(rig):
    rig.call("port.modify", [{"name": p, "promiscuous": True} for p in ("n3", "n6")])
    rig.call("path.put", [{"name": n, "encapsulation": "rtag", "port": "n6", "vlan": v}
                          for n, v in (("a", 10), ("b", 20), ("c", 30))])


def close_all(rig):
    for kind in ("stream", "path"):
        keys = [{"name": i["name"]} for i in rig.call(f"{kind}.list")["items"]]
        if keys:
            rig.call(f"{kind}.delete", keys)


def state(rig, name):
    return rig.call("stream.get", {"name": name})["state"]


def send(rig, n, want=2):
    """VLAN -> by how much each number is beyond those given out before."""
    got, first = [], state(rig, "t")["next_sequence"]
    for i in range(n):
        got += rig.exchange(rig.n3, frame(b"%d" % i), rig.n6, want=want)
    return {v: [s - first for s in all] for v, all in numbers(got).items()}


def test_members_take_all_paths(rig):
    open_paths(rig)
    try:
        rig.call("stream.put", TALKER)
        assert send(rig, 3) == {10: [0, 1, 2], 20: [0, 1, 2]}
        st = state(rig, "t")
        assert st["direction"] == "send" and st["generated"] == 3 and st["next_sequence"] == 3
        # put again it goes on; a new one of its name begins anew
        rig.call("stream.put", TALKER)
        assert state(rig, "t")["next_sequence"] == 3
        rig.call("stream.delete", {"name": "t"})
        rig.call("stream.put", TALKER)
        assert state(rig, "t")["next_sequence"] == 0 and send(rig, 1) == {10: [0], 20: [0]}
    finally:
        close_all(rig)


def test_paths_change_in_operation(rig):
    open_paths(rig)
    try:
        rig.call("stream.put", TALKER)
        send(rig, 1)
        rig.call("stream.modify", {"name": "t", "paths": ["b", "c"]})
        assert send(rig, 2) == {20: [0, 1], 30: [0, 1]}
        rig.call("path.modify", {"name": "c", "vlan": 31})
        assert send(rig, 1) == {20: [0], 31: [0]}
        rig.call("path.modify", {"name": "b", "enabled": False})
        before = state(rig, "t")["next_sequence"]
        assert before > 0 and send(rig, 1, want=1) == {31: [0]}
        rig.call("stream.restart", {"name": "t"})
        assert state(rig, "t")["next_sequence"] == 0
        assert send(rig, 1, want=1) == {31: [0]}
        assert state(rig, "t")["generator_resets"] == 2
    finally:
        close_all(rig)


def test_first_copy_is_delivered(rig):
    open_paths(rig)
    try:
        rig.call("stream.put", LISTENER)
        got = rig.exchange(rig.n6, [member(v, s, b"x%d" % s) for s in (7, 8, 9) for v in (10, 20)],
                           rig.n3, want=3)
        assert [raw(f) for f in got] == [raw(frame(b"x%d" % s, FAR)) for s in (7, 8, 9)], (got, state(rig, "l"))
        # the last copy may still be on its way
        rig.wait(lambda: state(rig, "l")["discarded"] == 3, 2, "all copies to be counted")
        st = state(rig, "l")
        assert (st["passed"], st["discarded"], st["rogue"]) == (3, 3, 0)
        assert [(p["path"], p["seen"], p["first"]) for p in st["paths"]] == [
            ("a", 3, 3), ("b", 3, 0)]
        # the far end has begun anew, and says so
        rig.silent(rig.n6, member(10, 7, b"again"))
        rig.call("stream.reset", {"name": "l"})
        assert len(rig.exchange(rig.n6, member(10, 7, b"again"), rig.n3)) == 1
        assert state(rig, "l")["resets"] == 2
    finally:
        close_all(rig)


def test_example_is_right(rig):
    subprocess.run([f"{rig.build}/coastd", "--check", f"{SRC}/packaging/plc.yaml"], check=True,
                   stdout=subprocess.DEVNULL)


def test_conflicts_name_both(rig):
    open_paths(rig)
    try:
        rig.call("stream.put", TALKER)
        with refused("send.identification", "stream 't'"):
            rig.call("stream.put", {**TALKER, "name": "u"})
        with refused("name", "stream 't'"):
            rig.call("path.delete", {"name": "a"})
        with refused("promiscuous", "stream 't'"):
            rig.call("port.modify", {"name": "n3", "promiscuous": False})
        rig.call("path.put", {"name": "back", "encapsulation": "rtag", "port": "n3"})
        with refused("paths[1]", "loops back"):
            rig.call("stream.modify", {"name": "t", "paths": ["a", "back"]})
        assert send(rig, 1) == {10: [0], 20: [0]}
    finally:
        close_all(rig)


def test_numbers_outlive_coastd(rig):
    if rig.ports != "af_xdp":
        return
    try:
        open_paths(rig)
        rig.call("recovery.put", {"name": "long", "history_length": 200, "reset_ms": 60000})
        rig.call("stream.put", [TALKER, {**LISTENER, "recovery": "long"}])
        at = state(rig, "t")["next_sequence"]
        assert send(rig, 5) == {10: [0, 1, 2, 3, 4], 20: [0, 1, 2, 3, 4]}
        rig.exchange(rig.n6, [member(10, s, b"") for s in range(100)], rig.n3, want=100)
        before = {n: state(rig, n) for n in "tl"}
        rig.begin_again(forget=False)
        assert {n: state(rig, n) for n in "tl"} == before
        assert send(rig, 1) == {10: [0], 20: [0]}
        # known numbers are still known, the next is taken
        rig.silent(rig.n6, [member(20, s, b"") for s in (0, 50, 99)])
        assert len(rig.exchange(rig.n6, member(20, 100, b""), rig.n3)) == 1
        time.sleep(0.3)  # the mark in the store is ahead
        rig.begin_again(forget=True)
        after = state(rig, "t")
        assert after["number"] == before["t"]["number"] and after["generated"] == 0
        assert at + 6 <= after["next_sequence"] < at + 1006, after
        assert len(rig.exchange(rig.n6, member(20, 7, b""), rig.n3)) == 1
    finally:
        close_all(rig)
        rig.call("recovery.delete", {"name": "long"})


def listen(rig, order):
    open_paths(rig)
    rig.call("recovery.put", {"name": "ordered", "order": order})
    rig.call("stream.put", {**LISTENER, "recovery": "ordered"})


def stop_listening(rig):
    close_all(rig)
    rig.call("recovery.delete", {"name": "ordered"})


def delivered(rig, numbers, want, timeout=1.0):
    got = rig.exchange(rig.n6, [member(10, s, b"x%d" % s) for s in numbers], rig.n3, want=want,
                       timeout=timeout)
    return [int(raw(f)[15:].split(b".")[0]) for f in got]


def order(rig):
    return rig.call("stream.get", {"name": "l"})["state"]["order"]


def test_packets_in_order(rig):
    listen(rig, {"mode": "basic", "max_delay_us": 60000})
    try:
        assert delivered(rig, [0, 2, 3, 1, 4], 5) == [0, 1, 2, 3, 4]
        # 5 never comes: the others wait for it, and no longer
        began = time.monotonic()
        assert delivered(rig, [7, 6], 2) == [6, 7]
        assert 0.05 < time.monotonic() - began < 0.5
        assert delivered(rig, [5], 1) == [5]
        assert order(rig) == {"waiting": 0, "waited": 4, "late": 1, "expired": 2, "overflow": 0}
        # what waits when the stream goes is delivered all the same
        rig.n3.drain()
        rig.n6.send(member(10, 9, b"x9"))
        time.sleep(0.01)
        rig.call("stream.delete", {"name": "l"})
        assert len(rig.n3.receive(1.0, 1)) == 1
    finally:
        stop_listening(rig)


def test_what_is_older_is_dropped(rig):
    listen(rig, {"mode": "drop_older"})
    try:
        before = rig.drops().get("prer.late", 0)
        assert delivered(rig, [0, 2, 1, 3], 3) == [0, 2, 3]
        assert rig.drops()["prer.late"] == before + 1 and order(rig)["late"] == 1
    finally:
        stop_listening(rig)
