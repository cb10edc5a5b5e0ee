#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packet in, packet out: run the cases against a real coastd on real wires.

run.py --build DIR --ports af_xdp|virtio|flowdev [--workers N] [--label NAME] [--times] [PATTERN ...]
       --lanes N  as many rigs at once, which share the cases: most of the time a case waits
       --sets N   rule sets against the model, all of them whatever the time (default: what 60 s
                  allow)      --seed N  where their seeds begin
       --storm N  frames of the storm
       --stress S seconds of changes under traffic

A case is a function test_*(rig) in a test_*.py beside this file. Results go to the
terminal and, as "pass|fail NAME", to the file that $RESULTS names.
"""
import argparse
import fnmatch
import glob
import importlib
import multiprocessing
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402


def modules(taken):
    """Their names, each for one of the lanes that have `taken` in common."""
    here = os.path.dirname(os.path.abspath(__file__))
    names = [os.path.basename(path)[:-3] for path in sorted(glob.glob(f"{here}/test_*.py"))]
    while True:
        with taken.get_lock():
            at = taken.value
            taken.value += 1
        if at >= len(names):
            return
        yield names[at]


def cases(patterns, taken):
    for name in modules(taken):
        module = importlib.import_module(name)
        for function in [f for f in vars(module) if f.startswith("test_")]:
            full = f"{name[5:]}.{function[5:]}"
            if not patterns or any(fnmatch.fnmatch(full, p) for p in patterns):
                yield full, getattr(module, function)


def options():
    args = argparse.ArgumentParser()
    args.add_argument("--build", required=True)
    args.add_argument("--ports", choices=("af_xdp", "virtio", "flowdev"),
                      default="af_xdp")
    args.add_argument("--workers", type=int, default=1)
    args.add_argument("--label", default="packet")
    args.add_argument("--sets", type=int)
    args.add_argument("--seed", type=int)
    args.add_argument("--storm", type=int)
    args.add_argument("--stress", type=int)
    args.add_argument("--times", action="store_true", help="print how long each case took")
    args.add_argument("--lanes", type=int, default=1)
    args.add_argument("patterns", nargs="*")
    args = args.parse_args()
    if args.sets:
        os.environ.update(MODEL_SETS=str(args.sets), MODEL_SECONDS="86400")
    for name, value in (("MODEL_SEED", args.seed), ("STORM_FRAMES", args.storm),
                        ("STRESS_SECONDS", args.stress)):
        if value:
            os.environ[name] = str(value)
    return args


def lane(args, taken):
    """One rig and its share of the cases. True: something failed."""
    harness.die_on_signal()
    results = open(os.environ.get("RESULTS", os.devnull), "a")
    failed = count = 0

    def report(name, why=None):
        nonlocal failed, count
        count += 1
        failed += why is not None
        word = "pass" if why is None else "fail"
        results.write(f"{word} {args.label} {args.ports}: {name}\n")
        results.flush()
        if why is not None:
            print(f"  fail {name}: {why}", flush=True)

    started = time.monotonic()
    rig = harness.Rig(os.path.abspath(args.build), args.ports, args.workers)
    try:
        for name, case in cases(args.patterns, taken):
            began = time.monotonic()
            try:
                case(rig)
                report(name)
                if args.times:
                    print(f"  {time.monotonic() - began:6.2f} s {name}", flush=True)
            except Exception as e:
                if not isinstance(e, AssertionError):
                    traceback.print_exc()
                line = traceback.extract_tb(e.__traceback__)[-1]
                report(name, f"{line.name}:{line.lineno}: {e or line.line}")
            if rig.coastd.poll() is not None:
                report(name + ": coastd lives", "coastd died:\n" + open(rig.log.name).read())
                break
        else:
            frames, complaints = rig.verdict()
            report(f"tshark on {frames} emitted frames", "\n".join(complaints) or None)
            rig.coastd.terminate()
            rc = rig.coastd.wait(90)
            report("coastd ends clean", None if rc == 0 else
                   f"exit {rc}:\n" + open(rig.log.name).read())
    finally:
        rig.close()
    print(f"{args.label} {args.ports}: {count - failed} passed, {failed} failed "
          f"in {time.monotonic() - started:.1f} s", flush=True)
    return failed > 0


def main():
    args, taken = options(), multiprocessing.Value("i")
    if args.lanes == 1:
        return lane(args, taken)
    harness.die_on_signal()
    lanes = [multiprocessing.get_context("fork").Process(
        target=lambda: sys.exit(lane(args, taken)), daemon=True) for _ in range(args.lanes)]
    for one in lanes:
        one.start()
    for one in lanes:
        one.join()
    return any(one.exitcode != 0 for one in lanes)


if __name__ == "__main__":
    sys.exit(main())
