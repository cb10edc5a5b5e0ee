# SPDX-License-Identifier: BSD-3-Clause
"""The seeds in corpus/session: sessions of the packet tests' generator, changed and asked for.

make_sessions.py DIRECTORY
"""
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../packet"))
from model_gen import Generator  # noqa: E402

FEATURES = ("packet_rate", "urr", "framed", "buffer", "mark_plain", "dupl", "bar")


def line(method, params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params},
                      separators=(",", ":"))


for n in range(12):
    g = Generator(random.Random(n), 1 + n, n, "internet", n % 2 == 0, FEATURES)
    s = g.session()
    if n % 3 == 0:
        s["srrs"] = [{"id": 1, "qos_monitoring": [
            {"qfi": [9], "requested_qos_monitoring": ["DL", "RP"], "measurement_period": 1,
             "reporting_frequency": ["EVETT", "PERIO"], "packet_delay_thresholds": {"dl": 5}}]}]
    lines = [line("session.put", s), line("session.modify", g.modification(s)),
             line("session.query", {"seid": s["seid"]}), line("session.get", {"seid": s["seid"]}),
             line("session.list", {"filter": {"dnn": "internet"}}),
             line("session.modify", {"seid": s["seid"], "query_all_urrs": True,
                                     "drop_buffered_packets": True})]
    with open(f"{sys.argv[1]}/rules_{n:02}", "w") as f:
        f.write("\n".join(lines) + "\n")
