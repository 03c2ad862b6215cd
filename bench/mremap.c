// SPDX-License-Identifier: GPL-2.0
/*
 * Base pages by mremap, so many a call. It takes the mapping along, so that the
 * areas are not registered; the source is a gap until the pages come back.
 */
#include "bench.h"

static void step(struct pair *pair, size_t offset, size_t len)
{
	if (mremap(pair->src + offset, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		   pair->dst + offset) == MAP_FAILED)
		die("mremap");
}

static bool unmap_dst(struct pair *pair)
{
	return !munmap(pair->dst, pair->pages * page_size);
}

static void run(const struct bench_case *c)
{
	static const struct trip trip = { .step = step, .prepare = unmap_dst, .unregistered = true };

	in_batches(c, &trip);
}

const struct bench_case mremap_case = { "mremap", "page", run };
