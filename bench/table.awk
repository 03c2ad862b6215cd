# A table of what bench wrote: a row for each case and parameter, and for each
# file a column with the median over its rounds and the spread of these, as
# (largest - smallest) / median.
#
#	awk -f sort.awk -f table.awk [-v bounds=targets.csv] FIRST.csv [SECOND.csv]
#
# With two files: the ratio of the second to the first; -v limit=1.01: it fails if
# that is larger anywhere, or cannot be told since one file lacks a row. With bounds,
# whose columns are shown as they are: whether the first file is within the last of
# them. -v calls=1: what a call costs, where the parameter is pages in a call.
# -v plain=1: only case, parameter and medians, for gnuplot. -v events=1: the mean
# over all rounds; one without a row for an event had none.

BEGIN {
	FS = ","
	if (bounds != "")
		read_bounds()
}

/^##/ { next }

/^#/ {
	if (!plain)
		print
	# Rows that neither file has would not be missed.
	if (limit)
		over++
	next
}

$1 == "case" {
	if (FILENAME != file)
		label[++nr_files] = name_of(FILENAME)
	file = FILENAME
	clock = $5
	next
}

NF != 6 || FILENAME != file || $6 <= 0 { fail(FILENAME ":" FNR ": not a line of bench's CSV: " $0) }

{
	row = $1 "," $2 "," $3
	if (!(row in seen)) {
		rows[++nr_rows] = row
		seen[row] = 1
	}
	n = ++samples[nr_files, row]
	cost[nr_files, row, n] = $5 / $6
	if (events)
		count_rounds()
}

END {
	if (failed)
		exit 1
	if (!nr_rows)
		fail("no rows: nothing was measured")
	if (!plain)
		print_header()
	for (i = 1; i <= nr_rows; i++)
		print_row(rows[i])
	if (!plain)
		print_percentiles()
	exit over ? 1 : 0
}

# Every round has a row for context switches, but only for locks that were waited for.
function count_rounds(  of) {
	of = nr_files SUBSEP at_of(row)
	if ($4 + 1 > rounds[of])
		rounds[of] = $4 + 1
}

# The case without the event, and the parameter
function at_of(row,  f) {
	split(row, f, ",")
	sub(/:.*/, "", f[1])
	return f[1] "," f[2]
}

# How many values a row has in a file, with the zeros that are not written
function samples_of(file, row,  n) {
	n = samples[file, row]
	return n && events ? rounds[file, at_of(row)] : n
}

function fail(why) {
	print "table: error: " why > "/dev/stderr"
	failed = 1
	exit 1
}

function name_of(path) {
	sub(/.*\//, "", path)
	sub(/\.csv$/, "", path)
	return path
}

function read_bounds(  line, f, n, i) {
	while ((getline line < bounds) > 0) {
		n = split(line, f, ",")
		if (f[1] == "case") {
			nr_bounds = n - 3
			for (i = 1; i <= nr_bounds; i++)
				bound_label[i] = f[i + 3]
			continue
		}
		for (i = 1; i <= nr_bounds; i++)
			bound[f[1] "," f[2] "," f[3], i] = f[i + 3]
	}
}

function print_header(  i) {
	printf "%-36s %6s %-6s", events ? "events, mean" : "median of " clock, "at", "per"
	for (i = 1; i <= nr_files; i++)
		printf " %16s %7s", label[i], "spread"
	if (calls)
		printf " %10s", "a call"
	if (nr_files == 2)
		printf " %7s", "ratio"
	for (i = 1; i <= nr_bounds; i++)
		printf " %10s", bound_label[i]
	print ""
}

function print_row(row,  f, i) {
	delete m
	split(row, f, ",")
	if (plain) {
		print f[1], f[2], median(1, row)
		return
	}
	printf "%-36s %6s %-6s", f[1], f[2], f[3]
	for (i = 1; i <= nr_files; i++)
		print_cost(i, row)
	if (calls)
		printf " %10s", f[3] == "page" && f[1] !~ /^scale/ && (1 in m) ? number(m[1] * f[2]) : "-"
	if (nr_files == 2)
		printf " %7s", (1 in m) && (2 in m) && m[1] ? sprintf("%.3f", m[2] / m[1]) : "-"
	if (limit)
		check_limit()
	for (i = 1; i <= nr_bounds; i++)
		printf " %10s", (row, i) in bound ? bound[row, i] : "-"
	if ((1 in m) && (row, nr_bounds) in bound)
		printf " %s", m[1] <= bound[row, nr_bounds] ? "yes" : "NO"
	print ""
}

function check_limit() {
	if (!((1 in m) && (2 in m)))
		printf " NO: only one has it"
	else if (m[2] > m[1] * limit)
		printf " NO: more than %s", limit
	else
		return
	over++
}

function median(file, row,  n, s) {
	n = sorted(file, row, s)
	return n % 2 ? s[(n + 1) / 2] : (s[n / 2] + s[n / 2 + 1]) / 2
}

function mean(s, n,  i, sum) {
	for (i = 1; i <= n; i++)
		sum += s[i]
	return sum / n
}

function print_cost(file, row,  n, s) {
	n = samples_of(file, row)
	if (!n) {
		printf " %16s %7s", "-", "-"
		return
	}
	sorted(file, row, s)
	m[file] = events ? mean(s, n) : median(file, row)
	printf " %16s %6.1f%%", number(m[file]), m[file] ? 100 * (s[n] - s[1]) / m[file] : 0
}

function sorted(file, row, s,  n, i) {
	n = samples_of(file, row)
	for (i = 1; i <= n; i++)
		s[i] = cost[file, row, i] + 0
	sort(s, n)
	return n
}

function number(x) {
	return sprintf(x < 10 ? "%.4f" : "%.1f", x)
}

# Of the rows that have a round for each event.
function print_percentiles(  i, j) {
	for (i = 1; i <= nr_rows; i++) {
		for (j = 1; j <= nr_files; j++) {
			if (samples[j, rows[i]] >= 100)
				print_distribution(j, rows[i])
		}
	}
}

function print_distribution(file, row,  n, s, f) {
	n = sorted(file, row, s)
	split(row, f, ",")
	if (!distributions++)
		printf "\n%-36s %6s %-20s %10s %10s %10s\n", "distribution of " clock, "at", "", "p50", "p99", "max"
	printf "%-36s %6s %-20s %10s %10s %10s\n", f[1], f[2], label[file],
		number(s[int((n + 1) / 2)]), number(s[int((99 * n + 99) / 100)]), number(s[n])
}
