# SPDX-License-Identifier: BSD-3-Clause
"""A million random and mutated frames; then ordinary traffic, and books that balance.

Named to run last: what tshark is to judge has been captured before.
"""
import os
import random
import time

from scapy.all import ARP, IP, UDP, Dot1Q, Ether, raw

from harness import GNB4, GNB_MAC, N6_4, UPF4
from test_network import ns
from upf import Session, downlink4, downlink6, inner4, inner6

FRAMES = int(os.environ.get("STORM_FRAMES", 1000000))


def mutate(rng, seed):
    m = bytearray(seed)
    for _ in range(rng.randint(1, 6)):
        # most changes beyond the MAC addresses, so that the parsers get to see them
        at = rng.randrange(12, len(m)) if rng.random() < 0.95 else rng.randrange(len(m))
        m[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
    if rng.random() < 0.3:
        del m[rng.randrange(14, len(m)):]
    return bytes(m)


def test_storm(rig):
    rng = random.Random(2)
    with Session(rig) as s:
        chain = raw(s.gtpu(inner4(), S=1, seq=3))
        n3 = [raw(rig.from_gnb(p)) for p in (s.gtpu(inner4()), s.gtpu(inner6()),
                                             s.gtpu(inner4(), teid=1), s.gtpu(inner4(), qfi=None))]
        n3 += [raw(Ether(src=GNB_MAC, dst=rig.mac("n3"), type=0x800)) + chain,
               raw(Ether(src=GNB_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=GNB4, pdst=UPF4)),
               raw(ns("2001:db8:3::2", GNB_MAC, "2001:db8:3::1"))]
        n6 = [raw(rig.from_dn(p)) for p in (downlink4(), downlink6(), downlink4(dst="10.45.9.9"),
                                            IP(dst=N6_4) / UDP(dport=7))]
        n6.append(raw(rig.from_dn(Dot1Q(vlan=42) / IP(dst="203.0.113.1") / UDP())))
        # a pool of mutants sent many times over would miss nothing but costs less than
        # a million fresh ones: one in five is new, the rest are drawn again
        pools = [(rig.n3, [mutate(rng, rng.choice(n3)) for _ in range(FRAMES // 10)]),
                 (rig.n6, [mutate(rng, rng.choice(n6)) for _ in range(FRAMES // 10)])]
        for w, pool in pools:
            pool += [rng.randbytes(rng.randint(14, 200)) for _ in range(FRAMES // 100)]
            w.sock.setblocking(True)
        sent = 0
        while sent < FRAMES:
            for w, pool in pools:
                for _ in range(500):
                    try:
                        w.sock.send(rng.choice(pool))
                        sent += 1
                    except OSError:
                        pass  # the link's queue is full: the frame was not sent
            assert rig.coastd.poll() is None, "coastd died"
        time.sleep(1)
        for w, _ in pools:
            w.drain()
        # neighbours may have been taught nonsense by mutants of ARP: statics must hold
        got = rig.exchange(rig.n3, rig.from_gnb(s.gtpu(inner4())), rig.n6, want=1, timeout=2)
        assert got and got[0][UDP].dport == 2000
        assert rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3, timeout=2)

        def balance():
            w = rig.call("worker.list")["items"]
            come = sum(x["rx"] + x["injected"] for x in w)
            gone = sum(x["tx"] + x["consumed"] + x.get("held", 0) for x in w)
            return come - gone - sum(rig.drops().values())
        rig.wait(lambda: balance() == 0, 15, f"the books to balance, off by {balance()}")
