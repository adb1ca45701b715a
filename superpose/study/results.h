// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "superpose/store/store.h"

namespace superpose::study {

// A results table: finished toy runs as CSV, a row per run, so that what took hours can be kept beside the code.
//     # superpose results, format 1, numerics 1
//     # made by superpose 0.1.0 with: superpose ls runs.sqlite --csv
//     # config: {"features":1000, ...}                              the fields that all runs share
//     law,decay,dim,seed,status,loss,...,version                    the fields that vary, then results
// With the shared fields each row has its whole configuration, and so the key it had in its store. What a table leaves
// out (curves, histograms, features one by one) is absent in what is read back.

// The table of the finished toy runs among `runs`, ordered by configuration. command: what printed it.
std::string results_table(const std::vector<store::Run>& runs, std::string_view command);

// Reads a table: runs with `recorded` set, without an id. Error{bad_file}: not such a table, a broken row;
// Error{unsupported}: a later format.
std::vector<store::Run> read_results(std::string_view text, std::string_view where);

// The runs a page or a ledger may draw on beside those of a store: the recorded ones that the store has not finished.
std::vector<store::Run> beside(const std::vector<store::Run>& of_store, std::vector<store::Run> recorded);

// "superpose 0.1.0" or "superpose 0.1.0, 0.2.0": who made them.
std::string makers(const std::vector<store::Run>& runs);

// A file, or "builtin": every table of studies/results that is compiled in. Error{io | bad_file | unsupported}.
std::vector<store::Run> load_results(const std::string& path_or_builtin);

// The configuration of a run with the fields that the store leaves out because they are at their default.
Json shown_config(const store::Run& run);
// {"id", "key", "kind", "status", "config", "loss", "error", "seconds", "version", "started_at", "finished_at"}: a run
// in the contract's ls and show; what is not known is null.
Json run_summary(const store::Run& run);

}  // namespace superpose::study
