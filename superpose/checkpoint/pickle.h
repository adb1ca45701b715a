// SPDX-License-Identifier: Apache-2.0
// Python pickles, protocols 0 to 5, as data: the opcodes build a tree of values and nothing else. No class is looked
// up, no function is called; what a pickle wants to call becomes a value that says what and with which arguments.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/bytes.h"

namespace superpose::checkpoint {

enum class PickleKind : uint8_t {
  none,
  boolean,
  integer,
  large_integer,
  real,
  text,
  bytes,
  tuple,
  list,
  dict,
  set,
  global,
  object,
  persistent
};

// A graph rather than a tree: values are shared, and a list may hold itself. Values are known by their number.
class PickleTree {
 public:
  using Id = uint32_t;

  Id root() const { return root_; }
  size_t size() const { return values_.size(); }
  PickleKind kind(Id id) const { return values_[id].kind; }

  bool boolean(Id id) const { return values_[id].payload != 0; }
  int64_t integer(Id id) const { return static_cast<int64_t>(values_[id].payload); }
  double real(Id id) const { return std::bit_cast<double>(values_[id].payload); }
  // text: UTF-8, as far as the file is honest; global: "module.name"; large_integer: its bytes, lowest first, or
  // digits.
  std::string_view text(Id id) const { return std::string_view(pool_).substr(values_[id].payload, values_[id].count); }
  // The elements of a tuple, list or set; key, value, key, value of a dict and of an object that is filled like one.
  std::span<const Id> items(Id id) const;

  // object: what was to be called or made, the arguments (a tuple, or whatever else the file gives), and what its
  // attributes were to be set to.
  Id callee(Id id) const { return objects_[values_[id].payload].callee; }
  Id arguments(Id id) const { return objects_[values_[id].payload].arguments; }
  std::optional<Id> state(Id id) const;
  // persistent: what stands for something outside the pickle.
  Id reference(Id id) const { return static_cast<Id>(values_[id].payload); }

  bool is_global(Id id, std::string_view name) const { return kind(id) == PickleKind::global && text(id) == name; }

 private:
  friend class PickleReader;
  static constexpr Id kNobody = UINT32_MAX;
  struct Value {
    PickleKind kind = PickleKind::none;
    uint32_t count = 0;    // of text: bytes; of a tuple: elements
    uint64_t payload = 0;  // the number itself; where it begins in pool_ or tuples_; its place in lists_ or objects_
  };
  struct Object {
    Id callee, arguments, state = kNobody;
    uint32_t list = kNobody;  // in lists_
  };
  std::vector<Value> values_;
  std::string pool_;
  std::vector<Id> tuples_;
  std::vector<std::vector<Id>> lists_;
  std::vector<Object> objects_;
  Id root_ = 0;
};

// Reads one pickle, up to and with its STOP. Memory is at most some two hundred bytes for each byte read
// (memory_test.cc). is_known: may a pickle name this global ("module.name")? One that may not ends the reading with
// Error{unsupported} that names it, whether or not the pickle goes on to call it. Error{bad_file}: no pickle, or a
// damaged one. Error{unsupported}: protocols above 5, the extension registry, buffers outside the pickle, more than 4
// million values.
PickleTree read_pickle(ByteReader& reader, const std::function<bool(std::string_view)>& is_known);

}  // namespace superpose::checkpoint
