# How tests are registered. Each folder under tests/ that builds something has a CMakeLists.txt that calls these.
find_path(CRITERION_INCLUDE criterion/criterion.h REQUIRED)
find_library(CRITERION_LIBRARY criterion REQUIRED)

# elect_test(NAME LABEL SECONDS COMMAND...): registers a command. SECONDS is a guard against hangs, never a measure. A
# sanitizer's report, and a Criterion run that ran nothing, exit 0 with Criterion: so their words fail the test.
function(elect_test name label seconds)
    add_test(NAME ${name} COMMAND ${ARGN})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds} FAIL_REGULAR_EXPRESSION
        "ERROR: (Address|Leak|Thread)Sanitizer;runtime error:;Tested: 0 ")
    if(ELECT_SANITIZE)
        set_tests_properties(${name} PROPERTIES ENVIRONMENT "UBSAN_OPTIONS=print_stacktrace=1")
    endif()
endfunction()

# elect_criterion(NAME LABEL SECONDS LIBRARY SOURCE...): builds a Criterion program on elect_static or elect_planted, with
# the private headers in sight, and registers it.
function(elect_criterion name label seconds library)
    add_executable(${name} ${ARGN})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_include_directories(${name} SYSTEM PRIVATE ${CRITERION_INCLUDE})
    # Criterion's macros take their message as a variable argument that is mostly absent.
    target_compile_options(${name} PRIVATE $<$<C_COMPILER_ID:Clang>:-Wno-gnu-zero-variadic-macro-arguments>
        -Wno-missing-prototypes)
    target_link_libraries(${name} PRIVATE ${library} ${CRITERION_LIBRARY})
    elect_test(${name} ${label} ${seconds} ${name} --jobs 2)
endfunction()
