# khala_precompile(<target> <set> [<library>...]): the standard headers that most files of a set include are parsed once for all of them,
# which halves the time of a build. Sets: core (the libraries), tests, bind; the
# libraries are where the headers come from.
#
# Only headers of others are in them, never our own: a file still includes what it uses, which the preset tidy proves,
# since it builds without (CMAKE_DISABLE_PRECOMPILE_HEADERS).

set(khala_headers_core
    <algorithm>
    <array>
    <atomic>
    <charconv>
    <chrono>
    <condition_variable>
    <cstdint>
    <cstring>
    <deque>
    <functional>
    <limits>
    <map>
    <memory>
    <mutex>
    <optional>
    <set>
    <span>
    <string>
    <string_view>
    <system_error>
    <thread>
    <unordered_map>
    <unordered_set>
    <utility>
    <variant>
    <vector>)
set(khala_headers_tests ${khala_headers_core} <filesystem> <fstream> <sstream> <gmock/gmock.h> <gtest/gtest.h>)
set(khala_headers_bind ${khala_headers_core} <pybind11/numpy.h> <pybind11/pybind11.h> <pybind11/stl.h>)

# The header of a set belongs to a target of its own with nothing but the common flags and definitions: GCC uses it only
# where everything that was defined for it is defined as well.
function(khala_precompile target set)
  set(owner khala_headers_${set})
  if(NOT TARGET ${owner})
    set(empty "${PROJECT_BINARY_DIR}/${owner}.cpp")
    file(CONFIGURE OUTPUT "${empty}" CONTENT "// Nothing: this target exists for its precompiled header.\n")
    add_library(${owner} OBJECT "${empty}")
    target_link_libraries(${owner} PRIVATE khala_warnings khala_options ${ARGN})
    target_precompile_headers(${owner} PRIVATE ${khala_headers_${set}})
    if(set STREQUAL "tests") # which are executables
      set_target_properties(${owner} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${owner} PRIVATE -fPIE)
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
