# SPDX-License-Identifier: BSD-3-Clause
"""The parts of the bench: each runs its own program and returns {name: (unit, samples)}."""
import json
import os
import subprocess
import sys
import tempfile

# of the benchmarks of a million sessions these decide about targets
QUICK = (r"^(memory\..*|upf\.(ul|dl)\.(plain|full)\.1M/32|upf\.ul\.plain\.1M/1|upf\.ul\.hash\.1M/32"
         r"|upf\.(ul|dl)\.plain\.1k/32|upf\.(ul|dl)\.pdr(1|256)\.1k/32|path\..*)$")
WHOLE = r"^(memory|upf|path)\."
UNITS = {"memory": "cycles"}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(command):
    """A program that tells its progress on stderr; its failure is the bench's."""
    rc = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode
    if rc:
        raise SystemExit(f"bench: ended with {rc}: {' '.join(command)}")


def figure_name(benchmark):
    """upf.ul.plain.1M/32 is upf.ul.plain.1M.b32."""
    name, _, burst = benchmark.partition("/")
    return f"{name}.b{burst}" if burst else name


def in_process(build, quick):
    """Nodes and whole paths alone, rounds of all benchmarks in random order."""
    rounds = 5
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        run([f"{build}/perf/coast-bench", f"--benchmark_filter={QUICK if quick else WHOLE}",
             f"--benchmark_min_time={0.02 if quick else 0.05}",
             f"--benchmark_repetitions={rounds}", "--benchmark_enable_random_interleaving=true",
             "--benchmark_out_format=json", f"--benchmark_out={out.name}"])
        with open(out.name) as f:
            results = json.load(f)["benchmarks"]
    samples = {}
    for r in results:
        if r["run_type"] != "iteration":
            continue
        name = figure_name(r["run_name"])
        value = r.get("node", r["cycles/packet"])
        samples.setdefault(name, ("cycles/packet", []))[1].append(value)
    return {n: (UNITS.get(n.split(".")[0], u), s) for n, (u, s) in samples.items()}


def script(command, quick):
    """A program that writes its figures as JSON."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        run([*command, "--json", out.name] + (["--quick"] if quick else []))
        with open(out.name) as f:
            return {g["name"]: (g["unit"], g["samples"]) for g in json.load(f)["figures"]}


def sessions(build, quick):
    """Sessions through the control socket."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return script([sys.executable, f"{here}/sessions.py", "--coastd", f"{build}/control/coastd"],
                  quick)


def rig(build, quick):
    """coastd and testpmd between a generator and a sink."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = {}
    for ports in ("virtio", "af_xdp"):
        found |= script([sys.executable, f"{here}/rig.py", "--build", build, "--ports", ports],
                        quick)
    return found


PARTS = {"nodes": in_process, "sessions": sessions, "rig": rig}
