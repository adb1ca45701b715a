# SPDX-License-Identifier: Apache-2.0
"""ONNX, HDF5 and word vectors as other programs write them. SUPERPOSE_SAMPLES: the folder of real models; SUPERPOSE_TEST_DATA:
reference matrices. What needs missing data or packages is skipped."""
import os
import pathlib
import struct

import numpy as np
import pytest

# (m, mean square overlap, without the mean row, norms' mean and standard deviation) in float64, by a program of its own that
# knows nothing of this one: docs/formats/onnx.md
WHISPER = {
    "tiny": (384, 0.750807769307, 0.017520706393, 0.5462719981, 0.0599010007),
    "base": (512, 0.760367815605, 0.018496505736, 0.6219806046, 0.0653882412),
    "small": (768, 0.674079220327, 0.018685825016, 0.5577519449, 0.0586222128),
}


def overlap(W):
    W = np.asarray(W, float)
    W = W[np.linalg.norm(W, axis=1) > 0]
    U = W / np.linalg.norm(W, axis=1, keepdims=True)
    G, n = U.T @ U, len(U)
    return ((G * G).sum() - n) / (n * (n - 1))


@pytest.mark.parametrize("size", WHISPER)
def test_whisper_decoders(run_json, size):
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "superpose/samples"
    path = pathlib.Path(os.environ.get("SUPERPOSE_SAMPLES", cache)) / f"whisper-{size}.onnx"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    out = run_json("inspect", path, timeout=300)
    head = out["matrices"][0]
    m, msq, centred, mean, std = WHISPER[size]
    assert (out["format"], head["tensor"], head["role"]) == ("onnx", "model.decoder.embed_tokens.weight", "lm_head")
    assert head["tied"] and (head["n"], head["m"], head["dtype"]) == (51865, m, "U8")
    assert head["overlap"]["mean_square"] == pytest.approx(msq, rel=1e-6)
    assert head["overlap_centered"]["mean_square"] == pytest.approx(centred, rel=1e-6)
    assert (head["norm"]["mean"], head["norm"]["std"]) == pytest.approx((mean, std), rel=1e-6)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_files_of_h5py(run_json, run, tmp_path, libver):
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(1)
    W = rng.standard_normal((40, 6))
    with h5py.File(tmp_path / "w.h5", "w", libver=libver) as file:
        file.attrs["keras_version"] = "2.4.0"
        for name, dtype in (("half", "<f2"), ("single", "<f4"), ("double", "<f8"), ("big", ">f4")):
            file.create_dataset(f"model/{name}/kernel:0", data=W.astype(dtype))
        file.create_dataset("model/chunked", data=W, chunks=(10, 6), compression="gzip")
        file["model/loop"] = file["model"]
        file["soft"] = h5py.SoftLink("/model/half")
    for name, dtype in (("half", "F16"), ("single", "F32"), ("double", "F64")):
        got = run_json("inspect", "w.h5", "--tensor", f"model/{name}/kernel:0")["matrices"][0]
        expected = W.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype])
        assert (got["n"], got["m"], got["dtype"]) == (40, 6, dtype)
        assert got["overlap"]["mean_square"] == pytest.approx(overlap(expected), rel=1e-12)
    assert ">f4" in run("inspect", "w.h5", "--tensor", "model/big/kernel:0", code=5).stderr
    assert "in chunks" in run("inspect", "w.h5", "--tensor", "model/chunked", code=5).stderr


def test_many_groups_of_h5py(run_json, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for k in range(300):  # B-trees of two levels
            file.create_dataset(f"layer_{k}/kernel", data=np.full((2, 2), k + 1, "<f4"))
    for k in (0, 123, 299):
        got = run_json("inspect", "w.h5", "--tensor", f"layer_{k}/kernel")["matrices"][0]
        assert got["norm"]["mean"] == pytest.approx((k + 1) * 2**0.5)


def test_word_vectors(run_json, tmp_path):
    W = np.random.default_rng(2).standard_normal((50, 7)).astype("<f4")
    words = [f"w\u00f6rd{k}" for k in range(50)]
    text = "".join(f"{word} {' '.join(map(repr, row.tolist()))}\n" for word, row in zip(words, W.astype(float)))
    binary = b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(words, W))
    (tmp_path / "w.bin").write_bytes(b"50 7\n" + binary)
    (tmp_path / "w.vec").write_text("50 7\n" + text)
    (tmp_path / "glove.txt").write_text(text)
    for name in ("w.bin", "w.vec", "glove.txt"):
        out = run_json("inspect", name)
        assert out["format"] == "word2vec"
        assert out["matrices"][0]["overlap"]["mean_square"] == pytest.approx(overlap(W), rel=1e-12)


def test_emoji2vec(run_json, test_data):
    got = run_json("inspect", test_data / "weights/emoji2vec.bin")["matrices"][0]
    assert (got["n"], got["m"]) == (1661, 300)
    assert got["overlap"]["mean_square"] == pytest.approx(0.05156405956682535, rel=1e-9)


def test_llama2c_version_2(run_json, tmp_path):
    dim, hidden, vocab, group = 8, 16, 30, 8
    rng = np.random.default_rng(3)
    out = struct.pack("<Ii7iBi", 0x616B3432, 2, dim, hidden, 1, 2, 2, vocab, 16, 1, group).ljust(256, b"\0")
    out += np.ones(3 * dim, "<f4").tobytes()
    head = None
    for count in [vocab * dim] + [dim * dim] * 4 + [dim * hidden] * 3:
        q, s = rng.integers(-127, 128, count).astype("i1"), rng.uniform(0.01, 0.02, count // group).astype("<f4")
        out += q.tobytes() + s.tobytes()
        if head is None:
            head = (q.astype("<f4").reshape(-1, group) * s[:, None]).reshape(vocab, dim)
    (tmp_path / "model.bin").write_bytes(out)
    got = run_json("inspect", "model.bin")["matrices"][0]
    assert (got["tensor"], got["role"], got["tied"]) == ("tok_embeddings.weight", "lm_head", True)
    assert got["overlap"]["mean_square"] == pytest.approx(overlap(head), rel=1e-12)
