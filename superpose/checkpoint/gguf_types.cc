// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/gguf.h"

#include <iterator>

namespace superpose::checkpoint {
namespace {

// Blocks of types that are not decoded still have a size: it is part of validation.
constexpr GgufType kTypes[] = {
    {0, "F32", Dtype::f32, 1, 4},           {1, "F16", Dtype::f16, 1, 2},
    {2, "Q4_0", Dtype::q4_0, 32, 18},       {3, "Q4_1", Dtype::q4_1, 32, 20},
    {4, "Q4_2", Dtype::other, 0, 0},        {5, "Q4_3", Dtype::other, 0, 0},
    {6, "Q5_0", Dtype::q5_0, 32, 22},       {7, "Q5_1", Dtype::q5_1, 32, 24},
    {8, "Q8_0", Dtype::q8_0, 32, 34},       {9, "Q8_1", Dtype::other, 32, 36},
    {10, "Q2_K", Dtype::q2_k, 256, 84},     {11, "Q3_K", Dtype::q3_k, 256, 110},
    {12, "Q4_K", Dtype::q4_k, 256, 144},    {13, "Q5_K", Dtype::q5_k, 256, 176},
    {14, "Q6_K", Dtype::q6_k, 256, 210},    {15, "Q8_K", Dtype::other, 256, 292},
    {16, "IQ2_XXS", Dtype::other, 256, 66}, {17, "IQ2_XS", Dtype::other, 256, 74},
    {18, "IQ3_XXS", Dtype::other, 256, 98}, {19, "IQ1_S", Dtype::other, 256, 50},
    {20, "IQ4_NL", Dtype::iq4_nl, 32, 18},  {21, "IQ3_S", Dtype::other, 256, 110},
    {22, "IQ2_S", Dtype::other, 256, 82},   {23, "IQ4_XS", Dtype::iq4_xs, 256, 136},
    {24, "I8", Dtype::other, 1, 1},         {25, "I16", Dtype::other, 1, 2},
    {26, "I32", Dtype::other, 1, 4},        {27, "I64", Dtype::other, 1, 8},
    {28, "F64", Dtype::f64, 1, 8},          {29, "IQ1_M", Dtype::other, 256, 56},
    {30, "BF16", Dtype::bf16, 1, 2},        {31, "Q4_0_4_4", Dtype::other, 0, 0},
    {32, "Q4_0_4_8", Dtype::other, 0, 0},   {33, "Q4_0_8_8", Dtype::other, 0, 0},
    {34, "TQ1_0", Dtype::other, 256, 54},   {35, "TQ2_0", Dtype::other, 256, 66},
    {36, "IQ4_NL_4_4", Dtype::other, 0, 0}, {37, "IQ4_NL_4_8", Dtype::other, 0, 0},
    {38, "IQ4_NL_8_8", Dtype::other, 0, 0}, {39, "MXFP4", Dtype::mxfp4, 32, 17},
    {40, "NVFP4", Dtype::other, 64, 36},    {41, "Q1_0", Dtype::other, 128, 18},
    {42, "Q2_0", Dtype::other, 64, 18},
};
constexpr bool numbered_in_order() {
  for (uint32_t i = 0; i < std::size(kTypes); ++i) {
    if (kTypes[i].number != i) return false;
  }
  return true;
}
static_assert(numbered_in_order());

}  // namespace

const GgufType* find_gguf_type(uint32_t number) { return number < std::size(kTypes) ? &kTypes[number] : nullptr; }

}  // namespace superpose::checkpoint
