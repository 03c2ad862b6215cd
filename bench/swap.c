// SPDX-License-Identifier: GPL-2.0
/* Swap entries by UFFDIO_MOVE. */
#include "bench.h"

static bool swap_out(struct pair *pair)
{
	return have_swap() && page_out(pair->src, pair->pages);
}

static void run(const struct bench_case *c)
{
	static const struct trip trip = { .step = step_move, .prepare = swap_out };

	in_batches(c, &trip);
}

const struct bench_case swap_case = { "swap", "page", run };
