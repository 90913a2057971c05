# What `cmake --install` puts where.
include(CMakePackageConfigHelpers)

install(TARGETS elect_shared EXPORT elect LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS elect_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET elect)
    install(TARGETS elect RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES ${ELECT_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/elect)
file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/libelect/man/*.1)
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/libelect/completion/elect DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

# Libs.private, not Requires.private: with the latter even `pkg-config --cflags elect` wants the packages of its insides.
# Written when it is installed, since only then the prefix is known (cmake --install --prefix).
set(redis_libs)
if(ELECT_REDIS)
    set(redis_libs " -lhiredis -levent_openssl -lssl -lcrypto")
endif()
install(CODE "
    set(redis_libs \"${redis_libs}\")
    set(PROJECT_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
    set(PROJECT_VERSION ${PROJECT_VERSION})
    set(includedir \"${CMAKE_INSTALL_INCLUDEDIR}\")
    set(libdir \"${CMAKE_INSTALL_LIBDIR}\")
    cmake_path(ABSOLUTE_PATH includedir BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
    cmake_path(ABSOLUTE_PATH libdir BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
    configure_file(\"${PROJECT_SOURCE_DIR}/cmake/elect.pc.in\" \"${PROJECT_BINARY_DIR}/elect.pc\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/elect.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(EXPORT elect NAMESPACE elect:: FILE elect-config.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/elect)
write_basic_package_version_file(elect-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/elect-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/elect)
