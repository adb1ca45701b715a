// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "superpose/base/version.h"

namespace superpose::cli {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool looks_numeric(std::string_view cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.+-−±eE%/[], ·×") == std::string_view::npos;
}

bool wants_colour(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) && !std::getenv("NO_COLOR") && !(term && std::string_view(term) == "dumb");
}

}  // namespace

Json json_object(std::string_view verb, const Json& config, const Json& body) {
  Json out{{"schema", fmt::format("superpose.{}/1", verb)}, {"version", kVersion}, {"config", config}};
  out.update(body);
  return out;
}

void print_json(std::string_view verb, const Json& config, const Json& body) {
  fmt::print("{}\n", json_object(verb, config, body).dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string number(std::optional<double> value, int digits) {
  if (!value || !std::isfinite(*value)) return "-";
  return fmt::format("{:.{}g}", *value, digits);
}

std::string interval_text(const std::optional<std::pair<double, double>>& interval) {
  if (!interval) return "-";
  const auto end = [](double v) { return std::isfinite(v) ? number(v) : v > 0 ? "inf" : "-inf"; };
  return fmt::format("[{}, {}]", end(interval->first), end(interval->second));
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const long whole = std::lround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> width;
  std::vector<bool> numeric;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < rows[r].size(); ++c) {
      if (c == width.size()) width.push_back(0), numeric.push_back(true);
      width[c] = std::max(width[c], code_points(rows[r][c]));
      if (r > 0 && !rows[r][c].empty() && rows[r][c] != "-") numeric[c] = numeric[c] && looks_numeric(rows[r][c]);
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string pad(width[c] - code_points(row[c]), ' ');
      line += (c ? "  " : "") + (numeric[c] ? pad + row[c] : row[c] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

bool colour_stdout() { return wants_colour(STDOUT_FILENO); }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO); }

ProgressLine::ProgressLine(std::string label) : label_(std::move(label)), started_(now()) {}

ProgressLine::~ProgressLine() {
  if (drawn_ && stderr_is_terminal()) fmt::print(stderr, "\r\033[K");
}

double ProgressLine::eta(double fraction) const {
  return fraction > 0.02 ? (now() - started_) * (1 - fraction) / fraction : -1;
}

void ProgressLine::update(double fraction, const std::string& text, double eta_seconds) {
  const double t = now();
  const bool terminal = stderr_is_terminal();
  if (t - started_ < 1 || t - last_ < (terminal ? 0.1 : 10)) return;
  last_ = t;
  drawn_ = true;
  fraction = std::clamp(fraction, 0.0, 1.0);
  const std::string eta = eta_seconds < 0 ? "" : ", about " + duration(eta_seconds) + " left";
  if (!terminal) {
    fmt::print(stderr, "{}: {:.0f} %, {}{}\n", label_, fraction * 100, text, eta);
    return;
  }
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(fraction * kWidth);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  fmt::print(stderr, "\r{} {} {:3.0f} %  {}{}\033[K", label_, bar, fraction * 100, text, eta);
  std::fflush(stderr);
}

}  // namespace superpose::cli
