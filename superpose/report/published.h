// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "superpose/base/embedded.h"
#include "superpose/fit/fit.h"

namespace superpose::report {

// The paper's numbers, by the name of their table ("fig3a_phi_half"). Drawn as their own series, never as ours.
class Published {
 public:
  // Parses every "*.csv". Throws Error{bad_file} for a table that cannot be read.
  explicit Published(std::span<const EmbeddedFile> files);

  // nullptr when there is no such table.
  const fit::Table* find(std::string_view name) const;

 private:
  std::map<std::string, fit::Table, std::less<>> tables_;
};

// One cell as a number; nothing for "nan", an empty cell or a column that the table does not have.
std::optional<double> cell_number(const fit::Table& table, std::string_view column, size_t row);
std::string cell_text(const fit::Table& table, std::string_view column, size_t row);

}  // namespace superpose::report
