// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <map>

#include "superpose/base/base.h"
#include "superpose/base/error.h"
#include "superpose/base/version.h"
#include "superpose/serve/connections.h"
#include "superpose/serve/content.h"
#include "superpose/serve/dials.h"
#include "superpose/serve/feed.h"
#include "superpose/serve/gate.h"
#include "superpose/serve/page_builder.h"
#include "superpose/serve/serve.h"
#include "superpose/serve/watcher.h"

namespace superpose::serve {
namespace {

using httplib::Request;
using httplib::Response;
using std::chrono::milliseconds;

constexpr int kMostStreams = 24;     // event streams at once: half of the threads
constexpr milliseconds kBeat{3000};  // between two signs of life of a stream
constexpr milliseconds kPagePatience{60'000};
constexpr size_t kLeastToken = 16;
constexpr const char* kAnyPath = R"([\s\S]*)";  // at most Limits::path_bytes long

const httplib::Headers kAlways{{"X-Content-Type-Options", "nosniff"},
                               {"Cache-Control", "no-store"},
                               {"Referrer-Policy", "no-referrer"},
                               {"X-Frame-Options", "DENY"},
                               {"Cross-Origin-Resource-Policy", "same-origin"},
                               {"Cross-Origin-Opener-Policy", "same-origin"}};

void answer_json(Response& response, int status, const Json& body) {
  response.status = status;
  response.set_header("Content-Security-Policy", kNothing);
  response.set_content(body.dump(-1, ' ', false, Json::error_handler_t::replace), kJson);
}

void answer_error(Response& response, int status, std::string_view kind, std::string_view text) {
  answer_json(response, status, error_json(kind, text));
}

void answer(const Request& request, Response& response, const Content& content) {
  const std::string tag = "\"" + content.tag + "\"";
  response.set_header("Content-Security-Policy", content.security);
  response.set_header("ETag", tag);
  response.set_header("Vary", "Accept-Encoding");
  if (request.get_header_value("If-None-Match") == tag) {
    response.status = 304;
    return;
  }
  const bool gzip = !content.gzip.empty() && request.has_header(kGzipHeader);
  if (gzip) response.set_header("Content-Encoding", "gzip");
  response.status = 200;
  response.set_content(gzip ? content.gzip : content.plain, content.type);
}

// "/api/runs/" + 17 -> 17; nothing for anything but 1 to 18 digits.
std::optional<int64_t> number_of(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.size() > 18 || error != std::errc() || end != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

// What a path asks for: its route, and what stands in it.
struct Asked {
  std::string route;  // "/api/dial/ID/advance"
  std::string id;
};

Shared figures_of(const report::Inputs& inputs) {
  const report::Pieces pieces = report::pieces(inputs);
  const Json body{
      {"schema", "superpose.dashboard.page/1"}, {"title", pieces.title}, {"body", pieces.body}, {"data", pieces.data}};
  return make_content(kJson, body.dump(-1, ' ', false, Json::error_handler_t::replace), kNothing, 3);
}

Shared page_of(const report::Inputs& inputs) {
  std::string html = report::render(inputs);
  std::string policy = policy_of_page(html);
  return make_content(kHtml, std::move(html), std::move(policy), 3);
}

std::string this_machine() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] ? name.data() : "localhost";
}

Asked asked_for(std::string_view path) {
  constexpr std::string_view kRun = "/api/runs/", kDial = "/api/dial/";
  if (path.starts_with(kRun)) return {"/api/runs/ID", std::string(path.substr(kRun.size()))};
  if (path.starts_with(kDial)) {
    const std::string_view rest = path.substr(kDial.size());
    const size_t slash = std::min(rest.find('/'), rest.size());
    return {"/api/dial/ID" + std::string(rest.substr(slash)), std::string(rest.substr(0, slash))};
  }
  return {std::string(path), ""};
}

}  // namespace

struct Server::State {
  explicit State(const Options& given);

  using Handler = std::function<void(const std::string& id, const Request&, Response&)>;
  // "GET /api/runs" -> handler; HEAD is a GET.
  std::map<std::string, Handler> routes;

  void add_routes();
  void add_dial_routes();
  bool refused(const Request& request, Response& response);
  void dispatch(const Request& request, Response& response);
  void run(const std::string& id, Response& response);
  void events(const Request& request, Response& response);
  void page(const Request& request, Response& response, bool whole);

  Options options;
  Limits limits;
  Feed feed;
  std::vector<Asset> assets;
  Watcher watcher;
  PageBuilder figures, report;
  Dials dials;
  std::atomic<int> streams{0};
  std::unique_ptr<Gate> gate;
  Connections connections;  // last: its threads use all above
};

Server::State::State(const Options& given)
    : options(given),
      assets(dashboard_assets()),
      watcher(given.store, feed),
      figures(given.store,
              [inputs = given.report_inputs](const store::Store& store) { return figures_of(inputs(store, false)); }),
      report(given.store,
             [inputs = given.report_inputs](const store::Store& store) { return page_of(inputs(store, true)); }),
      dials(given.make_dial, given.most_dials),
      connections(limits) {
  connections.open(options.bind, options.port);
  std::string token = options.token;
  if (!token.empty() && token.size() < kLeastToken) {
    throw Error(ErrorKind::usage,
                fmt::format("the token has {} characters; {} or more are needed", token.size(), kLeastToken));
  }
  if (token.empty() && !connections.loopback()) token = random_token();
  gate = std::make_unique<Gate>(token, connections.loopback(), connections.port());
  add_routes();
  add_dial_routes();
  connections.set_default_headers(kAlways);
  connections.set_pre_routing_handler([this](const Request& request, Response& response) {
    const auto handled = httplib::Server::HandlerResponse::Handled;
    if (refused(request, response)) return handled;
    if (request.method == "POST") return httplib::Server::HandlerResponse::Unhandled;  // its body is read first
    dispatch(request, response);
    return handled;
  });
  connections.Post(kAnyPath, [this](const Request& request, Response& response) { dispatch(request, response); });
  // What the library itself refuses: requests that are too long or no HTTP.
  connections.set_error_handler([](const Request&, Response& response) {
    if (!response.body.empty()) return;
    const char* text = response.status == 413   ? "the body is too long"
                       : response.status == 414 ? "the address is too long"
                       : response.status == 500 ? "internal error"
                                                : "this is no request that can be read";
    answer_error(response, response.status, "usage", text);
  });
  connections.set_exception_handler([](const Request&, Response& response, const std::exception_ptr&) {
    answer_error(response, 500, "io", "internal error");
  });
}

// A refusal before a byte of the body is read, or false.
bool Server::State::refused(const Request& request, Response& response) {
  if (request.path.size() > limits.path_bytes)
    return answer_error(response, 414, "usage", "the address is too long"), true;
  if (const auto refusal = gate->refuse(request)) {
    if (refusal->status == 401) response.set_header("WWW-Authenticate", "Bearer");
    return answer_error(response, refusal->status, "usage", refusal->text), true;
  }
  const std::string route = asked_for(request.path).route;
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  if (!routes.contains(method + " " + route)) {
    std::string allowed;
    for (const char* other : {"GET", "POST", "DELETE"}) {
      if (routes.contains(std::string(other) + " " + route))
        allowed += (allowed.empty() ? "" : ", ") + std::string(other);
    }
    if (allowed.empty()) return answer_error(response, 404, "usage", "there is nothing here"), true;
    response.set_header("Allow", allowed);
    return answer_error(response, 405, "usage", "expected " + allowed), true;
  }
  if (method != "POST") return false;
  if (!request.has_header("Content-Length"))
    return answer_error(response, 411, "usage", "expected a Content-Length"), true;
  // A form of another site cannot send this type without being asked first.
  if (!request.get_header_value("Content-Type").starts_with("application/json")) {
    return answer_error(response, 415, "usage", "expected Content-Type: application/json"), true;
  }
  return false;
}

void Server::State::dispatch(const Request& request, Response& response) {
  if (gate->is_login(request) && request.path == "/") {
    // A page of our own that leads on, not a redirect: a browser that came from elsewhere would not send the cookie.
    response.set_header("Set-Cookie", gate->cookie());
    response.set_header("Content-Security-Policy", kNothing);
    response.status = 200;
    response.set_content(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url=/\">"
        "<title>superpose</title><a href=\"/\">dashboard</a></html>",
        kHtml);
    return;
  }
  const Asked asked = asked_for(request.path);
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  routes.at(method + " " + asked.route)(asked.id, request, response);
}

void Server::State::add_routes() {
  for (const Asset& asset : assets) {
    routes["GET " + asset.path] = [&asset](const std::string&, const Request& request, Response& response) {
      answer(request, response, *asset.content);
    };
  }
  routes["GET /report"] = [this](const std::string&, const Request& q, Response& a) { page(q, a, true); };
  routes["GET /api/page"] = [this](const std::string&, const Request& q, Response& a) { page(q, a, false); };
  routes["GET /api/runs"] = [this](const std::string&, const Request& q, Response& a) {
    answer(q, a, *watcher.runs());
  };
  routes["GET /api/live"] = [this](const std::string&, const Request& q, Response& a) {
    answer(q, a, *watcher.live());
  };
  routes["GET /api/runs/ID"] = [this](const std::string& id, const Request&, Response& a) { run(id, a); };
  routes["GET /api/events"] = [this](const std::string&, const Request& q, Response& a) { events(q, a); };
}

void Server::State::add_dial_routes() {
  // Json is parsed here: bytes of a stranger, at most 64 kB, nested at most 64 deep.
  const auto with_body = [](const std::function<Dials::Answer(const std::string&, const Json&)>& act) {
    return [act](const std::string& id, const Request& request, Response& response) {
      Json body;
      try {
        body = request.body.empty() ? Json::object() : parse_json(request.body, "the request's body");
      } catch (const Error& e) {
        return answer_error(response, 400, "usage", e.what());
      }
      if (!body.is_object()) return answer_error(response, 400, "usage", "expected a JSON object");
      const auto [status, json] = act(id, body);
      answer_json(response, status, json);
    };
  };
  routes["POST /api/dial"] = with_body([this](const std::string&, const Json& body) { return dials.create(body); });
  routes["POST /api/dial/ID/advance"] =
      with_body([this](const std::string& id, const Json& body) { return dials.advance(id, body); });
  routes["POST /api/dial/ID/decay"] =
      with_body([this](const std::string& id, const Json& body) { return dials.set_decay(id, body); });
  routes["DELETE /api/dial/ID"] = [this](const std::string& id, const Request&, Response& response) {
    const auto [status, json] = dials.remove(id);
    answer_json(response, status, json);
  };
}

// The one request that reads the store: one row, by its number.
void Server::State::run(const std::string& text, Response& response) {
  const auto id = number_of(text);
  if (!id) return answer_error(response, 404, "usage", "expected the number of a run");
  try {
    const store::Store store(options.store, store::Mode::read_only, milliseconds(1000));
    const auto found = store.find(*id);
    if (!found) return answer_error(response, 404, "usage", fmt::format("there is no run {}", *id));
    const bool finished = !found->finished_at.empty();
    Json config = found->config;
    if (options.shown_config) config = options.shown_config(*found);
    answer_json(response, 200,
                {{"schema", "superpose.dashboard.run/1"},
                 {"id", found->id},
                 {"key", found->key},
                 {"kind", found->kind},
                 {"status", found->status},
                 {"config", std::move(config)},
                 {"error", found->error.empty() ? Json() : Json(found->error)},
                 {"seconds", finished ? Json(found->seconds) : Json()},
                 {"version", found->version},
                 {"started_at", found->started_at},
                 {"finished_at", finished ? Json(found->finished_at) : Json()},
                 {"result", found->result}});
  } catch (const Error& e) {
    answer_error(response, 503, error_kind_name(e.kind()), e.what());
  }
}

void Server::State::page(const Request& request, Response& response, bool whole) {
  const auto built = (whole ? report : figures).get(watcher.page_version(), whole, kPagePatience);
  if (built.content) return answer(request, response, *built.content);
  response.set_header("Retry-After", "2");
  answer_error(response, 503, "io",
               built.error.empty()
                   ? "it is still being made: the store is large, or this machine busy. It is asked for again"
                   : built.error);
}

void Server::State::events(const Request& request, Response& response) {
  struct Stream {
    explicit Stream(std::atomic<int>& all) : count(all) { ++count; }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { --count; }
    std::atomic<int>& count;
    Feed::Place place;
    bool greeted = false;
  };
  const auto stream = std::make_shared<Stream>(streams);
  if (streams > kMostStreams) {
    response.set_header("Retry-After", "10");
    return answer_error(response, 503, "io", fmt::format("{} dashboards are open already", kMostStreams));
  }
  const std::string id = request.get_header_value("Last-Event-ID");
  stream->place = feed.place_of(id.empty() ? request.get_param_value("since") : id);
  response.status = 200;
  response.set_header("Content-Security-Policy", kNothing);
  response.set_header("X-Accel-Buffering", "no");
  response.set_chunked_content_provider(
      "text/event-stream; charset=utf-8", [this, stream](size_t, httplib::DataSink& sink) {
        std::string frames = feed.wait(stream->place, kBeat);
        if (feed.stopped()) return false;
        if (!stream->greeted) frames = "retry: 1000\n\n" + frames, stream->greeted = true;
        frames += fmt::format("event: beat\ndata: {{\"now\":\"{}\"}}\n\n", store::utc_now());
        return sink.write(frames.data(), frames.size());
      });
}

Server::Server(const Options& options) : state_(std::make_unique<State>(options)) {
  SUPERPOSE_ASSERT(options.report_inputs);
  state_->watcher.start();
  state_->figures.start();
  state_->report.start();
  state_->connections.start();
}

Server::~Server() { stop(); }

void Server::stop() {
  state_->feed.stop();
  state_->dials.stop();
  // The builders' threads may be in the midst of a large store, and the requests that wait for them must go first.
  state_->figures.stop();
  state_->report.stop();
  state_->connections.stop();
  state_->watcher.stop();
}

int Server::port() const { return state_->connections.port(); }
bool Server::needs_token() const { return state_->gate->needs_token(); }

std::string Server::url() const {
  std::string host = state_->options.bind;
  // "all addresses" is none that a browser could go to.
  if (host == "0.0.0.0" || host == "::" || host.empty()) host = this_machine();
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return fmt::format("http://{}:{}/{}", host, port(), needs_token() ? "?token=" + state_->gate->token() : "");
}

}  // namespace superpose::serve
