# Installs the headers and a package that find_package(rapt) finds. All of it is independent of the architecture.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(rapt_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/rapt)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rapt-config-version.cmake COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(TARGETS rapt EXPORT rapt-targets FILE_SET HEADERS)
install(EXPORT rapt-targets NAMESPACE rapt:: DESTINATION ${rapt_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/.cmake/rapt-config.cmake ${PROJECT_SOURCE_DIR}/.cmake/rapt-compiled.cmake
              ${PROJECT_BINARY_DIR}/rapt-config-version.cmake
        DESTINATION ${rapt_package_dir})
