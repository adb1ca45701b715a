// SPDX-License-Identifier: Apache-2.0
// The opcodes: Lib/pickletools.py of CPython.
#include "superpose/checkpoint/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"

namespace superpose::checkpoint {

namespace {
constexpr size_t kMaxValues = 4'000'000;  // ten for each of several hundred thousand tensors
constexpr uint64_t kMaxTextBytes = uint64_t{1} << 31;
constexpr uint64_t kMaxIntegerBytes = 256;  // no honest file has an integer of more than 2048 bits
constexpr size_t kMaxLineBytes = 65'536;
constexpr uint8_t kMaxProtocol = 5;
}  // namespace

class PickleReader {
 public:
  using Id = PickleTree::Id;
  PickleReader(ByteReader& reader, const std::function<bool(std::string_view)>& is_known)
      : in_(reader), is_known_(is_known) {
    none_ = add(PickleKind::none, 0, 0);
    false_ = add(PickleKind::boolean, 0, 0);
    true_ = add(PickleKind::boolean, 0, 1);
    empty_ = add(PickleKind::tuple, 0, 0);
  }

  PickleTree run() {
    for (;;) {
      at_ = in_.offset();
      const auto opcode = in_.read<char>("pickle opcode");
      if (opcode == '.') break;
      if (!constants(opcode) && !numbers(opcode) && !texts(opcode) && !containers(opcode) && !memory(opcode) &&
          !objects(opcode)) {
        const auto code = static_cast<unsigned>(static_cast<unsigned char>(opcode));
        bad(fmt::format("0x{:02x} is no opcode: this is no pickle, or a damaged one", code));
      }
    }
    tree_.root_ = pop();
    return std::move(tree_);
  }

 private:
  [[noreturn]] void bad(const std::string& text) const {
    throw Error(ErrorKind::bad_file, fmt::format("pickle at byte {}: {}", at_, text));
  }
  [[noreturn]] void unsupported(const std::string& text) const {
    throw Error(ErrorKind::unsupported, fmt::format("pickle at byte {}: {}", at_, text));
  }

  // Opcodes by what they do; false: not one of these.
  bool constants(char opcode) {
    switch (opcode) {
      case 'N':
        return push(none_);
      case '\x88':
        return push(true_);
      case '\x89':
        return push(false_);
      case ')':
        return push(empty_);
      case '\x80': {  // PROTO
        const auto protocol = in_.read<uint8_t>("protocol");
        if (protocol > kMaxProtocol) unsupported(fmt::format("protocol {}; 0 to {} are read", protocol, kMaxProtocol));
        return true;
      }
      case '\x95': {  // FRAME: how much a reader may fetch at once
        const auto bytes = in_.read<uint64_t>("frame");
        if (bytes > in_.bytes_left()) bad(fmt::format("a frame of {} bytes, {} are left", bytes, in_.bytes_left()));
        return true;
      }
      default:
        return false;
    }
  }

  bool numbers(char opcode) {
    switch (opcode) {
      case 'K':
        return push_small(in_.read<uint8_t>("integer"));
      case 'M':
        return push_integer(in_.read<uint16_t>("integer"));
      case 'J':
        return push_integer(in_.read<int32_t>("integer"));
      case '\x8a':  // LONG1
        return push_long(in_.read<uint8_t>("integer"));
      case '\x8b': {  // LONG4
        const auto bytes = in_.read<int32_t>("integer");
        if (bytes < 0) bad(fmt::format("an integer of {} bytes", bytes));
        return push_long(static_cast<uint64_t>(bytes));
      }
      case 'I':  // INT; "00" and "01" are protocol 0's False and True
      case 'L':
        return push_decimal(line(), opcode);
      case 'F': {
        const std::string text = line();
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
          bad(fmt::format("{} is no number", printable(text)));
        }
        return push(add(PickleKind::real, 0, std::bit_cast<uint64_t>(value)));
      }
      case 'G':  // BINFLOAT, big-endian
        return push(add(PickleKind::real, 0, __builtin_bswap64(in_.read<uint64_t>("number"))));
      default:
        return false;
    }
  }

  bool texts(char opcode) {
    switch (opcode) {
      case '\x8c':  // SHORT_BINUNICODE
        return push_text(PickleKind::text, in_.read<uint8_t>("text length"));
      case 'X':
        return push_text(PickleKind::text, in_.read<uint32_t>("text length"));
      case '\x8d':  // BINUNICODE8
        return push_text(PickleKind::text, in_.read<uint64_t>("text length"));
      case 'U':  // SHORT_BINSTRING: a str of Python 2, mostly a name
        return push_text(PickleKind::text, in_.read<uint8_t>("text length"));
      case 'T': {
        const auto bytes = in_.read<int32_t>("text length");
        if (bytes < 0) bad(fmt::format("a text of {} bytes", bytes));
        return push_text(PickleKind::text, static_cast<uint64_t>(bytes));
      }
      case 'C':  // SHORT_BINBYTES
        return push_text(PickleKind::bytes, in_.read<uint8_t>("bytes length"));
      case 'B':
        return push_text(PickleKind::bytes, in_.read<uint32_t>("bytes length"));
      case '\x8e':  // BINBYTES8
      case '\x96':  // BYTEARRAY8
        return push_text(PickleKind::bytes, in_.read<uint64_t>("bytes length"));
      case 'V':  // UNICODE; its escapes stay as they are
        return push_pooled(PickleKind::text, line());
      case 'S': {  // STRING: a Python literal
        const std::string text = line();
        if (text.size() < 2 || text.front() != text.back() || (text.front() != '\'' && text.front() != '"')) {
          bad(fmt::format("{} is no quoted string", printable(text)));
        }
        return push_pooled(PickleKind::text, std::string_view(text).substr(1, text.size() - 2));
      }
      default:
        return false;
    }
  }

  bool containers(char opcode) {
    switch (opcode) {
      case '(':
        marks_.push_back(static_cast<uint32_t>(stack_.size()));
        return true;
      case ']':
        return push(add_list(PickleKind::list, {}));
      case '}':
        return push(add_list(PickleKind::dict, {}));
      case '\x8f':  // EMPTY_SET
        return push(add_list(PickleKind::set, {}));
      case 'l':
        return push(add_list(PickleKind::list, pop_mark()));
      case 'd':
        return push(add_list(PickleKind::dict, pairs(pop_mark())));
      case '\x91':  // FROZENSET
        return push(add_list(PickleKind::set, pop_mark()));
      case 't':
        return push(add_tuple(pop_mark()));
      case '\x85':  // TUPLE1
        return push(add_tuple(pop_some(1)));
      case '\x86':
        return push(add_tuple(pop_some(2)));
      case '\x87':
        return push(add_tuple(pop_some(3)));
      case 'a':  // APPEND
        return fill(PickleKind::list, pop_some(1));
      case 'e':
        return fill(PickleKind::list, pop_mark());
      case '\x90':  // ADDITEMS
        return fill(PickleKind::set, pop_mark());
      case 's':  // SETITEM
        return fill(PickleKind::dict, pop_some(2));
      case 'u':
        return fill(PickleKind::dict, pairs(pop_mark()));
      default:
        return false;
    }
  }

  bool memory(char opcode) {
    switch (opcode) {
      case 'q':
        return remember(in_.read<uint8_t>("memo number"));
      case 'r':
        return remember(in_.read<uint32_t>("memo number"));
      case 'p':
        return remember(memo_number());
      case '\x94':  // MEMOIZE
        return remember(memo_size());
      case 'h':
        return recall(in_.read<uint8_t>("memo number"));
      case 'j':
        return recall(in_.read<uint32_t>("memo number"));
      case 'g':
        return recall(memo_number());
      case '0':  // POP, which also takes a mark that is on top
        if (!marks_.empty() && marks_.back() == stack_.size()) return marks_.pop_back(), true;
        pop();
        return true;
      case '1':
        pop_mark();
        return true;
      case '2':
        return push(top());
      default:
        return false;
    }
  }

  bool objects(char opcode) {
    switch (opcode) {
      case 'c': {
        const std::string module = line();
        return push(global(module, line()));
      }
      case '\x93': {  // STACK_GLOBAL
        const Id name = pop(), module = pop();
        if (tree_.kind(name) != PickleKind::text || tree_.kind(module) != PickleKind::text) {
          bad("the name of a global is no text");
        }
        return push(global(std::string(tree_.text(module)), std::string(tree_.text(name))));
      }
      case 'R':       // REDUCE: the value that calling a global gives
      case '\x81': {  // NEWOBJ: an object of a class
        const Id arguments = pop(), callee = pop();
        return push(add_object(callee, arguments));
      }
      case '\x92': {  // NEWOBJ_EX; the named arguments are attributes as good as any
        const Id named = pop(), arguments = pop(), callee = pop();
        const Id object = add_object(callee, arguments);
        tree_.objects_.back().state = named;
        return push(object);
      }
      case 'i': {  // INST
        const std::string module = line();
        const Id callee = global(module, line());
        return push(add_object(callee, add_tuple(pop_mark())));
      }
      case 'o': {  // OBJ
        const std::vector<Id> all = pop_mark();
        if (all.empty()) bad("an object without a class");
        return push(add_object(all[0], add_tuple({all.begin() + 1, all.end()})));
      }
      case 'b': {  // BUILD
        const Id state = pop(), target = top();
        if (tree_.kind(target) != PickleKind::object) bad("attributes of something that is no object");
        tree_.objects_[tree_.values_[target].payload].state = state;
        return true;
      }
      case 'P':
        return push_pooled(PickleKind::text, line()), push(add(PickleKind::persistent, 0, pop()));
      case 'Q':
        return push(add(PickleKind::persistent, 0, pop()));
      case '\x82':
      case '\x83':
      case '\x84':
        unsupported("it uses the extension registry of the program that wrote it");
      case '\x97':
      case '\x98':
        unsupported("it refers to buffers outside the pickle");
      default:
        return false;
    }
  }

  // The stack, with the marks on it.
  bool push(Id id) {
    stack_.push_back(id);
    return true;
  }
  Id top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) bad("the stack is empty");
    return stack_.back();
  }
  Id pop() {
    const Id out = top();
    stack_.pop_back();
    return out;
  }
  std::vector<Id> pop_some(size_t count) {
    std::vector<Id> out(count);
    while (count-- > 0) out[count] = pop();
    return out;
  }
  std::vector<Id> pop_mark() {
    if (marks_.empty()) bad("there is no mark on the stack");
    const std::vector<Id> out(stack_.begin() + marks_.back(), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return out;
  }
  std::vector<Id> pairs(std::vector<Id> all) const {
    if (all.size() % 2 != 0) bad("a key without a value");
    return all;
  }

  // The memo. Writers number it from 0 on without gaps; anybody else may use any number.
  size_t memo_size() const { return dense_.size() + sparse_.size(); }
  uint32_t memo_number() {
    const std::string text = line();
    uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) {
      bad(fmt::format("{} is no number of the memo", printable(text)));
    }
    return out;
  }
  bool remember(size_t number) {
    const Id id = top();
    if (number < dense_.size()) {
      dense_[number] = id;
    } else if (number == dense_.size() && !sparse_.contains(number)) {
      dense_.push_back(id);
    } else {
      sparse_[number] = id;
    }
    return true;
  }
  bool recall(size_t number) {
    if (number < dense_.size()) return push(dense_[number]);
    const auto found = sparse_.find(number);
    if (found == sparse_.end()) bad(fmt::format("nothing was remembered as number {}", number));
    return push(found->second);
  }

  // New values.
  Id add(PickleKind kind, uint32_t count, uint64_t payload) {
    if (tree_.values_.size() >= kMaxValues) unsupported(fmt::format("more than {} values", kMaxValues));
    tree_.values_.push_back({kind, count, payload});
    return static_cast<Id>(tree_.values_.size() - 1);
  }
  Id add_tuple(const std::vector<Id>& elements) {
    if (elements.empty()) return empty_;
    const size_t begin = tree_.tuples_.size();
    tree_.tuples_.insert(tree_.tuples_.end(), elements.begin(), elements.end());
    return add(PickleKind::tuple, static_cast<uint32_t>(elements.size()), begin);
  }
  Id add_list(PickleKind kind, std::vector<Id> elements) {
    tree_.lists_.push_back(std::move(elements));
    return add(kind, 0, tree_.lists_.size() - 1);
  }
  Id add_object(Id callee, Id arguments) {
    const PickleKind kind = tree_.kind(callee);
    if (kind != PickleKind::global) bad("something is called that is no global");
    tree_.objects_.push_back({callee, arguments});
    return add(PickleKind::object, 0, tree_.objects_.size() - 1);
  }
  // Appends to a list, set or dict, or to an object that stands for one.
  bool fill(PickleKind kind, const std::vector<Id>& items) {
    const Id target = top();
    uint64_t list = tree_.values_[target].payload;
    if (tree_.kind(target) == PickleKind::object) {
      auto& object = tree_.objects_[list];
      if (object.list == PickleTree::kNobody) {
        object.list = static_cast<uint32_t>(tree_.lists_.size());
        tree_.lists_.emplace_back();
      }
      list = object.list;
    } else if (tree_.kind(target) != kind) {
      bad("items are added to something that holds none of this kind");
    }
    auto& out = tree_.lists_[list];
    out.insert(out.end(), items.begin(), items.end());
    return true;
  }
  bool push_integer(int64_t value) { return push(add(PickleKind::integer, 0, static_cast<uint64_t>(value))); }
  bool push_small(uint8_t value) {  // shared: most integers are small, and one takes no more than two bytes of the file
    if (small_.empty()) small_.assign(256, PickleTree::kNobody);
    Id& id = small_[value];
    if (id == PickleTree::kNobody) id = add(PickleKind::integer, 0, value);
    return push(id);
  }
  bool push_long(uint64_t bytes) {
    if (bytes > kMaxIntegerBytes) {
      bad(fmt::format("an integer of {} bytes, at most {} are expected", bytes, kMaxIntegerBytes));
    }
    const auto digits = in_.take(bytes, "integer");
    if (bytes > sizeof(int64_t)) return push_pooled(PickleKind::large_integer, as_text(digits));
    const bool negative = bytes > 0 && (digits.back() & std::byte{0x80}) != std::byte{0};
    uint64_t value = negative ? ~uint64_t{0} : 0;
    std::memcpy(&value, digits.data(), digits.size());
    return push(add(PickleKind::integer, 0, value));
  }
  bool push_decimal(std::string text, char opcode) {
    if (opcode == 'I' && (text == "00" || text == "01")) return push(text == "01" ? true_ : false_);
    if (opcode == 'L' && text.ends_with('L')) text.pop_back();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::invalid_argument || end != text.data() + text.size() || text.size() > kMaxIntegerBytes) {
      bad(fmt::format("{} is no integer", printable(text)));
    }
    if (error == std::errc::result_out_of_range) return push_pooled(PickleKind::large_integer, text);
    return push_integer(value);
  }
  bool push_text(PickleKind kind, uint64_t bytes) {
    if (bytes > kMaxTextBytes) bad(fmt::format("a text of {} bytes", bytes));
    return push_pooled(kind, as_text(in_.take(bytes, "text")));
  }
  bool push_pooled(PickleKind kind, std::string_view text) {
    const size_t begin = tree_.pool_.size();
    tree_.pool_ += text;
    return push(add(kind, static_cast<uint32_t>(text.size()), begin));
  }
  Id global(const std::string& module, const std::string& name) {
    std::string full = module + "." + name;
    if (!is_known_(full)) {
      unsupported(fmt::format("it asks for {}, which is not among the names that are understood; nothing was called",
                              printable(full)));
    }
    const auto [at, is_new] = globals_.try_emplace(std::move(full), 0);
    if (is_new) {
      push_pooled(PickleKind::global, at->first);
      at->second = pop();
    }
    return at->second;
  }
  // The rest of the line, without its newline.
  std::string line() {
    std::string out;
    for (;;) {
      const auto c = in_.read<char>("line of a pickle");
      if (c == '\n') break;
      if (out.size() >= kMaxLineBytes) bad(fmt::format("a line of more than {} bytes", kMaxLineBytes));
      out += c;
    }
    if (out.ends_with('\r')) out.pop_back();
    return out;
  }

  ByteReader& in_;
  const std::function<bool(std::string_view)>& is_known_;
  PickleTree tree_;
  uint64_t at_ = 0;  // of the opcode
  std::vector<Id> stack_;
  std::vector<uint32_t> marks_;  // how high the stack was at each
  std::vector<Id> dense_;
  std::unordered_map<size_t, Id> sparse_;
  std::unordered_map<std::string, Id> globals_;
  std::vector<Id> small_;
  Id none_, false_, true_, empty_;
};

std::span<const PickleTree::Id> PickleTree::items(Id id) const {
  const Value& value = values_[id];
  switch (value.kind) {
    case PickleKind::tuple:
      return std::span(tuples_).subspan(value.payload, value.count);
    case PickleKind::list:
    case PickleKind::dict:
    case PickleKind::set:
      return lists_[value.payload];
    case PickleKind::object: {
      const uint32_t list = objects_[value.payload].list;
      if (list != kNobody) return lists_[list];
      return {};
    }
    default:
      return {};
  }
}

std::optional<PickleTree::Id> PickleTree::state(Id id) const {
  const Id out = objects_[values_[id].payload].state;
  return out == kNobody ? std::nullopt : std::optional(out);
}

PickleTree read_pickle(ByteReader& reader, const std::function<bool(std::string_view)>& is_known) {
  return PickleReader(reader, is_known).run();
}

}  // namespace superpose::checkpoint
