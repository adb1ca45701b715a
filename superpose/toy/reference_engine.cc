// SPDX-License-Identifier: Apache-2.0
// The toy step as it is written on paper: dense, in double. Slow on purpose; the fast engine is tested against it.
#include <Eigen/Dense>

#include "superpose/optimizer/optimizer.h"
#include "superpose/toy/engines.h"

namespace superpose::toy {
namespace {

using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A matrix in training: what the optimiser needs of it.
struct Parameter {
  Dense value, gradient, state1, state2;
  void set(const double* data, Eigen::Index rows, Eigen::Index cols) {
    value = Eigen::Map<const Dense>(data, rows, cols);
    gradient = state1 = state2 = Dense::Zero(rows, cols);
  }
};

class ReferenceEngine : public Engine {
 public:
  ReferenceEngine(const Resolved& run, const Workers& workers)
      : config_(run.config),
        n_(run.law.probability.size()),
        untied_(config_.decoder == "untied"),
        workers_(workers),
        importance_(Dense::Ones(1, static_cast<Eigen::Index>(n_))),
        rule_(optimizer::find_rule(config_.optimizer)),
        shape_(optimizer::schedule_shape(config_.schedule)) {
    for (size_t j = 0; j < n_; ++j) importance_(0, static_cast<Eigen::Index>(j)) = run.importance_of(j);
    set(initial_weights(config_, workers), initial_biases(config_));
    if (untied_) set_decoder(initial_decoder(config_, workers));
  }

  double step(const features::Batch& batch, int64_t step) override {
    const double value = gradient(batch, true);
    update(W_, config_.decay, config_.lr, step);
    if (untied_) update(decoder_, config_.decay, config_.lr, step);
    if (config_.bias) update(b_, 0, config_.lr_bias, step);
    return value;
  }

  double loss(const features::Batch& batch) override { return gradient(batch, false); }

  Matrix<double> weight_gradient() const override { return copy(W_.gradient); }
  std::vector<double> bias_gradient() const override { return {b_.gradient.data(), b_.gradient.data() + n_}; }
  Matrix<double> decoder_gradient() const override { return copy(decoder_.gradient); }
  Matrix<double> weights() const override { return copy(W_.value); }
  std::vector<double> biases() const override { return {b_.value.data(), b_.value.data() + n_}; }
  Matrix<double> decoder() const override { return copy(decoder_.value); }
  void set_decay(double gamma) override { config_.decay = gamma; }
  bool finite() const override { return W_.value.allFinite() && b_.value.allFinite() && decoder_.value.allFinite(); }
  std::vector<StateArray> state() override {
    std::vector<StateArray> out;
    const auto add = [&](const std::string& name, Parameter& p) {
      for (const auto& [part, x] : {std::pair{"", &p.value}, {".state1", &p.state1}, {".state2", &p.state2}})
        out.push_back(state_array(name + part, x->data(), static_cast<size_t>(x->size())));
    };
    add("W", W_), add("b", b_);
    if (untied_) add("W_dec", decoder_);
    return out;
  }

  void set(const Matrix<double>& W, const std::vector<double>& b) override {
    W_.set(W.data(), static_cast<Eigen::Index>(W.rows()), static_cast<Eigen::Index>(W.cols()));
    b_.set(b.data(), 1, static_cast<Eigen::Index>(b.size()));
  }
  void set_decoder(const Matrix<double>& decoder) override {
    decoder_.set(decoder.data(), static_cast<Eigen::Index>(decoder.rows()), static_cast<Eigen::Index>(decoder.cols()));
  }

 private:
  // With V the decoder (W if tied): h = xW; z = hVᵀ + b; y = f(z); G = ∂(scale·mean I(y-x)²)/∂z;
  // ∂V = Gᵀh, ∂W = xᵀ(GV), which add up when tied; ∂b = column sums of G.
  double gradient(const features::Batch& batch, bool with_gradient) {
    Dense x = Dense::Zero(batch.samples, n_);
    for (size_t a = 0; a < batch.active.size(); ++a) {
      for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e)
        x(batch.sample[e], batch.active[a]) = batch.value[e];
    }
    const bool linear = config_.activation == "linear";
    const Dense& V = untied_ ? decoder_.value : W_.value;
    const Dense h = x * W_.value;
    workers_.check();
    const Dense z = (h * V.transpose()).rowwise() + b_.value.row(0);
    const Dense residual = (linear ? z : Dense(z.cwiseMax(0.0))) - x;
    workers_.check();
    const Dense weighted = residual.array().rowwise() * importance_.row(0).array();
    if (with_gradient) {
      const double scale = 2 * config_.loss_scale / (static_cast<double>(batch.samples) * static_cast<double>(n_));
      Dense G = scale * weighted;
      if (!linear) G = (z.array() > 0).select(G, 0.0);
      W_.gradient = x.transpose() * (G * V);
      if (untied_) {
        decoder_.gradient = G.transpose() * h;
      } else {
        W_.gradient += G.transpose() * h;
      }
      b_.gradient = G.colwise().sum();
    }
    return weighted.cwiseProduct(residual).sum() / static_cast<double>(batch.samples);
  }

  void update(Parameter& parameter, double gamma, double peak, int64_t step) {
    const double rate = optimizer::learning_rate({peak, config_.steps, config_.warmup, config_.lr_floor, shape_}, step);
    const auto view = [](auto& dense) {
      return MatrixView(dense.data(), static_cast<size_t>(dense.rows()), static_cast<size_t>(dense.cols()));
    };
    rule_.reference({gamma, rate, step, config_.momentum}, view(parameter.value), view(parameter.gradient),
                    view(parameter.state1), view(parameter.state2));
  }

  static Matrix<double> copy(const Dense& dense) {
    Matrix<double> out(static_cast<size_t>(dense.rows()), static_cast<size_t>(dense.cols()));
    std::copy(dense.data(), dense.data() + dense.size(), out.data());
    return out;
  }

  Config config_;
  size_t n_;
  bool untied_;
  Workers workers_;
  Dense importance_;  // [1, n]
  const optimizer::Rule& rule_;
  optimizer::ScheduleShape shape_;
  Parameter W_;        // [n, m]
  Parameter decoder_;  // [n, m], empty when tied
  Parameter b_;        // [1, n]
};

}  // namespace

std::unique_ptr<Engine> make_reference_engine(const Resolved& run, const Workers& workers) {
  return std::make_unique<ReferenceEngine>(run, workers);
}

}  // namespace superpose::toy
