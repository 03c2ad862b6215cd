# shellcheck shell=bash
# TAP from shell: each test ends in ok or not_ok; done_testing is the last.

. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
set +e

tap_count=0
mkdir -p "$BUILD/tmp"
tap_tmp=$(mktemp -d "$BUILD/tmp/tap.XXXXXX")
trap 'rm -rf "$tap_tmp"' EXIT

ok() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

# not_ok NAME [FILE...] : the files say what went wrong.
not_ok() {
	tap_count=$((tap_count + 1))
	echo "not ok $tap_count - $1"
	shift
	[ $# -eq 0 ] || sed 's/^/# /' "$@"
}

# check NAME COMMAND... : passes when the command does, shows its output if not.
check() {
	local name=$1
	shift
	if "$@" >"$tap_tmp/check" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "$tap_tmp/check"
	fi
}

# refuses SAYS COMMAND... : passes when the command fails, and says so.
refuses() {
	local want=$1 output
	shift
	output=$("$@" 2>&1) && { echo "$output"; echo "it did not fail"; return 1; }
	grep -qF -- "$want" <<<"$output" || { echo "$output"; echo "it did not say: $want"; return 1; }
}

# The program of tests/guest.c as $guest.
guest=$tap_tmp/guest
build_guest() {
	"${CROSS_COMPILE}gcc" -Wall -Wextra -Werror -O2 -static -o "$guest" "$ROOT/tests/guest.c"
}

# Numbers the lines of ktap and compare, and passes everything else on.
number() {
	local line
	while IFS= read -r line; do
		case $line in
		'ok - '*) tap_count=$((tap_count + 1)) line="ok $tap_count - ${line#ok - }" ;;
		'not ok - '*) tap_count=$((tap_count + 1)) line="not ok $tap_count - ${line#not ok - }" ;;
		esac
		printf '%s\n' "$line"
	done
}

done_testing() {
	echo "1..$tap_count"
}
