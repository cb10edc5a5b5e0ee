# SPDX-License-Identifier: BSD-3-Clause
"""Sequence recovery once more, in Python, word for word as IEEE 802.1CB-2017 7.4.3 describes it.

SequenceHistory is a shift register here and RemainingTicks counts down, where coast has a ring and
reads a clock. A register that was reset holds None where nothing can be known of a number, so that
`lost_guarded` follows from what it is: a number that was to come since the reset and did not.
Shares nothing with coast; compare.py holds the two against each other.
"""
from collections import deque

COUNTERS = ("passed", "discarded", "rogue", "out_of_order", "lost", "lost_guarded", "tagless", "resets")


class Recovery:
    def __init__(self, history=2, bits=16, reset=0, match=False, rule_2017=False, take_no_sequence=False,
                 individual=False, resync=False):
        self.length, self.space, self.reset_ticks = history, 1 << bits, reset
        self.match, self.rule_2017, self.resync = match, rule_2017, resync
        self.take_no_sequence, self.individual = take_no_sequence, individual
        for counter in COUNTERS:
            setattr(self, counter, 0)
        self.remaining = 0
        self.time = 0
        self.reset()

    def reset(self):
        """SequenceRecoveryReset: at BEGIN, by the timer, by management."""
        self.seq = self.space - 1
        self.history = deque([None] * self.length, maxlen=self.length)  # [0] is RecovSeqNum
        self.take_any = True
        self.expected = None  # with resync: what would move the window
        self.remaining = 0
        self.resets += 1

    def tick(self, time):
        ticks, self.time = time - self.time, time
        if 0 < self.remaining <= ticks:
            self.reset()
        elif self.remaining:
            self.remaining -= ticks

    def load(self):
        self.remaining = self.reset_ticks

    def receive(self, seq, time):
        """What becomes of a packet: P(assed), D(iscarded), R(ogue), T(agless and not taken). `seq`
        None: it has no number."""
        self.tick(time)
        if seq is None:
            return self.without_number()
        if self.take_any:
            return self.take_first(seq)
        ahead = (seq - self.seq) % self.space
        delta = ahead if ahead < self.space // 2 else ahead - self.space
        return self.by_match(seq, delta) if self.match else self.by_vector(seq, delta)

    def without_number(self):
        self.tagless += 1
        if self.match:
            self.passed += 1
            return "P"
        if not self.take_no_sequence:
            self.discarded += 1
            return "T"
        self.load()
        self.passed += 1
        return "P"

    def take_first(self, seq):
        self.take_any = False
        self.history[0] = 1
        return self.take(seq)

    def take(self, seq):
        self.seq = seq
        self.passed += 1
        self.expected = None
        self.load()
        return "P"

    def refuse(self, verdict):
        if self.individual:
            self.load()
        return verdict

    def by_match(self, seq, delta):
        if delta == 0:
            self.discarded += 1
            return self.refuse("D")
        self.out_of_order += delta != 1
        return self.take(seq)

    def by_vector(self, seq, delta):
        ahead = self.length - 1 if self.rule_2017 else self.length
        if delta > ahead or delta <= -self.length:
            return self.outside(seq)
        if delta <= 0:
            if self.history[-delta]:
                self.discarded += 1
                return self.refuse("D")
            self.history[-delta] = 1
            self.out_of_order += 1
            return self.take(self.seq)
        self.out_of_order += delta != 1
        for _ in range(delta):
            gone = self.history[-1]
            self.lost += not gone
            self.lost_guarded += gone == 0
            self.history.appendleft(0)
        self.history[0] = 1
        return self.take(seq)

    def outside(self, seq):
        if self.resync and seq == self.expected:
            self.reset()
            return self.take_first(seq)
        self.expected = (seq + 1) % self.space
        self.rogue += 1
        return self.refuse("R")

    def counters(self):
        return [getattr(self, counter) for counter in COUNTERS]
