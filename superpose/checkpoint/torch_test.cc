// SPDX-License-Identifier: Apache-2.0
// PyTorch files: both forms, views of storages, names, what training scripts keep beside the weights; hostile ones.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "superpose/checkpoint/torch_fixtures.h"

namespace superpose::checkpoint {
namespace {

using namespace pkl;
using namespace std::string_literals;

constexpr ErrorKind bad_file = ErrorKind::bad_file;
constexpr ErrorKind unsupported = ErrorKind::unsupported;

std::vector<std::string> names_of(const Checkpoint& model) {
  std::vector<std::string> out;
  for (const auto& tensor : model.tensors()) out.push_back(tensor.name);
  return out;
}
using Names = std::vector<std::string>;

// Element [i, j] of a view of 0, 1, 2, ...
void expect_view(const Checkpoint& model, std::string_view name, std::vector<uint64_t> shape, int offset, int down,
                 int right) {
  SCOPED_TRACE(name);
  const TensorInfo* tensor = model.find(name);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->shape, shape);
  const auto W = model.load<float>(*tensor);
  for (size_t i = 0; i < W.rows(); ++i) {
    for (size_t j = 0; j < W.cols(); ++j) {
      EXPECT_EQ(W(i, j), static_cast<float>(offset + static_cast<int>(i) * down + static_cast<int>(j) * right));
    }
  }
}

// One storage of 24 floats under many names.
std::string views() {
  const std::string all = storage("FloatStorage", "7", 24);
  return ordered({{"plain", tensor(all, 0, {4, 6}, {6, 1})},
                  {"transposed", tensor(all, 0, {6, 4}, {1, 6})},
                  {"sliced", tensor(all, 8, {2, 3}, {6, 1})},
                  {"every_other", tensor(all, 1, {2, 3}, {12, 2})},
                  {"expanded", tensor(all, 5, {3, 2}, {0, 1})},
                  {"column", tensor(all, 2, {4, 1}, {6, 1})},
                  {"row", tensor(all, 6, {1, 6}, {999, 1})},
                  {"scalar", tensor(all, 23, {}, {})},
                  {"empty", tensor(all, 0, {0, 6}, {6, 1})}});
}
void expect_views(const Checkpoint& model) {
  EXPECT_EQ(model.format(), "torch");
  EXPECT_EQ(model.tensors().size(), 9u);
  expect_view(model, "plain", {4, 6}, 0, 6, 1);
  expect_view(model, "transposed", {6, 4}, 0, 1, 6);
  expect_view(model, "sliced", {2, 3}, 8, 6, 1);
  expect_view(model, "every_other", {2, 3}, 1, 12, 2);
  expect_view(model, "expanded", {3, 2}, 5, 0, 1);
  expect_view(model, "column", {4, 1}, 2, 6, 1);
  expect_view(model, "row", {1, 6}, 6, 0, 1);
  EXPECT_TRUE(model.find("row")->strides.empty());
  EXPECT_TRUE(model.find("plain")->strides.empty());
  EXPECT_EQ(model.find("scalar")->end - model.find("scalar")->begin, 4u);
  EXPECT_EQ(model.find("empty")->end, model.find("empty")->begin);
  EXPECT_FALSE(model.same_values(*model.find("plain"), *model.find("sliced")));
}

TEST(Torch, views_of_one_storage_in_a_zip) { expect_views(open_one("w.pt", torch_zip(views(), {{"7", floats(24)}}))); }
TEST(Torch, views_of_one_storage_that_is_deflated) {
  expect_views(open_one("w.pt", torch_zip(views(), {{"7", floats(24)}}, true)));
}
TEST(Torch, views_of_one_storage_in_the_legacy_form) {
  expect_views(open_one("w", torch_legacy(views(), {{"7", floats(24)}})));
}

TEST(Torch, legacy_storages_and_their_views) {
  const std::string view = tuple({text("100"), integer(2), integer(6)});
  const std::string value = dict({{"b", whole("b", 1, 2)},
                                  {"v", tensor(storage("FloatStorage", "a", 10, view), 1, {2, 2}, {2, 1})},
                                  {"a", tensor(storage("FloatStorage", "a", 10, "N"), 0, {5, 2}, {2, 1})}});
  const auto model = open_one("w.pt", torch_legacy(value, {{"a", floats(10)}, {"b", floats(2, 50)}}));
  expect_view(model, "b", {1, 2}, 50, 0, 1);
  expect_view(model, "v", {2, 2}, 3, 2, 1);
  expect_view(model, "a", {5, 2}, 0, 2, 1);
}

TEST(Torch, element_types) {
  const auto typed = [](const std::string& type, const std::string& key) {
    return tensor(storage(type, key, 2), 0, {1, 2}, {2, 1});
  };
  const std::string untyped =
      "(" + text("storage") + global("torch.storage", "UntypedStorage") + text("q") + text("cpu") + integer(2) + "tQ";
  const std::string f8 =
      call("torch._utils", "_rebuild_tensor_v3",
           {untyped, integer(0), numbers({1, 2}), numbers({2, 1}), "\x89", "N", global("torch", "float8_e4m3fn")});
  const std::string parameter = call("torch._utils", "_rebuild_parameter", {typed("FloatStorage", "f"), "\x88", "N"});
  const std::string subclass =
      call("torch._tensor", "_rebuild_from_type_v2",
           {global("torch._utils", "_rebuild_tensor_v2"), global("torch.nn.parameter", "Buffer"),
            tuple({storage("FloatStorage", "f", 2), integer(0), numbers({1, 2}), numbers({2, 1}), "\x89", "N"}), "}"});
  const std::string sized =
      call("torch._utils", "_rebuild_tensor",
           {storage("FloatStorage", "f", 2), integer(0), call("torch", "Size", {numbers({1, 2})}), numbers({2, 1})});
  const auto model = open_one("w.pt", torch_zip(dict({{"d", typed("DoubleStorage", "d")},
                                                      {"h", typed("HalfStorage", "h")},
                                                      {"b", typed("BFloat16Storage", "b")},
                                                      {"l", typed("LongStorage", "l")},
                                                      {"q", f8},
                                                      {"p", parameter},
                                                      {"s", subclass},
                                                      {"z", sized},
                                                      {"u", typed("ByteStorage", "u")}}),
                                                {{"d", bytes_of(std::vector<double>{0.1, -2})},
                                                 {"h", bytes_of(std::vector<uint16_t>{0x3c00, 0xc000})},
                                                 {"b", bytes_of(std::vector<uint16_t>{0x3f80, 0xc000})},
                                                 {"l", Bytes(16)},
                                                 {"q", bytes_of("\x38\xc0")},
                                                 {"u", Bytes(2)},
                                                 {"f", bytes_of(std::vector<float>{1, -2})}}));
  EXPECT_EQ(model.load<double>(*model.find("d"))(0, 0), 0.1);
  for (const char* name : {"d", "h", "b", "q", "p", "s", "z"}) {
    SCOPED_TRACE(name);
    const auto W = model.load<float>(*model.find(name));
    EXPECT_EQ(W(0, 0), name[0] == 'd' ? 0.1f : 1.0f);
    EXPECT_EQ(W(0, 1), -2);
  }
  EXPECT_EQ(model.find("l")->dtype_text, "torch.LongStorage");
  EXPECT_EQ(model.find("q")->dtype_text, "torch.float8_e4m3fn");
  EXPECT_EQ(model.find("u")->dtype, Dtype::u8);
  for (const char* name : {"l", "u"}) {
    expect_error(unsupported, "cannot be loaded", [&] { model.load<float>(*model.find(name)); });
  }
}

const Storages kTwo{{"0", floats(6)}, {"1", floats(6)}};

TEST(Torch, the_model_is_found_and_keeps_its_names) {
  const auto names = [](const std::string& value) { return names_of(open_one("w.pt", torch_zip(value, kTwo))); };
  const std::string a = whole("0", 2, 3), b = whole("1", 3, 2);
  EXPECT_EQ(names(ordered({{"wte.weight", a}, {"h.0.w", b}})), (Names{"wte.weight", "h.0.w"}));
  for (const char* key : {"model", "state_dict", "model_state_dict", "model_state", "module", "net"}) {
    const auto found = names(dict({{"optimizer", dict({{"state", "}K\0"s + dict({{"exp_avg", b}}) + "s"}})},
                                   {"epoch", integer(3)},
                                   {key, ordered({{"wte.weight", a}})}}));
    EXPECT_EQ(found, (Names{"wte.weight", "optimizer.state.0.exp_avg"})) << key;
  }
  EXPECT_EQ(names(dict({{"state_dict", dict({{"model", dict({{"x", a}})}, {"epoch", integer(1)}})}})), Names{"x"});
  EXPECT_EQ(names(dict({{"model", ordered({{"module._orig_mod.x", a}, {"module._orig_mod.module.y", b}})}})),
            (Names{"x", "module.y"}));
  EXPECT_EQ(names(ordered({{"module.x", a}, {"y", b}})), (Names{"module.x", "y"}));
  // A key that only looks like it: its value holds no tensors, or is one.
  EXPECT_EQ(names(dict({{"model", text("gpt")}, {"w", a}})), Names{"w"});
  EXPECT_EQ(names(dict({{"model", a}, {"w", b}})), (Names{"model", "w"}));
  EXPECT_EQ(names("](" + a + "}" + "(" + text("k") + b + "ue"), (Names{"0", "1.k"}));
  EXPECT_EQ(names(a), Names{"tensor"});
  EXPECT_EQ(names(dict({{"epoch", integer(3)}})), Names{});
  // Two paths that read the same.
  EXPECT_EQ(names(dict({{"a", dict({{"b.c", a}})}, {"a.b", dict({{"c", b}})}})), (Names{"a.b.c", "a.b.c (2)"}));
  // The same tensor under two names is listed twice, the same container at two places once.
  EXPECT_EQ(names("}(" + text("x") + a + "q\x63" + text("y") + "h\x63u"), (Names{"x", "y"}));
  EXPECT_EQ(names("}(" + text("x") + dict({{"w", a}}) + "q\x63" + text("y") + "h\x63u"), Names{"x.w"});
  // As Python 2 writes an ordered dict.
  EXPECT_EQ(
      names(call("collections", "OrderedDict", {"](" + tuple({text("w"), a}) + "]" + text("v") + "a" + b + "ae"})),
      (Names{"w", "v"}));
}

TEST(Torch, plain_values_beside_the_model_are_its_config) {
  const std::string model = dict({{"w", whole("0", 2, 3)}});
  const auto config = [&](const Pairs& pairs) {
    Pairs all{{"model", model}};
    all.insert(all.end(), pairs.begin(), pairs.end());
    return open_one("w.pt", torch_zip(dict(all), kTwo)).config();
  };
  EXPECT_TRUE(config({{"epoch", integer(3)}}).is_null());
  EXPECT_EQ(config({{"config", dict({{"vocab_size", integer(9)}, {"lr", "G?\xb9\x99\x99\x99\x99\x99\x9a"}})},
                    {"model_args", dict({{"vocab_size", integer(512)},
                                         {"tie", "\x88"},
                                         {"neg", integer(-1)},
                                         {"names", tuple({text("a"), "N"})},
                                         {"bad", "G\x7f\xf8\0\0\0\0\0\0"s},
                                         {"object", model}})}})
                .dump(),
            R"({"vocab_size":512,"tie":true,"neg":-1,"names":["a",null],"object":{},"lr":0.1})");
  const std::string record = global("__main__", "GPTConfig") + ")\x81" + dict({{"n_embd", integer(64)}}) + "b";
  EXPECT_EQ(config({{"config", record}}).dump(), R"({"n_embd":64})");
  const std::string arguments = global("argparse", "Namespace") + ")\x81" + dict({{"dim", integer(64)}}) + "b";
  EXPECT_EQ(config({{"args", arguments}}).dump(), R"({"dim":64})");
  EXPECT_TRUE(config({{"config", dict({{"text\xff", integer(1)}})}}).is_null());
  // A dict that holds itself.
  EXPECT_EQ(config({{"config", "}q\x63(" + text("self") + "h\x63" + text("n") + "K\x01u"}})["n"], 1);
}

TEST(Torch, a_config_json_beside_it_counts_when_the_file_has_none) {
  const Bytes plain = torch_zip(dict({{"w", whole("0", 2, 3)}}), kTwo);
  const auto folder =
      Checkpoint::open_memory({{"pytorch_model.bin", plain}, {"config.json", bytes_of(R"({"vocab_size": 2})")}});
  EXPECT_EQ(folder.config()["vocab_size"], 2);
  EXPECT_TRUE(folder.warnings().empty());
  EXPECT_EQ(names_of(folder), Names{"w"});
}

TEST(Torch, which_file_of_a_folder) {
  const Bytes torch = torch_zip(dict({{"t", whole("0", 2, 3)}}), kTwo);
  const Bytes safe = model_safetensors({{"s", {1, 1}}});
  const auto both = Checkpoint::open_memory({{"pytorch_model.bin", torch}, {"model.safetensors", safe}});
  EXPECT_EQ(names_of(both), Names{"s"});
  ASSERT_EQ(both.warnings().size(), 1u);
  EXPECT_NE(both.warnings()[0].find("holds pytorch_model.bin too; model.safetensors was read"), std::string::npos);
  EXPECT_EQ(names_of(Checkpoint::open_memory(
                {{"pytorch_model.bin", torch}, {"a.safetensors", safe}, {"b.safetensors", safe}})),
            Names{"t"});
  EXPECT_EQ(names_of(Checkpoint::open_memory({{"ckpt.pt", torch}, {"optimizer.pt", torch}, {"notes.txt", safe}})),
            Names{"t"});
  expect_error(ErrorKind::usage, "holds 2 files of weights", [&] {
    Checkpoint::open_memory({{"a.pt", torch}, {"b.pt", torch}});
  });
}

TEST(Torch, shards) {
  const auto open = [](const std::string& map, Bytes second) {
    return Checkpoint::open_memory(
        {{"pytorch_model.bin.index.json", bytes_of("{\"weight_map\":" + map + "}")},
         {"pytorch_model-00001-of-00002.bin", torch_zip(dict({{"a", whole("0", 2, 3)}}), kTwo, true)},
         {"two.bin", std::move(second)}});
  };
  const Bytes second = torch_zip(dict({{"b", whole("1", 3, 2)}, {"stray", whole("0", 2, 3)}}), kTwo);
  const auto model = open(R"({"a":"pytorch_model-00001-of-00002.bin","b":"two.bin"})", second);
  EXPECT_EQ(names_of(model), (Names{"a", "b"}));
  expect_view(model, "a", {2, 3}, 0, 3, 1);
  expect_view(model, "b", {3, 2}, 0, 2, 1);
  EXPECT_EQ(model.warnings().size(), 1u);
  expect_error(bad_file, "two.bin: this shard is no torch file", [&] {
    open(R"({"b":"two.bin"})", model_safetensors({{"b", {1, 1}}}));
  });
}

void expect_refused(ErrorKind kind, std::string_view message, const Bytes& bytes) {
  SCOPED_TRACE(message);
  expect_error(kind, message, [&] {
    const auto model = open_one("w.pt", bytes);
    for (const auto& tensor : model.tensors()) model.load<float>(tensor);
  });
}

TEST(Torch, hostile_pickles_name_what_they_ask_for) {
  const std::string run = call("os", "system", {text("echo")});
  const std::string exploit = "cos\nsystem\n(S'echo'\ntR.";
  expect_refused(unsupported, "\"os.system\"", torch_zip(dict({{"w", whole("0", 2, 3)}, {"x", run}}), kTwo));
  expect_refused(unsupported, "\"os.system\"", torch_zip(dict({{"x", run}}), {}, true));
  expect_refused(unsupported, "\"os.system\"", torch_legacy(dict({{"x", run}}), {}));
  expect_refused(unsupported, "\"os.system\"", bytes_of(exploit));
  expect_refused(unsupported, "\"os.system\"", bytes_of(file(run)));
  // In the pickles around the legacy form's object.
  Bytes first = bytes_of(torch_magic());
  append(first, exploit);
  expect_refused(unsupported, "\"os.system\"", first);
  expect_refused(unsupported, "\"builtins.eval\"", torch_zip(call("builtins", "eval", {text("1")}), {}));
  expect_refused(unsupported, "\"torch.nn.modules.linear.Linear\"",
                 torch_zip(global("torch.nn.modules.linear", "Linear") + ")\x81", {}));
}

TEST(Torch, what_is_not_read_says_what_it_is) {
  expect_refused(unsupported, "torch.save did not write", bytes_of(file(dict({{"a", integer(1)}}))));
  expect_refused(unsupported, "neither a PyTorch file", zip({{"word/document.xml", bytes_of("x")}}));
  expect_refused(unsupported, "TorchScript",
                 zip({{"m/data.pkl", bytes_of(file("N"))}, {"m/constants.pkl", bytes_of(file("N"))}}));
  expect_refused(unsupported, "byte order \"big\"",
                 zip({{"m/data.pkl", bytes_of(file("N"))}, {"m/byteorder", bytes_of("big")}}));
  expect_refused(unsupported, "big-endian", torch_legacy("N", {}, false));
  Bytes tar(1024);
  std::memcpy(tar.data(), "sys_info", 8);
  std::memcpy(tar.data() + 257, "ustar", 5);
  expect_refused(unsupported, "before 0.1.10", tar);
  Bytes protocol = bytes_of(torch_magic());
  append(protocol, file(integer(1002)));
  expect_refused(unsupported, "another protocol than 1001", protocol);
  expect_refused(bad_file, "no file of torch.save", bytes_of("<html>404</html>"));
}

TEST(Torch, hostile_tensors) {
  const auto one = [](const std::string& value) { return torch_zip(dict({{"w", value}}), kTwo); };
  const std::string s = storage("FloatStorage", "0", 6);
  expect_refused(bad_file,
                 "tensor \"w\": a tensor of shape [2, 3], strides [3, 1], offset 1 reaches element 6 of storage \"0\", "
                 "which has 6",
                 one(tensor(s, 1, {2, 3}, {3, 1})));
  expect_refused(bad_file, "reaches element 2147483647", one(tensor(s, 0, {2, 1}, {2147483647, 1})));
  expect_refused(bad_file, "offset of a tensor is no number", one(tensor(s, -1, {2, 3}, {3, 1})));
  expect_refused(bad_file, "size of a tensor is no number", one(tensor(s, 0, {-2, 3}, {3, 1})));
  expect_refused(bad_file, "2 extents and 1 strides", one(tensor(s, 0, {2, 3}, {1})));
  expect_refused(bad_file, "a tensor without a storage", one(tensor("N", 0, {2, 3}, {3, 1})));
  expect_refused(bad_file, "a tensor with 0 arguments", one(call("torch._utils", "_rebuild_tensor_v2", {})));
  expect_refused(bad_file, "needs 4000 bytes, \"archive/data/0\" has 24", one(whole("0", 10, 100)));
  expect_refused(bad_file, "does not hold its storage \"9\"", one(whole("9", 2, 3)));
  expect_refused(bad_file, "is said to be of type \"torch.float32\"",
                 one(tensor(storage("float32", "0", 6), 0, {2, 3}, {3, 1})));
  expect_refused(bad_file, "is described in two ways",
                 torch_zip(dict({{"a", whole("0", 2, 3)}, {"b", whole("0", 2, 2)}}), kTwo));
  expect_refused(bad_file, "a storage without type", one(tensor("(" + text("storage") + "tQ", 0, {2, 3}, {3, 1})));
  expect_refused(unsupported, "rank 9", one(tensor(s, 0, {1, 1, 1, 1, 1, 1, 1, 1, 6}, {1, 1, 1, 1, 1, 1, 1, 1, 1})));
  expect_refused(bad_file, "size of a tensor has 65 numbers",
                 one(tensor(s, 0, std::vector<int>(65, 1), std::vector<int>(65, 1))));
  // Four bytes that stand for 10^18 elements: listed, never loaded.
  expect_refused(unsupported, "torch.FloatStorage, expanded", one(tensor(s, 0, {1000000000, 1000000000}, {0, 0})));
  expect_refused(bad_file, "overflows", one(tensor(s, 0, {2147483647, 2147483647, 2147483647}, {0, 0, 0})));
  expect_refused(bad_file, "is NaN",
                 torch_zip(dict({{"w", whole("n", 1, 1)}}), {{"n", bytes_of(std::vector<uint32_t>{0x7fc00000})}}));
  expect_refused(bad_file, "name is longer than 512",
                 torch_zip(dict({{std::string(513, 'n'), whole("0", 2, 3)}}), kTwo));
  expect_refused(bad_file, "not valid UTF-8", torch_zip(dict({{"\xff", whole("0", 2, 3)}}), kTwo));
}

TEST(Torch, hostile_legacy_storages) {
  const std::string w = dict({{"w", whole("0", 2, 3)}});
  expect_refused(bad_file, "has 5 elements before byte", torch_legacy(w, {{"0", floats(5)}}));
  expect_refused(bad_file, "does not hold its storage", torch_legacy(w, {}));
  expect_refused(bad_file, "is in the file twice", torch_legacy(w, {{"0", floats(6)}, {"0", floats(6)}}));
  expect_refused(bad_file, "a key that nothing refers to", torch_legacy(w, {{"0", floats(6)}, {"1", floats(6)}}));
  Bytes cut = torch_legacy(w, {{"0", floats(6)}});
  cut.pop_back();
  expect_refused(bad_file, "storage \"0\" at byte", cut);
  const std::string view = tuple({text("v"), integer(8), integer(4)});
  expect_refused(bad_file, "a view of 4 elements from element 8 on leaves storage \"0\" of 10",
                 torch_legacy(dict({{"w", tensor(storage("FloatStorage", "0", 10, view), 0, {1, 1}, {1, 1})}}),
                              {{"0", floats(10)}}));
}

TEST(Torch, cycles_and_depth_end) {
  const std::string w = whole("0", 2, 3);
  const auto names = [](const std::string& value) { return names_of(open_one("w.pt", torch_zip(value, kTwo))); };
  EXPECT_EQ(names("]q\x63(h\x63" + w + "e"), Names{"1"});
  EXPECT_EQ(names("}q\x63(" + text("model") + "h\x63" + text("w") + w + "u"), Names{"w"});
  // 2^60 paths to one tensor.
  std::string doubling = "](" + w + "eq\x01";
  for (char k = 2; k <= 60; ++k)
    doubling += "](h"s + static_cast<char>(k - 1) + "h" + static_cast<char>(k - 1) + "eq" + k;
  EXPECT_EQ(names(doubling).size(), 1u);
  EXPECT_EQ(names(std::string(100'000, ']') + std::string(99'999, 'a')), Names{});
  expect_refused(bad_file, "name is longer than 512",
                 torch_zip(std::string(100'000, ']') + w + std::string(100'000, 'a'), kTwo));
  // Many dicts of the same many pairs, a model in each of many copies of the same dict: work of their number squared.
  const int many = 100'000;
  std::string shared = "](";
  for (int k = 0; k < many; ++k) shared += "K\x01K\x02\x86";
  shared +=
      "eq\x01"
      "0ccollections\nOrderedDict\nq\x02"
      "0(";
  for (int k = 0; k < many; ++k) shared += "h\x02h\x01\x85R";
  EXPECT_EQ(names(shared + "t"), Names{});
  std::string dicts = "}(";
  for (int k = 0; k < many; ++k) dicts += "K\x01K\x02";
  dicts +=
      "uq\x01"
      "0}(" +
      text("model") +
      "q\x02"
      "0";
  for (int k = 0; k < many; ++k) dicts += "h\x02h\x01";
  EXPECT_EQ(names(dicts + "u"), Names{});
  // Parameters of parameters of parameters.
  std::string wrapped = w;
  for (int k = 0; k < 20; ++k) wrapped = call("torch._utils", "_rebuild_parameter", {wrapped});
  EXPECT_EQ(names(dict({{"w", wrapped}})), Names{});
}

class TorchData : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("SUPERPOSE_TEST_DATA");
    if (!folder) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set";
    data_ = folder;
  }
  std::filesystem::path data_;
};

TEST_F(TorchData, the_same_values_as_safetensors) {
  int compared = 0;
  for (const auto& folder : std::filesystem::directory_iterator(data_ / "tiny-hf")) {
    const auto expected = Checkpoint::open(folder.path() / "model.safetensors");
    for (const char* name : {"pytorch_model.bin", "legacy.pt"}) {
      if (!std::filesystem::exists(folder.path() / name)) continue;
      SCOPED_TRACE((folder.path() / name).string());
      const auto model = Checkpoint::open(folder.path() / name);
      EXPECT_EQ(model.format(), "torch");
      EXPECT_FALSE(model.config().is_null());
      for (const auto& tensor : expected.tensors()) {
        const TensorInfo* same = model.find(tensor.name);
        ASSERT_TRUE(same) << tensor.name;
        EXPECT_EQ(model.content_hash(*same), expected.content_hash(tensor)) << tensor.name;
      }
      // Tied: safetensors keeps one of the two.
      ASSERT_EQ(model.tensors().size(), expected.tensors().size() + 1);
      const TensorInfo* head = model.find("lm_head.weight");
      ASSERT_TRUE(head);
      const auto roles = resolve_heads(model);
      ASSERT_EQ(roles.size(), 1u);
      EXPECT_EQ(roles[0].tensor, head);
      EXPECT_TRUE(roles[0].tied);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 4);
}

TEST_F(TorchData, checkpoints_of_training_runs) {
  const std::tuple<const char*, const char*, const char*, size_t, const char*> rows[] = {
      {"llama2xs_ckpt.pt", "tok_embeddings.weight", "llama2xs_head.npy", 190, "optimizer.state.46.exp_avg_sq"},
      {"slm4096_ckpt.pt", "head.weight", "slm4096_head.npy", 57, "tok_emb.weight"},
      {"tinystoriesgru-0.2M.pt", "head.weight", "gru02M_head.npy", 19, "token_emb.weight"},
  };
  for (const auto& [file, head, npy, count, other] : rows) {
    SCOPED_TRACE(file);
    const auto model = Checkpoint::open(data_ / "weights" / file);
    const auto expected = Checkpoint::open(data_ / "weights" / "npy" / npy);
    EXPECT_EQ(model.tensors().size(), count);
    EXPECT_TRUE(model.find(other));
    ASSERT_TRUE(model.find(head));
    EXPECT_EQ(model.content_hash(*model.find(head)), expected.content_hash(*expected.find("array")));
  }
  const auto llama = Checkpoint::open(data_ / "weights" / "llama2xs_ckpt.pt");
  EXPECT_EQ(llama.config()["vocab_size"], 512);
  EXPECT_EQ(llama.config()["dim"], 64);
  const auto same = Checkpoint::open(data_ / "weights" / "llama2xs_model.bin");
  for (const auto& tensor : same.tensors()) {
    if (!llama.find(tensor.name)) continue;
    EXPECT_EQ(llama.content_hash(*llama.find(tensor.name)), same.content_hash(tensor)) << tensor.name;
  }
  const auto slm = Checkpoint::open(data_ / "weights" / "slm4096_ckpt.pt");
  EXPECT_EQ(slm.config()["vocab_size"], 54);
  EXPECT_TRUE(slm.same_values(*slm.find("head.weight"), *slm.find("tok_emb.weight")));
  EXPECT_LT(slm.bytes_read(), slm.bytes_total() / 10);
}

}  // namespace
}  // namespace superpose::checkpoint
