#!/usr/bin/env bash
# planted.sh ELECT_SIM TEST_CORE_PLANTED: is every planted bug caught by the test that planted.txt names? A bug that is not
# in the list, and a line without a bug, fail as well.
set -u
sim=$1 core=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
list=$root/tests/planted.txt
failures=0

complain()
{
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# The violation that the simulator found; nothing when it found none. A rule of cas.c shows over a register only.
violation()
{
    local store=ledger
    [[ $1 == cas-* ]] && store=cas
    "$sim" --store $store --planted "$1" --outcomes-only --elections 1000000 --json |
        sed -n 's/.*"violation":"\([^"]*\)".*/\1/p'
}

caught_by_sim()
{
    local name=$1 wanted=$2 found
    found=$(violation "$name")
    if [[ -n $found && "|$wanted|" == *"|$found|"* ]]; then
        echo "ok: $name: the simulator finds $found"
    else
        complain "$name: the simulator finds ${found:-nothing} instead of $wanted"
    fi
}

caught_by_unit()
{
    local name=$1 test=$2 log
    log=$("$core" --filter "$test" 2>&1 | sed 's/\x1b\[[0-9;]*m//g')
    [[ $log == *"Tested: 1 | Passing: 1 "* ]] || complain "$name: $test does not exist, or fails without it"
    if ELECT_PLANTED=$name "$core" --filter "$test" >/dev/null 2>&1; then
        complain "$name: $test does not notice it"
    else
        echo "ok: $name: $test fails"
    fi
}

caught_by_own()
{
    local name=$1 file=$2 id
    id=$(tr 'a-z-' 'A-Z_' <<<"$name")
    if grep -qs -e "\"$name\"" -e "\\bELECT__PLANTED_$id\\b" -e "\\b$id\\b" "$root/$file"; then
        echo "ok: $name: planted by $file"
    else
        complain "$name: $file does not plant it"
    fi
}

names=$("$sim" --planted list) || exit 1
listed=$(sed -e 's/#.*//' "$list" | awk 'NF { print $1 }')
[[ -z $(sort <<<"$listed" | uniq -d) ]] || complain "listed twice: $(sort <<<"$listed" | uniq -d)"
while IFS= read -r name; do
    grep -qx -- "$name" <<<"$listed" || complain "$name is in planted.h but not in planted.txt"
done <<<"$names"

while read -r name how what; do
    if ! grep -qx -- "$name" <<<"$names"; then
        complain "$name is in planted.txt but not in planted.h"
    elif [[ $how == sim || $how == unit || $how == own ]]; then
        "caught_by_$how" "$name" "$what"
    else
        complain "$name: caught by $how?"
    fi
done < <(sed -e 's/#.*//' "$list" | awk 'NF')

[[ $failures -eq 0 ]]
