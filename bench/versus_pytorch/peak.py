#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How fast PyTorch's BLAS multiplies float32 matrices on one core, as JSON; and which PyTorch and BLAS they are."""
import ctypes
import json
import re
import time

import torch

SHAPES = [(1024, 1024, 1024), (2048, 1000, 100)]  # rows, columns, depth: a large square, and the toy model's


def gflops(rows, columns, depth, seconds=0.6):
    """The best of many products: what the core can do when nothing disturbs it."""
    a, b, out = torch.rand(rows, depth), torch.rand(columns, depth), torch.empty(rows, columns)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(a, b.t(), out=out)
        best = min(best, time.perf_counter() - start)
    return 2e-9 * rows * columns * depth / best


def blas():
    """What PyTorch's sgemm is: the libraries that are loaded say it. Their path, and OpenBLAS' name of its kernels."""
    with open("/proc/self/maps") as maps:
        paths = sorted({line.split()[-1] for line in maps if re.search(r"/lib(blas|openblas|mkl_rt)[^/]*\.so", line)})
    for path in paths:
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_get_config"):
            library.openblas_get_config.restype = library.openblas_get_corename.restype = ctypes.c_char_p
            return library.openblas_get_config().decode().split(" NO_")[0], library.openblas_get_corename().decode()
    return ", ".join(paths) or "unknown BLAS", "unknown"


torch.set_num_threads(1)
rates = {" x ".join(map(str, shape)): gflops(*shape) for shape in SHAPES}
name, core = blas()
vector_code = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())
about = {"version": torch.__version__, "blas": name, "vector_code": vector_code.group(1) if vector_code else "unknown"}
print(json.dumps({"torch": about, "core": core, "shapes": rates, "best": max(rates.values())}))
