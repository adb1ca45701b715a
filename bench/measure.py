# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: one core, one thread, superpose's own clock, and which machine it was."""
import json
import os
import re
import resource
import subprocess
import sys
import time


def pin(core=None):
    """This process and all that it starts stay on one core (the last one allowed, unless told); returns its number, or
    None where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0)) if core is None else core
    try:
        os.sched_setaffinity(0, {core})
    except OSError:
        sys.exit(f"core {core} is not one that this process may run on")
    return core


def single_thread(core_type=None):
    """The environment for a program on one thread; core_type: OpenBLAS' kernels (None: its own choice, whatever
    OPENBLAS_ variables the caller has)."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")} | dict.fromkeys(names, "1")
    return env | ({"OPENBLAS_CORETYPE": core_type} if core_type else {})


def cpu_flags():
    try:
        with open("/proc/cpuinfo") as info:
            text = info.read()
    except OSError:
        return "", set()
    name, flags = (re.search(rf"^{key}\s*:\s*(.*)$", text, re.M) for key in ("model name", "flags"))
    return name.group(1) if name else "", set(flags.group(1).split()) if flags else set()


def core_types():
    """OpenBLAS kernels that this CPU can run (naming others would end in an illegal instruction)."""
    flags = cpu_flags()[1]
    out = ["Haswell", "Zen"] if {"avx2", "fma"} <= flags else []
    return out + (["SkylakeX"] if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags else [])


def machine(program):
    version = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return {"cpu": cpu_flags()[0] or "unknown CPU", "cores": os.cpu_count(), "load_before": os.getloadavg()[0],
            "superpose": version.split()[-1]}


def toy(program, threads=1, **config):
    """One `superpose toy` run on one thread: its JSON, with `peak_bytes` of memory (None where unknown) and `cpu_share`, the
    share of the time in which it really ran (below 1: something else had the core)."""
    words = [program, "toy", "--json", "--profile", f"--threads={threads}"]
    words += [f"--{name.replace('_', '-')}={value}" for name, value in config.items()]
    started = time.perf_counter()
    process = subprocess.Popen(words, env=single_thread(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out = process.stdout.read()
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode}\n{error}")
    result = json.loads(out)
    if result["status"] != "ok":
        raise RuntimeError(f"{' '.join(words)}: {result['status']}")
    # Linux counts kilobytes, macOS bytes. Linux counts what this interpreter had when it started the program, too: below
    # that nothing is known, so nothing large may be imported before.
    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result["peak_bytes"] = usage.ru_maxrss * unit if usage.ru_maxrss > own else None
    result["cpu_share"] = min(1.0, (usage.ru_utime + usage.ru_stime) / wall) if threads == 1 else None
    return result


def profile_ms(result, part):
    """Milliseconds per step of one part (sampling, gram, forward, backward, optimizer), or None if it is not said."""
    seconds = (result.get("profile") or {}).get(part)
    if seconds is None:
        return (result.get("profile_ms_per_step") or {}).get(part)
    return 1e3 * seconds / result["config"]["steps"]
