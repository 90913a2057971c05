# shellcheck shell=bash
# What the scripts share. Sourced; works from any folder.
set -euo pipefail
me=scripts/$(basename "$0")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=scripts/needs.sh
. scripts/needs.sh
export LC_ALL=C.UTF-8
logs=$root/build/log

die()
{
    printf '%s: %s\n' "$me" "$*" >&2
    exit 1
}

# quietly NAME COMMAND...: its output goes to a log, whose end is shown when it fails.
quietly()
{
    local log=$logs/$1.log
    shift
    mkdir -p "$logs"
    "$@" >"$log" 2>&1 </dev/null && return 0
    { tail -n 40 "$log"; echo "$me: failed: $*"; echo "$me: the whole log is $log"; } >&2
    return 1
}

# Debian 12 and later, Ubuntu 24.04 and later, and what calls itself like them. Elsewhere a container does.
require_debian()
{
    local id='' like='' version=''
    if [ -r /etc/os-release ]; then
        # shellcheck source=/dev/null
        { read -r id; read -r like; read -r version; } \
            < <(. /etc/os-release; printf '%s\n' "${ID-}" "${ID_LIKE-}" "${VERSION_ID-}")
    fi
    case "$(uname -s) $id ${version%%.*} $like" in
        "Linux debian "[89]" "* | "Linux debian 1"[01]" "* | "Linux ubuntu 1"* | "Linux ubuntu "2[0-3]" "*) ;;
        "Linux debian "* | "Linux ubuntu "* | Linux*debian* | Linux*ubuntu*) return 0 ;;
    esac
    die "is for Debian 12+ and Ubuntu 24.04+; elsewhere: docker run --rm -v \"\$PWD:/src:ro,z\" debian:13 sh -c 'cp -r /src /elect && /elect/$me'"
}

# missing "PACKAGE[:COMMAND]...": prints the packages that are not there.
missing()
{
    local need
    for need in $1; do
        case $need in
            *:*) command -v "${need#*:}" >/dev/null || echo "${need%%:*}" ;;
            *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$need" 2>/dev/null)" = installed ] || echo "$need" ;;
        esac
    done
}

apt_get()
{
    local run=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -o DPkg::Lock::Timeout=300 "$@")
    if [ "$(id -u)" = 0 ]; then
        "${run[@]}"
    else
        sudo "${run[@]}"
    fi
}

update_and_install()
{
    apt_get update && apt_get install -y --no-install-recommends "$@"
}

# install_packages TIME "PACKAGE[:COMMAND]...": says what it will do; does nothing when nothing is missing.
install_packages()
{
    local want
    mapfile -t want < <(missing "$2")
    [ ${#want[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null \
            || die "there is no sudo here; as root: apt-get update && apt-get install --no-install-recommends ${want[*]}"
        echo "$me: installs with sudo apt-get, about $1: ${want[*]}"
        sudo -v || die "sudo was refused"
    else
        echo "$me: installs with apt-get, about $1: ${want[*]}"
    fi
    quietly packages update_and_install "${want[@]}" || exit 1
}

make_tools()
{
    rm -rf build/tools
    /usr/bin/python3 -m venv build/tools
    # shellcheck disable=SC2086
    build/tools/bin/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: $tools
}

# The pinned tools, in a virtual environment that is made anew when their list or this folder's place changes.
install_tools()
{
    local stamp=build/tools/stamp
    if [ "$(cat $stamp 2>/dev/null)" != "$root $tools" ]; then
        echo "$me: installs with pip into build/tools, about 1 minute: $tools"
        quietly tools make_tools || exit 1
        printf '%s\n' "$root $tools" >$stamp
    fi
    PATH=$root/build/tools/bin:$PATH
}

# go_root VERSION: where the module of that Go is kept.
go_root()
{
    echo "$(go env GOMODCACHE)/golang.org/toolchain@v0.0.1-go$1.linux-$(go env GOARCH)"
}

# Modules have no executable files; bin/go gets its right last, and so tells that all is there.
fetch_go()
{
    local folder version
    for version in "$@"; do
        folder=$(go_root "$version")
        go mod download "golang.org/toolchain@${folder##*@}" && chmod +x "$folder"/pkg/tool/*/* "$folder"/bin/* || return 1
    done
}

fetch_staticcheck()
{
    GOBIN=$root/build/tools/bin go install "honnef.co/go/tools/cmd/staticcheck@$staticcheck"
}

# The pinned Go, first in PATH, the minimum, which tests run by go_root, and staticcheck. After install_tools.
install_go()
{
    local version want=()
    unset GOROOT
    export GOTOOLCHAIN=local
    for version in "$go_version" "$go_minimum"; do
        [ -x "$(go_root "$version")/bin/go" ] || want+=("$version")
    done
    if [ ${#want[@]} -gt 0 ]; then
        echo "$me: installs into Go's module cache, about 1 minute: go ${want[*]}"
        quietly toolchain fetch_go "${want[@]}" || exit 1
    fi
    PATH=$(go_root "$go_version")/bin:$PATH
    if ! go version -m build/tools/bin/staticcheck 2>/dev/null | grep -q "honnef.co/go/tools[[:space:]]*${staticcheck}[[:space:]]"; then
        echo "$me: installs with go into build/tools, about 2 minutes: staticcheck $staticcheck"
        quietly staticcheck fetch_staticcheck || exit 1
    fi
}

configure_preset()
{
    # A folder that was moved or copied with its build folder would be refused by CMake.
    if ! grep -qsFx "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "build/$1/CMakeCache.txt"; then
        rm -rf "build/$1"
    fi
    cmake --preset "$1" -DPython3_EXECUTABLE="$root/build/tools/bin/python"
}

# build_preset NAME [TARGET...]
build_preset()
{
    local preset=$1
    shift
    quietly "build-$preset" cmake_preset "$preset" "$@"
}

cmake_preset()
{
    local preset=$1 targets=()
    shift
    [ $# -eq 0 ] || targets=(--target "$@")
    configure_preset "$preset" && cmake --build "build/$preset" "${targets[@]}"
}
