// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "superpose/base/error.h"
#include "superpose/base/printable.h"
#include "superpose/checkpoint/zip.h"

namespace superpose::checkpoint {
namespace {

// A range of another file.
class StoredMember : public File {
 public:
  StoredMember(std::shared_ptr<const File> archive, const ZipMember& member)
      : File(fmt::format("{}: {}", archive->label(), printable(member.name)), member.size),
        archive_(std::move(archive)),
        begin_(member.begin) {}

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override { archive_->read(begin_ + offset, out); }

 private:
  std::shared_ptr<const File> archive_;
  uint64_t begin_;
};

// Inflates the data of one member from some place on. A copy goes on from the same place on its own.
class Inflater {
 public:
  Inflater(const File& archive, const ZipMember& member) : archive_(&archive), member_(&member) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater& other)
      : archive_(other.archive_), member_(other.member_), taken_(other.taken_ - other.stream_.avail_in) {
    // The copy reads its input again.
    if (inflateCopy(&stream_, const_cast<z_stream*>(&other.stream_)) != Z_OK) throw std::bad_alloc();
    stream_.avail_in = 0;
    produced_ = other.produced_;
  }
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  uint64_t produced() const { return produced_; }

  // Fills out; false when the data ends before it is full. Error{bad_file} when the data is damaged.
  bool fill(std::span<std::byte> out) {
    while (!out.empty()) {
      if (stream_.avail_in == 0) refill();
      const auto step = static_cast<uInt>(std::min<size_t>(out.size(), size_t{1} << 30));
      stream_.next_out = reinterpret_cast<Bytef*>(out.data());
      stream_.avail_out = step;
      const int code = inflate(&stream_, Z_NO_FLUSH);
      const size_t got = step - stream_.avail_out;
      produced_ += got;
      out = out.subspan(got);
      if (code == Z_STREAM_END) return out.empty();
      if (code == Z_MEM_ERROR) throw std::bad_alloc();
      const bool starved = stream_.avail_in == 0 && taken_ == member_->compressed;
      if (code != Z_OK && !(code == Z_BUF_ERROR && !starved)) {
        throw Error(ErrorKind::bad_file,
                    fmt::format("zip: member {}: the deflated data is damaged after {} bytes ({})",
                                printable(member_->name), produced_, stream_.msg ? stream_.msg : "it is cut short"));
      }
    }
    return true;
  }

 private:
  void refill() {
    const uint64_t count = std::min<uint64_t>(member_->compressed - taken_, size_t{1} << 16);
    input_ = archive_->read(member_->begin + taken_, count);
    taken_ += count;
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(count);
  }

  const File* archive_;
  const ZipMember* member_;
  z_stream stream_{};
  std::vector<std::byte> input_;
  uint64_t taken_ = 0;  // compressed bytes read from the archive
  uint64_t produced_ = 0;
};

// The first read goes through the whole member, checks it, and leaves behind the state of the inflater (40 KB) at the
// beginning of each segment, from which later reads start. The segments that were read last are kept: whoever reads
// rows of a matrix reads the same segment many times.
class DeflatedMember : public File {
 public:
  DeflatedMember(std::shared_ptr<const File> archive, const ZipMember& member)
      : File(fmt::format("{}: {}", archive->label(), printable(member.name)), member.size),
        archive_(std::move(archive)),
        member_(member),
        segment_bytes_(std::clamp(member.size / 256, uint64_t{1} << 20, uint64_t{1} << 24)) {}

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const auto bytes = segment(offset / segment_bytes_);
      const uint64_t begin = offset % segment_bytes_;
      const auto count = static_cast<size_t>(std::min<uint64_t>(out.size(), bytes->size() - begin));
      std::memcpy(out.data(), bytes->data() + begin, count);
      out = out.subspan(count);
      offset += count;
    }
  }

 private:
  using Segment = std::shared_ptr<const std::vector<std::byte>>;
  static constexpr size_t kKept = 6;

  Segment segment(uint64_t number) const {
    const std::lock_guard lock(mutex_);
    if (starts_.empty()) check();
    const auto is_it = [&](const auto& kept) { return kept.first == number; };
    const auto found = std::find_if(kept_.begin(), kept_.end(), is_it);
    if (found != kept_.end()) {
      std::rotate(kept_.begin(), found, found + 1);
    } else {
      if (kept_.size() == kKept) kept_.pop_back();
      Inflater inflater(starts_[number]);
      kept_.insert(kept_.begin(), {number, inflate_next(inflater)});
    }
    return kept_.front().second;
  }

  Segment inflate_next(Inflater& inflater) const {
    auto out = std::make_shared<std::vector<std::byte>>(std::min(size() - inflater.produced(), segment_bytes_));
    if (!inflater.fill(*out)) fail(fmt::format("{} bytes, {} are declared", inflater.produced(), size()));
    return out;
  }

  void check() const {
    std::deque<Inflater> starts;
    Inflater inflater(*archive_, member_);
    uLong crc = crc32_z(0, nullptr, 0);
    while (inflater.produced() < size()) {
      starts.emplace_back(inflater);
      const Segment part = inflate_next(inflater);
      crc = crc32_z(crc, reinterpret_cast<const Bytef*>(part->data()), part->size());
    }
    std::byte more;
    if (inflater.fill({&more, 1})) fail(fmt::format("more than the declared {} bytes", size()));
    if (crc != member_.crc) fail(fmt::format("CRC {:08x}, its header says {:08x}", crc, member_.crc));
    starts_.swap(starts);
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::bad_file, fmt::format("{}: the member is damaged: {}", label(), what));
  }

  std::shared_ptr<const File> archive_;
  ZipMember member_;
  uint64_t segment_bytes_;
  mutable std::mutex mutex_;
  mutable std::deque<Inflater> starts_;                     // of the segments; empty until the first read
  mutable std::vector<std::pair<uint64_t, Segment>> kept_;  // the last used first
};

void check_method(const ZipMember& member) {
  // Deflate spends at least one bit on 258 / 2 bytes: 1032 to 1 is what it can reach.
  constexpr uint64_t kBestRatio = 1032, kSlack = 1024;
  if (member.method == ZipMethod::stored) return;
  if (member.method != ZipMethod::deflated) {
    throw Error(ErrorKind::unsupported,
                fmt::format("zip: member {} is packed with method {}; stored and deflated members are read",
                            printable(member.name), static_cast<unsigned>(member.method)));
  }
  if (member.size > kSlack && (member.size - kSlack) / kBestRatio > member.compressed) {
    throw Error(ErrorKind::bad_file, fmt::format("zip: member {}: {} deflated bytes cannot become {}",
                                                 printable(member.name), member.compressed, member.size));
  }
}

}  // namespace

std::shared_ptr<const File> open_member(const std::shared_ptr<const File>& archive, const ZipMember& member) {
  check_method(member);
  if (member.method == ZipMethod::stored) return std::make_shared<StoredMember>(archive, member);
  return std::make_shared<DeflatedMember>(archive, member);
}

std::vector<std::byte> member_start(const File& archive, const ZipMember& member, uint64_t count) {
  check_method(member);
  count = std::min(count, member.size);
  if (member.method == ZipMethod::stored) return archive.read(member.begin, count);
  std::vector<std::byte> out(count);
  Inflater inflater(archive, member);
  if (!inflater.fill(out)) {
    throw Error(ErrorKind::bad_file, fmt::format("zip: member {}: {} bytes, {} are declared", printable(member.name),
                                                 inflater.produced(), member.size));
  }
  return out;
}

}  // namespace superpose::checkpoint
