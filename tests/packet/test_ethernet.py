# SPDX-License-Identifier: BSD-3-Clause
"""Ethernet PDU sessions: frames through GTP-U, between sessions and over an N6 of layer 2.

    UE A, UE B (GTP-U on n3) --- network instance lan --- n6 VLAN 43, the tag being the link's
"""
import contextlib
import time

from scapy.all import ARP, IP, UDP, Dot1AD, Dot1Q, Ether, IPv6, Raw, raw
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

from harness import GNB4, UPF4, refused
from upf import Events, Session, far_access, far_core, pdr_dl, pdr_ul

VLAN = 43
A, B, D = "02:00:00:00:0a:01", "02:00:00:00:0b:01", "02:00:00:00:0d:01"
ALL = "ff:ff:ff:ff:ff:ff"
TEID = {A: 0xa1, B: 0xb1}


@contextlib.contextmanager
def lan(rig, vlan=VLAN):
    """The group and its N6."""
    rig.call("network_instance.put", {"name": "lan"})
    rig.call("port.modify", {"name": "n6", "promiscuous": True})
    rig.call("interface.put", {"name": "lan", "port": "n6", "vlan": vlan, "ethernet": True,
                               "network_instance": "lan"})
    try:
        yield
    finally:
        rig.call("interface.delete", {"name": "lan"})
        rig.call("port.modify", {"name": "n6", "promiscuous": False})
        rig.call("network_instance.delete", {"name": "lan"})


def no_address(pdr, **pdi):
    pdr["pdi"].pop("ue_ip_address")
    pdr["pdi"].update(pdi)
    return pdr


def session(rig, seid, mac, ul=None, dl=None, **more):
    """One whose downlink tunnel tells whose it is."""
    return Session(rig, seid=seid, pdn_type="ethernet", dnn="lan",
                   pdrs=[no_address(pdr_ul(), **(ul or {})),
                         no_address(pdr_dl(network_instance="lan"),
                                    ethernet_pdu_session_information=True, **(dl or {}))],
                   fars=[far_core(instance="lan"), far_access(teid=TEID[mac])], **more)


def frame(src, dst, payload=b"x" * 46, kind=0x88b5, tags=()):
    head = Ether(src=src, dst=dst)
    for tag in tags:
        head /= tag
    head.lastlayer().type = kind
    return raw(head / Raw(payload))


def up(rig, s, inner, **how):
    return raw(rig.from_gnb(s.gtpu(Raw(inner), **how)))


def in_tunnels(frames):
    """{TEID: [inner frames]} of what came out of n3."""
    out = {}
    for f in frames:
        assert f[IP].src == UPF4 and f[IP].dst == GNB4 and f[UDP].dport == 2152, f.summary()
        gtpu = f[GTP_U_Header]
        assert gtpu.gtp_type == 255 and f[GTPPDUSessionContainer].QFI == 9, f.summary()
        octets = raw(f[UDP])[8:]
        assert gtpu.length == len(octets) - 8
        out.setdefault(gtpu.teid, []).append(octets[16:])
    return out


def on_link(inner):
    """The frame as it is on n6: in the link's VLAN, with the PCP and DEI of its own outer tag."""
    tagged = inner[12:14] in (b"\x81\x00", b"\x88\xa8")
    return inner[:12] + bytes([0x81, 0, inner[14] & 0xf0 if tagged else 0, VLAN]) + inner[12:]


def known(rig):
    """{MAC address: session or interface} as coastd has it."""
    return {m["mac"]: m.get("seid", m.get("interface")) for m in rig.call("mac.list")["items"]}


def learn(rig, *pairs):
    """Each session is heard once, and coastd given the time to note it."""
    for s, mac in pairs:
        rig.n3.send(up(rig, s, frame(mac, ALL)))
    rig.wait(lambda: all(known(rig).get(mac) == s.seid for s, mac in pairs), 2, "addresses")
    for wire in (rig.n3, rig.n6):
        wire.receive(0.05)


def test_frames_cross_bit_by_bit(rig):
    """Uplink to N6 and back: short frames, tags, whatever is inside; counted once."""
    cases = [frame(A, D), frame(A, D, b"z" * 1486), frame(A, D, b"ab"),
             frame(A, D, tags=[Dot1Q(vlan=7, prio=5, id=1)]),
             frame(A, D, tags=[Dot1Q(vlan=0, prio=6)]),
             frame(A, D, tags=[Dot1AD(vlan=300, prio=3), Dot1Q(vlan=7, prio=1)]),
             raw(Ether(src=A, dst=D) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000, dport=5) / Raw(b"pad" * 9)),
             raw(Ether(src=A, dst=D) / IPv6() / UDP(sport=1000, dport=5) / Raw(b"6" * 9)),
             frame(A, D, b"\0\0\x12\x34\x88\xb5" + b"r" * 40, kind=0xf1c1)]
    with lan(rig), session(rig, 1, A) as s:
        for inner in cases:
            got = rig.exchange(rig.n3, up(rig, s, inner), rig.n6, 1)
            assert [raw(f) for f in got] == [on_link(inner)], inner.hex()
        learn(rig, (s, A))
        for inner in cases:
            back = inner[6:12] + inner[:6] + inner[12:]
            got = rig.exchange(rig.n6, on_link(back), rig.n3, 1)
            assert in_tunnels(got) == {TEID[A]: [back]}, inner.hex()
        size = sum(map(len, cases))
        assert s.counts() == {1: (len(cases) + 1, size + 60), 2: (len(cases), size)}


def test_two_users_talk_locally(rig):
    """Unknown and broadcast to all but the sender, known ones to their session alone."""
    with lan(rig), session(rig, 1, A) as a, session(rig, 2, B) as b:
        for dst in (ALL, "01:00:5e:00:00:01", B):
            inner = frame(A, dst)
            rig.n6.drain()
            got = rig.exchange(rig.n3, up(rig, a, inner), rig.n3, 1)
            assert in_tunnels(got) == {TEID[B]: [inner]}, dst
            assert [raw(f) for f in rig.n6.receive(1, 1)] == [on_link(inner)], dst
        learn(rig, (a, A), (b, B))
        for s, inner, to in ((a, frame(A, B), B), (b, frame(B, A), A)):
            got = rig.exchange(rig.n3, up(rig, s, inner), rig.n3, 2, timeout=0.2)
            assert in_tunnels(got) == {TEID[to]: [inner]}
            assert not rig.n6.receive(0.05, 1)
        inner = frame(D, ALL)
        got = rig.exchange(rig.n6, on_link(inner), rig.n3, 2)
        assert in_tunnels(got) == {TEID[A]: [inner], TEID[B]: [inner]}
        # D was heard on N6: nobody else gets what is for it
        rig.wait(lambda: known(rig).get(D) == "lan", 2, "D")
        assert known(rig) == {A: 1, B: 2, D: "lan"}
        assert rig.call("mac.get", {"network_instance": "lan", "mac": B})["seid"] == 2
        got = rig.exchange(rig.n3, up(rig, a, frame(A, D)), rig.n6, 1)
        assert [raw(f) for f in got] == [on_link(frame(A, D))]
        assert not rig.n3.receive(0.05, 1)


def test_addresses_move_and_end_with_their_session(rig):
    with lan(rig), session(rig, 1, A) as a:
        with session(rig, 2, B) as b:
            learn(rig, (a, A), (b, B))
            learn(rig, (a, B))  # it is behind A by now
            drops = rig.drops()
            rig.silent(rig.n3, up(rig, a, frame(A, B)))
            assert grown(rig, drops) == {"upf.eth_same_side": 1}
            got = rig.exchange(rig.n6, on_link(frame(D, B)), rig.n3, 2, timeout=0.2)
            assert in_tunnels(got) == {TEID[A]: [frame(D, B)]}
        learn(rig, (a, A))
    assert A not in known(rig)
    with lan(rig), session(rig, 2, B):
        got = rig.exchange(rig.n6, on_link(frame(D, A)), rig.n3, 2, timeout=0.2)
        assert in_tunnels(got) == {TEID[B]: [frame(D, A)]}, "A is not known any more: to all"


def grown(rig, before):
    return {k: v - before.get(k, 0) for k, v in rig.drops().items() if v > before.get(k, 0)}


def test_filters_refuse(rig):
    """VLAN, addresses, EtherType and the packet inside; PCP is kept by those that pass."""
    tag = {"c_tag": {"vid": 7, "pcp": 5}}
    filters = {"ethernet_packet_filters": [
        {"id": 1, "bidirectional": True, "mac_addresses": [{"source": A}], **tag},
        {"ethertype": "0x88b5", "s_tag": {"vid": 300}},
        {"sdf_filters": [{"flow_description": "permit out 17 from 10.0.0.2 to any 1000"}]}]}
    flow = Ether(src=A, dst=D) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000, dport=5)
    other = Ether(src=A, dst=D) / IP(src="10.0.0.1", dst="10.0.0.3") / UDP(sport=1000, dport=5)
    with lan(rig), session(rig, 1, A, ul=filters,
                           dl={"ethernet_packet_filters": [{"id": 1}]}) as s:
        for inner in (frame(A, D, tags=[Dot1Q(vlan=7, prio=5)]),
                      frame(B, D, tags=[Dot1AD(vlan=300, prio=2), Dot1Q(vlan=9)]), raw(flow)):
            got = rig.exchange(rig.n3, up(rig, s, inner), rig.n6, 1)
            assert [raw(f) for f in got] == [on_link(inner)], inner.hex()
        drops = rig.drops()
        refused = [frame(A, D), frame(B, D, tags=[Dot1Q(vlan=7, prio=5)]),
                   frame(A, D, tags=[Dot1Q(vlan=7, prio=4)]),
                   frame(A, D, tags=[Dot1Q(vlan=8, prio=5)]), raw(other),
                   frame(A, D, kind=0x88b6, tags=[Dot1AD(vlan=300), Dot1Q(vlan=9)])]
        rig.silent(rig.n3, [up(rig, s, f) for f in refused])
        assert grown(rig, drops) == {"upf.no_pdr": len(refused)}
        # the reference, turned round
        yes, no = frame(D, A, tags=[Dot1Q(vlan=7, prio=5)]), frame(D, B, tags=[Dot1Q(vlan=7, prio=5)])
        got = rig.exchange(rig.n6, [on_link(no), on_link(yes)], rig.n3, 2, timeout=0.2)
        assert in_tunnels(got) == {TEID[A]: [yes]}


def test_bad_frames_have_names(rig):
    with lan(rig), session(rig, 1, A) as s:
        for bad, why in ((b"\x02\0\0\0\x0d", "upf.malformed_frame"),
                         (frame(A, D)[:13], "upf.malformed_frame"),
                         (frame(A, D, tags=[Dot1Q(vlan=7)])[:17], "upf.malformed_frame"),
                         (frame(ALL, D), "upf.malformed_frame"),
                         (frame("00:00:00:00:00:00", D), "upf.malformed_frame"),
                         (frame(A, "01:80:c2:00:00:00"), "upf.eth_reserved"),
                         (b"\x45" + b"\0" * 9, "upf.malformed_frame")):
            drops = rig.drops()
            rig.silent(rig.n3, up(rig, s, bad), timeout=0.05)
            assert grown(rig, drops) == {why: 1}, (bad.hex(), why)
        # an address whose first octets look like an IPv4 header is a frame like any other
        ip_like = raw(IP(src="10.0.0.1", dst="10.0.0.2", id=0x0200, len=60, chksum=0) / Raw(b"f" * 40))
        got = rig.exchange(rig.n3, up(rig, s, ip_like), rig.n6, 1)
        assert [raw(f) for f in got] == [on_link(ip_like)]
        drops = rig.drops()
        rig.silent(rig.n6, on_link(frame(D, B, b"m" * 1560)))
        rig.silent(rig.n3, up(rig, s, b"\x01" * 0))
        assert set(grown(rig, drops)) == {"upf.eth_too_big", "upf.malformed_inner"}


def test_usage_gates_and_quotas(rig):
    urr = {"id": 1, "measurement_method": ["VOLUM"], "reporting_triggers": ["VOLQU"],
           "volume_quota": {"total": 300}}
    with lan(rig), session(rig, 1, A, urrs=[urr]) as s:
        for pdr in (1, 2):
            s.modify(update_pdrs=[{"id": pdr, "urr_ids": [1]}])
        drops = rig.drops()
        got = rig.exchange(rig.n3, [up(rig, s, frame(A, D))] * 6, rig.n6, 6, timeout=0.2)
        assert len(got) == 5 and grown(rig, drops) == {"upf.quota": 1}
        assert s.state()["urrs"][0]["volume_measured"]["total"] == 300
        s.modify(update_urrs=[{"id": 1, "volume_quota": {"total": 10000}}],
                 update_qers=[{"id": 1, "gate_status": {"ul": "open", "dl": "closed"}}])
        drops = rig.drops()
        assert len(rig.exchange(rig.n3, up(rig, s, frame(A, D)), rig.n6)) == 1
        rig.silent(rig.n6, on_link(frame(D, A)))
        assert grown(rig, drops) == {"upf.gate_closed": 1}


def test_addresses_are_reported(rig):
    """MACAR: those that are new behind the session, and those that went to another one."""
    urr = {"id": 1, "measurement_method": ["EVENT"], "reporting_triggers": ["MACAR"]}
    with lan(rig), Events(rig, "session.usage_report") as events, \
            session(rig, 1, A, urrs=[urr]) as a, session(rig, 2, B) as b:
        for pdr in (1, 2):
            a.modify(update_pdrs=[{"id": pdr, "urr_ids": [1]}])
        learn(rig, (a, A))
        r, = events.take(1)
        assert (r["seid"], r["urr_id"], r["usage_report_trigger"]) == (1, 1, ["MACAR"])
        assert r["ethernet_traffic_information"] == {"mac_addresses_detected": [A]}
        learn(rig, (b, A))
        r, = events.take(1)
        assert (r["seid"], r["ur_seqn"]) == (1, 1)
        assert r["ethernet_traffic_information"] == {"mac_addresses_removed": [A]}


def test_downlink_waits_for_its_user(rig):
    with lan(rig), session(rig, 1, A) as s, Events(rig, "session.downlink_data_report") as events:
        s.modify(update_fars=[{"id": 2, "apply_action": ["BUFF", "NOCP"]}])
        frames = [frame(D, A, bytes([i]) * 46, tags=[Dot1Q(vlan=7, prio=i)]) for i in range(5)]
        rig.silent(rig.n6, [on_link(f) for f in frames])
        assert events.take(1)[0]["seid"] == 1
        rig.n3.drain()
        s.modify(update_fars=[{"id": 2, "apply_action": ["FORW"]}])
        assert in_tunnels(rig.n3.receive(1, 5)) == {TEID[A]: frames}
        assert s.counts()[2] == (5, 5 * len(frames[0]))


def test_from_tunnel_to_tunnel(rig):
    """A UPF in between (N9): frames are not looked at by MAC address."""
    on = {"id": 1, "apply_action": ["FORW", "DUPL"], "forwarding_parameters": {
        "destination_interface": "core", "network_instance": "access",
        "outer_header_creation": {"description": "gtpu-udp-ipv4", "teid": "0x91", "ipv4": GNB4}},
        "duplicating_parameters": [{
            "destination_interface": "li-function", "network_instance": "access",
            "outer_header_creation": {"description": "gtpu-udp-ipv4", "teid": "0x99",
                                      "ipv4": GNB4}}]}
    with lan(rig), session(rig, 1, A) as s:
        s.modify(update_fars=[on])
        inner = frame(A, ALL, tags=[Dot1Q(vlan=7)])
        got = rig.exchange(rig.n3, up(rig, s, inner), rig.n3, 2)
        whole = {f[GTP_U_Header].teid: raw(f)[-len(inner):] for f in got}
        assert whole == {0x91: inner, 0x99: inner}
        assert not rig.n6.receive(0.05, 1)


def test_arp_between_user_and_n6(rig):
    ask = raw(Ether(src=A, dst=ALL) / ARP(hwsrc=A, psrc="10.9.0.1", pdst="10.9.0.2"))
    answer = raw(Ether(src=D, dst=A) / ARP(op=2, hwsrc=D, psrc="10.9.0.2", hwdst=A,
                                           pdst="10.9.0.1"))
    with lan(rig), session(rig, 1, A) as s:
        got = rig.exchange(rig.n3, up(rig, s, ask), rig.n6, 1, asks=True)
        assert [raw(f) for f in got] == [on_link(ask)]
        time.sleep(0.1)
        assert in_tunnels(rig.exchange(rig.n6, on_link(answer), rig.n3, 1)) == {
            TEID[A]: [answer]}


def test_whole_trunk(rig):
    """Without a VLAN of its own the N6 has all that the port's other interfaces leave."""
    with lan(rig, vlan=0), session(rig, 1, A) as s:
        inner = frame(A, D, tags=[Dot1Q(vlan=100, prio=5)])
        got = rig.exchange(rig.n3, up(rig, s, inner), rig.n6, 1)
        assert [raw(f) for f in got] == [inner]
        time.sleep(0.1)
        back = frame(D, A, tags=[Dot1Q(vlan=100, prio=4)])
        assert in_tunnels(rig.exchange(rig.n6, Ether(back), rig.n3, 1)) == {TEID[A]: [back]}


def test_two_sessions_are_the_paths_of_a_stream(rig):
    """802.1CB over two tunnels: the R-TAG goes through as any octets do, each session counts."""
    tagged = frame(D, A)[:12] + b"\xf1\xc1\0\0\0\0" + frame(D, A)[12:]
    uplink = frame(A, D)[:12] + b"\xf1\xc1\0\0\0\0" + frame(A, D)[12:]
    with lan(rig), session(rig, 1, A) as a, session(rig, 2, B) as b, contextlib.ExitStack() as s:
        for kind, thing in (
                ("path", {"name": "a", "encapsulation": "rtag", "session": 1}),
                ("path", {"name": "b", "encapsulation": "rtag", "session": 2}),
                ("stream", {"name": "s", "paths": ["a", "b"], "send": {
                    "port": "n6", "identification": {"type": "null", "mac": A}},
                    "receive": {"port": "n6", "identification": {
                        "type": "source_mac_vlan", "mac": A}}})):
            rig.call(kind + ".put", thing)
            s.callback(rig.call, kind + ".delete", {"name": thing["name"]})
        got = rig.exchange(rig.n6, Ether(frame(D, A)), rig.n3, 2)
        assert in_tunnels(got) == {TEID[A]: [tagged], TEID[B]: [tagged]}
        got = rig.exchange(rig.n3, [up(rig, a, uplink), up(rig, b, uplink)], rig.n6, 2, timeout=0.3)
        assert [raw(f) for f in got] == [frame(A, D)]
        assert A not in known(rig), "who is behind both is behind neither"
        # what is not the stream's takes its own way, and so do answers
        learn(rig, (a, B))
        got = rig.exchange(rig.n6, on_link(frame(D, B)), rig.n3, 2, timeout=0.2)
        assert in_tunnels(got) == {TEID[A]: [frame(D, B)]}
        assert a.counts() == {1: (2, 126), 2: (2, 126)} and b.counts() == {1: (1, 66), 2: (2, 126)}


def test_what_does_not_fit_is_refused(rig):
    def no(field, reason, **session_more):
        with refused(field, reason), session(rig, 1, A, **session_more):
            pass

    with lan(rig):
        no("ue_ip_address", "no IP address", dl={"ue_ip_address": [{"ipv4": "10.45.0.2"}]})
        no("sdf_filters", "ethernet_packet_filters",
           ul={"sdf_filters": [{"flow_description": "permit out ip from any to any"}]})
        no("ethernet_packet_filters[0].id", "bidirectional",
           ul={"ethernet_packet_filters": [{"id": 4}]})
        with refused("interfaces[lan].port", "set promiscuous"):
            rig.call("port.modify", {"name": "n6", "promiscuous": False})
    with refused(reason="promiscuous"):  # a port that takes in its own frames alone
        rig.call("interface.put", {"name": "l2", "port": "n6", "vlan": 77, "ethernet": True,
                                   "network_instance": "internet"})
