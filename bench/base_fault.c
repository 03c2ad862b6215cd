// SPDX-License-Identifier: GPL-2.0
/* Write faults: on nothing, and on what is or was shared with a child. */
#include "bench.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES		4096

static void discard(char *area)
{
	if (madvise(area, PAGES * page_size, MADV_DONTNEED))
		die("MADV_DONTNEED");
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static pid_t share(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child) {
		pause();
		_exit(0);
	}
	return child;
}

/* One store for each step of the area */
static void measure(const struct bench_case *c, char *area, size_t step, int round)
{
	size_t offset, len = PAGES * page_size;
	uint64_t took = start();

	for (offset = 0; offset < len; offset += step)
		*(volatile char *)(area + offset) = 1;
	record(c, 1, round, stop(took), len / step);
}

static void missing(const struct bench_case *c, int advice, size_t step)
{
	char *area = map_area(PAGES, advice);
	int i;

	for (i = 0; i < rounds; i++) {
		measure(c, area, step, i);
		discard(area);
	}
}

static void missing_pages(const struct bench_case *c)
{
	missing(c, MADV_NOHUGEPAGE, page_size);
}

static void missing_huge(const struct bench_case *c)
{
	missing(c, MADV_HUGEPAGE, pmd_size);
}

/* A child that has gone leaves pages to be reused, one that stays has them copied. */
static void write_protected(const struct bench_case *c, int advice, size_t step, bool child_stays)
{
	char *area = map_area(PAGES, advice);
	pid_t child;
	int i;

	for (i = 0; i < rounds; i++) {
		fill(area, PAGES);
		child = share();
		if (!child_stays)
			end_child(child);
		measure(c, area, step, i);
		if (child_stays)
			end_child(child);
		discard(area);
	}
}

static void copied(const struct bench_case *c)
{
	write_protected(c, MADV_NOHUGEPAGE, page_size, true);
}

static void reused(const struct bench_case *c)
{
	write_protected(c, MADV_NOHUGEPAGE, page_size, false);
}

static void reused_huge(const struct bench_case *c)
{
	write_protected(c, MADV_HUGEPAGE, pmd_size, false);
}

const struct bench_case base_fault_case = { "base.fault", "page", missing_pages };
const struct bench_case base_fault_huge_case = { "base.fault_huge", "thp", missing_huge };
const struct bench_case base_cow_copied_case = { "base.cow_copied", "page", copied };
const struct bench_case base_cow_reused_case = { "base.cow_reused", "page", reused };
const struct bench_case base_cow_huge_case = { "base.cow_reused_huge", "thp", reused_huge };
