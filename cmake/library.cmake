# Three flavours of one library, and the command.
#   elect_static   libelect.a; what the command and the tests of internals link
#   elect_shared   libelect.so.0; exports what the public headers declare and nothing else
#   elect_planted  the static one with the planted bugs compiled in, for the tests of the tests
file(GLOB ELECT_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/libelect/src/*.c ${PROJECT_SOURCE_DIR}/libelect/src/stores/*.c)
if(ELECT_REDIS)
    file(GLOB ELECT_NET_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/libelect/src/net/*.c)
    list(APPEND ELECT_SOURCES ${ELECT_NET_SOURCES})
else()
    list(FILTER ELECT_SOURCES EXCLUDE REGEX "/stores/redis[^/]*$")
endif()
file(GLOB ELECT_CLI_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/libelect/cli/*.c)
set(ELECT_HEADERS ${PROJECT_SOURCE_DIR}/libelect/include/elect/elect.h ${PROJECT_SOURCE_DIR}/libelect/include/elect/store.h)

# What the library stands on, and where its headers are; `scope` is PUBLIC for those that see internals.
function(elect_uses target scope)
    target_compile_definitions(${target} PRIVATE ELECT__VERSION="${PROJECT_VERSION}")
    target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR}/libelect/src)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/libelect/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} ${scope} PkgConfig::LIBEVENT PkgConfig::CJSON Threads::Threads)
    if(ELECT_REDIS)
        target_compile_definitions(${target} ${scope} ELECT_REDIS)
        target_link_libraries(${target} ${scope} PkgConfig::HIREDIS PkgConfig::TLS)
    endif()
endfunction()

# Compiled once, position-independent, for both.
add_library(elect_objects OBJECT ${ELECT_SOURCES})
set_target_properties(elect_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
elect_uses(elect_objects PUBLIC)

add_library(elect_static STATIC $<TARGET_OBJECTS:elect_objects>)
set_target_properties(elect_static PROPERTIES OUTPUT_NAME elect LINKER_LANGUAGE C)
elect_uses(elect_static PUBLIC)

set(exports ${PROJECT_BINARY_DIR}/elect.map)
add_custom_command(OUTPUT ${exports}
    COMMAND ${CMAKE_COMMAND} -DABI=${PROJECT_VERSION_MAJOR} "-DHEADERS=${ELECT_HEADERS}" -DOUT=${exports}
            -P ${PROJECT_SOURCE_DIR}/cmake/exports.cmake
    DEPENDS ${ELECT_HEADERS} ${PROJECT_SOURCE_DIR}/cmake/exports.cmake VERBATIM)
add_custom_target(elect_exports DEPENDS ${exports})

add_library(elect_shared SHARED $<TARGET_OBJECTS:elect_objects>)
add_dependencies(elect_shared elect_exports)
set_target_properties(elect_shared PROPERTIES OUTPUT_NAME elect EXPORT_NAME elect LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${exports})
elect_uses(elect_shared PRIVATE)
# nodelete: its threads may outlive a dlclose. A sanitizer's run-time comes with the program, so its names stay open.
target_link_options(elect_shared PRIVATE -Wl,--version-script=${exports} -Wl,-z,nodelete)
if(NOT ELECT_SANITIZE)
    target_link_options(elect_shared PRIVATE -Wl,--no-undefined)
endif()

if(ELECT_CLI_SOURCES)
    add_executable(elect ${ELECT_CLI_SOURCES})
    set_target_properties(elect PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_compile_definitions(elect PRIVATE ELECT__VERSION="${PROJECT_VERSION}")
    target_link_libraries(elect PRIVATE elect_static)
    target_link_options(elect PRIVATE -pie)
endif()

if(ELECT_BUILD_TESTS)
    add_library(elect_planted STATIC EXCLUDE_FROM_ALL ${ELECT_SOURCES})
    set_target_properties(elect_planted PROPERTIES LINKER_LANGUAGE C)
    target_compile_definitions(elect_planted PUBLIC ELECT_TEST_PLANTED)
    elect_uses(elect_planted PUBLIC)
endif()
