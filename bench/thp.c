// SPDX-License-Identifier: GPL-2.0
/* Huge pages: as they are, and in pieces, which splits them. */
#include "bench.h"

#include <unistd.h>

#define NR_HUGE		16
#define PIECE		16

static void whole(const struct bench_case *c)
{
	size_t batch = pmd_size / page_size;
	static const struct trip trip = { .step = step_move };
	struct pair pair;

	make_pair(&pair, NR_HUGE * batch, MADV_HUGEPAGE, &trip);
	if (!all_huge(pair.src, pair.pages)) {
		skip(c, "no huge pages");
	} else {
		there_and_back(c, &pair, batch, &trip);
		if (!all_huge(pair.src, pair.pages) && !all_huge(pair.dst, pair.pages))
			skip(c, "huge pages did not stay so");
	}
	destroy_pair(&pair);
}

/* A huge page can be split once: one for each round. */
static void pieces(const struct bench_case *c)
{
	static const struct trip trip = { .step = step_move };
	size_t batch = pmd_size / page_size, pages = rounds * batch;
	struct pair all = {
		.uffd = open_uffd(0),
		.src = map_area(pages, MADV_HUGEPAGE),
		.dst = map_area(pages, MADV_NOHUGEPAGE),
	};
	int i;

	fill(all.src, pages);
	if (!all_huge(all.src, pages))
		return skip(c, "no huge pages");
	/* The destination has page tables, as after an earlier round. */
	fill(all.dst, pages);
	if (madvise(all.dst, pages * page_size, MADV_DONTNEED))
		die("MADV_DONTNEED");
	register_area(all.uffd, all.dst, pages);
	for (i = 0; i < rounds; i++) {
		struct pair one = all;
		struct counts counts;
		uint64_t took;

		one.pages = batch;
		begin_counts(&counts);
		took = start();
		pass(&one, PIECE * page_size, &trip);
		took = stop(took);
		record(c, PIECE, i, took, batch);
		record_counts(c, &counts, PIECE, i, batch);
		all.src += pmd_size;
		all.dst += pmd_size;
	}
	unmap_area(all.src - pages * page_size, pages);
	unmap_area(all.dst - pages * page_size, pages);
	close(all.uffd);
}

const struct bench_case thp_whole_case = { "thp.whole", "thp", whole };
const struct bench_case thp_pieces_case = { "thp.pieces", "page", pieces };
