#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Cut the power while the store is written, and look whether all that it has
acknowledged is there.

  powerloss.py RECORD.SO POWERLOSS_STORE [SEED]

A run is recorded: each write with its data, each sync. At random points the
directory is made as a power cut may leave it. What a sync has confirmed is there;
of each later write any of its 4 KiB pieces may be there or not, and so may later
files, names and removals.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

PIECE = 4096
HEAD = struct.Struct('<cQQII')
BUDGET_S = 9


def parse(path):
    """The records: (what, file, at, name, data)."""
    with open(path, 'rb') as f:
        raw = f.read()
    at, ops = 0, []
    while at < len(raw):
        what, ino, pos, name_len, data_len = HEAD.unpack_from(raw, at)
        at += HEAD.size
        name = raw[at:at + name_len].decode()
        data = raw[at + name_len:at + name_len + data_len]
        at += name_len + data_len
        ops.append((what.decode(), ino, pos, name, data))
    return ops


def put(content, at, data):
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at:at + len(data)] = data


class Disk:
    """What is on it for sure, and what may be."""

    def __init__(self):
        self.content = {}   # file -> bytes that are on disk
        self.pending = {}   # file -> writes and cuts since
        self.names = {}     # name -> file, on disk
        self.dir_ops = []   # since the directory's last sync
        self.acknowledged = 0

    def apply(self, op):
        what, ino, at, name, data = op
        if what == 'C':
            self.content.setdefault(ino, bytearray())
            self.dir_ops.append(op)
        elif what in 'RU':
            self.dir_ops.append(op)
        elif what in 'WT':
            self.pending.setdefault(ino, []).append((what, at, data))
        elif what == 'M':
            put(self.content.setdefault(ino, bytearray()), at, data)
        elif what == 'S':
            self.settle(self.content.setdefault(ino, bytearray()), self.pending.pop(ino, []), None)
        elif what == 'D':
            self.settle_names(self.names, self.dir_ops)
            self.dir_ops = []
        elif what == 'A':
            self.acknowledged = int(data)

    @staticmethod
    def settle(content, pending, dice):
        for what, at, data in pending:
            if what == 'T':
                if dice is None or dice.random() < .5:
                    del content[at:]
                    put(content, at, b'')
                continue
            end = at + len(data)
            while at < end:
                n = min(end, (at // PIECE + 1) * PIECE) - at
                if dice is None or dice.random() < dice.share:
                    put(content, at, data[len(data) - (end - at):][:n])
                at += n

    @staticmethod
    def settle_names(names, ops):
        for what, ino, _, name, data in ops:
            if what == 'C':
                names[name] = ino
            elif what == 'U':
                names.pop(name, None)
            elif name in names:
                names[data.decode()] = names.pop(name)

    def cut(self, where, dice):
        dice.share = dice.choice([0, .1, .5, .9, 1])
        names = dict(self.names)
        ops = self.dir_ops
        if dice.random() < .5:
            ops = ops[:dice.randint(0, len(ops))]
        else:
            ops = [op for op in ops if dice.random() < .5]
        self.settle_names(names, ops)
        os.mkdir(where, 0o700)
        for name, ino in names.items():
            content = bytearray(self.content.get(ino, b''))
            self.settle(content, self.pending.get(ino, []), dice)
            with open(os.path.join(where, name), 'wb') as f:
                f.write(content)


def run(base, record, store, batches, size, cuts, dice, until):
    home, ack, out = (os.path.join(base, n) for n in ('store', 'ack', 'record'))
    env = dict(os.environ, LD_PRELOAD=record, RECORD_DIR=home, RECORD_OUT=out, RECORD_ACK=ack)
    subprocess.run([store, 'write', home, ack, str(batches), str(size)], env=env, check=True)
    ops = parse(out)
    # the directory itself and the lock are there before all else
    points = sorted(dice.sample(range(len(ops)), min(cuts, len(ops))))
    disk, done, failed = Disk(), 0, 0
    for i, op in enumerate(ops):
        if points and i == points[0]:
            points.pop(0)
            where = os.path.join(base, 'cut')
            disk.cut(where, dice)
            got = subprocess.run([store, 'check', where, str(disk.acknowledged)],
                                 capture_output=True, text=True)
            done += 1
            if got.returncode != 0:
                failed += 1
                print(f'cut before step {i} of {len(ops)}, {disk.acknowledged} acknowledged: '
                      f'{got.stderr.strip()}')
            shutil.rmtree(where)
            if time.monotonic() > until:
                break
        disk.apply(op)
    shutil.rmtree(home)
    print(f'{batches} batches of {size} bytes, {len(ops)} steps: {done} cuts, {failed} failed')
    return failed, done


def main():
    record, store = sys.argv[1:3]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    dice = random.Random(seed)
    print(f'seed {seed}')
    place = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=place, prefix='coast-powerloss-') as base:
        small = run(base, record, store, 300, 6000, 150, dice, start + BUDGET_S * .6)
        large = run(base, record, store, 48, 2500000, 12, dice, start + BUDGET_S)
    return 1 if small[0] + large[0] or not small[1] or not large[1] else 0


if __name__ == '__main__':
    sys.exit(main())
