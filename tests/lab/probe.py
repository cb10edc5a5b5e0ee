#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The rate at which IP bytes come in by an Ethernet interface, as the kernel counts them.

probe.py [--raw] INTERFACE SECONDS    prints kbit/s; --raw: a TUN, which has no Ethernet header
"""
import sys
import time


header = 14
if sys.argv[1] == "--raw":
    header = 0
    del sys.argv[1]


def counters(name):
    for line in open("/proc/net/dev"):
        if line.strip().startswith(name + ":"):
            field = line.split(":")[1].split()
            return time.monotonic(), int(field[0]) - header * int(field[1])
    sys.exit(f"probe: no interface {name}")


start, before = counters(sys.argv[1])
time.sleep(float(sys.argv[2]))
end, after = counters(sys.argv[1])
print(f"{(after - before) * 8 / 1000 / (end - start):.1f}")
