// SPDX-License-Identifier: Apache-2.0
// Tables nobody would write: every law answers, or says in an Error{numeric} that no answer exists.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "superpose/base/error.h"
#include "superpose/base/philox.h"
#include "superpose/fit/fit.h"

namespace superpose::fit {
namespace {

// A few rows drawn from few values, so that ties, gaps and extremes meet often.
constexpr size_t kMostInputs = 4;
Data odd_table(uint32_t index) {
  constexpr double kWidths[] = {1, 2, 3, 64, 64.000001, 1e-300, 1e300, 1e-9, 512, 1e9, 4096, 5e-324};
  constexpr double kLosses[] = {0, 1, 2, 2, 2.5, 3, -1, 1e300, -1e300, 1e-300, 5e-324, 1e-9};
  RandomBlocks blocks(13, RandomStream::fresh_data, index);
  const PhiloxBlock shape = blocks.next();
  const uint32_t rows = 1 + shape[0] % 9, widths = 1 + shape[1] % 12, losses = 1 + shape[2] % 12, groups = shape[3] % 4;
  Data out;
  out.inputs.resize(kMostInputs);
  for (uint32_t i = 0; i < rows; ++i) {
    const PhiloxBlock row = blocks.next();
    for (auto& input : out.inputs) input.push_back(kWidths[(row[0] >> (4 * (&input - out.inputs.data()))) % widths]);
    out.y.push_back(kLosses[row[1] % losses]);
    if (groups > 0) out.group.push_back(fmt::format("g{}", row[2] % groups));
    if (shape[3] & 64) out.cluster.push_back(fmt::format("c{}", row[3] % 5));
  }
  return out;
}

Options odd_options(uint32_t index, bool groups, const Law& law) {
  Options out{.bootstrap = 20, .seed = index};
  const Term& term = law.terms[0];
  if (index % 5 == 1) out.fixed[term.exponent] = 1;
  if (index % 7 == 1) out.fixed[term.coefficient] = 2;
  if (index % 11 == 1 && !groups && !law.offset.empty()) out.fixed[law.offset] = 1.5;
  constexpr Objective kObjectives[] = {Objective::squares,   Objective::log_squares, Objective::huber,
                                       Objective::log_huber, Objective::absolute,    Objective::log_absolute};
  if (index % 3 == 1) out.objective = kObjectives[index / 3 % 6];
  return out;
}

void expect_honest(const Result& result, size_t rows) {
  EXPECT_EQ(result.residuals.size(), rows);
  bool all = true;
  for (const auto& [name, p] : result.parameters) {
    all = all && p.identified;
    if (p.identified && !p.held) {
      EXPECT_TRUE(std::isfinite(p.value)) << name;
      ASSERT_TRUE(p.ci95) << name;
      EXPECT_TRUE(std::isfinite(p.ci95->first) && p.ci95->first <= p.ci95->second) << name;
    }
    EXPECT_FALSE(p.held && (p.se || p.ci95)) << name;
  }
  EXPECT_EQ(result.identified, all);
  EXPECT_TRUE(result.identified || !result.warnings.empty()) << "a fit that fails says why";
  for (const auto& warning : result.warnings) EXPECT_EQ(warning.find("nan"), std::string::npos) << warning;
  const std::string text = to_json(result).dump();
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
  for (const char* infinite : {":inf", ",inf", "[inf", "-inf"})
    EXPECT_EQ(text.find(infinite), std::string::npos) << text;
}

TEST(Hostile, every_odd_table_gets_an_honest_answer) {
  int answered = 0;
  for (uint32_t index = 0; index < 100; ++index) {
    for (const Law& law : laws()) {
      Data data = odd_table(index);
      if (!law.groups) data.group.clear();
      const Options options = odd_options(index, !data.group.empty(), law);
      SCOPED_TRACE(fmt::format("law {}, table {}", law.name, index));
      try {
        expect_honest(law.fit(data, options), data.y.size());
        ++answered;
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::numeric) << e.what();
        EXPECT_EQ(std::string(e.what()).find("nan"), std::string::npos) << e.what();
      }
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(answered, 300) << "most of them can be answered";
}

}  // namespace
}  // namespace superpose::fit
