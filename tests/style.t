#!/bin/bash
# checkpatch on each commit: what 'make check' would say twenty minutes later.

. "$(dirname "$0")/tap.sh"

check 'checkpatch minds nothing' "$ROOT/scripts/check" style
done_testing
