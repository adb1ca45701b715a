// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "superpose/base/version.h"
#include "superpose/report/checkpoints.h"
#include "superpose/report/how.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

// A number, [lo, hi], or a sentence, as a ledger may write it.
std::string value_text(const Json& value) {
  if (value.is_number()) return number(value.get<double>(), 4);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_number()) {
    return fmt::format("{} to {}", number(value[0].get<double>(), 4), number(value[1].get<double>(), 4));
  }
  return "—";
}

std::string id_text(const Json& claim) {
  const auto id = claim.find("id");
  return id != claim.end() && id->is_number_integer() ? fmt::format("D{}", id->get<int64_t>())
                                                      : text_field(claim, "id");
}

Claim read_claim(const Json& value) {
  Claim out;
  out.value = value;
  out.id = id_text(value), out.claim = text_field(value, "claim");
  out.because = text_field(value, "because"), out.command = text_field(value, "command");
  out.verdict = text_field(value, "verdict");
  if (out.verdict != "confirmed" && out.verdict != "denied") out.verdict = "cannot_tell";
  if (const auto tolerance = field(value, "tolerance"); tolerance && *tolerance > 0) out.tolerance = number(tolerance);
  out.quantity = text_field(value, "quantity");
  if (value.contains("published")) out.published = value_text(value["published"]);
  const Json measured = value.value("measured", Json()), ci = value.value("ci95", Json());
  std::optional<Interval> interval;
  if (ci.is_array() && ci.size() == 2 && ci[0].is_number() && ci[1].is_number()) {
    interval = Interval{ci[0].get<double>(), ci[1].get<double>()};
  }
  out.measured = measured.is_number() ? with_interval(measured.get<double>(), interval, 4) : value_text(measured);
  return out;
}

// The ledger: the newest "claims" artifact.
void read_claims(const std::vector<store::Artifact>& artifacts, Page& page) {
  const store::Artifact* ledger = nullptr;
  size_t ledgers = 0;
  for (const store::Artifact& artifact : artifacts) {
    if (artifact.kind != "claims" || !artifact.value.is_object()) continue;
    ++ledgers;
    if (!ledger || artifact.created_at >= ledger->created_at) ledger = &artifact;
  }
  if (!ledger) return;
  page.study = text_field(ledger->value, "study").empty() ? ledger->name : text_field(ledger->value, "study");
  if (ledgers > 1) {
    page.notes.push_back(
        fmt::format("This store holds {} claims ledgers; the newest, of study {}, is shown.", ledgers, page.study));
  }
  const Json claims = ledger->value.value("claims", Json::array());
  if (!claims.is_array()) return;
  for (const Json& claim : claims) {
    if (claim.is_object()) page.claims.push_back(read_claim(claim));
  }
}

RunCounts count_runs(const std::vector<store::Run>& runs) {
  RunCounts out;
  for (const store::Run& run : runs) {
    if (run.kind != "toy") continue;
    ++out.total;
    out.ok += run.status == "ok", out.diverged += run.status == "diverged";
    out.failed += run.status == "failed", out.running += run.status == "running";
    if ((run.status == "ok" || run.status == "diverged") && std::isfinite(run.seconds)) out.seconds += run.seconds;
  }
  return out;
}

std::string plural(size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// What was done, and what came out of it.
std::vector<std::string> summary(const Page& page) {
  const RunCounts& runs = page.runs;
  const size_t trained = runs.ok + runs.diverged;
  std::string done =
      trained == 0 ? "This store holds no finished toy run yet"
                   : fmt::format("{} trained here in {} of computing time",
                                 plural(trained, "toy model was", "toy models were"), duration_text(runs.seconds));
  std::vector<std::string> odd;
  if (runs.diverged) odd.push_back(fmt::format("{} diverged", runs.diverged));
  if (runs.failed) odd.push_back(fmt::format("{} failed", runs.failed));
  if (runs.running) odd.push_back(fmt::format("{} unfinished", runs.running));
  if (!odd.empty()) done += fmt::format(" ({})", fmt::join(odd, ", "));
  if (!page.matrices.empty()) {
    done += fmt::format(", and {} of real checkpoints {} inspected",
                        plural(page.matrices.size(), "weight matrix", "weight matrices"),
                        page.matrices.size() == 1 ? "was" : "were");
  }
  done += ".";
  if (page.claims.empty())
    return {done, "No claims ledger is in this store: superpose study quick runs the study and writes one."};
  const size_t confirmed = page.count("confirmed"), denied = page.count("denied"), open = page.count("cannot_tell");
  return {done, fmt::format("Of {} of the paper, {} {} confirmed, {} {} denied, and for {} these data cannot tell.",
                            plural(page.claims.size(), "claim", "claims"), confirmed, confirmed == 1 ? "is" : "are",
                            denied, denied == 1 ? "is" : "are", open)};
}

// Where this store has no run, recorded ones are drawn; the reader has to know.
std::string recorded_sentence(const std::vector<store::Run>& recorded) {
  std::set<std::string> versions;
  for (const store::Run& run : recorded) versions.insert(run.version);
  return fmt::format(
      "{}, made by superpose {} and not by this store, {} drawn where the store has no run; each figure says how many "
      "it "
      "uses.",
      plural(recorded.size(), "recorded run", "recorded runs"), fmt::join(versions, ", "),
      recorded.size() == 1 ? "is" : "are");
}

void add_grid(const Published& published, std::string_view table_name, std::string_view column, std::set<double>& out) {
  const fit::Table* table = published.find(table_name);
  for (size_t row = 0; table && row < table->rows(); ++row) {
    if (const auto value = cell_number(*table, column, row)) out.insert(*value);
  }
}

// The values of ours that are not (nearly) on the published grid join it.
std::vector<double> joined(std::set<double> grid, const std::vector<double>& ours) {
  for (const double value : ours) {
    const std::vector<double> known(grid.begin(), grid.end());
    grid.insert(snapped(value, known));
  }
  return {grid.begin(), grid.end()};
}

Context make_context(const Cells& cells, const Published& published, const Inputs& inputs, const Page& page) {
  Context context{cells, published, inputs.artifacts, page.matrices, page.study, {}, {}, {}, {}};
  std::vector<double> decays, alphas, widths;
  for (const Cell& cell : cells.cells) {
    decays.push_back(cell.decay);
    if (cell.recipe != cells.main_recipe || !cell.alpha) continue;
    context.main.push_back(&cell);
    alphas.push_back(*cell.alpha);
    for (const ToyRun& toy : cell.runs) widths.push_back(toy.m);
  }
  std::set<double> decay_grid, alpha_grid, width_grid;
  add_grid(published, "fig4b_alpha_m_heatmap", "gamma", decay_grid);
  add_grid(published, "fig4b_alpha_m_heatmap", "alpha", alpha_grid);
  add_grid(published, "fig3a_phi_half", "m", width_grid);
  context.decays = joined(decay_grid, decays);
  context.alphas = joined(alpha_grid, alphas);
  context.widths = joined(width_grid, widths);
  return context;
}

std::vector<Slope> slopes_of(const Cells& cells) {
  std::vector<Slope> out;
  for (const Cell& cell : cells.cells) {
    if (const auto power = exponent(cell)) out.push_back({cell.law, cell.density, cell.decay, *power, run_ids(cell)});
  }
  return out;
}

// Fits of files; the joint fit of the language models ("llm") has figures of its own.
void read_fits(const std::vector<store::Artifact>& artifacts, Page& page) {
  for (const store::Artifact& artifact : artifacts) {
    if (artifact.kind == "forecast") page.forecasts.push_back(&artifact);
    if (artifact.kind != "fit" || artifact.name == "llm") continue;
    FitPage fit = make_fit_page(artifact.value);
    fit.prefix = fmt::format("fit{}-", page.fits.size() + 1);
    for (Figure& figure : fit.figures) figure.id = fit.prefix + figure.id;
    page.fits.push_back(std::move(fit));
  }
}

void add_notes(const Cells& cells, const Inputs& inputs, Page& page) {
  if (cells.unreadable) {
    page.notes.push_back(
        fmt::format("{} without the fields a figure needs (dim, features, decay, density, a positive loss): left out.",
                    plural(cells.unreadable, "finished run is", "finished runs are")));
  }
  if (cells.other_recipes) {
    page.notes.push_back(fmt::format(
        "{} another recipe (other n, steps, batch, ...) than the one drawn: in the first figure's panel chooser only.",
        plural(cells.other_recipes, "finished run has", "finished runs have")));
  }
  std::vector<int64_t> diverged, failed;
  std::set<std::string> versions;
  for (const store::Run& run : inputs.runs) {
    if (run.kind != "toy") continue;
    if (run.status == "diverged") diverged.push_back(run.id);
    if (run.status == "failed") failed.push_back(run.id);
    if (!run.version.empty()) versions.insert(run.version);
    page.latest = std::max(page.latest, run.finished_at);
  }
  if (!diverged.empty()) {
    page.notes.push_back(fmt::format("Diverged, shown as crosses and in no fit: run {}.", id_ranges(diverged)));
  }
  if (!failed.empty())
    page.notes.push_back(fmt::format("Failed, not drawn: run {} (superpose ls says why).", id_ranges(failed)));
  page.versions.assign(versions.begin(), versions.end());
}

Json claims_json(const Page& page) {
  Json out = Json::array();
  for (const Claim& claim : page.claims) {
    Json row = claim.value;
    row["verdict"] = claim.verdict;
    out.push_back(row);
  }
  return out;
}

Json slopes_json(const Page& page) {
  Json out = Json::array();
  for (const Slope& slope : page.slopes) {
    const Exponent& power = slope.exponent;
    out.push_back({{"law", slope.law},
                   {"density", slope.density},
                   {"decay", slope.decay},
                   {"alpha_m", power.alpha},
                   {"ci95", power.ci95 ? Json::array({power.ci95->first, power.ci95->second}) : Json(nullptr)},
                   {"r2", power.r2 ? Json(*power.r2) : Json(nullptr)},
                   {"widths", power.widths},
                   {"seeds", power.seeds},
                   {"method", power.method},
                   {"runs", id_ranges(slope.runs)}});
  }
  return out;
}

}  // namespace

size_t Page::count(std::string_view verdict) const {
  return static_cast<size_t>(
      std::count_if(claims.begin(), claims.end(), [&](const Claim& claim) { return claim.verdict == verdict; }));
}

std::vector<const Figure*> figures_of(const Page& page) {
  std::vector<const Figure*> out;
  for (const Figure& figure : page.figures) out.push_back(&figure);
  for (const auto* one : {&page.ledger, &page.coverage}) {
    if (*one) out.push_back(&**one);
  }
  for (const FitPage& fit : page.fits) {
    for (const Figure& figure : fit.figures) out.push_back(&figure);
  }
  return out;
}

Page make_page(const Inputs& inputs) {
  Page page;
  page.runs = count_runs(inputs.runs);
  read_claims(inputs.artifacts, page);
  page.title = inputs.title;
  if (page.title.empty())
    page.title = page.study.empty() ? "superpose" : fmt::format("superpose: the {} study", page.study);
  page.matrices = inspected_matrices(inputs.artifacts);
  const Published published(inputs.published);
  std::vector<const store::Run*> runs;
  for (const auto* list : {&inputs.runs, &inputs.recorded}) {
    for (const store::Run& run : *list) runs.push_back(&run);
  }
  const Cells cells = make_cells(runs);
  page.figures = all_figures(make_context(cells, published, inputs, page));
  RunsById by_id;
  for (const store::Run& run : inputs.runs) by_id.emplace(run.id, &run);
  for (Figure& figure : page.figures) describe_runs(by_id, figure);
  page.ledger = ledger_figure(page.claims), page.coverage = coverage_figure();
  page.sources = inputs.sources;
  read_fits(inputs.artifacts, page);
  page.slopes = slopes_of(cells);
  page.sentences = summary(page);
  if (!inputs.recorded.empty()) page.sentences.push_back(recorded_sentence(inputs.recorded));
  add_notes(cells, inputs, page);
  return page;
}

Json to_json(const Page& page) {
  Json figures = Json::array(), checkpoints = Json::array();
  for (const Figure* figure : figures_of(page)) {
    figures.push_back(to_json(*figure));
    if (figure->id.starts_with("fit")) figures.back()["words"] = fit_words();
  }
  for (const Matrix& matrix : page.matrices) checkpoints.push_back(to_json(matrix));
  Json stores = Json::array();
  for (const Source& source : page.sources) {
    stores.push_back(
        {{"letter", source.letter}, {"name", source.name}, {"runs", source.runs}, {"repeated", source.repeated}});
  }
  const RunCounts& runs = page.runs;
  return {{"schema", "superpose.page/1"},
          {"version", kVersion},
          {"title", page.title},
          {"study", page.study.empty() ? Json(nullptr) : Json(page.study)},
          {"summary",
           {{"sentences", page.sentences},
            {"runs",
             {{"total", runs.total},
              {"ok", runs.ok},
              {"diverged", runs.diverged},
              {"failed", runs.failed},
              {"running", runs.running}}},
            {"seconds", runs.seconds},
            {"claims",
             {{"total", page.claims.size()},
              {"confirmed", page.count("confirmed")},
              {"denied", page.count("denied")},
              {"cannot_tell", page.count("cannot_tell")}}}}},
          {"claims", claims_json(page)},
          {"slopes", slopes_json(page)},
          {"figures", figures},
          {"checkpoints", checkpoints},
          {"notes", page.notes},
          {"versions", page.versions},
          {"stores", stores}};
}

Json page_data(const Inputs& inputs) { return to_json(make_page(inputs)); }

}  // namespace superpose::report
