// SPDX-License-Identifier: GPL-2.0
/*
 * Anonymous pages on their way out and back: MADV_PAGEOUT, which doesn't ask
 * whether they are used; reclaim from a cgroup, which does (folio_referenced());
 * and faults that bring them back.
 */
#include "bench.h"

#define PAGES		4096

static char *area;

static void page_out_and_in(const struct bench_case *c, bool measure_in)
{
	uint64_t took;
	int i;

	area = map_area(PAGES, MADV_NOHUGEPAGE);
	if (!have_swap())
		return skip(c, "no swap");
	for (i = 0; i < rounds; i++) {
		fill(area, PAGES);
		drain_lru();
		took = start();
		if (madvise(area, PAGES * page_size, MADV_PAGEOUT))
			die("MADV_PAGEOUT");
		took = stop(took);
		if (!page_out(area, PAGES))
			return skip(c, "the pages stay");
		if (measure_in) {
			took = start();
			fill(area, PAGES);
			took = stop(took);
		}
		record(c, 1, i, took, PAGES);
	}
}

static void pageout(const struct bench_case *c)
{
	page_out_and_in(c, false);
}

static void swapin(const struct bench_case *c)
{
	page_out_and_in(c, true);
}

/* All of them have been used since the last time: the kernel has to look twice. */
static void from_cgroup(const struct bench_case *c)
{
	size_t out;
	uint64_t took;
	int i;

	if (!have_swap() || !enter_cgroup())
		return skip(c, "no swap, or no memory.reclaim");
	area = map_area(PAGES, MADV_NOHUGEPAGE);
	for (i = 0; i < rounds; i++) {
		fill(area, PAGES);
		drain_lru();
		fill(area, PAGES);
		took = start();
		reclaim(PAGES / 4);
		took = stop(took);
		out = count_pages(area, PAGES, is_swapped);
		if (!out)
			return skip(c, "nothing was reclaimed");
		record(c, 1, i, took, out);
	}
}

const struct bench_case base_pageout_case = { "base.pageout", "page", pageout };
const struct bench_case base_swapin_case = { "base.swapin", "page", swapin };
const struct bench_case base_reclaim_case = { "base.reclaim", "page", from_cgroup };
