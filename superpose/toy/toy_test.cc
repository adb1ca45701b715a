// SPDX-License-Identifier: Apache-2.0
#include "superpose/toy/toy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "superpose/base/error.h"
#include "superpose/toy/engines.h"

namespace superpose::toy {
namespace {

struct Shape {
  int64_t n, m, batch;
  double density;
  double decay;
  const char* law = "power:1";
};
// n = 1, m = 1, m > n, E = n (every feature always on), nearly empty batches, n around the vector width and the block
// width (1024), steep and flat laws, both signs of the dial.
const Shape kShapes[] = {
    {1, 1, 4, 1.0, -1},
    {1, 3, 1, 0.5, 0.5},
    {2, 1, 7, 2.0, -1},
    {5, 2, 64, 1.0, 0},
    {16, 15, 33, 16, -0.5556},
    {17, 16, 128, 1.0, 1},
    {15, 40, 64, 3.0, -1},
    {33, 7, 1, 1e-3, -1},
    {64, 10, 256, 1.0, 0.3333},
    {100, 17, 512, 7.5, -1},
    {200, 33, 64, 1.0, -1},
    {1000, 10, 256, 1.0, -1, "power:2"},
    {1024, 5, 64, 1.0, 0.1},
    {1030, 12, 128, 2.0, -1, "uniform"},
    {2100, 9, 64, 4.0, -1, "linear"},
};

Config config_of(const Shape& s, const char* engine) {
  Config c;
  c.features = s.n;
  c.dim = s.m;
  c.batch = s.batch;
  c.density = s.density;
  c.decay = s.decay;
  c.law = s.law;
  c.steps = 40;
  c.engine = engine;
  c.seed = 4;
  return c;
}

double max_abs(const std::vector<double>& x) {
  double out = 0;
  for (const double value : x) out = std::max(out, std::fabs(value));
  return out;
}
std::vector<double> flat(const Matrix<double>& M) { return {M.data(), M.data() + M.rows() * M.cols()}; }
double max_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out = std::max(out, std::fabs(a[i] - b[i]));
  return out;
}

TEST(ReferenceEngine, gradient_agrees_with_central_differences) {
  for (const Shape& s :
       {Shape{5, 3, 40, 2.0, -1}, Shape{1, 1, 8, 1.0, 0}, Shape{8, 2, 30, 8.0, 1}, Shape{6, 9, 25, 1.0, -1}}) {
    Config config = config_of(s, "reference");
    config.loss_scale = 3;
    const Resolved run = resolve(config);
    features::Batch batch;
    features::Sampler(run.law).draw(9, RandomStream::training_data, 0, static_cast<uint32_t>(s.batch), batch);
    const auto engine = make_engine(run);
    const auto W = engine->weights();
    const auto b = engine->biases();
    engine->step(batch, 0);
    const auto dW = engine->weight_gradient();
    const auto db = engine->bias_gradient();
    const double to_objective = 3.0 / static_cast<double>(s.n);  // what is differentiated is scale·L/n
    constexpr double kH = 1e-6;
    for (size_t i = 0; i < W.rows(); ++i) {
      for (size_t k = 0; k <= W.cols(); ++k) {  // k = cols: the bias
        const auto loss_at = [&](double h) {
          auto W2 = W;
          auto b2 = b;
          (k < W.cols() ? W2(i, k) : b2[i]) += h;
          engine->set(W2, b2);
          return engine->loss(batch) * to_objective;
        };
        const double difference = (loss_at(kH) - loss_at(-kH)) / (2 * kH);
        // A ReLU that switches within ±h would show as an error of order h·gradient; the bound allows for rounding
        // only.
        EXPECT_NEAR(k < W.cols() ? dW(i, k) : db[i], difference, 1e-7) << s.n << " " << i << " " << k;
      }
    }
  }
}

// Both engines see the same batches. Their weights are set equal before each step, so what is compared is one step:
// the loss, the gradient and the update, from the first step on (dense outputs) to a trained model (sparse ones).
TEST(FastEngine, agrees_with_the_reference_step_by_step) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(testing::Message() << "n=" << s.n << " m=" << s.m << " B=" << s.batch << " E=" << s.density);
    const Resolved slow_run = resolve(config_of(s, "reference")), fast_run = resolve(config_of(s, "fast"));
    const auto slow = make_engine(slow_run);
    const auto fast = make_engine(fast_run);
    EXPECT_LT(max_difference(flat(slow->weights()), flat(fast->weights())), 1e-6);
    const features::Sampler sampler(slow_run.law);
    features::Batch batch;
    for (int64_t step = 0; step < 40; ++step) {
      sampler.draw(1, RandomStream::training_data, static_cast<uint32_t>(step), static_cast<uint32_t>(s.batch), batch);
      const double expected = slow->loss(batch);
      EXPECT_NEAR(fast->loss(batch), expected, 2e-4 * (1 + expected)) << step;
      EXPECT_NEAR(fast->step(batch, step), slow->step(batch, step), 2e-4 * (1 + expected)) << step;
      const auto slow_dW = flat(slow->weight_gradient());
      const auto slow_db = slow->bias_gradient();
      // Float against double along a common path: the gap grows by Adam's sign-like steps, so allow 1 % of the largest
      // entry plus the float resolution. A missing term would be of the order of the entry itself.
      EXPECT_LT(max_difference(flat(fast->weight_gradient()), slow_dW), 1e-2 * max_abs(slow_dW) + 1e-9) << step;
      EXPECT_LT(max_difference(fast->bias_gradient(), slow_db), 1e-2 * max_abs(slow_db) + 1e-9) << step;
      if (testing::Test::HasFailure()) return;
    }
  }
}

// At exactly equal weights (float values in both engines) the gradients must agree to float rounding: this is the sharp
// test.
TEST(FastEngine, gradient_at_equal_weights_is_exact_to_float_rounding) {
  for (const Shape& s : kShapes) {
    for (const double bias : {-0.2, 0.0, 5.0}) {  // mostly silent, mixed, all outputs positive
      SCOPED_TRACE(testing::Message() << "n=" << s.n << " m=" << s.m << " B=" << s.batch << " b=" << bias);
      const Resolved slow_run = resolve(config_of(s, "reference")), fast_run = resolve(config_of(s, "fast"));
      const auto slow = make_engine(slow_run);
      const auto fast = make_engine(fast_run);
      auto W = slow->weights();
      for (size_t k = 0; k < W.rows() * W.cols(); ++k) W.data()[k] = static_cast<float>(W.data()[k]);
      const std::vector<double> b(static_cast<size_t>(s.n), static_cast<float>(bias));
      features::Batch batch;
      features::Sampler(slow_run.law).draw(2, RandomStream::training_data, 0, static_cast<uint32_t>(s.batch), batch);
      for (int repeat = 0; repeat < 2; ++repeat) {  // first with D dense; then, where outputs are silent, sparse
        slow->set(W, b);
        fast->set(W, b);
        const double loss = slow->step(batch, 0);
        EXPECT_NEAR(fast->step(batch, 0), loss, 1e-5 * (1 + loss));
        const auto dW = flat(slow->weight_gradient());
        const auto db = slow->bias_gradient();
        // Float sums of up to 2048 terms: 2e-5 of the largest entry.
        EXPECT_LT(max_difference(flat(fast->weight_gradient()), dW), 2e-5 * max_abs(dW) + 1e-12);
        EXPECT_LT(max_difference(fast->bias_gradient(), db), 2e-5 * max_abs(db) + 1e-12);
      }
    }
  }
}

TEST(FastEngine, both_ways_to_the_outputs_give_the_same_gradient) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(testing::Message() << "n=" << s.n << " m=" << s.m << " B=" << s.batch << " E=" << s.density);
    const Resolved run = resolve(config_of(s, "fast"));
    const auto gram = make_fast_engine(run, {}, Way::gram), hidden = make_fast_engine(run, {}, Way::hidden);
    features::Batch batch;
    features::Sampler(run.law).draw(2, RandomStream::training_data, 0, static_cast<uint32_t>(s.batch), batch);
    const double loss = gram->step(batch, 0);
    EXPECT_NEAR(hidden->step(batch, 0), loss, 1e-5 * (1 + loss));
    const auto dW = flat(gram->weight_gradient());
    EXPECT_LT(max_difference(flat(hidden->weight_gradient()), dW), 2e-5 * max_abs(dW) + 1e-12);
  }
}

TEST(FastEngine, empty_batches_and_zero_steps_of_data_do_no_harm) {
  Config config = config_of({50, 5, 8, 1e-9, -1}, "fast");
  const Resolved run = resolve(config);
  const Result result = train(run);
  EXPECT_FALSE(result.diverged);
  EXPECT_TRUE(std::isfinite(*result.loss));
  EXPECT_EQ(result.steps_done, 40);
}

TEST(Train, same_seed_gives_identical_weights_for_any_number_of_threads) {
  Config config = config_of({2500, 20, 128, 2.0, -1}, "fast");
  config.steps = 60;
  const Resolved run = resolve(config);
  const Result one = train(run, {.threads = 1});
  for (const int threads : {2, 3, 8}) {
    const Result many = train(run, {.threads = threads});
    EXPECT_TRUE(std::equal(one.W.data(), one.W.data() + 2500 * 20, many.W.data()));
    EXPECT_EQ(one.b, many.b);
    EXPECT_EQ(*one.loss, *many.loss);
    EXPECT_EQ(*one.eval_loss, *many.eval_loss);
  }
  config.seed = 5;
  const Result other = train(resolve(config));
  EXPECT_FALSE(std::equal(one.W.data(), one.W.data() + 2500 * 20, other.W.data()));
}

TEST(Train, initialisation_has_the_moments_of_the_protocol) {
  Config config;
  config.features = 2000;
  config.dim = 25;
  const auto W = initial_weights(config);
  const auto b = initial_biases(config);
  double square = 0, bias_square = 0;
  for (size_t k = 0; k < 2000 * 25; ++k) square += W.data()[k] * W.data()[k];
  for (const double x : b) bias_square += x * x;
  // Sums of squares of N normals: relative standard deviation sqrt(2/N); 5 of them, fixed seed.
  EXPECT_NEAR(square / 2000, 1, 5 * std::sqrt(2.0 / 50000));
  EXPECT_NEAR(bias_square / 2000, 1, 5 * std::sqrt(2.0 / 2000));
}

TEST(Train, an_orthonormal_model_with_room_learns_everything) {
  Config config = config_of({4, 8, 256, 1.0, 0}, "fast");
  config.law = "uniform";
  config.steps = 2000;
  const Result result = train(resolve(config));
  EXPECT_LT(*result.eval_loss, 0.01);  // m > n: nothing has to overlap, the loss goes to zero
  EXPECT_EQ(result.curve.back().first, 2000);
  EXPECT_GT(result.curve.front().second, 10 * *result.loss);
}

TEST(Train, explosion_is_a_result_and_not_a_crash) {
  for (const char* engine : {"fast", "reference"}) {
    Config config = config_of({50, 5, 64, 1.0, -1}, engine);
    config.lr = 1e12;
    config.steps = 300;
    const Result result = train(resolve(config));
    EXPECT_TRUE(result.diverged);
    EXPECT_GE(result.diverged_at, 0);
    EXPECT_LT(result.diverged_at, 300);
    EXPECT_FALSE(result.loss.has_value());
    EXPECT_FALSE(result.eval_loss.has_value());
  }
}

TEST(Train, can_be_cancelled) {
  const std::atomic<bool> stop = true;
  EXPECT_THROW(train(resolve(config_of({50, 5, 64, 1.0, -1}, "fast")), {.cancelled = &stop}), Cancelled);
}

TEST(Config, names_all_problems_at_once_and_the_nearest_field) {
  Config bad;
  bad.dim = 0;
  bad.batch = -3;
  bad.lr = std::nan("");
  bad.engine = "fastt";
  bad.law = "powr:1";
  try {
    validate(bad);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::usage);
    const std::string text = e.what();
    for (const char* part : {"dim = 0", "batch = -3", "lr = nan", "did you mean fast", "did you mean power"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    }
  }
  try {
    config_from_json(Json{{"dimm", 3}, {"steps", "many"}, {"seed", 1.5}});
    FAIL();
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("did you mean dim"), std::string::npos) << text;
    EXPECT_NE(text.find("steps = \"many\": expected an integer"), std::string::npos) << text;
    EXPECT_NE(text.find("seed = 1.5"), std::string::npos) << text;
  }
}

TEST(Config, json_round_trip_and_resolution) {
  Config config;
  config.decay = -5.0 / 9;
  config.law = "power:0.125";
  const Resolved run = resolve(config);
  EXPECT_EQ(run.config.features, 1000);
  EXPECT_EQ(run.config.lr_bias, 0.01);
  EXPECT_EQ(to_json(config_from_json(run.json)), run.json);
  EXPECT_EQ(config_from_json(Json{{"steps", 2e4}}).steps, 20000);
  EXPECT_THROW(resolve(config_from_json(Json{{"features", 3}, {"density", 5}})), Error);
  for (const char* name : {"features", "decay", "loss_scale"}) EXPECT_TRUE(run.json.contains(name));
}

// Each extension alone, and all that can be combined at once.
struct Extension {
  const char* name;
  std::vector<std::pair<const char*, Json>> fields;
  bool fast = true;  // does the fast engine take it?
};
const std::vector<Extension>& extensions() {
  static const std::vector<Extension> all{
      {"untied", {{"decoder", "untied"}}},
      {"importance", {{"importance", "geometric:0.8"}}},
      {"growing importance", {{"importance", "geometric:1.3"}}},
      {"no bias", {{"bias", false}}},
      {"zero bias", {{"bias_init", "zero"}}},
      {"negative values", {{"values", "uniform:-1:1"}}},
      {"constant values", {{"values", "constant"}}},
      {"exponential values", {{"values", "exponential"}}},
      {"together", {{"correlation", "together:3"}}},
      {"exclusive", {{"correlation", "exclusive:2"}}},
      {"sgd", {{"optimizer", "sgd"}, {"momentum", 0.5}, {"lr", 0.1}}},
      {"lion", {{"optimizer", "lion"}, {"schedule", "wsd"}}},
      {"all",
       {{"decoder", "untied"},
        {"importance", "geometric:0.9"},
        {"values", "halfnormal"},
        {"correlation", "together:2"},
        {"optimizer", "sgd"},
        {"schedule", "linear"}}},
      {"linear", {{"activation", "linear"}}, false},
      {"linear untied", {{"activation", "linear"}, {"decoder", "untied"}, {"importance", "geometric:0.7"}}, false},
  };
  return all;
}

Resolved resolved(Shape shape, const Extension& extension, const char* engine) {
  // An exclusive group cannot be present with more than probability 1.
  if (std::string_view(extension.name) == "exclusive")
    shape.density = std::min(shape.density, 0.4), shape.law = "uniform";
  Json json = to_json(config_of(shape, engine));
  for (const auto& [field, value] : extension.fields) json[field] = value;
  return resolve(config_from_json(json));
}

TEST(ReferenceEngine, gradient_of_each_extension_agrees_with_central_differences) {
  for (const Extension& extension : extensions()) {
    for (const Shape& s : {Shape{5, 3, 40, 2.0, -1}, Shape{6, 9, 25, 6.0, 1}}) {
      SCOPED_TRACE(testing::Message() << extension.name << " n=" << s.n);
      const Resolved run = resolved(s, extension, "reference");
      features::Batch batch;
      make_sampler(run).draw(9, RandomStream::training_data, 0, static_cast<uint32_t>(s.batch), batch);
      const auto engine = make_engine(run);
      const bool untied = run.config.decoder == "untied";
      const auto W = engine->weights();
      const auto V = untied ? engine->decoder() : Matrix<double>();
      const auto b = engine->biases();
      engine->step(batch, 0);
      const auto dW = engine->weight_gradient(), dV = untied ? engine->decoder_gradient() : Matrix<double>();
      const auto db = engine->bias_gradient();
      const auto difference = [&](auto&& nudge) {
        constexpr double kH = 1e-6;
        double sides[2];
        for (const int side : {0, 1}) {
          auto W2 = W, V2 = V;
          auto b2 = b;
          nudge(W2, V2, b2, side ? kH : -kH);
          engine->set(W2, b2);
          if (untied) engine->set_decoder(V2);
          sides[side] = engine->loss(batch) / static_cast<double>(s.n);
        }
        return (sides[1] - sides[0]) / (2 * kH);
      };
      for (size_t i = 0; i < W.rows(); ++i) {
        for (size_t k = 0; k < W.cols(); ++k) {
          EXPECT_NEAR(dW(i, k), difference([&](auto& W2, auto&, auto&, double h) { W2(i, k) += h; }), 1e-7);
          if (untied) {
            EXPECT_NEAR(dV(i, k), difference([&](auto&, auto& V2, auto&, double h) { V2(i, k) += h; }), 1e-7);
          }
        }
        EXPECT_NEAR(db[i], difference([&](auto&, auto&, auto& b2, double h) { b2[i] += h; }), 1e-7);
      }
    }
  }
}

TEST(ReferenceEngine, a_bias_that_is_switched_off_stays_zero) {
  for (const char* engine : {"reference", "fast"}) {
    const Result result = train(resolved({20, 4, 64, 2, -1}, {"", {{"bias", false}}}, engine));
    for (const float b : result.b) EXPECT_EQ(b, 0.0f) << engine;
  }
}

TEST(FastEngine, gradient_of_each_extension_is_exact_to_float_rounding) {
  for (const Extension& extension : extensions()) {
    if (!extension.fast) continue;
    for (const Shape& s : kShapes) {
      if (s.n > 1100 || (s.n > 200 && extension.fields[0].first == std::string_view("importance"))) continue;
      SCOPED_TRACE(testing::Message() << extension.name << " n=" << s.n << " m=" << s.m << " B=" << s.batch);
      const Resolved slow_run = resolved(s, extension, "reference"), fast_run = resolved(s, extension, "fast");
      const bool untied = slow_run.config.decoder == "untied";
      const auto slow = make_engine(slow_run);
      const auto fast = make_engine(fast_run);
      const auto in_float = [](Matrix<double> M) {
        for (size_t k = 0; k < M.rows() * M.cols(); ++k) M.data()[k] = static_cast<float>(M.data()[k]);
        return M;
      };
      const auto W = in_float(slow->weights());
      const auto V = untied ? in_float(slow->decoder()) : Matrix<double>();
      for (const double bias : {-0.2, 0.5}) {
        const std::vector<double> b(static_cast<size_t>(s.n), static_cast<float>(bias));
        features::Batch batch;
        make_sampler(slow_run).draw(2, RandomStream::training_data, 0, static_cast<uint32_t>(s.batch), batch);
        for (int repeat = 0; repeat < 2; ++repeat) {
          for (const auto& engine : {slow.get(), fast.get()}) {
            engine->set(W, b);
            if (untied) engine->set_decoder(V);
          }
          const double loss = slow->step(batch, 0);
          EXPECT_NEAR(fast->step(batch, 0), loss, 2e-5 * (1 + loss));
          const auto expect_near = [&](const std::vector<double>& a, const std::vector<double>& expected) {
            EXPECT_LT(max_difference(a, expected), 4e-5 * max_abs(expected) + 1e-12);
          };
          expect_near(flat(fast->weight_gradient()), flat(slow->weight_gradient()));
          expect_near(fast->bias_gradient(), slow->bias_gradient());
          if (untied) expect_near(flat(fast->decoder_gradient()), flat(slow->decoder_gradient()));
        }
      }
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(Train, engines_follow_each_other_under_every_optimizer_and_schedule) {
  for (const char* rule : {"adamw", "sgd", "lion"}) {
    for (const char* schedule : {"cosine", "constant", "linear", "wsd"}) {
      const Extension extension{"", {{"optimizer", rule}, {"schedule", schedule}, {"decoder", "untied"}}};
      const auto slow = make_engine(resolved({30, 5, 64, 2, -1}, extension, "reference"));
      const Resolved run = resolved({30, 5, 64, 2, -1}, extension, "fast");
      const auto fast = make_engine(run);
      features::Batch batch;
      for (int64_t step = 0; step < 5; ++step) {
        make_sampler(run).draw(1, RandomStream::training_data, static_cast<uint32_t>(step), 64, batch);
        slow->step(batch, step);
        fast->step(batch, step);
      }
      // Sign-like steps of size lr: a sign that float decides otherwise would cost 2·lr = .02 in one entry.
      EXPECT_LT(max_difference(flat(slow->weights()), flat(fast->weights())), 1e-4) << rule << " " << schedule;
      EXPECT_LT(max_difference(flat(slow->decoder()), flat(fast->decoder())), 1e-4) << rule << " " << schedule;
      EXPECT_LT(max_difference(slow->biases(), fast->biases()), 1e-4) << rule << " " << schedule;
    }
  }
}

TEST(Config, extensions_at_their_default_change_nothing_that_identifies_a_run) {
  const Resolved plain = resolve(Config{});
  EXPECT_EQ(plain.identity.size(), 14u);  // the fields of the first version
  EXPECT_TRUE(plain.json.contains("values") && !plain.identity.contains("values"));
  EXPECT_EQ(whole_config(plain.identity), plain.json);
  EXPECT_EQ(to_json(config_from_json(plain.identity)), plain.json);
  Config other;
  other.values = "uniform:0:2.0";  // another spelling of the default
  EXPECT_EQ(resolve(other).identity, plain.identity);
  other.values = "constant";
  EXPECT_EQ(resolve(other).identity.at("values"), "constant:1");
  EXPECT_EQ(resolve(other).identity.size(), 15u);
  EXPECT_EQ(whole_config(Json{{"x", 1}}), (Json{{"x", 1}}));
}

TEST(Config, wrong_extensions_are_all_named) {
  try {
    config_from_json(Json{{"values", "unifrm:0:2"},
                          {"importance", "geometric:-1"},
                          {"decoder", "tide"},
                          {"activation", "linear"},
                          {"correlation", "together"},
                          {"bias_init", "one"},
                          {"optimizer", "adamww"},
                          {"momentum", 0.5},
                          {"schedule", "step"}});
    FAIL();
  } catch (const Error& e) {
    const std::string text = e.what();
    for (const char* part :
         {"did you mean uniform", "geometric:R with R > 0", "did you mean tied", "--engine reference", "together:K",
          "bias_init = one: expected normal or zero", "did you mean adamw", "momentum = 0.5",
          "schedule = step: expected cosine, constant, linear or wsd"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    }
  }
  EXPECT_THROW(config_from_json(Json{{"bias", 1}}), Error);
  EXPECT_THROW(config_from_json(Json{{"optimizer", "sgd"}, {"momentum", 1}}), Error);
  EXPECT_THROW(resolve(config_from_json(Json{{"importance", "geometric:2"}})), Error);  // 2^999 is no weight
}

}  // namespace
}  // namespace superpose::toy
