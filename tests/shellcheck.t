#!/bin/bash
# The shell scripts have no problem that shellcheck knows.

. "$(dirname "$0")/tap.sh"

cd "$ROOT" || exit 1
for script in .ci/run scripts/* tests/*.sh tests/*.t; do
	case $(head -n 1 "$script") in
	*sh*) check "$script" shellcheck -x "$script" ;;
	esac
done
done_testing
