# What most sources include, parsed once per preset instead of once per source; two sets, as compiler flags have to match:
# one for libraries, one for the programs that test them. Only other people's headers: ours change too often.
# A source still includes what it uses: the folders without PRECOMPILED, libraries under clang and web/wasm/build.sh compile
# without, and so does everything with -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON. Gains: docs/performance.md, "Building".
set(SUPERPOSE_PRECOMPILED <algorithm> <array> <atomic> <chrono> <cmath> <cstdint> <filesystem> <functional> <map> <memory>
  <mutex> <optional> <set> <span> <string> <string_view> <thread> <vector> <fmt/format.h> <nlohmann/json.hpp>)

# What comes from a precompiled header is no system header to GCC 12, so it warns of copies inside std::string that cannot
# happen (PR105329, PR105651).
set(SUPERPOSE_PRECOMPILED_FLAGS $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
if(SUPERPOSE_SANITIZE MATCHES "thread")
  list(APPEND SUPERPOSE_PRECOMPILED_FLAGS $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>)
endif()

file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled.cc CONTENT "int main() {}\n")

add_library(superpose_precompiled OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/precompiled.cc)
target_link_libraries(superpose_precompiled PRIVATE superpose_flags nlohmann_json::nlohmann_json fmt::fmt Threads::Threads)
target_compile_options(superpose_precompiled PRIVATE ${SUPERPOSE_PRECOMPILED_FLAGS})
target_precompile_headers(superpose_precompiled PRIVATE ${SUPERPOSE_PRECOMPILED})

if(SUPERPOSE_BUILD_TESTS)
  # A program, as what is compiled for one is not what is compiled for a library (-fPIE, -fPIC).
  add_executable(superpose_precompiled_tests EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/precompiled.cc)
  target_link_libraries(superpose_precompiled_tests PRIVATE superpose_flags nlohmann_json::nlohmann_json fmt::fmt
    Threads::Threads GTest::gtest)
  target_compile_options(superpose_precompiled_tests PRIVATE $<$<CONFIG:Release>:-O1> ${SUPERPOSE_PRECOMPILED_FLAGS})
  target_precompile_headers(superpose_precompiled_tests PRIVATE ${SUPERPOSE_PRECOMPILED} <gtest/gtest.h>)
endif()
