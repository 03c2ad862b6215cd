#!/bin/bash
# Ten of the mutants, of each kind: what does not need luck to be caught. 'make
# mutants' tries them all.

. "$(dirname "$0")/tap.sh"

MUTANTS_HERE='shared_moves no_dst_check no_pin_check pin_check_early flush_too_late swap_cache_stays dst_unlocked
	retract_unchecked huge_none_while_taken huge_dst_unchecked'

rm -f "$BUILD/mutants/table"
# shellcheck disable=SC2086
"$ROOT/scripts/mutants" $MUTANTS_HERE >"$tap_tmp/out" 2>"$tap_tmp/err"
status=$?
for name in $MUTANTS_HERE; do
	result=$(awk -F '\t' -v name="$name" '$1 == name { print $3 ": " $4 }' "$BUILD/mutants/table" 2>/dev/null)
	case $result in
	caught:*) ok "$name: $result" ;;
	*) echo "${result:-no result}" >"$tap_tmp/why"; not_ok "$name" "$tap_tmp/why" ;;
	esac
done
if [ $status -eq 0 ]; then
	ok 'no other complaint'
else
	not_ok 'no other complaint' "$tap_tmp/err"
fi

check 'no such mutant' refuses 'there is no mutant nonesuch' "$ROOT/scripts/mutants" nonesuch
check 'guest program builds' build_guest
check 'the kernel refuses a mutant it does not have' refuses 'mutant: there is none named nonesuch' \
	env FLAVOUR=mutants APPEND=mutant=nonesuch "$ROOT/scripts/run" "$guest" exit 0
done_testing
