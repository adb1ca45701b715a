// SPDX-License-Identifier: Apache-2.0
// The page's text as HTML. Everything that comes from a store passes through escaped().
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/version.h"
#include "superpose/report/html.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

struct Verdict {
  const char* word;
  const char* icon;
};

Verdict verdict_of(std::string_view name) {
  if (name == "confirmed") return {"confirmed", "✓"};
  if (name == "denied") return {"denied", "✗"};
  return {"cannot tell", "?"};
}

// Word, colour and icon: none of them alone carries the verdict.
std::string badge(std::string_view name) {
  const Verdict verdict = verdict_of(name);
  const std::string_view css = name == "confirmed" || name == "denied" ? name : "cannot_tell";
  return fmt::format("<span class=\"badge {}\"><span class=\"icon\" aria-hidden=\"true\">{}</span>{}</span>", css,
                     verdict.icon, verdict.word);
}

// Which letter of a run id is which store.
std::string sources_html(const Page& page) {
  if (page.sources.size() < 2) return "";
  std::string out = "<p class=\"meta\">Runs are of these stores: ";
  for (const Source& source : page.sources) {
    if (&source != &page.sources.front()) out += "; ";
    out += fmt::format("<b>{}</b> = {} ({} {}{})", source.letter, escaped(source.name), source.runs,
                       source.runs == 1 ? "run" : "runs",
                       source.repeated ? fmt::format(", {} of them also in an earlier store", source.repeated) : "");
  }
  return out + ". Run a:7 is <code>superpose show</code> with the first store and 7.</p>\n";
}

std::string header_html(const Page& page) {
  std::string out = fmt::format("<header>\n<h1>{}</h1>\n<p class=\"lead\">", escaped(page.title));
  for (const std::string& sentence : page.sentences) out += escaped(sentence) + " ";
  out += "</p>\n";
  if (!page.claims.empty()) {
    out += "<ul class=\"counts\" aria-label=\"verdicts\">";
    for (const char* name : {"confirmed", "denied", "cannot_tell"}) {
      out += fmt::format("<li><b>{}</b> {}</li>", page.count(name), badge(name));
    }
    out += "</ul>\n";
  }
  std::string made = fmt::format(
      "Made by superpose {} from a run store (<code>superpose report STORE -o report.html</code>)", kVersion);
  if (!page.versions.empty()) {
    std::string versions;
    for (const auto& version : page.versions) versions += (versions.empty() ? "" : ", ") + escaped(version);
    made += "; runs computed by version " + versions;
  }
  if (!page.latest.empty()) made += "; last run finished " + escaped(page.latest);
  out += fmt::format("<p class=\"meta\">{}. One file, nothing is loaded from anywhere.</p>\n", made);
  out += sources_html(page);
  out += "<nav aria-label=\"sections\">";
  const auto link = [&](const char* id, const char* title) {
    out += fmt::format("<a href=\"#{}\">{}</a> ", id, title);
  };
  link("claims", "Claims"), link("figures", "Figures"), link("explorer", "One run"), link("dial", "The dial");
  link("fits", "Fits"), link("checkpoints", "Real checkpoints"), link("about", "How to read this");
  return out + "</nav>\n</header>\n";
}

// "Ours: 24 points, x 10 to 100, y 0.064 to 1.24."
std::string range_text(const Json& ranges, const char* role, const char* name) {
  const Json& range = ranges[role];
  const size_t points = range["points"].get<size_t>();
  if (points == 0) return fmt::format("{}: none.", name);
  std::string out = fmt::format("{}: {} {}", name, points, points == 1 ? "point" : "points");
  for (const char* axis : {"x", "y", "z"}) {
    if (!range.contains(axis) || range[axis].is_null()) continue;
    const double lo = range[axis][0].get<double>(), hi = range[axis][1].get<double>();
    const char* shown = std::string_view(axis) == "z" ? "value" : axis;
    out += lo == hi ? fmt::format(", {} {}", shown, number(lo, 4))
                    : fmt::format(", {} {} to {}", shown, number(lo, 4), number(hi, 4));
  }
  return out + ".";
}

std::string how_html(const Figure& figure) {
  std::string out = "<details class=\"how\"><summary>How was this made, and its numbers</summary>\n<dl>";
  out += "<dt>Command</dt><dd>";
  for (const std::string& command : figure.commands) out += "<pre><code>" + escaped(command) + "</code></pre>";
  out += "</dd>";
  if (!figure.runs.empty()) {
    out += fmt::format("<dt>Runs</dt><dd>{} (<code>superpose show STORE RUN</code>)</dd>",
                       escaped(id_ranges(figure.runs)));
  }
  const Made& made = figure.made;
  if (!made.seeds.empty()) out += fmt::format("<dt>Seeds</dt><dd>{}</dd>", escaped(made.seeds));
  if (!made.config.empty()) out += fmt::format("<dt>Configuration</dt><dd>{}</dd>", escaped(made.config));
  if (!made.varies.empty()) out += fmt::format("<dt>Varied</dt><dd>{}</dd>", escaped(made.varies));
  if (!made.versions.empty()) out += fmt::format("<dt>Computed by</dt><dd>superpose {}</dd>", escaped(made.versions));
  if (!figure.source.empty()) out += "<dt>Published series</dt><dd>" + escaped(figure.source) + "</dd>";
  out += fmt::format("<dt>Drawn by</dt><dd>superpose {}</dd></dl>\n", kVersion);
  return out + fmt::format("<div class=\"numbers\" data-numbers=\"{}\"></div></details>\n", figure.id);
}

std::string figure_html(const Figure& figure, size_t index, const std::string& more) {
  const Json ranges = to_json(figure)["ranges"];
  std::string out =
      fmt::format("<figure id=\"{0}\" aria-label=\"{1}\">\n<h3>{2}{1}{3}</h3>\n", figure.id, escaped(figure.title),
                  index == 0 ? "" : fmt::format("{}. ", index),
                  figure.paper.empty() ? "" : fmt::format(" <small>paper: {}</small>", escaped(figure.paper)));
  if (!figure.empty.empty()) out += "<p class=\"box\">" + escaped(figure.empty) + "</p>\n";
  out += fmt::format(
      "<div class=\"chart\" data-figure=\"{}\"><noscript>The drawing needs JavaScript; the numbers are in this page's "
      "data.</noscript></div>\n",
      figure.id);
  out += "<figcaption><p>" + escaped(figure.caption) + "</p>\n<p class=\"facts\">" + escaped(figure.interval) + " " +
         (has_role(figure, Role::fit) && ranges["ours"]["points"] == 0 ? "Ours: the fitted line."
                                                                       : range_text(ranges, "ours", "Ours")) +
         " " + range_text(ranges, "published", "Published") + "</p>\n";
  if (figure.recorded > 0) {
    out += fmt::format(
        "<p class=\"facts\"><b>{}</b> behind it {} recorded, not of this store; tips and numbers say which "
        "points.</p>\n",
        figure.recorded == 1 ? "1 run" : fmt::format("{} runs", figure.recorded), figure.recorded == 1 ? "is" : "are");
  }
  if (!figure.notes.empty()) {
    constexpr size_t kMost = 8;
    out += "<ul class=\"facts\">";
    for (size_t i = 0; i < std::min(kMost, figure.notes.size()); ++i)
      out += "<li>" + escaped(figure.notes[i]) + "</li>";
    if (figure.notes.size() > kMost) out += fmt::format("<li>and {} more</li>", figure.notes.size() - kMost);
    out += "</ul>\n";
  }
  return out + "</figcaption>\n" + more + how_html(figure) + "</figure>\n";
}

// A denied claim is a finding: it stands above the table, in words.
std::string findings_html(const Page& page) {
  if (page.count("denied") == 0) return "";
  std::string out = "<div class=\"findings\"><h3>Findings against the paper</h3><ul>\n";
  for (const Claim& claim : page.claims) {
    if (claim.verdict != "denied") continue;
    out += fmt::format("<li><b>{}</b> {} ({}): published {}, measured {}. Because: {}</li>\n", escaped(claim.id),
                       escaped(claim.claim), escaped(claim.quantity.empty() ? "value" : claim.quantity),
                       escaped(claim.published), escaped(claim.measured), escaped(claim.because));
  }
  return out + "</ul></div>\n";
}

std::string published_html(const Claim& claim) {
  const std::string value = claim.published.empty() ? "—" : escaped(claim.published);
  return claim.tolerance.empty() ? value : fmt::format("{} <small>tolerance {}</small>", value, claim.tolerance);
}

std::string claims_html(const Page& page) {
  std::string out =
      "<section id=\"claims\" aria-labelledby=\"claims-title\">\n<h2 id=\"claims-title\">Claims ledger</h2>\n";
  if (page.claims.empty()) {
    return out +
           "<p class=\"box\">This store has no claims ledger. <code>superpose study quick</code> runs the quick study, "
           "compares each claim of the paper with what it measured, and writes one.</p>\n</section>\n";
  }
  out += findings_html(page);
  out += fmt::format(
      "<table role=\"table\" class=\"claims stack\">\n<caption>Each claim of the paper, what the paper says and what "
      "was measured here, "
      "with its 95 % interval{}. Confirmed: the interval overlaps the published value within the claim's tolerance; "
      "denied: it does not; cannot tell: not run, or too wide to say.</caption>\n",
      page.study.empty() ? "" : fmt::format(" (study {})", escaped(page.study)));
  out += head_row({"Id", "Claim", "Published", "Measured [95 %]", "Verdict", "Because", "Command"}) +
         "<tbody role=\"rowgroup\">\n";
  for (const Claim& claim : page.claims) {
    out += fmt::format("<tr role=\"row\" class=\"{}\">", claim.verdict);
    out += fmt::format("<th role=\"rowheader\" scope=\"row\" data-label=\"Id\">{}</th>", escaped(claim.id));
    const std::string quantity =
        claim.quantity.empty() ? "" : fmt::format(" <small>{}</small>", escaped(claim.quantity));
    out += cell("Claim", escaped(claim.claim) + quantity, "wide") + cell("Published", published_html(claim), "num");
    out += cell("Measured", escaped(claim.measured), "num") + cell("Verdict", badge(claim.verdict));
    out += cell("Because", escaped(claim.because), "wide") + cell("Command", code(claim.command), "wide command") +
           "</tr>\n";
  }
  out += "</tbody></table>\n";
  if (page.ledger) out += figure_html(*page.ledger, 0, "");
  return out + "</section>\n";
}

std::string slopes_html(const Page& page) {
  if (page.slopes.empty()) return "";
  std::string out = fmt::format(
      "<details><summary>All {} fitted slopes</summary>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"fitted slopes\">"
      "<table class=\"data\"><caption>loss = C·m<sup>−αₘ</sup> per cell</caption>",
      page.slopes.size());
  out += head_row({"law", "E", "γ", "αₘ [95 %]", "R²", "widths", "seeds", "interval from", "runs"}) + "<tbody>";
  for (const Slope& slope : page.slopes) {
    const Exponent& power = slope.exponent;
    out += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></"
        "tr>\n",
        escaped(slope.law), number(slope.density), decay_text(slope.decay), with_interval(power.alpha, power.ci95),
        number(power.r2), power.widths, power.seeds, escaped(power.method), id_ranges(slope.runs));
  }
  return out + "</tbody></table></div></details>\n";
}

std::string figures_html(const Page& page) {
  std::string out =
      "<section id=\"figures\" aria-labelledby=\"figures-title\">\n<h2 id=\"figures-title\">Figures</h2>\n";
  out +=
      "<p class=\"key\"><span class=\"mark ours\" aria-hidden=\"true\"></span> filled: measured with superpose "
      "<span class=\"mark published\" aria-hidden=\"true\"></span> hollow: published in the paper "
      "<span class=\"mark fit\" aria-hidden=\"true\"></span> solid line: fitted here "
      "<span class=\"mark theory\" aria-hidden=\"true\"></span> dashed: theory</p>\n";
  size_t index = 0;
  std::string absent;
  for (const Figure& figure : page.figures) {
    if (figure.empty.empty()) out += figure_html(figure, ++index, figure.id == "loss-vs-m" ? slopes_html(page) : "");
  }
  for (const Figure& figure : page.figures) {
    if (!figure.empty.empty()) absent += figure_html(figure, ++index, "");
  }
  if (!absent.empty()) {
    out +=
        "<h2>Not measured here</h2>\n<p>These figures of the paper have no data of ours in this store; what is drawn "
        "is published.</p>\n" +
        absent;
  }
  return out + "</section>\n";
}

// Bars of the norm histogram, or a box from the quantiles when the inspection kept no histogram.
std::string norms_svg(const Matrix& matrix) {
  constexpr double kWidth = 150, kHeight = 40;
  std::string shape;
  double lo = 0, hi = 0;
  if (!matrix.counts.empty()) {
    lo = matrix.edges.front(), hi = matrix.edges.back();
    const double most = *std::max_element(matrix.counts.begin(), matrix.counts.end());
    if (!(hi > lo) || !(most > 0)) return "";
    for (size_t i = 0; i < matrix.counts.size(); ++i) {
      const double x0 = (matrix.edges[i] - lo) / (hi - lo) * kWidth,
                   x1 = (matrix.edges[i + 1] - lo) / (hi - lo) * kWidth;
      const double h = matrix.counts[i] / most * kHeight;
      if (h > 0) shape += fmt::format("M{:.1f} {}V{:.1f}H{:.1f}V{}Z", x0, kHeight, kHeight - h, x1, kHeight);
    }
  } else if (matrix.quantiles.size() >= 2) {
    lo = matrix.quantiles.front().second, hi = matrix.quantiles.back().second;
    if (!(hi > lo)) return "";
    const auto at = [&](size_t i) { return (matrix.quantiles[i].second - lo) / (hi - lo) * kWidth; };
    shape = fmt::format("M0 19H{}V21H0Z", kWidth);
    if (matrix.quantiles.size() == 7)
      shape += fmt::format("M{:.1f} 8H{:.1f}V32H{:.1f}ZM{:.1f} 2h2v36h-2Z", at(2), at(4), at(2), at(3));
  } else {
    return "";
  }
  return fmt::format(
      "<svg class=\"norms\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"distribution of row norms from {2} to "
      "{3}\"><path d=\"{4}\"/></svg>"
      "<span class=\"ends\"><span>{2}</span><span>{3}</span></span>",
      kWidth, kHeight, number(lo), number(hi), shape);
}

std::optional<double> times(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? std::optional(*a * *b) : std::nullopt;
}

std::string checkpoints_html(const Page& page) {
  std::string out =
      "<section id=\"checkpoints\" aria-labelledby=\"checkpoints-title\">\n<h2 id=\"checkpoints-title\">Real "
      "checkpoints</h2>\n";
  if (page.matrices.empty()) {
    return out +
           "<div class=\"box\"><p>No checkpoint was inspected into this store. Two ways to get one:</p><ul>"
           "<li><code>./run samples</code> fetches small open models, then <code>./run study</code> inspects them;</li>"
           "<li><code>superpose inspect PATH</code> measures any safetensors, GGUF or PyTorch file at "
           "hand.</li></ul></div>\n</section>\n";
  }
  out +=
      "<table role=\"table\" class=\"stack matrices\">\n<caption>Overlap is the mean squared cosine over all pairs of "
      "rows, times m: 1 is what random directions give, "
      "Welch the least that is possible for n rows. Centred: with the mean row removed. Norms: how many rows have "
      "which length.</caption>\n";
  out += head_row({"Matrix", "n", "m", "Overlap × m", "centred × m", "random", "Welch × m", "Row norms",
                   "Superposition", "Because"}) +
         "<tbody role=\"rowgroup\">\n";
  for (const Matrix& matrix : page.matrices) {
    const auto count = [](const std::optional<double>& value) { return value ? fmt::format("{:.0f}", *value) : "—"; };
    out += fmt::format(
        "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Matrix\"><span "
        "title=\"{}\">{}</span><br><small>{} {}</small></th>",
        escaped(matrix.path), escaped(file_name(matrix.path)), escaped(matrix.tensor),
        matrix.role.empty() ? "" : fmt::format("({})", escaped(matrix.role)));
    out += cell("n", count(matrix.n), "num") + cell("m", count(matrix.m), "num");
    out += cell("Overlap × m", number(times(matrix.mean_square, matrix.m)), "num");
    out += cell("centred × m", number(times(matrix.mean_square_centered, matrix.m)), "num");
    out += cell("random", "1", "num") + cell("Welch × m", number(times(matrix.welch, matrix.m)), "num");
    out += cell("Row norms", norms_svg(matrix)) + cell("Superposition", superposition_badge(matrix.verdict));
    out += cell("Because", escaped(matrix.because), "wide") + "</tr>\n";
  }
  return out + "</tbody></table>\n</section>\n";
}

// Where the bundle shows one run. Without its script there is only the command.
std::string explorer_html(const std::vector<std::string>& left_out) {
  std::string out =
      "<section id=\"explorer\" aria-labelledby=\"explorer-title\">\n<h2 id=\"explorer-title\">This very run</h2>\n"
      "<p>Pick γ, α, m and a seed in the bar below, or a point or cell of any figure: the figures fade what is not of "
      "that choice, and here is the run behind it. The address of the page keeps the choice.</p>\n"
      "<div id=\"run\"><noscript>This part needs JavaScript; <code>superpose show STORE RUN</code> prints a "
      "run.</noscript>"
      "</div>\n";
  out +=
      "<p class=\"facts\">In this page curves are thinned to about 60 points evenly in log steps, numbers have four "
      "digits, and of feature vectors only the most frequent are kept.";
  for (const std::string& sentence : left_out) out += " " + escaped(sentence);
  return out +
         " <code>superpose report STORE -o report.html --data DIR</code> writes everything beside the page: "
         "runs.jsonl, "
         "curves.csv and each figure as CSV.</p>\n</section>\n"
         // The dial mounts here where the page has its engine.
         "<section id=\"dial\" aria-label=\"the dial\" hidden></section>\n";
}

std::string about_html(const Page& page) {
  std::string out =
      "<section id=\"about\" aria-labelledby=\"about-title\">\n<h2 id=\"about-title\">How to read this</h2>\n"
      "<p>The toy model stores n features of different frequency in m &lt; n dimensions: h = Wᵀx, y = ReLU(Wh + b). "
      "Weight decay γ &lt; 0 pulls the rows of W to length 1 (superposition), γ &gt; 0 shrinks them (none). "
      "Feature i is active with probability p ∝ i<sup>−α</sup>; E is the mean number of active features. "
      "Loss is summed over features. αₘ is the exponent of loss ∝ m<sup>−αₘ</sup>.</p>\n"
      "<p>Published values come from the paper arXiv 2505.10465, read from its figures; they are always a series of "
      "their own. "
      "Where nothing of ours was run, the place stays empty.</p>\n";
  if (!page.notes.empty()) {
    out += "<h3>Left out, and why</h3><ul>";
    for (const std::string& note : page.notes) out += "<li>" + escaped(note) + "</li>";
    out += "</ul>\n";
  }
  return out + "</section>\n";
}

}  // namespace

std::string body_html(const Page& page, const std::vector<std::string>& left_out) {
  const std::string coverage = page.coverage ? figure_html(*page.coverage, 0, "") : "";
  return header_html(page) + "<main>\n" + claims_html(page) + figures_html(page) + explorer_html(left_out) +
         fits_html(page, coverage) + checkpoints_html(page) + about_html(page) + "</main>\n";
}

}  // namespace superpose::report
