// SPDX-License-Identifier: Apache-2.0
#include "superpose/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "superpose/base/error.h"
#include "superpose/base/files.h"
#include "superpose/base/json.h"

namespace superpose::tokenizer {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> out(text.size());
  if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
  return out;
}

Vocabulary read(std::string_view name, std::string_view text) {
  return read_vocabulary_file(*memory_file(std::string(name), bytes_of(text)));
}

std::string failure(std::string_view name, std::string_view text) {
  try {
    read(name, text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file);
    return error.what();
  }
  return "no error";
}

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string llama2c_piece(std::string_view text) {
  return raw(-1.5f) + raw(static_cast<int32_t>(text.size())) + std::string(text);
}

// A protobuf field with a length; all lengths here are below 128.
std::string field(int number, std::string_view bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + std::string(bytes);
}

TEST(Vocabulary, ByteLevelAlphabetIsGpt2s) {
  // encoder.py of openai/gpt-2: space -> U+0120, newline -> U+010A, 0xAD -> U+0143, 0x7F -> U+0121, 0x80 -> U+0122.
  const auto v = from_tokens({"\u0120the", "\u010a", "\u0143", "\u0121", "\u0122", "\u00e2\u0122\u013b", "!~"});
  EXPECT_EQ(v.spelling(), Spelling::byte_level);
  EXPECT_TRUE(v.guessed());
  EXPECT_EQ(v.text(0), " the");
  EXPECT_EQ(v.text(1), "\n");
  EXPECT_EQ(v.text(2), "\xad");
  EXPECT_EQ(v.text(3), "\x7f");
  EXPECT_EQ(v.text(4), "\x80");
  EXPECT_EQ(v.text(5), "\xe2\x80\x99");  // the apostrophe of GPT-2's vocabulary
  EXPECT_EQ(v.text(6), "!~");
  EXPECT_EQ(v.text(7), std::nullopt);
}

TEST(Vocabulary, SpellingIsGuessedFromThePieces) {
  EXPECT_EQ(from_tokens({"a", "b"}).spelling(), Spelling::verbatim);
  EXPECT_EQ(from_tokens({"caf\u00e9", "b"}).spelling(), Spelling::verbatim);  // U+00E9 is of the alphabet, unshifted
  EXPECT_EQ(from_tokens({"\u2581the", "<0x0A>"}).spelling(), Spelling::sentencepiece);
  EXPECT_EQ(from_tokens({"\u2581the", "<0x0A>", "<0x0a>"}).text(1), "\n");
  EXPECT_EQ(from_tokens({"\u2581the", "<0x0A>", "<0x0a>"}).text(2), "<0x0a>");
  EXPECT_EQ(from_tokens({"a\u2581b\u2581"}).text(0), "a b ");
  EXPECT_EQ(from_tokens({"\u2581the"}, "", Spelling::verbatim).text(0), "\u2581the");
  // A piece outside the alphabet stays as it is, and makes the guess "verbatim".
  EXPECT_EQ(from_tokens({"\u0120a", "\u4e2d"}, "", Spelling::byte_level).text(1), "\u4e2d");
  EXPECT_EQ(from_tokens({"\u0120a", "\u4e2d"}).spelling(), Spelling::verbatim);
}

TEST(Vocabulary, ShownIsSafeToPrint) {
  const auto v =
      from_tokens({" the", "\n", "say \"\\\"", "\x1b[31m", "\xe2\x80", "\u202eevil\u200b", "\u0085", "\u00e9\u4e2d",
                   std::string(500, 'x'), "", std::string("\0", 1), "\U000e0041", "<script>"},
                  "", Spelling::verbatim);
  EXPECT_EQ(v.shown(0), "\" the\"");
  EXPECT_EQ(v.shown(1), R"("\n")");
  EXPECT_EQ(v.shown(2), R"("say \"\\\"")");
  EXPECT_EQ(v.shown(3), R"("\x1b[31m")");
  EXPECT_EQ(v.shown(4), R"("\xe2\x80")");
  EXPECT_EQ(v.shown(5), R"("\u{202e}evil\u{200b}")");
  EXPECT_EQ(v.shown(6), R"("\u{85}")");
  EXPECT_EQ(v.shown(7), "\"\u00e9\u4e2d\"");
  EXPECT_LT(v.shown(8).size(), 60u);
  EXPECT_TRUE(v.shown(8).ends_with("…\""));
  EXPECT_EQ(v.shown(9), "\"\"");
  EXPECT_EQ(v.shown(10), R"("\x00")");
  EXPECT_EQ(v.shown(11), R"("\u{e0041}")");
  EXPECT_EQ(v.shown(12), "\"<script>\"");
  EXPECT_EQ(v.shown(99), "id 99");
}

TEST(Vocabulary, TokenizerJsonOfEachModel) {
  const auto bpe =
      read("tokenizer.json", R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"}]},
    "added_tokens":[{"id":2,"content":"\u0120<end>"},{"id":9,"content":"x"}],
    "model":{"type":"BPE","vocab":{"\u0120a":0,"b":1,"c":2},"merges":[["a","b"],"c d"]}})");
  EXPECT_EQ(bpe.spelling(), Spelling::byte_level);
  EXPECT_FALSE(bpe.guessed());
  EXPECT_EQ(bpe.text(0), " a");
  EXPECT_EQ(bpe.text(2), "\u0120<end>");  // an added token is verbatim, and overrides
  EXPECT_EQ(bpe.size(), 4u);
  EXPECT_EQ(bpe.end(), 10u);
  EXPECT_EQ(bpe.source(), "tokenizer.json");

  const auto unigram =
      read("t.json", R"({"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["\u2581a",-2.5]]}})");
  EXPECT_EQ(unigram.text(1), " a");
  const auto pieces = read("t.json", R"({"decoder":{"type":"WordPiece","prefix":"##"},
    "model":{"type":"WordPiece","vocab":{"[PAD]":0,"##ing":1}}})");
  EXPECT_EQ(pieces.text(1), "##ing");
  EXPECT_FALSE(pieces.guessed());
  // Llama: BPE whose decoder replaces U+2581; the order of keys does not matter.
  const auto llama = read("t.json", R"({"model":{"type":"BPE","vocab":{"\u2581a":0,"<0x0A>":1}},
    "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "}]}})");
  EXPECT_EQ(llama.text(0), " a");
  EXPECT_EQ(llama.text(1), "\n");
  // A post-processor of that name says nothing about the pieces.
  EXPECT_EQ(read("t.json", R"({"post_processor":{"type":"ByteLevel"},"model":{"vocab":{"a":0}}})").spelling(),
            Spelling::verbatim);
}

TEST(Vocabulary, TheOtherFiles) {
  EXPECT_EQ(read("vocab.json", R"({"\u0120a":1,"model":0})").text(1), " a");
  EXPECT_EQ(read("vocab.txt", "[PAD]\r\n##ing\n\nlast").text(1), "##ing");
  EXPECT_EQ(read("vocab.txt", "[PAD]\r\n##ing\n\nlast").text(3), "last");
  EXPECT_EQ(read("x.tiktoken", "IQ== 0\n4oCZ 7\nYWI= 2\n").text(7), "\xe2\x80\x99");
  EXPECT_EQ(read("tokenizer.model", "IQ== 0\nYWI= 2\n").text(2), "ab");  // Llama 3 calls such a file so
  const auto bin = read("tokenizer.bin", raw(int32_t{6}) + llama2c_piece("<0x41>") + llama2c_piece(" the"));
  EXPECT_EQ(bin.text(0), "A");
  EXPECT_EQ(bin.text(1), " the");
  const std::string score = std::string("\x15", 1) + raw(1.0f), type = "\x18\x03";
  const auto spm =
      read("tokenizer.model", field(1, field(1, "<unk>") + score + type) + field(1, field(1, "\u2581a") + score) +
                                  field(2, field(4, "x")) + field(1, field(1, "<0x0A>") + type));
  ASSERT_EQ(spm.size(), 3u);
  EXPECT_EQ(spm.text(1), " a");
  EXPECT_EQ(spm.text(2), "\n");
}

TEST(Vocabulary, FolderIsSearchedInOrder) {
  const auto folder = [](std::vector<std::pair<std::string, std::string>> files) {
    std::vector<MemoryFile> out;
    for (auto& [name, text] : files) out.push_back({name, bytes_of(text)});
    return memory_folder(std::move(out));
  };
  EXPECT_TRUE(read_vocabulary(*folder({})).empty());
  EXPECT_EQ(read_vocabulary(*folder({})).shown(3), "id 3");
  const auto two =
      read_vocabulary(*folder({{"vocab.json", R"({"a":0,"b":1})"}, {"added_tokens.json", R"({"<x>":2,"B":1})"}}));
  EXPECT_EQ(two.text(2), "<x>");
  EXPECT_EQ(two.text(1), "B");
  const auto all = folder({{"tokenizer.json", R"({"model":{"vocab":{"t":0}}})"},
                           {"vocab.json", R"({"v":0})"},
                           {"added_tokens.json", "{}"},
                           {"vocab.txt", "x"}});
  EXPECT_EQ(read_vocabulary(*all).text(0), "t");
  EXPECT_EQ(read_vocabulary(*folder({{"a.tiktoken", "IQ== 0\n"}})).text(0), "!");
  EXPECT_TRUE(read_vocabulary(*folder({{"a.tiktoken", "IQ== 0\n"}, {"b.tiktoken", "IQ== 0\n"}})).empty());
  try {
    read_vocabulary(*folder({{"vocab.json", R"({"a":0})"}, {"added_tokens.json", R"({"x":-1})"}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "added_tokens.json: the id of \"x\" is -1, not a number from 0 on");
  }
}

TEST(Vocabulary, HostileFilesAreRefused) {
  EXPECT_EQ(failure("v.json", R"({"a":10000000})"), "v.json: \"a\" has id 10000000; ids below 10000000 are read");
  EXPECT_EQ(read("v.json", R"({"a":9999999})").end(), 10'000'000u);  // costs one entry
  EXPECT_NE(failure("v.json", R"({"a":1,"b":1})").find("id 1 is both \"a\" and \"b\""), std::string::npos);
  EXPECT_NE(failure("v.json", R"({"a":1e99})").find("not a number"), std::string::npos);
  EXPECT_NE(failure("v.json", R"({"a":18446744073709551616})").find("not a number"), std::string::npos);
  EXPECT_NE(failure("v.json", R"({"a":{"b":1}})").find("is an object"), std::string::npos);
  EXPECT_NE(failure("v.json", R"({"a":"b"})").find("is \"b\", not a number"), std::string::npos);
  EXPECT_NE(failure("v.json", "{").find("not valid JSON at byte"), std::string::npos);
  EXPECT_NE(failure("v.json", "{\"\xff\":1}").find("not valid JSON at byte"), std::string::npos);
  EXPECT_NE(failure("v.json", "{}").find("no vocabulary"), std::string::npos);
  EXPECT_NE(failure("v.json", "[1]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(failure("v.json", "{\"x\":" + std::string(100'000, '[')).find("deeper than 64"), std::string::npos);
  EXPECT_NE(failure("t.json", R"({"model":{}})").find("empty or absent"), std::string::npos);
  EXPECT_NE(failure("t.json", R"({"model":{"vocab":[["a",1],[2]]}})").find("entry 1 of model.vocab has no text"),
            std::string::npos);
  EXPECT_NE(failure("t.json", R"({"model":{"vocab":[["a","b"]]}})").find("two texts"), std::string::npos);
  EXPECT_NE(failure("t.json", R"({"added_tokens":[{"id":1}],"model":{"vocab":{"a":0}}})").find("lacks"),
            std::string::npos);
  EXPECT_NE(failure("x.tiktoken", "IQ== 0\n!!!! 1\n").find("line 2"), std::string::npos);
  EXPECT_NE(failure("x.tiktoken", "IQ== 99999999999\n").find("ids below"), std::string::npos);
  EXPECT_NE(failure("x.tiktoken", "").find("empty"), std::string::npos);
  EXPECT_NE(failure("vocab.txt", std::string("a\0b", 3)).find("zero byte"), std::string::npos);
  EXPECT_NE(failure("t.bin", raw(int32_t{1000})).find("longest piece"), std::string::npos);
  EXPECT_NE(failure("t.bin", raw(int32_t{2}) + llama2c_piece("abc")).find("piece 0 has 3 bytes"), std::string::npos);
  EXPECT_NE(failure("t.bin", raw(int32_t{7}) + llama2c_piece("abc") + raw(1.0f)).find("length of a piece"),
            std::string::npos);
  EXPECT_NE(failure("t.model", "\x0a\xff\xff\xff\xff\x0f").find("needs 4294967295 bytes"), std::string::npos);
  EXPECT_NE(failure("t.model", std::string(20, '\xff')).find("varint"), std::string::npos);
  EXPECT_NE(failure("t.model", "\x0b").find("wire type 3"), std::string::npos);
  EXPECT_NE(failure("anything", "\x01\x02").find("known are"), std::string::npos);
}

class RealVocabularies : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("SUPERPOSE_TEST_DATA");
    if (!data) GTEST_SKIP() << "SUPERPOSE_TEST_DATA is not set: no real vocabularies";
    folder_ = data;
  }
  std::filesystem::path folder_;
};

TEST_F(RealVocabularies, SpellKnownTexts) {
  const auto gpt2 = read_vocabulary_file(folder_ / "corpora/gpt2_tokenizer.json");
  const auto flat = read_vocabulary_file(folder_ / "corpora/gpt2_vocab.json");
  const auto qwen = read_vocabulary_file(folder_ / "corpora/qwen.tiktoken");
  EXPECT_EQ(gpt2.size(), 50257u);
  EXPECT_EQ(qwen.end(), 151643u);
  EXPECT_EQ(flat.spelling(), Spelling::byte_level);
  for (uint64_t id = 0; id < gpt2.end(); ++id) ASSERT_EQ(gpt2.text(id), flat.text(id)) << id;
  EXPECT_EQ(gpt2.shown(50256), "\"<|endoftext|>\"");
  // Texts and ids made by llama.cpp: the pieces of a text, joined, are the text.
  const Json pairs = Json::parse(read_text(folder_ / "corpora/tokenizer_test_pairs.json"));
  size_t compared = 0;
  for (const Json& pair : pairs) {
    const Vocabulary& vocabulary = pair["tokenizer"] == "gpt2" ? gpt2 : qwen;
    std::string joined;
    for (const Json& id : pair["ids"]) joined += vocabulary.text(id.get<uint64_t>()).value_or("?");
    EXPECT_EQ(joined, pair["text"].get<std::string>());
    ++compared;
  }
  EXPECT_EQ(compared, 28u);
}

TEST_F(RealVocabularies, OfOtherFormats) {
  const auto neox = read_vocabulary_file(folder_ / "corpora/gpt-neox_20B_tokenizer.json");
  EXPECT_EQ(neox.end(), 50277u);
  EXPECT_EQ(neox.shown(0), "\"<|endoftext|>\"");
  EXPECT_EQ(neox.text(50254), std::string(24, ' '));
  EXPECT_EQ(neox.text(253), " the");
  const auto tok512 = read_vocabulary_file(folder_ / "weights/tok512.bin");
  EXPECT_EQ(tok512.size(), 512u);
  EXPECT_EQ(tok512.shown(1), R"("\n<s>\n")");
  EXPECT_EQ(tok512.text(3 + 0x41), "A");
}

}  // namespace
}  // namespace superpose::tokenizer
