# SPDX-License-Identifier: BSD-3-Clause
"""Figures: what is measured, what is aimed at, and how samples become a line of the table."""
import statistics

AT_MOST, AT_LEAST = "<=", ">="

# name: (sense, target)
TARGETS = {
    "upf.ul.plain.1M.b32": (AT_MOST, 130),
    "upf.dl.plain.1M.b32": (AT_MOST, 150),
    "upf.ul.full.1M.b32": (AT_MOST, 200),
    "upf.dl.full.1M.b32": (AT_MOST, 220),
    "upf.ul.plain.1M.b1": (AT_MOST, 400),
    "upf.ul.plain.1M_vs_1k": (AT_MOST, 1.3),
    "upf.ul.pdr256_vs_1": (AT_MOST, 2),
    "prer.recover.1M.b32": (AT_MOST, 25),
    "prer.recover.64k.h1024.b32": (AT_MOST, 30),
    "prer.replicate.rtag_vs_upf": (AT_MOST, 1.6),
    "prer.replicate.dcw_vs_upf": (AT_MOST, 1.6),
    "prer.eliminate.rtag_vs_upf": (AT_MOST, 1.6),
    "prer.eliminate.dcw_vs_upf": (AT_MOST, 1.6),
    "prer.virtio.p99.9_us": (AT_MOST, 50),
    "rig.virtio.vs_macswap": (AT_LEAST, 0.80),
    "rig.af_xdp.vs_io": (AT_LEAST, 0.90),
    "rig.virtio.p99.9_us": (AT_MOST, 50),
    "upf.workers2_vs_1": (AT_LEAST, 1.8),
    "ctl.session_put_per_s": (AT_LEAST, 100000),
    "ctl.put_loss_packets": (AT_MOST, 0),
    "mem.bytes_per_session": (AT_MOST, 512),
}

# name of a ratio: (of what, to what); round by round
RATIOS = {
    "upf.ul.plain.1M_vs_1k": ("upf.ul.plain.1M.b32", "upf.ul.plain.1k.b32"),
    "upf.dl.plain.1M_vs_1k": ("upf.dl.plain.1M.b32", "upf.dl.plain.1k.b32"),
    "upf.ul.pdr256_vs_1": ("upf.ul.pdr256.1k.b32", "upf.ul.pdr1.1k.b32"),
    "upf.dl.pdr256_vs_1": ("upf.dl.pdr256.1k.b32", "upf.dl.pdr1.1k.b32"),
    "upf.ul.hash_vs_place": ("upf.ul.hash.1M.b32", "upf.ul.plain.1M.b32"),
    "prer.replicate.rtag_vs_upf": ("path.prer.replicate.rtag.b32", "path.ul.plain.1k.b32"),
    "prer.replicate.dcw_vs_upf": ("path.prer.replicate.dcw.b32", "path.ul.plain.1k.b32"),
    "prer.eliminate.rtag_vs_upf": ("path.prer.eliminate.rtag.b32", "path.ul.plain.1k.b32"),
    "prer.eliminate.dcw_vs_upf": ("path.prer.eliminate.dcw.b32", "path.ul.plain.1k.b32"),
}


def significant(value):
    """As many digits as a noisy figure deserves."""
    return float(f"{value:.4g}")


def figure(name, unit, samples):
    """One figure of the JSON."""
    sense, target = TARGETS.get(name, (None, None))
    median = statistics.median(samples)
    met = None
    if sense:
        # what may not be at all may not be in any round
        judged = max(samples) if target == 0 else median
        met = judged <= target if sense == AT_MOST else judged >= target
    return {"name": name, "unit": unit, "min": significant(min(samples)),
            "median": significant(median), "max": significant(max(samples)),
            "target": target, "met": met}


def ratios(samples):
    """Of the figures that are there: [(name, unit, samples)]."""
    return [(name, "x", [a / b for a, b in zip(samples[over][1], samples[under][1])])
            for name, (over, under) in RATIOS.items() if over in samples and under in samples]


def row(f):
    """One line of a table: name, unit, median, min, max, target, verdict."""
    sense = TARGETS.get(f["name"], ("",))[0]
    target = "" if f["target"] is None else f"{sense} {f['target']:g}"
    verdict = {None: "", True: "met"}.get(f["met"], "missed")
    return [f["name"], f["unit"], *(f"{f[k]:g}" for k in ("median", "min", "max")), target, verdict]


def missing(figures):
    """Targets that nothing was measured for."""
    return sorted(set(TARGETS) - {f["name"] for f in figures})
