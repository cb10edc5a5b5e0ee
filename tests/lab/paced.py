#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""paced.py send TO FIRST LAST [SECONDS]     numbered datagrams to port 7777, that far apart
paced.py error FROM UPF PEER TEID         a GTP-U Error Indication, which names PEER and TEID"""
import socket
import struct
import sys
import time


def send(to, first, last, gap="0"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in range(int(first), int(last) + 1):
            s.sendto(b"%d\n" % i, (to, 7777))
            time.sleep(float(gap))


def error(source, upf, peer, teid):
    ies = b"\x10" + struct.pack("!I", int(teid, 0)) + b"\x85\0\x04" + socket.inet_aton(peer)
    msg = struct.pack("!BBHIHBB", 0x32, 26, 4 + len(ies), 0, 0, 0, 0) + ies
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        s.sendto(msg, (upf, 2152))


{"send": send, "error": error}[sys.argv[1]](*sys.argv[2:])
