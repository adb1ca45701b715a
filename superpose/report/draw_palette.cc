// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/draw_palette.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace superpose::report {
namespace {

constexpr Color rgb(uint32_t hex) {
  return {static_cast<double>(hex >> 16 & 255) / 255, static_cast<double>(hex >> 8 & 255) / 255,
          static_cast<double>(hex & 255) / 255};
}

constexpr Color kNeg[] = {rgb(0x08306b), rgb(0x0f4f96), rgb(0x1f6fb4), rgb(0x4292c6), rgb(0x74b1d8)};
constexpr Color kPos[] = {rgb(0xe6a03c), rgb(0xdb7f22), rgb(0xc96012), rgb(0xa8470c), rgb(0x7f2f08)};
constexpr Color kSeq[] = {rgb(0xe8a21f), rgb(0xe2724f), rgb(0xcc4778), rgb(0xa62098),
                          rgb(0x7e03a8), rgb(0x4c02a1), rgb(0x1d0a7a)};
constexpr Color kCat[] = {rgb(0x0072b2), rgb(0xd55e00), rgb(0x009e73), rgb(0xb0578d), rgb(0x59636e)};
constexpr Color kBad = rgb(0x9a1c13);
constexpr Color kViridis[] = {rgb(0x440154), rgb(0x482475), rgb(0x414487), rgb(0x355f8d), rgb(0x2a788e), rgb(0x21918c),
                              rgb(0x22a884), rgb(0x44bf70), rgb(0x7ad151), rgb(0xbddf26), rgb(0xfde725)};

Color between(std::span<const Color> stops, double share) {
  const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
  const size_t low = std::min(static_cast<size_t>(at), stops.size() - 2);
  const double part = at - static_cast<double>(low);
  const auto mix = [&](double a, double b) { return a + part * (b - a); };
  const Color &a = stops[low], &b = stops[low + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

}  // namespace

Color color_of(const Hue& hue) {
  const double share =
      hue.count <= 1 ? (hue.palette == "seq" ? 1.0 : 0.25) : static_cast<double>(hue.index) / (hue.count - 1);
  if (hue.palette == "neg") return between(kNeg, share);
  if (hue.palette == "pos") return between(kPos, share);
  if (hue.palette == "seq") return between(kSeq, share);
  if (hue.palette == "cat") return kCat[static_cast<size_t>(std::max(hue.index, 0)) % std::size(kCat)];
  if (hue.palette == "bad") return kBad;
  return hue.index == 0 ? kInk : kSoft;
}

Color viridis(double share) { return between(kViridis, std::isfinite(share) ? share : 0); }
bool is_light(double share) { return share >= 0.55; }
std::vector<Color> viridis_stops() { return {std::begin(kViridis), std::end(kViridis)}; }

std::vector<double> dashes_of(const Series& series) {
  if (series.role != Role::theory) return {};
  switch (series.hue.palette == "ink" ? std::max(series.hue.index, 0) % 3 : 0) {
    case 1:
      return {1.2, 1.4};
    case 2:
      return {5, 1.5, 1.2, 1.5};
    default:
      return {3.6, 2};
  }
}

}  // namespace superpose::report
