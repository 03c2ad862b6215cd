// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that maps, touches and unmaps 16 pages beside movers of 4096 pages an
 * ioctl: how long is it kept waiting for the mmap_lock? Each time is a round; the
 * parameter is how many movers there are.
 */
#include "bench.h"

#define TIMES		200
#define PAGES		16

static void map_and_unmap(void)
{
	char *p = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	fill(p, PAGES);
	if (munmap(p, PAGES * page_size))
		die("munmap");
}

static void run(const struct bench_case *c)
{
	static const int movers[] = { 0, 1, 2, 4 };
	struct counts counts;
	struct crew *crew;
	uint64_t took;
	size_t i;
	int time;

	for (i = 0; i < ARRAY_SIZE(movers); i++) {
		const struct crew_plan plan = {
			.movers = movers[i], .pages = 4096, .batch = 4096,
		};

		if (!wanted(c, movers[i]))
			continue;
		crew = make_crew(&plan);
		start_crew(crew);
		begin_counts(&counts);
		for (time = 0; time < TIMES; time++) {
			took = start();
			map_and_unmap();
			record(c, movers[i], time, stop(took), 1);
		}
		record_counts(c, &counts, movers[i], 0, TIMES);
		stop_crew(crew);
		free_crew(crew);
	}
}

const struct bench_case churn_case = { "churn", "call", run };
