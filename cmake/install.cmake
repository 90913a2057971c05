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

# Libs.private, not Requires.private: with the latter even `pkg-config --cflags elect` wants the packages of its insides.
configure_file(cmake/elect.pc.in elect.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/elect.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(EXPORT elect NAMESPACE elect:: FILE elect-config.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/elect)
write_basic_package_version_file(elect-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/elect-config-version.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/elect)
