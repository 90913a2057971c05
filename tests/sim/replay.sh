#!/bin/sh
# replay.sh ELECT_SIM: a run is its seed, bit for bit: in another process, after other runs, alone, with a trace.
set -u
sim=$1
first=$("$sim" --seed 5 --elections 20000 --verbose | grep '^seed')
second=$("$sim" --seed 5 --elections 20000 --verbose | grep '^seed')
[ "$first" = "$second" ] || { echo "two runs of one seed differ"; exit 1; }
echo "$first" | awk 'NR % 40 == 1' | while IFS= read -r line; do
    seed=${line#seed }
    seed=${seed%%:*}
    alone=$("$sim" --seed "$seed" --elections 1 --verbose --trace | grep '^seed .*hash')
    [ "$alone" = "$line" ] || { echo "alone: $alone, among others: $line"; exit 1; }
done || exit 1
[ "$(echo "$first" | sed 's/.*hash //' | sort -u | wc -l)" -gt 100 ] || { echo "seeds make no difference"; exit 1; }
# A violation replays, too: the command that is printed finds the same one.
for planted in "wrong-request" "cas-absent-is-free --store cas"; do
    # shellcheck disable=SC2086 # they are words
    found=$("$sim" --planted $planted --outcomes-only --elections 1000000) && { echo "nothing to replay"; exit 1; }
    arguments=$(echo "$found" | sed -n 's/^replay: elect_sim //p')
    # shellcheck disable=SC2086 # they are words
    again=$("$sim" $arguments | grep '^VIOLATION')
    [ "$again" = "$(echo "$found" | grep '^VIOLATION')" ] || { echo "this does not replay: $arguments"; exit 1; }
done
echo "replayed"
