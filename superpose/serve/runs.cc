// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>

#include "superpose/base/error.h"
#include "superpose/base/json.h"

namespace superpose::serve {
namespace {

constexpr size_t kMostFields = 200;  // of all configurations together; a store may come from a stranger

std::string json_text(std::string_view text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string number_text(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fmt::format("{:.6g}", *value) : "null";
}

std::string column(size_t count, const std::function<std::string(size_t)>& text) {
  std::string out = "[";
  for (size_t k = 0; k < count; ++k) {
    if (k) out += ',';
    out += text(k);
  }
  return out + "]";
}

// {"values": [..], "at": [..] or one number}; only the values that occur, in order of first use.
std::string coded(const std::vector<int64_t>& at, const std::function<std::string(size_t)>& text) {
  std::vector<size_t> used;
  std::unordered_map<int64_t, size_t> place;
  std::string places = "[";
  bool one = true;
  for (const int64_t value : at) {
    if (places.size() > 1) places += ',';
    if (value < 0) {
      places += "-1", one = false;
      continue;
    }
    const auto [found, is_new] = place.try_emplace(value, used.size());
    if (is_new) used.push_back(static_cast<size_t>(value));
    places += std::to_string(found->second);
  }
  one = one && used.size() == 1;
  return fmt::format(R"({{"values":{},"at":{}}})", column(used.size(), [&](size_t k) { return text(used[k]); }),
                     one ? "0" : places + "]");
}

}  // namespace

int64_t milliseconds_of(std::string_view utc) {
  std::tm parts{};
  int ms = 0;
  const std::string text(utc);
  if (text.size() != 24 || std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &parts.tm_year, &parts.tm_mon,
                                       &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms) != 7) {
    return 0;
  }
  parts.tm_year -= 1900, parts.tm_mon -= 1;
  return static_cast<int64_t>(::timegm(&parts)) * 1000 + ms;
}

uint32_t Runs::Words::number(const std::string& text) {
  const auto [place, is_new] = known.try_emplace(text, static_cast<uint32_t>(texts.size()));
  if (is_new) texts.push_back(text);
  return place->second;
}

void Runs::clear() { *this = Runs(); }

bool Runs::put(const store::RunRow& source) {
  Row row;
  row.id = source.id, row.error = source.error;
  row.started = milliseconds_of(source.started_at), row.finished = milliseconds_of(source.finished_at);
  row.seconds = source.seconds;
  for (size_t k = 0; k < kNumbers.size() && k < source.numbers.size(); ++k) row.numbers[k] = source.numbers[k];
  row.status = statuses_.number(source.status), row.version = versions_.number(source.version);
  row.kind = kinds_.number(source.kind);
  try {
    const Json config = parse_json(source.config, "config");
    if (config.is_object()) {
      for (const auto& [name, value] : config.items()) {
        if (fields_.texts.size() >= kMostFields && !fields_.known.contains(name)) continue;
        const uint32_t field = fields_.number(name);
        if (field == values_.size()) values_.emplace_back();
        row.config.push_back(
            {field, values_[field].number(value.dump(-1, ' ', false, Json::error_handler_t::replace))});
      }
    }
  } catch (const Error&) {
    // Somebody broke it: the run is shown without; asked for alone, it says what is wrong.
  }
  const auto place =
      std::lower_bound(rows_.begin(), rows_.end(), row.id, [](const Row& a, int64_t id) { return a.id < id; });
  if (place == rows_.end() || place->id != row.id) {
    rows_.insert(place, std::move(row));
    return true;
  }
  if (*place == row) return false;
  *place = std::move(row);
  return true;
}

std::vector<int64_t> Runs::unfinished() const {
  std::vector<int64_t> out;
  for (const Row& row : rows_) {
    const std::string& status = statuses_.texts[row.status];
    if (status != "ok" && status != "diverged") out.push_back(row.id);
  }
  return out;
}

const Runs::Row* Runs::find(int64_t id) const {
  const auto place =
      std::lower_bound(rows_.begin(), rows_.end(), id, [](const Row& a, int64_t wanted) { return a.id < wanted; });
  return place != rows_.end() && place->id == id ? &*place : nullptr;
}

std::string Runs::by_column() const {
  const size_t n = rows_.size();
  const auto coded_column = [&](auto pick, const Words& words) {
    std::vector<int64_t> at(n);
    for (size_t k = 0; k < n; ++k) at[k] = pick(rows_[k]);
    return coded(at, [&](size_t k) { return json_text(words.texts[k]); });
  };
  const auto time = [](int64_t ms) { return ms ? std::to_string(ms) : std::string("null"); };
  std::string out = R"({"id":)" + column(n, [&](size_t k) { return std::to_string(rows_[k].id); });
  out += R"(,"status":)" + coded_column([](const Row& row) { return row.status; }, statuses_);
  out += R"(,"version":)" + coded_column([](const Row& row) { return row.version; }, versions_);
  out += R"(,"kind":)" + coded_column([](const Row& row) { return row.kind; }, kinds_);
  for (size_t j = 0; j < kNumbers.size(); ++j) {
    out +=
        fmt::format(R"(,"{}":{})", kNumbers[j], column(n, [&](size_t k) { return number_text(rows_[k].numbers[j]); }));
  }
  out += R"(,"seconds":)" +
         column(n, [&](size_t k) { return rows_[k].finished ? number_text(rows_[k].seconds) : std::string("null"); });
  out += R"(,"started":)" + column(n, [&](size_t k) { return time(rows_[k].started); });
  out += R"(,"finished":)" + column(n, [&](size_t k) { return time(rows_[k].finished); });
  Words errors;
  errors.number("");
  std::vector<int64_t> error_at(n);
  for (size_t k = 0; k < n; ++k) error_at[k] = errors.number(rows_[k].error);
  out += R"(,"error":)" + coded(error_at, [&](size_t k) { return json_text(errors.texts[k]); });
  // The fields, each over all runs.
  std::vector<std::vector<int64_t>> at(values_.size(), std::vector<int64_t>(n, -1));
  for (size_t k = 0; k < n; ++k) {
    for (const Cell& cell : rows_[k].config) at[cell.field][k] = cell.value;
  }
  out += R"(,"config":{)";
  for (size_t f = 0; f < values_.size(); ++f) {
    out += (f ? "," : "") + json_text(fields_.texts[f]) + ":" +
           coded(at[f], [&](size_t k) { return values_[f].texts[k]; });
  }
  return out + "}}";
}

std::string Runs::row(int64_t id) const {
  const Row* row = find(id);
  if (!row) return "";
  std::string out =
      fmt::format(R"({{"id":{},"status":{},"version":{},"kind":{})", row->id, json_text(statuses_.texts[row->status]),
                  json_text(versions_.texts[row->version]), json_text(kinds_.texts[row->kind]));
  for (size_t j = 0; j < kNumbers.size(); ++j)
    out += fmt::format(R"(,"{}":{})", kNumbers[j], number_text(row->numbers[j]));
  out += fmt::format(R"(,"seconds":{},"started":{},"finished":{},"error":{},"config":{{)",
                     row->finished ? number_text(row->seconds) : "null",
                     row->started ? std::to_string(row->started) : "null",
                     row->finished ? std::to_string(row->finished) : "null", json_text(row->error));
  for (size_t k = 0; k < row->config.size(); ++k) {
    const auto [field, value] = row->config[k];
    out += (k ? "," : "") + json_text(fields_.texts[field]) + ":" + values_[field].texts[value];
  }
  return out + "}}";
}

}  // namespace superpose::serve
