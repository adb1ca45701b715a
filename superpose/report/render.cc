// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <span>

#include "superpose/base/base.h"
#include "superpose/report/html.h"
#include "superpose/report/packed.h"
#include "superpose/report/page.h"

namespace superpose {
std::span<const EmbeddedFile> page_files();  // web/dist: page.html, page.css, page.js, engine.wasm
}

namespace superpose::report {
namespace {

std::string_view page_file(std::string_view name) {
  for (const EmbeddedFile& file : page_files()) {
    if (file.path == name) return file.text;
  }
  SUPERPOSE_ASSERT(false && "the page's bundle is compiled in");
  return {};
}

// The length of the valid UTF-8 sequence at the start of text; 0 when there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0, surrogate = first == 0xED && byte(1) >= 0xA0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first < 0xF5) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90, beyond = first == 0xF4 && byte(1) >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = sequence_length(text.substr(at));
    const char c = text[at];
    if (length == 0) {
      out += "\uFFFD";
    } else if (length > 1) {
      out += text.substr(at, length);
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
      out += "\uFFFD";  // HTML knows no such characters
    } else {
      out += c;
    }
    at += length == 0 ? 1 : length;
  }
  return out;
}

std::string script_json(const Json& value) {
  std::string out = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  // In JSON these characters stand only inside strings, where the escapes mean the same.
  replace_all(out, "<", "\\u003c");
  replace_all(out, ">", "\\u003e");
  replace_all(out, "&", "\\u0026");
  replace_all(out, "\u2028", "\\u2028");
  replace_all(out, "\u2029", "\\u2029");
  return out;
}

namespace {

// The engine of the dial, for the browser. The same for every page, and slow to pack.
const std::string& engine_script() {
  static const std::string kScript =
      "\n<script type=\"application/octet-stream;base64\" id=\"engine-wasm\" data-encoding=\"gzip\">" +
      packed(page_file("engine.wasm")) + "</script>";
  return kScript;
}

std::string details_script(const Details& details) {
  if (details.packed.empty()) return "";
  return "\n<script type=\"text/plain\" id=\"page-details\">" + details.packed + "</script>";
}

std::string data_script(const Json& data) {
  const std::string text = script_json(data);
  if (text.size() <= kMostPlain) return "<script type=\"application/json\" id=\"page-data\">" + text + "</script>";
  return "<script type=\"text/plain\" id=\"page-data-packed\">" + packed(text) + "</script>";
}

}  // namespace

std::string assemble_page(const std::string& title, const std::string& body, const Json& data,
                          const std::string& more_scripts) {
  const std::string scripts = data_script(data) + more_scripts;
  const std::array<std::pair<std::string_view, std::string>, 5> parts{{{"{{TITLE}}", escaped(title)},
                                                                       {"{{CSS}}", std::string(page_file("page.css"))},
                                                                       {"{{BODY}}", body},
                                                                       {"{{DATA}}", scripts},
                                                                       {"{{JS}}", std::string(page_file("page.js"))}}};
  // Markers are looked for in the template only, in order, so that no inserted text is ever taken for one.
  std::string_view rest = page_file("page.html");
  std::string out;
  for (const auto& [marker, text] : parts) {
    const size_t at = rest.find(marker);
    SUPERPOSE_ASSERT(at != std::string_view::npos);
    out += rest.substr(0, at);
    out += text;
    rest.remove_prefix(at + marker.size());
  }
  return out + std::string(rest);
}

std::string render(const Inputs& inputs) { return render_with_data(inputs).first; }

std::pair<std::string, Json> render_with_data(const Inputs& inputs) {
  const Page page = make_page(inputs);
  const Json data = to_json(page);
  const std::string& engine = engine_script();
  const size_t used = assemble_page(page.title, body_html(page, {}), data, engine).size();
  std::vector<const store::Run*> runs;
  for (const auto* list : {&inputs.runs, &inputs.recorded}) {
    for (const store::Run& run : *list) runs.push_back(&run);
  }
  constexpr size_t kSpare = 4'000;  // for the sentences about what is left out
  const Details details = make_details(runs, kPageBytes > used + kSpare ? kPageBytes - used - kSpare : 0);
  return {assemble_page(page.title, body_html(page, details.left_out), data, details_script(details) + engine), data};
}

Pieces pieces(const Inputs& inputs) {
  const Page page = make_page(inputs);
  return {page.title, body_html(page, {}), to_json(page)};
}

}  // namespace superpose::report
