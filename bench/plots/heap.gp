# The heap of the demo: how long compaction takes and a fault waits, by the share
# that lives. Needs: out (without suffix; its .csv is read).
set datafile separator ","
set xlabel "per cent of the heap alive"
set grid
set yrange [0:*]
row(mode, size) = sprintf("< awk -F, '$1 == %s && $3 == \"%s\"' '%s.csv'", size, mode, out)
array column[2] = [4, 6]
array title[2] = ["concurrent compaction", "a fault, median"]
array unit[2] = ["ms", "us"]
do for [terminal in "svg png"] {
	set terminal terminal size 900, 800 noenhanced
	set output out . "." . terminal
	set multiplot layout 2, 1
	do for [i = 1:2] {
		set title "Heap of the demo: ".title[i]
		if (i == 1) { set key top left } else { set key bottom left }
		set ylabel unit[i].", an instruction being a nanosecond"
		plot for [size in "32 128"] for [mode in "MOVE COPY"] row(mode, size) using 2:column[i] \
			with linespoints lw (mode eq "MOVE" ? 2 : 1) title mode.", ".size." MiB"
	}
	unset multiplot
}
