// SPDX-License-Identifier: Apache-2.0
// What JavaScript calls: study::Dial behind pointers and texts. Texts end with a 0 byte. A call that fails does not
// return: exceptions.cc hands the Error to JavaScript, which throws the instance away.
#include <memory>
#include <string>

#include "superpose/study/dial.h"

namespace {

// What a page can wait for: a first, dense step of this size takes a third of a second, later ones a tenth of that.
constexpr superpose::study::DialLimits kLimits{5e8, 2e8, false};

struct Turned {
  explicit Turned(const superpose::Json& config) : dial(config, kLimits) {}
  superpose::study::Dial dial;
  std::string frame;
};

}  // namespace

#define EXPORT(name) extern "C" [[clang::export_name(#name)]]

EXPORT(text_new) char* text_new(size_t bytes) { return std::make_unique<char[]>(bytes).release(); }
EXPORT(text_delete) void text_delete(char* text) { std::unique_ptr<char[]>{text}; }

EXPORT(dial_new) Turned* dial_new(const char* config) {
  return std::make_unique<Turned>(superpose::parse_json(config, "dial")).release();
}
EXPORT(dial_delete) void dial_delete(Turned* turned) { std::unique_ptr<Turned>{turned}; }
EXPORT(dial_advance) void dial_advance(Turned* turned, int32_t steps) { turned->dial.advance(steps); }
EXPORT(dial_set_decay) void dial_set_decay(Turned* turned, double gamma) { turned->dial.set_decay(gamma); }
EXPORT(dial_done) bool dial_done(const Turned* turned) { return turned->dial.done(); }
// Valid until the next call.
EXPORT(dial_frame) const char* dial_frame(Turned* turned) {
  turned->frame = turned->dial.frame().dump();
  return turned->frame.c_str();
}
