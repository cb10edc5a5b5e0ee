#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Instructions per packet, counted by callgrind: the same on a busy machine as on an idle one.

budget.py --build DIR [--update]

Counts what perf/budget.json lists and fails where a count is more than 3 % above the one
stored there. A change that is worth more instructions stores the new counts, with --update, in
the same commit. With RESULTS in the environment a line for each is written there, too.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys

STORE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "budget.json")
SLACK = 1.03
PACKETS = 3200


def count(build, benchmark, function):
    """Instructions per packet inside `function`, and what it calls."""
    out = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         f"--toggle-collect={function}", f"{build}/perf/coast-bench",
         f"--benchmark_filter=^{re.escape(benchmark)}(/iterations.*)?$"],
        env=os.environ | {"COAST_BENCH_PACKETS": str(PACKETS)},
        capture_output=True, text=True, check=False)
    collected = re.search(r"Collected *: *(\d+)", out.stderr)
    if out.returncode or not collected or collected[1] == "0":
        sys.exit(f"budget: {benchmark} did not run:\n{out.stderr[-2000:]}")
    return int(collected[1]) / PACKETS


def judge(name, now, stored):
    """A line for the log, and whether it is within the budget."""
    ok = now <= stored * SLACK
    line = f"{name}: {now:.1f} instructions per packet, budget {stored:.1f}"
    return ok, line if ok else line + " + 3 %: exceeded"


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--build", required=True, help="a release build with -Dperf=true")
    p.add_argument("--update", action="store_true", help="store the counts of now")
    args = p.parse_args()
    with open(STORE) as f:
        store = json.load(f)
    results = open(os.environ["RESULTS"], "a") if "RESULTS" in os.environ else None
    failed = False
    # counts do not mind company: as many at once as there are CPUs
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda item: count(args.build, item[0], item[1]["function"]),
                          store.items())
    for (name, entry), now in zip(store.items(), counts):
        if args.update:
            entry["instructions"] = round(now, 1)
        ok, line = judge(name, now, entry["instructions"])
        print(f"  {line}", flush=True)
        failed |= not ok
        if results:
            print(f"{'pass' if ok else 'fail'} instruction budget, {line}", file=results)
    if args.update:
        with open(STORE, "w") as f:
            json.dump(store, f, indent=1)
            f.write("\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
