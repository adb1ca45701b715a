// SPDX-License-Identifier: Apache-2.0
// Model folders: which files are taken, shards and their index, config.json; on disk and in memory.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "superpose/base/files.h"
#include "superpose/base/json.h"
#include "superpose/checkpoint/checkpoint.h"
#include "superpose/checkpoint/fixtures.h"

namespace superpose::checkpoint {
namespace {

constexpr ErrorKind bad_file = ErrorKind::bad_file;

using Files = std::vector<MemoryFile>;
constexpr const char* kIndex = "model.safetensors.index.json";

// Two shards: "a.safetensors" holds x and stray, "b.safetensors" holds y; the index is given.
Checkpoint open_shards(std::string_view index) {
  Files files;
  files.push_back({kIndex, bytes_of(index)});
  files.push_back({"a.safetensors", model_safetensors({{"x", {1, 1}}, {"stray", {1}}})});
  files.push_back({"b.safetensors", model_safetensors({{"other", {2}, ""}, {"y", {1, 2}}})});
  return Checkpoint::open_memory(std::move(files));
}
std::string map_of(std::string_view entries) { return "{\"weight_map\":{" + std::string(entries) + "}}"; }

TEST(Shards, tensors_come_from_the_files_that_the_index_names) {
  const auto model = open_shards(R"({"metadata":{"total_size":8,"note":[1,{"a":null}]},
      "weight_map":{"x":"a.safetensors","y":"b.safetensors","other":"b.safetensors"}})");
  EXPECT_EQ(model.tensors().size(), 3u);
  EXPECT_EQ(model.load<float>(*model.find("x"))(0, 0), 1);
  EXPECT_EQ(model.load<float>(*model.find("y"))(0, 0), 2);
  EXPECT_EQ(model.find("y")->file, 1u);
  EXPECT_EQ(model.find("stray"), nullptr);
  ASSERT_EQ(model.warnings().size(), 1u);
  EXPECT_NE(model.warnings()[0].find("a.safetensors: 1 tensors"), std::string::npos) << model.warnings()[0];
}

TEST(Shards, an_index_that_contradicts_its_shards_is_refused) {
  const auto refuse = [](ErrorKind kind, std::string_view fragment, const std::string& index) {
    SCOPED_TRACE(index.substr(0, 200));
    expect_error(kind, fragment, [&] { open_shards(index); });
  };
  refuse(ErrorKind::io, "shard \"c.safetensors\" is not in the folder", map_of(R"("x":"c.safetensors")"));
  refuse(bad_file, "tensor \"x\" is said to be in \"b.safetensors\", which does not hold it",
         map_of(R"("x":"b.safetensors")"));
  refuse(bad_file, "lists tensor \"x\" twice", map_of(R"("x":"a.safetensors","x":"a.safetensors")"));
  for (const char* name :
       {"../a.safetensors", "/etc/passwd", "..", ".", "", "sub/a.safetensors", "..\\\\a", "a\\u0000b"}) {
    refuse(bad_file, "expected the name of a file in this folder", map_of("\"x\":\"" + std::string(name) + "\""));
  }
  refuse(bad_file, "no weight_map", "{\"metadata\":{\"weight_map\":{\"x\":\"a.safetensors\"}}}");
  refuse(bad_file, "weight_map is empty", map_of(""));
  refuse(bad_file, "weight_map appears twice", R"({"weight_map":{"x":"a.safetensors"},"weight_map":{}})");
  refuse(bad_file, "index entry \"weight_map\": unexpected array", R"({"weight_map":["x"]})");
  refuse(bad_file, "weight_map entry \"x\": unexpected number", map_of("\"x\":1"));
  refuse(bad_file, "weight_map entry \"x\": unexpected object", map_of("\"x\":{}"));
  refuse(bad_file, "index: unexpected array", "[]");
  refuse(bad_file, "not valid JSON", "{\"weight_map\":{");
  refuse(bad_file, "not valid JSON", "");
  refuse(bad_file, "nested deeper than 16 levels", "{\"metadata\":" + std::string(100000, '['));
}

TEST(Shards, a_shard_must_be_safetensors_and_intact) {
  const auto open_with = [](Bytes shard) {
    Files files;
    files.push_back({kIndex, bytes_of(map_of(R"("x":"a.safetensors")"))});
    files.push_back({"a.safetensors", std::move(shard)});
    return Checkpoint::open_memory(std::move(files));
  };
  expect_error(bad_file, "a.safetensors: this shard is no safetensors file",
               [&] { open_with(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", Bytes(8))); });
  Bytes cut = model_safetensors({{"x", {2, 2}}});
  cut.pop_back();
  expect_error(bad_file, "a.safetensors: tensor \"x\": ends at byte", [&] { open_with(cut); });
}

TEST(Folder, what_is_taken_and_what_is_said_when_nothing_fits) {
  const Bytes one = model_safetensors({{"x", {1, 1}}});
  const Bytes two = model_safetensors({{"x", {2, 2}}});
  EXPECT_EQ(Checkpoint::open_memory({{"model.safetensors", one}, {"other.safetensors", two}}).find("x")->shape[0], 1u);
  EXPECT_EQ(Checkpoint::open_memory({{"README.md", bytes_of("text")}, {"w.safetensors", two}}).find("x")->shape[0], 2u);
  expect_error(ErrorKind::usage, "holds 2 .safetensors files", [&] {
    Checkpoint::open_memory({{"a.safetensors", one}, {"b.safetensors", two}});
  });
  expect_error(ErrorKind::unsupported, "holds no weights that are read", [&] {
    Checkpoint::open_memory({{"a.txt", one}, {"config.json", bytes_of("{}")}});
  });
}

TEST(Folder, stray_shards_are_noticed) {
  const Bytes one = model_safetensors({{"x", {1, 1}}}), two = model_safetensors({{"x", {2, 2}}});
  const auto model = Checkpoint::open_memory(
      {{"model.safetensors", one}, {"model-00001-of-00002.safetensors", two}, {"optimizer.safetensors", two}});
  ASSERT_EQ(model.warnings().size(), 1u);
  EXPECT_NE(model.warnings()[0].find("1 .safetensors file that is not part of the model, first \"model-00001"),
            std::string::npos)
      << model.warnings()[0];
  Files files;
  files.push_back({kIndex, bytes_of(map_of(R"("x":"a.safetensors")"))});
  files.push_back({"a.safetensors", one});
  EXPECT_TRUE(Checkpoint::open_memory(files).warnings().empty());
  files.push_back({"a-4bit.safetensors", two});
  EXPECT_EQ(Checkpoint::open_memory(files).warnings().size(), 1u);
}

TEST(Folder, config_json_must_be_an_object) {
  const auto open_with = [](std::string_view config) {
    return Checkpoint::open_memory(
        {{"model.safetensors", model_safetensors({{"x", {1, 1}}})}, {"config.json", bytes_of(config)}});
  };
  EXPECT_EQ(open_with(R"({"vocab_size": 3})").config()["vocab_size"], 3);
  expect_error(bad_file, "config.json: not a JSON object", [&] { open_with("[1]"); });
  expect_error(bad_file, "config.json: not valid JSON", [&] { open_with("{\"a\": "); });
  expect_error(bad_file, "config.json: not valid JSON", [&] { open_with("{\"a\": 1e999}"); });
  expect_error(bad_file, "config.json: not valid JSON", [&] { open_with("{\"a\": \"\xff\"}"); });
  expect_error(bad_file, "nested deeper than 64",
               [&] { open_with("{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}"); });
  expect_error(bad_file, "at most 1048576 are expected", [&] { open_with("{" + std::string(1 << 20, ' ') + "}"); });
}

class OnDisk : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void put(const std::string& name, const Bytes& bytes) {
    write_file(folder_ / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("superpose_folder_test." + std::to_string(::getpid()));
};

TEST_F(OnDisk, files_and_folders) {
  put("model.safetensors", model_safetensors({{"x", {1, 1}}}));
  put("config.json", bytes_of(R"({"model_type": "gpt2"})"));
  EXPECT_EQ(Checkpoint::open(folder_).config()["model_type"], "gpt2");
  EXPECT_EQ(Checkpoint::open(folder_ / "").tensors().size(), 1u);
  EXPECT_EQ(Checkpoint::open(folder_ / "model.safetensors").config()["model_type"], "gpt2");
  put("array.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", Bytes(4)));
  EXPECT_TRUE(Checkpoint::open(folder_ / "array.npy").config().is_null()) << "a config.json is no business of an array";
  put(kIndex, bytes_of(map_of(R"("x":"model.safetensors")")));
  EXPECT_EQ(Checkpoint::open(folder_ / kIndex).tensors().size(), 1u);
}

TEST_F(OnDisk, what_is_no_file_is_an_io_error) {
  expect_error(ErrorKind::io, "absent: cannot open", [&] { Checkpoint::open(folder_ / "absent"); });
  expect_error(ErrorKind::io, "/dev/null: is not a regular file", [] { Checkpoint::open("/dev/null"); });
  // Opening a pipe that nobody writes to would wait for ever.
  ASSERT_EQ(::mkfifo((folder_ / "pipe.npy").c_str(), 0600), 0);
  expect_error(ErrorKind::io, "is not a regular file", [&] { Checkpoint::open(folder_ / "pipe.npy"); });
  expect_error(ErrorKind::unsupported, "holds no weights", [&] { Checkpoint::open(folder_); });
  std::filesystem::create_directory(folder_ / "w.safetensors");
  expect_error(ErrorKind::io, "is a directory, expected a file", [&] { Checkpoint::open(folder_); });
}

}  // namespace
}  // namespace superpose::checkpoint
