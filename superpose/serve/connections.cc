// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/connections.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "superpose/base/error.h"

namespace superpose::serve {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kSlice{100};  // how late a stop may be noticed
constexpr int kBacklog = 128;

bool ready(int socket, short event, milliseconds wait) {
  pollfd place{socket, event, 0};
  return ::poll(&place, 1, static_cast<int>(wait.count())) > 0;
}

std::pair<std::string, int> address_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return {text.data(), ntohs(v4->sin_port)};
  }
  if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(v6->sin6_port)};
  }
  return {"", 0};
}

// One connection as cpp-httplib reads and writes it. A read of 0 bytes is the end of what this client may send: the
// library then answers with what the request deserves.
class Socket : public httplib::Stream {
 public:
  Socket(int socket, const Limits& limits, const std::atomic<bool>& stopping)
      : socket_(socket), limits_(limits), stopping_(stopping) {}

  // Waits for the first byte of a request.
  bool wait_for_request(const std::function<bool()>& is_crowded) {
    const auto end = Clock::now() + limits_.idle_time;
    while (begin_ == end_) {
      if (stopping_ || Clock::now() >= end || is_crowded()) return false;
      if (ready(socket_, POLLIN, kSlice) && !fill()) return false;
    }
    left_ = limits_.request_bytes;
    deadline_ = Clock::now() + limits_.request_time;
    return true;
  }

  bool is_readable() const override { return begin_ < end_ || ready(socket_, POLLIN, milliseconds(0)); }
  bool is_writable() const override { return !stopping_ && ready(socket_, POLLOUT, milliseconds(0)); }

  ssize_t read(char* to, size_t size) override {
    if (left_ == 0) return 0;
    while (begin_ == end_) {
      if (stopping_ || Clock::now() >= deadline_) return 0;
      if (ready(socket_, POLLIN, kSlice) && !fill()) return 0;
    }
    const size_t count = std::min({size, end_ - begin_, left_});
    std::memcpy(to, buffer_.data() + begin_, count);
    begin_ += count, left_ -= count;
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* from, size_t size) override {
    size_t sent = 0;
    auto progress = Clock::now();
    while (sent < size) {
      const ssize_t count = ::send(socket_, from + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) {
        sent += static_cast<size_t>(count), progress = Clock::now();
        continue;
      }
      if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return -1;
      if (stopping_ || Clock::now() - progress > limits_.stall_time) return -1;
      ready(socket_, POLLOUT, kSlice);
    }
    return static_cast<ssize_t>(sent);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
      std::tie(ip, port) = address_of(address);
    }
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
      std::tie(ip, port) = address_of(address);
    }
  }
  socket_t socket() const override { return socket_; }

 private:
  bool fill() {
    const ssize_t count = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
    if (count <= 0) return false;
    begin_ = 0, end_ = static_cast<size_t>(count);
    return true;
  }

  const int socket_;
  const Limits& limits_;
  const std::atomic<bool>& stopping_;
  std::array<char, 8192> buffer_{};
  size_t begin_ = 0, end_ = 0;
  size_t left_ = 0;
  Clock::time_point deadline_{};
};

bool accepts_gzip(const httplib::Request& request) {
  // "gzip;q=0" is a refusal that nobody sends; what says gzip at all is answered with it.
  return request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
}

// What the library must not act on: it would answer ranges of compressed bodies, compress by itself (brotli at its
// slowest), and unpack what a client compressed. Returns whether another request may follow on this connection.
bool tame(httplib::Request& request) {
  const bool gzip = accepts_gzip(request);
  for (const char* name : {"Accept-Encoding", "Content-Encoding", "Range", "Expect", kGzipHeader}) {
    request.headers.erase(name);
  }
  request.ranges.clear();
  if (gzip) request.headers.emplace(kGzipHeader, "yes");
  // A body may be left unread when a request is refused, and its bytes are not the next request.
  const bool reusable = (request.method == "GET" || request.method == "HEAD") &&
                        !request.has_header("Content-Length") && !request.has_header("Transfer-Encoding");
  if (!reusable) {
    request.headers.erase("Connection");
    request.headers.emplace("Connection", "close");
  }
  return reusable;
}

// The first address of `host` that can be bound.
int listening_socket(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0) {
    throw Error(ErrorKind::io, fmt::format("cannot bind to '{}': {}", host, ::gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> keep(found, ::freeaddrinfo);
  int why = EADDRNOTAVAIL;
  for (const addrinfo* place = found; place; place = place->ai_next) {
    const int fd = ::socket(place->ai_family, place->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, place->ai_protocol);
    if (fd < 0) {
      why = errno;
      continue;
    }
    const int yes = 1;  // after a restart; two listeners at once are refused all the same
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(fd, place->ai_addr, place->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
    why = errno;
    ::close(fd);
  }
  const char* advice = why == EADDRINUSE ? "; another program listens there: choose another --port, or 0 for a free one"
                       : why == EACCES   ? "; ports below 1024 need privileges: choose a higher --port"
                                         : "";
  throw Error(ErrorKind::io, fmt::format("cannot listen on {} port {}: {}{}", host, port,
                                         std::generic_category().message(why), advice));
}

}  // namespace

Connections::Connections(const Limits& limits) : limits_(limits) {
  set_payload_max_length(limits.body_bytes);
  set_keep_alive_timeout(static_cast<time_t>(limits.idle_time.count() / 1000));
  set_keep_alive_max_count(limits.requests_per_connection);
}

Connections::~Connections() {
  stop();
  svr_sock_ = INVALID_SOCKET;
  if (listener_ >= 0) ::close(listener_);
  if (wake_ >= 0) ::close(wake_);
}

void Connections::open(const std::string& host, int port) {
  listener_ = listening_socket(host, port);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) throw Error(ErrorKind::io, "cannot make an eventfd: " + std::generic_category().message(errno));
  svr_sock_ = listener_;  // the library takes an invalid one for the wish to stop
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  const auto [ip, bound] = address_of(address);
  port_ = bound;
  loopback_ = ip.starts_with("127.") || ip == "::1";
}

void Connections::start() {
  acceptor_ = std::thread([this] { accept_loop(); });
}

void Connections::stop() {
  if (stopping_.exchange(true)) return;
  const uint64_t one = 1;
  if (wake_ >= 0) (void)!::write(wake_, &one, sizeof one);
  if (acceptor_.joinable()) acceptor_.join();
  if (listener_ >= 0) ::close(listener_);  // or clients would connect and wait for an answer
  listener_ = -1;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : waiting_) ::close(socket);
    waiting_.clear();
    threads.swap(threads_);
  }
  work_there_.notify_all();
  for (auto& thread : threads) thread.join();
}

void Connections::accept_loop() {
  while (!stopping_) {
    std::array<pollfd, 2> places{{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (::poll(places.data(), places.size(), -1) < 0 && errno != EINTR) std::this_thread::sleep_for(kSlice);
    if (stopping_) return;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket >= 0) {
      take(socket);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      std::this_thread::sleep_for(kSlice);  // until some connection ends
    }
  }
}

// A thread for it, a place in the queue, or a short no.
void Connections::take(int socket) {
  const int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < limits_.waiting) {
      waiting_.push_back(socket);
      if (idle_ < waiting_.size() && threads_.size() < limits_.threads) {
        try {
          threads_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
          // The machine has no more threads: those that are here will come to it. With none at all it waits in vain,
          // but then nothing else works either.
        }
      }
      work_there_.notify_one();
      return;
    }
  }
  constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  (void)::send(socket, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(socket);
}

bool Connections::is_crowded() const {
  const std::lock_guard lock(mutex_);
  return threads_.size() >= limits_.threads && waiting_.size() > idle_;
}

void Connections::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_there_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (stopping_) return;
    const int socket = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    serve_connection(socket);
    lock.lock();
  }
}

bool Connections::process_and_close_socket(socket_t socket) {
  serve_connection(socket);
  return true;
}

void Connections::serve_connection(int socket) {
  Socket stream(socket, limits_, stopping_);
  for (size_t count = 1; count <= limits_.requests_per_connection; ++count) {
    // Between two requests, never before the first: a connection gives its thread up when others wait for one.
    if (!stream.wait_for_request([&] { return count > 1 && is_crowded(); })) break;
    bool closed = false, reusable = false;
    const auto setup = [&](httplib::Request& request) { reusable = tame(request); };
    try {
      if (!process_request(stream, count == limits_.requests_per_connection, closed, setup)) break;
    } catch (const std::exception&) {
      break;  // out of memory: this connection is lost, the server is not
    }
    if (closed || !reusable || stopping_) break;
  }
  // Half a close first: what was sent arrives even when the client's last bytes were never read.
  ::shutdown(socket, SHUT_WR);
  std::array<char, 4096> rest{};
  for (int k = 0; k < 16 && ready(socket, POLLIN, milliseconds(20)); ++k) {
    if (::recv(socket, rest.data(), rest.size(), MSG_DONTWAIT) <= 0) break;
  }
  ::close(socket);
}

}  // namespace superpose::serve
