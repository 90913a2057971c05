# shellcheck shell=bash
# The parts of scripts/test. Each prints a log; `check` and ctest's lines in it are counted.

# The state machine: what decides who leads, without I/O, clock or allocation. Its tests reach all of it.
# shellcheck disable=SC2034
state_machine="libelect/src/election.c libelect/src/terms.c libelect/src/answers.c libelect/src/plan.c libelect/src/tries.c
    libelect/src/ledger.c libelect/src/stores/cas.c"

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

# run_ctest PRESET LABELS [OPTION...]. Tests of processes, and of stores, mostly wait: more at once than there are processors.
run_ctest()
{
    local preset=$1 labels=$2
    PYTEST_ADDOPTS="-n 4" ctest --test-dir "build/$preset" -V --no-tests=error -j 6 -L "^($labels)\$" "${@:3}"
}

# The simulator and the planted bugs, optimized and with assertions; of the rest, the library is measured while it is tested.
build_planted()
{
    cmake_preset debug elect_sim criterion_elect_planted
}

part_build()
{
    local failures=0
    check "gcc, with assertions" cmake_preset coverage || failures=1
    check "gcc, with planted bugs" build_planted || failures=1
    check "gcc, as it is installed" cmake_preset release || failures=1
    check "clang" cmake_preset clang || failures=1
    return $failures
}

# The simulator takes one processor while the others wait for what they wait for.
part_tests()
{
    local failures=0
    cmake_preset coverage && build_planted || return 1
    forget_coverage
    run_ctest debug "sim|planted" >build/log/planted.log 2>&1 &
    run_ctest coverage "unit|stores|interop|recipes" || failures=1
    wait $! || failures=1
    cat build/log/planted.log
    return $failures
}

part_command()
{
    cmake_preset release && run_ctest release "cli"
}

# They wait, most of the time, and none of them minds when: more at once than there are processors.
part_faults()
{
    cmake_preset release || return 1
    PYTEST_ADDOPTS="-n 8 --dist worksteal" ctest --test-dir build/release -V --no-tests=error -L '^faults$'
}

part_sanitizers()
{
    # A twentieth of the simulation: a sanitizer needs each path, not each chance.
    ELECT_TEST_SCALE=$(scaled 0.05)
    cmake_preset asan criterion_elect_static elect_sim elect elect_bench interop_candidate fuzzers \
        && run_ctest asan "unit|stores|sim|cli|bench|fuzz"
}

# fuzz_one NAME SECONDS SEED: from its seeds and what earlier runs have learned. An input that breaks something is kept.
fuzz_one()
{
    local name=$1 seconds=$2 log=build/log/fuzz-$1.log found
    local run=(-seed="$3" -max_total_time="$seconds" -timeout=30 -max_len=16384 -verbosity=0 -print_final_stats=1)
    [ ! -e "tests/fuzz/$name.dict" ] || run+=(-dict="tests/fuzz/$name.dict")
    mkdir -p build/log build/fuzz/found "build/fuzz/corpus/$name"
    if nice -n 19 "build/fuzz/fuzz_$name" "${run[@]}" -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/corpus/$name" \
        "tests/fuzz/$name" >"$log" 2>&1; then
        echo "ok: fuzz_$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
        return 0
    fi
    found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo "not ok: fuzz_$name: see $log; once more: build/fuzz/fuzz_$name ${found:-(no input was written)}"
    [ -z "$found" ] || echo "When it is mended, the input becomes a seed: mv $found tests/fuzz/$name/WHAT-IT-HOLDS"
    grep -aE 'broken: |ERROR: |runtime error|Assertion' "$log"
    return 1
}

# Only what needs a thread, or is needed by one, can race. ThreadSanitizer does not see what happens inside the
# distribution's libevent, which is built without it; helgrind does. It takes the tests that use each lock and each hand-over
# (gates, loop, queues, dispatcher, the group of local:, release by the last reference), and leaves out those that repeat.
# Allocations that fail are AddressSanitizer's.
part_races()
{
    local failures=0 calm=()
    ! setarch -R true 2>/dev/null || calm=(setarch -R) # some kernels place memory where ThreadSanitizer wants its own
    cmake_preset tsan criterion_elect_static elect_sim elect_bench interop_candidate \
        && "${calm[@]}" ctest --test-dir build/tsan -V --no-tests=error -j 6 -L '^(unit|stores|bench)$' \
            -E '^test_(options|local_freeze|allocations_.*|redis_allocations)$' || failures=1
    cmake_preset valgrind criterion_elect_static && ctest --test-dir build/valgrind -V --no-tests=error -j 2 -L '^helgrind$' \
        -R '^helgrind_test_(api_(abuse|callbacks|events|free|lifecycle|process|terms)|candidate)$' || failures=1
    return $failures
}

# Not here: a test that stops a process at each system call would stop valgrind at each of its own; one that weighs the
# process would weigh valgrind; dozens of TLS handshakes take it a minute; what the store does with a real server goes by real
# time, in which valgrind is too slow. AddressSanitizer sees these, and all that fails of allocations.
part_memory()
{
    local servers='redis_(allocations|api|damage|doctor|layouts|listen|plain|random|replicas|script|script_people|script_rights|store)'
    cmake_preset valgrind criterion_elect_static && ctest --test-dir build/valgrind -V --no-tests=error -j 2 -L '^(unit|stores)$' \
        -E "^test_(local_freeze|api_cycles|allocations_api|allocations_custom|net_tls|net_stream_tls|net_stream_tls_servers|$servers)$"
}

# 20 seconds each, two at a time; an hour each with --long. They let everything else go first: see scripts/test. The same commit
# is fuzzed in the same way each time, another in another; with --long it is left to chance.
part_fuzz()
{
    local seconds seed=0
    seconds=$(awk -v scale="${ELECT_TEST_SCALE:-1}" 'BEGIN { printf "%d", scale < 20 ? 20 * scale : 180 * scale }')
    [ "$seconds" -ge 3600 ] || seed=$((16#$(git rev-parse --short=7 HEAD 2>/dev/null || echo 1)))
    cmake_preset fuzz fuzzers || return 1
    export -f fuzz_one
    find tests/fuzz -name 'fuzz_*.c' -printf '%f\n' | sort | sed 's/^fuzz_\(.*\)\.c$/\1/' \
        | xargs -P 2 -I NAME bash -c 'fuzz_one "$@"' _ NAME "$seconds" "$seed"
}

# The tests have just run, when they are among the parts.
part_coverage()
{
    local how=()
    # shellcheck disable=SC2154 # scripts/test's
    [[ " ${parts[*]} " != *" tests "*"coverage "* ]] || how=(--report)
    scripts/coverage "${how[@]}"
}

# What earlier runs counted.
forget_coverage()
{
    find build/coverage -name '*.gcda' -delete
}

part_abi()
{
    cmake_preset release && tests/abi/run build/release
}

part_go()
{
    local failures=0
    tests/gomodule/module || failures=1
    tests/gomodule/users || failures=1
    return $failures
}

part_python()
{
    tests/pypackage/run
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
    find libelect tests examples \( -name '*.c' -o -name '*.h' \) -not -path tests/abi/baseline.h
}

# Tests by Criterion are left to the compilers: its macros cost clang-tidy minutes.
tidy()
{
    once_each || return 1
    find libelect tests/sim tests/bench tests/interop -name '*.c' -print0 | xargs -0 -n 4 -P 2 clang-tidy --quiet -p build/lint
}

# clang-tidy looks at a file as often as it is compiled, with seconds of analysis each time: so once, as it is shipped, and
# planted.c as it is not, for else there is nothing in it.
once_each()
{
    mkdir -p build/lint
    python3 - build/debug/compile_commands.json build/lint/compile_commands.json <<'PYTHON'
import json
import sys

with open(sys.argv[1]) as all_of_them:
    commands = json.load(all_of_them)
commands.sort(key=lambda c: any(f"/{name}.dir/" in c["command"] for name in ("elect_planted", "elect_command"))
    == c["file"].endswith("/planted.c"))
with open(sys.argv[2], "w") as once:
    json.dump(list({c["file"]: c for c in commands}.values()), once)
PYTHON
}

# The library and the command. What cppcheck calls style is a matter of taste that clang-tidy and clang-format settle here,
# and what it calls portability is that to other systems than Linux. A suppression stands where it is needed, with its reason.
run_cppcheck()
{
    local level=()
    # Newer ones look less closely unless they are told to.
    ! grep -q -- --check-level < <(cppcheck --help) || level=(--check-level=exhaustive)
    cppcheck -j 2 --quiet "${level[@]}" --enable=warning,performance --inline-suppr --error-exitcode=1 --std=c11 \
        --library=posix,gnu -D_GNU_SOURCE -D__linux__ '-DELECT__VERSION="0"' -Ilibelect/include -Ilibelect/src -Ilibelect/cli libelect
}

# What gcc -fanalyzer finds, as "FILE FUNCTION WARNING" lines.
analyzer_findings()
{
    local flags
    read -ra flags < <(pkg-config --cflags libevent_core libcjson)
    find libelect -name '*.c' -print0 | LC_ALL=C xargs -0 -n 1 -P 2 \
        gcc -std=c11 -O1 -fPIC -fanalyzer -fdiagnostics-plain-output -S -o /dev/null \
        -D_GNU_SOURCE '-DELECT__VERSION="0"' -Ilibelect/include -Ilibelect/src -Ilibelect/cli "${flags[@]}" 2>&1 \
        | awk '/: In function / { gsub(/[:\047]/, "", $NF); name = $NF }
               /error: / { print }
               /: warning: .*\[-Wanalyzer-/ { sub(/:.*/, "", $1); gsub(/[][]/, "", $NF); print $1, name, $NF }' | sort -u
}

# Its false alarms are listed with the reason why they are; one that is listed and not found any more is a failure too.
run_analyzer()
{
    diff <(grep -v '^#' scripts/analyzer.txt | sed 's/ *:.*//' | sort) <(analyzer_findings)
}

part_lint()
{
    local failures=0 scripts=(.ci/run libelect/completion/elect)
    configure_preset debug || return 1
    mapfile -t formatted < <(c_files)
    check "clang-format" clang-format --dry-run -Werror "${formatted[@]}" || failures=1
    check "clang-tidy" tidy || failures=1
    check "cppcheck" run_cppcheck || failures=1
    # What it finds differs from version to version.
    case $(gcc -dumpversion) in
        14*) check "gcc -fanalyzer" run_analyzer || failures=1 ;;
        *) echo "skipped: gcc -fanalyzer, for this gcc is $(gcc -dumpversion) and scripts/analyzer.txt is of 14, that of Debian 13" ;;
    esac
    mapfile -t -O ${#scripts[@]} scripts < <(grep -rlE '^#!.*\b(ba)?sh$' scripts tests; find scripts -name '*.sh')
    check "shellcheck" shellcheck -S warning -x -P SCRIPTDIR "${scripts[@]}" || failures=1
    check "ruff" ruff check . || failures=1
    check "ruff format" ruff format --check . || failures=1
    check "mypy" mypy --cache-dir build/mypy-cache --strict --scripts-are-modules bindings/generate bindings || failures=1
    check "mypy, tests of faults" mypy --cache-dir build/mypy-cache --strict tests/faults tests/redis/host.py || failures=1
    check "gofmt" test -z "$(gofmt -l go tests/interop tests/gomodule)" || failures=1
    check "man page" test -z "$(mandoc -T lint -W warning libelect/man/*.1)" || failures=1
    return $failures
}

# Where there is no TLC, scripts/model says why and exits 2.
part_model()
{
    local status=0
    scripts/model --quick 2>&1 | sed -e 's/^PASS  /ok: /' -e 's/^FAIL  /not ok: /' -e 's/^scripts\/model: there is no/skipped: no/' \
        || status=${PIPESTATUS[0]}
    [ "$status" != 1 ]
}

part_repository()
{
    scripts/check-repository
}
