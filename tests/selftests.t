#!/bin/bash
# The series' kselftests on a kernel with the series, FLAVOUR=vm or another;
# and, as a control, on the base without it, FLAVOUR=unpatched.
#
# CASE='a b'  only those of these names, or with such ends of names

. "$(dirname "$0")/tap.sh"

FLAVOUR=${FLAVOUR:-vm}
export FLAVOUR
built=$BUILD/selftests$SUFFIX/install
install=$built/mm
case $FLAVOUR in
unpatched | *-unpatched) lists=(--unpatched --passes "$ROOT/tests/passes-unpatched.txt") ;;
*)
	lists=(--may-skip "$ROOT/tests/may-skip.txt" --on "$ARCH,$FLAVOUR")
	[ -n "${CASE:-}" ] || lists+=(--whole)
	;;
esac

# Runs one installed program. Its exit status above 120 is about the run.
one() {
	local prog=$1 status verdict='' case select=()
	for case in ${CASE:-}; do
		select+=("$case" "$case.*" "*.$case" "*.$case.*")
	done
	: >"$tap_tmp/status"
	: >"$tap_tmp/run.log"
	{
		FILES=$(find "$install" -type f ! -name "$prog" -printf '%p ') \
			"$ROOT/scripts/run" "$install/$prog" "${select[@]}" 2>"$tap_tmp/run.log"
		echo $? >"$tap_tmp/status"
	} | "$ROOT/scripts/ktap" "${lists[@]}" --name "$prog" --status "$tap_tmp/status"
	status=$(cat "$tap_tmp/status")
	case $status in
	12[1-6]) verdict=not ;;
	esac
	echo "${verdict:+not }ok - $prog: console"
	[ -z "$verdict" ] || sed 's/^/# /' "$tap_tmp/run.log"
}

check "$FLAVOUR kernel builds" "$ROOT/scripts/kernel"
check 'selftests build' "$ROOT/scripts/selftests"
# As kselftest does: the seconds a program may take are in its settings.
seconds=$(sed -n 's/^timeout=//p' "$install/settings" 2>/dev/null)
export TIMEOUT=${TIMEOUT:-${seconds:-600}}
progs=$(sed -n 's/^mm://p' "$built/kselftest-list.txt")
[ -n "$progs" ] || not_ok 'there are selftests'
# The loop is a subshell: what it numbered is counted from its output.
for prog in $progs; do
	one "$prog"
done | number | tee "$tap_tmp/all"
tap_count=$((tap_count + $(grep -cE '^(not )?ok ' "$tap_tmp/all")))
# A name in a list that is no test's any more would go unnoticed beside others.
for case in ${CASE:-}; do
	check "$case is the name of a test" grep -qE "^(not )?ok [0-9]+ - [^:]*: ([^ ]*\.)?${case//./\\.}(\.| |\$)" "$tap_tmp/all"
done
done_testing
