#!/bin/bash
# The judge itself: each golden log gets the verdict in its .expect file, of
# which the first line is arguments for the judge. And broken lists fail.

. "$(dirname "$0")/tap.sh"

golden=$ROOT/tests/judge/golden
judge=$ROOT/scripts/judge

for log in "$golden"/*.log; do
	name=$(basename "$log" .log)
	# An argument with blanks is written with underscores.
	mapfile -t args < <(sed -n '1{s/ /\n/g;p}' "$golden/$name.expect" | sed '/^$/d')
	"$judge" "${args[@]}" "$log" >"$tap_tmp/got" 2>&1
	echo "status $?" >>"$tap_tmp/got"
	tail -n +2 "$golden/$name.expect" >"$tap_tmp/want"
	check "$name" diff "$tap_tmp/want" "$tap_tmp/got"
done

# with_lists NAME DENY ALLOW LOG STATUS VERDICT [OURS]
with_lists() {
	mkdir -p "$tap_tmp/lists"
	rm -f "$tap_tmp/lists"/*
	[ -z "$2" ] || printf '%b\n' "$2" >"$tap_tmp/lists/deny.txt"
	[ "$3" = none ] || printf '%b\n' "$3" >"$tap_tmp/lists/allow.txt"
	[ -z "${7:-}" ] || printf '%b\n' "$7" >"$tap_tmp/lists/ours.txt"
	JUDGE=$tap_tmp/lists "$judge" "$golden/$4.log" >"$tap_tmp/got" 2>&1
	echo "status $?" >>"$tap_tmp/got"
	printf '%s\nstatus %s\n' "$6" "$5" >"$tap_tmp/want"
	check "$1" diff "$tap_tmp/want" "$tap_tmp/got"
}

with_lists 'no deny list' '' '' clean 125 'FAIL lists: deny.txt is missing'
with_lists 'no allow list' panic none clean 125 'FAIL lists: allow.txt is missing'
with_lists 'empty deny list' '# nothing' '' clean 125 'FAIL lists: deny.txt has no expressions'
with_lists 'broken expression' 'a(b' '' clean 125 'FAIL lists: deny.txt: not an expression: a(b'
with_lists 'allowed' 'Linux version' 'version 6\tin every log\t2999-01-01' clean 0 'PASS exit=0'
with_lists 'allowed too long' 'Linux version' 'version 6\tin every log\t2020-01-01' clean 125 \
	'FAIL lists: allow.txt: expired on 2020-01-01: version 6'
with_lists 'allowed without a reason' 'Linux version' 'version 6' clean 125 \
	'FAIL lists: allow.txt: needs expression, reason and date: version 6'
with_lists 'no list of ours' 'KCSAN: ' '' kcsan-ours 125 'FAIL lists: ours.txt is missing'
with_lists 'ours, but how' 'KCSAN: ' '' kcsan-ours 125 \
	'FAIL lists: ours.txt: only "itself" can follow: uffd_move_run' 'uffd_move_run\tmyself'
with_lists 'an allowed line hides no other' 'Linux version\nRun' 'version 6\tin every log\t2999-01-01' \
	clean 123 'FAIL splat: Run /init as init process'

# A function that the series adds, or moves to another place, is ours.
added() {
	sed -nE '/^\+\+\+ /h; G
		s/^\+[a-z][a-z0-9_ ]*[ *]([a-z0-9_]+)\(.*\n\+\+\+ b\/(fs|mm|include)\/.*/\1/p' "$@" | sort -u
}
missing() {
	sed -E '/^(#|$)/d' "$golden/../ours.txt" | cut -f1 >"$tap_tmp/ours"
	added "$@" | grep -vxE -f "$tap_tmp/ours"
}
none_missing() {
	[ -n "$(added "$@")" ] && ! missing "$@"
}
check 'all functions of the series are ours' none_missing "$PATCHES"/*.patch
printf '%s\n' '+++ b/mm/a.c' '+static int *uffd_move_on(int a)' '+bool uffd_stay(void)' '+	if (f(x))' \
	'+++ b/tools/a.c' '+int main(void)' >"$tap_tmp/a.patch"
check 'and one that is not is noticed' test "$(missing "$tap_tmp/a.patch")" = uffd_stay
done_testing
