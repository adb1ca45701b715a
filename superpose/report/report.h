// SPDX-License-Identifier: Apache-2.0
// report: a store -> one self-contained HTML page. The page's data is JSON inside it; the drawing is done by the bundle
// of web/ (TypeScript, Observable Plot), which is compiled into the program. A pure function: same input, same bytes.
#pragma once
#include <span>
#include <string>

#include "superpose/base/embedded.h"
#include "superpose/base/json.h"
#include "superpose/store/store.h"

namespace superpose::report {

struct Inputs {
  std::string title;                        // "superpose: quick study"
  std::vector<store::Run> runs;             // toy runs
  std::vector<store::Artifact> artifacts;   // kinds "claims", "fit", "inspect"
  std::span<const EmbeddedFile> published;  // "published/*.csv": the paper's numbers, drawn as their own series
};

// The figures' data, ranges and captions: what the page draws, and what a test can check without a browser.
Json page_data(const Inputs& inputs);

// The page.
std::string render(const Inputs& inputs);

}  // namespace superpose::report
