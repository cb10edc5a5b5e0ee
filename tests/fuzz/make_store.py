#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Seeds for fuzz_store: changes, a segment of a log, and a file of LMDB's from a kept store.

  make_store.py tests/store/format-1.tar.xz tests/fuzz/corpus/store
"""
import os
import struct
import sys
import tarfile

STORE = 7
PAGE = 4096


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def change(db, key, val=None):
    return struct.pack('<BBHI', db, val is None, len(key), len(val or b'')) + key + (val or b'')


def record(batch, changes, count):
    padded = changes + bytes(-len(changes) % 8)
    head = struct.pack('<IIQQII', 0x7461b001, 0, batch, batch - 1, len(changes), count)
    crc = crc32c(struct.pack('<Q', STORE) + head + padded)
    return head[:4] + struct.pack('<I', crc) + head[8:] + padded


def segment(*records):
    head = struct.pack('<8sIIQQQ', b'coastlog', 1, 0, STORE, 1, 0)
    return head[:12] + struct.pack('<I', crc32c(head)) + head[16:] + b''.join(records)


def main():
    kept, corpus = sys.argv[1:]
    two = change(4, b'key', b'value') + change(2, b'gone')
    with tarfile.open(kept) as tar:
        data = tar.extractfile('store/data.mdb').read()
    ends = b''.join(data[at:at + 256] + data[at + PAGE - 256:at + PAGE]
                    for at in range(0, len(data), PAGE))
    seeds = {
        'changes': b'\0' + two,
        'bad_changes': b'\0' + two + change(9, b'k', b'v') + two[:-1],
        'segment': b'\1' + segment(record(1, two, 2), record(2, change(0, b'k', b''), 1)),
        'torn': b'\1' + segment(record(1, two, 2))[:-3],
        'file': b'\2' + ends,
        'file_start': b'\2' + ends[:1024],
    }
    os.makedirs(corpus, exist_ok=True)
    for name, seed in seeds.items():
        with open(os.path.join(corpus, name), 'wb') as f:
            f.write(seed)


if __name__ == '__main__':
    main()
