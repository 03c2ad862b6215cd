#!/bin/bash
# scripts/test-all, with lists of its own.

. "$(dirname "$0")/tap.sh"

export OUT=$tap_tmp/out ALL=$tap_tmp/all
cat >"$ALL" <<'EOF'
# a comment
fails	sleep 1; echo 3 passed, 1 failed, 0 skipped; echo more >&2; exit 1
counts	echo 7 passed, 0 failed, 2 skipped
says	echo this; echo "that $secs${SECS:-}${FLAVOUR:-}"
nothing	true
fuzz-x	cat "$ALL.fuzz"
fuzz-y	cat "$ALL.fuzz" >&2; echo 'VIOLATION by mover 1'; exit 1
EOF
cat >"$ALL.fuzz" <<'EOF'
  10 s: 55 pages moved, 3 times huge ones, 1 stores
           operation            times seconds  results
mover      move                    40     1.0  done 39 busy 1
family     child_exits              2     0.5  done 2

move twice                                12

  20 s: 88 pages moved, 3 times huge ones, 1 stores
PASS: no page was lost; SEED=0x7
EOF

# all NAME STATUS WANT SETTINGS : the table with all blanks as one, without seconds.
all() {
	local status=0 settings
	read -ra settings <<<"$4"
	env "${settings[@]}" "$ROOT/scripts/test-all" >"$tap_tmp/raw" 2>"$tap_tmp/err" || status=$?
	sed -E '/^$/d; s/ +/ /g; s/ [0-9]+ s / /' "$tap_tmp/raw" >"$tap_tmp/got"
	printf '%b' "$3" >"$tap_tmp/want"
	echo "status $2" >>"$tap_tmp/want"
	echo "status $status" >>"$tap_tmp/got"
	check "$1" diff "$tap_tmp/want" "$tap_tmp/got"
}

fuzz='42 operations, 88 pages moved:'
all 'a line that fails is not the end' 1 "fails FAILED 3 passed, 1 failed, 0 skipped
counts ok 7 passed, 0 failed, 2 skipped
says ok that 600
nothing ok 
fuzz-x ok $fuzz PASS: no page was lost; SEED=0x7
fuzz-y FAILED $fuzz VIOLATION by mover 1\n" A=
check 'it is said how many failed' grep -q '2 of 6 failed' "$tap_tmp/err"
check 'there is a log' grep -q more "$OUT/fails.log"
all 'some of them, some seconds' 0 'counts ok 7 passed, 0 failed, 2 skipped\nsays ok that 5\n' 'ONLY=says,counts SECS=5 FLAVOUR=debug'
all 'two at a time, in their order' 1 "fails FAILED 3 passed, 1 failed, 0 skipped
counts ok 7 passed, 0 failed, 2 skipped\n" 'ONLY=fails,counts JOBS=2'
all 'no line at a time' 125 '' JOBS=0
all 'no seconds' 125 '' SECS=abc
all 'all of a kind' 1 "fuzz-x ok $fuzz PASS: no page was lost; SEED=0x7\nfuzz-y FAILED $fuzz VIOLATION by mover 1\n" ONLY=fuzz-*
all 'a name that is none' 125 '' ONLY=says,no
all 'help' 0 "$(grep -v '^#' "$ALL" | sed -E 's/ +/ /g')\n" ONLY=help
done_testing
