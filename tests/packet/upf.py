# SPDX-License-Identifier: BSD-3-Clause
"""What the UPF cases share: session objects, events, and the user's side of packets."""
import json
import socket
import time

from scapy.all import IP, UDP, IPv6, Raw
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer

from harness import DN4, DN6, GNB4, GNB6, UPF4, UPF6, Client

UE4, UE6 = "10.45.0.2", "2001:db8:45:2::2"
UE6_PREFIX = "2001:db8:45:2::"
QFI, DL_TEID = 9, 0x11


def far_core(far_id=1, instance="internet"):
    return {"id": far_id, "apply_action": ["FORW"], "forwarding_parameters": {
        "destination_interface": "core", "network_instance": instance}}


def far_access(far_id=2, teid=DL_TEID, outer=4):
    peer = {"description": f"gtpu-udp-ipv{outer}", "teid": hex(teid),
            f"ipv{outer}": GNB4 if outer == 4 else GNB6}
    return {"id": far_id, "apply_action": ["FORW"], "forwarding_parameters": {
        "destination_interface": "access", "network_instance": "access",
        "outer_header_creation": peer}}


def ue_addresses():
    return [{"ipv4": UE4}, {"ipv6": UE6_PREFIX}]


def pdr_ul(pdr_id=1, far_id=1, precedence=255, **pdi):
    return {"id": pdr_id, "precedence": precedence, "outer_header_removal": "gtpu-udp-ip",
            "far_id": far_id, "qer_ids": [1],
            "pdi": {"source_interface": "access", "network_instance": "access",
                    "f_teid": {"choose": True, "choose_id": 5},
                    "ue_ip_address": ue_addresses(), **pdi}}


def pdr_dl(pdr_id=2, far_id=2, precedence=255, **pdi):
    return {"id": pdr_id, "precedence": precedence, "far_id": far_id, "qer_ids": [1],
            "pdi": {"source_interface": "core", "network_instance": "internet",
                    "ue_ip_address": ue_addresses(), **pdi}}


class Session:
    """A session on the rig for the length of a `with`."""

    def __init__(self, rig, seid=1, pdrs=None, fars=None, qers=None, outer=4, **more):
        self.rig, self.seid, self.outer = rig, seid, outer
        self.object = {"seid": seid, "dnn": "internet",
                       "pdrs": pdrs or [pdr_ul(), pdr_dl()],
                       "fars": fars or [far_core(), far_access(outer=outer)],
                       "qers": qers or [{"id": 1, "qfi": QFI}], **more}

    def __enter__(self):
        reply = self.rig.call("session.put", self.object)
        self.created = (reply[0] if isinstance(reply, list) else reply)["created_pdrs"]
        teids = [p["f_teid"]["teid"] for p in self.created if "f_teid" in p]
        self.teid = int(teids[0], 0) if teids else None
        return self

    def __exit__(self, *_):
        self.rig.call("session.delete", {"seid": self.seid})

    def modify(self, **changes):
        return self.rig.call("session.modify", {"seid": self.seid, **changes})

    def state(self):
        return self.rig.call("session.get", {"seid": self.seid})

    def counts(self):
        pdrs = self.rig.call("session.get", {"seid": self.seid})["pdrs"]
        return {p["id"]: (p["packets"], p["bytes"]) for p in pdrs}

    # ---- packets -------------------------------------------------------------

    def gtpu(self, inner, qfi=QFI, teid=None, **header):
        """A G-PDU as a gNB sends it, from the outer IP header on."""
        pdu = GTP_U_Header(teid=self.teid if teid is None else teid, gtp_type=255, **header)
        if qfi is not None:
            pdu /= GTPPDUSessionContainer(type=1, QFI=qfi)
        return self.outer_ip() / UDP(sport=2152, dport=2152) / pdu / inner

    def outer_ip(self):
        return IP(src=GNB4, dst=UPF4) if self.outer == 4 else IPv6(src=GNB6, dst=UPF6)


class Events:
    """Events of some types from now on, on a connection of their own."""

    def __init__(self, rig, *types):
        self.client = Client(rig.sock_path)
        self.client.call("event.subscribe", {"types": list(types)})
        self.kept = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def take(self, n, timeout=3.0):
        """The next n events' data, or fewer when the time is over."""
        end = time.monotonic() + timeout
        while len(self.kept) < n:
            left = end - time.monotonic()
            if left <= 0:
                break
            self.client.sock.settimeout(left)
            try:
                data = self.client.sock.recv(1 << 16)
            except socket.timeout:
                break
            assert data, "the connection was closed"
            self.rest = getattr(self, "rest", b"") + data
            *lines, self.rest = self.rest.split(b"\n")
            self.kept += [json.loads(x)["params"] for x in lines]
        out, self.kept = self.kept[:n], self.kept[n:]
        return [e["data"] for e in out]

    def none(self, timeout=0.4):
        got = self.take(1, timeout)
        assert not got, f"unexpected event: {got[0]}"


def inner4(payload=b"x" * 32, sport=1000, dport=2000, **ip):
    return IP(**{"src": UE4, "dst": DN4, **ip}) / UDP(sport=sport, dport=dport) / Raw(payload)


def inner6(payload=b"x" * 32, sport=1000, dport=2000, **ip):
    return IPv6(**{"src": UE6, "dst": DN6, **ip}) / UDP(sport=sport, dport=dport) / Raw(payload)


def downlink4(payload=b"y" * 32, sport=2000, dport=1000, **ip):
    return IP(**{"src": DN4, "dst": UE4, **ip}) / UDP(sport=sport, dport=dport) / Raw(payload)


def downlink6(payload=b"y" * 32, sport=2000, dport=1000, **ip):
    return IPv6(**{"src": DN6, "dst": UE6, **ip}) / UDP(sport=sport, dport=dport) / Raw(payload)
