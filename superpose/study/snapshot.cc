// SPDX-License-Identifier: Apache-2.0
#include "superpose/study/snapshot.h"

#include <array>
#include <bit>
#include <cstring>

#include "superpose/base/bytes.h"
#include "superpose/base/files.h"
#include "superpose/base/version.h"
#include "superpose/kernels/kernels.h"

namespace superpose::study {
namespace {

constexpr double kShareOfTime = 50;  // a save may take one part in so many of the time between saves
constexpr const char* kFormat = "superpose.snapshot/1";

// Not cryptographic. Each word changes its lane by a bijection, so that no single damaged word can go unnoticed; four
// lanes so that memory, not the multiplier, sets the pace.
class Checksum {
 public:
  void add(std::string_view bytes) {
    for (const char *end = bytes.data() + bytes.size() / 8 * 8, *at = bytes.data(); at < end; at += 8) {
      uint64_t word;
      std::memcpy(&word, at, 8);
      mix(word);
    }
    uint64_t rest = bytes.size();
    std::memcpy(&rest, bytes.data() + bytes.size() / 8 * 8, bytes.size() % 8);
    mix(rest);
  }
  uint64_t value() const {
    uint64_t out = 0;
    for (const uint64_t lane : lanes_) out = std::rotl((out ^ lane) * kPrime, 29);
    return out;
  }

 private:
  static constexpr uint64_t kPrime = 0x9E3779B97F4A7C15;
  void mix(uint64_t word) {
    uint64_t& lane = lanes_[turn_++ % 4];
    lane = std::rotl((lane ^ word) * kPrime, 31);
  }
  std::array<uint64_t, 4> lanes_{1, 2, 3, 4};
  uint32_t turn_ = 0;
};

// The pieces that are summed are the same when a file is written and read.
uint64_t checksum(std::string_view header, std::span<const std::string_view> arrays) {
  Checksum sum;
  sum.add(header);
  for (const auto& bytes : arrays) sum.add(bytes);
  return sum.value();
}

// "dim is 8, not 9; seed is 1, not 0"
std::string different_fields(const std::string& theirs, const std::string& ours) {
  const Json found = parse_json(theirs, "configuration"), expected = parse_json(ours, "configuration");
  std::string out;
  for (const auto& [key, value] : expected.items()) {
    const std::string is = found.is_object() && found.contains(key) ? found[key].dump() : "not given";
    if (is != value.dump())
      out += (out.empty() ? "" : "; ") + key + " is " + is.substr(0, 100) + ", not " + value.dump();
  }
  return out.empty() ? "its configuration has other fields" : out;
}

std::string_view text_of(const uint64_t& value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

}  // namespace

SnapshotFile::SnapshotFile(const toy::Resolved& run, SnapshotOptions options)
    : options_(std::move(options)),
      identity_{{"superpose.format", kFormat},
                {"superpose.config", run.json.dump()},
                {"superpose.version", kVersion},
                {"superpose.numerics", std::to_string(kNumericsVersion)},
                {"superpose.instruction_set", kernels::instruction_set()}},
      next_(std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                   std::chrono::duration<double>(options_.every_seconds))) {}

void SnapshotFile::note(const std::string& text) const {
  if (options_.note) options_.note(options_.path.string() + ": " + text);
}

// Length and JSON, as a safetensors file begins.
std::string SnapshotFile::header(std::span<const toy::StateArray> arrays) const {
  Json out{{"__metadata__", identity_}};
  size_t end = 0;
  const auto add = [&](const std::string& name, size_t bytes) {
    out[name] = {{"dtype", "U8"}, {"shape", {bytes}}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  };
  for (const auto& array : arrays) add(array.name, array.bytes.size());
  add("checksum", sizeof(uint64_t));
  std::string text = out.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t bytes = text.size();
  return std::string(text_of(bytes)) + text;
}

bool SnapshotFile::load(std::span<const toy::StateArray> arrays) {
  if (!std::filesystem::exists(options_.path)) return false;
  std::string why;
  try {
    const MappedFile file(options_.path);
    const std::string ours = header(arrays);
    ByteReader reader(file.bytes());
    const auto length = reader.read<uint64_t>("header length");
    const auto text = as_text(reader.take(length, "header"));
    if (text != std::string_view(ours).substr(sizeof length)) {
      why = why_foreign(text);
    } else {
      std::vector<std::string_view> found;
      for (const auto& array : arrays) found.push_back(as_text(reader.take(array.bytes.size(), array.name)));
      const auto sum = reader.read<uint64_t>("checksum");
      if (reader.bytes_left() == 0 && sum == checksum(ours, found)) {
        for (size_t k = 0; k < found.size(); ++k) std::memcpy(arrays[k].bytes.data(), found[k].data(), found[k].size());
        return true;
      }
      why = "its checksum does not hold: it is damaged";
    }
  } catch (const Error& e) {
    why = e.what();
  }
  if (options_.strict) {
    throw Error(ErrorKind::bad_file, options_.path.string() + ": cannot go on from it: " + why +
                                         "; name another file, or delete this one to begin at step 0");
  }
  note("begins at step 0: " + why);
  return false;
}

// Why a header is not the one expected, as far as it can be told.
std::string SnapshotFile::why_foreign(std::string_view text) const {
  try {
    const Json found = parse_json(text, "header");
    const Json meta = found.is_object() ? found.value("__metadata__", Json::object()) : Json();
    if (!meta.is_object() || meta.value("superpose.format", "") != kFormat) return "it is not a snapshot";
    for (const auto& [key, value] : identity_.items()) {
      if (meta.contains(key) && meta[key] == value) continue;
      if (key == "superpose.config" && meta.contains(key) && meta[key].is_string()) {
        return "it is of another run: " + different_fields(meta[key].get<std::string>(), value.get<std::string>());
      }
      const std::string theirs = meta.contains(key) ? meta[key].dump() : "nothing";
      return "it is of another run: " + key + " is " + theirs.substr(0, 100) + ", not " + value.dump();
    }
  } catch (const std::exception&) {
    return "it is not a snapshot";
  }
  return "its arrays are not those of this run";
}

bool SnapshotFile::due() { return std::chrono::steady_clock::now() >= next_; }

void SnapshotFile::save(std::span<const toy::StateArray> arrays, bool last) {
  const auto began = std::chrono::steady_clock::now();
  const std::string head = header(arrays);
  std::vector<std::string_view> pieces;
  for (const auto& array : arrays) pieces.push_back(as_text(array.bytes));
  const uint64_t sum = checksum(head, pieces);
  pieces.insert(pieces.begin(), head);
  pieces.push_back(text_of(sum));
  try {
    if (options_.path.has_parent_path()) std::filesystem::create_directories(options_.path.parent_path());
    // Somebody waits for the last one; should the machine die too, the checksum will tell.
    write_file(options_.path, pieces, !last);
    failed_ = false;
  } catch (const std::exception& e) {
    if (!failed_) note(std::string("cannot save a snapshot, the run goes on without: ") + e.what());
    failed_ = true;
  }
  const auto now = std::chrono::steady_clock::now();
  const double wait =
      std::max(options_.every_seconds, kShareOfTime * std::chrono::duration<double>(now - began).count());
  next_ = now + std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(wait));
}

void SnapshotFile::remove() {
  std::error_code ignored;
  std::filesystem::remove(options_.path, ignored);
}

}  // namespace superpose::study
