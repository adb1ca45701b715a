// SPDX-License-Identifier: Apache-2.0
// report: a store -> one self-contained HTML page. The page's data is JSON inside it; text and tables are plain HTML
// that this folder writes, and the drawing is done by the bundle of web/ (TypeScript, Observable Plot), which is
// compiled into the program. A pure function: same input, same bytes. The same figures are drawn as files for a paper
// without a browser (figure_files.h, draw.h).
//
//   runs ──> cells (all runs that differ only in m and seed) ──> exponents α_m ──┐
//   published tables of the paper ─────────────────────────────────────────────────┼─> figures ─> page_data ─> render
//   artifacts: claims ledger, LLM fit, inspected checkpoints ────────────────────┘
//
// Runs of a results table ("recorded") fill what the store has not run, and every figure that uses them says how many
// and who made them.
//
// Three things never mix: what was measured here ("ours"), what the paper printed ("published") and what a formula
// says ("theory"); each is a series of its own, and a cell without a run of ours stays empty.
//
// Who calls it: cli/report, study/ (the page of a study).
#pragma once
#include <span>
#include <string>
#include <vector>

#include "superpose/base/embedded.h"
#include "superpose/base/json.h"
#include "superpose/report/figure_files.h"
#include "superpose/report/fit_page.h"
#include "superpose/report/inspection.h"
#include "superpose/report/theory.h"
#include "superpose/store/store.h"

namespace superpose::report {

struct Inputs {
  std::string title;                        // "superpose: quick study"
  std::vector<store::Run> runs;             // kind "toy"; other kinds are counted and not drawn
  std::vector<store::Artifact> artifacts;   // kinds "claims", "fit", "inspect"
  std::span<const EmbeddedFile> published;  // "published/*.csv": the paper's numbers, drawn as their own series
  std::vector<store::Run> recorded{};       // of results tables, beside `runs`; everything drawn from them says so
};

// The figures' data, ranges and captions: what the page draws, and what a test can check without a browser.
//   title, version, summary {sentences, runs {total, ok, diverged, failed, running}, seconds, claims {...}}
//   claims [{id, claim, published, measured, ci95, verdict, because, command}]: the ledger as the study wrote it
//   figures [{id, title, paper, caption, interval, ranges, panels [{series [{role, points}]}], how, empty}]
//   checkpoints [{path, tensor, n, m, overlap_m, overlap_centered_m, welch_m, verdict, because, histogram}]
//   notes: what was left out and why
// A run or artifact that lacks a field is left out of what needs it; nothing in a store makes this throw, except
// published tables that cannot be read: Error{bad_file}.
Json page_data(const Inputs& inputs);

// The page: one HTML file that loads nothing from anywhere.
std::string render(const Inputs& inputs);

}  // namespace superpose::report
