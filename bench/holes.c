// SPDX-License-Identifier: GPL-2.0
/* A source that has nothing: with empty page tables, and with none. */
#include "bench.h"

static bool discard(struct pair *pair)
{
	return !madvise(pair->src, pair->pages * page_size, MADV_DONTNEED);
}

/* Another mapping in its place has the page tables freed. */
static bool replace(struct pair *pair)
{
	return mmap(pair->src, pair->pages * page_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == pair->src;
}

static void with_tables(const struct bench_case *c)
{
	static const struct trip trip = { .step = step_move_holes, .prepare = discard };

	in_batches(c, &trip);
}

static void without_tables(const struct bench_case *c)
{
	static const struct trip trip = { .step = step_move_holes, .prepare = replace };

	in_batches(c, &trip);
}

const struct bench_case holes_case = { "holes.empty_tables", "page", with_tables };
const struct bench_case holes_no_tables_case = { "holes.no_tables", "page", without_tables };
