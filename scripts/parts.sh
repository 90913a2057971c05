# shellcheck shell=bash
# The parts of scripts/test. Each prints a log; `check` and ctest's lines in it are counted.

# check WHAT COMMAND...: runs it, says how it went, remembers a failure.
check()
{
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "not ok: $what"
        return 1
    fi
}

# Counts what a log says: "ok:" and "not ok:" lines of check, and the tests of ctest -V, where a Criterion
# program or pytest counts as many tests as it ran, and as one failure when it failed for another reason than a test, such as a
# sanitizer's report.
count_checks()
{
    awk '
        /^ok: / { good++ }
        /^not ok: / { bad++ }
        /^[0-9]+: .*Synthesis: Tested: / {
            id = $1; sub(/:.*/, "", id); line = $0; gsub(/\033\[[0-9;]*m/, "", line)
            match(line, /Tested: [0-9]+/); tested[id] = substr(line, RSTART + 8, RLENGTH - 8)
            match(line, /Passing: [0-9]+/); passing[id] = substr(line, RSTART + 9, RLENGTH - 9)
        }
        /^[0-9]+: =*.* (passed|failed).* in [0-9.]+s/ {
            id = $1; sub(/:.*/, "", id); tested[id] = passing[id] = 0
            if (match($0, /[0-9]+ passed/)) tested[id] = passing[id] = substr($0, RSTART, RLENGTH) + 0
            if (match($0, /[0-9]+ (failed|error)/)) tested[id] += substr($0, RSTART, RLENGTH) + 0
        }
        /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
            id = $0; sub(/^[^#]*#/, "", id); sub(/:.*/, "", id)
            if (!(id in tested)) { tested[id] = 1; passing[id] = 0 }
            if ($0 ~ / Passed /) { good += tested[id] }
            else { lost = tested[id] - passing[id]; if (lost < 1) lost = 1; bad += lost; good += tested[id] - lost }
            delete tested[id]; delete passing[id]
        }
        END { print good + 0, bad + 0 }'
}

# scaled N: N times $ELECT_TEST_SCALE.
scaled()
{
    awk -v n="$1" -v scale="${ELECT_TEST_SCALE:-1}" 'BEGIN { printf "%.10g", n * scale }'
}

run_ctest()
{
    local preset=$1 labels=$2
    # Tests of processes mostly wait: several at once.
    PYTEST_ADDOPTS="-n 4" ctest --test-dir "build/$preset" -V --no-tests=error -j 2 -L "^($labels)\$"
}

part_build()
{
    local failures=0
    check "gcc, with assertions" cmake_preset debug || failures=1
    check "gcc, as it is installed" cmake_preset release || failures=1
    check "clang" cmake_preset clang || failures=1
    return $failures
}

part_tests()
{
    cmake_preset debug && run_ctest debug "unit|stores|sim|planted|bench"
}

part_command()
{
    cmake_preset release && run_ctest release "cli"
}

part_sanitizers()
{
    # A twentieth of the simulation: a sanitizer needs each path, not each chance.
    ELECT_TEST_SCALE=$(scaled 0.05)
    cmake_preset asan && run_ctest asan "unit|stores|sim|cli|bench"
}

# 20 seconds each, from nothing, as a seed of its own: what it finds is written to build/fuzz.
part_fuzz()
{
    local failures=0 fuzzer seconds
    seconds=$(scaled 20)
    cmake_preset fuzz fuzzers || return 1
    for fuzzer in build/fuzz/fuzz_*; do
        check "$(basename "$fuzzer")" "$fuzzer" -max_total_time=$seconds -timeout=30 -max_len=4096 -verbosity=0 \
            -print_final_stats=1 -artifact_prefix=build/fuzz/found- || failures=1
    done
    return $failures
}

part_coverage()
{
    check "the state machine is covered" scripts/coverage
}

part_abi()
{
    cmake_preset release && tests/abi/run build/release
}

part_generated()
{
    cmake_preset release && check "generated files are fresh" bindings/generate --check --elect build/release/elect
}

part_readme()
{
    cmake_preset release && tests/readme/run build/release
}

# The C files that people write.
c_files()
{
    find libelect tests \( -name '*.c' -o -name '*.h' \) -not -path '*/celect/*'
}

# The tests are left to the compilers: Criterion's macros cost clang-tidy minutes.
tidy()
{
    find libelect -name '*.c' -print0 | xargs -0 -n 4 -P 2 clang-tidy --quiet -p build/debug
}

part_lint()
{
    local failures=0 scripts=(scripts/* .ci/run tests/abi/run tests/readme/run)
    cmake_preset debug || return 1
    mapfile -t formatted < <(c_files)
    check "clang-format" clang-format --dry-run -Werror "${formatted[@]}" || failures=1
    check "clang-tidy" tidy || failures=1
    mapfile -t -O ${#scripts[@]} scripts < <(grep -lE '^#!.*\b(ba)?sh$' -r tests/cli tests/stores tests/sim tests/bench)
    check "shellcheck" shellcheck -S warning -x -P SCRIPTDIR "${scripts[@]}" || failures=1
    check "ruff" ruff check . || failures=1
    check "ruff format" ruff format --check . || failures=1
    check "mypy" mypy --cache-dir build/mypy-cache --strict --scripts-are-modules bindings/generate || failures=1
    check "gofmt" test -z "$(gofmt -l tests/abi/go/*.go)" || failures=1
    check "man page" test -z "$(mandoc -T lint -W warning libelect/man/*.1)" || failures=1
    return $failures
}

part_repository()
{
    scripts/check-repository
}
