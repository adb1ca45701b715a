// SPDX-License-Identifier: Apache-2.0
#include "superpose/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "superpose/base/philox.h"

namespace superpose::kernels {
namespace {

// Columns around one, two and four vectors of every instruction set, and a long odd one.
const size_t kShapes[] = {0, 16, 32, 48, 64, 80, 128, 1008};

std::vector<float> random_floats(size_t count, unsigned seed, float scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> out(count);
  for (float& x : out) x = normal(engine);
  return out;
}
std::vector<double> doubles(const std::vector<float>& x) { return {x.begin(), x.end()}; }

TEST(Kernels, pad_rounds_up_to_whole_vectors) {
  EXPECT_EQ(pad(0), 0u);
  EXPECT_EQ(pad(1), 16u);
  EXPECT_EQ(pad(16), 16u);
  EXPECT_EQ(pad(17), 32u);
}

TEST(Kernels, relu_group_lists_the_columns_positive_in_any_sample) {
  for (const size_t columns : kShapes) {
    for (const size_t samples : {1u, 2u, 37u}) {
      for (const float offset : {-2.0f, 0.0f, 100.0f}) {  // few, about half, all
        const auto g = random_floats(columns, 1), v = random_floats(samples, 3);
        auto b = random_floats(columns, 2);
        for (float& x : b) x += offset;
        std::vector<double> d_ref(columns), e_ref(columns);
        const double expected = ref::relu_group(doubles(g).data(), doubles(b).data(), columns, doubles(v).data(),
                                                samples, d_ref.data(), e_ref.data());
        std::vector<uint32_t> index(columns + kLanes);
        std::vector<float> d(columns + kLanes), e(columns + kLanes);
        double sum = 1;
        const auto [low, high] = std::minmax_element(v.begin(), v.end());
        const size_t count = relu_group({g.data(), b.data(), columns, v.data(), samples, *low, *high},
                                        {index.data(), d.data(), e.data()}, &sum);
        EXPECT_NEAR(sum, 1 + expected, 1e-5 * (1 + expected));
        size_t t = 0;
        for (size_t j = 0; j < columns; ++j) {
          if (e_ref[j] <= 1e-5) continue;  // the sign of a rounding error may differ
          while (t < count && index[t] < j) ++t;
          ASSERT_LT(t, count);
          EXPECT_EQ(index[t], j);
          EXPECT_NEAR(d[t], d_ref[j], 1e-5 * (1 + e_ref[j]));
          EXPECT_NEAR(e[t], e_ref[j], 1e-5 * (1 + e_ref[j]));
        }
        EXPECT_TRUE(std::is_sorted(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(count)));
      }
    }
  }
}

TEST(Kernels, relu_sum_lists_exactly_the_positive_outputs_in_order) {
  for (const size_t columns : kShapes) {
    for (const size_t active : {1u, 2u, 5u}) {
      for (const float offset : {-100.0f, 0.0f, 100.0f}) {  // none, about half, all positive
        std::vector<std::vector<float>> rows;
        std::vector<const float*> pointers;
        for (size_t k = 0; k < active; ++k) rows.push_back(random_floats(columns, static_cast<unsigned>(10 + k)));
        for (const auto& row : rows) pointers.push_back(row.data());
        const auto v = random_floats(active, 7);
        auto b = random_floats(columns, 8);
        for (float& x : b) x += offset;
        std::vector<uint32_t> index(columns + kLanes);
        std::vector<float> y(columns + kLanes);
        double sum = 1;
        const size_t count =
            relu_sum({pointers.data(), v.data(), active, b.data(), columns}, index.data(), y.data(), &sum);
        size_t t = 0;
        double expected = 1;
        for (size_t j = 0; j < columns; ++j) {
          double z = b[j];
          for (size_t k = 0; k < active; ++k) z += static_cast<double>(v[k]) * rows[k][j];
          if (z <= 1e-5) continue;  // the sign of a rounding error may differ
          expected += z * z;
          while (t < count && index[t] < j) ++t;
          ASSERT_LT(t, count);
          EXPECT_EQ(index[t], j);
          EXPECT_NEAR(y[t], z, 1e-5 * (1 + z));
        }
        EXPECT_TRUE(std::is_sorted(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(count)));
        EXPECT_NEAR(sum, expected, 1e-5 * expected);
      }
    }
  }
}

TEST(Kernels, gather_and_scatter_are_the_products_of_a_sparse_row) {
  for (const size_t stride : {16u, 32u, 48u, 64u, 80u, 96u, 112u, 128u, 144u, 272u}) {
    constexpr size_t kRows = 9;
    const auto W = random_floats(kRows * stride, 1), w = random_floats(stride, 2);
    auto G = random_floats(kRows * stride, 3), sum = random_floats(stride, 4);
    const std::vector<uint32_t> index{0, 2, 3, 4, 5, 7, 8};
    const auto value = random_floats(index.size(), 5);
    for (size_t count = 0; count <= index.size(); ++count) {
      auto G_ref = doubles(G), sum_ref = doubles(sum);
      for (size_t t = 0; t < count; ++t) {
        for (size_t k = 0; k < stride; ++k) {
          sum_ref[k] += static_cast<double>(value[t]) * W[index[t] * stride + k];
          G_ref[index[t] * stride + k] += static_cast<double>(value[t]) * w[k];
        }
      }
      const SparseRow row{index.data(), value.data(), count, stride};
      gather_rows(row, W.data(), sum.data());
      scatter_rows(row, w.data(), G.data());
      for (size_t k = 0; k < stride; ++k) EXPECT_NEAR(sum[k], sum_ref[k], 1e-5);
      for (size_t k = 0; k < G.size(); ++k) EXPECT_NEAR(G[k], G_ref[k], 1e-5);
    }
  }
}

TEST(Kernels, gemm_packed_is_the_product_for_every_remainder_and_order) {
  for (const size_t rows : {1u, 3u, 4u, 5u, 11u, 12u, 13u, 24u, 31u}) {
    for (const size_t columns : {16u, 32u, 48u, 112u}) {
      for (const size_t inner : {1u, 2u, 10u, 39u}) {
        for (const bool transposed : {false, true}) {  // both of A and of B; with it, the product is added
          const size_t wide = columns + 16;
          const auto a = random_floats(rows * inner, 1), b = random_floats(columns * inner, 2);
          std::vector<float> packed(inner * columns), c(rows * wide, 7.0f);
          if (transposed) {
            pack_rows(b.data(), columns, inner, columns, packed.data());
          } else {
            pack_columns(b.data(), columns, inner, inner, packed.data());
          }
          gemm_packed({rows, columns, inner, a.data(), transposed ? 1 : inner, transposed ? rows : 1, packed.data(),
                       c.data(), wide, transposed});
          for (size_t i = 0; i < rows; ++i) {
            for (size_t j = 0; j < wide; ++j) {
              double sum = j >= columns || transposed ? 7 : 0;
              for (size_t k = 0; j < columns && k < inner; ++k) {
                sum += static_cast<double>(a[transposed ? k * rows + i : i * inner + k]) *
                       b[transposed ? k * columns + j : j * inner + k];
              }
              EXPECT_NEAR(c[i * wide + j], sum, 1e-5 * (1 + std::fabs(sum)));
            }
          }
        }
      }
    }
  }
}

TEST(Kernels, packed_columns_lie_where_panel_columns_says) {
  const size_t w = panel_columns();
  EXPECT_EQ(96 % w, 0u);
  for (const size_t columns : {16u, 32u, 48u, 112u}) {
    const size_t inner = 5;
    const auto b = random_floats(columns * inner, 3);
    std::vector<float> packed(columns * inner);
    pack_rows(b.data(), columns, inner, columns, packed.data());
    for (size_t k = 0; k < inner; ++k) {
      for (size_t j = 0; j < columns; ++j) {
        const size_t first = j - j % w, width = std::min(w, columns - first);
        EXPECT_EQ(packed[first * inner + k * width + j % w], b[k * columns + j]);
      }
    }
  }
}

TEST(Kernels, add_cosines_agrees_with_its_definition) {
  for (const size_t rows : {1u, 2u, 9u}) {
    for (const size_t columns : {1u, 7u, 8u, 9u, 16u, 31u, 50u}) {
      for (const bool diagonal : {false, true}) {
        const size_t ldc = columns + 3, bins = 7;
        auto c = random_floats(rows * ldc, 5);
        for (float& x : c) x = std::clamp(x, -1.0f, 1.0f);  // with some of exactly 1, and ties
        struct Found {
          std::vector<float> row_best, column_best;
          std::vector<uint32_t> row_partner, column_partner, counts;
          double sums[3] = {0, 0, 0};
        };
        const auto look = [&](auto function) {
          Found f{std::vector<float>(rows, -1), std::vector<float>(columns, -1), std::vector<uint32_t>(rows),
                  std::vector<uint32_t>(columns), std::vector<uint32_t>(bins)};
          function(CosineTile{c.data(), rows, columns, ldc, diagonal, 0.3f, f.row_best.data(), f.column_best.data(),
                              f.row_partner.data(), f.column_partner.data(), 100, 200, f.counts.data(), bins},
                   f.sums);
          return f;
        };
        const Found a = look(add_cosines), b = look(ref::add_cosines);
        EXPECT_EQ(a.row_best, b.row_best);
        EXPECT_EQ(a.column_best, b.column_best);
        EXPECT_EQ(a.row_partner, b.row_partner);
        EXPECT_EQ(a.column_partner, b.column_partner);
        EXPECT_EQ(a.counts, b.counts);
        for (size_t q = 0; q < 3; ++q) EXPECT_NEAR(a.sums[q], b.sums[q], 1e-5 * static_cast<double>(rows * columns));
      }
    }
  }
}

TEST(Kernels, the_instruction_set_is_one_of_this_machine_and_obeys_the_switch) {
  const char* names[8];
  const size_t count = instruction_sets(names, 8);
  ASSERT_GT(count, 0u);
#if defined(__x86_64__)  // ARM always has NEON, and needs no plain path
  EXPECT_STREQ(names[count - 1], "plain");
#endif
  const std::string used = instruction_set();
  EXPECT_TRUE(std::any_of(names, names + count, [&](const char* name) { return used == name; })) << used;
  const char* const wanted = std::getenv("SUPERPOSE_ISA");
  if (!wanted || !*wanted) {
    EXPECT_EQ(used, names[0]);
  } else {
    EXPECT_EQ(used == wanted, !instruction_set_refused());
  }
}

TEST(Kernels, philox_at_least_finds_the_words_of_the_generator) {
  for (const size_t columns : kShapes) {
    for (const uint64_t seed : {uint64_t{0}, uint64_t{7}, uint64_t{0x123456789abcdef0}}) {
      std::vector<uint32_t> threshold(columns), index(columns + kLanes), expected;
      for (size_t j = 0; j < columns; ++j) {
        const uint32_t word = RandomBlocks(seed, RandomStream::training_data, 5, static_cast<uint32_t>(j)).next()[0];
        // Exactly the word, one more, nothing, all ones, about half.
        threshold[j] = j % 5 == 0 ? word : j % 5 == 1 ? word + 1 : j % 5 == 2 ? 0 : j % 5 == 3 ? UINT32_MAX : 1u << 31;
        if (word >= threshold[j]) expected.push_back(static_cast<uint32_t>(j));
      }
      const PhiloxCounter at{seed, static_cast<uint32_t>(RandomStream::training_data), 5};
      index.resize(philox_at_least(at, threshold.data(), columns, index.data()));
      EXPECT_EQ(index, expected);
    }
  }
}

TEST(Kernels, adam_update_agrees_with_the_plain_loop_and_keeps_zeros) {
  const AdamCoefficients c{0.9f, 0.999f, 0.1f, 0.001f, 0.02f, 3.0f, 1e-8f, 0.99f};
  for (const size_t columns : kShapes) {
    auto W = random_floats(columns, 1), g = random_floats(columns, 2, 1e-4f), m = random_floats(columns, 3, 1e-4f);
    std::vector<float> v(columns, 1e-8f);
    if (columns) W[0] = g[0] = m[0] = v[0] = 0;
    auto W_ref = doubles(W), m_ref = doubles(m), v_ref = doubles(v);
    adam_update(W.data(), g.data(), m.data(), v.data(), columns, c);
    ref::adam_update(W_ref.data(), doubles(g).data(), m_ref.data(), v_ref.data(), columns, c);
    for (size_t k = 0; k < columns; ++k) EXPECT_NEAR(W[k], W_ref[k], 2e-6 * (1 + std::fabs(W_ref[k])));
    if (columns) {
      EXPECT_EQ(W[0], 0.0f);
    }
  }
}

}  // namespace
}  // namespace superpose::kernels
