# shellcheck shell=bash disable=SC2034
# Shared by every script here: paths, messages, and small helpers.

set -euo pipefail
umask 022
unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
LINUX=${LINUX:-$ROOT/linux}
# Git is run in several directories.
[[ $LINUX == /* ]] || LINUX=$PWD/$LINUX
BUILD=$ROOT/build
PATCHES=${PATCHES:-$ROOT/patches}

# Prints a command the way it could be typed again.
show() {
	local word line='+'
	for word; do
		[ "$word" != plain_git ] || word=git
		case $word in
		'' | *[!A-Za-z0-9_./:=,@%+-]*) line+=" '${word//\'/\'\\\'\'}'" ;;
		*) line+=" $word" ;;
		esac
	done
	printf '%s\n' "${line//"$ROOT"\//}" >&2
}

run() {
	show "$@"
	"$@"
}

note() {
	printf '%s\n' "$*" >&2
}

# die STATUS MESSAGE... : every message says what to do next.
die() {
	local status=$1 line
	shift
	printf '%s: error: %s\n' "${0##*/}" "$1" >&2
	shift
	for line; do
		printf '%s: %s\n' "${0##*/}" "$line" >&2
	done
	exit "$status"
}

# git as it would be with nobody's configuration: the same hashes everywhere.
plain_git() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git \
		-c core.autocrlf=false -c core.fileMode=true -c gc.auto=0 \
		-c core.abbrev=12 -c diff.algorithm=histogram \
		-c advice.detachedHead=false -c core.looseCompression=1 "$@"
}

# need_disk MIB WHAT : before anything large is written.
need_disk() {
	local free
	free=$(df -Pm "$ROOT" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] ||
		die 1 "$2 needs $1 MiB of disk, $ROOT has $free MiB free" \
			"free some space ('make clean' removes build/) and try again"
}

jobs_count() {
	nproc 2>/dev/null || echo 2
}

# Anything that varies with the machine lives in arch-*.sh.
ARCH=${ARCH:-x86_64}
[ -e "$ROOT/scripts/arch-$ARCH.sh" ] ||
	die 1 "no support for ARCH=$ARCH" "known: $(cd "$ROOT/scripts" && printf '%s ' arch-*.sh | sed 's/arch-//g; s/\.sh//g')"
# shellcheck source=scripts/arch-x86_64.sh
. "$ROOT/scripts/arch-$ARCH.sh"

# What is built for other machines than x86-64 lies beside, under its name.
SUFFIX=
[ "$ARCH" = x86_64 ] || SUFFIX=-$ARCH
# Libraries for those machines, which are not installed; see scripts/deps.
GUEST_LIB=$BUILD/lib$SUFFIX

# What linux/ was made from: source, version, series, head.
stamp() {
	git -C "$LINUX" config --get "uffd-move.$1" || true
}

# The series in patches/ as one hash.
series_id() {
	find "$PATCHES" -maxdepth 1 -name '*.patch' -print0 2>/dev/null |
		sort -z | xargs -0 -r cat | sha256sum | cut -d' ' -f1
}

# Notes that linux/ and patches/ are the same now. In: a tree, its last commit.
stamp_series() {
	git -C "$1" config uffd-move.series "$(series_id)"
	git -C "$1" config uffd-move.head "$2"
}

# fragments_of MACHINE FLAVOUR : the files in configs/, the one that counts more last.
fragments_of() {
	local part
	for part in common "$1" "$2" "$2.$1"; do
		[ ! -e "$ROOT/configs/$part.config" ] || echo "$ROOT/configs/$part.config"
	done
}

# What config fragments ask for together, the last word on each symbol only.
wanted_config() {
	cat "$@" | awk '
		/^CONFIG_[A-Z0-9_a-z]+=/ { s = $0; sub(/=.*/, "", s); if (!(s in v)) o[++n] = s; v[s] = $0 }
		END { for (i = 1; i <= n; i++) print v[o[i]] }'
}
