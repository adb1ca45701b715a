# SPDX-License-Identifier: Apache-2.0
"""Toy models of superposition: superpose.toy and superpose.ToySession."""
from __future__ import annotations

import hashlib
import os
import pathlib
import re
import tempfile
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np

from . import _arrays
from ._compiled import native as _native
from ._progress import Progress, bar
from ._result import count, number, path_text, PathLike, Result, write_bytes
from .error import Error, usage

Law = Union[str, Any]  # a law's spelling, or an array of counts


def _law_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "superpose" / "laws"


def _temporary_folder() -> pathlib.Path:
    return pathlib.Path(tempfile.gettempdir()) / f"superpose-laws-{os.getuid()}"


def counts_of_law(counts: Any) -> _arrays.Numbers:
    """[n] counts that can be a law. Error(usage)."""
    values = _arrays.vector(counts, "law")
    if not np.all(np.isfinite(values)) or np.any(values < 0) or not np.any(values > 0):
        raise usage("law: expected counts, finite and >= 0, some above 0")
    return values


def law_of_counts(counts: Any) -> str:
    """Counts of the caller's as a law. Kept by content in the user's cache, since a result names its law's file."""
    values = counts_of_law(counts)
    text = "".join(f"{v!r}\n" for v in values.tolist()).encode()
    folder = _law_folder()
    path = folder / f"{hashlib.sha256(text).hexdigest()[:32]}.txt"
    for place in (path, _temporary_folder() / path.name):  # no home, or none that can be written to: a container, say
        try:
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(str(place), text)
            return f"file:{place}"
        except (OSError, Error):
            continue
    raise Error("io", f"{path}: cannot be written, nor in {_temporary_folder()}")


def law_name(text: str) -> str:
    """A law, or a text with one in it, for people: counts by the first digits of what they are kept under."""
    return re.sub(re.escape(f"file:{_law_folder()}{os.sep}") + r"([0-9a-f]{8})[0-9a-f]{24}\.txt", r"counts \1", text)


def _config(fields: Dict[str, Any]) -> Dict[str, Any]:
    if not isinstance(fields["law"], str):
        fields["law"] = law_of_counts(fields["law"])
    return fields


class ToyResult(Result):
    """A trained toy model and what was measured of it.

    ``measures`` has every field of ``superpose toy --json`` (docs/schema/toy.json); those asked for most are attributes.
    Losses are sums over features of the mean squared error, as in the paper's Eq. (1). A run that diverged has
    ``diverged`` true and None where there is nothing to measure.
    """

    verb = "toy"

    def __init__(self, native: Dict[str, Any], counts: Optional[_arrays.Numbers] = None) -> None:
        measures = native["measures"]
        changes = [list(change) for change in native.get("decay_changes", [])]
        config = {**native["config"], "decay_changes": changes} if changes else native["config"]
        super().__init__({"config": config, **measures})
        self._counts = counts
        #: [[step, decay from then on], ...]: how a hand turned the dial (ToySession); empty otherwise.
        self.decay_changes: List[List[float]] = changes
        self.measures: Dict[str, Any] = measures
        #: [n, m] float32, row i the direction of feature i, the i-th most frequent (see order).
        self.W: _arrays.Numbers = _arrays.from_native(native["W"])
        #: [n] float32.
        self.b: _arrays.Numbers = _arrays.from_native(native["b"])
        #: [n, m] float32; None where the decoder is tied.
        self.decoder: Optional[_arrays.Numbers] = None if native["decoder"] is None else _arrays.from_native(native["decoder"])
        #: Seconds spent in sampling, gram, forward, backward and optimizer.
        self.profile: Dict[str, float] = native["profile"]
        #: The first step computed here; above 0 where a snapshot was gone on from.
        self.resumed_at: int = native["resumed_at"]
        #: Remarks about snapshots.
        self.notes: List[str] = native.get("notes", [])

    def _number(self, name: str) -> Optional[float]:
        value = self.measures[name]
        return None if value is None else float(value)

    @property
    def status(self) -> str:
        """ "ok" or "diverged"."""
        return str(self.measures["status"])

    @property
    def diverged(self) -> bool:
        return self.status == "diverged"

    @property
    def loss(self) -> Optional[float]:
        """Mean over the last 100 steps of the training batches' loss."""
        return self._number("loss")

    @property
    def loss_std(self) -> Optional[float]:
        """Standard deviation of the loss over those steps."""
        return self._number("loss_std")

    @property
    def eval_loss(self) -> Optional[float]:
        """Mean over fresh batches with the final weights."""
        return self._number("eval_loss")

    @property
    def eval_loss_se(self) -> Optional[float]:
        """Standard error of eval_loss."""
        return self._number("eval_loss_se")

    @property
    def phi_half(self) -> Optional[float]:
        """φ_1/2, the fraction of rows with norm > 1/2: represented features."""
        return self._number("phi_half")

    @property
    def overlap_mean_square(self) -> Optional[float]:
        """Mean cos² of different rows with norm > 1/2."""
        return self._number("overlap_mean_square")

    @property
    def seconds(self) -> float:
        """Wall clock of the training steps."""
        return float(self.measures["seconds"])

    @property
    def curve(self) -> Tuple[_arrays.Numbers, _arrays.Numbers]:
        """(steps, losses): about 200 points; each is the mean loss of the steps since the one before."""
        points = np.asarray(self.measures["curve"], dtype=np.float64).reshape(-1, 2)
        return points[:, 0].astype(np.int64), points[:, 1]

    @property
    def norms(self) -> _arrays.Numbers:
        """[n] row norms of W."""
        return _arrays.from_native(_native.row_norms(self.W))

    @property
    def probability(self) -> _arrays.Numbers:
        """[n] p_i, how often each feature is active, descending."""
        return _arrays.from_native(_native.toy_probability(self._plain_config()))

    @property
    def order(self) -> Optional[_arrays.Numbers]:
        """Of a law that was given as counts: [n] which entry of the counts each row of W belongs to, since rows are sorted by
        frequency and counts of 0 have none. None for other laws.

        >>> import superpose
        >>> superpose.toy(law=[1, 0, 5, 3], dim=2, steps=10, batch=8).order.tolist()
        [2, 3, 0]
        """
        if self._counts is None:
            return None
        order = np.argsort(-self._counts, kind="stable")
        return order[self._counts[order] > 0][: self.W.shape[0]]

    def _plain_config(self) -> Dict[str, Any]:
        config = {k: v for k, v in self._json["config"].items() if k not in ("law_data", "decay_changes")}
        return config if self._counts is None else {**config, "law": law_of_counts(self._counts)}

    def _finite(self, what: str) -> None:
        if self.diverged:
            raise Error("numeric", f"the run diverged at step {self.measures['diverged_at']}: {what}")

    def __eq__(self, other: object) -> bool:
        """The same model with the same measures; how long it took does not count."""
        if not isinstance(other, ToyResult):
            return NotImplemented
        mine, theirs = ({k: v for k, v in r._json.items() if k not in ("seconds", "steps_per_second")} for r in (self, other))
        pairs = ((self.W, other.W), (self.b, other.b), (self.decoder, other.decoder))
        return mine == theirs and all(np.array_equal(a, b) if a is not None and b is not None else a is b for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]

    def feature_losses(self, samples: int = 0) -> Dict[str, Any]:
        """What each feature costs, measured as exactly for rare features as for frequent ones (docs/math.md §4).

        samples: backgrounds each feature is put into; 0 chooses. Arrays [n]: ``loss`` (they sum to ``total``), ``se``,
        ``ignored`` (what the best constant answer loses), ``ratio`` (signal over interference), ``resolved``.
        Error(unsupported) for untied, linear or correlated models.
        """
        self._finite("there are no losses to tell apart")
        out: Dict[str, Any] = _native.toy_feature_losses(self._plain_config(), self.W, self.b, count(samples, "samples"))
        for name in ("loss", "se", "ignored", "ratio", "resolved"):
            out[name] = _arrays.from_native(out[name])
        out["resolved"] = out["resolved"].astype(bool)
        return out

    def geometry(self, **options: Any) -> Any:
        """superpose.geometry(self.W, ...)."""
        from ._inspect import geometry

        self._finite("its weights have no geometry")
        return geometry(self.W, **options)

    def save(self, path: PathLike) -> None:
        """Writes W and b (and W_dec) as F32 safetensors, the configuration in its metadata: what ``superpose toy --save``
        writes and superpose.inspect reads. Error(io); Error(numeric) for a run that diverged."""
        self._finite("there are no weights worth keeping")
        _native.toy_save(path_text(path), self._json["config"], self.W, self.b, self.decoder)

    @property
    def figures(self) -> List[Dict[str, Any]]:
        """The figures of plot(), as data: loss, norms and overlap."""
        from ._toy_figures import figures

        return figures(self)

    def plot(self, figure: Optional[str] = None, **options: Any) -> Any:
        """A matplotlib Figure. figure: "training" (the loss over the steps, the default), "norms" (row norms by feature),
        "overlaps" (|cos| of pairs of represented rows). options: those of superpose.draw.draw."""
        from ._result import choose_figure
        from .draw import draw

        return draw(choose_figure(self.figures, figure), **options)

    def __repr__(self) -> str:
        c = self._json["config"]
        turned = "".join(f", {decay:g} from step {step}" for step, decay in self.decay_changes[:3])
        what = f"diverged at step {self.measures['diverged_at']}" if self.diverged else f"loss {number(self.loss)}"
        return (f"<superpose.ToyResult: {c['features']} features in {c['dim']} dimensions, {law_name(c['law'])}, "
                f"density {c['density']:g}, decay {c['decay']:g}{turned}, seed {c['seed']}: {what}>")

    def summary(self) -> str:
        """What was measured, in lines."""
        m = self.measures
        rows = [("loss", f"{number(self.loss)} ± {number(self.loss_std)}"),
                ("fresh loss", f"{number(self.eval_loss)} ± {number(self.eval_loss_se)}"),
                ("φ_1/2", number(m["phi_half"])),
                ("overlap, represented", number(m["overlap_mean_square"])),
                ("1/m", number(m["random_mean_square"])),
                ("Welch bound", number(m["welch_bound_mean_square"])),
                ("seconds", number(self.seconds))]
        return "\n".join([repr(self)[1:-1]] + [f"  {name:<22}{value}" for name, value in rows])

    def _repr_html_(self) -> str:
        from .html import card, table

        m = self.measures
        rows = [("loss", f"{number(self.loss)} ± {number(self.loss_std)}", "mean of the last training batches, their spread"),
                ("fresh loss", f"{number(self.eval_loss)} ± {number(self.eval_loss_se)}", "on fresh batches, standard error"),
                ("φ½", number(m["phi_half"]), "rows with norm > ½"),
                ("overlap", number(m["overlap_mean_square"]), "mean cos² of rows with norm > ½"),
                ("1/m", number(m["random_mean_square"]), "what random directions have"),
                ("Welch bound", number(m["welch_bound_mean_square"]), "the least that n rows can have")]
        return card("Toy model", repr(self)[len("<superpose.ToyResult: "):-1], (), self.notes, table(rows))


def toy(
    *,
    features: int = 0,
    dim: int = 50,
    law: Law = "power:1",
    density: float = 1.0,
    decay: float = -1.0,
    steps: int = 20000,
    batch: int = 2048,
    lr: float = 0.01,
    lr_bias: float = 0.0,
    warmup: float = 0.1,
    lr_floor: float = 0.05,
    loss_scale: float = 1.0,
    engine: str = "fast",
    seed: int = 0,
    values: str = "uniform:0:2",
    correlation: str = "none",
    importance: str = "uniform",
    decoder: str = "tied",
    activation: str = "relu",
    bias: bool = True,
    bias_init: str = "normal",
    init_scale: float = 1.0,
    optimizer: str = "adamw",
    momentum: float = 0.9,
    schedule: str = "cosine",
    threads: int = 0,
    snapshot: Optional[PathLike] = None,
    snapshot_every: float = 60.0,
    keep_snapshot: bool = False,
    progress: Progress = None,
) -> ToyResult:
    """Trains one toy model of superposition, y = ReLU(W Wᵀx + b), and measures it (Liu, Liu & Gore 2025; docs/math.md).

    features: n, 1 .. 10^8 (0: 1000, or all positive counts of a file). dim: m, 1 .. 65536.
    law: how often features occur: "power:A", "exponential:S", "linear", "uniform", "file:PATH", or an array of counts
    (features are then sorted by count: ToyResult.order says which is which).
    density: E, expected active features per sample, in (0, n]. decay: γ, the dial: > 0 shrinks W (weak superposition),
    < 0 pulls row norms to 1 (strong). steps, batch: the training, samples per step. lr, lr_bias: peak learning rates of W
    and b (0: lr); warmup: linear, as a fraction of the steps; lr_floor: the last rate as a fraction of the peak; schedule
    after the warm-up: "cosine", "constant", "linear", "wsd". loss_scale multiplies the mean squared error before the
    gradient. engine: "fast", or "reference" (dense, double). seed: of initialisation and data.
    values of active features: "uniform:LO:HI", "constant[:C]", "exponential[:MEAN]", "halfnormal[:SCALE]". correlation:
    "none", "together:K", "exclusive:K". importance: weights in the loss, "uniform", "geometric:R". decoder: "tied",
    "untied". activation: "relu", or "linear" (reference engine). bias: False trains none; bias_init: "normal", "zero".
    init_scale: first weights N(0, init_scale²/m). optimizer: "adamw", "sgd" (with momentum), "lion".
    threads: 0 = as many as help; the result does not depend on it, and is bit for bit that of the command line.
    snapshot: a file in which the state is saved every snapshot_every seconds and when the call is interrupted; when it is
    there, the run goes on from it; removed at the end unless keep_snapshot. progress: None = a bar on terminals and in notebooks, False, True, or a function (fraction, text).

    Returns ToyResult. Ctrl-C raises KeyboardInterrupt. Error(usage) names all that is wrong with a configuration.

    >>> import superpose
    >>> result = superpose.toy(features=20, dim=5, steps=200, batch=64, decay=-1.0)
    >>> result.W.shape, result.status
    ((20, 5), 'ok')
    >>> 0 < result.loss < 1.4
    True
    """
    fields = dict(locals())
    for name in ("threads", "snapshot", "snapshot_every", "keep_snapshot", "progress"):
        del fields[name]
    counts = None if isinstance(fields["law"], str) else counts_of_law(fields["law"])
    config = _config(fields)
    path = None if snapshot is None else path_text(snapshot)
    if path is not None and not os.access(os.path.dirname(path) or ".", os.W_OK):  # said before the training, not after it
        raise Error("io", f"snapshot {path}: there is no such folder, or it cannot be written to")
    with bar(progress, "toy") as callback:
        return ToyResult(_native.toy(config, threads, path, snapshot_every, keep_snapshot, callback), counts)


class ToySession:
    """A toy model in training, for who wants to look at it in between or to turn the dial.

    Takes the configuration of superpose.toy. With ``decay`` left alone it ends with the same bits as superpose.toy.
    One thread at a time: a second one gets Error(usage).

    >>> import superpose
    >>> session = superpose.ToySession(features=20, dim=5, steps=300, batch=64)
    >>> session.advance(100)
    >>> session.step, session.done
    (100, False)
    >>> session.decay = 0.3
    >>> session.advance(1000)
    >>> session.step, session.done, session.result().W.shape
    (300, True, (20, 5))
    """

    def __init__(self, *, threads: int = 1, **config: Any) -> None:
        known = {name: default for name, default, _ in _native.toy_fields()}
        for name in config:
            if name not in known:
                raise TypeError(f"ToySession() got an unexpected keyword argument {name!r}")
        law = config.get("law", "")
        self._counts = None if isinstance(law, str) else counts_of_law(law)
        self._native = _native.ToySession(_config({**known, **config}), threads)

    def advance(self, steps: int, progress: Progress = None) -> None:
        """At most so many steps more; fewer where the training ends, none once it is done."""
        with bar(progress, "toy") as callback:
            self._native.advance(count(steps, "steps"), callback)

    @property
    def step(self) -> int:
        """Steps done."""
        return self._native.step()

    @property
    def done(self) -> bool:
        """No step is left, or the run diverged."""
        return self._native.done()

    @property
    def decay(self) -> float:
        """γ of the steps to come, in [-10, 10]; set it to turn the dial."""
        return self._native.decay()

    @decay.setter
    def decay(self, value: float) -> None:
        self._native.set_decay(value)

    def result(self) -> ToyResult:
        """The model as it stands; eval_loss only once done."""
        return ToyResult(self._native.result(), self._counts)

    def __repr__(self) -> str:
        return f"<superpose.ToySession: step {self.step}{', done' if self.done else ''}, decay {self.decay:g}>"
