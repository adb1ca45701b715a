// SPDX-License-Identifier: Apache-2.0
#include "superpose/store/numbers.h"

#include <algorithm>

#include "superpose/base/json.h"

namespace superpose::store {
namespace {

constexpr size_t kDeepest = 64;  // as parse_json

class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(std::span<const std::string_view> names, std::vector<std::optional<double>>& out)
      : names_(names), out_(out), left_(names.size()) {}

  bool null() override { return value(std::nullopt); }
  bool boolean(bool) override { return value(std::nullopt); }
  bool number_integer(number_integer_t v) override { return value(static_cast<double>(v)); }
  bool number_unsigned(number_unsigned_t v) override { return value(static_cast<double>(v)); }
  bool number_float(number_float_t v, const string_t&) override { return value(v); }
  bool string(string_t&) override { return value(std::nullopt); }
  bool binary(binary_t&) override { return value(std::nullopt); }
  bool start_object(size_t) override { return open(); }
  bool start_array(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    const auto found = std::find(names_.begin(), names_.end(), name);
    wanted_ = static_cast<size_t>(found - names_.begin());
    return true;
  }

 private:
  bool value(std::optional<double> number) {
    if (depth_ != 1 || wanted_ == names_.size()) return true;
    out_[wanted_] = number;
    wanted_ = names_.size();
    return --left_ > 0;
  }
  bool open() {
    if (depth_ == 1 && wanted_ < names_.size()) wanted_ = names_.size(), --left_;
    return ++depth_ <= kDeepest && left_ > 0;
  }
  bool close() {
    --depth_;
    return true;
  }

  std::span<const std::string_view> names_;
  std::vector<std::optional<double>>& out_;
  size_t left_, depth_ = 0;
  size_t wanted_ = names_.size();
};

}  // namespace

std::vector<std::optional<double>> numbers_of(std::string_view json, std::span<const std::string_view> names) {
  std::vector<std::optional<double>> out(names.size());
  if (names.empty() || json.empty()) return out;
  Reader reader(names, out);
  (void)Json::sax_parse(json, &reader);
  return out;
}

Json parse_without(std::string_view text, std::string_view where, std::span<const std::string_view> names) {
  if (names.empty()) return parse_json(text, where);
  bool too_deep = false;
  const auto keep = [&](int depth, Json::parse_event_t event, Json& value) {
    too_deep |= depth > static_cast<int>(kDeepest);
    if (event == Json::parse_event_t::key && depth == 1) {
      return std::find(names.begin(), names.end(), value.get_ref<const std::string&>()) == names.end();
    }
    return !too_deep;
  };
  try {
    Json out = Json::parse(text.begin(), text.end(), keep);
    if (!too_deep) return out;
  } catch (const nlohmann::json::exception&) {
    // parse_json() says it better.
  }
  return parse_json(text, where);
}

}  // namespace superpose::store
