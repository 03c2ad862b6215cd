#!/bin/bash
# The benchmark's tables say what its CSV says, and its program refuses what it
# cannot do. What it measures is not looked at here.

. "$(dirname "$0")/tap.sh"

BENCH=$ROOT/bench
header=case,at,unit,round,instructions,count

# csv NAME LINE...
csv() {
	printf '%s\n' "$header" "${@:2}" >"$tap_tmp/$1.csv"
}

# table WANT OPTION... : the rows, with single spaces.
table() {
	local want=$1
	shift
	awk -f "$BENCH/sort.awk" -f "$BENCH/table.awk" "$@" 2>&1 |
		sed -E 's/ +/ /g; s/ $//' | grep -E "$want"
}

build_bench() {
	"$ROOT/scripts/selftests" headers && make -s -C "$BENCH" "O=$BUILD/bench-prog" \
		"LINUX=$LINUX" "KHDR=$BUILD/selftests/usr/include"
}

csv slow 'move,1,page,0,300,10' 'move,1,page,1,100,10' 'move,1,page,2,200,10'
csv fast 'move,1,page,0,100,10' 'move,1,page,1,100,10' 'move,1,page,2,100,10' 'copy,1,page,0,50,10'
check 'median and spread' table '^move 1 page 20\.0 100\.0%$' "$tap_tmp/slow.csv"
check 'ratio of two' table '^move 1 page 20\.0 100\.0% 10\.0 0\.0% 0\.500$' "$tap_tmp/slow.csv" "$tap_tmp/fast.csv"
check 'a row that one has' table '^copy 1 page - - 5\.0000 0\.0% -$' "$tap_tmp/slow.csv" "$tap_tmp/fast.csv"
csv beyond 'move,1,page,0,205,10'
csv equal 'move,1,page,0,202,10'
limited() {
	awk -f "$BENCH/sort.awk" -f "$BENCH/table.awk" -v limit=1.01 "$@"
}
check 'within the limit' limited "$tap_tmp/slow.csv" "$tap_tmp/equal.csv"
check 'beyond the limit' refuses 'NO: more than 1.01' limited "$tap_tmp/equal.csv" "$tap_tmp/beyond.csv"

csv lost 'copy,1,page,0,50,10'
csv left_out 'move,1,page,0,200,10' '# swap skipped: no swap'
check 'a limit on a row that the first lacks' refuses 'NO: only one has it' limited "$tap_tmp/"{lost,fast}.csv
check 'a limit on a row that the second lacks' refuses 'NO: only one has it' limited "$tap_tmp/"{fast,lost}.csv
check 'a limit and a skip' refuses '# swap skipped' limited "$tap_tmp/"{left_out,left_out}.csv

csv call 'move,4,page,0,100,40'
check 'what a call costs' table '^move 4 page 2\.5000 0\.0% 10\.0$' -v calls=1 "$tap_tmp/call.csv"

printf 'case,at,unit,theirs,at most\nmove,1,page,40,20\n' >"$tap_tmp/bounds.csv"
check 'a bound kept' table '^move 1 page 20\.0 100\.0% 40 20 yes$' -v "bounds=$tap_tmp/bounds.csv" "$tap_tmp/slow.csv"
sed -i 's/40,20/40,19/' "$tap_tmp/bounds.csv"
check 'a bound broken' table '^move 1 page 20\.0 100\.0% 40 19 NO$' -v "bounds=$tap_tmp/bounds.csv" "$tap_tmp/slow.csv"

csv garbled 'move,1,page,0,300,10' 'oops: killed'
check 'a line that is none' refuses 'not a line of bench' awk -f "$BENCH/sort.awk" -f "$BENCH/table.awk" "$tap_tmp/garbled.csv"
csv empty
check 'no rows' refuses 'nothing was measured' awk -f "$BENCH/sort.awk" -f "$BENCH/table.awk" "$tap_tmp/empty.csv"
csv skipped 'move,1,page,0,300,10' '# swap skipped: no swap'
check 'a skip is shown' table '^# swap skipped: no swap$' "$tap_tmp/skipped.csv"

csv locks 'move:switches,1,page,'{0,1,2}',10,10' 'move:lock a;b,1,page,1,30,10'
check 'a round without an event' table '^move:switches 1 page 1\.0000 0\.0%$' -v events=1 "$tap_tmp/locks.csv"
check 'a lock that was waited for in one round of three' table '^move:lock a;b 1 page 1\.0000 300\.0%$' -v events=1 "$tap_tmp/locks.csv"

mapfile -t rounds < <(for i in {1..100}; do echo "fault,1,fault,$i,$i,1"; done)
csv events "${rounds[@]}"
check 'p50, p99 and the largest' table '^fault 1 events 50\.0 99\.0 100\.0$' "$tap_tmp/events.csv"

ratios() {
	local want=$1
	shift
	awk -f "$BENCH/sort.awk" -f "$BENCH/ratios.awk" "$tap_tmp/ratios.csv" "$@" | sed -E 's/ +/ /g' | grep -E "$want"
}
printf 'case,at,to case,to at\nmove,2,move,1\n' >"$tap_tmp/ratios.csv"
csv one 'move,1,page,0,100,10' 'move,2,page,0,200,10'
csv two 'move,1,page,0,100,10' 'move,2,page,0,400,10'
csv three 'move,1,page,0,100,10' 'move,2,page,0,300,10'
csv half 'move,1,page,0,100,10'
check 'ratios over boots' ratios '^move at 2 move at 1 median 3\.00 \(2\.00-4\.00\) 3$' "$tap_tmp/"{one,two,three}.csv
check 'a ratio that one boot lacks' refuses 'median' awk -f "$BENCH/sort.awk" -f "$BENCH/ratios.awk" "$tap_tmp/ratios.csv" "$tap_tmp/"{one,half}.csv

by_function() {
	printf '%s\n' 'ffffffff81000000 ! f' 'ffffffff81000010 4 10' 'ffffffff81000000 2 5' \
		'ffffffff81000100 ! g' 'ffffffff81000100 1 10' '0000000000401000 7 10' |
		LC_ALL=C sort | awk -v units=10 -v unit=page -f "$BENCH/profile/by-function.awk" |
		sed -E 's/^ +//; s/ +/ /g' | grep -xF -- "$1"
}
check 'instructions of a function, and its calls' by_function '5.00 38.5% 0.500 f'
check 'those of user space' by_function '7.00 53.8% 0.000 (user space)'

demo_table=$'                 MOVE         COPY\nconcurrent compaction, mean (ms)      1.50   2.50\ncompaction pause, mean (ms)   3   4
  latency, p50 (us)      5   6\n           p99 (us)      7   8\n           max (us)      9   9'
heap() {
	awk -v size=32 -v live=50 -f "$BENCH/heap.awk" <<<"$1"
}
heap "$demo_table" >"$tap_tmp/heap"
check "the demo's table" diff "$tap_tmp/heap" - <<<$'32,50,MOVE,1.50,3,5,7\n32,50,COPY,2.50,4,6,8'
check "a row that the demo's table lacks" refuses "no row '  latency, p50 (us)'" heap "${demo_table/p50/p51}"

check 'the programs build' build_bench
bench=$BUILD/bench-prog/bench
check 'the cases' "$bench" -l
check 'no such case' refuses 'no such case' "$bench" nonsense
check 'no such clock' refuses 'usage' "$bench" -c days
check 'a clock that counts no instructions' refuses 'does not count instructions' "$bench" -c instructions move
check 'no such mode' refuses "no 'nonsense'" "$ROOT/scripts/bench" nonsense
check 'no such peer' refuses 'no directory /nowhere' env PEER=/nowhere "$ROOT/scripts/bench" quick
check 'a peer that is no kernel' refuses 'no kernel source' env "PEER=$tap_tmp" "$ROOT/scripts/bench" peer
check 'a profile of a whole case' refuses 'no case' "$ROOT/scripts/bench" profile move
done_testing
