# SPDX-License-Identifier: Apache-2.0
"""Seeds of ONNX, HDF5, llama2.c versions 1 and 2, and word2vec: small valid files of each, and a few with one defect."""
import struct


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx_tensor(name, kind, dims, data, where=9):
    return b"".join(field(1, d) for d in dims) + field(2, kind) + field(8, name) + field(where, data)


def onnx_node(op, name, inputs, output, attributes=b""):
    return b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, name) + field(4, op) + attributes


def onnx(nodes=(), tensors=()):
    graph = b"".join(field(1, n) for n in nodes) + b"".join(field(5, t) for t in tensors)
    return field(1, 8) + field(2, "seed") + field(7, graph) + field(8, field(2, 17))


def onnx_seeds():
    floats = struct.pack("<4f", 1, 2, 3, 4)
    W = onnx_tensor("decoder.embed_tokens.weight", 1, (2, 2), floats)
    axis = field(5, field(1, "axis") + field(3, 0))
    q = [onnx_tensor("a_quantized", 2, (2, 2), b"\x00\x7f\x80\xff"), onnx_tensor("a_scale", 1, (2,), floats[:8], 4),
         onnx_tensor("a_zero_point", 2, (2,), b"\x01\x02", 5)]
    inner = field(1, onnx_node("MatMul", "/fc/MatMul", ["x", "onnx::MatMul_1"], "logits"))
    yield "float", onnx((), [W, onnx_tensor("half", 10, (2, 1), b"\x00\x3c\x00\xc0"), onnx_tensor("i", 7, (1,), bytes(8))])
    yield "packed", onnx((), [onnx_tensor("W", 1, (2, 2), floats, 4), onnx_tensor("h", 10, (1, 2), b"\x80\x78\x00", 5)])
    yield "quantised", onnx((), q)
    yield "dequantize", onnx([onnx_node("DequantizeLinear", "", ["a_quantized", "a_scale", "a_zero_point"], "d", axis)], q)
    yield "gather", onnx([onnx_node("Gather", "", ["a_quantized", "i"], "g"),
                          onnx_node("DequantizeLinear", "", ["g", "s"], "d")], q[:1] + [onnx_tensor("s", 1, (), floats[:4])])
    yield "matmul", onnx([onnx_node("If", "", ["c"], "y", field(5, field(1, "then_branch") + field(6, inner)))],
                         [onnx_tensor("onnx::MatMul_1", 1, (1, 2), floats[:8])])
    yield "external", onnx((), [field(1, 2) + field(2, 1) + field(8, "far") + field(14, 1)])
    yield "constant", onnx([onnx_node("Constant", "", [], "mask", field(5, field(1, "value") + field(5, W)))])
    yield "no_graph", field(1, 8)
    yield "cut", onnx((), [W])[:-9]


def llama2c(version, shared=1, group=2, dim=2, hidden=4, vocab=3):
    header = struct.pack("<Ii7iB", 0x616B3432, version, dim, hidden, 1, 1, 1, vocab, 4, shared)
    header = (header + (struct.pack("<i", group) if version == 2 else b"")).ljust(256, b"\0")
    matrices = [vocab * dim] + [dim * dim] * 4 + [dim * hidden] * 3 + ([] if shared else [vocab * dim])
    out = header + struct.pack("<f", 0.5) * 3 * dim
    for count in matrices:
        out += bytes(range(count)) + struct.pack("<f", 0.25) * (count // group) if version == 2 else struct.pack("<f", 1.5) * count
    return out


def llama2c_seeds():
    yield "version1", llama2c(1)
    yield "version1_untied", llama2c(1, shared=0)
    yield "version2", llama2c(2)
    yield "version2_untied", llama2c(2, shared=0)
    yield "version2_group1", llama2c(2, group=1)
    yield "version3", llama2c(3)
    yield "cut", llama2c(2)[:-1]


def word2vec_seeds():
    row = lambda word, *values: word + b" " + struct.pack(f"<{len(values)}f", *values)
    yield "binary", b"\x002 2\n" + row(b"a", 1, 2) + row(b"bc", 3, 4)
    yield "binary_newlines", b"\x002 2\n" + row(b"a", 1, 2) + b"\n" + row(b"bc", 3, 4) + b"\n"
    yield "text", b"\x012 2\na 1 2\nb -3.5 4e-3 \n"
    yield "text_crlf", b"\x012 2\r\na\t1\t2\r\nb 3 4\r\n"
    yield "glove", b"\x02the 1 2\n. . 3 4\n"
    yield "huge", b"\x0018446744073709551615 4611686018427387904\na "
    yield "nan", b"\x011 2\na nan inf\n"


class H5:
    def __init__(self):
        self.out = (b"\x89HDF\r\n\x1a\n" + bytes(5) + b"\x08\x08\0" + struct.pack("<HHIQQQQQQ", 4, 16, 0, 0, 2**64 - 1, 0, 2**64 - 1, 0, 0)).ljust(96, b"\0")

    def add(self, data):
        self.out = self.out.ljust(-(-len(self.out) // 8) * 8, b"\0")
        self.out += data
        return len(self.out) - len(data)

    def object(self, *messages):
        body = b"".join(struct.pack("<HHI", kind, -(-len(m) // 8) * 8, 0) + m.ljust(-(-len(m) // 8) * 8, b"\0") for kind, m in messages)
        return self.add(struct.pack("<BBHIII", 1, 0, len(messages), 1, len(body), 0) + body)

    def dataset(self, dims, data, kind=b"\x11\x20\x1f\0" + struct.pack("<IHHBBBBI", 4, 0, 32, 23, 8, 0, 23, 127)):
        space = struct.pack("<BBHI", 1, len(dims), 0, 0) + b"".join(struct.pack("<Q", d) for d in dims)
        return self.object((1, space), (3, kind), (8, struct.pack("<BBQQ", 3, 1, self.add(data), len(data))))

    def group(self, children):
        names, leaf = bytes(8), b"SNOD" + struct.pack("<BBH", 1, 0, len(children))
        for name, address in children.items():
            leaf += struct.pack("<QQIIQQ", len(names), address, 0, 0, 0, 0)
            names += name.encode().ljust(len(name) // 8 * 8 + 8, b"\0")
        heap = self.add(b"HEAP" + struct.pack("<IQQQ", 0, len(names), 1, self.add(names)))
        tree = b"TREE" + struct.pack("<BBHQQQQQ", 0, 0, 1, 2**64 - 1, 2**64 - 1, 0, self.add(leaf), 8)
        return self.object((0x11, struct.pack("<QQ", self.add(tree), heap)))

    def done(self, root):
        return self.out[:64] + struct.pack("<Q", root) + self.out[72:]


def h5_version2():
    link = lambda name, at: struct.pack("<BHBBBB", 6, len(name) + 11, 0, 1, 0, len(name)) + name + struct.pack("<Q", at)
    head = lambda body: b"OHDR" + struct.pack("<BBB", 2, 0, len(body)) + body + bytes(4)
    message = lambda kind, m: struct.pack("<BHB", kind, len(m), 0) + m
    superblock = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0" + struct.pack("<QQQQI", 0, 2**64 - 1, 0, 48, 0)
    out = (superblock + head(message(2, struct.pack("<BBQQ", 0, 0, 2**64 - 1, 2**64 - 1)) + link(b"W", 112))).ljust(112, b"\0")
    kind = b"\x11\x20\x1f\0" + struct.pack("<IHHBBBBI", 4, 0, 32, 23, 8, 0, 23, 127)
    out += head(message(1, struct.pack("<BBBBQQ", 2, 2, 0, 1, 1, 2)) + message(3, kind) + message(8, struct.pack("<BBQQ", 3, 1, 216, 8)))
    return out.ljust(216, b"\0") + struct.pack("<2f", 1, 2)


def hdf5_seeds():
    h = H5()
    yield "dataset", h.done(h.group({"W": h.dataset((2, 2), struct.pack("<4f", 1, 2, 3, 4))}))
    h = H5()
    inner = h.group({"kernel:0": h.dataset((1, 2), struct.pack("<2f", 1, 2)), "bias:0": h.dataset((2,), bytes(8))})
    yield "groups", h.done(h.group({"dense": inner, "i": h.dataset((1,), bytes(8), b"\x10\x08\0\0" + struct.pack("<IHH", 8, 0, 64))}))
    h = H5()
    yield "chunks", h.done(h.group({"W": h.object((1, struct.pack("<BBHIQ", 1, 1, 0, 0, 2)), (3, b"\x11\x20\x1f\0" + bytes(16)),
                                                  (8, struct.pack("<BBBQI", 3, 2, 2, 96, 4)))}))
    h = H5()
    yield "continued", h.done(h.object((0x10, struct.pack("<QQ", 96, 24))))
    yield "version2", h5_version2()


SEEDS = {"fuzz_onnx": onnx_seeds, "fuzz_llama2c": llama2c_seeds, "fuzz_word2vec": word2vec_seeds, "fuzz_hdf5": hdf5_seeds}
