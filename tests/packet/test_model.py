# SPDX-License-Identifier: BSD-3-Clause
"""Random rule sets under random traffic: coast must do what the model says, octet by octet.

MODEL_SETS rule sets (run.py --sets), at most MODEL_SECONDS seconds of them; MODEL_SEED begins the
row of seeds, and a seed in a message makes its batch again.
"""
import os
import random

from scapy.all import IP, TCP, UDP, IPv6, Raw, raw
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

import model_run
import octets
from harness import GNB4, UPF4

FEATURES = ("packet_rate", "urr", "framed", "mark_plain", "buffer")


def test_octets_are_scapys(rig):
    """The model's packets are made by hand: scapy agrees with them."""
    rng = random.Random(3)
    for n in range(200):
        six, proto = rng.random() < 0.5, rng.choice([octets.UDP, octets.TCP])
        src, dst = ("2001:db8::1", "2001:db8::2") if six else ("10.1.2.3", "8.8.8.8")
        pack = octets.ip6 if six else octets.ip4
        p = {"src": pack(src), "dst": pack(dst), "proto": proto, "sport": rng.randrange(65536),
             "dport": rng.randrange(65536), "spi": 0, "tos": rng.randrange(64) << 2, "ttl": 64,
             "label": rng.randrange(1 << 20) if six else 0, "pad": rng.randrange(100), "offset": 0}
        mine = octets.ip_octets(p, n)
        l4 = (UDP(sport=p["sport"], dport=p["dport"]) if proto == octets.UDP else
              TCP(sport=p["sport"], dport=p["dport"], seq=1, ack=2, flags="A", window=8192))
        l3 = (IPv6(src=src, dst=dst, tc=p["tos"], fl=p["label"], hlim=64) if six else
              IP(src=src, dst=dst, tos=p["tos"], id=n, ttl=64))
        assert raw(l3 / l4 / Raw(mine[-p["pad"] - 12:])) == mine, p
        qfi, teid = rng.choice([None, rng.randrange(64)]), rng.randrange(1 << 32)
        g = GTP_U_Header(teid=teid, gtp_type=255)
        if qfi is not None:
            g /= GTPPDUSessionContainer(type=1, QFI=qfi)
        outer = raw(IP(src=GNB4, dst=UPF4, id=0) / UDP(sport=2152, dport=2152, chksum=0) / g / mine)
        assert outer == octets.gpdu(teid, mine, qfi, octets.ip4(GNB4), octets.ip4(UPF4))
        read = octets.read_frame(bytes(12) + b"\x08\0" + outer)
        assert (read["teid"], read["inner"]) == (teid, mine)
        assert read["psc"] == (None if qfi is None else (1, qfi, 0))


def test_random_rule_sets(rig):
    sets = int(os.environ.get("MODEL_SETS", 10000))
    seconds = float(os.environ.get("MODEL_SECONDS", 60))
    seed = int(os.environ.get("MODEL_SEED", 1))
    if rig.ports == "virtio":  # the bridge behind it carries a few thousand frames a second
        seconds = min(seconds, 10)
    try:
        done, packets = model_run.run(rig, sets, seconds, seed, FEATURES)
    except model_run.Difference as e:
        raise AssertionError(str(e)) from None
    print(f"  model: {done} rule sets, {packets} packets, from seed {seed}: equal", flush=True)
