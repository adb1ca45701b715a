// SPDX-License-Identifier: Apache-2.0
// What a fitted law and its rivals expect elsewhere. Laws are averaged with Akaike weights exp(-Δ/2) (Burnham and
// Anderson 2002, section 2.9), Δ shrunk by units/rows where rows come in clusters; the interval is that of the mixture
// of their resampled predictions, so it holds the uncertainty of the parameters and of the law.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/error.h"
#include "superpose/fit/analysis.h"
#include "superpose/fit/objective.h"

namespace superpose::fit {
namespace {

using Eigen::Index;

// A law of the mixture: the parameters at the optimum and on every resample, in the user's units.
struct Member {
  Law law;
  std::unique_ptr<Fit> fit;
  std::unique_ptr<Data> data;  // what `fit` refers to
  std::optional<double> aicc;
  double weight = 0;
  std::vector<double> best;
  std::vector<std::vector<double>> draws;  // [draw][parameter]
  double spread = 0;                       // half width of the noise, scale of the residuals
  double inflation = 1;  // percentile intervals of few units are short: their distance from the optimum is stretched
};

// Value and weight; quantiles of the mixture.
struct Sample {
  double value, weight;
};

double weighted_quantile(std::vector<Sample>& sample, double p) {
  std::sort(sample.begin(), sample.end(), [](const Sample& a, const Sample& b) { return a.value < b.value; });
  double total = 0, sum = 0;
  for (const auto& s : sample) total += s.weight;
  for (const auto& s : sample) {
    sum += s.weight;
    if (sum >= p * total) return s.value;
  }
  return sample.back().value;
}

Interval mixture_interval(std::vector<Sample> sample) {
  return {weighted_quantile(sample, 0.025), weighted_quantile(sample, 0.975)};
}

// Predictions of a law at rows, for any parameters of it.
class Evaluator {
 public:
  Evaluator(const Member& member, const Data& rows) : model_(member.fit->model), law_(member.law) {
    const std::vector<bool> as_written(member.law.terms.size(), true);  // coefficients in the table's units
    basis_ = make_basis(member.law, rows, as_written, nullptr);
    group_.resize(rows.y.size());
    const auto& groups = model_.groups();
    for (size_t i = 0; i < rows.group.size() && !groups.empty(); ++i) {
      const auto at = std::find(groups.begin(), groups.end(), rows.group[i]);
      group_[i] = at == groups.end() ? -1 : static_cast<int>(at - groups.begin());
    }
  }
  // NaN for a row of a group that the law does not know.
  std::vector<double> operator()(const std::vector<double>& values) const {
    const auto& places = model_.parameters();
    Eigen::VectorXd theta(static_cast<Index>(basis_->shapes.size()));
    Eigen::VectorXd c = Eigen::VectorXd::Ones(static_cast<Index>(basis_->coefficients.size()));
    std::vector<double> offset(model_.groups().size());
    for (size_t p = 0; p < places.size(); ++p) {
      if (places[p].kind == ParameterKind::shape) theta[places[p].index] = values[p];
      if (places[p].kind == ParameterKind::coefficient) c[places[p].index] = values[p];
      if (places[p].kind == ParameterKind::offset) offset[static_cast<size_t>(places[p].index)] = values[p];
    }
    Eigen::MatrixXd phi;
    basis_->evaluate(theta, phi);
    std::vector<double> out(group_.size());
    for (size_t i = 0; i < out.size(); ++i) {
      double y = phi.cols() > 0 ? phi.row(static_cast<Index>(i)).dot(c) : 0.0;
      if (!offset.empty()) {
        y = group_[i] < 0 ? std::numeric_limits<double>::quiet_NaN()
                          : y + law_.offset_sign * offset[static_cast<size_t>(group_[i])];
      }
      out[i] = y;
    }
    return out;
  }

 private:
  const Model& model_;
  const Law& law_;
  std::unique_ptr<Basis> basis_;
  std::vector<int> group_;
};

void draw_parameters(Member& member, const Options& options, const ForecastRequest& request) {
  Result result;
  set_asymptotic(*member.fit, result);
  member.best = member.fit->model.values(member.fit->at());
  member.fit->options.bootstrap = request.resamples;
  member.fit->options.seed = options.seed;
  member.fit->options.progress = request.progress;
  set_bootstrap(*member.fit, result);
  member.spread = spread_95(*member.fit);
  // Without a degree of freedom the resamples say nothing of the noise.
  if (!result.resampling || !member.fit->noise.variance) return;
  const auto& columns = result.resampling->draws;
  for (size_t r = 0; !columns.empty() && r < columns[0].size(); ++r) {
    auto& draw = member.draws.emplace_back();
    for (size_t p = 0; p < columns.size(); ++p)
      draw.push_back(std::isfinite(columns[p][r]) ? columns[p][r] : member.best[p]);
  }
  const double units = static_cast<double>(result.resampling->n_units), free = member.fit->n_free();
  constexpr double kNormal = 1.959963984540054;
  const double dof = std::max(units - free, 1.0);
  member.inflation = std::sqrt(units / dof) * student_t_95(dof) / kNormal;
}

std::unique_ptr<Member> member_of(const Law& law, const Data& data, const Options& options) {
  auto out = std::make_unique<Member>();
  out->law = law;
  out->data = std::make_unique<Data>(data);
  Options wanted = options;
  wanted.bootstrap = 0;
  try {
    out->fit = std::make_unique<Fit>(out->law, *out->data, wanted);
  } catch (const Error&) {
    return nullptr;
  }
  if (!out->fit->determined || !std::isfinite(out->fit->optima[0].objective)) return nullptr;
  out->aicc = aicc_of(*out->fit);
  return out;
}

std::vector<std::unique_ptr<Member>> mixture(const StoredFit& stored, const ForecastRequest& request) {
  constexpr double kNegligible = 1e-3;
  std::vector<std::unique_ptr<Member>> out;
  auto own = member_of(stored.law, stored.data, stored.options);
  if (!own)
    throw Error(ErrorKind::numeric, fmt::format("law {}: the stored rows do not determine it", stored.law.name));
  std::vector<Rival> rivals;
  if (own->aicc) rivals = rivals_of(*own->fit);
  out.push_back(std::move(own));
  for (const Rival& rival : rivals) {
    const auto data = rival.candidate ? data_for(rival.law, stored.law, stored.data) : std::nullopt;
    if (!data) continue;
    Options options = stored.options;
    options.fixed = rival.fixed;
    options.objective = stored.options.objective.value_or(stored.law.objective);
    if (auto one = member_of(rival.law, *data, options); one && one->aicc) out.push_back(std::move(one));
  }
  const auto unit = units_of(stored.data);
  const double units = *std::max_element(unit.begin(), unit.end()) + 1.0;
  const double shrink = units / static_cast<double>(unit.size());
  double lowest = std::numeric_limits<double>::infinity(), total = 0;
  for (const auto& one : out) lowest = std::min(lowest, one->aicc.value_or(lowest));
  for (auto& one : out) {
    one->weight = out.size() == 1 ? 1 : std::exp(-shrink * (one->aicc.value_or(lowest) - lowest) / 2);
    total += one->weight;
  }
  for (auto& one : out) one->weight /= total;
  // However light, three stay, side by side: the fitted law, and the best of the width with and without depth.
  const auto heaviest = [&](bool depth) {
    const Member* best = nullptr;
    for (const auto& one : out) {
      const auto& inputs = one->law.inputs;
      const bool deep = std::find(inputs.begin(), inputs.end(), "l") != inputs.end();
      if (deep == depth && inputs[0] == "m" && (!best || one->weight > best->weight)) best = one.get();
    }
    return best;
  };
  const Member *deep = heaviest(true), *flat = heaviest(false);
  const auto light = [&](const auto& one) {
    return one->weight < kNegligible && one.get() != deep && one.get() != flat;
  };
  out.erase(std::remove_if(out.begin() + 1, out.end(), light), out.end());
  for (auto& one : out) draw_parameters(*one, stored.options, request);
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->weight > b->weight; });
  return out;
}

// ln(input) against ln(first input) over the table: how an input that nobody gave follows.
struct Relation {
  double a = 0, b = 0;
  double at(double x) const { return std::exp(a + b * std::log(x)); }
};

Relation relation(const std::vector<double>& x, const std::vector<double>& v) {
  double mx = 0, mv = 0, xx = 0, xv = 0;
  const auto n = static_cast<double>(x.size());
  for (size_t i = 0; i < x.size(); ++i) mx += std::log(x[i]) / n, mv += std::log(v[i]) / n;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (std::log(x[i]) - mx) * (std::log(x[i]) - mx);
    xv += (std::log(x[i]) - mx) * (std::log(v[i]) - mv);
  }
  const double slope = xx > 0 ? xv / xx : 0;
  return {mv - slope * mx, slope};
}

class Forecaster {
 public:
  Forecaster(const StoredFit& stored, const ForecastRequest& request)
      : stored_(stored), request_(request), members_(mixture(stored, request)) {
    gather_columns();
  }

  Forecast run() {
    for (const auto& one : members_) out_.laws.push_back({one->law.name, one->law.formula, one->weight, one->aicc});
    out_.forced = request_.force;
    add_points();
    if (request_.threshold) add_stop();
    for (const double compute : request_.compute) add_split(compute);
    summarize();
    return std::move(out_);
  }

 private:
  void gather_columns() {
    for (size_t k = 0; k < stored_.law.inputs.size(); ++k) columns_[stored_.law.inputs[k]] = stored_.data.inputs[k];
    for (const auto& [name, values] : stored_.data.others) columns_.emplace(name, values);
    first_ = stored_.law.inputs[0];
    for (const auto& [name, values] : request_.inputs) {
      if (!columns_.contains(name)) {
        throw Error(ErrorKind::usage,
                    fmt::format("forecast: the fitted table has no {}; it has {}", name, fmt::join(names(), ", ")));
      }
      if (values.size() != 1 && values.size() != request_.x.size()) {
        throw Error(ErrorKind::usage,
                    fmt::format("forecast: {} values of {} for {} of {}; expected one, or one for each", values.size(),
                                name, request_.x.size(), first_));
      }
      for (const double v : values) check(name, v);
    }
    for (const double v : request_.x) check(first_, v);
    if (request_.vocabulary && first_ != "m") {
      throw Error(ErrorKind::usage,
                  fmt::format("forecast: --vocab ends a law of the width, and law {} has none as its first "
                              "input",
                              stored_.law.name));
    }
    for (const double v : request_.compute) check("compute", v);
  }
  static void check(const std::string& name, double v) {
    if (!(v > 0) || !std::isfinite(v))
      throw Error(ErrorKind::usage, fmt::format("forecast: {} = {:g}, expected above 0", name, v));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, values] : columns_) out.push_back(name);
    return out;
  }
  double largest(const std::string& name) const {
    return *std::max_element(columns_.at(name).begin(), columns_.at(name).end());
  }
  double smallest(const std::string& name) const {
    return *std::min_element(columns_.at(name).begin(), columns_.at(name).end());
  }
  double factor(const std::string& name, double v) const {
    return std::max({1.0, v / largest(name), smallest(name) / v});
  }

  std::vector<std::string> groups() {
    const auto& own = own_member().fit->model.groups();
    if (request_.groups.empty()) return own.empty() ? std::vector<std::string>{""} : own;
    for (const auto& group : request_.groups) {
      if (std::find(own.begin(), own.end(), group) == own.end()) {
        throw Error(ErrorKind::usage, fmt::format("forecast: no group {}; known: {}", group, fmt::join(own, ", ")));
      }
    }
    return request_.groups;
  }
  const Member& own_member() const {
    return **std::find_if(members_.begin(), members_.end(),
                          [&](const auto& one) { return one->law.name == stored_.law.name; });
  }

  // Every input that some law of the mixture takes, at the k-th x.
  std::map<std::string, double> inputs_at(double x, size_t k) {
    std::map<std::string, double> out{{first_, x}};
    for (const auto& one : members_) {
      for (const auto& input : one->law.inputs) {
        if (out.contains(input)) continue;
        const auto given = request_.inputs.find(input);
        if (given != request_.inputs.end()) {
          out[input] = given->second.size() == 1 ? given->second[0] : given->second[k];
        } else {
          out[input] = derived(input, x);
        }
      }
    }
    return out;
  }
  void add_note(const std::string& note) {
    if (std::find(out_.notes.begin(), out_.notes.end(), note) == out_.notes.end()) out_.notes.push_back(note);
  }
  // The tokens of the longest run; any other input as it goes with the first one over the table.
  double derived(const std::string& input, double x) {
    const bool tokens = input == "D" || input == "t";
    const std::string note =
        tokens ? fmt::format("{} is {:.4g}, the largest of the table; say --{} to choose", input, largest(input), input)
               : fmt::format("{} follows {} as over the table (a straight line in logarithms); say --{} to choose",
                             input, first_, input);
    add_note(note);
    return tokens ? largest(input) : relation(columns_.at(first_), columns_.at(input)).at(x);
  }

  Data rows_for(const Law& law, const std::vector<std::map<std::string, double>>& inputs,
                const std::vector<std::string>& group) const {
    Data out;
    out.inputs.resize(law.inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      for (size_t k = 0; k < law.inputs.size(); ++k) out.inputs[k].push_back(inputs[i].at(law.inputs[k]));
      out.y.push_back(1);
      if (law.groups && !group[i].empty()) out.group.push_back(group[i]);
    }
    return out;
  }

  std::string why_refused(const ForecastPoint& point) const {
    std::string out;
    const auto add = [&](const std::string& reason) { out += (out.empty() ? "" : "; and ") + reason; };
    if (!stored_.identified && point.extrapolation_factor > 1) {
      add("the table does not identify the law, and this lies beyond the table" +
          (stored_.why_not.empty() ? "" : " (" + stored_.why_not + ")"));
    }
    if (point.extrapolation_factor > request_.max_factor * (1 + 1e-12)) {
      add(fmt::format("{:.3g} times beyond the fitted data, more than --max-factor {:g}", point.extrapolation_factor,
                      request_.max_factor));
    }
    if (request_.vocabulary && point.x >= *request_.vocabulary) {
      add(fmt::format(
          "a width of {:g} reaches the vocabulary ({:g}): every token then has a direction of its own, and the "
          "fall with width that the law describes ends",
          point.x, *request_.vocabulary));
    }
    return out;
  }

  void add_points() {
    std::vector<std::map<std::string, double>> inputs;
    std::vector<std::string> group;
    for (size_t k = 0; k < request_.x.size(); ++k) {
      for (const auto& name : groups()) {
        ForecastPoint point;
        point.x = request_.x[k];
        point.inputs = inputs_at(point.x, k);
        point.group = name;
        point.extrapolation_factor = factor(first_, point.x);
        for (const auto& [input, values] : request_.inputs) {
          point.extrapolation_factor =
              std::max(point.extrapolation_factor, factor(input, values.size() == 1 ? values[0] : values[k]));
        }
        point.because = why_refused(point);
        out_.refused = out_.refused || (!point.because.empty() && !request_.force);
        inputs.push_back(point.inputs);
        auto doubled = inputs_at(2 * point.x, k);
        inputs.push_back(doubled);
        group.insert(group.end(), {name, name});
        out_.points.push_back(std::move(point));
      }
    }
    if (out_.points.empty()) return;
    // [member][row], [member][draw][row]
    std::vector<std::vector<double>> best;
    std::vector<std::vector<std::vector<double>>> drawn;
    std::vector<std::vector<double>> asymptotic;  // half widths [member][row]
    for (const auto& one : members_) {
      const Data rows_there = rows_for(one->law, inputs, group);
      const Evaluator evaluate(*one, rows_there);
      asymptotic.push_back(half_widths(*one, rows_there));
      best.push_back(evaluate(one->best));
      auto& rows = drawn.emplace_back();
      for (const auto& draw : one->draws) rows.push_back(evaluate(draw));
    }
    for (size_t i = 0; i < out_.points.size(); ++i) {
      if (out_.points[i].because.empty() || request_.force) fill(out_.points[i], 2 * i, best, drawn, asymptotic);
    }
  }

  // Half the asymptotic 95 % interval of the curve, in the units of y; 0 where there is none.
  static std::vector<double> half_widths(const Member& one, const Data& rows) {
    std::vector<double> out(rows.y.size());
    if (!one.fit->noise.variance) return out;
    const auto forecasts = one.fit->model.predict(rows, one.fit->at(), one.fit->curvature);
    for (size_t i = 0; i < out.size(); ++i) {
      if (!forecasts[i] || !(forecasts[i]->variance > 0)) continue;
      out[i] = one.fit->noise.t * std::sqrt(*one.fit->noise.variance * forecasts[i]->variance);
      if (on_logarithms(one.fit->model.objective())) out[i] *= forecasts[i]->value;
    }
    return out;
  }

  // Resamples are blind to what every one of them reproduces, such as the floor of a group of one row: their spread is
  // stretched to the asymptotic one where it is less.
  static double stretch_to(const std::vector<std::vector<double>>& draws, size_t row, double half) {
    std::vector<Sample> sample;
    for (const auto& rows : draws) {
      if (std::isfinite(rows[row])) sample.push_back({rows[row], 1});
    }
    if (sample.size() < 40 || !(half > 0) || !std::isfinite(half)) return 1;
    const auto [low, high] = mixture_interval(sample);
    return high > low ? std::max(1.0, 2 * half / (high - low)) : 1;
  }

  void fill(ForecastPoint& point, size_t row, const std::vector<std::vector<double>>& best,
            const std::vector<std::vector<std::vector<double>>>& drawn,
            const std::vector<std::vector<double>>& asymptotic) const {
    double loss = 0, gain = 0, total = 0, noise = 0;
    std::vector<Sample> losses, gains;
    bool open = false;
    for (size_t j = 0; j < members_.size(); ++j) {
      const auto& one = *members_[j];
      const double y = best[j][row], g = y - best[j][row + 1];
      if (!std::isfinite(y)) continue;
      std::vector<Sample> own;
      const double stretch = std::max(one.inflation, stretch_to(drawn[j], row, asymptotic[j][row]));
      for (const auto& rows : drawn[j]) {
        if (!std::isfinite(rows[row])) continue;
        own.push_back({y + stretch * (rows[row] - y), 1});
        const double share = one.weight / static_cast<double>(drawn[j].size());
        losses.push_back({own.back().value, share});
        gains.push_back({g + stretch * (rows[row] - rows[row + 1] - g), share});
      }
      open = open || own.size() < 40;
      loss += one.weight * y, gain += one.weight * g, total += one.weight;
      noise += one.weight *
               (on_logarithms(one.fit->model.objective()) ? one.spread * y : one.spread * one.fit->model.scale());
      ForecastPoint::View view{one.law.name, one.weight, y, std::nullopt};
      if (own.size() >= 40) view.ci95 = mixture_interval(own);
      point.views.push_back(view);
    }
    if (!(total > 0)) return;
    point.loss = loss / total;
    point.gain = gain / total;
    point.rests_on = point.views[0].law;
    if (open || losses.empty()) return;
    point.ci95 = mixture_interval(losses);
    point.gain95 = mixture_interval(gains);
    point.prediction95 = Interval{*point.loss - std::hypot(*point.loss - point.ci95->first, noise / total),
                                  *point.loss + std::hypot(point.ci95->second - *point.loss, noise / total)};
  }

  // The first x of a grid where the gain of doubling falls under the threshold, interpolated in logarithms.
  static std::optional<double> crossing(const std::vector<double>& x, const std::vector<double>& gain,
                                        double threshold) {
    for (size_t i = 0; i < x.size(); ++i) {
      if (!(gain[i] < threshold)) continue;
      if (i == 0) return x[0];
      const double a = std::log(std::max(gain[i - 1], 1e-300)), b = std::log(std::max(gain[i], 1e-300));
      const double f = a > b ? (a - std::log(threshold)) / (a - b) : 1;
      return x[i - 1] * std::pow(x[i] / x[i - 1], std::clamp(f, 0.0, 1.0));
    }
    return std::nullopt;
  }

  void add_stop() {
    const double threshold = *request_.threshold;
    if (!(threshold > 0))
      throw Error(ErrorKind::usage, fmt::format("forecast: threshold = {:g}, expected above 0", threshold));
    constexpr int kPoints = 96;
    const double low = smallest(first_), far = (request_.force ? 1e4 : request_.max_factor) * largest(first_);
    double high = request_.vocabulary && !request_.force ? std::min(far, *request_.vocabulary) : far;
    if (!stored_.identified && !request_.force) high = largest(first_);
    std::vector<double> x;
    std::vector<std::map<std::string, double>> inputs;
    for (int i = 0; i < kPoints; ++i) {
      x.push_back(low * std::pow(high / low, static_cast<double>(i) / (kPoints - 1)));
      inputs.push_back(inputs_at(x.back(), 0));
      inputs.push_back(inputs_at(2 * x.back(), 0));
    }
    const std::string name = groups()[0];
    std::vector<double> mean(kPoints);
    std::vector<Sample> crossings;
    for (const auto& one : members_) {
      const Evaluator evaluate(*one, rows_for(one->law, inputs, std::vector<std::string>(inputs.size(), name)));
      const auto gains = [&](const std::vector<double>& y) {
        std::vector<double> out;
        for (int i = 0; i < kPoints; ++i)
          out.push_back(y[static_cast<size_t>(2 * i)] - y[static_cast<size_t>(2 * i + 1)]);
        return out;
      };
      const auto best = gains(evaluate(one->best));
      for (int i = 0; i < kPoints; ++i) mean[static_cast<size_t>(i)] += one->weight * best[static_cast<size_t>(i)];
      for (const auto& draw : one->draws) {
        const auto at = crossing(x, gains(evaluate(draw)), threshold);
        const double share = one->weight / static_cast<double>(one->draws.size());
        crossings.push_back({at.value_or(std::numeric_limits<double>::infinity()), share});
      }
    }
    Forecast::Stop stop{threshold, crossing(x, mean, threshold), std::nullopt, ""};
    if (!crossings.empty()) stop.ci95 = mixture_interval(crossings);
    if (!stop.x) {
      stop.because =
          fmt::format("doubling {} still gains {:.3g} at {:.4g}, the farthest that can be asked of this table", first_,
                      mean.back(), high);
    } else if (stop.x == x[0]) {
      stop.because = fmt::format("already at the smallest {} of the table", first_);
    }
    out_.stop = stop;
  }

  // Hoffmann et al. 2022, Eq. 4: N* = G·(C/6)^(β/(α+β)), D* = (C/6)^(α/(α+β))/G, G = (αA/βB)^(1/(α+β)).
  void add_split(double compute) {
    if (stored_.law.name != "chinchilla") {
      throw Error(ErrorKind::usage,
                  fmt::format("forecast: --compute splits FLOPs between N and D, which law {} does not have; "
                              "fit law chinchilla",
                              stored_.law.name));
    }
    const Member& own = own_member();
    const auto unit = [&](const char* name) {
      const auto it = stored_.units.find(name);
      return it == stored_.units.end() ? 1.0 : it->second;
    };
    const auto& places = own.fit->model.parameters();
    const auto known = groups();
    const std::string floor_name = known.size() > 1 ? "" : known[0].empty() ? "E" : "E." + known[0];
    if (known.size() > 1) add_note("N* and D* are those of every group; say --group for the loss of one");
    const auto split = [&](const std::vector<double>& v) {
      std::map<std::string, double> p;
      for (size_t i = 0; i < v.size(); ++i) p[places[i].name] = v[i];
      const double sum = p["alpha"] + p["beta"], G = std::pow(p["alpha"] * p["A"] / (p["beta"] * p["B"]), 1 / sum);
      const double flops = compute / 6 / (unit("N") * unit("D"));
      const double N = G * std::pow(flops, p["beta"] / sum), D = std::pow(flops, p["alpha"] / sum) / G;
      const double floor = p.contains(floor_name) ? p[floor_name] : std::numeric_limits<double>::quiet_NaN();
      return std::array{N, D, floor + p["A"] / std::pow(N, p["alpha"]) + p["B"] / std::pow(D, p["beta"]),
                        p["beta"] / sum};
    };
    const auto best = split(own.best);
    ComputeSplit out{compute, best[0], best[1], best[2], 1, {}, {}, {}, {}, "", false};
    if (!(out.N > 0 && out.D > 0 && std::isfinite(out.N) && std::isfinite(out.D))) {
      out.because = "no optimum: with A or B at 0, or an exponent that vanishes, one of N and D does not matter";
      out.refused = out_.refused = true;
      out_.compute.push_back(out);
      return;
    }
    out.extrapolation_factor = std::max(factor("N", out.N), factor("D", out.D));
    out.N *= unit("N"), out.D *= unit("D");
    std::array<std::vector<Sample>, 5> samples;
    for (const auto& draw : own.draws) {
      const auto one = split(draw);
      if (!std::isfinite(one[0]) || !std::isfinite(one[1])) continue;
      const double N = one[0] * unit("N"), D = one[1] * unit("D");
      samples[0].push_back({N, 1}), samples[1].push_back({D, 1});
      samples[2].push_back({one[2], 1}), samples[3].push_back({one[3], 1});
      samples[4].push_back({D / N, 1});
    }
    if (samples[0].size() >= 40) {
      out.N95 = mixture_interval(samples[0]), out.D95 = mixture_interval(samples[1]),
      out.loss95 = mixture_interval(samples[2]);
      out.tokens_per_parameter95 = mixture_interval(samples[4]);
      out_.exponent_N = mixture_interval(samples[3]);
      out_.exponent_D = Interval{1 - out_.exponent_N->second, 1 - out_.exponent_N->first};
    }
    if (!stored_.identified) {
      out.because =
          "the table does not identify the law" + (stored_.why_not.empty() ? "" : " (" + stored_.why_not + ")");
    }
    if (out.extrapolation_factor > request_.max_factor) {
      out.because += fmt::format("{}N* or D* is {:.3g} times beyond the fitted data, more than --max-factor {:g}",
                                 out.because.empty() ? "" : "; and ", out.extrapolation_factor, request_.max_factor);
    }
    out.refused = !out.because.empty() && !request_.force;
    out_.refused = out_.refused || out.refused;
    out_.compute.push_back(out);
  }

  void summarize() {
    for (const auto& point : out_.points) {
      if (out_.because.empty() && !point.because.empty())
        out_.because = fmt::format("{} = {:g}: {}", first_, point.x, point.because);
    }
    for (const auto& split : out_.compute) {
      if (out_.because.empty() && !split.because.empty())
        out_.because = fmt::format("{:g} FLOPs: {}", split.compute, split.because);
    }
  }

  const StoredFit& stored_;
  const ForecastRequest& request_;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<std::string, std::vector<double>> columns_;
  std::string first_;
  Forecast out_;
};

}  // namespace

void set_inputs(ForecastRequest& request, const Law& law, const std::map<std::string, std::vector<double>>& values) {
  const std::string& first = law.inputs[0];
  for (const auto& [input, list] : values) {
    if (list.empty()) continue;
    if (input != first && input != "x") {
      request.inputs[input] = list;
      continue;
    }
    if (!request.x.empty()) {
      throw Error(ErrorKind::usage,
                  fmt::format("forecast: --x is the law's first input, {0}, and --{0} is given too", first));
    }
    request.x = list;
  }
  if (request.x.empty() && request.compute.empty() && !request.threshold) {
    throw Error(ErrorKind::usage, fmt::format("forecast: at which {}? Say --{} A,B,C (law {})", first,
                                              first.size() == 1 ? first : "x", law.name));
  }
}

Forecast forecast(const StoredFit& fit, const ForecastRequest& request) {
  try {
    return Forecaster(fit, request).run();
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::numeric) throw;
    Forecast out;  // nothing to answer with, forced or not
    out.refused = true;
    out.because = e.what();
    for (const double x : request.x) {
      ForecastPoint point;
      point.x = x;
      point.inputs = {{fit.law.inputs[0], x}};
      point.because = e.what();
      out.points.push_back(std::move(point));
    }
    return out;
  }
}

}  // namespace superpose::fit
