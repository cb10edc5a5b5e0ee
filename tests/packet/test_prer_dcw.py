# SPDX-License-Identifier: BSD-3-Clause
"""Redundant streams over routed IP (RFC 9566): what goes out by each path, what comes back in.

    path "a"  n3, access:   192.0.2.1 -> 192.0.2.2      "a6"  2001:db8:3::1 -> 2001:db8:3::2
    path "b"  n6, internet: 198.51.100.1 -> .2          "b6"  2001:db8:6::1 -> 2001:db8:6::2

Frames of the talker come in by n6; its IP packets are delivered by n6's routes, frames by n3.
"""
import contextlib
import subprocess
import time

from scapy.all import (ICMP, IP, UDP, Dot1Q, Ether, ICMPv6PacketTooBig, IPOption_Router_Alert, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, PadN, Raw, fragment, raw, wrpcap)

from dcw import ANSWER, GAL, PORT, QUESTION, DCW, Outer, Probe, SLabel, member, probe
from harness import DN4, DN6, DN_MAC, GNB4, GNB6, N6_4, N6_6, UPF4, UPF6
from upf import Events

PLC, LISTENER = "02:00:00:00:70:01", "02:00:00:00:70:02"
PATHS = {"a": ("access", UPF4, GNB4), "b": ("internet", N6_4, DN4),
         "a6": ("access", UPF6, GNB6), "b6": ("internet", N6_6, DN6)}
OWN = {"a": 36, "b": 36, "a6": 56, "b6": 56}
LABEL = 16384
THEIRS = {"ethernet": 17000, "ip": 17001}  # labels that the far end knows frames and packets by
DECODE_AS = ["mpls.label==17000,pwethcw", "mpls.label==17001,pwmcw"]
MTU = 1600  # of both ports
APP = ("203.0.113.50", "203.0.113.60")  # who speaks to whom inside
APP6 = ("2001:db8:50::1", "2001:db8:60::1")


@contextlib.contextmanager
def stream(rig, paths, **more):
    """A stream "s" by these paths; `more`: other fields of it."""
    rig.decode_as = DECODE_AS
    rig.call("port.modify", {"name": "n6", "promiscuous": True})
    rig.call("path.put", [{"name": p, "encapsulation": "dcw", "network_instance": PATHS[p][0],
                           "local": PATHS[p][1], "remote": PATHS[p][2]} for p in paths])
    rig.call("stream.put", {"name": "s", "paths": list(paths), "service_label": LABEL,
                            "remote_service_label": THEIRS[more["payload"]], **more})
    rig.call("stream.restart", {"name": "s"})  # numbers go on where those of the last "s" ended
    try:
        yield
    finally:
        rig.call("stream.delete", {"name": "s"})
        rig.call("path.delete", [{"name": p} for p in paths])
        rig.call("port.modify", {"name": "n6", "promiscuous": False})


FRAMES = {"payload": "ethernet",
          "send": {"port": "n6", "identification": {"type": "source_mac_vlan", "mac": PLC}},
          "receive": {"port": "n3"}}
PACKETS = {"payload": "ip",
           "send": {"port": "n6", "identification": {"type": "source_mac_vlan", "mac": PLC}},
           "receive": {"network_instance": "internet"}}


def state(rig):
    return rig.call("stream.get", {"name": "s"})["state"]


def numbers(rig):
    st = state(rig)
    return tuple(st[k] for k in ("passed", "discarded", "rogue"))


def talk(rig, frame, paths):
    """Send a frame; the outer packet that leaves by each path, by name."""
    for w in (rig.n3, rig.n6):
        w.drain()
    rig.n6.send(frame)
    wires = {"a": rig.n3, "a6": rig.n3, "b": rig.n6, "b6": rig.n6}
    got = {p: wires[p].receive(1.0, 1) for p in paths}
    more = rig.n3.receive(0.02) + rig.n6.receive(0.02)
    assert not more and all(len(g) == 1 for g in got.values()), (got, more, rig.drops())
    return {p: Outer(g[0]) for p, g in got.items()}


def from_plc(packet):
    return Ether(src=PLC, dst=LISTENER) / packet


def inner4(size=64, **ip):
    p = IP(src=APP[0], dst=APP[1], id=7, **ip) / UDP(sport=1, dport=2)
    return p / Raw(b"x" * (size - len(p)))


def inner6(size=84, **ip):
    p = IPv6(src=APP6[0], dst=APP6[1], **ip) / UDP(sport=1, dport=2)
    return p / Raw(b"x" * (size - len(p)))


def check_outer(o, path, seq, payload, tos=0, label=THEIRS["ethernet"]):
    _, local, remote = PATHS[path]
    assert (o.ip.src, o.ip.dst) == (local, remote)
    assert (o.label.label, o.seq) == (label, seq)
    assert o.payload == payload, path
    if IPv6 in o.ip:
        assert (o.ip.hlim, o.ip.tc) == (64, tos) and o.udp.chksum != 0
    else:
        assert (o.ip.ttl, o.ip.tos) == (64, tos) and o.udp.chksum == 0
        assert not o.ip.flags.DF and o.ip.frag == 0 and not o.ip.flags.MF


# ---- out ------------------------------------------------------------------------------------


def test_frames_go_whole_by_each_path(rig):
    """Untagged, with a priority, with two tags; over IPv4 and IPv6; the same number by both."""
    body = Raw(b"plc".ljust(46, b"."))
    frames = [(Ether(src=PLC, dst=LISTENER, type=0x88b6) / body, 0),
              (Ether(src=PLC, dst=LISTENER) / Dot1Q(vlan=100, prio=5, id=1, type=0x88b6) / body,
               0xa0),
              (Ether(src=PLC, dst=LISTENER, type=0x88a8) / Dot1Q(vlan=7, prio=3) /
               Dot1Q(vlan=8, prio=1, type=0x88b6) / body, 0x60),
              (from_plc(inner4(tos=0xb8)), 0xb8), (from_plc(inner6(tc=0xb9)), 0xb8)]
    with stream(rig, ["a", "b", "a6"], **FRAMES):
        ports = set()
        for seq, (frame, tos) in enumerate(frames):
            # path "a6" shares the wire with "a"
            for w in (rig.n3, rig.n6):
                w.drain()
            rig.n6.send(frame)
            got = rig.n3.receive(1.0, 2) + rig.n6.receive(1.0, 1)
            assert len(got) == 3, rig.drops()
            for f in got:
                o = Outer(f)
                path = next(p for p in PATHS if PATHS[p][2] == o.ip.dst)
                check_outer(o, path, seq, raw(frame), tos)
                ports.add(o.udp.sport)
        assert len(ports) == 1 and ports.pop() >= 49152
        assert state(rig)["generated"] == len(frames)


def test_packets_go_without_their_frame(rig):
    """Options and extension headers inside; 28 bits; padding of short frames is left behind."""
    with stream(rig, ["a", "b"], **PACKETS, sequence_bits=28):
        inside = [inner4(28), inner4(90, options=[IPOption_Router_Alert()]), inner6(),
                  IPv6(src=APP6[0], dst=APP6[1]) / IPv6ExtHdrHopByHop(options=PadN(optdata=b"1234"))
                  / IPv6ExtHdrDestOpt(options=PadN(optdata=b"1234")) / UDP(sport=1, dport=2) / b"e",
                  fragment(inner4(400), fragsize=200)[1]]
        for seq, p in enumerate(inside):
            frame = raw(from_plc(p))
            for path, o in talk(rig, frame + b"\0" * max(0, 60 - len(frame)), "ab").items():
                check_outer(o, path, seq, raw(p), label=THEIRS["ip"])


def test_numbers_are_as_long_as_agreed(rig):
    for bits in (0, 16, 28):
        fields = {k: FRAMES[k] for k in ("payload", "send")}
        with stream(rig, ["a", "b"], **fields, sequence_bits=bits):
            for n in range(2):
                got = talk(rig, raw(from_plc(inner4())), "ab")
                assert [o.seq for o in got.values()] == [n if bits else 0] * 2


def test_what_is_too_big_goes_by_no_path(rig):
    """36 octets over IPv4, 56 over IPv6, and the smaller path decides; IP senders are told."""
    for paths, room in (("a", "b"), MTU - 36), (("a", "b6"), MTU - 56):
        with stream(rig, paths, **PACKETS, sequence_bits=28):
            for inner in (inner4, inner6):
                for path, o in talk(rig, raw(from_plc(inner(room))), paths).items():
                    assert len(o.payload) == room and len(o.ip) == room + OWN[path]
                drops = rig.drops().get("prer.too_big", 0)
                got = rig.exchange(rig.n6, from_plc(inner(room + 1)), rig.n6, want=2, timeout=0.1)
                assert len(got) == 1 and not rig.n3.receive(0.05), rig.drops()
                if inner is inner4:
                    assert (got[0][ICMP].type, got[0][ICMP].code) == (3, 4)
                    assert got[0][ICMP].nexthopmtu == room
                else:
                    assert got[0][ICMPv6PacketTooBig].mtu == room
                assert rig.drops()["prer.too_big"] == drops + 1
            st = state(rig)
            assert (st["generated"], st["encode_errored"]) == (2, 2)
    with stream(rig, ["a", "b6"], **FRAMES):
        room = MTU - 56 - 14
        talk(rig, raw(from_plc(inner4(room))), ("a", "b6"))
        rig.silent(rig.n6, from_plc(inner4(room + 1)))
        assert state(rig)["encode_errored"] == 1


# ---- in -------------------------------------------------------------------------------------


def arrive(rig, path, seq, payload, **more):
    """A member frame from the far end of a path, and the wire that it comes by."""
    _, local, remote = PATHS[path]
    packet = member(remote, local, LABEL, seq, raw(payload), **more)
    return (rig.n3, rig.from_gnb(packet)) if path[0] == "a" else (rig.n6, rig.from_dn(packet))


def send(rig, path, seq, payload, **more):
    wire, frame = arrive(rig, path, seq, payload, **more)
    wire.send(frame)


def routed(packet):
    """As it leaves by a route: one hop further."""
    p = packet.copy()
    if IPv6 in p:
        p.hlim -= 1
    else:
        p.ttl -= 1
        del p.chksum
    return raw(p)


def test_the_first_copy_is_delivered(rig):
    """By whichever path and family it came; numbers of 28 bits go round."""
    last = (1 << 28) - 1
    inside = [inner4(), inner6(), inner4(options=[IPOption_Router_Alert()]),
              IPv6(src=APP6[0], dst=APP6[1]) / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / b"e"]
    with stream(rig, list(PATHS), **PACKETS, sequence_bits=28):
        for n, (seq, p) in enumerate(zip((last - 1, last, 0, 1), inside)):
            rig.n6.drain()
            order = list(PATHS)[n:] + list(PATHS)[:n]
            for path in order:
                send(rig, path, seq, p)
            got = rig.n6.receive(1.0, 1) + rig.n6.receive(0.05)
            assert [raw(f[Ether].payload) for f in got] == [routed(p)], (seq, rig.drops())
        assert numbers(rig) == (4, 12, 0)
        assert [m["seen"] for m in state(rig)["paths"]] == [4] * 4
        # of two wires coast looks at either first
        assert sum(m["first"] for m in state(rig)["paths"]) == 4


def test_frames_come_out_as_they_went_in(rig):
    body = Raw(b"plc".ljust(46, b"."))
    frames = [Ether(src=PLC, dst=LISTENER, type=0x88b6) / body,
              Ether(src=PLC, dst=LISTENER) / Dot1Q(vlan=100, prio=5, id=1, type=0x88b6) / body,
              Ether(src=PLC, dst=LISTENER, type=0x88a8) / Dot1Q(vlan=7) / Dot1Q(vlan=8, type=0x88b6)
              / body]
    with stream(rig, ["a", "b6"], **FRAMES):
        for seq, frame in enumerate(frames):
            rig.n3.drain()
            for path in ("b6", "a"):
                send(rig, path, 65534 + seq & 0xffff, frame)
            got = rig.n3.receive(1.0, 1) + rig.n3.receive(0.05)
            assert [raw(f) for f in got] == [raw(frame)], rig.drops()
        assert numbers(rig) == (3, 3, 0)


def test_datagrams_without_checksum_and_in_fragments(rig):
    """RFC 7510 3: both are taken, IPv6 too; fragments are put together first."""
    with stream(rig, ["a", "b6"], **PACKETS, sequence_bits=28):
        for seq, path in enumerate(("a", "b6")):
            rig.n6.drain()
            send(rig, path, seq, inner4(), chksum=0)
            assert len(rig.n6.receive(1.0, 1)) == 1, rig.drops()
        rig.n6.drain()
        big = inner4(900)
        packet = member(GNB4, UPF4, LABEL, 2, raw(big), chksum=0)
        for f in fragment(packet, fragsize=400):
            rig.n3.send(rig.from_gnb(f))
        got = rig.n6.receive(1.0, 1)
        assert [raw(f[Ether].payload) for f in got] == [routed(big)], rig.drops()
        # a later fragment alone is no member, whatever its bytes are
        rig.silent(rig.n3, rig.from_gnb(fragment(packet, fragsize=400)[1]))
        assert numbers(rig) == (3, 0, 0)


def test_what_is_no_member_is_dropped_by_name(rig):
    with stream(rig, ["a", "b"], **PACKETS, sequence_bits=28):
        good = raw(inner4())
        cases = [("prer.unknown_label", member(GNB4, UPF4, LABEL + 1, 0, good)),
                 ("prer.no_path", member("192.0.2.77", UPF4, LABEL, 0, good)),
                 ("prer.no_path", member(GNB6, UPF6, LABEL, 0, good)),
                 ("prer.dcw_labels", member(GNB4, UPF4, LABEL, 0, good, s=0)),
                 ("prer.dcw_channel", member(GNB4, UPF4, LABEL, 7, good, nibble=1)),
                 ("prer.dcw_malformed", member(GNB4, UPF4, LABEL, 0, good, nibble=2)),
                 ("prer.dcw_malformed", IP(src=GNB4, dst=UPF4) / UDP(sport=50000, dport=PORT) /
                  raw(SLabel(label=LABEL) / DCW())[:7]),
                 ("prer.dcw_payload", member(GNB4, UPF4, LABEL, 0, b"")),
                 ("prer.dcw_payload", member(GNB4, UPF4, LABEL, 0, good[:40])),
                 ("prer.dcw_payload", member(GNB4, UPF4, LABEL, 0, b"\x55" + good[1:]))]
        for name, packet in cases:
            before = rig.drops().get(name, 0)
            rig.silent(rig.n3, rig.from_gnb(packet), timeout=0.05)
            assert rig.drops().get(name, 0) == before + 1, (name, packet.summary(), rig.drops())
        assert numbers(rig) == (0, 0, 0)


# ---- probes -----------------------------------------------------------------------------------


def test_questions_of_a_far_end_are_answered(rig):
    for src, dst in ((GNB4, UPF4), (GNB6, UPF6)):
        got = rig.exchange(rig.n3, rig.from_gnb(probe(src, dst, path=9, token=77, seq=5, asked=123)),
                           rig.n3)
        assert len(got) == 1, rig.drops()
        o = Outer(got[0])
        assert (o.ip.src, o.ip.dst, o.label.label) == (dst, src, GAL)
        p = Probe(o.payload)
        assert (p.kind, p.path, p.token, p.seq, p.asked) == (ANSWER, 9, 77, 5, 123)
        assert len(o.payload) == 24


def question(rig, timeout=1.0):
    """The next probe that coast sends by path "a"."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        for f in rig.n3.receive(end - time.monotonic(), 1):
            if UDP in f and f[UDP].dport == PORT and Outer(f).label.label == GAL:
                return Probe(Outer(f).payload)
    raise AssertionError("no probe")


def test_a_path_is_down_while_its_far_end_is_silent(rig):
    path = {"name": "a", "encapsulation": "dcw", "network_instance": "access", "local": UPF4,
            "remote": GNB4, "probe": {"interval_ms": 100, "misses": 2}}

    def status():
        return rig.call("path.get", {"name": "a"})["state"]

    def answer():
        q = question(rig)
        rig.n3.send(rig.from_gnb(probe(GNB4, UPF4, kind=ANSWER, path=q.path, token=q.token,
                                       seq=q.seq, asked=q.asked)))

    rig.n3.drain()
    rig.call("path.put", path)
    try:
        with Events(rig, "path.down", "path.up") as events:
            q = question(rig)
            assert (q.kind, status()["probe"]["status"]) == (QUESTION, "unknown")
            forged = probe(GNB4, UPF4, kind=ANSWER, path=q.path, token=q.token ^ 1, seq=q.seq)
            rig.n3.send(rig.from_gnb(forged))
            event = events.take(1)[0]
            assert event["path"] == "a" and "probe" in event["reason"], event
            assert status()["probe"]["status"] == "down" and "probe" in status()["reason"]
            answer()
            rig.wait(lambda: status()["probe"]["status"] == "up", 3, "the probe to be answered")
            for _ in range(50):
                answer()
                if event := events.take(1, 0.01):
                    break
            assert event[0]["path"] == "a" and status()["status"] == "up"
        st = status()["probe"]
        assert 0 < st["answered"] < st["sent"] and 0 < st["rtt_us"] < 1000000, st
        assert rig.drops()["prer.probe_foreign"] >= 1
    finally:
        rig.call("path.delete", {"name": "a"})


def test_ethernet_paths_are_asked_too(rig):
    path = {"name": "e", "encapsulation": "rtag", "port": "n6", "vlan": 60,
            "probe": {"interval_ms": 100, "misses": 2}}

    def of_ours(asks):
        got = rig.exchange(rig.n6, asks, rig.n6, want=3, timeout=0.35)
        return [f for f in got if f.lastlayer().load[:2] == b"\x63\x50"]

    def frame(p, **fields):
        return Ether(src=DN_MAC, **fields) / Dot1Q(vlan=60, type=0x88b5) / p

    def status():
        return rig.call("path.get", {"name": "e"})["state"]["probe"]["status"]

    rig.call("path.put", path)
    try:
        q = of_ours([])[0]
        assert q.dst == "03:63:50:00:00:01" and q.src == rig.mac("n6") and q[Dot1Q].vlan == 60
        asked = Probe(q.lastlayer().load)
        assert asked.kind == QUESTION
        # the answer of a coast at the other end, and a question of its own
        fields = {k: asked.getfieldval(k) for k in ("path", "token", "seq", "asked")}
        rig.n6.send(frame(Probe(kind=ANSWER, **fields), dst=q.src))
        rig.wait(lambda: status() == "up", 3, "the path to be up")
        got = of_ours(frame(Probe(path=3, token=4, seq=5, asked=6), dst=q.dst))
        answers = [f for f in got if Probe(f.lastlayer().load).kind == ANSWER]
        assert len(answers) == 1 and answers[0].dst == DN_MAC and answers[0][Dot1Q].vlan == 60
        # its own question comes back: that is no answer, and none is given
        drops = rig.drops().get("prer.probe_loop", 0)
        rig.n6.send(frame(Probe(**fields), dst=q.dst))
        rig.wait(lambda: rig.drops().get("prer.probe_loop") == drops + 1, 3, "the drop")
        rig.wait(lambda: status() == "down", 3, "the path to be down")
    finally:
        rig.call("path.delete", {"name": "e"})


# ---- seen by another -----------------------------------------------------------------------------


def test_tshark_reads_label_and_word(rig):
    with stream(rig, ["a", "b6"], **FRAMES):
        got = talk(rig, raw(from_plc(inner4())), ("a", "b6"))
        wrpcap(f"{rig.tmp}/dcw.pcap", [Ether(src=DN_MAC, dst=DN_MAC) / o.ip for o in got.values()])
        fields = ("udp.dstport", "mpls.label", "mpls.bottom", "mpls.ttl",
                  "pweth.cw.sequence_number", "eth.src")
        out = subprocess.run(["tshark", "-r", f"{rig.tmp}/dcw.pcap", "-d", DECODE_AS[0],
                              "-T", "fields", "-E", "occurrence=f"] +
                             [x for f in fields for x in ("-e", f)],
                             capture_output=True, text=True).stdout
        rows = [line.split("\t") for line in out.splitlines()]
        assert [r[:5] for r in rows] == [[str(PORT), "17000", "1", "64", "0"]] * 2, out
        assert all(r[5] == DN_MAC for r in rows), out
