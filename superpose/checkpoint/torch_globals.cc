// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/torch_globals.h"

#include <algorithm>
#include <iterator>

namespace superpose::checkpoint {
namespace {

constexpr TorchType kTypes[] = {
    {"torch.FloatStorage", "torch.float32", Dtype::f32, 32},
    {"torch.DoubleStorage", "torch.float64", Dtype::f64, 64},
    {"torch.HalfStorage", "torch.float16", Dtype::f16, 16},
    {"torch.BFloat16Storage", "torch.bfloat16", Dtype::bf16, 16},
    {"torch.ByteStorage", "torch.uint8", Dtype::u8, 8},
    {"torch.CharStorage", "torch.int8", Dtype::i8, 8},
    {"torch.ShortStorage", "torch.int16", Dtype::other, 16},
    {"torch.IntStorage", "torch.int32", Dtype::other, 32},
    {"torch.LongStorage", "torch.int64", Dtype::other, 64},
    {"torch.BoolStorage", "torch.bool", Dtype::other, 8},
    {"torch.ComplexFloatStorage", "torch.complex64", Dtype::other, 64},
    {"torch.ComplexDoubleStorage", "torch.complex128", Dtype::other, 128},
    {"torch.QInt8Storage", "torch.qint8", Dtype::other, 8},
    {"torch.QUInt8Storage", "torch.quint8", Dtype::other, 8},
    {"torch.QInt32Storage", "torch.qint32", Dtype::other, 32},
    {"", "torch.float8_e4m3fn", Dtype::f8_e4m3, 8},
    {"", "torch.float8_e5m2", Dtype::f8_e5m2, 8},
    {"", "torch.float8_e4m3fnuz", Dtype::other, 8},
    {"", "torch.float8_e5m2fnuz", Dtype::other, 8},
    {"", "torch.float8_e8m0fnu", Dtype::other, 8},
    {"", "torch.complex32", Dtype::other, 32},
    {"", "torch.uint16", Dtype::other, 16},
    {"", "torch.uint32", Dtype::other, 32},
    {"", "torch.uint64", Dtype::other, 64},
};
constexpr TorchType kUntyped = {"torch.storage.UntypedStorage", "", Dtype::other, 8};
constexpr std::string_view kUntypedNames[] = {"torch.storage.UntypedStorage", "torch.UntypedStorage",
                                              "torch.storage._UntypedStorage"};

// Understood, or records whose contents say nothing about the weights. Sorted by where they come from.
constexpr std::string_view kKnown[] = {
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._tensor._rebuild_from_type_v2",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
    "torch.Tensor",
    "torch.Size",
    "torch.device",
    "torch.layout",
    "torch.serialization._get_layout",
    "torch.storage.TypedStorage",
    "torch.storage._TypedStorage",
    "torch.torch_version.TorchVersion",
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.Counter",
    "collections.deque",
    // The types of Python itself; not its functions.
    "builtins.set",
    "builtins.frozenset",
    "builtins.dict",
    "builtins.list",
    "builtins.tuple",
    "builtins.int",
    "builtins.float",
    "builtins.bool",
    "builtins.str",
    "builtins.bytes",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.slice",
    "builtins.range",
    "builtins.object",
    "__builtin__.set",
    "__builtin__.frozenset",
    "__builtin__.dict",
    "__builtin__.list",
    "__builtin__.tuple",
    "__builtin__.int",
    "__builtin__.long",
    "__builtin__.float",
    "__builtin__.bool",
    "__builtin__.str",
    "__builtin__.unicode",
    "__builtin__.bytearray",
    "__builtin__.complex",
    "__builtin__.slice",
    "__builtin__.xrange",
    "__builtin__.object",
    "copyreg._reconstructor",
    "copy_reg._reconstructor",
    "_codecs.encode",  // how protocol 2 writes bytes
    "argparse.Namespace",
    "types.SimpleNamespace",
    "datetime.datetime",
    "datetime.date",
    "datetime.time",
    "datetime.timedelta",
    "datetime.timezone",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.WindowsPath",
    "pathlib.PureWindowsPath",
    "pathlib._local.Path",
    "pathlib._local.PosixPath",
    "pathlib._local.PurePosixPath",
    "pathlib._local.WindowsPath",
    "pathlib._local.PureWindowsPath",
    "uuid.UUID",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.numeric._frombuffer",
    "numpy._core.numeric._frombuffer",
    "numpy.bool_",
    "numpy.int8",
    "numpy.int16",
    "numpy.int32",
    "numpy.int64",
    "numpy.uint8",
    "numpy.uint16",
    "numpy.uint32",
    "numpy.uint64",
    "numpy.float16",
    "numpy.float32",
    "numpy.float64",
    // States of random numbers.
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._mt19937.MT19937",
    "numpy.random._pcg64.PCG64",
};

// Packages whose classes describe a training run. Only classes: Python writes those with a capital.
constexpr std::string_view kRecordPackages[] = {"accelerate.",
                                                "addict.",
                                                "deepspeed.",
                                                "easydict.",
                                                "fairseq.",
                                                "lightning.",
                                                "lightning_fabric.",
                                                "megatron.",
                                                "ml_collections.",
                                                "omegaconf.",
                                                "peft.",
                                                "pytorch_lightning.",
                                                "torch.optim.",
                                                "transformers.",
                                                "trl.",
                                                "yacs."};

// What people call the class of their own settings: GPTConfig, ModelArgs, TrainingArguments, HParams.
constexpr std::string_view kRecordEndings[] = {"Config",  "Configuration", "Args",     "Arguments", "Params",
                                               "HParams", "Hparams",       "Settings", "Options"};

bool is_class(std::string_view name) { return !name.empty() && name[0] >= 'A' && name[0] <= 'Z'; }

}  // namespace

const TorchType* find_torch_storage(std::string_view global) {
  for (const auto& type : kTypes) {
    if (!type.storage.empty() && type.storage == global) return &type;
  }
  const bool untyped = std::find(std::begin(kUntypedNames), std::end(kUntypedNames), global) != std::end(kUntypedNames);
  return untyped ? &kUntyped : nullptr;
}

const TorchType* find_torch_dtype(std::string_view global) {
  for (const auto& type : kTypes) {
    if (type.dtype == global) return &type;
  }
  return nullptr;
}

bool is_known_torch_global(std::string_view global) {
  if (find_torch_storage(global) || find_torch_dtype(global)) return true;
  if (std::find(std::begin(kKnown), std::end(kKnown), global) != std::end(kKnown)) return true;
  const std::string_view name = global.substr(global.rfind('.') + 1);
  if (!is_class(name)) return false;
  const auto begins = [&](std::string_view package) { return global.starts_with(package); };
  const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
  return std::any_of(std::begin(kRecordPackages), std::end(kRecordPackages), begins) ||
         std::any_of(std::begin(kRecordEndings), std::end(kRecordEndings), ends);
}

}  // namespace superpose::checkpoint
