# cmake -D OBJDUMP=... -D BASELINE=kernels.o -D V3=kernels.o -P kernel_objects.cmake
#
# Fails when the baseline copy holds an AVX instruction, when the v3 copy holds none (then this check sees nothing), or
# when a symbol that the linker may merge with an equal one is not in a namespace of the v3 copy alone.

function(run out)
  execute_process(COMMAND "${OBJDUMP}" ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

run(baseline --disassemble --no-show-raw-insn "${BASELINE}")
if(baseline MATCHES "[^\n]*%[yz]mm[^\n]*")
  message(FATAL_ERROR "the baseline kernels use AVX: ${CMAKE_MATCH_0}")
endif()

run(v3 --disassemble --no-show-raw-insn "${V3}")
if(NOT v3 MATCHES "vfmadd[^\n]*%ymm")
  message(FATAL_ERROR "the v3 kernels hold no AVX2 code: is the check looking at the right file?")
endif()

# Weak and unique symbols (flags w and u in the second column) and plain global ones (g), where defined.
run(symbols --syms --demangle "${V3}")
string(REGEX MATCHALL "\n[0-9a-f]+ [gwu! ]+ +[^\n]*" lines "${symbols}")
set(checked 0)
foreach(line IN LISTS lines)
  if(line MATCHES "\\*UND\\*" OR NOT line MATCHES "^\n[0-9a-f]+ +[!gwu]")
    continue()
  endif()
  math(EXPR checked "${checked} + 1")
  if(NOT line MATCHES "Eigen_v3|khala::vec::v3::|DW\\.ref\\.__gxx_personality_v0")
    message(FATAL_ERROR "a symbol of the v3 kernels could replace the baseline's: ${line}")
  endif()
endforeach()
if(checked EQUAL 0)
  message(FATAL_ERROR "no global symbol found in the v3 kernels: is the check looking at the right file?")
endif()
message(STATUS "${checked} global symbols of the v3 kernels are its own")
