// SPDX-License-Identifier: Apache-2.0
// The toy step as it is written on paper: dense, in double. Slow on purpose; the fast engine is tested against it.
#include <Eigen/Dense>

#include "superpose/optimizer/optimizer.h"
#include "superpose/toy/engines.h"

namespace superpose::toy {
namespace {

using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class ReferenceEngine : public Engine {
 public:
  ReferenceEngine(const Resolved& run, const Workers& workers)
      : config_(run.config), n_(run.law.probability.size()), workers_(workers) {
    set(initial_weights(config_, workers), initial_biases(config_));
  }

  double step(const features::Batch& batch, int64_t step) override {
    const double value = gradient(batch, true);
    update(W_, weight_gradient_, moment1_, moment2_, config_.decay, config_.lr, step);
    update(b_, bias_gradient_, bias_moment1_, bias_moment2_, 0, config_.lr_bias, step);
    return value;
  }

  double loss(const features::Batch& batch) override { return gradient(batch, false); }

  Matrix<double> weight_gradient() const override { return copy(weight_gradient_); }
  std::vector<double> bias_gradient() const override { return {bias_gradient_.data(), bias_gradient_.data() + n_}; }
  Matrix<double> weights() const override { return copy(W_); }
  std::vector<double> biases() const override { return {b_.data(), b_.data() + n_}; }
  bool finite() const override { return W_.allFinite() && b_.allFinite(); }
  std::vector<StateArray> state() override {
    std::vector<StateArray> out;
    const auto add = [&](const char* name, Dense& x) {
      out.push_back(state_array(name, x.data(), static_cast<size_t>(x.size())));
    };
    add("W", W_), add("W.moment1", moment1_), add("W.moment2", moment2_);
    add("b", b_), add("b.moment1", bias_moment1_), add("b.moment2", bias_moment2_);
    return out;
  }

  void set(const Matrix<double>& W, const std::vector<double>& b) override {
    W_ = Eigen::Map<const Dense>(W.data(), W.rows(), W.cols());
    b_ = Eigen::Map<const Dense>(b.data(), 1, b.size());
    moment1_ = moment2_ = weight_gradient_ = Dense::Zero(W_.rows(), W_.cols());
    bias_moment1_ = bias_moment2_ = bias_gradient_ = Dense::Zero(1, b_.cols());
  }

 private:
  // h = xW; z = hWᵀ + b; y = ReLU(z); G = ∂(scale·mean (y-x)²)/∂z; ∂W = Gᵀh + xᵀ(GW); ∂b = column sums of G.
  double gradient(const features::Batch& batch, bool with_gradient) {
    Dense x = Dense::Zero(batch.samples, n_);
    for (size_t a = 0; a < batch.active.size(); ++a) {
      for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e)
        x(batch.sample[e], batch.active[a]) = batch.value[e];
    }
    const Dense h = x * W_;
    workers_.check();
    const Dense z = (h * W_.transpose()).rowwise() + b_.row(0);
    const Dense residual = z.cwiseMax(0.0) - x;
    workers_.check();
    if (with_gradient) {
      const double scale = 2 * config_.loss_scale / (static_cast<double>(batch.samples) * static_cast<double>(n_));
      const Dense G = (z.array() > 0).select(scale * residual, 0.0);
      weight_gradient_ = G.transpose() * h + x.transpose() * (G * W_);
      bias_gradient_ = G.colwise().sum();
    }
    return residual.squaredNorm() / static_cast<double>(batch.samples);
  }

  void update(Dense& parameter, const Dense& g, Dense& moment1, Dense& moment2, double gamma, double peak,
              int64_t step) {
    const double rate = optimizer::learning_rate({peak, config_.steps, config_.warmup, config_.lr_floor}, step);
    const auto view = [](auto& dense) {
      return MatrixView(dense.data(), static_cast<size_t>(dense.rows()), static_cast<size_t>(dense.cols()));
    };
    optimizer::adamw_reference(view(parameter), view(g), view(moment1), view(moment2), gamma,
                               optimizer::adam_step(rate, step), rate);
  }

  static Matrix<double> copy(const Dense& dense) {
    Matrix<double> out(static_cast<size_t>(dense.rows()), static_cast<size_t>(dense.cols()));
    std::copy(dense.data(), dense.data() + dense.size(), out.data());
    return out;
  }

  Config config_;
  size_t n_;
  Workers workers_;
  Dense W_, moment1_, moment2_, weight_gradient_;          // [n, m]
  Dense b_, bias_moment1_, bias_moment2_, bias_gradient_;  // [1, n]
};

}  // namespace

std::unique_ptr<Engine> make_reference_engine(const Resolved& run, const Workers& workers) {
  return std::make_unique<ReferenceEngine>(run, workers);
}

}  // namespace superpose::toy
