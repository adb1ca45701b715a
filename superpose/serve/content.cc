// SPDX-License-Identifier: Apache-2.0
#include "superpose/serve/content.h"

#include <fmt/format.h>
#include <zlib.h>

#include <iterator>
#include <new>
#include <span>

#include "superpose/base/base.h"
#include "superpose/base/json.h"
#include "superpose/base/sha256.h"

namespace superpose {
std::span<const EmbeddedFile> dashboard_files();  // of web/dist
}

namespace superpose::serve {
namespace {

constexpr size_t kWorthIt = 1024;  // bytes: less fits into one packet anyway

// style-src: the plots bring style elements of their own. A style can neither load (img-src, connect-src) nor run.
constexpr const char* kDashboard =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

std::string base64(std::string_view hex) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : hex) {
    bits = bits << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    count += 4;
    if (count >= 6) count -= 6, out += kDigits[bits >> count & 63];
  }
  if (count > 0) out += kDigits[bits << (6 - count) & 63];
  while (out.size() % 4) out += '=';
  return out;
}

}  // namespace

std::string gzipped(std::string_view bytes, int level) {
  constexpr int kGzip = 15 + 16, kMemory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  SUPERPOSE_ASSERT(code == Z_STREAM_END);
  return out;
}

Shared make_content(std::string type, std::string plain, std::string security, int level) {
  auto out = std::make_shared<Content>();
  out->type = std::move(type), out->security = std::move(security);
  out->tag = fingerprint(std::string_view(plain));
  if (plain.size() >= kWorthIt) out->gzip = gzipped(plain, level);
  out->plain = std::move(plain);
  return out;
}

std::vector<Asset> dashboard_assets() {
  constexpr struct {
    std::string_view name;
    const char* type;
  } kFiles[] = {{"dashboard.html", kHtml},
                {"dashboard.css", "text/css; charset=utf-8"},
                {"dashboard.js", "text/javascript; charset=utf-8"},
                {"dial.js", "text/javascript; charset=utf-8"},
                {"page.css", "text/css; charset=utf-8"}};
  std::vector<Asset> out;
  for (const auto& [name, type] : kFiles) {
    for (const EmbeddedFile& file : dashboard_files()) {
      if (file.path != name) continue;
      const std::string path = name == "dashboard.html" ? "/" : "/" + std::string(name);
      out.push_back({path, make_content(type, std::string(file.text), kDashboard, 9)});
    }
  }
  SUPERPOSE_ASSERT(out.size() == std::size(kFiles) && "the dashboard is compiled in");
  return out;
}

std::string policy_of_page(std::string_view html) {
  std::string hashes;
  for (size_t at = 0; (at = html.find("<script", at)) != std::string_view::npos;) {
    const size_t open = html.find('>', at), end = html.find("</script", at);
    if (open == std::string_view::npos || end == std::string_view::npos || open >= end) break;
    const std::string_view tag = html.substr(at, open - at);
    // What has a type here is data: no script, and it asks for no permission.
    if (tag.find("type=") == std::string_view::npos) {
      Sha256 sha;
      sha.add(html.substr(open + 1, end - open - 1));
      hashes += " 'sha256-" + base64(sha.hex()) + "'";
    }
    at = end;
  }
  return fmt::format(
      "default-src 'none'; script-src 'wasm-unsafe-eval'{}; worker-src blob:; connect-src data: blob:; style-src "
      "'unsafe-inline'; img-src data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      hashes);
}

}  // namespace superpose::serve
