// SPDX-License-Identifier: GPL-2.0
/* Base pages by UFFDIO_MOVE, so many an ioctl. */
#include "bench.h"

static void run(const struct bench_case *c)
{
	static const struct trip trip = { .step = step_move };

	in_batches(c, &trip);
}

const struct bench_case move_case = { "move", "page", run };
