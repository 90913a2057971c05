#!/bin/sh
# elections.sh ELECT_SIM N: simulates N elections over a ledger and a third as many over a register, times
# $ELECT_TEST_SCALE; 100,000 more for each assumption of the promise
# that is broken on purpose, where a violation must be found.
set -u
sim=$1
elections=$(awk -v n="$2" -v scale="${ELECT_TEST_SCALE:-1}" 'BEGIN { printf "%d", n * scale }')
"$sim" --store ledger --seed "${ELECT_TEST_SEED:-1}" --elections "$elections" || exit 1
"$sim" --store cas --seed "${ELECT_TEST_SEED:-1}" --elections $((elections / 3)) || exit 1
for assumption in store-clock clock-rates frozen-machine; do
    if "$sim" --broken $assumption --elections 100000 >/dev/null; then
        echo "with a broken $assumption nothing was found: the checks would not notice"
        exit 1
    fi
    echo "broken $assumption: found"
done
for assumption in clock-rates frozen-machine; do
    if "$sim" --store cas --broken $assumption --elections 100000 >/dev/null; then
        echo "with a broken $assumption nothing was found over a register: the checks would not notice"
        exit 1
    fi
done
