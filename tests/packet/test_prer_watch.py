# SPDX-License-Identifier: BSD-3-Clause
"""The health of a stream whose paths lose packets, lag and fail."""
import contextlib
import time

import test_prer_l2 as l2
from upf import Events

RATE = 500  # packets per second
LATE = 5    # packets that path b is behind


@contextlib.contextmanager
def stream(rig):
    paths = [("path", {"name": name, "encapsulation": "rtag", "port": "n6", "vlan": vlan,
                       "degraded": {"loss": 30000}}) for name, vlan in l2.PATHS.items()]
    cell = {"name": "cell", "paths": list(l2.PATHS), "receive": l2.RECEIVE}
    with l2.ports(rig), l2.made(rig, *paths, ("stream", cell)):
        yield


def run(rig, seq, seconds, lost):
    """Members of both paths at their rate, but those that `lost` names. The next number."""
    end = seq + int(RATE * seconds)
    begin = time.monotonic()
    while seq < end:
        for name, late in (("a", 0), ("b", LATE)):
            if seq >= late and not lost(name, seq - late):
                rig.n6.sock.send(l2.member(seq - late, name))
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
