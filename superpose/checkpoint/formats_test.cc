// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

namespace superpose::checkpoint {
namespace {

TEST(RealFiles, stories260K_head_as_npy) {
  const char* data = std::getenv("SUPERPOSE_TEST_DATA");
  if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set";
  const auto file = Checkpoint::open(std::filesystem::path(data) / "weights/npy/stories260K_head.npy");
  const auto W = file.load<double>(*resolve_heads(file)[0].tensor);
  ASSERT_EQ(W.rows(), 512u);
  ASSERT_EQ(W.cols(), 64u);
  double mean = 0;
  for (size_t i = 0; i < 512; ++i) {
    double square = 0;
    for (const double x : W.row(i)) square += x * x;
    mean += std::sqrt(square) / 512;
  }
  EXPECT_NEAR(mean, 2.437561, 1e-6);
  for (const char* name : {"gpt2", "llama", "opt"}) {
    const auto model = Checkpoint::open(std::filesystem::path(data) / "tiny-hf" / name);
    EXPECT_EQ(model.format(), "safetensors");
    EXPECT_EQ(model.config()["vocab_size"], 157);
    for (const auto& tensor : model.tensors()) {
      if (tensor.shape.size() == 2) model.load<float>(tensor);
    }
  }
}

}  // namespace
}  // namespace superpose::checkpoint
