# Installs the headers, a package that find_package(rapt) finds, one for pkg-config, and the license, all of them as the
# component "rapt": cmake --install build --component rapt. All of it is independent of the architecture.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(rapt_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/rapt)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rapt-config-version.cmake COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(TARGETS rapt EXPORT rapt-targets FILE_SET HEADERS COMPONENT rapt)
install(EXPORT rapt-targets NAMESPACE rapt:: DESTINATION ${rapt_package_dir} COMPONENT rapt)
install(FILES ${PROJECT_SOURCE_DIR}/.cmake/rapt-config.cmake ${PROJECT_SOURCE_DIR}/.cmake/rapt-compiled.cmake
              ${PROJECT_BINARY_DIR}/rapt-config-version.cmake
        DESTINATION ${rapt_package_dir} COMPONENT rapt)

# Its prefix is found from where the file stands, so that what is installed can be moved.
cmake_path(SET from_package NORMALIZE ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${from_package} OUTPUT_VARIABLE rapt_include_dir)
configure_file(${PROJECT_SOURCE_DIR}/.cmake/rapt.pc.in ${PROJECT_BINARY_DIR}/rapt.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/rapt.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig COMPONENT rapt)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT rapt)
