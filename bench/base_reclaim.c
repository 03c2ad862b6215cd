// SPDX-License-Identifier: GPL-2.0
/*
 * Anonymous pages on their way out and back: MADV_PAGEOUT, which doesn't ask
 * whether they are used; reclaim from a cgroup, which does (folio_referenced());
 * and faults that bring them back.
 */
#include "bench.h"

#define PAGES		3072

/*
 * The swap cache is a tree, with one level more for slots from 4096 on: that is
 * 60 instructions a page, and the kernel chooses at random where it begins. So
 * there is a device that has none of those.
 */
#define SLOTS		4096

static char *area;

static void page_out_and_in(const struct bench_case *c, bool measure_in)
{
	struct small_swap swap;
	const char *why = small_swap_open(&swap, SLOTS, 0);
	uint64_t took;
	int i;

	if (why)
		return skip(c, why);
	area = map_area(PAGES, MADV_NOHUGEPAGE);
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
	unmap_area(area, PAGES);
	small_swap_close(&swap);
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
	struct small_swap swap;
	const char *why = small_swap_open(&swap, SLOTS, 0);
	size_t out;
	uint64_t took;
	int i;

	if (!why && !enter_cgroup())
		why = "no memory.reclaim";
	if (why)
		return skip(c, why);
	area = map_area(PAGES, MADV_NOHUGEPAGE);
	for (i = 0; i < rounds; i++) {
		fill(area, PAGES);
		drain_lru();
		fill(area, PAGES);
		took = start();
		reclaim(PAGES);
		took = stop(took);
		out = count_pages(area, PAGES, is_swapped);
		if (!out)
			return skip(c, "nothing was reclaimed");
		record(c, 1, i, took, out);
	}
	unmap_area(area, PAGES);
	small_swap_close(&swap);
}

const struct bench_case base_pageout_case = { "base.pageout", "page", pageout };
const struct bench_case base_swapin_case = { "base.swapin", "page", swapin };
const struct bench_case base_reclaim_case = { "base.reclaim", "page", from_cgroup };
