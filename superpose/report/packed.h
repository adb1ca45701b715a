// SPDX-License-Identifier: Apache-2.0
// Bytes made small for a page: gzip, then base64, which may stand inside any element. The page's bundle unpacks it with
// the browser's DecompressionStream.
#pragma once
#include <string>
#include <string_view>

namespace superpose::report {

// Four characters for every three bytes of gzip. The same text gives the same characters.
std::string packed(std::string_view text);
std::string base64(std::string_view bytes);  // RFC 4648, padded
std::string gzip(std::string_view text);     // without a time or a name in its header

}  // namespace superpose::report
