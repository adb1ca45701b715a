// SPDX-License-Identifier: Apache-2.0
#pragma once
namespace superpose {
inline constexpr const char* kVersion = "0.1.0";
// Raised when the same configuration and seed would give different numbers than before. It is part of a run's identity
// in the store, so that a sweep never mixes results of two numerics; a new version without it keeps finished runs.
inline constexpr int kNumericsVersion = 2;
}  // namespace superpose
