# SPDX-License-Identifier: Apache-2.0
"""The geometry of weights: superpose.inspect, superpose.geometry, superpose.compare."""
from __future__ import annotations

import copy
import numbers
import operator
import os
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union, cast

from . import _arrays
from ._compiled import native as _native
from ._progress import Progress, bar
from ._result import choose_figure, ids, is_named, number, path_text, PathLike, Result, write_text
from ._tables import frame, table_text, union
from .error import Error, usage


def _scalars(report: Mapping[str, Any]) -> Dict[str, Any]:
    """One row of a table: the numbers of a matrix's report without its lists."""
    out: Dict[str, Any] = {}
    for name in ("tensor", "role", "tied", "dtype", "n", "m", "verdict", "zero_rows", "phi_half", "phi_one",
                 "effective_rank", "participation_ratio", "random_mean_square", "welch_bound_mean_square"):
        out[name] = report.get(name)
    for group in ("norm", "overlap", "overlap_centered"):
        values = report.get(group) or {}
        for name in ("mean", "std", "min", "max", "mean_square", "mean_cosine", "mean_abs", "max_abs"):
            if name in values:
                out[f"{group}_{name}"] = values[name]
    return out


class Matrix:
    """One inspected matrix [n, m] of n rows (tokens, features) in m dimensions; None where a number does not exist."""

    def __init__(self, report: Dict[str, Any]) -> None:
        self._report = report

    def to_dict(self) -> Dict[str, Any]:
        """The report as the program prints it (docs/schema/inspect.json)."""
        return copy.deepcopy(self._report)

    def __getitem__(self, name: str) -> Any:
        return self._report[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._report)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matrix) and self._report == other._report

    __hash__ = None  # type: ignore[assignment]

    @property
    def tensor(self) -> str:
        return str(self._report["tensor"])

    @property
    def role(self) -> str:
        """ "lm_head", "embedding", "toy" or "matrix"."""
        return str(self._report["role"])

    @property
    def n(self) -> int:
        return int(self._report["n"])

    @property
    def m(self) -> int:
        return int(self._report["m"])

    @property
    def regime(self) -> str:
        """ "strong", "weak", "none" or "cannot_tell"; docs/math.md §8 has the rule and how often it is wrong."""
        return str(self._report["verdict"])

    @property
    def because(self) -> str:
        """The numbers that the verdict rests on, in one sentence."""
        return str(self._report["because"])

    @property
    def mean_square_overlap(self) -> Optional[float]:
        """Mean cos² over all pairs of different rows, exact."""
        return self._report["overlap"]["mean_square"]  # type: ignore[no-any-return]

    @property
    def mean_square_overlap_centered(self) -> Optional[float]:
        """The same after the mean row was removed."""
        centered = self._report.get("overlap_centered") or {}
        return centered.get("mean_square")

    @property
    def norm(self) -> Dict[str, Any]:
        """mean, std, min, max, quantiles, histogram and modes of the row norms."""
        return dict(self._report["norm"])

    @property
    def overlap(self) -> Dict[str, Any]:
        """mean_square, mean_cosine, mean_abs, std_abs, max_abs, max_pair, histogram."""
        return dict(self._report["overlap"])

    @property
    def effective_rank(self) -> Optional[float]:
        """exp of the entropy of the normalised singular values (Roy & Vetterli 2007)."""
        return self._report["effective_rank"]  # type: ignore[no-any-return]

    @property
    def participation_ratio(self) -> Optional[float]:
        return self._report["participation_ratio"]  # type: ignore[no-any-return]

    @property
    def crowded(self) -> List[Dict[str, Any]]:
        """The most crowded rows with their nearest neighbours."""
        return list((self._report.get("crowding") or {}).get("most_crowded", []))

    def _repr_html_(self) -> str:
        return _card(self.tensor, (self,), [])

    def __repr__(self) -> str:
        return (f"<superpose.Matrix {self.tensor}: {self.n} x {self.m}, {self.regime} superposition, "
                f"mean square overlap {number(self.mean_square_overlap)} = "
                f"{number(None if self.mean_square_overlap is None else self.mean_square_overlap * self.m, 3)}/m>")


def _card(subtitle: str, matrices: Sequence[Matrix], warnings: List[str]) -> str:
    from .html import badge, card, table

    rows = [[m.tensor, m.role, f"{m.n} × {m.m}", number(m.mean_square_overlap),
             number(None if m.mean_square_overlap is None else m.mean_square_overlap * m.m, 3),
             number(None if m.mean_square_overlap_centered is None else m.mean_square_overlap_centered * m.m, 3),
             badge(m.regime)] for m in matrices]
    header = ["tensor", "role", "shape", "mean cos²", "in 1/m", "centred, in 1/m", "superposition"]
    return card("Geometry", subtitle, (), [m.because for m in matrices[:3]] + warnings, table(rows, header))


class Geometry(Result):
    """What superpose.inspect and superpose.geometry return: one report for each matrix.

    ``matrices`` has them all, the head first; the attributes of Matrix (regime, n, m, mean_square_overlap, ...) are
    here too, of the first.
    """

    verb = "inspect"

    def __init__(self, body: Dict[str, Any], text: str) -> None:
        super().__init__(body)
        self._text = text
        self.matrices: Tuple[Matrix, ...] = tuple(Matrix(report) for report in self._json["matrices"])

    def _first(self) -> Matrix:
        if not self.matrices:
            raise usage(f"{self.path}: no matrix was inspected; warnings and skipped say why")
        return self.matrices[0]

    @property
    def path(self) -> str:
        """The file, or what an array was called."""
        return str(self._json["path"])

    @property
    def format(self) -> str:
        return str(self._json["format"])

    @property
    def warnings(self) -> List[str]:
        return list(self._json["warnings"])

    @property
    def tensor(self) -> str:
        return self._first().tensor

    @property
    def role(self) -> str:
        return self._first().role

    @property
    def n(self) -> int:
        return self._first().n

    @property
    def m(self) -> int:
        return self._first().m

    @property
    def regime(self) -> str:
        return self._first().regime

    @property
    def because(self) -> str:
        return self._first().because

    @property
    def mean_square_overlap(self) -> Optional[float]:
        return self._first().mean_square_overlap

    @property
    def mean_square_overlap_centered(self) -> Optional[float]:
        return self._first().mean_square_overlap_centered

    @property
    def norm(self) -> Dict[str, Any]:
        return self._first().norm

    @property
    def overlap(self) -> Dict[str, Any]:
        return self._first().overlap

    @property
    def effective_rank(self) -> Optional[float]:
        return self._first().effective_rank

    @property
    def participation_ratio(self) -> Optional[float]:
        return self._first().participation_ratio

    @property
    def crowded(self) -> List[Dict[str, Any]]:
        return self._first().crowded

    def __getitem__(self, key: Union[int, str]) -> Any:
        """A matrix by place or by its tensor's name."""
        if not isinstance(key, str):
            return self.matrices[operator.index(key)]
        for matrix in self.matrices:
            if matrix.tensor == key:
                return matrix
        raise KeyError(key)

    def __iter__(self) -> Iterator[Matrix]:
        return iter(self.matrices)

    def __len__(self) -> int:
        return len(self.matrices)

    def summary(self) -> str:
        """What ``superpose inspect`` prints."""
        return self._text

    def to_frame(self) -> Any:
        """One row for each matrix: a DataFrame of pandas or polars, a dict of lists where neither is installed."""
        return frame(union([_scalars(matrix.to_dict()) for matrix in self.matrices]))

    @property
    def figures(self) -> List[Dict[str, Any]]:
        """The figures of the inspection page, as data."""
        return _native.inspection_figures(self._json)

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """A figure of the inspection page with matplotlib. figure: its id (``[f["id"] for f in geometry.figures]``), the
        first by default. options: those of superpose.draw.draw."""
        from .draw import draw

        return draw(choose_figure(self.figures, figure), **options)

    def save(self, path: PathLike) -> None:
        """The page (NAME.html), or the JSON (NAME.json). Error(io)."""
        _save(self, path)

    def __repr__(self) -> str:
        if len(self.matrices) != 1:
            names = ", ".join(f"{m.tensor} ({m.regime})" for m in self.matrices)
            return f"<superpose.Geometry of {self.path}: {len(self.matrices)} matrices: {names}>"
        return repr(self.matrices[0]).replace("superpose.Matrix", "superpose.Geometry")

    def _repr_html_(self) -> str:
        return _card(self.path, self.matrices, self.warnings)


class Comparison(Result):
    """Several checkpoints side by side: does the overlap follow 1/m, and what moves over training?"""

    verb = "inspect"

    def __init__(self, body: Dict[str, Any], text: str) -> None:
        super().__init__(body)
        self._text = text

    @property
    def models(self) -> List[Dict[str, Any]]:
        """One entry for each file: label, family, n, m, mean square overlaps, verdict, step."""
        return list(self._json["compare"]["models"])

    @property
    def fits(self) -> List[Dict[str, Any]]:
        """ln(mean square overlap) on ln(1/m), of all models and of each family; with the verdict on the 1/m law."""
        whole = self._json["compare"]["fit"]
        return ([whole] if whole else []) + list(self._json["compare"]["families"])

    @property
    def alarms(self) -> List[Dict[str, Any]]:
        """Duplicates, discontinuities, contradictions."""
        return list(self._json["compare"]["alarms"])

    @property
    def errors(self) -> List[Dict[str, Any]]:
        """Of paths that could not be read, where others could."""
        return [{"path": f["path"], **f["error"]} for f in self._json.get("files", []) if "error" in f]

    def summary(self) -> str:
        """What ``superpose inspect --compare`` prints."""
        return self._text

    def to_frame(self) -> Any:
        """One row for each model."""
        return frame(union(self.models))

    @property
    def figures(self) -> List[Dict[str, Any]]:
        return _native.inspection_figures(self._json)

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """A figure of the page with matplotlib, the comparison by default."""
        from .draw import draw

        figures = self.figures
        if figure is None:
            figure = next((f for f in ids(figures) if f.startswith("compar")), None)
        return draw(choose_figure(figures, figure), **options)

    def save(self, path: PathLike) -> None:
        """The page (NAME.html), or the JSON (NAME.json). Error(io)."""
        _save(self, path)

    def __repr__(self) -> str:
        unread = f", {len(self.errors)} paths that could not be read" if self.errors else ""
        return f"<superpose.Comparison of {len(self.models)} models, {len(self.alarms)} alarms{unread}>"

    def _repr_html_(self) -> str:
        from .html import card, table

        header = ["label", "family", "n", "m", "mean_square", "verdict"]
        rows = [[str(number(model.get(name)) if isinstance(model.get(name), float) else model.get(name, "-")) for name in header]
                for model in self.models]
        notes = [fit["because"] for fit in self.fits] + [one["because"] for one in self.alarms] + [e["text"] for e in self.errors]
        return card("Comparison", repr(self)[1:-1], (), notes, table(rows, header))


def _save(result: Union[Geometry, Comparison], path: PathLike) -> None:
    if is_named(path, ".json"):
        write_text(path, result.to_json(1) + "\n")
    else:
        write_text(path, _native.inspection_page(result.to_dict()))


def _options(options: Dict[str, Any]) -> Dict[str, Any]:
    counts = options.pop("counts")
    if isinstance(counts, (str, os.PathLike)):
        options["counts"] = path_text(counts)
    elif counts is not None:
        options["count_values"] = _arrays.vector(counts, "counts")
    if options.get("tokenizer") is not None:
        options["tokenizer"] = path_text(options["tokenizer"])
    top = options["top"]
    options["top"] = [operator.index(k) for k in ([top] if isinstance(top, numbers.Integral) else top)]
    tokens = options.pop("token")
    if isinstance(tokens, (str, numbers.Integral)):
        tokens = [tokens]
    options["tokens"] = [str(token) for token in tokens]
    return options


def _module_config(model: Any) -> Optional[Dict[str, Any]]:
    """config.json of a Hugging Face module, which says what the head is."""
    config = getattr(model, "config", None)
    if config is None or not hasattr(config, "to_dict"):
        return None
    found: Dict[str, Any] = config.to_dict()
    return {k: v for k, v in found.items() if isinstance(v, (str, int, float, bool))}


def inspect(
    what: Any,
    *,
    tensor: Optional[str] = None,
    all: bool = False,
    transpose: bool = False,
    quick: bool = False,
    exact: bool = False,
    counts: Any = None,
    top: Union[int, Sequence[int]] = (),
    tokenizer: Optional[PathLike] = None,
    token: Union[str, int, Sequence[Union[str, int]]] = (),
    neighbors: int = 5,
    crowded: int = 10,
    centered: bool = False,
    max_exact_pairs: Optional[int] = None,
    sample_pairs: int = 1_000_000,
    seed: int = 0,
    threads: int = 0,
    progress: Progress = None,
) -> Geometry:
    """The geometry of a model's head: norms, overlaps, rank, crowding, and which regime of superposition it shows.

    what: a file (safetensors, GGUF, PyTorch, .npy/.npz, ONNX, HDF5, llama2.c, word2vec), a model folder, a hub id
    "hf:OWNER/NAME", a matrix [n, m] (rows are tokens or features), a torch.nn.Module, or a state dict {name: array}.
    Arrays are float16, float32 or float64 (bfloat16 of torch too) in C order on the CPU; their memory is read where it
    lies.

    tensor: this one instead of the head that is found. all: every matrix. transpose: tokens are the columns. quick: one
    pass, no verdict. exact: |cos| over all pairs, however long; otherwise over all up to max_exact_pairs (None: as many as
    take a few seconds), else over a sample of sample_pairs. counts: how often each row's token occurs, a file ("id count"
    lines) or an array [n]; top: also the K most frequent. tokenizer: a file that says what ids spell. token: ids or texts
    whose neighbours are wanted; neighbors: how many of each; crowded: how many of the most crowded rows; centered: both
    after the mean row was removed. seed: of samples and shuffles. threads: 0 = all cores. The numbers are those of
    ``superpose inspect``.

    Returns Geometry. Errors: io (not there), bad_file, unsupported, usage.

    >>> import numpy, superpose
    >>> W = numpy.random.default_rng(0).normal(size=(200, 20))
    >>> found = superpose.inspect(W)
    >>> found.n, found.m, found.regime
    (200, 20, 'cannot_tell')
    >>> round(found.mean_square_overlap * found.m, 1)
    1.0
    """
    options = _options({"tensor": tensor, "all": all, "transpose": transpose, "quick": quick, "exact": exact, "counts": counts,
                        "top": top, "tokenizer": tokenizer, "token": token, "neighbors": neighbors, "crowded": crowded,
                        "centered": centered, "max_exact_pairs": max_exact_pairs, "sample_pairs": sample_pairs, "seed": seed,
                        "threads": threads})
    with bar(progress, "inspect") as callback:
        if isinstance(what, (str, os.PathLike)):
            body, text = _native.inspect_paths([path_text(what)], options, False, callback)
            if "matrices" not in body:
                raise usage(f"{path_text(what)}: holds several checkpoints; superpose.compare inspects them all")
            return Geometry(body, text)
        state = None if isinstance(what, type) else getattr(what, "state_dict", None)
        if callable(state):
            arrays = _arrays.state_arrays(cast(Mapping[str, Any], state()), module=True)
            label, config = type(what).__name__, _module_config(what)
        elif isinstance(what, Mapping):
            arrays, label, config = _arrays.state_arrays(what), "state dict", None
        elif _arrays.is_array(what) or isinstance(what, (list, tuple)):
            arrays, label, config = [_one(what)], "array", None
        else:
            raise usage(f"inspect: a {type(what).__name__}, expected a path, an array, a torch.nn.Module or a state dict")
        return Geometry(*_native.inspect_arrays(label, arrays, config, options, callback))


def _one(W: Any) -> _arrays.Named:
    tensor = _arrays.named("array", W) if _arrays.is_array(W) else None
    if tensor is not None and tensor[1] == "BF16":
        return tensor
    array = _arrays.matrix(W)
    return ("array", {"float64": "F64", "float32": "F32", "float16": "F16"}[array.dtype.name], array.shape, array)


def geometry(
    W: Any,
    counts: Any = None,
    *,
    transpose: bool = False,
    quick: bool = False,
    exact: bool = False,
    top: Union[int, Sequence[int]] = (),
    tokenizer: Optional[PathLike] = None,
    token: Union[str, int, Sequence[Union[str, int]]] = (),
    neighbors: int = 5,
    crowded: int = 10,
    centered: bool = False,
    max_exact_pairs: Optional[int] = None,
    sample_pairs: int = 1_000_000,
    seed: int = 0,
    threads: int = 0,
    progress: Progress = None,
) -> Geometry:
    """The geometry of one matrix in memory: superpose.inspect(W), for whom the name says more.

    W: [n, m], rows are features or tokens. counts: [n] how often each row's token occurs, or a file of counts. The rest as
    for superpose.inspect.

    >>> import numpy, superpose
    >>> superpose.geometry(numpy.eye(50, 60)).mean_square_overlap
    0.0
    """
    if isinstance(W, (str, os.PathLike, Mapping)) or hasattr(W, "state_dict"):
        raise usage("geometry: expected a matrix; superpose.inspect takes files, modules and state dicts")
    return inspect(W, counts=counts, transpose=transpose, quick=quick, exact=exact, top=top, tokenizer=tokenizer, token=token,
                   neighbors=neighbors, crowded=crowded, centered=centered, max_exact_pairs=max_exact_pairs,
                   sample_pairs=sample_pairs, seed=seed, threads=threads, progress=progress)


def compare(
    paths: Any,
    *,
    tensor: Optional[str] = None,
    all: bool = False,
    transpose: bool = False,
    quick: bool = False,
    exact: bool = False,
    counts: Any = None,
    top: Union[int, Sequence[int]] = (),
    tokenizer: Optional[PathLike] = None,
    token: Union[str, int, Sequence[Union[str, int]]] = (),
    neighbors: int = 5,
    crowded: int = 10,
    centered: bool = False,
    max_exact_pairs: Optional[int] = None,
    sample_pairs: int = 1_000_000,
    seed: int = 0,
    threads: int = 0,
    progress: Progress = None,
) -> Comparison:
    """Several checkpoints side by side: overlap against 1/m with its exponent, or norms and overlaps over training.

    paths: files, model folders, a folder of checkpoints of one run, or one table of models (m and mean_sq_overlap; a path,
    a DataFrame, a dict of arrays, a list of dicts). The rest as for superpose.inspect. Returns Comparison; a path that
    cannot be read among others that can is in its ``errors``.

    >>> import numpy, pathlib, superpose, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [pathlib.Path(folder, f"model-{m}.npy") for m in (8, 16, 32)]
    ...     for m, path in zip((8, 16, 32), paths):
    ...         numpy.save(path, numpy.random.default_rng(m).normal(size=(300, m)))
    ...     found = superpose.compare(paths)
    >>> found.fits[0]["verdict"], round(found.fits[0]["exponent"], 1)
    ('supported', 1.0)
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    rows = isinstance(paths, (list, tuple)) and len(paths) > 0 and isinstance(paths[0], Mapping)
    if isinstance(paths, Mapping) or hasattr(paths, "columns") or rows:
        return Comparison(*_native.compare_table(*table_text(paths)))
    names = [path_text(path, "compare") for path in paths]
    if not names:
        raise usage("compare: no paths")
    if is_named(names[0], ".csv", ".tsv"):
        if len(names) > 1:
            raise usage(f"compare: {names[0]}: a table is compared alone, without other paths")
        return Comparison(*_native.compare_table(*table_text(names[0])))
    wanted = _options({"tensor": tensor, "all": all, "transpose": transpose, "quick": quick, "exact": exact, "counts": counts,
                       "top": top, "tokenizer": tokenizer, "token": token, "neighbors": neighbors, "crowded": crowded,
                       "centered": centered, "max_exact_pairs": max_exact_pairs, "sample_pairs": sample_pairs, "seed": seed,
                       "threads": threads})
    with bar(progress, "inspect") as callback:
        found = Comparison(*_native.inspect_paths(names, wanted, True, callback))
    if not found.models and found.errors:
        raise Error(found.errors[0]["kind"], found.errors[0]["text"])
    return found
