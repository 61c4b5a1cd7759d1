# What every target of the project is compiled with: khala_options (definitions, sanitizers, coverage; inherited by
# whoever links a library, since mixing sanitized and plain code is an error) and khala_warnings (ours only).
# khala_sanitizers is apart because SQLite wants it too, and nothing else of this.

add_library(khala_sanitizers INTERFACE)
add_library(khala_options INTERFACE)
target_compile_features(khala_options INTERFACE cxx_std_20)
target_link_libraries(khala_options INTERFACE khala_sanitizers)

foreach(switch IN ITEMS FAILPOINTS PLANTS)
  if(KHALA_${switch})
    target_compile_definitions(khala_options INTERFACE KHALA_${switch}=1)
  endif()
endforeach()
# _FILE_OFFSET_BITS: hiredis wants it, and a precompiled header is one for all.
target_compile_definitions(khala_options INTERFACE KHALA_VERSION="${PROJECT_VERSION}" _FILE_OFFSET_BITS=64)

if(KHALA_SANITIZE)
  list(JOIN KHALA_SANITIZE "," sanitizers)
  target_compile_options(khala_sanitizers INTERFACE -fsanitize=${sanitizers} -fno-omit-frame-pointer
                                                    -fno-sanitize-recover=all)
  target_link_options(khala_sanitizers INTERFACE -fsanitize=${sanitizers})
  if("thread" IN_LIST KHALA_SANITIZE)
    # It does not follow fences. Ours order us with other processes, which it does not see either.
    target_compile_options(khala_sanitizers INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-tsan>)
  endif()
endif()

if(KHALA_COVERAGE)
  # -fprofile-update=atomic: counters are bumped from several threads; without it they tear and undercount.
  target_compile_options(khala_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(khala_options INTERFACE --coverage)
endif()

add_library(khala_warnings INTERFACE)
target_compile_options(
  khala_warnings
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wconversion
            -Wsign-conversion
            -Wshadow
            -Wnon-virtual-dtor
            -Wold-style-cast
            -Woverloaded-virtual
            -Wcast-align
            -Wunused
            -Wformat=2
            -Wimplicit-fallthrough
            -Wswitch-enum
            -Wnull-dereference
            -Wextra-semi)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(khala_warnings INTERFACE -Wduplicated-cond -Wduplicated-branches -Wlogical-op)
  # GCC 12 sees uninitialised members in a moved std::variant of strings, overlapping copies in string + string (its bugs
  # 105562, 105651) and copies past the end of a moved std::string; all are real findings of clang-tidy, ASan and UBSan
  # where they are real.
  target_compile_options(khala_warnings INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds
                                                 -Wno-stringop-overread -Wno-stringop-overflow)
  # At -O3 it also sees a null pointer in what std::vector(n) fills.
  target_compile_options(khala_warnings INTERFACE $<$<CONFIG:Release>:-Wno-null-dereference>)
endif()
if(KHALA_WERROR)
  target_compile_options(khala_warnings INTERFACE -Werror)
endif()
