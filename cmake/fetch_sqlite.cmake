# cmake -D DIR=<folder> [-D MINIMUM=3.51.3] -P fetch_sqlite.cmake
#
# Puts sqlite3.c and sqlite3.h into DIR. They come from the npm package better-sqlite3, which carries the amalgamation
# of a current SQLite, by the ordinary npm client. Does nothing when DIR already holds a version >= MINIMUM.

if(NOT MINIMUM)
  set(MINIMUM 3.51.3)
endif()
set(package "better-sqlite3@^12")

function(read_version header out)
  set(version "")
  if(EXISTS "${header}")
    file(STRINGS "${header}" line REGEX "^#define SQLITE_VERSION +\"" LIMIT_COUNT 1)
    string(REGEX REPLACE ".*\"([0-9.]+)\".*" "\\1" version "${line}")
  endif()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

# Builds that run at the same time share DIR; the first one fetches.
file(MAKE_DIRECTORY "${DIR}")
file(LOCK "${DIR}/lock" GUARD PROCESS TIMEOUT 150)

read_version("${DIR}/sqlite3.h" have)
if(have VERSION_GREATER_EQUAL MINIMUM AND EXISTS "${DIR}/sqlite3.c")
  message(STATUS "SQLite: ${have} amalgamation in ${DIR}")
  return()
endif()

find_program(npm npm)
if(NOT npm)
  message(FATAL_ERROR "SQLite: no amalgamation in ${DIR}, and no npm to fetch one with")
endif()

message(STATUS "SQLite: fetching the amalgamation (npm pack ${package}, about 3 MB)")
set(work "${DIR}/download")
file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")
execute_process(
  COMMAND "${npm}" pack "${package}" --silent --ignore-scripts --pack-destination "${work}"
  WORKING_DIRECTORY "${work}"
  RESULT_VARIABLE result
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output
  TIMEOUT 120)
file(GLOB archive "${work}/*.tgz")
if(NOT result EQUAL 0 OR NOT archive)
  file(REMOVE_RECURSE "${work}")
  message(FATAL_ERROR "SQLite: npm pack ${package} failed: ${output}")
endif()
file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${work}" PATTERNS "package/deps/sqlite3/*")

read_version("${work}/package/deps/sqlite3/sqlite3.h" fetched)
if(NOT fetched VERSION_GREATER_EQUAL MINIMUM)
  file(REMOVE_RECURSE "${work}")
  message(FATAL_ERROR "SQLite: ${package} carries \"${fetched}\", which is not >= ${MINIMUM}")
endif()
# The header last: it is what the check at the top looks at, so a fetch cut short is simply done again.
file(RENAME "${work}/package/deps/sqlite3/sqlite3.c" "${DIR}/sqlite3.c")
file(RENAME "${work}/package/deps/sqlite3/sqlite3.h" "${DIR}/sqlite3.h")
file(REMOVE_RECURSE "${work}")
message(STATUS "SQLite: ${fetched} amalgamation fetched into ${DIR}")
