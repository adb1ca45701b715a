// SPDX-License-Identifier: Apache-2.0
// The claims ledger: each claim of the paper that the findings at hand can test, with what was published, what was
// measured here, and a verdict. A claim is one line of the table in ledger.cc and one function in claims_*.cc; what it
// is compared with is in studies/tolerances.yaml. A denied claim is a finding.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "superpose/base/json.h"
#include "superpose/fit/fit.h"
#include "superpose/store/store.h"

namespace superpose::study {

// All that claims are judged by.
struct Findings {
  std::vector<store::Run> toys;        // any; the claims take finished runs of the paper's protocol only
  std::optional<fit::Result> llm_fit;  // the joint width fit of the 27 models
  std::vector<Json> inspections;       // of real checkpoints, as `inspect --json`
  std::vector<store::Run> recorded{};  // of results tables: asked only where `toys` cannot say
};

struct Claim {
  std::string id;        // of docs/claims.md: D-numbers are the paper's, TM-numbers those of toy-models
  std::string claim;     // one sentence
  std::string quantity;  // what `published` and `measured` are numbers of
  Json published;        // number or [low, high]
  double tolerance = 0;
  std::optional<double> measured;
  std::optional<std::pair<double, double>> ci95;
  std::string verdict;    // "confirmed", "denied", "cannot_tell"
  std::string because;    // the numbers that decided, in a sentence
  std::string command;    // what reproduces it
  std::string source;     // where it was published
  bool recorded = false;  // recorded runs decided, not those of the store alone
};
Json to_json(const Claim& claim);

// ids: the rows to judge, in the table's order; empty: those about the paper, without the rows that only another
// study's runs decide (TM...).
std::vector<Claim> judge_claims(const Findings& findings, const std::vector<std::string>& ids = {});

// What a study file says under `claims`: a list of row ids; empty when the key is missing. Error{usage}: not such a
// list, or an unknown row (with the nearest).
std::vector<std::string> claim_ids(const Json& study_extra);

}  // namespace superpose::study
