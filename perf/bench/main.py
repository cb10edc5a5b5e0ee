#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measure a build of coast: scripts/bench builds one and calls this. Prints a table of figures,
writes them as JSON and into docs/performance.md."""
import argparse
import json
import signal
import sys

import figures
import machine
import page
import parts

HUGEPAGES_MB = 3072  # tables of a million full sessions, ports


def arguments():
    p = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    p.add_argument("--build", required=True, help="the build to measure")
    p.add_argument("--source", required=True, help="the tree it was built from")
    p.add_argument("--quick", action="store_true",
                   help="only what has a target, short rounds; docs/performance.md stays")
    p.add_argument("--json", metavar="FILE", help="write the figures there, too")
    p.add_argument("--only", action="append", choices=parts.PARTS, metavar="PART",
                   help=f"one of {', '.join(parts.PARTS)}; may be repeated. "
                        "docs/performance.md stays")
    return p.parse_args()


def measure(args):
    samples, failed = {}, False
    with machine.HugePages(HUGEPAGES_MB):
        for name in args.only or parts.PARTS:
            parts.say(f"{name} ...")
            try:
                samples |= parts.PARTS[name](args.build, args.quick)
            except parts.Failed as why:
                parts.say(f"{name}: {why}")
                failed = True
    for name, unit, values in figures.ratios(samples):
        samples[name] = (unit, values)
    report = {"commit": machine.commit(args.source), "machine": machine.describe(),
              "figures": [figures.figure(n, unit, values)
                          for n, (unit, values) in sorted(samples.items())]}
    return failed, report


def show(report):
    rows = [["figure", "unit", "median", "min", "max", "target", ""]]
    rows += [figures.row(f) for f in report["figures"]]
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    print(f"coast {report['commit']}\n{report['machine']}\n")
    for r in rows:
        print("  ".join(c.ljust(w) if i < 2 else c.rjust(w)
                        for i, (c, w) in enumerate(zip(r, widths))).rstrip())


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    args = arguments()
    failed, report = measure(args)
    show(report)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(report, f, indent=1)
            f.write("\n")
    if not args.quick and not args.only and not failed:
        page.write(report, args.source)
        parts.say("docs/performance.md has these figures")
    missed = [f["name"] for f in report["figures"] if f["met"] is False]
    if missed:
        parts.say(f"targets missed: {', '.join(missed)}")
    for name in [] if args.only else figures.missing(report["figures"]):
        parts.say(f"not measured: {name}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
