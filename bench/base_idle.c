// SPDX-License-Identifier: GPL-2.0
/* page_idle: mark the frames of 4096 pages idle, and ask whether they still are. */
#include "bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES		4096

/*
 * What was a huge page has its frames in a row: 64 of them in each word. It must
 * not become one again.
 */
static char *map_in_a_row(void)
{
	char *area = map_area(PAGES, MADV_HUGEPAGE);

	fill(area, PAGES);
	return all_huge(area, PAGES) && split_huge(area, PAGES * page_size) &&
	       !madvise(area, PAGES * page_size, MADV_NOHUGEPAGE) ? area : NULL;
}

static off_t word_of(char *page)
{
	return pfn_of(page) / 64 * sizeof(uint64_t);
}

static void run(const struct bench_case *c)
{
	int bitmap = open(IDLE_BITMAP, O_RDWR), round;
	char *area = map_in_a_row();
	off_t word[PAGES / 64];
	uint64_t all = UINT64_MAX, took;
	size_t i;

	if (bitmap < 0 || !area)
		return skip(c, "no page_idle, or no huge pages to split");
	drain_lru();
	for (i = 0; i < ARRAY_SIZE(word); i++)
		word[i] = word_of(area + i * 64 * page_size);
	for (round = 0; round < rounds; round++) {
		took = start();
		for (i = 0; i < ARRAY_SIZE(word); i++) {
			if (pwrite(bitmap, &all, sizeof(all), word[i]) != sizeof(all) ||
			    pread(bitmap, &all, sizeof(all), word[i]) != sizeof(all))
				die("page_idle");
			all = UINT64_MAX;
		}
		record(c, 1, round, stop(took), PAGES);
	}
}

const struct bench_case base_idle_case = { "base.page_idle", "page", run };
