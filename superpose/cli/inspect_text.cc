// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/inspect_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/cli/output.h"

namespace superpose::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string times(const std::optional<double>& mean_square, size_t m) {
  return mean_square ? number(*mean_square * static_cast<double>(m)) + "/m" : "-";
}

std::string percent(const std::optional<double>& fraction) { return fraction ? number(100 * *fraction) + " %" : "-"; }

// A histogram in one line of block characters, scaled to its largest bin; neighbouring bins are added up to fit.
std::string bars(const std::vector<double>& counts, size_t width) {
  static constexpr const char* kBars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::vector<double> sums(std::min(width, counts.size()));
  for (size_t k = 0; k < counts.size(); ++k) sums[k * sums.size() / counts.size()] += counts[k];
  const double most = sums.empty() ? 0 : *std::max_element(sums.begin(), sums.end());
  std::string out;
  for (const double x : sums) {
    // Anything at all is shown: one row in a hundred thousand matters at the edges.
    const auto level = x > 0 ? std::clamp<long>(std::lround(8 * x / most), 1, 8) : 0;
    out += kBars[level];
  }
  return out;
}

template <class T>
std::vector<double> as_doubles(const std::vector<T>& values) {
  return std::vector<double>(values.begin(), values.end());
}

std::string norm_histogram(const study::MatrixReport& r) {
  const auto& h = r.norm_histogram;
  if (h.counts.size() < 2) return "";
  return fmt::format("    {} {} {}\n", number(h.edges.front(), 3), bars(as_doubles(h.counts), 40),
                     number(h.edges.back(), 3));
}

std::string overlap_histogram(const study::MatrixReport& r) {
  const auto& counts = r.overlap.histogram;
  const size_t bins = counts.size();
  size_t last = bins;
  while (last > 0 && counts[last - 1] == 0) --last;
  if (last < 2) return "";
  const std::vector<uint64_t> shown(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(last));
  return fmt::format("    0 {} {}   |cos| of {} pairs; random directions lie around {}\n", bars(as_doubles(shown), 40),
                     number(static_cast<double>(last) / static_cast<double>(bins), 3),
                     r.overlap.sampled ? "a sample of" : "all",
                     number(std::sqrt(2 / (M_PI * static_cast<double>(r.m))), 2));
}

std::string absolute_text(const geometry::Overlap& o) {
  if (!o.mean_abs) return "-";
  if (o.sampled) return fmt::format("{} ± {}", number(o.mean_abs), number(o.mean_abs_se, 2));
  return number(o.mean_abs);
}
std::string absolute_meaning(const geometry::Overlap& o) {
  if (!o.mean_abs) return "";
  if (o.sampled) return "from a seeded sample of pairs, with its standard error (--exact: all pairs)";
  const std::string pair = o.max_pair ? fmt::format(" (rows {} and {})", (*o.max_pair)[0], (*o.max_pair)[1]) : "";
  return fmt::format("over all pairs; std {}, largest {}{}", number(o.std_abs), number(o.max_abs), pair);
}

std::string modes_text(const geometry::NormModes& modes) {
  if (!modes.two_modes) return "one mode of norms: no sign of rows that are kept beside rows that are dropped";
  return fmt::format("two modes, around {} ({} of rows) and {}: in a toy model, weak superposition",
                     number(modes.low_center, 3), percent(modes.low_share), number(modes.high_center, 3));
}

Rows norm_rows(const study::MatrixReport& r) {
  Rows out{{"row norm, mean ± std", fmt::format("{} ± {}", number(r.norm.mean), number(r.norm.std)),
            fmt::format("from {} to {}{}", number(r.norm.min), number(r.norm.max),
                        r.zero_rows ? fmt::format("; {} rows are zero and take no part below", r.zero_rows) : "")},
           {"rows with norm > 1/2, > 1", fmt::format("{}, {}", percent(r.phi_half), percent(r.phi_one)),
            r.role == "toy" ? "represented, strongly represented (φ_1/2, φ_1)"
                            : "a scale that means something for toy models only"}};
  if (!r.quick) out.push_back({"norm modes", r.norm_modes.two_modes ? "two" : "one", modes_text(r.norm_modes)});
  return out;
}

Rows overlap_rows(const study::MatrixReport& r) {
  Rows out{{"mean square overlap", times(r.overlap.mean_square, r.m),
            fmt::format("{}: cos² of two rows on average, exact over all pairs", number(r.overlap.mean_square))}};
  if (!r.quick) {
    out.push_back(
        {"  without the mean row", times(r.overlap_centered.mean_square, r.m),
         fmt::format("{}: what no direction shared by all rows explains", number(r.overlap_centered.mean_square))});
  }
  for (const auto& level : r.baselines) {
    if (level.name == "mean row removed" || level.name == "Welch bound" || level.name == "random directions") {
      continue;
    }
    const bool removed = level.name.starts_with("top ");
    if (removed && level.name != "top 1 direction removed" && level.name != "top 10 directions removed") continue;
    out.push_back(
        {"  " + level.name,
         times(level.mean_square, r.m) + (level.se ? " ± " + number(*level.se * static_cast<double>(r.m), 2) : ""),
         level.meaning});
  }
  out.push_back({"  random directions", "1/m",
                 fmt::format("{}: unrelated rows, an untrained head too", number(r.random_mean_square))});
  out.push_back({"  least possible (Welch)", times(r.welch_bound_mean_square, r.m),
                 "no n rows in m dimensions can overlap less"});
  if (r.overlap.mean_abs) {
    out.push_back({"mean |cos|", absolute_text(r.overlap), absolute_meaning(r.overlap)});
    out.push_back({"  without the mean row", absolute_text(r.overlap_centered), absolute_meaning(r.overlap_centered)});
  }
  if (r.overlap.mean_cosine) {
    out.push_back({"mean cosine", number(r.overlap.mean_cosine), "with its sign: how far rows point the same way"});
  }
  return out;
}

Rows spectrum_rows(const study::MatrixReport& r) {
  if (!r.spectrum) return {};
  const std::string of = fmt::format("of at most {}", std::min(r.n, r.m));
  return {{"effective rank", number(r.effective_rank), of + ": exp of the entropy of the singular values"},
          {"participation ratio", number(r.participation_ratio), of + ": few large directions make it small"},
          {"stable rank", number(r.spectrum->stable_rank), "all variance beside that of the largest direction"}};
}

std::string excess_text(const study::MatrixReport& r) {
  if (!r.excess || !(r.excess->total > 0.05)) return "";
  const auto& e = *r.excess;
  std::string out = fmt::format("  Of the {} times 1/m above random directions, ", number(e.total, 3));
  const auto part = [](double x) { return x >= 0 ? number(x, 3) : "−" + number(-x, 3); };
  if (e.unseen) out += fmt::format("{} go when tokens that were not seen are left out, ", part(*e.unseen));
  out += fmt::format("{} go with the mean row (anisotropy), {} remain (structure).\n", part(e.anisotropy),
                     part(e.structure));
  return out;
}

std::string frequency_text(const study::MatrixReport& r) {
  if (!r.frequency) return "";
  const auto& f = *r.frequency;
  Rows rows{{"  rows", "how many", "overlap", "centred"}};
  const auto add = [&](std::string name, const study::SubsetOverlap& s) {
    rows.push_back({"  " + std::move(name), fmt::format("{}", s.rows), times(s.mean_square, r.m),
                    times(s.mean_square_centered, r.m)});
  };
  add("seen in text", f.seen);
  add("never seen", f.unseen);
  for (const auto& [k, subset] : f.top) add(fmt::format("most frequent {}", k), subset);
  std::string out =
      "\n  by frequency" + (f.counts_file.empty() ? "" : " (" + f.counts_file + ")") + "\n" + aligned(rows);
  if (f.norm_correlation.spearman) {
    out += fmt::format("  norm against frequency: Spearman {} ± {}\n", number(f.norm_correlation.spearman, 3),
                       number(f.norm_correlation.spearman_se, 2));
  }
  return out;
}

std::string named(const study::TokenRow& row) {
  return row.token ? fmt::format("{} {}", row.id, *row.token) : fmt::format("{}", row.id);
}

std::string crowded_table(const std::vector<study::CrowdedRow>& list, size_t m, std::string_view title) {
  if (list.empty()) return "";
  Rows rows{{"  token", "overlap", "nearest by |cos|"}};
  for (const auto& row : list) {
    std::string near;
    for (const auto& n : row.nearest) near += (near.empty() ? "" : ", ") + named(n.row) + " " + number(n.cosine, 2);
    rows.push_back({"  " + named(row.row), times(row.mean_square, m), near});
  }
  return fmt::format("\n  {}\n{}", title, aligned(rows));
}

std::string crowding_text(const study::MatrixReport& r) {
  if (!r.crowding) return "";
  const auto& c = *r.crowding;
  std::string out = crowded_table(
      c.most_crowded, r.m,
      fmt::format("most crowded tokens: mean cos² with all other rows{}", c.centered ? ", without the mean row" : ""));
  out += crowded_table(c.asked, r.m, "tokens asked for");
  if (c.duplicate_rows > 0) {
    out += fmt::format("  {} rows equal another one value by value, for example ", c.duplicate_rows);
    for (size_t k = 0; k < std::min<size_t>(c.duplicates[0].size(), 4); ++k)
      out += (k ? ", " : "") + named(c.duplicates[0][k]);
    out += '\n';
  }
  if (c.unused_rows > 0) {
    out += fmt::format("  probably never used: {}", c.unused_because);
    for (size_t k = 0; k < std::min<size_t>(c.unused.size(), 5); ++k)
      out += (k ? ", " : "; for example ") + named(c.unused[k]);
    out += '\n';
  }
  return out;
}

std::string verdict_text(const study::Judgement& judgement) {
  static constexpr const char* kColours[] = {"\033[32m", "\033[33m", "\033[36m", "\033[1m"};
  const bool tell = judgement.regime != study::Regime::cannot_tell;
  std::string word(tell ? study::regime_name(judgement.regime) : "cannot tell");
  if (colour_stdout()) word = kColours[static_cast<size_t>(judgement.regime)] + word + "\033[0m";
  std::string out = fmt::format("  superposition: {}\n    {}\n", word, judgement.because);
  for (const auto& d : judgement.decided_by) {
    out += fmt::format("    {}: {} (threshold {}): {}\n", d.name, number(d.value), number(d.threshold), d.meaning);
  }
  return out;
}

std::string matrix_text(const study::MatrixReport& r) {
  std::string out = fmt::format("\n{}  {} x {}  {}, {}{}\n  chosen because: {}\n", r.tensor, r.n, r.m, r.dtype, r.role,
                                r.tied ? " tied to the embedding" : "", r.evidence);
  out += verdict_text(r.judgement);
  if (r.judgement_all) {
    out +=
        fmt::format("    over all rows it would be: {}: {}\n",
                    r.judgement_all->regime == study::Regime::cannot_tell ? "cannot tell"
                                                                          : study::regime_name(r.judgement_all->regime),
                    r.judgement_all->because);
  }
  Rows norms = norm_rows(r), overlaps = overlap_rows(r), spectrum = spectrum_rows(r);
  Rows all{{"  measure", "value", "what it means"}};
  for (const auto* part : {&norms, &overlaps, &spectrum}) {
    for (const auto& row : *part) all.push_back({"  " + row[0], row[1], row[2]});
  }
  out += "\n" + aligned(all);
  if (r.baseline_rows > 0 && r.baseline_rows + r.zero_rows < r.n) {
    out += fmt::format("  (columns shuffled and directions removed: on a sample of {} rows)\n", r.baseline_rows);
  }
  out += excess_text(r);
  const std::string lengths = norm_histogram(r), overlap = overlap_histogram(r);
  if (!lengths.empty()) out += "\n  norms\n" + lengths;
  if (!overlap.empty()) out += "  overlaps\n" + overlap;
  out += frequency_text(r) + crowding_text(r);
  if (!r.hash.empty()) out += fmt::format("  sha256 of dtype, shape and values: {}\n", r.hash);
  return out;
}

}  // namespace

std::string inspection_text(const study::Inspection& inspection) {
  std::string out = fmt::format("{} ({})\n", inspection.path, inspection.format);
  for (const auto& report : inspection.matrices) out += matrix_text(report);
  if (!inspection.skipped.empty()) {
    out += fmt::format("\nnot read: {} matrices, the first of them: {}\n", inspection.skipped.size(),
                       inspection.skipped[0].because);
  }
  return out;
}

std::string comparison_text(const study::Comparison& c) {
  Rows rows{
      {c.steps ? "step" : "model", "n", "m", "overlap", "times m", "centred", "norm mean", "norm median", "verdict"}};
  const auto whole = [](const std::optional<double>& x) { return x ? fmt::format("{:.0f}", *x) : std::string("-"); };
  for (const auto& m : c.models) {
    rows.push_back({c.steps ? whole(m.step) : m.label, whole(m.n), whole(m.m), number(m.mean_square),
                    m.mean_square && m.m ? number(*m.mean_square * *m.m) : "-", number(m.mean_square_centered),
                    number(m.norm_mean), number(m.norm_median),
                    m.verdict == "cannot_tell" ? "cannot tell" : m.verdict});
  }
  std::string out = aligned(rows);
  if (!c.fits.empty()) out += "\nmean square overlap against width: ∝ m^-exponent (1/m: exponent 1)\n";
  for (const auto& fit : c.fits) {
    out += fmt::format("  {}: {}\n    {}\n", fit.family.empty() ? "all models" : fit.family,
                       fit.verdict == "cannot_tell" ? "cannot tell" : "1/m " + fit.verdict, fit.because);
  }
  for (const auto& note : c.notes) out += "  note: " + note + '\n';
  for (const auto& alarm : c.alarms) {
    out += fmt::format("{}alarm ({}): {}\n", &alarm == c.alarms.data() ? "\n" : "", alarm.kind, alarm.because);
    for (const auto& path : alarm.paths) out += "    " + path + '\n';
  }
  if (c.alarms.empty())
    out += "no alarm: no duplicates, no discontinuities, no contradictions between config and tensors\n";
  return out;
}

}  // namespace superpose::cli
