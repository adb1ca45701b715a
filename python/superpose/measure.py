# SPDX-License-Identifier: Apache-2.0
"""Single measures of matrices in memory (superpose/geometry; docs/math.md §4 has every formula with its source).

W is [n, m], float32 or float64 in C order, rows are feature vectors; it is never copied (float16 is widened). All cores
are used where there is enough to do, and the GIL is let go. Error(usage) for arrays that cannot be looked at,
Error(numeric) for rows that are not finite.
"""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import _arrays
from ._compiled import native as _native
from ._result import count

__all__ = ["row_norms", "overlap", "spectrum", "feature_dimensionality", "crowding", "nearest", "duplicate_rows", "baselines",
           "norm_modes", "represented_fraction", "welch_bound_mean_square", "kappa_square"]


def row_norms(W: Any) -> _arrays.Numbers:
    """[n] Euclidean norms of the rows.

    >>> row_norms([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [5.0, 0.0]
    """
    return _arrays.from_native(_native.row_norms(_arrays.wide_matrix(W)))


def overlap(W: Any, *, centered: bool = False, min_norm: float = 0.0, max_exact_pairs: int = 50_000_000,
            sampled_pairs: int = 2_000_000, seed: int = 0, bins: int = 0, nearest: bool = False) -> Dict[str, Any]:
    """Overlaps |cos| of different rows, over unordered pairs. Rows of norm <= min_norm, and zero rows, take no part.

    mean_square is always exact, through the m x m Gram matrix of unit rows; the moments of |cos| come from all pairs up to
    max_exact_pairs, else from sampled_pairs. centered: without the mean row. bins: of the histogram of |cos|. nearest:
    the row of largest |cos| for each row. None: fewer than two rows take part.

    >>> import numpy
    >>> overlap(numpy.eye(4))["mean_square"]
    0.0
    >>> round(overlap([[1.0, 0.0], [1.0, 1.0]])["mean_square"], 12)
    0.5
    """
    out: Dict[str, Any] = _native.overlap(_arrays.wide_matrix(W), centered, min_norm, max_exact_pairs, sampled_pairs, seed, bins,
                                          nearest)
    for name in ("histogram", "nearest_row", "nearest_abs"):
        if name in out:
            out[name] = _arrays.from_native(out[name])
    return out


def spectrum(W: Any) -> Dict[str, Any]:
    """singular_values (descending), effective_rank (Roy & Vetterli 2007), participation_ratio, stable_rank,
    eigenvalue_effective_rank.

    >>> import numpy
    >>> round(spectrum(numpy.eye(8))["effective_rank"], 6)
    8.0
    """
    out: Dict[str, Any] = _native.spectrum(_arrays.wide_matrix(W))
    out["singular_values"] = _arrays.from_native(out["singular_values"])
    return out


def feature_dimensionality(W: Any) -> _arrays.Numbers:
    """[n] D_i = |W_i|² / Σ_j (Ŵ_i·W_j)², in [0, 1] (Elhage et al. 2022); 0 for a zero row.

    >>> feature_dimensionality([[1.0], [-1.0]]).tolist()
    [0.5, 0.5]
    """
    return _arrays.from_native(_native.feature_dimensionality(_arrays.wide_matrix(W)))


def crowding(W: Any, *, centered: bool = False) -> _arrays.Numbers:
    """[n] mean cos² of each row with all others; NaN for rows that take no part.

    >>> import numpy
    >>> crowding(numpy.eye(3)).round(12).tolist()
    [0.0, 0.0, 0.0]
    """
    return _arrays.from_native(_native.crowding(_arrays.wide_matrix(W), centered))


def nearest(W: Any, rows: Sequence[int], k: int = 5, *, centered: bool = False) -> List[List[Tuple[int, float]]]:
    """The k rows of largest |cos| with each of the given rows, as (row, cosine with its sign), descending.

    >>> nearest([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], [0], 1)
    [[(1, -1.0)]]
    """
    return _native.nearest(_arrays.wide_matrix(W), [count(row, "nearest: row") for row in rows], count(k, "nearest: k"), centered)


def duplicate_rows(W: Any) -> List[List[int]]:
    """Groups of rows, not zero, that are equal value by value.

    >>> duplicate_rows([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0]])
    [[0, 2]]
    """
    return _native.duplicate_rows(_arrays.wide_matrix(W))


def baselines(W: Any, *, max_elements: int = 1 << 26, seed: int = 0) -> Dict[str, Any]:
    """How much of the mean square overlap is left when something is taken away: {"plain": (mean square, s.e.), "centered",
    "shuffled" (each column permuted), "shuffled_centered", "removed_1" ... (principal directions taken out)}; "rows" says
    how many rows were used.

    >>> import numpy
    >>> W = 3 + numpy.random.default_rng(0).normal(size=(500, 20))
    >>> found = baselines(W)
    >>> found["plain"][0] > 0.5, abs(found["centered"][0] * 20 - 1) < 0.1
    (True, True)
    """
    return _native.baselines(_arrays.wide_matrix(W), max_elements, seed)


def norm_modes(norms: Any) -> Dict[str, Any]:
    """Do row norms have two modes? bimodality_coefficient, delta_bic, separation (Ashman's D), two_modes, ...

    >>> import numpy
    >>> norm_modes(numpy.r_[numpy.linspace(0.9, 1.1, 50), numpy.linspace(0.01, 0.02, 50)])["two_modes"]
    True
    """
    return _native.norm_modes(_arrays.vector(norms, "norms"))


def represented_fraction(norms: Any, threshold: float = 0.5) -> float:
    """φ_t, the fraction of norms strictly above the threshold.

    >>> represented_fraction([0.2, 0.6, 1.0], 0.5)
    0.6666666666666666
    """
    return _native.represented_fraction(_arrays.vector(norms, "norms"), threshold)


def welch_bound_mean_square(n: int, m: int) -> Optional[float]:
    """Welch 1974: no n unit vectors in m dimensions have a smaller mean square overlap, max(0, (n-m)/(m(n-1))); None for
    n < 2 or m < 1.

    >>> welch_bound_mean_square(4, 2)
    0.3333333333333333
    """
    return _native.welch_bound_mean_square(n, m)


def kappa_square(n: int, m: int) -> Optional[float]:
    """κ² of the paper: Welch's bound at min(n, m²/2) vectors.

    >>> kappa_square(1000, 10) == welch_bound_mean_square(50, 10)
    True
    """
    return _native.kappa_square(n, m)
