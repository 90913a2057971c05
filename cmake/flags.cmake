# Compiler and linker flags of everything that is built here.
include(CheckCCompilerFlag)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
    -fvisibility=hidden -fno-common)
if(ELECT_WERROR)
    add_compile_options(-Werror)
endif()

# Hardening. _FORTIFY_SOURCE needs optimization, and the sanitizers see more without it.
foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "ELECT_HAS${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        add_compile_options(${flag})
    endif()
endforeach()
if(NOT ELECT_SANITIZE AND NOT ELECT_COVERAGE)
    add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)

if(ELECT_SANITIZE)
    add_compile_options(-fsanitize=${ELECT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${ELECT_SANITIZE})
endif()
if(ELECT_VALGRIND)
    include_directories(BEFORE SYSTEM tests/shim/helgrind)
endif()
if(ELECT_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(ELECT_COVERAGE)
    # Several threads count.
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()
