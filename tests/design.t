#!/bin/bash
# The design notes name a test for each row of what must hold: those tests exist.

. "$(dirname "$0")/tap.sh"

"$ROOT/scripts/tree" ensure
source=$LINUX/tools/testing/selftests/mm/uffd-unit-tests.c
tests=$(sed -nE 's/^TEST_F(_TIMEOUT)?\((\w+), (\w+).*/\2.\3/p' "$source")

# In the second column of the table: `fixture.test`, or `fixture.*`.
names=$(sed -n '/^## Every state/,/^## What is not done/p' "$ROOT/docs/design.md" |
	grep '^|' | cut -d'|' -f3 | grep -oP '\x60\K[a-z_]+\.[a-z_*]+(?=\x60)' | sort -u)

check 'there is a table' test -n "$names"
while read -r name; do
	check "$name" grep -qx -- "${name/\*/.*}" <<<"$tests"
done <<<"$names"
done_testing
