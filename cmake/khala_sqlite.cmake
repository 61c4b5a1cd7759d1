# SQLite, as target khala_sqlite3 and macro KHALA_SQLITE_BUNDLED=0/1.
#
# SQLite 3.7.0 to 3.51.2 can corrupt a WAL file when a checkpoint resets it beside a concurrent writer, and a second
# copy of SQLite in one process (Python's own) must never see our symbols or our files' POSIX locks. So the project
# prefers its own copy: the amalgamation of >= 3.51.3, compiled into the library with hidden symbols. It is fetched,
# never committed. Where it cannot be had, the system's library is used and `khala-jobs doctor` says so.

set(KHALA_SQLITE_MINIMUM 3.51.3)
set(KHALA_SQLITE_DIR "${PROJECT_SOURCE_DIR}/build/_deps/sqlite" CACHE PATH "Where sqlite3.c and sqlite3.h are or are put")

if(NOT KHALA_SQLITE MATCHES "^(auto|bundled|system)$")
  message(FATAL_ERROR "KHALA_SQLITE is \"${KHALA_SQLITE}\": it must be auto, bundled or system")
endif()

set(khala_sqlite_found OFF)
if(NOT KHALA_SQLITE STREQUAL "system")
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -D "DIR=${KHALA_SQLITE_DIR}" -D "MINIMUM=${KHALA_SQLITE_MINIMUM}" -P
            "${CMAKE_CURRENT_LIST_DIR}/fetch_sqlite.cmake"
    RESULT_VARIABLE khala_sqlite_result
    OUTPUT_VARIABLE khala_sqlite_said
    ERROR_VARIABLE khala_sqlite_said
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_STRIP_TRAILING_WHITESPACE)
  if(khala_sqlite_result EQUAL 0)
    set(khala_sqlite_found ON)
    message("${khala_sqlite_said}")
  elseif(KHALA_SQLITE STREQUAL "bundled")
    message(FATAL_ERROR "KHALA_SQLITE=bundled, but there is no amalgamation >= ${KHALA_SQLITE_MINIMUM}: ${khala_sqlite_said}")
  else()
    string(REGEX REPLACE ".*SQLite: ([^\n]*(\n  [^\n]+)*).*" "\\1" khala_sqlite_reason "${khala_sqlite_said}")
    string(REGEX REPLACE "[ \n]+" " " khala_sqlite_reason "${khala_sqlite_reason}")
    message(STATUS "SQLite: ${khala_sqlite_reason}")
  endif()
endif()

if(khala_sqlite_found)
  add_library(khala_sqlite3 STATIC "${KHALA_SQLITE_DIR}/sqlite3.c")
  target_include_directories(khala_sqlite3 SYSTEM PUBLIC "${KHALA_SQLITE_DIR}")
  # THREADSAFE=2: a connection is used by one thread at a time (the engine thread owns it), so SQLite's own
  # per-connection mutex would be paid for nothing.
  target_compile_definitions(
    khala_sqlite3
    PUBLIC KHALA_SQLITE_BUNDLED=1
    PRIVATE SQLITE_THREADSAFE=2
            SQLITE_DQS=0
            SQLITE_DEFAULT_MEMSTATUS=0
            SQLITE_DEFAULT_WAL_SYNCHRONOUS=2
            SQLITE_LIKE_DOESNT_MATCH_BLOBS
            SQLITE_MAX_EXPR_DEPTH=0
            SQLITE_OMIT_AUTOINIT
            SQLITE_OMIT_DECLTYPE
            SQLITE_OMIT_DEPRECATED
            SQLITE_OMIT_LOAD_EXTENSION
            SQLITE_OMIT_PROGRESS_CALLBACK
            SQLITE_OMIT_SHARED_CACHE
            SQLITE_USE_ALLOCA
            HAVE_FDATASYNC=1
            HAVE_USLEEP=1)
  target_compile_options(khala_sqlite3 PRIVATE $<$<CONFIG:Release>:-O2> -w)
  target_link_libraries(khala_sqlite3 PUBLIC Threads::Threads PRIVATE khala_sanitizers)
else()
  pkg_check_modules(system_sqlite REQUIRED IMPORTED_TARGET sqlite3)
  add_library(khala_sqlite3 INTERFACE)
  target_link_libraries(khala_sqlite3 INTERFACE PkgConfig::system_sqlite)
  target_compile_definitions(khala_sqlite3 INTERFACE KHALA_SQLITE_BUNDLED=0)
  message(STATUS "SQLite: the system's ${system_sqlite_VERSION}")
endif()
