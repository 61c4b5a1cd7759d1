# khala_library(<folder> SOURCES <file>... [DEPS <folder>...] [LINK <target>...] [SQL <file>... [NAMESPACE <ns>]])
#
#   Declares static library khala_<folder> ("store/sqlite" -> khala_store_sqlite) of the files of cpp/<folder>.
#   DEPS     folders whose headers may be included, as "job" or "store"; they are what the layer check reads
#   LINK     third-party targets, never visible to the users of this library
#   SQL      text files to embed; see khala_embed_text
#   A library without SOURCES is header-only (INTERFACE).
#
# khala_embed_text(<target> HEADER <path> [NAMESPACE <ns>] FILES <file>...)
#
#   Writes <build>/generated/<path> with one std::string_view per file, named after the file
#   (claim.sql -> khala::sql::claim), and `all`, an array of {name, text} for tests that must see every statement.
#
# khala_tests(<folder> [SOURCES <file>...] [DEPS <folder>...] [LINK <target>...])
#
#   One GoogleTest executable khala_<folder>_tests of tests/cpp/<folder>/*_test.cpp. Links khala_<folder> and every
#   library nested below it; DEPS adds more.

function(khala_target_name folder out)
  string(REPLACE "/" "_" name "${folder}")
  set(${out} "khala_${name}" PARENT_SCOPE)
endfunction()

function(khala_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "NAMESPACE" "SOURCES;DEPS;LINK;SQL")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "khala_library(${folder}): unexpected ${arg_UNPARSED_ARGUMENTS}")
  endif()
  khala_target_name("${folder}" target)

  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE khala_warnings ${arg_LINK})
    khala_precompile(${target} core)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_LINK})
  endif()
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}/cpp")
  target_link_libraries(${target} ${scope} khala_options)

  foreach(dep IN LISTS arg_DEPS)
    khala_target_name("${dep}" dep_target)
    if(NOT TARGET ${dep_target})
      message(FATAL_ERROR "khala_library(${folder}): DEPS names ${dep}, which is not a folder declared before it")
    endif()
    target_link_libraries(${target} ${scope} ${dep_target})
  endforeach()

  if(arg_SQL)
    if(NOT arg_NAMESPACE)
      set(arg_NAMESPACE "khala::sql")
    endif()
    khala_embed_text(${target} HEADER "${folder}/sql.hpp" NAMESPACE "${arg_NAMESPACE}" FILES ${arg_SQL})
  endif()
  set_property(GLOBAL APPEND PROPERTY KHALA_LIBRARIES "${target}")
endfunction()

function(khala_embed_text target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADER;NAMESPACE" "FILES")
  if(NOT arg_NAMESPACE)
    set(arg_NAMESPACE "khala::sql")
  endif()
  list(TRANSFORM arg_FILES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  set(root "${PROJECT_BINARY_DIR}/generated")
  set(header "${root}/${arg_HEADER}")
  set(script "${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake")
  add_custom_command(
    OUTPUT "${header}"
    COMMAND "${CMAKE_COMMAND}" -D "OUTPUT=${header}" -D "NAMESPACE=${arg_NAMESPACE}" -D "FILES=${arg_FILES}" -P
            "${script}"
    DEPENDS ${arg_FILES} "${script}"
    COMMENT "Embedding ${arg_HEADER}"
    VERBATIM)
  target_sources(${target} PRIVATE "${header}")
  target_include_directories(${target} PUBLIC "${root}")
endfunction()

function(khala_tests folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;LINK")
  khala_target_name("${folder}" library)
  set(target "${library}_tests")
  if(NOT arg_SOURCES)
    file(GLOB arg_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cpp/${folder}/*.cpp")
  endif()
  add_executable(${target} ${arg_SOURCES})
  # The test folder is an include root as well: helpers are included as "support/temp_dir.hpp".
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/cpp")
  target_link_libraries(${target} PRIVATE khala_warnings khala_options GTest::gmock GTest::gtest_main ${arg_LINK})
  khala_precompile(${target} tests GTest::gmock)

  get_property(libraries GLOBAL PROPERTY KHALA_LIBRARIES)
  foreach(candidate IN LISTS libraries)
    if(candidate STREQUAL library OR candidate MATCHES "^${library}_")
      target_link_libraries(${target} PRIVATE ${candidate})
    endif()
  endforeach()
  foreach(dep IN LISTS arg_DEPS)
    khala_target_name("${dep}" dep_target)
    target_link_libraries(${target} PRIVATE ${dep_target})
  endforeach()

  set(timeout_s 300)
  if(KHALA_SANITIZE OR KHALA_COVERAGE)
    set(timeout_s 1800) # joins of the vector tests, unoptimised on two busy cores: 203 s, 2026-11
  endif()
  # PRE_TEST: the list of tests is read when ctest starts, so that a build never runs a half-linked binary.
  gtest_discover_tests(
    ${target}
    TEST_PREFIX "${folder}:"
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${timeout_s})
endfunction()
