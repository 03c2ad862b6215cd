// SPDX-License-Identifier: GPL-2.0
/* Fork, exit and wait, of a process with so many pages. */
#include "bench.h"

#include <sys/wait.h>
#include <unistd.h>

static void run(const struct bench_case *c)
{
	size_t pages = 4096;
	char *area = map_area(pages, MADV_NOHUGEPAGE);
	uint64_t took;
	pid_t child;
	int i;

	fill(area, pages);
	for (i = 0; i < rounds; i++) {
		took = start();
		child = fork();
		if (child < 0)
			die("fork");
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
		record(c, pages, i, stop(took), 1);
	}
}

const struct bench_case base_fork_case = { "base.fork", "fork", run };
