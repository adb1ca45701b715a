// SPDX-License-Identifier: Apache-2.0
#include "superpose/hub/remote_file.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "superpose/base/printable.h"
#include "superpose/hub/ranges.h"
#include "superpose/hub/scratch.h"

namespace superpose::hub {
namespace {

constexpr uint64_t kFirstBytes = 64 << 10;          // of the first request, and the least that is asked for at once
constexpr uint64_t kMostAhead = uint64_t{1} << 20;  // read ahead, where one read follows another
constexpr uint64_t kMostAtOnce = uint64_t{64} << 20;
constexpr uint64_t kSmallFile = uint64_t{1} << 20;  // taken whole from a server that knows no ranges
constexpr uint64_t kLargestFile = uint64_t{1} << 62;

struct Start {  // what the first reply said
  uint64_t size = 0, here = 0;
  std::string url, etag, hub_etag;
};

// The file behind every error of this one.
struct Name {
  std::shared_ptr<const Repository> repository;
  std::string file;

  Error error(ErrorKind kind, const Reply& reply, const std::string& text) const {
    return repository->error(kind, shown(reply.url) + ": " + text);
  }
  Error whole_files(const Reply& reply, std::optional<uint64_t> bytes) const {
    return error(
        ErrorKind::unsupported, reply,
        fmt::format("the server sends whole files only, this one has {}; download it (hf download {} {}, or curl) "
                    "and inspect the copy",
                    bytes ? fmt::format("{} bytes", *bytes) : "more bytes than the 1 MiB that is taken so",
                    repository->id().repository, file));
  }
  void refuse_encoding(const Reply& reply) const {
    const auto encoding = reply.header("content-encoding");
    if (encoding.empty() || encoding == "identity") return;
    throw error(ErrorKind::unsupported, reply,
                fmt::format("the server sends it as {}, though asked for the bytes as they are", printable(encoding)));
  }
};

// Throws unless the head of a 200 or 206 reply fits the first request.
void check_first(const Name& name, const Reply& reply) {
  name.refuse_encoding(reply);
  if (reply.status == 200) {
    const auto length = reply.content_length();
    if (length && *length > kSmallFile) throw name.whole_files(reply, length);
    return;
  }
  const auto extent = reply.content_range();
  const bool good = reply.status == 206 && extent && extent->range.begin == 0 && extent->total <= kLargestFile &&
                    extent->range.end == std::min(kFirstBytes, extent->total) &&
                    reply.content_length().value_or(extent->range.end) == extent->range.end;
  if (good) return;
  throw name.error(ErrorKind::io, reply,
                   fmt::format("asked for bytes 0 to {}, the server answers with status {}, Content-Range {}, "
                               "Content-Length {}",
                               kFirstBytes - 1, reply.status, printable(reply.header("content-range")),
                               printable(reply.header("content-length"))));
}

Start ask_first(const Name& name, Scratch& scratch) {
  Start start;
  Request request;
  request.url = name.repository->address(name.file);
  request.range = Range{0, kFirstBytes};
  Reply reply;
  Patience patience;
  do {
    start.here = 0;
    reply = name.repository->http().send(request, [&](const Reply& head, std::span<const std::byte> bytes) {
      check_first(name, head);
      const uint64_t most = head.status == 200 ? kSmallFile : head.content_range()->range.end;
      if (bytes.size() > most - start.here) {
        if (head.status == 200) throw name.whole_files(head, std::nullopt);
        throw name.error(ErrorKind::io, head, fmt::format("more than the {} bytes that were asked for", most));
      }
      scratch.write(start.here, bytes);
      start.here += bytes.size();
    });
  } while (patience.again(reply));
  const auto extent = reply.content_range();
  const bool empty = reply.status == 416 && extent && extent->total == 0;
  if (!reply.broken.empty() || (reply.status / 100 != 2 && !empty)) throw name.repository->refusal(reply, name.file);
  if (!empty) check_first(name, reply);
  name.repository->pin(reply);
  start.size = reply.status == 206 ? extent->total : start.here;
  if (reply.status == 206 && start.here != extent->range.end) {
    throw name.error(ErrorKind::io, reply, fmt::format("{} of {} bytes came", start.here, extent->range.end));
  }
  const auto linked = parse_number(reply.hub_header("x-linked-size"));
  if (linked && *linked != start.size) {
    throw name.error(ErrorKind::io, reply,
                     fmt::format("the file has {} bytes there, the hub says {}", start.size, *linked));
  }
  start.url = reply.url;
  start.etag = reply.header("etag");
  start.hub_etag = reply.hub_header("x-linked-etag");
  return start;
}

class RemoteFile : public File {
 public:
  RemoteFile(Name name, Start start, std::unique_ptr<Scratch> scratch)
      : File(to_text(name.repository->id()) + "/" + name.file, start.size),
        name_(std::move(name)),
        hub_etag_(std::move(start.hub_etag)),
        scratch_(std::move(scratch)),
        place_{std::move(start.url), std::move(start.etag)},
        ahead_from_(start.here) {
    have_.add({0, start.here});
  }

 protected:
  void fetch(uint64_t offset, std::span<std::byte> out) const override {
    std::unique_lock lock(mutex_);
    while (const auto gap = have_.first_gap({offset, offset + out.size()})) {
      if (const auto piece = coming_.first_gap(*gap)) {
        take(grown(*piece), lock);
      } else {
        arrived_.wait(lock);  // another thread is fetching these bytes
      }
    }
    lock.unlock();
    scratch_->read(offset, out);
  }

 private:
  struct Place {  // where the file was last found; links of a CDN are valid for some minutes
    std::string url, etag;
  };

  // Never into what is here or on its way.
  Range grown(Range piece) const {
    ahead_ = piece.begin == ahead_from_ ? std::min(2 * ahead_, kMostAhead) : kFirstBytes;
    uint64_t end = std::max(piece.end, std::min(piece.begin + ahead_, size()));
    end = std::min({end, have_.next(piece.end), coming_.next(piece.end), piece.begin + kMostAtOnce});
    ahead_from_ = end;
    return {piece.begin, end};
  }

  // Fetches `piece` with the lock open. What came stays here, also when the rest fails.
  void take(Range piece, std::unique_lock<std::mutex>& lock) const {
    coming_.add(piece);
    uint64_t position = piece.begin;
    const auto arrived = [&] {
      lock.lock();
      coming_.remove(piece);
      have_.add({piece.begin, position});
      arrived_.notify_all();
    };
    const Place place = place_;
    lock.unlock();
    Place found;
    try {
      found = download(piece.end, position, place);
    } catch (...) {
      arrived();
      throw;
    }
    arrived();
    place_ = std::move(found);
  }

  // Bytes [position, end) into scratch_; position goes along. Returns where they were.
  Place download(uint64_t end, uint64_t& position, const Place& place) const {
    const std::string address = name_.repository->address(name_.file);
    Request request;
    request.url = place.url;
    bool anew = false;  // asks the hub again where the file is
    Patience patience;
    for (;;) {
      const Range asked{position, end};
      request.range = asked;
      request.if_range = anew || place.etag.starts_with("W/") ? "" : place.etag;  // a weak one matches no range
      const Reply reply =
          name_.repository->http().send(request, [&](const Reply& head, std::span<const std::byte> bytes) {
            check_part(head, asked, place.etag);
            if (bytes.size() > end - position) {
              throw name_.error(ErrorKind::io, head,
                                fmt::format("more than the {} bytes that were asked for", asked.size()));
            }
            scratch_->write(position, bytes);
            position += bytes.size();
          });
      if (position == end) return {reply.url, std::string(reply.header("etag"))};
      if (patience.again(reply)) continue;
      const bool gone = reply.status == 401 || reply.status == 403 || reply.status == 404 || reply.status == 410;
      if (reply.broken.empty() && gone && !anew && request.url != address) {
        anew = true;
        request.url = address;
        continue;
      }
      if (!reply.broken.empty()) throw name_.repository->refusal(reply, name_.file);
      if (reply.status == 416) throw changed(reply);
      if (reply.status / 100 != 2) throw name_.repository->refusal(reply, name_.file);
      check_part(reply, asked, place.etag);
      throw name_.error(ErrorKind::io, reply, fmt::format("the reply ends at byte {}, not at byte {}", position, end));
    }
  }

  // Throws unless the head of a 2xx reply is that of the bytes asked for, of the same file as ever.
  void check_part(const Reply& reply, Range asked, const std::string& etag) const {
    name_.refuse_encoding(reply);
    const auto differ = [](std::string_view a, std::string_view b) { return !a.empty() && !b.empty() && a != b; };
    const auto stated = reply.hub_header("x-linked-etag");
    const bool same = !stated.empty() && !hub_etag_.empty() ? stated == hub_etag_ : !differ(reply.header("etag"), etag);
    if (reply.status == 200) {
      if (!same || reply.content_length().value_or(size()) != size()) throw changed(reply);
      throw name_.whole_files(reply, size());
    }
    const auto extent = reply.content_range();
    if (!same || (extent && extent->total != size())) throw changed(reply);
    const bool good = reply.status == 206 && extent && extent->range == asked &&
                      reply.content_length().value_or(asked.size()) == asked.size();
    if (good) return;
    throw name_.error(ErrorKind::io, reply,
                      fmt::format("asked for bytes {} to {}, the server answers with status {}, Content-Range {}, "
                                  "Content-Length {}",
                                  asked.begin, asked.end - 1, reply.status, printable(reply.header("content-range")),
                                  printable(reply.header("content-length"))));
  }

  Error changed(const Reply& reply) const {
    return name_.error(ErrorKind::io, reply, "the file changed while it was read; try again");
  }

  Name name_;
  std::string hub_etag_;  // of the file, by the hub; the ETag of a place may differ from it
  std::unique_ptr<Scratch> scratch_;

  mutable std::mutex mutex_;  // of what follows
  mutable std::condition_variable arrived_;
  mutable RangeSet have_, coming_;
  mutable Place place_;
  mutable uint64_t ahead_ = kFirstBytes, ahead_from_ = 0;  // how much to ask for where a read begins at ahead_from_
};

}  // namespace

std::shared_ptr<const File> open_remote(std::shared_ptr<const Repository> repository, const std::string& name,
                                        const std::filesystem::path& scratch) {
  const Name full{std::move(repository), name};
  auto store = std::make_unique<Scratch>(scratch);
  Start start = ask_first(full, *store);
  return std::make_shared<RemoteFile>(full, std::move(start), std::move(store));
}

}  // namespace superpose::hub
