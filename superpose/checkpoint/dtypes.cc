// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/dtypes.h"

#include <iterator>

namespace superpose::checkpoint {
namespace {

// Every dtype of safetensors 0.6. Those that are never loaded still need their size: it is part of validation.
constexpr DtypeEntry kDtypes[] = {
    {"F64", Dtype::f64, 64},          {"F32", Dtype::f32, 32},      {"F16", Dtype::f16, 16},
    {"BF16", Dtype::bf16, 16},        {"BOOL", Dtype::other, 8},    {"U8", Dtype::other, 8},
    {"I8", Dtype::other, 8},          {"U16", Dtype::other, 16},    {"I16", Dtype::other, 16},
    {"U32", Dtype::other, 32},        {"I32", Dtype::other, 32},    {"U64", Dtype::other, 64},
    {"I64", Dtype::other, 64},        {"C64", Dtype::other, 64},    {"F8_E4M3", Dtype::f8_e4m3, 8},
    {"F8_E5M2", Dtype::f8_e5m2, 8},   {"F8_E8M0", Dtype::other, 8}, {"F8_E4M3FNUZ", Dtype::other, 8},
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

const DtypeTraits& traits(Dtype dtype) {
  static constexpr DtypeTraits kTraits[] = {
      {"F64", 1, 8},      {"F32", 1, 4},      {"F16", 1, 2},      {"BF16", 1, 2},     {"F8_E4M3", 1, 1},
      {"F8_E5M2", 1, 1},  {"U8", 1, 1},       {"I8", 1, 1},       {"Q4_0", 32, 18},   {"Q4_1", 32, 20},
      {"Q5_0", 32, 22},   {"Q5_1", 32, 24},   {"Q8_0", 32, 34},   {"Q2_K", 256, 84},  {"Q3_K", 256, 110},
      {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210}, {"IQ4_NL", 32, 18}, {"IQ4_XS", 256, 136},
      {"MXFP4", 32, 17},  {"other", 0, 0},
  };
  static_assert(std::size(kTraits) == static_cast<size_t>(Dtype::other) + 1);
  return kTraits[static_cast<size_t>(dtype)];
}

}  // namespace superpose::checkpoint
