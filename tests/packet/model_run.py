# SPDX-License-Identifier: BSD-3-Clause
"""Random rule sets by the thousand, batch after batch, each with a seed of its own."""
import random
import time

import model
import octets
from model_batch import BURST, Batch, Difference, Link, Lost
from model_gen import Generator, packed
from model_shrink import report, shrink

FIXED = 420  # octets of each packet in batches with quotas


def make(rng, first_seid, n_sets, n_packets, features, modify=True):
    fixed = rng.random() < 0.5
    instances = [("internet", "other")[i % 2] for i in range(n_sets)]
    makers = [Generator(rng, first_seid + i, i // 2, instances[i], fixed, features)
              for i in range(n_sets)]
    sets = [g.session() for g in makers]
    changes = {}
    if modify:
        for g, s in zip(makers, sets):
            if rng.random() < 0.7:
                change = g.modification(s)
                if len(change) > 1:
                    changes[s["seid"]] = change
    packets = []
    for phase in (0, 1) if modify else (0,):
        for which, (g, s) in enumerate(zip(makers, sets)):
            rules = model.modified(s, changes.get(s["seid"], {})) if phase else s
            tunnels = [r for r in rules["pdrs"] if "f_teid" in r["pdi"]]
            for _ in range(n_packets // (2 if modify else 1)):
                packets.append(one_packet(rng, g, which, rules, tunnels, makers, sets, instances,
                                          phase, fixed))
    order = packets[:]
    rng.shuffle(order)
    order.sort(key=lambda x: x[4])
    for i, x in enumerate(order):
        x[3]["turn"] = i // (2 * BURST)
    return Batch(sets, order, changes, instances)


def one_packet(rng, g, which, rules, tunnels, makers, sets, instances, phase, fixed):
    if tunnels and rng.random() < 0.55:
        force = {}
        if rng.random() < 0.1:  # to another user of the same instance
            i = rng.choice([i for i in range(len(makers)) if instances[i] == instances[which]])
            if not any("volume_quota" in u for u in sets[i].get("urrs", [])):
                family = rng.choice(makers[i].families)
                force["remote"] = packed(makers[i].ue4 if family == 4 else makers[i].ue6 + "7")
                if family in g.families:
                    force["ours"] = packed(g.ue4 if family == 4 else g.ue6 + "1")
                else:
                    force = {}
        teids = {r["id"]: r["id"] for r in tunnels}  # coast's are not known yet
        pdr, qfi, p = g.uplink_packet({"pdrs": tunnels}, teids, **force)
    else:
        pdr, qfi, p = None, None, g.packet("dl")
    if fixed:
        p["pad"] = 0
        p["pad"] = FIXED - len(octets.ip_octets(p, 0))
    return which, pdr, qfi, p, phase


def run(rig, n_sets, seconds, seed, features, per_batch=200, packets=20):
    """Up to n_sets rule sets, or as many as the time allows. Returns (rule sets, packets)."""
    link = Link(rig)
    end = time.monotonic() + seconds
    sets = count = number = 0
    while sets < n_sets and time.monotonic() < end:
        # each batch has a seed of its own, so that it can be run alone
        one = seed + number
        batch = make(random.Random(one), 100000, min(per_batch, n_sets - sets), packets, features)
        try:
            found = batch.run(link)
        except Lost:
            if link.burst < 4:
                raise
            link.burst //= 2
            continue
        if found:
            small, few = shrink(link, batch, found)
            raise Difference(report(one, small, small.run(link) or few))
        sets += len(batch.sets)
        count += len(batch.packets)
        number += 1
    return sets, count
