// SPDX-License-Identifier: Apache-2.0
// Opening a file, intact or hostile, allocates no more than a small multiple of its header: counted, not estimated.
#include <gtest/gtest.h>

#include <filesystem>

#include "superpose/base/files.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/checkpoint/counted_allocation.h"
#include "superpose/checkpoint/torch_fixtures.h"

namespace superpose::checkpoint {
namespace {

// Peak bytes that opening the file took beyond what was there before. The bytes of its tensors are not read.
size_t peak_of_opening(const std::string& name, const Bytes& bytes) {
  const auto path = std::filesystem::path(testing::TempDir()) / ("superpose_memory_test_" + name);
  write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const size_t before = start_counting();
  try {
    const auto checkpoint = Checkpoint::open(path);
    resolve_heads(checkpoint);
  } catch (const Error&) {
  }
  const size_t peak = peak_live_bytes() - before;
  std::filesystem::remove(path);
  return peak;
}

TEST(Memory, files_of_200_bytes_that_declare_2_to_the_60_elements) {
  const std::string huge = "1152921504606846976";
  const std::string tensor = "{\"W\":{\"dtype\":\"F32\",\"shape\":[" + huge + "],\"data_offsets\":[0," + huge + "]}}";
  EXPECT_LT(peak_of_opening("a.safetensors", safetensors(tensor, Bytes(100))), 64u << 10);
  EXPECT_LT(
      peak_of_opening("b.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (" + huge + ",)}", Bytes(100))),
      64u << 10);
  EXPECT_LT(
      peak_of_opening("c.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1073741824, 1073741824)}")),
      64u << 10);
  const int32_t big = 2'000'000'000;
  EXPECT_LT(peak_of_opening("d.bin", bytes_of(std::vector<int32_t>{big, big, 1, 1, 1, big, big})), 64u << 10);
  Bytes length;
  append(length, uint64_t{1} << 60);
  append(length, "{\"W\":");
  EXPECT_LT(peak_of_opening("e.safetensors", length), 64u << 10);
}

// An empty list is one byte of a pickle and the dearest of values; the storages are not looked at.
TEST(Memory, torch_files_grow_with_their_pickle) {
  std::string value = "}(";
  Storages storages;
  for (int i = 0; i < 2000; ++i) {
    value +=
        pkl::text("layers." + std::to_string(i)) + pkl::tensor(pkl::storage("FloatStorage", "0", 6), 0, {2, 3}, {3, 1});
  }
  EXPECT_LT(peak_of_opening("many.pt", torch_zip(value + "u", {{"0", Bytes(1 << 24)}})), 10 * value.size());
  const std::string lists = std::string(100'000, ']');
  EXPECT_LT(peak_of_opening("lists.pt", torch_zip(lists, {})), 200 * lists.size());
  // Bombs: 16 MB of zeros in 16 KB, as a tensor and as a pickle.
  const Bytes bomb = torch_zip(pkl::dict({{"w", pkl::whole("0", 2000, 2000)}}), {{"0", Bytes(16'000'000)}}, true);
  EXPECT_LT(peak_of_opening("tensor.pt", bomb), 256u << 10);
  EXPECT_LT(peak_of_opening("pickle.pt", zip({{"a/data.pkl", Bytes(16'000'000), true}})), 8u << 20);
  EXPECT_LT(peak_of_opening("array.npz", zip({{"W.npy", npy("{'descr': '<f4'", Bytes(16'000'000)), true}})),
            512u << 10);
}

// Many tiny tensors are the worst a header of a given length can do: about 60 bytes of JSON for each.
TEST(Memory, grows_with_the_header_by_a_small_factor) {
  std::string header = "{";
  for (int i = 0; i < 20000; ++i) {
    header += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[],"data_offsets":[)" +
              std::to_string(i) + "," + std::to_string(i + 1) + "]}";
  }
  header += "}";
  EXPECT_LT(peak_of_opening("many.safetensors", safetensors(header, Bytes(20000))), 10 * header.size());

  std::string metadata = "{\"__metadata__\":{";
  for (int i = 0; i < 60000; ++i) metadata += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"\"";
  EXPECT_LT(peak_of_opening("metadata.safetensors", safetensors(metadata + "}}")), 15 * metadata.size());
  // One endless token: the lexer's buffer, and the copies of it in the message that the JSON library makes and we drop.
  for (const std::string& text : {std::string(4 << 20, '['), "{\"" + std::string(4 << 20, 'n'),
                                  "{\"W\":{\"shape\":[" + std::string(4 << 20, '1')}) {
    EXPECT_LT(peak_of_opening("text.safetensors", safetensors(text)), 12 * text.size());
  }
}

}  // namespace
}  // namespace superpose::checkpoint
