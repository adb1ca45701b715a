// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/files.h"

#include <filesystem>

#include "superpose/base/error.h"
#include "superpose/base/files.h"

namespace superpose {
// Generated from studies/.
std::span<const EmbeddedFile> embedded_studies();
std::span<const EmbeddedFile> embedded_published();
}  // namespace superpose

namespace superpose::study {

std::span<const EmbeddedFile> study_files() { return embedded_studies(); }

std::span<const EmbeddedFile> published_tables() { return embedded_published(); }

std::string_view study_file(std::string_view path) {
  for (const auto files : {study_files(), published_tables()}) {
    for (const EmbeddedFile& file : files) {
      if (file.path == path) return file.text;
    }
  }
  SUPERPOSE_ASSERT(!"a study file that the program needs was not compiled in");
  return {};
}

std::string read_study_file(const std::string& path_or_name) {
  // A folder that happens to be called "quick" does not hide the study of that name.
  if (std::filesystem::is_regular_file(path_or_name)) return read_text(path_or_name, 1 << 20);
  std::string names;
  for (const EmbeddedFile& file : study_files()) {
    if (!file.path.ends_with(".yaml") || file.path == "tolerances.yaml") continue;
    const std::string name(file.path.substr(0, file.path.size() - 5));
    if (path_or_name == name || path_or_name == file.path) return std::string(file.text);
    names += (names.empty() ? "" : ", ") + name;
  }
  throw Error(ErrorKind::io,
              path_or_name + ": no such study file, and no built-in study of that name (there are: " + names + ")");
}

std::string read_table_file(const std::string& path_or_name) {
  if (!std::filesystem::is_regular_file(path_or_name)) {
    for (const EmbeddedFile& file : published_tables()) {
      if (path_or_name == file.path) return std::string(file.text);
    }
  }
  return read_text(path_or_name);
}

}  // namespace superpose::study
