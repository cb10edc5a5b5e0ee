# SPDX-License-Identifier: BSD-3-Clause
"""Labels, control words and path probes of redundant streams over routed IP (RFC 9566, 8964, 4385),
as scapy layers of the tests' own."""
from scapy.all import (IP, UDP, BitField, ByteField, IntField, IPv6, LongField, Packet,
                       XShortField)

PORT = 6635
GAL = 13
PROBE_CHANNEL = 0x7ffa
QUESTION, ANSWER = 1, 2


class SLabel(Packet):
    name = "S-Label"
    fields_desc = [BitField("label", 0, 20), BitField("tc", 0, 3), BitField("s", 1, 1),
                   ByteField("ttl", 64)]


class DCW(Packet):
    name = "d-CW"
    fields_desc = [BitField("nibble", 0, 4), BitField("seq", 0, 28)]


class ACH(Packet):
    name = "ACH"
    fields_desc = [BitField("nibble", 1, 4), BitField("version", 0, 4), ByteField("reserved", 0),
                   XShortField("channel", PROBE_CHANNEL)]


class Probe(Packet):
    name = "coast path probe"
    fields_desc = [XShortField("magic", 0x6350), ByteField("version", 1), ByteField("kind", 1),
                   IntField("path", 0), IntField("token", 0), IntField("seq", 0),
                   LongField("asked", 0)]


class Outer:
    """What an outer packet has: its headers, and the bytes behind the control word."""

    def __init__(self, frame):
        self.ip = frame[IPv6] if IPv6 in frame else frame[IP]
        self.udp = self.ip[UDP]
        data = bytes(self.udp.payload)
        assert self.udp.dport == PORT, frame.summary()
        assert self.udp.len == 8 + len(data)
        self.label, self.word, self.payload = SLabel(data[:4]), DCW(data[4:8]), data[8:]
        assert (self.label.s, self.label.tc, self.label.ttl) == (1, 0, 64)

    @property
    def seq(self):
        assert self.word.nibble == 0
        return self.word.seq


def outer_ip(src, dst, **fields):
    return (IPv6 if ":" in src else IP)(src=src, dst=dst, **fields)


def member(src, dst, label, seq, payload, sport=50000, nibble=0, s=1, **udp):
    """A member packet as a far end sends it."""
    return (outer_ip(src, dst) / UDP(sport=sport, dport=PORT, **udp) / SLabel(label=label, s=s) /
            DCW(nibble=nibble, seq=seq) / payload)


def probe(src, dst, kind=QUESTION, path=1, token=1, seq=1, asked=0):
    return (outer_ip(src, dst) / UDP(sport=50000, dport=PORT) / SLabel(label=GAL) / ACH() /
            Probe(kind=kind, path=path, token=token, seq=seq, asked=asked))
