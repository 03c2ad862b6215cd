# The rows of the demo's table that are plotted: a line of CSV for each mode.
# Needs: size, live. A row that is not there is an error.
BEGIN {
	column["concurrent compaction, mean (ms)"] = 1
	column["compaction pause, mean (ms)"] = 2
	column["  latency, p50 (us)"] = 3
	column["           p99 (us)"] = 4
	columns = 4
}

NF > 2 {
	name = $0
	sub(/ +[0-9.]+ +[0-9.]+$/, "", name)
	if (name in column) {
		move[column[name]] = $(NF - 1)
		copy[column[name]] = $NF
		delete column[name]
	}
}

function line(mode, values,	i, text) {
	text = size "," live "," mode
	for (i = 1; i <= columns; i++)
		text = text "," values[i]
	print text
}

END {
	for (name in column) {
		print "no row '" name "' in the demo's table" > "/dev/stderr"
		exit 1
	}
	line("MOVE", move)
	line("COPY", copy)
}
