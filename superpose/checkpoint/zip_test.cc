// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/zip.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "superpose/checkpoint/torch_fixtures.h"

namespace superpose::checkpoint {
namespace {

constexpr ErrorKind bad_file = ErrorKind::bad_file;

std::shared_ptr<const File> archive(Bytes bytes) { return memory_file("a.zip", std::move(bytes)); }
Bytes contents(const Bytes& bytes, size_t k = 0) {
  const auto file = archive(bytes);
  const auto member = open_member(file, read_zip(*file).at(k));
  return member->read(0, member->size());
}
void expect_refused(ErrorKind kind, std::string_view message, const Bytes& bytes) {
  SCOPED_TRACE(message);
  expect_error(kind, message, [&] { contents(bytes); });
}
// Overwrites what follows the nth signature, `offset` bytes from its beginning.
Bytes patched(Bytes bytes, std::string_view signature, size_t offset, std::string_view value) {
  const size_t at = as_text(bytes).find(signature);
  EXPECT_NE(at, std::string_view::npos);
  std::memcpy(bytes.data() + at + offset, value.data(), value.size());
  return bytes;
}
constexpr std::string_view kLocal = "PK\x03\x04", kCentral = "PK\x01\x02", kEnd = "PK\x05\x06";

TEST(Zip, members_stored_and_deflated) {
  const Bytes text = bytes_of(std::string(5000, 'a') + "b");
  const auto bytes = zip({{"a/x", text}, {"a/y", text, true}, {"a/", {}}, {"z", floats(3), false, 0x808}});
  const auto file = archive(bytes);
  const auto members = read_zip(*file);
  ASSERT_EQ(members.size(), 4u);
  EXPECT_EQ(members[0].name, "a/x");
  EXPECT_EQ(file->read(members[0].begin, members[0].size), text);
  EXPECT_EQ(members[1].method, ZipMethod::deflated);
  EXPECT_LT(members[1].compressed, 100u);
  EXPECT_EQ(contents(bytes, 0), text);
  EXPECT_EQ(contents(bytes, 1), text);
  EXPECT_EQ(contents(bytes, 2), Bytes());
  EXPECT_EQ(contents(bytes, 3), floats(3));
  EXPECT_EQ(open_member(file, members[1])->label(), "a.zip: \"a/y\"");
  EXPECT_EQ(member_start(*file, members[1], 10), Bytes(text.begin(), text.begin() + 10));
  EXPECT_EQ(member_start(*file, members[0], 1 << 20), text);
}

TEST(Zip, where_the_directory_is) {
  const std::vector<ZipEntry> one{{"x", floats(2)}};
  EXPECT_EQ(contents(zip(one, "a comment")), floats(2));
  EXPECT_EQ(contents(zip(one, std::string(65535, 'c'))), floats(2));
  EXPECT_EQ(contents(zip(one, "PK\x05\x06 looks like the end, which it is not")), floats(2));
  EXPECT_EQ(contents(zip(one, "", true)), floats(2));
  EXPECT_EQ(contents(zip({{.name = "x", .data = floats(2), .zip64 = true}})), floats(2));
  EXPECT_EQ(contents(zip({{.name = "x", .data = floats(2), .local_extra = std::string("FB\x05\x00ZZZZZ\x00", 10)}})),
            floats(2));
  EXPECT_TRUE(read_zip(*archive(zip({}))).empty());
}

TEST(Zip, sizes_that_follow_the_data_may_be_zero_before_it) {
  EXPECT_EQ(contents(zip({{.name = "x", .data = floats(2), .flags = 8, .local_size = 0}})), floats(2));
  expect_refused(bad_file, "it has other sizes", zip({{.name = "x", .data = floats(2), .local_size = 0}}));
  expect_refused(bad_file, "it has other sizes", zip({{.name = "x", .data = floats(2), .flags = 8, .local_size = 9}}));
}

// Any range of a large member, in any order and from many threads, in little memory.
TEST(Zip, a_deflated_member_is_read_from_anywhere) {
  constexpr size_t kCount = 3'000'000;
  std::vector<uint32_t> numbers(kCount);
  std::iota(numbers.begin(), numbers.end(), 0u);
  const auto file = archive(zip({{"x", bytes_of(numbers), true}}));
  const auto member = open_member(file, read_zip(*file).at(0));
  const auto check = [&](uint64_t first, size_t count) {
    const Bytes bytes = member->read(first * 4, count * 4);
    for (size_t k = 0; k < count; ++k) {
      uint32_t found;
      std::memcpy(&found, bytes.data() + 4 * k, 4);
      ASSERT_EQ(found, first + k);
    }
  };
  check(2'500'000, 1000);
  check(0, 1);
  check(1, 1000);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t k = 0; k < 10; ++k) check((t * 777'777 + k * 123'456) % (kCount - 1000), 1000);
    });
  }
  for (auto& thread : threads) thread.join();
  check(kCount - 1, 1);
}

TEST(Zip, a_member_must_be_what_its_header_says) {
  const Bytes text = bytes_of(std::string(5000, 'a'));
  expect_refused(bad_file, "CRC", zip({{"x", text, true, 0, {}, 1u}}));
  expect_refused(bad_file, "more than the declared 4999 bytes", zip({{"x", text, true, 0, {}, {}, 4999u}}));
  expect_refused(bad_file, "5000 bytes, 5001 are declared", zip({{"x", text, true, 0, {}, {}, 5001u}}));
  expect_refused(bad_file, "is damaged after", zip({{"x", bytes_of(std::string(20, '\xff')), false, 0, uint16_t{8}}}));
  expect_refused(bad_file, "is stored in 5000 bytes and said to have 10", zip({{"x", text, false, 0, {}, {}, 10u}}));
  // A bomb: ten bytes that are said to become 4 GB. Refused before anything is allocated.
  expect_refused(bad_file, "deflated bytes cannot become 4294967294",
                 zip({{"x", bytes_of("0123456789"), true, 0, {}, {}, UINT32_MAX - 1}}));
}

TEST(Zip, what_is_not_read) {
  const Bytes data = floats(2);
  expect_refused(ErrorKind::unsupported, "is encrypted", zip({{"x", data, false, 1}}));
  expect_refused(ErrorKind::unsupported, "is encrypted", zip({{"x", data, false, 1 << 13}}));
  expect_refused(ErrorKind::unsupported, "packed with method 12", zip({{"x", data, false, 0, uint16_t{12}}}));
  const Bytes good = zip({{"x", data}});
  expect_refused(ErrorKind::unsupported, "several files", patched(good, kEnd, 4, std::string_view("\1\0", 2)));
  expect_refused(ErrorKind::unsupported, "several files", patched(good, kEnd, 8, std::string_view("\2\0", 2)));
  expect_refused(ErrorKind::unsupported, "several files", patched(good, kCentral, 34, std::string_view("\1\0", 2)));
}

TEST(Zip, hostile_directories) {
  const Bytes data = floats(2);
  const Bytes good = zip({{"x", data}});
  const Bytes good64 = zip({{"x", data}}, "", true);
  expect_refused(bad_file, "no end record", Bytes(good.begin(), good.end() - 1));
  expect_refused(bad_file, "no end record", bytes_of("PK\x03\x04"));
  expect_refused(bad_file, "no end record", Bytes());
  for (const char* name : {"../x", "a/../x", "..", "/x", "a\\x", ""}) {
    expect_refused(bad_file, "no path inside the archive", zip({{name, data}}));
  }
  expect_refused(bad_file, "no path inside", zip({{std::string("a\0b", 3), data}}));
  expect_refused(bad_file, "\"x\" appears twice", zip({{"x", data}, {"x", data}}));
  expect_refused(bad_file, "another name", patched(good, kLocal, 30, "y"));
  expect_refused(bad_file, "another method", patched(good, kLocal, 8, "\x08"));
  expect_refused(bad_file, "another CRC", patched(good, kLocal, 14, "\x01\x02\x03\x04"));
  expect_refused(bad_file, "there is none", patched(good, kLocal, 0, "QK"));
  expect_refused(bad_file, "no entry of the directory", patched(good, kCentral, 0, "QK"));
  expect_refused(bad_file, "members in a directory of", patched(good, kEnd, 8, "\xff\xff\xff\xff"));
  expect_refused(bad_file, "its end record is at byte", patched(good, kEnd, 12, "\xff\xff\xff\x7f"));
  expect_refused(bad_file, "its end record is at byte", patched(good, kEnd, 16, "\xff\xff\xff\x7f"));
  expect_refused(bad_file, "not before the directory", patched(good, kCentral, 42, "\xff\xff\xff\x7f"));
  expect_refused(bad_file, "lacks its zip64 sizes", patched(good, kCentral, 24, "\xff\xff\xff\xff"));
  expect_refused(bad_file, "zip64 record", patched(good64, "PK\x06\x07", 8, "\xff\xff\xff\xff\xff\xff\xff\x7f"));
  expect_refused(bad_file, "no zip64 record", patched(good64, "PK\x06\x06", 0, "QK"));
  expect_refused(bad_file, "its end record", patched(good64, "PK\x06\x06", 48, "\xff\xff\xff\xff\xff\xff\xff\xff"));
  expect_refused(bad_file, "members in a directory of", patched(good64, "PK\x06\x06", 24, std::string(16, '\xff')));
}

// Both entries of the directory lead to the same bytes; and one whose data reaches into the next.
TEST(Zip, overlapping_members) {
  Bytes two = zip({{"x", floats(2)}, {"y", floats(2)}});
  const size_t second = as_text(two).rfind(kCentral);
  std::memset(two.data() + second + 42, 0, 4);
  expect_refused(bad_file, "another name", two);
  Bytes inside = zip({{"x", floats(30)}, {"y", floats(2)}});
  const auto header = static_cast<uint32_t>(as_text(inside).find(kLocal, 10));
  // A whole local header of y inside the data of x.
  std::memmove(inside.data() + 60, inside.data() + header, 31 + 8);
  const uint32_t at = 60;
  std::memcpy(inside.data() + as_text(inside).rfind(kCentral) + 42, &at, 4);
  expect_refused(bad_file, "\"y\" begins inside member \"x\"", inside);
}

}  // namespace
}  // namespace superpose::checkpoint
