# The distribution of what a fault takes. Needs: csv, out (without suffix).
set datafile separator ","
set xlabel "instructions from the touch to going on"
set ylabel "share of the faults"
set yrange [0:1]
set grid
set key bottom right
set title "Faults, resolved in the SIGBUS handler or by a thread"
pick(name) = sprintf("< awk -F, '$1 == \"%s\"' '%s'", name, csv)
names = "fault.sigbus.move fault.sigbus.copy fault.thread.move fault.thread.copy"
do for [terminal in "svg png"] {
	set terminal terminal size 900, 600 noenhanced
	set output out . "." . terminal
	plot for [name in names] pick(name) using 5:(1.0 / 999) smooth cumulative lw 2 title name
}
