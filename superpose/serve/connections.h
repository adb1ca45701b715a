// SPDX-License-Identifier: Apache-2.0
// The sockets under cpp-httplib, which parses requests and writes responses. Its own sockets know no limit on the
// length of a request or the time one may take, its queue none on connections, and its compression would hold a large
// answer for seconds; all that is here.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <httplib.h>

namespace superpose::serve {

struct Limits {
  size_t threads = 48;               // connections served at once, event streams included; started when needed
  size_t waiting = 64;               // connections that wait for a thread; one more is answered 503
  size_t request_bytes = 96 * 1024;  // request line, headers and body together
  size_t body_bytes = 64 * 1024;
  size_t path_bytes = 256;
  size_t requests_per_connection = 1000;
  std::chrono::milliseconds request_time{10'000};  // from its first byte to its last
  std::chrono::milliseconds idle_time{5'000};      // between two requests
  std::chrono::milliseconds stall_time{5'000};     // a client that takes no byte for so long is dropped
};

inline constexpr const char* kGzipHeader = "Superpose-Accepts-Gzip";  // set on requests here, never taken from a client

class Connections : public httplib::Server {
 public:
  explicit Connections(const Limits& limits);
  ~Connections() override;

  // Binds and listens; the port in `port()`. Error{io}.
  void open(const std::string& host, int port);
  int port() const { return port_; }
  bool loopback() const { return loopback_; }  // bound to 127.0.0.0/8 or ::1

  void start();  // accepts in a thread of its own
  void stop();   // no new connections, ends the present ones, joins all threads
  bool stopping() const { return stopping_; }

 private:
  bool process_and_close_socket(socket_t sock) override;
  void accept_loop();
  void take(int socket);
  void work();
  void serve_connection(int socket);
  bool is_crowded() const;

  const Limits limits_;
  std::atomic<bool> stopping_{false};
  int listener_ = -1, wake_ = -1;
  int port_ = 0;
  bool loopback_ = false;
  std::thread acceptor_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable work_there_;
  std::deque<int> waiting_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
};

}  // namespace superpose::serve
