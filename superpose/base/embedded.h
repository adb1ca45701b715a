// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string_view>

namespace superpose {

// A file that was compiled into the program (see superpose_embed in cmake/), so that it runs from any folder.
struct EmbeddedFile {
  std::string_view path;  // relative to the folder it was embedded from, e.g. "published/fig4b_alpha_m_heatmap.csv"
  std::string_view text;
};

}  // namespace superpose
