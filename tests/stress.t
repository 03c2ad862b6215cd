#!/bin/bash
# The fuzzer, for half a minute, with a new seed each time: one that finds
# something is in the output. And that it does find what is wrong.

. "$(dirname "$0")/tap.sh"

export FLAVOUR=${FLAVOUR:-vm}
stress=$ROOT/scripts/stress

# says NAME STATUS EXPRESSION COMMAND...
says() {
	local name=$1 want=$2 expression=$3 status=0
	shift 3
	"$@" >"$tap_tmp/out" 2>&1 || status=$?
	if [ $status -eq "$want" ] && grep -qE "$expression" "$tap_tmp/out"; then
		ok "$name"
	else
		echo "status $status where it must be $want, and /$expression/" >>"$tap_tmp/out"
		not_ok "$name" "$tap_tmp/out"
	fi
}

says 'finds nothing' 0 '^PASS: ' env SECS="${SECS:-30}" "$stress"
says 'a page that was spoilt is found' 1 '^VIOLATION .*SEED=0x7' env SEED=0x7 SECS=8 "$stress" -x 5
# Planted bugs: a page moves that must not, and a TLB still has what has moved.
if [ -z "$SUFFIX" ]; then
	for mutant in no_pin_check no_flush; do
		says "$mutant is found" 1 '^VIOLATION ' env FLAVOUR=mutants "APPEND=mutant=$mutant" SECS=300 "$stress"
	done
fi
says 'a seed must be a number' 125 'SEED=x is not a number' env SEED=x "$stress"
says 'so must the seconds be' 125 'SECS=0 is not a number' env SECS=0 "$stress"
says 'and those until a hang' 125 'HANG=-1 is not a number' env HANG=-1 "$stress"
done_testing
