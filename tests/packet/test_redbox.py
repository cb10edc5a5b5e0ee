# SPDX-License-Identifier: BSD-3-Clause
"""RedBoxes (IEC 62439-3): a device without PRP at port s, LAN A and LAN B at ports a and b.

    device  --s--  coastd  --a--  LAN A
                           --b--  LAN B
"""
import contextlib
import json
import subprocess
import tempfile
import time

from scapy.all import IP, UDP, Dot1AD, Dot1Q, Ether, Raw, raw, wrpcap

from harness import Wire, refused

DEVICE, PLC, PLAIN = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
PORTS = ("s", "a", "b")
LAN = {"a": 0xa, "b": 0xb}


def payload(size=46):
    inner = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(b"cyclic")
    return raw(inner) + bytes(max(0, size - len(inner)))


def frame(src=DEVICE, dst=PLC, tags=(), size=46):
    p = Ether(src=src, dst=dst)
    for tag in tags:
        p /= tag
    p.lastlayer().type = 0x0800
    return raw(p) + payload(size)


def trailer(octets, seq, lan, tags=0):
    """With a redundancy control trailer; LSDUsize is what follows the EtherType, itself included."""
    size = len(octets) - 14 - 4 * tags + 6
    return octets + seq.to_bytes(2, "big") + (LAN[lan] << 12 | size).to_bytes(2, "big") + b"\x88\xfb"


class Box:
    def __init__(self, rig):
        self.rig = rig
        self.wire = {p: Wire(rig.upf_ns, f"rb{p}") for p in PORTS}

    def octets(self, port, want=1, timeout=1.0):
        return [raw(f) for f in self.wire[port].receive(timeout, want)]

    def cross(self, into, octets, out, want=1):
        """What comes out of one port of what goes into another."""
        for wire in self.wire.values():
            wire.drain()
        for one in octets if isinstance(octets, list) else [octets]:
            self.wire[into].send(one)
        return self.octets(out, want or 1, 1.0 if want else 0.06)

    def state(self):
        return self.rig.call("redbox.get", {"name": "box"})["state"]

    def node(self, mac):
        return next(n for n in self.state()["nodes"] if n["mac"] == mac)


@contextlib.contextmanager
def box(rig, mtu=1504, **fields):
    made = []
    try:
        for port in PORTS:
            rig.call("port.put", {"name": port, "device": f"tap:rb{port}", "mtu": mtu, "promiscuous": True})
            made.append(("port", port))
            subprocess.run(["ip", "-n", rig.upf_ns, "link", "set", f"rb{port}", "mtu", "1700", "up"], check=True)
        rig.call("redbox.put", {"name": "box", "port": "s", "lan_a": "a", "lan_b": "b", "supervision_ms": 0,
                                **fields})
        made.append(("redbox", "box"))
        yield Box(rig)
    finally:
        for kind, name in reversed(made):
            rig.call(kind + ".delete", {"name": name})


def dissected(octets, *fields):
    """What tshark reads of these fields, frame by frame."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        wrpcap(f.name, [Ether(o) for o in octets])
        out = subprocess.run(["tshark", "-r", f.name, "--enable-protocol", "prp", "-T", "fields",
                              *(x for n in fields for x in ("-e", n))],
                             capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


TAGS = ([], [Dot1Q(vlan=100, prio=5, id=1)], [Dot1AD(vlan=7, prio=3), Dot1Q(vlan=100)])


def test_both_lans_get_the_frame(rig):
    with box(rig) as b:
        emitted = []
        for tags in TAGS:
            for size in (10, 46, 47, 1000, 1498):
                sent = frame(tags=tags, size=size)
                sent += bytes(max(0, 60 - len(sent)))
                one, = b.cross("s", sent, "a")
                two, = b.octets("b")
                seq = int.from_bytes(one[-6:-4], "big")
                assert one == trailer(sent, seq, "a", len(tags)), (len(tags), size)
                assert two == trailer(sent, seq, "b", len(tags)), (len(tags), size)
                emitted += [(one, seq, "10"), (two, seq, "11")] if len(tags) < 2 else []
        for (octets, seq, lan), got in zip(emitted, dissected([e[0] for e in emitted],
                                                              "prp.trailer.prp_sequence_nr",
                                                              "prp.trailer.prp_lan")):
            assert got == [str(seq), lan], got
        got = b.cross("s", [frame() for _ in range(200)], "b", 200)
        numbers = [int.from_bytes(o[-6:-4], "big") for o in got]
        assert all((n - m) % 65536 == 1 for m, n in zip(numbers, numbers[1:])), numbers
        assert b.state()["sent"] == 215


def test_the_first_copy_is_delivered_as_it_was(rig):
    with box(rig) as b:
        seq = 0
        for tags in TAGS:
            for size, order in ((46, "ab"), (1000, "ab"), (1498, "ba")):
                sent = frame(PLC, DEVICE, tags, size)
                for seq in (seq + 1, seq + 2):
                    assert b.cross(order[0], trailer(sent, seq, order[0], len(tags)), "s") == [sent]
                    assert b.cross(order[1], trailer(sent, seq, order[1], len(tags)), "s", 0) == []
        assert (b.state()["discarded"], b.state()["delivered"]) == (18, 18), b.state()
        node = b.node(PLC)
        assert (node["received_a"], node["received_b"], node["discarded"]) == (18, 18, 18)
        assert node["attached"] == "doubly" and node["wrong_lan"] == 0


def gaps_wraps_and_other_sources(b):
    for seq in (0, 9000, 300, 65535, 1, 40000, 129, 8192 + 1):
        for source in (PLC, PLAIN):
            sent = frame(source, DEVICE)
            assert b.cross("a", trailer(sent, seq, "a"), "s") == [sent], (seq, source)


def a_number_after_a_while(b):
    sent = trailer(frame(PLC, DEVICE), 7, "a")
    assert len(b.cross("a", [sent, sent], "s")) == 1
    assert b.octets("s", 1, 0.45) == []
    assert len(b.cross("a", sent, "s")) == 1


def ordinary_nodes(b):
    almost = bytearray(trailer(frame(PLAIN, DEVICE), 7, "a"))
    almost[-3] ^= 1  # LSDUsize does not fit: no trailer
    for sent in (frame(PLAIN, DEVICE), bytes(almost), frame(PLAIN, "ff:ff:ff:ff:ff:ff")):
        for _ in range(2):
            assert b.cross("a", sent, "s") == [sent]
    assert b.state()["ordinary"] == 6 and b.node(PLAIN)["attached"] == "singly"


def a_trailer_before_padding(b):
    sent = raw(Ether(src=PLC, dst=DEVICE, type=0x88b5)) + b"short" * 4
    for lan, want in (("a", 1), ("b", 0)):
        padded = trailer(sent, 5100, lan)
        got = b.cross(lan, padded + bytes(60 - len(padded)), "s", want)
        assert [o[:len(sent)] for o in got] == [sent] * want
        assert not any(b"\x88\xfb" in o for o in got)


def the_wrong_lan(b):
    sent = frame(PLC, DEVICE)
    assert b.cross("b", trailer(sent, 5007, "a"), "s") == [sent]
    assert b.state()["wrong_lan"] == 1 and b.node(PLC)["wrong_lan"] == 1


def test_what_is_no_duplicate(rig):
    with box(rig) as b:
        gaps_wraps_and_other_sources(b)
        a_number_after_a_while(b)
        ordinary_nodes(b)
        a_trailer_before_padding(b)
        the_wrong_lan(b)


def silent(b, into, octets, reason):
    before = b.rig.drops().get(reason, 0)
    assert b.cross(into, octets, "a", 0) == [] and b.octets("b", 1, 0.01) == []
    assert b.rig.drops().get(reason, 0) == before + 1, reason


def test_what_goes_nowhere(rig):
    with box(rig, mtu=1500) as b:
        assert len(b.cross("s", frame(size=1494), "a")[0]) == 14 + 1500
        silent(b, "s", frame(size=1495), "redbox.too_big")
        silent(b, "s", frame(dst="01:80:c2:00:00:0e"), "redbox.link_local")
        silent(b, "s", frame(src="03:00:00:00:00:01"), "redbox.truncated")
        silent(b, "b", trailer(frame(), 1, "b"), "redbox.loop")


def other_nodes_are_heard(b):
    tlv = bytes([0, 1, 0, 9, 20, 6]) + bytes.fromhex(PLC.replace(":", "")) + bytes(34)
    sup = raw(Ether(src=PLC, dst="01:15:4e:00:01:00", type=0x88fb)) + tlv
    assert b.cross("b", trailer(sup, 3, "b"), "s", 0) == []
    assert b.state()["supervision"] == 1
    assert "lan_b_ms" in b.node(PLC) and "lan_a_ms" not in b.node(PLC)


def test_supervision(rig):
    with box(rig, supervision_ms=100, supervision_address=5) as b:
        b.wire["s"].send(frame())
        time.sleep(0.1)
        for lan in "ab":
            b.wire[lan].drain()
        got = {lan: b.octets(lan, 4) for lan in "ab"}
        own = b.state()["mac"]
        for lan, octets in got.items():
            sup = dissected(octets, "eth.dst", "hsr_prp_supervision.source_mac_address",
                            "hsr_prp_supervision.vdan_mac_address",
                            "hsr_prp_supervision.red_box_mac_address")
            text = json.dumps(sup)
            assert all(s[0] == "01:15:4e:00:01:05" for s in sup), sup
            assert own in text and DEVICE in text, sup
            for o in octets:
                assert o == trailer(o[:-6], int.from_bytes(o[-6:-4], "big"), lan), o.hex()
        other_nodes_are_heard(b)


def test_ports_have_one_use(rig):
    with box(rig):
        for field, reason, more in (("port", "redbox 'box'", {}),
                                    ("lan_b", "is LAN A too", {"lan_b": "a"}),
                                    ("port", "there is no port", {"port": "nowhere"}),
                                    ("port", "promiscuous", {"port": "n3"})):
            with refused(field, reason):
                rig.call("redbox.put", {"name": "other", "port": "s", "lan_a": "a", "lan_b": "b",
                                        **more})
        with refused("promiscuous", "redbox 'box'"):
            rig.call("port.modify", {"name": "a", "promiscuous": False})
        with refused("promiscuous", "redbox 'box'"):
            rig.call("port.modify", [{"name": "a", "promiscuous": False},
                                     {"name": "a", "optional": True}])
        rig.call("path.put", {"name": "x", "encapsulation": "rtag", "port": "a"})
        with refused("send.port", "something else than streams"):
            rig.call("stream.put", {"name": "x", "paths": ["x"], "send": {
                "port": "s", "identification": {"type": "null", "mac": PLC}}})
        rig.call("path.delete", {"name": "x"})


def test_a_lan_goes(rig):
    with box(rig) as b:
        rig.call("port.delete", {"name": "b"})
        del b.wire["b"]  # its interface is gone with it
        time.sleep(1.2)
        try:
            assert len(b.cross("s", frame(), "a")) == 1
            assert b.cross("a", trailer(frame(PLC, DEVICE), 1, "a"), "s") == [frame(PLC, DEVICE)]
            with refused("promiscuous", "redbox 'box'"):
                rig.call("port.put", {"name": "b", "device": "null"})
        finally:
            rig.call("port.put", {"name": "b", "device": "null", "promiscuous": True})


def test_a_box_goes_and_comes(rig):
    for _ in range(2):
        with box(rig) as b:
            assert len(b.cross("s", frame(), "a")) == 1
            assert rig.call("redbox.list")["items"][0]["name"] == "box"
    assert rig.call("redbox.list")["items"] == []


def test_a_port_changes_boxes(rig):
    """In one transaction, to the box that comes first."""
    def put(name, port, lan_a, lan_b):
        return {"name": name, "port": port, "lan_a": lan_a, "lan_b": lan_b, "supervision_ms": 0}

    with box(rig) as b, contextlib.ExitStack() as made:
        for port in ("p", "q", "x", "y"):
            rig.call("port.put", {"name": port, "device": "null", "promiscuous": True})
            made.callback(rig.call, "port.delete", {"name": port})
        rig.call("redbox.put", put("other", "p", "x", "y"))
        made.callback(rig.call, "redbox.delete", {"name": "other"})
        rig.call("redbox.put", [put("box", "q", "a", "b"), put("other", "s", "x", "y")])
        rig.call("redbox.put", [put("other", "p", "x", "y"), put("box", "s", "a", "b")])
        assert len(b.cross("s", frame(), "a")) == 1
