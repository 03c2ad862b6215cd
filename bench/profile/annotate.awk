# A disassembly, with how often each block was executed before its first
# instruction. Blocks come first, then what objdump -d printed.
#
#	awk -v units=NUMBER -f annotate.awk blocks disassembly

FNR == NR { sub(/^0+/, "", $1); times[$1] += $3; next }

{
	address = $1
	sub(/:$/, "", address)
	if (address in times)
		printf "%10.3f %s\n", times[address] / units, $0
	else
		printf "%10s %s\n", "", $0
}
