# SPDX-License-Identifier: BSD-3-Clause
"""From a batch in which coast and the model differ to the least of it that does, told in words."""
import copy
import json
import socket

from harness import RpcError
from model_batch import Batch, Lost


def alike(found, one):
    """Of what differs: that which is of the same kind as `one`."""
    def kind(difference):
        where, what = difference
        words = what.split(":")[0].split()
        return type(where), words[0], words[1]
    return [f for f in found if kind(f) == kind(one)]


def tried(link, batch, first):
    """What of the same kind as `first` differs in this batch."""
    try:
        return alike(batch.run(link), first)
    except (Lost, RpcError):  # refused: the rules need what was taken away
        return []


def shrink(link, batch, found):
    """The smallest batch that still differs in the same way, and how."""
    which, first = None, found[0]
    for where, _ in found:
        if isinstance(where, int):
            which = batch.packets[where][0]
        elif where is not None:
            which = next(i for i, s in enumerate(batch.sets) if s["seid"] == where[1])
        if which is not None:
            break
    for one in [which] if which is not None else range(len(batch.sets)):
        small = batch.only(batch.partners(one))
        again = tried(link, small, first)
        if again:
            break
    else:
        return batch, batch.run(link) or found  # only all together differ
    # packets: by halves, then one by one
    step = max(1, len(small.packets) // 2)
    while True:
        at = 0
        while at < len(small.packets):
            keep = [n for n in range(len(small.packets)) if not at <= n < at + step]
            less = small.only(range(len(small.sets)), set(keep))
            differs = tried(link, less, first)
            if differs:
                small, again = less, differs
            else:
                at += step
        if step == 1:
            break
        step //= 2
    return shrink_rules(link, small, again, first)


def attempts(session):
    """Each way to make a session a little smaller."""
    for i in range(len(session["pdrs"])):
        less = copy.deepcopy(session)
        del less["pdrs"][i]
        yield less
    for i, pdr in enumerate(session["pdrs"]):
        for name in ("qer_ids", "urr_ids"):
            if name in pdr:
                less = copy.deepcopy(session)
                del less["pdrs"][i][name]
                yield less
        for name in ("sdf_filters", "qfi", "ue_ip_address"):
            if name in pdr["pdi"]:
                less = copy.deepcopy(session)
                del less["pdrs"][i]["pdi"][name]
                yield less
    for kind in ("fars", "qers", "urrs"):
        for i in range(len(session.get(kind, []))):
            less = copy.deepcopy(session)
            del less[kind][i]
            yield less


def shrink_rules(link, batch, found, first):
    changed = True
    while changed:
        changed = False
        for i, s in enumerate(batch.sets):
            for less in attempts(s):
                trial = Batch(batch.sets[:i] + [less] + batch.sets[i + 1:], batch.packets,
                              batch.changes, batch.instances)
                differs = tried(link, trial, first)
                if differs:
                    batch, found, changed = trial, differs, True
                    break
    return batch, found


def report(seed, batch, found):
    lines = [f"model and coast differ, seed {seed}"]
    for s, instance in list(zip(batch.sets, batch.instances))[:10]:
        lines.append(f"session in {instance}: {json.dumps(s)}")
        if s["seid"] in batch.changes:
            lines.append(f"modified by {json.dumps(batch.changes[s['seid']])}")
    for n, (which, pdr, qfi, p, phase) in list(enumerate(batch.packets))[:20]:
        texts = {k: socket.inet_ntop(socket.AF_INET if len(v) == 4 else socket.AF_INET6, v)
                 if isinstance(v, bytes) else v for k, v in p.items()}
        way = "plain on N6" if pdr is None else f"to the F-TEID of PDR {pdr}, QFI {qfi}"
        lines.append(f"packet {n} of session {batch.sets[which]['seid']}, {way}, "
                     f"{'after' if phase else 'before'} the modification: {texts}")
    if len(batch.packets) > 20:
        lines.append(f"and more: {len(batch.sets)} sessions, {len(batch.packets)} packets in all")
    lines += [f"{where}: {what}" for where, what in found[:10]]
    return "\n".join(lines)
