// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/base.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

namespace superpose {
namespace {

ErrorKind kind_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::numeric;
}

TEST(Error, kinds_map_to_the_documented_exit_codes) {
  EXPECT_EQ(exit_code(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code(ErrorKind::bad_file), 3);
  EXPECT_EQ(exit_code(ErrorKind::io), 4);
  EXPECT_EQ(exit_code(ErrorKind::unsupported), 5);
  EXPECT_EQ(exit_code(ErrorKind::numeric), 6);
  EXPECT_STREQ(Error(ErrorKind::io, "inner").in("outer").what(), "outer: inner");
}

TEST(ByteReader, never_leaves_its_span_and_says_where) {
  const std::array<std::byte, 12> bytes{std::byte{7}};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read<uint64_t>("length"), 7u);
  try {
    reader.take(std::numeric_limits<uint64_t>::max(), "header");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::bad_file);
    EXPECT_STREQ(e.what(), "header at byte 8 needs 18446744073709551615 bytes, file has 4 left");
  }
  EXPECT_EQ(reader.take(4, "rest").size(), 4u);
  EXPECT_EQ(reader.take(0, "nothing").size(), 0u);
  EXPECT_EQ(kind_of([&] { reader.read<uint8_t>("one more"); }), ErrorKind::bad_file);
}

TEST(CheckedArithmetic, refuses_to_wrap) {
  EXPECT_EQ(checked_mul(1u << 31, 4, "n"), uint64_t{1} << 33);
  EXPECT_EQ(kind_of([] { checked_mul(uint64_t{1} << 33, uint64_t{1} << 31, "n"); }), ErrorKind::bad_file);
  EXPECT_EQ(kind_of([] { checked_add(~uint64_t{0}, 1, "n"); }), ErrorKind::bad_file);
}

TEST(Philox, reproduces_the_Random123_known_answers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, uniforms_stay_inside_the_open_interval) {
  EXPECT_GT(uniform_open(0, 0), 0.0);
  EXPECT_LT(uniform_open(~0u, ~0u), 1.0);
}

// 2·10^5 normals: mean within 5/sqrt(N), variance within 5·sqrt(2/N); a false alarm about once in 10^6 seeds. Seed
// fixed.
TEST(Philox, normal_pairs_have_unit_moments_and_streams_differ) {
  constexpr int kPairs = 100000;
  double sum = 0, square = 0, cross = 0;
  RandomBlocks blocks(3, RandomStream::init_weights);
  RandomBlocks other(3, RandomStream::init_bias);
  for (int i = 0; i < kPairs; ++i) {
    const auto [a, b] = normal_pair(blocks.next());
    sum += a + b;
    square += a * a + b * b;
    cross += a * normal_pair(other.next())[0];
  }
  const double n = 2.0 * kPairs;
  EXPECT_NEAR(sum / n, 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(square / n, 1.0, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(cross / kPairs, 0.0, 5 / std::sqrt(1.0 * kPairs));
}

TEST(ThreadPool, runs_every_iteration_once_for_any_number_of_threads) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const size_t count : {0u, 1u, 2u, 1000u}) {
      std::vector<std::atomic<int>> hits(count);
      pool.parallel_for(count, [&](size_t i) { ++hits[i]; });
      for (const auto& hit : hits) EXPECT_EQ(hit, 1);
    }
  }
}

TEST(ThreadPool, ends_a_loop_that_is_cancelled) {
  for (const int threads : {1, 3}) {
    std::atomic<bool> cancelled = false;
    std::atomic<int> begun = 0;
    ThreadPool pool(threads, nullptr, &cancelled);
    const auto loop = [&] {
      pool.parallel_for(100'000, [&](size_t) {
        if (++begun == 10) cancelled = true;
      });
    };
    EXPECT_THROW(loop(), ThreadPool::Cancelled);
    EXPECT_LT(begun, 10 + 3);
    cancelled = false;
    EXPECT_NO_THROW(loop());
  }
}

TEST(ThreadPool, rethrows_on_the_caller_and_works_afterwards) {
  ThreadPool pool(3);
  EXPECT_EQ(kind_of([&] {
              pool.parallel_for(100, [](size_t i) {
                if (i == 17) throw Error(ErrorKind::numeric, "seventeen");
              });
            }),
            ErrorKind::numeric);
  std::atomic<int> sum = 0;
  pool.parallel_for(10, [&](size_t i) { sum += static_cast<int>(i); });
  EXPECT_EQ(sum, 45);
  EXPECT_GE(available_cores(), 1);
}

TEST(Names, suggests_the_nearest_and_stays_silent_otherwise) {
  const std::vector<std::string> known{"features", "decay", "density", "seed", "lr"};
  EXPECT_EQ(nearest_name("feature", known), "features");
  EXPECT_EQ(nearest_name("dcay", known), "decay");
  EXPECT_EQ(nearest_name("sede", known), "seed");
  EXPECT_EQ(nearest_name("feat", known), "features");
  EXPECT_EQ(nearest_name("zzzzzzz", known), "");
  EXPECT_EQ(suggestion("decaay", known), " (did you mean decay?)");
}

TEST(Json, fingerprint_ignores_key_order_and_nan_becomes_null) {
  EXPECT_EQ(fingerprint(Json{{"a", 1}, {"b", 2}}), fingerprint(Json{{"b", 2}, {"a", 1}}));
  EXPECT_NE(fingerprint(Json{{"a", 1}}), fingerprint(Json{{"a", 2}}));
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(kind_of([] { parse_json("{\"a\": ", "x"); }), ErrorKind::bad_file);
  EXPECT_EQ(kind_of([] { parse_json(std::string(100000, '['), "x"); }), ErrorKind::bad_file);
}

TEST(Files, maps_empty_files_and_names_what_is_wrong) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "superpose_base_test";
  std::filesystem::create_directories(folder);
  write_file(folder / "empty", "");
  EXPECT_EQ(MappedFile(folder / "empty").bytes().size(), 0u);
  write_file(folder / "text", "hello");
  write_file(folder / "text", "replaced");
  EXPECT_EQ(read_text(folder / "text"), "replaced");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2) << "no temporary file is left behind";
  EXPECT_EQ(kind_of([&] { MappedFile(folder / "absent"); }), ErrorKind::io);
  EXPECT_EQ(kind_of([&] { MappedFile{folder}; }), ErrorKind::io);
  EXPECT_EQ(kind_of([&] { read_text(folder / "text", 3); }), ErrorKind::bad_file);
  EXPECT_EQ(kind_of([&] { write_file(folder / "no" / "such" / "folder", "x"); }), ErrorKind::io);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace superpose
