# SPDX-License-Identifier: BSD-3-Clause
"""Random sessions with what the model cannot foretell, too: quotas that are spent and granted,
rates, times, QoS monitoring, orders that a modification gives.
"""
import time

from model_gen import QFIS, Generator, maybe

FEATURES = ("packet_rate", "urr", "framed", "buffer", "mark_plain", "dupl", "bar")


class Wide(Generator):
    def __init__(self, rng, seid, slot, instance):
        super().__init__(rng, seid, slot, instance, False, FEATURES)

    # ---- rules

    def session(self):
        rng = self.rng
        s = super().session()
        for pdr in s["pdrs"]:
            if maybe(rng, 0.1):
                pdr[rng.choice(["activation_time", "deactivation_time"])] = int(
                    time.time()) + rng.randint(-1, 3)
        if maybe(rng, 0.5):
            s["srrs"] = [{"id": 1, "qos_monitoring": [self.monitoring()]}]
        if maybe(rng, 0.3):
            s["user_plane_inactivity_timer"] = 1
        return s

    def monitoring(self):
        rng = self.rng
        return {"qfi": QFIS, "requested_qos_monitoring": ["DL", "UL", "RP"],
                "reporting_frequency": ["EVETT", "PERIO", "SESRL"],
                "packet_delay_thresholds": {"dl": rng.choice([0, 50]), "ul": 0, "rp": 1},
                "minimum_wait_time": rng.randint(0, 1), "measurement_period": rng.randint(1, 2)}

    def qers(self):
        out = super().qers()
        for q in out:
            if maybe(self.rng, 0.4):
                q["mbr"] = {w: self.rng.randint(8, 20000) for w in ("ul", "dl")}
        return out

    def fars(self):
        out = super().fars()
        # all URRs of a PDR must name the same one: one for the session
        self.instead = self.rng.choice([None, *(f["id"] for f in out)])
        self.waits = any(f["id"] == self.instead and "BUFF" in f["apply_action"] for f in out)
        return out

    def urrs(self):
        out = super().urrs()
        for u in out:
            if maybe(self.rng, 0.6):
                self.limit(u)
        return out

    def limit(self, u):
        rng = self.rng
        u["measurement_method"] = ["VOLUM", "DURAT", "EVENT"]
        u["reporting_triggers"] += ["START", "STOPT"]
        u["inactivity_detection_time"] = 1
        for field, triggers in rng.sample([
                ("volume_quota", ["VOLQU"]), ("time_quota", ["TIMQU"]), ("event_quota", ["EVEQU"]),
                ("time_threshold", ["TIMTH"]), ("quota_holding_time", ["QUHTI"]),
                ("quota_validity_time", ["QUVTI"]), ("number_of_reports", [])], 3):
            u[field] = self.amount(field)
            u["reporting_triggers"] += triggers
        if self.instead is not None and maybe(rng, 0.6):
            u["far_id_for_quota_action"] = self.instead

    def amount(self, field):
        if field == "volume_quota":
            return {self.rng.choice(["total", "ul", "dl"]): self.rng.choice([0, 3000, 300000])}
        return self.rng.randint(1, 2)

    def pdr(self, s, way, pdi):
        out = super().pdr(s, way, pdi)
        if way == "ul" and self.waits:  # only downlink is buffered
            elsewhere = {u["id"] for u in s["urrs"] if "far_id_for_quota_action" in u}
            out["urr_ids"] = [i for i in out.get("urr_ids", []) if i not in elsewhere]
        return out

    # ---- changes

    def new_kinds(self, session, far):
        return [] if far["id"] == self.instead else super().new_kinds(session, far)

    def modification(self, session):
        rng, out = self.rng, super().modification(session)
        for far in out.get("update_fars", []):
            if "outer_header_creation" in far.get("forwarding_parameters", {}) and maybe(rng, 0.5):
                far["forwarding_parameters"]["send_end_marker"] = True
        limited = [(u, f) for u in session.get("urrs", []) for f in (
            "volume_quota", "time_quota", "event_quota") if f in u]
        if limited:  # to spend it and to get more are both usual
            u, field = rng.choice(limited)
            out["update_urrs"] = [{"id": u["id"], field: rng.choice(
                [u[field], self.amount(field)])}]
        if maybe(rng, 0.2):
            out["drop_buffered_packets"] = True
        if maybe(rng, 0.2):
            out["query_all_urrs"] = True
        if maybe(rng, 0.2):
            out["update_bars"] = [{"id": 1, "dl_buffering_duration": 1}]
        return out
