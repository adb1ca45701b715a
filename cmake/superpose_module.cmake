# superpose_module(<folder> [PRECOMPILED] [APART] [TESTS_APART] SOURCES .. [LINK ..] [TESTS ..]): one folder = one static library superpose::<folder>
# and, when SUPERPOSE_BUILD_TESTS is on, one test program <folder>_test. What it may link to inside superpose/ is
# read from tools/layers.txt, so the link graph cannot drift from the table that tools/check_layers.py enforces.
# PRECOMPILED: the library is compiled with cmake/precompiled_headers.cmake (tests always are). Not for folders that compute
# results or that hardly include those headers.
# APART: each source is compiled by itself even where CMAKE_UNITY_BUILD joins several (the release and fuzz presets): for
# folders that compute results, where what is compiled for one source is not to depend on others, and for sources that use the
# same names in their own ways. TESTS_APART: so do the tests.
file(STRINGS ${PROJECT_SOURCE_DIR}/tools/layers.txt SUPERPOSE_LAYERS REGEX "^[a-z]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/layers.txt)

function(superpose_module name)
  cmake_parse_arguments(A "PRECOMPILED;APART;TESTS_APART" "" "SOURCES;LINK;TESTS" ${ARGN})
  add_library(superpose_${name} STATIC ${A_SOURCES})
  add_library(superpose::${name} ALIAS superpose_${name})
  target_include_directories(superpose_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  foreach(line IN LISTS SUPERPOSE_LAYERS)
    if(line MATCHES "^${name}: *(.*)$")
      string(REPLACE " " ";" deps "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(TRANSFORM deps PREPEND superpose::)
  target_link_libraries(superpose_${name} PUBLIC ${deps} PRIVATE superpose_flags ${A_LINK})
  if(A_PRECOMPILED AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_precompile_headers(superpose_${name} REUSE_FROM superpose_precompiled)
    target_compile_options(superpose_${name} PRIVATE ${SUPERPOSE_PRECOMPILED_FLAGS})
  endif()
  if(A_APART)
    set_target_properties(superpose_${name} PROPERTIES UNITY_BUILD OFF)
  endif()
  if(SUPERPOSE_BUILD_TESTS AND A_TESTS)
    add_executable(${name}_test ${A_TESTS})
    target_link_libraries(${name}_test PRIVATE superpose::${name} superpose_flags ${A_LINK} GTest::gtest_main)
    # What is tested is in the library; a test itself need only compile quickly.
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1> ${SUPERPOSE_PRECOMPILED_FLAGS})
    target_precompile_headers(${name}_test REUSE_FROM superpose_precompiled_tests)
    if(A_TESTS_APART)
      set_target_properties(${name}_test PROPERTIES UNITY_BUILD OFF)
    endif()
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}: DISCOVERY_MODE PRE_TEST
      PROPERTIES LABELS ${name} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]" TIMEOUT 300)
  endif()
endfunction()

# superpose_embed(<target> <function> <root> FILES ..): compiles files into <target> behind
#   std::span<const superpose::EmbeddedFile> superpose::<function>();   each with its path relative to <root>.
function(superpose_embed target function root)
  cmake_parse_arguments(A "" "" "FILES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embed_${function}.cc)
  list(TRANSFORM A_FILES PREPEND ${root}/ OUTPUT_VARIABLE paths)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DFUNCTION=${function} -DROOT=${root} "-DFILES=${A_FILES}"
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${paths} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  set_source_files_properties(${out} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # all use the same names
  target_sources(${target} PRIVATE ${out})
endfunction()
