#!/bin/bash
# The demo, at its shortest, on a kernel with the series.

. "$(dirname "$0")/tap.sh"

export FLAVOUR=${FLAVOUR:-vm} TIMEOUT=${TIMEOUT:-300}
check 'runs' "$ROOT/scripts/demo" --quick
done_testing
