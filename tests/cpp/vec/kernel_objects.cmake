# cmake -D OBJDUMP=... -D BASELINE=<objects> -D V3=<objects> -D V4=<objects> -P kernel_objects.cmake
#
# Fails when the baseline copy holds an AVX instruction or the v3 copy an AVX-512 one, when a later copy holds none of
# its own (then this check sees nothing), or when a symbol that the linker may merge with an equal one is not in a
# namespace of that copy alone.

function(run out)
  execute_process(COMMAND "${OBJDUMP}" ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

run(baseline --disassemble --no-show-raw-insn ${BASELINE})
if(baseline MATCHES "[^\n]*%[yz]mm[^\n]*")
  message(FATAL_ERROR "the baseline kernels use AVX: ${CMAKE_MATCH_0}")
endif()

run(v3 --disassemble --no-show-raw-insn ${V3})
if(v3 MATCHES "[^\n]*%zmm[^\n]*")
  message(FATAL_ERROR "the v3 kernels use AVX-512: ${CMAKE_MATCH_0}")
endif()
foreach(instruction "vfmadd[^\n]*%ymm" "vpmaddubsw[^\n]*%ymm")
  if(NOT v3 MATCHES "${instruction}")
    message(FATAL_ERROR "the v3 kernels hold no ${instruction}: is the check looking at the right files?")
  endif()
endforeach()

run(v4 --disassemble --no-show-raw-insn ${V4})
foreach(instruction "vfmadd[^\n]*%zmm" "vpdpbusd[^\n]*%zmm")
  if(NOT v4 MATCHES "${instruction}")
    message(FATAL_ERROR "the v4 kernels hold no ${instruction}: is the check looking at the right files?")
  endif()
endforeach()

# Weak and unique symbols (flags w and u in the second column) and plain global ones (g), where defined.
function(check_symbols isa)
  run(symbols --syms --demangle ${ARGN})
  string(REGEX MATCHALL "\n[0-9a-f]+ [gwu! ]+ +[^\n]*" lines "${symbols}")
  set(checked 0)
  foreach(line IN LISTS lines)
    if(line MATCHES "\\*UND\\*" OR NOT line MATCHES "^\n[0-9a-f]+ +[!gwu]")
      continue()
    endif()
    math(EXPR checked "${checked} + 1")
    if(NOT line MATCHES "Eigen_${isa}|khala::vec::${isa}::|DW\\.ref\\.__gxx_personality_v0")
      message(FATAL_ERROR "a symbol of the ${isa} kernels could replace the baseline's: ${line}")
    endif()
  endforeach()
  if(checked EQUAL 0)
    message(FATAL_ERROR "no global symbol found in the ${isa} kernels: is the check looking at the right files?")
  endif()
  message(STATUS "${checked} global symbols of the ${isa} kernels are its own")
endfunction()
check_symbols(v3 ${V3})
check_symbols(v4 ${V4})
