#!/bin/bash
# Ten of the mutants, of as many kinds: what does not need luck to be caught. 'make
# mutants' tries them all.

. "$(dirname "$0")/tap.sh"

MUTANTS_HERE='shared_moves no_dst_check no_pin_check pin_check_early flush_too_late swap_cache_stays dst_unlocked
	retract_unchecked huge_none_while_taken huge_dst_unchecked'

# "name: test" for each, by the patches and by the table of README.
of_patches() {
	"$ROOT/scripts/mutants" list | sed -nE 's/^([a-z0-9_]+): (.+)/\1: \2/p' | sort
}
of_readme() {
	# shellcheck disable=SC2016
	sed -nE 's/^\| `([a-z0-9_]+)` \|.*\| `([^`]+)` \|$/\1: \2/p' "$ROOT/mutants/README.md" | sort
}
of_patches >"$tap_tmp/patches"
of_readme >"$tap_tmp/readme"
check 'README has each mutant, with its test' diff "$tap_tmp/patches" "$tap_tmp/readme"

# A test made for a mutant that none names is run by nobody.
unnamed() {
	local fixture test
	sed -nE 's/^TEST_F(_TIMEOUT)?\(([a-z_]+), ([a-z_]+).*/\2 \3/p' "$ROOT/mutants/races/races.c" |
		while read -r fixture test; do
			grep -qE ": $fixture\.([a-z0-9_]+\.)?$test\$" "$tap_tmp/patches" || echo "$fixture.$test"
		done
}
unnamed >"$tap_tmp/unnamed"
check 'each test of races.c is named by a mutant' diff /dev/null "$tap_tmp/unnamed"

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
