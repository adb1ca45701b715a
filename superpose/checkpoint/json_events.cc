// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/json_events.h"

#include <fmt/format.h>

namespace superpose::checkpoint {

void JsonEvents::read(std::string_view text) {
  nlohmann::json::sax_parse(text.data(), text.data() + text.size(), this);
}

void JsonEvents::unexpected(std::string_view what) const {
  throw Error(ErrorKind::bad_file, fmt::format("{}: unexpected {}", place(), what));
}

// The parser's own text quotes the last token, which may be as long as the file.
bool JsonEvents::parse_error(size_t byte, const std::string&, const nlohmann::detail::exception&) {
  throw Error(ErrorKind::bad_file, fmt::format("{}: not valid JSON at its byte {}", place(), byte));
}

}  // namespace superpose::checkpoint
