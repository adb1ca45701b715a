// SPDX-License-Identifier: Apache-2.0
// The toy step without the zeros: the exact minibatch gradient, at the cost of what is active.
//
// 1. A batch is a list of active entries. Samples without any are all alike: y = ReLU(b), counted once, times their
// number.
// 2. The pre-activation of a sample is a sum of few Gram rows: z = b + Σ_k v_k·G[i_k, :], G = W Wᵀ. Only the rows of
// the
//    features that occur in the batch are needed (A of them): one A×n×m product instead of B×n×m.
// 3. With D[i, j] = Σ_s x_si·∂L/∂z_sj, the gradient is ∂W = (D + Dᵀ) W. ∂L/∂z is zero wherever y = 0, which after the
// first
//    thousand steps is nearly everywhere, so row i of D is built in L1, its nonzeros listed, and both products done row
//    by row. While D is dense (the first steps, when b ~ N(0,1)) it is kept whole and the products are two GEMMs.
//
// Columns are cut into blocks of kBlock, whatever the number of threads; each block writes its own part of the gradient
// and partial sums that are added in block order. So threads change nothing in the result, and memory is O(A·kBlock +
// n·m).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>

#include "superpose/base/aligned.h"
#include "superpose/base/threads.h"
#include "superpose/kernels/kernels.h"
#include "superpose/optimizer/optimizer.h"
#include "superpose/toy/engines.h"

namespace superpose::toy {
namespace {

constexpr size_t kBlock = 1024;       // columns of G and D worked on at once; a multiple of kernels::kLanes
constexpr size_t kRowChunk = 512;     // rows per optimiser task
constexpr double kDenseAbove = 0.30;  // share of nonzeros in D above which two GEMMs beat the sparse rows (measured)

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point& mark) {
  const auto now = Clock::now();
  const double out = std::chrono::duration<double>(now - mark).count();
  mark = now;
  return out;
}

// The batch seen by sample: for s, the rows (indices into batch.active) and values of its entries.
struct BySample {
  std::vector<uint32_t> begin;  // [B + 1]
  std::vector<uint32_t> row;    // [entries]
  std::vector<float> value;     // [entries]
  std::vector<uint32_t> multi;  // samples with two entries or more
  std::vector<uint32_t> list;   // [B], position in `multi`; only meaningful for those
  size_t empty = 0;             // samples without entries

  uint32_t entries(uint32_t s) const { return begin[s + 1] - begin[s]; }

  void build(const features::Batch& batch) {
    begin.assign(batch.samples + 2, 0);
    for (const uint32_t s : batch.sample) ++begin[s + 2];
    multi.clear();
    list.resize(batch.samples);
    empty = 0;
    for (uint32_t s = 0; s < batch.samples; ++s) {
      const uint32_t count = begin[s + 2];
      empty += count == 0;
      if (count > 1) {
        list[s] = static_cast<uint32_t>(multi.size());
        multi.push_back(s);
      }
      begin[s + 2] += begin[s + 1];
    }
    row.resize(batch.sample.size());
    value.resize(batch.sample.size());
    for (uint32_t a = 0; a < batch.active.size(); ++a) {
      for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
        const uint32_t at = begin[batch.sample[e] + 1]++;
        row[at] = a;
        value[at] = batch.value[e];
      }
    }
    begin.pop_back();
  }
};

// What one block needs while it is worked on; kept between steps so that nothing is allocated in the loop.
struct Scratch {
  AlignedVector<float> gram;    // [A, width]
  AlignedVector<float> dense;   // [A, width], D, in dense steps
  AlignedVector<float> row;     // [width], a row of D
  std::vector<uint32_t> index;  // [width + lanes], nonzeros of that row
  std::vector<float> value;
  std::vector<uint32_t> out_index;  // positive outputs of the samples with several features, one list after the other
  std::vector<float> out_value;     // their residuals y - x
  std::vector<size_t> out_begin;    // [multi + 1]
  std::vector<float> single;        // values of one feature's single-feature samples
  std::vector<const float*> rows;
};

struct BlockSums {
  double loss = 0;  // Σ (y-x)², all samples, this block's columns
  size_t nonzeros = 0;
  double gram = 0, outputs = 0, backward = 0;  // seconds
};

class FastEngine : public Engine {
 public:
  FastEngine(const Resolved& run, int threads)
      : config_(run.config),
        n_(run.law.probability.size()),
        m_(static_cast<size_t>(run.config.dim)),
        stride_(kernels::pad(m_)),
        blocks_((n_ + kBlock - 1) / kBlock),
        padded_n_(kernels::pad(n_)),
        pool_(threads) {
    set(initial_weights(config_), initial_biases(config_));
  }

  double step(const features::Batch& batch, int64_t step) override {
    const double value = gradient(batch, true);
    auto mark = Clock::now();
    const optimizer::Schedule schedule{config_.lr, config_.steps, config_.warmup, config_.lr_floor};
    const double rate = optimizer::learning_rate(schedule, step);
    const auto adam = optimizer::adam_step(rate, step);
    const optimizer::FloatRows rows{W_.data(), gradient_.data(), moment1_.data(), moment2_.data(), stride_};
    pool_.parallel_for((n_ + kRowChunk - 1) / kRowChunk, [&](size_t chunk) {
      const size_t first = chunk * kRowChunk;
      optimizer::adamw_fast(rows, first, std::min(n_, first + kRowChunk), config_.decay, adam, rate);
    });
    const double bias_rate = rate * (config_.lr_bias / config_.lr);
    // The bias is one row of n; what pads it must stay negative, so it is set again after the step.
    optimizer::adamw_fast({b_.data(), bias_gradient_.data(), bias_moment1_.data(), bias_moment2_.data(), padded_n_}, 0,
                          1, 0, optimizer::adam_step(bias_rate, step), bias_rate);
    std::fill(b_.begin() + static_cast<std::ptrdiff_t>(n_), b_.end(), -1.0f);
    profile_.optimizer += seconds_since(mark);
    return value;
  }

  double loss(const features::Batch& batch) override { return gradient(batch, false); }

  Matrix<double> weight_gradient() const override { return unpadded(gradient_); }
  std::vector<double> bias_gradient() const override {
    return {bias_gradient_.begin(), bias_gradient_.begin() + signed_n()};
  }
  Matrix<double> weights() const override { return unpadded(W_); }
  std::vector<double> biases() const override { return {b_.begin(), b_.begin() + signed_n()}; }
  Matrix<double> decoder() const override { return {}; }
  Matrix<double> decoder_gradient() const override { return {}; }
  void set_decoder(const Matrix<double>&) override {}
  Profile profile() const override { return profile_; }

  bool finite() const override {
    double sum = 0;
    for (size_t i = 0; i < n_; ++i) sum += kernels::sum_squares(W_.data() + i * stride_, stride_);
    for (const float x : b_) sum += static_cast<double>(x) * x;
    return std::isfinite(sum);
  }

  void set(const Matrix<double>& W, const std::vector<double>& b) override {
    const size_t size = n_ * stride_;
    W_.assign(size, 0.0f);
    gradient_.assign(size, 0.0f);
    moment1_.assign(size, 0.0f);
    moment2_.assign(size, 0.0f);
    for (size_t i = 0; i < n_; ++i) {
      for (size_t k = 0; k < m_; ++k) W_[i * stride_ + k] = static_cast<float>(W(i, k));
    }
    b_.assign(padded_n_, -1.0f);
    std::transform(b.begin(), b.end(), b_.begin(), [](double x) { return static_cast<float>(x); });
    bias_gradient_.assign(padded_n_, 0.0f);
    bias_moment1_.assign(padded_n_, 0.0f);
    bias_moment2_.assign(padded_n_, 0.0f);
  }

 private:
  std::ptrdiff_t signed_n() const { return static_cast<std::ptrdiff_t>(n_); }

  double gradient(const features::Batch& batch, bool with_gradient) {
    by_sample_.build(batch);
    const size_t active = batch.active.size();
    gathered_.resize(active * stride_);
    for (size_t a = 0; a < active; ++a) {
      std::copy_n(W_.data() + batch.active[a] * stride_, stride_, gathered_.data() + a * stride_);
    }
    if (with_gradient) {
      partial_.assign(blocks_ * active * stride_, 0.0f);
      std::fill(gradient_.begin(), gradient_.end(), 0.0f);
    }
    std::fill(bias_gradient_.begin(), bias_gradient_.end(), 0.0f);
    sums_.assign(blocks_, {});
    pool_.parallel_for(blocks_, [&](size_t block) {
      auto scratch = take_scratch();
      sums_[block] = run_block(batch, block, with_gradient, *scratch);
      give_scratch(std::move(scratch));
    });
    BlockSums total;
    for (const BlockSums& s : sums_) {
      total.loss += s.loss;
      total.nonzeros += s.nonzeros;
      profile_.gram += s.gram;
      profile_.outputs += s.outputs;
      profile_.backward += s.backward;
    }
    if (with_gradient) {
      finish_gradient(batch);
      dense_step_ = static_cast<double>(total.nonzeros) > kDenseAbove * static_cast<double>(active * n_);
    }
    return total.loss / static_cast<double>(batch.samples);
  }

  // Adds the blocks' shares of D·W to the rows of the active features, and applies the factor 2·scale/(B·n).
  void finish_gradient(const features::Batch& batch) {
    const size_t active = batch.active.size();
    const float scale =
        static_cast<float>(2 * config_.loss_scale / (static_cast<double>(batch.samples) * static_cast<double>(n_)));
    for (size_t block = 0; block < blocks_; ++block) {
      for (size_t a = 0; a < active; ++a) {
        kernels::add_scaled(1.0f, partial_.data() + (block * active + a) * stride_,
                            gradient_.data() + batch.active[a] * stride_, stride_);
      }
    }
    for (float& g : gradient_) g *= scale;
    for (float& g : bias_gradient_) g *= scale;
  }

  BlockSums run_block(const features::Batch& batch, size_t block, bool with_gradient, Scratch& scratch) {
    auto mark = Clock::now();
    const size_t first = block * kBlock;
    const Columns columns{first, std::min(kBlock, n_ - first), kernels::pad(std::min(kBlock, n_ - first))};
    const size_t active = batch.active.size();
    BlockSums sums;
    scratch.gram.resize(active * columns.padded);
    for (size_t a = 0; a < active; ++a) {  // the padding beyond the last column must be zero
      std::fill_n(scratch.gram.data() + a * columns.padded + columns.count, columns.padded - columns.count, 0.0f);
    }
    kernels::gemm_nt({active, columns.count, m_, gathered_.data(), stride_, W_.data() + first * stride_, stride_,
                      scratch.gram.data(), columns.padded});
    sums.gram = seconds_since(mark);

    empty_samples(columns, sums);
    several_features(batch, columns, scratch, sums);
    if (dense_step_ && with_gradient) scratch.dense.assign(active * columns.padded, 0.0f);
    for (size_t a = 0; a < active; ++a) one_feature(batch, a, block, columns, with_gradient, scratch, sums);
    sums.outputs = seconds_since(mark);

    if (dense_step_ && with_gradient) {
      kernels::gemm_nn({active, stride_, columns.count, scratch.dense.data(), columns.padded,
                        W_.data() + first * stride_, stride_, partial_.data() + block * active * stride_, stride_});
      kernels::gemm_tn({columns.count, stride_, active, scratch.dense.data(), columns.padded, gathered_.data(), stride_,
                        gradient_.data() + first * stride_, stride_});
      sums.backward = seconds_since(mark);
    }
    return sums;
  }

  struct Columns {
    size_t first, count, padded;
    bool contain(uint32_t j) const { return j >= first && j < first + count; }
  };

  void empty_samples(const Columns& columns, BlockSums& sums) {
    const double times = static_cast<double>(by_sample_.empty);
    double square = 0;
    for (size_t j = columns.first; j < columns.first + columns.count; ++j) {
      const float y = std::max(0.0f, b_[j]);
      square += static_cast<double>(y) * y;
      bias_gradient_[j] += static_cast<float>(times * y);
    }
    sums.loss += times * square;
  }

  // Samples with two features or more: lists of (column, residual) for every positive output.
  void several_features(const features::Batch& batch, const Columns& columns, Scratch& scratch, BlockSums& sums) {
    scratch.out_begin.assign(1, 0);
    size_t used = 0;
    for (const uint32_t s : by_sample_.multi) {
      const uint32_t begin = by_sample_.begin[s], count = by_sample_.entries(s);
      scratch.rows.clear();
      for (uint32_t k = begin; k < begin + count; ++k) {
        scratch.rows.push_back(scratch.gram.data() + by_sample_.row[k] * columns.padded);
      }
      if (scratch.out_index.size() < used + columns.padded + kernels::kLanes) {
        scratch.out_index.resize(2 * used + columns.padded + kernels::kLanes);
        scratch.out_value.resize(scratch.out_index.size());
      }
      uint32_t* index = scratch.out_index.data() + used;
      float* residual = scratch.out_value.data() + used;
      const size_t positive = kernels::relu_sum(
          {scratch.rows.data(), by_sample_.value.data() + begin, count, b_.data() + columns.first, columns.padded},
          index, residual, &sums.loss);
      for (uint32_t k = begin; k < begin + count; ++k) {
        const uint32_t j = batch.active[by_sample_.row[k]];
        if (!columns.contain(j)) continue;
        const double x = by_sample_.value[k];
        sums.loss += x * x;
        const auto local = static_cast<uint32_t>(j - columns.first);
        uint32_t* const found = std::lower_bound(index, index + positive, local);
        if (found == index + positive || *found != local) continue;
        float& y = residual[found - index];
        sums.loss -= 2 * x * static_cast<double>(y);
        y -= by_sample_.value[k];
      }
      for (size_t t = 0; t < positive; ++t) bias_gradient_[columns.first + index[t]] += residual[t];
      used += positive;
      scratch.out_begin.push_back(used);
    }
  }

  // Row a of D from all samples that have the feature, and its share of the gradient.
  void one_feature(const features::Batch& batch, size_t a, size_t block, const Columns& columns, bool with_gradient,
                   Scratch& scratch, BlockSums& sums) {
    float* row = dense_step_ && with_gradient ? scratch.dense.data() + a * columns.padded : scratch.row.data();
    scratch.single.clear();
    for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
      const uint32_t s = batch.sample[e];
      const float v = batch.value[e];
      if (by_sample_.entries(s) == 1) {
        scratch.single.push_back(v);
      } else if (with_gradient) {
        const uint32_t list = by_sample_.list[s];
        for (size_t t = scratch.out_begin[list]; t < scratch.out_begin[list + 1]; ++t) {
          row[scratch.out_index[t]] += v * scratch.out_value[t];
        }
      }
    }
    const float* g = scratch.gram.data() + a * columns.padded;
    sums.loss += kernels::relu_rank1(g, b_.data() + columns.first, columns.padded, scratch.single.data(),
                                     scratch.single.size(), row, bias_gradient_.data() + columns.first);
    if (const uint32_t j = batch.active[a]; columns.contain(j)) {
      const size_t local = j - columns.first;
      for (const float v : scratch.single) {  // the target: y_j - x_j instead of y_j
        const float z = std::fma(v, g[local], b_[j]);
        sums.loss += static_cast<double>(v) * v;
        if (!(z > 0)) continue;
        sums.loss -= 2.0 * v * z;
        row[local] -= v * v;
        bias_gradient_[j] -= v;
      }
    }
    if (!with_gradient) {
      std::fill(scratch.row.begin(), scratch.row.end(), 0.0f);
    } else if (dense_step_) {
      sums.nonzeros += columns.padded - static_cast<size_t>(std::count(row, row + columns.padded, 0.0f));
    } else {
      const size_t count = kernels::take_nonzero(row, columns.padded, scratch.index.data(), scratch.value.data());
      sums.nonzeros += count;
      kernels::sparse_rows({W_.data() + columns.first * stride_, gradient_.data() + columns.first * stride_, stride_,
                            scratch.index.data(), scratch.value.data(), count},
                           gathered_.data() + a * stride_,
                           partial_.data() + (block * batch.active.size() + a) * stride_);
    }
  }

  std::unique_ptr<Scratch> take_scratch() {
    const std::lock_guard lock(scratch_mutex_);
    if (!free_scratch_.empty()) {
      auto out = std::move(free_scratch_.back());
      free_scratch_.pop_back();
      return out;
    }
    auto out = std::make_unique<Scratch>();
    out->row.assign(kBlock, 0.0f);
    out->index.resize(kBlock + kernels::kLanes);
    out->value.resize(kBlock + kernels::kLanes);
    return out;
  }
  void give_scratch(std::unique_ptr<Scratch> scratch) {
    const std::lock_guard lock(scratch_mutex_);
    free_scratch_.push_back(std::move(scratch));
  }

  Matrix<double> unpadded(const AlignedVector<float>& padded) const {
    Matrix<double> out(n_, m_);
    for (size_t i = 0; i < n_; ++i)
      std::copy_n(padded.begin() + static_cast<std::ptrdiff_t>(i * stride_), m_, out.row(i).begin());
    return out;
  }

  Config config_;
  size_t n_, m_, stride_, blocks_, padded_n_;
  ThreadPool pool_;
  AlignedVector<float> W_, gradient_, moment1_, moment2_;                 // [n, stride]
  AlignedVector<float> b_, bias_gradient_, bias_moment1_, bias_moment2_;  // [padded n]
  AlignedVector<float> gathered_;                                         // [A, stride], rows of W that are active
  AlignedVector<float> partial_;                                          // [blocks, A, stride], shares of D·W
  BySample by_sample_;
  std::vector<BlockSums> sums_;
  std::mutex scratch_mutex_;
  std::vector<std::unique_ptr<Scratch>> free_scratch_;
  bool dense_step_ = true;  // is D kept whole in the next step? Decided by the last one's share of nonzeros
  Profile profile_;
};

}  // namespace

std::unique_ptr<Engine> make_fast_engine(const Resolved& run, int threads) {
  return std::make_unique<FastEngine>(run, threads);
}

}  // namespace superpose::toy
