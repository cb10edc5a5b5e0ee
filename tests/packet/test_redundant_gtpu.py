# SPDX-License-Identifier: BSD-3-Clause
"""Redundant transmission on N3 and N9 (TS 23.501 5.33.2.2): one user's packets by two tunnels in
two network instances, the second one a VLAN of the first one's port.

    gNB 192.0.2.2    n3            access   UPF 192.0.2.1
    gNB 192.0.4.2    n3 VLAN 34    second   UPF 192.0.4.1
"""
import contextlib
import socket
import struct
import subprocess
import time

from scapy.all import IP, UDP, Dot1Q, Ether, Raw, raw, wrpcap
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

import octets
from harness import GNB4, GNB_MAC, UPF4, refused
from test_ethernet import A, D, frame, lan, no_address, on_link
from test_uplink import forwarded
from upf import (DL_TEID, QFI, Session, downlink4, far_access, far_core, inner4, pdr_dl, pdr_ul)

VLAN, GNB_B, UPF_B = 34, "192.0.4.2", "192.0.4.1"
DL_TEID_B = 0x2222
RECOVERY = {"name": "eight", "history_length": 8, "rogue_rule": "cb_2017", "reset_ms": 100}
OTHER = "permit out 17 from any 99 to assigned"  # a service data flow that is not redundant


def second_link():
    """(class, object, its key) in the order in which they are made."""
    return [("network_instance", {"name": "second"}, ["name"]),
            ("interface", {"name": "n3s", "port": "n3", "vlan": VLAN, "gtpu": True,
                           "network_instance": "second", "addresses": [f"{UPF_B}/24"]}, ["name"]),
            ("neighbour", {"interface": "n3s", "address": GNB_B, "mac": GNB_MAC},
             ["interface", "address"]),
            ("recovery", RECOVERY, ["name"])]


def ohc(teid=DL_TEID_B, address=GNB_B):
    return {"description": "gtpu-udp-ipv4", "teid": hex(teid), "ipv4": address}


def edrt(far_id=1, **more):
    return {**far_core(far_id), "apply_action": ["FORW", "EDRT"], **more}


def dfrt(number="gtpu", far_id=2):
    return {**far_access(far_id), "apply_action": ["FORW", "DFRT"],
            "redundant_transmission_forwarding_parameters": {
                "outer_header_creation": ohc(), "network_instance": "second",
                "sequence_number": number}}


def twice(number="gtpu"):
    return {"redundant_transmission_parameters": {
        "f_teid": {"choose": True, "choose_id": 6}, "network_instance": "second",
        "sequence_number": number, "recovery": "eight"}}


@contextlib.contextmanager
def two_links(rig):
    made = second_link()
    for kind, thing, _ in made:
        rig.call(kind + ".put", thing)
    try:
        yield
    finally:
        for kind, thing, key in reversed(made):
            rig.call(kind + ".delete", {k: thing[k] for k in key})


def second_teid(s):
    return int(s.created[0]["redundant_f_teid"]["teid"], 0)


@contextlib.contextmanager
def redundant(rig, number="gtpu", **more):
    """The session; `s.second`: its other local TEID. PDRs 3 and 4 are not redundant."""
    other = {"sdf_filters": [{"flow_description": OTHER}]}
    pdrs = [pdr_ul(qfi=[QFI], **twice(number)), pdr_dl(), pdr_ul(3, 3, 10, **other),
            pdr_dl(4, 4, 10, **other)]
    for p in pdrs[:2]:
        p["urr_ids"] = [1]
    urr = {"id": 1, "measurement_method": ["VOLUM"], "reporting_triggers": ["VOLTH"],
           "volume_threshold": {"total": 1 << 40}, "measurement_information": ["MNOP"]}
    with two_links(rig), Session(rig, pdrs=pdrs, urrs=[urr], fars=[
            edrt(), dfrt(number), far_core(3), far_access(4)], **more) as s:
        s.second, s.number = second_teid(s), number
        yield s


# ---- uplink ---------------------------------------------------------------------------------


class Uplink:
    """Frames of both tunnels, by their number, as a gNB sends them."""

    def __init__(self, rig, s):
        self.rig, self.s = rig, s
        self.bits = 16 if s.number == "gtpu" else 24
        self.frames = [self.template(s.teid, None), self.template(s.second, VLAN)]

    def template(self, teid, vlan):
        psc = bytes([1, 0x10, QFI, 0]) if self.bits == 16 else bytes([2, 0x11, QFI]) + bytes(5)
        inner = inner4(payload=bytes(8))
        inner[UDP].chksum = 0
        body = bytes([0, 0, 0, 0x85]) + psc + raw(inner)
        head = bytes([0x36 if self.bits == 16 else 0x34, 255]) + struct.pack("!HI", len(body), teid)
        ip = IP(src=GNB_B, dst=UPF_B) if vlan else IP(src=GNB4, dst=UPF4)
        ether = Ether(src=GNB_MAC, dst=self.rig._mac("n3"))
        packet = ip / UDP(sport=2152, dport=2152, chksum=0) / Raw(head + body)
        return bytearray(raw(ether / Dot1Q(vlan=vlan) / packet if vlan else ether / packet))

    def send(self, tunnel, number, tag=None):
        """`tag`: what the user's packet bears, unless its number."""
        frame = self.frames[tunnel]
        gtpu = 14 + 4 * tunnel + 28
        if self.bits == 16:
            struct.pack_into("!H", frame, gtpu + 8, number & 0xffff)
        else:
            frame[gtpu + 15:gtpu + 18] = (number & 0xffffff).to_bytes(3, "big")
        struct.pack_into("!I", frame, len(frame) - 4, number if tag is None else tag)
        self.rig.n3.sock.send(frame)

    def run(self, packets):
        """Send (tunnel, number), so many at a time that no queue on the way is too short; what came
        out, in its order."""
        passed, counted = self.taken()
        self.rig.n6.drain()
        for at in range(0, len(packets), 64):
            for tunnel, number in packets[at:at + 64]:
                self.send(tunnel, number)
            want, end = counted + min(at + 64, len(packets)), time.monotonic() + 5
            while self.taken()[1] < want and time.monotonic() < end:
                time.sleep(0.002)
        want = self.taken()[0] - passed
        got = self.receive(want, 2)
        return got + self.receive(1, 0.05)

    def taken(self):
        """Numbers that were passed, and all that were looked at."""
        r = self.s.state()["pdrs"][0]["redundancy"]
        return r["passed"], r["passed"] + r["discarded"] + r["rogue"]

    def receive(self, want, timeout):
        sock, got, end = self.rig.n6.sock, [], time.monotonic() + timeout
        sock.settimeout(timeout)
        with contextlib.suppress(socket.timeout, BlockingIOError):
            while len(got) < want and time.monotonic() < end:
                frame, address = sock.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING and frame[12:14] == b"\x08\0":
                    got.append(struct.unpack("!I", frame[14 + 28 + 4:14 + 28 + 8])[0])
        return got

    def figures(self):
        """P, D, O, R, L, S of the facts."""
        r = self.s.state()["pdrs"][0]["redundancy"]
        assert r["first_tunnel"] + r["second_tunnel"] == r["passed"] + r["discarded"] + r["rogue"]
        return tuple(r[x] for x in ("passed", "discarded", "out_of_order", "rogue", "lost",
                                    "resets"))


def both(numbers):
    return [(t, n) for n in numbers for t in (0, 1)]


def lagging(first, second, lag):
    """One packet each turn; the second tunnel's copy comes `lag` turns later."""
    return [x for i in range(1000 + lag) for x in (
        [(0, i)] if i < 1000 and first(i) else []) + (
        [(1, i - lag)] if i >= lag and second(i - lag) else [])]


def every(_):
    return True


def check(rig, number, packets, want, figures):
    with redundant(rig, number) as s:
        up = Uplink(rig, s)
        before = rig.drops().get("upf.duplicate", 0)
        got = up.run(packets)
        if callable(want):
            assert want(got), got[:40]
        else:
            assert got == want, (got[:40], len(got))
        assert up.figures() == figures, up.figures()
        passed, discarded, _, rogue = figures[:4]
        assert rig.drops().get("upf.duplicate", 0) - before == discarded + rogue
        # what is eliminated counts nowhere: 36 octets of IP packet each
        assert s.counts()[1] == (passed, 36 * passed)
        used = s.state()["urrs"][0]["volume_measured"]
        assert (used["ul"], used["ul_packets"]) == (36 * passed, passed), used


def test_all_by_both(rig):
    """Case 1."""
    for number in ("gtpu", "qfi"):
        check(rig, number, both(range(1000)), list(range(1000)), (1000, 1000, 0, 0, 7, 1))


def test_one_tunnel_alone(rig):
    """Case 2, by either."""
    for tunnel in (0, 1):
        check(rig, "gtpu", [(tunnel, n) for n in range(1000)], list(range(1000)),
              (1000, 0, 0, 0, 7, 1))


def test_losses_make_each_other_good(rig):
    """Case 3."""
    check(rig, "gtpu", [(n % 2, n) for n in range(1000)], list(range(1000)),
          (1000, 0, 0, 0, 7, 1))
    check(rig, "qfi", lagging(lambda n: n % 10 != 5, every, 3),
          lambda got: sorted(got) == list(range(1000)), (1000, 900, 200, 0, 7, 1))


def test_wrap(rig):
    """Case 4, at 16 and at 24 bits."""
    for number, top in (("gtpu", 1 << 16), ("qfi", 1 << 24)):
        six = [top - 3, top - 2, top - 1, 0, 1, 2]
        check(rig, number, both(six), six, (6, 6, 0, 0, 5, 1))
        late = [top - 2, 0, top - 1, 0, 1, top - 1]
        check(rig, number, [(0, n) for n in late], [top - 2, 0, top - 1, 1], (4, 2, 2, 0, 3, 1))


def test_leading_tunnel_dies(rig):
    """Case 12: nothing is lost, and a history that is too short shows as rogue packets."""
    check(rig, "gtpu", lagging(lambda n: n < 500, every, 3), list(range(1000)),
          (1000, 500, 0, 0, 7, 1))
    check(rig, "gtpu", lagging(lambda n: n < 500, every, 10), list(range(1000)),
          (1000, 8, 0, 492, 7, 1))


def test_recovery_changes_under_a_session(rig):
    """A longer history, while packets come: a copy that lags by more than the old one is one."""
    with redundant(rig) as s:
        up = Uplink(rig, s)
        assert up.run(both(range(100))) == [*range(100)]
        with refused("name", "session 1 uplink"):
            rig.call("recovery.delete", {"name": "eight"})
        rig.call("recovery.put", {**RECOVERY, "history_length": 1000, "reset_ms": 60000})
        assert up.run([(0, n) for n in range(100, 1000)]) == [*range(100, 1000)]
        assert up.run([(1, n) for n in range(100, 1000)]) == []
        passed, discarded, _, rogue, _, resets = up.figures()
        assert (passed, discarded, rogue, resets) == (1000, 1000, 0, 2)


def framed(rig, packet, second):
    frame = rig.from_gnb(packet)
    return Ether(src=frame.src, dst=frame.dst) / Dot1Q(vlan=VLAN) / packet if second else frame


def gpdu(s, flags, optional, inner, second=False, kind=255):
    """A GTP-U message whose header is written out."""
    body = bytes.fromhex(optional) + raw(inner)
    head = bytes([flags, kind]) + struct.pack("!HI", len(body), s.second if second else s.teid)
    ip = IP(src=GNB_B, dst=UPF_B) if second else IP(src=GNB4, dst=UPF4)
    return ip / UDP(sport=2152, dport=2152) / Raw(head + body)


def test_what_has_no_number_passes_by(rig):
    """Row 26: octets of a sequence number without S are never looked at."""
    container = f"0110{QFI:02x}00"
    with redundant(rig) as s:
        for second in (False, True):
            for _ in range(3):
                out = rig.exchange(rig.n3, framed(rig, gpdu(
                    s, 0x34, "12340085" + container, inner4(), second), second), rig.n6)
                assert len(out) == 1
        assert Uplink(rig, s).figures() == (0, 0, 0, 0, 0, 1)
        # the other flow goes by the first tunnel alone, with S=1 or not
        forwarded(rig, s, inner4(dport=99))
        forwarded(rig, s, inner4(dport=99), S=1, seq=7)
        forwarded(rig, s, inner4(dport=99), S=1, seq=7)
        before = rig.drops().get("upf.no_pdr", 0)
        rig.silent(rig.n3, framed(rig, gpdu(s, 0x36, "00070085" + container, inner4(dport=99),
                                            True), True))
        assert rig.drops()["upf.no_pdr"] == before + 1
        assert Uplink(rig, s).figures() == (0, 0, 0, 0, 0, 1)


def test_signals_are_not_eliminated(rig):
    """Row 26: Echo and End Marker, the same one again and again, by both tunnels."""
    with redundant(rig) as s:
        echo = bytes.fromhex("32010004000000000007 0000")
        for second in (False, True, True, False):
            ip = IP(src=GNB_B, dst=UPF_B) if second else IP(src=GNB4, dst=UPF4)
            got = rig.exchange(rig.n3, framed(rig, ip / UDP(sport=2152, dport=2152) / Raw(echo),
                                              second), rig.n3)
            assert got and got[0][GTP_U_Header].gtp_type == 2
        before = rig.drops().get("upf.end_marker", 0)
        rig.silent(rig.n3, [framed(rig, gpdu(s, 0x32, "00070000", b"", t, 254), t)
                            for t in (False, True, True)])
        assert rig.drops()["upf.end_marker"] == before + 3
        assert Uplink(rig, s).figures() == (0, 0, 0, 0, 0, 1)


def test_path_switch(rig):
    """Another gNB counts its uplink from where it likes, into the same tunnels."""
    with redundant(rig) as s:
        up = Uplink(rig, s)
        assert up.run(both(range(100))) == list(range(100))
        s.modify(update_fars=[{"id": 2, "forwarding_parameters": {
            "outer_header_creation": ohc(0x12, GNB4)},
            "redundant_transmission_forwarding_parameters": {
                "outer_header_creation": ohc(0x2223)}}])
        assert up.run(both(range(95, 120))) == list(range(95, 120))
        assert up.figures()[:4] == (125, 125, 0, 0)
        assert up.figures()[5] == 2
        assert sent_twice(rig, s, downlink4(), 0, teids=(0x12, 0x2223))


# ---- downlink -------------------------------------------------------------------------------


def by_tunnels(rig, packet, n=2):
    got = rig.exchange(rig.n6, rig.from_dn(packet), rig.n3, want=n)
    assert len(got) == n, [f.summary() for f in got]
    return sorted(got, key=lambda f: Dot1Q in f)


def expected(frame, second, inner, number, kind, teid):
    """The whole frame, octet by octet; source port and identification are coast's to choose."""
    ip = octets.one_hop_less(raw(inner))
    if kind == "gtpu":
        optional = struct.pack("!H", number) + bytes([0, 0x85, 1, 0, QFI, 0])
    else:
        optional = bytes([0, 0, 0, 0x85, 2, 4, QFI]) + number.to_bytes(3, "big") + bytes(2)
    head = bytes([0x36 if kind == "gtpu" else 0x34, 255]) + struct.pack(
        "!HI", len(optional) + len(ip), teid)
    got = frame[IP]
    outer = IP(src=UPF_B if second else UPF4, dst=GNB_B if second else GNB4, ttl=64, id=got.id,
               tos=inner.tos) / UDP(sport=got[UDP].sport, dport=2152, chksum=0) / Raw(
                   head + optional + ip)
    return raw(outer)


def sent_twice(rig, s, inner, number, teids=(DL_TEID, DL_TEID_B)):
    first, second = by_tunnels(rig, inner)
    assert Dot1Q not in first and second[Dot1Q].vlan == VLAN
    for frame, is_second, teid in ((first, False, teids[0]), (second, True, teids[1])):
        want = expected(frame, is_second, inner, number, s.number, teid)
        assert raw(frame[IP]) == want, (raw(frame[IP]).hex(), want.hex())
    assert first[IP][UDP].sport == second[IP][UDP].sport
    return first, second


def dissected(rig, frames, *fields):
    """What tshark reads in them."""
    path = f"{rig.tmp}/redundant.pcap"
    wrpcap(path, list(frames))
    out = subprocess.run(["tshark", "-r", path, "-T", "fields", *[x for f in fields
                                                                  for x in ("-e", f)]],
                         capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def test_sent_twice(rig):
    with redundant(rig) as s:
        for n in range(5):
            frames = sent_twice(rig, s, downlink4(payload=b"z" * (n * 300), tos=0xb8), n)
        assert dissected(rig, frames, "gtp.flags.s", "gtp.seq_number", "gtp.teid", "vlan.id") in (
            [[x, "0x0004", f"0x{DL_TEID:08x}", ""], [x, "0x0004", f"0x{DL_TEID_B:08x}", str(VLAN)]]
            for x in ("1", "True"))
        # once, before it is doubled
        state = s.state()
        assert state["pdrs"][1]["packets"] == 5
        assert state["pdrs"][1]["redundancy"] == {"generated": 5}
        assert state["urrs"][0]["volume_measured"]["dl_packets"] == 5
        assert state["urrs"][0]["volume_measured"]["dl"] == 5 * 28 + 300 * 10


def test_sent_twice_by_qfi_number(rig):
    with redundant(rig, "qfi") as s:
        for n in range(3):
            frames = sent_twice(rig, s, downlink4(), n)
        for f in frames:
            psc = f[GTPPDUSessionContainer]
            assert (psc.type, psc.SNP, psc.QFI, psc.dlQFISeqNum) == (0, 1, QFI, 2)
        assert dissected(rig, frames, "gtp.ext_hdr.pdu_ses_con.qos_flow_id", "ip.dst", "_ws.malformed"
                         ) == [[str(QFI), f"{x},10.45.0.2", ""] for x in (GNB4, GNB_B)]


def test_numbers_outlive_tables(rig):
    """coastd is killed and its tables are gone: numbers do not go back; uplink, what comes is
    taken."""
    if rig.ports != "af_xdp":
        return
    numbers = {}
    with two_links(rig), Session(rig, urrs=[], fars=[edrt(), dfrt()],
                                 pdrs=[pdr_ul(qfi=[QFI], **twice()), pdr_dl()]) as s:
        s.second, s.number = second_teid(s), "gtpu"
        up = Uplink(rig, s)
        for turn in range(2):
            first, _ = by_tunnels(rig, downlink4())
            numbers[turn] = first[GTP_U_Header].seq
            for n in range(1, 5):
                sent_twice(rig, s, downlink4(), numbers[turn] + n)
            assert up.run(both([turn])) == [turn]
            if turn == 0:
                assert up.run(both(range(1, 9))) == list(range(1, 9))
                time.sleep(0.3)  # the mark in the store is ahead
                rig.begin_again(forget=True)
    assert numbers[0] == 0 and 5 <= numbers[1] < 1000, numbers


def test_other_flows_are_not_doubled(rig):
    with redundant(rig) as s:
        got = by_tunnels(rig, downlink4(sport=99), 1)[0]
        assert not got[GTP_U_Header].S and got[GTP_U_Header].teid == DL_TEID
        rig.n3.drain()
        sent_twice(rig, s, downlink4(), 0)
        assert s.counts()[4][0] == 1


def test_too_big_goes_by_neither(rig):
    """N3 MTU 1600: 1556 octets go by both, one more by none; the VLAN takes as much."""
    with redundant(rig) as s:
        sent_twice(rig, s, downlink4(payload=b"m" * (1556 - 28), flags="DF"), 0)
        rig.n3.drain()
        got = rig.exchange(rig.n6, rig.from_dn(downlink4(payload=b"m" * (1557 - 28), flags="DF")),
                           rig.n6)
        assert got and got[0]["ICMP"].nexthopmtu == 1556
        assert not rig.n3.receive(0.1)


def test_rest_and_return(rig):
    """While the user rests its packets wait; when it is back they leave twice, and numbers go on."""
    with redundant(rig) as s:
        sent_twice(rig, s, downlink4(), 0)
        s.modify(update_fars=[{"id": 2, "apply_action": ["BUFF"]}])
        rig.silent(rig.n6, rig.from_dn(downlink4()))
        rig.n3.drain()
        s.modify(update_fars=[{"id": 2, "apply_action": ["FORW", "DFRT"]}])
        got = rig.n3.receive(0.5, 2)
        assert sorted(f[GTP_U_Header].teid for f in got) == [DL_TEID, DL_TEID_B]
        assert {f[GTP_U_Header].seq for f in got} == {1}


# ---- frames -----------------------------------------------------------------------------------


def test_frames_of_an_ethernet_session(rig):
    """The same for frames: each once from two tunnels, each twice into them, all or none."""
    for number in ("gtpu", "qfi"):
        up = edrt()
        up["forwarding_parameters"]["network_instance"] = "lan"
        with two_links(rig), lan(rig), Session(
                rig, pdn_type="ethernet", dnn="lan", fars=[up, dfrt(number)],
                pdrs=[no_address(pdr_ul(qfi=[QFI], **twice(number))), no_address(
                    pdr_dl(network_instance="lan"), ethernet_pdu_session_information=True)]) as s:
            s.second, s.number = second_teid(s), number
            for n in range(3):
                inner = frame(A, D, payload=bytes([n]) * 60)
                if number == "gtpu":
                    flags, optional = 0x36, f"{n:04x}0085011009 00"
                else:
                    flags, optional = 0x34, f"00000085021109{n:06x}0000"
                frames = [framed(rig, gpdu(s, flags, optional, Raw(inner), t), t)
                          for t in (True, False, True)]
                got = rig.exchange(rig.n3, frames, rig.n6, 2, timeout=0.15)
                assert [raw(f) for f in got] == [on_link(inner)], got
            figures = s.state()["pdrs"][0]["redundancy"]
            assert (figures["passed"], figures["discarded"]) == (3, 6), figures
            assert s.counts()[1] == (3, 3 * 74)
            for n in range(2):
                back = frame(D, A, payload=bytes([n]) * 60)
                got = rig.exchange(rig.n6, on_link(back), rig.n3, 2)
                assert sorted(f[GTP_U_Header].teid for f in got) == [DL_TEID, DL_TEID_B]
                for f in got:
                    octs = raw(f[UDP].payload)
                    assert octs[-74:] == back
                    want = f"{n:04x}" if number == "gtpu" else f"{n:06x}"
                    assert octs[8:10].hex() == want if number == "gtpu" else (
                        octs[15:18].hex() == want), octs.hex()
            rig.silent(rig.n6, on_link(frame(D, A, payload=b"b" * 1556)))
            assert s.counts()[2] == (2, 2 * 74)


# ---- between two UPFs -------------------------------------------------------------------------


def test_between_two_upfs(rig):
    """An I-UPF passes the number on as it came, by whatever bears it, both ways."""
    def n9(far_id, to, teid):
        return {"id": far_id, "apply_action": ["FORW"], "forwarding_parameters": {
            "destination_interface": to, "network_instance": "access",
            "outer_header_creation": ohc(teid, GNB4)}}

    down = pdr_dl(2, f_teid={"choose": True, "choose_id": 9})
    down["pdi"]["network_instance"] = "access"
    up = pdr_ul()
    for p in (up, down):
        del p["pdi"]["ue_ip_address"], p["qer_ids"]
    with Session(rig, pdrs=[up, down], fars=[n9(1, "core", 0x71), n9(2, "access", 0x72)],
                 qers=[]) as s:
        back = int(s.created[1]["f_teid"]["teid"], 0)
        for teid, out, inner in ((s.teid, 0x71, inner4()), (back, 0x72, downlink4())):
            for flags, optional in ((0x36, "be ef 00 85 01 10 09 00"), (0x32, "beef0000"),
                                    (0x34, "00000085 02 11 09 abcdef 0000")):
                octs = bytes.fromhex(optional) + raw(inner)
                head = bytes([flags, 255]) + struct.pack("!H", len(octs))
                got = rig.exchange(rig.n3, rig.from_gnb(IP(src=GNB4, dst=UPF4) / UDP(
                    sport=2152, dport=2152) / Raw(head + struct.pack("!I", teid) + octs)), rig.n3)
                assert len(got) == 1
                payload = raw(got[0][UDP].payload)
                assert payload[:len(octs) + 8] == head + struct.pack("!I", out) + octs


# ---- refusals ---------------------------------------------------------------------------------


def test_refusals_name_the_field(rig):
    for fars, field, words in (
            ([edrt(), far_access()], "pdrs[0].pdi.redundant_transmission_parameters",
             "required by EDRT of FAR 1"),
            ([far_core(), {**far_access(), "apply_action": ["FORW", "DFRT"]}],
             "fars[1].redundant_transmission_forwarding_parameters", "required by DFRT")):
        with refused(field, words), Session(rig, fars=fars):
            pass
