# SPDX-License-Identifier: BSD-3-Clause
"""Several workers: one session, one worker, whichever queue its packets came in by."""
from scapy.all import UDP, raw

from upf import Session, downlink4, far_access, far_core, inner4, pdr_dl, pdr_ul


def test_one_tunnel_spreads_over_all_workers(rig):
    """Sessions behind one gNB (one outer flow) are owned in turn; each keeps its order."""
    sessions = []
    for i in range(8):
        ue = [{"ipv4": f"10.45.8.{i + 1}"}]
        sessions.append(Session(rig, seid=500 + i, fars=[far_core(), far_access(teid=i + 1)],
                                pdrs=[pdr_ul(ue_ip_address=ue), pdr_dl(ue_ip_address=ue)]))
    for s in sessions:
        s.__enter__()
    try:
        owners = {s.seid: rig.call("session.get", {"seid": s.seid})["worker"] for s in sessions}
        assert set(owners.values()) == set(range(rig.workers))
        rig.n6.drain()
        got = []
        for n in range(20):
            for i, s in enumerate(sessions):
                rig.n3.send(rig.from_gnb(s.gtpu(inner4(src=f"10.45.8.{i + 1}", payload=bytes([n])
                                                       * 8))))
            got += rig.n6.receive(1, len(sessions))
        for i in range(len(sessions)):
            mine = [raw(g[UDP].payload)[0] for g in got if g.payload.src == f"10.45.8.{i + 1}"]
            assert mine == list(range(20)), f"session {i}: {mine}"
        handed = sum(w.get("handed_off", 0) for w in rig.call("worker.list")["items"])
        # a NIC that steers brings each packet to its owner, once its rules are there
        assert (handed > 0) == (rig.workers > 1) or rig.ports == "flowdev"
        for i, s in enumerate(sessions):
            down = rig.exchange(rig.n6, rig.from_dn(downlink4(dst=f"10.45.8.{i + 1}")), rig.n3)
            assert len(down) == 1
            assert s.counts() == {1: (20, 20 * 36), 2: (1, 60)}
    finally:
        for s in sessions:
            s.__exit__()
