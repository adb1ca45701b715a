# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of `superpose inspect`. SUPERPOSE: the program; SUPERPOSE_TEST_DATA: reference matrices;
SUPERPOSE_SAMPLES: the folder that tools/samples.sh fills. What needs missing data is skipped."""
import json
import os
import pathlib
import struct
import subprocess

import jsonschema
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUPERPOSE", str(ROOT / "build/release/bin/superpose"))
SCHEMA = json.loads((ROOT / "docs/schema/inspect.json").read_text())


def data(path):
    root = os.environ.get("SUPERPOSE_TEST_DATA")
    if not root:
        pytest.skip("SUPERPOSE_TEST_DATA is not set")
    return pathlib.Path(root) / path


def sample(name):
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "superpose/samples"
    path = pathlib.Path(os.environ.get("SUPERPOSE_SAMPLES", default)) / name
    if not path.exists():
        pytest.skip(f"{path} is not there; tools/samples.sh fetches it")
    return path


def run(*words, code=0):
    done = subprocess.run([PROGRAM, "inspect", *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    return done


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def inspect(*words):
    out = json.loads(run(*words, "--json").stdout, parse_constant=no_constant)
    jsonschema.Draft202012Validator(SCHEMA).validate(out)
    return out


def matrix(*words):
    return inspect(*words)["matrices"][0]


def save_npy(path, W):
    np.save(path, W)
    return path


def save_toy(path, W):
    """As `superpose toy --save` writes it."""
    W = np.ascontiguousarray(W, "<f4")
    b = np.zeros(len(W), "<f4")
    header = {
        "__metadata__": {"superpose.config": json.dumps({"features": W.shape[0], "dim": W.shape[1]})},
        "W": {"dtype": "F32", "shape": list(W.shape), "data_offsets": [0, W.nbytes]},
        "b": {"dtype": "F32", "shape": [len(b)], "data_offsets": [W.nbytes, W.nbytes + b.nbytes]},
    }
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + W.tobytes() + b.tobytes())
    return path


def test_numbers_are_those_of_numpy(tmp_path):
    rng = np.random.default_rng(3)
    W = rng.standard_normal((150, 12)) * np.exp(rng.standard_normal((150, 1))) + 0.2
    W[[4, 70]] = 0
    got = matrix(save_npy(tmp_path / "w.npy", W))
    r = np.linalg.norm(W, axis=1)
    levels = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    assert got["norm"]["mean"] == pytest.approx(r.mean(), rel=1e-12)
    assert got["norm"]["std"] == pytest.approx(r.std(), rel=1e-12)
    assert got["norm"]["quantiles"] == pytest.approx(np.quantile(r, levels), rel=1e-12)
    assert sum(got["norm"]["histogram"]["counts"]) == 150
    assert (got["n"], got["m"], got["zero_rows"], got["dtype"]) == (150, 12, 2, "F64")
    assert got["phi_half"] == np.mean(r > 0.5) and got["phi_one"] == np.mean(r > 1)
    V = W[r > 0]
    for key, X in (("overlap", V), ("overlap_centered", V - V.mean(0))):
        U = X / np.linalg.norm(X, axis=1, keepdims=True)
        c = np.abs(U @ U.T)[np.triu_indices(len(U), 1)]
        assert got[key]["mean_square"] == pytest.approx((c**2).mean(), rel=1e-12)
        assert got[key]["mean_abs"] == pytest.approx(c.mean(), rel=1e-12)
        assert got[key]["std_abs"] == pytest.approx(c.std(), rel=1e-12)
        assert got[key]["max_abs"] == pytest.approx(c.max(), rel=1e-12)
        assert got[key]["pairs"] == "all" and got[key]["mean_abs_se"] == 0 and got[key]["rows"] == 148
    s = np.linalg.svd(W, compute_uv=False)
    p = s / s.sum()
    assert got["effective_rank"] == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-12)
    assert got["participation_ratio"] == pytest.approx((s**2).sum() ** 2 / (s**4).sum(), rel=1e-12)
    assert got["random_mean_square"] == pytest.approx(1 / 12)
    assert got["welch_bound_mean_square"] == pytest.approx(138 / (12 * 149))


def test_large_matrices_sample_pairs_within_the_stated_error(tmp_path):
    W = np.random.default_rng(4).standard_normal((10500, 6)).astype(np.float32)
    got = matrix(save_npy(tmp_path / "w.npy", W), "--max-exact-pairs", 1000)["overlap"]
    assert got["pairs"] == "sampled" and got["max_abs"] is None
    U = W.astype(float) / np.linalg.norm(W.astype(float), axis=1, keepdims=True)
    n = len(U)
    G = U.T @ U
    assert got["mean_square"] == pytest.approx(((G**2).sum() - n) / (n * (n - 1)), rel=1e-9)
    total = sum(np.abs(U[i : i + 500] @ U.T).sum() for i in range(0, n, 500))
    # Five standard errors: 6e-7 false alarms; the seed of the sample is fixed, so the outcome is too.
    assert abs(got["mean_abs"] - (total - n) / (n * (n - 1))) < 5 * got["mean_abs_se"]
    assert 0 < got["mean_abs_se"] < 1e-3


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 5), (5, 1), (3, 7)])
def test_degenerate_shapes_give_null_and_a_reason(tmp_path, shape):
    for fill in (0.0, 1.0):
        got = matrix(save_npy(tmp_path / "w.npy", np.full(shape, fill)))
        assert got["verdict"] in ("cannot_tell", "none") and got["because"]
        text = run(tmp_path / "w.npy").stdout.lower()
        assert "nan" not in text and "inf" not in text


def test_toy_models_of_known_regime(tmp_path):
    rng = np.random.default_rng(1)

    def rows(norms, m=40):
        X = rng.standard_normal((len(norms), m))
        return X / np.linalg.norm(X, axis=1, keepdims=True) * np.asarray(norms)[:, None]

    none = 1e-3 * rng.standard_normal((800, 40))
    none[:40] += np.eye(40)
    cases = {
        "none": none,
        "weak": rows([1.0] * 80 + [0.02] * 720),
        "strong": rows([0.9] * 500 + [1.1] * 300),
        "cannot_tell": rng.standard_normal((800, 40)) / np.sqrt(40),  # the initialisation
    }
    for want, W in cases.items():
        got = matrix(save_toy(tmp_path / "w.safetensors", W))
        assert got["role"] == "toy"
        assert got["verdict"] == want, got["because"]


def test_several_paths_give_one_object_and_equal_runs_equal_bytes(tmp_path):
    rng = np.random.default_rng(2)
    a = save_npy(tmp_path / "a.npy", rng.standard_normal((30, 4)))
    b = save_npy(tmp_path / "b.npy", rng.standard_normal((40, 5)).astype(np.float32))
    out = inspect(a, b)
    assert [f["path"] for f in out["files"]] == [str(a), str(b)]
    assert [f["matrices"][0]["n"] for f in out["files"]] == [30, 40]
    assert out["files"][0]["matrices"] == inspect(a)["matrices"]
    assert run(a, "--json").stdout == run(a, "--json").stdout


def test_text_says_what_json_says(tmp_path):
    path = save_npy(tmp_path / "w.npy", np.eye(6)[:, :3] + 0.5)
    out = run(path)
    assert "6 x 3" in out.stdout and "mean square overlap" in out.stdout and "1/m" in out.stdout
    assert max(map(len, out.stdout.splitlines())) < 260


def test_bad_requests_name_the_problem(tmp_path):
    toy = save_toy(tmp_path / "w.safetensors", np.eye(5))
    assert "W" in run(toy, "--tensor", "w", code=2).stderr
    assert "nowhere" in run(tmp_path / "nowhere.npy", code=4).stderr
    assert "--tensor" in run(toy, "--tensr", "W", code=2).stderr
    run(code=2)
    bad = tmp_path / "bad.npy"
    bad.write_bytes(b"\x93NUMPY\x01\x00\xff\xff")
    done = run(bad, code=3)
    assert "bad.npy" in done.stderr and done.stdout == ""
    W = np.ones((4, 3))
    W[2, 1] = np.nan
    assert "bad.npy" in run(save_npy(bad, W), code=3).stderr
    good = save_npy(tmp_path / "good.npy", np.eye(3))
    # What went well is not lost, and the object is whole.
    both = json.loads(run(good, tmp_path / "nowhere.npy", "--json", code=4).stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(both)
    assert both["files"][0]["matrices"] and both["files"][1]["error"]["kind"] == "io"


def reference_rows():
    """The table of reference values in weights/README.md, computed in float64 by another program."""
    lines = [x for x in data("weights/README.md").read_text().splitlines() if "_head.npy" in x or ".npy |" in x]
    for line in lines:
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) >= 17 and cells[0].endswith(".npy"):
            yield cells


def test_reference_matrices():
    rows = list(reference_rows())
    assert len(rows) >= 12
    for c in rows:
        got = matrix(data("weights/npy") / c[0])
        near = lambda x: pytest.approx(float(x), rel=1e-5, abs=1e-12)
        assert (got["n"], got["m"], got["zero_rows"]) == (int(c[4]), int(c[5]), int(c[16])), c[0]
        assert got["overlap"]["mean_square"] == near(c[6]), c[0]
        assert got["overlap_centered"]["mean_square"] == near(c[9]), c[0]
        assert got["welch_bound_mean_square"] == near(c[10]), c[0]
        assert got["norm"]["mean"] == near(c[11]) and got["norm"]["std"] == near(c[12]), c[0]
        assert got["norm"]["min"] == near(c[13]) and got["norm"]["max"] == near(c[14]), c[0]
        assert got["phi_half"] == near(c[15]), c[0]


# What a careful reader of weights/README.md would say.
@pytest.mark.parametrize(
    "path, allowed",
    [
        ("weights/stories260K.bin", {"cannot_tell"}),
        ("weights/llama2xs_model.bin", {"cannot_tell"}),
        ("weights/npy/zhpoem_v1_head.npy", {"cannot_tell"}),
        ("weights/mlegk_2218297_model.safetensors", {"cannot_tell"}),
        ("weights/mlegk_5f42dbf_model.safetensors", {"cannot_tell"}),
        ("weights/npy/rwkv_4v0_head.npy", {"cannot_tell"}),
        ("weights/npy/slm4096_head.npy", {"none", "cannot_tell"}),
        ("weights/npy/cs224n_05000_out.npy", {"cannot_tell"}),
        ("weights/npy/ko_w2v_10_syn1neg.npy", {"none", "cannot_tell"}),
        ("tiny-hf/llama", {"cannot_tell"}),
        ("tiny-hf/gpt2/model.safetensors", {"cannot_tell"}),
    ],
)
def test_verdicts_are_not_fooled(path, allowed):
    got = matrix(data(path))
    assert got["verdict"] in allowed, got["because"]


def test_rows_seen_in_text_are_in_strong_superposition(tmp_path):
    W = np.load(data("weights/npy/stories260K_head.npy"))
    lines = data("weights/stories260K_token_counts_200stories.tsv").read_text().splitlines()
    fields = [x.split("\t") for x in lines]
    ids = [int(f[0]) for f in fields if f[0].isdigit() and int(f[1]) > 0]
    got = matrix(save_npy(tmp_path / "seen.npy", W[ids]))
    assert got["n"] == 220
    assert got["overlap"]["mean_square"] * 64 == pytest.approx(1.73, abs=0.01)
    assert got["verdict"] == "strong", got["because"]


def test_tiny_models_of_every_layout():
    folders = [f for f in sorted(data("tiny-hf").iterdir()) if (f / "expected.json").exists()]
    assert len(folders) == 7
    for folder in folders:
        want = json.loads((folder / "expected.json").read_text())
        got = matrix(folder)
        assert (got["n"], got["m"], got["tied"]) == (want["n"], want["m"], want["tied"]), folder.name
        assert got["overlap"]["mean_square"] == pytest.approx(want["overlap_mean_square"], rel=1e-5), folder.name
        assert got["overlap"]["mean_abs"] == pytest.approx(want["overlap_mean_abs"], rel=1e-5), folder.name
        assert got["norm"]["mean"] == pytest.approx(want["norm_mean"], rel=1e-5), folder.name


# float64 values of an independent program: n, m, mean square, centred, norm mean and std, participation ratio, rank.
SAMPLES = {
    "stories15M.bin": (32000, 288, 0.6140520851, 0.8101760917, 0.6555511277, 0.1820920731, 1.16344566, 150.7721),
    "all-MiniLM-L6-v2.safetensors": (30522, 384, 0.0087257898, 0.0076833609, 1.0656488797, 0.2290672393, 198.0205, 351.5327),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_real_models(name):
    n, m, plain, centred, mean, std, participation, rank = SAMPLES[name]
    got = matrix(sample(name))
    assert (got["n"], got["m"], got["zero_rows"]) == (n, m, 0)
    assert got["overlap"]["mean_square"] == pytest.approx(plain, rel=1e-5)
    assert got["overlap_centered"]["mean_square"] == pytest.approx(centred, rel=1e-5)
    assert got["norm"]["mean"] == pytest.approx(mean, rel=1e-5)
    assert got["norm"]["std"] == pytest.approx(std, rel=1e-5)
    assert got["participation_ratio"] == pytest.approx(participation, rel=1e-5)
    assert got["effective_rank"] == pytest.approx(rank, rel=1e-5)
    assert got["verdict"] == ("strong" if "MiniLM" in name else "cannot_tell")
