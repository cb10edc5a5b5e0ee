# SPDX-License-Identifier: BSD-3-Clause
"""The parts of the bench: each runs its own program and returns {name: (unit, samples)}."""
import json
import os
import subprocess
import sys
import tempfile

# of the benchmarks of a million sessions these decide about targets
QUICK = (r"^(memory\..*|upf\.(ul|dl)\.(plain|full)\.1M/32|upf\.ul\.plain\.1M/1|upf\.ul\.hash\.1M/32"
         r"|upf\.(ul|dl)\.plain\.1k/32|upf\.(ul|dl)\.pdr(1|256)\.1k/32|path/.*/1M/32|path/ul/plain/1k/32|path/prer/.*/32"
         r"|prer\.recover\.(1M|64k\.h1024)/32)$")
WHOLE = r"^(memory\..*|upf\..*|prer\..*|path/(ul|dl|prer)/.*)$"
WORKERS = "^path/workers2_vs_1/50$"  # half of the sessions on each, as coastd shares them out
WORKERS_SECONDS = 60
ROUNDS = 5


class Failed(Exception):
    """A part has no figures; the others do."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(command):
    """A program that tells its progress on stderr."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        try:
            rc = child.wait()
        except BaseException:  # it has namespaces and processes of its own to clean up
            child.terminate()
            child.wait(60)
            raise
    if rc:
        raise Failed(f"ended with {rc}: {' '.join(command)}")


def figure_name(benchmark):
    """upf.ul.plain.1M/32 is upf.ul.plain.1M.b32, path/ul/plain/1M/32 path.ul.plain.1M.b32."""
    name, _, burst = benchmark.rpartition("/")
    return f"{name.replace('/', '.')}.b{burst}" if name else burst


def benchmarks(build, wanted, seconds, limit=None):
    """Rounds of benchmarks in random order: what each round of each reports."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [f"{build}/perf/coast-bench", f"--benchmark_filter={wanted}",
                   f"--benchmark_min_time={seconds}", f"--benchmark_repetitions={ROUNDS}",
                   "--benchmark_enable_random_interleaving=true",
                   "--benchmark_out_format=json", f"--benchmark_out={out.name}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=limit)
        try:
            with open(out.name) as f:
                results = json.load(f)["benchmarks"]
        except ValueError:
            raise Failed(f"coast-bench ended with {done.returncode}:\n{done.stderr}")
    for name, why in {(r["run_name"], r["error_message"]) for r in results if r.get("error_occurred")}:
        say(f"{name} failed: {why}")
    return [r for r in results if r["run_type"] == "iteration" and not r.get("error_occurred")]


def in_process(build, quick):
    """Nodes and whole paths alone."""
    samples = {}
    for r in benchmarks(build, QUICK if quick else WHOLE, 0.02 if quick else 0.05):
        name = figure_name(r["run_name"])
        unit = "cycles" if name.startswith("memory.") else "cycles/packet"
        if name.startswith("prer.recover."):  # judged by time
            samples.setdefault(name, ("ns", []))[1].append(1e9 / r["items_per_second"])
            continue
        samples.setdefault(name, (unit, []))[1].append(r.get("node", r["cycles/packet"]))
        for node in (k for k in r if k.startswith("at.")):
            samples.setdefault(f"{name}.{node}", (unit, []))[1].append(r[node])
    return samples


def workers(build, quick):
    """Two workers against one; not to be had where others keep a CPU busy."""
    try:
        rounds = benchmarks(build, WORKERS, 0.02 if quick else 0.1, WORKERS_SECONDS)
    except subprocess.TimeoutExpired:
        say("two workers had no CPU each: not measured")
        return {}
    if not rounds:
        return {}
    return {"upf.workers2_vs_1": ("x", [r["ratio"] for r in rounds]),
            "upf.workers1_mpps": ("Mpps", [r["one"] for r in rounds]),
            "upf.workers2_mpps": ("Mpps", [r["two"] for r in rounds])}


def script(command, quick):
    """A program that writes its figures as JSON."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        run([*command, "--json", out.name] + (["--quick"] if quick else []))
        with open(out.name) as f:
            return {g["name"]: (g["unit"], g["samples"]) for g in json.load(f)["figures"]}


def sessions(build, quick):
    """Sessions through the control socket."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return script([sys.executable, f"{here}/sessions.py", "--coastd", f"{build}/coastd"],
                  quick)


def rig(build, quick):
    """coastd and testpmd between a generator and a sink."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = {}
    for ports in ("virtio", "af_xdp"):
        found |= script([sys.executable, f"{here}/rig.py", "--build", build, "--ports", ports],
                        quick)
    return found


def streams(build, quick):
    """A cyclic stream through coastd."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return script([sys.executable, f"{here}/prer_delay.py", "--build", build], quick)


PARTS = {"nodes": in_process, "workers": workers, "sessions": sessions, "streams": streams, "rig": rig}
