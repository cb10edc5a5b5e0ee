#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""gtpu_send.py UPF TEID INNER-SOURCE COUNT: G-PDUs with an ICMP echo inside, from this host."""
import socket
import sys

from scapy.all import ICMP, IP, conf
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

conf.verb = 0
upf, teid, source, count = sys.argv[1], int(sys.argv[2], 0), sys.argv[3], int(sys.argv[4])
pdu = GTP_U_Header(teid=teid, gtp_type=255) / GTPPDUSessionContainer(type=1, QFI=9) / IP(
    src=source, dst="198.51.100.2") / ICMP()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for _ in range(count):
        s.sendto(bytes(pdu), (upf, 2152))
