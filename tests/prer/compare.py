#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the recovery engine against reference.py, packet by packet and counter by counter.

    compare.py ENGINE [--runs N] [--packets N] [--seed N]

Each run is a stream over two to four paths that lose (singly and in bursts), lag, jitter and double
packets, with numbers that wrap, forged ones, packets without any, silences, resets and senders that
start anew. A difference is told with the seed that shows it: --runs 1 --seed N.
"""
import argparse
import random
import subprocess
import sys

from reference import COUNTERS, Recovery

RULE_2017, TAKE_NO_SEQUENCE, RESYNC = 1, 2, 4
PATHS = 4
HISTORIES = (2, 3, 8, 17, 63, 64, 65, 100, 128, 500, 1000, 1024, 4000, 8192)


def settings(rnd):
    return dict(history=rnd.choice(HISTORIES), bits=rnd.choice((16, 16, 24, 28)),
                reset=rnd.choice((0, 100, 300, 3000)), match=rnd.random() < 0.1,
                rule_2017=rnd.random() < 0.5, take_no_sequence=rnd.random() < 0.3,
                individual=rnd.random() < 0.2, resync=rnd.random() < 0.3)


def numbers(rnd, count, space, history):
    """(time, number) of what the sender sends: one a tick, but for silences and new starts."""
    seq, time = -rnd.randrange(2 * history + 100), 10
    strange = rnd.random() < 0.5
    for _ in range(count):
        if strange and rnd.random() < 0.0015:
            time += rnd.choice((50, 99, 100, 101, 400, 3000, 5000))
        if strange and rnd.random() < 0.0005:
            seq = rnd.choice((0, seq - rnd.randrange(history), rnd.randrange(space)))
        yield time, seq % space
        time += rnd.choice((1, 1, 1, 0, 2))
        seq += 1


class Path:
    def __init__(self, rnd, history):
        self.rnd = rnd
        self.loss = rnd.choice((0, 0.001, 0.01, 0.1, 0.5))
        self.burst = rnd.choice((0, 0, 0.001))
        self.lag = rnd.choice((0, 0, 1, 3, history // 2, history - 1, history, history + 5))
        self.jitter = rnd.choice((0, 0, 2, history // 4 + 1))
        self.double = rnd.choice((0, 0, 0.01))
        self.bad = 0

    def arrivals(self, time):
        rnd = self.rnd
        if rnd.random() < self.burst:
            self.bad = rnd.randrange(1, 200)
        self.bad -= self.bad > 0
        if self.bad or rnd.random() < self.loss:
            return []
        return [time + self.lag + (rnd.randrange(self.jitter) if self.jitter else 0)
                for _ in range(2 if rnd.random() < self.double else 1)]


def script(rnd, conf, packets):
    """(time, path, number or None or "reset") in the order in which the engine meets them."""
    space = 1 << conf["bits"]
    paths = [Path(rnd, conf["history"]) for _ in range(rnd.choice((1, 2, 2, 2, 3, 4)))]
    forged, plain, resets = (rnd.choice((0, 0, 0.002)) for _ in range(3))
    out = []
    for time, seq in numbers(rnd, packets // len(paths), space, conf["history"]):
        for index, path in enumerate(paths):
            out += [(t, index, seq) for t in path.arrivals(time)]
        if rnd.random() < forged:
            far = seq + rnd.choice((-1, 1)) * (conf["history"] + rnd.randrange(-2, 3))
            out.append((time, 0, rnd.choice((far, rnd.randrange(space))) % space))
        if rnd.random() < plain:
            out.append((time, 0, None))
        if rnd.random() < resets / 4:
            out.append((time, 0, "reset"))
    return sorted(out, key=lambda packet: packet[0])


def lines(conf, events):
    flags = RULE_2017 * conf["rule_2017"] | TAKE_NO_SEQUENCE * conf["take_no_sequence"] | RESYNC * conf["resync"]
    yield f"new {conf['history']} {conf['bits']} {conf['reset']} {flags} {conf['match']:d} {conf['individual']:d}\n"
    for time, path, what in events:
        yield "reset\n" if what == "reset" else f"rx {path} {-1 if what is None else what} {time}\n"


def answers(conf, events):
    """What the engine is to answer, line by line."""
    base = Recovery(**{**conf, "individual": False})
    member = [Recovery(**conf) for _ in range(PATHS)] if conf["individual"] else []
    for time, path, what in events:
        if what == "reset":
            base.reset()
            continue
        verdict = member[path].receive(what, time) if member else "P"
        yield base.receive(what, time) if verdict == "P" else verdict
    for function in [base] + member:
        assert sum(function.counters()[:3]) >= function.tagless
        yield " ".join(map(str, function.counters()))


def run(engine, seed, packets):
    rnd = random.Random(seed)
    conf = settings(rnd)
    events = script(rnd, conf, packets)
    done = subprocess.run([engine], input="".join(lines(conf, events)), capture_output=True, text=True, check=True)
    got, want = done.stdout.splitlines(), list(answers(conf, events))
    if got == want:
        return len(events)
    at = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), min(len(got), len(want)))
    packets_only = [e for e in events if e[2] != "reset"]
    print(f"seed {seed}: {conf}")
    print(f"answer {at}: {got[at:at + 1]}, not {want[at:at + 1]}, to {packets_only[at:at + 1] or COUNTERS}")
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description="recovery engine against its reference")
    parser.add_argument("engine")
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--packets", type=int, default=5000, help="of one run, about")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    total = sum(run(args.engine, args.seed + i, args.packets) for i in range(args.runs))
    print(f"{args.runs} runs, {total} packets: equal")


main()
