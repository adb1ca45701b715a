// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/serve.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "superpose/cli/output.h"
#include "superpose/cli/sweep_progress.h"
#include "superpose/cli/verbs.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

struct Flags {
  study::ServeFlags serve;
  std::string store;
  bool json = false;
};

// At the start, since there is no end to wait for. On one line: who reads it need not wait for more.
void print_started(const Flags& flags, const serve::Server& server) {
  if (flags.json) {
    const Json config{{"store", flags.store},
                      {"bind", flags.serve.bind},
                      {"port", flags.serve.port},
                      {"results", flags.serve.results.empty() ? Json() : Json(flags.serve.results)}};
    const Json body{{"url", server.url()}, {"port", server.port()}, {"token_needed", server.needs_token()}};
    fmt::print("{}\n", json_object("serve", config, body).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{} is shown at {}\n", flags.store, server.url());
    if (server.needs_token()) fmt::print("Who has this address can see the store; it is not encrypted on the way.\n");
    fmt::print("Ctrl-C ends it. It only reads: sweeps go on as they are.\n");
  }
  std::fflush(stdout);
}

int serve_store(const Flags& flags) {
  const StopOnSignal signals;
  study::ServeFlags wanted = flags.serve;
  wanted.store = flags.store;
  const auto server = study::start_server(wanted);
  print_started(flags, *server);
  while (!*signals.flag()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server->stop();
  return signals.exit_code();
}

}  // namespace

Action declare_serve(CLI::App& app) {
  const auto flags = std::make_shared<Flags>();
  app.add_option("store", flags->store, "the store file, as given to sweep --store; a sweep may be writing to it")
      ->required();
  app.add_option("--port", flags->serve.port, "where to listen; 0 = any free port")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option(
         "--bind", flags->serve.bind,
         "the address to listen on. The default can be reached from this machine only; 0.0.0.0 from everywhere,\n"
         "with the token that is printed. From afar without it: ssh -L 8080:127.0.0.1:8080 HOST")
      ->capture_default_str();
  app.add_option(
      "--token-file", flags->serve.token_file,
      "ask for the token in this file (16 or more characters) instead of a random one; or in the environment's\n"
      "SUPERPOSE_TOKEN. Asked for on 127.0.0.1 too, then");
  app.add_option("--results", flags->serve.results,
                 "recorded runs to draw where the store has none: a table that ls --csv wrote, or builtin");
  app.add_flag("--json", flags->json, "print one JSON object on one line, as soon as it listens: the url and the port");
  return [flags] { return serve_store(*flags); };
}

}  // namespace superpose::cli
