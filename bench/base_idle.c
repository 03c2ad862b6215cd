// SPDX-License-Identifier: GPL-2.0
/*
 * page_idle: mark the frames of 4096 pages idle, and ask whether they still are.
 * The kernel knows 64 frames in a word, those of others among them.
 */
#include "bench.h"

#include <fcntl.h>
#include <unistd.h>

#define PAGES		4096

/* Where in the bitmap the frames are, each word once if they are in order. */
static size_t find_words(char *area, off_t *word)
{
	size_t i, nr = 0;

	for (i = 0; i < PAGES; i++) {
		off_t at = pfn_of(area + i * page_size) / 64 * sizeof(uint64_t);

		if (!nr || word[nr - 1] != at)
			word[nr++] = at;
	}
	return nr;
}

static void run(const struct bench_case *c)
{
	char *area = map_area(PAGES, MADV_NOHUGEPAGE);
	int bitmap = open(IDLE_BITMAP, O_RDWR), round;
	static off_t word[PAGES];
	uint64_t all = UINT64_MAX, took;
	size_t i, nr;

	fill(area, PAGES);
	drain_lru();
	nr = find_words(area, word);
	if (bitmap < 0 || !word[0])
		return skip(c, "no page_idle");
	for (round = 0; round < rounds; round++) {
		took = start();
		for (i = 0; i < nr; i++) {
			/* The last word of memory may be in part beyond it, and give 0. */
			if (pwrite(bitmap, &all, sizeof(all), word[i]) < 0 ||
			    pread(bitmap, &all, sizeof(all), word[i]) < 0)
				die("page_idle");
			all = UINT64_MAX;
		}
		record(c, 1, round, stop(took), PAGES);
	}
}

const struct bench_case base_idle_case = { "base.page_idle", "page", run };
