#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Session objects for the lab, as a PFCP agent would put them on the control socket.

sessions.py COUNT [--outer 4|6]   print a JSON array for `coastctl session put @-`
sessions.py --gnb REPLY.json      print gnb's --ue arguments from the put's reply
sessions.py --stream REPLY.json   print stream's sessions from the put's reply

User i has the (1+i)th address of 10.45.0.0/16 and 2001:db8:45:i::/64, QFI 9, downlink TEID 0x100+i.
UDP port 9 towards the data network is blocked by an SDF filter.
"""
import json
import sys


def dl_teid(i):
    return 0x100 + i


def user4(i):
    return f"10.45.{1 + i >> 8}.{1 + i & 255}"


def session(i, outer):
    v4, v6 = user4(i), f"2001:db8:45:{i:x}::"
    ue = [{"ipv4": v4}, {"ipv6": v6}]
    gnb = {"description": f"gtpu-udp-ipv{outer}", "teid": hex(dl_teid(i)),
           f"ipv{outer}": "192.0.2.2" if outer == 4 else "2001:db8:3::2"}
    uplink = {"source_interface": "access", "network_instance": "access", "qfi": [9],
              "f_teid": {"choose": True, "choose_id": 1}, "ue_ip_address": ue}
    return {
        "seid": 1 + i, "dnn": "internet", "pdn_type": "ipv4v6",
        "pdrs": [
            {"id": 1, "precedence": 255, "pdi": uplink,
             "outer_header_removal": "gtpu-udp-ip", "far_id": 1, "qer_ids": [1]},
            {"id": 2, "precedence": 255,
             "pdi": {"source_interface": "core", "network_instance": "internet",
                     "ue_ip_address": ue}, "far_id": 2, "qer_ids": [1]},
            {"id": 3, "precedence": 100,
             "pdi": dict(uplink, sdf_filters=[
                 {"id": 1, "flow_description": "permit out 17 from any 9 to assigned"}]),
             "outer_header_removal": "gtpu-udp-ip", "far_id": 3},
        ],
        "fars": [
            {"id": 1, "apply_action": ["FORW"],
             "forwarding_parameters": {"destination_interface": "core",
                                       "network_instance": "internet"}},
            {"id": 2, "apply_action": ["FORW"],
             "forwarding_parameters": {"destination_interface": "access",
                                       "network_instance": "access",
                                       "outer_header_creation": gnb}},
            {"id": 3, "apply_action": ["DROP"]},
        ],
        "qers": [{"id": 1, "qfi": 9, "gate_status": {"ul": "open", "dl": "open"}}],
    }


def tunnels(replies):
    """Of each session its number and the TEID that coast chose."""
    for reply in replies:
        yield reply["seid"] - 1, next(p["f_teid"]["teid"] for p in reply["created_pdrs"]
                                      if p["id"] == 1)


def gnb_arguments(replies):
    args = []
    for i, teid in tunnels(replies):
        for addr in (user4(i), f"2001:db8:45:{i:x}::"):
            args += ["--ue", f"{addr},{teid},9,{dl_teid(i):#x}"]
    return " ".join(args)


def stream_lines(replies):
    return "\n".join(f"{user4(i)} {teid} {dl_teid(i):#x}" for i, teid in tunnels(replies))


if __name__ == "__main__":
    if sys.argv[1] in ("--gnb", "--stream"):
        reply = json.load(open(sys.argv[2]))
        reply = reply if isinstance(reply, list) else [reply]
        print(gnb_arguments(reply) if sys.argv[1] == "--gnb" else stream_lines(reply))
    else:
        outer = int(sys.argv[3]) if len(sys.argv) > 3 else 4
        print(json.dumps([session(i, outer) for i in range(int(sys.argv[1]))]))
