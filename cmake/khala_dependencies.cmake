# Third-party code, all of it from the system (Debian packages), except SQLite: see khala_sqlite.cmake.

find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(simdjson REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
# Only the protocol reader of hiredis is used (the sockets and TLS are ours), so any version since 0.14 will do.
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS SSL Crypto)

# Header-only use: XXH_INLINE_ALL makes every function static inline, so no shared library is needed at run time.
add_library(khala_xxhash INTERFACE)
target_include_directories(khala_xxhash SYSTEM INTERFACE ${xxhash_INCLUDE_DIRS})
target_compile_definitions(khala_xxhash INTERFACE XXH_INLINE_ALL)

include(khala_sqlite)

if(KHALA_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

if(KHALA_PYTHON)
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
  if(NOT pybind11_DIR)
    execute_process(
      COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
      OUTPUT_VARIABLE pybind11_DIR
      OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_QUIET)
  endif()
  set(PYBIND11_FINDPYTHON ON)
  find_package(pybind11 3.0 CONFIG REQUIRED)
endif()
