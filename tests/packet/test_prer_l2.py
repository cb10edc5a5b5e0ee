# SPDX-License-Identifier: BSD-3-Clause
"""Streams of frames (IEEE 802.1CB): a machine on n3, two paths on n6.

    machine, n3    -- coastd --    n6 VLAN 101: path a, n6 VLAN 102: path b
"""
import contextlib
import socket
import subprocess
import time

from scapy.all import (ICMP, IP, UDP, Dot1AD, Dot1Q, Ether, Packet, Raw, ShortField, XShortField,
                       bind_layers, raw, wrpcap)

import test_ethernet as eth
from harness import GNB4, UPF4, refused

TALKER, LISTENER = "02:00:00:00:00:01", "02:00:00:00:00:04"
PATHS = {"a": 101, "b": 102}


class RTag(Packet):
    """802.1CB 7.8."""
    name = "R-TAG"
    fields_desc = [XShortField("reserved", 0), ShortField("seq", 0), XShortField("type", 0x88b5)]


bind_layers(Ether, RTag, type=0xf1c1)
bind_layers(Dot1Q, RTag, type=0xf1c1)
bind_layers(RTag, IP, type=0x0800)

# ---- configuration ---------------------------------------------------------------


def by(kind, mac, **more):
    return {"type": kind, "mac": mac, **more}


SEND = {"port": "n3", "identification": by("null", LISTENER)}
RECEIVE = {"port": "n3", "identification": by("source_mac_vlan", TALKER)}


@contextlib.contextmanager
def ports(rig, **change):
    """Both take in frames for anybody."""
    was = {}
    for name in ("n3", "n6"):
        was[name] = {k: v for k, v in rig.call("port.get", {"name": name}).items() if k != "state"}
        rig.call("port.put", {**was[name], "promiscuous": True, **change.get(name, {})})
    try:
        yield
    finally:
        for port in was.values():
            rig.call("port.put", port)


@contextlib.contextmanager
def made(rig, *objects):
    """(class, object) in the order in which they are made."""
    done = []
    try:
        for kind, thing in objects:
            rig.call(kind + ".put", thing)
            done.append((kind, thing["name"]))
        yield
    finally:
        for kind, name in reversed(done):
            rig.call(kind + ".delete", {"name": name})


@contextlib.contextmanager
def stream(rig, paths=PATHS, recovery=None, change=None, **fields):
    """A stream with these directions; `paths`: their VLANs, None: tags stay as they are."""
    objects = [("recovery", {"name": "r", **(recovery or {})})]
    for name, vlan in paths.items():
        path = {"name": name, "encapsulation": "rtag", "port": "n6"}
        objects.append(("path", path if vlan is None else {**path, "vlan": vlan}))
    objects.append(("stream", {"name": "s", "paths": list(paths), "recovery": "r", **fields}))
    with ports(rig, **(change or {})), made(rig, *objects):
        yield


def state(rig):
    return rig.call("stream.get", {"name": "s"})["state"]


# ---- frames ------------------------------------------------------------------------


def frame(tags=(), inner=None, seq=None, size=46):
    """What the talker sends, or with `seq` what a path carries of it; behind tags and type it is
    padded to `size`."""
    p = Ether(src=TALKER, dst=LISTENER)
    for tag in tags:
        p /= tag
    inner = inner or IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(b"cyclic")
    if seq is not None:
        p = p / RTag(seq=seq, type=0x0800)
    return raw(p / inner) + bytes(max(0, size - len(inner)))


def c_tag(vlan, pcp=0, dei=0):
    return Dot1Q(vlan=vlan, prio=pcp, id=dei)


def s_tag(vlan, pcp=0, dei=0):
    return Dot1AD(vlan=vlan, prio=pcp, id=dei)


def seen(wire, want, timeout=2.0):
    """Frames that come out, in octets. They are not for the rig's verdict: this tshark stumbles
    over padding behind an R-TAG."""
    kept = len(wire.seen)
    got = [raw(f) for f in wire.receive(timeout, want)]
    del wire.seen[kept:]
    return got


def sent_by(rig, octets, want=2):
    rig.n6.drain()
    rig.n3.send(octets)
    return seen(rig.n6, want)


def silent(rig, into, octets, reason):
    """It ends within coast, for this reason."""
    before = rig.drops().get(reason, 0)
    rig.silent(into, octets)
    assert rig.drops().get(reason, 0) == before + 1, reason


# Tags as sent, and as path a (VLAN 101) carries them.
TAGS = [
    ([], [c_tag(101)]),
    ([c_tag(0, 5)], [c_tag(101, 5)]),
    ([c_tag(100)], [c_tag(101)]),
    ([c_tag(100, 5, 1)], [c_tag(101, 5, 1)]),
    ([s_tag(100, 3), c_tag(7, 2)], [s_tag(101, 3), c_tag(7, 2)]),
]


def test_both_paths_carry_the_frame(rig):
    """R-TAG behind all VLAN tags, the path's own VID, priority and drop eligibility kept."""
    with stream(rig, send=SEND):
        before = state(rig)
        for seq, (tags, on_a) in enumerate(TAGS, before["next_sequence"]):
            on_b = [t.copy() for t in on_a]
            on_b[0].vlan = 102
            got = sent_by(rig, frame(tags))
            assert got == [frame(on_a, seq=seq), frame(on_b, seq=seq)], tags
        assert state(rig)["generated"] == before["generated"] + len(TAGS)


def test_tags_stay_or_go(rig):
    """Paths without a VLAN leave tags alone; VLAN 0 takes the outer one off."""
    for vlan, tags, on_path in ((None, [], []), (None, [c_tag(100, 5, 1)], [c_tag(100, 5, 1)]),
                                (None, [s_tag(100), c_tag(7)], [s_tag(100), c_tag(7)]),
                                (0, [c_tag(100)], []), (0, [], []),
                                (0, [s_tag(100), c_tag(7, 6)], [c_tag(7, 6)])):
        with stream(rig, paths={"a": vlan}, send=SEND):
            first = state(rig)["next_sequence"]
            assert sent_by(rig, frame(tags), 1) == [frame(on_path, seq=first)], (vlan, tags)


def test_tshark_reads_them(rig):
    with stream(rig, send=SEND):
        first = state(rig)["next_sequence"]
        udp = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(bytes(50))
        got = sent_by(rig, frame([s_tag(100, 3), c_tag(7)], udp))
    capture = f"{rig.tmp}/rtag.pcap"
    wrpcap(capture, [Ether(f) for f in got])
    fields = [x for f in ("ieee8021ad.id", "vlan.id", "ieee8021cb.seq",
                          "ieee8021cb.etype", "ip.dst") for x in ("-e", f)]
    out = subprocess.run(["tshark", "-r", capture, "-T", "fields", *fields], check=True,
                         capture_output=True, text=True).stdout.splitlines()
    assert [line.split("\t") for line in out] == [
        [str(vlan), "7", f"0x{first:04x}", "0x0800", "10.0.0.2"]
        for vlan in (101, 102)], out


def test_first_copy_is_delivered_as_it_was(rig):
    """By whichever path it comes; short frames do not grow, large ones are whole."""
    udp = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)
    inners = [None, udp / Raw(bytes(range(256)) * 5 + bytes(186))]
    for tags, on_a in TAGS[2:]:
        with stream(rig, send=SEND, receive={**RECEIVE, "vlan": 100}):
            for inner in inners:
                for order in (0, 1):
                    original = frame(tags, inner)
                    got = sent_by(rig, original)
                    rig.n3.drain()
                    for f in got[::-1] if order else got:
                        rig.n6.send(f)
                    assert seen(rig.n3, 1) == [original], (tags, order)
            s = settled(rig, 8)
            assert (s["passed"], s["discarded"], s["rogue"]) == (4, 4, 0), s
            assert [p["first"] for p in s["paths"]] == [2, 2], s
            assert not seen(rig.n3, 1, 0.05)


def test_untagged_comes_back_untagged(rig):
    with stream(rig, send=SEND, receive={**RECEIVE, "vlan": 0}):
        for original in (frame(), frame(size=0), frame(size=1500)):
            rig.n3.drain()
            for f in sent_by(rig, original):
                rig.n6.send(f)
            assert seen(rig.n3, 1) == [original]
        assert settled(rig, 6)["passed"] == 3 and not seen(rig.n3, 1, 0.05)


def test_what_is_not_the_streams_goes_its_way(rig):
    with stream(rig, send=SEND, receive=RECEIVE):
        got = rig.exchange(rig.n3, rig.from_gnb(IP(src=GNB4, dst=UPF4) / ICMP(id=9)), rig.n3)
        assert len(got) == 1 and got[0][ICMP].type == 0


def test_too_big_for_one_is_for_both(rig):
    """An MTU counts what is behind the tags: 1500 octets of IP need 1506."""
    ip = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(bytes(1472))
    tags = [c_tag(100, 5, 1)]
    with stream(rig, send=SEND, change={"n6": {"mtu": 1500}}):
        errored = state(rig)["encode_errored"]
        first = state(rig)["next_sequence"]
        silent(rig, rig.n3, frame(tags, ip), "prer.too_big")
        assert state(rig)["encode_errored"] == errored + 1
        assert len(sent_by(rig, frame(tags, IP(raw(ip)[:-6])))) == 2
        assert state(rig)["next_sequence"] == first + 1
    with stream(rig, send=SEND, change={"n6": {"mtu": 1506}}):
        first = state(rig)["next_sequence"]
        assert sent_by(rig, frame(tags, ip)) == [
            frame([c_tag(v, 5, 1)], ip, seq=first) for v in (101, 102)]


def test_a_session_counts_its_tunnel(rig):
    """What does not go into the tunnel of one path (N3 MTU 1600) does not go by the other either."""
    paths = [{"name": "a", "session": 1}, {"name": "b", "port": "n6", "vlan": 102}]
    send = {"port": "n6", "identification": by("null", eth.A, vlan=100, tagged="tagged")}

    def of(size, *r_tag):
        p = Ether(src=TALKER, dst=eth.A) / Dot1Q(vlan=100, type=0xf1c1 if r_tag else 0x88b5)
        return raw(p / Raw(b"".join(r_tag) + bytes(size)))

    with eth.lan(rig), ports(rig), eth.session(rig, 1, eth.A), made(
            rig, *[("path", {"encapsulation": "rtag", **p}) for p in paths],
            ("stream", {"name": "s", "paths": ["a", "b"], "send": send})):
        seq = state(rig)["next_sequence"].to_bytes(2, "big")
        silent(rig, rig.n6, of(1590), "prer.too_big")
        rig.n3.drain()
        rig.n6.drain()
        rig.n6.send(of(1500))
        want = of(1500, b"\0\0" + seq + b"\x88\xb5")
        assert eth.in_tunnels(rig.n3.receive(1, 1)) == {eth.TEID[eth.A]: [want]}
        assert [f[16:] for f in seen(rig.n6, 1)] == [want[16:]]


def test_bad_frames(rig):
    with stream(rig, send=SEND, receive=RECEIVE):
        whole = frame([c_tag(101)], seq=3)
        for cut in (20, 23):  # shorter ones do not reach every kind of port
            silent(rig, rig.n6, whole[:cut], "prer.truncated")
        silent(rig, rig.n3, frame(seq=3), "prer.has_tag")
        # another EtherType is no R-TAG
        other = whole.replace(b"\xf1\xc1", b"\xf1\xc2")
        silent(rig, rig.n6, other, "prer.tagless")
        assert state(rig)["tagless"] == 1
    with stream(rig, receive=RECEIVE, recovery={"take_no_sequence": True}):
        rig.n3.drain()
        rig.n6.send(other)
        assert seen(rig.n3, 1) == [other]


def test_a_frame_is_of_one_stream(rig):
    """The conflict is named by both."""
    with stream(rig, send=SEND):
        for ident in (by("null", LISTENER), by("destination_mac_vlan", LISTENER, vlan=7),
                      by("source_mac_vlan", TALKER),
                      {"type": "ip", "ip": {"destination": "10.0.0.2"}},
                      {"type": "mask_and_match", "mask": "ff" * 6, "value": "020000000004"}):
            with refused("send.identification", "'s'"):
                rig.call("stream.put", {"name": "t", "paths": ["a"],
                                        "send": {"port": "n3", "identification": ident}})


# ---- the standard's counters -----------------------------------------------------------


def members(path):
    """What is in front of the number in the R-TAG, and behind it; and a frame without one."""
    ether = Ether(src=TALKER, dst=LISTENER)
    tagged = raw(ether / Dot1Q(vlan=PATHS[path]) / RTag())
    return tagged[:-4], tagged[-2:], raw(ether / Dot1Q(vlan=PATHS[path], type=0x88b5))


MEMBERS = {path: members(path) for path in PATHS}


def member(seq, path):
    """The payload repeats the number."""
    front, behind, none = MEMBERS[path]
    if seq is None:
        return none + b"\xff" * 46
    number = seq.to_bytes(2, "big")
    return front + number + behind + number + bytes(44)


def two(n, lag=0, a=lambda i: True, b=lambda i: True):
    """Numbers 0..n-1 by the paths that do not lose them, b's copy `lag` packets later."""
    for i in range(n + lag):
        if i < n and a(i):
            yield i, "a"
        if i >= lag and b(i - lag):
            yield i - lag, "b"


def once(*numbers):
    return [(n, "a") for n in numbers]


def both(*numbers):
    return [(n, p) for n in numbers for p in "ab"]


CB = {"history_length": 8, "rogue_rule": "cb_2017", "reset_ms": 2000}
MATCH = {"algorithm": "match", "reset_ms": 2000}
#        name, recovery, members, P, D, O, R, L, T
CASES = [
    ("1", CB, two(1000), 1000, 1000, 0, 0, 7, 0),
    ("1, H 64", {**CB, "history_length": 64}, two(1000), 1000, 1000, 0, 0, 63, 0),
    ("2", CB, two(1000, b=lambda i: False), 1000, 0, 0, 0, 7, 0),
    ("3a", CB, two(1000, 0, lambda i: i % 2 == 0, lambda i: i % 2), 1000, 0, 0, 0, 7, 0),
    ("3b", CB, two(1000, 3, lambda i: i % 10 != 5), 1000, 900, 200, 0, 7, 0),
    ("4a", CB, both(65533, 65534, 65535, 0, 1, 2), 6, 6, 0, 0, 5, 0),
    ("4b", CB, once(65534, 0, 65535, 0, 1, 65535), 4, 2, 2, 0, 3, 0),
    ("5", CB, once(*range(8), 10, 8, 9, 11), 12, 0, 3, 0, 7, 0),
    ("6", CB, once(*(i for i in range(21) if i not in (12, 13)), 13, 12), 20, 0, 2, 1, 8, 0),
    ("7", CB, both(*range(20), *range(25, 60)), 55, 55, 1, 0, 12, 0),
    ("10", CB, once(0, *[1] * 1000, 2), 3, 999, 0, 0, 2, 0),
    ("12a", CB, two(1000, 3, lambda i: i < 500), 1000, 500, 0, 0, 7, 0),
    ("12b", CB, two(1000, 10, lambda i: i < 500), 1000, 8, 0, 492, 7, 0),
    ("20a", CB, once(0, None, 1, None, 1), 2, 3, 0, 0, 1, 2),
    ("20b", {**CB, "take_no_sequence": True}, once(0, None, 1, None, 1), 4, 1, 0, 0, 1, 2),
    ("20c", MATCH, once(0, None, 1, None, 1), 4, 1, 0, 0, 0, 2),
    ("23a", MATCH, two(10), 10, 10, 0, 0, 0, 0),
    ("23b", MATCH, two(10, 1), 20, 0, 17, 0, 0, 0),
]
CHUNK = 100  # frames that any queue on the way holds


def delivered(rig, want, octets=2):
    """Numbers in the first octets of the payload of what came out, in order."""
    got, end = [], time.monotonic() + 5
    rig.n3.sock.settimeout(0.2)
    while len(got) < want and time.monotonic() < end:
        try:
            f, _, _, addr = rig.n3.sock.recvmsg(2048)
        except (socket.timeout, BlockingIOError):
            continue
        if addr[2] != socket.PACKET_OUTGOING and f[12:14] == b"\x88\xb5":
            got.append(int.from_bytes(f[14:14 + octets], "big"))
    return got


def settled(rig, counted):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        s = state(rig)
        if s["passed"] + s["discarded"] + s["rogue"] >= counted:
            return s
        time.sleep(0.002)
    raise AssertionError(f"{counted} members sent, {s}")


def run_case(rig, recovery, members):
    frames = [member(*m) for m in members]
    with stream(rig, recovery=recovery, receive={**RECEIVE, "vlan": 0}):
        rig.n3.drain()
        for at in range(0, len(frames), CHUNK):
            for f in frames[at:at + CHUNK]:
                rig.n6.sock.send(f)
            s = settled(rig, min(at + CHUNK, len(frames)))
        return s, delivered(rig, s["passed"]), len(frames)


def test_counters_of_the_standard(rig):
    for name, recovery, members, *want in CASES:
        s, out, sent = run_case(rig, recovery, members)
        got = [s[k] for k in ("passed", "discarded", "out_of_order", "rogue", "lost", "tagless")]
        assert got == want, f"case {name}: {got}, not {want}"
        assert s["passed"] + s["discarded"] + s["rogue"] == sent and s["resets"] == 1
        numbers = [n for n in out if n != 65535 or name.startswith("4")]
        assert len(out) == s["passed"]
        assert name == "23b" or len(set(numbers)) == len(numbers), f"case {name}: a duplicate"
        if not s["out_of_order"] and not name.startswith("4"):
            assert numbers == sorted(numbers), f"case {name}: out of order"


# ---- order ---------------------------------------------------------------------------------


def test_late_ones_are_put_in_order(rig):
    """RFC 9550: within 20 ms; with drop_older they end."""
    for mode, want in (("off", [0, 2, 1, 4]), ("basic", [0, 1, 2, 4]), ("advanced", [0, 1, 2, 4]),
                       ("drop_older", [0, 2, 4])):
        recovery = {"history_length": 64, "order": {"mode": mode}}
        with stream(rig, recovery=recovery, receive={**RECEIVE, "vlan": 0}):
            before = rig.drops()
            rig.n3.drain()
            for seq, path in ((0, "a"), (2, "a"), (1, "b"), (4, "a")):
                rig.n6.sock.send(member(seq, path))
            began = time.monotonic()
            assert delivered(rig, len(want)) == want, mode
            waited = time.monotonic() - began
            # nobody has 3
            assert waited > 0.015 or mode not in ("basic", "advanced"), (mode, waited)
            late = rig.drops()["prer.late"] - before["prer.late"]
            assert late == (mode == "drop_older"), mode
