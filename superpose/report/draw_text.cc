// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "superpose/report/draw_canvas.h"

namespace superpose::report {
namespace {

constexpr double kScriptScale = 0.7, kRaise = 0.36, kLower = -0.16;
constexpr size_t kMostCharacters = 400;  // of one text: more could not be read anyway

// The code point at `at`, which moves behind it. U+FFFD for what is not UTF-8 or not a character of XML.
char32_t next_character(std::string_view text, size_t& at) {
  constexpr char32_t kReplacement = 0xFFFD;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at++);
  if (first == '\t' || first == '\n' || first == '\r') return ' ';
  if (first < 0x80) return first < 0x20 || first == 0x7F ? kReplacement : first;
  const int more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
  if (more == 0 || first >= 0xF5 || text.size() - at < static_cast<size_t>(more)) return kReplacement;
  char32_t code = first & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) {
    if ((byte(at + static_cast<size_t>(i)) & 0xC0) != 0x80) return kReplacement;
    code = code << 6 | (byte(at + static_cast<size_t>(i)) & 0x3Fu);
  }
  constexpr std::array<char32_t, 4> kLeast{0, 0x80, 0x800, 0x10000};
  if (code < kLeast[static_cast<size_t>(more)] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
    return kReplacement;
  at += static_cast<size_t>(more);
  return (code & 0xFFFE) == 0xFFFE ? kReplacement : code;
}

void append(std::string& out, char32_t code) {
  const auto put = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) return put(code);
  if (code < 0x800) return put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
  if (code < 0x10000) return put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
}

struct Script {
  char32_t code;
  const char* plain;
  double raise;
};

constexpr Script kScripts[] = {
    {U'⁰', "0", kRaise}, {U'¹', "1", kRaise}, {U'²', "2", kRaise}, {U'³', "3", kRaise}, {U'⁴', "4", kRaise},
    {U'⁵', "5", kRaise}, {U'⁶', "6", kRaise}, {U'⁷', "7", kRaise}, {U'⁸', "8", kRaise}, {U'⁹', "9", kRaise},
    {U'⁺', "+", kRaise}, {U'⁻', "−", kRaise}, {U'ⁿ', "n", kRaise}, {U'ⁱ', "i", kRaise}, {U'₀', "0", kLower},
    {U'₁', "1", kLower}, {U'₂', "2", kLower}, {U'₃', "3", kLower}, {U'₄', "4", kLower}, {U'₅', "5", kLower},
    {U'₆', "6", kLower}, {U'₇', "7", kLower}, {U'₈', "8", kLower}, {U'₉', "9", kLower}, {U'₊', "+", kLower},
    {U'₋', "−", kLower}, {U'ₐ', "a", kLower}, {U'ₑ', "e", kLower}, {U'ₒ', "o", kLower}, {U'ₓ', "x", kLower},
    {U'ₕ', "h", kLower}, {U'ₖ', "k", kLower}, {U'ₗ', "l", kLower}, {U'ₘ', "m", kLower}, {U'ₙ', "n", kLower},
    {U'ₚ', "p", kLower}, {U'ₛ', "s", kLower}, {U'ₜ', "t", kLower}, {U'ᵢ', "i", kLower}, {U'ⱼ', "j", kLower},
};

const Script* script_of(char32_t code) {
  for (const Script& script : kScripts) {
    if (script.code == code) return &script;
  }
  return nullptr;
}

// What a ^ raises: letters, digits and a sign.
bool raisable(char32_t code) {
  return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 0x3B1 && code <= 0x3C9) ||
         code == U'−' || code == '-';
}

void add(std::vector<TextRun>& runs, std::string_view text, double raise) {
  if (runs.empty() || runs.back().raise != raise) runs.push_back({"", raise == 0 ? 1 : kScriptScale, raise});
  runs.back().text += text;
}

}  // namespace

std::vector<TextRun> text_runs(std::string_view text) {
  std::vector<TextRun> out;
  char32_t before = 0;
  bool raised = false;
  size_t count = 0;
  for (size_t at = 0; at < text.size() && count < kMostCharacters; ++count) {
    const char32_t code = next_character(text, at);
    if (raised && !raisable(code)) raised = false;
    if (code == '^' && at < text.size() && before != 0) {
      size_t peek = at;
      if (raisable(next_character(text, peek))) {
        raised = true, before = code;
        continue;
      }
    }
    if (const Script* script = script_of(code)) {
      add(out, script->plain, script->raise);
    } else if (code == U'½' && before == U'φ') {
      add(out, "1/2", kLower);
    } else {
      std::string one;
      append(one, code);
      add(out, one, raised ? kRaise : 0);
    }
    before = code;
  }
  return out;
}

std::string power_of_ten(int exponent) {
  static constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = exponent < 0 ? "10⁻" : "10";
  for (const char digit : std::to_string(exponent < 0 ? -exponent : exponent)) out += kDigits[digit - '0'];
  return out;
}

namespace {

// Whole characters, so that cutting never splits one.
std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size() && out.size() < kMostCharacters;)
    append(out.emplace_back(), next_character(text, at));
  return out;
}

std::string joined(const std::vector<std::string>& all, size_t begin, size_t end) {
  std::string out;
  for (size_t i = begin; i < end; ++i) out += all[i];
  return out;
}

struct Lines {
  std::vector<std::string> lines;
  bool cut = false;
};

Lines fill_lines(Canvas& canvas, const std::vector<std::string>& all, const TextStyle& style, double width,
                 size_t most) {
  Lines out;
  for (size_t begin = 0; begin < all.size();) {
    size_t fits = begin, space = begin;  // the ends of what fits, and of the last word that does
    while (fits < all.size() && canvas.width(joined(all, begin, fits + 1), style) <= width) {
      ++fits;
      if (all[fits - 1] == " ") space = fits;
    }
    if (fits == all.size()) {
      out.lines.push_back(joined(all, begin, fits));
      break;
    }
    if (out.lines.size() + 1 == most) {
      while (fits > begin && canvas.width(joined(all, begin, fits) + "…", style) > width) --fits;
      out.lines.push_back(joined(all, begin, fits) + "…");
      out.cut = true;
      break;
    }
    const size_t end = space > begin ? space : std::max(fits, begin + 1);
    out.lines.push_back(joined(all, begin, end - (all[end - 1] == " " ? 1 : 0)));
    begin = end;
  }
  return out;
}

}  // namespace

std::vector<std::string> wrapped(Canvas& canvas, std::string_view text, const TextStyle& style, double width,
                                 size_t most) {
  const auto all = characters(text);
  Lines out = fill_lines(canvas, all, style, width, most);
  if (out.lines.size() < 2 || out.cut) return out.lines;
  for (double narrower = 0.95 * width; narrower > width / 3; narrower -= 0.05 * width) {  // lines of about one length
    Lines balanced = fill_lines(canvas, all, style, narrower, most);
    if (balanced.cut || balanced.lines.size() > out.lines.size()) break;
    out = std::move(balanced);
  }
  return out.lines;
}

}  // namespace superpose::report
