// SPDX-License-Identifier: Apache-2.0
// The text of an inspection's page as HTML. Paths, tensors and tokens are hostile: everything passes through escaped().
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/version.h"
#include "superpose/report/cells.h"
#include "superpose/report/figures_inspection.h"
#include "superpose/report/html.h"
#include "superpose/report/inspection_page.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

std::optional<double> times(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? std::optional(*a * *b) : std::nullopt;
}

std::optional<double> overlap_m(const Json& matrix, const char* which) {
  return times(field(member(matrix, which), "mean_square"), field(matrix, "m"));
}

std::string figure_html(const Figure& figure, const char* css = "") {
  std::string out = fmt::format("<figure class=\"{}\" id=\"{}\" aria-label=\"{}\">\n<h4>{}</h4>\n", css, figure.id,
                                escaped(figure.title), escaped(figure.title));
  out += fmt::format(
      "<div class=\"chart\" data-figure=\"{}\"><noscript>The drawing needs JavaScript; the numbers are in this "
      "page's data.</noscript></div>\n",
      figure.id);
  out += "<figcaption><p class=\"facts\">" + escaped(figure.caption) + " " + escaped(figure.interval) + "</p>\n";
  for (const std::string& note : figure.notes) out += "<p class=\"facts\">" + escaped(note) + "</p>\n";
  return out + fmt::format(
                   "</figcaption>\n<details><summary>Numbers</summary><div class=\"numbers\" "
                   "data-numbers=\"{}\"></div></details>\n</figure>\n",
                   figure.id);
}

// ---- the story of one matrix

// Where the excess over random directions comes from, as the inspection split it; else from the two overlaps alone.
std::string excess_sentence(const Json& matrix, double plain, double centred) {
  const Json& excess = member(matrix, "excess");
  const auto total = field(excess, "total"), shared = field(excess, "anisotropy"), rest = field(excess, "structure");
  const double unseen = field(excess, "unseen").value_or(0);
  const auto share = [](double part) { return fmt::format("{:.0f} %", 100 * part); };
  if (total && *total > 0.5 && shared && rest && *shared >= 0 && *rest >= 0 && unseen >= 0) {
    return fmt::format(
        " Of the excess over 1/m, {}{} goes with the mean row, a direction that all rows share (anisotropy), and {} is "
        "left: "
        "structure, rows that are alike because of what they stand for.",
        unseen > 0 ? share(unseen / *total) + " comes with tokens that the counts never saw, " : "",
        share(*shared / *total), share(*rest / *total));
  }
  if (plain > 1.5 && centred < 0.7 * plain) {
    return fmt::format(
        " About {} of the excess is a direction that all rows share (anisotropy), not crowding of features.",
        share(std::min(1.0, (plain - centred) / (plain - 1))));
  }
  if (centred > 1.3 * plain) {
    return " That it rises says that many rows lie together away from the mean row, as rows of tokens that training "
           "never saw do.";
  }
  return " A direction that all rows share explains little of it.";
}

std::string story_of(const Json& matrix) {
  const auto plain = overlap_m(matrix, "overlap"), centred = overlap_m(matrix, "overlap_centered"),
             m = field(matrix, "m");
  if (!plain) return "";
  std::string out = fmt::format("Mean-square overlap of two rows: {}/m; random directions have 1/m.", number(*plain));
  if (centred) {
    out +=
        fmt::format(" With the mean row removed: {}/m.", number(*centred)) + excess_sentence(matrix, *plain, *centred);
  }
  const Json& frequency = member(matrix, "frequency");
  const auto seen = times(field(member(frequency, "seen"), "mean_square"), m),
             unseen = times(field(member(frequency, "unseen"), "mean_square"), m);
  if (seen && unseen) {
    out += fmt::format(" Rows of tokens seen in the counts have {}/m, rows of unseen ones {}/m.", number(*seen),
                       number(*unseen));
  }
  return out;
}

std::string decided_html(const Json& matrix) {
  const Json& list = member(matrix, "decided_by");
  if (!list.is_array() || list.empty()) return "";
  std::string out = "<table role=\"table\" class=\"stack decided\"><caption>What decided</caption>" +
                    head_row({"Number", "Value", "Threshold", "What it means"}) + "<tbody role=\"rowgroup\">\n";
  for (const Json& one : list) {
    const auto shown = [&](const char* name) {
      const auto value = field(one, name);
      return value ? number(*value, 4) : escaped(text_field(one, name));
    };
    out += fmt::format("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Number\">{}</th>",
                       escaped(text_field(one, "name")));
    out += cell("Value", shown("value"), "num") + cell("Threshold", shown("threshold"), "num") +
           cell("What it means", escaped(text_field(one, "meaning")), "wide") + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

// ---- the numbers, each with its meaning

struct Row {
  const char* name;
  std::string value;
  const char* meaning;
};

std::string token_text(const Json& token, const std::optional<double>& id) {
  if (token.is_string()) return token.get<std::string>();
  return id ? fmt::format("id {:.0f}", *id) : "";
}

std::vector<Row> overlap_rows(const Json& matrix) {
  const Json &overlap = member(matrix, "overlap"), &max_pair = member(overlap, "max_pair");
  const auto m = field(matrix, "m");
  std::vector<Row> out{
      {"overlap × m", number(overlap_m(matrix, "overlap"), 4),
       "mean squared cosine over all pairs of rows, times m; exact. Random directions give 1."},
      {"overlap × m, centred", number(overlap_m(matrix, "overlap_centered"), 4),
       "the same after the mean row is removed: what is left when the direction that all rows share is gone"},
      {"Welch bound × m", number(times(field(matrix, "welch_bound_mean_square"), m), 4),
       "the least that any n directions in m dimensions can have"},
      {"mean cosine", number(field(overlap, "mean_cosine"), 4), "far from 0: rows point the same way"},
  };
  const auto mean = field(overlap, "mean_abs"), se = field(overlap, "mean_abs_se");
  out.push_back({"mean |cos|", se && *se > 0 ? fmt::format("{} ± {}", number(mean, 4), number(se, 2)) : number(mean, 4),
                 text_field(overlap, "pairs") == "sampled" ? "from a sample of pairs, ± its standard error"
                                                           : "over all pairs of rows"});
  if (const auto most = field(overlap, "max_abs")) {
    const auto pair = finite_numbers(max_pair);
    out.push_back({"largest |cos|",
                   pair.size() == 2 ? fmt::format("{} (rows {:.0f} and {:.0f})", number(*most, 4), pair[0], pair[1])
                                    : number(*most, 4),
                   "the two rows that are most alike; 1 means duplicates up to length and sign"});
  }
  return out;
}

std::vector<Row> number_rows(const Json& matrix) {
  const Json &norm = member(matrix, "norm"), &spectrum = member(matrix, "spectrum"),
             &crowding = member(matrix, "crowding");
  const auto from = [&](const char* name) {
    const auto value = field(spectrum, name);
    return number(value ? value : field(matrix, name), 4);
  };
  std::vector<Row> out{
      {"rows n", count_text(field(matrix, "n")), "features: tokens of the vocabulary, for a head or an embedding"},
      {"columns m", count_text(field(matrix, "m")), "dimensions that the rows share"},
  };
  for (Row& row : overlap_rows(matrix)) out.push_back(std::move(row));
  const std::vector<Row> rest{
      {"row norm", fmt::format("{} ± {}", number(field(norm, "mean"), 4), number(field(norm, "std"), 3)),
       "mean and standard deviation of the rows' lengths"},
      {"shortest, longest", fmt::format("{}, {}", number(field(norm, "min"), 3), number(field(norm, "max"), 3)),
       "of the rows' lengths"},
      {"φ½", number(field(matrix, "phi_half"), 4),
       "share of rows longer than ½: how many features are represented at all"},
      {"zero rows", count_text(field(matrix, "zero_rows")), "rows without a direction; they take part in no overlap"},
      {"effective rank", from("effective_rank"),
       "directions that carry the matrix, by the entropy of its singular values σ"},
      {"effective rank of σ²", from("eigenvalue_effective_rank"), "the same by the entropy of the Gram eigenvalues σ²"},
      {"participation ratio", from("participation_ratio"),
       "(Σσ²)²/Σσ⁴: near 1 when one direction dominates, m when all are alike"},
      {"stable rank", from("stable_rank"), "Σσ²/σ₁²: all the matrix holds, counted in its strongest direction"},
      {"norm against frequency", number(field(member(matrix, "frequency"), "norm_spearman"), 3),
       "rank correlation of row length with how often the token occurs; −1 to 1"},
      {"duplicate rows", count_text(field(crowding, "duplicate_rows")), "rows equal to another row"},
      {"unused rows", count_text(field(member(crowding, "unused"), "rows")), "rows that training hardly moved apart"},
  };
  for (const Row& row : rest) out.push_back(row);
  std::erase_if(out, [](const Row& row) { return row.value == "—" || row.value.find("—") == 0; });
  return out;
}

std::string numbers_html(const Json& matrix) {
  std::string out =
      "<table role=\"table\" class=\"stack facts-table\"><caption>The numbers, and what each means</caption>" +
      head_row({"Number", "Value", "What it means"}) + "<tbody role=\"rowgroup\">\n";
  for (const Row& row : number_rows(matrix)) {
    out += fmt::format("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Number\">{}</th>",
                       escaped(row.name));
    out += cell("Value", escaped(row.value), "num") + cell("What it means", escaped(row.meaning), "wide") + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string baselines_html(const Json& matrix) {
  const auto rows = baselines_of(matrix);
  if (rows.size() < 2) return "";
  const Json& baselines = member(matrix, "baselines");
  std::string caption = "Mean-square overlap in units of 1/m, beside its baselines";
  if (member(baselines, "sampled") == Json(true)) {
    caption += fmt::format("; baselines from a sample of {} rows", count_text(field(baselines, "rows")));
  }
  std::string out = "<table role=\"table\" class=\"stack facts-table\"><caption>" + escaped(caption) + "</caption>" +
                    head_row({"Of", "× m", "What it means"}) + "<tbody role=\"rowgroup\">\n";
  for (const Baseline& row : rows) {
    out += fmt::format("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Of\">{}</th>",
                       escaped(row.name));
    out +=
        cell("× m", row.se ? fmt::format("{} ± {}", number(row.times_m, 4), number(row.se, 2)) : number(row.times_m, 4),
             "num") +
        cell("What it means", escaped(row.meaning), "wide") + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

// ---- crowding

std::string token_code(const Json& one) {
  const auto id = field(one, "id");
  const std::string text = token_text(member(one, "token"), id);
  const std::string shown = fmt::format("<code class=\"token\" dir=\"ltr\">{}</code>", escaped(text));
  return id && text != fmt::format("id {:.0f}", *id) ? shown + fmt::format(" <small>{:.0f}</small>", *id) : shown;
}

std::string crowded_html(const Json& list, const std::optional<double>& m, const std::string& caption) {
  if (!list.is_array() || list.empty()) return "";
  std::string out = "<table role=\"table\" class=\"stack crowding\"><caption>" + caption + "</caption>" +
                    head_row({"Token", "Overlap × m", "Nearest neighbours (cosine)"}) + "<tbody role=\"rowgroup\">\n";
  for (const Json& one : list) {
    out += fmt::format("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Token\">{}</th>",
                       token_code(one));
    std::string neighbours;
    const Json& nearest = member(one, "nearest");
    if (nearest.is_array()) {
      for (const Json& other : nearest) {
        neighbours += fmt::format("<span class=\"neighbour\">{} <span class=\"num soft\">{}</span></span> ",
                                  token_code(other), number(field(other, "cosine"), 3));
      }
    }
    out += cell("Overlap × m", number(times(field(one, "mean_square"), m), 3), "num") +
           cell("Nearest", neighbours, "wide") + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

// [{"ids": [..], "tokens": [..]}]
std::string duplicates_html(const Json& crowding) {
  const Json& groups = member(crowding, "duplicates");
  if (!groups.is_array() || groups.empty()) return "";
  constexpr size_t kMostShown = 12;
  std::string out =
      fmt::format("<h5>Equal rows{}</h5><ul class=\"plain\">",
                  field(crowding, "duplicate_rows")
                      ? fmt::format(" ({} rows have a twin)", count_text(field(crowding, "duplicate_rows")))
                      : "");
  for (const Json& group : groups) {
    const Json &ids = member(group, "ids"), &tokens = member(group, "tokens");
    if (!ids.is_array()) continue;
    out += "<li>";
    for (size_t i = 0; i < std::min(ids.size(), kMostShown); ++i) {
      Json one{{"id", ids[i]}};
      if (tokens.is_array() && i < tokens.size()) one["token"] = tokens[i];
      out += (i ? " = " : "") + token_code(one);
    }
    out += ids.size() > kMostShown ? fmt::format(" … and {} more</li>\n", ids.size() - kMostShown) : "</li>\n";
  }
  return out + "</ul>\n";
}

std::string unused_html(const Json& crowding) {
  const Json& unused = member(crowding, "unused");
  const auto rows = field(unused, "rows");
  if (!rows || *rows <= 0) return "";
  std::string out = fmt::format("<h5>Probably unused tokens ({} rows)</h5><p class=\"facts\">{}</p><p>",
                                count_text(rows), escaped(text_field(unused, "because")));
  const Json& examples = member(unused, "examples");
  if (examples.is_array()) {
    for (const Json& one : examples) out += "<span class=\"neighbour\">" + token_code(one) + "</span> ";
  }
  return out + "</p>\n";
}

std::string crowding_html(const Json& matrix) {
  const Json& crowding = member(matrix, "crowding");
  const auto m = field(matrix, "m");
  const char* how = member(crowding, "centered") == Json(true) ? " (mean row removed)" : "";
  const std::string out =
      crowded_html(member(crowding, "asked"), m,
                   fmt::format("Tokens asked for, and their nearest rows by |cosine|{}", how)) +
      crowded_html(
          member(crowding, "most_crowded"), m,
          fmt::format("Most crowded tokens: whose rows overlap most with all others, and their nearest rows by "
                      "|cosine|{}",
                      how)) +
      duplicates_html(crowding) + unused_html(crowding);
  return out.empty() ? "" : "<h4 class=\"part\">Crowding</h4>\n" + out;
}

// ---- sections

std::string figures_html(const InspectedMatrix& matrix) {
  std::string out = "<div class=\"two\">\n";
  for (const Figure& figure : matrix.figures) out += figure_html(figure, figure.panels.size() > 1 ? "both" : "");
  return out + "</div>\n";
}

std::string matrix_html(const InspectedMatrix& matrix, size_t index) {
  const Json& value = *matrix.value;
  std::string out = fmt::format(
      "<section id=\"matrix-{0}\" aria-labelledby=\"matrix-{0}-title\">\n<h2 id=\"matrix-{0}-title\">"
      "<code>{1}</code> <small>{2}</small></h2>\n",
      index, escaped(text_field(value, "tensor")), escaped(file_name(matrix.path)));
  std::string facts = fmt::format("{} × {}", count_text(field(value, "n")), count_text(field(value, "m")));
  const auto add = [&](const std::string& text) { facts += text.empty() ? "" : " · " + text; };
  add(text_field(value, "dtype"));
  add(matrix.format);
  add(text_field(value, "role") == "lm_head" ? "the head" : text_field(value, "role"));
  if (member(value, "tied") == Json(true)) add("tied with the embedding");
  out += fmt::format("<p class=\"meta\">{}. {}</p>\n", escaped(facts), escaped(text_field(value, "evidence")));
  out += fmt::format("<div class=\"verdict\"><p>Superposition: {} {}</p><p>{}</p></div>\n",
                     superposition_badge(text_field(value, "verdict")), escaped(text_field(value, "because")),
                     escaped(story_of(value)));
  if (const std::string other = text_field(value, "verdict_all_rows"); !other.empty()) {
    out += fmt::format("<p class=\"facts\">Over all rows, seen in the counts or not: {} {}</p>\n",
                       superposition_badge(other), escaped(text_field(value, "because_all_rows")));
  }
  return out + decided_html(value) + figures_html(matrix) + baselines_html(value) + numbers_html(value) +
         crowding_html(value) + "</section>\n";
}

std::string overview_html(const InspectionPage& page) {
  if (page.matrices.size() < 2) return "";
  std::string out =
      "<section id=\"overview\" aria-labelledby=\"overview-title\">\n<h2 id=\"overview-title\">All matrices</h2>\n"
      "<table role=\"table\" class=\"stack\"><caption>Overlap is the mean squared cosine over all pairs of rows, times "
      "m: 1 is what random directions give. Centred: with the mean row removed.</caption>" +
      head_row({"Matrix", "n", "m", "Overlap × m", "centred × m", "norm", "Superposition"}) +
      "<tbody role=\"rowgroup\">\n";
  for (size_t i = 0; i < page.matrices.size(); ++i) {
    const InspectedMatrix& matrix = page.matrices[i];
    const Json& value = *matrix.value;
    const std::string name = escaped(text_field(value, "tensor"));
    out += fmt::format(
        "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Matrix\">{}<br><small "
        "title=\"{}\">{}</small></th>",
        matrix.whole ? fmt::format("<a href=\"#matrix-{}\">{}</a>", i + 1, name) : name, escaped(matrix.path),
        escaped(file_name(matrix.path)));
    out += cell("n", count_text(field(value, "n")), "num") + cell("m", count_text(field(value, "m")), "num");
    out += cell("Overlap × m", number(overlap_m(value, "overlap")), "num");
    out += cell("centred × m", number(overlap_m(value, "overlap_centered")), "num");
    out += cell("norm", number(field(member(value, "norm"), "mean")), "num");
    out += cell("Superposition", superposition_badge(text_field(value, "verdict"))) + "</tr>\n";
  }
  return out + "</tbody></table>\n</section>\n";
}

// The last two parts: checkpoints of a run differ in their folder.
std::string short_path(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  const size_t before = slash == std::string::npos || slash == 0 ? slash : path.find_last_of('/', slash - 1);
  return before == std::string::npos ? path : path.substr(before + 1);
}

std::string alarms_html(const Json& compare) {
  const Json& alarms = member(compare, "alarms");
  if (!alarms.is_array() || alarms.empty()) return "";
  std::string out = "<div class=\"findings\"><h3>Alarms</h3><ul>\n";
  for (const Json& alarm : alarms) {
    out += fmt::format("<li><b>{}</b>: {}<br><small>", escaped(text_field(alarm, "kind")),
                       escaped(text_field(alarm, "because")));
    const Json& paths = member(alarm, "paths");
    if (paths.is_array()) {
      for (const Json& path : paths) {
        if (path.is_string()) out += code(short_path(path.get<std::string>())) + " ";
      }
    }
    out += "</small></li>\n";
  }
  return out + "</ul></div>\n";
}

std::string models_html(const Json& compare) {
  const Json& models = member(compare, "models");
  if (!models.is_array() || models.empty()) return "";
  const bool steps = member(compare, "steps") == Json(true);
  std::string out = "<table role=\"table\" class=\"stack\"><caption>One line per model</caption>" +
                    head_row({"Model", steps ? "step" : "family", "n", "m", "Overlap", "× m", "centred × m", "norm",
                              "Superposition"}) +
                    "<tbody role=\"rowgroup\">\n";
  for (const Json& model : models) {
    const std::string path = text_field(model, "path"), label = text_field(model, "label");
    const auto m = field(model, "m");
    out += fmt::format(
        "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Model\"><span title=\"{}\">{}</span></th>",
        escaped(path), escaped(label.empty() ? file_name(path) : label));
    out += steps ? cell("step", count_text(field(model, "step")), "num")
                 : cell("family", escaped(text_field(model, "family")));
    out += cell("n", count_text(field(model, "n")), "num") + cell("m", count_text(m), "num");
    out += cell("Overlap", number(field(model, "mean_square"), 4), "num");
    out += cell("× m", number(times(field(model, "mean_square"), m)), "num");
    out += cell("centred × m", number(times(field(model, "mean_square_centered"), m)), "num");
    out += cell("norm", number(field(model, "norm_mean")), "num");
    out += cell("Superposition", superposition_badge(text_field(model, "verdict"))) + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

// One pooled fit, and one per family.
std::string fits_html(const Json& compare) {
  const auto line = [](const Json& fit) {
    const auto ci = finite_numbers(member(fit, "ci95"));
    const auto interval = ci.size() == 2 ? std::optional(Interval{ci[0], ci[1]}) : std::nullopt;
    return with_interval(field(fit, "exponent"), interval);
  };
  const Json &fit = member(compare, "fit"), &families = member(compare, "families");
  std::string out;
  if (field(fit, "exponent")) {
    const std::string word = text_field(fit, "verdict");
    out += fmt::format(
        "<div class=\"verdict\"><p>Mean-square overlap ∝ 1/m<sup>a</sup> with a = <b>{}</b> (95 % interval){}.</p>"
        "<p>{}</p></div>\n",
        escaped(line(fit)),
        word.empty() ? "" : fmt::format("; “∝ 1/m” is <b>{}</b>", escaped(word == "cannot_tell" ? "undecided" : word)),
        escaped(text_field(fit, "because")));
  }
  if (families.is_array() && !families.empty()) {
    out += "<details><summary>By family</summary><ul class=\"plain\">\n";
    for (const Json& one : families) {
      out += fmt::format("<li><b>{}</b>: {}. {}</li>\n", escaped(text_field(one, "family")), escaped(line(one)),
                         escaped(text_field(one, "because")));
    }
    out += "</ul></details>\n";
  }
  return out;
}

std::string comparison_html(const InspectionPage& page) {
  const Json& compare = *page.compare;
  if (!compare.is_object()) return "";
  std::string out =
      "<section id=\"comparison\" aria-labelledby=\"comparison-title\">\n<h2 "
      "id=\"comparison-title\">Comparison</h2>\n" +
      alarms_html(compare);
  out += fits_html(compare);
  for (const Figure& figure : page.comparison) out += figure_html(figure);
  const Json& notes = member(compare, "notes");
  if (notes.is_array()) {
    for (const Json& note : notes) {
      if (note.is_string()) out += "<p class=\"facts\">" + escaped(note.get<std::string>()) + "</p>\n";
    }
  }
  return out + models_html(compare) + "</section>\n";
}

std::string identity_html(const InspectionPage& page) {
  std::string rows;
  for (const InspectedMatrix& matrix : page.matrices) {
    const std::string hash = text_field(*matrix.value, "hash");
    if (hash.empty()) continue;
    rows += fmt::format(
        "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Tensor\">{}<br><small>{}</small></th>",
        escaped(text_field(*matrix.value, "tensor")), escaped(matrix.path));
    rows += cell("SHA-256", "<code class=\"hash\">" + escaped(hash) + "</code>", "wide") + "</tr>\n";
  }
  if (rows.empty()) return "";
  return "<section id=\"identity\" aria-labelledby=\"identity-title\">\n<h2 id=\"identity-title\">Identity</h2>\n"
         "<table role=\"table\" class=\"stack\"><caption>A hash of each tensor's shape, type and bytes: two tensors "
         "with one hash are the "
         "same tensor, whatever their files are called.</caption>" +
         head_row({"Tensor", "SHA-256"}) + "<tbody role=\"rowgroup\">\n" + rows + "</tbody></table>\n</section>\n";
}

std::string lead_of(const InspectionPage& page) {
  const Json& models = member(*page.compare, "models");
  if (page.matrices.empty() && models.is_array() && !models.empty()) {
    return fmt::format("{} models, side by side.", models.size());
  }
  if (page.matrices.empty() && page.compare->is_object()) return "Models measured elsewhere, side by side.";
  if (page.matrices.empty()) return "No matrix was inspected.";
  const InspectedMatrix& first = page.matrices.front();
  if (page.matrices.size() == 1) {
    return fmt::format("One matrix of {}: how its {} rows share {} dimensions.", file_name(first.path),
                       count_text(field(*first.value, "n")), count_text(field(*first.value, "m")));
  }
  return fmt::format("{} matrices: how the rows of each share its dimensions.", page.matrices.size());
}

std::string header_html(const InspectionPage& page) {
  std::string out =
      fmt::format("<header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", escaped(page.title), escaped(lead_of(page)));
  out += fmt::format(
      "<p class=\"meta\">Made by superpose {} (<code>superpose inspect PATH -o report.html</code>). One file, nothing "
      "is "
      "loaded from anywhere.</p>\n",
      kVersion);
  out += "<nav aria-label=\"sections\">";
  if (page.compare->is_object()) out += "<a href=\"#comparison\">Comparison</a> ";
  if (page.matrices.size() > 1) out += "<a href=\"#overview\">All matrices</a> ";
  constexpr size_t kMostLinks = 6;
  for (size_t i = 0; i < std::min(page.matrices.size(), kMostLinks); ++i) {
    out += fmt::format("<a href=\"#matrix-{}\">{}</a> ", i + 1, escaped(text_field(*page.matrices[i].value, "tensor")));
  }
  if (!identity_html(page).empty()) out += "<a href=\"#identity\">Identity</a> ";
  return out + "<a href=\"#about\">How to read this</a></nav>\n</header>\n";
}

std::string warnings_html(const InspectionPage& page) {
  std::string out;
  for (const auto& [title, list] :
       {std::pair("Warnings", &page.warnings), std::pair("Left out, and why", &page.left_out)}) {
    if (list->empty()) continue;
    out += fmt::format("<div class=\"findings\"><h3>{}</h3><ul>\n", title);
    for (const std::string& one : *list) out += "<li>" + escaped(one) + "</li>\n";
    out += "</ul></div>\n";
  }
  return out;
}

const char* about_html() {
  return "<section id=\"about\" aria-labelledby=\"about-title\">\n<h2 id=\"about-title\">How to read this</h2>\n"
         "<p>A head has one row per token. With more tokens n than dimensions m the rows cannot all be orthogonal: "
         "they overlap. Overlap "
         "is |cos| of two rows; its mean square is 1/m for random directions and cannot be below Welch's bound "
         "(n−m)/(m(n−1)). "
         "<b>Strong</b> superposition: all rows are represented and there are far more than m. <b>Weak</b>: only some "
         "rows are long, "
         "nearly orthogonal, the others near zero. <b>None</b>: no more rows than dimensions. <b>Cannot tell</b>: the "
         "matrix looks "
         "untrained, collapsed, or its numbers fit several readings.</p>\n"
         "<p>Overlap above 1/m has several causes. A direction that all rows share (anisotropy) goes away with the "
         "mean row. Tokens that "
         "training never saw end up together in one place. What is left is structure: rows that are alike because "
         "their tokens are. The "
         "baselines take these apart one by one.</p>\n</section>\n";
}

}  // namespace

std::string inspection_body(const InspectionPage& page) {
  std::string out = header_html(page) + "<main class=\"inspection\">\n" + warnings_html(page) + comparison_html(page) +
                    overview_html(page);
  for (size_t i = 0; i < page.matrices.size(); ++i) {
    if (page.matrices[i].whole) out += matrix_html(page.matrices[i], i + 1);
  }
  return out + identity_html(page) + about_html() + "</main>\n";
}

}  // namespace superpose::report
