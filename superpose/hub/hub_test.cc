// SPDX-License-Identifier: Apache-2.0
// What needs no server: ids, environment, cache layout, addresses, ranges, listings. tests/cli/test_hub.py has the
// rest.
#include "superpose/hub/hub.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/hub/http.h"
#include "superpose/hub/ranges.h"
#include "superpose/hub/repository.h"
#include "superpose/hub/scratch.h"
#include "superpose/hub/snapshot.h"
#include "superpose/hub/url.h"

namespace superpose::hub {
namespace {

namespace fs = std::filesystem;

std::string message(const std::function<void()>& action, ErrorKind kind) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(HubId, Parsed) {
  EXPECT_TRUE(is_hub_id("hf:gpt2"));
  EXPECT_FALSE(is_hub_id("gpt2"));
  EXPECT_FALSE(is_hub_id("./hf:gpt2"));
  const HubId plain = parse_hub_id("hf:openai-community/gpt2");
  EXPECT_EQ(plain.repository, "openai-community/gpt2");
  EXPECT_EQ(plain.revision, "main");
  EXPECT_EQ(parse_hub_id("hf:gpt2").repository, "gpt2");
  const HubId pinned = parse_hub_id("hf:EleutherAI/pythia-70m@step1000");
  EXPECT_EQ(pinned.repository, "EleutherAI/pythia-70m");
  EXPECT_EQ(pinned.revision, "step1000");
  EXPECT_EQ(parse_hub_id("hf:a/b@refs/pr/1").revision, "refs/pr/1");
  EXPECT_EQ(plain.file, "");
  const HubId one = parse_hub_id("hf:a/b@v1:onnx/model.onnx");
  EXPECT_EQ(one.revision, "v1");
  EXPECT_EQ(one.file, "onnx/model.onnx");
  EXPECT_EQ(parse_hub_id("hf:gpt2:a@b.gguf").file, "a@b.gguf");
  EXPECT_EQ(to_text(one), "hf:a/b@v1") << "of the folder";
  EXPECT_EQ(to_text(pinned), "hf:EleutherAI/pythia-70m@step1000");
  EXPECT_EQ(to_text(plain), "hf:openai-community/gpt2");
}

TEST(HubId, Refused) {
  for (const std::string text :
       {"hf:",        "hf:/",        "hf:a/",      "hf:/b",         "hf:a/b/c",    "hf:../etc", "hf:a/..",
        "hf:a/b..c",  "hf:a b/c",    "hf:a/b\n",   "hf:a/b\x1b[2J", "hf:a--b/c",   "hf:-a/b",   "hf:.a/b",
        "hf:a/b@",    "hf:a/b@../x", "hf:a/b@x y", "hf:a/b@/x",     "hf:a/b@x//y", "hf:a/b@x/", "hf:a/b@-x",
        "hf:a/b@x?y", "hf:a/b@x/.y", "hf:a%2fb",   "hf://a/b",      "hf:a/b?c",    "hf:a/b:",   "hf:a/b:../c",
        "hf:a/b:/c",  "hf:a/b@:c",   "hf::c",      "hf:\xc3\xa9/b", "gpt2"}) {
    const std::string said = message([&] { parse_hub_id(text); }, ErrorKind::usage);
    EXPECT_NE(said.find("hf:openai-community/gpt2"), said.npos) << text;
    EXPECT_EQ(said.find('\x1b'), said.npos) << "a terminal would obey " << said;
  }
  EXPECT_THROW(parse_hub_id(std::string("hf:a/b\0c", 8)), Error);
  EXPECT_THROW(parse_hub_id("hf:" + std::string(97, 'a')), Error);
}

TEST(Ranges, AgainstBits) {  // every operation beside a plain array of flags
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    RangeSet set;
    std::vector<bool> bits(64);
    for (int step = 0; step < 40; ++step) {
      uint64_t begin = random() % 65, end = random() % 65;
      if (begin > end) std::swap(begin, end);
      const bool add = random() % 3 != 0;
      if (add) {
        set.add({begin, end});
      } else {
        set.remove({begin, end});
      }
      std::fill(bits.begin() + static_cast<long>(begin), bits.begin() + static_cast<long>(end), add);

      begin = random() % 65, end = random() % 65;
      if (begin > end) std::swap(begin, end);
      std::optional<Range> gap;
      for (uint64_t at = begin; at < end && (!gap || gap->end == at); ++at) {
        if (!bits[at]) gap = gap ? Range{gap->begin, at + 1} : Range{at, at + 1};
      }
      ASSERT_EQ(set.first_gap({begin, end}), gap) << "round " << round << " step " << step;
      uint64_t next = begin;
      while (next < 64 && !bits[next]) ++next;
      ASSERT_EQ(set.next(begin), next < 64 ? next : UINT64_MAX);
    }
  }
}

TEST(Urls, Loopback) {
  for (const auto* host : {"localhost", "127.0.0.1", "127.3.2.1", "[::1]"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const auto* host : {"127.evil.com", "localhost.evil.com", "128.0.0.1", "[::2]", "1.127.0.0", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Urls, Parsed) {
  const Url url = parse_url("https://Example.org/a/b");
  EXPECT_EQ(url.origin(), "https://example.org:443");
  EXPECT_NE(url.origin(), parse_url("http://example.org/a/b").origin());
  EXPECT_NE(url.origin(), parse_url("https://example.org:444/").origin());
  EXPECT_EQ(url.origin(), parse_url("https://example.org:443/").origin());
  EXPECT_TRUE(parse_url("https://u:p@example.org/").has_user);
  EXPECT_TRUE(parse_url("https://example.org/?x=1").has_query);
  EXPECT_EQ(parse_url("http://127.1:80/").host, "127.0.0.1");
  // The host is what is behind the last @.
  EXPECT_FALSE(is_loopback(parse_url("http://localhost@evil.com/").host));
  for (const auto* text : {"ftp://example.org/", "file:///etc/passwd", "example", "", "https://", "/x"}) {
    EXPECT_THROW(parse_url(text), Error) << text;
  }
}

TEST(Urls, ShownWithoutSecrets) {
  EXPECT_EQ(shown("https://cdn.org/a?Signature=secret#x"), "https://cdn.org/a");
  EXPECT_EQ(shown("https://user:secret@cdn.org/a@b"), "https://cdn.org/a@b");
  EXPECT_EQ(shown("user:secret@cdn.org/a"), "cdn.org/a");
  EXPECT_EQ(shown("https://cdn.org/\x1b[2J\xc3"), "https://cdn.org/\\x1b[2J\\xc3");
  EXPECT_LT(shown("https://cdn.org/" + std::string(1'000'000, 'a')).size(), 500u);
}

TEST(Urls, Encoded) {
  EXPECT_EQ(percent_encoded("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(percent_encoded("a b/ü?#%.bin", "/"), "a%20b/%C3%BC%3F%23%25.bin");
}

TEST(Replies, ContentRange) {
  const auto extent = [](const char* text) {
    Reply reply;
    reply.headers["content-range"] = text;
    return reply.content_range();
  };
  ASSERT_TRUE(extent("bytes 0-99/1234"));
  EXPECT_EQ(extent("bytes 0-99/1234")->range, (Range{0, 100}));
  EXPECT_EQ(extent("bytes 0-99/1234")->total, 1234u);
  EXPECT_EQ(extent("bytes */0")->total, 0u);
  for (const auto* text : {"", "bytes", "bytes 0-99", "bytes 0-99/*", "bytes 99-0/1234", "bytes 0-1234/1234",
                           "bytes -1-5/9", "bytes 0-99/99999999999999999999", "bytes  0-99/1234", "bytes 0x0-9/10",
                           "items 0-1/2", "bytes 18446744073709551615-18446744073709551615/18446744073709551615"}) {
    EXPECT_FALSE(extent(text)) << text;
  }
}

TEST(Names, Refused) {
  for (const auto* name : {"config.json", "onnx/model.onnx", "..a", "a..", "\xc3\xa9.bin"})
    EXPECT_TRUE(is_file_name(name));
  for (const auto* name :
       {"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "a/.", "a\\b", "a\nb", "a\x7f", "\xff", "\xc2\x9b"}) {
    EXPECT_FALSE(is_file_name(name)) << name;
  }
}

const std::string kCommit(40, 'a');

TEST(Listings, Read) {
  const Listing out =
      parse_listing(R"({"id": "x", "sha": ")" + kCommit + R"(", "config": {"rfilename": [1, {"siblings": 3}]},
    "siblings": [{"rfilename": "config.json", "blob": {"size": 3}}, {"size": 4, "rfilename": "onnx/a.onnx"},
                 {"rfilename": "../../etc/passwd"}]})");
  EXPECT_EQ(out.commit, kCommit);
  EXPECT_EQ(out.names, (std::set<std::string>{"config.json", "onnx/a.onnx"}));
  EXPECT_EQ(parse_listing(R"({"siblings": []})").commit, "");
}

TEST(Listings, Hostile) {
  std::string deep = R"({"siblings": )";
  for (int i = 0; i < 100'000; ++i) deep += "[";
  std::string keys = R"({"siblings": [], "config": {)";
  for (int i = 0; i < 300'000; ++i) keys += "\"" + std::to_string(i) + "\":1,";
  keys += "\"x\":1}}";
  EXPECT_TRUE(parse_listing(keys).names.empty());  // quickly, too
  for (const std::string& text :
       {std::string("<html>log in</html>"), std::string(), std::string("[]"), std::string("null"), std::string("{}"),
        std::string(R"({"siblings": {}})"), std::string(R"({"siblings": [1]})"), std::string(R"({"siblings": [null]})"),
        std::string(R"({"siblings": [{}]})"), std::string(R"({"siblings": [{"rfilename": 1}]})"),
        std::string(R"({"siblings": [[]]})"), std::string(R"({"siblings": [], "sha": "../../x"})"),
        std::string(R"({"siblings": [], "sha": null})"), std::string("{\"siblings\": [{\"rfilename\": \"\xff\"}]}"),
        deep}) {
    EXPECT_THROW(parse_listing(text), Error) << text.substr(0, 60);
  }
}

class HubFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "superpose-hub-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const auto* variable : {"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME",
                                 "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_HUB_OFFLINE",
                                 "SUPERPOSE_HTTP_TIMEOUT", "SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {
      ::unsetenv(variable);
    }
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const fs::path& path, std::string_view text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
  HubOptions offline() const {
    HubOptions out;
    out.cache = root_;
    out.offline = true;
    return out;
  }
  fs::path root_;
};

TEST_F(HubFiles, Environment) {
  ::setenv("HOME", root_.c_str(), 1);
  HubOptions plain = options_from_environment();
  EXPECT_EQ(plain.endpoint, "https://huggingface.co");
  EXPECT_EQ(plain.token, "");
  EXPECT_EQ(plain.cache, root_ / ".cache/huggingface/hub");
  EXPECT_FALSE(plain.offline);
  put(".cache/huggingface/token", " hf_file\n");
  EXPECT_EQ(options_from_environment().token, "hf_file");
  ::setenv("HF_HOME", (root_ / "home").c_str(), 1);
  EXPECT_EQ(options_from_environment().cache, root_ / "home/hub");
  EXPECT_EQ(options_from_environment().token, "");
  ::setenv("HUGGING_FACE_HUB_TOKEN", "hf_old", 1);
  ::setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
  EXPECT_EQ(options_from_environment().token, "hf_old");
  EXPECT_EQ(options_from_environment().cache, "/old");
  ::setenv("HF_TOKEN", "hf_new", 1);
  ::setenv("HF_HUB_CACHE", "/new", 1);
  ::setenv("HF_HUB_OFFLINE", "yes", 1);
  ::setenv("SUPERPOSE_HTTP_TIMEOUT", "7", 1);
  EXPECT_EQ(options_from_environment().token, "hf_new");
  EXPECT_EQ(options_from_environment().cache, "/new");
  EXPECT_TRUE(options_from_environment().offline);
  EXPECT_EQ(options_from_environment().timeout_seconds, 7);
  for (const auto* value : {"0", "-1", "x", "7s", "99999999999"}) {
    ::setenv("SUPERPOSE_HTTP_TIMEOUT", value, 1);
    EXPECT_THROW(options_from_environment(), Error) << value;
  }
}

TEST_F(HubFiles, SnapshotOfCache) {
  put("models--a--b/refs/main", kCommit + "\n");
  put("models--a--b/refs/refs/pr/1", kCommit);
  put("models--a--b/blobs/1234", "{}");
  fs::create_directories(root_ / "models--a--b/snapshots" / kCommit);
  fs::create_symlink("../../blobs/1234", root_ / "models--a--b/snapshots" / kCommit / "config.json");
  for (const std::string& revision : {std::string("main"), std::string("refs/pr/1"), kCommit}) {
    const auto folder = open_hub({"a/b", revision}, offline());
    EXPECT_EQ(folder->names(), std::vector<std::string>{"config.json"});
    EXPECT_TRUE(folder->has("config.json"));
    EXPECT_FALSE(folder->has("model.safetensors"));
    EXPECT_FALSE(folder->has("../" + kCommit + "/config.json"));
    EXPECT_EQ(folder->open("config.json")->read(0, 2).size(), 2u);
    EXPECT_EQ(folder->traffic().requests, 0u);
    const auto said = message([&] { folder->open("model.safetensors"); }, ErrorKind::io);
    EXPECT_NE(said.find("HF_HUB_OFFLINE"), said.npos);
  }
  EXPECT_NE(message(
                [&] {
                  open_hub({"a/b", "other"}, offline());
                },
                ErrorKind::io)
                .find("models--a--b"),
            std::string::npos);
  EXPECT_THROW(open_hub({"a/c", "main"}, offline()), Error);
  put("models--gpt2/refs/main", "../../../../etc");
  EXPECT_FALSE(find_snapshot({"gpt2", "main"}, root_));
}

// Nobody listens on port 1 of this machine.
TEST_F(HubFiles, CacheWithoutServer) {
  put("models--a--b/refs/main", kCommit);
  put(fs::path("models--a--b/snapshots") / kCommit / "config.json", "{}");
  put(fs::path("models--a--b/.no_exist") / kCommit / "model.safetensors.index.json", "");
  HubOptions options = offline();
  options.offline = false;
  options.endpoint = "http://127.0.0.1:1";
  const auto folder = open_hub({"a/b", "main"}, options);
  EXPECT_TRUE(folder->has("config.json"));
  EXPECT_FALSE(folder->has("model.safetensors.index.json"));
  EXPECT_EQ(folder->traffic().requests, 0u);
  EXPECT_TRUE(folder->notes().empty());
  EXPECT_FALSE(folder->has("model.safetensors"));
  ASSERT_EQ(folder->notes().size(), 1u);
  EXPECT_NE(folder->notes()[0].find("only the hub cache was used"), std::string::npos);
  EXPECT_EQ(folder->names(), std::vector<std::string>{"config.json"});
  EXPECT_EQ(folder->traffic().requests, 1u) << "a server out of reach is asked once";
  EXPECT_THROW(folder->open("model.safetensors"), Error);

  const auto empty = open_hub({"a/c", "main"}, options);
  EXPECT_NE(message([&] { empty->has("x"); }, ErrorKind::io).find("HF_ENDPOINT"), std::string::npos);
}

TEST_F(HubFiles, EndpointsAndTokensThatCannotBe) {
  HubOptions options;
  for (const auto* endpoint :
       {"huggingface.co", "ftp://x", "https://user:secret@x", "https://x/?a=secret", "file:///x"}) {
    options.endpoint = endpoint;
    const auto said = message([&] { open_hub({"a/b", "main"}, options); }, ErrorKind::usage);
    EXPECT_EQ(said.find("secret"), said.npos) << said;
  }
  options.endpoint = "https://x";
  for (const auto* token : {"a b", "secret\r\nX-Evil: 1", "secret\xff"}) {
    options.token = token;
    const auto said = message([&] { open_hub({"a/b", "main"}, options); }, ErrorKind::usage);
    EXPECT_EQ(said.find("secret"), said.npos) << said;
  }
  options.token = "secret";
  options.endpoint = "http://example.org";
  const auto notes = open_hub({"a/b", "main"}, options)->notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("token was not sent"), std::string::npos);
  EXPECT_EQ(notes[0].find("secret"), std::string::npos);
}

TEST_F(HubFiles, Scratch) {
  Scratch scratch(root_);
  EXPECT_TRUE(fs::is_empty(root_)) << "it has no name";
  const std::vector<std::byte> bytes{std::byte{1}, std::byte{2}};
  scratch.write(uint64_t{1} << 33, bytes);  // sparse
  std::vector<std::byte> out(2);
  scratch.read(uint64_t{1} << 33, out);
  EXPECT_EQ(out, bytes);
  EXPECT_NE(message([&] { Scratch other(root_ / "none"); }, ErrorKind::io).find("TMPDIR"), std::string::npos);
}

}  // namespace
}  // namespace superpose::hub
