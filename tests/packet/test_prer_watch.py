# SPDX-License-Identifier: BSD-3-Clause
"""The health of a stream whose paths lose packets, lag and fail."""
import contextlib
import struct
import time

from upf import Events

TALKER, LISTENER = bytes.fromhex("020000000001"), bytes.fromhex("020000000004")
VLANS = {"a": 101, "b": 102}
RATE = 500  # packets per second
LATE = 5    # packets that path b is behind


@contextlib.contextmanager
def stream(rig):
    made = [("path", {"name": name, "encapsulation": "rtag", "port": "n6", "vlan": vlan,
                      "degraded": {"loss": 30000}}) for name, vlan in VLANS.items()]
    made.append(("stream", {
        "name": "cell", "paths": list(VLANS),
        "receive": {"port": "n3", "identification": {"type": "source_mac_vlan",
                                                     "mac": "02:00:00:00:00:01"}}}))
    was = {name: {k: v for k, v in rig.call("port.get", {"name": name}).items() if k != "state"}
           for name in ("n3", "n6")}
    for port in was.values():
        rig.call("port.put", {**port, "promiscuous": True})
    for kind, thing in made:
        rig.call(kind + ".put", thing)
    try:
        yield
    finally:
        for kind, thing in reversed(made):
            rig.call(kind + ".delete", {"name": thing["name"]})
        for port in was.values():
            rig.call("port.put", port)


def member(vlan, seq):
    tags = struct.pack(">HHHHHH", 0x8100, vlan, 0xf1c1, 0, seq, 0x88b5)
    return LISTENER + TALKER + tags + bytes(46)


def run(rig, seq, seconds, lost):
    """Members of both paths at their rate, but those that `lost` names. The next number."""
    end = seq + int(RATE * seconds)
    begin = time.monotonic()
    while seq < end:
        for name, late in (("a", 0), ("b", LATE)):
            if seq >= late and not lost(name, seq - late):
                rig.n6.send(member(VLANS[name], seq - late))
        seq += 1
        time.sleep(max(0, begin + (seq - end + RATE * seconds) / RATE - time.monotonic()))
    rig.n3.drain()
    return seq


def health(rig):
    h = rig.call("stream.health", {"name": "cell"})
    return h, {p["path"]: p for p in h.get("paths", ())}


def status(rig, name):
    return rig.call("path.get", {"name": name})["state"]["status"]


def test_health(rig):
    with Events(rig, "path.down", "path.up", "path.degraded") as events, stream(rig):
        assert health(rig)[1] == {}
        seq = run(rig, 0, 2, lambda name, n: name == "b" and n % 100 == 7)
        h, paths = health(rig)
        assert abs(h["packet_rate"] - RATE) < RATE / 5, h
        assert h["joint_loss_long"] == 0 and h["history"] == "enough", h
        assert paths["a"]["loss"] == 0 and paths["a"]["carries"] >= 90, paths
        assert 5000 < paths["b"]["loss"] < 15000, paths
        assert 8000 < paths["b"]["delay_difference_us"] < 15000, paths
        assert h["history_needed"] >= LATE, h
        assert status(rig, "a") == status(rig, "b") == "up"
        # a path dies, the other goes on
        seq = run(rig, seq, 2.2, lambda name, n: name == "a")
        event = events.take(1)[0]
        assert event["path"] == "a" and event["loss"] == 1000000, event
        assert status(rig, "a") == "down"
        h, paths = health(rig)
        assert paths["b"]["carries"] == 100 and paths["a"]["status"] == "down", h
        assert h["joint_loss"] == 0, h
