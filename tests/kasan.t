#!/bin/bash
# Those selftests that a list beside this file has, on the kernel of that name:
# kasan.t those of kasan.txt, with KASAN; kcsan.t, a link, those of kcsan.txt.
# `make test T=selftests FLAVOUR=kasan` runs all of them.

TESTS=$(dirname "$0")
FLAVOUR=$(basename "$0" .t)
CASE=$(sed -E '/^(#|$)/d' "$TESTS/$FLAVOUR.txt" | cut -f1 | tr '\n' ' ')
export FLAVOUR CASE
exec "$TESTS/selftests.t"
