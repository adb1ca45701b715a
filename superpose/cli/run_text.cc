// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/run_text.h"

#include <algorithm>

#include "superpose/toy/toy.h"

namespace superpose::cli {

Json shown_config(const store::Run& run) { return run.kind == "toy" ? toy::whole_config(run.config) : run.config; }

Json run_summary(const store::Run& run) {
  const bool is_finished = !run.finished_at.empty();
  const auto loss = run.result.is_object() ? run.result.find("loss") : run.result.end();
  const bool has_loss = run.result.is_object() && loss != run.result.end() && loss->is_number();
  return {{"id", run.id},
          {"key", run.key},
          {"kind", run.kind},
          {"status", run.status},
          {"config", shown_config(run)},
          {"loss", has_loss ? *loss : Json()},
          {"error", run.error.empty() ? Json() : Json(run.error)},
          {"seconds", is_finished ? Json(run.seconds) : Json()},
          {"version", run.version},
          {"started_at", run.started_at},
          {"finished_at", is_finished ? Json(run.finished_at) : Json()}};
}

std::string one_line(std::string_view text) {
  std::string out(text);
  // C0 controls and DEL; newlines become spaces.
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  std::replace_if(
      out.begin(), out.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }, '?');
  return out;
}

std::string cell_text(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return one_line(std::string_view(value.get_ref<const std::string&>()));
  return one_line(std::string_view(value.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace superpose::cli
