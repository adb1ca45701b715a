// SPDX-License-Identifier: Apache-2.0
// tokenizer.json and vocab.json as events: a tree of a real one (merges and all) would need a gigabyte.
#include <fmt/format.h>

#include <string>

#include "superpose/base/error.h"
#include "superpose/base/json.h"
#include "superpose/base/printable.h"
#include "superpose/tokenizer/pieces.h"
#include "superpose/tokenizer/spelling.h"

namespace superpose::tokenizer {
namespace {

constexpr size_t kMaxDepth = 64;

// What an array or object of the file is to us.
enum class Place { other, root, model, vocab, vocab_list, vocab_item, added_list, added, hint };

class Events : public nlohmann::json_sax<Json> {
 public:
  explicit Events(Place root, bool literal = false) : root_(root), literal_(literal) {}

  Pieces out;
  bool model = false, byte_level = false, spaces = false;
  std::string model_type;

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("true or false"); }
  bool number_integer(number_integer_t x) override { return other(fmt::format("{}", x)); }
  bool number_unsigned(number_unsigned_t x) override {
    if (place() == Place::vocab) add({checked_id(x), key_, literal_});
    if (place() == Place::added && key_ == "id") added_.id = checked_id(x), has_id_ = true;
    return true;
  }
  bool number_float(number_float_t, const string_t& text) override { return other(printable(text)); }
  bool string(string_t& text) override {
    switch (place()) {
      case Place::vocab:
        return other(printable(text));
      case Place::vocab_item:
        if (item_has_text_) fail(fmt::format("entry {} of model.vocab has two texts", next_item_));
        add({next_item_, std::move(text)});
        item_has_text_ = true;
        return true;
      case Place::added:
        if (key_ == "content") added_.text = std::move(text), has_text_ = true;
        return true;
      case Place::model:
        if (key_ == "type") model_type = text;
        return true;
      case Place::hint:
        byte_level |= key_ == "type" && text == "ByteLevel";
        spaces |= (key_ == "type" && text == "Metaspace") || text == kSpace;
        return true;
      default:
        return true;
    }
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return enter(true); }
  bool start_array(size_t) override { return enter(false); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const nlohmann::detail::exception&) override {
    fail(fmt::format("not valid JSON at byte {}", byte));
  }

 private:
  Place place() const { return stack_.empty() ? Place::other : stack_.back(); }

  void add(Piece piece) {
    if (out.pieces.size() >= kMostIds) fail(fmt::format("more than {} pieces", kMostIds));
    out.pieces.push_back(std::move(piece));
  }
  // A value that is no id where an id must be.
  bool other(const std::string& what) const {
    if (place() == Place::vocab) fail(fmt::format("the id of {} is {}, not a number from 0 on", printable(key_), what));
    if (place() == Place::added && key_ == "id") fail(fmt::format("an added token has the id {}", what));
    return true;
  }
  uint64_t checked_id(uint64_t id) const {
    if (id >= kMostIds) fail(fmt::format("{} has id {}; ids below {} are read", printable(key_), id, kMostIds));
    return id;
  }

  Place next_place(bool object) const {
    if (stack_.empty()) return object ? root_ : Place::other;
    switch (place()) {
      case Place::root:
        if (key_ == "model" && object) return Place::model;
        if (key_ == "added_tokens" && !object) return Place::added_list;
        return key_ == "decoder" || key_ == "pre_tokenizer" || key_ == "normalizer" ? Place::hint : Place::other;
      case Place::model:
        if (key_ != "vocab") return Place::other;
        return object ? Place::vocab : Place::vocab_list;
      case Place::vocab:
        fail(fmt::format("the id of {} is an {}, not a number", printable(key_), object ? "object" : "array"));
      case Place::vocab_list:
        return object ? Place::other : Place::vocab_item;
      case Place::added_list:
        return object ? Place::added : Place::other;
      case Place::hint:
        return Place::hint;
      default:
        return Place::other;
    }
  }
  bool enter(bool object) {
    if (stack_.size() >= kMaxDepth) fail(fmt::format("JSON nested deeper than {} levels", kMaxDepth));
    const Place next = next_place(object);
    model |= next == Place::model;
    if (next == Place::vocab_item) item_has_text_ = false;
    if (next == Place::added) added_ = {0, "", true}, has_id_ = has_text_ = false;
    stack_.push_back(next);
    return true;
  }
  bool leave() {
    if (place() == Place::vocab_item) {
      if (!item_has_text_) fail(fmt::format("entry {} of model.vocab has no text", next_item_));
      ++next_item_;
    }
    if (place() == Place::added) {
      if (!has_id_ || !has_text_) fail("an added token lacks its \"id\" or its \"content\"");
      add(added_);
    }
    stack_.pop_back();
    return true;
  }

  Place root_;
  bool literal_;
  std::vector<Place> stack_;
  std::string key_;
  uint64_t next_item_ = 0;
  bool item_has_text_ = false;
  Piece added_;
  bool has_id_ = false, has_text_ = false;
};

void parse(std::string_view text, Events& events) { Json::sax_parse(text.begin(), text.end(), &events); }

}  // namespace

Pieces json_pieces(std::string_view text) {
  Events events(Place::root);
  parse(text, events);
  if (!events.model) {
    Events flat(Place::vocab);
    parse(text, flat);
    if (flat.out.pieces.empty()) fail("neither an object \"model\" nor {\"piece\": id, ...}: no vocabulary");
    return std::move(flat.out);
  }
  if (events.out.pieces.empty()) fail("model.vocab is empty or absent");
  if (events.byte_level) {
    events.out.spelling = Spelling::byte_level;
  } else if (events.spaces || events.model_type == "Unigram") {
    events.out.spelling = Spelling::sentencepiece;
  } else if (events.model_type == "WordPiece" || events.model_type == "WordLevel") {
    events.out.spelling = Spelling::verbatim;
  }
  return std::move(events.out);
}

Pieces added_tokens_pieces(std::string_view text) {
  Events events(Place::vocab, true);
  parse(text, events);
  return std::move(events.out);
}

}  // namespace superpose::tokenizer
