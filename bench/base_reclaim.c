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

/* Measures with a swap device of its own; @measure says why, if it cannot. */
static void with_swap(const struct bench_case *c, const char *(*measure)(const struct bench_case *c))
{
	struct small_swap swap;
	const char *why = small_swap_open(&swap, SLOTS, 0);

	if (why)
		return skip(c, why);
	area = map_area(PAGES, MADV_NOHUGEPAGE);
	why = measure(c);
	unmap_area(area, PAGES);
	small_swap_close(&swap);
	if (why)
		skip(c, why);
}

static const char *page_out_and_in(const struct bench_case *c, bool measure_in)
{
	uint64_t took;
	int i;

	for (i = 0; i < rounds; i++) {
		fill(area, PAGES);
		drain_lru();
		took = start();
		if (madvise(area, PAGES * page_size, MADV_PAGEOUT))
			die("MADV_PAGEOUT");
		took = stop(took);
		if (!page_out(area, PAGES))
			return "the pages stay";
		if (measure_in) {
			took = start();
			fill(area, PAGES);
			took = stop(took);
		}
		record(c, 1, i, took, PAGES);
	}
	return NULL;
}

static const char *out(const struct bench_case *c)
{
	return page_out_and_in(c, false);
}

static const char *in(const struct bench_case *c)
{
	return page_out_and_in(c, true);
}

/* All of them have been used since the last time: the kernel has to look twice. */
static const char *out_of_cgroup(const struct bench_case *c)
{
	uint64_t took;
	size_t nr;
	int i;

	if (!enter_cgroup())
		return "no memory.reclaim";
	for (i = 0; i < rounds; i++) {
		fill(area, PAGES);
		drain_lru();
		fill(area, PAGES);
		took = start();
		reclaim(PAGES);
		took = stop(took);
		nr = count_pages(area, PAGES, is_swapped);
		if (!nr)
			return "nothing was reclaimed";
		record(c, 1, i, took, nr);
	}
	return NULL;
}

static void pageout(const struct bench_case *c)
{
	with_swap(c, out);
}

static void swapin(const struct bench_case *c)
{
	with_swap(c, in);
}

static void from_cgroup(const struct bench_case *c)
{
	with_swap(c, out_of_cgroup);
}

const struct bench_case base_pageout_case = { "base.pageout", "page", pageout };
const struct bench_case base_swapin_case = { "base.swapin", "page", swapin };
const struct bench_case base_reclaim_case = { "base.reclaim", "page", from_cgroup };
