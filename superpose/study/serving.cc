// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/serving.h"

#include <cstdlib>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/study/dial.h"
#include "superpose/study/results.h"
#include "superpose/study/run.h"

namespace superpose::study {
namespace {

// Never from the command line, which every user of a machine can read.
std::string read_token(const std::string& file) {
  if (file.empty()) {
    const char* value = std::getenv("SUPERPOSE_TOKEN");
    return value ? value : "";
  }
  constexpr size_t kLongest = 4096;
  std::string text = read_text(file, kLongest);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (text.empty()) throw Error(ErrorKind::usage, file + ": is empty, expected a token");
  return text;
}

class Session : public serve::DialSession {
 public:
  explicit Session(const Json& config) : dial_(config) {}
  void advance(int64_t steps) override { dial_.advance(steps); }
  void set_decay(double decay) override { dial_.set_decay(decay); }
  Json frame() override { return dial_.frame(); }
  bool done() const override { return dial_.done(); }

 private:
  Dial dial_;
};

}  // namespace

std::unique_ptr<serve::Server> start_server(const ServeFlags& flags) {
  serve::Options options;
  options.store = flags.store;
  options.bind = flags.bind;
  options.port = flags.port;
  options.token = read_token(flags.token_file);
  options.report_inputs = [results = flags.results](const store::Store& store, bool whole) {
    return report_inputs(store, "", results, whole);
  };
  options.shown_config = shown_config;
  options.make_dial = [](const Json& config) { return std::make_unique<Session>(config); };
  return std::make_unique<serve::Server>(options);
}

}  // namespace superpose::study
