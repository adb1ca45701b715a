// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/dial.h"

#include <gtest/gtest.h>

#include <limits>

#include "superpose/base/error.h"
#include "superpose/study/toy_run.h"

namespace superpose::study {
namespace {

Json small_config() {
  return {{"features", 40}, {"dim", 5}, {"batch", 64}, {"steps", 300}, {"seed", 3}, {"decay", -1.0}};
}

TEST(Dial, left_alone_it_is_the_run_of_the_command_line) {
  const toy::Resolved run = toy::resolve(toy::config_from_json(small_config()));
  const Json expected = toy_result(run, toy::train(run));
  Dial dial(small_config());
  for (const int64_t steps : {1, 99, 0, 17, 1000}) {
    dial.advance(steps);
    dial.frame();  // looking changes nothing
  }
  const Json out = dial.frame();
  EXPECT_TRUE(out["done"].get<bool>());
  EXPECT_EQ(out["step"], 300);
  for (const char* name : {"loss", "eval_loss", "phi_half", "overlap_mean_square", "curve", "norm_histogram"})
    EXPECT_EQ(out[name], expected[name]) << name;
  EXPECT_TRUE(out["changes"].empty());
}

TEST(Dial, frames_before_the_first_step_and_between) {
  Dial dial(small_config());
  const Json first = dial.frame();
  EXPECT_EQ(first["schema"], "superpose.dial/1");
  EXPECT_TRUE(first["loss"].is_null());
  EXPECT_EQ(first["step"], 0);
  EXPECT_EQ(first["norms"].size(), 40u);
  EXPECT_EQ(first["picture"]["vectors"]["coordinates"][0].size(), 3u);
  dial.advance(10);
  const Json later = dial.frame();
  EXPECT_EQ(later["step"], 10);
  EXPECT_GT(later["loss"].get<double>(), 0);
  EXPECT_FALSE(later["done"].get<bool>());
  EXPECT_TRUE(later["eval_loss"].is_null());
}

TEST(Dial, turning_it_changes_what_follows_and_nothing_before) {
  Json config = small_config();
  config["steps"] = 2000;
  Dial turned(config), left(config);
  turned.advance(1000), left.advance(1000);
  EXPECT_EQ(turned.frame()["norms"], left.frame()["norms"]);
  turned.set_decay(1.0);
  turned.set_decay(0.9);  // before a step was made with the former
  turned.advance(1000), left.advance(1000);
  const Json out = turned.frame();
  EXPECT_EQ(out["changes"], Json::array({Json::array({1000, 0.9})}));
  EXPECT_EQ(out["decay"], 0.9);
  // γ < 0 keeps all rows near 1, γ > 0 lets the rare ones go.
  EXPECT_LT(out["phi_half"].get<double>(), left.frame()["phi_half"].get<double>() - 0.3);
}

TEST(Dial, a_run_that_diverges_says_so) {
  Json config = small_config();
  config["lr"] = 1e6;
  config["warmup"] = 0;
  Dial dial(config);
  dial.advance(300);
  const Json out = dial.frame();
  EXPECT_TRUE(out["diverged"].get<bool>());
  EXPECT_TRUE(dial.done());
  EXPECT_TRUE(out["picture"].is_null());
  dial.advance(10);  // nothing more happens
  EXPECT_EQ(dial.frame()["step"], out["step"]);
}

TEST(Dial, limits_and_mistakes_are_refused_with_a_reason) {
  Json config = small_config();
  config["batch"] = 1 << 30;
  EXPECT_THROW(Dial{config}, Error);
  config = small_config();
  config["law"] = "file:/etc/passwd";
  EXPECT_THROW(Dial{config}, Error);
  config = small_config();
  config["dims"] = 4;
  EXPECT_THROW(Dial{config}, Error);
  Dial dial(small_config());
  EXPECT_THROW(dial.set_decay(std::numeric_limits<double>::quiet_NaN()), Error);
  EXPECT_THROW(dial.set_decay(11), Error);
}

}  // namespace
}  // namespace superpose::study
