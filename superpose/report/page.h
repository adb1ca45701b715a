// SPDX-License-Identifier: Apache-2.0
// The page between its data and its text: what page_data() writes as JSON and html.cc as HTML.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "superpose/report/details.h"
#include "superpose/report/figures.h"
#include "superpose/report/fit_page_data.h"
#include "superpose/report/report.h"

namespace superpose::report {

struct Claim {
  std::string id, claim, quantity, published, measured, because, command;  // texts as the page shows them
  std::string tolerance;  // how far from the published value still confirms; empty when the ledger gives none
  std::string verdict;    // "confirmed", "denied" or "cannot_tell"
  Json value;             // the row as the study wrote it
};

struct RunCounts {
  size_t total = 0, ok = 0, diverged = 0, failed = 0, running = 0;
  double seconds = 0;  // of the finished ones
};

struct Slope {  // one line of the table of exponents
  std::string law;
  double density = 0, decay = 0;
  Exponent exponent;
  std::vector<int64_t> runs;
};

struct Page {
  std::string title, study;
  RunCounts runs;
  std::vector<Claim> claims;
  std::vector<Slope> slopes;
  std::vector<Figure> figures;
  std::optional<Figure> ledger, coverage;
  std::vector<FitPage> fits;  // of `fit --json` files, with figures whose ids start with "fit1-", "fit2-", ...
  std::vector<const store::Artifact*> forecasts;  // live in the inputs
  std::vector<Source> sources;
  std::vector<Matrix> matrices;
  std::vector<std::string> sentences;  // the summary: two, and a third about recorded runs
  std::vector<std::string> notes;
  std::vector<std::string> versions;  // of the programs that made the runs
  std::string latest;                 // when the last run ended; empty without runs
  size_t count(std::string_view verdict) const;
};

Page make_page(const Inputs& inputs);
Json to_json(const Page& page);
std::vector<const Figure*> figures_of(const Page& page);  // all, those of the ledger and the fits too

std::optional<Figure> ledger_figure(const std::vector<Claim>& claims);

// What stands in <main>, and the text of the page, as HTML. left_out: what the explorer of single runs lacks.
std::string body_html(const Page& page, const std::vector<std::string>& left_out);
std::string fits_html(const Page& page, const std::string& coverage);  // coverage: its figure as HTML
std::string fit_section(const FitPage& page);
// & < > " ' escaped; invalid UTF-8 replaced, so that no store can break out of an element or attribute.
std::string escaped(std::string_view text);
// JSON that may stand inside a <script> element: < > & and the line separators U+2028/9 as \u escapes.
std::string script_json(const Json& value);

}  // namespace superpose::report
