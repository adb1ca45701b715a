// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/dtypes.h"

namespace superpose::checkpoint {
namespace {

// Every dtype of safetensors 0.6. Those that are never loaded still need their size: it is part of validation.
constexpr DtypeEntry kDtypes[] = {
    {"F64", Dtype::f64, 64},          {"F32", Dtype::f32, 32},      {"F16", Dtype::f16, 16},
    {"BF16", Dtype::bf16, 16},        {"BOOL", Dtype::other, 8},    {"U8", Dtype::other, 8},
    {"I8", Dtype::other, 8},          {"U16", Dtype::other, 16},    {"I16", Dtype::other, 16},
    {"U32", Dtype::other, 32},        {"I32", Dtype::other, 32},    {"U64", Dtype::other, 64},
    {"I64", Dtype::other, 64},        {"C64", Dtype::other, 64},    {"F8_E4M3", Dtype::other, 8},
    {"F8_E5M2", Dtype::other, 8},     {"F8_E8M0", Dtype::other, 8}, {"F8_E4M3FNUZ", Dtype::other, 8},
    {"F8_E5M2FNUZ", Dtype::other, 8}, {"F6_E2M3", Dtype::other, 6}, {"F6_E3M2", Dtype::other, 6},
    {"F4", Dtype::other, 4},
};

}  // namespace

const DtypeEntry* find_safetensors_dtype(std::string_view text) {
  for (const auto& entry : kDtypes) {
    if (entry.text == text) return &entry;
  }
  return nullptr;
}

std::string_view dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return "F64";
    case Dtype::f32:
      return "F32";
    case Dtype::f16:
      return "F16";
    case Dtype::bf16:
      return "BF16";
    case Dtype::other:
      return "other";
  }
  return "other";
}

size_t dtype_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return 8;
    case Dtype::f32:
      return 4;
    case Dtype::f16:
    case Dtype::bf16:
      return 2;
    case Dtype::other:
      return 0;
  }
  return 0;
}

}  // namespace superpose::checkpoint
