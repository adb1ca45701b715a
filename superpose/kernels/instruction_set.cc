// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels and BLAS use: the best of the machine, or what SUPERPOSE_ISA says.
#include <cstdlib>
#include <cstring>

#include "superpose/kernels/kernels.h"
#include "superpose/kernels/targets.h"

#include "hwy/highway.h"

// OpenBLAS chooses its kernels by itself when it is loaded. Where it is built for run-time choice it exports these two,
// with which it chooses again after OPENBLAS_CORETYPE was set; elsewhere they are null. They keep it in step with our
// own choice; a core type that the user set in the environment stands unless SUPERPOSE_ISA is set, too.
extern "C" {
[[gnu::weak]] void gotoblas_dynamic_quit();
[[gnu::weak]] void gotoblas_dynamic_init();
[[gnu::weak]] void openblas_set_num_threads(int);
}

namespace superpose::kernels {
namespace {

struct Set {
  const char* name;
  int64_t targets;   // of Highway
  const char* blas;  // of OPENBLAS_CORETYPE
};
// Best first.
#if HWY_ARCH_X86
constexpr Set kSets[] = {
    {"avx512", HWY_AVX3 | HWY_AVX3_DL, "SkylakeX"},
    {"avx2", HWY_AVX2, "Haswell"},
    {"sse4", HWY_SSE4, "Nehalem"},
    {"ssse3", HWY_SSSE3, "Prescott"},
    {"plain", HWY_EMU128 | HWY_SCALAR, "Prescott"},
};
#elif HWY_ARCH_ARM
constexpr Set kSets[] = {
    {"neon", HWY_NEON, "ARMV8"},
};
#else
constexpr Set kSets[] = {{"plain", HWY_EMU128 | HWY_SCALAR, ""}};
#endif

struct Choice {
  const Set* set = nullptr;
  int64_t available = 0;
  bool refused = false;  // SUPERPOSE_ISA names nothing that this machine and this build have
};

Choice choose() {
  Choice out;
  out.available = hwy::SupportedTargets() & HWY_TARGETS;
  const char* const wanted = std::getenv("SUPERPOSE_ISA");
  const bool forced = wanted && *wanted;
  for (const Set& set : kSets) {
    if (!(set.targets & out.available)) continue;
    if (!out.set) out.set = &set;
    if (forced && std::strcmp(set.name, wanted) == 0) {
      out.set = &set;
      hwy::SetSupportedTargetsForTest(set.targets & out.available);
      break;
    }
  }
  out.refused = forced && std::strcmp(out.set->name, wanted) != 0;
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  const char* const core = "OPENBLAS_CORETYPE";
  if (gotoblas_dynamic_quit && gotoblas_dynamic_init && *out.set->blas && (forced || !std::getenv(core))) {
    ::setenv(core, out.set->blas, 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    ::unsetenv(core);
  }
  // Many small models run side by side, and threads are ours to give: BLAS never adds its own.
  if (openblas_set_num_threads) openblas_set_num_threads(1);
  return out;
}

// Before main, so that no kernel runs before the choice.
const Choice kChoice = choose();

}  // namespace

const char* instruction_set() { return kChoice.set->name; }

bool instruction_set_refused() { return kChoice.refused; }

size_t instruction_sets(const char** names, size_t room) {
  size_t count = 0;
  for (const Set& set : kSets) {
    if ((set.targets & kChoice.available) && count < room) names[count++] = set.name;
  }
  return count;
}

}  // namespace superpose::kernels
