// SPDX-License-Identifier: Apache-2.0
// serve: a store watched through a browser. An HTTP server that reads one store and shows what a sweep makes of it: the
// dashboard, the page of the report, the table of runs, loss curves as they come, and the dial.
//
//   store file <── Watcher (one thread, reads what changed twice a second) ──> Runs (the table) + Feed (events)
//                  PageBuilder (one thread, reads the whole store at most every few seconds) ──> the figures
//   browser ──> Connections (limits on everything) ──> Gate (who may ask) ──> one table of routes ──> the above
//
// No request reads the store except for one whole run; a store that is locked, gone or replaced is a state that the
// dashboard shows, never a hanging request. A client owns no memory here: events lie in one ring of bounded size, each
// client is a place in it, and one that falls off its end is told to ask for the table again.
//
// It writes nothing: the store is opened for reading, and no request names a file. What it must not know comes as
// functions: what a report is made from, how a configuration reads, how the toy model trains.
//
//   GET  /                dashboard               GET /report           the page of the report, fresh from the store
//   GET  /api/runs        all runs, by column     GET /api/runs/ID      one run, whole
//   GET  /api/live        what sweeps do now      GET /api/page         the figures: HTML and data
//   GET  /api/events      server-sent events: "runs" {runs: [row]}, "live" {…as /api/live}, "reset", "beat"
//   POST /api/dial CONFIG   POST /api/dial/ID/advance {steps?, milliseconds?}   POST /api/dial/ID/decay {decay}
//   DELETE /api/dial/ID
// Errors are {"error": {"kind", "text"}} with a 4xx or 5xx status.
//
// Who calls it: cli/serve, cli/sweep (--serve).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "superpose/base/json.h"
#include "superpose/report/report.h"
#include "superpose/store/store.h"

namespace superpose::serve {

// A toy model that is trained by hand. Calls come from one thread at a time; Errors are answered with 400.
class DialSession {
 public:
  virtual ~DialSession() = default;
  virtual void advance(int64_t steps) = 0;   // fewer when the training ends before
  virtual void set_decay(double decay) = 0;  // from the next step on
  virtual Json frame() = 0;                  // what the page shows
  virtual bool done() const = 0;             // advance() would change nothing
};

struct Options {
  std::filesystem::path store;
  std::string bind = "127.0.0.1";  // an address or a host name
  int port = 8080;                 // 0: any free one
  // What a client must know; at least 16 characters. Empty: none is needed on a loopback address, elsewhere a random
  // one is made.
  std::string token{};

  // What the figures and the report are made from; whole = false: no curves and pictures of single runs are needed.
  // Called in a thread of its own.
  std::function<report::Inputs(const store::Store&, bool whole)> report_inputs;
  std::function<Json(const store::Run&)> shown_config = {};  // with defaults filled in; empty: as stored
  std::function<std::unique_ptr<DialSession>(const Json& config)> make_dial = {};  // empty: this server has no dial
  int most_dials = 4;                                                              // sessions at once
};

// Serves from its construction until stop() or its end. All functions may be called from any thread.
class Server {
 public:
  // Error{io}: the store cannot be opened, the port is taken (the text names it), the address is none of this machine;
  // Error{bad_file}: no store; Error{usage}: a token that is too short.
  explicit Server(const Options& options);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  bool needs_token() const;
  // "http://127.0.0.1:8080/", with "?token=…" when one is needed: a secret then.
  std::string url() const;

  // Ends within a second, whatever clients do. Not from a request.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace superpose::serve
