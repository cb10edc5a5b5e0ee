# SPDX-License-Identifier: BSD-3-Clause
"""QoS monitoring: time stamps in the PDU Session Container, and what coast makes of the answers
(TS 38.415 5.5, TS 23.501 5.33.3.2, TS 29.244 5.24.4).

The gNB is played here, octet by octet: containers with QMP are nothing that scapy makes.
"""
import struct
import time

from scapy.all import IP, UDP, raw

from harness import GNB4, UPF4, refused
from upf import QFI, Events, Session, downlink4, inner4

REPORT = "session.qos_monitoring"
NTP = 2208988800


def srr(frequency, **more):
    flow = {"qfi": [QFI], "requested_qos_monitoring": ["DL", "UL", "RP"],
            "reporting_frequency": frequency, **more}
    return {"srrs": [{"id": 1, "qos_monitoring": [flow]}]}


def container(frame):
    """(QMP, QFI, time stamp) of a downlink G-PDU's container (TS 38.415 5.5.2.1)."""
    g = raw(frame[UDP])[8:]
    assert g[0] & 7 == 4 and g[11] == 0x85, "no container"
    body = g[12:12 + g[12] * 4]
    assert body[1] >> 4 == 0, "PDU type"
    qmp = body[1] >> 3 & 1
    if not qmp:
        assert body[0] == 1
        return 0, body[2] & 63, None
    assert body[0] == 3, f"length {body[0]}"
    return 1, body[2] & 63, struct.unpack_from("!Q", body, 3)[0]


def ntp_now():
    return int((time.time() + NTP) * (1 << 32))


def answer(s, sent, received, answered, qfi=QFI, inner=None):
    """A G-PDU whose container answers: PDU type 1 with QMP (TS 38.415 5.5.2.2)."""
    content = struct.pack("!BBQQQ", 1 << 4 | 1 << 3, qfi, sent, received, answered)
    content += bytes(-(len(content) + 2) % 4)
    ext = bytes([(len(content) + 2) // 4]) + content + b"\0"
    user = raw(inner or inner4())
    gtp = struct.pack("!BBHIHBB", 0x34, 255, 4 + len(ext) + len(user), s.teid, 0, 0, 0x85)
    return IP(src=GNB4, dst=UPF4) / UDP(sport=2152, dport=2152, chksum=0) / (gtp + ext + user)


def stamped(rig):
    """A downlink packet with a time stamp: not each one bears it."""
    for _ in range(40):
        got = rig.exchange(rig.n6, rig.from_dn(downlink4()), rig.n3)
        qmp, qfi, sent = container(got[0])
        assert qfi == QFI and raw(got[0]).endswith(b"y" * 32)
        if qmp:
            return sent
        time.sleep(0.02)
    raise AssertionError("no packet was marked")


def flow(s):
    return next(f for f in s.state()["srrs"][0]["flows"] if f["qfi"] == QFI)


def test_time_stamps_go_out(rig):
    """In NTP's format, of now; only of flows that are monitored."""
    with Session(rig, **srr(["PERIO"], measurement_period=60)) as s:
        before = ntp_now()
        sent = stamped(rig)
        assert before - (1 << 30) < sent < ntp_now() + (1 << 30), "not this time"
        assert flow(s)["marked"] >= 1
    with Session(rig):
        got = rig.exchange(rig.n6, [rig.from_dn(downlink4())] * 5, rig.n3, 5)
        assert [container(f)[0] for f in got] == [0] * 5


def test_delays_are_measured(rig):
    """The answers say 40 ms down and 25 ms up: so does coast, and the user packet goes on."""
    with Session(rig, **srr(["PERIO"], measurement_period=60)) as s:
        for _ in range(3):
            sent = stamped(rig)
            time.sleep(0.08)
            received = sent + int(0.040 * (1 << 32))
            answered = ntp_now() - int(0.025 * (1 << 32))
            got = rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, received, answered)), rig.n6)
            assert len(got) == 1 and got[0][UDP].dport == 2000
        f = flow(s)
        assert f["answered"] == 3 and f["ignored"] == 0, f
        assert abs(f["downlink"]["last"] - 40000) < 2000, f
        assert 24000 < f["uplink"]["last"] < 60000, f
        # neither way's time is the gNB's own: 40 + 25 ms and what the wire takes
        assert f["round_trip"]["samples"] == 3
        assert 64000 < f["round_trip"]["last"] < 100000, f


def test_round_trip_without_a_common_clock(rig):
    """The gNB's clock is an hour off: the round trip holds, the others are not told."""
    with Session(rig, **srr(["PERIO"], measurement_period=60)) as s:
        sent = stamped(rig)
        wrong = 3600 << 32
        began = time.monotonic()
        received = ntp_now() - wrong
        time.sleep(0.05)
        answered = ntp_now() - wrong
        rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, received, answered)), rig.n6)
        f = flow(s)
        assert f["unsynchronised"] == 1 and "downlink" not in f, f
        most = (time.monotonic() - began) * 1e6
        assert f["round_trip"]["samples"] == 1 and f["round_trip"]["last"] < most + 50000, f


def test_forged_answers(rig):
    """Time stamps that coast never sent count for nothing; the user packet goes on."""
    with Session(rig, **srr(["PERIO"], measurement_period=60)) as s:
        stamped(rig)
        now = ntp_now()
        for sent, received, answered in ((now - (5 << 32), now, now), (0, 0, 0),
                                         ((1 << 64) - 1, 1, 2)):
            got = rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, received, answered)), rig.n6)
            assert len(got) == 1
        f = flow(s)
        assert "round_trip" not in f and f["ignored"] == 3, f


def test_threshold_event(rig):
    with Events(rig, REPORT) as events, Session(rig, **srr(
            ["EVETT"], packet_delay_thresholds={"dl": 30}, minimum_wait_time=0)) as s:
        sent = stamped(rig)
        time.sleep(0.02)
        rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, sent + int(0.010 * (1 << 32)),
                                                 ntp_now())), rig.n6)
        events.none()
        sent = stamped(rig)
        time.sleep(0.1)
        rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, sent + int(0.080 * (1 << 32)),
                                                 ntp_now())), rig.n6)
        e, = events.take(1)
        assert (e["seid"], e["srr_id"], e["qfi"], e["trigger"]) == (1, 1, QFI, "EVETT")
        assert 75 <= e["downlink_packet_delay"] <= 85, e


def test_thresholds_of_uplink_and_round_trip(rig):
    """Each by its own threshold, and not by the delay of another way."""
    def answered(down, up):
        sent = stamped(rig)
        time.sleep((down + up) / 1000 + 0.02)
        rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, sent + (down << 32) // 1000,
                                                 ntp_now() - (up << 32) // 1000)), rig.n6)

    for way, name, short, long in (("ul", "uplink", (90, 10), (10, 90)),
                                   ("rp", "round_trip", (20, 20), (60, 60))):
        with Events(rig, REPORT) as events, Session(rig, **srr(
                ["EVETT"], packet_delay_thresholds={way: 70}, minimum_wait_time=0)) as s:
            answered(*short)
            events.none()
            answered(*long)
            e, = events.take(1)
            assert (e["trigger"], e["qfi"]) == ("EVETT", QFI)
            assert 85 <= e[name + "_packet_delay"] <= 150, (way, e)


def test_periodic_event_and_failure(rig):
    """PERIO: each period; without an answer the report says so (PLMF)."""
    with Events(rig, REPORT) as events, Session(rig, **srr(["PERIO"], measurement_period=1)) as s:
        sent = stamped(rig)
        time.sleep(0.03)
        rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, sent + int(0.020 * (1 << 32)),
                                                 ntp_now())), rig.n6)
        e, = events.take(1)
        assert e["trigger"] == "PERIO" and 18 <= e["downlink_packet_delay"] <= 22, e
        time.sleep(0.2)
        stamped(rig)
        e, = events.take(1)
        assert e.get("packet_delay_measurement_failure") is True, e


def test_session_release(rig):
    with Events(rig, REPORT) as events:
        with Session(rig, **srr(["SESRL"])) as s:
            sent = stamped(rig)
            time.sleep(0.03)
            rig.exchange(rig.n3, rig.from_gnb(answer(s, sent, sent + (1 << 25), ntp_now())),
                         rig.n6)
            events.none(0.2)
        e, = events.take(1)
        assert e["trigger"] == "SESRL" and e["round_trip"]["samples"] == 1


def test_contradictions_are_refused(rig):
    for field, rules in (("packet_delay_thresholds", srr(["EVETT"])),
                         ("measurement_period", srr(["PERIO"]))):
        with refused(field), Session(rig, **rules):
            pass
