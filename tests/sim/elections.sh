#!/bin/sh
# elections.sh ELECT_SIM STORE N: simulates N elections over a ledger, or a third as many over a register (cas), times
# $ELECT_TEST_SCALE; 100,000 more for each assumption of the promise that is broken on purpose, where a violation must be found.
set -u
sim=$1 store=$2
case $store in
    ledger) part=1 broken="store-clock clock-rates frozen-machine" ;;
    cas) part=3 broken="clock-rates frozen-machine" ;;
    *) exit 2 ;;
esac
elections=$(awk -v n="$3" -v part=$part -v scale="${ELECT_TEST_SCALE:-1}" 'BEGIN { printf "%d", n * scale / part }')
"$sim" --store "$store" --seed "${ELECT_TEST_SEED:-1}" --elections "$elections" || exit 1
for assumption in $broken; do
    if "$sim" --store "$store" --broken "$assumption" --elections 100000 >/dev/null; then
        echo "with a broken $assumption nothing was found: the checks would not notice"
        exit 1
    fi
    echo "broken $assumption: found"
done
