// SPDX-License-Identifier: GPL-2.0
/*
 * Several movers, all in one VMA or each in its own: pages of all of them
 * together, 16 an ioctl. The parameter is how many they are.
 */
#include "bench.h"

#define PAGES		1024
#define BATCH		16
#define PASSES		4

static void measure(const struct bench_case *c, int movers, int round, bool one_vma)
{
	const struct crew_plan plan = {
		.movers = movers, .pages = PAGES, .batch = BATCH, .passes = PASSES,
		.one_vma = one_vma,
	};
	size_t count = (size_t)movers * PAGES * PASSES;
	struct crew *crew = make_crew(&plan);
	struct counts counts;
	uint64_t took;

	begin_counts(&counts);
	start_crew(crew);
	took = wait_for_crew(crew);
	record(c, movers, round, took, count);
	record_counts(c, &counts, movers, round, count);
	free_crew(crew);
}

static void scale(const struct bench_case *c, bool one_vma)
{
	static const int movers[] = { 1, 2, 4, 8 };
	size_t i;
	int round;

	for (i = 0; i < ARRAY_SIZE(movers); i++) {
		for (round = 0; wanted(c, movers[i]) && round < rounds; round++)
			measure(c, movers[i], round, one_vma);
	}
}

static void in_one_vma(const struct bench_case *c)
{
	scale(c, true);
}

static void in_many_vmas(const struct bench_case *c)
{
	scale(c, false);
}

const struct bench_case scale_one_case = { "scale.one_vma", "page", in_one_vma };
const struct bench_case scale_many_case = { "scale.many_vmas", "page", in_many_vmas };
