# A table of what bench wrote: a row for each case and parameter, and for each
# file a column with the median over its rounds and the spread of these, as
# (largest - smallest) / median.
#
#	awk -f table.awk [-v bounds=targets.csv] FIRST.csv [SECOND.csv]
#
# With two files: the ratio of the second to the first. With bounds, whose columns
# are shown as they are: whether the first is within the last of them.

BEGIN {
	FS = ","
	if (bounds != "")
		read_bounds()
}

FNR == 1 {
	nr_files++
	label[nr_files] = name_of(FILENAME)
	if ($1 != "case")
		fail(FILENAME " does not start as bench's CSV does")
	clock = $5
	next
}

/^#/ { print; next }

NF != 6 || $6 <= 0 { fail(FILENAME ":" FNR ": not a line of bench's CSV: " $0) }

{
	row = $1 "," $2 "," $3
	if (!(row in seen)) {
		rows[++nr_rows] = row
		seen[row] = 1
	}
	n = ++samples[nr_files, row]
	cost[nr_files, row, n] = $5 / $6
}

END {
	if (failed)
		exit 1
	if (!nr_rows)
		fail("no rows: nothing was measured")
	print_header()
	for (i = 1; i <= nr_rows; i++)
		print_row(rows[i])
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
	printf "%-36s %6s %-6s", "median of " clock, "at", "per"
	for (i = 1; i <= nr_files; i++)
		printf " %16s %7s", label[i], "spread"
	if (nr_files == 2)
		printf " %7s", "ratio"
	for (i = 1; i <= nr_bounds; i++)
		printf " %10s", bound_label[i]
	print ""
}

function print_row(row,  f, i) {
	delete m
	split(row, f, ",")
	printf "%-36s %6s %-6s", f[1], f[2], f[3]
	for (i = 1; i <= nr_files; i++)
		print_cost(i, row)
	if (nr_files == 2)
		printf " %7s", m[1] && (2 in m) && m[2] ? sprintf("%.3f", m[2] / m[1]) : "-"
	for (i = 1; i <= nr_bounds; i++)
		printf " %10s", (row, i) in bound ? bound[row, i] : "-"
	if (nr_bounds && (row, nr_bounds) in bound)
		printf " %s", m[1] <= bound[row, nr_bounds] ? "yes" : "NO"
	print ""
}

function print_cost(file, row,  n, i, s) {
	n = samples[file, row]
	if (!n) {
		printf " %16s %7s", "-", "-"
		return
	}
	for (i = 1; i <= n; i++)
		s[i] = cost[file, row, i]
	sort(s, n)
	m[file] = n % 2 ? s[(n + 1) / 2] : (s[n / 2] + s[n / 2 + 1]) / 2
	printf " %16s %6.1f%%", number(m[file]), m[file] ? 100 * (s[n] - s[1]) / m[file] : 0
}

function number(x) {
	return sprintf(x < 10 ? "%.4f" : "%.1f", x)
}

function sort(s, n,  i, j, x) {
	for (i = 2; i <= n; i++) {
		x = s[i]
		for (j = i - 1; j > 0 && s[j] > x; j--)
			s[j + 1] = s[j]
		s[j + 1] = x
	}
}
