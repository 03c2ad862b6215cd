# Rows of bench's CSV in relation to others of the same boot: the ratio of their
# medians, and for rows that have a round for each event of p99 and of the largest,
# each as the median over the boots, with the smallest and the largest.
#
#	awk -f sort.awk -f ratios.awk ratios.csv FIRST.csv SECOND.csv...

BEGIN { FS = "," }

/^#/ { next }

FNR == NR {
	if ($1 != "case") {
		n = ++nr_ratios
		row[n] = $1 "," $2
		reference[n] = $3 "," $4
	}
	next
}

$1 == "case" { nr_boots++; next }

{ cost[nr_boots, $1 "," $2, ++samples[nr_boots, $1 "," $2]] = $5 / $6 }

END {
	printf "%-24s %-22s %-8s %-24s %s\n", "", "to", "", "ratio (smallest-largest)", "boots"
	for (i = 1; i <= nr_ratios; i++) {
		print_ratio(i, "median", 50)
		if (samples[1, row[i]] >= 100) {
			print_ratio(i, "p99", 99)
			print_ratio(i, "max", 100)
		}
	}
	exit failed
}

function percentile(boot, row, percent,  n, i, s) {
	n = samples[boot, row]
	for (i = 1; i <= n; i++)
		s[i] = cost[boot, row, i]
	sort(s, n)
	return n ? s[int((percent * n + 99) / 100)] : 0
}

function print_ratio(i, what, percent,  boot, to, n, r) {
	for (boot = 1; boot <= nr_boots; boot++) {
		to = percentile(boot, reference[i], percent)
		if (to && samples[boot, row[i]])
			r[++n] = percentile(boot, row[i], percent) / to
	}
	if (n != nr_boots)
		failed = 1
	sort(r, n)
	printf "%-24s %-22s %-8s %-24s %d\n", at(row[i]), at(reference[i]), what, n ? sprintf("%.2f (%.2f-%.2f)",
		r[int((n + 1) / 2)], r[1], r[n]) : "not measured", n
}

function at(row) {
	sub(/,/, " at ", row)
	return row
}
