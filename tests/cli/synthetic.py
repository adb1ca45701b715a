# SPDX-License-Identifier: Apache-2.0
"""Large stores without training: rows of a small real store, copied over the paper's grid with other numbers in them."""
import json
import math
import random
import sqlite3

DECAYS = [-1 + 2 * k / 9 for k in range(10)]
ALPHAS = [k / 8 for k in range(17)]
WIDTHS = [10, 15, 25, 39, 63, 100]
DENSITIES = [1 + k * 6.485470860550345 / 8 for k in range(9)]


def grid():
    """The paper's 1500 settings (law, density, decay, dim), seed after seed."""
    settings = [(f"power:{alpha:g}", 1.0, decay, m) for alpha in ALPHAS for decay in DECAYS for m in WIDTHS]
    settings += [("power:1", density, decay, m) for density in DENSITIES[1:] for decay in DECAYS for m in WIDTHS]
    seed = 0
    while True:
        for setting in settings:
            yield (*setting, seed)
        seed += 1


def loss_of(law, density, decay, m, noise):
    alpha = float(law.split(":")[1])
    slope = 0.9 + 0.6 * max(0, alpha - 1) if decay < 0 else 0.05 + 0.4 * alpha
    return density * 1.3 * (m / 10) ** -slope * math.exp(0.05 * noise)


def scatter(values, random_, digits=17):
    """The same shape with fresh digits, so that nothing compresses better than real runs do."""
    return [float(f"{value * (1 + 0.05 * random_.gauss(0, 1)):.{digits}g}") for value in values]


def picture_of(random_, m):
    """What study/picture writes: 120 vectors in three dimensions, 100 bins, a Gram matrix of 24 features."""
    vectors = [[round(random_.gauss(0, 0.5), 4) for _ in range(3)] for _ in range(120)]
    gram = [[1.0 if i == j else round(random_.gauss(0, m**-0.5), 4) for j in range(24)] for i in range(24)]
    return {
        "vectors": {
            "ranks": list(range(1, 121)), "coordinates": vectors, "norms": [random_.gauss(1, 0.1) for _ in vectors],
            "kept": 0.3, "method": "principal directions",
        },
        "overlap_histogram": {"min": 0, "max": 1, "counts": [int(1000 * math.exp(-(k**2) / 300) * random_.uniform(0.8, 1.2)) for k in range(100)]},
        "gram": {"size": 24, "values": [value for row in gram for value in row]},
    }  # fmt: skip


def variants(result, random_, count=64):
    """Results with other digits; so many that no two of the same lie within what gzip looks back."""
    out = []
    for k in range(count):
        one = dict(result)
        one["curve"] = [[step, loss] for (step, _), loss in zip(result["curve"], scatter([loss for _, loss in result["curve"]], random_))]
        norms, emergence = result["norm_histogram"], result["emergence"]
        one["norm_histogram"] = {**norms, "counts": [int(random_.uniform(0.7, 1.3) * n) for n in norms["counts"]]}
        one["emergence"] = {**emergence, "loss": scatter(emergence["loss"], random_), "norm": scatter(emergence["norm"], random_)}
        one["picture"] = picture_of(random_, WIDTHS[k % len(WIDTHS)])
        out.append(one)
    return out


def result_of(variant, setting, noise):
    law, density, decay, m, _ = setting
    loss = loss_of(law, density, decay, m, noise)
    scale = loss / variant["loss"]
    return {
        **variant, "loss": loss, "loss_std": 0.03 * loss, "phi_half": 0.98 if decay < 0 else min(1, 1.5 * m / 1000), "phi_one": min(1, m * m / 2000),
        "loss_unlearned": 0.0 if decay < 0 else loss * 0.98, "overlap_mean_square_strong": 1.2 / m * math.exp(0.1 * noise),
        "overlap_mean_square_all": 2.2 / m * math.exp(0.1 * noise), "curve": [[step, scale * value] for step, value in variant["curve"]],
    }  # fmt: skip


def fill(source, target, count):
    """Writes `count` finished runs with full results into `target`, in the shape of the runs of `source`."""
    with sqlite3.connect(source) as small:
        schema = [row[0] for row in small.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        pragmas = [(name, small.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("user_version", "application_id")]
        template = small.execute("SELECT config, result, version FROM runs WHERE status = 'ok' LIMIT 1").fetchone()
    config, version = json.loads(template[0]), template[2]
    random_ = random.Random(1)
    results = variants(json.loads(template[1]), random_)
    with sqlite3.connect(target) as large:
        for name, value in pragmas:
            large.execute(f"PRAGMA {name} = {value}")
        for statement in schema:
            large.execute(statement)
        for k, setting in zip(range(count), grid()):
            law, density, decay, m, seed = setting
            fields = {**config, "features": 1000, "steps": 20000, "batch": 2048, "law": law, "density": density, "decay": decay, "dim": m, "seed": seed}
            result = result_of(results[k % len(results)], setting, random_.gauss(0, 1))
            large.execute(
                "INSERT INTO runs (key, kind, config, status, result, version, seconds, started_at, finished_at) VALUES (?, 'toy', ?, 'ok', ?, ?, ?, ?, ?)",
                (f"{k:016x}", json.dumps(fields), json.dumps(result), version, 100.0, "2030-01-01T00:00:00.000Z", "2030-01-01T00:01:40.000Z"),
            )
