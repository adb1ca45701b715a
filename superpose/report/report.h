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
#include <filesystem>
#include <functional>
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

// A store that went into a page.
struct Source {
  std::string letter;   // "a" in run ids like a:17; empty where there is one store
  std::string name;     // "runs.sqlite"
  size_t runs = 0;      // in it
  size_t repeated = 0;  // of these, how many another store has, too
};

struct Inputs {
  std::string title;                        // "superpose: quick study"
  std::vector<store::Run> runs;             // kind "toy"; other kinds are counted and not drawn
  std::vector<store::Artifact> artifacts;   // kinds "claims", "fit", "inspect", "forecast"
  std::span<const EmbeddedFile> published;  // "published/*.csv": the paper's numbers, drawn as their own series
  std::vector<store::Run> recorded{};       // of results tables, beside `runs`; everything drawn from them says so
  std::vector<Source> sources{};            // of `runs`; as merge_stores() writes them
};

struct StoreContents {
  std::string name;
  std::vector<store::Run> runs;
  std::vector<store::Artifact> artifacts;
};
// Runs with the same key are one: the finished one, else that of the first store. With several stores the ids become
// those of merged_id() ("b:17" on the page). Of artifacts with the same kind and name the newest stays.
void merge_stores(std::vector<StoreContents> stores, Inputs& inputs);

// The figures' data, ranges and captions: what the page draws, and what a test can check without a browser.
//   title, version, summary {sentences, runs {total, ok, diverged, failed, running}, seconds, claims {...}}
//   claims [{id, claim, published, measured, ci95, verdict, because, command}]: the ledger as the study wrote it
//   figures [{id, title, paper, caption, interval, ranges, panels [{series [{role, points}]}], how, empty}]
//   checkpoints [{path, tensor, n, m, overlap_m, overlap_centered_m, welch_m, verdict, because, histogram}]
//   notes: what was left out and why
// A run or artifact that lacks a field is left out of what needs it; nothing in a store makes this throw, except
// published tables that cannot be read: Error{bad_file}.
Json page_data(const Inputs& inputs);

// The page: one HTML file that loads nothing from anywhere, of at most kPageBytes for any number of runs whose figures
// alone fit: what of the single runs (curves, pictures) goes beyond it is left out, and the page says so.
std::string render(const Inputs& inputs);
// Both at once, for little more than the price of one.
std::pair<std::string, Json> render_with_data(const Inputs& inputs);
inline constexpr size_t kPageBytes = 3'000'000;

// What the page was made from, whole: README.txt, runs.jsonl, curves.csv, claims.json, figures/ID.csv. Calls
// write(name, text) for each; names are relative, with / between folder and file.
void for_each_data_file(const Inputs& inputs, const std::function<void(const std::string&, const std::string&)>& write);

// The same as files in a folder, which is made if absent; returns how many. Error{io}.
size_t write_data(const Inputs& inputs, const std::filesystem::path& folder);

// The page in pieces, for who shows it inside another one (serve/).
struct Pieces {
  std::string title, body;  // text; HTML: what stands in the page's body
  Json data;                // page_data()
};
// Without the data of single runs, which make most of a page's bytes and of the time it takes.
Pieces pieces(const Inputs& inputs);

}  // namespace superpose::report
