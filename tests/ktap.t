#!/bin/bash
# The translation of a kselftest transcript: what must not pass does not.

. "$(dirname "$0")/tap.sh"

printf 'f.may\tit may\n' >"$tap_tmp/list"
printf 'f.v.*\tall\tnone of them can\n*.w.x\tall\tnor these\n' >"$tap_tmp/patterns"
printf '# where\nf.may\tpdp11,off-thp\tnot there\n' >"$tap_tmp/where"

# ktap NAME STATUS OPTIONS TRANSCRIPT WANT : without the comments.
ktap() {
	local options
	echo "$2" >"$tap_tmp/status"
	read -ra options <<<"$3"
	printf '%b' "$4" | "$ROOT/scripts/ktap" "${options[@]}" --name p --status "$tap_tmp/status" |
		grep -v '^#' >"$tap_tmp/got"
	printf '%b' "$5" >"$tap_tmp/want"
	check "$1" diff "$tap_tmp/want" "$tap_tmp/got"
}

run='#  RUN           f.may ...\n'
end='# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0\n'
ktap 'a pass' 0 '' "TAP version 13\n1..1\n${run}ok 1 f.may\n$end" \
	'ok - p: f.may\nok - p: transcript\n'
ktap 'a failure' 1 '' "1..2\nok 1 f.a\nnot ok 2 f.b\n" \
	'ok - p: f.a\nnot ok - p: f.b\nok - p: transcript\n'
ktap 'a failure, and exit status 0' 0 '' "1..1\nnot ok 1 f.b\n" \
	'not ok - p: f.b\nnot ok - p: transcript\n'
ktap 'a pass, and exit status 1' 1 '' "1..1\nok 1 f.b\n" \
	'ok - p: f.b\nnot ok - p: transcript\n'
ktap 'killed by a signal' 134 '' "1..1\nok 1 f.b\n" 'ok - p: f.b\nnot ok - p: transcript\n'
ktap 'no exit status' '' '' "1..1\nok 1 f.b\n" 'ok - p: f.b\nnot ok - p: transcript\n'
ktap 'ended early' 0 '' "1..2\nok 1 f.b\n" 'ok - p: f.b\nnot ok - p: transcript\n'
ktap 'nothing at all' 0 '' '' 'not ok - p: transcript\n'
ktap 'skipped as a whole' 4 '' '1..0 # SKIP no userfaultfd\n' 'not ok - p: transcript\n'
ktap 'a number left out' 0 '' "1..2\nok 1 f.a\nok 3 f.b\n" \
	'ok - p: f.a\nok - p: f.b\nnot ok - p: transcript\n'
ktap 'nested not ok' 0 '' "1..1\n    not ok 1 inner\nok 1 f.b\n" \
	'ok - p: f.b\nnot ok - p: transcript\n'
ktap 'commented not ok' 0 '' "1..1\n# not ok 1 inner\nok 1 f.b\n" \
	'ok - p: f.b\nnot ok - p: transcript\n'
ktap 'totals that disagree' 0 '' "1..2\nok 1 f.a\nok 2 f.b\n$end" \
	'ok - p: f.a\nok - p: f.b\nnot ok - p: transcript\n'
ktap 'a skip' 0 '' "1..1\n${run}ok 1 # SKIP why\n" 'not ok - p: f.may\nok - p: transcript\n'
skip="1..1\n${run}ok 1 # SKIP why\n"
ktap 'a skip that is listed for this machine' 0 "--may-skip $tap_tmp/where --on pdp11,vm" "$skip" \
	'ok - p: f.may # SKIP why\nok - p: transcript\n'
ktap 'a skip that is listed for this flavour' 0 "--may-skip $tap_tmp/where --on vax --on off-thp" "$skip" \
	'ok - p: f.may # SKIP why\nok - p: transcript\n'
ktap 'a skip that is listed for another flavour' 0 "--may-skip $tap_tmp/where --on vax,thp" "$skip" \
	'not ok - p: f.may\nok - p: transcript\n'
ktap 'a skip that is listed, nobody says where' 0 "--may-skip $tap_tmp/where" "$skip" \
	'not ok - p: f.may\nok - p: transcript\n'
printf 'f.may\tall,-off-thp\tonly there\n' >"$tap_tmp/but"
ktap 'a skip that is listed for all others' 0 "--may-skip $tap_tmp/but --on pdp11,vm" "$skip" \
	'ok - p: f.may # SKIP why\nok - p: transcript\n'
ktap 'a skip that is listed for all but this' 0 "--may-skip $tap_tmp/but --on pdp11,off-thp" "$skip" \
	'not ok - p: f.may\nok - p: transcript\n'
ktap 'all that is listed was skipped' 0 "--whole --may-skip $tap_tmp/where --on pdp11" "$skip" \
	'ok - p: f.may # SKIP why\nok - p: transcript\n'
ktap 'what is listed passes' 0 "--whole --may-skip $tap_tmp/where --on pdp11" "1..1\nok 1 f.may\n" \
	'ok - p: f.may\nok - p: transcript\nnot ok - p: f.may\n'
ktap 'what is listed passes, but not all was run' 0 "--may-skip $tap_tmp/where --on pdp11" "1..1\nok 1 f.may\n" \
	'ok - p: f.may\nok - p: transcript\n'
ktap 'what is listed for another machine passes' 0 "--whole --may-skip $tap_tmp/where --on vax" "1..1\nok 1 f.may\n" \
	'ok - p: f.may\nok - p: transcript\n'
ktap 'skips that a pattern lists' 0 "--may-skip $tap_tmp/patterns" \
	"1..3\n${run/may/v.a}ok 1 # SKIP why\n${run/may/w.x}ok 2 # SKIP why\n${run/may/w.xy}ok 3 # SKIP why\n" \
	'ok - p: f.v.a # SKIP why\nok - p: f.w.x # SKIP why\nnot ok - p: f.w.xy\nok - p: transcript\n'
ktap 'unpatched: skip and failure' 1 --unpatched "1..2\n${run}ok 1 # SKIP why\nnot ok 2 f.b\n" \
	'ok - p: f.may\nok - p: f.b\nok - p: transcript\nok - p: does not pass as a whole\n'
ktap 'unpatched: a pass' 0 --unpatched "1..1\n${run}ok 1 f.b\n" \
	'not ok - p: f.b\nok - p: transcript\nnot ok - p: does not pass as a whole\n'
ktap 'unpatched: a pass that is listed' 1 "--unpatched --passes $tap_tmp/list" \
	"1..2\nok 1 f.may\nnot ok 2 f.b\n" \
	'ok - p: f.may\nok - p: f.b\nok - p: transcript\nok - p: does not pass as a whole\n'
ktap 'unpatched: a listed one that is gone' 1 "--unpatched --passes $tap_tmp/list" \
	"1..1\nnot ok 1 f.b\n" \
	'ok - p: f.b\nok - p: transcript\nok - p: does not pass as a whole\nnot ok - p: f.may\n'

# malformed NAME OPTION LINE : a list with this line is refused, whoever it is for.
malformed() {
	printf '# comment\n%b\n' "$3" >"$tap_tmp/malformed"
	"$ROOT/scripts/ktap" --on vm "$2" "$tap_tmp/malformed" </dev/null >"$tap_tmp/got" 2>&1
	check "$1" grep -qF 'malformed:2: must be name' "$tap_tmp/got"
}

malformed 'no reason' --may-skip 'f.may\tall'
malformed 'an empty reason' --may-skip 'f.may\tall\t '
malformed 'nowhere' --may-skip 'f.may\t\tit may'
malformed 'blanks for tabs' --may-skip 'f.may all it may'
malformed 'a column too many' --may-skip 'f.may\tpdp11\tit\tmay'
malformed 'no reason to pass' --passes 'f.may'

# Each place in the list must be one that scripts/kernel can build for.
known() {
	local where status=0
	while read -r where; do
		[ "$where" = all ] || [ -e "$ROOT/scripts/arch-$where.sh" ] ||
			[ -e "$ROOT/configs/$where.config" ] || compgen -G "$ROOT/configs/$where.*.config" >/dev/null ||
			{ echo "neither a machine nor a flavour: $where"; status=1; }
	done < <(sed -E '/^(#|$)/d' "$1" | cut -f2 | tr , '\n' | sed 's/^-//' | sort -u)
	return $status
}

check 'may-skip.txt names machines and flavours' known "$ROOT/tests/may-skip.txt"
printf 'f.may\toff-thp,arm64,off\tit may\n' >"$tap_tmp/known"
check 'so does this' known "$tap_tmp/known"
printf 'f.may\toff-thp,pdp11\tit may\n' >"$tap_tmp/unknown"
unknown() {
	! known "$1"
}
check 'a machine there is not' unknown "$tap_tmp/unknown"
done_testing
