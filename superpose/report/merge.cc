// SPDX-License-Identifier: Apache-2.0
// Several stores as one: the runs of all, each configuration once.
#include <algorithm>
#include <unordered_map>

#include "superpose/report/figure.h"
#include "superpose/report/report.h"

namespace superpose::report {
namespace {

bool is_finished(const store::Run& run) { return run.status == "ok" || run.status == "diverged"; }

void merge_artifacts(std::vector<store::Artifact> artifacts, Inputs& inputs) {
  for (store::Artifact& artifact : artifacts) {
    const auto same = std::find_if(inputs.artifacts.begin(), inputs.artifacts.end(), [&](const store::Artifact& known) {
      return known.kind == artifact.kind && known.name == artifact.name;
    });
    if (same == inputs.artifacts.end()) {
      inputs.artifacts.push_back(std::move(artifact));
    } else if (artifact.created_at > same->created_at) {
      *same = std::move(artifact);
    }
  }
}

}  // namespace

void merge_stores(std::vector<StoreContents> stores, Inputs& inputs) {
  const bool several = stores.size() > 1;
  std::unordered_map<std::string, size_t> by_key;
  for (size_t k = 0; k < stores.size(); ++k) {
    Source source{several ? store_letter(k) : "", stores[k].name, stores[k].runs.size(), 0};
    for (store::Run& run : stores[k].runs) {
      if (several) run.id = merged_id(k, run.id);
      const auto [known, fresh] = by_key.try_emplace(run.key, inputs.runs.size());
      if (fresh || run.key.empty()) {
        inputs.runs.push_back(std::move(run));
        continue;
      }
      ++source.repeated;
      store::Run& first = inputs.runs[known->second];
      if (!is_finished(first) && is_finished(run)) first = std::move(run);
    }
    inputs.sources.push_back(std::move(source));
    merge_artifacts(std::move(stores[k].artifacts), inputs);
  }
}

}  // namespace superpose::report
