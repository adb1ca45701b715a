// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/serve.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <limits>
#include <mutex>
#include <thread>

#include "superpose/base/error.h"
#include "superpose/serve/connections.h"
#include "superpose/serve/content.h"
#include "superpose/serve/feed.h"
#include "superpose/serve/gate.h"
#include "superpose/serve/runs.h"

namespace superpose::serve {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

// Trains nothing: counts.
class CountingDial : public DialSession {
 public:
  explicit CountingDial(const Json& config) : steps_(config.at("steps").get<int64_t>()) {}
  void advance(int64_t steps) override {
    std::this_thread::sleep_for(1ms);
    step_ = std::min(steps_, step_ + steps);
  }
  void set_decay(double decay) override { decay_ = decay; }
  Json frame() override { return {{"step", step_}, {"decay", decay_}, {"done", done()}}; }
  bool done() const override { return step_ == steps_; }

 private:
  int64_t steps_, step_ = 0;
  double decay_ = -1;
};

class ServeTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder = fs::path(testing::TempDir()) / ("superpose_serve_" + std::to_string(::getpid()) + "_" + info->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
    path = folder / "runs.sqlite";
    store = std::make_unique<store::Store>(path);
    for (int k = 0; k < 3; ++k) finish(k);
  }
  void TearDown() override {
    server = nullptr;
    store = nullptr;
    fs::remove_all(folder);
  }

  int64_t finish(int k, const char* status = "ok") {
    const auto id = *store->claim("toy", {{"dim", k + 2}, {"decay", -1}, {"law", "power:1"}});
    store->finish(id, status, {{"loss", 0.5 + k}, {"phi_half", 1}, {"curve", {{1, 2.5}, {10, 0.5 + k}}}}, 1.5);
    return id;
  }

  Options options() {
    Options out;
    out.store = path;
    out.port = 0;
    out.report_inputs = [](const store::Store& from, bool) {
      report::Inputs inputs;
      inputs.title = "a <title>";
      inputs.runs = from.runs("toy");
      return inputs;
    };
    out.make_dial = [](const Json& config) -> std::unique_ptr<DialSession> {
      if (config.contains("wrong")) throw Error(ErrorKind::usage, "wrong: no such field");
      return std::make_unique<CountingDial>(config);
    };
    out.most_dials = 2;
    return out;
  }
  void start() { start(options()); }
  void start(const Options& with) { server = std::make_unique<Server>(with); }

  httplib::Client client() {
    httplib::Client out("127.0.0.1", server->port());
    out.set_read_timeout(30, 0);
    return out;
  }
  Json get(const std::string& where, int status = 200) {
    const auto answer = client().Get(where);
    EXPECT_TRUE(answer) << where;
    if (!answer) return {};
    EXPECT_EQ(answer->status, status) << where << ": " << answer->body;
    return Json::parse(answer->body);
  }
  Json post(const std::string& where, const std::string& body, int status = 200) {
    const auto answer = client().Post(where, body, "application/json");
    EXPECT_TRUE(answer) << where;
    if (!answer) return {};
    EXPECT_EQ(answer->status, status) << where << ": " << answer->body;
    return Json::parse(answer->body);
  }

  // Bytes as they are, and all that comes back until the server closes or so long.
  int connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server->port()));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  std::string raw(const std::string& request, std::chrono::seconds patience = 15s) {
    const int fd = connect();
    const timeval wait{patience.count(), 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    size_t sent = 0;
    while (sent < request.size()) {
      const ssize_t n = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<size_t>(n);
    }
    ::shutdown(fd, SHUT_WR);  // nothing more will come: the server need not wait for another request
    std::string out(1 << 16, '\0');
    size_t size = 0;
    for (ssize_t n; size < out.size() && (n = ::recv(fd, out.data() + size, out.size() - size, 0)) > 0;) {
      size += static_cast<size_t>(n);
    }
    out.resize(size);
    ::close(fd);
    return out;
  }
  static int status_of(const std::string& answer) { return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0; }

  fs::path folder, path;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Server> server;
};

// A reader of events in a thread of its own.
class Listener {
 public:
  Listener(int port, const std::string& where, const httplib::Headers& headers = {})
      : client_("127.0.0.1", port), thread_([this, where, headers] {
          client_.set_read_timeout(30, 0);
          client_.Get(where, headers, [this](const char* data, size_t size) {
            const std::lock_guard lock(mutex_);
            text_.append(data, size);
            news_.notify_all();
            return !leave_;
          });
          const std::lock_guard lock(mutex_);
          ended_ = true;
          news_.notify_all();
        }) {}
  ~Listener() {
    leave();
    thread_.join();
  }
  void leave() { leave_ = true, client_.stop(); }
  bool hears(const std::string& what, std::chrono::seconds patience = 10s) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, patience, [&] { return text_.find(what) != std::string::npos; });
  }
  bool ends(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, patience, [&] { return ended_; });
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  std::string text_;
  bool ended_ = false;
  std::atomic<bool> leave_{false};
  httplib::Client client_;
  std::thread thread_;
};

TEST_F(ServeTest, every_address_answers_with_safe_headers) {
  start();
  for (const char* where : {"/", "/dashboard.js", "/dashboard.css", "/page.css", "/report", "/api/runs", "/api/runs/1",
                            "/api/live", "/api/page"}) {
    const auto answer = client().Get(where);
    ASSERT_TRUE(answer) << where;
    EXPECT_EQ(answer->status, 200) << where;
    EXPECT_EQ(answer->get_header_value("X-Content-Type-Options"), "nosniff") << where;
    EXPECT_EQ(answer->get_header_value("Cache-Control"), "no-store") << where;
    EXPECT_EQ(answer->get_header_value("Referrer-Policy"), "no-referrer") << where;
    const std::string policy = answer->get_header_value("Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'")) << where << ": " << policy;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << where;
    EXPECT_EQ(policy.find("script-src 'unsafe-inline'"), std::string::npos) << where;
    EXPECT_FALSE(answer->body.empty()) << where;
  }
  for (const char* where : {"/nothing", "/api", "/api/", "/api/runs/", "/api/runs/x", "/api/runs/1x", "/api/runs/-1",
                            "/api/runs/99999999999999999999", "/api/runs/1/2", "/dashboard.html", "/api/dial/x/y"}) {
    get(where, 404);
  }
  EXPECT_EQ(get("/api/runs/77", 404)["error"]["text"], "there is no run 77");
}

TEST_F(ServeTest, runs_by_column_and_one_whole) {
  store->fail(*store->claim("toy", {{"dim", 9}, {"<b>", "</script>"}}), "first line\nsecond line", 0.5);
  start();
  const Json runs = get("/api/runs")["runs"];
  EXPECT_EQ(runs["id"], Json::parse("[1,2,3,4]"));
  EXPECT_EQ(runs["loss"], Json::parse("[0.5,1.5,2.5,null]"));
  EXPECT_EQ(runs["status"], Json::parse(R"({"values":["ok","failed"],"at":[0,0,0,1]})"));
  EXPECT_EQ(runs["error"], Json::parse(R"({"values":["","first line"],"at":[0,0,0,1]})"));
  EXPECT_EQ(runs["config"]["dim"], Json::parse(R"({"values":[2,3,4,9],"at":[0,1,2,3]})"));
  EXPECT_EQ(runs["config"]["decay"], Json::parse(R"({"values":[-1],"at":[0,0,0,-1]})"));
  EXPECT_EQ(runs["version"]["at"], 0) << "one value for all is one number";
  const Json one = get("/api/runs/2");
  EXPECT_EQ(one["result"]["curve"], Json::parse("[[1,2.5],[10,1.5]]"));
  EXPECT_EQ(one["config"]["dim"], 3);
  EXPECT_EQ(get("/api/runs/4")["error"], "first line\nsecond line");
}

TEST_F(ServeTest, answers_are_compressed_for_who_wants_it_and_known_ones_not_sent_again) {
  for (int k = 10; k < 100; ++k) finish(k);
  start();
  const auto plain = client().Get("/api/runs");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->has_header("Content-Encoding"));
  auto raw_client = client();
  raw_client.set_decompress(false);
  const auto packed = raw_client.Get("/api/runs", {{"Accept-Encoding", "br, gzip"}});
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->get_header_value("Content-Encoding"), "gzip");
  EXPECT_LT(packed->body.size(), plain->body.size() / 2);
  std::string whole(plain->body.size() + 64, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed->body.data()));
  stream.avail_in = static_cast<uInt>(packed->body.size());
  stream.next_out = reinterpret_cast<Bytef*>(whole.data());
  stream.avail_out = static_cast<uInt>(whole.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  whole.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(whole, plain->body);
  const auto again = client().Get("/api/runs", {{"If-None-Match", plain->get_header_value("ETag")}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 304);
}

TEST_F(ServeTest, the_page_is_made_again_as_runs_finish) {
  start();
  const Json before = get("/api/page");
  EXPECT_EQ(before["title"], "a <title>");
  EXPECT_EQ(before["data"]["summary"]["runs"]["ok"], 3);
  finish(20);
  const auto begin = Clock::now();
  while (get("/api/page")["data"]["summary"]["runs"]["ok"] != 4 && seconds_since(begin) < 20) {
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_LT(seconds_since(begin), 20);
  const auto page = client().Get("/report");
  ASSERT_TRUE(page);
  EXPECT_NE(page->body.find("<title>a &lt;title&gt;</title>"), std::string::npos);
  EXPECT_EQ(page->get_header_value("Content-Security-Policy"), policy_of_page(page->body));
}

TEST_F(ServeTest, no_path_leads_out) {
  start();
  std::ofstream(folder / "secret.txt") << "secret";
  for (const char* where :
       {"/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "//etc/passwd",
        "/./../../etc/passwd", "/%00", "/dashboard.js/../../etc/passwd", "/%c0%ae%c0%ae/etc/passwd",
        "\\..\\..\\etc\\passwd", "/runs.sqlite", "/?/../../etc/passwd#"}) {
    const std::string answer =
        raw(std::string("GET ") + where + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const int status = status_of(answer);
    EXPECT_TRUE(status == 404 || status == 400 || (status == 200 && std::string(where).starts_with("/?")))
        << where << answer;
    EXPECT_EQ(answer.find("root:"), std::string::npos) << where;
    EXPECT_EQ(answer.find("secret\n"), std::string::npos) << where;
  }
}

TEST_F(ServeTest, requests_that_are_too_long_or_no_http_are_refused) {
  start();
  const std::string tail = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(status_of(raw("GET /" + std::string(300, 'a') + tail)), 414);
  EXPECT_EQ(status_of(raw("GET /" + std::string(9000, 'a') + tail)), 414);
  EXPECT_EQ(status_of(raw("GET /" + std::string(200'000, 'a'))), 414) << "a line without an end";
  std::string headers = "GET / HTTP/1.1\r\nHost: localhost\r\n";
  for (int k = 0; k < 5000; ++k) headers += "X-" + std::to_string(k) + ": yyyyyyyyyyyyyyyyyyyy\r\n";
  EXPECT_EQ(status_of(raw(headers + "\r\n")), 400);
  EXPECT_EQ(status_of(raw("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(10'000, 'y') + "\r\n\r\n")), 400);
  EXPECT_EQ(status_of(raw("nonsense\r\n\r\n")), 400);
  EXPECT_EQ(status_of(raw("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n")), 400);
  EXPECT_EQ(status_of(raw("GET /\r\n\r\n")), 400);
  EXPECT_EQ(status_of(raw(std::string("\0\0\0\0", 4) + "\r\n\r\n")), 400);
  const std::string post = "POST /api/dial HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  EXPECT_EQ(status_of(raw(post + "Content-Length: 70000\r\n\r\n" + std::string(70'000, ' '))), 413);
  EXPECT_EQ(status_of(raw(post + "Content-Length: 18446744073709551615\r\n\r\n{}")), 413);
  EXPECT_EQ(status_of(raw(post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")), 411);
  EXPECT_EQ(status_of(raw(post + "\r\n{}")), 411);
  EXPECT_EQ(get("/api/live")["store"]["state"], "ok") << "still there";
}

TEST_F(ServeTest, methods_are_those_of_the_route) {
  start();
  for (const char* method : {"PUT", "PATCH", "OPTIONS", "TRACE", "DELETE", "POST"}) {
    const std::string answer =
        raw(std::string(method) + " /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(status_of(answer), 405) << method;
    EXPECT_NE(answer.find("Allow: GET"), std::string::npos) << method;
  }
  const auto head = client().Head("/api/runs");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(get("/api/dial", 405)["error"]["text"], "expected POST");
}

TEST_F(ServeTest, other_sites_are_kept_out) {
  start();
  const auto with = [&](const httplib::Headers& headers, const char* where = "/api/runs") {
    const auto answer = client().Get(where, headers);
    return answer ? answer->status : 0;
  };
  const std::string port = ":" + std::to_string(server->port());
  for (const auto* host : {"localhost", "LOCALHOST", "127.0.0.1", "[::1]", "127.1.2.3"}) {
    EXPECT_EQ(with({{"Host", host}}), 200) << host;
    EXPECT_EQ(with({{"Host", host + port}}), 200) << host;
  }
  for (const auto* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:8080", "",
                           "localhost:80:80", "[::1", "localhost:x", "127.0.0.1@evil.example", "localhost."}) {
    EXPECT_NE(with({{"Host", host}}), 200) << host;
  }
  EXPECT_EQ(with({{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}}), 403);
  EXPECT_EQ(with({{"Host", "localhost"}, {"Sec-Fetch-Site", "same-origin"}}), 200);
  EXPECT_EQ(with({{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}}, "/"), 200)
      << "a link may lead here";
  EXPECT_EQ(status_of(raw("GET / HTTP/1.1\r\n\r\n")), 400) << "no Host";
  EXPECT_EQ(status_of(raw("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")), 400) << "two";
  const auto post_from = [&](const std::string& origin) {
    const auto answer = client().Post("/api/dial", {{"Host", "localhost" + port}, {"Origin", origin}}, R"({"steps":1})",
                                      "application/json");
    return answer ? answer->status : 0;
  };
  EXPECT_EQ(post_from("http://localhost" + port), 200);
  EXPECT_EQ(post_from("http://evil.example"), 403);
  EXPECT_EQ(post_from("null"), 403);
  EXPECT_EQ(post_from("https://localhost" + port), 403);
  const auto form = client().Post("/api/dial", "config=1", "application/x-www-form-urlencoded");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->status, 415);
}

TEST_F(ServeTest, a_token_is_asked_for_and_becomes_a_cookie) {
  Options with = options();
  with.token = "0123456789abcdef0123";
  start(with);
  EXPECT_TRUE(server->needs_token());
  EXPECT_NE(server->url().find("/?token=0123456789abcdef0123"), std::string::npos);
  for (const char* where : {"/", "/report", "/api/runs", "/api/events", "/api/page", "/dashboard.js", "/nothing"}) {
    get(where, 401);
  }
  get("/?token=0123456789abcdef0124", 401);
  get("/?token=", 401);
  const auto entered = client().Get("/?token=0123456789abcdef0123");
  ASSERT_TRUE(entered);
  EXPECT_EQ(entered->status, 200);
  const std::string cookie = entered->get_header_value("Set-Cookie");
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Strict"), std::string::npos);
  const auto with_cookie = client().Get("/api/runs", {{"Cookie", "a=b; " + cookie.substr(0, cookie.find(';'))}});
  ASSERT_TRUE(with_cookie);
  EXPECT_EQ(with_cookie->status, 200);
  const auto as_bearer = client().Get("/api/runs", {{"Authorization", "Bearer 0123456789abcdef0123"}});
  ASSERT_TRUE(as_bearer);
  EXPECT_EQ(as_bearer->status, 200);
  with.token = "short";
  EXPECT_THROW(Server{with}, Error);
}

TEST_F(ServeTest, bound_elsewhere_there_is_a_random_token) {
  Options with = options();
  with.bind = "0.0.0.0";
  start(with);
  EXPECT_TRUE(server->needs_token());
  const std::string url = server->url();
  const std::string token = url.substr(url.find("token=") + 6);
  EXPECT_EQ(token.size(), 64u);
  get("/api/runs", 401);
  const auto answer = client().Get("/api/runs", {{"Authorization", "Bearer " + token}, {"Host", "some.name"}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_NE(random_token(), random_token());
}

TEST_F(ServeTest, events_tell_what_finished_and_go_on_where_they_were) {
  start();
  const std::string id = get("/api/runs")["event"];
  std::string later;
  {
    Listener listener(server->port(), "/api/events?since=" + id);
    ASSERT_TRUE(listener.hears("event: beat"));
    EXPECT_EQ(listener.text().find("event: reset"), std::string::npos);
    EXPECT_TRUE(listener.hears("event: live"));
    finish(30);
    ASSERT_TRUE(listener.hears("event: runs"));
    EXPECT_NE(listener.text().find(R"("dim":32)"), std::string::npos);
    const std::string text = listener.text();
    const size_t at = text.find("id: ") + 4;
    later = text.substr(at, text.find('\n', at) - at);
  }
  finish(31);
  {
    Listener listener(server->port(), "/api/events?since=" + id, {{"Last-Event-ID", later}});
    ASSERT_TRUE(listener.hears(R"("dim":33)")) << "what happened in between";
    EXPECT_EQ(listener.text().find(R"("dim":32)"), std::string::npos) << "what it knew already";
  }
  for (const std::string& strange : {std::string(), std::string("abc-1"), later + "9", std::string("../x")}) {
    Listener listener(server->port(), "/api/events", {{"Last-Event-ID", strange}});
    EXPECT_TRUE(listener.hears("event: reset")) << strange;
  }
}

TEST_F(ServeTest, a_sweep_that_died_is_lost_and_one_that_ended_is_over) {
  start();
  const auto record = [&](const std::string& updated, bool ended) {
    store->put_artifact("live", "host:1",
                        {{"schema", "superpose.live/1"},
                         {"study", "s"},
                         {"started_at", updated},
                         {"updated_at", updated},
                         {"ended", ended},
                         {"running", Json::array({{{"run", 1}}})}});
  };
  const auto state = [&] {
    const Json live = get("/api/live");
    return live["records"].empty() ? std::string("none") : live["records"][0]["state"].get<std::string>();
  };
  const auto becomes = [&](const std::string& wanted) {
    const auto begin = Clock::now();
    while (state() != wanted && seconds_since(begin) < 8) std::this_thread::sleep_for(50ms);
    return state() == wanted;
  };
  record(store::utc_now(), false);
  EXPECT_TRUE(becomes("live"));
  EXPECT_EQ(get("/api/live")["records"][0]["running"].size(), 1u);
  record(store::utc_now(), true);
  EXPECT_TRUE(becomes("ended"));
  record("2020-01-01T00:00:00.000Z", false);
  EXPECT_TRUE(becomes("none")) << "forgotten after a day";
  const auto ago = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - 60s);
  std::tm parts{};
  ::gmtime_r(&ago, &parts);
  char text[40];
  (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
  record(text, false);
  EXPECT_TRUE(becomes("lost"));
  EXPECT_TRUE(get("/api/live")["records"][0]["running"].empty());
  for (const char* nonsense : {"1", "[]", "{}", R"({"running":1})", R"({"running":[],"updated_at":5})"}) {
    store->put_artifact("live", "host:1", Json::parse(nonsense));
    EXPECT_TRUE(becomes("none")) << nonsense;
  }
}

TEST_F(ServeTest, a_store_that_is_locked_gone_or_replaced_is_a_state) {
  start();
  const auto becomes = [&](const std::string& wanted, size_t runs) {
    const auto begin = Clock::now();
    Json live;
    do {
      std::this_thread::sleep_for(50ms);
      live = get("/api/live");
    } while ((live["store"]["state"] != wanted || live["store"]["runs"] != runs) && seconds_since(begin) < 10);
    EXPECT_EQ(live["store"]["state"], wanted);
    EXPECT_EQ(live["store"]["runs"], runs);
  };
  const std::string id = get("/api/runs")["event"];
  Listener listener(server->port(), "/api/events?since=" + id);
  ASSERT_TRUE(listener.hears("event: beat"));
  store = nullptr;
  fs::rename(path, folder / "away");
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(path.string() + suffix);
  becomes("missing", 3);
  EXPECT_EQ(get("/api/runs")["runs"]["id"].size(), 3u) << "what was known stays";
  get("/api/runs/1", 503);
  store = std::make_unique<store::Store>(path);
  finish(7);
  becomes("ok", 1);
  EXPECT_TRUE(listener.hears("event: reset"));
  EXPECT_EQ(get("/api/runs")["runs"]["config"]["dim"]["values"][0], 9);
  // Locked by a program that shares with nobody.
  store = nullptr;
  std::this_thread::sleep_for(1s);
  sqlite3* raw_database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &raw_database), SQLITE_OK);
  sqlite3_busy_timeout(raw_database, 5000);
  const char* lock =
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; UPDATE runs SET seconds = 2; ";
  if (sqlite3_exec(raw_database, lock, nullptr, nullptr, nullptr) == SQLITE_OK) {
    becomes("unreadable", 1);
    EXPECT_EQ(get("/api/runs")["runs"]["id"].size(), 1u);
    sqlite3_exec(raw_database, "COMMIT", nullptr, nullptr, nullptr);
  }
  sqlite3_close(raw_database);
  becomes("ok", 1);
}

TEST_F(ServeTest, slow_and_silent_clients_hold_up_nobody) {
  for (int k = 10; k < 400; ++k) finish(k);
  start();
  std::vector<int> sockets;
  for (int k = 0; k < 30; ++k) {
    sockets.push_back(connect());
    // One byte and no more; or a large answer that nobody reads.
    const std::string text = k % 2 ? "G" : "GET /dashboard.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    EXPECT_GT(::send(sockets.back(), text.data(), text.size(), MSG_NOSIGNAL), 0);
  }
  std::this_thread::sleep_for(100ms);
  const auto begin = Clock::now();
  for (int k = 0; k < 20; ++k) get("/api/live");
  EXPECT_LT(seconds_since(begin), 3);
  // More than there may be at once: they wait, or are told to come back; none of it lasts.
  for (int k = 0; k < 150; ++k) sockets.push_back(connect());
  std::this_thread::sleep_for(200ms);
  for (const int fd : sockets) ::close(fd);
  const auto after = Clock::now();
  bool answered = false;
  while (!answered && seconds_since(after) < 10) {
    const auto answer = client().Get("/api/live");
    answered = answer && answer->status == 200;
  }
  EXPECT_TRUE(answered);
}

TEST_F(ServeTest, connections_that_come_together_are_all_answered) {
  start();
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int k = 0; k < 40; ++k) {
    clients.emplace_back([&] {
      for (int j = 0; j < 5; ++j) {
        const auto answer = client().Get("/api/live");
        answered += answer && answer->status == 200;
      }
    });
  }
  for (auto& thread : clients) thread.join();
  EXPECT_EQ(answered, 200);
}

TEST_F(ServeTest, event_streams_are_counted) {
  start();
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int k = 0; k < 24; ++k) {
    listeners.push_back(std::make_unique<Listener>(server->port(), "/api/events"));
    ASSERT_TRUE(listeners.back()->hears("event: beat")) << k;
  }
  get("/api/events", 503);
  EXPECT_EQ(get("/api/live")["store"]["state"], "ok") << "room for the others";
  listeners.pop_back();
  const auto begin = Clock::now();
  bool heard = false;
  while (!heard && seconds_since(begin) < 15) heard = Listener(server->port(), "/api/events").hears("event: beat", 1s);
  EXPECT_TRUE(heard) << "one left, one may come";
  for (const auto& listener : listeners) listener->leave();
}

TEST_F(ServeTest, stops_within_a_second_whatever_clients_do) {
  start();
  Listener one(server->port(), "/api/events"), two(server->port(), "/api/events");
  ASSERT_TRUE(one.hears("event: beat"));
  ASSERT_TRUE(two.hears("event: beat"));
  const int silent = connect(), half = connect();
  EXPECT_GT(::send(half, "GET / HT", 8, MSG_NOSIGNAL), 0);
  const Json dial = post("/api/dial", R"({"steps":1000000000})");
  std::thread training([&] {
    httplib::Client busy("127.0.0.1", server->port());
    busy.Post("/api/dial/" + dial["id"].get<std::string>() + "/advance", R"({"milliseconds":500})", "application/json");
  });
  std::this_thread::sleep_for(50ms);
  const auto begin = Clock::now();
  server->stop();
  EXPECT_LT(seconds_since(begin), 1.0);
  EXPECT_TRUE(one.ends(1s));
  training.join();
  ::close(silent), ::close(half);
  EXPECT_FALSE(client().Get("/"));
}

TEST_F(ServeTest, a_port_that_is_taken_is_an_error_with_advice) {
  start();
  Options with = options();
  with.port = server->port();
  try {
    Server second(with);
    ADD_FAILURE() << "two servers on one port";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::io);
    EXPECT_NE(std::string(e.what()).find("another program listens there"), std::string::npos) << e.what();
  }
  with.port = 0, with.bind = "no such host";
  EXPECT_THROW(Server{with}, Error);
  with.bind = "127.0.0.1", with.store = folder / "absent.sqlite";
  EXPECT_THROW(Server{with}, Error);
}

TEST_F(ServeTest, a_dial_is_turned_and_few_are) {
  start();
  const Json first = post("/api/dial", R"({"steps":100000})");
  EXPECT_EQ(first["frame"]["step"], 0);
  const std::string where = "/api/dial/" + first["id"].get<std::string>();
  EXPECT_EQ(post(where + "/advance", R"({"steps":5})")["frame"]["step"], 5);
  EXPECT_EQ(post(where + "/decay", R"({"decay":0.25})")["frame"]["decay"], 0.25);
  const auto begin = Clock::now();
  EXPECT_GT(post(where + "/advance", R"({"milliseconds":100})")["frame"]["step"], 5);
  EXPECT_LT(seconds_since(begin), 3);
  for (const char* body :
       {"", "[]", "{", R"({"steps":0})", R"({"steps":"x"})", R"({"milliseconds":501})", R"({"steps":1e300})"}) {
    if (*body) post(where + "/advance", body, 400);
  }
  post(where + "/decay", "{}", 400);
  post(where + "/decay", R"({"decay":1e9})", 400);
  post("/api/dial", R"({"steps":1,"wrong":1})", 400);
  post("/api/dial", "3", 400);
  post("/api/dial", std::string(30000, '['), 400);
  post("/api/dial/0123/advance", "{}", 404);
  const Json second = post("/api/dial", R"({"steps":1})");
  EXPECT_NE(second["id"], first["id"]);
  EXPECT_NE(post("/api/dial", R"({"steps":1})", 429)["error"]["text"].get<std::string>().find("2 sessions"),
            std::string::npos);
  const auto removed = client().Delete(where);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->status, 200);
  post(where + "/advance", "{}", 404);
  post("/api/dial", R"({"steps":1})");
}

TEST(ServePieces, a_reader_that_is_slow_loses_its_place_and_costs_nothing) {
  Feed feed;
  Feed::Place place = feed.place_of(feed.last_id());
  EXPECT_EQ(feed.wait(place, 1ms), "");
  feed.post("runs", "1");
  EXPECT_NE(feed.wait(place, 1ms).find("data: 1\n"), std::string::npos);
  const std::string known = feed.last_id();
  for (int k = 0; k < 100; ++k) feed.post("runs", std::string(100'000, 'x'));
  const std::string frames = feed.wait(place, 1ms);
  EXPECT_NE(frames.find("event: reset"), std::string::npos) << "4 MB are kept";
  EXPECT_LT(frames.size(), 1000u);
  EXPECT_EQ(feed.wait(place, 1ms), "");
  feed.set_live("{}"), feed.set_live("{\"a\":1}");
  EXPECT_EQ(feed.wait(place, 1ms), "event: live\ndata: {\"a\":1}\n\n") << "only the newest";
  Feed::Place again = feed.place_of(known);
  EXPECT_NE(feed.wait(again, 1ms).find("event: reset"), std::string::npos);
  feed.stop();
  EXPECT_EQ(feed.wait(place, 1h), "");
}

TEST(ServePieces, names_of_hosts_and_times) {
  EXPECT_EQ(host_name("LocalHost:8080"), "localhost");
  EXPECT_EQ(host_name("[::1]:80"), "::1");
  EXPECT_EQ(host_name("[::1]"), "::1");
  EXPECT_EQ(host_name("a:b"), "");
  EXPECT_EQ(host_name("a:"), "");
  EXPECT_EQ(host_name("[::1"), "");
  EXPECT_EQ(milliseconds_of("1970-01-02T00:00:00.123Z"), 86'400'123);
  EXPECT_EQ(milliseconds_of("yesterday"), 0);
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
}

TEST(ServePieces, only_the_scripts_of_a_page_may_run) {
  // The hash of "" as in the CSP specification's examples of sha256.
  const std::string policy = policy_of_page("<script type=\"application/json\">1</script><script></script>");
  EXPECT_NE(policy.find("'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"), std::string::npos) << policy;
  EXPECT_EQ(policy.find("sha256-", policy.find("sha256-") + 1), std::string::npos) << "data needs no permission";
}

TEST(ServePieces, a_hostile_table_stays_small) {
  Runs runs;
  for (int k = 1; k <= 2000; ++k) {
    store::RunRow row;
    row.id = k, row.status = "ok";
    row.config = "{\"field" + std::to_string(k) + "\": 1}";
    runs.put(row);
  }
  const Json table = Json::parse(runs.by_column());
  EXPECT_LE(table["config"].size(), 200u);
  store::RunRow broken;
  broken.seconds = std::numeric_limits<double>::infinity(), broken.finished_at = "2030-01-31T12:00:00.123Z";
  broken.id = 2001, broken.config = "{\"a\": ", broken.error = "\xff\xfe";
  EXPECT_TRUE(runs.put(broken));
  EXPECT_FALSE(runs.put(broken)) << "nothing changed";
  EXPECT_EQ(Json::parse(runs.row(2001))["config"].size(), 0u);
  EXPECT_TRUE(Json::parse(runs.row(2001))["seconds"].is_null());
  EXPECT_EQ(Json::parse(runs.by_column())["id"].size(), 2001u);
  EXPECT_EQ(runs.row(9999), "");
}

}  // namespace
}  // namespace superpose::serve
