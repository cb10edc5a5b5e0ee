# SPDX-License-Identifier: BSD-3-Clause
"""Random rule sets and random packets for them, from a seed.

Everything is drawn from a few values, so that rules overlap, tie and shadow each other, and packets
hit them.
"""
from model import packed
from octets import ESP, ICMP, ICMP6, SCTP, TCP, UDP

REMOTE4 = ["8.8.8.8", "8.8.9.9", "77.1.2.3", "198.18.0.1"]
REMOTE6 = ["2001:db8:99::1", "2001:db8:99::2", "2001:db8:77::5"]
PORTS = [53, 80, 443, 5000, 5001, 6000]
QFIS = [1, 2, 5, 9, 63]
TOS = [0, 0x28, 0x2c, 0xb8]
LABELS = [0, 0x12345, 0xfffff]
SPIS = [0x1000, 0x1001]
PEERS = [("gtpu-udp-ipv4", "ipv4", "192.0.2.2"), ("gtpu-udp-ipv6", "ipv6", "2001:db8:3::2")]


def maybe(rng, chance):
    return rng.random() < chance


class Generator:
    def __init__(self, rng, seid, slot, instance, fixed, features=()):
        self.rng, self.seid, self.instance, self.fixed = rng, seid, instance, fixed
        self.features = features
        self.ue4 = f"10.45.{4 + slot // 200}.{1 + slot % 200}"
        self.ue6 = f"2001:db8:45:{0x1000 + slot:x}::"
        self.framed4 = f"172.16.{slot % 256}.0/24" if slot < 256 else None
        self.families = rng.choice([(4,), (6,), (4, 6), (4, 6)])
        self.next_filter = 1
        self.framed = False

    # ---- rules

    def session(self):
        rng = self.rng
        self.filters = []
        s = {"seid": self.seid, "dnn": "internet", "fars": self.fars(), "qers": self.qers(),
             "urrs": self.urrs()}
        n = rng.choice([1, 1, 2, 3, 4, 6]) if not maybe(rng, 0.02) else 40
        pdrs = [self.downlink(s) for _ in range(n)]
        pdrs[0]["pdi"]["ue_ip_address"] = self.addresses()
        pdrs[0]["pdi"].pop("framed_routes", None)
        if 4 in self.families and "framed" in self.features and self.framed4 and maybe(rng, 0.3):
            pdrs[0]["pdi"]["framed_routes"] = [self.framed4]
            self.framed = True
        pdrs += [self.uplink(s) for _ in range(rng.choice([1, 1, 2, 3, 4, 6]))]
        if maybe(rng, 0.2):
            pdrs.append(self.from_core_by_tunnel(s))
        rng.shuffle(pdrs)
        ids = rng.sample(range(1, 65536), len(pdrs))
        for pdr, i in zip(pdrs, ids):
            pdr["id"] = i
        s["pdrs"] = pdrs
        if "bar" in self.features:
            self.buffered(s)
        return {k: v for k, v in s.items() if v != []}

    def buffered(self, s):
        """A BAR for those that buffer, and copies of what some forward."""
        s["bars"] = [{"id": 1, "suggested_buffering_packets_count": self.rng.choice([1, 4, 255])}]
        instead = [u.get("far_id_for_quota_action") for u in s["urrs"]]
        for far in s["fars"]:
            if far["apply_action"] == ["BUFF"]:
                far["bar_id"] = 1
                if far["id"] not in instead and maybe(self.rng, 0.5):
                    far["apply_action"] = ["BUFF", "NOCP"]
            elif "dupl" in self.features and far["id"] not in instead and maybe(self.rng, 0.2):
                far["apply_action"] = far["apply_action"] + ["DUPL"]
                far["duplicating_parameters"] = [{
                    "destination_interface": "core", "network_instance": "access",
                    "outer_header_creation": {"description": "gtpu-udp-ipv4", "ipv4": "192.0.2.2",
                                              "teid": hex(self.rng.randrange(1, 1 << 32))}}]

    def addresses(self):
        return [{"ipv4": self.ue4}] * (4 in self.families) + [{"ipv6": self.ue6}] * (
            6 in self.families)

    def fars(self):
        """Some of each kind; self.ways says which serve a direction."""
        rng = self.rng
        kinds = ["core", "gnb", "drop"] + [k for k in ("n9", "raw", "shut", "gnb", "marked", "core")
                                           if maybe(rng, 0.4)]
        if "buffer" in self.features and not self.fixed and maybe(rng, 0.3):
            kinds.append("buffer")
        ids = rng.sample(range(0, 1 << 32), len(kinds))
        self.ways = {"ul": [], "dl": []}
        fars = []
        for i, kind in zip(ids, kinds):
            fars.append(self.far(i, kind))
            if kind == "buffer":
                self.ways["dl"] += [i] * 3
                continue
            heavy = {"ul": "core", "dl": "gnb"}
            for way, usual in heavy.items():
                self.ways[way] += [i] * (6 if kind == usual else 1)
        return fars

    def far(self, i, kind):
        rng = self.rng
        if kind == "drop":
            return {"id": i, "apply_action": ["DROP"]}
        if kind == "core":
            far = {"id": i, "apply_action": ["FORW"], "forwarding_parameters": {
                "destination_interface": rng.choice(["core", "core", "sgi-lan"]),
                "network_instance": self.instance}}
            if "mark_plain" in self.features and maybe(rng, 0.1):
                far["forwarding_parameters"]["transport_level_marking"] = hex(
                    rng.choice(TOS) << 8 | 0xfc)
            return far
        to = "core" if kind == "n9" else "access"
        parameters = {"destination_interface": to, "network_instance": "access"}
        if kind == "buffer":
            return {"id": i, "apply_action": ["BUFF"]}
        if kind == "shut":  # a gNB's tunnel that is not known yet
            return {"id": i, "apply_action": ["FORW"], "forwarding_parameters": parameters}
        description, family, address = rng.choice(PEERS)
        parameters["outer_header_creation"] = {"description": description, family: address,
                                               "teid": hex(rng.randrange(1, 1 << 32))}
        if kind == "marked":
            parameters["transport_level_marking"] = hex(rng.choice(TOS) << 8 | 0xfc)
        return {"id": i, "apply_action": ["FORW"], "forwarding_parameters": parameters}

    def qers(self):
        rng, out = self.rng, []
        for i in rng.sample(range(0, 1 << 32), rng.randint(0, 4)):
            q = {"id": i}
            if maybe(rng, 0.6):
                q["qfi"] = rng.choice(QFIS)
            if maybe(rng, 0.2):
                q["gate_status"] = {w: rng.choice(["open", "open", "closed"]) for w in ("ul", "dl")}
            if maybe(rng, 0.3):
                q["mbr"] = {w: rng.choice([0] + [(1 << 40) - 1] * 5) for w in ("ul", "dl")}
            if maybe(rng, 0.2):
                q["rqi"] = True
            if "packet_rate" in self.features and maybe(rng, 0.25):
                q["packet_rate"] = {}
                for w in rng.choice([("ul",), ("dl",), ("ul", "dl")]):
                    q["packet_rate"][w] = rng.choice([0, 1, 2, 3, 5])
                    q["packet_rate"][w + "_unit"] = rng.choice(["hour", "day", "week"])
            out.append(q)
        return out

    def urrs(self):
        rng, out = self.rng, []
        if "urr" not in self.features:
            return out
        for i in rng.sample(range(0, 1 << 32), rng.randint(0, 4)):
            u = {"id": i, "measurement_method": ["VOLUM"], "reporting_triggers": []}
            if maybe(rng, 0.4):
                u["measurement_information"] = ["MBQE"]
            if maybe(rng, 0.4):
                u["reporting_triggers"].append("VOLTH")
                u["volume_threshold"] = {rng.choice(["total", "ul", "dl"]): rng.randint(1, 2000)}
            if self.fixed and maybe(rng, 0.3) and not any(
                    "far_id_for_quota_action" in o for o in out):
                u["reporting_triggers"].append("VOLQU")
                u["volume_quota"] = {"total": rng.choice([0, rng.randint(1, 2000)])}
                if not any("volume_quota" in o for o in out) and maybe(rng, 0.3):
                    u["far_id_for_quota_action"] = rng.choice(self.ways["ul"] + self.ways["dl"])
            if not u["reporting_triggers"]:
                u["reporting_triggers"] = ["PERIO"]
                u["measurement_period"] = 3600
            out.append(u)
        return out

    def some(self, rules, at_most=3):
        ids = [r["id"] for r in rules]
        return self.rng.sample(ids, min(len(ids), self.rng.randint(0, at_most)))

    def pdr(self, s, way, pdi):
        rng = self.rng
        out = {"precedence": rng.choice([0, 1, 1, 10, 10, 255, 65535, (1 << 32) - 1]), "pdi": pdi,
               "far_id": rng.choice(self.ways[way])}
        for name, rules in (("qer_ids", s["qers"]), ("urr_ids", s["urrs"])):
            chosen = self.some(rules)
            if chosen:
                out[name] = chosen
        if maybe(rng, 0.5):
            pdi["sdf_filters"] = [self.filter() for _ in range(rng.choice([1, 1, 1, 2, 4]))]
        return out

    def downlink(self, s):
        pdi = {"source_interface": self.rng.choice(["core", "core", "core", "sgi-lan"]),
               "network_instance": self.instance}
        if maybe(self.rng, 0.6):
            pdi["ue_ip_address"] = self.rng.choice([self.addresses(), self.addresses()[:1]])
        if maybe(self.rng, 0.2):
            pdi["qfi"] = self.rng.sample(QFIS, self.rng.randint(1, 2))
        return self.pdr(s, "dl", pdi)

    def uplink(self, s):
        rng = self.rng
        pdi = {"source_interface": "access", "network_instance": "access",
               "f_teid": {"choose": True, "choose_id": rng.choice([1, 1, 1, 2])}}
        if maybe(rng, 0.4):
            pdi["ue_ip_address"] = rng.choice([self.addresses(), self.addresses()[-1:]])
        if maybe(rng, 0.4):
            pdi["qfi"] = rng.sample(QFIS, rng.randint(1, 3))
        out = self.pdr(s, "ul", pdi)
        if maybe(rng, 0.95):
            out["outer_header_removal"] = "gtpu-udp-ip"
        return out

    def from_core_by_tunnel(self, s):
        """N9: what another UPF sends down."""
        pdi = {"source_interface": "core", "network_instance": "access",
               "f_teid": {"choose": True, "choose_id": 9}}
        if maybe(self.rng, 0.5):
            pdi["ue_ip_address"] = self.addresses()
        out = self.pdr(s, "ul", pdi)
        s_far = [f["id"] for f in s["fars"] if "outer_header_creation" in
                 f.get("forwarding_parameters", {})] + [f["id"] for f in s["fars"]
                                                        if f["apply_action"] == ["DROP"]]
        out["far_id"] = self.rng.choice(s_far)
        out["outer_header_removal"] = "gtpu-udp-ip"
        return out

    def filter(self):
        rng = self.rng
        if self.filters and maybe(rng, 0.2):
            return {"id": rng.choice(self.filters)}
        f = {}
        if maybe(rng, 0.8):
            f["flow_description"] = self.description()
        if maybe(rng, 0.2):
            f["tos_traffic_class"] = hex(rng.choice(TOS) << 8 | rng.choice([0xfc, 0xff, 0x20]))
        text = f.get("flow_description", "permit out ip from any to any")
        if maybe(rng, 0.08) and text.split()[2] == "ip" and len(text.split()) == 7:
            f["spi"] = hex(rng.choice(SPIS))
        if maybe(rng, 0.08) and "." not in text:
            f["flow_label"] = hex(rng.choice(LABELS))
        if not f:
            f["flow_description"] = "permit out ip from any to assigned"
        if maybe(rng, 0.5):
            f["id"] = self.next_filter
            self.filters.append(self.next_filter)
            self.next_filter += 1
        return f

    def description(self):
        rng = self.rng
        family = rng.choice(self.families)
        remotes = REMOTE4 if family == 4 else REMOTE6
        one = rng.choice(remotes)
        wide = rng.choice(["/24", "/16", "/8"] if family == 4 else ["/64", "/48", "/32"])
        remote = rng.choice(["any", one, one, one + wide])
        if wide in remote:
            remote = self.clean(remote)
        ue = rng.choice(["assigned", "assigned", "any", self.ue4 if family == 4
                         else self.ue6 + "/64"])
        proto = rng.choice(["ip", "ip", str(UDP), str(UDP), str(TCP), str(SCTP), str(ICMP)])
        words = ["permit out", proto, "from", remote]
        ported = proto in ("ip", str(UDP), str(TCP), str(SCTP))
        if ported and maybe(rng, 0.4):
            words.append(self.ports())
        words += ["to", ue]
        if ported and maybe(rng, 0.2):
            words.append(self.ports())
        return " ".join(words)

    @staticmethod
    def clean(prefix):
        """Host bits off: what a description may say."""
        import ipaddress
        return str(ipaddress.ip_network(prefix, strict=False))

    def ports(self):
        rng = self.rng
        one = rng.choice(PORTS)
        return rng.choice([str(one), str(one), f"{one}-{one + rng.randint(1, 500)}", "0-65535",
                           f"{one},{rng.choice(PORTS)}-65535"])

    # ---- packets

    def packet(self, way, remote=None, ours=None):
        """A user packet as a dict. remote, ours: packed addresses that it must have."""
        rng = self.rng
        family = rng.choice(self.families) if ours is None else 4 if len(ours) == 4 else 6
        if maybe(rng, 0.03) and ours is None:
            family = rng.choice([4, 6])
        if ours is None and family == 4 and self.framed and maybe(rng, 0.3):
            ours = packed(self.framed4.replace(".0/24", f".{rng.randrange(256)}"))
        if ours is None:
            ours = packed(self.ue4 if family == 4 else self.ue6 + rng.choice(["1", "abcd:1"]))
            if way == "ul" and maybe(rng, 0.05):  # somebody else's
                ours = packed("10.45.250.1" if family == 4 else "2001:db8:45:fff0::1")
        if remote is None:
            remote = packed(rng.choice(REMOTE4 if family == 4 else REMOTE6))
        proto = rng.choice([UDP] * 6 + [TCP] * 3 + [ESP, SCTP, ICMP])
        if proto == ICMP and family == 6:
            proto = ICMP6
        p = {"src": ours, "dst": remote, "proto": proto, "sport": rng.choice(PORTS),
             "dport": rng.choice(PORTS), "spi": rng.choice(SPIS), "tos": rng.choice(TOS),
             "label": rng.choice(LABELS) if family == 6 else 0, "ttl": rng.choice([2, 64, 255]),
             "pad": rng.randint(0, 300), "offset": 1480 if maybe(rng, 0.04) else 0}
        if way == "dl":
            p["src"], p["dst"] = p["dst"], p["src"]
        return p

    def new_kinds(self, session, far):
        """Downlink may be made to wait, and what waits to go on."""
        if "buffer" not in self.features or self.fixed:
            return []
        uplink = {r["far_id"] for r in session["pdrs"] if r["pdi"]["source_interface"] == "access"}
        if far["apply_action"] == ["BUFF"]:
            return ["gnb"] * 6
        return [] if far["id"] in uplink else ["buffer"]

    def modification(self, session):
        """Random changes to it, as session.modify takes them."""
        rng, out = self.rng, {"seid": session["seid"]}
        if maybe(rng, 0.6):
            out["update_fars"] = []
            for far in rng.sample(session["fars"], min(len(session["fars"]), 2)):
                kind = rng.choice(self.new_kinds(session, far) + ["drop", "n9" if "core" == far.get(
                    "forwarding_parameters", {}).get("destination_interface") else "gnb", "same"])
                if kind == "same" and "forwarding_parameters" in far:
                    out["update_fars"].append({"id": far["id"], "apply_action": ["FORW"]})
                elif "forwarding_parameters" in far or kind != "same":
                    new = self.far(far["id"], "drop" if kind == "same" else kind)
                    out["update_fars"].append(new)
        if maybe(rng, 0.4) and session.get("qers"):
            q = rng.choice(session["qers"])
            out["update_qers"] = [{"id": q["id"], "gate_status": {
                w: rng.choice(["open", "closed"]) for w in ("ul", "dl")}}]
        spare = [r for r in session["pdrs"] if "ue_ip_address" not in r["pdi"] and not any(
            len(f) > 1 and "id" in f for f in r["pdi"].get("sdf_filters", []))]
        if spare and maybe(rng, 0.4) and len(spare) < len(session["pdrs"]):
            out["remove_pdrs"] = [{"id": rng.choice(spare)["id"]}]
        if maybe(rng, 0.5):
            full = {"qers": [], "urrs": [], **session}
            new = rng.choice([self.downlink, self.uplink])(full)
            waits = {f["id"] for f in out.get("update_fars", []) if f["apply_action"] == ["BUFF"]}
            if new["pdi"]["source_interface"] == "access" and new["far_id"] in waits:
                new["far_id"] = next((i for i in self.ways["ul"] if i not in waits), None)
            new["id"] = rng.choice([i for i in range(60000, 60100)
                                    if i not in {r["id"] for r in session["pdrs"]}])
            if new["far_id"] is not None:
                out["create_pdrs"] = [new]
        if maybe(rng, 0.3):
            r = rng.choice([r for r in session["pdrs"] if {"id": r["id"]} not in
                            out.get("remove_pdrs", [])])
            out["update_pdrs"] = [{"id": r["id"], "precedence": rng.choice([0, 5, 10, 300])}]
        return {k: v for k, v in out.items() if v != []}

    def uplink_packet(self, session, teids, **force):
        """(TEID, QFI, packet), for a PDR of the session more often than not."""
        rng = self.rng
        pdrs = [r for r in session["pdrs"] if r["id"] in teids]
        pdr = rng.choice(pdrs)
        asked = pdr["pdi"].get("qfi")
        qfi = rng.choice(asked) if asked and maybe(rng, 0.8) else rng.choice(QFIS + [None])
        way = "ul" if pdr["pdi"]["source_interface"] == "access" else "dl"
        return teids[pdr["id"]], qfi, self.packet(way, **force)
