# SPDX-License-Identifier: BSD-3-Clause
"""What a UPF must do with a packet, said once more in Python.

A model of TS 29.244's rules as pipelines/upf/upf.md says that coast means them: which PDR a packet
falls to, what its FAR, QERs and URRs make of it. Written from the standard, shares nothing with
coast, and is slow and plain: lists are walked, nothing is compiled. test_model.py holds coast
against it.

A session is the object of the control socket, a packet the dict of model_gen.packet().
"""
import socket
from collections import defaultdict, namedtuple

# What becomes of a packet.
Drop = namedtuple("Drop", "reason")
Plain = namedtuple("Plain", "instance tos")  # to routing in this network instance
Tunnel = namedtuple("Tunnel", "peer teid psc tos hop")  # hop: the inner packet lost one
Held = namedtuple("Held", "")

PORTED = (6, 17, 132)  # TCP, UDP, SCTP: the protocols that filters know ports of


def packed(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def in_prefix(address, prefix):
    net, _, length = prefix.partition("/")
    net = packed(net)
    if len(net) != len(address):
        return False
    bits = len(net) * 8
    shift = bits - (int(length) if length else bits)
    return int.from_bytes(address, "big") >> shift == int.from_bytes(net, "big") >> shift


# ---- filters, TS 29.212 5.4.2 and TS 29.244 8.2.5 ------------------------------------------

def ranges(text):
    out = []
    for piece in text.split(","):
        low, _, high = piece.partition("-")
        out.append((int(low), int(high or low)))
    return out


class Description:
    """permit out PROTO from REMOTE [PORTS] to UE [PORTS]"""

    def __init__(self, text):
        words = text.split()
        assert words[:2] == ["permit", "out"] and words[3] == "from"
        self.proto = None if words[2] == "ip" else int(words[2])
        to = words.index("to")
        self.remote, self.remote_ports = self._end(words[4:to])
        self.ue, self.ue_ports = self._end(words[to + 1:])

    @staticmethod
    def _end(words):
        return (None if words[0] in ("any", "assigned") else words[0],
                ranges(words[1]) if len(words) > 1 else None)

    def fits(self, p, ue_is_source):
        ue, remote = (p["src"], p["dst"]) if ue_is_source else (p["dst"], p["src"])
        ue_port, remote_port = ((p["sport"], p["dport"]) if ue_is_source
                                else (p["dport"], p["sport"]))
        if self.proto is not None and self.proto != p["proto"]:
            return False
        if self.remote and not in_prefix(remote, self.remote):
            return False
        if self.ue and not in_prefix(ue, self.ue):
            return False
        for asked, port in ((self.ue_ports, ue_port), (self.remote_ports, remote_port)):
            if asked is None:
                continue
            if p["proto"] not in PORTED or p.get("offset"):
                return False  # a later fragment has no ports
            if not any(low <= port <= high for low, high in asked):
                return False
        return True


def filter_fits(f, p, ue_is_source):
    if "flow_description" in f and not Description(f["flow_description"]).fits(p, ue_is_source):
        return False
    if "tos_traffic_class" in f:
        value, mask = divmod(int(f["tos_traffic_class"], 0), 256)
        if (p["tos"] ^ value) & mask:
            return False
    if "spi" in f and (p["proto"] not in (50, 51) or p.get("offset")
                       or p["spi"] != int(f["spi"], 0)):
        return False
    return not ("flow_label" in f and (len(p["src"]) == 4 or p["label"] !=
                                       int(f["flow_label"], 0)))


# ---- a modification, TS 29.244 7.5.4 and 5.6.3 -------------------------------------------

def modified(obj, changes):
    """The session's rules after these changes; remove, create, update, in this order."""
    import copy
    out = copy.deepcopy(obj)
    for kind in ("pdrs", "fars", "qers", "urrs", "bars"):
        rules = out.get(kind, [])
        gone = {r["id"] for r in changes.get("remove_" + kind, [])}
        rules = [r for r in rules if r["id"] not in gone]
        rules += copy.deepcopy(changes.get("create_" + kind, []))
        for new in changes.get("update_" + kind, []):
            old = next(r for r in rules if r["id"] == new["id"])
            parameters = {**old.get("forwarding_parameters", {}),
                          **new.get("forwarding_parameters", {})}
            old.update(copy.deepcopy(new))
            if parameters:  # what an update does not say stays, the tunnel too
                old["forwarding_parameters"] = parameters
        if rules:
            out[kind] = rules
    return out


# ---- a session -----------------------------------------------------------------------------

class Session:
    def __init__(self, obj, teids):
        """obj: as put; teids: PDR id -> the F-TEID it got."""
        self.counts = defaultdict(lambda: [0, 0])                # PDR id: packets, bytes
        self.usage = defaultdict(lambda: {"ul": [0, 0], "dl": [0, 0]})  # URR id: packets, bytes
        self.passed = defaultdict(int)                           # (QER id, direction): packets
        self.held = []             # (PDR id, packet, size, TEID, QFI) of those that wait, in order
        self.lost = []             # packets that were pushed out of there
        self.teids = teids
        self.rules(obj)

    def rules(self, obj):
        """The rules are these now; what was counted stays."""
        self.obj = obj
        # equal precedence: as they came; sorted() keeps that
        self.pdrs = sorted(obj["pdrs"], key=lambda r: r["precedence"])
        self.fars = {f["id"]: f for f in obj["fars"]}
        self.qers = {q["id"]: q for q in obj.get("qers", [])}
        self.urrs = {u["id"]: u for u in obj.get("urrs", [])}
        self.filters = {f["id"]: f for r in obj["pdrs"] for f in r["pdi"].get("sdf_filters", [])
                        if "id" in f and len(f) > 1}
        self.ue, self.framed = [], []
        for r in obj["pdrs"]:
            for a in r["pdi"].get("ue_ip_address", []):
                self.ue += [a["ipv4"]] if "ipv4" in a else []
                self.ue += [a["ipv6"] + "/64"] if "ipv6" in a else []
            self.framed += r["pdi"].get("framed_routes", []) + r["pdi"].get(
                "framed_ipv6_routes", [])

    def owns(self, address):
        return any(in_prefix(address, a) for a in self.ue + self.framed)

    # ---- the match, 5.2.1

    def teid_of(self, pdr):
        return self.teids.get(pdr["id"])

    def address_fits(self, pdr, p):
        """None: of another family than it asks; False: somebody else's.

        A downlink PDR takes what it names (UE address, framed routes: 5.16) and no others; uplink
        may come from all that is the UE's.
        """
        pdi = pdr["pdi"]
        named = [t for a in pdi.get("ue_ip_address", []) for t in
                 ([a["ipv4"]] if "ipv4" in a else []) + (
                     [a["ipv6"] + "/64"] if "ipv6" in a else [])]
        named += pdi.get("framed_routes", []) + pdi.get("framed_ipv6_routes", [])
        uplink = pdi["source_interface"] == "access"
        address = p["src"] if uplink else p["dst"]
        if named:
            if not any((":" in t) == (len(address) == 16) for t in named):
                return None
            return self.owns(address) if uplink else any(in_prefix(address, t) for t in named)
        if not uplink or not self.ue:
            return True
        parameters = self.fars[pdr["far_id"]].get("forwarding_parameters", {})
        if "outer_header_creation" in parameters and (
                parameters["destination_interface"] == "access"):
            return True  # between gNBs during a handover
        return self.owns(address)

    def find(self, p, teid, qfi):
        """(PDR, None) or (None, why)."""
        why = "upf.no_pdr"
        for pdr in self.pdrs:
            pdi = pdr["pdi"]
            if self.teid_of(pdr) != teid:
                continue
            if teid is None and pdi["source_interface"] == "access":
                continue
            if teid is not None and pdi.get("qfi") and qfi not in pdi["qfi"]:
                continue
            filters = [self.filters[f["id"]] if set(f) == {"id"} else f
                       for f in pdi.get("sdf_filters", [])]
            if filters and not any(filter_fits(f, p, pdi["source_interface"] == "access")
                                   for f in filters):
                continue
            fits = self.address_fits(pdr, p)
            if fits:
                return pdr, None
            if fits is False:
                why = "upf.spoofed"
        return None, why

    # ---- what is done, 5.2.3 to 5.4.8

    def qfi_out(self, pdr, parameters):
        for i in pdr.get("qer_ids", []):
            if "qfi" in self.qers[i]:
                return self.qers[i]["qfi"]
        if len(pdr["pdi"].get("qfi", [])) == 1:
            return pdr["pdi"]["qfi"][0]
        if pdr["pdi"]["source_interface"] == "access" or (
                parameters["destination_interface"] != "access"):
            return None
        told = [r for r in self.pdrs if r["pdi"]["source_interface"] == "access"
                and len(r["pdi"].get("qfi", [])) == 1]
        last = max((r["precedence"] for r in told), default=None)
        return next((r["pdi"]["qfi"][0] for r in told if r["precedence"] == last), None)

    @staticmethod
    def marked(parameters, p):
        """Type of service of the outermost header: DSCP from the FAR or from inside, ECN as it is.
        """
        if "transport_level_marking" not in parameters:
            return p["tos"]
        value, mask = divmod(int(parameters["transport_level_marking"], 0), 256)
        return value & mask & 0xfc | p["tos"] & 3

    def into_tunnel(self, pdr, parameters, p, teid, qfi):
        ohc = parameters["outer_header_creation"]
        tos = self.marked(parameters, p)
        if qfi is not None:  # from tunnel to tunnel the container goes along
            psc = (1, qfi, 0)
        else:
            out = self.qfi_out(pdr, parameters)
            access = parameters["destination_interface"] == "access"
            rqi = access and any(self.qers[i].get("rqi") for i in pdr.get("qer_ids", []))
            psc = None if out is None else (0 if access else 1, out, int(rqi))
        return Tunnel(packed(ohc.get("ipv4") or ohc["ipv6"]), int(ohc["teid"], 0), psc, tos,
                      teid is None)

    def forward(self, pdr, far, p, teid, qfi):
        parameters = far.get("forwarding_parameters", {})
        if far["apply_action"] == ["DROP"]:
            return Drop("upf.far_drop")
        if "BUFF" in far["apply_action"]:
            return Held()
        if "outer_header_creation" in parameters:
            return self.into_tunnel(pdr, parameters, p, teid, qfi)
        if parameters["destination_interface"] in ("access", "cp-function"):
            return Drop("upf.far_drop")  # never raw IP towards a gNB or an SMF
        if teid is None:
            return Drop("upf.no_outer_header")
        if "outer_header_removal" not in pdr:
            return Drop("upf.kept_outer_header")
        return Plain(parameters["network_instance"], self.marked(parameters, p))

    def spent(self, pdr, way, size):
        """The URRs of the PDR whose quota has no room for so many octets more."""
        out = []
        for i in pdr.get("urr_ids", []):
            quota, used = self.urrs[i].get("volume_quota", {}), self.usage[i]
            if used[way][1] + size > quota.get(way, 1 << 64) or (
                    used["ul"][1] + used["dl"][1] + size > quota.get("total", 1 << 64)):
                out.append(i)
        return out

    def refused_by_qos(self, pdr, way):
        qers = [self.qers[i] for i in pdr.get("qer_ids", [])]
        if any(q.get("gate_status", {}).get(way) == "closed" for q in qers):
            return "upf.gate_closed"
        for q in qers:
            if q.get("mbr", {}).get(way) == 0:
                return "upf.rate"
            limit = q.get("packet_rate", {}).get(way)
            if limit is not None and self.passed[q["id"], way] >= limit:
                return "upf.rate"
        return None

    def count_usage(self, pdr, way, size, before, but):
        for i in pdr.get("urr_ids", []):
            early = "MBQE" in self.urrs[i].get("measurement_information", [])
            if i not in but and early == before:
                self.usage[i][way][0] += 1
                self.usage[i][way][1] += size

    def treat(self, p, size, teid=None, qfi=None):
        """One packet of `size` octets, out of a tunnel or plain. Counts, and says what it comes to.
        """
        pdr, why = self.find(p, teid, qfi)
        if pdr is None:
            return Drop(why)
        return self.treat_by(pdr, p, size, teid, qfi)

    def hold(self, pdr, p, size, teid, qfi):
        """Behind the others; of more than the BAR suggests the oldest is lost."""
        self.held.append((pdr["id"], p, size, teid, qfi))
        bars = [b["suggested_buffering_packets_count"] for b in self.obj.get("bars", [])]
        if len(self.held) > min(bars, default=64):
            self.lost.append(self.held.pop(0)[1])
        return Held()

    def released(self):
        """After a change of rules: [(packet, verdict)] of those that wait no longer, in order."""
        out, waiting, self.held = [], self.held, []
        for at in waiting:
            pdr_id, p, size, teid, qfi = at
            pdr = next((r for r in self.pdrs if r["id"] == pdr_id), None)
            verdict = pdr and self.forward(pdr, self.fars[pdr["far_id"]], p, teid, qfi)
            if isinstance(verdict, Held):
                self.held.append(at)
            elif verdict == Drop("upf.far_drop"):
                out.append((p, Drop("upf.buffer_discarded")))
            else:
                out.append((p, self.treat(p, size, teid, qfi)))
        return out

    def treat_by(self, pdr, p, size, teid, qfi):
        verdict = self.forward(pdr, self.fars[pdr["far_id"]], p, teid, qfi)
        if isinstance(verdict, Drop):
            return verdict
        if isinstance(verdict, Held):
            return self.hold(pdr, p, size, teid, qfi)
        way = "ul" if pdr["pdi"]["source_interface"] == "access" else "dl"
        spent = self.spent(pdr, way, size)
        if spent:  # to go elsewhere, if all of them say so; QoS is enforced as ever
            instead = {self.urrs[i].get("far_id_for_quota_action") for i in spent}
            if None in instead:
                return Drop("upf.quota")
            verdict = self.forward(pdr, self.fars[instead.pop()], p, teid, qfi)
            if isinstance(verdict, Drop):
                return verdict
        self.count_usage(pdr, way, size, True, spent)
        why = self.refused_by_qos(pdr, way)
        if why:
            return Drop(why)
        for i in pdr.get("qer_ids", []):
            self.passed[i, way] += 1
        self.count_usage(pdr, way, size, False, spent)
        self.counts[pdr["id"]][0] += 1
        self.counts[pdr["id"]][1] += size
        return verdict
