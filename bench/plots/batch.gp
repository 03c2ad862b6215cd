# What a page costs by how many go in one ioctl. Needs: medians, peer_medians
# (may be empty), peer, out (without suffix).
set logscale xy
set xlabel "pages an ioctl"
set ylabel "instructions a page"
set xtics (1, 4, 16, 64, 512, 4096)
set grid
set key top right
set title "Base pages, by UFFDIO\\_MOVE and by other means"
row(file, name) = sprintf("< awk '$1 == \"%s\"' '%s'", name, file)
draw_peer = strlen(peer) > 0
do for [terminal in "svg png"] {
	set terminal terminal size 900, 600
	set output out . "." . terminal
	if (draw_peer) {
		plot row(medians, "move") using 2:3 with linespoints lw 2 title "MOVE", \
		     row(peer_medians, "move") using 2:3 with linespoints title "MOVE, ".peer, \
		     row(medians, "copy") using 2:3 with linespoints title "COPY, DONTNEED", \
		     row(medians, "mremap") using 2:3 with linespoints title "mremap"
	} else {
		plot row(medians, "move") using 2:3 with linespoints lw 2 title "MOVE", \
		     row(medians, "copy") using 2:3 with linespoints title "COPY, DONTNEED", \
		     row(medians, "mremap") using 2:3 with linespoints title "mremap"
	}
}
