#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same passes in NumPy or PyTorch, written to be fast there: float32 products, a block of rows at a time, sums over
blocks in float64. Called by geometry.py:

    opponent.py numpy|torch PASS THREADS FILE OFFSET N M bf16|f32        PASS: pass, centered, pairs, spectrum, svd

The last two in NumPy only: the effective rank from the Gram matrix's eigenvalues, or from the singular values."""
import json
import os
import resource
import sys
import time

library, which, threads, path, offset, n, m, dtype = sys.argv[1:]
threads, offset, n, m = int(threads), int(offset), int(n), int(m)
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
import numpy as np  # noqa: E402  (after the number of threads is set)

if library == "torch":
    import torch
    torch.set_num_threads(threads)

BLOCK = max(256, min(8192, (1 << 25) // m))
stored = np.memmap(path, dtype=np.uint16 if dtype == "bf16" else np.float32, mode="r", offset=offset, shape=(n, m))


def plain(begin, end):
    block = stored[begin:end]
    return (block.astype(np.uint32) << 16).view(np.float32) if dtype == "bf16" else np.array(block)


def rows(begin, mean=None):
    """Unit rows as float32, and their norms."""
    W = plain(begin, begin + BLOCK)
    if library == "torch":
        W = torch.from_numpy(W)
        if mean is not None:
            W = W - mean
        norm = torch.linalg.vector_norm(W, dim=1)
        return W.div_(norm[:, None]), norm
    if mean is not None:
        W = W - mean
    norm = np.sqrt(np.einsum("ij,ij->i", W, W))
    W /= norm[:, None]
    return W, norm


def main():
    mean, out = None, {}
    starts = range(0, n, BLOCK)
    if which == "centered":
        total = np.zeros(m)
        for b in starts:
            block = stored[b:b + BLOCK]
            W = (block.astype(np.uint32) << 16).view(np.float32) if dtype == "bf16" else block
            total += W.sum(axis=0, dtype=np.float64)
        mean = (total / n).astype(np.float32)
        if library == "torch":
            mean = torch.from_numpy(mean)
    if which in ("pass", "centered"):
        G, norms = None, []
        for b in starts:
            U, norm = rows(b, mean)
            product = U.T @ U
            norms.append(norm)
            if library == "torch":
                G = product.double() if G is None else G.add_(product)
            elif G is None:
                G = product.astype(np.float64)
            else:
                G += product
        square = float((G * G).sum()) if library == "numpy" else float(G.square_().sum())
        out["mean_square"] = (square - n) / (n * (n - 1))
        out["norm_mean"] = float(sum(float(x.sum()) for x in norms)) / n
    elif which == "pairs":
        U = [rows(b)[0] for b in range(0, n, BLOCK)]
        total = largest = 0.0
        counts = np.zeros(200)
        for j in range(len(U)):
            for i in range(j + 1):
                C = U[i] @ U[j].T
                if library == "torch":
                    C = C.abs_()
                    if i == j:
                        C = C[tuple(torch.triu_indices(*C.shape, offset=1))]
                    total += float(C.sum(dtype=torch.float64))
                    counts += torch.histc(C, 200, 0, 1).numpy()
                else:
                    C = np.abs(C, out=C)
                    if i == j:
                        C = C[np.triu_indices(len(C), k=1)]
                    total += float(C.sum(dtype=np.float64))
                    counts += np.histogram(C, 200, (0, 1))[0]
                largest = max(largest, float(C.max()))
        out = {"mean_abs": total / (n * (n - 1) / 2), "max_abs": largest}
    elif which in ("spectrum", "svd") and library == "numpy":
        out = rank(singular_values())
    else:
        sys.exit(__doc__)
    return out


def singular_values():
    if which == "svd":
        return np.linalg.svd(plain(0, n), compute_uv=False)
    G = np.zeros((m, m))
    for b in range(0, n, BLOCK):
        W = plain(b, min(n, b + BLOCK))
        G += W.T @ W
    return np.sqrt(np.maximum(np.linalg.eigvalsh(G), 0))


def rank(sigma):
    share = sigma.astype(np.float64) / sigma.sum(dtype=np.float64)
    square = sigma.astype(np.float64) ** 2
    return {"effective_rank": float(np.exp(-(share[share > 0] * np.log(share[share > 0])).sum())),
            "participation_ratio": float(square.sum() ** 2 / (square**2).sum())}


began, cpu = time.perf_counter(), time.process_time()
result = main()
result.update(seconds=time.perf_counter() - began, cpu_seconds=time.process_time() - cpu,
              peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(json.dumps(result))
