// SPDX-License-Identifier: GPL-2.0
/* UFFDIO_COPY alone, so many pages an ioctl. */
#include "bench.h"

static void copy_only(struct pair *pair, size_t offset, size_t len)
{
	copy_range(pair->uffd, pair->dst + offset, pair->src + offset, len,
		   UFFDIO_COPY_MODE_DONTWAKE);
}

/* What was the source is the next destination. */
static void discard(struct pair *pair)
{
	if (madvise(pair->dst, pair->pages * page_size, MADV_DONTNEED))
		die("MADV_DONTNEED");
}

static void run(const struct bench_case *c)
{
	static const struct trip trip = { .step = copy_only, .after = discard };

	in_batches(c, &trip);
}

const struct bench_case base_copy_case = { "base.copy", "page", run };
