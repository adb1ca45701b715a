// SPDX-License-Identifier: Apache-2.0
// The width law with everything linear eliminated. For given α the best C and L0 of
//
//   L_i = s·u_i + L0[g_i],   u_i = (m_i/m_min)^-α,  s = C·m_min^-α
//
// are closed forms of group means: with u, L centred in their group, s = Σwuc·Lc / Σwuc², L0 = mean(L) - s·mean(u).
// Only α is left, one dimension. Rows with the same group and width enter through their weight and mean loss, so one
// evaluation costs one exp per distinct width and a few operations per (group, width) cell. Private to fit/.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace superpose::fit {

// Which (group, width) cell each row is in.
struct Cells {
  double ln_m_min = 0;
  std::vector<double> x;                 // [widths] ln(m/m_min) of the distinct widths, ascending
  std::vector<uint32_t> width;           // [cells] index into x; cells are ordered by group, then width
  std::vector<uint32_t> first;           // [groups + 1] first cell of each group
  std::vector<uint32_t> cell_of_row;     // [rows]
  std::vector<uint32_t> group_of_row;    // [rows]
  std::vector<std::string> group_names;  // [groups], in the order of first appearance
  size_t groups() const { return group_names.size(); }
};
Cells make_cells(std::span<const double> m, std::span<const std::string> group);

struct Held {
  std::optional<double> alpha, C;
  std::vector<std::optional<double>> L0;  // [groups]
};

// Moments of one group at a given α. For a held L0 the "means" are the point the line is held at, (0, L0).
struct GroupMoments {
  double weight = 0;  // Σw; 0 = the resample has no row of this group
  double mean_u = 0, mean_L = 0, mean_xu = 0;
};

struct ProfilePoint {
  double alpha = 0;
  double s = 0;      // C·m_min^-α
  double rss = 0;    // Σw(L - s·u - L0)² over cell means: without the scatter inside cells
  double slope = 0;  // ½ d(rss)/dα along the profile
  // Σw of uc², uc·ec and ec², e = ∂(s·u)/∂α: the normal matrix of (s, α) with the free L0 eliminated.
  double uu = 0, ue = 0, ee = 0;
  bool solvable = true;  // false: Σwuc² = 0, nothing determines s
  std::vector<GroupMoments> groups;
  double L0(size_t group) const { return groups[group].mean_L - s * groups[group].mean_u; }
  // Squared correlation of the two columns of that matrix; 1 = C and α cannot be told apart at all.
  double collinearity() const;
};

// Where the search for α stopped.
enum class SearchEnd { inside, low_bound, high_bound, undetermined };

class WidthProfile {
 public:
  WidthProfile(const Cells& cells, const Held& held) : cells_(&cells), held_(&held) {}

  // Sets the data: weight (count) and loss of each row.
  void load(std::span<const double> weights, std::span<const double> losses);

  ProfilePoint at(double alpha) const;

  struct Optimum {
    ProfilePoint point;
    SearchEnd end = SearchEnd::inside;
  };
  // The lowest point over a grid in ln α on [kMinAlpha, kMaxAlpha], then the zero of the slope between its neighbours.
  // `undetermined` when C and α cannot be told apart (the point is then an arbitrary one of the optima).
  // near > 0 is a guess: with very many cells an optimum within 20 % of it is taken without looking at the whole grid.
  Optimum solve(double near = 0) const;

 private:
  void moments(const std::vector<double>& u, ProfilePoint& out) const;

  const Cells* cells_;
  const Held* held_;
  std::vector<double> weight_;  // [cells]
  std::vector<double> loss_;    // [cells] weighted mean
};

}  // namespace superpose::fit
