# The heap of the demo: how long compaction takes and a fault waits, by the share
# that lives. Needs: csv (heap.csv beside it is read), out (without suffix).
set datafile separator ","
set xlabel "per cent of the heap alive"
set ylabel "ms, an instruction being a nanosecond"
set grid
set key top left
set yrange [0:*]
heap = out . ".csv"
row(mode, size) = sprintf("< awk -F, '$1 == %s && $3 == \"%s\"' '%s'", size, mode, heap)
sizes = "32 128"
do for [terminal in "svg png"] {
	set terminal terminal size 900, 800 noenhanced
	set output out . "." . terminal
	set multiplot layout 2, 1
	set title "Heap of the demo: concurrent compaction"
	plot for [size in sizes] for [mode in "MOVE COPY"] row(mode, size) using 2:4 \
		with linespoints lw (mode eq "MOVE" ? 2 : 1) title mode.", ".size." MiB"
	set title "Heap of the demo: a fault, median"
	set ylabel "us"
	plot for [size in sizes] for [mode in "MOVE COPY"] row(mode, size) using 2:6 \
		with linespoints lw (mode eq "MOVE" ? 2 : 1) title mode.", ".size." MiB"
	unset multiplot
}
