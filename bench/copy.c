// SPDX-License-Identifier: GPL-2.0
/* Base pages by UFFDIO_COPY and MADV_DONTNEED of the source, so many a call. */
#include "bench.h"

static void run(const struct bench_case *c)
{
	static const struct trip trip = { .step = step_copy };

	in_batches(c, &trip);
}

const struct bench_case copy_case = { "copy", "page", run };
