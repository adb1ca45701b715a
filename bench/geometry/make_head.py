#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a synthetic token matrix as a safetensors file with the one tensor lm_head.weight: Gaussian rows about a common
direction, of lognormal lengths, so that it is anisotropic like a trained head.

    make_head.py FILE N M bf16|f32 [SEED]"""
import json
import struct
import sys

import numpy as np


def main(path, n, m, dtype, seed=0):
    size = 2 if dtype == "bf16" else 4
    header = {"lm_head.weight": {"dtype": {"bf16": "BF16", "f32": "F32"}[dtype], "shape": [n, m],
                                 "data_offsets": [0, n * m * size]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.default_rng(seed)
    common = (0.5 * random.standard_normal(m)).astype(np.float32)
    block = max(1, (1 << 24) // m)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for begin in range(0, n, block):
            rows = random.standard_normal((min(block, n - begin), m), dtype=np.float32)
            rows += common
            rows *= (0.02 * np.exp(0.2 * random.standard_normal((len(rows), 1)))).astype(np.float32)
            if dtype == "bf16":  # rounded to nearest even
                bits = rows.view(np.uint32)
                bits += 0x7FFF + ((bits >> 16) & 1)
                rows = (bits >> 16).astype(np.uint16)
            out.write(rows.tobytes())


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6) or sys.argv[4] not in ("bf16", "f32"):
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], *map(int, sys.argv[5:]))
