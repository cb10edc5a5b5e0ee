#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Send one frame as often as it goes, for some time or so many times.

flood.py INTERFACE HEX SECONDS [COUNT]   print how many were sent
"""
import socket
import sys
import time


def main():
    frame = bytes.fromhex(sys.argv[2])
    until = time.monotonic() + float(sys.argv[3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else -1
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((sys.argv[1], 0))
    sent = refused = 0
    while sent != count and (sent % 64 or time.monotonic() < until):
        try:
            sock.send(frame)
            sent += 1
        except OSError:
            refused += 1
    print(f"{sent} frames sent, {refused} not taken")


main()
