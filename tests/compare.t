#!/bin/bash
# The comparison of two kernels: what differs, or proves nothing, must not pass.

. "$(dirname "$0")/tap.sh"

printf 'p\tit needs a printer\n' >"$tap_tmp/list"

# side KERNEL STATUS OUTPUT
side() {
	printf '%b' "$3" >"$tap_tmp/$1.out"
	printf '%b' "$2" >"$tap_tmp/$1.status"
}

# compare NAME OPTIONS WANT : the lines before those of the programs, and the table's.
compare() {
	local options
	read -ra options <<<"$2"
	rm -f "$tap_tmp/row"
	{
		"$ROOT/scripts/compare" --name p --row "$tap_tmp/row" "${options[@]}" \
			"$tap_tmp/base" "$tap_tmp/series" 2>&1 | sed '/^# the last lines/,$d'
		[ ! -e "$tap_tmp/row" ] || sed -E 's/ {2,}/|/g' "$tap_tmp/row"
	} >"$tap_tmp/got"
	printf '%b' "$3" >"$tap_tmp/want"
	check "$1" diff "$tap_tmp/want" "$tap_tmp/got"
}

# both NAME STATUS OUTPUT STATUS OUTPUT WANT : without options.
both() {
	side base "$2" "$3"
	side series "$4" "$5"
	compare "$1" '' "$6"
}

a='ok 1 a\n' no_a='not ok 1 a\n' b='ok 2 b\n' no_b='not ok 2 b\n' one='1..1\n' two='1..2\n'
worse='# as a whole: ok on the base, fail with the series\n'
proves='# nothing passes on the base, so that this proves nothing\n'

both 'the same' 0 "$two$a$b" 0 "TAP version 13\n$two$a# c\n$b" 'ok - p\np|2 ok|2 ok|yes\n'
both 'the same, with a failure' 1 "$two$a$no_b" 1 "$two$a$no_b" 'ok - p\np|1 ok, 1 fail|1 ok, 1 fail|yes\n'
both 'a failure more' 0 "$two$a$b" 1 "$two$a$no_b" \
	'not ok - p\n# 2 b: ok on the base, fail with the series\n# exit status: 0 on the base, 1 with the series\np|2 ok|1 ok, 1 fail|NO\n'
both 'a failure less' 1 "$two$a$no_b" 0 "$two$a$b" \
	'not ok - p\n# 2 b: fail on the base, ok with the series\n# exit status: 1 on the base, 0 with the series\np|1 ok, 1 fail|2 ok|NO\n'
both 'as many failures, of others' 1 "$two$a$no_b" 1 "$two$no_a$b" \
	'not ok - p\n# 1 a: ok on the base, fail with the series\n# 2 b: fail on the base, ok with the series\np|1 ok, 1 fail|1 ok, 1 fail|NO\n'
both 'a skip more' 0 "$two$a$b" 0 "$two${a}ok 2 # SKIP b\n" \
	'not ok - p\n# 2 # SKIP b: ok on the base, skip with the series\np|2 ok|1 ok, 1 skip|NO\n'
both 'an expected failure more' 0 "$two$a$b" 0 "$two${a}ok 2 # XFAIL b\n" \
	'not ok - p\n# 2 # XFAIL b: ok on the base, xfail with the series\np|2 ok|1 ok, 1 xfail|NO\n'
both 'only the exit status differs' 0 "$one$a" 1 "$one$a" \
	'not ok - p\n# exit status: 0 on the base, 1 with the series\np|1 ok|1 ok, 1 fail|NO\n'
both 'a result is missing' 0 "$two$a$b" 0 "$two$a" \
	'not ok - p\n# 2 b: ok on the base, nothing with the series\n# with the series: 1 results where 2 were planned\np|2 ok|1 ok|NO\n'
both 'a result is missing on both' 0 "$two$a" 0 "$two$a" \
	'not ok - p\n# on the base: 1 results where 2 were planned\n# with the series: 1 results where 2 were planned\np|1 ok|1 ok|yes, not ok\n'
both 'one twice' 0 "$two$a$a" 0 "$two$a$a" \
	'not ok - p\n# on the base: number 1 twice\n# on the base: 1 results where 2 were planned\n# with the series: number 1 twice\n# with the series: 1 results where 2 were planned\np|1 ok|1 ok|yes, not ok\n'
both 'no plan' 0 "$a" 0 "$a" \
	'not ok - p\n# on the base: no plan\n# with the series: no plan\np|1 ok|1 ok|yes, not ok\n'
both 'no output' 0 "$one$a" 0 '' \
	'not ok - p\n# as a whole: nothing on the base, fail with the series\n# 1 a: ok on the base, nothing with the series\n# with the series: it printed nothing\np|1 ok|1 fail|NO\n'
both 'no output on both' 0 '' 0 '' \
	"not ok - p\n# on the base: it printed nothing\n# with the series: it printed nothing\n${proves}p|1 fail|1 fail|yes, not ok\n"
both 'no exit status' 0 "$one$a" '' "$one$a" \
	'not ok - p\n# exit status: 0 on the base, none with the series\n# with the series: no exit status\np|1 ok|1 ok, 1 fail|NO\n'
both 'late' 0 "$one$a" 124 "$one$a" \
	'not ok - p\n# exit status: 0 on the base, 124 with the series\n# with the series: the run as a whole failed: 124, see scripts/run\np|1 ok|1 ok, 1 fail|NO\n'
both 'late on both' 124 "$one$a" 124 "$one$a" \
	'not ok - p\n# on the base: the run as a whole failed: 124, see scripts/run\n# with the series: the run as a whole failed: 124, see scripts/run\np|1 ok, 1 fail|1 ok, 1 fail|yes, not ok\n'
both 'without KTAP: the same' 0 'done\n' 0 'well done\n' 'ok - p\np|1 ok|1 ok|yes\n'
both 'without KTAP: a failure' 0 'done\n' 1 'oh\n' \
	"not ok - p\n${worse}# exit status: 0 on the base, 1 with the series\np|1 ok|1 fail|NO\n"
both 'without KTAP: a signal' 0 'done\n' 139 'oh\n' \
	"not ok - p\n${worse}# exit status: 0 on the base, 139 with the series\np|1 ok|1 fail|NO\n"
both 'without KTAP: failures of two kinds' 1 'oh\n' 139 'oh\n' \
	"not ok - p\n# exit status: 1 on the base, 139 with the series\n${proves}p|1 fail|1 fail|NO\n"
both 'coloured: the same' 0 'x... \e[32mOK\e[0m\ny...\e[33mSkip\e[0m\n' 0 'x....... \e[32mOK\e[0m\ny...\e[33mSkip\e[0m\n' \
	'ok - p\np|1 ok, 1 skip|1 ok, 1 skip|yes\n'
both 'coloured: a failure' 0 'x... \e[32mOK\e[0m\n' 1 'x...\e[31mFail: Bad\e[0m\n' \
	'not ok - p\n# 1 x: ok on the base, fail with the series\n# exit status: 0 on the base, 1 with the series\np|1 ok|1 fail|NO\n'
both 'coloured: ended early' 0 'x... \e[32mOK\e[0m\ny... \e[32mOK\e[0m\n' 0 'x... \e[32mOK\e[0m\n' \
	'not ok - p\n# 2 y: ok on the base, nothing with the series\np|2 ok|1 ok|NO\n'
both 'both skipped' 4 "1..0 # SKIP no printer\n" 4 "1..0 # SKIP no printer\n" \
	"not ok - p\n${proves}p|1 skip|1 skip|yes, not ok\n"
both 'both failed' 1 "$one$no_a" 1 "$one$no_a" "not ok - p\n${proves}p|1 fail|1 fail|yes, not ok\n"
compare 'both failed, and listed' "--may-fail $tap_tmp/list" 'ok - p\np|1 fail|1 fail|yes\n'
side series 0 "$one$a"
compare 'listed, and they differ' "--may-fail $tap_tmp/list" \
	'not ok - p\n# 1 a: fail on the base, ok with the series\n# exit status: 1 on the base, 0 with the series\np|1 fail|1 ok|NO\n'
side base 0 "$one$a"
compare 'listed, and it passes' "--may-fail $tap_tmp/list" \
	'not ok - p\n# listed as passing nothing on the base, and it passes: take it out of the list\np|1 ok|1 ok|yes, not ok\n'
printf 'p\n' >"$tap_tmp/list"
compare 'listed without a reason' "--may-fail $tap_tmp/list" "compare: $tap_tmp/list: no reason for p\n"
compare 'no such list' '--may-fail /nonesuch' 'compare: there is no list /nonesuch\n'

side base 142 'loop 1\n'
side series 142 'loop 2\n'
compare 'endless' '--endless loop.[1-9]' 'ok - p\np|1 ok|1 ok|yes\n'
side series 142 'loop 0\n'
compare 'endless: too slow' '--endless loop.[1-9]' \
	"not ok - p\n${worse}# with the series: it never printed /loop.[1-9]/\np|1 ok|1 fail|NO\n"
side series 0 'loop 2\n'
compare 'endless: it ended' '--endless loop.[1-9]' \
	"not ok - p\n${worse}# exit status: 142 on the base, 0 with the series\n# with the series: it ended by itself with 0\np|1 ok|1 fail|NO\n"
done_testing
