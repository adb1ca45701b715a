// SPDX-License-Identifier: Apache-2.0
// Reading JSON whose shape is known, event by event: no tree is built, so memory follows what is kept, not what the
// file contains; keys that appear twice can be seen; depth is bounded by what the reader expects.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "superpose/base/error.h"
#include "superpose/base/json.h"

namespace superpose::checkpoint {

// Every event that a derived class does not override is an Error{bad_file}: "header: ... unexpected array".
class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  // Feeds text to this reader. Error{bad_file} names the byte within text where it stops being JSON.
  void read(std::string_view text);

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool number_integer(number_integer_t) override { unexpected("negative number"); }
  bool number_unsigned(number_unsigned_t) override { unexpected("number"); }
  // Also what the lexer makes of an integer that does not fit 64 bits.
  bool number_float(number_float_t, const string_t&) override { unexpected("number that is no 64-bit integer"); }
  bool string(string_t&) override { unexpected("string"); }
  bool binary(binary_t&) override { unexpected("binary"); }
  bool start_object(size_t) override { unexpected("object"); }
  bool key(string_t&) override { unexpected("key"); }
  bool end_object() override { unexpected("end of object"); }
  bool start_array(size_t) override { unexpected("array"); }
  bool end_array() override { unexpected("end of array"); }
  bool parse_error(size_t byte, const std::string& last_token, const nlohmann::detail::exception&) override;

 protected:
  // Where in the document the reader is, for messages: 'tensor "W", field "shape"'.
  virtual std::string place() const = 0;
  [[noreturn]] void unexpected(std::string_view what) const;
};

}  // namespace superpose::checkpoint
