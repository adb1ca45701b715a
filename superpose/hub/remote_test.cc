// SPDX-License-Identifier: Apache-2.0
// Many threads on one remote file, against a server of a few lines in this process.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "superpose/base/error.h"
#include "superpose/hub/hub.h"

namespace superpose::hub {
namespace {

constexpr uint64_t kFileBytes = 5'000'000;

char byte_at(uint64_t offset) { return static_cast<char>((offset * 2654435761u) >> 13); }

// Answers range requests for one file, whatever its name is; says 404 to the API.
class Server {
 public:
  Server() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, generic, size) != 0 || ::listen(socket_, 64) != 0) std::abort();
    ::getsockname(socket_, generic, &size);
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] {
      for (int client; (client = ::accept(socket_, nullptr, nullptr)) >= 0;) {
        clients_.emplace_back([this, client] { serve(client); });
      }
    });
  }
  ~Server() {
    ::shutdown(socket_, SHUT_RDWR);
    accepting_.join();
    ::close(socket_);
    for (auto& client : clients_) client.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::atomic<uint64_t> sent{0};

 private:
  void serve(int client) {
    std::string input;
    for (char buffer[4096];;) {
      const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      input.append(buffer, static_cast<size_t>(got));
      for (size_t end; (end = input.find("\r\n\r\n")) != input.npos; input.erase(0, end + 4)) answer(client, input);
    }
    ::close(client);
  }
  void answer(int client, const std::string& request) {
    std::string reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    if (request.find("/api/") == request.npos) {
      const size_t at = request.find("Range: bytes=") + 13;
      const uint64_t begin = std::stoull(request.substr(at));
      const uint64_t end = std::min<uint64_t>(kFileBytes, std::stoull(request.substr(request.find('-', at) + 1)) + 1);
      reply = "HTTP/1.1 206 Partial Content\r\nETag: \"x\"\r\nContent-Length: " + std::to_string(end - begin) +
              "\r\nContent-Range: bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
              std::to_string(kFileBytes) + "\r\n\r\n";
      for (uint64_t i = begin; i < end; ++i) reply += byte_at(i);
      sent += end - begin;
    }
    for (size_t done = 0; done < reply.size();) {
      const ssize_t put = ::send(client, reply.data() + done, reply.size() - done, MSG_NOSIGNAL);
      if (put <= 0) return;
      done += static_cast<size_t>(put);
    }
  }

  int socket_;
  int port_ = 0;
  std::thread accepting_;
  std::vector<std::thread> clients_;  // of the accepting thread, until it has ended
};

TEST(RemoteFile, ManyThreadsFetchEveryByteOnce) {
  Server server;
  HubOptions options;
  options.endpoint = server.url();
  options.scratch = testing::TempDir();
  const auto folder = open_hub({"a/b", "main"}, options);
  const auto file = folder->open("model.safetensors");
  ASSERT_EQ(file->size(), kFileBytes);
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 8; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int i = 0; i < 40; ++i) {
        const uint64_t begin = random() % kFileBytes;
        const uint64_t count = std::min(kFileBytes - begin, random() % 300'000);
        const auto bytes = file->read(begin, count);
        for (uint64_t k = 0; k < count; ++k) wrong += static_cast<char>(bytes[k]) != byte_at(begin + k);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  const uint64_t whole = server.sent;
  EXPECT_LE(whole, kFileBytes) << "some bytes came twice";
  EXPECT_EQ(folder->traffic().bytes, whole);
  EXPECT_LE(file->bytes_read(), whole);

  const uint64_t requests = folder->traffic().requests;
  file->read(0, kFileBytes);  // the rest
  EXPECT_EQ(server.sent, kFileBytes);
  EXPECT_EQ(file->bytes_read(), kFileBytes);
  const uint64_t once = folder->traffic().requests;
  EXPECT_GE(once, requests);
  file->read(0, kFileBytes);  // a second pass
  EXPECT_EQ(folder->traffic().requests, once);
  EXPECT_THROW(file->read(kFileBytes, 1), Error);
}

TEST(RemoteFile, ReadsThatFollowOneAnotherAreJoined) {
  Server server;
  HubOptions options;
  options.endpoint = server.url();
  options.scratch = testing::TempDir();
  const auto folder = open_hub({"a/b", "main"}, options);
  const auto file = folder->open("model.safetensors");
  for (uint64_t at = 0; at < 4'000'000; at += 1000) file->read(at, 1000);
  // 64 KiB, twice as much each time, then 1 MiB at a time.
  EXPECT_LE(folder->traffic().requests, 10u);

  const auto sparse = folder->open("other");
  const uint64_t before = server.sent;
  sparse->read(3'000'000, 10);
  sparse->read(1'000'000, 10);
  EXPECT_EQ(server.sent - before, 2u * 65536) << "a read somewhere else does not read far ahead";
}

}  // namespace
}  // namespace superpose::hub
