# SPDX-License-Identifier: Apache-2.0
"""Predicted against measured time of whole runs: python3 bench/predicted_times.py [PROGRAM] [key=value,...]
Measured is the processor time of `superpose toy`, so that other work on the machine disturbs it less; predicted is what
`superpose sweep --dry-run` says of a study of that one run."""
import json
import math
import resource
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/superpose"
RUNS = [
    dict(law="power:1", dim=10, decay=-1), dict(law="power:1", dim=39, decay=-0.5556), dict(law="power:1", dim=100, decay=-1),
    dict(law="power:1", dim=39, decay=0.3333), dict(law="power:1", dim=25, decay=1), dict(law="power:1", dim=63, decay=0.1111),
    dict(law="power:2", dim=10, decay=-1), dict(law="power:2", dim=39, decay=0.3333), dict(law="power:2", dim=100, decay=-0.5556),
    dict(law="power:0", dim=10, decay=1), dict(law="power:0", dim=39, decay=-1), dict(law="power:0", dim=100, decay=-0.3333),
    dict(law="power:0.5", dim=25, decay=-0.1111), dict(law="power:1.5", dim=63, decay=0.5556),
    dict(law="power:1", dim=25, decay=-1, density=7.4855), dict(law="power:1", dim=100, decay=0.3333, density=3.4323),
    dict(law="power:1", dim=39, decay=-1, steps=2000), dict(law="power:1", dim=39, decay=-1, steps=100),
    dict(law="exponential:100", dim=20, decay=-1, features=300, batch=512), dict(law="power:1", dim=50, decay=-1, features=4000, steps=2000),
    dict(law="power:1", dim=20, decay=-1, features=200, batch=256, steps=300, engine="reference"),
]


def processor_seconds(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    chosen = [int(word) for word in sys.argv[2].split(",")] if len(sys.argv) > 2 else range(len(RUNS))
    logs = []
    for k in chosen:
        run = RUNS[k]
        with tempfile.TemporaryDirectory() as folder:
            study = folder + "/one.yaml"
            open(study, "w").write("grids: [" + json.dumps(run) + "]\n")
            plan = subprocess.run([PROGRAM, "sweep", study, "--store", folder + "/none", "--dry-run", "--json"], check=True,
                                  capture_output=True, text=True)
            predicted = json.loads(plan.stdout)["predicted_core_seconds"]
        words = [PROGRAM, "toy", "--threads", "1"] + [f"--{name}={value}" for name, value in run.items()]
        measured = processor_seconds(words)
        logs.append(math.log(predicted / measured))
        print(f"{measured:8.2f} s measured {predicted:8.2f} s predicted  ratio {predicted / measured:5.2f}  {run}", flush=True)
    print(f"geometric mean of predicted/measured {math.exp(sum(logs) / len(logs)):.2f}, from {math.exp(min(logs)):.2f} to {math.exp(max(logs)):.2f}")


main()
