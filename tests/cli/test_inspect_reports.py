# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of what `superpose inspect` says beyond the contract's numbers: baselines, crowding, frequency, comparison,
identity, several files, and other formats than test_inspect.py uses."""
import json
import struct

import numpy as np
import pytest

from test_inspect import data, inspect, matrix, run, sample, save_npy


def safetensors(path, tensors, config=None):
    header, blob = {}, b""
    for name, W in tensors.items():
        W = np.ascontiguousarray(W, "<f4")
        header[name] = {"dtype": "F32", "shape": list(W.shape), "data_offsets": [len(blob), len(blob) + W.nbytes]}
        blob += W.tobytes()
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)
    if config is not None:
        (path.parent / "config.json").write_text(json.dumps(config))
    return path


def unit(W):
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def mean_square(W):
    W = W[np.linalg.norm(W, axis=1) > 0]
    G = unit(W).T @ unit(W)
    n = len(W)
    return ((G**2).sum() - n) / (n * (n - 1))


def head(n=600, m=24, seed=1, shift=0.0):
    rng = np.random.default_rng(seed)
    scale = np.exp(-1.5 * np.arange(m) / m) * (1.3 - 0.6 * np.arange(n)[:, None] / n)
    return (rng.standard_normal((n, m)) * scale + shift).astype("f4")


def test_baselines_tell_anisotropy_from_structure(tmp_path):
    W = head(shift=0.7)
    got = matrix(save_npy(tmp_path / "w.npy", W))
    levels = {level["name"]: level for level in got["baselines"]["list"]}
    V = W.astype(float)
    C = V - V.mean(0)
    top = np.linalg.svd(C, full_matrices=False)[2]
    assert got["baselines"]["rows"] == 600 and not got["baselines"]["sampled"]
    assert levels["mean row removed"]["mean_square"] == pytest.approx(mean_square(C), rel=1e-5)
    for k in (1, 2, 5):
        name = f"top {k} direction{'s' if k > 1 else ''} removed"
        assert levels[name]["mean_square"] == pytest.approx(mean_square(C - C @ top[:k].T @ top[:k]), rel=1e-4)
    # Shuffled columns keep the mean, hence most of the overlap; centred, chance is left: 1/m within the spread of columns.
    assert levels["columns shuffled"]["mean_square"] > 0.5 * got["overlap"]["mean_square"]
    assert levels["columns shuffled, centred"]["times_m"] < 1.6
    excess = got["excess"]
    assert excess["total"] == pytest.approx(excess["anisotropy"] + excess["structure"], rel=1e-9)
    assert excess["anisotropy"] > 0.8 * excess["total"] and excess["unseen"] is None


def test_quick_makes_one_pass_and_no_verdict(tmp_path):
    W = head()
    got = matrix(save_npy(tmp_path / "w.npy", W), "--quick")
    assert got["overlap"]["mean_square"] == pytest.approx(mean_square(W.astype(float)), rel=1e-6)
    assert got["overlap"]["pairs"] == "none" and got["overlap"]["mean_abs"] is None
    assert got["overlap_centered"] is None and got["spectrum"] is None and got["crowding"] is None
    assert got["verdict"] == "cannot_tell" and "--quick" in got["because"]
    assert "mean square overlap" in run(tmp_path / "w.npy", "--quick").stdout


def test_crowding_names_the_rows_that_collide(tmp_path):
    W = head(400, 16, seed=3)
    W[17] = 2 * W[5]  # parallel, not equal
    W[40] = W[41] = W[42]
    got = matrix(save_npy(tmp_path / "w.npy", W), "--token", 5, "--neighbors", 3, "--crowded", 4)["crowding"]
    U = unit(W.astype(float))
    C = U @ U.T
    crowded = ((C**2).sum(1) - 1) / (len(W) - 1)
    order = np.argsort(-crowded, kind="stable")[:4]
    assert [row["id"] for row in got["most_crowded"]] == order.tolist()
    for row in got["most_crowded"]:
        assert row["mean_square"] == pytest.approx(crowded[row["id"]], rel=1e-5) and row["token"] is None
    (asked,) = got["asked"]
    assert asked["nearest"][0]["id"] == 17 and asked["nearest"][0]["cosine"] == pytest.approx(1, abs=1e-6)
    np.fill_diagonal(C, 0)
    assert [n["id"] for n in asked["nearest"]] == np.argsort(-abs(C[5]), kind="stable")[:3].tolist()
    assert got["duplicates"] == [{"ids": [40, 41, 42], "tokens": [None] * 3}] and got["duplicate_rows"] == 3


def test_rows_of_one_norm_and_direction_are_called_unused(tmp_path):
    W = head(2000, 16, seed=4)
    rng = np.random.default_rng(5)
    W[700:900] = rng.standard_normal(16) * (1 + 1e-6 * rng.standard_normal((200, 1)))
    unused = matrix(save_npy(tmp_path / "w.npy", W))["crowding"]["unused"]
    assert 190 <= unused["rows"] <= 215 and 700 <= unused["examples"][3]["id"] < 900
    assert "one direction" in unused["because"]
    assert matrix(save_npy(tmp_path / "v.npy", head(2000, 16, seed=4)))["crowding"]["unused"]["rows"] == 0


def test_tokens_are_spelled(tmp_path):
    W = head(64, 8)
    safetensors(tmp_path / "model.safetensors", {"lm_head.weight": W}, {"model_type": "llama"})
    (tmp_path / "vocab.json").write_text(json.dumps({f"\u0120w{k}": k for k in range(64)}))
    got = inspect(tmp_path, "--token", " w3")
    assert got["vocabulary"].endswith("vocab.json")
    assert got["matrices"][0]["crowding"]["asked"][0]["id"] == 3
    assert got["matrices"][0]["crowding"]["most_crowded"][0]["token"].startswith('" w')
    assert "compared as a whole" in run(tmp_path, "--token", "nonsense", code=2).stderr
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0}))
    assert any("ids up to 0" in w for w in inspect(tmp_path)["warnings"]), "not the vocabulary of 64 rows"


def test_counts_set_unseen_rows_aside(tmp_path):
    W = head(500, 20, seed=6)
    W[300:] = np.random.default_rng(7).standard_normal(20) + 0.02 * W[300:]
    counts = tmp_path / "counts.tsv"
    counts.write_text("id\tcount\n" + "".join(f"{i}\t{1000 // (i + 1) + 1}\n" for i in range(300)))
    path = save_npy(tmp_path / "w.npy", W)
    got = matrix(path, "--counts", counts, "--tensor", "array", "--top", "50,100")
    f = got["frequency"]
    assert (f["seen_rows"], f["unseen_rows"]) == (300, 200)
    assert f["seen"]["mean_square"] == pytest.approx(mean_square(W[:300].astype(float)), rel=1e-5)
    assert [t["k"] for t in f["top"]] == [50, 100]
    assert f["top"][0]["mean_square"] == pytest.approx(mean_square(W[:50].astype(float)), rel=1e-5)
    assert got["verdict_all_rows"] == "cannot_tell" and "300 rows" in got["because"]
    assert got["excess"]["unseen"] > 0
    counts.write_text("0 1\n900 2\n")
    assert "900" in run(path, "--counts", counts, "--tensor", "array", code=3).stderr


def test_real_head_is_strong_once_unseen_rows_are_set_aside():
    weights = data("weights")
    got = matrix(weights / "stories260K.bin", "--counts", weights / "stories260K_token_counts_200stories.tsv", "--tokenizer",
                 weights / "tok512.bin")
    assert (got["verdict"], got["verdict_all_rows"]) == ("strong", "cannot_tell")
    f = got["frequency"]
    # data/weights/README.md: 1.73/m over the 220 ids seen, 57.5/m over the other 292.
    assert (f["seen_rows"], f["unseen_rows"]) == (220, 292)
    assert f["seen"]["times_m"] == pytest.approx(1.73, abs=0.01) and f["unseen"]["times_m"] == pytest.approx(57.5, abs=0.05)


@pytest.mark.parametrize("path,tensor,n,m,square", [
    ("weights/llama2xs_ckpt.pt", "output.weight", 512, 64, 0.345788816),
    ("weights/tinystoriesgru-0.2M.pt", "head.weight", 98, 96, 0.0809328838),
    ("weights/slm4096_ckpt.pt", "head.weight", 54, 64, 0.0318935379),
])
def test_real_torch_files(path, tensor, n, m, square):
    got = matrix(data(path))
    assert (got["tensor"], got["n"], got["m"]) == (tensor, n, m)
    assert got["overlap"]["mean_square"] == pytest.approx(square, rel=1e-6)


def test_columns_as_tokens():
    got = matrix(data("weights/hinton4gram_model.npz"), "--tensor", "model_5", "--transpose")
    assert (got["n"], got["m"]) == (250, 128)
    assert got["overlap"]["mean_square"] == pytest.approx(0.0333672091, rel=1e-6)
    assert "transposed" in got["evidence"]


@pytest.mark.parametrize("layout", ["gpt2", "opt"])
def test_torch_forms_hold_what_safetensors_hold(layout):
    folder = data("tiny-hf") / layout
    reference = matrix(folder / "model.safetensors")
    for name in ("pytorch_model.bin", "legacy.pt"):
        got = matrix(folder / name)
        assert got["hash"] == reference["hash"], name
        assert got["overlap"] == reference["overlap"]


def test_tinyllama_reference_values():
    got = inspect(sample("tinyllama.gguf"), "--crowded", 0)
    out, emb = got["matrices"]
    assert (out["dtype"], emb["dtype"]) == ("Q5_K", "Q2_K")
    # samples.md, float64 by an independent program.
    for m, square, centred, norm, std, pr, er in (
        (out, 0.0148108619, 0.0012865903, 1.1091273245, 0.1453274955, 62.6658, 1974.2186),
        (emb, 0.0007547550, 0.0006231015, 0.6852955150, 0.0987343419, 1268.1190, 1993.5282),
    ):
        assert m["overlap"]["mean_square"] == pytest.approx(square, rel=1e-5)
        assert m["overlap_centered"]["mean_square"] == pytest.approx(centred, rel=1e-5)
        assert m["norm"]["mean"] == pytest.approx(norm, rel=1e-5) and m["norm"]["std"] == pytest.approx(std, rel=1e-5)
        assert m["participation_ratio"] == pytest.approx(pr, rel=1e-5) and m["effective_rank"] == pytest.approx(er, rel=1e-5)
    assert emb["zero_rows"] == 110 and out["verdict"] == "strong"
    assert got["bytes"]["read"] < 0.25 * got["bytes"]["total"]


def test_only_what_is_needed_is_read(tmp_path):
    path = safetensors(tmp_path / "m.safetensors", {"lm_head.weight": head(100, 8), "big": np.zeros((3000, 500))})
    got = inspect(path)
    assert got["bytes"]["total"] == path.stat().st_size and got["bytes"]["read"] < 100 * 8 * 4 + 100_000
    done = run(path, "--verbose")
    assert f"read {got['bytes']['read']} of {got['bytes']['total']} bytes" in done.stderr


def test_all_matrices_and_what_cannot_be_read(tmp_path):
    path = safetensors(tmp_path / "m.safetensors", {"lm_head.weight": head(100, 8), "h.0.w": head(40, 8, seed=2)})
    got = inspect(path, "--all")
    assert [m["tensor"] for m in got["matrices"]] == ["lm_head.weight", "h.0.w"]
    assert got["matrices"][1]["baselines"] is None and got["matrices"][1]["overlap"]["mean_square"] > 0


def test_published_heads_support_one_over_m_only_roughly():
    got = inspect("published/fig8a_llm_mean_sq_overlap.csv", "--compare")["compare"]
    assert len(got["models"]) == 25
    fit = got["fit"]
    assert fit["exponent"] == pytest.approx(1.26, abs=0.005) and fit["se"] == pytest.approx(0.19, abs=0.005)
    assert fit["verdict"] == "roughly supported" and "roughly" in fit["because"]
    assert fit["ci95"][0] < 1 < fit["ci95"][1]
    text = run("published/fig8a_llm_mean_sq_overlap.csv", "--compare").stdout
    assert "1.26 ± 0.19" in text and "only roughly supported" in text


def training_run(tmp_path, steps, wrong=()):
    rng = np.random.default_rng(8)
    W = rng.standard_normal((200, 12)).astype("f4")
    for k, step in enumerate(steps):
        scale = 0.8 if step in wrong else 1 + 0.01 * k
        safetensors(tmp_path / "run" / f"step{step}" / "model.safetensors", {"lm_head.weight": scale * W})
        W = W + 0.001 * rng.standard_normal(W.shape).astype("f4")
    return tmp_path / "run"


def test_a_folder_of_checkpoints_is_a_run_with_alarms(tmp_path):
    folder = training_run(tmp_path, [0, 1000, 2000, 3000, 4000, 5000, 10000], wrong=[3000])
    (folder / "step0" / "model.safetensors").write_bytes((folder / "step10000" / "model.safetensors").read_bytes())
    got = inspect(folder)["compare"]
    assert got["steps"] and [m["step"] for m in got["models"]] == [0, 1000, 2000, 3000, 4000, 5000, 10000]
    kinds = {a["kind"]: a for a in got["alarms"]}
    assert len(kinds["duplicate"]["paths"]) == 2 and "step0" in kinds["duplicate"]["paths"][0]
    assert [p.split("/")[-1] for p in kinds["discontinuity"]["paths"]] == ["step3000"]
    assert got["fit"] is None
    text = run(folder).stdout
    assert "alarm (duplicate)" in text and "alarm (discontinuity)" in text
    clean = training_run(tmp_path / "clean", [0, 1000, 2000, 3000, 4000])
    assert inspect(clean)["compare"]["alarms"] == []


def test_one_damaged_checkpoint_loses_nothing(tmp_path):
    folder = training_run(tmp_path, [0, 1000, 2000])
    bad = folder / "step1000" / "model.safetensors"
    bad.write_bytes(bad.read_bytes()[:-10])
    done = run(folder, "--json", code=3)
    out = json.loads(done.stdout)
    assert len(out["files"]) == 3 and out["files"][1]["error"]["kind"] == "bad_file"
    assert len(out["compare"]["models"]) == 2
    assert str(bad) in done.stderr


def test_config_and_tensors_that_disagree_raise_an_alarm(tmp_path):
    W = head(100, 8)
    for name, tie in (("a", True), ("b", False)):
        safetensors(tmp_path / name / "model.safetensors", {"lm_head.weight": W + (name == "b"), "model.embed_tokens.weight": 2 * W},
                    {"model_type": "llama", "tie_word_embeddings": tie, "vocab_size": 100, "hidden_size": 8})
    got = inspect(tmp_path / "a", tmp_path / "b", "--compare")
    alarms = got["compare"]["alarms"]
    assert [a["kind"] for a in alarms] == ["duplicate", "config"], "the embeddings are equal, and a says tied"
    assert alarms[1]["paths"] == [str(tmp_path / "a")] and "tie_word_embeddings true" in alarms[1]["because"]


def test_the_page_is_one_file(tmp_path):
    path = save_npy(tmp_path / "w.npy", head())
    page = tmp_path / "report.html"
    done = run(path, "-o", page)
    text = page.read_text()
    assert f"written: {page}" in done.stdout and text.startswith("<!doctype html>") and len(text) < 3_000_000
    assert "http://" not in text.split("<script")[0] and "src=\"http" not in text
    assert run(path, "-o", "/no-such-folder/x.html", code=4).stderr


def test_help_and_unknown_flags_teach():
    text = run("--help").stdout
    for word in ("--compare", "--counts", "--quick", "hf:", "Example"):
        assert word.lower() in text.lower(), word
    assert "--quick" in run("x.npy", "--quik", code=2).stderr
