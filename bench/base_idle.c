// SPDX-License-Identifier: GPL-2.0
/* page_idle: mark the frames of 4096 pages idle, and ask whether they still are. */
#include "bench.h"

#define PAGES		4096

static void run(const struct bench_case *c)
{
	char *area = map_area(PAGES, MADV_NOHUGEPAGE);
	static uint64_t pfn[PAGES];
	uint64_t took;
	int round, i;

	fill(area, PAGES);
	drain_lru();
	for (i = 0; i < PAGES; i++)
		pfn[i] = pfn_of(area + i * page_size);
	if (!pfn[0] || !set_idle(pfn[0]))
		return skip(c, "no page_idle");
	for (round = 0; round < rounds; round++) {
		took = start();
		for (i = 0; i < PAGES; i++) {
			set_idle(pfn[i]);
			is_idle(pfn[i]);
		}
		record(c, 1, round, stop(took), PAGES);
	}
}

const struct bench_case base_idle_case = { "base.page_idle", "page", run };
