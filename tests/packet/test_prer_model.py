# SPDX-License-Identifier: BSD-3-Clause
"""Recovery on the wire against tests/prer/reference.py: R-TAG, and d-CW of 16 and 28 bits.

A script is a list of (number, path), "reset" by management and "pause", longer than the reset timer.
What is delivered, in its order, and every counter must be the model's.
"""
import contextlib
import random
import struct
import sys
import time

from scapy.all import Ether, raw

import test_prer_dcw as dcw
import test_prer_l2 as l2
from harness import SRC

sys.path.insert(0, f"{SRC}/tests/prer")
from reference import COUNTERS, Recovery  # noqa: E402

RESET_MS, LONG_MS = 250, 60000
BURST = 64  # frames that any queue on the way holds
BOTH = ("cb_2017", "cbdb_2021")


def inner(seq):
    return raw(Ether(src=l2.TALKER, dst=l2.LISTENER, type=0x88b5)) + struct.pack("!I", seq) + bytes(42)


class Rtag:
    bits = 16
    paths = {"a": "a", "b": "b"}  # by what scripts call them

    def stream(self, rig, recovery):
        return l2.stream(rig, recovery=recovery, receive={**l2.RECEIVE, "vlan": 0})

    def wire(self, rig):
        return rig.n6

    def frame(self, rig, seq, path):
        front, behind, _ = l2.MEMBERS[path]
        return front + seq.to_bytes(2, "big") + behind + inner(seq)[14:]


class Dcw:
    """Both paths by one wire: members of two wires have no order."""
    paths = {"a": "a", "b": "a6"}

    def __init__(self, bits):
        self.bits, self.heads = bits, {}

    @contextlib.contextmanager
    def stream(self, rig, recovery):
        receive = {k: dcw.FRAMES[k] for k in ("payload", "receive")}
        with l2.made(rig, ("recovery", {"name": "r", **recovery})):
            rig.call("path.put", [{
                "name": p, "encapsulation": "dcw", "network_instance": dcw.PATHS[p][0],
                "local": dcw.PATHS[p][1], "remote": dcw.PATHS[p][2]} for p in self.paths.values()])
            rig.call("stream.put", {"name": "s", "paths": list(self.paths.values()), "recovery": "r",
                                    "sequence_bits": self.bits, "service_label": dcw.LABEL, **receive})
            try:
                yield
            finally:
                rig.call("stream.delete", {"name": "s"})
                rig.call("path.delete", [{"name": p} for p in self.paths.values()])

    def wire(self, rig):
        return rig.n3

    def frame(self, rig, seq, path):
        if path not in self.heads:
            _, whole = dcw.arrive(rig, self.paths[path], 0, inner(0), chksum=0)
            self.heads[path] = raw(whole)[:-4 - len(inner(0))]
        return self.heads[path] + struct.pack("!I", seq) + inner(seq)


class Model:
    """As coast arranges them: recovery of each path first, where it is asked for."""

    def __init__(self, conf, bits):
        fields = dict(history=conf["history_length"], bits=bits, reset=conf["reset_ms"],
                      match=conf.get("algorithm") == "match", rule_2017=conf["rogue_rule"] == "cb_2017",
                      resync=conf.get("resync", False))
        self.base, self.clock = Recovery(**fields), 0
        self.paths = {p: Recovery(**fields, individual=True) for p in "ab"} if conf.get(
            "individual_recovery") else {}
        self.delivered, self.refused = [], 0

    def receive(self, seq, path):
        if self.paths and self.paths[path].receive(seq, self.clock) != "P":
            self.refused += 1
        elif self.base.receive(seq, self.clock) == "P":
            self.delivered.append(seq)

    def reset(self):
        self.base.reset()
        for p in self.paths.values():
            p.reset()


def came(state):
    ended = sum(p.get("discarded", 0) + p.get("rogue", 0) for p in state["paths"])
    return state["passed"] + state["discarded"] + state["rogue"] + ended


def settle(rig, sent):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        state = l2.state(rig)
        if came(state) >= sent:
            return state
        time.sleep(0.001)
    raise AssertionError(f"{sent} sent: {state}")


def run(rig, encap, conf, script):
    model, sent, got = Model(conf, encap.bits), 0, []
    with encap.stream(rig, conf):
        rig.n3.drain()
        for n, step in enumerate(script):
            if step in ("pause", "reset") or n % BURST == 0:
                settle(rig, sent)
                got += l2.delivered(rig, len(model.delivered) - len(got), 4)
            if step == "reset":
                rig.call("stream.reset", {"name": "s"})
                model.reset()
            elif step == "pause":
                time.sleep(conf["reset_ms"] * 1.2 / 1000)
                model.clock += int(conf["reset_ms"] * 1.2)
            else:
                encap.wire(rig).sock.send(encap.frame(rig, *step))
                model.receive(*step)
                sent += 1
        state = settle(rig, sent)
        got += l2.delivered(rig, len(model.delivered) - len(got), 4)
    assert got == model.delivered, (len(got), len(model.delivered), got[:40], model.delivered[:40])
    want = dict(zip(COUNTERS, model.base.counters()))
    assert {k: state[k] for k in COUNTERS} == want, (state, want)
    assert came(state) == sent
    for p in state["paths"] if model.paths else ():
        path = model.paths[next(k for k, v in encap.paths.items() if v == p["path"])]
        assert [p[k] for k in COUNTERS[:3]] == path.counters()[:3], (p, path.counters())


# ---- scripts ---------------------------------------------------------------------------


def two(numbers, lag=0):
    """By both paths, b's copy `lag` packets later."""
    numbers = list(numbers)
    for i in range(len(numbers) + lag):
        if i < len(numbers):
            yield numbers[i], "a"
        if i >= lag:
            yield numbers[i - lag], "b"


def by(path, *numbers):
    return [(n, path) for n in numbers]


def joint_loss(n):
    return [*two(range(20)), *two(range(20 + n, 80))]


def leading(n):
    """The fast path comes back `n` ahead; then the slow one dies."""
    slow = by("b", *range(40))
    pairs = [x for i in range(40, 70) for x in ((i + n, "a"), (i, "b"))]
    return slow + pairs + by("a", *range(70 + n, 90))


def edges(h, w):
    at = [5] + [w(5 + s * h + d) for s in (1, -1, 1, 2, -1, 0) for d in (-1, 0, 1)]
    return by("a", *at, 5) + by("b", 6, 5 + h // 2)


def wander(rnd, h, w):
    at = rnd.randrange(1 << 15)
    for _ in range(200):
        at += rnd.choice((1, 1, 1, 1, 2, 3, h // 2, h - 1))
        for path in "ab":
            lag = rnd.choice((0, 1, 3, h - 1, h)) if path == "b" else 0
            if rnd.random() < 0.9:
                yield w(at - lag), path


TIMED = {"reset_ms": RESET_MS}
SINGLE = {"individual_recovery": True}


def cases(bits):
    def w(n):
        return n % (1 << bits)

    for rule in BOTH:
        r = {"rogue_rule": rule}
        for n in (6, 7, 8):
            yield f"joint loss of {n}, {rule}", r, joint_loss(n)
        yield f"joint loss and H 2, {rule}", {**r, "history_length": 2}, joint_loss(1)
        for n in (7, 8, 9):
            yield f"a path leads by {n}, {rule}", r, leading(n)
        for h in (2, 8, 64, 1024, 8192):
            yield f"edges, H {h}, {rule}", {**r, "history_length": h}, edges(h, w)
            script = wander(random.Random(h * bits), h, w)
            yield f"at random, H {h}, {rule}", {**r, "history_length": h}, script
        far = by("b", w(20000 + (1 << (bits - 1))))
        yield f"forged, {rule}", r, [*two(range(10)), (16, "a"), *two(range(10, 30)), *far]
        yield f"the window is moved, {rule}", r, [*two(range(10)), *by("a", *range(16, 90, 7)), *two(range(10, 30))]
    yield "dead-lock ends", TIMED, [*joint_loss(9), "pause", *two(range(300, 320))]
    yield "timer", TIMED, [*two(range(100, 110)), "pause", *two(range(5)), "pause", *two(range(50000, 50004))]
    yield "duplicates load no timer", TIMED, [*two(range(10)), "pause", (9, "b"), (10, "a")]
    yield "a stale copy after the reset", TIMED, [
        *by("a", *range(20)), "pause", *by("b", 15, *range(16, 20)), (20, "a"), *by("b", 14, 13)]
    yield "management", {}, [*two(range(20)), "reset", (500, "a"), *by("b", 500, 499), "reset", "reset", (3, "a")]
    yield "a sender begins anew, far", TIMED, [*two(range(5000, 5020)), *two(range(20)), "pause", *two(range(20, 40))]
    yield "and near", {}, [*two(range(6)), *two(range(12))]
    yield "and is followed", {"resync": True}, [*two(range(5000, 5020)), *two(range(20))]
    yield "wrap", {"history_length": 64}, two([w(i) for i in range(-30, 40) if i not in (-3, 2)], 5)
    for h in (8, 200):
        one = {**SINGLE, "history_length": h}
        yield f"each path by itself, H {h}", one, [*two(range(h + 20), 3), *by("a", *[h] * 50), *two(range(h + 20, h + 40))]
        yield f"and reset, H {h}", one, [*two(range(5000, 5010)), "reset", *two(range(10))]
    yield "a stuck sender stays blocked", {**SINGLE, **TIMED}, [*by("a", 0, *[1] * 30), "pause", (1, "a")]


def check(rig, encap):
    for name, conf, script in cases(encap.bits):
        conf = {"history_length": 8, "rogue_rule": "cb_2017", "reset_ms": LONG_MS, **conf}
        try:
            run(rig, encap, conf, list(script))
        except AssertionError as e:
            raise AssertionError(f"{name}: {e}") from e


def test_rtag(rig):
    check(rig, Rtag())


def test_dcw_16(rig):
    check(rig, Dcw(16))


def test_dcw_28(rig):
    check(rig, Dcw(28))
