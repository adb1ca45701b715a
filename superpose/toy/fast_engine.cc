// SPDX-License-Identifier: Apache-2.0
// The toy step without the zeros: the exact minibatch gradient, at the cost of what is active.
//
// 1. A batch becomes a list of rows. Samples without any feature are all alike: y = ReLU(b), counted once, times their
//    number. Samples that have one and the same feature only are one row, a group. Every other sample is a row.
// 2. Row r has a hidden vector h_r (Σ v_k·W_k over the features of a sample; W_i for a group) and needs z = b + W h.
//    The Gram way takes rows of G = W Wᵀ for the A features that occur, one A×n×m product, and adds a few of them for
//    each sample. The hidden way multiplies the h_r themselves, an R×n×m product: cheaper when samples have many
//    features. `plan` chooses by counting both.
// 3. ∂L/∂z is zero wherever y = 0, which after the first thousand steps is nearly everywhere. So the outputs of a row
//    are a short list δ_r of (column, residual), and the gradient is
//        ∂W = Σ_r δ_r ⊗ h_r  +  u_r scattered to the features of r,       u_r = Wᵀ δ_r
//    by walking the lists. Where most biases are positive (the first steps, when b ~ N(0,1)) lists are long: then
//    D[i, j] = Σ_s x_si·δ_sj is added up for the A features, and ∂W = (D + Dᵀ) W by two products of full matrices.
//
// The relatives of the paper's model are the same machinery on other arrays: V, what z and u are made with, is W, or
// W_dec when untied; then δ ⊗ h is the gradient of V and u that of W. Importance: ReLU(cz) = c·ReLU(z), so rows of V,
// biases and targets are multiplied by √I_j, the loss is Σ (y' - x')², and δ ⊗ h gets the factor √I_j back.
//
// Columns are cut into tiles, rows into tasks, by sizes alone. Threads share the tasks of a tile (rows are exclusive:
// lists, u) and then the tiles (columns are exclusive: δ ⊗ h), so they change nothing in the result. Memory: a few
// arrays of n·m for the parameters, the gradient and Adam, and the tiles' A·(columns of a tile).
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

#include "superpose/base/aligned.h"
#include "superpose/base/threads.h"
#include "superpose/kernels/kernels.h"
#include "superpose/optimizer/optimizer.h"
#include "superpose/toy/engines.h"

namespace superpose::toy {
namespace {

constexpr size_t kTileFloats = 160 * 1024;  // of G in one tile: what a core's second cache holds beside the rest
constexpr size_t kTileMin = 256, kTileMax = 4096;
constexpr size_t kTaskRows = 64;      // rows of one task
constexpr size_t kGemmRows = 96;      // rows of one product
constexpr size_t kChunk = 512;        // features of one optimiser task
constexpr double kDenseAbove = 0.30;  // share of positive biases above which full products beat the lists (measured)
constexpr double kRowPassCost = 10;   // adding a row of G to a sample costs as much as this many of its products
constexpr size_t kListBytes = size_t{64} << 20;  // lists kept at once when several threads share the tiles

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point& mark) {
  const auto now = Clock::now();
  const double out = std::chrono::duration<double>(now - mark).count();
  mark = now;
  return out;
}

// The batch as rows; see the head of this file. Entries [begin, begin + count) of `active` (positions in batch.active)
// and `value` belong to a row; in a group they all name the same feature.
struct Plan {
  struct Row {
    uint32_t begin, count;
    bool group;
  };
  std::vector<Row> rows;
  std::vector<uint32_t> active;
  std::vector<float> value;
  std::vector<uint32_t> row_of_sample;  // [B], kNone for samples in groups and empty ones
  std::vector<uint32_t> group_of;       // [A], the group of a feature, or kNone
  size_t empty = 0;                     // samples without entries
  size_t sample_entries = 0;            // entries of the rows that are samples
  size_t sample_rows = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  void build(const features::Batch& batch);

 private:
  std::vector<uint32_t> entries_, next_;  // [B]
};

void Plan::build(const features::Batch& batch) {
  rows.clear();
  entries_.assign(batch.samples, 0);
  for (const uint32_t s : batch.sample) ++entries_[s];
  empty = static_cast<size_t>(std::count(entries_.begin(), entries_.end(), 0u));
  active.resize(batch.sample.size());
  value.resize(batch.sample.size());
  group_of.assign(batch.active.size(), kNone);
  row_of_sample.assign(batch.samples, kNone);
  uint32_t used = 0;
  for (uint32_t a = 0; a < batch.active.size(); ++a) {  // groups
    const auto alone = [&](uint32_t e) { return entries_[batch.sample[e]] == 1; };
    const uint32_t first = used;
    uint32_t last = 0;
    for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
      if (!alone(e)) continue;
      active[used] = a;
      value[used++] = batch.value[e];
      last = e;
    }
    if (used - first >= 2) {
      group_of[a] = static_cast<uint32_t>(rows.size());
      rows.push_back({first, used - first, true});
    } else if (used > first) {  // one sample: a row like the samples with several features
      row_of_sample[batch.sample[last]] = static_cast<uint32_t>(rows.size());
      rows.push_back({first, 1, false});
    }
  }
  const size_t singles = rows.size();
  next_.resize(batch.samples);
  for (uint32_t s = 0; s < batch.samples; ++s) {
    if (entries_[s] < 2) continue;
    row_of_sample[s] = static_cast<uint32_t>(rows.size());
    rows.push_back({used, entries_[s], false});
    next_[s] = used;
    used += entries_[s];
  }
  for (uint32_t a = 0; a < batch.active.size(); ++a) {
    for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
      const uint32_t s = batch.sample[e];
      if (entries_[s] < 2) continue;
      active[next_[s]] = a;
      value[next_[s]++] = batch.value[e];
    }
  }
  sample_rows = rows.size() - singles;
  sample_entries = 0;
  for (const Row& row : rows) sample_entries += row.group ? 0 : row.count;
}

// Room that is not initialised: lists are allocated for the worst case and mostly stay short, so most is never touched.
template <class T>
class Room {
 public:
  T* get(size_t count) {
    if (count > size_) {
      data_.reset();
      data_.reset(new T[count]);
      size_ = count;
    }
    return data_.get();
  }
  T* data() const { return data_.get(); }

 private:
  std::unique_ptr<T[]> data_;
  size_t size_ = 0;
};

// The positive outputs of one task's rows in one tile: columns counted from the tile's first, residuals weighted for
// the hidden vector (d) and plain (e; for a sample both are the same and only d is written).
struct Lists {
  Room<uint32_t> index;
  Room<float> d, e;
  std::array<size_t, kTaskRows + 1> begin{};
  double forward = 0, backward = 0;  // seconds
  size_t count = 0;
};

struct Tile {
  size_t first, count, padded;  // columns
  bool dense;                   // most outputs are positive: full matrices instead of lists
  bool contains(uint32_t j) const { return j >= first && j < first + count; }
};

class FastEngine : public Engine {
 public:
  FastEngine(const Resolved& run, const Workers& workers, Way way)
      : config_(run.config),
        n_(run.law.probability.size()),
        m_(static_cast<size_t>(run.config.dim)),
        stride_(kernels::pad(m_)),
        padded_n_(kernels::pad(n_)),
        workers_(workers),
        pool_(workers.threads, workers.allowed),
        way_(way),
        untied_(config_.decoder == "untied"),
        rule_(optimizer::find_rule(config_.optimizer)),
        shape_(optimizer::schedule_shape(config_.schedule)) {
    for (const double weight : run.importance) root_importance_.push_back(static_cast<float>(std::sqrt(weight)));
    set(initial_weights(config_, workers), initial_biases(config_));
    if (untied_) set_decoder(initial_decoder(config_, workers));
  }

  double step(const features::Batch& batch, int64_t step) override {
    const double value = gradient(batch, true);
    auto mark = Clock::now();
    const optimizer::Schedule schedule{config_.lr, config_.steps, config_.warmup, config_.lr_floor, shape_};
    const double rate = optimizer::learning_rate(schedule, step);
    const optimizer::Update update{config_.decay, rate, step, config_.momentum};
    by_feature([&](size_t first, size_t last) {
      rule_.fast(update, {W_.data(), gradient_.data(), moment1_.data(), moment2_.data(), stride_}, first, last);
      if (!untied_) return;
      rule_.fast(
          update,
          {decoder_.value.data(), decoder_.gradient.data(), decoder_.moment1.data(), decoder_.moment2.data(), stride_},
          first, last);
    });
    // The bias is one row of n; what pads it must stay negative, so it is set again after the step.
    if (config_.bias) {
      rule_.fast({0, rate * (config_.lr_bias / config_.lr), step, config_.momentum},
                 {b_.data(), bias_gradient_.data(), bias_moment1_.data(), bias_moment2_.data(), padded_n_}, 0, 1);
    }
    std::fill(b_.begin() + signed_n(), b_.end(), -1.0f);
    profile_.optimizer += seconds_since(mark);
    return value;
  }

  double loss(const features::Batch& batch) override { return gradient(batch, false); }

  std::vector<StateArray> state() override {
    const auto array = [](const char* name, AlignedVector<float>& x) { return state_array(name, x.data(), x.size()); };
    std::vector<StateArray> out{array("W", W_), array("W.moment1", moment1_),      array("W.moment2", moment2_),
                                array("b", b_), array("b.moment1", bias_moment1_), array("b.moment2", bias_moment2_)};
    if (untied_) {
      out.push_back(array("W_dec", decoder_.value));
      out.push_back(array("W_dec.moment1", decoder_.moment1));
      out.push_back(array("W_dec.moment2", decoder_.moment2));
    }
    return out;
  }

  Matrix<double> weight_gradient() const override { return unpadded(gradient_); }
  std::vector<double> bias_gradient() const override {
    return {bias_gradient_.begin(), bias_gradient_.begin() + signed_n()};
  }
  Matrix<double> weights() const override { return unpadded(W_); }
  std::vector<double> biases() const override { return {b_.begin(), b_.begin() + signed_n()}; }
  Matrix<double> decoder() const override { return unpadded(decoder_.value); }
  Matrix<double> decoder_gradient() const override { return unpadded(decoder_.gradient); }
  Profile profile() const override { return profile_; }

  void set_decay(double gamma) override { config_.decay = gamma; }
  bool finite() const override {
    double sum = 0;
    for (size_t i = 0; i < n_; ++i) sum += kernels::sum_squares(W_.data() + i * stride_, stride_);
    for (const float x : b_) sum += static_cast<double>(x) * x;
    for (const float x : decoder_.value) sum += static_cast<double>(x) * x;
    return std::isfinite(sum);
  }

  void set(const Matrix<double>& W, const std::vector<double>& b) override {
    // Rows of zeros pad W as -1 pads b, so that a tile may be as wide as whole vectors: their outputs are never
    // positive.
    W_.assign(padded_n_ * stride_, 0.0f);
    gradient_.assign(padded_n_ * stride_, 0.0f);
    moment1_.assign(n_ * stride_, 0.0f);
    moment2_.assign(n_ * stride_, 0.0f);
    copy_padded(W, W_);
    b_.assign(padded_n_, -1.0f);
    std::transform(b.begin(), b.end(), b_.begin(), [](double x) { return static_cast<float>(x); });
    bias_gradient_.assign(padded_n_, 0.0f);
    bias_moment1_.assign(padded_n_, 0.0f);
    bias_moment2_.assign(padded_n_, 0.0f);
  }

  void set_decoder(const Matrix<double>& decoder) override {
    decoder_.value.assign(padded_n_ * stride_, 0.0f);
    decoder_.gradient.assign(padded_n_ * stride_, 0.0f);
    decoder_.moment1.assign(n_ * stride_, 0.0f);
    decoder_.moment2.assign(n_ * stride_, 0.0f);
    copy_padded(decoder, decoder_.value);
  }

 private:
  void copy_padded(const Matrix<double>& from, AlignedVector<float>& to) const {
    for (size_t i = 0; i < n_; ++i) {
      for (size_t k = 0; k < m_; ++k) to[i * stride_ + k] = static_cast<float>(from(i, k));
    }
  }

  std::ptrdiff_t signed_n() const { return static_cast<std::ptrdiff_t>(n_); }

  // Sets V and the bias that outputs are made with, and where the gradient of V goes.
  void choose_outputs() {
    AlignedVector<float>& own = untied_ ? decoder_.value : W_;
    V_ = own.data();
    V_gradient_ = (untied_ ? decoder_.gradient : gradient_).data();
    bias_ = b_.data();
    if (root_importance_.empty()) return;
    scaled_V_ = own;
    scaled_b_ = b_;
    by_feature([&](size_t first, size_t last) {
      for (size_t j = first; j < last; ++j) {
        for (size_t k = 0; k < stride_; ++k) scaled_V_[j * stride_ + k] *= root_importance_[j];
        scaled_b_[j] *= root_importance_[j];
      }
    });
    V_ = scaled_V_.data();
    bias_ = scaled_b_.data();
  }

  // What a target is multiplied by.
  float root_importance(uint32_t j) const { return root_importance_.empty() ? 1.0f : root_importance_[j]; }

  template <class Body>
  void by_feature(Body&& body) {
    pool_.parallel_for((n_ + kChunk - 1) / kChunk, [&](size_t c) { body(c * kChunk, std::min(n_, (c + 1) * kChunk)); });
  }

  double gradient(const features::Batch& batch, bool with_gradient) {
    auto mark = Clock::now();
    plan_.build(batch);
    choose_outputs();
    const size_t rows = plan_.rows.size(), active = batch.active.size();
    const double gram_cost =
        static_cast<double>(active * stride_) + kRowPassCost * static_cast<double>(plan_.sample_entries);
    const double hidden_cost =
        static_cast<double>(rows * stride_) + kRowPassCost * static_cast<double>(plan_.sample_rows);
    hidden_way_ = way_ == Way::cheaper ? hidden_cost < gram_cost : way_ == Way::hidden;
    gather_weights(batch);
    if (with_gradient || hidden_way_) hidden_vectors();
    row_loss_.assign(rows, 0.0);
    if (with_gradient) {
      back_.assign(rows * stride_, 0.0f);
      pool_.parallel_for((padded_n_ + kChunk - 1) / kChunk, [&](size_t c) {
        const size_t last = std::min(padded_n_, (c + 1) * kChunk);
        std::fill(gradient_.data() + c * kChunk * stride_, gradient_.data() + last * stride_, 0.0f);
        if (untied_) std::fill(V_gradient_ + c * kChunk * stride_, V_gradient_ + last * stride_, 0.0f);
      });
    }
    profile_.forward += seconds_since(mark);

    const std::vector<Tile> tiles = cut(hidden_way_ ? rows : active);
    tasks_ = (rows + kTaskRows - 1) / kTaskRows;
    const size_t together = tiles_together(rows, tiles.front().padded, tiles.size());
    if (lists_.size() < together * tasks_) lists_.resize(together * tasks_);
    if (full_.size() < together) full_.resize(together);
    any_dense_ = with_gradient && std::any_of(tiles.begin(), tiles.end(), [](const Tile& tile) { return tile.dense; });
    if (any_dense_) {
      feature_back_.assign(active * stride_, 0.0f);
      packed_active_.resize(active * stride_);
      kernels::pack_rows(gathered_.data(), stride_, active, stride_, packed_active_.data());
    }
    double loss = 0;
    for (size_t first = 0; first < tiles.size(); first += together) {
      const size_t last = std::min(tiles.size(), first + together);
      for (size_t t = first; t < last; ++t) forward(batch, tiles[t], with_gradient, (t - first) * tasks_);
      mark = Clock::now();
      std::vector<double> empty_loss(last - first);
      pool_.parallel_for(last - first,
                         [&](size_t t) { empty_loss[t] = backward(batch, tiles[first + t], with_gradient, t); });
      for (size_t t = first; t < last && with_gradient; ++t) {
        if (tiles[t].dense) back_through_full(tiles[t], active, full_[t - first].data());
      }
      profile_.backward += seconds_since(mark);
      loss = std::accumulate(empty_loss.begin(), empty_loss.end(), loss);
    }
    if (with_gradient) finish_gradient(batch);
    // y² - 2xy + x² in parts: where every output is right to the last bit, rounding may leave a little less than
    // nothing.
    return std::max(0.0, std::accumulate(row_loss_.begin(), row_loss_.end(), loss)) /
           static_cast<double>(batch.samples);
  }

  // Tiles of equal width, as wide as G's part of `rows` rows fits into the cache.
  std::vector<Tile> cut(size_t rows) const {
    const size_t wanted = std::clamp(kTileFloats / std::max<size_t>(rows, 1), kTileMin, kTileMax);
    const size_t pieces = (n_ + wanted - 1) / wanted;
    const size_t width = kernels::pad((n_ + pieces - 1) / pieces);
    std::vector<Tile> out;
    for (size_t first = 0; first < n_; first += width) {
      const size_t count = std::min(width, n_ - first);
      const auto positive = std::count_if(bias_ + first, bias_ + first + count, [](float x) { return x > 0; });
      out.push_back({first, count, kernels::pad(count),
                     static_cast<double>(positive) > kDenseAbove * static_cast<double>(count)});
    }
    return out;
  }

  size_t tiles_together(size_t rows, size_t width, size_t tiles) const {
    if (pool_.threads() == 1) return 1;
    const size_t bytes = std::max<size_t>(1, rows * width * (2 * sizeof(float) + sizeof(uint32_t)));
    return std::min(tiles, std::clamp<size_t>(kListBytes / bytes, 1, 4 * static_cast<size_t>(pool_.threads())));
  }

  // The rows of W that are active, in one piece: [A, stride].
  void gather_weights(const features::Batch& batch) {
    gathered_.resize(batch.active.size() * stride_);
    for (size_t a = 0; a < batch.active.size(); ++a) {
      std::copy_n(W_.data() + batch.active[a] * stride_, stride_, gathered_.data() + a * stride_);
    }
  }

  void hidden_vectors() {
    hidden_.resize(plan_.rows.size() * stride_);
    pool_.parallel_for((plan_.rows.size() + kTaskRows - 1) / kTaskRows, [&](size_t task) {
      const size_t last = std::min(plan_.rows.size(), (task + 1) * kTaskRows);
      for (size_t r = task * kTaskRows; r < last; ++r) {
        const Plan::Row& row = plan_.rows[r];
        float* h = hidden_.data() + r * stride_;
        const float* first = gathered_.data() + plan_.active[row.begin] * stride_;
        if (row.group) {
          std::copy_n(first, stride_, h);
          continue;
        }
        std::fill_n(h, stride_, 0.0f);
        kernels::gather_rows({plan_.active.data() + row.begin, plan_.value.data() + row.begin, row.count, stride_},
                             gathered_.data(), h);
      }
    });
  }

  // z, the lists of positive outputs, and u += Wᵀδ over this tile's columns.
  void forward(const features::Batch& batch, const Tile& tile, bool with_gradient, size_t slot) {
    auto mark = Clock::now();
    const size_t count = hidden_way_ ? plan_.rows.size() : batch.active.size();
    const float* source = hidden_way_ ? hidden_.data() : gathered_.data();
    float* const z = gram_.get(count * tile.padded);
    float* const packed = packed_.get(m_ * tile.padded);
    kernels::pack_columns(V_ + tile.first * stride_, tile.padded, m_, stride_, packed);
    pool_.parallel_for((count + kGemmRows - 1) / kGemmRows, [&](size_t chunk) {
      workers_.check();  // nothing that state() holds has changed yet, nor has it before the optimiser
      const size_t first = chunk * kGemmRows;
      kernels::gemm_packed({std::min(kGemmRows, count - first), tile.padded, m_, source + first * stride_, stride_, 1,
                            packed, z + first * tile.padded, tile.padded, false});
    });
    profile_.gram += seconds_since(mark);
    pool_.parallel_for(tasks_, [&](size_t task) {
      workers_.check();
      Lists& lists = lists_[slot + task];
      auto start = Clock::now();
      list_outputs(batch, tile, task, lists);
      lists.forward = seconds_since(start);
      if (with_gradient && !tile.dense) gather_back(tile, task, lists);
      lists.backward = seconds_since(start);
    });
    double ahead = 0, back = 0;
    for (size_t task = 0; task < tasks_; ++task) {
      ahead += lists_[slot + task].forward;
      back += lists_[slot + task].backward;
    }
    const double wall = seconds_since(mark), share = ahead + back > 0 ? ahead / (ahead + back) : 1;
    profile_.forward += wall * share;
    profile_.backward += wall * (1 - share);
  }

  void list_outputs(const features::Batch& batch, const Tile& tile, size_t task, Lists& lists) {
    const size_t first = task * kTaskRows, last = std::min(plan_.rows.size(), first + kTaskRows);
    const size_t room = kTaskRows * tile.padded + 2 * kernels::kLanes;
    uint32_t* const index = lists.index.get(room);
    float* const d = lists.d.get(room);
    float* const e = lists.e.get(room);
    const float* const bias = bias_ + tile.first;
    const float* const z = gram_.data();
    std::vector<const float*> pointers;
    constexpr float kOne = 1;
    size_t used = 0;
    for (size_t r = first; r < last; ++r) {
      const Plan::Row& row = plan_.rows[r];
      const uint32_t* const active = plan_.active.data() + row.begin;
      const float* const value = plan_.value.data() + row.begin;
      lists.begin[r - first] = used;
      if (row.group) {
        const float* const g = z + (hidden_way_ ? r : active[0]) * tile.padded;
        const auto [low, high] = std::minmax_element(value, value + row.count);
        const size_t count = kernels::relu_group({g, bias, tile.padded, value, row.count, *low, *high},
                                                 {index + used, d + used, e + used}, &row_loss_[r]);
        subtract_target_of_group(batch, tile, r, g, {index + used, d + used, e + used}, count);
        used += count;
        continue;
      }
      pointers.clear();
      if (hidden_way_) {
        pointers.push_back(z + r * tile.padded);
      } else {
        for (uint32_t k = 0; k < row.count; ++k) pointers.push_back(z + active[k] * tile.padded);
      }
      const size_t count =
          kernels::relu_sum({pointers.data(), hidden_way_ ? &kOne : value, pointers.size(), bias, tile.padded},
                            index + used, d + used, &row_loss_[r]);
      subtract_target(batch, tile, r, {index + used, d + used, nullptr}, count);
      used += count;
    }
    lists.begin[last - first] = used;
    lists.count = used;
  }

  // The targets: y_j becomes y_j - x_j where feature j is on.
  void subtract_target(const features::Batch& batch, const Tile& tile, size_t r, const kernels::ReluGroupList& list,
                       size_t count) {
    const Plan::Row& row = plan_.rows[r];
    for (uint32_t k = row.begin; k < row.begin + row.count; ++k) {
      const uint32_t j = batch.active[plan_.active[k]];
      if (!tile.contains(j)) continue;
      const float x = plan_.value[k] * root_importance(j);
      row_loss_[r] += static_cast<double>(x) * x;
      float* const y = find(list.index, list.d, count, static_cast<uint32_t>(j - tile.first));
      if (!y) continue;
      row_loss_[r] -= 2.0 * x * static_cast<double>(*y);
      *y -= x;
    }
  }

  void subtract_target_of_group(const features::Batch& batch, const Tile& tile, size_t r, const float* g,
                                const kernels::ReluGroupList& list, size_t count) {
    const Plan::Row& row = plan_.rows[r];
    const uint32_t j = batch.active[plan_.active[row.begin]];
    if (!tile.contains(j)) return;
    const auto local = static_cast<uint32_t>(j - tile.first);
    float* const d = find(list.index, list.d, count, local);
    for (uint32_t k = row.begin; k < row.begin + row.count; ++k) {
      const float v = plan_.value[k], x = v * root_importance(j), z = std::fma(v, g[local], bias_[j]);
      row_loss_[r] += static_cast<double>(x) * x;
      if (!d || !(z > 0)) continue;
      row_loss_[r] -= 2.0 * x * z;
      *d -= v * x;
      list.e[d - list.d] -= x;
    }
  }

  static float* find(const uint32_t* index, float* value, size_t count, uint32_t column) {
    const uint32_t* const at = std::lower_bound(index, index + count, column);
    return at == index + count || *at != column ? nullptr : value + (at - index);
  }

  void gather_back(const Tile& tile, size_t task, const Lists& lists) {
    const size_t first = task * kTaskRows, rows = std::min(plan_.rows.size() - first, kTaskRows);
    for (size_t r = 0; r < rows; ++r) {
      const size_t begin = lists.begin[r];
      kernels::gather_rows({lists.index.data() + begin, lists.d.data() + begin, lists.begin[r + 1] - begin, stride_},
                           V_ + tile.first * stride_, back_.data() + (first + r) * stride_);
    }
  }

  // δ ⊗ h into the rows of the gradient that are this tile's columns, and the bias gradient. Returns the loss of the
  // samples without any feature.
  double backward(const features::Batch& batch, const Tile& tile, bool with_gradient, size_t slot) {
    const double times = static_cast<double>(plan_.empty);
    double square = 0;
    for (size_t j = tile.first; j < tile.first + tile.count; ++j) {
      const float y = std::max(0.0f, bias_[j]);
      square += static_cast<double>(y) * y;
      bias_gradient_[j] = static_cast<float>(times * y);
    }
    if (!with_gradient) return times * square;
    float* const G = V_gradient_ + tile.first * stride_;
    float* const db = bias_gradient_.data() + tile.first;
    const size_t active = batch.active.size();
    float* const full = tile.dense ? full_[slot].get(active * tile.padded) : nullptr;
    if (full) std::fill_n(full, active * tile.padded, 0.0f);
    AlignedVector<float> row(full ? tile.padded : 0);
    for (size_t task = 0; task < tasks_; ++task) {
      const Lists& lists = lists_[slot * tasks_ + task];
      const size_t first = task * kTaskRows, count = std::min(plan_.rows.size() - first, kTaskRows);
      for (size_t r = 0; r < count; ++r) {
        const size_t begin = lists.begin[r], length = lists.begin[r + 1] - begin;
        const uint32_t* const index = lists.index.data() + begin;
        const float* const d = lists.d.data() + begin;
        const float* const e = plan_.rows[first + r].group ? lists.e.data() + begin : d;
        for (size_t t = 0; t < length; ++t) db[index[t]] += e[t];
        if (full) {
          add_to_features(plan_.rows[first + r], {index, d, length, tile.padded}, row.data(), full);
        } else {
          kernels::scatter_rows({index, d, length, stride_}, hidden_.data() + (first + r) * stride_, G);
        }
      }
    }
    if (full) {  // the part Dᵀ W
      kernels::gemm_packed(
          {tile.count, stride_, active, full, 1, tile.padded, packed_active_.data(), G, stride_, true});
    }
    return times * square;
  }

  // D[i, :] += x_i·δ for the features i of a row. list.stride: columns of D. row: room for that many, zeros.
  void add_to_features(const Plan::Row& row, const kernels::SparseRow& list, float* room, float* full) const {
    for (size_t t = 0; t < list.count; ++t) room[list.index[t]] = list.value[t];
    const uint32_t features = row.group ? 1 : row.count;  // a group's values are in its list already
    for (uint32_t k = row.begin; k < row.begin + features; ++k) {
      kernels::add_scaled(row.group ? 1.0f : plan_.value[k], room, full + plan_.active[k] * list.stride, list.stride);
    }
    for (size_t t = 0; t < list.count; ++t) room[list.index[t]] = 0;
  }

  // The part D V, for the rows of the features.
  void back_through_full(const Tile& tile, size_t active, const float* full) {
    float* const packed = packed_.get(tile.count * stride_);
    kernels::pack_rows(V_ + tile.first * stride_, stride_, tile.count, stride_, packed);
    pool_.parallel_for((active + kGemmRows - 1) / kGemmRows, [&](size_t chunk) {
      workers_.check();
      const size_t first = chunk * kGemmRows;
      kernels::gemm_packed({std::min(kGemmRows, active - first), stride_, tile.count, full + first * tile.padded,
                            tile.padded, 1, packed, feature_back_.data() + first * stride_, stride_, true});
    });
  }

  // The gradients of V and b from those of their multiples.
  void scale_back_importance() {
    if (root_importance_.empty()) return;
    by_feature([&](size_t first, size_t last) {
      for (size_t j = first; j < last; ++j) {
        for (size_t k = 0; k < stride_; ++k) V_gradient_[j * stride_ + k] *= root_importance_[j];
        bias_gradient_[j] *= root_importance_[j];
      }
    });
  }

  // Adds u_r to the features of row r, and applies the factor 2·scale/(B·n).
  void finish_gradient(const features::Batch& batch) {
    auto mark = Clock::now();
    scale_back_importance();
    const size_t active = batch.active.size();
    pool_.parallel_for((active + kTaskRows - 1) / kTaskRows, [&](size_t task) {
      for (size_t a = task * kTaskRows; a < std::min(active, (task + 1) * kTaskRows); ++a) {
        float* const G = gradient_.data() + batch.active[a] * stride_;
        if (any_dense_) kernels::add_scaled(1.0f, feature_back_.data() + a * stride_, G, stride_);
        if (plan_.group_of[a] != Plan::kNone) {
          kernels::add_scaled(1.0f, back_.data() + plan_.group_of[a] * stride_, G, stride_);
        }
        for (uint32_t e = batch.begin[a]; e < batch.begin[a + 1]; ++e) {
          const uint32_t r = plan_.row_of_sample[batch.sample[e]];
          if (r != Plan::kNone) kernels::add_scaled(batch.value[e], back_.data() + r * stride_, G, stride_);
        }
      }
    });
    const float scale =
        static_cast<float>(2 * config_.loss_scale / (static_cast<double>(batch.samples) * static_cast<double>(n_)));
    by_feature([&](size_t first, size_t last) {
      for (size_t k = first * stride_; k < last * stride_; ++k) gradient_[k] *= scale;
      if (!untied_) return;
      for (size_t k = first * stride_; k < last * stride_; ++k) decoder_.gradient[k] *= scale;
    });
    for (float& g : bias_gradient_) g *= scale;
    profile_.backward += seconds_since(mark);
  }

  Matrix<double> unpadded(const AlignedVector<float>& padded) const {
    Matrix<double> out(n_, m_);
    for (size_t i = 0; i < n_; ++i)
      std::copy_n(padded.begin() + static_cast<std::ptrdiff_t>(i * stride_), m_, out.row(i).begin());
    return out;
  }

  Config config_;
  size_t n_, m_, stride_, padded_n_;
  Workers workers_;
  ThreadPool pool_;
  Way way_;
  AlignedVector<float> W_, gradient_;                                     // [padded n, stride]
  AlignedVector<float> moment1_, moment2_;                                // [n, stride]
  AlignedVector<float> b_, bias_gradient_, bias_moment1_, bias_moment2_;  // [padded n]
  struct Decoder {
    AlignedVector<float> value, gradient;   // [padded n, stride]; empty when tied
    AlignedVector<float> moment1, moment2;  // [n, stride]
  };
  bool untied_;
  Decoder decoder_;
  AlignedVector<float> root_importance_;      // √I [n]; empty: all 1
  AlignedVector<float> scaled_V_, scaled_b_;  // V and b times √I, where there is an importance
  const float* V_ = nullptr;                  // what outputs are made with in this step
  const float* bias_ = nullptr;
  float* V_gradient_ = nullptr;
  const optimizer::Rule& rule_;
  optimizer::ScheduleShape shape_;
  Plan plan_;
  bool hidden_way_ = false;
  size_t tasks_ = 0;
  AlignedVector<float> gathered_;  // [A, stride]
  AlignedVector<float> hidden_;    // h [R, stride]
  AlignedVector<float> back_;      // u [R, stride]
  bool any_dense_ = false;
  AlignedVector<float> packed_active_;  // the rows of W that are active, packed for Dᵀ W [A, stride]
  AlignedVector<float> feature_back_;   // the same by feature, from tiles that are dense [A, stride]
  std::vector<Room<float>> full_;       // D of the tiles worked on together [A, columns]; only of dense ones
  Room<float> packed_;                  // the tile's part of W for the product
  Room<float> gram_;                    // G or z of one tile: [A or R, columns]
  std::vector<Lists> lists_;            // [tiles worked on together, tasks]
  std::vector<double> row_loss_;        // [R], Σ_j (y_j - x_j)² of a row's samples
  Profile profile_;
};

}  // namespace

std::unique_ptr<Engine> make_fast_engine(const Resolved& run, const Workers& workers, Way way) {
  return std::make_unique<FastEngine>(run, workers, way);
}

}  // namespace superpose::toy
