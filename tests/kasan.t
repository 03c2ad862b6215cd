#!/bin/bash
# Those selftests that tests/kasan.txt has, on the kernel with KASAN.
# `make test T=selftests FLAVOUR=kasan` runs all of them.

ROOT=$(dirname "$0")/..
CASE=$(sed -E '/^(#|$)/d' "$ROOT/tests/kasan.txt" | cut -f1 | tr '\n' ' ')
export FLAVOUR=kasan CASE
exec "$ROOT/tests/selftests.t"
