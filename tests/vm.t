#!/bin/bash
# The tests of tools/testing/selftests/vm, as far as tests/vm.txt has them, on the
# base and on a kernel with the series: both must do the same.

. "$(dirname "$0")/tap.sh"

export TIMEOUT=${TIMEOUT:-300}
BASE=unpatched SERIES=vm SECONDS_ENDLESS=10

# on FLAVOUR NUMBER COMMAND SETTINGS ENDLESS : one test on one kernel.
on() {
	local programs=$BUILD/selftests-vm/$1 result=$tap_tmp/$1.$2 command settings=() prog
	read -ra command <<<"$3"
	prog=$programs/${command[0]}
	[ "$4" = - ] || settings=("$4")
	if [ -n "$5" ]; then
		settings+=("FILES=$prog")
		prog=$guest
		command=(guest alarm "$SECONDS_ENDLESS" "/guest/${command[0]}" "${command[@]:1}")
	fi
	env "FLAVOUR=$1" "${settings[@]}" "$ROOT/scripts/run" "$prog" "${command[@]:1}" \
		>"$result.out" 2>"$result.log"
	echo $? >"$result.status"
}

check 'guest program builds' build_guest
for flavour in $BASE $SERIES; do
	check "$flavour kernel builds" env "FLAVOUR=$flavour" "$ROOT/scripts/kernel"
	check "selftests/vm of $flavour build" env "FLAVOUR=$flavour" "$ROOT/scripts/selftests" vm
done

n=0
while IFS=$'\t' read -r command settings endless; do
	case $command in '' | '#'*) continue ;; esac
	n=$((n + 1))
	on $BASE $n "$command" "$settings" "$endless"
	on $SERIES $n "$command" "$settings" "$endless"
	number < <("$ROOT/scripts/compare" --name "$command" --row "$tap_tmp/table" \
		--may-fail "$ROOT/tests/vm-may-fail.txt" ${endless:+--endless "$endless"} \
		"$tap_tmp/$BASE.$n" "$tap_tmp/$SERIES.$n" 2>&1 || echo "not ok - $command")
done <"$ROOT/tests/vm.txt"
check 'there is something to compare' test -s "$tap_tmp/table"
"$ROOT/scripts/compare" --header | cat - "$tap_tmp/table" | sed 's/^/# /'
done_testing
