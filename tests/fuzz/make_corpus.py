#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeds for the fuzz targets: valid files of every format and hostile ones with one defect each.

Usage: make_corpus.py FOLDER    writes FOLDER/<target>/*; no package beyond Python's own.
"""
import io
import json
import pathlib
import pickle
import struct
import sys
import zipfile
import zlib

import small_formats

FLOATS = b"".join(struct.pack("<f", x) for x in range(1, 7))  # [2, 3]


def safetensors(header, data=FLOATS, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2, 3), offsets=(0, 24)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def npy(descr="<f4", order=False, shape="(2, 3)", data=FLOATS, version=1, text=None):
    text = text or f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"
    text = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def llama2c(vocab=5, dim=4, hidden=6, layers=2, heads=2, kv_heads=1, seq_len=3, extra=0):
    kv_dim = dim // heads * kv_heads if heads else 0
    per_layer = 2 * dim + 2 * dim * dim + 2 * kv_dim * dim + 3 * hidden * dim
    floats = abs(vocab) * dim * (1 if vocab > 0 else 2) + layers * per_layer + dim + seq_len * (dim // max(heads, 1))
    header = struct.pack("<7i", dim, hidden, layers, heads, kv_heads, vocab, seq_len)
    return header + struct.pack("<f", 0.5) * max(0, min(floats + extra, 4096))


def sharded(index, shard):
    text = index if isinstance(index, bytes) else json.dumps(index).encode()
    return struct.pack("<H", len(text)) + text + shard


def gguf_text(text):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text)) + text


GGUF_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}


def gguf_value(kind, value):
    if kind == 8:
        return gguf_text(value)
    if kind == 9:
        inner, values = value
        return struct.pack("<IQ", inner, len(values)) + b"".join(gguf_value(inner, v) for v in values)
    return struct.pack("<" + GGUF_NUMBERS[kind], value)


def gguf(entries=(), tensors=(), version=3, alignment=32, counts=None, tail=b""):
    """entries: (key, type, value); tensors: (name, dims, type, bytes) with data one after the other."""
    infos, data = b"", b""
    for name, dims, kind, content in tensors:
        data += bytes(-len(data) % alignment)
        infos += gguf_text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(data))
        data += content
    n = counts or (len(tensors), len(entries))
    out = b"GGUF" + struct.pack("<I2Q", version, *n)
    out += b"".join(gguf_text(key) + struct.pack("<I", kind) + gguf_value(kind, value) for key, kind, value in entries)
    return out + infos + (bytes(-(len(out) + len(infos)) % alignment) if tensors else b"") + data + tail


# Number of each decoded type of blocks: bytes of a block, and where in it binary16 numbers begin.
GGUF_BLOCKS = {2: (32, 18, [0]), 3: (32, 20, [0, 2]), 6: (32, 22, [0]), 7: (32, 24, [0, 2]), 8: (32, 34, [0]),
               10: (256, 84, [80, 82]), 11: (256, 110, [108]), 12: (256, 144, [0, 2]), 13: (256, 176, [0, 2]),
               14: (256, 210, [208]), 20: (32, 18, [0]), 23: (256, 136, [0]), 39: (32, 17, [])}


def gguf_block(kind, scale=0x3800):
    _, size, halves = GGUF_BLOCKS[kind]
    block = bytearray((37 * k + kind) % 256 for k in range(size))
    for at in halves:
        block[at:at + 2] = struct.pack("<H", scale)
    if kind == 39:
        block[0] = 127
    return bytes(block)


def gguf_seeds():
    llama = [("general.architecture", 8, "llama"), ("llama.embedding_length", 4, 2), ("llama.vocab_size", 4, 3),
             ("tokenizer.ggml.tokens", 9, (8, ["<s>", "a", "b"]))]
    head, embedding = ("output.weight", (2, 3), 0, FLOATS), ("token_embd.weight", (2, 3), 0, FLOATS)
    W = ("W", (2, 3), 0, FLOATS)
    one = gguf(llama, [embedding, head])
    huge = 1 << 60
    yield "valid", one
    yield "version2", gguf(llama, [head], version=2)
    yield "tied", gguf(llama, [embedding])
    yield "vocabulary", gguf(llama)
    values = [(f"k{kind}", kind, 1) for kind in GGUF_NUMBERS] + [("s", 8, b"\xff\n"), ("list", 9, (5, [1, -2])),
              ("long", 9, (0, range(20))), ("nested", 9, (9, [(2, [1]), (8, ["x"])]))]
    yield "values", gguf(values, [W])
    for kind, (elements, _, _) in GGUF_BLOCKS.items():
        yield f"type{kind}", gguf([], [("W", (elements, 2), kind, gguf_block(kind) * 2)])
    yield "blocks", gguf([], [(f"t{kind}", (n, 1), kind, gguf_block(kind)) for kind, (n, _, _) in GGUF_BLOCKS.items()])
    yield "infinite_scale", gguf([], [("W", (32, 1), 8, gguf_block(8, 0x7c00))])
    yield "plain_types", gguf([], [("h", (3, 1), 1, bytes(6)), ("b", (3, 1), 30, bytes(6)), ("d", (1, 1), 28, bytes(8)),
                                   ("i", (2,), 26, bytes(8)), ("s", (), 0, bytes(4)), ("e", (0, 2), 0, b"")])
    yield "not_decoded", gguf([], [("q", (256, 1), 16, bytes(66)), W, ("u", (3, 5), 4711, bytes(50))])
    yield "alignment", gguf([("general.alignment", 4, 8)], [W, ("V", (2, 3), 0, FLOATS)], alignment=8)
    yield "bad_alignment", gguf([("general.alignment", 4, 24)], [W])
    yield "version1", gguf(llama, [W], version=1)
    yield "big_endian", gguf(llama, [W], version=3 << 24)
    yield "counts", gguf(llama, [W], counts=(huge, 1))
    yield "entries", gguf(llama, [W], counts=(1, 1 << 32))
    yield "key_twice", gguf([("k", 0, 1), ("k", 0, 1)])
    yield "name_twice", gguf([], [W, W])
    yield "string_2_60", b"GGUF" + struct.pack("<I2Q", 3, 0, 1) + gguf_text("k") + struct.pack("<IQ", 8, huge) + bytes(40)
    yield "array_2_60", b"GGUF" + struct.pack("<I2Q", 3, 0, 1) + gguf_text("k") + struct.pack("<2IQ", 9, 12, huge)
    yield "deep", b"GGUF" + struct.pack("<I2Q", 3, 0, 1) + gguf_text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 40
    yield "rank", gguf([], [("W", (1,) * 9, 0, bytes(4))])
    yield "overflow", gguf([], [("W", (1 << 32, 1 << 32), 0, FLOATS)])
    yield "part_of_a_block", gguf([], [("W", (48, 2), 2, bytes(54))])
    yield "cut", one[:-1]
    yield "tail", one + b"padding"


def format_seeds():
    W = {"W": entry()}
    one = safetensors(W)
    huge = 1 << 60
    st = {
        "valid": one,
        "metadata": safetensors({"__metadata__": {"superpose.config": "{}"}, **W}),
        "padded": safetensors(json.dumps(W).encode() + b"   "),
        "four_types": safetensors({"d": entry("F64", (1, 1), (0, 8)), "f": entry("F32", (1, 2), (8, 16)),
                                   "h": entry("F16", (2, 1), (16, 20)), "b": entry("BF16", (1, 2), (20, 24))}),
        "others": safetensors({"i": entry("I64", (1,), (0, 8)), "e": entry("F8_E4M3", (8,), (8, 16)),
                               "q": entry("F4", (16,), (16, 24))}),
        "scalar_and_empty": safetensors({"s": entry("F64", (), (0, 8)), "n": entry("F32", (0, 3), (8, 8)),
                                         "r": entry("F32", (4, 1), (8, 24))}),
        "empty_header": safetensors({}, b""),
        "nan": safetensors(W, FLOATS[:20] + struct.pack("<f", float("nan"))),
        "names": safetensors({"model.embed_tokens.weight": entry(shape=(1, 3), offsets=(0, 12)),
                              "lm_head.weight": entry(shape=(1, 3), offsets=(12, 24))}),
        "unicode_name": safetensors({"gr\u00f6\u00dfe\u0007": entry()}),
        "length_max": safetensors(W, length=(1 << 64) - 1),
        "length_long": safetensors(W, length=1000),
        "length_zero": safetensors(W, length=0),
        "overlap": safetensors({"a": entry(shape=(3,), offsets=(0, 12)), "b": entry(shape=(4,), offsets=(8, 24))}),
        "gap": safetensors({"a": entry(shape=(1,), offsets=(0, 4)), "b": entry(shape=(4,), offsets=(8, 24))}),
        "huge": safetensors({"W": entry(shape=(huge,), offsets=(0, huge))}),
        "overflow": safetensors({"W": entry(shape=(1 << 32, 1 << 32))}),
        "wrap": safetensors({"W": entry(offsets=((1 << 64) - 24, (1 << 64) - 1))}),
        "rank9": safetensors({"W": entry(shape=(1,) * 8 + (6,))}),
        "negative": safetensors({"W": entry(shape=(-2, -3))}),
        "duplicate": safetensors(b'{"W":' + json.dumps(entry()).encode() + b',"W":' + json.dumps(entry()).encode() + b"}"),
        "bad_utf8": safetensors(b'{"\xff":' + json.dumps(entry()).encode() + b"}"),
        "deep": safetensors(b'{"W":' + b"[" * 200),
        "array": safetensors(b"[1,2]"), "null": safetensors(b'{"W":null}'), "true": safetensors(b'{"W":true}'),
        "cut": one[:-1],
        "text": b"Once upon a time there was a text file.",
        "empty_tensor_large": safetensors({"W": entry(shape=(1 << 40, 0), offsets=(0, 0))}, b""),
    }
    np = {
        "valid": npy(), "fortran": npy(order=True), "v2": npy(version=2), "v3": npy(version=3),
        "f2": npy("<f2", shape="(4, 3)"), "f8": npy("<f8", shape="(3, 1)"), "scalar": npy(shape="()", data=FLOATS[:4]),
        "vector": npy(shape="(6,)"), "ints": npy("<i4"), "bool": npy("|b1", shape="(24,)"), "big_endian": npy(">f4"),
        "objects": npy("|O"), "huge": npy(shape=f"({huge},)"), "overflow": npy(shape="(4294967296, 4294967296)"),
        "cut": npy()[:-3], "version9": npy(version=9), "records": npy(text="{'descr': [('a', '<f4')], 'shape': (6,)}"),
    }
    ll = {
        "valid": llama2c(), "untied": llama2c(-5), "long": llama2c(extra=1), "short": llama2c(extra=-1),
        "zero_dim": llama2c(dim=0), "many_layers": llama2c(layers=1 << 30), "big": llama2c(2**31 - 1, 2**31 - 2),
        "version1": struct.pack("<Ii", 0x616B3432, 1) + bytes(248), "word2vec": b"1661 300\n\xf0\x9f\x98\x80 abc",
    }
    index = {"metadata": {"total_size": 24}, "weight_map": {"W": "a"}}
    sh = {
        "valid": sharded(index, one), "missing_shard": sharded({"weight_map": {"W": "b"}}, one),
        "missing_tensor": sharded({"weight_map": {"V": "a"}}, one), "outside": sharded({"weight_map": {"W": "../a"}}, one),
        "twice": sharded(b'{"weight_map":{"W":"a","W":"a"}}', one), "not_json": sharded(b"{", one),
        "npy_shard": sharded(index, npy()), "deep": sharded(b'{"x":' + b"[" * 40, one),
    }
    other = {"zip": b"PK\x03\x04" + bytes(30), "gguf": b"GGUF\x03" + bytes(20), "lfs": b"version https://git-lfs.github.com/spec"}
    for kind, seeds in enumerate([st, np, ll, {**st, **other}, sh]):
        for name, data in seeds.items():
            yield f"{kind}_{name}", bytes([kind]) + data


def head_seeds():
    def model(config, *tensors):
        text = config if isinstance(config, bytes) else json.dumps(config).encode()
        return text + b"\0" + b"".join(name.encode() + b"\n" + bytes(shape) + b"\x3f" for name, shape in tensors)

    emb, head, q = ("model.embed_tokens.weight", (7, 4)), ("lm_head.weight", (7, 4)), ("model.layers.0.q.weight", (4, 4))
    llama = {"model_type": "llama", "vocab_size": 7, "hidden_size": 4, "architectures": ["LlamaForCausalLM"]}
    yield "llama", model({**llama, "tie_word_embeddings": False}, emb, q, head)
    yield "tied", model({**llama, "tie_word_embeddings": True}, emb, q)
    yield "contradiction", model({**llama, "tie_word_embeddings": True}, emb, ("lm_head.weight", (5, 4)))
    yield "missing_head", model({**llama, "tie_word_embeddings": False}, emb)
    yield "gpt2", model({"model_type": "gpt2", "n_embd": 4}, ("transformer.wte.weight", (7, 4)), ("transformer.wpe.weight", (5, 4)))
    yield "base", model({"model_type": "gpt2", "architectures": ["GPT2Model"]}, ("wte.weight", (7, 4)))
    yield "neox", model({"model_type": "gpt_neox"}, ("gpt_neox.embed_in.weight", (7, 4)), ("embed_out.weight", (7, 4)))
    yield "opt", model({"model_type": "opt", "word_embed_proj_dim": 2, "hidden_size": 4},
                       ("model.decoder.embed_tokens.weight", (7, 2)), ("model.decoder.project_out.weight", (2, 4)))
    yield "bert", model({"model_type": "bert"}, ("bert.embeddings.word_embeddings.weight", (7, 4)))
    yield "t5", model({"model_type": "t5"}, ("shared.weight", (7, 4)), ("encoder.embed_tokens.weight", (7, 4)))
    yield "nested", model({"model_type": "qwen2_vl", "text_config": {"vocab_size": 7, "tie_word_embeddings": True}},
                          ("model.language_model.embed_tokens.weight", (7, 4)))
    yield "unknown", model({"vocab_size": 7}, ("tokens", (7, 4)), ("a", (4, 4)), ("v", (7, 8)))
    yield "one", model({}, ("kernel", (3, 2)))
    yield "none", model({}, ("v", (3, 8)))
    yield "wrong_types", model({"model_type": 3, "vocab_size": -1, "tie_word_embeddings": "no", "architectures": []}, emb)
    yield "not_object", model(b"[1]", emb)
    yield "deep", model(b'{"a":' + b"[" * 100, emb)
    yield "huge_number", model(b'{"vocab_size": 1e999}', emb)


class Call:
    """Pickles as a call of the named global, which need not exist."""

    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments


class Storage:
    def __init__(self, kind="FloatStorage", key="0", count=6, view=None):
        self.kind, self.key, self.count, self.view = kind, key, count, view


class Writer(pickle._Pickler):  # the one in Python: the other looks up what it names
    legacy = False

    def save(self, value, *rest):
        if isinstance(value, Storage):
            parts = ["storage", Call("torch." + value.kind), value.key, "cpu", value.count]
            self.save(tuple(parts + ([value.view] if self.legacy else [])))
            self.write(pickle.BINPERSID)
        elif isinstance(value, Call):
            module, name = value.name.rsplit(".", 1)
            self.write(b"c" + module.encode() + b"\n" + name.encode() + b"\n")
            if value.arguments:
                self.save(tuple(a for a in value.arguments if a is not Ellipsis))
                self.write(pickle.REDUCE)
        else:
            super().save(value, *rest)


def dumps(value, protocol=2, legacy=False):
    out = io.BytesIO()
    writer = Writer(out, protocol)
    writer.legacy = legacy
    writer.dump(value)
    return out.getvalue()


def tensor(storage=None, offset=0, size=(2, 3), stride=(3, 1), rebuild="_rebuild_tensor_v2", more=(False, None)):
    return Call("torch._utils." + rebuild, storage or Storage(), offset, size, stride, *more)


def zipped(members, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def legacy(value, key="0"):
    return b"".join([dumps(1001), dumps({"little_endian": True}), dumps(value, legacy=True), dumps([key]),
                     struct.pack("<q", len(FLOATS) // 4), FLOATS])


def pickles():
    state = {"module.wte.weight": tensor(), "module.h.0.w": tensor(offset=1, size=(2, 2), stride=(2, 1))}
    nested = {"model": state, "optimizer": {"state": {0: {"exp_avg": tensor(Storage(key="1"))}}, "lr": 0.1, "betas": (0.9, 0.95)},
              "model_args": {"vocab_size": 512, "dim": 64, "tie": True, "name": "x"}, "epoch": 3, "best": 1 << 40, "big": 1 << 70,
              "args": Call("argparse.Namespace", ...)}
    yield "state", dumps(state)
    for protocol in range(6):
        yield f"nested_{protocol}", dumps(nested, protocol)
    yield "ordered", dumps(Call("collections.OrderedDict", [["w", tensor()], ["v", tensor(size=(6,), stride=(1,))]]))
    yield "transposed", dumps({"w": tensor(size=(3, 2), stride=(1, 3))})
    yield "expanded", dumps({"w": tensor(size=(1 << 30, 1 << 30), stride=(0, 0))})
    yield "scalar", dumps({"w": tensor(size=(), stride=()), "e": tensor(size=(0, 4), stride=(4, 1))})
    yield "outside", dumps({"w": tensor(offset=5)})
    yield "huge", dumps({"w": tensor(size=(1 << 62, 8), stride=(1, 1 << 62))})
    yield "f8", dumps({"w": tensor(Storage("storage.UntypedStorage", count=24), rebuild="_rebuild_tensor_v3",
                                   more=(False, None, Call("torch.float8_e4m3fn")))})
    yield "parameter", dumps({"w": Call("torch._utils._rebuild_parameter", tensor(), True, None)})
    yield "types", dumps({k: tensor(Storage(k + "Storage", "1", 3), size=(1, 3)) for k in ("Double", "Half", "Long", "Bool")})
    yield "config_object", b"\x80\x02}(X\x06\x00\x00\x00configc__main__\nGPTConfig\n)\x81}X\x01\x00\x00\x00nK\x01sbu."
    for name in ("os.system", "posix.system", "builtins.eval", "builtins.getattr", "subprocess.Popen", "torch.load"):
        yield "hostile_" + name, dumps({"w": tensor(), "x": Call(name, "true")})
    yield "hostile_text", b"cos\nsystem\n(S'true'\ntR."
    yield "hostile_inst", b"(S'true'\nios\nsystem\n."
    yield "hostile_stack", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."
    yield "deep", b"]" * 1000 + b"a" * 999 + b"."
    yield "deep_tuple", b"N" + b"\x85" * 1000 + b"."
    yield "cycle", b"]q\x00h\x00a."
    yield "doubling", b"]q\x00" + b"".join(b"](h%ch%ceq%c" % (k, k, k + 1) for k in range(100)) + b"."
    yield "long_huge", b"\x80\x02\x8b\xff\xff\xff\x7f."
    yield "long_negative", b"\x80\x02\x8b\xff\xff\xff\xff."
    yield "text_huge", b"X\xff\xff\xff\xffa."
    yield "memo", b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff\x94h\x00\x86."
    yield "opcodes", b"(I01\nL12L\nF1.5\nG?\xf0\0\0\0\0\0\0M\x01\x02J\1\0\0\0S'a'\nVb\nU\1cC\1dl(K\1K\2d(K\1\x91\x8f(K\1\x90)N\x85N2\x87Pq\nK\1Q0(1."
    yield "extension", b"\x82\x01."
    yield "buffer", b"\x97."
    yield "protocol_9", b"\x80\x09N."


def torch_seeds():
    for name, data in pickles():
        yield "1_" + name, b"\1" + data
        if name in ("state", "hostile_text", "hostile_stack", "transposed"):
            for method, kind in ((zipfile.ZIP_STORED, "stored"), (zipfile.ZIP_DEFLATED, "deflated")):
                yield f"0_{kind}_{name}", b"\0" + zipped({"a/data.pkl": data, "a/byteorder": b"little", "a/data/0": FLOATS}, method)
            yield "0_plain_" + name, b"\0" + data
    view = tensor(Storage(view=("v", 2, 4)), size=(2, 2), stride=(2, 1))
    magic = dumps(0x1950A86A20F9469CFC6C)
    for name, value in (("plain", {"w": tensor()}), ("view", {"w": view}), ("hostile", Call("os.system", "true"))):
        yield "2_" + name, b"\2" + legacy(value)
        yield "0_legacy_" + name, b"\0" + magic + legacy(value)
    yield "0_tar", b"\0" + bytes(257) + b"ustar" + bytes(300)
    yield "0_script", b"\0" + zipped({"a/data.pkl": dumps(None), "a/constants.pkl": dumps(())})


def npz_seeds():
    arrays = {"W.npy": npy(), "F.npy": npy(order=True), "d.npy": npy("<f8", shape="(3, 1)"), "s.npy": npy("<U6", shape="(1,)")}
    good = zipped(arrays)
    yield "0_stored", b"\0" + good
    yield "0_deflated", b"\0" + zipped(arrays, zipfile.ZIP_DEFLATED)
    yield "0_comment", b"\0" + good[:-2] + b"\x03\0abc"
    yield "0_cut", b"\0" + good[:-5]
    yield "0_twice", b"\0" + good.replace(b"F.npy", b"W.npy")
    yield "0_dots", b"\0" + zipped({"../W.npy": npy()})
    yield "0_no_arrays", b"\0" + zipped({"x.txt": b"x"})
    yield "0_bomb", b"\0" + zipped({"W.npy": npy(shape="(1000, 1000)", data=bytes(4000000))}, zipfile.ZIP_DEFLATED)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        with archive.open("W.npy", "w", force_zip64=True) as member:
            member.write(npy())
    yield "0_zip64", b"\0" + out.getvalue()
    for name, data in arrays.items():
        yield "1_" + name, b"\1" + data
        yield "2_" + name, b"\2" + struct.pack("<H", len(data)) + raw_deflate(data)
    yield "1_records", b"\1" + npy(text="{'descr': [('a', '<f4'), ('b', [('c', '<i4')])], 'fortran_order': False, 'shape': (2,)}")
    yield "2_longer", b"\2" + struct.pack("<H", 9999) + raw_deflate(npy())
    yield "2_shorter", b"\2" + struct.pack("<H", 20) + raw_deflate(npy())


def vocabulary_seeds():
    def piece(text):
        return struct.pack("<fi", -1.5, len(text)) + text

    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data

    bpe = {"pre_tokenizer": {"type": "ByteLevel"}, "added_tokens": [{"id": 9, "content": "<end>"}],
           "model": {"type": "BPE", "vocab": {"\u0120a": 0, "b": 1}, "merges": ["a b"]}}
    unigram = {"model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["\u2581a", -2.5], ["<0x0A>", -3.0]]}}
    spm = field(1, field(1, b"<unk>") + b"\x15" + struct.pack("<f", 1) + b"\x18\x02") + field(1, field(1, "\u2581a".encode()))
    seeds = [
        {"bpe": json.dumps(bpe).encode(), "unigram": json.dumps(unigram).encode(), "flat": b'{"a":0,"\xc4\xa0b":9999999}',
         "twice": b'{"a":1,"b":1}', "huge_id": b'{"a":18446744073709551615}', "deep": b'{"model":' + b"[" * 100,
         "wordpiece": b'{"model":{"type":"WordPiece","vocab":{"##ing":0}}}', "no_text": b'{"model":{"vocab":[[1]]}}',
         "bad_utf8": b'{"\xff":1}', "added": b'{"added_tokens":[{"id":1}],"model":{"vocab":{}}}'},
        {"lines": b"[PAD]\r\n##ing\n\nlast", "controls": b"\x1b[2J\n\xe2\x80\xae\n\xc2\x85\n\xff", "zero": b"a\0b"},
        {"valid": spm, "long": b"\x0a\xff\xff\xff\xff\x0f", "varint": b"\xff" * 20, "group": b"\x0b"},
        {"ranks": b"IQ== 0\nIg== 1\n4oCZ 7\n", "bad": b"IQ= 0\n", "negative": b"IQ== -1\n"},
        {"valid": struct.pack("<i", 6) + piece(b"<0x0A>") + piece(b" the"), "longer": struct.pack("<i", 2) + piece(b"abc"),
         "cut": struct.pack("<i", 6) + piece(b"abc")[:-1], "negative": struct.pack("<i", 6) + struct.pack("<fi", 0, -1)},
        {"noise": bytes(range(64)), "json": json.dumps(bpe).encode(), "ranks": b"IQ== 0\n"},
        {"two": b'{"a":0}\0{"<x>":1}', "override": b'{"a":0}\0{"b":0}', "one": b'{"a":0}'},
        {"tsv": b"id\tcount\n0\t5\n299\t1.5\n", "csv": b"# x\n1,5\r\n2,6", "large": b"300 1", "twice": b"1 1\n1 2",
         "nan": b"1 nan", "negative": b"1 -1", "overflow": b"0 1e308\n1 1e308", "words": b"the 5\nof 4"},
    ]
    for kind, named in enumerate(seeds):
        for name, data in named.items():
            yield f"{kind}_{name}", bytes([kind]) + data


def hub_seeds():
    """Whatever a hub or a user may say; the target takes each input as all of them."""
    yield "listing", json.dumps({"sha": "a" * 40, "siblings": [{"rfilename": "onnx/a.onnx", "size": 1}], "config": {"a": [1]}}).encode()
    yield "leads_out", json.dumps({"siblings": [{"rfilename": "../x"}, {"rfilename": "a\x1b"}]}).encode()
    yield "wrong_types", json.dumps({"sha": 1, "siblings": [[1], {}]}).encode()
    yield "deep", b'{"siblings": ' + b"[" * 200
    yield "range", b"bytes 0-65535/24064200"
    yield "empty", b"bytes */0"
    yield "huge_range", b"bytes 0-18446744073709551615/18446744073709551616"
    yield "id", b"hf:openai-community/gpt2@refs/pr/1"
    yield "id_out", b"hf:../gpt2@../x"
    yield "url", b"https://user:word@127.0.0.1:8080/a/b?Signature=x#y"
    yield "ipv6", b"http://[::1]:80/"


def fit_seeds():
    """Byte 0: a table and a filter, a formula, or a fit that was stored."""
    tables = {
        "csv": b"# c\nm,loss,family\n64,3,opt\n128,2.5,\"a, \"\"b\"\"\"\n256,2.2,opt\n", "tsv": b"m\tloss\n64\t3\n128\t2.5\n",
        "rows": b'[{"m": 64, "loss": 3}, {"m": 128, "loss": 2.5, "run": "a"}]', "columns": b'{"m": [64, 128], "loss": [3, 2.5]}',
        "lines": b'{"m": 64, "loss": 3}\n{"m": 128, "loss": null}\n', "one": b'{"m": 64, "loss": 3}', "ragged": b"m,loss\n64\n",
        "nan": b"m,loss\n64,nan\n1e999,-inf\n", "quote": b'm,loss\n"64,3\n', "twice": b"m,m\n1,2\n", "no_rows": b"m,loss\n",
        "deep": b'[{"m": ' + b"[" * 200, "bom": b"\xef\xbb\xbfm,loss\r\n64,3\r\n",
        "all": b"m,l,N,D,C,V,d,H,t,loss,weight,se\n" + b"".join(b"%d,%d,1e8,1e9,1e18,5e4,64,1e9,%d,2.5,%d,0.1\n" % (64 << i, 2 + i, i + 1, i) for i in range(3)),
    }
    filters = [b"m>=100", b"family=='opt' || m<65 && !(loss>2)", b"family =~ 'o'", b"log(m)/l^2 > 1e-3", b"`m`!=64", b"m", b"m==", b"'a'=='a'",
               b"((((m>1))))", b"not m=64 and loss<3 or m!~'6'", b"1<m<3", b""]
    for i, (name, data) in enumerate(tables.items()):
        yield "0_" + name, b"\0" + data + b"\0" + filters[i % len(filters)]
    for i, words in enumerate(filters):
        yield f"0_filter_{i}", b"\0" + tables["all"] + b"\0" + words
    for i, formula in enumerate(["E + A*m^-a + B*log(D)", "L = E + A*(m/1000)^-a", "A*exp(-a*m)", "sqrt(abs(A*m))+min(B,D)", "m", "A*B*C*m", "(((",
                                 "E + ", "A=m", "a,b", "1e999*m", "A*m^-a^-b^-c", "m>1 ? A : B", "tanh(m*A)/log2(D)"]):
        yield f"1_{i}", b"\1" + formula.encode()
    fit = {"schema": "superpose.fit/1", "law": "width", "formula": "L = C/m^alpha + L0[group]", "identified": True, "warnings": ["alpha is not identified"],
           "config": {"objective": "ls", "delta": 1e-3, "seed": 0, "fix": {"alpha": 1}},
           "data": {"inputs": {"m": [64, 128, 256, 512]}, "y": [3, 2.5, 2.2, 2.1], "group": ["a"] * 4, "cluster": ["b"] * 4, "weight": [1] * 4,
                    "others": {"l": [1, 2, 3, 4]}, "cluster_unit": "clusters"}}

    def stored(**changes):
        return b"\2" + json.dumps({**fit, **changes}).encode()

    yield "2_fit", stored()
    yield "2_formula", stored(law="expression", formula="L0 + C*m^-alpha")
    yield "2_law", stored(law="widht")
    yield "2_shape", stored(law="width-depth-data")
    yield "2_no_data", stored(data=None)
    yield "2_lengths", stored(data={**fit["data"], "y": [1, 2]})
    yield "2_text", stored(data={**fit["data"], "inputs": {"m": ["64", 128, 256, 512]}})
    yield "2_seed", stored(config={**fit["config"], "seed": 1e300})
    yield "2_objective", stored(config={**fit["config"], "objective": "lsq"})
    yield "2_empty", b"\2"
    yield "2_deep", b"\2" + b"[" * 200


# The seeds of each target, one line each.
TARGETS = {
    "fuzz_fit": fit_seeds,
    "fuzz_formats": format_seeds,
    "fuzz_gguf": gguf_seeds,
    "fuzz_heads": head_seeds,
    "fuzz_hub": hub_seeds,
    "fuzz_npz": npz_seeds,
    "fuzz_torch": torch_seeds,
    "fuzz_vocabulary": vocabulary_seeds,
    **small_formats.SEEDS,
}


def main():
    folder = pathlib.Path(sys.argv[1])
    for target, seeds in TARGETS.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds():
            (folder / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
