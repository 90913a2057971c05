# How tests are registered. Each folder under tests/ that builds something has a CMakeLists.txt that calls these.
if(ELECT_CRITERION AND ELECT_SHIM)
    set(CRITERION_INCLUDE ${PROJECT_SOURCE_DIR}/tests/shim)
    add_library(elect_shim STATIC ${PROJECT_SOURCE_DIR}/tests/shim/main.c)
    target_include_directories(elect_shim PRIVATE ${CRITERION_INCLUDE})
    set(CRITERION_LIBRARY elect_shim)
elseif(ELECT_CRITERION)
    find_path(CRITERION_INCLUDE criterion/criterion.h REQUIRED)
    find_library(CRITERION_LIBRARY criterion REQUIRED)
endif()

# Tests that a tool does not bear: valgrind blocks signals in a way of its own; ThreadSanitizer does not outlive the first
# thread of a forked child, and takes a descriptor that a test closes under a thread for what it is.
set(without)
if(ELECT_SANITIZE MATCHES thread)
    set(without --without api_fork/a_child_that_returns_from_a_callback_ends_with_its_thread
        --without api_process/a_client_that_cannot_wait_for_events_ends_its_terms_and_every_wait)
endif()
if(ELECT_VALGRIND)
    find_program(VALGRIND valgrind REQUIRED)
    # Real time is waited for, whatever the tool: the same rules are there with a clock that is moved. And a thousand rounds
    # between threads, of which valgrind runs one at a time, show it no more than ten.
    set(without --without api_process/threads_of_the_library_take_no_signals --without "*_real/*"
        --without "custom_*/a_thousand_alternations")
    # "Possibly" lost is what only its inside is pointed at, such as what glibc keeps of a thread that has ended.
    set(memcheck ${VALGRIND} --quiet --error-exitcode=99 --errors-for-leak-kinds=definite --show-leak-kinds=definite)
    # What one valgrind calls dubious is of no kind of its own to an older one, which refuses a file that names that kind.
    set(outside ${PROJECT_BINARY_DIR}/outside.supp)
    foreach(DUBIOUS Dubious Misc)
        configure_file(${PROJECT_SOURCE_DIR}/tests/shim/helgrind/outside.supp.in ${outside} @ONLY)
        execute_process(COMMAND ${VALGRIND} --quiet --tool=helgrind --suppressions=${outside} true RESULT_VARIABLE refused
            ERROR_QUIET)
        if(NOT refused)
            break()
        endif()
    endforeach()
    set(helgrind ${VALGRIND} --quiet --error-exitcode=99 --tool=helgrind --history-level=approx --suppressions=${outside})
endif()

# elect_test(NAME LABEL SECONDS COMMAND...): registers a command. SECONDS is a guard against hangs, never a measure; those with
# the longest start first, until ctest knows better. A sanitizer's report, and a Criterion run that ran nothing, exit 0 with
# Criterion: so their words fail the test.
function(elect_test name label seconds)
    add_test(NAME ${name} COMMAND ${ARGN})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds} COST ${seconds} FAIL_REGULAR_EXPRESSION
        "(ERROR|WARNING): (Address|Leak|Thread)Sanitizer;runtime error:;Tested: 0 ")
    if(ELECT_SANITIZE)
        # die_after_fork=0: a child of ours that was forked beside threads may start some of its own.
        set_tests_properties(${name} PROPERTIES ENVIRONMENT
            "UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:second_deadlock_stack=1")
    endif()
endfunction()

# How code on Criterion is compiled, with the private headers in sight.
function(elect_criterion_code target)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_include_directories(${target} SYSTEM PRIVATE ${CRITERION_INCLUDE})
    # Criterion's macros take a message as a variable argument, mostly absent: clang's versions call that by different names.
    target_compile_options(${target} PRIVATE $<$<C_COMPILER_ID:Clang>:-Wno-gnu-zero-variadic-macro-arguments
        -Wno-unknown-warning-option -Wno-c23-extensions> -Wno-missing-prototypes)
    if(ELECT_SANITIZE OR ELECT_VALGRIND)
        # A sanitizer's checks in what the macros become take the compiler ten times as long to optimize as the library does.
        target_compile_options(${target} PRIVATE -O0)
    elseif(ELECT_COVERAGE)
        # The library is what is measured. Optimized, for then gcc sees more to warn of.
        target_compile_options(${target} PRIVATE -fno-profile-arcs -fno-test-coverage -Og)
    endif()
endfunction()

# What several of them share: of elect_stage each takes what it needs.
if(ELECT_CRITERION)
    set(stage stores/stage.c stores/actors.c stores/register.c ../examples/example_store.c)
    if(ELECT_REDIS)
        list(APPEND stage stores/redis_play.c redis/server.c)
    endif()
    list(TRANSFORM stage PREPEND ${PROJECT_SOURCE_DIR}/tests/)
    add_library(elect_stage STATIC EXCLUDE_FROM_ALL ${stage})
    elect_uses(elect_stage PUBLIC)
    elect_criterion_code(elect_stage)
endif()

# elect_criterion(NAME LABEL SECONDS LIBRARY SOURCE...): builds a Criterion program on elect_static or elect_planted and
# registers it. The target criterion_LIBRARY builds all on that library.
function(elect_criterion name label seconds library)
    if(NOT ELECT_CRITERION)
        return()
    endif()
    add_executable(${name} ${ARGN})
    elect_criterion_code(${name})
    target_link_libraries(${name} PRIVATE elect_stage ${library} ${CRITERION_LIBRARY})
    if(NOT TARGET criterion_${library})
        add_custom_target(criterion_${library})
    endif()
    add_dependencies(criterion_${library} ${name})
    if(ELECT_VALGRIND)
        math(EXPR seconds "10 * ${seconds}")
        elect_test(helgrind_${name} helgrind ${seconds} ${helgrind} $<TARGET_FILE:${name}> --jobs 2 ${without})
    endif()
    set(jobs 2)
    if(label STREQUAL stores AND NOT ELECT_VALGRIND)
        set(jobs 4) # leases are waited for
    endif()
    elect_test(${name} ${label} ${seconds} ${memcheck} $<TARGET_FILE:${name}> --jobs ${jobs} ${without})
endfunction()
