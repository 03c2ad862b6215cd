# What a page costs by its state and its neighbours', 512 an ioctl. Needs: medians,
# peer_medians (may be empty), peer, out (without suffix).
states = "move mlocked swap holes.empty_tables holes.no_tables mixed.holes mixed.zero_pages mixed.pinned mixed.shared"
set style data histograms
set style fill solid 0.6
set ylabel "instructions a page"
set yrange [0:*]
set grid ytics
set key top left
set xtics rotate by -30
set title "512 pages an ioctl; of the mixed ones every 8th is such a page"
pick(file) = sprintf("< for s in %s; do awk -v s=$s '$1 == s && $2 == 512 { print; n++ } END { if (!n) print s, 512, \"-\" }' '%s'; done", states, file)
do for [terminal in "svg png"] {
	set terminal terminal size 900, 600 noenhanced
	set output out . "." . terminal
	if (strlen(peer) > 0) {
		plot pick(medians) using 3:xtic(1) title "this", \
		     pick(peer_medians) using 3 title peer
	} else {
		plot pick(medians) using 3:xtic(1) title "this"
	}
}
