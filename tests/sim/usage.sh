#!/bin/sh
# usage.sh ELECT_SIM: what a wrong or asked-for usage answers.
set -u
sim=$1
expect()
{
    code=$1
    shift
    "$sim" "$@" >/dev/null 2>&1
    got=$?
    [ $got -eq "$code" ] || { echo "elect_sim $*: exit $got instead of $code"; exit 1; }
}
expect 0 --help
expect 0 --planted list
expect 2 --planted nobody
expect 2 --broken nothing
expect 2 --store nothing
expect 2 --seed -1
expect 2 --elections many
expect 2 --nonsense
expect 2 left-over
expect 1 --planted no-fencing --elections 100000
expect 0 --elections 100
expect 0 --store ledger --elections 100
expect 0 --store cas --elections 100
"$sim" --elections 1000 --json | python3 -c '
import json, sys
result = json.load(sys.stdin)
assert result["ok"] and result["elections"] >= 1000 and result["virtual_hours"] > 0, result
assert 0 < result["cas_elections"] < result["elections"], result
assert result["elections_per_s"] > 0 and sum(result["faults"].values()) > 1000, result' || exit 1
echo "as it should"
