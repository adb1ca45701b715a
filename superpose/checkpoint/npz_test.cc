// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "superpose/checkpoint/torch_fixtures.h"

namespace superpose::checkpoint {
namespace {

constexpr ErrorKind bad_file = ErrorKind::bad_file;

std::string dict(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': " + descr + ", 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
}
Bytes two_by_three(bool fortran = false) { return npy(dict("'<f4'", "(2, 3)", fortran), floats(6)); }

TEST(Npz, stored_and_deflated_members) {
  for (const bool deflate : {false, true}) {
    const auto model = open_one("w.npz", zip({{"W.npy", two_by_three(), deflate},
                                              {"inner/F.npy", two_by_three(true), deflate},
                                              {"readme.txt", bytes_of("text"), deflate},
                                              {"v.npy", npy(dict("'<f8'", "(3,)"), Bytes(24)), deflate}}));
    EXPECT_EQ(model.format(), "npz");
    ASSERT_EQ(model.tensors().size(), 3u);
    EXPECT_EQ(model.tensors()[1].name, "inner/F");
    const auto W = model.load<float>(*model.find("W"));
    const auto F = model.load<double>(*model.find("inner/F"));
    for (size_t i = 0; i < 2; ++i) {
      for (size_t j = 0; j < 3; ++j) {
        EXPECT_EQ(W(i, j), static_cast<float>(i * 3 + j));
        EXPECT_EQ(F(i, j), static_cast<double>(j * 2 + i));
      }
    }
    EXPECT_EQ(model.find("v")->dtype, Dtype::f64);
  }
}

TEST(Npz, arrays_that_are_no_numbers_are_listed_beside_the_others) {
  const auto model = open_one(
      "w.npz", zip({{"names.npy", npy(dict("'<U7'", "(5,)"), Bytes(140))},
                    {"objects.npy", npy(dict("'|O'", "(5, 1)", true), bytes_of("a pickle"))},
                    {"records.npy", npy(dict("[('a', '<f4'), ('b)', [('c', '<i4', (2,))])]", "(1,)"), Bytes(12))},
                    {"big.npy", npy(dict("'>f4'", "(2, 3)"), floats(6)), true},
                    {"ids.npy", npy(dict("'<i8'", "(2, 1)", true), Bytes(16))},
                    {"W.npy", two_by_three()}}));
  EXPECT_EQ(model.tensors().size(), 6u);
  EXPECT_EQ(model.find("names")->dtype_text, "<U7");
  EXPECT_EQ(model.find("names")->shape, std::vector<uint64_t>{5});
  EXPECT_EQ(model.find("records")->dtype, Dtype::other);
  EXPECT_EQ(model.find("records")->shape, std::vector<uint64_t>{1});
  for (const char* name : {"objects", "big", "ids"}) {
    expect_error(ErrorKind::unsupported, "cannot be loaded", [&] { model.load<float>(*model.find(name)); });
  }
  EXPECT_EQ(model.load<float>(*model.find("W"))(1, 2), 5);
}

TEST(Npz, hostile) {
  const auto refuse = [](ErrorKind kind, std::string_view message, const Bytes& bytes) {
    SCOPED_TRACE(message);
    expect_error(kind, message, [&] {
      const auto model = open_one("w.npz", bytes);
      for (const auto& tensor : model.tensors()) model.load<float>(tensor);
    });
  };
  const Bytes good = two_by_three();
  refuse(bad_file, "shape [2, 3] of <f4 needs 24 bytes, found 23",
         zip({{"W.npy", Bytes(good.begin(), good.end() - 1)}}));
  refuse(bad_file, "shape [2, 3] of <f4 needs 24 bytes, found 23",
         zip({{"W.npy", Bytes(good.begin(), good.end() - 1), true}}));
  refuse(bad_file, "\"W.npy\": no .npy file", zip({{"W.npy", Bytes(200)}}));
  refuse(bad_file, "\"W.npy\": magic at byte 0 needs", zip({{"W.npy", Bytes(2)}}));
  refuse(bad_file, "a list without end", zip({{"W.npy", npy("{'descr': [('a'")}}));
  refuse(bad_file, "CRC", zip({{"W.npy", good, true, 0, {}, 7u}}));
  refuse(ErrorKind::unsupported, "without .npy members", zip({{"readme.txt", good}}));
  refuse(bad_file, "no end record", bytes_of("PK\x03\x04 cut short"));
  refuse(bad_file, "\"W.npy\" appears twice", zip({{"W.npy", good}, {"W.npy", good}}));
}

// The published matrix of this file was extracted by NumPy: tokens are the columns of model_5.
TEST(Npz, a_real_file) {
  const char* folder = std::getenv("SUPERPOSE_TEST_DATA");
  if (!folder) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set";
  const auto weights = std::filesystem::path(folder) / "weights";
  const auto model = Checkpoint::open(weights / "hinton4gram_model.npz");
  const auto expected = Checkpoint::open(weights / "npy" / "hinton4gram_head.npy");
  EXPECT_EQ(model.tensors().size(), 9u);
  const auto W = model.load<double>(*model.find("model_5"));
  const auto E = expected.load<float>(*expected.find("array"));
  ASSERT_EQ(W.rows(), E.cols());
  ASSERT_EQ(W.cols(), E.rows());
  for (size_t i = 0; i < W.rows(); ++i) {
    for (size_t j = 0; j < W.cols(); ++j) ASSERT_EQ(static_cast<float>(W(i, j)), E(j, i));
  }
}

}  // namespace
}  // namespace superpose::checkpoint
