# SPDX-License-Identifier: BSD-3-Clause
"""The measured part of docs/performance.md and its pictures. What is written around the marks
stays as it is."""
import os
import subprocess

from figures import TARGETS, row

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

STYLE = """set terminal svg size 760,400 font 'sans-serif,12' background rgb 'white'
set style line 1 lc rgb '#1f77b4' lw 2 pt 7
set style line 2 lc rgb '#ff7f0e' lw 2 pt 7
set style line 3 lc rgb '#2ca02c' lw 2 pt 7
set style line 4 lc rgb '#d62728' lw 2 pt 7
set grid ytics lc rgb '#dddddd'
set key outside right
"""


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"


def nodes(report):
    """Cycles per packet of each node on the way of a burst of 32."""
    ways = [f"path.{way}.plain.{size}.b32" for way in ("ul", "dl") for size in ("1k", "1M")]
    at = {f["name"]: f["median"] for f in report["figures"] if ".at." in f["name"]}
    names = [n for n in ("rx", "classify", "upf_ul", "upf_dl", "route", "output")
             if any(f"{way}.at.{n}" in at for way in ways)]
    rows = [[n] + [f"{at[f'{way}.at.{n}']:.0f}" if f"{way}.at.{n}" in at else ""
                   for way in ways] for n in names]
    return table(["node", "uplink, 1k", "uplink, 1M", "downlink, 1k", "downlink, 1M"], rows)


def measured(report):
    """The text between the marks."""
    header = ["figure", "unit", "median", "min", "max", "target", ""]
    aimed = [row(f) for f in report["figures"] if f["name"] in TARGETS]
    others = [row(f)[:5] for f in report["figures"] if f["name"] not in TARGETS and ".at." not in f["name"]]
    return (f"{BEGIN}\nCommit {report['commit']}, {report['machine']}.\n\n"
            f"{table(header, aimed)}\n"
            "![cycles per packet by number of sessions](performance-sessions.svg)\n"
            "![cycles per packet by burst](performance-bursts.svg)\n\n"
            f"Cycles per packet of each node, a burst of 32, plain sessions:\n\n{nodes(report)}\n"
            f"All other figures:\n\n{table(header[:5], others)}{END}")


def gnuplot(commands, path):
    """A picture; gnuplot's own identifiers and dates would change it with each run."""
    subprocess.run(["gnuplot"], input=STYLE + f"set output '{path}'\n" + commands, text=True,
                   check=True)


def data(medians, template, values):
    """Rows `value median` of a plot; what was not measured is left out."""
    return [(v, medians[n]) for v in values if (n := template.format(v)) in medians]


def plot(path, title, xlabel, curves, logx):
    curves = [(name, points) for name, points in curves if points]
    if not curves:
        return
    blocks = "".join(f"${i} << E\n" + "".join(f"{x} {y}\n" for x, y in points) + "E\n"
                     for i, (_, points) in enumerate(curves, 1)).replace("$", "$d")
    plots = ", ".join(f"$d{i} using 2:xtic(1) with linespoints ls {i} title '{name}'"
                      for i, (name, _) in enumerate(curves, 1))
    scale = "set logscale y 2\n" if logx else "set yrange [0:*]\n"
    gnuplot(f"{blocks}set title '{title}'\nset xlabel '{xlabel}'\n"
            f"set ylabel 'cycles per packet'\n{scale}plot {plots}\n", path)


def plots(report, folder):
    medians = {f["name"]: f["median"] for f in report["figures"]}
    kinds = [("uplink", "upf.ul.plain"), ("downlink", "upf.dl.plain"),
             ("uplink, full", "upf.ul.full"), ("uplink, hash", "upf.ul.hash")]
    plot(f"{folder}/performance-sessions.svg", "Burst 32", "sessions, hit at random",
         [(name, data(medians, base + ".{}.b32", ("1k", "100k", "1M"))) for name, base in kinds],
         False)
    plot(f"{folder}/performance-bursts.svg", "A million sessions", "packets in a burst",
         [(name, data(medians, base + ".1M.b{}", (1, 8, 32, 256))) for name, base in kinds], True)


def write(report, source):
    """Set the figures into docs/performance.md."""
    folder = os.path.join(source, "docs")
    path = os.path.join(folder, "performance.md")
    with open(path) as f:
        text = f.read()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    plots(report, folder)
    with open(path, "w") as f:
        f.write(before + measured(report) + after)
