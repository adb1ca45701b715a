// SPDX-License-Identifier: Apache-2.0
// To be included before Highway: the kernels keep arrays of vectors in registers, which sizeless vectors (SVE, RVV) do
// not allow, so ARM processors use NEON.
#pragma once
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
