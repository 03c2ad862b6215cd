# Instructions by function, from the symbols of vmlinux and the blocks that count.c
# wrote, both sorted by address. Symbols: ADDRESS ! NAME.
#
#	sort symbols blocks | awk -v units=NUMBER -v unit=NAME -f by-function.awk

$2 == "!" { symbol = $3; at = $1; next }

{
	name = $1 < "8" ? "(user space)" : symbol
	insns[name] += $2 * $3
	total += $2 * $3
	if ($1 == at && $1 >= "8")
		calls[name] += $3
}

END {
	if (!total || !units) {
		print "by-function: error: nothing was counted" > "/dev/stderr"
		exit 1
	}
	printf "%12s %7s %12s  function\n", "insns/" unit, "share", "calls/" unit
	printf "%12.2f %6.1f%% %12s  all\n", total / units, 100, ""
	for (name in insns)
		printf "%12.2f %6.1f%% %12.3f  %s\n", insns[name] / units,
			100 * insns[name] / total, calls[name] / units, name | "sort -rn"
}
