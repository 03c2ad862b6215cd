#!/bin/bash
# The fuzzer, for half a minute. A new seed each time: one that finds something
# is in the output. And what it is told wrongly, it says so.

. "$(dirname "$0")/tap.sh"

export FLAVOUR=${FLAVOUR:-vm}
check 'finds nothing' env SECS="${SECS:-30}" "$ROOT/scripts/stress"

# refuses NAME WHAT VARIABLE=VALUE
refuses() {
	env "$3" "$ROOT/scripts/stress" >"$tap_tmp/out" 2>&1
	if [ $? -eq 125 ] && grep -q "$2" "$tap_tmp/out"; then
		ok "$1"
	else
		not_ok "$1" "$tap_tmp/out"
	fi
}

refuses 'a seed must be a number' 'SEED=x is not a number' SEED=x
refuses 'so must the seconds be' 'SECS=0 is not a number of seconds' SECS=0
refuses 'and those until a hang' 'HANG=-1 is not a number of seconds' HANG=-1
done_testing
